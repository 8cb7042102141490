/*
 * Lines for somebody else to read: a log, a terminal, a pipe, syslog.  No
 * reader is waited for, whatever he does: what is not taken waits here, and
 * what finds no room any more is lost and counted.
 *
 * Nothing is changed for others who have the same descriptor, as O_NONBLOCK
 * would change it: a pipe or terminal is opened a second time; a socket is
 * told with each send(2) not to wait; what can be neither gets as little at a
 * time as certainly finds room.  A regular file takes as long as its disk:
 * where that is too long, another process writes to it (outlet_hand).
 */
#ifndef SHARED_OUTLET_H
#define SHARED_OUTLET_H

#include "shared/span.h"

enum { outlet_syslog = -1 };	/* instead of a descriptor */

enum outlet_kind {
	OUTLET_SHARED,		/* with others; poll(2) before each write */
	OUTLET_WRITE,		/* write(2) does not wait for a reader */
	OUTLET_SOCKET,
	OUTLET_SYSLOG
};

/* With fd, pending and max set it is valid, empty and OUTLET_SHARED. */
struct outlet {
	int			 fd;
	enum outlet_kind	 kind;
	bool			 own;	/* fd is closed here */
	bool			 torn;	/* pending begins inside a line */
	/* Who writes instead, or NULL; and octets that were handed on. */
	size_t			 (*hand)(struct span lines);
	size_t			 handed;
	uint64_t		 lost;	/* lines not told of yet */
	uint64_t		 lost_ever;
	size_t			 n;
	size_t			 max;
	uint8_t			*pending;	/* max octets, the user's */
};

/*
 * From now on lines go to fd, those that wait too, except one that was taken
 * in part already.  own: outlet closes fd when it has no more need of it.
 */
void	outlet_open(struct outlet *o, int fd, bool own);
/*
 * From now on what waits is handed on: hand() takes as much of it as there is
 * room for, and says how much.  NULL: fd is written to again, and to it first
 * what was handed on and is not written.
 */
void	outlet_hand(struct outlet *o, size_t (*hand)(struct span lines));
/* n octets of what was handed on are written; failed: the rest is not. */
void	outlet_written(struct outlet *o, size_t n, bool failed);
/*
 * Adds whole lines, each with its LF; nothing is written yet.  After a loss
 * all are lost until outlet_take_lost.
 */
void	outlet_add(struct outlet *o, struct span lines);
/*
 * Writes what waits; for at most wait_ms it is tried again.  True: all is
 * written, or handed on.  False, with errno: call again later.
 */
bool	outlet_flush(struct outlet *o, int wait_ms);
/*
 * So many lines were lost and nothing waits any more: the caller says so in
 * the next line.  0: none were, or it is too early.
 */
uint64_t outlet_take_lost(struct outlet *o);

#endif
