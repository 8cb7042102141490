/*
 * resolve: workers in their sandbox ask two lying name servers, for the
 * master's end of them.  The pool and dial are this test.
 */
#include "t/unit/ipc_name.h"
#include "t/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "server/process/dial.h"
#include "server/process/feed.h"
#include "server/process/resolver.h"
#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/ipc.h"
#include "shared/os/sandbox_table.h"
#include "t/unit/lying_dns.h"
#include "worker/helper.h"

enum { callers_max = 1000, dials_max = resolve_lookups_max };

/* A worker that was lent. */
struct worker {
	int			 channel;
	pid_t			 pid;
	void			*owner;
	struct feed		 feed;
	struct event		*readable;
};

static struct master master;
static struct worker *busy;	/* the last that was lent */
static unsigned births, attacks, dials;
static bool no_socket;		/* dial fails */
static pid_t liar;
static int status;

/* ---- the pool ------------------------------------------------------------ */

static void
run_worker(int channel)
{
	static struct ipc_settings settings;
	struct ask a = { .channel = channel };
	struct ipc_record r;
	const char *what;
	int passed, output;

	if (sandbox_facts()->exists &&
	    (sandbox_prepare(SANDBOX_SMTP, &what) == -1 ||
	    sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1))
		_exit(99);
	passed = ask_job(&a, &r, &output);
	resolve_run(&a, &settings, &r, passed, -1);
	_exit(98);
}

static struct worker *
bear(void)
{
	struct worker *w = calloc(1, sizeof(*w));
	int ends[2], few = 2304;

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(ipc_pair(ends), 0);
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	w->channel = ends[0];
	w->pid = fork();
	if (w->pid == 0) {
		/* Only the first three and the channel stay open. */
		if (dup2(ends[1], 3) == -1)
			_exit(97);
		for (int fd = 4; fd < 1024; fd++)
			close(fd);
		run_worker(3);
	}
	close(ends[1]);
	births++;
	return w;
}

void
pool_lost(struct worker *w, const char *how)
{
	event_free(w->readable);
	feed_stop(&w->feed);
	close(w->channel);
	ck_assert_int_eq(waitpid(w->pid, &status, 0), w->pid);
	busy = busy == w ? NULL : busy;
	resolver_use.on_lost(w->owner, how);
	free(w);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct ipc_record r;
	const char *why = "";
	int passed;
	enum ipc_got got = ipc_recv(fd, IPC_FROM_WORKER, IPC_AT_RESOLVE, false,
	    &r, &passed, &why);

	if (got == IPC_GOT_NOTHING)
		return;
	if (got == IPC_GOT_RECORD && resolver_use.on_record(w->owner, &r))
		return;
	if (got == IPC_GOT_RECORD || got == IPC_GOT_BAD) {
		if (attacks++ == 0)
			fprintf(stderr, "attack: %s %s\n", why,
			    ipc_name(r.type));
	}
	kill(w->pid, SIGKILL);
	pool_lost(w, "gone");
}

static bool
next_record(void *worker, struct ipc_record *out)
{
	struct worker *w = worker;

	return resolver_use.feed(w->owner, out, &w->feed.pass);
}

void
pool_feed(struct worker *w)
{
	feed_start(&w->feed);
}

void
pool_want(struct master *unused, const struct worker_use *use,
    struct pool_wait *wait, void *owner)
{
	struct worker *w = bear();

	ck_assert_int_eq(use->begin(owner, w), IPC_AT_RESOLVE);
	w->owner = owner;
	w->readable = event_new(master.base, w->channel, EV_READ | EV_PERSIST,
	    on_readable, w);
	event_add(w->readable, NULL);
	busy = w;
	feed_init(&w->feed, master.base, w->channel, next_record, NULL, w);
	pool_feed(w);
}

int
pool_send(struct worker *w, struct ipc_record *r, int fd)
{
	return ipc_send(w->channel, r, fd, false);
}

