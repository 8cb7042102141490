/*
 * An attempt from inside: what is known of its recipients, and its end.  For
 * attempt.c alone.
 */
#ifndef SERVER_ATTEMPT_END_H
#define SERVER_ATTEMPT_END_H

#include "server/log/log_record.h"
#include "server/mail/site.h"
#include "server/process/resolver.h"

enum attempt_state {
	ATTEMPT_WAITS,		/* for a verdict, in this attempt or the next */
	ATTEMPT_TAKEN,
	ATTEMPT_DEFERRED,
	ATTEMPT_FAILED,
	ATTEMPT_DELIVERED,	/* to a Maildir: only the report is due */
	ATTEMPT_OURS,		/* its domain is local now */
	ATTEMPT_OVER,		/* failed or delivered, and reported */
	ATTEMPT_UNREPORTED	/* it could not be: again with the next try */
};

/* What a host said, and which one. */
struct attempt_fact {
	struct attempt_fact	*next;
	struct ipc_fact		 fact;
	bool			 has_ip;
	struct ipc_ip		 ip;
	uint16_t		 port;
	bool			 has_greeted;
	struct ipc_greeted	 greeted;
};

struct attempt_rcpt {
	uint32_t		 index;		/* in the envelope */
	uint32_t		 offset;	/* of its octets there */
	struct attempt_group	*group;		/* NULL: it is not sent */
	struct attempt_fact	*fact;		/* the last; or NULL */
	uint8_t			 state;		/* enum attempt_state */
	uint8_t			 notify;
	bool			 relayed;	/* a report says so */
	bool			 logged;
};

/* Recipients of one domain; or of several that have one site. */
struct attempt_group {
	struct attempt		*attempt;
	struct attempt_rcpt	*first;
	struct resolver_job	*job;		/* asked; or NULL */
	struct link_work	 work;
	uint16_t		 port;
	bool			 written;	/* the configuration has it */
	size_t			 now_count;	/* of the transaction */
	struct attempt_rcpt	*now[relay_rcpts_max];
};

struct attempt {
	struct master		*master;
	struct queued		*q;
	struct queue_open	 open;
	bool			 is_open;
	int			 lost;		/* errno: there is no file */
	size_t			 sending;	/* transactions */
	size_t			 pending;	/* groups */
	struct attempt_rcpt	*rcpts;
	size_t			 count;
	struct attempt_group	*groups;
	size_t			 group_count;
	struct attempt_fact	*facts;		/* the last is first */
	struct site		*wait_for;	/* held; or NULL */
	bool			 tried;		/* a host, or the DNS */
	bool			 removed;
	unsigned		 report;	/* enum report_kind, next */
	enum attempt_state	 reported;	/* by the one under way */
};

/* False: the file is gone or damaged, as a->lost says. */
bool	attempt_open_file(struct attempt *a);
/* Unless it is being sent; not always: only if too many are open. */
void	attempt_close_file(struct attempt *a, bool always);
/* Reads recipient r; false: that cannot be. */
bool	attempt_read_rcpt(struct attempt *a, const struct attempt_rcpt *r,
	    struct envelope_rcpt *out);
/* t as a fact of a; NULL without memory. */
struct attempt_fact *attempt_note(struct attempt *a,
	    const struct link_try *t, bool uncertain);
/* A host failed those of g that wait, and the next one is tried. */
void	attempt_log_moved(struct attempt *a, const struct attempt_group *g,
	    const struct attempt_fact *f);
/* Logs what became of recipients in that state; each once. */
void	attempt_log(struct attempt *a, enum log_event event,
	    enum attempt_state state);
/* A worker crashed over the message: with the third time it is held. */
void	attempt_note_crash(struct attempt *a);
/* No group is left: reports, and the message waits, or leaves the queue. */
void	attempt_finish(struct attempt *a);
/* q waits for a few minutes: there was no memory. */
void	attempt_postpone(struct master *m, struct queued *q);

#endif
