/*
 * Answers of name servers, octet by octet, for check_dns and check_resolve.
 */
#ifndef T_UNIT_DNS_CASE_H
#define T_UNIT_DNS_CASE_H

#include <string.h>

#include "worker/dns.h"

static uint8_t m[65536];	/* the answer */
static size_t n;

static void
add(const void *p, size_t size)
{
	if (n + size > sizeof(m))
		return;
	memcpy(m + n, p, size);
	n += size;
}

static void
add16(unsigned v)
{
	const uint8_t p[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	add(p, 2);
}

/* "a.example" as it is on the wire; "@": a pointer to the question's name. */
static inline void
add_name(const char *name)
{
	const char *dot;

	if (name[0] == '@') {
		add16(0xc00c);
		return;
	}
	for (; *name != '\0'; name = *dot == '.' ? dot + 1 : dot) {
		uint8_t len;

		dot = name + strcspn(name, ".");
		len = (uint8_t)(dot - name);
		add(&len, 1);
		add(name, len);
	}
	add("", 1);
}

static size_t
begin_record(const char *owner, unsigned type, uint32_t ttl)
{
	add_name(owner);
	add16(type);
	add16(1);
	add16(ttl >> 16);
	add16(ttl & 0xffff);
	add16(0);
	return n;
}

static void
end_record(size_t begun)
{
	m[begun - 2] = (uint8_t)((n - begun) >> 8);
	m[begun - 1] = (uint8_t)(n - begun);
	m[7]++;
	m[6] = (uint8_t)(m[6] + (m[7] == 0));
}

static inline void
add_mx(const char *owner, uint32_t ttl, unsigned preference, const char *host)
{
	size_t begun = begin_record(owner, DNS_MX, ttl);

	add16(preference);
	add_name(host);
	end_record(begun);
}

static inline void
add_a(const char *owner, uint32_t ttl, uint8_t last)
{
	size_t begun = begin_record(owner, DNS_A, ttl);
	const uint8_t ip[4] = { 192, 0, 2, last };

	add(ip, 4);
	end_record(begun);
}

static inline void
add_cname(const char *owner, uint32_t ttl, const char *target)
{
	size_t begun = begin_record(owner, DNS_CNAME, ttl);

	add_name(target);
	end_record(begun);
}

#endif
