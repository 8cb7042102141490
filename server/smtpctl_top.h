/*
 * smtpctl top: the state of the master, again and again.
 */
#ifndef SERVER_SMTPCTL_TOP_H
#define SERVER_SMTPCTL_TOP_H

#define SMTPCTL_TOP_USAGE						\
	"top [-n count] [-f file] [-i seconds] [-s socket]"

/*
 * argv[0] is "top".  0; 1 when no smtpd answers, at first or, with -n, later;
 * 2 when there is no terminal; -1 when the arguments make no sense.
 */
int	smtpctl_top(int argc, char *argv[]);

#endif
