/*
 * The auth process, as the master sees it.  It has one question at a time:
 * who else waits can then be chosen when it is done, and a crowd that guesses
 * from one address is no queue for the others.
 */
#include "server/process/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_table.h"
#include "server/conf/privdrop.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"

/* What the table is made of, on its way there. */
struct auth_rows {
	struct ipc_account	*row;
	size_t			 n;
	size_t			 sent;
	bool			 ended;		/* TABLE was sent */
};

static size_t
count_passwords(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->domain_count; i++)
		for (size_t k = 0; k < conf->domains[i].user_count; k++)
			n += conf->domains[i].users[k].stored != NULL;
	return n;
}

static bool
make_row(const struct conf_domain *d, const struct conf_user *u,
    struct ipc_account *out)
{
	char text[login_name_max_bytes];
	size_t n = strlen(u->stored);

	snprintf(text, sizeof(text), "%s@%s", u->name, d->name);
	if (n > sizeof(out->stored) ||
	    !smtp_mailbox_from_text(span_of(text), &out->who))
		return false;
	memcpy(out->stored, u->stored, n);
	out->stored_len = (uint8_t)n;
	return true;
}

static void
free_rows(struct auth_rows *rows)
{
	if (rows == NULL)
		return;
	explicit_bzero(rows->row, rows->n * sizeof(*rows->row));
	free(rows->row);
	free(rows);
}

/* What it has not been told of passwords, nobody else has to know. */
static void
leave(struct auth *a)
{
	feed_stop(&a->feed);
	free_rows(a->rows);
	free_rows(a->next_rows);
	a->rows = a->next_rows = NULL;
	event_del(&a->room);
}

/* Every account that can log in; NULL without memory. */
static struct auth_rows *
make_rows(const struct conf *conf)
{
	struct auth_rows *rows = calloc(1, sizeof(*rows));
	size_t max = count_passwords(conf);

	if (rows != NULL)
		rows->row = calloc(max + 1, sizeof(*rows->row));
	if (rows == NULL || rows->row == NULL) {
		free(rows);
		return NULL;
	}
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		for (size_t k = 0; k < d->user_count; k++)
			if (d->users[k].stored != NULL &&
			    make_row(d, &d->users[k], &rows->row[rows->n]))
				rows->n++;
	}
	return rows;
}

static bool
next_row(void *arg, struct ipc_record *out)
{
	struct auth *a = &((struct master *)arg)->auth;
	struct auth_rows *rows = a->rows;

	if (rows->ended)
		return false;
	memset(out, 0, sizeof(*out));
	if (rows->sent < rows->n) {
		out->type = IPC_ACCOUNT;
		out->u.account = rows->row[rows->sent++];
	} else {
		out->type = IPC_TABLE;
		out->u.table.rows = rows->n;
		rows->ended = true;
	}
	return true;
}

/*
 * No password can be looked at.  What it was asked last may be what ended it,
 * so that is not asked again.
 */
static void
lost(struct master *m, bool again)
{
	struct auth *a = &m->auth;
	struct login *l = a->asked;

	leave(a);
	a->asked = NULL;
	a->busy = false;
	if (l != NULL)
		login_answered(l, LOGIN_TROUBLE);
	while (!again && (l = TAILQ_FIRST(&a->waiting)) != NULL) {
		TAILQ_REMOVE(&a->waiting, l, entry);
		login_answered(l, LOGIN_TROUBLE);
	}
}

/* Before b: who is known where he is; then by turn, then by failures. */
static bool
is_before(const struct auth *a, const struct login *l, const struct login *b,
    int64_t now_ms)
{
	if (l->known_here != b->known_here)
		return l->known_here;
	if (l->turn != b->turn)
		return l->turn < b->turn;
	return guesses_of_host(a->guesses, &l->guess, now_ms) <
	    guesses_of_host(a->guesses, &b->guess, now_ms);
}

static struct login *
choose(const struct auth *a)
{
	int64_t now = deadline_now_ms();
	struct login *best = TAILQ_FIRST(&a->waiting), *l;

	TAILQ_FOREACH(l, &a->waiting, entry)
		if (is_before(a, l, best, now))
			best = l;
	return best;
}

/*
 * Of a network one waits in a turn, and its next ones in the turns behind: a
 * crowd of many addresses there is one for who comes from elsewhere.
 */
static uint64_t
turn_of(const struct auth *a, const struct login *l)
{
	uint64_t turn = a->turn + (a->asked != NULL &&
	    a->asked->guess.network == l->guess.network);
	const struct login *other;

	TAILQ_FOREACH(other, &a->waiting, entry)
		if (other->guess.network == l->guess.network &&
		    other->turn >= turn)
			turn = other->turn + 1;
	return turn;
}

/*
 * Counted only now: right passwords that come many at a time are no failures
 * for one another, and of wrong ones each is counted before the next.
 */
static struct login *
next_login(struct auth *a)
{
	struct login *l;

	while ((l = choose(a)) != NULL && login_is_limited(l)) {
		TAILQ_REMOVE(&a->waiting, l, entry);
		login_answered(l, LOGIN_LATER);
	}
	return l;
}

