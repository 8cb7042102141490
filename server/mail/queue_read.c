/*
 * Reading the queue, at start and when another master left a folder, in pieces:
 * its journal, then its names; what no journal knows has its block opened.
 * Records may be missing, or of messages that have left: files are the truth.
 */
#include "server/mail/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/mail/queue_folder.h"
#include "server/mail/spool.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

enum {
	piece_us = 4 * 1000,		/* of a turn */
	clock_bytes = 64,
	clock_s = 30,			/* between two write_clock() */
	making_ms = 60 * 1000		/* a new folder may lack its key */
};

/* What is read: a folder, with its messages by id. */
static struct {
	struct master		*master;
	struct event		 turn;
	struct queue_folder	*folder;	/* NULL: none */
	int			 journal;	/* -1: it was read */
	DIR			*names;
	bool			 found;		/* a folder: that is logged */
	uint64_t		 at;		/* in journal */
	uint64_t		 damaged;
	void			*known;		/* tree of struct queued */
} reading;

/* Each begins with an id. */
static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ipc_id_bytes);
}

static struct queued *
find(struct master *m, const char *id)
{
	struct queued **at = tfind(id, &reading.known, compare), *q;

	if (at != NULL)
		return *at;
	q = queue_new(m, reading.folder, id);
	if (q != NULL && tsearch(q, &reading.known, compare) != NULL)
		return q;
	reading.folder->forgotten = true;
	if (q != NULL)
		queue_forget(m, q);
	return NULL;
}

/* ---- a journal ---------------------------------------------------------- */

static void
apply(struct master *m, const struct queue_record *e)
{
	const int64_t now_s = queue_now_s(m);
	struct queued *q = find(m, e->id);

	if (q == NULL || (q->rcpts != 0 && q->rcpts != e->rcpts))
		return;
	if (q->rcpts == 0)
		q->rcpts = q->left = e->rcpts;
	q->queued_s = e->queued_s < now_s ? e->queued_s : now_s;
	q->next_s = e->next_s < now_s + queue_away_max_s ? e->next_s : now_s;
	q->size_kib = e->size_kib;
	q->tries = e->tries;
	q->state = e->state & QUEUED_SAVED;
	if (e->done > 0)
		queue_set_done(q, e->done - 1);
}

static bool
read_record(struct master *m)
{
	uint8_t raw[queue_record_bytes];
	struct queue_record r;
	ssize_t n = pread(reading.journal, raw, sizeof(raw),
	    (off_t)reading.at);

	if (n == -1)
		log_error("read", "a journal of the queue", errno);
	if (n <= 0)
		return false;
	if (n == (ssize_t)sizeof(raw) && queue_record_read(raw, reading.at,
	    reading.folder->key, &r))
		apply(m, &r);
	else
		reading.damaged += (uint64_t)n;
	reading.at += (uint64_t)n;
	return true;
}

/* ---- names -------------------------------------------------------------- */

/* A message that no journal knows; perhaps it can only be read later. */
static void
read_block(struct master *m, struct queued *q)
{
	struct queue_open o;

	q->queued_s = q->next_s = queue_now_s(m);
	if (queue_open(m, q, &o) == 0)
		queue_close(&o);
	else if (errno != EBADMSG && errno != ENOENT)
		q->left = 1;
}

static void
take_name(struct master *m, const char *name)
{
	struct queue_folder *f = reading.folder;
	struct queue_name n;
	struct queued *q;

	if (name[0] == '.' || strcmp(name, "key") == 0 ||
	    strcmp(name, "journal") == 0)
		return;
	if (!queue_name_read(name, &n)) {
		queue_folder_put_aside(m, f, name, "its name is none of the "
		    "queue");
		return;
	}
	q = find(m, n.id);
	if (q == NULL)
		return;
	(void)tdelete(q, &reading.known, compare);
	q->lines = n.lines;
	q->flags = n.flags;
	if (!f->has_key)
		queue_put_aside(m, q, "the key of its folder is lost");
	else if (q->rcpts == 0)
		read_block(m, q);
	if (q->rcpts == 0 && q->left == 0)
		queue_forget(m, q);
	else if (q->left == 0)
		queue_remove(m, q);
	else
		queue_count_in(m, q);
}

static void
end_folder(void)
{
	struct queue_folder *f = reading.folder;
	struct queued *q;

	f->unread = false;
	if (f->forgotten)
		f->again_ms = deadline_now_ms() + queue_again_ms;
	/* Records of what has left. */
	while (reading.known != NULL) {
		q = *(struct queued **)reading.known;
		(void)tdelete(q, &reading.known, compare);
		queue_forget(reading.master, q);
	}
	if (reading.damaged > 0)
		log_put(LOG_LEVEL_WARNING, "queue-journal", "folder=%s "
		    "octets=%zu why=%s then=%s", f->name,
		    (size_t)reading.damaged, "they are no records",
		    "its other records count; tries may be repeated");
	closedir(reading.names);
	reading.folder = NULL;
}

/* ---- folders ------------------------------------------------------------ */

/* f is adopted again; the reason why it cannot be read now is logged once. */
static void
cannot_read(struct queue *all, struct queue_folder *f, int error)
{
	f->unread = false;
	if (error == ENOENT) {
		queue_folder_drop(all, f);
		return;
	}
	if (error != f->error)
		log_error("read a folder of the queue, which is tried again",
		    f->name, error);
	f->error = error;
}

