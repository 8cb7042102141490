/*
 * The address book: a balanced tree, so that no stranger can choose addresses
 * that take long to find.  An entry stays while it has sessions or a refusal.
 */
#include "server/session/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/tree.h>

#include "shared/ip.h"

enum { refused_max = 4096 };

/* The first octet of a key. */
enum kind { HOST_4 = 4, HOST_6 = 6, NETWORK_4 = 24, NETWORK_6 = 48 };

/* A host, or a network of them. */
struct address_host {
	RB_ENTRY(address_host)	 entry;
	struct address_host	*network;	/* NULL: this is a network */
	uint8_t			 key[9];	/* kind, then the address */
	uint64_t		 sessions;
	uint64_t		 served;
	int64_t			 paid_until_us;
	int64_t			 refused_until_ms;	/* or 0 */
};

struct address_book {
	RB_HEAD(address_tree, address_host) tree;
	size_t		 refused;
};

static int
compare(const struct address_host *a, const struct address_host *b)
{
	return memcmp(a->key, b->key, sizeof(a->key));
}

/* Some of the generated functions are not used. */
RB_GENERATE_INTERNAL(address_tree, address_host, entry, compare,
    static __attribute__((unused)))

bool
address_of(const struct sockaddr_storage *ss, struct address *out)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	memset(out, 0, sizeof(*out));
	if (ss->ss_family == AF_INET) {
		out->port = ntohs(in->sin_port);
		memcpy(out->ip, &in->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		out->port = ntohs(in6->sin6_port);
		out->ipv6 = !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
		if (out->ipv6)
			memcpy(out->ip, &in6->sin6_addr, 16);
		else
			memcpy(out->ip, in6->sin6_addr.s6_addr + 12, 4);
	} else
		return false;
	return inet_ntop(out->ipv6 ? AF_INET6 : AF_INET, out->ip, out->text,
	    sizeof(out->text)) != NULL;
}

bool
address_of_ip(bool ipv6, const uint8_t *ip, uint16_t port,
    struct address *out)
{
	struct sockaddr_storage ss;

	ip_sockaddr(ipv6, ip, port, &ss);
	return address_of(&ss, out);
}

struct address_book *
address_book_new(void)
{
	return calloc(1, sizeof(struct address_book));
}

static void
make_key(const struct address *a, bool network, uint8_t key[9])
{
	memset(key, 0, 9);
	key[0] = network ? (a->ipv6 ? NETWORK_6 : NETWORK_4) :
	    a->ipv6 ? HOST_6 : HOST_4;
	memcpy(key + 1, a->ip, network ? (a->ipv6 ? 6 : 3) : a->ipv6 ? 8 : 4);
}

/* The entry of a's host or network; NULL: the book has none. */
static struct address_host *
find(struct address_book *b, const struct address *a, bool network)
{
	struct address_host key;

	make_key(a, network, key.key);
	return RB_FIND(address_tree, &b->tree, &key);
}

/* NULL without memory. */
static struct address_host *
find_or_add(struct address_book *b, const struct address *a, bool network)
{
	struct address_host *e = find(b, a, network);

	if (e != NULL || (e = calloc(1, sizeof(*e))) == NULL)
		return e;
	make_key(a, network, e->key);
	RB_INSERT(address_tree, &b->tree, e);
	return e;
}

/* Removes e when it has neither sessions nor a refusal. */
static void
drop_if_empty(struct address_book *b, struct address_host *e)
{
	if (e == NULL || e->sessions > 0 || e->refused_until_ms != 0)
		return;
	RB_REMOVE(address_tree, &b->tree, e);
	free(e);
}

enum refusal
address_enter(struct address_book *b, const struct address *a,
    uint64_t host_max, uint64_t network_max, struct address_host **out)
{
	struct address_host *host = find_or_add(b, a, false);
	struct address_host *network = find_or_add(b, a, true);
	enum refusal answer = host == NULL || network == NULL ?
	    REFUSAL_MEMORY :
	    host->sessions >= host_max ? REFUSAL_SESSIONS :
	    network->sessions >= network_max ? REFUSAL_NETWORK :
	    REFUSAL_NONE;

	if (answer != REFUSAL_NONE) {
		drop_if_empty(b, host);
		drop_if_empty(b, network);
		return answer;
	}
	host->network = network;
	host->sessions++;
	network->sessions++;
	*out = host;
	return REFUSAL_NONE;
}