/* ---- dial ---------------------------------------------------------------- */

static struct dial_job *dialling[dials_max];

static void
on_dialled(evutil_socket_t unused, short what, void *arg)
{
	struct dial_job **slot = arg, *job = *slot;
	struct sockaddr_storage ss;
	socklen_t size;
	int fd;

	*slot = NULL;
	if (job == NULL)
		return;
	fd = no_socket ? -1 : socket(AF_INET, (job->udp ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC, 0);
	size = ip_sockaddr(&job->to, job->port, &ss);
	if (fd != -1) {
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, size), 0);
		ck_assert_int_ne(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	}
	job->done(job->arg, fd, fd == -1 ? ENETUNREACH : 0);
}

void
dial_connect(struct master *unused, struct dial_job *job)
{
	static const struct timeval now = { 0, 0 };
	size_t i = 0;

	while (dialling[i] != NULL)
		ck_assert_uint_lt(++i, dials_max);
	dialling[i] = job;
	dials++;
	ck_assert_int_eq(event_base_once(master.base, -1, EV_TIMEOUT,
	    on_dialled, &dialling[i], &now), 0);
}

void
dial_forget(struct dial_job *job)
{
	for (size_t i = 0; i < dials_max; i++)
		if (dialling[i] == job)
			dialling[i] = NULL;
}

/* ---- callers ------------------------------------------------------------- */

static struct caller {
	struct resolver_job	 job;
	unsigned		 told;
	enum resolve_status	 status;
	bool			 secure;
	size_t			 count;
	struct ipc_host	 hosts[resolve_hosts_max];
} callers[callers_max];
static size_t asked, told;

static void
on_route(void *arg, const struct route *route)
{
	struct caller *c = arg;

	told++;
	c->told++;
	c->status = route->status;
	c->secure = route->secure;
	c->count = route->count;
	memcpy(c->hosts, route->hosts, route->count * sizeof(c->hosts[0]));
}

static struct caller *
ask(enum resolve_kind kind, const char *label)
{
	struct caller *c = &callers[asked++];

	*c = (struct caller){ .job = { .kind = kind, .done = on_route,
	    .arg = c } };
	snprintf(c->job.name, sizeof(c->job.name), "%s.test", label);
	resolver_ask(&c->job);
	return c;
}

/* Until all are told, or so many. */
static void
await(size_t count)
{
	const int64_t until = deadline_now_ms() + 60 * 1000;

	while (told < count && deadline_now_ms() < until)
		event_base_loop(master.base, EVLOOP_ONCE);
	ck_assert_uint_ge(told, count);
}

static void
begin(bool ipv6)
{
	int udp[lying_servers], tcp[lying_servers];
	uint16_t ports[lying_servers];

	lying_bind(udp, tcp, ports);
	liar = fork();
	if (liar == 0)
		lying_run(udp, tcp);
	master.conf.relay.ipv6 = ipv6;
	master.conf.relay.resolver_count = lying_servers;
	for (int i = 0; i < lying_servers; i++) {
		close(udp[i]);
		close(tcp[i]);
		master.conf.relay.resolvers[i] = (struct conf_resolver){
		    .ip.ip = { 127, 0, 0, 1 }, .port = ports[i],
		    .believed = true };
	}
	master.base = event_base_new();
	resolver_start(&master);
}

static void
end(void)
{
	if (busy != NULL) {
		master.stopping = true;
		kill(busy->pid, SIGKILL);
		pool_lost(busy, "end");
	}
	kill(liar, SIGKILL);
	ck_assert_int_eq(waitpid(liar, &status, 0), liar);
	ck_assert_uint_eq(attacks, 0);
}

/* ---- tests --------------------------------------------------------------- */

static const char *
addresses(const struct ipc_host *h)
{
	static char text[128];

	text[0] = '\0';
	for (size_t i = 0; i < h->count; i++)
		strcat(text, h->addresses[i].ipv6 ? "6" : "4");
	return text;
}

