/*
 * Logins.  A refusal is delayed, and the longer the more failures an address
 * has had: its speed does not tell whether there is such a user, and each guess
 * costs time.
 */
#include "server/session/session.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log/catcher.h"
#include "server/process/helper.h"
#include "shared/deadline.h"

enum {
	first_delay_ms = 1000,
	more_delay_ms = 500,	/* for each previous failure */
	delay_max_ms = 6000,
	patience_ms = 30000	/* for the auth process to answer */
};

struct login {
	TAILQ_ENTRY(login)	 entry;
	struct session		*session;
	int64_t			 begun_ms;
	struct guess		 guess;
	bool			 known;		/* there is such an account */
	bool			 other;		/* to act as another account */
	char			 user[login_name_max_bytes]; /* the account */
	enum sasl_mechanism	 mechanism;
	struct ipc_password	 question;	/* wiped once it is asked */
};

/* Logins without an answer; auth has one question at a time. */
static struct {
	TAILQ_HEAD(login_list, login) all;
	struct login		*asked;		/* being checked; or NULL */
} logins = { .all = TAILQ_HEAD_INITIALIZER(logins.all) };

static const struct {
	enum counter	 counter;
	const char	*why;
} answers[REPLY_COUNT] = {
	[REPLY_AUTH_OK] = { COUNTER_LOGINS, "" },
	[REPLY_AUTH_WRONG] = { COUNTER_LOGINS_WRONG,
	    "wrong name or password" },
	[REPLY_AUTH_LATER] = { COUNTER_LOGINS_LATER,
	    "too many failed logins, not looked at" },
	[REPLY_AUTH_OTHER] = { COUNTER_LOGINS_WRONG,
	    "logs in to act as another user" },
	[REPLY_AUTH_TROUBLE] = { COUNTER_LOGINS_TROUBLE,
	    "the auth process gave no answer" }
};

/* How much later than now a refusal is sent; its worker waits so long. */
static uint32_t
delay_ms(const struct login *l)
{
	const struct session *s = l->session;
	int64_t now = deadline_now_ms(), ms = first_delay_ms;
	uint64_t failures = guesses_level(s->master->guesses, &l->guess,
	    GUESS_HOST, now);

	while (failures-- > 1 && ms < delay_max_ms)
		ms += more_delay_ms;
	ms -= now - l->begun_ms;
	return ms > 0 ? (uint32_t)ms : 0;
}

/*
 * Sends the answer and frees l; its session is gone if sending fails.  Only a
 * password that was found wrong stays counted as a failure.  why NULL: as in
 * answers[].
 */
static void
answer(struct login *l, enum smtp_reply verdict, const char *why)
{
	struct session *s = l->session;
	const struct conf *conf = &s->master->conf;
	const bool fine = verdict == REPLY_AUTH_OK;
	struct ipc_record r = { .type = IPC_VERDICT,
	    .u.verdict.reply = verdict };

	if (verdict != REPLY_AUTH_WRONG && logins.asked == l)
		guesses_refund(s->master->guesses, &l->guess, fine,
		    deadline_now_ms());
	if (!fine && !conf->catcher)
		r.u.verdict.held_back_ms = delay_ms(l);
	pool_permit(s->worker, IPC_AT_SESSION);
	if (fine)
		memcpy(s->user, l->user, sizeof(s->user));
	/* An unknown name may be a password in the wrong field. */
	log_put(fine ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, fine ? "login" :
	    "login-failed", "session=%s client=%s user=%s mechanism=%s why=%s",
	    s->id, s->client.text, l->known ? l->user : "",
	    sasl_names[l->mechanism], why != NULL ? why :
	    answers[verdict].why);
	s->master->counters.value[answers[verdict].counter]++;
	if (conf->catcher && fine)
		catcher_say(s->id, CATCHER_GOOD, "logged in as %s%s", s->user,
		    conf->catcher_login != NULL ? "" :
		    ", as anybody may: this is a test server");
	else if (conf->catcher)
		catcher_say(s->id, CATCHER_BAD, "not logged in: this name and "
		    "password are not those of -a");
	login_forget(s);
	if (pool_send(s->worker, &r, -1) == -1)
		pool_lost(s->worker, "worker gone before its answer");
}

void
login_tick(void)
{
	const int64_t begun_ms = deadline_now_ms() - patience_ms;
	struct login *l, *next;

	TAILQ_FOREACH_SAFE(l, &logins.all, entry, next)
		if (l->begun_ms < begun_ms)
			answer(l, REPLY_AUTH_TROUBLE, NULL);
}

static bool
is_limited(const struct login *l)
{
	const struct session *s = l->session;

	return guesses_judge(s->master->guesses, &l->guess,
	    s->epoch->conf.limits.login_failures,
	    deadline_now_ms()) != GUESS_FREE;
}

/* Hosts known to the account come first. */
static struct login *
choose(struct guesses *g)
{
	struct login *l;

	TAILQ_FOREACH(l, &logins.all, entry)
		if (guesses_is_known(g, &l->guess))
			return l;
	return TAILQ_FIRST(&logins.all);
}

/*
 * A guess is counted only here: right passwords that come many at a time do not
 * count against one another, and a wrong one counts before the next is checked.
 */
