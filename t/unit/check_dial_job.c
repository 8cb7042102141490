/*
 * server/process/dial.c: connections that the master wants, while dial is
 * honest, lies, ends or is silent.  dial and helper.c are this test.
 */
#include "t/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/master.h"
#include "server/process/dial.h"
#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/ipc.h"

enum { jobs_max = 300 };

static struct master m;
static struct helper helpers[HELPER_COUNT];
static struct helper *const h = &helpers[HELPER_DIAL];
static int other = -1;			/* dial's end */
static struct dial_job jobs[jobs_max];
static unsigned lost;
static int listener = -1;
static uint16_t port;

/* What a job has heard. */
static struct {
	unsigned	calls;
	int		fd, error;
} heard[jobs_max];

/* ---- neighbours ---------------------------------------------------------- */

void
helper_fed(struct master *master, enum helper_kind kind)
{
	helpers[kind].state = HELPER_SERVING;
	feed_start(&helpers[kind].feed);
}

void
helper_lose(struct master *master, enum helper_kind kind, const char *why,
    bool for_good)
{
	lost++;
	helpers[kind].state = HELPER_LOST;
	dial_role.lost(master, true);
}

void
helper_tell(struct master *master, enum helper_kind kind)
{
	if (helpers[kind].state >= HELPER_UNFED)
		feed_start(&helpers[kind].feed);
}

/* In helper.c the end of the channel is noticed. */
static void
on_sent(void *arg)
{
	if (h->feed.error != 0)
		helper_lose(&m, HELPER_DIAL, strerror(h->feed.error), false);
}

static void
done(void *arg, int fd, int error)
{
	size_t i = (size_t)((struct dial_job *)arg - jobs);

	heard[i].calls++;
	heard[i].fd = fd;
	heard[i].error = error;
}

/* A new dial. */
static void
begin(bool first)
{
	int ends[2];

	if (other != -1) {
		close(other);
		feed_stop(&h->feed);
		close(h->channel);
	}
	ck_assert_int_eq(ipc_pair(ends), 0);
	h->channel = ends[0];
	h->passed = -1;
	h->state = HELPER_UNFED;
	other = ends[1];
	feed_init(&h->feed, m.base, h->channel, dial_role.next, on_sent, h);
	dial_role.feed(&m, first);
}

static void
set_up(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);

	m.base = event_base_new();
	m.helpers = helpers;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert(bind(listener, (struct sockaddr *)&in, n) == 0 &&
	    listen(listener, 100) == 0 &&
	    getsockname(listener, (struct sockaddr *)&in, &n) == 0);
	port = ntohs(in.sin_port);
	begin(true);
}

static struct dial_job *
want(size_t i, bool udp)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	struct dial_job *job = &jobs[i];

	job->port = port;
	memcpy(job->to.ip, loopback, sizeof(loopback));
	job->udp = udp;
	job->patience_ms = 1000;
	job->done = done;
	job->arg = job;
	dial_connect(&m, job);
	return job;
}

