/*
 * The subcommands, each in the file of its name, and what they share.
 */
#ifndef SERVER_SMTPCTL_H
#define SERVER_SMTPCTL_H

/* Something cannot be asked, read or written, or the call makes no sense. */
enum { smtpctl_exit_error = 2 };

/*
 * argv[0] is the subcommand.  An exit status: 0; or 1, where the answer is no:
 * nothing came, it would not be delivered, the log is not what was written,
 * the password is not the one, nobody answers.  -1: the arguments make no
 * sense, which the caller says.  What cannot be done ends the process with
 * smtpctl_exit_error.
 */
int	smtpctl_await(int argc, char *argv[]);
int	smtpctl_dryrun(int argc, char *argv[]);		/* explain --from A */
int	smtpctl_explain_id(int argc, char *argv[]);	/* explain ID */
int	smtpctl_log(int argc, char *argv[]);
int	smtpctl_passwd(int argc, char *argv[]);
int	smtpctl_stats(int argc, char *argv[]);	/* in smtpctl_status.c */
int	smtpctl_status(int argc, char *argv[]);
int	smtpctl_top(int argc, char *argv[]);	/* in smtpctl_status.c */

#endif
