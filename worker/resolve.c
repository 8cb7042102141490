/*
 * A stub resolver: over the socket that comes with a name it asks a name server
 * for MX and addresses, and names hosts and addresses to the master, which also
 * tries again.
 *
 * It is no library's: c-ares opens files when it begins; and begun before the
 * fork it gives each worker the same identifiers, so that the server that one
 * worker asked could guess those of the next.
 *
 * Who wants to forge an answer has to guess the identifier, the port, which is
 * another one for each name, and the case of the letters of the name.
 */
#include "worker/helper.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "worker/dns.h"

enum {
	tick_ms = 100,
	trouble_ttl_s = 30,
	stream_bytes = 2 + UINT16_MAX,
	queries_max = 1 + 2 * resolve_hosts_max
};

/* The first is for MX; then for each host one for A and one for AAAA. */
struct query {
	bool		 due;		/* sent, and not answered */
	uint16_t	 id;
	uint32_t	 mix;
};

struct lookup {
	int		 fd;		/* to the name server; -1: free */
	struct ipc_lookup asked;
	bool		 secure;
	bool		 implicit;	/* no MX: the name itself is the host */
	uint32_t	 ttl_s;
	int64_t		 until_ms;	/* of the queries that are due */
	size_t		 due;
	struct query	 queries[queries_max];
	size_t		 hosts;		/* 0: not known yet */
	struct ipc_host	 host[resolve_hosts_max]; /* the name until then */
	struct dns_addresses found[resolve_hosts_max][2]; /* IPv4, IPv6 */
	uint8_t		*stream;	/* a message over TCP, so far */
	size_t		 got;
};

static struct {
	struct ask	*master;
	struct lookup	 lookups[resolve_lookups_max];
} *all;	/* allocated, for other jobs need no such memory */

/* ---- lookups ------------------------------------------------------------ */

static void
end_lookup(struct lookup *l, enum resolve_status status)
{
	struct ipc_record r = { .type = IPC_HOST };

	for (size_t i = 0; status == RESOLVE_OK && i < l->hosts; i++)
		dns_join(&l->found[i][0], &l->found[i][l->asked.ipv6],
		    &l->host[i]);
	if (status == RESOLVE_OK && (l->implicit ||
	    l->asked.kind == RESOLVE_HOST))
		status = (enum resolve_status)l->host[0].status;
	for (size_t i = 0; status == RESOLVE_OK && i < l->hosts; i++) {
		r.u.host = l->host[i];
		r.u.host.ticket = l->asked.ticket;
		tell_record(all->master, &r);
	}
	r.type = IPC_ANSWER;
	r.u.answer = (struct ipc_answer){ l->asked.ticket, l->ttl_s,
	    (uint8_t)status, l->implicit, l->secure };
	tell_record(all->master, &r);
	free(l->stream);
	close(l->fd);
	l->fd = -1;
}

/* No (more) answer comes: with the last try, what is known has to do. */
static void
give_up(struct lookup *l)
{
	if (l->ttl_s > trouble_ttl_s)
		l->ttl_s = trouble_ttl_s;
	end_lookup(l, l->asked.last && l->hosts > 0 ? RESOLVE_OK :
	    RESOLVE_TROUBLE);
}

static enum dns_type
type_of(size_t query)
{
	return query == 0 ? DNS_MX : query % 2 == 1 ? DNS_A : DNS_AAAA;
}

static size_t
host_of(size_t query)
{
	return query == 0 ? 0 : (query - 1) / 2;
}

static size_t
write_query(const struct lookup *l, size_t i, uint8_t out[dns_query_max_bytes])
{
	const struct ipc_host *h = &l->host[host_of(i)];
	const struct query *q = &l->queries[i];

	return dns_query(q->id, span_of(h->name), type_of(i),
	    q->mix, !l->asked.last, out);
}

/* Servers that are deaf to EDNS or to capitals: the last try. */
static void
send_query(struct lookup *l, size_t i)
{
	const size_t skip = l->asked.tcp ? 0 : 2;
	uint8_t packet[2 + dns_query_max_bytes];
	struct query *q = &l->queries[i];
	size_t n;

	randombytes_buf(&q->id, sizeof(q->id));
	q->mix = l->asked.tcp || l->asked.last ? 0 : randombytes_random();
	n = write_query(l, i, packet + 2);
	packet[0] = (uint8_t)(n >> 8);
	packet[1] = (uint8_t)n;
	q->due = true;
	l->due++;
	/* If it fails there is no answer, and the next try. */
	(void)send(l->fd, packet + skip, n + 2 - skip, MSG_NOSIGNAL |
	    MSG_DONTWAIT);
}

/* Asks for MX, then for the addresses of all hosts. */
static void
go_on(struct lookup *l)
{
	l->until_ms = deadline_now_ms() + l->asked.timeout_ms;
	if (l->hosts == 0)
		send_query(l, 0);
	for (size_t i = 1; i <= 2 * l->hosts; i++)
		if (l->asked.ipv6 || type_of(i) == DNS_A)
			send_query(l, i);
}

/* RFC 5321 5.1: equal ones in any order, so that the load is spread. */
static void
shuffle_equals(struct ipc_host *h, size_t n)
{
	struct ipc_host swap;
	size_t j, first = 0;

	for (size_t i = 1; i < n; i++) {
		if (h[i].preference != h[first].preference)
			first = i;
		j = first + randombytes_uniform((uint32_t)(i - first + 1));
		swap = h[i];
		h[i] = h[j];
		h[j] = swap;
	}
}

