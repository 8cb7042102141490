/*
 * Logins, as the master decides on them.  A catcher has no users: it takes any
 * login, or only the one given with -a.
 *
 * A refusal is delayed, and the longer the more failures an address has had:
 * its speed does not tell whether there is such a user, and each guess costs
 * time.
 */
#include "server/session/session.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/catcher.h"
#include "server/process/auth.h"
#include "server/process/helper.h"
#include "server/session/guesses.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum {
	first_delay_ms = 1000,
	more_delay_ms = 500,	/* for each previous failure */
	delay_max_ms = 6000,
	patience_ms = 30000	/* for the auth process to answer */
};

/* One login, from its question to its answer. */
struct login {
	TAILQ_ENTRY(login)	 entry;		/* in logins.waiting */
	bool			 waits;		/* it is in that list */
	bool			 known_here;	/* host has logged in before */
	uint64_t		 turn;		/* when to ask, if not known */
	struct session		*session;
	struct event		 late;		/* when the answer is due */
	int64_t			 begun_ms;
	struct guess		 guess;
	bool			 charged;	/* guess counted as a failure */
	bool			 decided;	/* the answer is known */
	bool			 cut;		/* its slot was needed */
	bool			 known;		/* there is such an account */
	bool			 other;		/* to act as another account */
	char			 user[login_name_max_bytes]; /* the account */
	enum sasl_mechanism	 mechanism;
	struct ipc_password	 question;	/* wiped once it is asked */
	enum smtp_reply	 answer;
};

/* Logins that wait for the auth process, which has one question at a time. */
static struct {
	TAILQ_HEAD(login_list, login) waiting;
	struct login		*asked;		/* being checked; or NULL */
	uint64_t		 turn;		/* one login of each network */
} logins = { .waiting = TAILQ_HEAD_INITIALIZER(logins.waiting) };

static const char *const mechanisms[SASL_MECHANISM_COUNT] = {
	[SASL_PLAIN] = "PLAIN", [SASL_LOGIN] = "LOGIN",
	[SASL_CRAM_MD5] = "CRAM-MD5"
};

static const struct {
	enum counter	 counter;
	const char	*why;
} answers[REPLY_COUNT] = {
	[REPLY_AUTH_OK] = { COUNTER_LOGINS, NULL },
	[REPLY_AUTH_WRONG] = { COUNTER_LOGINS_WRONG,
	    "wrong name or password" },
	[REPLY_AUTH_LATER] = { COUNTER_LOGINS_LATER,
	    "too many failed logins, not looked at" },
	[REPLY_AUTH_OTHER] = { COUNTER_LOGINS_WRONG,
	    "logs in to act as another user" },
	[REPLY_AUTH_TROUBLE] = { COUNTER_LOGINS_TROUBLE,
	    "the auth process gave no answer" }
};

