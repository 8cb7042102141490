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
	const uint64_t mark = mark_of(&rcpt->to);

	for (size_t i = 0; i < d->count; i++)
		if (d->marks[i] == mark)
			return VERDICT_OK;
	if (d->rcpts.n + sizeof(to) + to.orcpt.n > rcpts_max_bytes)
		return VERDICT_TOO_MANY;
	if (!queue_folder_grow(&d->rcpts, sizeof(to) + to.orcpt.n) ||
	    array_add(&d->marks, &d->count, &mark, sizeof(mark)) == NULL)
		return VERDICT_TROUBLE;
	envelope_add(&d->rcpts, &to);
	return VERDICT_OK;
}

/* Names of files in spool/incoming: "ID.q" has the block alone. */
enum { block_name_bytes = ipc_id_bytes + sizeof(".q") };

static void
block_name(const struct queue_draft *d, char out[block_name_bytes])
{
	snprintf(out, block_name_bytes, "%s.q", d->id);
}

/* The sealed block, which the caller frees, with more octets behind; NULL. */
static uint8_t *
seal(const struct queue_folder *f, const struct envelope *e, size_t more,
    size_t *length)
{
	struct buf plain = { NULL, 0, 0, false };
	uint8_t *block = NULL;

	if (queue_folder_grow(&plain, e->rcpts.n + rest_max_bytes)) {
		envelope_write(e, &plain);
		*length = plain.cut ? 0 : queue_block_bytes(plain.n);
		errno = EMSGSIZE;
		if (*length > 0)
			block = malloc(*length + more);
		if (block != NULL)
			queue_block_seal(buf_span(&plain), f->key, block);
	}
	free(plain.p);
	return block;
}

int
queue_draft_begin(struct master *m, struct queue_draft *d, struct envelope *e,
    struct span head, bool apart, int *fd)
{
	const size_t more = apart ? 0 : head.n;
	char name[block_name_bytes];
	uint8_t *block;
	int result = -1, error;
	size_t n;

	d->folder = queue_folder_pin(m);
	if (d->folder == NULL)
		return -1;
	d->master = m;
	memcpy(d->id, e->id.p, ipc_id_bytes);
	e->rcpts = buf_span(&d->rcpts);
	e->count = (uint32_t)d->count;
	block = seal(d->folder, e, more, &n);
	if (block == NULL)
		return -1;
	memcpy(block + n, head.p, more);
	d->apart = apart;
	d->block_bytes = apart ? 0 : n;
	block_name(d, name);
	result = spool_begin(m->spool, apart ? name : d->id,
	    span_from(block, n + more), fd);
	error = errno;
	free(block);
	if (result == 0 && apart) {
		close(*fd);
		result = spool_begin(m->spool, d->id, head, fd);
		error = errno;
	}
	for (size_t i = e->at; i < head.n; i++)
		d->head_lines += head.p[i] == '\n';
	errno = error;
	return result;
}

/* Moves incoming/from to its name in the folder. */
static int
move(const struct queue_draft *d, const char *from, struct queue_name *n,
    bool content)
{
	char name[queue_name_bytes];

	n->content = content;
	queue_name_write(n, name);
	return renameat(d->master->spool->incoming, from, d->folder->dir,
	    name);
}

/* The block has no sync yet where it is a file of its own. */
static int
move_apart(const struct queue_draft *d, struct queue_name *n,
    struct maildir_batch *b)
{
	char name[block_name_bytes];
	int fd, result;

	block_name(d, name);
	fd = openat(d->master->spool->incoming, name, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
	result = fd == -1 ? -1 : maildir_sync_too(b, fd, name);
	if (fd != -1)
		close(fd);
	return result == -1 || move(d, d->id, n, true) == -1 ? -1 :
	    move(d, name, n, false);
}

struct queued *
queue_draft_enter(struct queue_draft *d, const struct ipc_commit *c,
    struct maildir_batch *b)
{
	struct queued *q = queue_new(d->master, d->folder, d->id);
	const uint64_t lines = d->head_lines + c->lines;
	struct queue_name n = { .flags = c->flags, .content = false };
	int error;

	if (q == NULL)
		return NULL;
	q->queued_s = q->next_s = queue_now_s(d->master);
	q->rcpts = q->left = (uint32_t)d->count;
	q->lines = lines > UINT32_MAX ? UINT32_MAX : (uint32_t)lines;
	q->size_kib = (uint32_t)(c->size / 1024 + 1);
	q->flags = c->flags;
	q->state = d->apart ? QUEUED_APART : 0;
	memcpy(n.id, d->id, ipc_id_bytes);
	n.lines = q->lines;
	if (d->apart)
		n.flags |= QUEUE_APART;
	if (maildir_sync_too(b, d->folder->dir, d->folder->name) == 0 &&
	    (d->apart ? move_apart(d, &n, b) : move(d, d->id, &n, false)) ==
	    0) {
		d->entered = true;
		d->folder->entered++;
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
	queue_note_new(m, q);
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
	if ((q->state & QUEUED_HELD) != 0) {
		q->state |= QUEUED_IN_HELD;
		m->queue->held++;
	}
	schedule_add(m, q);
}

void
queue_draft_clear(struct queue_draft *d)
{
	char name[block_name_bytes];

	if (d->folder != NULL && d->apart && !d->entered) {
		block_name(d, name);
		spool_discard(d->master->spool, name);
	}
	if (d->folder != NULL)
		queue_folder_unpin(d->master, d->folder);
	free(d->rcpts.p);
	free(d->marks);
	memset(d, 0, sizeof(*d));
}
