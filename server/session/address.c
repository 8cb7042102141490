/*
 * The address book: a hash table keyed so that no stranger can choose which
 * addresses collide.  An entry lives while it says something.
 */
#include "server/session/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/ip.h"

enum { bucket_count = 4096, refused_max = 4096 };

/* The first octet of a key. */
enum kind { HOST_4 = 4, HOST_6 = 6, NETWORK_4 = 24, NETWORK_6 = 48 };

/* A host, or a network of them. */
struct address_host {
	struct address_host	*next;
	struct address_host	*network;	/* NULL: it is one */
	uint8_t			 key[9];	/* kind, then the address */
	uint64_t		 sessions;
	uint64_t		 served;
	int64_t			 paid_until_us;
	int64_t		 refused_until_ms;	/* 0: not */
};

struct address_book {
	uint8_t		 secret[crypto_shorthash_KEYBYTES];
	size_t		 refused;
	struct address_host	*buckets[bucket_count];
};

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
	struct address_book *b = calloc(1, sizeof(*b));

	if (b != NULL)
		randombytes_buf(b->secret, sizeof(b->secret));
	return b;
}

static void
key_of(const struct address *a, uint8_t key[9])
{
	memset(key, 0, 9);
	key[0] = a->ipv6 ? HOST_6 : HOST_4;
	memcpy(key + 1, a->ip, a->ipv6 ? 8 : 4);
}

static void
network_key_of(const struct address *a, uint8_t key[9])
{
	memset(key, 0, 9);
	key[0] = a->ipv6 ? NETWORK_6 : NETWORK_4;
	memcpy(key + 1, a->ip, a->ipv6 ? 6 : 3);
}

static struct address_host **
bucket_of(struct address_book *b, const uint8_t key[9])
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t index;

	crypto_shorthash(hash, key, 9, b->secret);
	memcpy(&index, hash, sizeof(index));
	return &b->buckets[index % bucket_count];
}

static struct address_host *
find_key(struct address_book *b, const uint8_t key[9])
{
	struct address_host *e;

	for (e = *bucket_of(b, key); e != NULL; e = e->next)
		if (memcmp(e->key, key, sizeof(e->key)) == 0)
			return e;
	return NULL;
}

static struct address_host *
find(struct address_book *b, const struct address *a)
{
	uint8_t key[9];

	key_of(a, key);
	return find_key(b, key);
}

static struct address_host *
find_or_add(struct address_book *b, const uint8_t key[9])
{
	struct address_host *e = find_key(b, key), **bucket;

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	memcpy(e->key, key, sizeof(e->key));
	bucket = bucket_of(b, key);
	e->next = *bucket;
	*bucket = e;
	return e;
}

/* Takes e out when it says nothing any more. */
static void
drop_if_empty(struct address_book *b, struct address_host *e)
{
	struct address_host **p;

	if (e->sessions > 0 || e->refused_until_ms != 0)
		return;
	for (p = bucket_of(b, e->key); *p != e; p = &(*p)->next)
		continue;
	*p = e->next;
	free(e);
}

