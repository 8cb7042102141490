/*
 * Connections to the control socket, perhaps of a hostile user: nothing here
 * blocks, a connection has one question under way and a finite answer, they are
 * few, fewer for one user, and one that makes no progress is dropped.
 */
#include "server/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/process/feed.h"
#include "shared/deadline.h"
#include "shared/os/os.h"

enum {
	peers_per_user_max = 4,		/* and two users may ask */
	patience_s = 5,
	answer_s = 20,			/* for the DNS */
	moments_max = 10,		/* one a second, for rates */
	log_pause_ms = 60 * 1000
};

struct peer {
	TAILQ_ENTRY(peer)	 entry;
	struct event		 ready;
	int			 fd;
	uid_t			 uid;
	struct ipc_ask		 ask;
	struct control_out	 out;
	/* Of an answer in pieces; NULL: none, or it is complete. */
	struct control_task	*task;
	struct feed		 feed;		/* sends the text */
	char			*text;		/* the answer, or a piece */
	size_t			 n;
	size_t			 at;		/* first octet not sent */
	uint8_t			 status;	/* what smtpctl exits with */
	bool			 whole;		/* END follows the text */
};
TAILQ_HEAD(peer_list, peer);

static struct {
	struct master		*master;	/* NULL: there is no socket */
	struct event		 acceptable;
	struct event		 second;
	struct control_moment	 moments[moments_max];
	size_t			 moment;	/* index of the oldest */
	int			 fd;
	ino_t			 inode;		/* of a socket in root; or 0 */
	struct peer_list	 peers;		/* the longest waiting first */
	int64_t			 next_log_ms;
} control;

static void	on_ready(evutil_socket_t fd, short what, void *arg);

static void
end_task(struct peer *p)
{
	if (p->task != NULL)
		p->task->end(p->task);
	p->task = NULL;
}

static void
forget_text(struct peer *p)
{
	free(p->text);
	p->text = NULL;
	p->n = p->at = 0;
}

static void
drop(struct peer *p)
{
	TAILQ_REMOVE(&control.peers, p, entry);
	event_del(&p->ready);
	feed_stop(&p->feed);
	close(p->fd);
	forget_text(p);
	end_task(p);
	free(p);
}

/* A hostile user must not fill the log either. */
static void
log_peer(uid_t uid, const char *why)
{
	if (deadline_now_ms() < control.next_log_ms)
		return;
	control.next_log_ms = deadline_now_ms() + log_pause_ms;
	log_put(LOG_LEVEL_WARNING, "control", "uid=%zu why=%s", (size_t)uid,
	    why);
}

/*
 * Every wait has a timeout; a new wait means progress.  What comes from who
 * waits for an answer is the end of the connection.  False: p is dropped.
 */
static bool
wait_for(struct peer *p, short what, time_t seconds)
{
	TAILQ_REMOVE(&control.peers, p, entry);
	TAILQ_INSERT_TAIL(&control.peers, p, entry);
	event_del(&p->ready);
	event_assign(&p->ready, control.master->base, p->fd, what, on_ready,
	    p);
	if (event_add(&p->ready, &(struct timeval){ seconds, 0 }) == 0)
		return true;
	drop(p);
	return false;
}

static bool
next_record(void *arg, struct ipc_record *out)
{
	struct ipc_tell_text *t = &out->u.tell_text;
	struct peer *p = arg;
	size_t n = p->n - p->at;

	if (n == 0 && !p->whole)
		return false;
	/* What was sent is progress. */
	(void)event_add(&p->ready, &(struct timeval){ patience_s, 0 });
	if (n == 0) {
		out->type = IPC_TELL_END;
		out->u.number.n = p->status;
		p->whole = false;
		return true;
	}
	out->type = IPC_TELL_TEXT;
	t->n = (uint16_t)(n < sizeof(t->text) ? n : sizeof(t->text));
	/* A character is not cut: each piece is shown. */
	while (t->n < n && t->n > 1 &&
	    (p->text[p->at + t->n] & 0xc0) == 0x80)
		t->n--;
	memcpy(t->text, p->text + p->at, t->n);
	p->at += t->n;
	return true;
}

