/*
 * A peer in memory for lineio: what lineio reads comes in pieces that the test
 * chooses, what lineio writes is kept.
 */
#ifndef T_UNIT_MEMORY_PEER_H
#define T_UNIT_MEMORY_PEER_H

#include <errno.h>

#include "worker/lineio.h"

enum { peer_pieces = 8, peer_kept_bytes = 8 * lineio_out_max_bytes };

struct memory_peer {
	/* Pieces to read, one a read; empty ones are skipped. */
	struct span	pieces[peer_pieces];
	size_t		piece_max;	/* octets per read; 0: no limit */
	int		end_errno;	/* at the end; 0: end of stream */
	/* What lineio wrote. */
	uint8_t		kept[peer_kept_bytes];
	size_t		kept_n;
	size_t		write_max;	/* octets per write; 0: no limit */
	size_t		write_room;	/* octets before writes fail */
	int		write_errno;	/* errno then; 0: none fails */
	/* What the peer saw. */
	size_t		reads;
	size_t		writes;
	size_t		kept_at_read;	/* written before the last read */
	int64_t		deadline_ms;	/* of the last wait */
};

static inline ssize_t
peer_read(void *arg, void *p, size_t n, int64_t deadline_ms)
{
	struct memory_peer *peer = arg;

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
	struct memory_peer *peer = arg;

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

static const struct lineio_ops memory_ops = { peer_read, peer_write };

/* Enough time for anything; a test that needs less sets it. */
static inline void
peer_connect(struct lineio *io, struct memory_peer *peer)
{
	lineio_init(io, &memory_ops, peer);
	io->octets_in = io->octets_out = 0;
	io->idle_ms = 60000;
	io->deadline_ms = INT64_MAX;
}

#endif
