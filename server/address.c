/*
 * The address book: a hash table keyed so that no stranger can choose which
 * addresses collide.  An entry lives while it says something.
 */
#include "server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { bucket_count = 4096, refused_max = 4096 };

struct entry {
	struct entry	*next;
	uint8_t		 key[9];	/* family, then IPv4 or /64 */
	uint64_t	 sessions;
	int64_t		 refused_until_ms;	/* 0: not */
};

struct address_book {
	uint8_t		 secret[crypto_shorthash_KEYBYTES];
	size_t		 refused;
	struct entry	*buckets[bucket_count];
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
	key[0] = a->ipv6 ? 6 : 4;
	memcpy(key + 1, a->ip, a->ipv6 ? 8 : 4);
}

static struct entry **
bucket_of(struct address_book *b, const uint8_t key[9])
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t index;

	crypto_shorthash(hash, key, 9, b->secret);
	memcpy(&index, hash, sizeof(index));
	return &b->buckets[index % bucket_count];
}

static struct entry *
find(struct address_book *b, const struct address *a)
{
	struct entry *e;
	uint8_t key[9];

	key_of(a, key);
	for (e = *bucket_of(b, key); e != NULL; e = e->next)
		if (memcmp(e->key, key, sizeof(e->key)) == 0)
			return e;
	return NULL;
}

static struct entry *
find_or_add(struct address_book *b, const struct address *a)
{
	struct entry *e = find(b, a), **bucket;

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	key_of(a, e->key);
	bucket = bucket_of(b, e->key);
	e->next = *bucket;
	*bucket = e;
	return e;
}

/* Takes e out when it says nothing any more. */
static void
drop_if_empty(struct address_book *b, struct entry *e)
{
	struct entry **p;

	if (e->sessions > 0 || e->refused_until_ms != 0)
		return;
	for (p = bucket_of(b, e->key); *p != e; p = &(*p)->next)
		continue;
	*p = e->next;
	free(e);
}

bool
address_enter(struct address_book *b, const struct address *a, uint64_t max)
{
	struct entry *e = find_or_add(b, a);

	if (e == NULL || e->sessions >= max)
		return false;
	e->sessions++;
	return true;
}

void
address_leave(struct address_book *b, const struct address *a)
{
	struct entry *e = find(b, a);

	if (e == NULL || e->sessions == 0)
		return;
	e->sessions--;
	drop_if_empty(b, e);
}

/* Forgets the refusals that are over. */
static void
sweep(struct address_book *b, int64_t now_ms)
{
	for (size_t i = 0; i < bucket_count; i++) {
		struct entry *e = b->buckets[i], *next;

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

void
address_refuse(struct address_book *b, const struct address *a,
    int64_t until_ms)
{
	struct entry *e;

	if (b->refused >= refused_max)
		return;
	e = find_or_add(b, a);
	if (e == NULL)
		return;
	if (e->refused_until_ms == 0)
		b->refused++;
	e->refused_until_ms = until_ms;
}

bool
address_is_refused(struct address_book *b, const struct address *a,
    int64_t now_ms)
{
	struct entry *e;

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