void
address_leave(struct address_book *b, struct address_host *h)
{
	struct address_host *network = h->network;

	h->sessions--;
	network->sessions--;
	drop_if_empty(b, h);
	drop_if_empty(b, network);
}

uint64_t
address_sessions(const struct address_host *h)
{
	return h->sessions;
}

uint64_t
address_served(const struct address_host *h)
{
	return h->served;
}

void
address_serve(struct address_host *h, bool begins)
{
	h->served += begins ? 1 : (uint64_t)-1;
}

int64_t
address_charge(struct address_host *h, int64_t us, int64_t now_us)
{
	if (h->paid_until_us < now_us)
		h->paid_until_us = now_us;
	h->paid_until_us += us;
	return h->paid_until_us - now_us;
}

static void
forgive(struct address_book *b, struct address_host *e)
{
	e->refused_until_ms = 0;
	b->refused--;
	drop_if_empty(b, e);
}

/* Forgets the refusals that are over. */
static void
sweep(struct address_book *b, int64_t now_ms)
{
	struct address_host *e, *next;

	RB_FOREACH_SAFE(e, address_tree, &b->tree, next)
		if (e->refused_until_ms != 0 && e->refused_until_ms <= now_ms)
			forgive(b, e);
}

/* Drops the refusal that would end first. */
static void
forgive_next(struct address_book *b)
{
	struct address_host *e, *next = NULL;

	RB_FOREACH(e, address_tree, &b->tree)
		if (e->refused_until_ms != 0 && (next == NULL ||
		    e->refused_until_ms < next->refused_until_ms))
			next = e;
	if (next != NULL)
		forgive(b, next);
}

void
address_refuse(struct address_book *b, const struct address *a,
    int64_t until_ms)
{
	struct address_host *e = find_or_add(b, a, false);

	if (e == NULL)
		return;
	if (e->refused_until_ms == 0 && b->refused++ >= refused_max)
		forgive_next(b);
	e->refused_until_ms = until_ms;
}

bool
address_is_refused(struct address_book *b, const struct address *a,
    int64_t now_ms)
{
	struct address_host *e = b->refused == 0 ? NULL : find(b, a, false);

	if (e == NULL || e->refused_until_ms == 0)
		return false;
	if (e->refused_until_ms > now_ms)
		return true;
	sweep(b, now_ms);
	return false;
}

static void
write_note(const struct address_host *e, int64_t now_ms,
    struct address_note *out)
{
	struct in6_addr ip = { 0 };
	char text[INET6_ADDRSTRLEN] = "";

	memcpy(&ip, e->key + 1, sizeof(e->key) - 1);
	inet_ntop(e->key[0] == HOST_6 ? AF_INET6 : AF_INET, &ip, text,
	    sizeof(text));
	snprintf(out->text, sizeof(out->text), "%s%s", text,
	    e->key[0] == HOST_6 ? "/64" : "");
	out->sessions = e->sessions;
	out->refused_ms = e->refused_until_ms > now_ms ?
	    (uint64_t)(e->refused_until_ms - now_ms) : 0;
}

void
address_look(struct address_book *b, const struct address *a,
    int64_t now_ms, struct address_note *out, uint64_t *network_sessions)
{
	const struct address_host *e = find(b, a, false);
	const struct address_host *network = find(b, a, true);
	struct address_host nothing = { .sessions = 0 };

	*network_sessions = network == NULL ? 0 : network->sessions;
	make_key(a, false, nothing.key);
	write_note(e == NULL ? &nothing : e, now_ms, out);
}

size_t
address_top(struct address_book *b, int64_t now_ms, bool refused,
    struct address_note *out, size_t max)
{
	struct address_host *e;
	size_t n = 0;

	RB_FOREACH(e, address_tree, &b->tree) {
		uint64_t rank = !refused ? e->sessions :
		    e->refused_until_ms > now_ms ?
		    (uint64_t)(e->refused_until_ms - now_ms) : 0;
		size_t at = n;

		if ((e->key[0] != HOST_4 && e->key[0] != HOST_6) || rank == 0)
			continue;
		while (at > 0 && (refused ? out[at - 1].refused_ms :
		    out[at - 1].sessions) < rank)
			at--;
		if (at == max)
			continue;
		n -= n == max;
		memmove(out + at + 1, out + at, (n++ - at) * sizeof(*out));
		write_note(e, now_ms, &out[at]);
	}
	return n;
}

size_t
address_refused_count(struct address_book *b, int64_t now_ms)
{
	if (b->refused > 0)
		sweep(b, now_ms);
	return b->refused;
}