static void
on_sent(void *arg)
{
	struct peer *p = arg;

	forget_text(p);
	if (p->feed.error != 0)
		drop(p);
	else
		wait_for(p, p->task == NULL ? EV_READ : EV_WRITE, patience_s);
}

/* For smtpctl: ms left of a refusal; sessions of host, network, and all. */
static void
answer_client(struct master *m, const struct ipc_ask *ask, FILE *f)
{
	struct address client = { .ip = ask->ip };
	uint64_t count[SESSION_STATE_COUNT];
	const int64_t now_ms = deadline_now_ms();
	const struct address_host *network, *h;

	network = address_look(m->book, &client, true, now_ms);
	h = address_look(m->book, &client, false, now_ms);
	fprintf(f, "%lld %llu %llu %llu\n", h == NULL ||
	    h->refused_until_ms == 0 ? 0 :
	    (long long)(h->refused_until_ms - now_ms),
	    h == NULL ? 0 : (unsigned long long)h->sessions,
	    network == NULL ? 0 : (unsigned long long)network->sessions,
	    (unsigned long long)control_count_sessions(m, count));
}

static enum control_step
answer_whole(struct peer *p, FILE *f)
{
	struct master *m = control.master;
	/* The oldest moment known. */
	const struct control_moment *then = &control.moments[control.moment];

	p->status = 0;
	m->counters.value[COUNTER_LOG_LOST] = log_lost();
	if (p->ask.what == QUESTION_CLIENT)
		answer_client(m, &p->ask, f);
	else if (p->ask.what == QUESTION_STATUS)
		p->status = !control_status(m, then->ms != 0 ? then :
		    &control.moments[0], &p->out);
	else
		control_stats(m, &p->out);
	return CONTROL_DONE;
}

/* The next piece of an answer, or a wait until there is one. */
static void
answer_piece(struct peer *p)
{
	FILE *f = open_memstream(&p->text, &p->n);
	enum control_step step;
	bool fine;

	if (f == NULL) {
		drop(p);
		return;
	}
	*(p->ask.form == FORM_JSON ? &p->out.j.f : p->ask.form ==
	    FORM_OPENMETRICS ? &p->out.metrics : &p->out.f) = f;
	step = p->task == NULL ? answer_whole(p, f) :
	    p->task->step(p->task, &p->out, &p->status);
	p->whole = step == CONTROL_DONE;
	if (p->whole)
		end_task(p);
	fine = ferror(f) == 0;
	if (fclose(f) == EOF || !fine)
		drop(p);
	else if (step == CONTROL_WAIT) {
		forget_text(p);
		wait_for(p, EV_READ, answer_s);
	} else if (wait_for(p, 0, patience_s))
		feed_start(&p->feed);
}

static void
wake(void *arg)
{
	struct peer *p = arg;

	wait_for(p, EV_WRITE, patience_s);
}

static void
begin_answer(struct peer *p, const struct ipc_ask *ask)
{
	struct master *m = control.master;
	const bool walks = ask->what == QUESTION_QUEUE,
	    waits = ask->what == QUESTION_ROUTE;

	m->counters.value[COUNTER_QUESTIONS]++;
	p->ask = *ask;
	p->out = (struct control_out){ .all = ask->all };
	if (walks)
		p->task = control_queue(m, ask, p->uid);
	else if (waits)
		p->task = control_route(m, ask, wake, p);
	if ((walks || waits) && p->task == NULL)
		drop(p);
	else
		answer_piece(p);
}

