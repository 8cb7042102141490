/*
 * A range of addresses in a configuration: "192.0.2.0/24", "2001:db8::/32", or
 * one address.  Pure.
 */
#ifndef SERVER_CONF_RANGE_H
#define SERVER_CONF_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/span.h"

struct conf_range {
	bool		ipv6;
	uint8_t		bits;	/* of the prefix; later bits are zero */
	uint8_t		ip[16];	/* IPv4 in the first four */
};

/*
 * NULL; or the expected form, for the end of a message.  Strict: a prefix
 * length has one spelling, and no bits may be set behind the prefix.
 */
const char *conf_range_parse(struct span in, struct conf_range *out);
/*
 * True for a range so wide that it must be a mistake: an IPv4 prefix shorter
 * than 8 bits, an IPv6 prefix shorter than 16.
 */
bool	conf_range_is_world(const struct conf_range *r);
/* ip: four octets, or with ipv6 16, which are not IPv4-mapped. */
bool	conf_range_contains(const struct conf_range *r, bool ipv6,
	    const uint8_t *ip);

#endif
