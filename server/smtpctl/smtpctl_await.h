/*
 * smtpctl await: waits until a message lies in a Maildir.
 */
#ifndef SERVER_SMTPCTL_AWAIT_H
#define SERVER_SMTPCTL_AWAIT_H

enum { smtpctl_exit_error = 2 };	/* of every subcommand */

#define SMTPCTL_AWAIT_USAGE						\
	"await [-an] [--count number] [-d directory | -f file] "	\
	"[-t seconds]\n"						\
	"                     [to=address] [from=address] "		\
	"[subject=text] [body=text]"

/*
 * argv[0] is "await".  Prints the paths of the messages and returns 0; 1 when
 * the time is over; -1 when the arguments make no sense.  Ends the process
 * with smtpctl_exit_error when a directory or a file cannot be read.
 */
int	smtpctl_await(int argc, char *argv[]);

#endif
