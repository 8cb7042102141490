/*
 * A stub resolver: it asks the name servers that the master knows, reads their
 * answers with dns.c, and names hosts and addresses to the master.
 *
 * It is no library's: c-ares opens /dev/urandom (1.18) or /etc/resolv.conf
 * (1.34) when it begins, which a worker's sandbox forbids; and begun before
 * the fork it gives each worker the same sequence of identifiers, so that the
 * server that one worker asked could guess those of the next.
 *
 * Who wants to forge an answer has to guess the identifier, the port, which
 * changes every 64 questions, and the case of the letters of the name.
 */
#include "worker/resolve.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/ipc.h"
#include "worker/dns.h"

enum {
	lookup_patience_ms = 45 * 1000,
	tries_max = 3,		/* each twice as long as the one before */
	queries_max = 512,
	udp_max = 8,		/* sockets: one a server, and earlier ones */
	tcp_max = 4,
	sockets_max = udp_max + tcp_max,
	socket_queries = 64,	/* then a fresh one, with another port */
	socket_pause_ms = 1000,	/* after one that could not be had */
	tick_ms = 200,
	trouble_ttl_s = 30,
	turn_max = 64		/* messages of a socket in one turn */
};

/* What the master asked. */
struct lookup {
	bool		 open;
	uint64_t	 ticket;
	bool		 ipv6, secure;
	bool		 implicit;	/* there is no MX */
	bool		 single;	/* the name itself is the host */
	uint32_t	 ttl_s;
	int64_t		 until_ms;
	size_t		 begun;		/* queries: for MX, then addresses */
	size_t		 due;		/* answers */
	size_t		 hosts;		/* 0: not known yet */
	struct ipc_host	 host[resolve_hosts_max]; /* the name until then */
	struct dns_addresses found[resolve_hosts_max][2]; /* IPv4, IPv6 */
};

struct server_socket {
	int		 fd;		/* -1: none */
	uint32_t	 server;
	bool		 tcp;
	unsigned	 sent;		/* queries */
	bool		 used;		/* an answer is due */
	size_t		 got;		/* of a message, over TCP */
};

/* One question to name servers. */
struct query {
	struct lookup	*of;		/* NULL: free */
	size_t		 host;
	enum dns_type	 type;		/* MX: of the lookup itself */
	uint32_t	 server;
	unsigned	 tries;
	bool		 no_edns, tcp;
	int64_t		 until_ms;	/* of this try */
	struct server_socket *by;	/* NULL: not sent yet */
	uint16_t	 id;
	uint32_t	 mix;
};

static struct {
	struct ask	*master;
	uint32_t	 servers, timeout_ms;
	uint32_t	 good;		/* the server that answered last */
	struct lookup	 lookups[resolve_lookups_max];
	struct query	 queries[queries_max];
	struct server_socket sockets[sockets_max];
	struct server_socket *udp[resolve_servers_max];	/* the latest */
	int64_t		 want_ms;	/* no socket is wanted before */
	uint8_t		 stream[tcp_max][2 + UINT16_MAX];
} *all;	/* allocated, for other jobs need no such memory */

#define FOR_ALL(kind, p, list)						\
	for (struct kind *p = (list);					\
	    p < (list) + sizeof(list) / sizeof((list)[0]); p++)

/* ---- sockets ------------------------------------------------------------ */

/* A free place for a socket; NULL: none. */
static struct server_socket *
find_place(bool tcp)
{
	FOR_ALL(server_socket, s, all->sockets)
		if (s->fd == -1 && (s >= all->sockets + udp_max) == tcp)
			return s;
	return NULL;
}

static void
want_socket(uint32_t server, bool tcp)
{
	struct ipc_record r = { .type = IPC_SOCKET_WANTED,
	    .u.socket_wanted = { server, tcp } };

	if (deadline_now_ms() < all->want_ms || find_place(tcp) == NULL)
		return;
	all->want_ms = INT64_MAX;
	tell_record(all->master, &r);
}

/* ---- queries ------------------------------------------------------------ */