static void
turn(void)
{
	for (int i = 0; i < 40; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

/* The next question, as dial gets it; false: none. */
static bool
asked(struct ipc_dial *out)
{
	struct ipc_record r;
	const char *why = "";
	int fd;
	enum ipc_got got;

	turn();
	got = ipc_recv(other, IPC_TO_DIAL, IPC_AT_ANY, false, &r, &fd, &why);
	ck_assert_msg(got == IPC_GOT_RECORD || got == IPC_GOT_NOTHING, "%s",
	    why);
	if (got == IPC_GOT_RECORD)
		*out = r.u.dial;
	return got == IPC_GOT_RECORD;
}

/* As helper.c takes it: false where dial would be lost. */
static bool
answer(uint64_t ticket, int fd, int error)
{
	struct ipc_record r = { .type = error == 0 ? IPC_DIALED :
	    IPC_UNDIALED };
	bool taken;

	r.u.synced.ticket = ticket;
	r.u.synced.error = error;
	h->passed = fd;
	taken = dial_role.take(&m, &r);
	if (h->passed != -1)
		close(h->passed);
	h->passed = -1;
	return taken;
}

static int
connected(uint16_t to_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(to_port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

TEST(answers_in_any_order)
{
	struct ipc_dial a, b;
	int fd;

	set_up();
	want(0, false);
	ck_assert_uint_eq(heard[0].calls, 0);
	want(1, false);
	ck_assert(asked(&a) && asked(&b) && !asked(&b));
	ck_assert(a.port == port && a.to.ip[0] == 127 &&
	    a.patience_ms == 1000);
	ck_assert_int_gt(h->due_ms, 0);
	fd = connected(port);
	ck_assert(answer(b.ticket, fd, 0));
	ck_assert(heard[1].calls == 1 && heard[1].fd == fd && is_open(fd));
	ck_assert((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	ck_assert(answer(a.ticket, -1, ETIMEDOUT));
	ck_assert(heard[0].calls == 1 && heard[0].fd == -1 &&
	    heard[0].error == ETIMEDOUT);
	ck_assert_int_eq(h->due_ms, 0);
	/* Refused by dial, and a descriptor for which there was no room. */
	want(0, false);
	want(1, true);
	ck_assert(asked(&a) && asked(&b));
	ck_assert(answer(a.ticket, -1, EACCES) &&
	    heard[0].error == EACCES);
	ck_assert(answer(b.ticket, -1, 0) && heard[1].error == EMFILE);
}

/* Nobody asked for these. */
TEST(lies)
{
	struct ipc_record r = { .type = IPC_READY };
	struct ipc_dial a;
	int fd, pair[2];
	uint16_t right = port;

	set_up();
	right = port;
	ck_assert(!answer(0, -1, ETIMEDOUT));
	want(0, false);
	ck_assert(asked(&a));
	ck_assert(!answer(a.ticket + 1, -1, ETIMEDOUT));
	ck_assert(!answer(a.ticket + dial_calls_max, -1, ETIMEDOUT));
	ck_assert(!answer(UINT64_MAX, -1, ETIMEDOUT));
	ck_assert(!dial_role.take(&m, &r));
	/* A socket to somebody else, and what is no socket. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	{
		struct sockaddr_in in;
		socklen_t n = sizeof(in);

		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &n),
		    0);
		ck_assert(!answer(a.ticket, connected(ntohs(in.sin_port)), 0));
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert(!answer(a.ticket, pair[0], 0));
	ck_assert(!is_open(pair[0]));
	ck_assert(!answer(a.ticket, open("/dev/null", O_RDWR), 0));
	ck_assert_uint_eq(heard[0].calls, 0);
	ck_assert(answer(a.ticket, connected(right), 0));
	/* Twice. */
	ck_assert(!answer(a.ticket, -1, ETIMEDOUT));
	ck_assert_uint_eq(heard[0].calls, 1);
}

TEST(forgotten)
{
	struct ipc_dial a;
	int fd;

	set_up();
	dial_forget(want(0, false));
	ck_assert(asked(&a));
	fd = connected(port);
	ck_assert(answer(a.ticket, fd, 0));
	ck_assert(heard[0].calls == 0 && !is_open(fd));
	/* While dial is away it is not even asked for. */
	h->state = HELPER_LOST;
	dial_role.lost(&m, true);
	dial_forget(want(0, false));
	want(1, false);
	begin(false);
	ck_assert(asked(&a));
	ck_assert(answer(a.ticket, -1, ECONNREFUSED));
	ck_assert(heard[0].calls == 0 && heard[1].calls == 1);
	ck_assert(!asked(&a));
}

/* What was under way is asked again, but not what was forgotten. */
TEST(dial_is_lost)
{
	struct ipc_dial a, b, c;

	set_up();
	want(0, false);
	want(1, false);
	dial_forget(want(2, false));
	ck_assert(asked(&a) && asked(&b) && asked(&c));
	h->state = HELPER_LOST;
	dial_role.lost(&m, true);
	want(3, true);
	begin(false);
	ck_assert(asked(&c) && c.udp);
	ck_assert(asked(&c) && c.ticket != a.ticket);
	ck_assert(answer(c.ticket, -1, ETIMEDOUT));
	ck_assert(asked(&c) && !asked(&b));
	/* An answer of the previous one. */
	ck_assert(!answer(a.ticket, -1, ETIMEDOUT));
	ck_assert(answer(c.ticket, -1, ETIMEDOUT));
	ck_assert(heard[0].calls == 1 && heard[1].calls == 1 &&
	    heard[2].calls == 0 && heard[3].calls == 0);
	/* It ends while there is something to send. */
	close(other);
	other = -1;
	want(4, false);
	turn();
	ck_assert_uint_eq(lost, 1);
}

/* Hosts that hang leave room for name servers. */
TEST(many)
{
	static struct ipc_dial got[jobs_max];
	size_t n = 0;

	set_up();
	for (size_t i = 0; i < jobs_max - 10; i++)
		want(i, false);
	while (asked(&got[n]))
		n++;
	ck_assert_uint_eq(n, dial_calls_max - 16);
	for (size_t i = jobs_max - 10; i < jobs_max; i++)
		want(i, true);
	while (asked(&got[n]))
		ck_assert(got[n++].udp);
	ck_assert_uint_eq(n, dial_calls_max - 16 + 10);
	for (size_t i = 0; i < n; i++)
		ck_assert(answer(got[i].ticket, -1, ETIMEDOUT));
	n = 0;
	while (asked(&got[n]))
		n++;
	ck_assert_uint_eq(n, jobs_max - 10 - (dial_calls_max - 16));
	for (size_t i = 0; i < n; i++)
		ck_assert(answer(got[i].ticket, -1, ETIMEDOUT));
	for (size_t i = 0; i < jobs_max; i++)
		ck_assert_uint_eq(heard[i].calls, 1);
}

static void
expect_words(const struct conf_relay *relay, const char *const *want_words)
{
	char **words = dial_words(relay);
	size_t i;

	for (i = 0; want_words[i] != NULL; i++)
		ck_assert_str_eq(words[i], want_words[i]);
	ck_assert_ptr_null(words[i]);
}

TEST(words)
{
	struct conf_route routes[3] = {
		{ .via = { .host = (char[]){ "10.0.0.7" }, .is_ip = true,
		    .ip.ip = { 10, 0, 0, 7 }, .port = 26 } },
		{ .via = { .host = NULL } },
		{ .via = { .host = (char[]){ "a.example" }, .port = 25 } }
	};
	struct conf_relay relay = { .via = { .host = (char[]){ "b.example" },
	    .port = 587 }, .resolvers = { { .ip.ip = { 127, 0, 0, 1 },
	    .port = 53 }, { .ip = { 1, { [15] = 1 } }, .port = 5353 } },
	    .resolver_count = 2, .routes = routes, .route_count = 3 };

	expect_words(&relay, (const char *const[]){ NULL });
	relay.line = 1;
	expect_words(&relay, (const char *const[]){ "53/tcp@127.0.0.1",
	    "53/udp@127.0.0.1", "5353/tcp@::1", "5353/udp@::1", "587/tcp",
	    "26/tcp@10.0.0.7", "25/tcp", NULL });
	relay.via.host = NULL;
	relay.private_mx = true;
	relay.resolver_count = relay.route_count = 0;
	expect_words(&relay, (const char *const[]){ "private", NULL });
}
