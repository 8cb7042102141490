/*
 * smtpctl log: is the message log what was written, and checkpoints of it.
 */
#ifndef SERVER_SMTPCTL_LOG_H
#define SERVER_SMTPCTL_LOG_H

#define SMTPCTL_LOG_USAGE \
	"log verify [-q] [-d root | -f file] [-c checkpoints] [-p key] " \
	"[log ...]\n"							\
	"       smtpctl log checkpoint [-d root | -f file] [-k key] "	\
	"[-a file]\n"							\
	"       smtpctl log sign -k key\n" \
	"       smtpctl log keygen file"

/* argv[0] is "log".  An exit status, or -1: the arguments make no sense. */
int	smtpctl_log(int argc, char *argv[]);

#endif
