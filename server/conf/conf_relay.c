/*
 * The "relay" block and the "resolver" lines: who may send mail out, over which
 * host, and the name servers that are asked.
 */
#include "server/conf/conf_relay.h"

#include <stdlib.h>
#include <string.h>

#include "server/conf/conf.h"
#include "server/conf/conf_parse.h"

bool
conf_range_has(const struct conf_range *range, bool ipv6, const uint8_t *ip)
{
	size_t n = range->bits / 8U, rest = range->bits % 8U;

	return range->ipv6 == ipv6 && memcmp(ip, range->ip, n) == 0 &&
	    (rest == 0 || (ip[n] ^ range->ip[n]) >> (8 - rest) == 0);
}

unsigned
conf_relay_permits(const struct conf *conf, const char *user, bool ipv6,
    const uint8_t *ip)
{
	const struct conf_relay *relay = &conf->relay;

	if (user[0] != '\0' && relay->authenticated != 0)
		return relay->authenticated;
	for (size_t i = 0; i < relay->from_count; i++)
		if (conf_range_has(&relay->from[i], ipv6, ip))
			return relay->from[i].line;
	return 0;
}

/* Is name domain, or with a "." in front of domain below it? */
static bool
route_has(const char *domain, const char *name)
{
	size_t n = strlen(name), end = strlen(domain);

	if (domain[0] != '.' || n < end)
		return strcmp(domain + (domain[0] == '.'), name) == 0;
	return strcmp(name + n - end, domain) == 0;
}

const struct conf_via *
conf_relay_via(const struct conf *conf, struct span domain)
{
	const struct conf_relay *relay = &conf->relay;
	const struct conf_via *via = &relay->via;
	char name[punycode_domain_bytes];
	size_t longest = 0;

	for (size_t i = 0; punycode_domain(domain, name) &&
	    i < relay->route_count; i++) {
		const char *of = relay->routes[i].domain;
		/* A name itself beats the same with its subdomains. */
		size_t n = 2 * strlen(of) - (of[0] == '.' ? 3 : 0);

		if (n > longest && route_has(of, name)) {
			longest = n;
			via = &relay->routes[i].via;
		}
	}
	return via->host == NULL ? NULL : via;
}

void
conf_relay_free(struct conf_relay *relay)
{
	for (size_t i = 0; i < relay->route_count; i++) {
		free(relay->routes[i].domain);
		free(relay->routes[i].via.host);
	}
	free(relay->routes);
	free(relay->via.host);
	free(relay->from);
	for (size_t i = 0; i < 2; i++)
		free(relay->sources[i].name);
}
