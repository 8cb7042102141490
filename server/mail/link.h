/*
 * A connection to a site: over one of its addresses after another until one
 * greets, and then for one message after another.  site.c has the connections
 * of each site, attempt.c the messages.
 */
#ifndef SERVER_LINK_H
#define SERVER_LINK_H

#include <sys/queue.h>

#include "server/process/path.h"
#include "server/mail/queue.h"
#include "server/process/reply_rule.h"

struct link;
struct site;

/* What a host did; the rest is known as far as the connection came. */
struct link_try {
	const struct ipc_outcome	*outcome;
	const char			*host;
	const struct ipc_ip		*ip;	/* NULL: none was tried */
	uint16_t			 port;
	const struct ipc_greeted	*greeted;	/* NULL: not yet */
	struct path			*path;	/* that has host and ip; or
						   NULL */
};

/* In place of a recipient's index. */
enum {
	link_rest = INT32_MAX - 1,	/* all of the transaction */
	link_all			/* all of the work */
};

/* Whose recipients they are. */
struct link_sender {
	/*
	 * The next transaction, of at most max recipients that have no verdict:
	 * from malloc(3), *count of them.  NULL: there is none; else the
	 * message stays open until sent().
	 */
	struct envelope_rcpt *(*next)(void *arg, size_t max, size_t *count,
		    const struct queue_open **o);
	/*
	 * The verdict (no OPEN, no MORE) on a recipient of that transaction; or
	 * on all that have none, of the transaction or of the work.
	 */
	void	(*verdict)(void *arg, size_t index, enum reply_rcpts what,
		    const struct link_try *t);
	/* A host failed, and the next one is tried. */
	void	(*moved)(void *arg, const struct link_try *t);
	void	(*sent)(void *arg);
	/* The worker that sent it ended by a signal, or broke its contract. */
	void	(*crashed)(void *arg);
	/*
	 * All that the site can do is done: every recipient has a verdict, or
	 * has to wait for put_off, which is valid during the call.
	 */
	void	(*ended)(void *arg, struct site *put_off);
};

/* Recipients of one message for one site; of its sender, until ended(). */
struct link_work {
	TAILQ_ENTRY(link_work)	 entry;
	struct site		*site;		/* NULL: none has it */
	struct path		*path;
	const struct link_sender *sender;
	void			*arg;
	bool			 waits;		/* for a connection */
	bool			 again;		/* a second connection */
	bool			 family;	/* the other one was tried */
};

/* The site of a connection; arg is the site. */
struct link_owner {
	void	(*greeted)(void *arg);
	/* A transaction was taken; or (not more) the host finds it too much. */
	void	(*pace)(void *arg, bool more);
	/*
	 * No host greeted; kinds: bits of enum reply_site, of all of them.  Is
	 * that a failure for good?
	 */
	bool	(*failed)(void *arg, const struct link_try *t, unsigned kinds);
	/* The work that has waited longest; NULL: there is none. */
	struct link_work *(*next)(void *arg);
	/* May an open connection be kept: for now, or as an idle one? */
	bool	(*keeps)(void *arg, bool idle);
	/* w is done, or has to wait. */
	void	(*done)(void *arg, struct link_work *w, bool waits);
	/* w is to go on at once over another connection. */
	void	(*again)(void *arg, struct link_work *w);
	/* One connection less. */
	void	(*ended)(void *arg);
};

/* Begins a connection for w, which without memory is put off. */
void	link_begin(struct master *m, struct link_work *w,
	    const struct link_owner *owner, void *arg);
/* Uses an idle connection of arg for its next work; false: there is none. */
bool	link_wake(const void *arg);
/* Ends the connection that has been idle longest, or all idle ones. */
void	link_end_idle(bool every);
/* So many connections there are. */
size_t	link_count(void);

#endif
