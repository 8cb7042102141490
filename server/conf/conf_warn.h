/*
 * What a configuration may say, but most likely should not.
 */
#ifndef SERVER_CONF_WARN_H
#define SERVER_CONF_WARN_H

#include "server/conf/conf.h"

/*
 * Each calls tell for a line that most likely should not be so.  Here, a
 * hostname without a dot; line 0 where it is this host's own.
 */
void	conf_warn_hostname(const struct conf *conf,
	    void (*tell)(const char *path, unsigned line, const char *text));
/* Submission to which nobody can log in.  Before passwords are forgotten. */
void	conf_warn_logins(const struct conf *conf,
	    void (*tell)(const char *path, unsigned line, const char *text));
/* Aliases, catch-alls and passwords that are broken: 20, and the number. */
void	conf_warn_broken(const struct conf *conf,
	    void (*tell)(const char *path, unsigned line, const char *text));
/*
 * What it costs that mail and spool/incoming below root are on two file
 * systems, for people; NULL where they are not.
 */
const char *conf_warn_apart(const char *root);
/* Maildirs on another file system than the spool: no link, but a copy. */
void	conf_warn_disks(const struct conf *conf,
	    void (*tell)(const char *path, unsigned line, const char *text));

#endif
