/*
 * Payloads of the records on the control socket: what smtpctl asks and what
 * the master tells.  The table they stand in is shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_CONTROL_H
#define SHARED_IPC_CONTROL_H

#include <stdint.h>

#include "shared/ipc_mail.h"
#include "shared/ipc_words.h"
#include "shared/smtp_syntax.h"

enum {
	ipc_path_bytes = 1024,		/* with its NUL */
	ipc_address_bytes = 52,		/* "2001:db8:1:2::/64", and a NUL */
	ipc_version_bytes = 32,
	ipc_held_bytes = 128,
	ipc_sessions_max = 1000,	/* told in one answer, at most */
	ipc_addresses_max = 100
};

/* Who is asked of at most so many; what is more is only counted. */
struct ipc_ask_status {
	uint32_t	sessions_max;	/* to ipc_sessions_max */
	uint32_t	addresses_max;	/* to ipc_addresses_max */
};

enum ipc_role { ROLE_MASTER, ROLE_NURSERY, ROLE_WORKER, ROLE_SIGN,
	ROLE_AUTH, ROLE_COUNT };

enum { state_session_count = STATE_WAITING + 1 };	/* those of sessions */

/* Heads the answer to STATUS and to STATS. */
struct ipc_tell_about {
	int64_t		now_s;		/* by the clock, since 1970 */
	uint64_t	uptime_ms;
	uint32_t	counters;	/* COUNTER_COUNT of the sender */
	int32_t		pid;
	char		version[ipc_version_bytes];
	char		hostname[smtp_domain_max_bytes + 1];
};

enum ipc_path_of { PATH_CONF, PATH_ROOT, PATH_PLACE, PATH_OF_COUNT };

/* PLACE: of the steps that follow, as far as they have one. */
struct ipc_tell_path {
	uint32_t	of;
	char		path[ipc_path_bytes];
};

struct ipc_tell_listen {
	uint16_t	port;
	char		address[ipc_address_bytes];
};

/* A certificate that is served; a path may hold anything. */
struct ipc_tell_certificate {
	int64_t		until_s;	/* since 1970 */
	char		name[64];	/* the first it is for */
	char		file[ipc_path_bytes];
};

struct ipc_tell_process {
	int32_t		pid;		/* 0: not known */
	uint32_t	uid;
	uint32_t	role;
	uint32_t	state;
	uint64_t	age_ms;		/* 0: not known */
	char		held[ipc_held_bytes];
};

struct ipc_tell_session {
	int32_t		pid;		/* of its worker; 0: none yet */
	uint32_t	state;
	uint64_t	age_ms;
	uint64_t	stored;		/* messages */
	uint64_t	stored_bytes;
	uint16_t	port;
	char		id[17];
	char		client[ipc_address_bytes];
};

/* A client's address, or its network where that is what counts. */
struct ipc_tell_address {
	uint64_t	sessions;
	uint64_t	refused_ms;	/* still; 0: it is not */
	char		address[ipc_address_bytes];
};

struct ipc_tell_pool {
	uint64_t	sessions[state_session_count];
	uint64_t	idle;		/* workers without a session */
	uint64_t	busy;
	uint64_t	spare;		/* wanted beyond the load */
	uint64_t	coming;		/* asked for, not born yet */
	uint64_t	leaving;	/* let go, not ended yet */
	uint64_t	max;
	uint64_t	per_address;
	uint64_t	refused;	/* addresses, now */
};

struct ipc_tell_disk {
	uint64_t	total_bytes;
	uint64_t	free_bytes;	/* for who is not root */
	uint64_t	reserve_bytes;
	uint64_t	total_inodes;	/* 0: there is no such limit */
	uint64_t	free_inodes;
	uint64_t	reserve_inodes;
	uint8_t		known;		/* 0: it could not be asked */
};

struct ipc_tell_count {
	uint32_t	which;		/* of enum counter */
	uint64_t	value;
};

/* A bucket of a histogram, or the sum of its values. */
struct ipc_tell_bucket {
	uint32_t	which;		/* of enum histogram */
	uint32_t	bucket;		/* UINT32_MAX: the sum */
	uint64_t	value;
};

/*
 * A dry run: MAIL as a client would say it, and where it comes from.  Each
 * question stands for itself; nothing of one is kept for the next.
 */
enum { ipc_reply_bytes = 512 };	/* as a client reads it, without its CRLF */

