/*
 * Two name servers in a process of their own; what they answer, the first
 * label of a name says.  For check_resolve.
 */
#ifndef T_UNIT_LYING_DNS_H
#define T_UNIT_LYING_DNS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "t/unit/dns_case.h"

enum { lying_servers = 2 };

static uint8_t lying_ip[4] = { 192, 0, 2, 1 };	/* of each host */

struct lying_query {
	const uint8_t	*p;
	size_t		 n, question;	/* octets, of the question */
	int		 server;
	bool		 tcp, edns;
	unsigned	 type;
	char		 label[64];
};

static inline void
lying_begin(const struct lying_query *q, unsigned rcode)
{
	n = 0;
	add(q->p, 12 + q->question);
	m[2] = 0x81;
	m[3] = (uint8_t)(0xa0 | rcode);
	memset(m + 6, 0, 6);
}

static inline bool
lying_is(const struct lying_query *q, const char *label)
{
	return strcmp(q->label, label) == 0;
}

static inline void
lying_add_good(const struct lying_query *q)
{
	size_t begun;

	if (q->type == DNS_MX) {
		add_mx("@", 300, 20, "second.test");
		add_mx("@", 300, 10, "first.test");
	} else if (q->type == DNS_A) {
		begun = begin_record("@", DNS_A, 300);
		add(lying_ip, 4);
		end_record(begun);
	} else {
		begun = begin_record("@", DNS_AAAA, 300);
		add("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		end_record(begun);
	}
}

/* What is sent first, to be ignored. */
static inline void
lying_forge(const struct lying_query *q, void (*out)(void *arg), void *arg)
{
	for (unsigned i = 0; lying_is(q, "id") && i < 100; i++) {
		lying_begin(q, 3);
		m[0] = (uint8_t)(m[0] ^ (i % 255 + 1));
		out(arg);
	}
	for (unsigned i = 0; lying_is(q, "question") && i < 4; i++) {
		lying_begin(q, 3);
		if (i == 0)
			m[13] ^= 0x20;	/* the case */
		else if (i == 1)
			m[13] = 'z';
		else if (i == 2)
			m[12 + q->question - 3] ^= 0x10;	/* the type */
		else
			m[2] = 0x01;	/* no answer */
		out(arg);
	}
	for (size_t i = 0; lying_is(q, "junk") && i < 100; i++) {
		lying_begin(q, 0);
		n = i % 2 == 0 ? i % n : n;
		for (size_t k = 2; k < n; k++)
			m[k] = (uint8_t)(k * i * 31);
		out(arg);
	}
}

/* Makes the answer; false: there is none. */
static inline bool
lying_answer(const struct lying_query *q)
{
	char name[32], last[32] = "@";
	const bool mx = q->type == DNS_MX;

	lying_begin(q, 0);
	if (lying_is(q, "silent") || (lying_is(q, "stall") && q->tcp) ||
	    (lying_is(q, "half-silent") && q->server == 0) ||
	    (lying_is(q, "deaf") && q->edns))
		return false;
	if (lying_is(q, "slow"))
		usleep(1000);
	if (lying_is(q, "lower"))
		for (size_t i = 12; i < n - 4; i++)
			m[i] = (uint8_t)tolower(m[i]);
	if (lying_is(q, "formerr") && q->edns)
		lying_begin(q, 1);
	else if (lying_is(q, "servfail") ||
	    (lying_is(q, "half-servfail") && q->server == 0) ||
	    (lying_is(q, "v6-servfail") && q->type == DNS_AAAA))
		lying_begin(q, 2);
	else if (lying_is(q, "nxdomain") ||
	    (lying_is(q, "v6-nxdomain") && q->type == DNS_AAAA))
		lying_begin(q, 3);
	else if (lying_is(q, "null") && mx)
		add_mx("@", 300, 0, "");
	else if (lying_is(q, "implicit") && mx)
		n += 0;
	else if (lying_is(q, "nothing") ||
	    (lying_is(q, "no-v4") && q->type == DNS_A))
		n += 0;
	else if (lying_is(q, "no-host") && mx)
		add_mx("@", 300, 0, "-x.test");
	else if (lying_is(q, "alias") && mx) {
		add_cname("@", 300, "elsewhere.test");
		add_mx("elsewhere.test", 300, 10, "first.test");
	} else if (lying_is(q, "endless")) {
		for (int i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "c%d.test", i);
			add_cname(last, 300, name);
			strcpy(last, name);
		}
	} else if (lying_is(q, "circle")) {
		add_cname("@", 300, "b.test");
		add_cname("b.test", 300, "circle.test");
	} else if (lying_is(q, "bomb")) {
		add("\1a\xc0\x0c", 4);
		for (size_t i = n - 4; n < 1200;) {
			size_t here = n;

			add("\0\x0f\0\1\0\0\0\1\0\2\xc0", 11);
			add(&(uint8_t){ (uint8_t)i }, 1);
			i = here;
		}
		m[6] = m[7] = 0xff;
	} else if (lying_is(q, "others"))
		add_mx("example.com", 300, 10, "first.test");
	else if (lying_is(q, "mixed") && mx) {
		add_mx("@", 300, 10, "nxdomain.test");
		add_mx("@", 300, 20, "servfail.test");
		add_mx("@", 300, 30, "first.test");
	} else if (lying_is(q, "equals") && mx) {
		add_mx("@", 300, 20, "worst.test");
		add_mx("@", 300, 10, "0.test");
		add_mx("@", 300, 10, "1.test");
		add_mx("@", 300, 10, "2.test");
		add_mx("@", 300, 5, "best.test");
	} else if (lying_is(q, "thousand") && mx && q->tcp) {
		for (unsigned i = 0; i < 1000; i++)
			add_mx("@", 300, 1000 - i, "first.test");
	} else if (lying_is(q, "huge") && q->tcp) {
		memset(m + n, 0, sizeof(m) - n);
		n = sizeof(m) - 1;	/* 64 KiB of nothing */
		m[7] = 1;
	} else if (lying_is(q, "cut") && q->tcp) {
		lying_add_good(q);
		n -= 5;
	} else
		lying_add_good(q);
	if (!q->tcp && (lying_is(q, "tcp") || lying_is(q, "stall") ||
	    lying_is(q, "thousand") || lying_is(q, "huge") ||
	    lying_is(q, "cut"))) {
		lying_begin(q, 0);
		m[2] |= 0x02;	/* TC */
	}
	return true;
}

