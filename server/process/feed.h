/*
 * Handing records to a process that may be slower than the master, which
 * never waits for it: what has no room now goes when there is some.
 */
#ifndef SERVER_FEED_H
#define SERVER_FEED_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "shared/ipc_msg.h"

struct feed {
	struct event		 writable;
	int			 channel;
	/* Writes the next record to *out; false: there is no more. */
	bool			(*next)(void *arg, struct ipc_record *out);
	/* It is over, see feed_start; NULL: nobody need know. */
	void			(*done)(void *arg);
	void			*arg;
	bool			 under_way;
	bool			 waits;		/* record has not gone yet */
	int			 error;		/* errno of its end; 0: sent */
	struct ipc_record	 record;
};

/* Before anything else; channel stays the caller's. */
void	feed_init(struct feed *f, struct event_base *base, int channel,
	    bool (*next)(void *arg, struct ipc_record *out),
	    void (*done)(void *arg), void *arg);
/*
 * Asks next() for records and sends them, without a descriptor, as many as
 * the channel has room for now; the rest by events, a few at a time, so that
 * others have their turn.  A record is wiped once it has gone.  When next()
 * has no more, or sending fails (f->error then says why), done() is called,
 * perhaps before feed_start returns.  Under way already: goes on as it was.
 */
void	feed_start(struct feed *f);
/* Ends it without done(); what waits is wiped.  It may be started again. */
void	feed_stop(struct feed *f);

#endif
