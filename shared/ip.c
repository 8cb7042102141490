/* IP addresses as text. */
#include "shared/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* inet_pton(3) is as strict as we want to be, and reads to a NUL. */
static bool
parse(int family, struct span in, uint8_t *out)
{
	char text[ip_text_max_bytes + 1] = { 0 };

	if (in.n > ip_text_max_bytes)
		return false;
	if (in.n > 0)
		memcpy(text, in.p, in.n);
	return strlen(text) == in.n && inet_pton(family, text, out) == 1;
}

bool
ip_parse_v4(struct span in, uint8_t out[4])
{
	return parse(AF_INET, in, out);
}

bool
ip_parse_v6(struct span in, uint8_t out[16])
{
	return parse(AF_INET6, in, out);
}

bool
ip_parse(struct span in, struct ip *out)
{
	memset(out, 0, sizeof(*out));
	out->ipv6 = !ip_parse_v4(in, out->ip);
	return !out->ipv6 || ip_parse_v6(in, out->ip);
}

struct ip
ip_from(bool ipv6, const void *octets)
{
	const bool mapped = ipv6 && ip_is_mapped(octets);
	struct ip ip = { .ipv6 = ipv6 && !mapped };

	memcpy(ip.ip, (const uint8_t *)octets + (mapped ? 12 : 0),
	    ip.ipv6 ? 16 : 4);
	return ip;
}

const char *
ip_text(const struct ip *ip, char out[ip_text_max_bytes + 1])
{
	return inet_ntop(ip->ipv6 ? AF_INET6 : AF_INET, ip->ip, out,
	    ip_text_max_bytes + 1);
}

socklen_t
ip_sockaddr(const struct ip *ip, uint16_t port,
    struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(out, 0, sizeof(*out));
	in.sin_port = in6.sin6_port = htons(port);
	if (ip->ipv6) {
		memcpy(&in6.sin6_addr, ip->ip, 16);
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	memcpy(&in.sin_addr, ip->ip, 4);
	memcpy(out, &in, sizeof(in));
	return sizeof(in);
}

bool
ip_is_mapped(const uint8_t ip[16])
{
	static const uint8_t front[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, front, sizeof(front)) == 0;
}

bool
ip_within(const uint8_t *ip, const uint8_t *net, unsigned bits)
{
	const size_t whole = bits / 8;
	const unsigned rest = bits % 8;

	return memcmp(ip, net, whole) == 0 &&
	    (rest == 0 || (ip[whole] ^ net[whole]) >> (8 - rest) == 0);
}

struct net {
	uint8_t		ip[6];
	uint8_t		bits;
	enum ip_reach	reach;
};

/* The reach of the first net that has ip; the last has all. */
static enum ip_reach
look_up(const struct net *net, const uint8_t *ip)
{
	while (!ip_within(ip, net->ip, net->bits))
		net++;
	return net->reach;
}

static enum ip_reach
reach_v4(const uint8_t *ip)
{
	static const struct net nets[] = {
		{ { 0 }, 8, IP_SPECIAL },		/* this network */
		{ { 10 }, 8, IP_PRIVATE },
		{ { 100, 64 }, 10, IP_PRIVATE },	/* RFC 6598 */
		{ { 127 }, 8, IP_SPECIAL },		/* loopback */
		{ { 169, 254 }, 16, IP_SPECIAL },	/* link-local */
		{ { 172, 16 }, 12, IP_PRIVATE },
		{ { 192, 0, 0 }, 24, IP_SPECIAL },	/* protocols */
		{ { 192, 168 }, 16, IP_PRIVATE },
		{ { 198, 18 }, 15, IP_PRIVATE },	/* benchmarks */
		{ { 224 }, 3, IP_SPECIAL },	/* multicast, broadcast */
		{ { 0 }, 0, IP_PUBLIC }
	};

	return look_up(nets, ip);
}

/*
 * Only 2000::/3 has been given to hosts (RFC 4291 2.4), so IPv4-mapped and
 * -compatible addresses, loopback, link-local and multicast need no row.
 */
static enum ip_reach
reach_v6(const uint8_t *ip)
{
	static const struct net nets[] = {
		{ { 0x20, 0x01 }, 32, IP_SPECIAL },	/* Teredo */
		{ { 0x20 }, 3, IP_PUBLIC },
		{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, IP_PRIVATE },
		{ { 0xfc }, 7, IP_PRIVATE },		/* RFC 4193 */
		{ { 0xfe, 0xc0 }, 10, IP_PRIVATE },	/* once site-local */
		{ { 0 }, 0, IP_SPECIAL }
	};
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (memcmp(ip, nat64, sizeof(nat64)) == 0)
		return reach_v4(ip + 12);
	if (ip[0] == 0x20 && ip[1] == 0x02)	/* 6to4 (RFC 3056) */
		return reach_v4(ip + 2);
	return look_up(nets, ip);
}

enum ip_reach
ip_reach(const struct ip *ip)
{
	return ip->ipv6 ? reach_v6(ip->ip) : reach_v4(ip->ip);
}
