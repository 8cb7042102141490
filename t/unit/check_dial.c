/*
 * dial: where it may connect to, by the words that it was started with; and
 * the process itself, in its sandbox, asked by a master that may be an
 * attacker.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/ipc.h"
#include "shared/os/sandbox_table.h"
#include "t/unit/dial_case.h"
#include "worker/helper.h"

static enum dial_permit
permit(const char *address, unsigned port, bool udp)
{
	struct ipc_dial d = question(address, port, udp);

	return dial_permits(&d);
}

TEST(without_words)
{
	ck_assert(dial_take_words(WORDS()));
	ck_assert(permit("192.0.2.1", 25, false) == DIAL_UNLESS_OWN);
	ck_assert(permit("2001:db8::1", 25, false) == DIAL_UNLESS_OWN);
	ck_assert(permit("192.0.2.1", 25, true) == DIAL_NO);
	ck_assert(permit("192.0.2.1", 53, true) == DIAL_NO);
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		ck_assert((permit("192.0.2.1", port, false) != DIAL_NO) ==
		    (port == 25));
	ck_assert(permit("127.0.0.1", 25, false) == DIAL_NO);
	ck_assert(permit("10.0.0.1", 25, false) == DIAL_NO);
	ck_assert(permit("fd00::1", 25, false) == DIAL_NO);
	ck_assert(permit("::ffff:192.0.2.1", 25, false) == DIAL_NO);
}

TEST(private)
{
	ck_assert(dial_take_words(WORDS(W("private"))));
	ck_assert(permit("10.0.0.1", 25, false) == DIAL_UNLESS_OWN);
	ck_assert(permit("fd00::1", 25, false) == DIAL_UNLESS_OWN);
	ck_assert(permit("10.0.0.1", 26, false) == DIAL_NO);
	ck_assert(permit("127.0.0.1", 25, false) == DIAL_NO);
	ck_assert(permit("169.254.169.254", 25, false) == DIAL_NO);
}

TEST(one_address)
{
	ck_assert(dial_take_words(WORDS(W("53/udp@127.0.0.1")
	    W("53/tcp@127.0.0.1") W("5353/udp@::1") W("2525/tcp@10.0.0.1"))));
	ck_assert(permit("127.0.0.1", 53, true) == DIAL_YES);
	ck_assert(permit("127.0.0.1", 53, false) == DIAL_YES);
	ck_assert(permit("::1", 5353, true) == DIAL_YES);
	ck_assert(permit("::1", 5353, false) == DIAL_NO);
	ck_assert(permit("::1", 53, true) == DIAL_NO);
	ck_assert(permit("127.0.0.2", 53, true) == DIAL_NO);
	ck_assert(permit("127.0.0.1", 25, false) == DIAL_NO);
	ck_assert(permit("192.0.2.1", 53, true) == DIAL_NO);
	ck_assert(permit("10.0.0.1", 2525, false) == DIAL_YES);
	ck_assert(permit("10.0.0.1", 25, false) == DIAL_NO);
	ck_assert(permit("192.0.2.1", 2525, false) == DIAL_NO);
	/* 127.0.0.1 and its zeros are no IPv6 address. */
	ck_assert(permit("7f00:1::", 53, true) == DIAL_NO);
}

TEST(one_port)
{
	ck_assert(dial_take_words(WORDS(W("587/tcp"))));
	ck_assert(permit("192.0.2.1", 587, false) == DIAL_UNLESS_OWN);
	ck_assert(permit("192.0.2.1", 587, true) == DIAL_NO);
	ck_assert(permit("10.0.0.1", 587, false) == DIAL_NO);
	ck_assert(permit("127.0.0.1", 587, false) == DIAL_NO);
}

TEST(wrong_words)
{
	static const char *const bad[] = { "", "x", "25", "25/", "25/sctp",
	    "65536/tcp", "-1/tcp", "99999999999999999999/tcp", "025/tcp",
	    "25/tcp@", "25/tcp@x", "25/tcpx", "25/tcp@127.0.0.1 ", "privat",
	    "private ", "/tcp", "25/tcp@localhost", "26/tcp@", "26/TCP",
	    "25/tcp@0127.0.0.1", "25/tcp@::ffff:127.0.0.1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char word[64];

		snprintf(word, sizeof(word), "%s", bad[i]);
		ck_assert(dial_take_words((char *[]){ word, NULL }));
		ck_assert_msg(permit("127.0.0.1", 25, false) == DIAL_NO &&
		    permit("10.0.0.1", 25, false) == DIAL_NO &&
		    permit("192.0.2.1", 26, false) == DIAL_NO &&
		    permit("192.0.2.1", 0, false) == DIAL_NO &&
		    permit("192.0.2.1", 25, true) == DIAL_NO, "%s", word);
	}
}

/* ---- the process -------------------------------------------------------- */

enum { many = 256 };

/* A listener on a port that the kernel chooses, and no more in its queue. */
static int
listen_on(const char *address, int type, unsigned *port)
{
	struct ipc_dial d = question(address, 0, false);
	struct sockaddr_storage ss;
	socklen_t n = ip_sockaddr(&d.to, 0, &ss);
	int fd = socket(ss.ss_family, type, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, n), 0);
	ck_assert(type != SOCK_STREAM || listen(fd, 1) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	*port = ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
	return fd;
}

static char *
word_of(unsigned port, const char *way, const char *address)
{
	static char words[4][80];
	static size_t at;
	char *word = words[at++ % 4];

	snprintf(word, sizeof(words[0]), "%u/%s@%s", port, way, address);
	return word;
}

