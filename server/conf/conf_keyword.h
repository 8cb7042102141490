/*
 * The one table of the configuration: every keyword is a row that says where
 * it stands, what it takes, its default and its bounds; and the types of its
 * values, which read and print them.  Parsing, defaults, "smtpd -n" and the
 * comparison with smtpd.conf(5) and smtpd.conf.example walk the table.
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
	conf_proxies_max = 64,
	conf_word_max_bytes = conf_path_max_bytes + 3,	/* in quotes */
	conf_value_max_bytes = 2 * conf_word_max_bytes + 32
};

struct conf_keyword {
	const char	*name;
	const char	*form;		/* as a person writes it */
	enum conf_block	 block;
	const struct conf_type *type;
	size_t		 offset;	/* of its value in the struct */
	size_t		 line_offset;	/* of its line in a domain's struct */
	const char	*fallback;	/* as it would be written; NULL: none */
	uint64_t	 min, max;	/* of a number, size or time; max of
					   a path, in octets (0: any) */
	const char	*meaning;
};

/* A line that sets a keyword: of conf, or of domain inside its block. */
struct conf_setting {
	const struct conf_keyword	*k;
	const struct conf_cut		*cut;
	unsigned			 line;
	struct conf			*conf;
	struct conf_domain		*domain;
	struct conf_report		*report;
};

/* A line as it is printed: which one, and what stands in it. */
struct conf_line {
	const struct conf_keyword	*k;
	const struct conf		*conf;
	const struct conf_domain	*domain;
	size_t	i;		/* of the values the keyword has */
	char	value[conf_value_max_bytes];
	char	meaning[160];	/* the keyword's, if not set */
	bool	off;		/* printed as a comment */
};

struct conf_type {
	/* Reads a value.  False: reported, and nothing changed. */
	bool	(*read)(const struct conf_setting *s);
	/* Writes value number i; false when there is none. */
	bool	(*write)(struct conf_line *l);
	const struct conf_unit	*units;	/* of a number */
	const char	*want;		/* the form of a number, for people */
	enum conf_block	 opens;		/* a block; CONF_TOP: none */
	bool		 many;		/* may be given more than once */
	bool		 options;	/* takes words behind its form */
};

/* conf_type.c */
extern const struct conf_type conf_type_host, conf_type_path,
    conf_type_table, conf_type_account, conf_type_sandbox, conf_type_log,
    conf_type_separator, conf_type_mailbox, conf_type_number, conf_type_size,
    conf_type_time, conf_type_domain, conf_type_limits;
/* conf_list.c */
extern const struct conf_type conf_type_listen, conf_type_pair,
    conf_type_proxy;

extern const struct conf_keyword conf_keywords[];
extern const size_t conf_keyword_count;

/* The keyword of that name in block, or NULL. */
const struct conf_keyword *conf_keyword_find(enum conf_block block,
	    struct span name);
/* The keyword of that name outside of block, or NULL. */
const struct conf_keyword *conf_keyword_elsewhere(enum conf_block block,
	    struct span name);
/* The keyword of block that name was meant to be, or NULL. */
const struct conf_keyword *conf_keyword_near(enum conf_block block,
	    struct span name);
/* True for the word of something that this version does not have. */
bool	conf_keyword_is_later(struct span name);
/*
 * Does the line have as many words as k wants, and braces where it does?
 * False: reported.
 */
bool	conf_keyword_check_form(const struct conf_keyword *k,
	    const struct conf_cut *cut, struct conf_report *report);
/*
 * Reads the value of a keyword that opens no block.  False: reported, and
 * nothing changed.
 */
bool	conf_keyword_set(const struct conf_setting *s);
/* "belongs outside of any block", "belongs into a domain block", ... */
const char *conf_block_place(enum conf_block block);

/*
 * A copy of a path, which is absolute and has max octets at most (0: any).
 * NULL: it is no such path, or there is no memory, and that is reported.
 */
char	*conf_path_copy(const struct conf_word *word, uint64_t max,
	    struct conf_report *report);
/* Writes word, in quotes where it would not be one word without them. */
void	conf_word_text(const char *word, char out[conf_word_max_bytes]);

#endif
