/*
 * Warnings about a valid configuration that most likely is not as intended.
 */
#ifndef SERVER_CONF_WARN_H
#define SERVER_CONF_WARN_H

#include "server/conf/conf.h"

/* Line 0: the whole file, or something that no line sets. */
typedef void conf_warn_fn(const char *path, unsigned line, const char *text);

/*
 * Calls tell for a hostname without a dot, submission where no user can log in,
 * conf_warn_broken, and Maildirs on another file system than the spool.  To be
 * called before conf_forget_passwords.
 */
void	conf_warn(const struct conf *conf, conf_warn_fn *tell);
/* Tells the first 20 broken aliases, catch-alls, hashes; counts the rest. */
void	conf_warn_broken(const struct conf *conf, conf_warn_fn *tell);
/*
 * What it costs, for people, that mail and spool/incoming below root are on two
 * file systems; NULL where they are on one.
 */
const char *conf_warn_apart(const char *root);

#endif
