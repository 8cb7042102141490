/*
 * resolver: questions, whose they are, and what a worker may answer.  The
 * pool, dial and the worker are this test.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/process/dial.h"
#include "server/process/feed.h"
#include "server/process/resolver.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

/* A worker; the pool's end of its channel is never the owner's. */
struct worker {
	int		 channel, other;
	void		*owner;		/* NULL: idle */
	bool		 gone;
	struct feed	 feed;
};

enum { workers = 12, jobs_max = 600 };

static struct master m;
static struct worker pool[workers];
static unsigned wants;
static bool no_socket;		/* dial fails */
static unsigned dials, udp_dials, last_port;

/* ---- neighbours ---------------------------------------------------------- */

static bool
next_record(void *worker, struct ipc_record *out)
{
	struct worker *w = worker;

	return resolver_use.feed(w->owner, out, &w->feed.pass);
}

/* One that asks has the next worker at once. */
void
pool_want(struct master *master, const struct worker_use *use,
    struct pool_wait *wait, void *owner)
{
	struct worker *w = pool;

	ck_assert_ptr_eq(use, &resolver_use);
	wants++;
	while (w < pool + workers && (w->owner != NULL || w->gone))
		w++;
	if (w == pool + workers)
		return;
	ck_assert_int_eq(use->begin(owner, w), IPC_AT_RESOLVE);
	w->owner = owner;
	feed_init(&w->feed, master->base, w->channel, next_record, NULL, w);
	pool_feed(w);
}

void
pool_feed(struct worker *w)
{
	feed_start(&w->feed);
}

int
pool_send(struct worker *w, struct ipc_record *r, int fd)
{
	return ipc_send(w->channel, r, fd, false);
}

void
pool_lost(struct worker *w, const char *how)
{
	void *owner = w->owner;

	w->gone = true;
	w->owner = NULL;
	feed_stop(&w->feed);
	close(w->channel);
	if (owner != NULL)
		resolver_use.on_lost(owner, how);
}

static void
on_dialled(evutil_socket_t unused, short what, void *arg)
{
	struct dial_job *job = arg;

	job->done(job->arg, no_socket ? -1 : dup(0),
	    no_socket ? ENETUNREACH : 0);
}

void
dial_connect(struct master *master, struct dial_job *job)
{
	static const struct timeval now = { 0, 0 };

	dials++;
	udp_dials += job->udp;
	last_port = job->port;
	ck_assert_int_eq(event_base_once(m.base, -1, EV_TIMEOUT, on_dialled,
	    job, &now), 0);
}

/* ---- callers ------------------------------------------------------------- */

static struct caller {
	struct resolver_job	 job;
	unsigned		 told;
	enum resolve_status	 status;
	bool			 secure;
	size_t			 count;
	struct ipc_host	 hosts[resolve_hosts_max];
} callers[jobs_max];

static void
on_route(void *arg, const struct route *route)
{
	struct caller *c = arg;

	c->told++;
	c->status = route->status;
	c->secure = route->secure;
	c->count = route->count;
	memcpy(c->hosts, route->hosts, route->count * sizeof(c->hosts[0]));
}

