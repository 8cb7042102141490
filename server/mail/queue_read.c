/*
 * Reading the queue: at start, and whenever another master left a folder.  A
 * folder's journal first, then the names in it; what no journal knows has its
 * block opened.  All of it in pieces, while the server works.
 *
 * The journal may lack records, and have some of messages that have left long
 * ago: files are the truth.
 */
#include "server/mail/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/mail/queue_folder.h"
#include "server/mail/spool.h"
#include "shared/array.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

/* Of a turn; of a journal; and between two queue_write_clock(). */
enum { piece_us = 4 * 1000, piece_bytes = 64 * 1024, clock_s = 30 };

/* A folder being read; its messages by id, in a table of 2^n places. */
struct queue_reading {
	struct queue_folder	*folder;	/* NULL: none */
	int			 journal;
	DIR			*names;		/* NULL: journal comes first */
	uint64_t		 at;		/* in journal: octets[0] */
	size_t			 n;
	uint64_t		 damaged;
	struct queued		**table;
	size_t			 max, used;
	struct queue_name	*contents;	/* files ".c" */
	size_t			 content_count;
	uint8_t			 octets[piece_bytes];
};

/* What is looked for next. */
static struct {
	struct event	turn;
	bool		again;		/* without a change, too */
	struct timespec	changed;	/* of spool/queue, at the last look */
} look;

/* ---- the table ---------------------------------------------------------- */

static struct queued **
place_of(const struct queue_reading *r, const char *id)
{
	uint64_t hash = 14695981039346656037u;	/* FNV-1a */
	size_t at;

	for (size_t i = 0; i < ipc_id_bytes; i++)
		hash = (hash ^ (uint8_t)id[i]) * 1099511628211u;
	for (at = (size_t)hash & (r->max - 1); r->table[at] != NULL &&
	    memcmp(r->table[at]->id, id, ipc_id_bytes) != 0;
	    at = (at + 1) & (r->max - 1))
		continue;
	return &r->table[at];
}

static bool
grow_table(struct queue_reading *r)
{
	struct queued **old = r->table;
	size_t count = r->max;

	if (2 * r->used < r->max)
		return true;
	r->table = calloc(r->max == 0 ? 1024 : r->max * 2, sizeof(void *));
	if (r->table == NULL) {
		r->table = old;
		return false;
	}
	r->max = r->max == 0 ? 1024 : r->max * 2;
	for (size_t i = 0; i < count; i++)
		if (old[i] != NULL)
			*place_of(r, old[i]->id) = old[i];
	free(old);
	return true;
}

/* The message with this id, new if need be; NULL without memory. */
static struct queued *
find(struct master *m, struct queue_reading *r, const char *id)
{
	struct queued **place;

	if (!grow_table(r))
		return NULL;
	place = place_of(r, id);
	if (*place == NULL) {
		*place = queue_new(m, r->folder, id);
		r->used += *place != NULL;
	}
	return *place;
}

/* ---- a journal ---------------------------------------------------------- */

static void
apply(struct master *m, struct queue_reading *r, const struct queue_record *e)
{
	const int64_t now_s = queue_now_s(m);
	struct queued *q = find(m, r, e->id);

	if (q == NULL || (q->rcpts != 0 && q->rcpts != e->rcpts))
		return;
	if (q->rcpts == 0)
		q->rcpts = q->left = e->rcpts;
	q->queued_s = e->queued_s < now_s ? e->queued_s : now_s;
	q->next_s = e->next_s < now_s + queue_away_max_s ? e->next_s : now_s;
	q->size_kib = e->size_kib;
	q->tries = e->tries;
	q->state = e->state & QUEUED_SAVED;
	if (e->type == QUEUE_DONE)
		queue_set_done(q, e->index);
}

/* False: the journal was read. */
static bool
read_journal(struct master *m, struct queue_reading *r)
{
	struct queue_folder *f = r->folder;
	struct queue_record e;
	size_t used, damaged, done = 0;
	ssize_t n = r->journal == -1 ? 0 : pread(r->journal,
	    r->octets + r->n, sizeof(r->octets) - r->n, (off_t)(r->at + r->n));
	bool found = true;

	if (n == -1) {
		log_error("read", "the journal of a folder of the queue",
		    errno);
		n = 0;
	}
	r->n += (size_t)n;
	while (found) {
		found = queue_record_read(span_from(r->octets + done,
		    r->n - done), n == 0, r->at + done, f->key, &e, &used,
		    &damaged);
		if (found)
			apply(m, r, &e);
		r->damaged += damaged;
		done += used;
	}
	memmove(r->octets, r->octets + done, r->n - done);
	r->n -= done;
	r->at += done;
	f->offset = r->at;
	return n > 0;
}

/* ---- names -------------------------------------------------------------- */

