/*
 * Payloads of the records between the master and a worker that sends mail: a
 * relay worker has one connection to a host, a report worker writes a DSN.
 * Rows of the table in shared/ipc_table.h.
 *
 * Texts of the other side are octets that the master never reads: it stores
 * them and hands them on, and who shows them escapes them.
 */
#ifndef SHARED_IPC_RELAY_H
#define SHARED_IPC_RELAY_H

#include "shared/ipc_session.h"

enum {
	relay_rcpts_max = 100,		/* of one transaction */
	relay_text_bytes = 512,		/* kept of a reply */
	relay_all = 0xffff,		/* every recipient without an outcome */
	/* A worker keeps to these, and the master kills one that does not. */
	relay_patience_ms = 600000,	/* no reply takes longer */
	relay_greeting_max_ms = 900000	/* to the last EHLO */
};
/* Half an hour, and the time of a slow line for so many octets. */
#define relay_letter_max_ms(octets) (1800000 + (int64_t)(octets) * 2)

/* How far a connection or a transaction came. */
#define RELAY_STAGES(X, P)						\
	X(P, DNS, "DNS")						\
	X(P, CONNECT, "connect")					\
	X(P, GREETING, "greeting")					\
	X(P, EHLO, "EHLO")						\
	X(P, STARTTLS, "STARTTLS")					\
	X(P, MAIL, "MAIL")						\
	X(P, RCPT, "RCPT")						\
	X(P, DATA, "DATA")						\
	X(P, DOT, "final dot")						\
	X(P, QUIT, "QUIT")
enum relay_stage { RELAY_STAGES(IPC_ENUM, RELAY_) RELAY_STAGE_COUNT };

/* What the outcome is: a reply with its code, or why there is none. */
#define RELAY_ENDS(X, P)						\
	X(P, REPLY, "reply")						\
	X(P, REFUSED, "no connection")					\
	X(P, TIMEOUT, "no answer in time")				\
	X(P, LOST, "connection lost")					\
	X(P, SYNTAX, "not an SMTP reply")				\
	X(P, TLS, "TLS failed")						\
	X(P, NO_8BIT, "8BITMIME is not offered, and the message needs it") \
	X(P, NO_UTF8, "SMTPUTF8 is not offered, and the message needs it") \
	X(P, TOO_BIG, "the message is larger than SIZE permits")	\
	X(P, LOCAL, "local trouble")					\
	X(P, STOPPED, "smtpd stops")					\
	X(P, DAMAGED, "its file in the queue is cut or was changed")	\
	X(P, NO_DOMAIN, "no such domain")				\
	X(P, NO_MAIL, "the domain takes no mail (null MX)")		\
	X(P, NO_HOST, "the domain names no host with an address")	\
	X(P, OURSELVES, "the way leads back to this host")		\
	X(P, NO_DNS, "DNS gave no answer")				\
	X(P, TOO_OLD, "not delivered in time")
enum relay_end { RELAY_ENDS(IPC_ENUM, RELAY_END_) RELAY_END_COUNT };

/*
 * One outcome: of recipient index (in the order of RCPT_TO), of all that have
 * none yet (relay_all), or of the connection.  code 0: no reply.  The enhanced
 * status (RFC 3463) is 0.0.0 where the reply had none.
 */
struct ipc_outcome {
	uint16_t	index;
	uint8_t		stage;		/* enum relay_stage */
	uint8_t		end;		/* enum relay_end */
	uint16_t	code;		/* 200 to 599; or 0 */
	uint16_t	enhanced[3];	/* class 2, 4 or 5; each below 1000 */
	uint16_t	n;
	/* Lines without the code, "\n" between; an enhanced status is there. */
	uint8_t		text[relay_text_bytes];
};

/* What a relay worker may do about TLS. */
enum relay_tls {
	RELAY_TLS_NONE,		/* plain text: TLS failed before */
	RELAY_TLS_MAY,		/* if offered; certificates are not checked */
	RELAY_TLS_MUST,		/* the same, but never in plain text */
	RELAY_TLS_COUNT
};

/* Carries the connected socket: one connection to one host. */
struct ipc_client {
	uint8_t		tls;		/* enum relay_tls */
	char		helo[smtp_domain_max_bytes + 1];
	char		host[smtp_domain_max_bytes + 1]; /* for SNI; or "" */
	uint32_t	patience_ms;	/* longest (RFC 5321 4.5.3.2) */
};

/* The host greeted, and TLS is as it will be: letters may come. */
enum relay_offer {
	RELAY_OFFERS_8BITMIME = 1 << 0, RELAY_OFFERS_SMTPUTF8 = 1 << 1,
	RELAY_OFFERS_DSN = 1 << 2, RELAY_OFFERS_PIPELINING = 1 << 3,
	RELAY_OFFERS_SIZE = 1 << 4, RELAY_OFFERS_TLS = 1 << 5,
	RELAY_OFFERS_ALL = (1 << 6) - 1
};
struct ipc_greeted {
	uint32_t	offers;		/* bits of enum relay_offer */
	uint32_t	rcpt_max;	/* LIMITS RCPTMAX (RFC 9422); 0: none */
	uint32_t	mail_max;	/* LIMITS MAILMAX; 0: none */
	struct ipc_tls	tls;
};

/* Carries the file, read-only; count records RCPT_TO follow. */
struct ipc_letter {
	struct mailbox	from;
	uint64_t	at;		/* first octet to be sent */
	uint64_t	size;		/* octets from there, LF line ends */
	uint64_t	lines;		/* so many LF: each becomes CRLF */
	uint8_t		flags;		/* bits of enum content_flag */
	uint8_t		smtputf8;	/* as the client said */
	uint8_t		ret;		/* enum dsn_ret */
	uint16_t	count;		/* 1 to relay_rcpts_max */
	char		envid[dsn_envid_max_bytes + 1];
};

/* ---- reports (RFC 3464) ------------------------------------------------- */

#define REPORT_KINDS(X, P)						\
	X(P, FAILED, "failed")						\
	X(P, DELAYED, "delayed")					\
	X(P, RELAYED, "relayed")					\
	X(P, LOCAL, "local")						\
	X(P, DELIVERED, "delivered")
enum report_kind { REPORT_KINDS(IPC_ENUM, REPORT_) REPORT_KIND_COUNT };

/*
 * Carries the file of the message, read-only.  The worker asks for its own with
 * BEGIN; behind FILE all recipients come twice, each as RCPT_TO and FACT: for
 * the text that a person reads, and for the fields, so that it keeps none.
 * LOCAL is the message itself, without recipients: a copy for Maildirs.
 */
struct ipc_report {
	uint8_t		kind;		/* enum report_kind */
	uint8_t		ret;		/* enum dsn_ret */
	char		envid[dsn_envid_max_bytes + 1];
	struct mailbox	to;		/* its sender, who gets the report */
	int64_t		arrived_s;	/* seconds since 1970 */
	int64_t		until_s;	/* of DELAYED: tries end then */
	uint64_t	at;		/* first octet of its header */
	uint64_t	size;		/* octets from there; 0: left out */
	uint32_t	count;		/* of recipients, at least 1 */
	uint8_t		utf8;		/* one of these is not ASCII */
	uint8_t		flags;		/* bits of enum content_flag */
};

/* What was the last outcome of the recipient before it. */
struct ipc_fact {
	struct ipc_outcome	outcome;
	int64_t			tried_s;	/* 0: never */
	/* The remote MTA; "": none. */
	char			host[smtp_domain_max_bytes + 1];
};

#endif