struct ipc_ask_mail {
	uint8_t		has_client;
	uint8_t		ipv6;
	uint8_t		ip[16];		/* IPv4 in the first four */
	struct ipc_mail	mail;
};

struct ipc_ask_rcpt {
	struct mailbox	to;
	uint32_t	before;		/* recipients of it taken already */
};

/* Where it stands: nowhere, a file as a whole, its line, a default. */
enum ipc_place { PLACE_NONE, PLACE_FILE, PLACE_LINE, PLACE_DEFAULT,
    PLACE_COUNT };

enum { ipc_step_depth_max = 64 };

struct ipc_tell_step {
	uint32_t	step;
	uint32_t	depth;		/* of aliases, from 0 */
	uint32_t	place;
	uint32_t	line;
	uint64_t	a;
	uint64_t	b;
	struct mailbox	who;		/* null where there is nobody */
};

/* Behind the steps that led to it. */
struct ipc_tell_reply {
	uint8_t		accepted;
	char		text[ipc_reply_bytes];
};

enum ipc_refusal { REFUSAL_USER, REFUSAL_BUSY, REFUSAL_COUNT };

struct ipc_tell_refused {
	uint32_t	why;
};

/* The last record of every answer. */
struct ipc_tell_end {
	uint8_t		cut;		/* more than one answer holds */
};

/*
 * Rows of IPC_RECORDS.  An answer is any number of TELL records, the last of
 * them END; or one REFUSED, and the connection is closed.
 */
#define IPC_CONTROL_RECORDS(X)						\
	X(ASK_STATUS, IPC_FROM_CONTROL, ask_status, 0, IPC_AT_ASK)	\
	X(ASK_STATS, IPC_FROM_CONTROL, nothing, 0, IPC_AT_ASK)		\
	X(TELL_REFUSED, IPC_TO_CONTROL, tell_refused, 0, IPC_AT_ASK)	\
	X(TELL_END, IPC_TO_CONTROL, tell_end, 0, IPC_AT_ASK)		\
	X(TELL_ABOUT, IPC_TO_CONTROL, tell_about, 0, IPC_AT_ASK)	\
	X(TELL_PATH, IPC_TO_CONTROL, tell_path, 0, IPC_AT_ASK)		\
	X(TELL_LISTEN, IPC_TO_CONTROL, tell_listen, 0, IPC_AT_ASK)	\
	X(TELL_PROCESS, IPC_TO_CONTROL, tell_process, 0, IPC_AT_ASK)	\
	X(TELL_POOL, IPC_TO_CONTROL, tell_pool, 0, IPC_AT_ASK)		\
	X(TELL_DISK, IPC_TO_CONTROL, tell_disk, 0, IPC_AT_ASK)		\
	X(TELL_SESSION, IPC_TO_CONTROL, tell_session, 0, IPC_AT_ASK)	\
	X(TELL_ADDRESS, IPC_TO_CONTROL, tell_address, 0, IPC_AT_ASK)	\
	X(TELL_COUNT, IPC_TO_CONTROL, tell_count, 0, IPC_AT_ASK)	\
	X(TELL_BUCKET, IPC_TO_CONTROL, tell_bucket, 0, IPC_AT_ASK)	\
	X(ASK_MAIL, IPC_FROM_CONTROL, ask_mail, 0, IPC_AT_ASK)		\
	X(ASK_RCPT, IPC_FROM_CONTROL, ask_rcpt, 0, IPC_AT_ASK)		\
	X(TELL_STEP, IPC_TO_CONTROL, tell_step, 0, IPC_AT_ASK)		\
	X(TELL_REPLY, IPC_TO_CONTROL, tell_reply, 0, IPC_AT_ASK)	\
	X(TELL_CERTIFICATE, IPC_TO_CONTROL, tell_certificate, 0, IPC_AT_ASK)

/* Their payloads, as members of struct ipc_record. */
#define IPC_CONTROL_PAYLOADS(X)						\
	X(ask_status) X(tell_refused) X(tell_end) X(tell_about)		\
	X(tell_path) X(tell_listen) X(tell_process) X(tell_pool)	\
	X(tell_disk) X(tell_session) X(tell_address) X(tell_count)	\
	X(tell_bucket) X(ask_mail) X(ask_rcpt) X(tell_step)		\
	X(tell_reply) X(tell_certificate)

#endif
