/*
 * link, site, attempt: which hosts a message is sent to, one after another, and
 * what becomes of its recipients.  Relays, the queue and reports are this test.
 */
#include "t/unit/unit.h"

#include <time.h>

#include "server/mail/site.h"
#include "server/mail/queue_log.h"
#include "server/mail/relay.h"
#include "shared/deadline.h"
#include "shared/ip.h"

enum { rcpts = 3 };

static struct master m;
static char hostname[] = "mx.example.org";
static struct queued q;
static struct attempt *attempt;
static struct attempt_rcpt *rcpt;
static uint8_t octets[8192];
static struct buf envelope;
static bool ended, was_damaged;
/* "a4 a4- b4": hosts with their family; "-": without TLS. */
static char asked[256];
static enum attempt_state states[rcpts];

/* What the host says: a character for each recipient of a transaction. */
static struct relay {
	const struct relay_owner	*owner;
	void				*arg;
	size_t				 count;
} one;
static bool connected;

struct relay *
relay_connect(struct master *master, const struct relay_host *to,
    const struct relay_owner *owner, void *arg)
{
	ck_assert(!connected);
	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked),
	    "%s%s%c%s", asked[0] == '\0' ? "" : " ", to->name,
	    to->dial.to.ipv6 ? '6' : '4', to->tls == RELAY_TLS_NONE ? "-" : "");
	one = (struct relay){ .owner = owner, .arg = arg };
	connected = true;
	return &one;
}

void
relay_send(struct relay *r, const struct queue_open *o,
    const struct ipc_rcpt *to, size_t count)
{
	ck_assert(connected && r->count == 0);
	r->count = count;
}

void
relay_dismiss(struct relay *r)
{
	ck_assert(connected && r->count == 0);
	connected = false;
}

static int64_t now_s = 1000;

/* Of deadline.h, and of libevent. */
int
clock_gettime(clockid_t clock, struct timespec *out)
{
	*out = (struct timespec){ .tv_sec = now_s };
	return 0;
}

int64_t
queue_now_s(const struct master *master)
{
	return now_s;
}

static int open_errno;
static unsigned opens, aside;

