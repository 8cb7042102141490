/*
 * ipc, feed: channels of kernels that are not Linux.  sendmsg(2) and recvmsg(2)
 * are ours, and answer as these do, seen and read:
 *
 * FreeBSD 15.1: a stream with marks.  A record ends where its sender said
 * MSG_EOR; what does not fit now is not sent, and what does not fit the
 * reader's buffer is read next, without MSG_TRUNC.  The descriptor goes with
 * the first part.  For a reader that may open no more the descriptor is lost:
 * MSG_CTRUNC, or EMFILE, and the record is read next, without it.
 *
 * OpenBSD 7.8: records.  For a reader that may open no more one is dropped,
 * with EMSGSIZE.  Too many descriptors in flight are EMFILE.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/process/feed.h"
#include "shared/ipc.h"
#include "shared/os/os.h"

/* In place of Linux's (--wrap), which marks no record that it delivers. */
extern const int __wrap_os_record_end;
const int __wrap_os_record_end = MSG_EOR;

static enum { FREEBSD, FREEBSD_EMFILE, OPENBSD } kernel;

/* One channel, one way: octets, of which some begin or end what was sent. */
enum { room_max = 65536, control_bytes = 24, flights_max = 8 };
static struct octet {
	uint8_t	value;
	bool	begins;		/* what one call has sent */
	bool	ends;		/* a record: MSG_EOR */
	int	fd;		/* comes with it; 0: none */
} queue[room_max];
static size_t queued, room;
static bool no_fd;		/* the reader may open no more */
static size_t flights;		/* descriptors that the queue has */
static size_t interrupt_after;	/* a waiting sender, after so much; or 0 */

static size_t
left(void)
{
	size_t used = queued + flights * control_bytes;

	return used < room ? room - used : 0;
}

ssize_t
sendmsg(int channel, const struct msghdr *m, int flags)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	const uint8_t *p = m->msg_iov->iov_base;
	const size_t n = m->msg_iov->iov_len, control = c == NULL ? 0 :
	    control_bytes;
	size_t part = n;

	ck_assert_uint_eq(m->msg_iovlen, 1);
	ck_assert_uint_gt(n, 0);
	errno = EAGAIN;
	if (kernel == OPENBSD && c != NULL && flights == flights_max) {
		errno = EMFILE;
		return -1;
	}
	if (left() < (kernel == OPENBSD ? n + control : control + 1)) {
		ck_assert_msg((flags & MSG_DONTWAIT) != 0, "waits for ever");
		return -1;
	}
	if (left() - control < n)
		part = left() - control;
	if (interrupt_after > 0 && part > interrupt_after)
		part = interrupt_after;
	interrupt_after = 0;
	for (size_t i = 0; i < part; i++)
		queue[queued++] = (struct octet){ p[i], i == 0,
		    i + 1 == n && (flags & MSG_EOR) != 0, 0 };
	if (c == NULL)
		return (ssize_t)part;
	memcpy(&queue[queued - part].fd, CMSG_DATA(c), sizeof(int));
	queue[queued - part].fd = dup(queue[queued - part].fd);
	ck_assert_int_gt(queue[queued - part].fd, 0);
	flights++;
	return (ssize_t)part;
}

/* The octets of the record, or the part of one, that is first. */
static size_t
first_part(size_t most, bool waits)
{
	size_t n = 0;

	while (n < queued && n < most) {
		if (n > 0 && kernel == OPENBSD && queue[n].begins)
			break;
		/* A descriptor stands between the octets. */
		if (n > 0 && queue[n].fd != 0 && !waits)
			break;
		if (queue[n++].ends && kernel != OPENBSD)
			break;
	}
	return n;
}

static void
forget(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (queue[i].fd != 0) {
			close(queue[i].fd);
			flights--;
		}
	queued -= n;
	memmove(queue, queue + n, queued * sizeof(queue[0]));
}