static void
turn(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

static void
begin(void)
{
	const struct conf_resolver local = { .ip.ip = { 127, 0, 0, 1 },
	    .port = 53, .believed = true };
	int ends[2];

	memset(callers, 0, sizeof(callers));
	memset(&m, 0, sizeof(m));
	m.conf.relay.ipv6 = true;
	m.conf.relay.resolvers[0] = local;
	m.conf.relay.resolver_count = 1;
	m.base = event_base_new();
	for (size_t i = 0; i < workers; i++) {
		ck_assert_int_eq(ipc_pair(ends), 0);
		pool[i] = (struct worker){ .channel = ends[0],
		    .other = ends[1] };
	}
	wants = dials = udp_dials = 0;
	no_socket = false;
	resolver_start(&m);
}

static void
ask(size_t i, enum resolve_kind kind, const char *name)
{
	struct caller *c = &callers[i];

	c->told = 0;
	c->job = (struct resolver_job){ .kind = kind, .done = on_route,
	    .arg = c };
	snprintf(c->job.name, sizeof(c->job.name), "%s", name);
	resolver_ask(&c->job);
	ck_assert_uint_eq(c->told, 0);
	turn();
}

/* ---- the worker ---------------------------------------------------------- */

static enum ipc_got
hear(size_t w, struct ipc_record *r, int *passed)
{
	const char *why = "";

	return ipc_recv(pool[w].other, IPC_TO_WORKER, IPC_AT_IDLE |
	    IPC_AT_RESOLVE, false, r, passed, &why);
}

static struct ipc_lookup
hear_whole_lookup(size_t w)
{
	struct ipc_record r;
	int passed;

	ck_assert_int_eq(hear(w, &r, &passed), IPC_GOT_RECORD);
	ck_assert_int_eq(r.type, IPC_LOOKUP);
	ck_assert_int_ge(passed, 0);
	close(passed);
	turn();
	return r.u.lookup;
}

/* The next question; the name it has to be, or any if that is NULL. */
static uint64_t
hear_lookup(size_t w, const char *name)
{
	const struct ipc_lookup l = hear_whole_lookup(w);

	if (name != NULL)
		ck_assert_str_eq(l.name, name);
	return l.ticket;
}

static void
hear_nothing(size_t w)
{
	struct ipc_record r;
	int passed;

	ck_assert_int_eq(hear(w, &r, &passed), IPC_GOT_NOTHING);
}

/* As the pool does it: false is the worker's end. */
static bool
say(size_t w, const struct ipc_record *r)
{
	bool ok;

	ck_assert_ptr_nonnull(pool[w].owner);
	ok = resolver_use.on_record(pool[w].owner, r);
	if (!ok)
		pool_lost(&pool[w], "killed");
	turn();
	return ok;
}

static bool
say_host(size_t w, uint64_t ticket, uint16_t preference, const char *name)
{
	struct ipc_record r = { .type = IPC_HOST, .u.host = { .ticket = ticket,
	    .preference = preference, .count = 1,
	    .addresses = { { 0, { 192, 0, 2, 1 } } } } };

	memcpy(r.u.host.name, name, strlen(name));
	return say(w, &r);
}

static bool
say_answer(size_t w, uint64_t ticket, enum resolve_status status, uint32_t ttl)
{
	return say(w, &(struct ipc_record){ .type = IPC_ANSWER,
	    .u.answer = { ticket, ttl, (uint8_t)status, 0, 1 } });
}

/* ---- tests --------------------------------------------------------------- */

TEST(a_route)
{
	struct resolver_figures seen;
	uint64_t ticket;

	begin();
	resolver_figures(&seen);
	ck_assert(seen.secure_ms == 0 && seen.answer_ms == 0);
	ask(0, RESOLVE_MX, "example.org");
	ticket = hear_lookup(0, "example.org");
	ck_assert(say_host(0, ticket, 10, "a.example.org"));
	ck_assert(say_host(0, ticket, 20, "b.example.org"));
	ck_assert(say_answer(0, ticket, RESOLVE_OK, 60));
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_int_eq(callers[0].status, RESOLVE_OK);
	ck_assert(callers[0].secure);
	ck_assert_uint_eq(callers[0].count, 2);
	ck_assert_str_eq(callers[0].hosts[1].name, "b.example.org");
	/* It is known now, for MX; an address of that name is another thing. */
	ask(1, RESOLVE_MX, "example.org");
	ck_assert_uint_eq(callers[1].told, 1);
	ck_assert_uint_eq(callers[1].count, 2);
	hear_nothing(0);
	ask(2, RESOLVE_HOST, "example.org");
	(void)hear_lookup(0, "example.org");
	/* What status says of it. */
	resolver_figures(&seen);
	ck_assert(seen.secure_ms > 0 && seen.answer_ms > 0);
	ck_assert_uint_eq(seen.open, 1);
	ck_assert_uint_eq(seen.cached, 1);
}

/* ---- a worker that was taken over ---------------------------------------- */

/* Each is the worker's end; the next is asked again, and its answer counts. */
TEST(claims_what_it_was_not_asked)
{
	struct ipc_record r;
	uint64_t ticket;

	for (int claim = 0; claim < 9; claim++) {
		begin();
		m.conf.relay.ipv6 = false;
		ask(0, claim == 8 ? RESOLVE_HOST : RESOLVE_MX, "example.org");
		ticket = hear_lookup(0, "example.org");
		switch (claim) {
		case 0:		/* a host of no ticket */
			ck_assert(!say_host(0, ticket + 1, 1, "a"));
			break;
		case 1:		/* an answer to none */
			ck_assert(!say_answer(0, ticket + 1,
			    RESOLVE_NO_DOMAIN, 1));
			break;
		case 2:		/* no host at all */
			ck_assert(!say_answer(0, ticket, RESOLVE_OK, 1));
			break;
		case 3:		/* hosts of a domain that has none */
			ck_assert(say_host(0, ticket, 1, "a"));
			ck_assert(!say_answer(0, ticket, RESOLVE_NO_DOMAIN,
			    1));
			break;
		case 4:		/* not in order */
			ck_assert(say_host(0, ticket, 2, "a"));
			ck_assert(!say_host(0, ticket, 1, "b"));
			break;
		case 5:		/* more than a route has */
			for (uint16_t i = 0; i < resolve_hosts_max; i++)
				ck_assert(say_host(0, ticket, i, "a"));
			ck_assert(!say_host(0, ticket, 99, "a"));
			break;
		case 6:		/* a family that is not used here */
			r = (struct ipc_record){ .type = IPC_HOST, .u.host = {
			    .ticket = ticket, .count = 1,
			    .name = "a", .addresses = { { 1, { 32 } } } } };
			ck_assert(!say(0, &r));
			break;
		case 7:		/* something else */
			r = (struct ipc_record){ .type = IPC_END };
			ck_assert(!say(0, &r));
			break;
		default:	/* a second host of one name */
			ck_assert(say_host(0, ticket, 1, "a"));
			ck_assert(!say_host(0, ticket, 1, "b"));
		}
		ck_assert_uint_eq(callers[0].told, 0);
		ticket = hear_lookup(1, "example.org");
		ck_assert(say_host(1, ticket, 10, "right"));
		ck_assert(say_answer(1, ticket, RESOLVE_OK, 60));
		ck_assert_uint_eq(callers[0].told, 1);
		ck_assert_uint_eq(callers[0].count, 1);
		ck_assert_str_eq(callers[0].hosts[0].name, "right");
	}
}

/* ---- tries --------------------------------------------------------------- */

/* Over UDP, over TCP, and once more; then there is trouble, for a while. */
TEST(three_tries)
{
	struct ipc_lookup l;

	begin();
	ask(0, RESOLVE_MX, "example.org");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(callers[0].told, 0);
		l = hear_whole_lookup(0);
		ck_assert_uint_eq(l.timeout_ms, 2000U << i);
		ck_assert_uint_eq(l.tcp, i == 1);
		ck_assert_uint_eq(l.last, i == 2);
		ck_assert(say_answer(0, l.ticket, RESOLVE_TROUBLE, 60));
	}
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_int_eq(callers[0].status, RESOLVE_TROUBLE);
	ck_assert_uint_eq(dials, 3);
	ck_assert_uint_eq(udp_dials, 2);
	ask(1, RESOLVE_MX, "example.org");
	ck_assert_uint_eq(callers[1].told, 1);
	hear_nothing(0);
}

