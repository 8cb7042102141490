/*
 * The subcommands, each in the file of its name, and what they share.
 */
#ifndef SERVER_SMTPCTL_H
#define SERVER_SMTPCTL_H

#include <glob.h>

/* Something cannot be asked, read or written, or the arguments are wrong. */
enum { smtpctl_exit_error = 2 };

/*
 * argv[0] is the subcommand.  Each returns an exit status: 0; or 1 when the
 * answer is no: no message came, the message would not be delivered, the log
 * was changed, the password is wrong, no server answers.  -1: the arguments
 * are wrong, which the caller reports.  Other errors end the process with
 * smtpctl_exit_error, some of passwd with 1.
 */
int	smtpctl_await(int argc, char *argv[]);
int	smtpctl_dryrun(int argc, char *argv[]);		/* explain --from A */
int	smtpctl_explain_id(int argc, char *argv[]);	/* explain ID */
int	smtpctl_log(int argc, char *argv[]);
int	smtpctl_passwd(int argc, char *argv[]);
int	smtpctl_stats(int argc, char *argv[]);	/* in smtpctl_status.c */
int	smtpctl_status(int argc, char *argv[]);
int	smtpctl_top(int argc, char *argv[]);	/* in smtpctl_status.c */

/*
 * Finds the files that pattern of glob(3) matches in directory dir.  The error
 * of a directory that cannot be read; or 0.  The caller calls globfree(3).
 */
int	smtpctl_glob(const char *dir, const char *pattern, glob_t *out);

#endif
