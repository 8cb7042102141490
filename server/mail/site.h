/*
 * Sites: the hosts that take the mail of one or many domains.  A site, and not
 * a message, is what fails: each has a breaker, the number of connections that
 * it has shown to take, and the messages that wait for it, which is no try.
 */
#ifndef SERVER_SITE_H
#define SERVER_SITE_H

#include <search.h>

#include "server/mail/link.h"
#include "server/process/reply_rule.h"

/* Messages that wait for a site, a queue with holes; of schedule.c. */
struct site_parked {
	struct queued	**list;
	size_t		 first, end, max;
	size_t		 count;
};

TAILQ_HEAD(works, link_work);

/* Where a site is listed. */
enum site_list {
	SITE_UNLISTED,
	SITE_TODO,		/* to be served */
	SITE_HUNGRY,		/* until there is a connection less */
	SITE_LISTS
};

/* Changed by site.c alone. */
struct site {
	uint8_t		 key[path_key_bytes];
	char		*name;		/* of a host */
	struct master	*master;
	TAILQ_ENTRY(site) entry;
	enum site_list	 list;
	size_t		 holds;
	size_t		 links;		/* connections */
	struct reply_breaker breaker;
	struct ipc_outcome outcome;	/* of last */
	struct link_try	 last;		/* failure; path NULL: none */
	struct works	 waiting;
	size_t		 waiting_count;
	struct event	 timer;
	struct site_parked parked;
	size_t		 called;	/* from there, not here yet */
};

/* call: the first message that is parked for s is to be begun. */
void	site_start(struct master *m,
	    void (*call)(struct master *m, struct site *s));
/* Sends w over p, which it takes over; may call its sender at once. */
void	site_send(struct master *m, struct path *p, struct link_work *w);
/* Takes w, which waits, away again; ended() is not called. */
void	site_withdraw(struct link_work *w);

/* No pause is longer, so that site_tries of them fit into give-up-after. */
enum { site_tries = 8 };
int64_t	site_pause_max_s(const struct master *m);

/* s stays valid until it is released. */
void	site_hold(struct site *s);
void	site_release(struct site *s);
/* To be changed: s is looked at in the next turn. */
struct site_parked *site_parked(struct site *s);
/* What happened last, and how often in a row; NULL: the site takes mail. */
const struct link_try *site_trouble(const struct site *s,
	    unsigned *failures);
/* The next message may be sent, whatever the breaker says. */
void	site_probe(struct site *s);
/* smtpd stops: no more is sent than what is under way. */
void	site_drain(void);

/* For smtpctl: all sites, as twalk(3) has them; nothing is changed. */
void	site_walk(void (*see)(const void *node, VISIT order, int depth));
/* The site that p leads to; NULL: nothing is known of it. */
const struct site *site_known(const struct path *p);
/* So many connections may there be now. */
size_t	site_limit(const struct site *s);

#endif