/* The one that answered last is asked first. */
TEST(servers_in_turn)
{
	const uint32_t servers[] = { 0, 1, 1, 0, 0, 1 };
	struct ipc_lookup l;
	char name[32];

	begin();
	m.conf.relay.resolvers[1] = m.conf.relay.resolvers[0];
	m.conf.relay.resolvers[1].port = 54;
	m.conf.relay.resolver_count = 2;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "d%u.example", i / 2);
		if (i % 2 == 0)
			ask(i, RESOLVE_MX, name);
		ck_assert_uint_eq(last_port, 53 + servers[i]);
		l = hear_whole_lookup(0);
		ck_assert(say_answer(0, l.ticket, i % 2 == 0 ?
		    RESOLVE_TROUBLE : RESOLVE_NO_DOMAIN, 60));
	}
}

TEST(no_sockets)
{
	begin();
	no_socket = true;
	for (size_t i = 0; i < 100; i++)
		ask(i, RESOLVE_MX, i % 2 == 0 ? "example.org" : "example.net");
	ck_assert_uint_eq(dials, 6);
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(callers[i].status, RESOLVE_TROUBLE);
	ck_assert_ptr_null(pool[0].owner);
}

/* A worker has so many at most; each answer makes room for one. */
TEST(many_questions)
{
	struct pool_sight seen;
	uint64_t ticket = 0;
	char name[32];

	begin();
	for (size_t i = 0; i < jobs_max; i++) {
		snprintf(name, sizeof(name), "d%zu.example", i);
		ask(i, RESOLVE_MX, name);
	}
	for (size_t i = 0; i < resolve_lookups_max; i++)
		ticket = hear_lookup(0, NULL);
	hear_nothing(0);
	ck_assert(say_answer(0, ticket, RESOLVE_NO_DOMAIN, 1));
	(void)hear_lookup(0, "d128.example");
	hear_nothing(0);
	resolver_use.see(pool[0].owner, &seen);
	ck_assert_int_gt(seen.due_ms, deadline_now_ms());
}

/* ---- workers that are lost or old ---------------------------------------- */

/* A worker that is lost is a try. */
TEST(asked_again)
{
	begin();
	ask(0, RESOLVE_MX, "crash.example");
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(callers[0].told, 0);
		(void)hear_lookup(i, "crash.example");
		pool_lost(&pool[i], "crash");
		turn();
	}
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_int_eq(callers[0].status, RESOLVE_TROUBLE);
	ck_assert(!pool[3].gone && pool[3].owner == NULL);
}

