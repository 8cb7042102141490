/* What an outcome means for recipients, their host and its site.  Pure. */
#ifndef SERVER_REPLY_RULE_H
#define SERVER_REPLY_RULE_H

#include "shared/ipc_relay.h"

enum reply_rcpts {
	REPLY_TAKEN,		/* the host answers for them now */
	REPLY_DEFERRED,
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

struct reply_rule {
	uint16_t		stages;	/* bits of enum relay_stage */
	uint32_t		kinds;	/* of outcomes: reply_rule.c */
	enum reply_rcpts	rcpts;
	enum reply_host		host;
	bool			slower;	/* fewer connections to the site */
};

/* The rule for o; there is always one. */
const struct reply_rule *reply_rule(const struct ipc_outcome *o);

#endif
