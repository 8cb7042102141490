/*
 * IP addresses as text.
 */
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
