/*
 * What smtpctl looks up in smtpd.conf; nothing of it is judged, for what is
 * wrong with it may be why somebody asks.
 */
#ifndef SERVER_SMTPCTL_CONF_H
#define SERVER_SMTPCTL_CONF_H

#include "server/conf/conf.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif

/*
 * The configuration path (NULL: the usual one), read at the first call and
 * kept.  NULL, and *why in words for a person, when it cannot be read.
 */
const struct conf *smtpctl_conf(const char *path, const char **why);
/*
 * The directory that was named, dir, or else the root of the configuration.
 * Ends the process with smtpctl_exit_error where there is neither.
 */
const char *smtpctl_conf_root(const char *dir, const char *path);
/* Is file the configuration itself, or a table of aliases that it names? */
bool	smtpctl_conf_names(const char *path, const char *file);

#endif
