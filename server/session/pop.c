/*
 * POP3: the mailbox of a user who has logged in.  The worker gets a list of its
 * files, and names messages by their rows; what it asks for can only be this
 * user's.  Of the list the master keeps the descriptor alone.
 */
#include "server/session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/log/log_message.h"
#include "server/mail/maildir.h"
#include "server/process/disk.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"

enum { turn_rows = 256, subs_count = 2 };

static const char *const subs[subs_count] = { "new", "cur" };

struct pop {
	struct session	*session;	/* NULL: gone while the disk works */
	struct master	*master;
	int		 list;		/* of struct ipc_row; or -1 */
	uint32_t	 rows;		/* in it */
	/* Of the list that is being made: */
	int		 next;		/* or -1 */
	int		 out;		/* writes to it; or -1 */
	uint32_t	 listed;
	DIR		*dir;		/* that is read; or NULL */
	unsigned	 sub;		/* of subs[] */
	struct event	 turn;
	int64_t		 used_us;	/* for all lists, by turns */
	/* Of the deletions since the last EXPUNGE: */
	uint32_t	 left;		/* not removed */
	int		 error;		/* errno, but for missing files; 0 */
	int		 dirs[subs_count];	/* to be synced */
	struct disk_job	 sync;
	bool		 syncing;
	uint64_t	 opened, fetched, deleted;	/* messages */
};

static void
log_failed(const struct session *s, const char *what, int error)
{
	log_put(LOG_LEVEL_ERROR, "mailbox-failed", "session=%s client=%s "
	    "user=%s what=%s why=%s", s->id, s->client.text, s->user, what,
	    strerror(error));
}

