/*
 * What smtpctl looks up in smtpd.conf; nothing of it is judged, for what is
 * wrong with it may be why somebody asks.
 */
#ifndef SERVER_SMTPCTL_CONF_H
#define SERVER_SMTPCTL_CONF_H

#include <limits.h>
#include <stdbool.h>

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif

struct smtpctl_conf {
	const char	*path;			/* which was read */
	char		 root[PATH_MAX];
	char		 control[PATH_MAX];	/* of the socket */
};

/*
 * Reads "root" and "control" of the configuration path (NULL: the usual one).
 * NULL, or why it cannot be done (static storage, as out->path is).
 */
const char *smtpctl_conf_read(const char *path, struct smtpctl_conf *out);
/*
 * The directory that was named, dir, or else the root of the configuration.
 * Ends the process with smtpctl_exit_error where there is neither.
 */
const char *smtpctl_conf_root(const char *dir, const char *path);
/* Is file the configuration itself, or a table of aliases that it names? */
bool	smtpctl_conf_names(const char *path, const char *file);

#endif
