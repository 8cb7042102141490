/*
 * Sends records to a process that may be slower than the master, which never
 * waits: what the channel does not take now is sent once it does.
 */
#ifndef SERVER_FEED_H
#define SERVER_FEED_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "shared/ipc.h"

struct feed {
	struct event		 writable;
	int			 channel;
	bool			(*next)(void *arg, struct ipc_record *out);
	void			(*done)(void *arg);	/* or NULL */
	void			*arg;
	bool			 under_way;
	bool			 waits;		/* record was not sent yet */
	size_t			 sent;		/* of its octets */
	int			 pass;		/* of next(): goes with its
						   record, and is closed */
	int			 error;		/* errno; 0: all was sent */
	struct ipc_record	 record;
};

/* Comes first; channel stays the caller's. */
void	feed_init(struct feed *f, struct event_base *base, int channel,
	    bool (*next)(void *arg, struct ipc_record *out),
	    void (*done)(void *arg), void *arg);
/*
 * Sends the records of next(), with a descriptor if it sets f->pass, which is
 * the feed's then: as many as the channel takes now, and the rest by events, a
 * few at a time.  A record is wiped once it was sent.  When next() has no more,
 * or sending fails (errno in f->error), done() is called, perhaps before this
 * returns.  A feed that is under way just goes on.
 */
void	feed_start(struct feed *f);
/*
 * Sends r now; pass stays the caller's.  0, also if the feed has yet to send
 * the rest; or -1 and errno, EAGAIN if a record of the feed waits, too.
 */
int	feed_send(struct feed *f, struct ipc_record *r, int pass);
/* Was it want of memory, or a full channel, that a record was not sent? */
bool	feed_may_later(int error);
/* Ends the feed without done(), and wipes its record, also if half sent. */
void	feed_stop(struct feed *f);

#endif