static void
expect(struct caller *c, enum resolve_status expected, size_t hosts)
{
	ck_assert_msg(c->told == 1 && c->status == expected &&
	    c->count == hosts, "%s: told %u times, status %d not %d, %zu "
	    "hosts not %zu", c->job.name, c->told, (int)c->status,
	    (int)expected, c->count, hosts);
}

/* What servers say that are honest, or broken as they are broken. */
TEST(honest)
{
	static const struct {
		const char	*label;
		enum resolve_status status;
		size_t		 hosts;
	} cases[] = { { "good", RESOLVE_OK, 2 }, { "alias", RESOLVE_OK, 1 },
	    { "implicit", RESOLVE_OK, 1 }, { "null", RESOLVE_NULL_MX, 0 },
	    { "nxdomain", RESOLVE_NO_DOMAIN, 0 },
	    { "nothing", RESOLVE_NO_DATA, 0 },
	    { "no-host", RESOLVE_NO_DATA, 0 },
	    { "servfail", RESOLVE_TROUBLE, 0 },
	    { "half-servfail", RESOLVE_OK, 2 },
	    { "half-silent", RESOLVE_OK, 2 }, { "formerr", RESOLVE_OK, 2 },
	    { "deaf", RESOLVE_OK, 2 }, { "lower", RESOLVE_OK, 2 },
	    { "tcp", RESOLVE_OK, 2 }, { "mixed", RESOLVE_OK, 3 },
	    { "silent", RESOLVE_TROUBLE, 0 } };
	/* Names that no name server can be asked for. */
	static const char *const names[] = { "a..b", "\xc3\xa4", "-x" };
	struct caller *c[COUNT(cases)], *host[4], *no_name[COUNT(names)];

	begin(true);
	for (size_t i = 0; i < COUNT(cases); i++)
		c[i] = ask(RESOLVE_MX, cases[i].label);
	host[0] = ask(RESOLVE_HOST, "v6-servfail");
	host[1] = ask(RESOLVE_HOST, "v6-nxdomain");
	host[2] = ask(RESOLVE_HOST, "no-v4");
	host[3] = ask(RESOLVE_HOST, "nxdomain");
	for (size_t i = 0; i < COUNT(no_name); i++)
		no_name[i] = ask(i < 2 ? RESOLVE_MX : RESOLVE_HOST,
		    names[i]);
	await(asked);
	for (size_t i = 0; i < COUNT(no_name); i++)
		expect(no_name[i], RESOLVE_NO_DOMAIN, 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(c[i], cases[i].status, cases[i].hosts);
	ck_assert_str_eq(c[0]->hosts[0].name, "first.test");
	ck_assert_uint_eq(c[0]->hosts[0].preference, 10);
	ck_assert_str_eq(addresses(&c[0]->hosts[1]), "64");
	ck_assert(c[0]->secure);
	ck_assert_str_eq(c[2]->hosts[0].name, "implicit.test");
	for (size_t i = 0; i < 3; i++)
		expect(host[i], RESOLVE_OK, 1);
	expect(host[3], RESOLVE_NO_DOMAIN, 0);
	ck_assert_str_eq(addresses(&host[0]->hosts[0]), "4");
	ck_assert_str_eq(addresses(&host[1]->hosts[0]), "4");
	ck_assert_str_eq(addresses(&host[2]->hosts[0]), "6");
	/* Each host of "mixed" has a verdict of its own. */
	ck_assert_uint_eq(c[14]->hosts[0].status, RESOLVE_NO_DOMAIN);
	ck_assert_uint_eq(c[14]->hosts[1].status, RESOLVE_TROUBLE);
	ck_assert_uint_eq(c[14]->hosts[2].status, RESOLVE_OK);
	ck_assert_uint_eq(births, 1);
	end();
}

TEST(no_ipv6)
{
	struct caller *c, *six;

	begin(false);
	c = ask(RESOLVE_MX, "good");
	six = ask(RESOLVE_HOST, "no-v4");
	await(2);
	ck_assert_str_eq(addresses(&c->hosts[0]), "4");
	expect(six, RESOLVE_NO_DATA, 0);
	end();
}

/* Equal ones come in any order, others in theirs. */
TEST(shuffled)
{
	unsigned first[3] = { 0 };
	char label[16];

	begin(false);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(label, sizeof(label), "equals.%u", i);
		(void)ask(RESOLVE_MX, label);
	}
	await(300);
	for (unsigned i = 0; i < 300; i++) {
		expect(&callers[i], RESOLVE_OK, 5);
		ck_assert_str_eq(callers[i].hosts[0].name, "best.test");
		ck_assert_str_eq(callers[i].hosts[4].name, "worst.test");
		first[callers[i].hosts[1].name[0] - '0']++;
	}
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_gt(first[i], 50);
	end();
}

