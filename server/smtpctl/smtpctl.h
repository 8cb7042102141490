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

/* Options without a letter; --count and --json have one. */
enum { OPTION_CLIENT = 1, OPTION_FROM, OPTION_HELO, OPTION_SIZE,
    OPTION_TO, OPTION_USER };

/* The command line behind the subcommand. */
struct smtpctl_line {
	const char	*name;		/* the subcommand */
	const char	*set[128];	/* values of options; "": without */
	const char	**to;		/* values of --to */
	size_t		 to_count;
	char		**words;	/* behind the options, then NULL */
	size_t		 count;
};

/*
 * Each returns an exit status: 0; or 1 when the answer is no: no message came,
 * the message would not be delivered, the log was changed, the password is
 * wrong, no server answers.  -1: the first word is wrong.  Other errors end the
 * process with smtpctl_exit_error, some of passwd with 1.
 */
int	smtpctl_await(const struct smtpctl_line *l);
int	smtpctl_dryrun(const struct smtpctl_line *l);	/* explain --from A */
int	smtpctl_explain_id(const struct smtpctl_line *l);  /* explain ID */
int	smtpctl_log(const struct smtpctl_line *l);
int	smtpctl_passwd(const struct smtpctl_line *l);
int	smtpctl_queue(const struct smtpctl_line *l);
int	smtpctl_status(const struct smtpctl_line *l);	/* stats and top, too */

/*
 * The value of an option: a number, or seconds, with or without a fraction, in
 * ms.  Any other text, or one out of bounds, ends the process.
 */
long long smtpctl_number(const char *option, const char *text, long long least,
	    long long most);
int64_t	smtpctl_ms(const char *option, const char *text, double least,
	    double most);
/* In smtpctl_status.c: prints s, in which nothing acts on a terminal. */
void	smtpctl_print(struct span s);
/*
 * In smtpctl_disk.c: list or show, from the files below root.  Returns how many
 * messages were found.
 */
uint64_t smtpctl_disk_queue(const char *root, const struct ipc_ask *ask);
/*
 * Finds the files that pattern of glob(3) matches in directory dir.  The error
 * of a directory that cannot be read; or 0.  The caller calls globfree(3).
 */
int	smtpctl_glob(const char *dir, const char *pattern, glob_t *out);
/*
 * The configuration at path (NULL: the default path), read at the first call
 * and kept.  Mistakes in it are ignored: they may be the reason for running
 * smtpctl.  When it cannot be read: NULL where unknown is NULL; else ends the
 * process, which cannot tell where unknown; instead is what may be named.
 */
const struct conf *smtpctl_conf(const char *path, const char *unknown,
	    const char *instead);
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
	/* Gets the answer as it comes; NULL: it is returned whole. */
	void		(*show)(struct span piece);
	int		patience_s;	/* for the next record; 0: usual */
	bool		quiet;		/* where no server runs: down is set */
	bool		down;
	int		status;		/* exit status for smtpctl */
	char		path[PATH_MAX];
};

/*
 * Asks on a new connection.  Returns the answer, or nothing but a text where
 * show got it, to be freed, whose octets are not to be trusted; or NULL, after
 * a warning that says what is wrong and what to do about it.
 */
char	*smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_ask *question);

#endif