static void
on_mx(struct lookup *l, const struct dns_answer *a)
{
	if (a->status == RESOLVE_NO_DATA) {
		/* The name itself is the host (RFC 5321 5.1). */
		l->implicit = true;
		l->hosts = 1;
	} else if (a->status == RESOLVE_OK && a->hosts > 0) {
		memcpy(l->host, a->host, sizeof(l->host));
		l->hosts = a->hosts;
		shuffle_equals(l->host, l->hosts);
	} else {
		/* MX without a host name: then the name is no host either. */
		end_lookup(l, a->status == RESOLVE_OK ? RESOLVE_NO_DATA :
		    a->status);
		return;
	}
	go_on(l);
}

static void
on_answer(struct lookup *l, size_t query, const struct dns_answer *a)
{
	l->queries[query].due = false;
	l->due--;
	l->secure = l->secure && a->secure;
	if (a->ttl_s < l->ttl_s)
		l->ttl_s = a->ttl_s;
	if (query == 0) {
		on_mx(l, a);
		return;
	}
	l->found[host_of(query)][type_of(query) == DNS_AAAA] = a->addresses;
	if (l->due == 0)
		end_lookup(l, RESOLVE_OK);
}

static void
on_message(struct lookup *l, const uint8_t *p, size_t n)
{
	static const struct dns_answer trouble = { .ttl_s = trouble_ttl_s,
	    .addresses.status = RESOLVE_TROUBLE };
	uint8_t sent[dns_query_max_bytes];
	struct dns_answer a;
	enum dns_read result = DNS_FOREIGN;
	size_t i;

	for (i = 0; i < queries_max && result == DNS_FOREIGN; i++)
		if (l->queries[i].due)
			result = dns_read(span_from(sent, write_query(l, i,
			    sent)), span_from(p, n), &a);
	if (result == DNS_ANSWERED)
		on_answer(l, i - 1, &a);
	else if (result == DNS_FAILED && l->asked.last && i > 1)
		on_answer(l, i - 1, &trouble);
	else if (result == DNS_FAILED)
		give_up(l);
}

static void
begin_lookup(const struct ipc_lookup *asked, int fd)
{
	struct lookup *l = all->lookups;
	uint8_t query[dns_query_max_bytes];

	/* The master never asks for more. */
	while (l->fd != -1)
		if (++l == all->lookups + resolve_lookups_max)
			_exit(0);
	*l = (struct lookup){ .fd = fd, .asked = *asked, .secure = true,
	    .ttl_s = UINT32_MAX, .hosts = asked->kind == RESOLVE_HOST };
	memcpy(l->host[0].name, asked->name, sizeof(asked->name));
	/* What no answer comes for. */
	for (size_t i = 0; i < resolve_hosts_max; i++)
		l->found[i][0].status = l->found[i][1].status =
		    RESOLVE_TROUBLE;
	if (asked->tcp)
		l->stream = malloc(stream_bytes);
	/* No name server knows what is no name. */
	if (dns_query(0, span_of(asked->name), DNS_MX, 0,
	    false, query) == 0)
		end_lookup(l, RESOLVE_NO_DOMAIN);
	else if (asked->tcp && l->stream == NULL)
		give_up(l);
	else
		go_on(l);
}

/* ---- the loop ----------------------------------------------------------- */

/* A datagram, or a part of a message behind its length (RFC 1035 4.2.2). */
static void
read_some(struct lookup *l)
{
	static uint8_t datagram[4096];
	const bool tcp = l->asked.tcp;
	const size_t size = !tcp ? sizeof(datagram) : l->got < 2 ? 2 :
	    2 + (size_t)(l->stream[0] << 8 | l->stream[1]);
	ssize_t n = recv(l->fd, tcp ? l->stream + l->got : datagram,
	    size - l->got, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* An end; or a message of no octets, which is none. */
	if (n == -1 || (n == 0 && tcp))
		give_up(l);
	else if (!tcp)
		on_message(l, datagram, (size_t)n);
	else if ((l->got += (size_t)n) == size && size > 2) {
		l->got = 0;
		on_message(l, l->stream + 2, size - 2);
	}
}

static void
read_channel(void)
{
	struct ipc_record r;
	enum ipc_got got;
	const char *why;
	int passed;

	while ((got = ipc_recv(all->master->channel, IPC_TO_WORKER,
	    IPC_AT_RESOLVE, false, &r, &passed, &why)) == IPC_GOT_RECORD)
		if (r.type == IPC_LOOKUP)
			begin_lookup(&r.u.lookup, passed);
		else if (r.type == IPC_STRESS && r.u.stress.why == STRESS_END)
			_exit(0);
	if (got != IPC_GOT_NOTHING)
		_exit(0);
}

void
resolve_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *r, int passed, int output)
{
	static struct pollfd fds[1 + resolve_lookups_max];
	struct lookup *l;
	bool busy;

	all = calloc(1, sizeof(*all));
	if (all == NULL)
		_exit(0);
	all->master = master;
	for (size_t i = 0; i < resolve_lookups_max; i++)
		all->lookups[i].fd = -1;
	begin_lookup(&r->u.lookup, passed);
	for (;;) {
		busy = false;
		fds[0] = (struct pollfd){ master->channel, POLLIN, 0 };
		for (size_t i = 0; i < resolve_lookups_max; i++) {
			fds[1 + i] = (struct pollfd){ all->lookups[i].fd,
			    POLLIN, 0 };
			busy = busy || fds[1 + i].fd != -1;
		}
		if (poll(fds, 1 + resolve_lookups_max, busy ? tick_ms :
		    -1) == -1 && errno != EINTR)
			_exit(1);
		for (size_t i = 0; i < resolve_lookups_max; i++) {
			l = &all->lookups[i];
			if (l->fd != -1 && fds[1 + i].revents != 0)
				read_some(l);
			if (l->fd != -1 && deadline_now_ms() >= l->until_ms)
				give_up(l);
		}
		if (fds[0].revents != 0)
			read_channel();
	}
}
