/*
 * Folders of the queue: each takes at most 4,096 messages, or those of an hour,
 * and is removed when it is empty.  It is durable, with its key, once the first
 * batch with a message for it was synced.  And drafts, which become its files.
 */
#include "server/mail/queue_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/mail/maildir.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	messages_max = 4096,
	use_ms = 60 * 60 * 1000
};

void
queue_folder_path(const struct queue_folder *f, const char *name,
    char out[queue_path_bytes])
{
	snprintf(out, queue_path_bytes, "%s/%s", f->name, name);
}

struct queue_folder *
queue_folder_add(struct queue *q, const char *name)
{
	struct queue_folder *f;

	TAILQ_FOREACH(f, &q->folders, entry)
		if (strcmp(f->name, name) == 0)
			return f->error != 0 ? f : NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	memcpy(f->name, name, sizeof(f->name));
	f->journal = -1;
	f->made_ms = deadline_now_ms();
	TAILQ_INSERT_TAIL(&q->folders, f, entry);
	return f;
}

void
queue_folder_drop(struct queue *q, struct queue_folder *f)
{
	TAILQ_REMOVE(&q->folders, f, entry);
	file_close(f->journal);
	sodium_memzero(f->key, sizeof(f->key));
	free(f);
}

/*
 * The key steps aside first, and comes back if the folder has a file that
 * nobody knows: without it, that would be lost.
 */
static void
remove_files(const struct queue *q, const struct queue_folder *f)
{
	char journal[queue_path_bytes], key[queue_path_bytes],
	    aside[ipc_id_bytes + sizeof(".key")];

	queue_folder_path(f, "journal", journal);
	queue_folder_path(f, "key", key);
	snprintf(aside, sizeof(aside), "%s.key", f->name);
	(void)renameat(q->dir, key, q->dir, aside);
	(void)unlinkat(q->dir, journal, 0);
	if (unlinkat(q->dir, f->name, AT_REMOVEDIR) == 0)
		(void)unlinkat(q->dir, aside, 0);
	else
		(void)renameat(q->dir, aside, q->dir, key);
}

/* ---- journals ----------------------------------------------------------- */

static void
close_journal(struct queue_folder *f)
{
	file_close(f->journal);
	f->journal = -1;
}

