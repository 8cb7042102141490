/*
 * The subcommands, each in the file of its name, and what they share.
 */
#ifndef SERVER_SMTPCTL_H
#define SERVER_SMTPCTL_H

#include <glob.h>
#include <limits.h>

#include "server/conf/conf.h"
#include "shared/ipc_msg.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif

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
int	smtpctl_status(int argc, char *argv[]);		/* stats and top, too */

/*
 * Finds the files that pattern of glob(3) matches in directory dir.  The error
 * of a directory that cannot be read; or 0.  The caller calls globfree(3).
 */
int	smtpctl_glob(const char *dir, const char *pattern, glob_t *out);
/*
 * The configuration at path (NULL: the default path), read at the first call
 * and kept.  Mistakes in it are ignored: they may be the reason for running
 * smtpctl.  NULL, with *why for a person, when it cannot be read.
 */
const struct conf *smtpctl_conf(const char *path, const char **why);
/*
 * dir, or where it is NULL, the root that the configuration at path names.
 * Ends the process with smtpctl_exit_error where there is neither.
 */
const char *smtpctl_conf_root(const char *dir, const char *path);
/* Is file the configuration itself, or a table of aliases that it names? */
bool	smtpctl_conf_names(const char *path, const char *file);

/* Valid when all but the options -f and -s is zero. */
struct smtpctl_control {
	const char	*conf;		/* path; NULL: the default */
	const char	*socket;	/* path; NULL: of the configuration */
	int		status;		/* exit status for smtpctl */
	char		path[PATH_MAX];
};

/*
 * Asks on a new connection.  Returns the answer, to be freed, whose octets are
 * not to be trusted; or NULL, after a warning that says what is wrong and what
 * to do about it.
 */
char	*smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_ask *question);

#endif