static void
give_fd(struct msghdr *m, int flags)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = fcntl(queue[0].fd, F_DUPFD_CLOEXEC, 3);

	ck_assert_int_ne(flags & MSG_CMSG_CLOEXEC, 0);
	ck_assert_ptr_nonnull(c);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	m->msg_controllen = CMSG_SPACE(sizeof(int));
}

ssize_t
recvmsg(int channel, struct msghdr *m, int flags)
{
	const size_t most = m->msg_iov->iov_len,
	    all = first_part(room_max, (flags & MSG_WAITALL) != 0),
	    n = all < most ? all : most;
	uint8_t *p = m->msg_iov->iov_base;
	const bool lost = queued > 0 && queue[0].fd != 0 && no_fd;

	m->msg_flags = 0;
	if (queued == 0) {
		ck_assert_msg((flags & MSG_DONTWAIT) != 0, "waits for ever");
		errno = EAGAIN;
		return -1;
	}
	if (lost && kernel == OPENBSD) {
		forget(all);
		errno = EMSGSIZE;
		return -1;
	}
	if (lost) {
		close(queue[0].fd);
		queue[0].fd = 0;
		flights--;
		m->msg_flags |= MSG_CTRUNC;
		errno = EMFILE;
		if (kernel == FREEBSD_EMFILE)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		p[i] = queue[i].value;
	if (queue[0].fd != 0)
		give_fd(m, flags);
	else
		m->msg_controllen = 0;
	if (queue[n - 1].ends)
		m->msg_flags |= MSG_EOR;
	if (kernel == OPENBSD && all > n)
		m->msg_flags |= MSG_TRUNC;
	forget(kernel == OPENBSD ? all : n);
	return (ssize_t)n;
}

static void
begin(int as)
{
	kernel = (unsigned)as;
	queued = flights = interrupt_after = 0;
	room = room_max;
	no_fd = false;
}

static bool
has_whole(void)
{
	for (size_t i = 0; i < queued; i++)
		if (queue[i].ends)
			return true;
	return false;
}

static struct ipc_record
settings(uint64_t number)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_SETTINGS;
	r.u.settings.recipients = number;
	return r;
}

/* Receives at the nursery, or from it. */
static enum ipc_got
receive(enum ipc_way way, bool wait, struct ipc_record *r, int *passed)
{
	const char *why;

	return ipc_recv(0, way, IPC_AT_ANY, wait, r, passed, &why);
}

static void
expect(uint64_t number)
{
	struct ipc_record r;
	int passed;

	ck_assert_int_eq(receive(IPC_TO_NURSERY, false, &r, &passed),
	    IPC_GOT_RECORD);
	ck_assert_uint_eq(r.type, IPC_SETTINGS);
	ck_assert_uint_eq(r.u.settings.recipients, number);
}

/* ---- ends of records ----------------------------------------------------- */

/* Without MSG_EOR they would be one. */
TEST(two_records)
{
	for (int as = FREEBSD; as <= OPENBSD; as++) {
		struct ipc_record r;
		int passed;

		begin(as);
		for (uint64_t i = 0; i < 3; i++) {
			r = settings(i);
			ck_assert_int_eq(ipc_send(0, &r, -1, false), 0);
		}
		for (uint64_t i = 0; i < 3; i++)
			expect(i);
		ck_assert_int_eq(receive(IPC_TO_NURSERY, false, &r, &passed),
		    IPC_GOT_NOTHING);
	}
}

static void
send_raw(const void *p, size_t n, int flags)
{
	struct iovec iov;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(&iov.iov_base, &p, sizeof(p));
	iov.iov_len = n;
	ck_assert_int_eq(sendmsg(0, &m, flags | MSG_DONTWAIT), (ssize_t)n);
}

/* What a record would be, if its end were there, is none. */
TEST(no_end)
{
	for (int as = FREEBSD; as <= OPENBSD; as++) {
		struct ipc_record r = settings(1);
		int passed;

		begin(as);
		send_raw(&r, ipc_size(IPC_SETTINGS), 0);
		ck_assert_int_eq(receive(IPC_TO_NURSERY, false, &r, &passed),
		    IPC_GOT_BAD);
		ck_assert_uint_eq(queued, 0);
	}
}

