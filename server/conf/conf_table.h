/*
 * The tables a domain names: its users and its aliases.  conf_table reads
 * them, conf_check judges them together with the whole configuration.  A name
 * that may be lost is a mistake of the configuration.  What is wrong with an
 * alias or a password whose name is known costs that one, not the server: it
 * is noted as broken.
 */
#ifndef SERVER_CONF_TABLE_H
#define SERVER_CONF_TABLE_H

#include "server/conf/conf.h"
#include "server/conf/conf_text.h"

/* What is known of a domain's tables beside what conf keeps. */
struct conf_tables {
	bool			users_whole;	/* no name was lost */
	bool			aliases_whole;
};

/*
 * Reads the tables of every domain of conf into it; text is the configuration
 * itself and tables has an entry for each domain.  Mistakes go to report.
 * 0, or -1 and errno.
 */
int	conf_table_load(struct conf *conf, const struct conf_text *text,
	    struct conf_tables *tables, struct conf_report *report);
/*
 * Notes why an alias or a catch-all is broken in *broken, unless it is noted
 * already.  0, or -1 and errno.
 */
int	conf_table_break(char **broken, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/*
 * Finds the aliases and catch-alls that reach nobody, go in a loop or begin a
 * chain that is too long.  domains_whole: every domain is known, so that an
 * address elsewhere is one.  0, or -1 and errno.
 */
int	conf_check(struct conf *conf, const struct conf_tables *tables,
	    bool domains_whole);

#endif