/* A message that no journal knows. */
static void
read_block(struct master *m, struct queued *q)
{
	int64_t age_s;
	struct queue_open o;

	if (queue_open(m, q, &o) == -1) {
		if (errno == EBADMSG)
			return;
		q->folder->forgotten = true;
		log_error("open a message of the queue, which is tried again "
		    "later", q->folder->name, errno);
		return;
	}
	age_s = (int64_t)time(NULL) - o.envelope.queued_s;
	age_s = age_s < 0 ? 0 : age_s < queue_away_max_s ? age_s :
	    queue_away_max_s;
	q->next_s = queue_now_s(m);
	q->queued_s = q->next_s - age_s;
	q->rcpts = q->left = o.envelope.count;
	q->size_kib = (uint32_t)(o.size / 1024 + 1);
	queue_close(&o);
	queue_note_new(m, q);
}

static void
take_name(struct master *m, struct queue_reading *r, const char *name)
{
	struct queue_name n;
	struct queued *q;

	if (name[0] == '.' || strcmp(name, "key") == 0 ||
	    strcmp(name, "journal") == 0)
		return;
	if (!queue_name_read(name, &n)) {
		queue_folder_put_aside(m, r->folder, name, "its name is none "
		    "of the queue");
		return;
	}
	if (n.content) {
		(void)array_add(&r->contents, &r->content_count, &n,
		    sizeof(n));
		return;
	}
	q = find(m, r, n.id);
	r->folder->forgotten |= q == NULL;
	if (q == NULL || (q->state & QUEUED_KNOWN) != 0)
		return;
	q->lines = n.lines;
	q->flags = n.flags & CONTENT_FLAGS;
	if ((n.flags & QUEUE_APART) != 0)
		q->state |= QUEUED_APART;
	if (!r->folder->has_key)
		queue_put_aside(m, q, "the key of its folder is lost");
	else {
		if (q->rcpts == 0)
			read_block(m, q);
		if (q->rcpts != 0)
			q->state |= QUEUED_KNOWN;
	}
}

/*
 * A content whose block has gone was delivered, or never was committed; but not
 * if a block could not be read now.
 */
static void
remove_content(const struct master *m, const struct queue_reading *r,
    const struct queue_name *n)
{
	const struct queued *q = r->max == 0 ? NULL : *place_of(r, n->id);
	char name[queue_name_bytes], path[queue_path_bytes];

	if (r->folder->forgotten ||
	    (q != NULL && (q->state & QUEUED_KNOWN) != 0))
		return;
	queue_name_write(n, name);
	queue_folder_path(r->folder, name, path);
	(void)unlinkat(m->queue->dir, path, 0);
}

/* All names are known. */
static void
end_folder(struct master *m, struct queue_reading *r)
{
	for (size_t i = 0; i < r->content_count; i++)
		remove_content(m, r, &r->contents[i]);
	for (size_t i = 0; i < r->max; i++) {
		struct queued *q = r->table[i];
		bool known = q != NULL && (q->state & QUEUED_KNOWN) != 0;

		if (q == NULL)
			continue;
		q->state &= (uint8_t)~QUEUED_KNOWN;
		if (!known)
			queue_forget(m, q);
		else if (q->left == 0)
			queue_remove(m, q);
		else
			queue_count_in(m, q);
	}
	r->folder->state = QUEUE_FOLDER_CLOSED;
	if (r->damaged > 0)
		log_put(LOG_LEVEL_WARNING, "queue-journal", "folder=%s "
		    "octets=%zu why=%s then=%s", r->folder->name,
		    (size_t)r->damaged, "they are no records", "its other "
		    "records count; tries may be repeated");
	closedir(r->names);
	if (r->journal != -1)
		close(r->journal);
	free(r->table);
	free(r->contents);
	memset(r, 0, offsetof(struct queue_reading, octets));
}

/* ---- folders ------------------------------------------------------------ */

/* False: its directory cannot be opened. */
static bool
begin_folder(struct queue *all, struct queue_reading *r,
    struct queue_folder *f)
{
	char path[queue_path_bytes];
	int fd;