TEST(refuses)
{
	start(WORDS(W("private") W("587/tcp")));
	ck_assert_int_eq(refused("127.0.0.1", 25, false), EACCES);
	ck_assert_int_eq(refused("127.0.0.1", 22, false), EACCES);
	ck_assert_int_eq(refused("::1", 25, false), EACCES);
	ck_assert_int_eq(refused("192.0.2.1", 22, false), EACCES);
	ck_assert_int_eq(refused("0.0.0.0", 25, false), EACCES);
	ck_assert_int_eq(refused("255.255.255.255", 25, false), EACCES);
	ck_assert_int_eq(refused("169.254.169.254", 25, false), EACCES);
	ck_assert_int_eq(refused("::ffff:127.0.0.1", 25, false), EACCES);
	ck_assert_int_eq(refused("::ffff:127.0.0.1", 587, false), EACCES);
	ck_assert_int_eq(refused("2002:7f00:1::", 25, false), EACCES);
	ck_assert_int_eq(refused("192.0.2.1", 53, true), EACCES);
	end();
}

TEST(connects)
{
	unsigned tcp_port, udp_port, closed;
	int tcp = listen_on("127.0.0.1", SOCK_STREAM, &tcp_port);
	int udp = listen_on("127.0.0.1", SOCK_DGRAM, &udp_port);
	int none = listen_on("127.0.0.1", SOCK_STREAM, &closed), fd;
	struct ipc_dial d;
	char octet;

	close(none);
	start(WORDS(word_of(tcp_port, "tcp", "127.0.0.1"),
	    word_of(udp_port, "udp", "127.0.0.1"),
	    word_of(closed, "tcp", "127.0.0.1"),));
	ck_assert_int_eq(connected(question("127.0.0.1", tcp_port, false),
	    &fd), 0);
	ck_assert((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	fd = accept(tcp, NULL, NULL);
	ck_assert_int_eq(read(fd, &octet, 1), 1);
	close(fd);
	ck_assert_int_eq(connected(question("127.0.0.1", udp_port, true),
	    &fd), 0);
	ck_assert_int_eq(write(fd, "y", 1), 1);
	ck_assert(read(udp, &octet, 1) == 1 && octet == 'y');
	close(fd);
	ck_assert_int_eq(refused("127.0.0.1", closed, false), ECONNREFUSED);
	ck_assert_int_eq(refused("127.0.0.1", tcp_port, true), EACCES);
	ck_assert_int_eq(refused("127.0.0.1", udp_port, false), EACCES);
	/* From an address of its own, and from one that it has not. */
	d = question("127.0.0.1", tcp_port, false);
	d.has_source = 1;
	memcpy(d.source.ip, (uint8_t[]){ 127, 0, 0, 9 }, 4);
	ck_assert_int_eq(connected(d, &fd), 0);
	close(fd);
	memcpy(d.source.ip, (uint8_t[]){ 192, 0, 2, 9 }, 4);
	ck_assert_int_eq(connected(d, &fd), EADDRNOTAVAIL);
	end();
	close(tcp);
	close(udp);
}

/* Connections that hang hold up no other. */
TEST(waits_for_none)
{
	unsigned hangs, works;
	int full = listen_on("127.0.0.1", SOCK_STREAM, &hangs), fd;
	int good = listen_on("127.0.0.1", SOCK_STREAM, &works);
	struct ipc_dial d = question("127.0.0.1", hangs, false);
	int64_t began = deadline_now_ms();

	start(WORDS(word_of(hangs, "tcp", "127.0.0.1"),
	    word_of(works, "tcp", "127.0.0.1"),));
	for (int i = 0; i < many; i++) {
		ask(d);
		ck_assert_int_eq(answer(&fd), 0);
		if (i > 3)
			ck_assert_int_eq(poll(&(struct pollfd){ .fd = fd,
			    .events = POLLOUT }, 1, 0), 0);
	}
	ck_assert_int_eq(connected(question("127.0.0.1", works, false), &fd),
	    0);
	ck_assert_int_lt(deadline_now_ms() - began, 1500);
	end();
	close(full);
	close(good);
}

/* A master that reads nothing: descriptors in flight stay few. */
TEST(few_in_flight)
{
	unsigned port, count = 0;
	int udp = listen_on("127.0.0.1", SOCK_DGRAM, &port);
	struct pollfd p;

	start(WORDS(word_of(port, "udp", "127.0.0.1"),));
	for (int i = 0; i < many; i++)
		ask(question("127.0.0.1", port, true));
	poll(NULL, 0, 300);
	p = (struct pollfd){ .fd = channel, .events = POLLIN };
	for (;;) {
		const char *why = "";
		struct ipc_record r;
		int fd;

		if (count == 0)
			kill(pid, SIGSTOP);
		if (ipc_recv(channel, IPC_FROM_DIAL, IPC_AT_ANY, false, &r,
		    &fd, &why) != IPC_GOT_RECORD)
			break;
		close(fd);
		count++;
	}
	ck_assert_msg(count > 0 && count <= 100, "%u in flight", count);
	kill(pid, SIGCONT);
	while (count < many) {
		const char *why = "";
		struct ipc_record r;
		int fd;

		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		ck_assert(ipc_recv(channel, IPC_FROM_DIAL, IPC_AT_ANY, false,
		    &r, &fd, &why) == IPC_GOT_RECORD && r.type == IPC_DIALED);
		close(fd);
		count++;
	}
	end();
	close(udp);
}

/* A record that is none ends it. */
TEST(bad_record)
{
	struct ipc_record r = { .type = IPC_DIAL };

	start(WORDS());
	r.u.dial.udp = 2;
	ck_assert_int_eq(ipc_send(channel, &r, -1, true), 0);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = channel,
	    .events = POLLIN }, 1, 5000), 1);
	end();
}
