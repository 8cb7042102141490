/*
 * A range of addresses as it stands in a configuration: "192.0.2.0/24",
 * "2001:db8::/32", or one address.  Pure.
 */
#ifndef SERVER_CONF_RANGE_H
#define SERVER_CONF_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/span.h"

struct conf_range {
	bool		ipv6;
	uint8_t		bits;	/* of the prefix; what follows is zero */
	uint8_t		ip[16];	/* IPv4 in the first four */
};

/*
 * NULL; or what is wanted instead, for the end of a message.  Nothing is
 * repaired: a prefix has one spelling, and no bits are set behind it.
 */
const char *conf_range_parse(struct span in, struct conf_range *out);
/*
 * So wide that it can only be a slip: an IPv4 prefix shorter than 8 bits, an
 * IPv6 one shorter than 16.
 */
bool	conf_range_is_world(const struct conf_range *r);
/* ip: four octets, or 16 with ipv6, where no IPv4 is mapped. */
bool	conf_range_contains(const struct conf_range *r, bool ipv6,
	    const uint8_t *ip);

#endif
