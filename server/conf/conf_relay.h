/* The "relay" block and the "resolver" lines in memory. */
#ifndef SERVER_CONF_RELAY_H
#define SERVER_CONF_RELAY_H

#include "shared/ipc_relay.h"

struct conf;

/* A host, or a network: "ADDRESS[/BITS]". */
struct conf_range {
	struct ip	 ip;		/* zero behind the prefix */
	uint8_t		 bits;		/* of the prefix */
	unsigned	 line;		/* of the configuration */
};

/* "via HOST port N": mail goes to that host, whatever the MX records say. */
struct conf_via {
	char		*host;		/* ASCII; a name has a dot */
	bool		 is_ip;		/* host is ip as it was written */
	struct ip	 ip;
	uint16_t	 port;
	unsigned	 line;
};

/* "for DOMAIN via ...". */
struct conf_route {
	char		*domain;	/* A-labels; a "." in front: with its
					   subdomains */
	struct conf_via	 via;		/* host NULL: by MX */
};

/* "source ADDRESS [as NAME]". */
struct conf_source {
	struct ip	 ip;
	char		*name;		/* for EHLO; NULL: hostname */
	unsigned	 line;		/* 0: none of this family */
};

/* "resolver ADDRESS [port N] [trusted]". */
struct conf_resolver {
	struct ip	 ip;
	uint16_t	 port;
	bool		 believed;	/* its AD bit */
	unsigned	 line;		/* 0: of /etc/resolv.conf */
};

struct conf_relay {
	unsigned		 line;	/* 0: no block, and no mail leaves */
	unsigned		 authenticated;	/* line of that word; or 0 */
	struct conf_range	*from;	/* in the order of the file */
	size_t			 from_count;
	struct conf_via		 via;	/* of all others; host NULL: by MX */
	struct conf_route	*routes; /* in the order of the file */
	size_t			 route_count;
	struct conf_source	 sources[2];	/* IPv4, IPv6 */
	bool			 ipv6;		/* may be used */
	bool			 private_mx;	/* in private networks */
	uint8_t			 tls;	/* enum relay_tls */
	uint64_t		 give_up_after_s;
	uint64_t		 tell_delay_after_s;
	struct conf_resolver	 resolvers[resolve_servers_max];
	size_t			 resolver_count;
};

/* The line that lets user ("": nobody) or ip send; 0: none. */
unsigned conf_relay_permits(const struct conf *conf, const char *user,
	    const struct ip *ip);
/* The way of mail for domain; by MX host is NULL. */
const struct conf_via *conf_relay_via(const struct conf *conf,
	    struct span domain);
/* Without "resolver": those of before; NULL: of resolv.conf, or 127.0.0.1. */
void	conf_relay_find_resolvers(struct conf *conf,
	    const struct conf *before);
/* Is ip in the range? */
bool	conf_range_has(const struct conf_range *range, const struct ip *ip);

#endif