	fd = openat(all->dir, f->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	r->names = fd == -1 ? NULL : fdopendir(fd);
	if (r->names == NULL) {
		log_error("read a folder of the queue", f->name, errno);
		if (fd != -1)
			close(fd);
		look.again = true;
		return false;
	}
	queue_folder_path(f, "journal", path);
	r->journal = openat(all->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r->folder = f;
	return true;
}

/* One step: a piece of a journal, or a name.  False: all is read. */
static bool
step(struct master *m)
{
	struct queue *all = m->queue;
	struct queue_reading *r = all->reading;
	struct queue_folder *f;
	struct dirent *e;

	if (r->folder == NULL) {
		f = TAILQ_FIRST(&all->folders);
		while (f != NULL && f->state != QUEUE_FOLDER_UNREAD)
			f = TAILQ_NEXT(f, entry);
		return f != NULL && begin_folder(all, r, f);
	}
	if (r->at != UINT64_MAX && read_journal(m, r))
		return true;
	r->at = UINT64_MAX;	/* no more of it */
	e = readdir(r->names);
	if (e != NULL)
		take_name(m, r, e->d_name);
	else
		end_folder(m, r);
	return true;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	int64_t until_us = deadline_now_us() + piece_us;
	struct master *m = arg;
	struct queue *all = m->queue;
	bool more = true;

	while (more && deadline_now_us() < until_us)
		more = step(m);
	if (more)
		event_active(&look.turn, EV_TIMEOUT, 0);
	else {
		log_put(LOG_LEVEL_INFO, "queue-known", "messages=%zu held=%zu",
		    (size_t)all->messages, (size_t)all->held);
		free(all->reading);
		all->reading = NULL;
	}
}

/* One that is known already, or whose journal another master has, is not. */
static void
adopt(struct queue *all, const char *name)
{
	struct queue_folder *f, *after;
	char path[queue_path_bytes];
	int fd;

	after = TAILQ_FIRST(&all->folders);
	while (after != NULL && strcmp(after->name, name) < 0)
		after = TAILQ_NEXT(after, entry);
	if (after != NULL && strcmp(after->name, name) == 0)
		return;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return;
	memcpy(f->name, name, sizeof(f->name));
	f->dir = f->journal = -1;
	f->state = QUEUE_FOLDER_UNREAD;
	queue_folder_path(f, "journal", path);
	fd = openat(all->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1) {
		look.again = true;
		close(fd);
		free(f);
		return;
	}
	if (fd != -1)
		close(fd);
	queue_folder_path(f, "key", path);
	fd = openat(all->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	f->has_key = fd != -1 && file_read(fd, f->key, sizeof(f->key)) ==
	    sizeof(f->key);
	if (fd != -1)
		close(fd);
	if (after != NULL)
		TAILQ_INSERT_BEFORE(after, f, entry);
	else
		TAILQ_INSERT_TAIL(&all->folders, f, entry);
}

static int
begin_reading(struct queue *all)
{
	const struct queue_folder *f = TAILQ_FIRST(&all->folders);

	while (f != NULL && f->state != QUEUE_FOLDER_UNREAD)
		f = TAILQ_NEXT(f, entry);
	if (f == NULL || all->reading != NULL)
		return 0;
	all->reading = calloc(1, sizeof(*all->reading));
	if (all->reading == NULL)
		return -1;
	event_active(&look.turn, EV_TIMEOUT, 0);
	return 0;
}

static int
look_around(struct master *m)
{
	struct queue *all = m->queue;
	struct dirent *e;
	struct stat st;
	DIR *d;
	int fd;

	if (fstat(all->dir, &st) == -1)
		return -1;
	if (!look.again && memcmp(&st.st_mtim, &look.changed,
	    sizeof(look.changed)) == 0)
		return 0;
	fd = openat(all->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd == -1 ? NULL : fdopendir(fd);
	if (d == NULL)
		return -1;
	look.changed = st.st_mtim;
	/* Another change may follow in the same tick of the clock. */
	look.again = st.st_mtim.tv_sec + 1 >= time(NULL);
	while ((e = readdir(d)) != NULL) {
		if (ident_is(e->d_name))
			adopt(all, e->d_name);
		else if (e->d_name[0] == '.' && ident_is(e->d_name + 1))
			queue_folder_remove_unfinished(all, e->d_name);
	}
	closedir(d);
	return begin_reading(all);
}

/* What this master put into its folder until now is read from the disk. */
static void
become_owner(struct queue *all)
{
	all->delivers = flock(all->owner, LOCK_EX | LOCK_NB) == 0;
	if (!all->delivers)
		return;
	look.again = true;
	if (all->current != NULL && all->current->forgotten) {
		all->current->state = QUEUE_FOLDER_CLOSED;
		all->current = NULL;
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct queue *all = m->queue;
	static unsigned seconds;

	look.again |= queue_folder_tick(m);
	if (m->one_session || m->stopping)
		return;
	if (!all->delivers)
		become_owner(all);
	if (!all->delivers)
		return;
	if (all->messages > 0 && ++seconds % clock_s == 0)
		queue_write_clock(m);
	if (look_around(m) == -1)
		log_error("look for folders", "spool/queue", errno);
}

int
queue_start(struct master *m, const char **what)
{
	const struct timeval period = { 1, 0 };
	struct queue *all = calloc(1, sizeof(*all));

	*what = "spool/queue/owner";
	if (all == NULL)
		return -1;
	TAILQ_INIT(&all->folders);
	all->dir = m->spool->queue;
	all->owner = openat(all->dir, "owner", O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (all->owner == -1)
		return -1;
	m->queue = all;
	queue_read_clock(all);
	if (!m->one_session)
		become_owner(all);
	event_assign(&look.turn, m->base, -1, 0, on_turn, m);
	event_assign(&all->second, m->base, -1, EV_PERSIST, on_second, m);
	queue_folder_start(m);
	*what = "spool/queue";
	return event_add(&all->second, &period) == -1 ||
	    (all->delivers && look_around(m) == -1) ? -1 : 0;
}
