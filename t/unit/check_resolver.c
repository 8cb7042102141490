/*
 * resolver: questions, whose they are, and what a worker may answer.  The
 * pool, dial and the worker are this test.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/process/dial.h"
#include "server/process/resolver.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

/* A worker; the pool's end of its channel is never the owner's. */
struct worker {
	int		 channel, other;
	void		*owner;		/* NULL: idle */
	bool		 gone;
};

enum { workers = 4, jobs_max = 600 };

static struct master m;
static struct worker pool[workers];
static unsigned wants;
static struct dial_job *dialled;
static unsigned dials, dials_forgotten;

/* ---- neighbours ---------------------------------------------------------- */

struct worker *
pool_idle(struct master *master)
{
	for (size_t i = 0; i < workers; i++)
		if (pool[i].owner == NULL && !pool[i].gone)
			return &pool[i];
	return NULL;
}

void
pool_want(struct master *master)
{
	wants++;
	resolver_use.on_idle(master);
}

void
pool_lend(struct worker *w, const struct worker_use *use, void *owner,
    enum ipc_when when)
{
	ck_assert_ptr_eq(use, &resolver_use);
	ck_assert_int_eq(when, IPC_AT_RESOLVE);
	w->owner = owner;
}

int
pool_channel(const struct worker *w)
{
	return w->channel;
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
	close(w->channel);
	if (owner != NULL)
		resolver_use.on_lost(owner, how);
}

void
dial_connect(struct master *master, struct dial_job *job)
{
	dials++;
	dialled = job;
}

void
dial_forget(struct dial_job *job)
{
	dials_forgotten++;
}

/* ---- callers ------------------------------------------------------------- */

static struct caller {
	struct resolver_job	 job;
	unsigned		 told;
	enum resolve_status	 status;
	bool			 secure;
	size_t			 count;
	struct route_host	 hosts[resolve_hosts_max];
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
	m.epoch = conf_epoch_enter(calloc(1, sizeof(*m.epoch)));
	m.base = event_base_new();
	for (size_t i = 0; i < workers; i++) {
		ck_assert_int_eq(ipc_pair(ends), 0);
		pool[i] = (struct worker){ ends[0], ends[1], NULL, false };
	}
	wants = dials = dials_forgotten = 0;
	ck_assert_int_eq(resolver_start(&m), 0);
}

static void
ask(size_t i, enum resolve_kind kind, const char *name)
{
	struct caller *c = &callers[i];

	c->told = 0;
	c->job = (struct resolver_job){ .kind = kind, .done = on_route,
	    .arg = c };
	snprintf(c->job.name, sizeof(c->job.name), "%s", name);
	resolver_ask(&m, &c->job);
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

/* The next question; the name it has to be, or any if that is NULL. */
static uint64_t
hear_lookup(size_t w, const char *name)
{
	struct ipc_record r;
	int passed;

	ck_assert_int_eq(hear(w, &r, &passed), IPC_GOT_RECORD);
	if (r.type == IPC_RESOLVE)
		ck_assert_int_eq(hear(w, &r, &passed), IPC_GOT_RECORD);
	ck_assert_int_eq(r.type, IPC_LOOKUP);
	if (name != NULL) {
		ck_assert_uint_eq(r.u.lookup.name_len, strlen(name));
		ck_assert_mem_eq(r.u.lookup.name, name, strlen(name));
	}
	turn();
	return r.u.lookup.ticket;
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
	    .name_len = (uint8_t)strlen(name),
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
	resolver_figures(&m, &seen);
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
	resolver_figures(&m, &seen);
	ck_assert(seen.secure_ms > 0 && seen.answer_ms > 0);
	ck_assert_uint_eq(seen.open, 1);
	ck_assert_uint_eq(seen.cached, 1);
	ck_assert_uint_eq(m.counters.value[COUNTER_LOOKUPS_OK], 1);
}

/* No server of a configuration without one: nobody waits for ever. */
TEST(no_server)
{
	begin();
	m.conf.relay.resolver_count = 0;
	ask(0, RESOLVE_MX, "example.org");
	ck_assert_uint_eq(callers[0].told, 1);
	ck_assert_int_eq(callers[0].status, RESOLVE_TROUBLE);
	ck_assert_uint_eq(wants, 0);
}