int
queue_open(struct master *master, struct queued *of, struct queue_open *out)
{
	opens++;
	errno = open_errno;
	if (open_errno != 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->envelope.rcpts = buf_span(&envelope);
	return 0;
}

void
queue_close(struct queue_open *o)
{
}

void
queue_put_aside(struct master *master, const struct queued *of,
    const char *why)
{
	aside++;
}

void
queue_note_done(struct master *master, struct queued *of, uint32_t index,
    bool stays)
{
	q.left--;
}

void
queue_note(struct master *master, const struct queued *of)
{
}

void
queue_hold(struct master *master, struct queued *of, bool held)
{
	of->state |= QUEUED_HELD;
}

bool
queue_log_add(struct buf *list, const struct mailbox *to)
{
	return true;
}

void
queue_log_outcome(struct master *master, enum log_event event,
    const struct queued *of, const struct queue_outcome *o)
{
}

void
queue_log_by(struct master *master, enum log_event event,
    const struct queued *of, const char *by, const char *why)
{
}

void
queue_log_site(const char *site, const struct queue_fact *f,
    uint64_t failures, uint64_t seconds, uint64_t waiting)
{
}

static void
on_end(struct attempt *a)
{
	for (size_t i = 0; i < rcpts; i++)
		states[i] = a->rcpts[i].state;
	ended = true;
	was_damaged = a->damaged;
	if (a->wait_for != NULL)
		site_park(a->wait_for, NULL);
	attempt_free(a);
}

static void
on_due(struct master *master, struct queued *of)
{
}

static void
turn(void)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

/* How many of its recipients are of a domain of their own; in which order. */
static size_t apart;
static bool backwards, written;

/* A message to three recipients of one site, with these hosts. */
static void
begin(const char *const hosts[])
{
	static union {
		struct route	route;
		char		space[16 * 1024];
	} r;
	struct ipc_rcpt to = { .notify = 0 };
	enum relay_end why;

	memset(&r, 0, sizeof(r));
	for (; hosts[r.route.count] != NULL; r.route.count++) {
		struct ipc_host *h = &r.route.hosts[r.route.count];
		char text[128], *word, *rest = text;

		strlcpy(text, hosts[r.route.count], sizeof(text));
		h->preference = (uint16_t)r.route.count;
		strlcpy(h->name, strsep(&rest, " "), sizeof(h->name));
		while ((word = strsep(&rest, " ")) != NULL) {
			ck_assert(ip_parse(span_of(word),
			    &h->addresses[h->count++]));
		}
	}
	if (m.base == NULL) {
		m.base = event_base_new();
		m.conf.hostname = hostname;
		m.conf.relay.tls = RELAY_TLS_MAY;
		m.conf.relay.give_up_after_s = 5 * 24 * 60 * 60;
		m.conf.limits.deliveries = m.conf.limits.per_destination = 10;
		site_start(&m, on_due, link_serve);
		envelope = buf_over(octets, sizeof(octets));
	}
	envelope.n = 0;
	ended = false;
	asked[0] = '\0';
	q = (struct queued){ .rcpts = rcpts, .left = rcpts, .queued_s = 999 };
	attempt = calloc(1, sizeof(*attempt));
	*attempt = (struct attempt){ .master = &m, .q = &q,
	    .end = on_end, .pending = 1 + apart,
	    .rcpts = calloc(rcpts, sizeof(*rcpt)), .count = rcpts,
	    .groups = calloc(1 + apart, sizeof(struct attempt_group)),
	    .group_count = 1 + apart };
	rcpt = attempt->rcpts;
	for (size_t i = 0; i <= apart; i++)
		attempt->groups[i] = (struct attempt_group){
		    .attempt = attempt, .first = &rcpt[i],
		    .written = written,
		    .last = &rcpt[i == apart ? rcpts - 1 : i] };
	for (size_t i = apart; i + 1 < rcpts; i++)
		rcpt[i].next = &rcpt[i + 1];
	for (size_t i = 0; i < rcpts; i++) {
		rcpt[i].index = (uint32_t)i;
		rcpt[i].offset = (uint32_t)envelope.n;
		to.to = (struct mailbox){ .local_len = 1, .domain_len = 1,
		    .local = { (char)('a' + i) }, .domain = "d" };
		envelope_add(&envelope, &to);
	}
	for (size_t i = 0; i <= apart; i++)
		site_add(&m, path_make(&m, &r.route, 25, false, &why),
		    &attempt->groups[backwards ? apart - i : i]);
	turn();
	ck_assert(connected);
}

#define BEGIN(...) begin((const char *const[]){ __VA_ARGS__, NULL })

static void
greet(void)
{
	one.owner->greeted(one.arg, &(struct ipc_greeted){ .offers = 0 });
}

static struct ipc_outcome
outcome(enum relay_stage stage, enum relay_end end, uint16_t code, uint16_t e1)
{
	return (struct ipc_outcome){ .stage = (uint8_t)stage,
	    .end = (uint8_t)end, .code = code,
	    .enhanced = { e1 == 0 ? 0 : code / 100, e1, 0 } };
}

/* All recipients of the transaction have o; then it is sent. */
static void
say_all(struct ipc_outcome o, bool reusable)
{
	size_t n = one.count;

	for (size_t i = 0; i < n; i++)
		one.owner->outcome(one.arg, i, &o);
	one.count = 0;
	one.owner->sent(one.arg, reusable);
	turn();
}

static void
say(size_t i, enum relay_stage stage, uint16_t code)
{
	struct ipc_outcome o = outcome(stage, RELAY_END_REPLY, code, 0);

	one.owner->outcome(one.arg, i, &o);
}

static void
sent(void)
{
	one.count = 0;
	one.owner->sent(one.arg, true);
	turn();
}

/* There is no connection; or it has ended during a transaction. */
static void
lose(enum relay_stage stage, enum relay_end end)
{
	struct ipc_outcome o = outcome(stage, end, 0, 0);

	for (size_t i = 0; i < one.count; i++)
		one.owner->outcome(one.arg, i, &o);
	one.count = 0;
	connected = false;
	one.owner->gone(one.arg, &o, false);
	turn();
}

static void
expect(const char *hosts, enum attempt_state first, enum attempt_state second,
    enum attempt_state third)
{
	ck_assert_str_eq(asked, hosts);
	ck_assert(ended);
	ck_assert_uint_eq(states[0], first);
	ck_assert_uint_eq(states[1], second);
	ck_assert_uint_eq(states[2], third);
}

/* (2yz, 4yz, 5yz) to RCPT, times what the dot says. */
TEST(verdicts)
{
	static const enum attempt_state rcpt_state[] = { ATTEMPT_WAITS,
	    ATTEMPT_DEFERRED, ATTEMPT_FAILED }, dot_state[] = {
	    ATTEMPT_TAKEN, ATTEMPT_DEFERRED, ATTEMPT_FAILED };
	static const uint16_t codes[] = { 250, 450, 550 };

	for (unsigned which = 0; which < 27 * 3; which++) {
		unsigned kind[rcpts] = { which % 3, which / 3 % 3,
		    which / 9 % 3 }, dot = which / 27;
		enum attempt_state want[rcpts];

		BEGIN("a 203.0.113.201");
		greet();
		ck_assert_uint_eq(one.count, rcpts);
		for (size_t i = 0; i < rcpts; i++) {
			say(i, kind[i] == 0 ? RELAY_DOT : RELAY_RCPT,
			    codes[kind[i] == 0 ? dot : kind[i]]);
			want[i] = kind[i] == 0 ? dot_state[dot] :
			    rcpt_state[kind[i]];
		}
		sent();
		expect("a4", want[0], want[1], want[2]);
		/* It is idle now, and smtpd would use it again. */
		ck_assert(connected);
		link_end_idle();
		ck_assert(!connected);
		turn();
	}
}

TEST(next_host)
{
	BEGIN("a 203.0.113.201 2001:db8:aa::c9", "b 203.0.113.202");
	lose(RELAY_CONNECT, RELAY_END_TIMEOUT);
	lose(RELAY_GREETING, RELAY_END_LOST);
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a4 a6 b4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	/* Lost before the dot: the next one; the last: deferred. */
	link_end_idle();
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	greet();
	lose(RELAY_DATA, RELAY_END_LOST);
	greet();
	lose(RELAY_RCPT, RELAY_END_TIMEOUT);
	expect("a4 b4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
	/* Behind it: nowhere else now. */
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	greet();
	lose(RELAY_DOT, RELAY_END_LOST);
	expect("a4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
}

/* What a host lacks, another may have; else it is a failure. */
TEST(extensions)
{
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	greet();
	say_all(outcome(RELAY_MAIL, RELAY_END_NO_8BIT, 0, 0), true);
	greet();
	say_all(outcome(RELAY_MAIL, RELAY_END_NO_8BIT, 0, 0), true);
	expect("a4 b4", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	ck_assert(!connected);
}

static void
refuse(uint16_t code)
{
	struct ipc_outcome o = outcome(RELAY_GREETING, RELAY_END_REPLY, code,
	    0);

	connected = false;
	one.owner->gone(one.arg, &o, false);
	turn();
}

/*
 * A greeting of 5yz by all hosts: a message fails if that is so for it half an
 * hour later, too.  Each time it is another site: a breaker is open.
 */
TEST(refused)
{
	uint32_t first_s;

	BEGIN("r1 203.0.113.201", "r2 203.0.113.202");
	refuse(554);
	refuse(550);
	expect("r14 r24", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED,
	    ATTEMPT_DEFERRED);
	first_s = q.refused_s;
	ck_assert_uint_gt(first_s, 0);
	now_s += 29 * 60;
	BEGIN("s 203.0.113.201");
	q.refused_s = first_s;
	refuse(554);
	expect("s4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
	now_s += 60;
	/* Another message, which was not refused before. */
	BEGIN("t 203.0.113.201");
	refuse(554);
	expect("t4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
	/* One host that may be back. */
	BEGIN("u1 203.0.113.201", "u2 203.0.113.202");
	q.refused_s = first_s;
	lose(RELAY_CONNECT, RELAY_END_TIMEOUT);
	refuse(554);
	expect("u14 u24", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED,
	    ATTEMPT_DEFERRED);
	BEGIN("v1 203.0.113.201", "v2 203.0.113.202");
	q.refused_s = first_s;
	refuse(554);
	refuse(521);
	expect("v14 v24", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	now_s = 1000;
}

/* RFC 5321 5.1: behind this host are those that would send it back. */
TEST(ourselves)
{
	BEGIN("y1 203.0.113.201", "y2 203.0.113.202");
	lose(RELAY_CONNECT, RELAY_END_OURSELVES);
	expect("y14", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	/* A better one may be back. */
	BEGIN("z1 203.0.113.201", "z2 203.0.113.202", "z3 203.0.113.203");
	lose(RELAY_CONNECT, RELAY_END_TIMEOUT);
	lose(RELAY_CONNECT, RELAY_END_OURSELVES);
	expect("z14 z24", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED,
	    ATTEMPT_DEFERRED);
}

/* RFC 7504: a host that takes no mail; if none does, at once. */
TEST(no_mail)
{
	BEGIN("w1 203.0.113.201", "w2 203.0.113.202");
	refuse(521);
	refuse(521);
	expect("w14 w24", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	BEGIN("x1 203.0.113.201", "x2 203.0.113.202");
	lose(RELAY_CONNECT, RELAY_END_REFUSED);
	refuse(521);
	expect("x14 x24", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED,
	    ATTEMPT_DEFERRED);
}

/* Broken TLS: without it over a new connection, if that may be. */
TEST(tls)
{
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	lose(RELAY_STARTTLS, RELAY_END_TLS);
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a4 a4-", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	link_end_idle();
	m.conf.relay.tls = RELAY_TLS_MUST;
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	lose(RELAY_STARTTLS, RELAY_END_TLS);
	lose(RELAY_STARTTLS, RELAY_END_TLS);
	expect("a4 b4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
}

/*
 * What the first family said is of its message alone: the next one over the
 * connection has its own verdict.
 */
TEST(family_of_the_next)
{
	BEGIN("a 2001:db8:aa::c9 203.0.113.201");
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 550, 7), true);
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	ck_assert(connected);
	BEGIN("a 2001:db8:aa::c9 203.0.113.201");
	lose(RELAY_MAIL, RELAY_END_TIMEOUT);
	expect("", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
}

/* 5.7.x to MAIL or the dot: our address of the other family, once. */
TEST(family)
{
	const struct ipc_outcome no = outcome(RELAY_DOT, RELAY_END_REPLY, 550,
	    7);

	BEGIN("a 2001:db8:aa::c9 203.0.113.201");
	greet();
	say_all(no, true);
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a6 a4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	link_end_idle();
	BEGIN("a 2001:db8:aa::c9 203.0.113.201");
	greet();
	say_all(no, true);
	greet();
	say_all(no, true);
	expect("a6 a4", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	link_end_idle();
	/* The refusal stands where the other one cannot be reached. */
	BEGIN("a 2001:db8:aa::c9 203.0.113.201");
	greet();
	say_all(no, true);
	lose(RELAY_CONNECT, RELAY_END_REFUSED);
	expect("a6 a4", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	BEGIN("a 203.0.113.201");
	greet();
	say_all(no, true);
	expect("a4", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
}

/* 452 to some: they come in the next transaction; to all: deferred. */
TEST(too_many)
{
	BEGIN("a 203.0.113.201");
	greet();
	say(0, RELAY_DOT, 250);
	say(1, RELAY_RCPT, 452);
	say(2, RELAY_RCPT, 452);
	sent();
	ck_assert_uint_eq(one.count, 2);
	say(0, RELAY_DOT, 250);
	say(1, RELAY_RCPT, 452);
	sent();
	ck_assert_uint_eq(one.count, 1);
	say(0, RELAY_RCPT, 452);
	sent();
	expect("a4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_DEFERRED);
}

/* The rest, where a connection takes one message, goes over another. */
TEST(one_each)
{
	BEGIN("a 203.0.113.201");
	one.owner->greeted(one.arg, &(struct ipc_greeted){ .mail_max = 1 });
	say(0, RELAY_DOT, 250);
	say(1, RELAY_RCPT, 452);
	say(2, RELAY_RCPT, 452);
	sent();
	ck_assert(connected && !ended);
	greet();
	ck_assert_uint_eq(one.count, 2);
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a4 a4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	link_end_idle();
	turn();
}

/* smtpd stops: the rest is no try, and is sent after the next start. */
TEST(rest_after_stop)
{
	BEGIN("a 203.0.113.201");
	greet();
	say(0, RELAY_DOT, 250);
	say(1, RELAY_RCPT, 452);
	say(2, RELAY_RCPT, 452);
	m.stopping = true;
	sent();
	m.stopping = false;
	expect("a4", ATTEMPT_TAKEN, ATTEMPT_WAITS, ATTEMPT_WAITS);
	ck_assert_uint_eq(q.tries, 0);
	ck_assert(!connected);
}

/* 421 over a connection that was idle: a new one, and no mark. */
TEST(idle)
{
	BEGIN("a 203.0.113.201");
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	ck_assert(ended && connected);
	BEGIN("a 203.0.113.201");
	ck_assert_str_eq(asked, "");
	say_all(outcome(RELAY_MAIL, RELAY_END_REPLY, 421, 0), false);
	ck_assert(!ended);
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	link_end_idle();
	/* Over a new one it is an answer. */
	BEGIN("a 203.0.113.201");
	greet();
	say_all(outcome(RELAY_MAIL, RELAY_END_REPLY, 421, 0), false);
	expect("a4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
}

/* It was closed while idle, and no host is there: the next message waits. */
TEST(idle_and_down)
{
	BEGIN("a 203.0.113.201");
	greet();
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	BEGIN("a 203.0.113.201");
	say_all(outcome(RELAY_MAIL, RELAY_END_LOST, 0, 0), false);
	lose(RELAY_CONNECT, RELAY_END_REFUSED);
	expect("a4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
	connected = true;		/* for BEGIN, which finds none */
	BEGIN("a 203.0.113.201");
	connected = false;
	expect("", ATTEMPT_WAITS, ATTEMPT_WAITS, ATTEMPT_WAITS);
}

/* A host that takes minutes for a message gets the next one anew. */
TEST(slow)
{
	BEGIN("a 203.0.113.201");
	greet();
	now_s += 299;
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	ck_assert(ended && connected);
	BEGIN("a 203.0.113.201");
	now_s += 2;
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	ck_assert(!connected);
}

/* All hosts are down: nothing is sent there, and the next message waits. */
TEST(breaker)
{
	BEGIN("a 203.0.113.201");
	lose(RELAY_CONNECT, RELAY_END_REFUSED);
	expect("a4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
	ck_assert_uint_eq(q.tries, 1);
	connected = true;		/* for BEGIN, which finds none */
	BEGIN("a 203.0.113.201");
	connected = false;
	expect("", ATTEMPT_WAITS, ATTEMPT_WAITS, ATTEMPT_WAITS);
	ck_assert_uint_eq(q.tries, 0);
}

TEST(pauses)
{
	static const int want[] = { 5, 10, 20, 40, 60, 60, 60 };
	const struct queue_fact f = { .port = 25 };
	struct site *s;

	BEGIN("p 203.0.113.201");
	s = attempt->groups[0].site;
	for (size_t i = 0; i < 7; i++) {
		int64_t now_ms = deadline_now_ms(), most = want[i] * 66000;

		site_failed(s, &f);
		ck_assert_int_le(s->until_ms, now_ms + most + 1000);
		ck_assert_int_ge(s->until_ms, now_ms + want[i] * 54000);
		/* A connection from before. */
		site_failed(s, &f);
		ck_assert_uint_eq(s->failures, i + 1);
		ck_assert_int_le(s->until_ms, now_ms + most + 1000);
		s->until_ms = 0;
	}
	/* give-up-after is short: eight tries have to fit. */
	m.conf.relay.give_up_after_s = 80;
	site_failed(s, &f);
	ck_assert_int_le(s->until_ms, deadline_now_ms() + 11000);
	m.conf.relay.give_up_after_s = 5 * 24 * 60 * 60;
	site_greeted(s);
	ck_assert(!site_is_down(s));
	lose(RELAY_MAIL, RELAY_END_TIMEOUT);
}

TEST(pace)
{
	struct site *s;

	BEGIN("q 203.0.113.201");
	s = attempt->groups[0].site;
	ck_assert_uint_eq(site_limit(s), 2);
	for (size_t i = 0; i < 5; i++)
		site_pace(s, false);
	ck_assert_uint_eq(site_limit(s), 4);
	for (size_t i = 0; i < 1000; i++)
		site_pace(s, false);
	ck_assert_uint_eq(s->limit, 10);
	site_pace(s, true);
	ck_assert_uint_eq(site_limit(s), 5);
	for (size_t i = 0; i < 5; i++)
		site_pace(s, true);
	ck_assert_uint_eq(site_limit(s), 1);
	site_pace(s, false);
	ck_assert_uint_eq(site_limit(s), 2);
	lose(RELAY_MAIL, RELAY_END_TIMEOUT);
}

/* A file that cannot be read: tries, not without end, and one look in each. */
TEST(unreadable)
{
	static const struct {
		int		 error;
		unsigned	 tries;
		bool		 tried, lost, aside;
	} rows[] = { { EIO, 0, true, false, false },
	    { EIO, 7, true, false, false }, { EIO, 8, true, true, true },
	    { EMFILE, 0, false, false, false },
	    { EMFILE, 8, false, false, false },
	    { ENOENT, 0, true, true, false },
	    { EBADMSG, 0, true, true, false } };

	log_open(LOG_TO_NOBODY);
	m.conf.relay.give_up_after_s = 100;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct attempt a = { .master = &m, .q = &q };

		q = (struct queued){ .tries = (uint16_t)rows[i].tries,
		    .queued_s = now_s - 100 };
		open_errno = rows[i].error;
		opens = aside = 0;
		ck_assert(!attempt_open(&a));
		ck_assert(!attempt_open(&a));
		ck_assert_uint_eq(opens, 1);
		ck_assert_uint_eq(a.tried, rows[i].tried);
		ck_assert_uint_eq(a.lost, rows[i].lost);
		ck_assert_uint_eq(aside, rows[i].aside);
	}
}

/* It failed: a worker says that its file is damaged. */
TEST(damaged)
{
	BEGIN("a 203.0.113.201", "b 203.0.113.202");
	greet();
	say_all(outcome(RELAY_DATA, RELAY_END_DAMAGED, 0, 0), false);
	expect("a4", ATTEMPT_FAILED, ATTEMPT_FAILED, ATTEMPT_FAILED);
	ck_assert(was_damaged && !connected);
}

/* Domains that share their hosts: one transaction, results for each. */
TEST(domains_of_one_site)
{
	for (unsigned round = 0; round < 6; round++) {
		apart = round % 3;
		backwards = round > 2;
		BEGIN("a 203.0.113.201", "b 203.0.113.202");
		lose(RELAY_CONNECT, RELAY_END_REFUSED);
		greet();
		ck_assert_uint_eq(one.count, rcpts);
		say(0, RELAY_DOT, 250);
		say(1, RELAY_RCPT, 452);
		say(2, RELAY_RCPT, 550);
		sent();
		/* And what is left of it in the next. */
		ck_assert(!ended && connected);
		ck_assert_uint_eq(one.count, 1);
		say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
		ck_assert(ended && connected);
		ck_assert_str_eq(asked, "a4 b4");
		ck_assert_uint_eq(states[0] + states[1] + states[2],
		    2 * ATTEMPT_TAKEN + ATTEMPT_FAILED);
		link_end_idle();
		turn();
	}
	/* What smtpd.conf names stays apart. */
	apart = 1;
	backwards = false;
	written = true;
	m.conf.limits.per_destination = 1;
	BEGIN("a 203.0.113.201");
	greet();
	ck_assert_uint_eq(one.count, 1);
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	ck_assert_uint_eq(one.count, 2);
	say_all(outcome(RELAY_DOT, RELAY_END_REPLY, 250, 0), true);
	expect("a4", ATTEMPT_TAKEN, ATTEMPT_TAKEN, ATTEMPT_TAKEN);
	link_end_idle();
	turn();
	/* All are down: each waits for the site. */
	written = false;
	m.conf.limits.per_destination = 10;
	BEGIN("a 203.0.113.201");
	lose(RELAY_CONNECT, RELAY_END_REFUSED);
	expect("a4", ATTEMPT_DEFERRED, ATTEMPT_DEFERRED, ATTEMPT_DEFERRED);
}