static size_t
write_query(const struct query *q, uint8_t out[dns_query_max_bytes])
{
	const struct ipc_host *h = &q->of->host[q->host];

	return dns_query(q->id, span_from(h->name, h->name_len), q->type,
	    q->mix, !q->no_edns, out);
}

/* Sends q, or waits for a socket to send it over. */
static void
send_query(struct query *q)
{
	struct server_socket *by = q->tcp ? NULL : all->udp[q->server];
	uint8_t packet[2 + dns_query_max_bytes];
	const size_t n = write_query(q, packet + 2);

	FOR_ALL(server_socket, s, all->sockets)
		if (q->tcp && s->fd != -1 && s->tcp && s->sent == 0 &&
		    s->server == q->server)
			by = s;
	if (by == NULL || (!q->tcp && by->sent >= socket_queries))
		want_socket(q->server, q->tcp);
	if (by == NULL)
		return;
	packet[0] = (uint8_t)(n >> 8);
	packet[1] = (uint8_t)n;
	by->sent++;
	q->by = by;
	/* If it fails there is no answer, and the next try. */
	(void)send(by->fd, packet + (q->tcp ? 0 : 2), n + (q->tcp ? 2 : 0),
	    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
begin_try(struct query *q, bool tcp)
{
	q->by = NULL;
	q->tcp = tcp;
	q->until_ms = deadline_now_ms() +
	    ((int64_t)all->timeout_ms << (tcp ? 1 : q->tries - 1));
	randombytes_buf(&q->id, sizeof(q->id));
	randombytes_buf(&q->mix, sizeof(q->mix));
	/* Servers that are deaf to EDNS or to capitals: the last try. */
	if (q->tries == tries_max) {
		q->no_edns = true;
		q->mix = 0;
	}
	send_query(q);
}

/* False: as many as may be are under way. */
static bool
begin_query(struct lookup *l, size_t host, enum dns_type type)
{
	FOR_ALL(query, q, all->queries) {
		if (q->of != NULL)
			continue;
		*q = (struct query){ .of = l, .host = host, .type = type,
		    .server = all->good, .tries = 1 };
		l->due++;
		begin_try(q, false);
		return true;
	}
	return false;
}

/* ---- lookups ------------------------------------------------------------ */

/* Tells the master, which then may ask something else. */
static void
end_lookup(struct lookup *l, enum resolve_status status)
{
	struct ipc_record r = { .type = IPC_HOST };

	FOR_ALL(query, q, all->queries)
		if (q->of == l)
			*q = (struct query){ 0 };
	for (size_t i = 0; status == RESOLVE_OK && i < l->hosts; i++)
		dns_join(&l->found[i][0], l->ipv6 ? &l->found[i][1] :
		    &l->found[i][0], &l->host[i]);
	if (status == RESOLVE_OK && l->single)
		status = (enum resolve_status)l->host[0].status;
	for (size_t i = 0; status == RESOLVE_OK && i < l->hosts; i++) {
		r.u.host = l->host[i];
		r.u.host.ticket = l->ticket;
		tell_record(all->master, &r);
	}
	r.type = IPC_ANSWER;
	r.u.answer = (struct ipc_answer){ l->ticket, l->ttl_s,
	    (uint8_t)status, l->implicit, l->secure };
	tell_record(all->master, &r);
	l->open = false;
}

/* Asks for MX, then for addresses of hosts: as much as may be under way. */
static void
go_on(struct lookup *l)
{
	const size_t families = l->ipv6 ? 2 : 1, n = 1 + l->hosts * families;

	for (; l->begun < n; l->begun++)
		if (!begin_query(l, l->begun == 0 ? 0 :
		    (l->begun - 1) / families, l->begun == 0 ? DNS_MX :
		    (l->begun - 1) % families == 0 ? DNS_A : DNS_AAAA))
			return;
	if (l->due == 0)
		end_lookup(l, RESOLVE_OK);
}

static void
on_answer(struct query *q, const struct dns_answer *a)
{
	const struct query was = *q;
	struct lookup *l = q->of;

	*q = (struct query){ 0 };
	l->due--;
	l->secure = l->secure && a->secure;
	if (a->ttl_s < l->ttl_s)
		l->ttl_s = a->ttl_s;
	if (was.type != DNS_MX) {
		l->found[was.host][was.type == DNS_AAAA] = a->addresses;
	} else if (a->status == RESOLVE_NO_DATA) {
		/* The name itself is the host (RFC 5321 5.1). */
		l->implicit = l->single = true;
		l->hosts = 1;
	} else if (a->status == RESOLVE_OK && a->hosts > 0) {
		memcpy(l->host, a->host, sizeof(l->host));
		l->hosts = a->hosts;
	} else {
		/* MX without a host name: then the name is no host either. */
		end_lookup(l, a->status == RESOLVE_OK ? RESOLVE_NO_DATA :
		    a->status);
		return;
	}
	go_on(l);
}

/* The server cannot tell, or did not in time. */
static void
next_try(struct query *q)
{
	static const struct dns_answer trouble = { .status = RESOLVE_TROUBLE,
	    .ttl_s = trouble_ttl_s, .addresses.status = RESOLVE_TROUBLE };
	const uint32_t next = (q->server + 1) % all->servers;

	if (all->good == q->server)
		all->good = next;
	q->server = next;
	if (q->tries++ == tries_max)
		on_answer(q, &trouble);
	else
		begin_try(q, false);
}

/* False: the message answers no query that was sent over s. */
static bool
on_message(struct server_socket *s, const uint8_t *p, size_t n)
{
	uint8_t sent[dns_query_max_bytes];
	struct dns_answer a;
	enum dns_read result;

	FOR_ALL(query, q, all->queries) {
		if (q->by != s || n < 2 || q->id != (p[0] << 8 | p[1]))
			continue;
		result = dns_read(span_from(sent, write_query(q, sent)),
		    span_from(p, n), &a);
		if (result == DNS_FOREIGN)
			continue;
		if (result == DNS_ANSWERED)
			on_answer(q, &a);
		else if (result == DNS_TRUNCATED && !s->tcp)
			begin_try(q, true);
		else if (result == DNS_NO_EDNS && !q->no_edns) {
			q->no_edns = true;
			begin_try(q, s->tcp);
		} else
			next_try(q);
		return true;
	}
	return false;
}

/* ---- the loop ----------------------------------------------------------- */

static void
read_datagrams(struct server_socket *s)
{
	static uint8_t message[4096];
	ssize_t n;

	for (int i = 0; i < turn_max && (n = recv(s->fd, message,
	    sizeof(message), MSG_DONTWAIT)) >= 0; i++)
		(void)on_message(s, message, (size_t)n);
}

/* One message behind its length (RFC 1035 4.2.2); then the socket is closed. */
static void
read_stream(struct server_socket *s)
{
	uint8_t *p = all->stream[s - all->sockets - udp_max];
	size_t size = s->got < 2 ? 2 : 2 + (size_t)(p[0] << 8 | p[1]);
	ssize_t n = recv(s->fd, p + s->got, size - s->got, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		s->got += (size_t)n;
	if (n > 0 && (s->got < size || size == 2))
		return;
	if (n <= 0 || !on_message(s, p + 2, size - 2))
		FOR_ALL(query, q, all->queries)
			if (q->by == s)
				next_try(q);
}

static void
take_lookup(const struct ipc_lookup *asked)
{
	struct lookup *l = all->lookups;
	uint8_t query[dns_query_max_bytes];

	/* The master never asks for more. */
	while (l->open)
		if (++l == all->lookups + resolve_lookups_max)
			_exit(0);
	memset(l, 0, sizeof(*l));
	l->open = l->secure = true;
	l->ticket = asked->ticket;
	l->ipv6 = asked->ipv6;
	l->ttl_s = UINT32_MAX;
	l->until_ms = deadline_now_ms() + lookup_patience_ms;
	l->host[0].name_len = asked->name_len;
	memcpy(l->host[0].name, asked->name, asked->name_len);
	l->single = asked->kind == RESOLVE_HOST;
	l->hosts = l->begun = l->single;
	/* What no answer comes for. */
	for (size_t i = 0; i < resolve_hosts_max; i++)
		l->found[i][0].status = l->found[i][1].status =
		    RESOLVE_TROUBLE;
	/* No name server knows what is no name. */
	if (dns_query(0, span_from(asked->name, asked->name_len), DNS_MX, 0,
	    false, query) == 0)
		end_lookup(l, RESOLVE_NO_DOMAIN);
	else
		go_on(l);
}

static void
read_channel(void)
{
	struct ipc_record r;
	const struct ipc_socket_wanted *w = &r.u.socket_wanted;
	struct server_socket *s;
	enum ipc_got got;
	const char *why;
	int passed;

	for (int i = 0; i < turn_max; i++) {
		got = ipc_recv(all->master->channel, IPC_TO_WORKER,
		    IPC_AT_RESOLVE, false, &r, &passed, &why);
		if (got == IPC_GOT_NOTHING)
			return;
		if (got != IPC_GOT_RECORD && got != IPC_GOT_NO_ROOM)
			_exit(0);
		if (r.type == IPC_LOOKUP)
			take_lookup(&r.u.lookup);
		else if (r.type == IPC_STRESS && r.u.stress.why == STRESS_END)
			_exit(0);
		if (r.type != IPC_SOCKET && r.type != IPC_NO_SOCKET)
			continue;
		all->want_ms = passed != -1 ? 0 :
		    deadline_now_ms() + socket_pause_ms;
		s = passed == -1 ? NULL : find_place(w->tcp);
		if (s == NULL)
			continue;
		*s = (struct server_socket){ .fd = passed,
		    .server = w->server, .tcp = w->tcp };
		if (!w->tcp)
			all->udp[w->server] = s;
	}
}

/* False: there is nothing to wait for but the master. */
static bool
run_timers(void)
{
	const int64_t now = deadline_now_ms();
	bool busy = false;

	FOR_ALL(lookup, l, all->lookups)
		if (l->open && now >= l->until_ms)
			end_lookup(l, l->hosts == 0 ? RESOLVE_TROUBLE :
			    RESOLVE_OK);
		else if (l->open)
			go_on(l);
	FOR_ALL(server_socket, s, all->sockets)
		s->used = false;
	FOR_ALL(query, q, all->queries) {
		if (q->of != NULL && now >= q->until_ms)
			next_try(q);
		else if (q->of != NULL && q->by == NULL)
			send_query(q);
		if (q->by != NULL)
			q->by->used = true;
		busy = busy || q->of != NULL;
	}
	FOR_ALL(server_socket, s, all->sockets)
		if (s->fd != -1 && !s->used && all->udp[s->server] != s) {
			close(s->fd);
			s->fd = -1;
		}
	return busy;
}

void
resolve_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *r, int passed, int output)
{
	struct pollfd fds[1 + sockets_max];

	all = calloc(1, sizeof(*all));
	if (all == NULL)
		_exit(0);
	all->master = master;
	all->servers = r->u.resolve.servers;
	all->timeout_ms = r->u.resolve.timeout_ms;
	for (size_t i = 0; i < sockets_max; i++)
		all->sockets[i].fd = -1;
	for (;;) {
		const bool busy = run_timers();

		for (size_t i = 0; i <= sockets_max; i++)
			fds[i] = (struct pollfd){ i == sockets_max ?
			    master->channel : all->sockets[i].fd, POLLIN, 0 };
		if (poll(fds, 1 + sockets_max, busy ? tick_ms : -1) == -1 &&
		    errno != EINTR)
			_exit(1);
		for (size_t i = 0; i < sockets_max; i++)
			if (fds[i].fd != -1 && fds[i].revents != 0)
				(i < udp_max ? read_datagrams : read_stream)
				    (&all->sockets[i]);
		if (fds[sockets_max].revents != 0)
			read_channel();
	}
}
