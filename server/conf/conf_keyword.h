/*
 * The one table of the configuration: every keyword is a row with its block,
 * its form, its type, its default and its bounds.  Parsing, defaults, "smtpd
 * -n" and the comparison with smtpd.conf(5) and smtpd.conf.example walk it.
 */
#ifndef SERVER_CONF_KEYWORD_H
#define SERVER_CONF_KEYWORD_H

#include "server/conf/conf.h"
#include "server/conf/conf_text.h"

enum conf_block {
	CONF_TOP,
	CONF_DOMAIN,
	CONF_LIMITS
};

enum {
	conf_path_max_bytes = 1023,
	conf_socket_max_bytes = 103,	/* of sun_path on the BSDs */
	conf_proxies_max = 64
};

struct conf_keyword {
	const char	*name;
	const char	*form;		/* as a person writes it */
	enum conf_block	 block;
	const struct conf_type *type;
	size_t		 offset;	/* of its value in the struct */
	const char	*fallback;	/* as it would be written; NULL: none;
					   behind "#": only shown */
	const char	*least, *most;	/* of a number, size or time */
	const char	*meaning;
};

/* A line that sets a keyword of conf or, in a domain block, of domain. */
struct conf_setting {
	const struct conf_keyword	*k;
	struct conf			*conf;
	struct conf_domain		*domain;
	struct conf_report		*report; /* its place is the line */
	const struct conf_cut		*cut;	/* of that line */
	/* What is wrong when read fails: a noun for the word, its number. */
	const char			*noun;
	const char			*want;	/* NULL: reported already */
	size_t				 at;
};

struct conf_type {
	/*
	 * Reads word number 1, and those behind it, into slot.  False: bad,
	 * by noun, want and at of s, which begin as below and as 1.
	 */
	bool	(*read)(struct conf_setting *s, struct span word, void *slot);
	const char	*noun;
	const char	*want;
	const struct conf_unit *units;	/* of a number */
	enum conf_block	 opens;		/* this block; CONF_TOP: none */
	bool		 many;		/* may be given more than once */
	bool		 options;	/* words may follow its form */
};

extern const struct conf_keyword conf_keywords[];
extern const size_t conf_keyword_count;

/* The keyword of that name in block (or, not inside, in another); or NULL. */
const struct conf_keyword *conf_keyword_find(enum conf_block block,
	    bool inside, struct span name);
/* The keyword of block that name was meant to be, or NULL. */
const struct conf_keyword *conf_keyword_near(enum conf_block block,
	    struct span name);
/* Notes that k was given, or (line 0) its default.  False without memory. */
bool	conf_keyword_note(struct conf_sets *sets,
	    const struct conf_keyword *k, struct span text, unsigned line);
/*
 * Notes the keyword, checks the line against its form, and reads its value
 * unless it opens a block.  False: reported.
 */
bool	conf_keyword_set(struct conf_setting *s);
/*
 * Reads the tables of every domain; text is the configuration itself.  A line
 * whose name cannot be read is reported.  Behind a good name, a bad target or
 * hash only breaks that alias or login.  0, or -1 and errno.
 */
int	conf_table_load(struct conf *conf, const struct conf_text *text,
	    struct conf_report *report);
/* Sets what follows from other values.  False without memory. */
bool	conf_keyword_settle(struct conf *conf);

#endif
