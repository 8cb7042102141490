/*
 * smtpctl status: the state of the master, once.
 */
#ifndef SERVER_SMTPCTL_STATUS_H
#define SERVER_SMTPCTL_STATUS_H

#define SMTPCTL_STATUS_USAGE						\
	"status [-jv] [-f file] [-s socket]"

/*
 * argv[0] is "status".  0; 1 when no smtpd answers, which is said on standard
 * error; -1 when the arguments make no sense.
 */
int	smtpctl_status(int argc, char *argv[]);

#endif
