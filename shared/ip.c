/*
 * IP addresses as text.
 */
#include "shared/ip.h"

#include <netinet/in.h>

#include <string.h>

/* Takes a number up to 255, without leading zeros, from the front of *in. */
static bool
take_octet(struct span *in, uint8_t *out)
{
	unsigned value = 0;
	size_t n = 0;

	while (n < in->n && n < 4 && in->p[n] >= '0' && in->p[n] <= '9')
		value = value * 10 + (unsigned)(in->p[n++] - '0');
	/* Some parsers read 010 as 8. */
	if (n == 0 || n > 3 || value > 255 || (n > 1 && in->p[0] == '0'))
		return false;
	*out = (uint8_t)value;
	*in = span_skip(*in, n);
	return true;
}

bool
ip_parse_v4(struct span in, uint8_t out[4])
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0) {
			if (in.n == 0 || in.p[0] != '.')
				return false;
			in = span_skip(in, 1);
		}
		if (!take_octet(&in, &out[i]))
			return false;
	}
	return in.n == 0;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a group of 1 to 4 hexadecimal digits.  Their count; 0: no group. */
static size_t
group(struct span in, uint8_t out[2])
{
	unsigned value = 0;
	size_t n = 0;

	while (n < in.n && n < 5 && hex_value(in.p[n]) != -1)
		value = value << 4 | (unsigned)hex_value(in.p[n++]);
	if (n > 4)
		return 0;
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return n;
}

enum { no_gap = 17 };

/* The address as far as it has been read. */
struct reading {
	uint8_t	octets[16];
	size_t	n;
	size_t	gap;		/* octets before "::", or no_gap */
};

/* "::", one or more groups of zeros; once (RFC 4291 2.2). */
static bool
take_gap(struct span *in, struct reading *r)
{
	if (in->n < 2 || in->p[0] != ':' || in->p[1] != ':')
		return false;
	if (r->gap != no_gap)
		return false;
	r->gap = r->n;
	*in = span_skip(*in, 2);
	return true;
}

/* The next group, or an IPv4 address as the last four octets. */
static bool
take_group(struct span *in, struct reading *r)
{
	size_t n;

	if (r->n == 16)
		return false;
	n = group(*in, r->octets + r->n);
	if (n > 0 && n < in->n && in->p[n] == '.') {
		if (r->n > 12 || !ip_parse_v4(*in, r->octets + r->n))
			return false;
		r->n += 4;
		*in = span_skip(*in, in->n);
		return true;
	}
	r->n += 2;
	*in = span_skip(*in, n);
	return n > 0;
}

/* A ":" separates groups, and neither begins nor ends an address. */
static bool
take_colon(struct span *in)
{
	if (in->n < 2 || in->p[0] != ':')
		return false;
	*in = span_skip(*in, 1);
	return true;
}

bool
ip_parse_v6(struct span in, uint8_t out[16])
{
	struct reading r = { .gap = no_gap };
	size_t tail;

	(void)take_gap(&in, &r);
	while (in.n > 0) {
		if (!take_group(&in, &r))
			return false;
		if (in.n > 0 && !take_gap(&in, &r) && !take_colon(&in))
			return false;
	}
	if (r.gap == no_gap ? r.n != 16 : r.n > 14)
		return false;
	tail = r.gap == no_gap ? 0 : r.n - r.gap;
	memset(out, 0, 16);
	memcpy(out, r.octets, r.n - tail);
	memcpy(out + 16 - tail, r.octets + r.n - tail, tail);
	return true;
}

bool
ip_parse(struct span in, bool *ipv6, uint8_t out[16])
{
	memset(out, 0, 16);
	*ipv6 = !ip_parse_v4(in, out);
	return !*ipv6 || ip_parse_v6(in, out);
}

socklen_t
ip_sockaddr(bool ipv6, const uint8_t *ip, uint16_t port,
    struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(out, 0, sizeof(*out));
	in.sin_port = in6.sin6_port = htons(port);
	if (ipv6) {
		memcpy(&in6.sin6_addr, ip, 16);
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	memcpy(&in.sin_addr, ip, 4);
	memcpy(out, &in, sizeof(in));
	return sizeof(in);
}

bool
ip_is_mapped(const uint8_t ip[16])
{
	static const uint8_t front[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, front, sizeof(front)) == 0;
}