enum address_answer
address_enter(struct address_book *b, const struct address *a,
    uint64_t host_max, uint64_t network_max, struct address_host **out)
{
	enum address_answer answer = ADDRESS_IN;
	struct address_host *host, *network;
	uint8_t key[9];

	key_of(a, key);
	host = find_or_add(b, key);
	network_key_of(a, key);
	network = host == NULL ? NULL : find_or_add(b, key);
	if (network == NULL)
		answer = ADDRESS_NO_MEMORY;
	else if (host->sessions >= host_max)
		answer = ADDRESS_HOST_FULL;
	else if (network->sessions >= network_max)
		answer = ADDRESS_NETWORK_FULL;
	if (answer == ADDRESS_IN) {
		host->network = network;
		host->sessions++;
		network->sessions++;
		*out = host;
		return ADDRESS_IN;
	}
	if (host != NULL)
		drop_if_empty(b, host);
	if (network != NULL)
		drop_if_empty(b, network);
	return answer;
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

/* Forgets the refusals that are over. */
static void
sweep(struct address_book *b, int64_t now_ms)
{
	for (size_t i = 0; i < bucket_count; i++) {
		struct address_host *e = b->buckets[i], *next;

		for (; e != NULL; e = next) {
			next = e->next;
			if (e->refused_until_ms == 0 ||
			    e->refused_until_ms > now_ms)
				continue;
			e->refused_until_ms = 0;
			b->refused--;
			drop_if_empty(b, e);
		}
	}
}

/* The refusal that ends next ends now. */
static void
forget_next(struct address_book *b)
{
	struct address_host *next = NULL;

	for (size_t i = 0; i < bucket_count; i++)
		for (struct address_host *e = b->buckets[i]; e != NULL;
		    e = e->next)
			if (e->refused_until_ms != 0 && (next == NULL ||
			    e->refused_until_ms < next->refused_until_ms))
				next = e;
	if (next == NULL)
		return;
	next->refused_until_ms = 0;
	b->refused--;
	drop_if_empty(b, next);
}

void
address_refuse(struct address_book *b, const struct address *a,
    int64_t until_ms)
{
	struct address_host *e;
	uint8_t key[9];

	key_of(a, key);
	e = find_or_add(b, key);
	if (e == NULL)
		return;
	if (e->refused_until_ms == 0 && b->refused++ >= refused_max)
		forget_next(b);
	e->refused_until_ms = until_ms;
}

bool
address_is_refused(struct address_book *b, const struct address *a,
    int64_t now_ms)
{
	struct address_host *e;

	if (b->refused == 0)
		return false;
	e = find(b, a);
	if (e == NULL || e->refused_until_ms == 0)
		return false;
	if (e->refused_until_ms > now_ms)
		return true;
	sweep(b, now_ms);
	return false;
}

static bool
is_host(const struct address_host *e)
{
	return e->key[0] == HOST_4 || e->key[0] == HOST_6;
}

static uint64_t
refused_left(const struct address_host *e, int64_t now_ms)
{
	return e->refused_until_ms > now_ms ?
	    (uint64_t)(e->refused_until_ms - now_ms) : 0;
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
	out->refused_ms = refused_left(e, now_ms);
}

void
address_look(struct address_book *b, const struct address *a,
    int64_t now_ms, struct address_note *out, uint64_t *network_sessions)
{
	const struct address_host *e = find(b, a), *network;
	struct address_host nothing = { 0 };
	uint8_t key[9];

	network_key_of(a, key);
	network = find_key(b, key);
	*network_sessions = network == NULL ? 0 : network->sessions;
	if (e == NULL) {
		key_of(a, nothing.key);
		e = &nothing;
	}
	write_note(e, now_ms, out);
}

/* Puts the note where it belongs among the n that are there. */
static size_t
insert_note(struct address_note *notes, size_t n, size_t max,
    const struct address_note *note, bool refused)
{
	size_t at = n;

	while (at > 0 && (refused ?
	    notes[at - 1].refused_ms < note->refused_ms :
	    notes[at - 1].sessions < note->sessions))
		at--;
	if (at == max)
		return n;
	if (n == max)
		n--;
	memmove(notes + at + 1, notes + at, (n - at) * sizeof(*notes));
	notes[at] = *note;
	return n + 1;
}

size_t
address_top(struct address_book *b, int64_t now_ms, bool refused,
    struct address_note *out, size_t max)
{
	struct address_note note;
	size_t n = 0;

	for (size_t i = 0; i < bucket_count; i++)
		for (const struct address_host *e = b->buckets[i]; e != NULL;
		    e = e->next) {
			if (!is_host(e) || (refused ?
			    refused_left(e, now_ms) : e->sessions) == 0)
				continue;
			/* Most are no longer than the last: no text of them. */
			if (n == max && (n == 0 || (refused ?
			    refused_left(e, now_ms) <= out[n - 1].refused_ms :
			    e->sessions <= out[n - 1].sessions)))
				continue;
			write_note(e, now_ms, &note);
			n = insert_note(out, n, max, &note, refused);
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
