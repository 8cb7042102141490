/* Queued messages in memory, and their files as they leave. */
#include "server/mail/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/mail/queue_folder.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum { slab_messages = 256 };

int64_t
queue_now_s(const struct master *m)
{
	const struct queue *q = m->queue;

	return q->start_s + (deadline_now_ms() - q->start_ms) / 1000;
}

/* ---- in memory ---------------------------------------------------------- */

struct queued *
queue_new(struct master *m, struct queue_folder *f, const char *id)
{
	struct queue *all = m->queue;
	struct queued *q = all->unused, *slab;

	if (q == NULL) {
		slab = calloc(slab_messages, sizeof(*slab));
		if (slab == NULL)
			return NULL;
		if (array_add(&all->slabs, &all->slab_count, &slab,
		    sizeof(void *)) == NULL) {
			free(slab);
			return NULL;
		}
		for (size_t i = slab_messages; i-- > 0; q = &slab[i])
			slab[i].work = q;
	}
	all->unused = q->work;
	memset(q, 0, sizeof(*q));
	memcpy(q->id, id, sizeof(q->id));
	q->folder = f;
	return q;
}

void
queue_forget(struct master *m, struct queued *q)
{
	struct queue *all = m->queue;

	if ((q->state & QUEUED_KNOWN) != 0) {
		q->folder->count--;
		all->now.messages--;
		all->now.held -= (q->state & QUEUED_HELD) != 0;
	}
	free(q->done);
	q->state = 0;
	q->work = all->unused;
	all->unused = q;
}

struct queued *
queue_next(const struct master *m, size_t *cursor)
{
	const struct queue *all = m->queue;
	struct queued *q;

	while (*cursor / slab_messages < all->slab_count) {
		q = &all->slabs[*cursor / slab_messages]
		    [*cursor % slab_messages];
		++*cursor;
		if ((q->state & QUEUED_KNOWN) != 0)
			return q;
	}
	return NULL;
}

const struct queue_count *
queue_count(const struct master *m)
{
	return &m->queue->now;
}

bool
queue_is_done(const struct queued *q, uint32_t index)
{
	return q->done != NULL && index < q->rcpts &&
	    (q->done[index / 8] >> index % 8 & 1) != 0;
}

/* Without memory for the bits it is not done: rather twice than never. */
void
queue_set_done(struct queued *q, uint32_t index)
{
	if (q->done == NULL)
		q->done = calloc(1, q->rcpts / 8 + 1);
	if (q->done == NULL || index >= q->rcpts || queue_is_done(q, index))
		return;
	q->done[index / 8] |= (uint8_t)(1 << index % 8);
	q->left--;
}

/* ---- files -------------------------------------------------------------- */

void
queue_path(const struct queued *q, char out[queue_path_bytes])
{
	struct queue_name n = { .lines = q->lines, .flags = q->flags };
	char name[queue_name_bytes];

	memcpy(n.id, q->id, ipc_id_bytes);
	queue_name_write(&n, name);
	queue_folder_path(q->folder, name, out);
}

/* EBADMSG: it is damaged, and *why. */
static int
read_file(const struct queued *q, struct queue_open *out, const char **why)
{
	struct stat st;
	size_t n = 0;

	if (fstat(out->fd, &st) == -1)
		return -1;
	*why = "it is no file";
	errno = EBADMSG;
	if (!S_ISREG(st.st_mode))
		return -1;
	*why = "its block was changed or cut, or is of another key";
	if (q->folder->has_key)
		out->block = queue_block_read(out->fd, q->folder->key, q->id,
		    &n, &out->envelope);
	if (out->block == NULL)
		return -1;
	errno = EBADMSG;
	if (q->rcpts != 0 && out->envelope.count != q->rcpts)
		return -1;
	*why = "its content is cut";
	out->at = n;
	if ((uint64_t)st.st_size <= out->at)
		return -1;
	out->size = (uint64_t)st.st_size - out->at;
	out->lines = q->lines;
	out->flags = q->flags;
	return 0;
}

/* No journal knew q. */
static void
learn(struct master *m, struct queued *q, const struct queue_open *o)
{
	int64_t age_s = (int64_t)time(NULL) - o->envelope.queued_s;

	age_s = age_s < 0 ? 0 : age_s < queue_away_max_s ? age_s :
	    queue_away_max_s;
	q->queued_s = queue_now_s(m) - age_s;
	q->rcpts = q->left = o->envelope.count;
	q->size_kib = (uint32_t)(o->size / 1024 + 1);
	queue_note(m, q);
}

int
queue_open(struct master *m, struct queued *q, struct queue_open *out)
{
	char path[queue_path_bytes];
	const char *why = "it is no file";
	int error;

	memset(out, 0, sizeof(*out));
	queue_path(q, path);
	out->fd = openat(m->queue->dir, path, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);
	if (out->fd != -1 && read_file(q, out, &why) == 0) {
		if (q->rcpts == 0)
			learn(m, q, out);
		return 0;
	}
	/* A symbolic link or a socket is damage as well. */
	error = out->fd == -1 && (errno == ELOOP || errno == ENXIO) ?
	    EBADMSG : errno;
	queue_close(out);
	if (error == EBADMSG)
		queue_put_aside(m, q, why);
	errno = error;
	return -1;
}

void
queue_close(struct queue_open *o)
{
	if (o->fd != -1)
		close(o->fd);
	free(o->block);
	memset(o, 0, sizeof(*o));
	o->fd = -1;
}

void
queue_put_aside(struct master *m, const struct queued *q, const char *why)
{
	char path[queue_path_bytes];

	queue_path(q, path);
	queue_folder_put_aside(m, q->folder, path + ipc_id_bytes + 1, why);
}

void
queue_remove(struct master *m, struct queued *q)
{
	char path[queue_path_bytes];

	queue_path(q, path);
	if (unlinkat(m->queue->dir, path, 0) == -1 && errno != ENOENT)
		log_error("remove a message that was sent", path, errno);
	queue_forget(m, q);
}

/* ---- the journal -------------------------------------------------------- */

static void
note(struct master *m, const struct queued *q, uint32_t done)
{
	struct queue_record r = { .queued_s = q->queued_s,
	    .next_s = q->next_s, .size_kib = q->size_kib, .rcpts = q->rcpts,
	    .done = done, .tries = q->tries, .state = q->state & QUEUED_SAVED };

	memcpy(r.id, q->id, sizeof(r.id));
	if (q->rcpts > 0)
		queue_folder_note(m, q->folder, &r);
}

void
queue_note(struct master *m, const struct queued *q)
{
	note(m, q, 0);
}

void
queue_note_done(struct master *m, struct queued *q, uint32_t index,
    bool stays)
{
	queue_set_done(q, index);
	/* The file of the last one is removed: that is the mark. */
	if (q->left > 0 || stays)
		note(m, q, index + 1);
}

void
queue_hold(struct master *m, struct queued *q, bool held)
{
	m->queue->now.held -= (q->state & QUEUED_HELD) != 0;
	q->state = (uint8_t)((q->state & ~QUEUED_HELD) |
	    (held ? QUEUED_HELD : 0));
	m->queue->now.held += held;
	note(m, q, 0);
}
