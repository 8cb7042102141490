/*
 * Lines for another program or a person.  A slow reader is never waited for:
 * lines that it does not take wait here; those that do not fit are lost and
 * counted.
 *
 * O_NONBLOCK is not set on a descriptor that other processes share: a socket
 * gets send(2) with MSG_DONTWAIT, and a pipe or terminal as few octets at once
 * as it surely takes.  A regular file takes as long as its disk: where that is
 * too long, another process writes to it (hand).
 */
#ifndef SHARED_OUTLET_H
#define SHARED_OUTLET_H

#include "shared/span.h"

enum { outlet_syslog = -1 };	/* instead of a descriptor */

enum outlet_kind {
	OUTLET_SHARED,		/* poll(2) before each write */
	OUTLET_PIPE,		/* as well */
	OUTLET_FILE,		/* write(2) waits for no reader */
	OUTLET_SOCKET,
	OUTLET_SYSLOG
};

/* With only fd, pending and max set: valid, empty and OUTLET_SHARED. */
struct outlet {
	int			 fd;
	enum outlet_kind	 kind;
	bool			 own;	/* fd is closed here */
	bool			 torn;	/* pending begins inside a line */
	/* Hands lines to the process that writes instead (NULL: none), as
	   many octets as it has room for; their number. */
	size_t			 (*hand)(struct span lines);
	size_t			 handed;	/* octets, not written yet */
	uint64_t		 lost;	/* lines, not reported yet */
	uint64_t		 lost_ever;
	size_t			 n;
	size_t			 max;
	uint8_t			*pending;	/* max octets, the caller's */
};

/*
 * From now on lines go to fd, also waiting ones, but not the rest of a line.
 * own: the outlet closes fd at the end.
 */
void	outlet_open(struct outlet *o, int fd, bool own);
/* n of the octets handed on are written; failed: the others are not. */
void	outlet_written(struct outlet *o, size_t n, bool failed);
/* Adds whole lines.  After a loss all are lost until outlet_take_lost. */
void	outlet_add(struct outlet *o, struct span lines);
/*
 * Writes what waits, for at most wait_ms.  True: all is written, or handed on.
 * False, with errno: call again later.
 */
bool	outlet_flush(struct outlet *o, int wait_ms);
/* Lines lost, for the next line to report; 0 while others still wait. */
uint64_t outlet_take_lost(struct outlet *o);

#endif
