/*
 * Payloads of the records between the master and dial, and a worker that asks
 * name servers.  Rows of the table in shared/ipc_table.h.
 */
#ifndef SHARED_IPC_RESOLVE_H
#define SHARED_IPC_RESOLVE_H

#include "shared/ipc_words.h"
#include "shared/smtp_syntax.h"

enum {
	resolve_servers_max = 3,
	resolve_hosts_max = 16,		/* of one route */
	resolve_addresses_max = 8,	/* of one host */
	resolve_lookups_max = 128	/* open, of one worker */
};

struct ipc_ip {
	uint8_t		ipv6;
	uint8_t		ip[16];		/* IPv4: the first four octets */
};

enum {
	dial_calls_max = 256,		/* connections under way */
	dial_patience_max_ms = 10 * 60 * 1000
};

/* Connect to this address; from source, if it has one. */
struct ipc_dial {
	uint64_t	ticket;
	struct ipc_ip	to;
	struct ipc_ip	source;
	uint16_t	port;
	uint8_t		udp;
	uint8_t		has_source;
	uint32_t	patience_ms;
};

enum resolve_kind {
	RESOLVE_MX,		/* MX, or the name itself; then addresses */
	RESOLVE_HOST,		/* addresses of the name only */
	RESOLVE_KIND_COUNT
};

/* Carries a socket that is connected to a name server. */
struct ipc_lookup {
	uint64_t	ticket;
	uint32_t	timeout_ms;	/* for MX, and then for addresses */
	uint8_t		kind;		/* enum resolve_kind */
	uint8_t		ipv6;		/* ask for AAAA, too */
	uint8_t		tcp;
	uint8_t		last;		/* try: without EDNS and capitals, and
					   what is known has to do */
	char		name[smtp_domain_max_bytes + 1];	/* A-labels */
};

#define RESOLVE_STATUSES(X, P)						\
	X(P, OK, "ok")							\
	X(P, NO_DOMAIN, "NXDOMAIN")	/* permanent */			\
	X(P, NO_DATA, "no such record")	/* permanent, for a host */	\
	X(P, NULL_MX, "null MX")	/* permanent (RFC 7505) */	\
	X(P, TROUBLE, "no answer, or a broken one")
enum resolve_status {
	RESOLVE_STATUSES(IPC_ENUM, RESOLVE_) RESOLVE_STATUS_COUNT
};

/* A host of the answer; those of one ticket come in order of preference. */
struct ipc_host {
	uint64_t	ticket;
	uint16_t	preference;
	uint8_t		status;		/* of its addresses: RESOLVE_ */
	uint8_t		count;
	char		name[smtp_domain_max_bytes + 1];
	struct ipc_ip	addresses[resolve_addresses_max];
};

/* Ends a ticket.  With OK, one HOST at least came right before it. */
struct ipc_answer {
	uint64_t	ticket;
	uint32_t	ttl_s;		/* the least of all records */
	uint8_t		status;		/* enum resolve_status */
	uint8_t		implicit;	/* no MX: the name itself */
	uint8_t		secure;		/* every answer had AD */
};

#endif