/* Forged and hostile answers: right, or trouble; and always an answer. */
TEST(hostile)
{
	static const struct {
		const char	*label;
		enum resolve_status status;
		size_t		 hosts;
	} cases[] = { { "id", RESOLVE_OK, 2 }, { "question", RESOLVE_OK, 2 },
	    { "junk", RESOLVE_OK, 2 }, { "endless", RESOLVE_TROUBLE, 0 },
	    { "circle", RESOLVE_TROUBLE, 0 }, { "bomb", RESOLVE_TROUBLE, 0 },
	    { "others", RESOLVE_TROUBLE, 0 }, { "stall", RESOLVE_TROUBLE, 0 },
	    { "huge", RESOLVE_TROUBLE, 0 }, { "cut", RESOLVE_TROUBLE, 0 },
	    { "thousand", RESOLVE_OK, 16 } };
	struct caller *c[COUNT(cases)], *after;

	begin(true);
	for (size_t i = 0; i < COUNT(cases); i++)
		c[i] = ask(RESOLVE_MX, cases[i].label);
	await(asked);
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(c[i], cases[i].status, cases[i].hosts);
	after = ask(RESOLVE_MX, "good");
	await(asked);
	expect(after, RESOLVE_OK, 2);
	ck_assert_uint_eq(births, 1);
	end();
}

/* A server that is down for a while; sockets that cannot be had. */
TEST(no_sockets)
{
	struct caller *c[50], *after;

	begin(true);
	no_socket = true;
	for (size_t i = 0; i < COUNT(c); i++) {
		char label[16];

		snprintf(label, sizeof(label), "x%zu", i);
		c[i] = ask(RESOLVE_MX, label);
	}
	await(asked);
	for (size_t i = 0; i < COUNT(c); i++)
		expect(c[i], RESOLVE_TROUBLE, 0);
	ck_assert_uint_eq(dials, 3 * COUNT(c));
	no_socket = false;
	after = ask(RESOLVE_MX, "good");
	await(asked);
	expect(after, RESOLVE_OK, 2);
	end();
}

/* Each is answered once, however often a worker dies meanwhile. */
TEST(killed_during_a_thousand)
{
	char label[16];
	int64_t begun = deadline_now_ms();
	size_t trouble = 0;

	begin(true);
	for (unsigned i = 0; i < callers_max; i++) {
		snprintf(label, sizeof(label), "q%u", i);
		(void)ask(RESOLVE_MX, label);
	}
	await(100);
	ck_assert_ptr_nonnull(busy);
	kill(busy->pid, SIGKILL);
	await(callers_max);
	for (unsigned i = 0; i < callers_max; i++) {
		ck_assert_uint_eq(callers[i].told, 1);
		trouble += callers[i].status != RESOLVE_OK;
	}
	ck_assert_uint_eq(trouble, 0);
	ck_assert_uint_ge(births, 2);
	printf("1000 questions in %lld ms, %u sockets, %u workers\n",
	    (long long)(deadline_now_ms() - begun), dials, births);
	end();
}
