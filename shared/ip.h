/*
 * IP addresses as text, read strictly: in one spelling for each octet, and
 * nothing behind it.  Pure.
 */
#ifndef SHARED_IP_H
#define SHARED_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/span.h"

enum { ip_text_max_bytes = 45 };	/* "::ffff:" and so on, in full */

/* Four numbers without zeros in front; no other form of inet_aton(3). */
bool	ip_parse_v4(struct span in, uint8_t out[4]);
/* RFC 4291 2.2, all three forms; no zone behind it. */
bool	ip_parse_v6(struct span in, uint8_t out[16]);
/* Either; *ipv6 says which.  IPv4 in the first four octets, the rest zero. */
bool	ip_parse(struct span in, bool *ipv6, uint8_t out[16]);
/* For the calls of a socket: *out is filled; its length. */
socklen_t ip_sockaddr(bool ipv6, const uint8_t *ip, uint16_t port,
	    struct sockaddr_storage *out);
/* An IPv4 address in IPv6 (RFC 4291 2.5.5.2): its last four octets. */
bool	ip_is_mapped(const uint8_t ip[16]);

#endif
