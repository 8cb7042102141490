/*
 * The queue of records of one answer.  Bounded: who asks and does not read
 * costs this much memory and no more.
 */
#include "server/control_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/ipc.h"

enum { room_min_bytes = 4096 };

static size_t
padded_size(uint32_t type)
{
	return (ipc_size((enum ipc_type)type) + 7) & ~(size_t)7;
}

static bool
reserve(struct control_answer *a, size_t more)
{
	size_t room = a->room == 0 ? room_min_bytes : a->room;
	uint8_t *octets;

	while (room < a->n + more)
		room *= 2;
	if (room == a->room)
		return true;
	octets = realloc(a->octets, room);
	if (octets == NULL)
		return false;
	a->octets = octets;
	a->room = room;
	return true;
}

static bool
append(struct control_answer *a, struct ipc_record *r)
{
	size_t n = padded_size(r->type);

	if (!reserve(a, n))
		return false;
	r->zero = 0;
	memset(a->octets + a->n, 0, n);
	memcpy(a->octets + a->n, r, ipc_size((enum ipc_type)r->type));
	a->n += n;
	return true;
}

void
control_answer_put(struct control_answer *a, struct ipc_record *r)
{
	/* A place is kept for END. */
	if (a->n + padded_size(r->type) + padded_size(IPC_TELL_END) >
	    control_answer_max_bytes || !append(a, r))
		a->cut = true;
}

bool
control_answer_end(struct control_answer *a)
{
	struct ipc_record r = { .type = IPC_TELL_END,
	    .u.tell_end.cut = a->cut };

	return append(a, &r);
}

enum control_sent
control_answer_send(struct control_answer *a, int fd, unsigned max)
{
	for (; a->at < a->n; max--) {
		struct ipc_record *r = (void *)(a->octets + a->at);

		if (max == 0)
			return CONTROL_SENT_SOME;
		if (ipc_send(fd, r, -1, false) == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == ENOBUFS ? CONTROL_SENT_SOME :
			    CONTROL_SENT_FAILED;
		a->at += padded_size(r->type);
	}
	control_answer_clear(a);
	return CONTROL_SENT_ALL;
}

void
control_answer_clear(struct control_answer *a)
{
	free(a->octets);
	memset(a, 0, sizeof(*a));
}
