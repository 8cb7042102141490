/*
 * feed: records to a reader that is slower than we are.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/process/feed.h"
#include "shared/ipc.h"

enum { many = 3000 };

static struct event_base *base;
static int ends[2];		/* 0: fed; 1: the reader's */
static struct feed feed;
static uint32_t told, until, taken, asked_after_end;
static unsigned ended;

/* In place of libc's: the kernel may have no memory for a record. */
static bool no_memory;
static int passed_on;		/* the last descriptor that was sent */
static int to_pass = -1;	/* goes with the next record */

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c != NULL)
		memcpy(&passed_on, CMSG_DATA(c), sizeof(int));
	if (!no_memory)
		return send(fd, m->msg_iov->iov_base, m->msg_iov->iov_len,
		    flags);
	errno = ENOBUFS;
	return -1;
}

/* A piece of a key, so that what is not wiped would be seen. */
static bool
next(void *arg, struct ipc_record *out)
{
	ck_assert_ptr_eq(arg, &told);
	if (told == until) {
		asked_after_end++;
		return false;
	}
	memset(out, 0, sizeof(*out));
	out->type = IPC_KEY;
	out->u.pem.pair = (uint16_t)(told % ipc_tls_pairs_max);
	out->u.pem.n = ipc_pem_piece_bytes;
	memset(out->u.pem.octets, 's', sizeof(out->u.pem.octets));
	memcpy(out->u.pem.octets, &told, sizeof(told));
	told++;
	feed.pass = to_pass;
	to_pass = -1;
	return true;
}

static void
done(void *arg)
{
	ck_assert_ptr_eq(arg, &told);
	ended++;
}

static void
begin(uint32_t records)
{
	told = taken = asked_after_end = 0;
	ended = 0;
	until = records;
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(ipc_pair(ends), 0);
	feed_init(&feed, base, ends[0], next, done, &told);
}

/* So little room that it is used up in the middle of a turn. */
static void
make_narrow(void)
{
	int few = 8192;

	ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &few,
	    sizeof(few)), 0);
}

/* Feeds until the channel is full, however much that is. */
static void
fill(void)
{
	feed_start(&feed);
	while (!feed.waits && ended == 0)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert(feed.waits);
}

static void
end(void)
{
	feed_stop(&feed);
	event_base_free(base);
	close(ends[0]);
	if (ends[1] != -1)
		close(ends[1]);
}

/* Takes what is there: in order, and whole. */
static void
take_all(void)
{
	struct ipc_record r;
	const char *why;
	uint32_t number;
	int passed;

	while (ipc_recv(ends[1], IPC_TO_SIGN, IPC_AT_ANY, false, &r, &passed,
	    &why) == IPC_GOT_RECORD) {
		memcpy(&number, r.u.pem.octets, sizeof(number));
		ck_assert_uint_eq(number, taken);
		ck_assert_uint_eq(r.u.pem.octets[sizeof(number)], 's');
		taken++;
	}
}

static bool
is_wiped(void)
{
	const uint8_t *p = (const uint8_t *)&feed.record;

	for (size_t i = 0; i < sizeof(feed.record); i++)
		if (p[i] != 0)
			return false;
	return true;
}

TEST(few_go_at_once)
{
	begin(3);
	feed_start(&feed);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(feed.error, 0);
	ck_assert(!feed.under_way);
	take_all();
	ck_assert_uint_eq(taken, 3);
	ck_assert(is_wiped());
	end();
}

TEST(nothing)
{
	begin(0);
	feed_start(&feed);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(feed.error, 0);
	end();
}

/* Far more than the channel holds; nobody waits, and nothing is lost. */
TEST(slow_reader)
{
	uint32_t before;
	unsigned turns;

	begin(many);
	make_narrow();
	fill();
	ck_assert_uint_lt(told, many);
	ck_assert_uint_eq(ended, 0);
	/* It holds one record, and asks for no other meanwhile. */
	before = told;
	feed_start(&feed);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(told, before);
	for (turns = 0; ended == 0 && turns < 10 * many; turns++) {
		take_all();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	take_all();
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_eq(taken, many);
	ck_assert_uint_eq(asked_after_end, 1);
	ck_assert(is_wiped());
	/* It is over: no event is left to wait for. */
	ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	end();
}

/* Others have their turn before all of it has gone. */
TEST(a_few_at_a_time)
{
	begin(100);
	feed_start(&feed);
	ck_assert_uint_gt(told, 0);
	ck_assert_uint_lt(told, 100);
	take_all();
	ck_assert_uint_eq(taken, told);
	while (ended == 0 && event_base_loop(base, EVLOOP_ONCE) == 0)
		take_all();
	ck_assert_uint_eq(taken, 100);
	end();
}

/* Whoever waits for the answer to a record would wait for ever. */
TEST(no_memory_for_a_while)
{
	begin(3);
	no_memory = true;
	feed_start(&feed);
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_eq(ended, 0);
	ck_assert_uint_eq(told, 1);
	no_memory = false;
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(feed.error, 0);
	take_all();
	ck_assert_uint_eq(taken, 3);
	end();
}

TEST(reader_gone)
{
	begin(3);
	close(ends[1]);
	ends[1] = -1;
	feed_start(&feed);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(feed.error, EPIPE);
	ck_assert(!feed.under_way);
	ck_assert(is_wiped());
	end();
}

TEST(stopped)
{
	bool whole;

	begin(many);
	make_narrow();
	fill();
	ck_assert(!is_wiped());
	whole = feed.sent == 0;		/* FreeBSD takes parts */
	feed_stop(&feed);
	ck_assert(is_wiped());
	ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	ck_assert_uint_eq(ended, 0);
	/* And once more, from where the one who feeds wants it. */
	take_all();
	if (!whole) {
		end();
		return;
	}
	told = taken = 0;
	until = 3;
	feed_start(&feed);
	take_all();
	ck_assert_uint_eq(taken, 3);
	ck_assert_uint_eq(ended, 1);
	end();
}

/* A descriptor goes with its record alone, and never stays open. */
TEST(descriptor)
{
	for (int lost = 0; lost <= 1; lost++) {
		begin(2);
		to_pass = dup(ends[1]);
		passed_on = -1;
		no_memory = true;
		feed_start(&feed);
		ck_assert_int_ne(passed_on, -1);
		ck_assert_int_eq(feed.pass, passed_on);
		ck_assert_int_ne(fcntl(passed_on, F_GETFD), -1);
		no_memory = false;
		if (lost)
			feed_stop(&feed);
		else
			event_base_loop(base, EVLOOP_NONBLOCK);
		ck_assert_int_eq(fcntl(passed_on, F_GETFD), -1);
		ck_assert_int_eq(feed.pass, -1);
		ck_assert_uint_eq(ended, !lost);
		end();
	}
}