static bool
open_journal(const struct queue *q, struct queue_folder *f)
{
	char path[queue_path_bytes];
	struct stat st;

	if (f->journal != -1)
		return true;
	queue_folder_path(f, "journal", path);
	f->journal = openat(q->dir, path, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (f->journal == -1 || fstat(f->journal, &st) == -1) {
		close_journal(f);
		return false;
	}
	f->offset = (uint64_t)(st.st_size - st.st_size % queue_record_bytes);
	return true;
}

/* What was written in part is written over by the next record. */
void
queue_folder_note(struct master *m, struct queue_folder *f,
    const struct queue_record *r)
{
	uint8_t raw[queue_record_bytes];
	bool written = open_journal(m->queue, f);

	if (written) {
		queue_record_write(r, f->offset, f->key, raw);
		written = pwrite(f->journal, raw, sizeof(raw),
		    (off_t)f->offset) == (ssize_t)sizeof(raw);
		f->unsynced = true;
	}
	if (written)
		f->offset += sizeof(raw);
	else if (!f->unjournaled)
		log_put(LOG_LEVEL_ERROR, "queue-journal", "folder=%s why=%s "
		    "then=%s", f->name, strerror(errno), "mail goes on; after "
		    "a restart tries may be repeated");
	f->unjournaled = !written;
}

static void
on_synced(void *arg, int error, size_t failed)
{
	struct queue_folder *f = arg;

	f->syncing = false;
	if (error != 0)
		log_error("fdatasync", "a journal of the queue", error);
}

/* ---- their turns -------------------------------------------------------- */

/* The lock is there before the key: who adopts folders waits for that. */
static int
make_files(const struct queue *q, struct queue_folder *f)
{
	char key[queue_path_bytes];
	size_t n;
	int fd;

	if (mkdirat(q->dir, f->name, 0700) == -1 || !open_journal(q, f) ||
	    flock(f->journal, LOCK_EX | LOCK_NB) == -1)
		return -1;
	queue_folder_path(f, "key", key);
	fd = openat(q->dir, key, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	randombytes_buf(f->key, sizeof(f->key));
	n = file_write(fd, span_from(f->key, sizeof(f->key)));
	close(fd);
	f->has_key = n == sizeof(f->key);
	return f->has_key ? 0 : -1;
}

/* A folder with messages that are not in memory is left to be adopted. */
static void
close_full(struct queue *q)
{
	const struct queue_folder *f = q->current;

	if (f != NULL && (f->forgotten ||
	    f->entered + f->pinned >= messages_max || (f->entered > 0 &&
	    deadline_now_ms() >= f->made_ms + use_ms)))
		q->current = NULL;
}

struct queue_folder *
queue_folder_pin(struct queue *q)
{
	char name[ipc_id_bytes + 1];
	struct queue_folder *f;
	int error;

	close_full(q);
	if (q->current == NULL) {
		ident_make(name);
		f = queue_folder_add(q, name);
		if (f == NULL)
			return NULL;
		if (make_files(q, f) == -1) {
			error = errno;
			log_error("make a folder", "spool/queue", error);
			remove_files(q, f);
			queue_folder_drop(q, f);
			errno = error;
			return NULL;
		}
		q->current = f;
	}
	q->current->pinned++;
	return q->current;
}

void
queue_folder_put_aside(struct master *m, struct queue_folder *f,
    const char *name, const char *why)
{
	char path[ipc_id_bytes + 1 + NAME_MAX + 1], bad[sizeof(path)];
	int error;

	snprintf(path, sizeof(path), "%s/%s", f->name, name);
	snprintf(bad, sizeof(bad), "%s.%s", f->name, name);
	error = renameat(m->queue->dir, path, m->spool->bad, bad) == 0 ? 0 :
	    errno;
	if (error != 0 && error != ENOENT) {
		f->forgotten = true;
		f->again_ms = deadline_now_ms() + queue_again_ms;
	}
	m->queue->now.bad++;
	log_put(LOG_LEVEL_ERROR, "queue-bad", "file=%s why=%s then=%s", path,
	    why, error != 0 ? strerror(error) : "it is in spool/bad, and is "
	    "not sent: smtpctl explain with the first part of its name says "
	    "whose it is");
}

void
queue_folder_tick(struct master *m)
{
	struct queue *q = m->queue;
	struct queue_folder *f, *after;

	close_full(q);
	for (f = TAILQ_FIRST(&q->folders); f != NULL; f = after) {
		after = TAILQ_NEXT(f, entry);
		if (f->unsynced && !f->syncing && !m->stopping) {
			f->unsynced = false;
			f->syncing = true;
			f->sync = (struct disk_job){ .fds = &f->journal,
			    .count = 1, .data = true, .done = on_synced,
			    .arg = f };
			disk_sync(m, &f->sync);
		}
		if (f == q->current || f->unread || f->pinned > 0 ||
		    f->syncing || f->error != 0)
			continue;
		close_journal(f);
		if (f->count > 0 || deadline_now_ms() < f->again_ms)
			continue;
		if (!f->forgotten)
			remove_files(q, f);
		queue_folder_drop(q, f);
	}
}

/* ---- drafts ------------------------------------------------------------- */

/* Of an envelope, sealed: its recipients, and all else. */
enum {
	rest_max_bytes = 4 * 1024,
	rcpts_max_bytes = envelope_max_bytes - rest_max_bytes
};

enum verdict
queue_draft_add(struct queue_draft *d, const struct ipc_rcpt *rcpt,
    uint8_t delivered)
{
	const size_t end = d->rcpts.n + envelope_rcpt_max_bytes;
	struct ipc_rcpt to = *rcpt;
	uint8_t mark[queue_mark_bytes];

	to.notify |= delivered;
	crypto_generichash(mark, sizeof(mark), (const uint8_t *)&rcpt->to,
	    sizeof(rcpt->to), NULL, 0);
	for (size_t i = 0; i < d->count; i++)
		if (memcmp(d->marks[i], mark, sizeof(mark)) == 0)
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
	if (array_add(&d->marks, &d->count, mark, sizeof(mark)) == NULL)
		return VERDICT_TROUBLE;
	envelope_add(&d->rcpts, &to);
	return VERDICT_OK;
}

int
queue_draft_begin(struct master *m, struct queue_draft *d, struct envelope *e,
    struct span head, int *fd)
{
	const size_t max = d->rcpts.n + rest_max_bytes;
	struct buf plain = buf_over(malloc(max), max);
	uint8_t *block = NULL;
	int result = -1;
	size_t n;

	d->folder = queue_folder_pin(m->queue);
	snprintf(d->name, sizeof(d->name), "%.*s.q", SPAN_PRINT(e->id));
	e->rcpts = buf_span(&d->rcpts);
	e->count = (uint32_t)d->count;
	for (size_t i = 0; i < head.n; i++)
		d->head_lines += head.p[i] == '\n';
	if (plain.p != NULL && d->folder != NULL) {
		envelope_write(e, &plain);
		n = queue_block_bytes(plain.n);
		block = malloc(n + head.n);
	}
	if (block != NULL) {
		queue_block_seal(buf_span(&plain), d->folder->key, block);
		memcpy(block + n, head.p, head.n);
		d->head_bytes = n + head.n;
		result = spool_begin(m->spool, d->name,
		    span_from(block, d->head_bytes), fd);
	}
	/* Which keeps errno (POSIX.1-2024). */
	free(plain.p);
	free(block);
	return result;
}

/* A folder without a durable message is not durable itself. */
struct queued *
queue_draft_enter(struct master *m, struct queue_draft *d,
    const struct ipc_commit *c, struct maildir_batch *b)
{
	const uint64_t lines = d->head_lines + c->lines;
	struct queue_folder *f = d->folder;
	struct queued *q = queue_new(m, f, d->name);
	char key[queue_path_bytes], path[queue_path_bytes];
	const int dir = m->queue->dir;
	int error;

	if (q == NULL)
		return NULL;
	q->queued_s = q->next_s = queue_now_s(m);
	q->rcpts = q->left = (uint32_t)d->count;
	q->lines = lines > UINT32_MAX ? UINT32_MAX : (uint32_t)lines;
	q->size_kib = (uint32_t)(c->size / 1024 + 1);
	q->flags = c->flags;
	queue_folder_path(f, "key", key);
	queue_path(q, path);
	if (maildir_touch(b, dir, f->name, NULL) != -1 && (f->durable ||
	    (maildir_touch(b, dir, key, NULL) != -1 &&
	    maildir_touch(b, dir, ".", NULL) != -1)) &&
	    renameat(m->spool->incoming, d->name, dir, path) == 0) {
		f->entered++;
		d->name[0] = '\0';
		return q;
	}
	error = errno;
	queue_remove(m, q);
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
	m->queue->now.messages++;
	m->queue->now.held += (q->state & QUEUED_HELD) != 0;
	m->queue->known(m, q);
}

void
queue_draft_clear(struct master *m, struct queue_draft *d)
{
	if (d->name[0] != '\0')
		spool_discard(m->spool, d->name);
	if (d->folder != NULL)
		d->folder->pinned--;
	free(d->rcpts.p);
	free(d->marks);
	memset(d, 0, sizeof(*d));
}
