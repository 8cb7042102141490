/*
 * The value of "proxy-from ADDRESS[/BITS]": from where a connection begins
 * with a PROXY header, which is believed.
 */
#ifndef SERVER_CONF_PROXY_H
#define SERVER_CONF_PROXY_H

#include "server/conf/conf_keyword.h"

enum { conf_proxies_max = 64 };

/* Adds a range to conf.  False: *fault says why. */
bool	conf_proxy_set(const struct conf_word *word, unsigned line,
	    struct conf *conf, struct conf_fault *fault);
/* Is a client's own address one of a proxy?  ip as conf_range_contains. */
bool	conf_proxy_is(const struct conf *conf, bool ipv6, const uint8_t *ip);

#endif
