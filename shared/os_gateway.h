/*
 * Addresses in whose name many hosts may come to this one: a router that
 * translates addresses, or this host's own on the bridge of its containers.
 */
#ifndef SHARED_OS_GATEWAY_H
#define SHARED_OS_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { os_gateways_max = 64, os_gateway_name_bytes = 17 };

struct os_gateway {
	bool	ipv6;
	bool	bridge;			/* else a router */
	uint8_t	ip[16];			/* IPv4 in the first four */
	char	name[os_gateway_name_bytes];	/* of the interface */
};

/*
 * Fills out; how many there are, as far as this system tells: routers where
 * there is a /proc/net, bridges by the names that they are given.  Not for a
 * process that is held.
 */
size_t	os_gateways(struct os_gateway out[os_gateways_max]);

#endif