static bool
next_question(struct master *m, struct ipc_password *out)
{
	struct login *l;

	while ((l = choose(m->guesses)) != NULL && is_limited(l))
		answer(l, REPLY_AUTH_LATER, NULL);
	logins.asked = l;
	if (l == NULL)
		return false;
	*out = l->question;
	explicit_bzero(&l->question, sizeof(l->question));
	guesses_charge(m->guesses, &l->guess, deadline_now_ms());
	return true;
}

/*
 * l was asked, and all others of its network wait behind everybody else now: a
 * client from elsewhere waits for one of a network's crowd, not for all.
 */
static void
send_back(const struct login *l)
{
	struct login_list behind = TAILQ_HEAD_INITIALIZER(behind);
	struct login *other, *next;

	TAILQ_FOREACH_SAFE(other, &logins.all, entry, next)
		if (other->guess.key[GUESS_NETWORK] ==
		    l->guess.key[GUESS_NETWORK]) {
			TAILQ_REMOVE(&logins.all, other, entry);
			TAILQ_INSERT_TAIL(&behind, other, entry);
		}
	TAILQ_CONCAT(&logins.all, &behind, entry);
}

static void
on_answer(struct master *m, enum smtp_reply reply)
{
	struct login *l = logins.asked;

	if (l == NULL)
		return;
	send_back(l);
	answer(l, reply, NULL);
}

/* Its last question may be what ended it, and is not asked again. */
static void
on_lost(struct master *m, bool again)
{
	struct login *l;

	on_answer(m, REPLY_AUTH_TROUBLE);
	while (!again && (l = TAILQ_FIRST(&logins.all)) != NULL)
		answer(l, REPLY_AUTH_TROUBLE, NULL);
}

void
login_cut_short(struct session *s)
{
	answer(s->login, REPLY_AUTH_TROUBLE, "its slot was needed");
}

void
login_forget(struct session *s)
{
	struct login *l = s->login;

	if (l == NULL)
		return;
	s->login = NULL;
	TAILQ_REMOVE(&logins.all, l, entry);
	if (logins.asked == l)
		logins.asked = NULL;
	sodium_memzero(l, sizeof(*l));
	free(l);
}

/*
 * Writes the account of name in its one spelling, whether it exists or not; a
 * name without a domain is of the first domain.  True: the account exists.
 */
static bool
find_account(const struct conf *conf, const char *name,
    char out[login_name_max_bytes])
{
	const struct conf_domain *d = NULL;
	const struct conf_entry *u = NULL;
	struct mailbox m;

	if (smtp_mailbox_from_text(span_of(name), &m) && conf->domain_count > 0)
		d = m.domain_len == 0 ? &conf->domains[0] :
		    conf_find_domain(conf, span_from(m.domain, m.domain_len));
	if (d != NULL) {
		u = conf_find_entry(&d->users, span_from(m.local, m.local_len));
		snprintf(out, login_name_max_bytes, "%.*s@%s",
		    (int)m.local_len, m.local, d->name);
	} else
		strlcpy(out, name, login_name_max_bytes);
	for (size_t i = 0; out[i] != '\0'; i++)
		out[i] = (char)ascii_lower((uint8_t)out[i]);
	return u != NULL;
}

static void
judge(struct login *l, const struct ipc_login *login)
{
	struct master *m = l->session->master;
	struct ipc_password *q = &l->question;
	bool limited;

	guesses_key(m->guesses, &l->session->client,
	    span_of(l->user), &l->guess);
	limited = is_limited(l);
	if (limited || l->other || !helper_is_coming(m, HELPER_AUTH)) {
		answer(l, limited ? REPLY_AUTH_LATER : l->other ?
		    REPLY_AUTH_OTHER : REPLY_AUTH_TROUBLE, NULL);
		return;
	}
	if (!l->known || !smtp_mailbox_from_text(span_of(l->user), &q->who))
		memset(&q->who, 0, sizeof(q->who));
	memcpy(q->password, login->password, sizeof(q->password));
	q->decoy = l->guess.key[GUESS_ACCOUNT];
	helper_tell(m, HELPER_AUTH);
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
	l->known = want == NULL || (strlen(login->name) == name &&
	    memcmp(login->name, want, name) == 0 &&
	    strlen(login->password) == strlen(password) &&
	    sodium_memcmp(login->password, password, strlen(password)) == 0);
	strlcpy(l->user, login->name, sizeof(l->user));
	answer(l, !l->known ? REPLY_AUTH_WRONG : l->other ? REPLY_AUTH_OTHER :
	    REPLY_AUTH_OK, NULL);
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
	TAILQ_INSERT_TAIL(&logins.all, l, entry);
	pool_permit(s->worker, IPC_AT_LOGIN);
	l->session = s;
	l->begun_ms = deadline_now_ms();
	l->mechanism = (enum sasl_mechanism)login->mechanism;
	l->known = find_account(conf, login->name, l->user);
	if (login->as[0] != '\0') {
		find_account(conf, login->as, as);
		l->other = strcmp(as, l->user) != 0;
	}
	if (conf->catcher)
		judge_caught(l, login);
	else
		judge(l, login);
}

const struct auth_owner login_owner = {
	.next = next_question,
	.on_answer = on_answer,
	.on_lost = on_lost
};