static inline bool
lying_read(struct lying_query *q, const uint8_t *p, size_t size)
{
	size_t i = 13, k;

	if (size < 17 || p[12] > 63 || 12U + p[12] > size)
		return false;
	q->p = p;
	q->n = size;
	for (k = 0; k < p[12]; k++, i++)
		q->label[k] = (char)tolower(p[i]);
	q->label[k] = '\0';
	while (i < size && p[i] != 0)
		i += p[i] + 1U;
	if (i + 5 > size)
		return false;
	q->question = i + 5 - 12;
	q->type = (unsigned)(p[i + 1] << 8 | p[i + 2]);
	q->edns = p[11] != 0;
	return true;
}

struct lying_peer {
	int			fd;
	struct sockaddr_in	from;
};

static inline void
lying_send(void *arg)
{
	struct lying_peer *p = arg;

	(void)sendto(p->fd, m, n, 0, (struct sockaddr *)&p->from,
	    sizeof(p->from));
}

static inline void
lying_datagram(int fd, int server)
{
	struct lying_peer peer = { .fd = fd };
	struct lying_query q = { .server = server };
	socklen_t size = sizeof(peer.from);
	uint8_t p[512];
	ssize_t got = recvfrom(fd, p, sizeof(p), 0,
	    (struct sockaddr *)&peer.from, &size);

	if (got <= 0 || !lying_read(&q, p, (size_t)got))
		return;
	lying_forge(&q, lying_send, &peer);
	if (lying_answer(&q))
		lying_send(&peer);
}

/* One query of a connection; false: it has ended. */
static inline bool
lying_reply(int fd, int server)
{
	struct lying_query q = { .server = server, .tcp = true };
	uint8_t p[512], length[2];
	size_t size;

	if (recv(fd, length, 2, MSG_WAITALL) != 2)
		return false;
	size = (size_t)(length[0] << 8 | length[1]);
	if (size > sizeof(p) ||
	    recv(fd, p, size, MSG_WAITALL) != (ssize_t)size ||
	    !lying_read(&q, p, size))
		return false;
	if (!lying_answer(&q))
		return true;		/* it stays open */
	length[0] = (uint8_t)(n >> 8);
	length[1] = (uint8_t)n;
	if (lying_is(&q, "cut"))
		length[1] = (uint8_t)(length[1] + 5);
	/* The answer comes in pieces. */
	(void)send(fd, length, 1, MSG_NOSIGNAL);
	usleep(2000);
	(void)send(fd, length + 1, 1, MSG_NOSIGNAL);
	(void)send(fd, m, n, MSG_NOSIGNAL);
	return !lying_is(&q, "cut");
}

/* A process of its own, until the other side closes. */
static inline void
lying_connection(int listener, int server)
{
	int fd = accept(listener, NULL, NULL);

	if (fd != -1 && fork() == 0) {
		while (lying_reply(fd, server))
			continue;
		_exit(0);
	}
	close(fd);
}

/* One server, on a port that is free for both; false: not for TCP. */
static inline bool
lying_bind_one(int *udp, int *tcp, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);
	int room = 1 << 22;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*udp = socket(AF_INET, SOCK_DGRAM, 0);
	*tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(*udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(*udp, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    getsockname(*udp, (struct sockaddr *)&a, &size) == -1)
		abort();
	*port = ntohs(a.sin_port);
	return bind(*tcp, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    listen(*tcp, 64) == 0;
}

static inline void
lying_bind(int udp[lying_servers], int tcp[lying_servers],
    uint16_t ports[lying_servers])
{
	for (int i = 0, tries = 0; i < lying_servers; i++)
		while (!lying_bind_one(&udp[i], &tcp[i], &ports[i])) {
			close(udp[i]);
			close(tcp[i]);
			if (tries++ == 1000)
				abort();
		}
}

static inline _Noreturn void
lying_run(const int udp[lying_servers], const int tcp[lying_servers])
{
	struct pollfd fds[2 * lying_servers];
	const pid_t parent = getppid();

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		for (int i = 0; i < lying_servers; i++) {
			fds[i] = (struct pollfd){ udp[i], POLLIN, 0 };
			fds[lying_servers + i] = (struct pollfd){ tcp[i],
			    POLLIN, 0 };
		}
		/* A test that failed leaves them alone. */
		if (poll(fds, 2 * lying_servers, 1000) < 0 ||
		    getppid() != parent)
			_exit(0);
		for (int i = 0; i < lying_servers; i++) {
			if (fds[i].revents != 0)
				lying_datagram(udp[i], i);
			if (fds[lying_servers + i].revents != 0)
				lying_connection(tcp[i], i);
		}
	}
}

#endif
