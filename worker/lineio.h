/*
 * The line reader: CRLF-ended lines and raw octets from a peer, and replies to
 * the peer, over a replaceable pair of functions (a socket, TLS, memory in
 * tests).  CRLF is enforced here and, for message text, in dot.c.
 */
#ifndef WORKER_LINEIO_H
#define WORKER_LINEIO_H

#include <sys/types.h>

#include "worker/ask.h"
#include "worker/header.h"

enum {
	lineio_in_max_bytes = 64 * 1024,
	lineio_out_max_bytes = 32 * 1024
};

enum line_result {
	LINE_OK,
	LINE_TOO_LONG,	/* dropped up to its CRLF; the next line is a new one */
	LINE_NUL,	/* has a NUL; dropped likewise */
	LINE_BARE_LF,	/* LF without CR: the input has lost its lines */
	LINE_BARE_CR,	/* CR without LF: likewise */
	LINE_EOF,
	LINE_TIMEOUT,
	LINE_GONE,	/* the master has ended: nothing can be promised */
	LINE_ERROR	/* errno */
};

/* As read(2), write(2), until deadline_ms; ECANCELED: the master has ended. */
struct lineio_ops {
	ssize_t	(*read)(void *arg, void *p, size_t n, int64_t deadline_ms);
	ssize_t	(*write)(void *arg, const void *p, size_t n,
		    int64_t deadline_ms);
};

struct lineio {
	const struct lineio_ops	*ops;
	void			*arg;
	int64_t			 idle_ms;	/* of one wait */
	int64_t			 deadline_ms;	/* of the whole session */
	uint64_t		 octets_in;
	uint64_t		 octets_out;
	size_t			 start;		/* of input not yet taken */
	size_t			 end;		/* of the input, in in[] */
	struct buf		 out;
	uint8_t			 out_storage[lineio_out_max_bytes];
	/* Input, behind the space that header_feed() needs before it. */
	uint8_t			 in[header_carry_max_bytes +
				    lineio_in_max_bytes];
};

/*
 * Begins a connection, or goes on with it over another pair: both buffers are
 * empty, their memory untouched.  Times and counts stay the caller's.
 */
void	lineio_init(struct lineio *io, const struct lineio_ops *ops, void *arg);
/*
 * The next line without its CRLF, at most max octets with it; valid until the
 * next read.  Output is flushed first.  If reading fails, *out is the part of
 * the line that has come.
 */
enum line_result lineio_read_line(struct lineio *io, size_t max,
	    struct span *out);
/*
 * The next octets, at least one; *out may be changed in place, and
 * header_carry_max_bytes before it are writable.
 */
enum line_result lineio_read_some(struct lineio *io, uint8_t **out,
	    size_t *out_n);
/* Gives back the last n octets of the last lineio_read_some, unchanged. */
void	lineio_unread(struct lineio *io, size_t n);
/* Wipes the octets that were taken; those not yet taken stay. */
void	lineio_wipe(struct lineio *io);
/* Octets that have come and are not yet taken. */
size_t	lineio_buffered(const struct lineio *io);
/* Adds to the output; written when it is full or at lineio_flush. */
enum line_result lineio_put(struct lineio *io, struct span s);
enum line_result lineio_flush(struct lineio *io);

/* ---- peer.c: the pair for a client's socket ----------------------------- */

struct peer {
	int		 socket;
	int		 output; /* written to, not socket; or -1 */
	struct ask	*master;
	bool		 last;	/* the next write is the last one */
	bool		 host;	/* its input comes before records; stress ends
				   every wait */
	bool		 sends_text; /* to it: input ends a wait to write, by
				   EBUSY; stress leaves it a minute */
};

enum { peer_stopping_ms = 60000 };

/* For lineio_init; its arg is a struct peer. */
extern const struct lineio_ops peer_ops;

/* Is there unread input? */
bool	peer_has_input(const struct peer *p);
/* Shuts down our side and reads on, or the client would lose our last reply. */
void	peer_linger(struct peer *p);

#endif