/* The rest of what is too long is read next, and is no record either. */
TEST(too_long)
{
	static struct {
		struct ipc_record first, second;
	} both;
	struct ipc_record r;
	int passed;

	for (int as = FREEBSD; as <= OPENBSD; as++) {
		begin(as);
		both.first = settings(1);
		both.second = settings(2);
		send_raw(&both, sizeof(r) + ipc_size(IPC_SETTINGS), MSG_EOR);
		ck_assert_int_eq(receive(IPC_TO_NURSERY, false, &r, &passed),
		    IPC_GOT_BAD);
	}
}

/* A reader that waits sees no part of a record whose sender waits, too. */
TEST(sender_waits)
{
	struct ipc_record r = settings(7), got;
	int passed;

	begin(FREEBSD);
	interrupt_after = 5;
	ck_assert_int_eq(ipc_send(0, &r, 1, true), 0);
	ck_assert_uint_eq(queued, ipc_size(IPC_SETTINGS));
	ck_assert_uint_eq(flights, 1);
	close(queue[0].fd);
	queue[0].fd = 0;
	ck_assert_int_eq(receive(IPC_TO_NURSERY, true, &got, &passed),
	    IPC_GOT_RECORD);
	ck_assert_uint_eq(got.u.settings.recipients, 7);
}

/* ---- short sends --------------------------------------------------------- */

enum { letters = 400 };

static struct feed feed;
static uint64_t told;
static unsigned ended;

static bool
next(void *arg, struct ipc_record *out)
{
	if (told == letters)
		return false;
	memset(out, 0, sizeof(*out));
	out->type = IPC_SYNC;
	out->u.sync.ticket = told++;
	feed.pass = dup(1);
	ck_assert_int_ne(feed.pass, -1);
	return true;
}

static void
done(void *arg)
{
	ended++;
}

static struct event_base *
begin_feed(int as, int ends[2])
{
	struct event_base *base = event_base_new();

	begin(as);
	told = 0;
	ended = 0;
	ck_assert_ptr_nonnull(base);
	/* It can always be written to: only our sendmsg knows better. */
	ck_assert_int_eq(ipc_pair(ends), 0);
	feed_init(&feed, base, ends[0], next, done, NULL);
	return base;
}

/* Room for some records and a part of one: each comes whole, with its fd. */
TEST(fed_whole)
{
	for (int as = FREEBSD; as <= OPENBSD; as++)
		for (room = 70; room < 170; room++) {
			const size_t some = room;
			int ends[2];
			struct event_base *base = begin_feed(as, ends);
			struct ipc_record r;
			uint64_t taken = 0;

			room = some;
			feed_start(&feed);
			for (int i = 0; i < 10000 && taken < letters; i++) {
				int passed;

				/* The reader waits for a whole one. */
				while (has_whole() && receive(IPC_TO_DISK,
				    true, &r, &passed) == IPC_GOT_RECORD) {
					ck_assert_int_ne(passed, -1);
					close(passed);
					ck_assert_uint_eq(r.u.sync.ticket,
					    taken++);
				}
				event_base_loop(base, EVLOOP_ONCE);
			}
			ck_assert_uint_eq(taken, letters);
			ck_assert_uint_eq(ended, 1);
			ck_assert_int_eq(feed.error, 0);
			ck_assert_uint_eq(flights, 0);
			feed_stop(&feed);
			event_base_free(base);
			close(ends[0]);
			close(ends[1]);
		}
}

