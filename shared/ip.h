/* IP addresses, read strictly: all of the text, IPv4 in one spelling.  Pure. */
#ifndef SHARED_IP_H
#define SHARED_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/span.h"

enum { ip_text_max_bytes = 45 };	/* IPv6 in full, ending in IPv4 */

struct ip {
	uint8_t		ipv6;		/* 0 or 1 */
	uint8_t		ip[16];		/* IPv4: the first four octets */
};

/* Four numbers without leading zeros; no other form of inet_aton(3). */
bool	ip_parse_v4(struct span in, uint8_t out[4]);
/* All three forms of RFC 4291 2.2; no zone. */
bool	ip_parse_v6(struct span in, uint8_t out[16]);
/* Either family.  Of IPv4 the other octets are 0. */
bool	ip_parse(struct span in, struct ip *out);
/* The address in 4 or 16 octets; an IPv4-mapped one becomes IPv4. */
struct ip ip_from(bool ipv6, const void *octets);
/* As text. */
const char *ip_text(const struct ip *ip, char out[ip_text_max_bytes + 1]);
/* Fills *out for bind(2) or connect(2); returns its length. */
socklen_t ip_sockaddr(const struct ip *ip, uint16_t port,
	    struct sockaddr_storage *out);
/* Do the first bits of ip equal those of net, an address of its family? */
bool	ip_within(const uint8_t *ip, const uint8_t *net, unsigned bits);

/* Who may be reached under an address (RFC 6890). */
enum ip_reach {
	IP_PUBLIC,
	IP_PRIVATE,		/* of an organization, or a provider's NAT */
	IP_SPECIAL		/* this host, this link, many hosts, nobody */
};

/* An IPv6 address that hides an IPv4 address has the reach of that. */
enum ip_reach ip_reach(const struct ip *ip);
/* IPv4-mapped (RFC 4291 2.5.5.2): the last four octets are the IPv4 address. */
bool	ip_is_mapped(const uint8_t ip[16]);

#endif
