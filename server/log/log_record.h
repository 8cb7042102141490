/* Lines of the message log and of a kept session, as forms of json.h.  Pure. */
#ifndef SERVER_LOG_RECORD_H
#define SERVER_LOG_RECORD_H

#include "server/log/json.h"

enum {
	log_hash_bytes = 32,		/* BLAKE2b */
	log_line_bytes = 32 * 1024	/* of a line at most, LF included */
};

enum log_event {
	LOG_EVENT_STORE,	/* every recipient has a Maildir */
	LOG_EVENT_QUEUE,	/* some, or all, are remote */
	LOG_EVENT_OPEN,		/* the first line of a file after another */
	LOG_EVENT_TRY,		/* a host failed, or recipients are deferred:
				   one line for all that share the outcome */
	LOG_EVENT_DONE,		/* a host took it for these recipients */
	LOG_EVENT_FAILED,	/* given up for these recipients */
	LOG_EVENT_NOTICE,	/* a report was stored, or queued */
	LOG_EVENT_HELD,
	LOG_EVENT_RELEASED,
	LOG_EVENT_REMOVED,	/* from the queue, without a report */
	LOG_EVENT_COUNT
};

struct log_record {
	struct span	 time;		/* "2026-11-24T00:16:26Z" */
	uint64_t	 n;		/* of the line, from 1 */
	enum log_event	 event;
	struct span	 id;		/* of the message; not of OPEN */
	/* of STORE and QUEUE */
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
	/* Of TRY, DONE and FAILED, too: recipients that share the outcome. */
	struct span	 to;		/* "\"alice@example.org\",..." */
	uint64_t	 recipients;	/* all; rcpt has the first ones */
	struct span	 rcpt;		/* "{...},{...}" */
	uint64_t	 remote;	/* of QUEUE: recipients that leave */
	/* of TRY, DONE and FAILED */
	uint64_t	 count;		/* of recipients; to has the first */
	struct span	 host;		/* remote MTA; "": none was reached */
	struct span	 ip;
	uint64_t	 tcp_port;
	struct span	 tls;		/* "TLSv1.3 SUITE"; "": none */
	struct span	 stage;		/* RELAY_STAGES: "RCPT" */
	struct span	 end;		/* RELAY_ENDS: "reply" */
	uint64_t	 code;		/* of the reply; 0: none */
	struct span	 status;	/* RFC 3463: "5.1.1"; "": none */
	struct span	 text;		/* of the reply, LF between lines */
	uint64_t	 delay_s;	/* since queued; of NOTICE, too */
	struct span	 next;		/* of TRY: a time; "": at once */
	/* of NOTICE */
	struct span	 kind;		/* REPORT_KINDS: "failed" */
	struct span	 report;	/* id of the report */
	/* of HELD, RELEASED and REMOVED */
	struct span	 by;		/* "root by smtpctl", "smtpd" */
	struct span	 why;		/* "": no reason is given */
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

/* The elements of to (a struct span), rcpt, and steps. */
extern const struct json_field log_record_to[], log_record_rcpt[],
    log_record_step[];

/* Reads line, without its LF; false: not exactly as smtpd writes it. */
bool	log_record_read(struct span line, struct log_record *out);
/* "2026-11-24T00:16:26Z"; 64 hexadecimal digits, in small letters. */
bool	log_record_is_time(struct span s);
bool	log_record_is_hash(struct span s);
/* Adds the part of the line between its n and previous. */
void	log_record_write_body(const struct log_record *r, struct buf *out);
/* Adds the line with its LF: r's time, n and previous around that body. */
void	log_record_write(const struct log_record *r, struct span body,
	    struct buf *out);

/* The first line of a kept session; the second has the refused recipients. */
struct log_refused {
	struct span	session;
	struct span	client;
	uint64_t	port;
	struct span	began;		/* "2026-11-24T00:16:26Z" */
	uint64_t	ms;		/* the session lasted */
	struct span	why;		/* the session ended: "quit" */
	uint64_t	commands;
	uint64_t	errors;
	uint64_t	stored;		/* messages */
};

struct log_refused_rcpts {
	uint64_t	count;		/* all; list has the first ones */
	struct span	list;		/* as rcpt of a log_record */
};

/* A line of the transcript, which follows. */
struct log_said {
	uint64_t	ms;		/* since the session began */
	struct span	who;		/* "client", "server", "remark" */
	struct span	text;		/* controls escaped: "\\x07" */
};

/* Each is a line without its LF. */
extern const struct json_field log_refused_head[], log_refused_rcpts[],
    log_refused_said[];

#endif
