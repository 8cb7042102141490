/*
 * A message on its way into the queue: its envelope, gathered from RCPT; its
 * file, begun with that; and its place in a folder.
 */
#include "server/mail/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/mail/maildir.h"
#include "server/mail/queue_folder.h"
#include "server/mail/schedule.h"
#include "shared/array.h"

/* Of an envelope, sealed: its recipients, and all else. */
enum {
	rest_max_bytes = 4 * 1024,
	rcpts_max_bytes = envelope_max_bytes - rest_max_bytes
};

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

enum verdict
queue_draft_add(struct queue_draft *d, const struct ipc_rcpt *rcpt,
    uint8_t delivered)
{
	const struct envelope_rcpt to = { .to = rcpt->to,
	    .notify = rcpt->notify | delivered,
	    .orcpt = span_from(rcpt->orcpt, rcpt->orcpt_len) };
	const size_t end = d->rcpts.n + sizeof(to) + to.orcpt.n;
	const uint64_t mark = mark_of(&rcpt->to);

	for (size_t i = 0; i < d->count; i++)
		if (d->marks[i] == mark)
			return VERDICT_OK;
	if (end > rcpts_max_bytes)
		return VERDICT_TOO_MANY;
	if (end > d->rcpts.max) {
		uint8_t *p = realloc(d->rcpts.p, 2 * end);

		if (p == NULL)
			return VERDICT_TROUBLE;
		d->rcpts.p = p;
		d->rcpts.max = 2 * end;
	}
	if (array_add(&d->marks, &d->count, &mark, sizeof(mark)) == NULL)
		return VERDICT_TROUBLE;
	envelope_add(&d->rcpts, &to);
	return VERDICT_OK;
}

int
queue_draft_begin(struct master *m, struct queue_draft *d, struct envelope *e,
    struct span head, bool apart, int *fd)
{
	const size_t max = d->rcpts.n + rest_max_bytes,
	    more = apart ? 0 : head.n;
	struct buf plain = buf_over(malloc(max), max);
	uint8_t *block = NULL;
	int result = -1, error;
	size_t n = 0;

	d->master = m;
	d->folder = queue_folder_pin(m->queue);
	memcpy(d->id, e->id.p, ipc_id_bytes);
	if (apart)
		snprintf(d->block, sizeof(d->block), "%s.q", d->id);
	e->rcpts = buf_span(&d->rcpts);
	e->count = (uint32_t)d->count;
	for (size_t i = e->at; i < head.n; i++)
		d->head_lines += head.p[i] == '\n';
	if (plain.p != NULL && d->folder != NULL) {
		envelope_write(e, &plain);
		n = plain.cut ? 0 : queue_block_bytes(plain.n);
		block = n == 0 ? NULL : malloc(n + more);
	}
	if (block != NULL) {
		queue_block_seal(buf_span(&plain), d->folder->key, block);
		memcpy(block + n, head.p, more);
		d->block_bytes = apart ? 0 : n;
		result = spool_begin(m->spool, apart ? d->block : d->id,
		    span_from(block, n + more), fd);
	}
	error = errno;
	free(plain.p);
	free(block);
	errno = error;
	if (result == -1 || !apart)
		return result;
	close(*fd);
	return spool_begin(m->spool, d->id, head, fd);
}

/* Moves incoming/from to where q, or its content apart, is to be. */
static int
move(const struct queue_draft *d, const char *from, const struct queued *q,
    bool content)
{
	char path[queue_path_bytes];

	queue_path(q, content, path);
	return renameat(d->master->spool->incoming, from,
	    d->master->queue->dir, path);
}

/*
 * A folder without a durable message is not durable itself; nor is the block of
 * a message, where it is a file of its own.
 */
struct queued *
queue_draft_enter(struct queue_draft *d, const struct ipc_commit *c,
    struct maildir_batch *b)
{
	const int incoming = d->master->spool->incoming;
	const struct queue *all = d->master->queue;
	const bool apart = d->block[0] != '\0';
	const uint64_t lines = d->head_lines + c->lines;
	struct queue_folder *f = d->folder;
	struct queued *q = queue_new(d->master, f, d->id);
	char key[queue_path_bytes];
	int error;

	if (q == NULL)
		return NULL;
	q->queued_s = q->next_s = queue_now_s(d->master);
	q->rcpts = q->left = (uint32_t)d->count;
	q->lines = lines > UINT32_MAX ? UINT32_MAX : (uint32_t)lines;
	q->size_kib = (uint32_t)(c->size / 1024 + 1);
	q->flags = c->flags | (apart ? QUEUE_APART : 0);
	queue_folder_path(f, "key", key);
	if (maildir_touch(b, all->dir, f->name, NULL) != -1 && (f->durable ||
	    (maildir_touch(b, all->dir, key, NULL) != -1 &&
	    maildir_touch(b, all->dir, ".", NULL) != -1)) &&
	    (!apart || (maildir_touch(b, incoming, d->block, NULL) != -1 &&
	    move(d, d->id, q, true) == 0)) &&
	    move(d, apart ? d->block : d->id, q, false) == 0) {
		d->entered = true;
		f->entered++;
		return q;
	}
	error = errno;
	queue_remove(d->master, q);
	errno = error;
	return NULL;
}

/* If another master delivers, it will read the folder. */
void
queue_admit(struct master *m, struct queued *q)
{
	q->folder->durable = true;
	queue_note(m, q);
	if (m->queue->delivers && !q->folder->forgotten)
		queue_count_in(m, q);
	else {
		q->folder->forgotten = true;
		queue_forget(m, q);
	}
}

void
queue_count_in(struct master *m, struct queued *q)
{
	q->state |= QUEUED_KNOWN;
	q->folder->count++;
	m->queue->messages++;
	m->queue->held += (q->state & QUEUED_HELD) != 0;
	schedule_add(m, q);
}

void
queue_draft_clear(struct queue_draft *d)
{
	if (d->block[0] != '\0' && !d->entered)
		spool_discard(d->master->spool, d->block);
	if (d->folder != NULL)
		d->folder->pinned--;
	free(d->rcpts.p);
	free(d->marks);
	memset(d, 0, sizeof(*d));
}