/* A record beside the feed: its rest goes before all else, by itself. */
TEST(beside_the_feed)
{
	int ends[2];
	struct event_base *base = begin_feed(FREEBSD, ends);
	const size_t size = ipc_size(IPC_SETTINGS);
	struct ipc_record r;

	room = size + 20;
	for (uint64_t i = 0; i < 2; i++) {
		r = settings(i);
		ck_assert_int_eq(feed_send(&feed, &r, -1), 0);
		memset(&r, 0xa5, sizeof(r));
	}
	ck_assert_uint_eq(queued, room);
	r = settings(2);
	ck_assert_int_eq(feed_send(&feed, &r, -1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	expect(0);
	/* The feed begins meanwhile, and has nothing. */
	told = letters;
	feed_start(&feed);
	ck_assert_uint_eq(ended, 1);
	expect(1);
	ck_assert_int_eq(feed_send(&feed, &r, -1), 0);
	expect(2);
	ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	/* Nor does a rest alone call done(). */
	room = 20;
	ck_assert_int_eq(feed_send(&feed, &r, -1), 0);
	room = room_max;
	event_base_loop(base, EVLOOP_ONCE);
	expect(2);
	ck_assert_uint_eq(ended, 1);
	/* A record of the feed that waits comes first. */
	told = 0;
	room = 0;
	feed_start(&feed);
	ck_assert(feed.waits && feed.sent == 0);
	room = 20;
	ck_assert_int_eq(feed_send(&feed, &r, -1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(queued, 0);
	feed_stop(&feed);
	event_base_free(base);
	close(ends[0]);
	close(ends[1]);
}

/* ---- no descriptor ------------------------------------------------------- */

/* It is known that a worker was born, or that something was lost. */
TEST(no_room)
{
	for (int as = FREEBSD; as <= OPENBSD; as++) {
		struct ipc_record r = { .type = IPC_NEWBORN,
		    .u.child.pid = 77 };
		int passed;

		begin(as);
		ck_assert_int_eq(ipc_send(0, &r, 1, false), 0);
		ck_assert_int_eq(ipc_send(0, &r, 1, false), 0);
		no_fd = true;
		memset(&r, 0, sizeof(r));
		ck_assert_int_eq(receive(IPC_FROM_NURSERY, false, &r, &passed),
		    IPC_GOT_NO_ROOM);
		ck_assert_int_eq(passed, -1);
		ck_assert_uint_eq(r.type, as == OPENBSD ? IPC_TYPE_COUNT :
		    IPC_NEWBORN);
		no_fd = false;
		ck_assert_int_eq(receive(IPC_FROM_NURSERY, false, &r, &passed),
		    IPC_GOT_RECORD);
		ck_assert_uint_eq(r.type, IPC_NEWBORN);
		close(passed);
		ck_assert_uint_eq(queued, 0);
	}
}

/* A descriptor where the contract has none is as bad without it. */
TEST(no_room_for_a_wrong_one)
{
	for (int as = FREEBSD; as <= FREEBSD_EMFILE; as++) {
		struct ipc_record r = settings(3);
		int passed;

		begin(as);
		ck_assert_int_eq(ipc_send(0, &r, 1, false), 0);
		no_fd = true;
		ck_assert_int_ne(receive(IPC_TO_NURSERY, false, &r, &passed),
		    IPC_GOT_RECORD);
		ck_assert_int_eq(passed, -1);
	}
}

/* Too many in flight: later, when the reader has taken some. */
TEST(too_many_in_flight)
{
	int ends[2], passed;
	struct event_base *base = begin_feed(OPENBSD, ends);
	struct ipc_record r;
	uint64_t taken = 0;

	feed_start(&feed);
	ck_assert_uint_eq(flights, flights_max);
	ck_assert_uint_eq(ended, 0);
	for (int i = 0; i < 10000 && taken < letters; i++) {
		if (queued > 0 && receive(IPC_TO_DISK, true, &r, &passed) ==
		    IPC_GOT_RECORD) {
			close(passed);
			ck_assert_uint_eq(r.u.sync.ticket, taken++);
		}
		event_base_loop(base, EVLOOP_ONCE);
	}
	ck_assert_uint_eq(taken, letters);
	ck_assert_int_eq(feed.error, 0);
	event_base_free(base);
	close(ends[0]);
	close(ends[1]);
}
