/*
 * What smtpctl looks up in smtpd.conf.  Errors in the file are ignored, for
 * they may be the reason for running smtpctl.
 */
#ifndef SERVER_SMTPCTL_CONF_H
#define SERVER_SMTPCTL_CONF_H

#include "server/conf/conf.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif

/*
 * The configuration at path (NULL: the default path), read at the first call
 * and kept.  NULL, with *why for a person, when it cannot be read.
 */
const struct conf *smtpctl_conf(const char *path, const char **why);
/*
 * dir, or where it is NULL, the root that the configuration at path names.
 * Ends the process with smtpctl_exit_error where there is neither.
 */
const char *smtpctl_conf_root(const char *dir, const char *path);
/* Is file the configuration itself, or a table of aliases that it names? */
bool	smtpctl_conf_names(const char *path, const char *file);

#endif
