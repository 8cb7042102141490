/*
 * What a configuration may say, but most likely should not.
 */
#ifndef SERVER_CONF_WARN_H
#define SERVER_CONF_WARN_H

#include "server/conf/conf.h"

/* Line 0: the file as a whole, or what none of its lines says. */
typedef void conf_warn_fn(const char *path, unsigned line, const char *text);

/*
 * Calls tell for a hostname without a dot, submission to which nobody can log
 * in, what is broken, and Maildirs on another file system than the spool.
 * Before passwords are forgotten.
 */
void	conf_warn(const struct conf *conf, conf_warn_fn *tell);
/* Aliases, catch-alls and passwords that are broken: 20, and the number. */
void	conf_warn_broken(const struct conf *conf, conf_warn_fn *tell);
/*
 * What it costs that mail and spool/incoming below root are on two file
 * systems, for people; NULL where they are not.
 */
const char *conf_warn_apart(const char *root);

#endif
