/*
 * Ranges of addresses.
 */
#include "server/conf/conf_range.h"

#include <string.h>

#include "server/conf/conf_parse.h"
#include "shared/ip.h"

enum { narrowest_4 = 32, narrowest_6 = 128, widest_4 = 8, widest_6 = 16 };

/* The prefix length behind "/": no leading zero, at most max. */
static bool
parse_bits(struct span in, unsigned max, uint8_t *out)
{
	uint64_t bits;

	if (in.n > 1 && in.p[0] == '0')
		return false;
	if (conf_parse_number(in, conf_units_none, &bits) != CONF_VALUE_OK ||
	    bits > max)
		return false;
	*out = (uint8_t)bits;
	return true;
}

/* Clears the bits behind the prefix. */
static void
mask(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = bits / 8; i < 16; i++)
		ip[i] &= (uint8_t)(i > bits / 8 ? 0 : 0xff00U >> bits % 8);
}

const char *
conf_range_parse(struct span in, struct conf_range *out)
{
	const uint8_t *slash = in.n == 0 ? NULL : memchr(in.p, '/', in.n);
	struct span ip = in;
	uint8_t first[16];

	memset(out, 0, sizeof(*out));
	if (slash != NULL)
		ip.n = (size_t)(slash - in.p);
	if (!ip_parse(ip, &out->ipv6, out->ip))
		return "an IPv4 or IPv6 address, and \"/\" and a number of "
		    "bits for a network";
	if (out->ipv6 && ip_is_mapped(out->ip))
		return "an IPv4 address is written as one";
	out->bits = out->ipv6 ? narrowest_6 : narrowest_4;
	if (slash != NULL && !parse_bits(span_skip(in, ip.n + 1), out->bits,
	    &out->bits))
		return "behind \"/\" a number of bits, at most 32, or 128 "
		    "for IPv6";
	memcpy(first, out->ip, sizeof(first));
	mask(first, out->bits);
	return memcmp(first, out->ip, sizeof(first)) == 0 ? NULL :
	    "bits are set behind the prefix: the first address of a network "
	    "stands for it";
}

bool
conf_range_is_world(const struct conf_range *r)
{
	return r->bits < (r->ipv6 ? widest_6 : widest_4);
}

bool
conf_range_contains(const struct conf_range *r, bool ipv6, const uint8_t *ip)
{
	uint8_t first[16] = { 0 };

	memcpy(first, ip, ipv6 ? 16 : 4);
	mask(first, r->bits);
	return r->ipv6 == ipv6 && memcmp(first, r->ip, sizeof(first)) == 0;
}
