/*
 * The tables a domain names: its users and its aliases.  conf_table reads
 * them, conf_check judges them together with the whole configuration.
 */
#ifndef SERVER_CONF_TABLE_H
#define SERVER_CONF_TABLE_H

#include "server/conf.h"
#include "server/conf_text.h"

/* What is known of a domain's tables beside what conf keeps. */
struct conf_tables {
	struct conf_text	aliases;	/* for mistakes found later */
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
 * Reports targets of aliases and catch-alls that reach nobody, loops and
 * chains that are too long.  domains_whole: every domain is known, so that
 * an address elsewhere is one.  0, or -1 and errno.
 */
int	conf_check(const struct conf *conf, const struct conf_text *text,
	    const struct conf_tables *tables, bool domains_whole,
	    struct conf_report *report);

#endif
