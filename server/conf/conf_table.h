/*
 * The tables a domain names: its users and its aliases.  A line whose name
 * cannot be read is a mistake of the configuration.  Behind a good name, a
 * bad target or hash only breaks that alias or login, which is noted as broken.
 */
#ifndef SERVER_CONF_TABLE_H
#define SERVER_CONF_TABLE_H

#include "server/conf/conf.h"
#include "server/conf/conf_text.h"

/*
 * Reads the tables of every domain of conf into it; text is the configuration
 * itself.  Mistakes go to report.  0, or -1 and errno.
 */
int	conf_table_load(struct conf *conf, const struct conf_text *text,
	    struct conf_report *report);
/*
 * Reads the password hashes of conf's users again, after they were wiped;
 * ignores users that are new in a file, or no longer in it.  0; or -1, errno,
 * and *path is the users file that cannot be read.
 */
int	conf_passwords_load(struct conf *conf, const char **path);
/*
 * Notes in *broken why an alias or a catch-all is broken, unless *broken is set
 * already.  0, or -1 and errno.
 */
int	conf_table_break(char **broken, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
