/*
 * One line of the message log: written by the master, read by smtpctl and,
 * at its start, the master.  All texts are escaped, as between quotes:
 * json_add_text makes them, json_add_decoded decodes them.  Pure.
 */
#ifndef SERVER_LOG_RECORD_H
#define SERVER_LOG_RECORD_H

#include "server/log/json.h"

enum {
	log_hash_bytes = 32,		/* BLAKE2b */
	log_line_bytes = 32 * 1024	/* of a line at most, LF included */
};

enum log_event {
	LOG_EVENT_STORE,	/* a message was stored */
	LOG_EVENT_OPEN		/* the first line of a file after another */
};

struct log_record {
	struct span	 time;		/* "2026-11-24T00:16:26Z" */
	uint64_t	 n;		/* of the line, from 1 */
	enum log_event	 event;
	/* of STORE */
	struct span	 id;
	struct span	 session;
	struct span	 client;
	uint64_t	 port;
	struct span	 helo;
	struct span	 protocol;	/* RFC 3848: "ESMTP" */
	struct span	 user;		/* logged in; "": nobody */
	struct span	 from;		/* "": the null sender */
	uint64_t	 size;		/* octets */
	struct span	 file;		/* its name in every Maildir */
	uint64_t	 mailboxes;	/* all; to has the first ones */
	struct span	 to;		/* "\"alice@example.org\",..." */
	uint64_t	 recipients;	/* all; rcpt has the first ones */
	struct span	 rcpt;		/* "{...},{...}" */
	/* of OPEN */
	struct span	 after;		/* previous file; "": unknown */
	struct span	 previous;	/* hash of previous line, in hex */
};

/* A recipient as the client named it, and what became of it. */
struct log_rcpt {
	struct span	 to;
	struct span	 verdict;	/* "ok", or why not */
	struct span	 steps;		/* "[...],[...]" */
	uint64_t	 more;		/* steps left out */
};

/* A step to the verdict: a line of a file or, path "", a built-in rule. */
struct log_step {
	struct span	 kind;		/* "domain", "alias", ... */
	struct span	 path;
	uint64_t	 line;
	struct span	 name;		/* which domain, which alias, ... */
};

/* Reads line, without its LF; false: not exactly as smtpd writes it. */
bool	log_record_read(struct span line, struct log_record *out);
/* "2026-11-24T00:16:26Z"; 64 hexadecimal digits, in small letters. */
bool	log_record_is_time(struct span s);
bool	log_record_is_hash(struct span s);
/*
 * Adds the part of the line between its n and previous; texts of r must be
 * escaped.
 */
void	log_record_write_body(const struct log_record *r, struct buf *out);
/* Adds the line with its LF: r's time, n and previous around that body. */
void	log_record_write(const struct log_record *r, struct span body,
	    struct buf *out);
/* Takes the next of r->to, r->rcpt, rcpt->steps; false: there is none. */
bool	log_record_next_to(struct span *rest, struct span *out);
bool	log_record_next_rcpt(struct span *rest, struct log_rcpt *out);
bool	log_record_next_step(struct span *rest, struct log_step *out);
/* Forms the list of rcpt, as json.h forms a text. */
void	log_record_form_rcpts(struct json *j, struct span *list);
/* Add an element to such a list, with a comma unless it is the first. */
void	log_record_add_to(struct buf *list, struct span to);
void	log_record_add_rcpt(struct buf *list, const struct log_rcpt *rcpt);
void	log_record_add_step(struct buf *list, const struct log_step *step);

#endif
