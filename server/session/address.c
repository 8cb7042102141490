/* A balanced tree: no stranger can choose addresses that take long to find. */
#include "server/session/address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { refused_max = 4096 };

/* The first octet of a key. */
enum kind { HOST_4 = 4, HOST_6 = 6, NETWORK_4 = 24, NETWORK_6 = 48 };

struct address_book {
	RB_HEAD(address_tree, address_host) tree;
	/* All refusals last as long, so that the first one ends first. */
	TAILQ_HEAD(address_refused, address_host) refused;
	size_t		 refused_count;
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

	const bool ipv6 = ss->ss_family == AF_INET6;
	const struct ip ip = ip_from(ipv6, ipv6 ? (const void *)&in6->sin6_addr
	    : &in->sin_addr);

	if (!ipv6 && ss->ss_family != AF_INET)
		return false;
	address_of_ip(&ip, ntohs(ipv6 ? in6->sin6_port : in->sin_port), out);
	return true;
}

void
address_of_ip(const struct ip *ip, uint16_t port, struct address *out)
{
	*out = (struct address){ .ip = *ip, .port = port };
	(void)ip_text(ip, out->text);
}

void
address_key(const struct address *a, bool network,
    uint8_t out[address_key_bytes])
{
	const bool ipv6 = a->ip.ipv6;

	memset(out, 0, address_key_bytes);
	out[0] = network ? (ipv6 ? NETWORK_6 : NETWORK_4) :
	    ipv6 ? HOST_6 : HOST_4;
	memcpy(out + 1, a->ip.ip, network ? (ipv6 ? 6 : 3) : ipv6 ? 8 : 4);
}

struct address_book *
address_book_new(void)
{
	struct address_book *b = calloc(1, sizeof(*b));

	if (b != NULL)
		TAILQ_INIT(&b->refused);
	return b;
}

/* The entry of a's host or network; NULL: none, or (add) no memory. */
static struct address_host *
find(struct address_book *b, const struct address *a, bool network, bool add)
{
	struct address_host key, *e;

	address_key(a, network, key.key);
	e = RB_FIND(address_tree, &b->tree, &key);
	if (e != NULL || !add || (e = calloc(1, sizeof(*e))) == NULL)
		return e;
	memcpy(e->key, key.key, sizeof(e->key));
	RB_INSERT(address_tree, &b->tree, e);
	return e;
}

static void
drop_if_empty(struct address_book *b, struct address_host *e)
{
	if (e == NULL || e->sessions > 0 || e->refused_until_ms != 0)
		return;
	RB_REMOVE(address_tree, &b->tree, e);
	free(e);
}

static void
forgive(struct address_book *b, int64_t now_ms)
{
	struct address_host *e;

	while ((e = TAILQ_FIRST(&b->refused)) != NULL &&
	    (e->refused_until_ms <= now_ms || b->refused_count > refused_max)) {
		TAILQ_REMOVE(&b->refused, e, refusal);
		b->refused_count--;
		e->refused_until_ms = 0;
		drop_if_empty(b, e);
	}
}

enum refusal
address_enter(struct address_book *b, const struct address *a,
    const struct conf_limits *limits, int64_t now_ms,
    struct address_host **out)
{
	struct address_host *host, *network;
	enum refusal why;

	forgive(b, now_ms);
	host = find(b, a, false, true);
	network = find(b, a, true, true);
	why = host == NULL || network == NULL ? REFUSAL_MEMORY :
	    limits == NULL ? REFUSAL_NONE :
	    host->refused_until_ms != 0 ? REFUSAL_A_WHILE :
	    host->sessions >= limits->per_address ? REFUSAL_SESSIONS :
	    network->sessions >= limits->per_network ? REFUSAL_NETWORK :
	    REFUSAL_NONE;
	if (why != REFUSAL_NONE) {
		drop_if_empty(b, host);
		drop_if_empty(b, network);
		return why;
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

void
address_refuse(struct address_book *b, const struct address *a,
    int64_t now_ms)
{
	struct address_host *e = find(b, a, false, true);

	if (e == NULL)
		return;
	if (e->refused_until_ms != 0)
		TAILQ_REMOVE(&b->refused, e, refusal);
	else
		b->refused_count++;
	e->refused_until_ms = now_ms + address_refusal_ms;
	TAILQ_INSERT_TAIL(&b->refused, e, refusal);
	forgive(b, now_ms);
}

void
address_host_text(const struct address_host *h, char out[address_host_bytes])
{
	struct ip ip = { .ipv6 = h->key[0] == HOST_6 };

	memcpy(ip.ip, h->key + 1, sizeof(h->key) - 1);
	(void)ip_text(&ip, out);
	if (ip.ipv6)
		memcpy(out + strlen(out), "/64", sizeof("/64"));
}

const struct address_host *
address_look(struct address_book *b, const struct address *a, bool network,
    int64_t now_ms)
{
	forgive(b, now_ms);
	return find(b, a, network, false);
}

size_t
address_top(struct address_book *b, int64_t now_ms, bool refused,
    const struct address_host **out, size_t max)
{
	struct address_host *e;
	size_t n = 0, at;

	forgive(b, now_ms);
	if (refused) {
		TAILQ_FOREACH_REVERSE(e, &b->refused, address_refused, refusal)
			if (n < max)
				out[n++] = e;
		return n;
	}
	RB_FOREACH(e, address_tree, &b->tree) {
		if (e->network == NULL || e->sessions == 0)
			continue;	/* a network, or a host refused */
		for (at = n; at > 0 && out[at - 1]->sessions < e->sessions;)
			at--;
		if (at == max)
			continue;
		n += n < max;
		for (size_t k = n - 1; k > at; k--)
			out[k] = out[k - 1];
		out[at] = e;
	}
	return n;
}

size_t
address_refused_count(struct address_book *b, int64_t now_ms)
{
	forgive(b, now_ms);
	return b->refused_count;
}
