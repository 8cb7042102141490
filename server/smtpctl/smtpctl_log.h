/*
 * smtpctl log: is the message log what was written.
 */
#ifndef SERVER_SMTPCTL_LOG_H
#define SERVER_SMTPCTL_LOG_H

#define SMTPCTL_LOG_USAGE \
	"log verify [-q] [-d root | -f file] [-c checkpoints] [log ...]"

/*
 * argv[0] is "log".  An exit status, 1 where the log is not what was written;
 * or -1: the arguments make no sense.  Ends the process with
 * smtpctl_exit_error when something cannot be read.
 */
int	smtpctl_log(int argc, char *argv[]);

#endif
