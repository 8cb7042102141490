/*
 * smtpctl stats: what the master has counted since its start.
 */
#ifndef SERVER_SMTPCTL_STATS_H
#define SERVER_SMTPCTL_STATS_H

#define SMTPCTL_STATS_USAGE						\
	"stats [-j | -o] [-f file] [-s socket]"

/*
 * argv[0] is "stats".  0; 1 when no smtpd answers, which is said on standard
 * error; -1 when the arguments make no sense.
 */
int	smtpctl_stats(int argc, char *argv[]);

#endif
