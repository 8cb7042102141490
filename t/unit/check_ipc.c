/*
 * ipc: records and descriptors over real sockets; what a broken peer can
 * send, and that nothing of it stays open.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/ipc.h"

enum { fd_probe_max = 256, fds_max = 8 };

static int pair[2];	/* 0: the test's, 1: the receiver's */

static unsigned
open_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < fd_probe_max; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static void
begin(void)
{
	ck_assert_int_eq(ipc_pair(pair), 0);
	ck_assert_int_lt(pair[0], fd_probe_max - fds_max);
}

static void
end(void)
{
	close(pair[0]);
	close(pair[1]);
}

static bool
is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	ck_assert_int_ne(flags, -1);
	return (flags & FD_CLOEXEC) != 0;
}

/* A packet that is n octets at p, with fds, past ipc_send. */
static void
send_raw(const void *p, size_t n, const int *fds, size_t fds_n)
{
	union {
		struct cmsghdr	align;
		uint8_t		room[CMSG_SPACE(fds_max * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg;

	memset(&control, 0, sizeof(control));
	memset(&msg, 0, sizeof(msg));
	memcpy(&iov.iov_base, &p, sizeof(p));
	iov.iov_len = n;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (fds_n > 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = (socklen_t)CMSG_SPACE(fds_n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		ck_assert_ptr_nonnull(c);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(fds_n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fds_n * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(pair[0], &msg, MSG_NOSIGNAL), (ssize_t)n);
}

/* Receives at pair[1], as the master from a worker that has a session. */
static enum ipc_got
receive(struct ipc_record *r, int *passed, const char **why)
{
	*passed = 77;
	*why = "untouched";
	return ipc_recv(pair[1], IPC_FROM_WORKER, IPC_AT_SESSION, false, r,
	    passed, why);
}

/* The next packet is bad, says why, and leaves nothing open. */
static void
expect_bad(unsigned fds_before, const char *what)
{
	struct ipc_record r;
	const char *why;
	int passed;

	ck_assert_msg(receive(&r, &passed, &why) == IPC_GOT_BAD, "%s", what);
	ck_assert_int_eq(passed, -1);
	ck_assert_ptr_nonnull(why);
	ck_assert_str_ne(why, "untouched");
	ck_assert_str_ne(why, "");
	ck_assert_msg(open_fds() == fds_before, "%s: left open", what);
	/* And it was one packet: nothing of it is left to be read. */
	ck_assert_int_eq(receive(&r, &passed, &why), IPC_GOT_NOTHING);
	ck_assert_int_eq(passed, -1);
}

static struct ipc_record
note(uint32_t value)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_NOTE;
	r.u.number.n = value;
	return r;
}

TEST(pair_of_ends)
{
	int type = 0;
	socklen_t n = sizeof(type);

	begin();
	for (int i = 0; i < 2; i++) {
		ck_assert(is_cloexec(pair[i]));
		ck_assert_int_eq(getsockopt(pair[i], SOL_SOCKET, SO_TYPE,
		    &type, &n), 0);
		ck_assert_int_eq(type, SOCK_SEQPACKET);
	}
	end();
}

TEST(records_in_order)
{
	struct ipc_record r;
	const char *why;
	int passed;

	begin();
	for (uint32_t i = 0; i < NOTE_COUNT; i++) {
		r = note(i);
		r.zero = 99;	/* ipc_send sees to it */
		ck_assert_int_eq(ipc_send(pair[0], &r, -1, false), 0);
	}
	for (uint32_t i = 0; i < NOTE_COUNT; i++) {
		memset(&r, 0xa5, sizeof(r));
		ck_assert_int_eq(receive(&r, &passed, &why), IPC_GOT_RECORD);
		ck_assert_int_eq(passed, -1);
		ck_assert_uint_eq(r.type, IPC_NOTE);
		ck_assert_uint_eq(r.zero, 0);
		ck_assert_uint_eq(r.u.number.n, i);
	}
	ck_assert_int_eq(receive(&r, &passed, &why), IPC_GOT_NOTHING);
	end();
}

/* The largest record comes whole, every octet of it. */
TEST(largest)
{
	struct ipc_record r, got;
	const char *why;
	int passed;

	memset(&r, 0, sizeof(r));
	r.type = IPC_TRACE;
	r.u.trace.n = ipc_trace_bytes;
	for (size_t i = 0; i < ipc_trace_bytes; i++)
		r.u.trace.octets[i] = (uint8_t)(i * 7);
	begin();
	ck_assert_int_eq(ipc_send(pair[0], &r, -1, true), 0);
	ck_assert_int_eq(receive(&got, &passed, &why), IPC_GOT_RECORD);
	ck_assert_int_eq(memcmp(got.u.trace.octets, r.u.trace.octets,
	    ipc_trace_bytes), 0);
	end();
}

/* A descriptor arrives as another, close-on-exec, of the same file. */
TEST(descriptor)
{
	unsigned before = open_fds();
	struct ipc_record r = { .type = IPC_FILE };
	struct stat a, b;
	const char *why;
	int fds[2], passed;

	begin();
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(ipc_send(pair[0], &r, fds[1], true), 0);
	ck_assert_int_eq(ipc_recv(pair[1], IPC_TO_WORKER, IPC_AT_RCPT, true,
	    &r, &passed, &why), IPC_GOT_RECORD);
	ck_assert_uint_eq(r.type, IPC_FILE);
	ck_assert_int_ne(passed, -1);
	ck_assert_int_ne(passed, fds[1]);
	ck_assert(is_cloexec(passed));
	ck_assert(!is_cloexec(fds[1]));	/* the sender keeps its own */
	ck_assert_int_eq(fstat(fds[1], &a), 0);
	ck_assert_int_eq(fstat(passed, &b), 0);
	ck_assert(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	close(passed);
	close(fds[0]);
	close(fds[1]);
	end();
	ck_assert_uint_eq(open_fds(), before);
}

/* A right record with none, two or more, or an unwanted descriptor. */
TEST(descriptors_wrong)
{
	struct ipc_record r = note(0);
	int fds[fds_max];
	unsigned before;

	begin();
	for (size_t i = 0; i < fds_max; i++)
		fds[i] = pair[0];
	before = open_fds();
	for (size_t n = 1; n <= fds_max; n++) {
		send_raw(&r, ipc_size(IPC_NOTE), fds, n);
		expect_bad(before, "NOTE with descriptors");
	}
	end();
}

/* Where one descriptor is right, two are as wrong as none. */
TEST(descriptors_too_many)
{
	struct ipc_record r, got;
	int fds[fds_max], passed;
	unsigned before;

	memset(&r, 0, sizeof(r));
	r.type = IPC_NEWBORN;
	r.u.child.pid = 1234;
	begin();
	for (size_t i = 0; i < fds_max; i++)
		fds[i] = pair[0];
	before = open_fds();
	for (size_t n = 0; n <= fds_max; n++) {
		const char *why = NULL;
		enum ipc_got result;

		send_raw(&r, ipc_size(IPC_NEWBORN), fds, n);
		result = ipc_recv(pair[1], IPC_FROM_NURSERY, IPC_AT_IDLE,
		    false, &got, &passed, &why);
		ck_assert_int_eq(result, n == 1 ? IPC_GOT_RECORD :
		    IPC_GOT_BAD);
		ck_assert_int_eq(passed == -1, n != 1);
		if (n == 1)
			close(passed);
		else
			ck_assert_ptr_nonnull(why);
		ck_assert_msg(open_fds() == before, "%zu: left open", n);
	}
	end();
}

/* Every size but the right one, with and without a descriptor. */
TEST(sizes_wrong)
{
	static struct ipc_record two[2];
	size_t right = ipc_size(IPC_NOTE);
	unsigned before;

	two[0] = note(0);
	begin();
	before = open_fds();
	for (size_t n = 1; n <= sizeof(two); n++) {
		if (n == right)
			continue;
		send_raw(two, n, NULL, 0);
		expect_bad(before, "wrong size");
		send_raw(two, n, pair, 1);
		expect_bad(before, "wrong size with a descriptor");
	}
	end();
}

/* What is longer than any record is not cut down to a right one. */
TEST(truncated)
{
	static uint8_t longer[sizeof(struct ipc_record) + 4096];
	struct ipc_record r;
	unsigned before;

	memset(&r, 0, sizeof(r));
	r.type = IPC_TRACE;
	begin();
	before = open_fds();
	memcpy(longer, &r, sizeof(r));
	for (size_t n = sizeof(r) + 1; n <= sizeof(longer); n += 1365) {
		send_raw(longer, n, NULL, 0);
		expect_bad(before, "too long");
		send_raw(longer, n, pair, 2);
		expect_bad(before, "too long with two descriptors");
	}
	end();
}

/* A packet of no octets is never a record, and its descriptor is closed. */
TEST(empty_packet)
{
	struct ipc_record r;
	const char *why;
	int passed;
	unsigned before;

	begin();
	before = open_fds();
	send_raw("", 0, NULL, 0);
	ck_assert_int_ne(receive(&r, &passed, &why), IPC_GOT_RECORD);
	ck_assert_int_eq(passed, -1);
	for (size_t n = 1; n <= 2; n++) {
		send_raw("", 0, pair, n);
		expect_bad(before, "nothing but descriptors");
	}
	end();
}

TEST(contents_wrong)
{
	struct ipc_record r = note(NOTE_COUNT);
	unsigned before;

	begin();
	before = open_fds();
	send_raw(&r, ipc_size(IPC_NOTE), NULL, 0);
	expect_bad(before, "NOTE with a value that is out of range");
	r = note(0);
	r.type = IPC_TYPE_COUNT;
	send_raw(&r, ipc_size(IPC_NOTE), NULL, 0);
	expect_bad(before, "no type");
	r.type = IPC_BEGIN;	/* only with a recipient */
	send_raw(&r, ipc_size(IPC_BEGIN), NULL, 0);
	expect_bad(before, "not now");
	r.type = IPC_BREED;	/* only the master's to say */
	send_raw(&r, ipc_size(IPC_BREED), NULL, 0);
	expect_bad(before, "not by this way");
	r = note(0);
	r.zero = 1;
	send_raw(&r, ipc_size(IPC_NOTE), NULL, 0);
	expect_bad(before, "zero");
	end();
}

TEST(closed)
{
	struct ipc_record r = note(0);
	const char *why;
	int passed;

	begin();
	ck_assert_int_eq(ipc_send(pair[0], &r, -1, false), 0);
	close(pair[0]);
	/* What was sent before the end still comes. */
	ck_assert_int_eq(receive(&r, &passed, &why), IPC_GOT_RECORD);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(receive(&r, &passed, &why), IPC_GOT_END);
		ck_assert_int_eq(passed, -1);
		ck_assert_int_eq(ipc_recv(pair[1], IPC_FROM_WORKER,
		    IPC_AT_SESSION, true, &r, &passed, &why), IPC_GOT_END);
	}
	/* To send is an error, not a signal. */
	r = note(0);
	ck_assert_int_eq(ipc_send(pair[1], &r, -1, true), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(pair[1]);
}

TEST(full)
{
	struct ipc_record r = note(0);
	const char *why;
	unsigned sent = 0, got = 0;
	int passed;

	begin();
	while (ipc_send(pair[0], &r, -1, false) == 0)
		ck_assert_uint_lt(++sent, 10000000);
	ck_assert(errno == EAGAIN || errno == EWOULDBLOCK);
	ck_assert_uint_gt(sent, 0);
	while (receive(&r, &passed, &why) == IPC_GOT_RECORD)
		got++;
	ck_assert_uint_eq(got, sent);
	r = note(0);
	ck_assert_int_eq(ipc_send(pair[0], &r, -1, false), 0);
	end();
}

TEST(not_a_channel)
{
	struct ipc_record r = note(0);
	const char *why;
	int passed;

	ck_assert_int_eq(ipc_send(-1, &r, -1, false), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(ipc_recv(-1, IPC_FROM_WORKER, IPC_AT_SESSION, false,
	    &r, &passed, &why), IPC_GOT_ERROR);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(passed, -1);
	begin();
	r = note(0);
	ck_assert_int_eq(ipc_send(pair[0], &r, 4000, false), -1);
	ck_assert_int_eq(errno, EBADF);
	end();
}
