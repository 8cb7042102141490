/*
 * Sites: the hosts that take the mail of one or many domains.  A site, and not
 * a message, is what fails, and to wait for it is no try.
 */
#ifndef SERVER_SITE_H
#define SERVER_SITE_H

#include <sys/tree.h>

#include "server/mail/attempt.h"

TAILQ_HEAD(site_groups, attempt_group);

/*
 * What waits for a site: messages of senders that have few there, and of those
 * that have many, so that a newsletter does not hold up a letter.
 */
struct site_lane {
	struct site		*site;
	struct site_groups	 waiting;	/* for a connection */
	size_t			 waiting_count;
	struct queued		**parked;	/* in no order */
	size_t			 parked_count;
};

struct site {
	RB_ENTRY(site)	 node;
	uint8_t		 key[path_key_bytes];
	char		 name[smtp_domain_max_bytes + 1]; /* of a host */
	struct master	*master;
	TAILQ_ENTRY(site) entry;	/* of those without a connection */
	bool		 is_hungry;	/* there */
	size_t		 holds;
	size_t		 links;		/* connections */
	size_t		 limit;		/* of connections, by what it took */
	size_t		 taken;		/* transactions since limit changed */
	unsigned	 failures;	/* in a row: no host greeted */
	int64_t		 until_ms;	/* no probe before that */
	struct queue_fact *last;	/* failure; or NULL */
	struct event	 look;		/* at what is to be done */
	int64_t		 look_ms;	/* even if nothing happens */
	struct site_lane lanes[2];	/* few, many */
	unsigned	 turn;		/* of the lanes */
	size_t		 ready;		/* wait for a connection, in both */
	size_t		 called;	/* parked before, not here yet */
};

/*
 * due: q, which was parked, is to be begun.  serve: work may wait for
 * connections, or connections for work.
 */
void	site_start(struct master *m,
	    void (*due)(struct master *m, struct queued *q),
	    void (*serve)(struct site *s));
/*
 * Ends the hold of site_leave().  q, unless it is NULL, waits for s: it is
 * called back in time to be sent, so that thousands take no memory and no time
 * of others; or it is due, for its age is looked at.
 */
void	site_park(struct site *s, struct queued *q);
void	site_unpark(struct queued *q);
/* s is looked at in the next turn of the loop. */
void	site_kick(struct site *s);
/* Takes g over, to be sent over p; it may leave at once. */
void	site_add(struct master *m, struct path *p, struct attempt_group *g);
/* The group that is next: one of the many for four of the few; or NULL. */
struct attempt_group *site_next(struct site *s);
/* g is no work of its site any more. */
void	site_withdraw(struct attempt_group *g);
/* The same, and its attempt goes on: it is done, or waits for its site. */
void	site_leave(struct attempt_group *g, bool waits);
/* No host greeted, the last said f: all waits for 5 to 60 minutes. */
void	site_failed(struct site *s, const struct queue_fact *f);
/* It is back, and what waits follows. */
void	site_greeted(struct site *s);
/* It took a message: a connection more after as many; slower: half as many. */
void	site_pace(struct site *s, bool slower);
/* At most so many connections. */
size_t	site_limit(const struct site *s);
/* Only one group is sent, after a pause: the probe. */
bool	site_is_down(const struct site *s);
/* The site that p leads to; NULL: nothing is known of it. */
struct site *site_find(const struct path *p);
/* Messages that are here, or parked. */
size_t	site_waiting(const struct site *s);

struct site_count {
	uint64_t	sites;
	uint64_t	down;
	uint64_t	waiting;	/* messages */
	uint64_t	links;		/* connections */
};
/*
 * Counts all sites; worst has at most max of those that are down or waited for,
 * the worst first.  Returns how many.
 */
size_t	site_worst(struct site_count *count, const struct site **worst,
	    size_t max);

/* ---- link.c: one address after another until a host greets, then letters - */

/* Gives what waits for s to connections, as far as there may be any. */
void	link_serve(struct site *s);
/* Ends the connections that wait for another message. */
void	link_end_idle(void);

#endif
