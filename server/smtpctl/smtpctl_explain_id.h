/*
 * smtpctl explain ID: who came, what was decided at each step by which line
 * of the configuration, and where the message lies now.
 */
#ifndef SERVER_SMTPCTL_EXPLAIN_ID_H
#define SERVER_SMTPCTL_EXPLAIN_ID_H

#define SMTPCTL_EXPLAIN_ID_USAGE \
	"explain [-d root | -f file] [--json] id"

/* argv[0] is "explain".  An exit status, or -1: a wrong call. */
int	smtpctl_explain_id(int argc, char *argv[]);

#endif
