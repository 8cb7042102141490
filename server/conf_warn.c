/*
 * Ranges of addresses that hold more hosts than they seem to.
 */
#include "server/conf_warn.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <stdio.h>

typedef void tell_fn(const struct conf *, unsigned, const char *);

static void
tell_gateway(const struct conf *conf, const struct conf_proxy *p,
    const struct os_gateway *g, tell_fn *tell, const char *keyword,
    const char *then)
{
	char address[INET6_ADDRSTRLEN] = "", text[400];

	inet_ntop(g->ipv6 ? AF_INET6 : AF_INET, g->ip, address,
	    sizeof(address));
	snprintf(text, sizeof(text), "%s holds %s, %s %s: where that "
	    "translates addresses everybody comes in its name, and may %s",
	    keyword, address, g->bridge ? "this host on the bridge" :
	    "the router of", g->name, then);
	tell(conf, p->line, text);
}

/* Each range by each gateway. */
static void
warn_of(const struct conf *conf, const struct conf_proxy *list, size_t n,
    const struct os_gateway *gateways, size_t count, tell_fn *tell)
{
	bool relay = list == conf->relays;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < count; k++)
			if (conf_range_contains(&list[i].range,
			    gateways[k].ipv6, gateways[k].ip))
				tell_gateway(conf, &list[i], &gateways[k],
				    tell, relay ? "relay from" : "proxy-from",
				    relay ? "send through here; name those who "
				    "may alone" : "say that he is somebody "
				    "else; name the proxies alone");
}

void
conf_warn_ranges(const struct conf *conf, const struct os_gateway *gateways,
    size_t count, tell_fn *tell)
{
	warn_of(conf, conf->proxies, conf->proxy_count, gateways, count,
	    tell);
	warn_of(conf, conf->relays, conf->relay_count, gateways, count, tell);
}

static bool
anybody_has_password(const struct conf *conf)
{
	for (size_t i = 0; i < conf->domain_count; i++)
		for (size_t k = 0; k < conf->domains[i].user_count; k++)
			if (conf->domains[i].users[k].stored != NULL)
				return true;
	return false;
}

void
conf_warn_logins(const struct conf *conf, tell_fn *tell)
{
	if (anybody_has_password(conf))
		return;
	for (size_t i = 0; i < conf->listen_count; i++)
		if (conf->listens[i].submission)
			tell(conf, conf->listens[i].line, "nobody can log in "
			    "here: no user has a password, see smtpctl "
			    "passwd");
}
