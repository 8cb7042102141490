/*
 * smtpctl explain --from A --to B: what would become of such a message.
 */
#ifndef SERVER_SMTPCTL_DRYRUN_H
#define SERVER_SMTPCTL_DRYRUN_H

#define SMTPCTL_DRYRUN_USAGE						\
	"explain --from address --to address [--to address ...]\n"	\
	"                     [--client ip] [--helo name] "		\
	"[--size octets]\n"						\
	"                     [-j] [-f file] [-s socket]"

/*
 * argv[0] is "explain".  0 when the message would be delivered to all, 1
 * when not; smtpctl_exit_error when the question cannot be answered, which
 * is said on standard error; -1 when the arguments make no sense.
 */
int	smtpctl_dryrun(int argc, char *argv[]);

#endif
