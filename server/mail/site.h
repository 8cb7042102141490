/*
 * Sites: the hosts that take the mail of one or many domains.  A site, and not
 * a message, is what fails: each has a breaker, the number of connections that
 * it has shown to take, and the messages that wait for it, which is no try.
 */
#ifndef SERVER_SITE_H
#define SERVER_SITE_H

#include "server/mail/link.h"

/* Messages that wait for a site, a queue with holes; of schedule.c. */
struct site_parked {
	struct queued	**list;
	size_t		 first, end, max;
	size_t		 count;
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
#endif
