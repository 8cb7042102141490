/*
 * smtpctl status, stats and top: questions to the running server, whose
 * answers are printed.
 */
#ifndef SERVER_SMTPCTL_STATUS_H
#define SERVER_SMTPCTL_STATUS_H

#define SMTPCTL_STATUS_USAGE						\
	"status [-j | --json] [-v] [-f file] [-s socket]"
#define SMTPCTL_STATS_USAGE						\
	"stats [-j | --json | -o | --openmetrics] [-f file] [-s socket]"
#define SMTPCTL_TOP_USAGE						\
	"top [-v] [-f file] [-i seconds] [-n count] [-s socket]"

/*
 * argv[0] is the subcommand.  0; 1 when nobody answers, or the answer speaks
 * of trouble; -1 when the arguments make no sense.
 */
int	smtpctl_status(int argc, char *argv[]);
int	smtpctl_stats(int argc, char *argv[]);
int	smtpctl_top(int argc, char *argv[]);

#endif
