/*
 * A message on its way into the queue: its envelope, gathered from RCPT.
 */
#include "server/mail/queue.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/array.h"

/* Of an envelope; the rest of it, sealed, takes less than 4 KiB. */
enum { rcpts_max_bytes = envelope_max_bytes - 4 * 1024 };

/* Of an address, keyed: nobody outside can make two with the same. */
static uint64_t
mark_of(const struct mailbox *to)
{
	static uint8_t key[crypto_shorthash_KEYBYTES];
	static bool has_key;
	uint64_t mark;

	if (!has_key)
		randombytes_buf(key, sizeof(key));
	has_key = true;
	crypto_shorthash((uint8_t *)&mark, (const uint8_t *)to, sizeof(*to),
	    key);
	return mark;
}

/* False and errno without memory. */
static bool
has_octets(struct buf *b, size_t more)
{
	size_t max = b->max == 0 ? 256 : b->max;
	uint8_t *p;

	while (max < b->n + more)
		max *= 2;
	p = max == b->max ? b->p : realloc(b->p, max);
	if (p == NULL)
		return false;
	b->p = p;
	b->max = max;
	return true;
}

enum verdict
queue_draft_add(struct queue_draft *d, const struct ipc_rcpt *rcpt,
    uint8_t delivered)
{
	const struct envelope_rcpt to = { .to = rcpt->to,
	    .notify = rcpt->notify | delivered,
	    .orcpt = span_from(rcpt->orcpt, rcpt->orcpt_len) };
	const uint64_t mark = mark_of(&rcpt->to);

	for (size_t i = 0; i < d->count; i++)
		if (d->marks[i] == mark)
			return VERDICT_OK;
	if (d->rcpts.n + sizeof(to) + to.orcpt.n > rcpts_max_bytes)
		return VERDICT_TOO_MANY;
	if (!has_octets(&d->rcpts, sizeof(to) + to.orcpt.n) ||
	    array_add(&d->marks, &d->count, &mark, sizeof(mark)) == NULL)
		return VERDICT_TROUBLE;
	envelope_add(&d->rcpts, &to);
	return VERDICT_OK;
}

void
queue_draft_clear(struct queue_draft *d)
{
	free(d->rcpts.p);
	free(d->marks);
	memset(d, 0, sizeof(*d));
}
