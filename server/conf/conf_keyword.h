/*
 * The one table of the configuration: every keyword is a row with its block,
 * its form, its default and its bounds; and the types of values, which read
 * and print them.  Parsing, defaults, "smtpd -n" and the comparison with
 * smtpd.conf(5) and smtpd.conf.example walk the table.
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
	size_t		 line_offset;	/* of its line in struct conf_domain */
	const char	*fallback;	/* as it would be written; NULL: none */
	uint64_t	 min, max;	/* of a number, size or time; max of
					   a path, in octets (0: any) */
	const char	*meaning;
};

/* A line that sets a keyword of conf or, in a domain block, of domain. */
struct conf_setting {
	const struct conf_keyword	*k;
	const struct conf_cut		*cut;
	unsigned			 line;
	struct conf			*conf;
	struct conf_domain		*domain;
	struct conf_report		*report;
};

/* A line to print. */
struct conf_line {
	const struct conf_keyword	*k;
	const struct conf		*conf;
	const struct conf_domain	*domain;
	size_t	i;		/* which of the keyword's values */
	char	value[conf_value_max_bytes];
	char	meaning[160];	/* k's; write may replace it */
	bool	off;		/* printed as a comment */
};

struct conf_type {
	/* Reads a value.  False: reported. */
	bool	(*read)(const struct conf_setting *s);
	/* Writes value number i; false when there is none. */
	bool	(*write)(struct conf_line *l);
	const struct conf_unit	*units;	/* of a number */
	const char	*want;		/* the form of a number, for people */
	enum conf_block	 opens;		/* this block; CONF_TOP: none */
	bool		 many;		/* may be given more than once */
	bool		 options;	/* words may follow its form */
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
/* True for a keyword that only a later version has. */
bool	conf_keyword_is_later(struct span name);
/*
 * Checks that the line has as many words as k takes, and braces only where k
 * takes them.  False: reported.
 */
bool	conf_keyword_check_form(const struct conf_keyword *k,
	    const struct conf_cut *cut, struct conf_report *report);
/* Reads the value of a keyword that opens no block.  False: reported. */
bool	conf_keyword_set(const struct conf_setting *s);
/* "belongs outside of any block", "belongs into a domain block", ... */
const char *conf_block_place(enum conf_block block);

/*
 * A copy of word, an absolute path of at most max octets (0: any).  NULL, and
 * reported: it is not such a path, or there is no memory.
 */
char	*conf_path_copy(const struct conf_word *word, uint64_t max,
	    struct conf_report *report);
/* Writes word, in quotes where it would not be one word without them. */
void	conf_word_text(const char *word, char out[conf_word_max_bytes]);

#endif
