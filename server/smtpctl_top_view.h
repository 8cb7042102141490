/*
 * What smtpctl top shows: rates between two answers of the master, and lists
 * in an order.  It asks nobody and writes nothing.
 */
#ifndef SERVER_SMTPCTL_TOP_VIEW_H
#define SERVER_SMTPCTL_TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "server/smtpctl_screen.h"
#include "server/smtpctl_snapshot.h"

enum smtpctl_rate {
	RATE_CONNECTIONS,	/* let in */
	RATE_TURNED_AWAY,	/* connections */
	RATE_MESSAGES,		/* stored */
	RATE_REFUSED,		/* senders and recipients */
	RATE_STORED,		/* octets of messages */
	RATE_RECEIVED,		/* octets of sessions that have ended */
	RATE_COUNT
};

struct smtpctl_rates {
	bool		known;		/* false: only totals are */
	uint64_t	total[RATE_COUNT];	/* since the master's start */
	double		second[RATE_COUNT];
};

/*
 * Of now, and since before: they are not known without it, when no time is
 * between them, and when another master answers than did before.
 */
void	smtpctl_rates_of(const struct smtpctl_snapshot *before,
	    const struct smtpctl_snapshot *now, struct smtpctl_rates *out);
/* Another master, or the same for a second time: before may be NULL. */
bool	smtpctl_rates_restarted(const struct smtpctl_snapshot *before,
	    const struct smtpctl_snapshot *now);

/* Lists; each has an order of its own for every number of ORDER. */
enum smtpctl_list { LIST_ADDRESSES, LIST_SESSIONS, LIST_COUNT };
enum { smtpctl_orders = 3 };

struct smtpctl_view {
	enum smtpctl_list	list;
	unsigned		order;	/* below smtpctl_orders */
	bool			keys;	/* the last row says which there are */
	bool			paused;
	const char		*problem;	/* shown below; NULL: none */
};

/* Puts s, its lists in that order first, on screen, which was begun. */
void	smtpctl_top_show(const struct smtpctl_view *v,
	    struct smtpctl_snapshot *s, const struct smtpctl_rates *rates,
	    struct smtpctl_screen *screen);

#endif