TEST(is_replaced)
{
	uint64_t ticket;
	char name[32];

	begin();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		ask(0, RESOLVE_MX, name);
		ticket = hear_lookup(0, name);
		ck_assert(say_answer(0, ticket, RESOLVE_NO_DOMAIN, 1));
		ck_assert_uint_eq(callers[0].told, 1);
	}
	ck_assert(pool[0].gone);
	ask(0, RESOLVE_MX, "next.example");
	(void)hear_lookup(1, "next.example");
}

/* After SIGHUP other servers are asked, and nothing that was known counts. */
TEST(new_configuration)
{
	uint64_t ticket;

	begin();
	ask(0, RESOLVE_MX, "example.org");
	ticket = hear_lookup(0, "example.org");
	ck_assert(say_answer(0, ticket, RESOLVE_NO_DOMAIN, 3600));
	ask(2, RESOLVE_MX, "open.example");
	(void)hear_lookup(0, "open.example");
	resolver_renew();
	turn();
	ck_assert(pool[0].gone);
	(void)hear_lookup(1, "open.example");
	ask(1, RESOLVE_MX, "example.org");
	ck_assert_uint_eq(callers[1].told, 0);
	(void)hear_lookup(1, "example.org");
	/* That was no loss: the next may still be one. */
	pool_lost(&pool[1], "crash");
	turn();
	ck_assert_uint_eq(callers[2].told, 0);
	(void)hear_lookup(2, NULL);
}

/* ---- many callers -------------------------------------------------------- */

TEST(one_question_for_many)
{
	uint64_t ticket;

	begin();
	for (size_t i = 0; i < 200; i++)
		ask(i, RESOLVE_MX, "example.org");
	ticket = hear_lookup(0, "example.org");
	hear_nothing(0);
	resolver_forget(&callers[7].job);
	resolver_forget(&callers[7].job);
	ck_assert(say_answer(0, ticket, RESOLVE_NULL_MX, 60));
	for (size_t i = 0; i < 200; i++)
		ck_assert_uint_eq(callers[i].told, i != 7);
}

/* done() may ask at once again, for the same name or another. */
static void
on_route_ask(void *arg, const struct route *route)
{
	static unsigned times;
	struct caller *c = arg;

	on_route(arg, route);
	if (times++ < 3)
		resolver_ask(&c->job);
	else {
		strcpy(c->job.name, "other.example");
		resolver_ask(&c->job);
	}
}

TEST(asks_when_told)
{
	uint64_t ticket;

	begin();
	callers[0].job = (struct resolver_job){ .name = "example.org",
	    .done = on_route_ask, .arg = &callers[0] };
	resolver_ask(&callers[0].job);
	turn();
	ticket = hear_lookup(0, "example.org");
	ck_assert(say_answer(0, ticket, RESOLVE_NULL_MX, 60));
	ck_assert_uint_eq(callers[0].told, 4);
	(void)hear_lookup(0, "other.example");
}

/* How long a route is known: 5 s at least. */
TEST(cache)
{
	uint64_t ticket;
	char name[32];

	begin();
	ask(0, RESOLVE_MX, "brief.example");
	ticket = hear_lookup(0, "brief.example");
	ck_assert(say_answer(0, ticket, RESOLVE_NO_DOMAIN, 0));
	ask(0, RESOLVE_MX, "brief.example");
	ck_assert_uint_eq(callers[0].told, 1);
	/* A thousand others, and it is forgotten. */
	for (unsigned i = 0; i < 1001; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		ask(1, RESOLVE_MX, name);
		ticket = hear_lookup((i + 1) / 1000, name);
		ck_assert(say_answer((i + 1) / 1000, ticket, RESOLVE_NO_DOMAIN,
		    60));
	}
	ask(0, RESOLVE_MX, "d1000.example");
	ck_assert_uint_eq(callers[0].told, 1);
	ask(0, RESOLVE_MX, "brief.example");
	ck_assert_uint_eq(callers[0].told, 0);
}

/* Whom to blame: not all of them, but how many, and one. */
TEST(blame)
{
	struct pool_sight seen;
	uint64_t ticket;

	begin();
	ask(0, RESOLVE_MX, "crash.example");
	ticket = hear_lookup(0, "crash.example");
	resolver_use.see(pool[0].owner, &seen);
	ck_assert_int_gt(seen.due_ms, deadline_now_ms());
	ck_assert_str_eq(seen.state, "resolving");
	ck_assert_str_eq(seen.blame, "crash.example");
	ck_assert(say_answer(0, ticket, RESOLVE_NO_DOMAIN, 60));
	resolver_use.see(pool[0].owner, &seen);
	ck_assert_int_eq(seen.due_ms, INT64_MAX);
}