/* False: there is none. */
static bool
begin_folder(struct queue *all)
{
	struct queue_folder *f = TAILQ_FIRST(&all->folders);
	char path[queue_path_bytes];

	while (f != NULL && !f->unread)
		f = TAILQ_NEXT(f, entry);
	if (f == NULL)
		return false;
	reading.names = file_list(all->dir, f->name);
	if (reading.names == NULL) {
		cannot_read(all, f, errno);
		return begin_folder(all);
	}
	f->error = 0;
	reading.found = true;
	queue_folder_path(f, "journal", path);
	reading.journal = openat(all->dir, path, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
	reading.folder = f;
	reading.at = reading.damaged = 0;
	return true;
}

static void
step(struct master *m)
{
	struct dirent *e;

	if (reading.journal != -1) {
		if (read_record(m))
			return;
		close(reading.journal);
		reading.journal = -1;
	}
	errno = 0;
	e = readdir(reading.names);
	reading.folder->forgotten |= errno != 0;
	if (e != NULL)
		take_name(m, e->d_name);
	else
		end_folder();
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	int64_t until_us = deadline_now_us() + piece_us;
	struct master *m = arg;
	struct queue *all = m->queue;

	while ((reading.folder != NULL || begin_folder(all)) &&
	    deadline_now_us() < until_us)
		step(m);
	if (reading.folder != NULL) {
		event_add(&reading.turn, &(struct timeval){ 0, 0 });
		return;
	}
	all->now.reading = false;
	if (!reading.found)
		return;
	reading.found = false;
	log_put(LOG_LEVEL_INFO, "queue-known", "messages=%zu held=%zu",
	    (size_t)all->now.messages, (size_t)all->now.held);
}

/* Not one that another master has; that is looked at again. */
static void
adopt(struct queue *all, const char *name)
{
	struct queue_folder *f = queue_folder_add(all, name);
	char path[queue_path_bytes];
	struct stat st = { .st_size = 0 };
	int64_t age_ms;
	bool locked;
	int fd;

	if (f == NULL)
		return;
	queue_folder_path(f, "key", path);
	errno = 0;
	f->has_key = queue_key_read(all->dir, path, f->key);
	if (!f->has_key && errno != 0 && errno != ENOENT) {
		cannot_read(all, f, errno);
		return;
	}
	queue_folder_path(f, "journal", path);
	fd = openat(all->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	locked = fd != -1 && (flock(fd, LOCK_EX | LOCK_NB) == -1 ||
	    fstat(fd, &st) == -1);
	file_close(fd);
	age_ms = (int64_t)time(NULL) * 1000 - ident_ms(name);
	/* One that was used had its key. */
	if (locked || (!f->has_key && st.st_size == 0 && age_ms >= 0 &&
	    age_ms < making_ms))
		queue_folder_drop(all, f);
	else
		f->unread = all->now.reading = true;
}

static int
look_around(struct queue *all)
{
	DIR *d = file_list(all->dir, ".");
	struct dirent *e;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (ident_is(e->d_name))
			adopt(all, e->d_name);
	closedir(d);
	if (all->now.reading)
		event_add(&reading.turn, &(struct timeval){ 0, 0 });
	return 0;
}

/* ---- begin and end ------------------------------------------------------ */

static void
read_clock(struct queue *q)
{
	int64_t wall_s = (int64_t)time(NULL), away_s;
	char text[clock_bytes + 1] = "";
	uint64_t queue_s, then_s;
	struct span in;

	q->start_ms = deadline_now_ms();
	q->start_s = wall_s;
	if (pread(q->owner, text, clock_bytes, 0) <= 0)
		return;
	in = span_of(text);
	if (!span_number(span_cut(&in, ' '), &queue_s) ||
	    !span_number(span_cut(&in, '\n'), &then_s) ||
	    queue_s > INT64_MAX / 2 || then_s > INT64_MAX)
		return;
	away_s = wall_s < (int64_t)then_s ? 0 : wall_s - (int64_t)then_s;
	q->start_s = (int64_t)queue_s + (away_s < queue_away_max_s ? away_s :
	    queue_away_max_s);
}

static void
write_clock(const struct master *m)
{
	char text[clock_bytes];
	int n = snprintf(text, sizeof(text), "%lld %lld\n",
	    (long long)queue_now_s(m), (long long)time(NULL));

	if (pwrite(m->queue->owner, text, (size_t)n, 0) != n)
		log_error("write", "spool/queue/owner", errno);
}

void
queue_second(struct master *m)
{
	struct queue *all = m->queue;
	static unsigned seconds;

	queue_folder_tick(m);
	if (m->one_session || m->stopping)
		return;
	if (!all->delivers)
		all->delivers = flock(all->owner, LOCK_EX | LOCK_NB) == 0;
	if (!all->delivers)
		return;
	if (all->now.messages > 0 && ++seconds % clock_s == 0)
		write_clock(m);
	if (look_around(all) == -1)
		log_error("look for folders", "spool/queue", errno);
}

int
queue_start(struct master *m, void (*known)(struct master *m,
    struct queued *q), const char **what)
{
	struct queue *all = calloc(1, sizeof(*all));

	*what = "spool/queue/owner";
	if (all == NULL)
		return -1;
	TAILQ_INIT(&all->folders);
	all->known = known;
	all->dir = m->spool->queue;
	all->owner = openat(all->dir, "owner", O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (all->owner == -1)
		return -1;
	m->queue = all;
	reading.master = m;
	read_clock(all);
	event_assign(&reading.turn, m->base, -1, 0, on_turn, m);
	queue_second(m);
	return 0;
}

void
queue_stop(struct master *m)
{
	if (m->queue->delivers && m->queue->now.messages > 0)
		write_clock(m);
	m->queue->current = NULL;
	queue_folder_tick(m);
}