/* Sends the answer and frees l; its session is gone if sending fails. */
static void
answer(struct login *l)
{
	struct session *s = l->session;
	const bool fine = l->answer == REPLY_AUTH_OK;
	/* An unknown name may be a password in the wrong field. */
	const char *user = l->known ? l->user : "";
	const char *how = mechanisms[l->mechanism];
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_ADMIT;
	r.u.number.n = l->answer;
	pool_permit(s->worker, IPC_AT_SESSION);
	if (fine) {
		memcpy(s->user, l->user, sizeof(s->user));
		log_put(LOG_LEVEL_INFO, "login",
		    "session=%s client=%s user=%s mechanism=%s", s->id,
		    s->client.text, user, how);
	} else
		log_put(LOG_LEVEL_WARNING, "login-failed",
		    "session=%s client=%s user=%s mechanism=%s why=%s", s->id,
		    s->client.text, user, how, l->cut && l->answer ==
		    REPLY_AUTH_TROUBLE ? "its slot was needed" :
		    answers[l->answer].why);
	s->master->counters.value[answers[l->answer].counter]++;
	if (s->master->conf.catcher && fine)
		catcher_say(s->id, CATCHER_GOOD, "logged in as %s%s", s->user,
		    s->master->conf.catcher_login != NULL ? "" :
		    ", as anybody may: this is a test server");
	else if (s->master->conf.catcher)
		catcher_say(s->id, CATCHER_BAD, "not logged in: this name and "
		    "password are not those of -a");
	login_forget(s);
	if (pool_send(s->worker, &r, -1) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

/* Only a password that was found wrong stays counted as a failure. */
static void
decide(struct login *l, enum smtp_reply verdict)
{
	l->answer = verdict;
	l->decided = true;
	if (verdict != REPLY_AUTH_WRONG && l->charged)
		guesses_refund(l->session->master->guesses, &l->guess,
		    verdict == REPLY_AUTH_OK, deadline_now_ms());
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct login *l = arg;

	if (!l->decided)
		decide(l, REPLY_AUTH_TROUBLE);
	answer(l);
}

/* Starts the timer of l, or starts it anew. */
static int
wait_for(struct login *l, int64_t ms)
{
	struct timeval wait = { (time_t)(ms / 1000),
	    (suseconds_t)(ms % 1000) * 1000 };

	return event_add(&l->late, &wait);
}

static void
leave_queue(struct login *l)
{
	if (l->waits)
		TAILQ_REMOVE(&logins.waiting, l, entry);
	l->waits = false;
}

/*
 * Decides l.  A refusal is answered later, the more failures of its host are
 * remembered.
 */
static void
settle(struct login *l, enum smtp_reply verdict)
{
	struct master *m = l->session->master;
	int64_t now = deadline_now_ms(), ms = first_delay_ms;
	uint64_t failures;

	leave_queue(l);
	decide(l, verdict);
	if (verdict == REPLY_AUTH_OK) {
		answer(l);
		return;
	}
	failures = guesses_level(m->guesses, &l->guess, GUESS_HOST, now);
	while (failures-- > 1 && ms < delay_max_ms)
		ms += more_delay_ms;
	ms -= now - l->begun_ms;
	if (wait_for(l, ms < 0 ? 0 : ms) == -1)
		answer(l);
}

static bool
is_limited(const struct login *l)
{
	const struct session *s = l->session;

	return guesses_judge(s->master->guesses, &l->guess,
	    s->epoch->conf.limits.login_failures,
	    deadline_now_ms()) != GUESS_FREE;
}

/* The order: hosts known to the account first; by turn; by failures. */
static struct login *
choose(struct guesses *g)
{
	int64_t now = deadline_now_ms();
	struct login *b = TAILQ_FIRST(&logins.waiting), *l;

	TAILQ_FOREACH(l, &logins.waiting, entry)
		if (l->known_here != b->known_here ? l->known_here :
		    l->turn != b->turn ? l->turn < b->turn :
		    guesses_level(g, &l->guess, GUESS_HOST, now) <
		    guesses_level(g, &b->guess, GUESS_HOST, now))
			b = l;
	return b;
}

/*
 * A turn has one login of each network, whose other logins get later turns:
 * a client from elsewhere waits for one of a network's crowd, not for all.
 */
static uint64_t
turn_of(const struct login *l)
{
	const uint64_t network = l->guess.key[GUESS_NETWORK];
	const struct login *other = logins.asked;
	uint64_t turn = logins.turn + (other != NULL &&
	    other->guess.key[GUESS_NETWORK] == network);

	TAILQ_FOREACH(other, &logins.waiting, entry)
		if (other->guess.key[GUESS_NETWORK] == network &&
		    other->turn >= turn)
			turn = other->turn + 1;
	return turn;
}

/*
 * A guess is counted only here: right passwords that come many at a time do not
 * count against one another, and a wrong one counts before the next is checked.
 */
static void
ask_next(struct master *m)
{
	struct login *l;

	if (!auth_is_idle(m))
		return;
	while ((l = choose(m->guesses)) != NULL && is_limited(l))
		settle(l, REPLY_AUTH_LATER);
	if (l == NULL)
		return;
	auth_ask(&l->question);
	explicit_bzero(&l->question, sizeof(l->question));
	leave_queue(l);
	l->charged = true;
	guesses_charge(m->guesses, &l->guess, deadline_now_ms());
	if (!l->known_here)
		logins.turn = l->turn;
	logins.asked = l;
}

static void
on_answer(struct master *m, enum smtp_reply answer)
{
	struct login *l = logins.asked;

	logins.asked = NULL;
	if (l != NULL)
		settle(l, answer);
}

/*
 * The auth process has ended.  Its last question may be what ended it, so that
 * is not asked again.
 */
static void
on_lost(struct master *m, bool again)
{
	struct login *l;

	on_answer(m, REPLY_AUTH_TROUBLE);
	while (!again && (l = TAILQ_FIRST(&logins.waiting)) != NULL)
		settle(l, REPLY_AUTH_TROUBLE);
}

void
login_cut_short(struct session *s)
{
	struct login *l = s->login;

	if (l == NULL)
		return;
	l->cut = true;
	on_late(-1, 0, l);
}

void
login_forget(struct session *s)
{
	struct login *l = s->login;

	if (l == NULL)
		return;
	s->login = NULL;
	leave_queue(l);
	if (logins.asked == l)
		logins.asked = NULL;
	if (event_initialized(&l->late))
		event_del(&l->late);
	sodium_memzero(l, sizeof(*l));
	free(l);
}

/*
 * Writes the account of name in its one spelling, whether it exists or not; a
 * name without a domain is of the first domain.  True: the account exists.
 */
static bool
find_account(const struct conf *conf, struct span name,
    char out[login_name_max_bytes])
{
	const struct conf_domain *d = NULL;
	const struct conf_entry *u = NULL;
	struct mailbox m;

	if (smtp_mailbox_from_text(name, &m) && conf->domain_count > 0)
		d = m.domain_len == 0 ? &conf->domains[0] :
		    conf_find_domain(conf, span_from(m.domain, m.domain_len));
	if (d != NULL)
		u = conf_find_entry(&d->users, span_from(m.local, m.local_len));
	if (d != NULL)
		snprintf(out, login_name_max_bytes, "%.*s@%s",
		    (int)m.local_len, m.local, d->name);
	else
		snprintf(out, login_name_max_bytes, "%.*s", (int)name.n,
		    (const char *)name.p);
	for (size_t i = 0; out[i] != '\0'; i++)
		out[i] = (char)ascii_lower((uint8_t)out[i]);
	return u != NULL;
}

/* Queues l for the auth process, or refuses it without asking. */
static void
judge(struct login *l, const struct ipc_login *login)
{
	struct master *m = l->session->master;
	struct ipc_password *q = &l->question;
	bool limited;

	event_assign(&l->late, m->base, -1, 0, on_late, l);
	guesses_key(m->guesses, &l->session->client,
	    span_of(l->user), &l->guess);
	limited = is_limited(l);
	if (limited || l->other || !helper_is_coming(m, HELPER_AUTH)) {
		settle(l, limited ? REPLY_AUTH_LATER : l->other ?
		    REPLY_AUTH_OTHER : REPLY_AUTH_TROUBLE);
		return;
	}
	if (!l->known || !smtp_mailbox_from_text(span_of(l->user), &q->who))
		memset(&q->who, 0, sizeof(q->who));
	q->password_len = login->password_len;
	memcpy(q->password, login->password, login->password_len);
	q->decoy = l->guess.key[GUESS_ACCOUNT];
	(void)wait_for(l, patience_ms);
	l->known_here = guesses_is_known(m->guesses, &l->guess);
	l->turn = turn_of(l);
	TAILQ_INSERT_TAIL(&logins.waiting, l, entry);
	l->waits = true;
	ask_next(m);
}

/* smtpd -C; with -a, whose first colon splits it, it takes one login only. */
static void
judge_caught(struct login *l, const struct ipc_login *login)
{
	const struct conf *conf = &l->session->master->conf;
	const char *want = conf->catcher_login, *password;
	size_t name = want == NULL ? 0 : strcspn(want, ":");

	password = want == NULL ? NULL : l->mechanism == SASL_CRAM_MD5 ?
	    conf->catcher_digest : want + name + 1;
	l->known = want == NULL || (login->name_len == name &&
	    memcmp(login->name, want, name) == 0 &&
	    login->password_len == strlen(password) &&
	    sodium_memcmp(login->password, password, strlen(password)) == 0);
	l->answer = !l->known ? REPLY_AUTH_WRONG : l->other ? REPLY_AUTH_OTHER :
	    REPLY_AUTH_OK;
	memcpy(l->user, login->name, login->name_len);
	answer(l);
}

void
login_take(struct session *s, const struct ipc_login *login)
{
	const struct conf *conf = &s->epoch->conf;
	struct login *l = calloc(1, sizeof(*l));
	char as[login_name_max_bytes];

	if (l == NULL) {
		pool_lost(s->worker, "no memory for a login");
		return;
	}
	s->login = l;
	pool_permit(s->worker, IPC_AT_LOGIN);
	l->session = s;
	l->begun_ms = deadline_now_ms();
	l->mechanism = (enum sasl_mechanism)login->mechanism;
	l->known = find_account(conf, span_from(login->name, login->name_len),
	    l->user);
	if (login->as_len > 0) {
		find_account(conf, span_from(login->as, login->as_len), as);
		l->other = strcmp(as, l->user) != 0;
	}
	if (conf->catcher)
		judge_caught(l, login);
	else
		judge(l, login);
}

int
login_start(struct master *m)
{
	static const struct auth_owner owner = {
		.on_idle = ask_next,
		.on_answer = on_answer,
		.on_lost = on_lost
	};

	m->auth_owner = &owner;
	m->guesses = guesses_new();
	return m->guesses == NULL ? -1 : 0;
}