/* Answers a record that it took turns, or the disk, to answer. */
static void
answer_late(struct session *s, enum ipc_when when, struct ipc_record *r,
    int fd)
{
	pool_permit(s->worker, when);
	if (pool_send(s->worker, r, fd) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

/* ---- the list ----------------------------------------------------------- */

static void
end_list(struct pop *p)
{
	event_del(&p->turn);
	file_close(p->out);
	file_close(p->next);
	if (p->dir != NULL)
		closedir(p->dir);
	p->dir = NULL;
	p->out = p->next = -1;
}

static void
drop(struct pop *p)
{
	end_list(p);
	file_close(p->list);
	free(p);
}

/* Without a list there is no mailbox, and the client may log in again. */
static void
fail_list(struct session *s, int error)
{
	struct ipc_record r = { .type = IPC_VERDICT,
	    .u.verdict.reply = REPLY_TROUBLE };
	struct pop *p = s->pop;
	const bool again = p->list != -1;

	log_failed(s, "list the mailbox", error);
	end_list(p);
	if (!again) {
		drop(p);
		s->pop = NULL;
		s->user[0] = '\0';
	}
	answer_late(s, again ? IPC_AT_BOX : IPC_AT_SESSION, &r, -1);
}

static void
finish_list(struct session *s)
{
	struct ipc_record r = { .type = IPC_FILE };
	struct pop *p = s->pop;

	if (p->list == -1)
		s->master->counters.value[COUNTER_MAILBOXES]++;
	/* An honest worker lists seldom; else it waits for as long again. */
	else if (p->used_us > 0)
		pool_pause(s->worker, p->used_us);
	file_close(p->list);
	p->list = p->next;
	p->rows = p->listed;
	p->next = -1;
	end_list(p);
	r.u.number.n = p->rows;
	answer_late(s, IPC_AT_BOX, &r, p->list);
}

/* The next entry of new and cur; NULL, and errno 0 at their end. */
static const struct dirent *
next_entry(struct pop *p)
{
	const struct dirent *e;
	int fd;

	for (; p->sub < subs_count; p->sub++) {
		if (p->dir == NULL) {
			fd = maildir_open(p->master->spool, p->session->user,
			    subs[p->sub]);
			/* No mail has come for this user yet. */
			if (fd == -1 && errno == ENOENT)
				continue;
			p->dir = fd == -1 ? NULL : fdopendir(fd);
			if (p->dir == NULL) {
				file_close(fd);
				return NULL;
			}
		}
		errno = 0;
		e = readdir(p->dir);
		if (e != NULL || errno != 0)
			return e;
		closedir(p->dir);
		p->dir = NULL;
	}
	errno = 0;
	return NULL;
}

/* Some entries a turn, whatever the size of the mailbox. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	static struct ipc_row rows[turn_rows];
	static const struct timeval soon;
	struct session *s = arg;
	struct pop *p = s->pop;
	const int64_t begun_us = deadline_now_us();
	const struct dirent *e = NULL;
	size_t n = 0;

	memset(rows, 0, sizeof(rows));
	for (size_t seen = 0; seen < turn_rows; seen++) {
		e = next_entry(p);
		if (e == NULL)
			break;
		if (e->d_name[0] == '.' || p->listed + n == ipc_rows_max)
			continue;
		rows[n].sub = subs[p->sub][0];
		memcpy(rows[n++].name, e->d_name, strnlen(e->d_name,
		    sizeof(rows[0].name)));
	}
	if ((e == NULL && errno != 0) || file_write(p->out, span_from(rows,
	    n * sizeof(rows[0]))) < n * sizeof(rows[0])) {
		fail_list(s, errno);
		return;
	}
	p->listed += (uint32_t)n;
	p->used_us += deadline_now_us() - begun_us;
	if (e == NULL)
		finish_list(s);
	else
		evtimer_add(&p->turn, &soon);
}

/* The file has a name only between these calls. */
static int
make_list(const struct session *s, struct pop *p)
{
	const struct spool *spool = s->master->spool;

	if (spool_begin(spool, s->id, span_of(""), &p->out) == -1)
		return -1;
	p->next = openat(spool->incoming, s->id, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
	spool_discard(spool, s->id);
	return p->next == -1 ? -1 : 0;
}

static bool
is_in_use(const struct session *s)
{
	const struct session *t;

	TAILQ_FOREACH(t, &s->master->sessions->list[SESSIONS_SERVED], entry)
		if (t->pop != NULL && strcmp(t->user, s->user) == 0)
			return true;
	return false;
}

/* The worker waits; no other record of it is answered meanwhile. */
static bool
begin_list(struct session *s)
{
	const bool first = s->pop == NULL;
	struct pop *p = s->pop;

	if (first && is_in_use(s)) {
		log_put(LOG_LEVEL_INFO, "mailbox-in-use", "session=%s "
		    "client=%s user=%s", s->id, s->client.text, s->user);
		s->user[0] = '\0';
		return dispatch_answer(s, REPLY_POP_IN_USE);
	}
	if (first) {
		p = s->pop = malloc(sizeof(*p));
		if (p == NULL) {
			pool_lost(s->worker, "no memory for a mailbox");
			return true;
		}
		*p = (struct pop){ .session = s, .master = s->master,
		    .list = -1, .next = -1, .out = -1, .dirs = { -1, -1 } };
		event_assign(&p->turn, s->master->base, -1, 0, on_turn, s);
	}
	p->listed = 0;
	p->sub = 0;
	pool_permit(s->worker, IPC_AT_LOGIN);
	if (make_list(s, p) == -1)
		fail_list(s, errno);
	else
		on_turn(-1, 0, s);
	return true;
}

/* ---- messages ----------------------------------------------------------- */

/* The row of that number, which is in the list, and its directory, to close. */
static int
open_row(const struct session *s, uint32_t number, char name[ipc_row_bytes])
{
	struct ipc_row row;

	if (pread(s->pop->list, &row, sizeof(row),
	    (off_t)(number - 1) * (off_t)sizeof(row)) != sizeof(row)) {
		errno = EIO;
		return -1;
	}
	snprintf(name, ipc_row_bytes, "%.*s", (int)sizeof(row.name), row.name);
	return maildir_open(s->master->spool, s->user, subs[row.sub == 'c']);
}

/* SECONDS.ID.HOST: only the message of a name that smtpd gave has an id. */
static void
record(const struct session *s, enum log_event event, const char *name)
{
	struct span rest = span_of(name), id;
	char why[address_text_bytes + 16], text[ipc_id_bytes + 1];

	(void)span_cut(&rest, '.');
	id = span_cut(&rest, '.');
	snprintf(text, sizeof(text), "%.*s", SPAN_PRINT(id));
	if (id.n != ipc_id_bytes || !ident_is(text))
		return;
	snprintf(why, sizeof(why), "POP3 from %s", s->client.text);
	log_message_add(s->master->log, &(struct log_record){ .event = event,
	    .id = id, .by = span_of(s->user), .why = span_of(why) });
}

bool
pop_fetch(struct session *s, const struct ipc_record *r)
{
	const struct ipc_fetch *f = &r->u.fetch;
	struct ipc_record out = { .type = IPC_FILE };
	struct pop *p = s->pop;
	char name[ipc_row_bytes];
	struct stat st;
	int dir, fd;
	bool kept;

	if ((s->words & LISTEN_POP3) == 0 || s->user[0] == '\0')
		return false;
	if (f->row == 0)
		return begin_list(s);
	if (p == NULL || f->row > p->rows)
		return false;
	dir = open_row(s, f->row, name);
	/* A named pipe would make the master wait. */
	fd = dir == -1 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);
	file_close(dir);
	if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		file_close(fd);
		fd = -1;
		errno = EINVAL;
	}
	if (fd == -1 && errno == ENOENT)
		return dispatch_answer(s, REPLY_POP_GONE);
	if (fd == -1) {
		log_failed(s, "open a message", errno);
		return dispatch_answer(s, REPLY_TROUBLE);
	}
	p->opened++;
	if (f->counts) {
		p->fetched++;
		s->master->counters.value[COUNTER_FETCHED]++;
		record(s, LOG_EVENT_FETCHED, name);
	}
	kept = dispatch_send(s, &out, fd);
	close(fd);
	return kept;
}

bool
pop_delete(struct session *s, const struct ipc_record *r)
{
	struct pop *p = s->pop;
	char name[ipc_row_bytes];
	int dir, result;

	for (uint32_t i = 0; i < r->u.delete.count; i++) {
		const uint32_t row = r->u.delete.row[i];

		if (row == 0 || row > p->rows)
			return false;
		dir = open_row(s, row, name);
		result = dir == -1 ? -1 : unlinkat(dir, name, 0);
		file_close(dir);
		if (result == 0) {
			p->deleted++;
			s->master->counters.value[COUNTER_DELETED]++;
			record(s, LOG_EVENT_DELETED, name);
			continue;
		}
		p->left++;
		if (errno != ENOENT)
			p->error = errno;
	}
	return true;
}

static void
on_synced(void *arg, int error, size_t failed)
{
	struct ipc_record r = { .type = IPC_VERDICT };
	struct pop *p = arg;
	struct session *s = p->session;

	for (size_t i = 0; i < subs_count; i++) {
		file_close(p->dirs[i]);
		p->dirs[i] = -1;
	}
	p->syncing = false;
	if (s == NULL) {
		drop(p);
		return;
	}
	if (error == 0)
		error = p->error;
	if (error != 0)
		log_failed(s, "delete messages", error);
	if (log_message_flush(p->master->log) == -1)
		log_error("write", "log/message", errno);
	r.u.verdict.reply = p->left > 0 ? REPLY_POP_LEFT : error != 0 ?
	    REPLY_TROUBLE : REPLY_OK;
	snprintf(r.u.verdict.id, sizeof(r.u.verdict.id), "%u", p->left);
	p->left = 0;
	p->error = 0;
	answer_late(s, IPC_AT_BOX, &r, -1);
}

/* After a failed sync it is unknown what is durable, and no +OK is sent. */
bool
pop_expunge(struct session *s, const struct ipc_record *r)
{
	struct pop *p = s->pop;
	size_t n = 0;

	for (size_t i = 0; i < subs_count; i++) {
		p->dirs[n] = maildir_open(s->master->spool, s->user, subs[i]);
		if (p->dirs[n] != -1)
			n++;
		else if (errno != ENOENT)
			p->error = errno;
	}
	pool_permit(s->worker, IPC_AT_COMMIT);
	p->syncing = true;
	p->sync = (struct disk_job){ .fds = p->dirs, .count = n,
	    .done = on_synced, .arg = p };
	disk_sync(s->master, &p->sync);
	return true;
}

void
pop_end(struct session *s, struct log_line *l)
{
	struct pop *p = s->pop;

	if (p == NULL)
		return;
	s->pop = NULL;
	log_add(l, "user=%s opened=%zu fetched=%zu deleted=%zu", s->user,
	    (size_t)p->opened, (size_t)p->fetched, (size_t)p->deleted);
	p->session = NULL;
	end_list(p);
	if (!p->syncing)
		drop(p);
}
