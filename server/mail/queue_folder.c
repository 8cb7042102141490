/*
 * Folders of the queue: made ahead, filled with at most 4,096 messages or for
 * an hour, and removed when they are empty.  A folder is durable, with its key,
 * before a message goes there.
 */
#include "server/mail/queue_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/mail/spool.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	messages_max = 4096,		/* of a folder; about */
	ahead_messages = 1024,		/* before that, the next is made */
	use_ms = 60 * 60 * 1000,
	ahead_ms = 5 * 60 * 1000,
	left_over_ms = 60 * 60 * 1000,
	records_max_bytes = 1024 * 1024	/* not written, of one journal */
};

void
queue_folder_path(const struct queue_folder *f, const char *name,
    char out[queue_path_bytes])
{
	snprintf(out, queue_path_bytes, "%s/%s", f->name, name);
}

bool
queue_folder_grow(struct buf *b, size_t more)
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

/* ---- journals ----------------------------------------------------------- */

static void
log_journal(struct queue_folder *f, int error)
{
	if (!f->unjournaled)
		log_put(LOG_LEVEL_ERROR, "queue-journal", "folder=%s why=%s "
		    "then=%s", f->name, strerror(error), "mail goes on; after "
		    "a restart tries may be repeated");
	f->unjournaled = true;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* A journal that is not as long as it was left is another: records are lost. */
static bool
open_journal(struct queue *q, struct queue_folder *f)
{
	char path[queue_path_bytes];
	struct stat st;

	if (f->journal != -1)
		return true;
	queue_folder_path(f, "journal", path);
	f->journal = openat(q->dir, path, O_WRONLY | O_APPEND | O_CREAT |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->journal == -1 || fstat(f->journal, &st) == -1)
		return false;
	if ((uint64_t)st.st_size + f->records.n != f->offset) {
		log_journal(f, ESTALE);
		f->offset = (uint64_t)st.st_size;
		f->records.n = 0;
	}
	return true;
}

static void
write_records(struct queue *q, struct queue_folder *f)
{
	ssize_t n;

	if (f->records.n == 0)
		return;
	n = open_journal(q, f) ? write(f->journal, f->records.p,
	    f->records.n) : -1;
	if (n == -1) {
		log_journal(f, errno);
		return;
	}
	f->unjournaled = false;
	f->unsynced = true;
	memmove(f->records.p, f->records.p + n, f->records.n - (size_t)n);
	f->records.n -= (size_t)n;
	if (f->records.n > 0)
		return;
	free(f->records.p);
	f->records = (struct buf){ NULL, 0, 0, false };
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = ((struct master *)arg)->queue;
	struct queue_folder *f;

	for (f = TAILQ_FIRST(&q->folders); f != NULL; f = TAILQ_NEXT(f, entry))
		write_records(q, f);
}

void
queue_folder_note(struct master *m, struct queue_folder *f,
    const struct queue_record *r)
{
	struct queue *q = m->queue;
	size_t before;

	if (f->records.n >= records_max_bytes ||
	    !queue_folder_grow(&f->records, queue_record_max_bytes)) {
		log_journal(f, ENOBUFS);
		return;
	}
	before = f->records.n;
	queue_record_write(r, f->offset, f->key, &f->records);
	f->offset += f->records.n - before;
	event_active(&q->turn, EV_TIMEOUT, 0);
}

static void
on_journal_synced(void *arg, int error, size_t failed)
{
	struct queue_folder *f = arg;

	f->syncing = false;
	if (error != 0)
		log_error("fdatasync", "the journal of a folder of the queue",
		    error);
	if (f->state == QUEUE_FOLDER_CLOSED && !f->unsynced)
		close_fd(&f->journal);
}

static void
begin_sync(struct master *m, struct queue_folder *f)
{
	f->unsynced = false;
	f->syncing = true;
	f->sync = (struct disk_job){ .fds = &f->journal, .count = 1,
	    .data = true, .done = on_journal_synced, .arg = f };
	disk_sync(m, &f->sync);
}

/* ---- a new folder ------------------------------------------------------- */

static void
free_folder(struct queue *q, struct queue_folder *f)
{
	TAILQ_REMOVE(&q->folders, f, entry);
	if (f == q->current)
		q->current = NULL;
	if (f == q->next)
		q->next = NULL;
	close_fd(&f->dir);
	close_fd(&f->journal);
	free(f->records.p);
	sodium_memzero(f->key, sizeof(f->key));
	free(f);
}

/* Has the folder files beside key and journal, or can it not be read? */
static bool
has_files(const struct queue *q, const char *name)
{
	int fd = openat(q->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool found = d == NULL;

	while (!found && (e = readdir(d)) != NULL)
		found = e->d_name[0] != '.' &&
		    strcmp(e->d_name, "key") != 0 &&
		    strcmp(e->d_name, "journal") != 0;
	if (d != NULL)
		closedir(d);
	else
		close_fd(&fd);
	return found;
}

/* The key goes last: without it, a file would be lost. */
static void
remove_folder(struct queue *q, struct queue_folder *f)
{
	char path[queue_path_bytes];

	if (!has_files(q, f->name)) {
		queue_folder_path(f, "journal", path);
		(void)unlinkat(q->dir, path, 0);
		queue_folder_path(f, "key", path);
		(void)unlinkat(q->dir, path, 0);
		(void)unlinkat(q->dir, f->name, AT_REMOVEDIR);
	}
	free_folder(q, f);
}

/* Its name has the time when it was made. */
void
queue_folder_remove_unfinished(const struct queue *q, const char *name)
{
	char path[queue_path_bytes];

	if (ident_ms(name + 1) + left_over_ms > (int64_t)time(NULL) * 1000)
		return;
	snprintf(path, sizeof(path), "%s/journal", name);
	(void)unlinkat(q->dir, path, 0);
	snprintf(path, sizeof(path), "%s/key", name);
	(void)unlinkat(q->dir, path, 0);
	(void)unlinkat(q->dir, name, AT_REMOVEDIR);
}

/*
 * Makes the files of f in ".SEG", which nobody adopts, and then the name; on
 * failure what was made stays there.
 */
static int
make_files(struct queue *q, struct queue_folder *f)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char path[ipc_id_bytes + 2];

	snprintf(path, sizeof(path), ".%s", f->name);
	if (mkdirat(q->dir, path, 0700) == -1)
		return -1;
	f->dir = openat(q->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (f->dir == -1)
		return -1;
	f->journal = openat(f->dir, "journal", flags | O_APPEND, 0600);
	if (f->journal == -1 || flock(f->journal, LOCK_EX | LOCK_NB) == -1)
		return -1;
	f->fresh[0] = openat(f->dir, "key", flags, 0600);
	return f->fresh[0] == -1 || file_write(f->fresh[0],
	    span_from(f->key, sizeof(f->key))) < sizeof(f->key) ? -1 :
	    renameat(q->dir, path, q->dir, f->name);
}

/* Makes a folder, which is not durable; NULL: that was logged. */
static struct queue_folder *
make_folder(struct queue *q)
{
	struct queue_folder *f = calloc(1, sizeof(*f));
	int error;

	if (f == NULL)
		return NULL;
	f->dir = f->journal = f->fresh[0] = -1;
	ident_make(f->name);
	randombytes_buf(f->key, sizeof(f->key));
	f->has_key = true;
	f->made_ms = deadline_now_ms();
	TAILQ_INSERT_TAIL(&q->folders, f, entry);
	if (make_files(q, f) == 0) {
		f->fresh[1] = f->dir;
		f->fresh[2] = q->dir;
		return f;
	}
	error = errno;
	close_fd(&f->fresh[0]);
	free_folder(q, f);
	log_error("make a folder", "spool/queue", error);
	errno = error;
	return NULL;
}

/* The folder is durable, or that failed. */
static void
on_made(void *arg, int error, size_t failed)
{
	struct queue_folder *f = arg;

	close_fd(&f->fresh[0]);
	f->syncing = false;
	f->state = error == 0 ? QUEUE_FOLDER_OPEN : QUEUE_FOLDER_CLOSED;
	if (error != 0)
		log_error("fsync of a new folder", "spool/queue", error);
}

static void
make_ahead(struct master *m)
{
	struct queue *q = m->queue;
	struct queue_folder *f = q->next = make_folder(q);

	if (f == NULL)
		return;
	f->syncing = true;
	f->sync = (struct disk_job){ .fds = f->fresh, .count = 3,
	    .done = on_made, .arg = f };
	disk_sync(m, &f->sync);
}

/* The first folder, if mail comes before it could be made ahead. */
static struct queue_folder *
make_at_once(struct queue *q)
{
	struct queue_folder *f = make_folder(q);
	int error = 0;

	for (size_t i = 0; f != NULL && i < 3; i++)
		if (error == 0 && fsync(f->fresh[i]) == -1)
			error = errno;
	if (f != NULL)
		on_made(f, error, 0);
	errno = error != 0 ? error : errno;
	return error == 0 ? f : NULL;
}

void
queue_folder_put_aside(struct master *m, const struct queue_folder *f,
    const char *name, const char *why)
{
	char path[ipc_id_bytes + 1 + NAME_MAX + 1], bad[sizeof(path)];
	int error;

	snprintf(path, sizeof(path), "%s/%s", f->name, name);
	snprintf(bad, sizeof(bad), "%s.%s", f->name, name);
	error = renameat(m->queue->dir, path, m->spool->bad, bad) == 0 ? 0 :
	    errno;
	if (why == NULL)
		return;
	m->queue->bad++;
	log_put(LOG_LEVEL_ERROR, "queue-bad", "file=%s why=%s then=%s", path,
	    why, error != 0 ? strerror(error) : "it is in spool/bad, and is "
	    "not sent: smtpctl explain with the first part of its name says "
	    "whose it is");
}

/* ---- their turns -------------------------------------------------------- */

/* Of f, so many messages and so much time are left; none: it is full. */
static bool
is_full(const struct queue_folder *f, uint32_t messages, int64_t ms)
{
	return f->entered + f->pinned + messages >= messages_max ||
	    f->forgotten || (f->entered > 0 &&
	    deadline_now_ms() + ms >= f->made_ms + use_ms);
}

/* While the next folder is not durable yet, the current one is overfilled. */
static void
rotate(struct queue *q)
{
	struct queue_folder *next = q->next;

	if (next != NULL && next->state == QUEUE_FOLDER_CLOSED)
		next = q->next = NULL;
	if (next == NULL || next->state != QUEUE_FOLDER_OPEN ||
	    (q->current != NULL && !is_full(q->current, 0, 0)))
		return;
	if (q->current != NULL)
		q->current->state = QUEUE_FOLDER_CLOSED;
	next->made_ms = deadline_now_ms();
	q->current = next;
	q->next = NULL;
}

struct queue_folder *
queue_folder_pin(struct master *m)
{
	struct queue *q = m->queue;

	rotate(q);
	if (q->current == NULL)
		q->current = make_at_once(q);
	if (q->current == NULL)
		return NULL;
	q->current->pinned++;
	q->pinned++;
	if (q->next == NULL && !m->one_session &&
	    is_full(q->current, ahead_messages, 0) &&
	    (q->current->entered + q->current->pinned) % ahead_messages == 0)
		make_ahead(m);
	return q->current;
}

void
queue_folder_unpin(struct master *m, struct queue_folder *f)
{
	f->pinned--;
	m->queue->pinned--;
}

void
queue_folder_start(struct master *m)
{
	struct queue *q = m->queue;

	event_assign(&q->turn, m->base, -1, 0, on_turn, m);
	if (m->conf.relay.line != 0 && !m->one_session)
		q->current = make_at_once(q);
}

/* True: it was given up, and others may adopt it. */
static bool
sweep(struct queue *q, struct queue_folder *f)
{
	if (f->state != QUEUE_FOLDER_CLOSED || f->pinned > 0 || f->syncing)
		return false;
	close_fd(&f->dir);
	if (f->records.n > 0)
		return false;
	close_fd(&f->journal);
	if (f->count > 0)
		return false;
	if (!f->forgotten) {
		remove_folder(q, f);
		return false;
	}
	free_folder(q, f);
	return true;
}

bool
queue_folder_tick(struct master *m)
{
	struct queue *q = m->queue;
	struct queue_folder *f, *after;
	bool given_up = false;

	rotate(q);
	if (q->next == NULL && !m->one_session && !m->stopping &&
	    (q->current == NULL ? m->conf.relay.line != 0 :
	    is_full(q->current, ahead_messages, ahead_ms)))
		make_ahead(m);
	for (f = TAILQ_FIRST(&q->folders); f != NULL; f = after) {
		after = TAILQ_NEXT(f, entry);
		write_records(q, f);
		if (f->unsynced && !f->syncing && f->journal != -1)
			begin_sync(m, f);
		given_up |= sweep(q, f);
	}
	return given_up;
}

void
queue_folder_stop(struct master *m)
{
	struct queue *q = m->queue;
	struct queue_folder *f, *after;

	for (f = TAILQ_FIRST(&q->folders); f != NULL; f = after) {
		after = TAILQ_NEXT(f, entry);
		write_records(q, f);
		if (f->state != QUEUE_FOLDER_UNREAD && f->count == 0 &&
		    f->pinned == 0 && !f->forgotten && !f->syncing)
			remove_folder(q, f);
	}
}
