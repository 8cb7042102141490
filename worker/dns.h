/*
 * Questions to name servers, and their answers (RFC 1035, 2308, 6891).  Pure.
 *
 * Whoever sends an answer may want anything: it is read as far as it answers
 * the question, and no further.  The additional section is not believed.
 */
#ifndef WORKER_DNS_H
#define WORKER_DNS_H

#include "shared/ipc_session.h"

enum {
	dns_query_max_bytes = 12 + 255 + 4 + 11,
	dns_udp_max_bytes = 1232,	/* as the query says */
	dns_cnames_max = 8,		/* in a row */
	dns_records_max = 1024		/* of one answer, of any kind */
};

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_MX = 15,
	DNS_AAAA = 28
};

/*
 * Writes a query for that type of name, a host name in ASCII; mix: the case of
 * its letters, which an answer has to repeat; edns: permits answers of 1232
 * octets.  Returns its length; 0: name is none.
 */
size_t	dns_query(uint16_t id, struct span name, enum dns_type type,
	    uint32_t mix, bool edns, uint8_t out[dns_query_max_bytes]);

struct dns_addresses {
	enum resolve_status	status;
	size_t			count;
	struct ip		ip[resolve_addresses_max];
};

/* Only what belongs to the name, or to what its CNAMEs lead to. */
struct dns_answer {
	enum resolve_status	status;	/* not RESOLVE_TROUBLE */
	bool			secure;	/* AD (RFC 4035 3.2.3) */
	uint32_t		ttl_s;	/* the least; of nothing: the most */
	size_t			hosts;	/* of MX, the best, in order: */
	struct ipc_host		host[resolve_hosts_max]; /* no addresses */
	struct dns_addresses	addresses;
};

enum dns_read {
	DNS_ANSWERED,	/* *out is the answer */
	DNS_FOREIGN,	/* no answer to this query: wait on */
	DNS_FAILED	/* a broken answer, a cut one, or none: ask again over
			   TCP, without EDNS, or another server */
};

/*
 * Fills in addresses and status of a host, from the answers for each family;
 * the same one twice, if one family was asked for.
 */
void	dns_join(const struct dns_addresses *v4,
	    const struct dns_addresses *v6, struct ipc_host *host);

/* Reads message, which came from the server that query was sent to. */
enum dns_read	dns_read(struct span query, struct span message,
		    struct dns_answer *out);

#endif