static void
pass_on(struct master *m)
{
	struct auth *a = &m->auth;
	struct login *l;
	struct ipc_record r;
	int result;

	if (a->busy || m->helpers[HELPER_AUTH].state != HELPER_SERVING)
		return;
	l = next_login(a);
	if (l == NULL)
		return;
	memset(&r, 0, sizeof(r));
	r.type = IPC_PASSWORD;
	r.u.password = l->question;
	r.u.password.ticket = ++a->tickets;
	result = ipc_send(m->helpers[HELPER_AUTH].channel, &r, -1, false);
	explicit_bzero(&r, sizeof(r));
	/* A table fills the channel.  (Of its end helper.c tells.) */
	if (result == -1) {
		event_add(&a->room, NULL);
		return;
	}
	explicit_bzero(&l->question, sizeof(l->question));
	TAILQ_REMOVE(&a->waiting, l, entry);
	login_asked(l);
	if (!l->known_here)
		a->turn = l->turn;
	a->asked = l;
	a->busy = true;
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pass_on(arg);
}

static void
on_checked(struct master *m, const struct ipc_checked *c)
{
	struct auth *a = &m->auth;
	struct login *l = a->asked;

	if (!a->busy || c->ticket != a->tickets)
		return;
	a->busy = false;
	a->asked = NULL;
	if (l != NULL)
		login_answered(l, (enum login_answer)c->answer);
	pass_on(m);
}

static void
take(struct master *m, const struct ipc_record *r)
{
	if (r->type == IPC_CHECKED)
		on_checked(m, &r->u.checked);
}

static void
feed_next(struct master *m)
{
	struct auth *a = &m->auth;

	a->rows = a->next_rows;
	a->next_rows = NULL;
	if (a->rows != NULL)
		feed_start(&a->feed);
}

static void
on_fed(void *arg)
{
	struct master *m = arg;
	struct auth *a = &m->auth;

	free_rows(a->rows);
	a->rows = NULL;
	/* Of an error the channel's end tells. */
	if (a->feed.error != 0)
		return;
	helper_fed(m, HELPER_AUTH);
	feed_next(m);
	pass_on(m);
}

void
auth_renew(struct master *m)
{
	struct auth *a = &m->auth;
	bool is_there = m->helpers[HELPER_AUTH].state >= HELPER_UNFED;
	struct auth_rows *rows = is_there ? make_rows(&m->conf) : NULL;

	if (is_there && rows == NULL)
		log_error("no memory for the table of passwords: the old one "
		    "holds", NULL, ENOMEM);
	conf_forget_passwords(&m->conf);
	if (rows == NULL)
		return;
	free_rows(a->next_rows);
	a->next_rows = rows;
	if (a->rows == NULL)
		feed_next(m);
}

static void
watch(struct master *m)
{
	int channel = m->helpers[HELPER_AUTH].channel;

	event_assign(&m->auth.room, m->base, channel, EV_WRITE, on_room, m);
	feed_init(&m->auth.feed, m->base, channel, next_row, on_fed, m);
	auth_renew(m);
}

/* A new one has no table, and the master has wiped its own copy. */
static void
feed(struct master *m)
{
	const char *path;
	char why[PATH_MAX + 64];
	bool denied;

	if (conf_passwords_load(&m->conf, &path) == 0) {
		watch(m);
		return;
	}
	denied = errno == EACCES;
	snprintf(why, sizeof(why), "%s: %s", path, denied ?
	    privdrop_denial(path) : strerror(errno));
	conf_forget_passwords(&m->conf);
	if (denied)
		helper_give_up(m, HELPER_AUTH, why);
	else
		helper_lose(m, HELPER_AUTH, why);
}

static bool
wanted(const struct master *m)
{
	return m->wants_logins;
}

static int
start(struct master *m, const char **why)
{
	struct auth *a = &m->auth;

	TAILQ_INIT(&a->waiting);
	a->guesses = guesses_new();
	if (a->guesses == NULL) {
		*why = strerror(errno);
		return -1;
	}
	if (m->helpers[HELPER_AUTH].state == HELPER_NONE)
		conf_forget_passwords(&m->conf);
	return 0;
}

void
auth_ask(struct master *m, struct login *l)
{
	l->known_here = guesses_is_known(m->auth.guesses, &l->guess);
	l->turn = turn_of(&m->auth, l);
	TAILQ_INSERT_TAIL(&m->auth.waiting, l, entry);
	pass_on(m);
}

void
auth_forget(struct master *m, struct login *l)
{
	struct auth *a = &m->auth;
	struct login *waiting;

	if (a->asked == l)
		a->asked = NULL;
	TAILQ_FOREACH(waiting, &a->waiting, entry)
		if (waiting == l) {
			TAILQ_REMOVE(&a->waiting, l, entry);
			return;
		}
}

static void
stop(struct master *m)
{
	leave(&m->auth);
}

const struct helper_role auth_role = {
	.then = "nobody can log in",
	.way = IPC_FROM_AUTH,
	.wanted = wanted,
	.start = start,
	.watch = watch,
	.feed = feed,
	.take = take,
	.lost = lost,
	.stop = stop
};
