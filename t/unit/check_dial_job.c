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
static struct dial_job *forgotten_then;	/* with dial, as smtpd ends */
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
	if (forgotten_then != NULL)
		dial_forget(forgotten_then);
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
begin(void)
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
	helper_fed(&m, HELPER_DIAL);
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
	begin();
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
answer(int fd, int error)
{
	struct ipc_record r = { .type = error == 0 ? IPC_DIALED :
	    IPC_UNDIALED };
	bool taken;

	r.u.number.n = (uint64_t)error;
	h->passed = fd;
	taken = dial_role.take(&m, &r);
	if (h->passed != -1)
		close(h->passed);
	h->passed = -1;
	turn();
	return taken;
}

/* A socket that is being connected, or has failed. */
static int
connected(uint16_t to_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(to_port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, (struct sockaddr *)&in, sizeof(in));
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t n = sizeof(in);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	return ntohs(in.sin_port);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

TEST(answers)
{
	struct ipc_dial a, b;
	int fd, closed;

	set_up();
	want(0, false);
	ck_assert_uint_eq(heard[0].calls, 0);
	want(1, false);
	ck_assert(asked(&a) && asked(&b) && !asked(&b));
	ck_assert(a.port == port && a.to.ip[0] == 127);
	ck_assert_int_gt(h->due_ms, 0);
	fd = connected(port);
	ck_assert(answer(fd, 0));
	ck_assert(heard[0].calls == 1 && heard[0].fd == fd && is_open(fd));
	ck_assert((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	ck_assert_int_gt(h->due_ms, 0);
	ck_assert(answer(-1, ENETUNREACH));
	ck_assert(heard[1].calls == 1 && heard[1].fd == -1 &&
	    heard[1].error == ENETUNREACH);
	ck_assert_int_eq(h->due_ms, 0);
	/* Refused by dial, and a descriptor for which there was no room. */
	want(0, false);
	want(1, true);
	ck_assert(asked(&a) && asked(&b));
	ck_assert(answer(-1, EACCES) && heard[0].error == EACCES);
	ck_assert(answer(-1, 0) && heard[1].error == EMFILE);
	/* Nobody listens there. */
	closed = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(closed, (struct sockaddr *)&(struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
	    sizeof(struct sockaddr_in)), 0);
	want(0, false);
	jobs[0].port = port_of(closed);
	ck_assert(asked(&a));
	fd = connected(jobs[0].port);
	ck_assert(answer(fd, 0) && heard[0].calls == 3);
	ck_assert(heard[0].error != 0 && !is_open(fd));
}

/* Its queue is full: connections hang, each for its own patience. */
TEST(hangs)
{
	struct ipc_dial a;
	int64_t began = deadline_now_ms();
	int fds[8], fd = -1;

	set_up();
	ck_assert_int_eq(listen(listener, 1), 0);
	for (size_t i = 0; i < 8; i++)
		fds[i] = connected(port);
	want(0, false)->patience_ms = 300;
	want(1, false)->patience_ms = 60000;
	ck_assert(asked(&a) && asked(&a));
	for (size_t i = 0; i < 2; i++) {
		fd = connected(port);
		ck_assert(answer(fd, 0));
		ck_assert_uint_eq(heard[i].calls, 0);
	}
	ck_assert_int_eq(h->due_ms, 0);
	while (heard[0].calls == 0 && deadline_now_ms() < began + 5000)
		event_base_loop(m.base, EVLOOP_ONCE);
	ck_assert_int_eq(heard[0].error, ETIMEDOUT);
	ck_assert_int_ge(deadline_now_ms() - began, 300);
	ck_assert(is_open(fd) && heard[1].calls == 0);
	dial_forget(&jobs[1]);
	ck_assert(!is_open(fd));
	for (size_t i = 0; i < 8; i++)
		close(fds[i]);
}

/* The master was held up, by a disk perhaps: what is connected by then is. */
TEST(held_up)
{
	struct ipc_record r = { .type = IPC_DIALED };
	struct ipc_dial a;

	set_up();
	want(0, false)->patience_ms = 100;
	ck_assert(asked(&a));
	h->passed = connected(port);
	ck_assert(dial_role.take(&m, &r));
	usleep(300000);
	turn();
	ck_assert_uint_eq(heard[0].calls, 1);
	ck_assert_int_eq(heard[0].error, 0);
}

/* Nobody asked for these. */
TEST(lies)
{
	struct ipc_record r = { .type = IPC_READY };
	int fd, fds[3], pair[2];
	struct ipc_dial a;

	set_up();
	ck_assert(!answer(-1, ETIMEDOUT));
	/* A socket to somebody else, and what is no socket. */
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(listen(fds[0], 1), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fds[0] = connected(port_of(fds[0]));
	fds[1] = pair[0];
	fds[2] = open("/dev/null", O_RDWR);
	for (size_t i = 0; i < 3; i++) {
		begin();
		want(0, false);
		ck_assert(asked(&a));
		ck_assert(!dial_role.take(&m, &r));
		ck_assert(!answer(fds[i], 0));
		ck_assert(!is_open(fds[i]));
		dial_role.lost(&m, true);
		dial_forget(&jobs[0]);
	}
	begin();
	want(0, false);
	ck_assert(asked(&a));
	ck_assert_uint_eq(heard[0].calls, 0);
	fd = connected(port);
	ck_assert(answer(fd, 0));
	ck_assert_uint_eq(heard[0].calls, 1);
	/* Twice. */
	ck_assert(!answer(-1, ETIMEDOUT));
	ck_assert_uint_eq(heard[0].calls, 1);
}

/* It leads nowhere at first, and then elsewhere: dial is lost. */
static void
lie_later(bool ends)
{
	int elsewhere = socket(AF_INET, SOCK_STREAM, 0), fd;
	int fds[4], accepted;
	struct ipc_dial a;

	set_up();
	ck_assert_int_eq(listen(elsewhere, 0), 0);
	for (size_t i = 0; i < 4; i++)
		fds[i] = connected(port_of(elsewhere));
	want(0, false)->patience_ms = 10000;
	forgotten_then = ends ? &jobs[0] : NULL;
	ck_assert(asked(&a));
	fd = connected(port_of(elsewhere));
	ck_assert(answer(fd, 0));
	ck_assert_uint_eq(lost, 0);
	for (int i = 0; i < 500 && lost == 0; i++) {
		accepted = accept4(elsewhere, NULL, NULL, SOCK_NONBLOCK);
		if (accepted != -1)
			close(accepted);
		else
			usleep(10000);
		(void)fcntl(elsewhere, F_SETFL, O_NONBLOCK);
		turn();
	}
	ck_assert_uint_eq(lost, 1);
	ck_assert(!is_open(fd) && heard[0].calls == 0);
	/* The next dial is asked again, unless smtpd ends with this one. */
	begin();
	ck_assert(asked(&a) == !ends);
	if (!ends)
		ck_assert(answer(connected(port), 0));
	ck_assert(heard[0].calls == !ends && heard[0].error == 0);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
}

/* What nobody connected, dial could connect elsewhere once it was passed on. */
TEST(leads_nowhere)
{
	struct ipc_dial a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	set_up();
	want(0, false)->patience_ms = 10000;
	ck_assert(asked(&a) && answer(fd, 0));
	for (int i = 0; i < 500 && heard[0].calls == 0; i++)
		turn();
	ck_assert(heard[0].calls == 1 && heard[0].error == ENOTCONN);
	ck_assert(heard[0].fd == -1 && !is_open(fd));
}

TEST(lies_later)
{
	lie_later(false);
}

TEST(lies_and_smtpd_ends)
{
	lie_later(true);
}

TEST(forgotten)
{
	struct ipc_dial a;
	int fd;

	set_up();
	dial_forget(want(0, false));
	want(1, false);
	ck_assert(asked(&a) && asked(&a));
	fd = connected(port);
	ck_assert(answer(fd, 0));
	ck_assert(heard[0].calls == 0 && !is_open(fd));
	ck_assert(answer(-1, ECONNREFUSED));
	ck_assert(heard[1].calls == 1 && heard[1].error == ECONNREFUSED);
	/* While dial is away it is not even asked for. */
	h->state = HELPER_LOST;
	dial_role.lost(&m, true);
	dial_forget(want(0, false));
	want(1, false);
	begin();
	ck_assert(asked(&a));
	ck_assert(answer(-1, ECONNREFUSED));
	ck_assert(heard[0].calls == 0 && heard[1].calls == 2);
	ck_assert(!asked(&a));
}

/* What was under way is asked again, but not what was forgotten. */
TEST(dial_is_lost)
{
	struct ipc_dial a;

	set_up();
	want(0, false);
	want(1, false);
	dial_forget(want(2, false));
	ck_assert(asked(&a) && asked(&a));
	h->state = HELPER_LOST;
	dial_role.lost(&m, true);
	want(3, true);
	begin();
	for (size_t i = 0; i < 3; i++)
		ck_assert(asked(&a) && a.udp == (i == 2));
	ck_assert(!asked(&a));
	for (size_t i = 0; i < 3; i++)
		ck_assert(answer(-1, ETIMEDOUT));
	ck_assert(!answer(-1, ETIMEDOUT));
	ck_assert(heard[0].calls == 1 && heard[1].calls == 1 &&
	    heard[2].calls == 0 && heard[3].calls == 1);
	/* It ends while there is something to send. */
	close(other);
	other = -1;
	want(4, false);
	turn();
	ck_assert_uint_eq(lost, 1);
}

TEST(many)
{
	struct ipc_dial a;

	set_up();
	for (size_t i = 0; i < jobs_max; i++)
		want(i, i % 2 == 0);
	for (size_t i = 0; i < jobs_max; i++) {
		ck_assert(asked(&a) && a.udp == (i % 2 == 0));
		ck_assert(answer(-1, ETIMEDOUT));
		ck_assert_uint_eq(heard[i].calls, 1);
	}
}

static void
expect_words(const struct conf_relay *relay, const char *const *want_words)
{
	char *const *words = dial_words(relay);
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
