/*
 * The one table of the configuration: every keyword, where it stands, what it
 * takes, its default and its bounds.  Parsing, defaults and "smtpd -n" are
 * driven by it; smtpd.conf(5) and smtpd.conf.example are compared with it.
 */
#ifndef SERVER_CONF_KEYWORD_H
#define SERVER_CONF_KEYWORD_H

#include "server/conf/conf.h"
#include "server/conf/conf_fault.h"

enum conf_block {
	CONF_TOP,
	CONF_DOMAIN,
	CONF_LIMITS
};

enum conf_kind {
	CONF_KIND_HOST,		/* a host name */
	CONF_KIND_PATH,		/* an absolute path */
	CONF_KIND_ACCOUNT,	/* a user of this system */
	CONF_KIND_SANDBOX,	/* required or optional */
	CONF_KIND_LOG,		/* to somewhere, or in a format */
	CONF_KIND_LISTEN,
	CONF_KIND_PAIR,		/* a certificate and its key */
	CONF_KIND_PROXY,	/* a range of addresses */
	CONF_KIND_DOMAIN,	/* opens a block */
	CONF_KIND_LIMITS,	/* opens a block */
	CONF_KIND_SEPARATOR,	/* one mark */
	CONF_KIND_MAILBOX,	/* a name or an address */
	CONF_KIND_NUMBER,
	CONF_KIND_SIZE,
	CONF_KIND_TIME
};

enum {
	conf_keyword_max = conf_lines_max,	/* rows at most */
	conf_path_max_bytes = 1023,
	conf_socket_max_bytes = 103	/* of sun_path on the BSDs */
};

struct conf_keyword {
	const char	*name;
	const char	*form;		/* as a person writes it */
	enum conf_block	 block;
	enum conf_kind	 kind;
	bool		 many;		/* may be given more than once */
	size_t		 offset;	/* of its value in block's struct */
	size_t		 line_offset;	/* of its line number; 0: not kept */
	const char	*fallback;	/* as it would be written; NULL: none */
	uint64_t	 min, max;	/* of a number, size or time; max of
					   a path, in octets (0: any) */
	const char	*meaning;
};

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
/* Does the line have as many words as k wants, and braces where it does? */
bool	conf_keyword_check_form(const struct conf_keyword *k,
	    const struct conf_cut *cut, struct conf_fault *fault);
/*
 * Reads the value of k, which opens no block, into conf, or into domain for
 * k of a domain block.  False: *fault says why, nothing changed.
 */
bool	conf_keyword_set(const struct conf_keyword *k,
	    const struct conf_cut *cut, unsigned line, struct conf *conf,
	    struct conf_domain *domain, struct conf_fault *fault);
/* Where k keeps its value. */
void	*conf_keyword_slot(const struct conf_keyword *k, struct conf *conf,
	    struct conf_domain *domain);
/* As conf_keyword_slot, to read. */
const void *conf_keyword_value(const struct conf_keyword *k,
	    const struct conf *conf, const struct conf_domain *domain);
/* Writes a number, size or time as it stands in the language. */
void	conf_number_text(enum conf_kind kind, uint64_t value, char out[32]);
/* "belongs outside of any block", "belongs into a domain block", ... */
const char *conf_block_place(enum conf_block block);

#endif