/* Reads one question a turn, and none while an answer is under way. */
static void
receive(struct peer *p)
{
	struct ipc_record r;
	const char *why;
	int passed;
	enum ipc_got got = ipc_recv(p->fd, IPC_FROM_CONTROL, IPC_AT_ASK,
	    false, &r, &passed, &why);

	if (got == IPC_GOT_RECORD && p->task == NULL)
		begin_answer(p, &r.u.ask);
	else if (got == IPC_GOT_NOTHING && p->task == NULL)
		wait_for(p, EV_READ, patience_s);
	else {
		if (got == IPC_GOT_BAD)
			log_peer(p->uid, why);
		drop(p);
	}
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	if (what & EV_TIMEOUT && p->task != NULL && !p->task->late &&
	    !p->feed.under_way) {
		p->task->late = true;
		answer_piece(p);
	} else if (what & EV_TIMEOUT)
		drop(p);
	else if (p->task != NULL && what & EV_WRITE)
		answer_piece(p);
	else
		receive(p);
}

static void
admit(int fd)
{
	struct peer *p = NULL, *other, *oldest = NULL;
	uid_t uid;
	gid_t gid;
	bool known = getpeereid(fd, &uid, &gid) == 0;
	size_t count = 0;

	if (known && uid != 0 && uid != geteuid()) {
		control.master->counters.value[COUNTER_STRANGERS]++;
		log_peer(uid, "neither root nor the user of smtpd");
	} else if (known) {
		TAILQ_FOREACH(other, &control.peers, entry)
			if (other->uid == uid && count++ == 0)
				oldest = other;
		/* At the limit a new connection of a user ends the oldest:
		 * silent ones keep no other program of that user out. */
		if (count >= peers_per_user_max)
			drop(oldest);
		p = calloc(1, sizeof(*p));
	}
	if (p == NULL) {
		close(fd);
		return;
	}
	p->fd = fd;
	p->uid = uid;
	event_assign(&p->ready, control.master->base, fd, EV_READ, on_ready,
	    p);
	feed_init(&p->feed, control.master->base, fd, next_record, on_sent, p);
	TAILQ_INSERT_TAIL(&control.peers, p, entry);
	/* The question has usually arrived: answer it ahead of any flood. */
	receive(p);
}

/* Accepts one a turn, so that all other events are handled in between. */
static void
on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd != -1)
		admit(fd);
	else if (errno != EAGAIN && errno != EWOULDBLOCK &&
	    errno != ECONNABORTED && errno != EINTR)
		/* Without a descriptor, on_second() tries again. */
		event_del(&control.acceptable);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct control_moment *now = &control.moments[control.moment];

	now->ms = deadline_now_ms();
	memcpy(now->value, control.master->counters.value, sizeof(now->value));
	control.moment = (control.moment + 1) % moments_max;
	event_add(&control.acceptable, NULL);
}

/* The inode of a socket below root; 0: none, or where we cannot unlink it. */
static ino_t
inode_inside(const struct master *m)
{
	const char *name = control_name_inside(&m->conf);
	struct stat st;

	return name != NULL && lstat(name, &st) == 0 ? st.st_ino : 0;
}

int
control_start(struct master *m, int fd)
{
	control.master = m;
	control.fd = fd;
	control.inode = inode_inside(m);
	TAILQ_INIT(&control.peers);
	event_assign(&control.acceptable, m->base, fd, EV_READ | EV_PERSIST,
	    on_acceptable, NULL);
	event_assign(&control.second, m->base, -1, EV_PERSIST, on_second, NULL);
	return event_add(&control.second, &(struct timeval){ 1, 0 }) == -1 ?
	    -1 : event_add(&control.acceptable, NULL);
}

void
control_stop(void)
{
	struct peer *p;

	if (control.master == NULL)
		return;
	while ((p = TAILQ_FIRST(&control.peers)) != NULL)
		drop(p);
	event_del(&control.acceptable);
	event_del(&control.second);
	/* Another master may have taken over. */
	if (control.inode != 0 && inode_inside(control.master) == control.inode)
		(void)unlink(control_name_inside(&control.master->conf));
	close(control.fd);
	control.master = NULL;
}
