/*
 * Payloads of the records between the master and a worker, about one client's
 * session or about name servers.  Rows of the table in shared/ipc_table.h.
 */
#ifndef SHARED_IPC_SESSION_H
#define SHARED_IPC_SESSION_H

#include "shared/envelope.h"
#include "shared/ipc_process.h"
#include "shared/smtp_reply.h"

enum {
	ipc_id_bytes = 16,	/* of a session or a message */
	ipc_authors_max = 100,	/* addresses in From and Sender */
	ipc_unknown_times = 10,	/* unknown recipients per error */
	ipc_traces_max = 512,	/* kept of one session */
	ipc_trace_bytes = 1024,
	/* "alice@example.org", or any name in the catcher; NUL included */
	login_name_max_bytes = smtp_local_max_bytes + 1 +
	    smtp_domain_max_bytes + 1
};

/* When AUTH is offered on the client's listener. */
enum ipc_auth {
	IPC_AUTH_NOT,
	IPC_AUTH_ALWAYS,		/* the catcher */
	IPC_AUTH_SUBMISSION,		/* under TLS, and before MAIL */
	IPC_AUTH_COUNT
};

/*
 * Carries the client's socket; or, where input and output differ (smtpd -i
 * between pipes), the input, and OUTPUT before it carries the output.
 */
struct ipc_session {
	uint32_t	idle_timeout_s;
	uint32_t	auth;		/* enum ipc_auth */
	uint32_t	tls_first;	/* implicit TLS (RFC 8314) */
	uint32_t	proxied;	/* a PROXY header comes first */
	uint32_t	no_tls;		/* now, as sign is missing */
	uint32_t	no_auth;	/* as auth is */
	uint32_t	dsn;		/* RFC 3461 is offered */
};

/* Why the time that a client may be silent has changed. */
enum stress {
	STRESS_NONE,		/* the usual timeout */
	STRESS_FULL,		/* the pool fills */
	STRESS_EVICT,		/* another client needs the slot */
	STRESS_END,		/* the server shuts down */
	STRESS_COUNT
};

/* At any time in a session: how long the client may be silent from now on. */
struct ipc_stress {
	uint32_t	idle_timeout_ms;
	uint32_t	why;		/* enum stress */
};

/* MAIL, and the name from HELO. */
struct ipc_mail {
	struct mailbox	from;
	uint64_t	size;		/* SIZE=; 0: not given */
	uint8_t		esmtp;		/* EHLO, not HELO */
	uint8_t		smtputf8;
	uint8_t		body_8bit;
	char		helo[smtp_domain_max_bytes + 1];
	uint8_t		ret;		/* enum dsn_ret */
	char		envid[dsn_envid_max_bytes + 1];	/* decoded */
};

/* The worker's file is complete. */
struct ipc_commit {
	uint64_t	size;		/* octets of what it wrote */
	uint64_t	lines;		/* so many of them are LF */
	uint8_t		flags;		/* bits of enum content_flag */
};

struct ipc_verdict {
	uint32_t	reply;		/* enum smtp_reply */
	uint32_t	held_back_ms;	/* by the worker: slows guessing */
	uint32_t	dsn;		/* as of SESSION; to PROXY */
	char		id[ipc_id_bytes + 1];	/* of a stored message */
};

struct ipc_end {
	uint32_t	end;
	uint32_t	commands;
	uint32_t	errors;
	uint64_t	octets_in;
	uint64_t	octets_out;
};

enum ipc_trace_kind {
	IPC_TRACE_SERVER,
	IPC_TRACE_CLIENT,
	IPC_TRACE_REMARK,	/* the worker's, about what happened */
	IPC_TRACE_KIND_COUNT
};

/* One line or piece that was read or written, or a remark. */
struct ipc_trace {
	uint32_t	ms;		/* since the session began */
	uint8_t		kind;
	uint16_t	n;
	uint8_t		octets[ipc_trace_bytes];
};

/* The client's AUTH.  Each process wipes its copy after use. */
struct ipc_login {
	uint8_t		mechanism;	/* enum sasl_mechanism */
	char		name[sasl_name_max_bytes + 1];	/* not "" */
	char		as[sasl_name_max_bytes + 1];	/* authzid; or "" */
	char		password[sasl_password_max_bytes + 1];	/* not "" */
};

/*
 * What a handshake agreed on, as words of letters, digits, "_" and ".": the
 * version, "TLSv1.3", or "" where there is no TLS; the cipher suite in IANA's
 * registry, which RFC 8314 4.3 wants in Received.
 */
struct ipc_tls {
	char		version[8];
	char		suite[56];
};

/* The client; not given by LOCAL and UNKNOWN. */
struct ipc_proxy {
	struct ip	ip;
	uint8_t		given;
	uint16_t	port;
};

/* ---- name servers -------------------------------------------------------- */

enum {
	resolve_servers_max = 3,
	resolve_hosts_max = 16,		/* of one route */
	resolve_addresses_max = 8,	/* of one host */
	resolve_lookups_max = 128	/* open, of one worker */
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
	struct ip	addresses[resolve_addresses_max];
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
