/*
 * What an outcome means for recipients, their host and its site.  Pure.
 */
#ifndef SERVER_REPLY_RULE_H
#define SERVER_REPLY_RULE_H

#include "shared/ipc_relay.h"

enum reply_rcpts {
	REPLY_TAKEN,		/* the host answers for them now */
	REPLY_DEFERRED,
	REPLY_UNCERTAIN,	/* deferred, and perhaps delivered */
	REPLY_REFUSED,		/* the same, but the second time a failure */
	REPLY_FAILED		/* of several hosts the first of these counts */
};

enum reply_host {
	REPLY_STAYS,		/* it may be sent more */
	REPLY_CLOSES,		/* the connection is of no more use */
	/* With these the verdict is only that if it cannot be done: */
	REPLY_MORE,		/* another transaction, if some were taken */
	REPLY_NEXT,		/* the next address or host, now */
	REPLY_FAMILY,		/* its other address family, now, once */
	REPLY_PLAIN		/* the same without TLS, or the next */
};

enum reply_site {
	REPLY_FINE,
	REPLY_SLOWER		/* fewer connections */
};

struct reply_rule {
	uint16_t		stages;	/* bits of enum relay_stage */
	uint32_t		kinds;	/* of outcomes: reply_rule.c */
	enum reply_rcpts	rcpts;
	enum reply_host		host;
	enum reply_site		site;
};

/* The rule for o; there is always one. */
const struct reply_rule *reply_rule(const struct ipc_outcome *o);

/*
 * What a site has shown: a breaker, open while nothing can be sent there, and
 * the number of connections that it takes.
 */
struct reply_breaker {
	unsigned	 failures;	/* in a row; 0: closed */
	int64_t		 until_ms;	/* no probe before that */
	size_t		 limit;		/* of connections */
	size_t		 successes;	/* since it was changed */
};

/* Closed, with two connections. */
void	reply_breaker_close(struct reply_breaker *b);
/*
 * No host greeted.  Returns for how long the breaker is open now: at most
 * most_ms, times per_mille (900 to 1100).  0: it was open before.
 */
int64_t	reply_breaker_fail(struct reply_breaker *b, int64_t now_ms,
	    int64_t most_ms, uint32_t per_mille);
/* A transaction was taken: one connection more after as many; at most most. */
void	reply_breaker_take(struct reply_breaker *b, size_t most);
/* Half as many connections. */
void	reply_breaker_halve(struct reply_breaker *b);

#endif
