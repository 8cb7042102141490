/* The one table of the configuration, of keywords; conf_type.c has it. */
#ifndef SERVER_CONF_KEYWORD_H
#define SERVER_CONF_KEYWORD_H

#include "server/conf/conf.h"
#include "server/conf/conf_parse.h"

enum conf_block {
	CONF_TOP,
	CONF_DOMAIN,
	CONF_LIMITS,
	CONF_RELAY
};

enum {
	conf_path_max_bytes = 1023,
	conf_socket_max_bytes = 103,	/* of sun_path on the BSDs */
	conf_proxies_max = 64,
	conf_from_max = 256,		/* ranges that may send mail out */
	conf_routes_max = 1000
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
};

struct conf_type {
	/* Reads word 1, or all, into slot.  False: reported, or want. */
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
/* Notes the keyword, and reads its value by its form.  False: reported. */
bool	conf_keyword_set(struct conf_setting *s);
/*
 * Reads the tables of every domain; text is the configuration itself.  A bad
 * name is reported; behind a good one, a bad target or hash only breaks that
 * entry.  0, or -1 and errno.
 */
int	conf_table_load(struct conf *conf, const struct conf_text *text,
	    struct conf_report *report);
/* Sets what follows from other values.  False without memory. */
bool	conf_keyword_settle(struct conf *conf);

/* Reports that word number at, a noun, is not what is wanted there.  False. */
bool	conf_bad(struct conf_setting *s, size_t at, const char *noun,
	    const char *want);
/* Reports that word number 1, what, was given in line already.  False. */
bool	conf_twin(struct conf_setting *s, const char *what, unsigned line);
/* Adds to a list of the configuration, as array_add does. */
bool	conf_add(struct conf_setting *s, void *list, size_t *count,
	    const void *element, size_t size);
/* Replaces *out by a copy of word.  False without memory. */
bool	conf_set_string(struct conf_setting *s, struct span word, char **out);
/* Reads word 1, "ADDRESS[/BITS]", into *list; wide: why not half the world. */
bool	conf_range_read(struct conf_setting *s, struct conf_range **list,
	    size_t *count, size_t max, const char *what, const char *wide);

/* In conf_way.c: values of the relay block, and of "resolver". */
bool	conf_relay_from(struct conf_setting *s, struct span word, void *slot);
bool	conf_relay_host(struct conf_setting *s, struct span word, void *slot);
bool	conf_relay_for(struct conf_setting *s, struct span word, void *slot);
bool	conf_relay_source(struct conf_setting *s, struct span word,
	    void *slot);
bool	conf_relay_resolver(struct conf_setting *s, struct span word,
	    void *slot);

#endif
