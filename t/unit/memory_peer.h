/*
 * A peer in memory for lineio: what it sends comes in pieces that the test
 * chooses, what it is sent is kept.
 */
#ifndef T_UNIT_MEMORY_PEER_H
#define T_UNIT_MEMORY_PEER_H

#include <errno.h>

#include "worker/lineio.h"

enum { peer_pieces = 8, peer_kept_bytes = 32 * 1024 };

struct peer {
	/* What comes, one piece a read; empty ones are passed over. */
	struct span	pieces[peer_pieces];
	size_t		piece_max;	/* octets a read at most; 0: all */
	int		end_errno;	/* at the end; 0: the stream ends */
	/* What was sent. */
	uint8_t		kept[peer_kept_bytes];
	size_t		kept_n;
	size_t		write_max;	/* octets a write at most; 0: all */
	size_t		write_room;	/* octets before writes fail */
	int		write_errno;	/* and how; 0: they do not */
	/* What was seen. */
	size_t		reads;
	size_t		writes;
	size_t		kept_at_read;	/* sent before the last read */
	int64_t		deadline_ms;	/* of the last wait */
};

static inline ssize_t
peer_read(void *arg, void *p, size_t n, int64_t deadline_ms)
{
	struct peer *peer = arg;

	peer->reads++;
	peer->kept_at_read = peer->kept_n;
	peer->deadline_ms = deadline_ms;
	for (size_t i = 0; i < peer_pieces; i++) {
		struct span *piece = &peer->pieces[i];

		if (piece->n == 0)
			continue;
		if (n > piece->n)
			n = piece->n;
		if (peer->piece_max > 0 && n > peer->piece_max)
			n = peer->piece_max;
		memcpy(p, piece->p, n);
		*piece = span_skip(*piece, n);
		return (ssize_t)n;
	}
	errno = peer->end_errno;
	return peer->end_errno == 0 ? 0 : -1;
}

static inline ssize_t
peer_write(void *arg, const void *p, size_t n, int64_t deadline_ms)
{
	struct peer *peer = arg;

	peer->writes++;
	peer->deadline_ms = deadline_ms;
	if (peer->write_errno != 0 && peer->write_room == 0) {
		errno = peer->write_errno;
		return -1;
	}
	if (peer->write_max > 0 && n > peer->write_max)
		n = peer->write_max;
	if (peer->write_errno != 0 && n > peer->write_room)
		n = peer->write_room;
	if (n > sizeof(peer->kept) - peer->kept_n)
		abort();
	memcpy(peer->kept + peer->kept_n, p, n);
	peer->kept_n += n;
	peer->write_room -= peer->write_errno != 0 ? n : 0;
	return (ssize_t)n;
}

static const struct lineio_ops peer_ops = { peer_read, peer_write };

/* Time enough for anything; a test that wants less sets it. */
static inline void
peer_connect(struct lineio *io, struct peer *peer)
{
	lineio_init(io, &peer_ops, peer);
	io->idle_ms = 60000;
	io->deadline_ms = INT64_MAX;
}

#endif
