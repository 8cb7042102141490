/*
 * The table of all records between our processes.  A record is one
 * SOCK_SEQPACKET packet of a fixed size, with at most one descriptor.
 * There is no other channel and no shared memory.
 */
#ifndef SHARED_IPC_MSG_H
#define SHARED_IPC_MSG_H

#include <stdint.h>

#include "shared/helpers.h"
#include "shared/ipc_auth.h"
#include "shared/ipc_control.h"
#include "shared/ipc_disk.h"
#include "shared/ipc_mail.h"
#include "shared/ipc_proxy.h"
#include "shared/ipc_tls.h"
#include "shared/ipc_trace.h"
#include "shared/ipc_words.h"
#include "shared/smtp_syntax.h"

/* Direction; a receiver knows which process is at the channel's other end. */
enum ipc_way {
	IPC_TO_NURSERY = 1 << 0,	/* master to nursery, or keeper */
	IPC_FROM_NURSERY = 1 << 1,
	IPC_TO_WORKER = 1 << 2,		/* master to smtp worker */
	IPC_FROM_WORKER = 1 << 3,
	IPC_FROM_CONTROL = 1 << 4,	/* smtpctl to master */
	IPC_TO_CONTROL = 1 << 5,
	IPC_TO_SIGN = 1 << 6,		/* master to helper */
	IPC_FROM_SIGN = 1 << 7,
	IPC_TO_AUTH = 1 << 8,
	IPC_FROM_AUTH = 1 << 9,
	IPC_TO_DISK = 1 << 10,
	IPC_FROM_DISK = 1 << 11,
	IPC_TO_LOGGER = 1 << 12,
	IPC_FROM_LOGGER = 1 << 13,
	IPC_WAY_COUNT = 14,
	/* from processes that report that they have entered their sandbox */
	IPC_FROM_STARTED = IPC_FROM_NURSERY | IPC_FROM_SIGN | IPC_FROM_AUTH |
	    IPC_FROM_DISK | IPC_FROM_LOGGER
};

/* The state of a worker's session, as the master recorded it. */
enum ipc_when {
	IPC_AT_IDLE = 1 << 0,		/* no session */
	IPC_AT_SESSION = 1 << 1,	/* a session, no transaction */
	IPC_AT_MAIL = 1 << 2,		/* sender accepted, no recipient yet */
	IPC_AT_RCPT = 1 << 3,		/* at least one recipient accepted */
	IPC_AT_DATA = 1 << 4,		/* the worker has a spool file */
	IPC_AT_COMMIT = 1 << 5,		/* waiting for the disk */
	IPC_AT_LOGIN = 1 << 6,		/* waiting for a password check */
	IPC_AT_PROXY = 1 << 8,		/* a PROXY header is due, or failed */
	IPC_AT_ANY = ((1 << 7) - 1) | IPC_AT_PROXY,
	IPC_AT_ASK = 1 << 7,		/* smtpctl may ask, or was asked */
	/* between SESSION and END, but not while the disk works */
	IPC_AT_WORK = IPC_AT_SESSION | IPC_AT_MAIL | IPC_AT_RCPT | IPC_AT_DATA
};

enum {
	ipc_id_bytes = 16,		/* of a session or a message */
	ipc_text_bytes = 64
};

struct ipc_nothing {
	uint8_t	zero;
};

/* What a worker needs to know, the same for every session. */
struct ipc_settings {
	uint64_t	message_size_bytes;
	uint64_t	recipients;
	uint64_t	received;
	uint64_t	errors;
	uint64_t	session_time_s;
	uint64_t	worker_sessions;
	uint8_t		trace;		/* enum ipc_trace_mode */
	uint8_t		sandbox_optional;
	uint8_t		proved;		/* log/sandbox: skip the self-test */
	uint8_t		tls_pairs;	/* number of pairs from CERTIFICATE */
	uint8_t		hostname_len;
	char		hostname[smtp_domain_max_bytes];
};

struct ipc_spawn {
	uint32_t	count;
};

struct ipc_pid {
	int32_t		pid;
};

/* The option of smtpd-worker to start a process with: 'r', or a helper's. */
struct ipc_breed {
	uint32_t	option;
};

struct ipc_died {
	int32_t		pid;
	int32_t		status;		/* of waitpid(2) */
};

/* A short text from our own process: printable ASCII and a NUL. */
struct ipc_text {
	int32_t		pid;		/* of the sender; 0: not given */
	char		text[ipc_text_bytes];
};

/*
 * Carries the client's socket; or, where input and output differ (smtpd -i
 * between pipes), the input, and OUTPUT before it carries the output.
 * room: the disk has space now, so that for a moment the worker can answer
 * MAIL without asking (struct ipc_mail: wait).
 */
struct ipc_session {
	uint32_t	idle_timeout_s;
	uint32_t	room;
	uint32_t	auth;		/* enum ipc_auth */
	uint32_t	tls_first;	/* implicit TLS (RFC 8314) */
	uint32_t	proxied;	/* a PROXY header comes first */
	uint32_t	lacks;		/* bits of enum ipc_lack */
};

/* Extensions that are not offered now, as their process is missing. */
enum ipc_lack {
	IPC_LACKS_TLS = 1 << 0,
	IPC_LACKS_AUTH = 1 << 1,
	IPC_LACKS_ALL = (1 << 2) - 1
};

/* When AUTH is offered on the client's listener. */
enum ipc_auth {
	IPC_AUTH_NOT,
	IPC_AUTH_ALWAYS,		/* the catcher */
	IPC_AUTH_SUBMISSION,		/* under TLS, and before MAIL */
	IPC_AUTH_COUNT
};

/* At any time in a session: how long the client may be silent from now on. */
struct ipc_stress {
	uint32_t	idle_timeout_ms;
	uint32_t	why;		/* enum stress */
};

/* The message is stored; room as in struct ipc_session. */
struct ipc_stored {
	char		id[ipc_id_bytes + 1];
	uint8_t		room;
};

struct ipc_commit {
	uint64_t	size;		/* of the whole file, in octets */
};

struct ipc_abort {
	uint32_t	error;		/* errno of the spool file; or 0 */
};

struct ipc_note {
	uint32_t	note;
};

struct ipc_end {
	uint32_t	end;
	uint32_t	commands;
	uint32_t	errors;
	uint64_t	octets_in;
	uint64_t	octets_out;
};

/*
 * name, way, payload, 1 if it carries a descriptor, states in which it may
 * come, and the check of its values (ipc_check.c).
 */
#define IPC_RECORDS(X)							\
	X(SETTINGS, IPC_TO_NURSERY, settings, 0, IPC_AT_ANY, any)	\
	X(SPAWN, IPC_TO_NURSERY, spawn, 0, IPC_AT_ANY, any)		\
	X(KILL, IPC_TO_NURSERY, pid, 0, IPC_AT_ANY, pid)		\
	X(RENEW, IPC_TO_NURSERY, nothing, 0, IPC_AT_ANY, any)		\
	X(BREED, IPC_TO_NURSERY, breed, 0, IPC_AT_ANY, breed)		\
	X(READY, IPC_FROM_STARTED, text, 0, IPC_AT_ANY, text)		\
	X(UNSAFE, IPC_FROM_STARTED, text, 0, IPC_AT_ANY, text)		\
	X(STALE, IPC_FROM_NURSERY, nothing, 0, IPC_AT_ANY, any)		\
	X(NEWBORN, IPC_FROM_NURSERY, pid, 1, IPC_AT_ANY, pid)		\
	X(STILLBORN, IPC_FROM_NURSERY, spawn, 0, IPC_AT_ANY, any)	\
	X(DIED, IPC_FROM_NURSERY, died, 0, IPC_AT_ANY, died)		\
	X(SIBLING, IPC_FROM_NURSERY, breed, 1, IPC_AT_ANY, breed)	\
	X(SESSION, IPC_TO_WORKER, session, 1, IPC_AT_IDLE, session)	\
	X(VERDICT, IPC_TO_WORKER, verdict, 0, IPC_AT_WORK, verdict)	\
	X(FILE, IPC_TO_WORKER, nothing, 1, IPC_AT_RCPT, any)		\
	X(STORED, IPC_TO_WORKER, stored, 0, IPC_AT_COMMIT, stored)	\
	X(UNSTORED, IPC_TO_WORKER, verdict, 0, IPC_AT_COMMIT, verdict)	\
	X(STRESS, IPC_TO_WORKER, stress, 0, IPC_AT_ANY, stress)		\
	X(MAIL, IPC_FROM_WORKER, mail, 0, IPC_AT_SESSION, mail)		\
	X(RCPT, IPC_FROM_WORKER, rcpt, 0,				\
	    IPC_AT_MAIL | IPC_AT_RCPT, rcpt)				\
	X(RESET, IPC_FROM_WORKER, nothing, 0,				\
	    IPC_AT_MAIL | IPC_AT_RCPT, any)				\
	X(BEGIN, IPC_FROM_WORKER, nothing, 0, IPC_AT_RCPT, any)		\
	X(COMMIT, IPC_FROM_WORKER, commit, 0, IPC_AT_DATA, any)		\
	X(ABORT, IPC_FROM_WORKER, abort, 0, IPC_AT_DATA, abort)		\
	X(NOTE, IPC_FROM_WORKER, note, 0, IPC_AT_WORK, note)		\
	X(TRACE, IPC_FROM_WORKER, trace, 0, IPC_AT_WORK, trace)		\
	X(END, IPC_FROM_WORKER, end, 0,					\
	    IPC_AT_WORK | IPC_AT_PROXY, end)				\
	X(OUTPUT, IPC_TO_WORKER, nothing, 1, IPC_AT_IDLE, any)		\
	IPC_CONTROL_RECORDS(X)						\
	IPC_AUTH_RECORDS(X)						\
	IPC_TLS_RECORDS(X)						\
	X(ORIGINATOR, IPC_FROM_WORKER, rcpt, 0, IPC_AT_DATA, rcpt)	\
	IPC_PROXY_RECORDS(X)						\
	IPC_DISK_RECORDS(X)

#define IPC_RECORD_NAME(name, way, payload, fd, when, check) IPC_##name,
enum ipc_type { IPC_RECORDS(IPC_RECORD_NAME) IPC_TYPE_COUNT };
#undef IPC_RECORD_NAME

#define IPC_MEMBER(payload) struct ipc_##payload payload;
struct ipc_record {
	uint32_t	type;		/* enum ipc_type, once checked */
	uint32_t	zero;
	union {
		struct ipc_nothing	nothing;
		struct ipc_settings	settings;
		struct ipc_spawn	spawn;
		struct ipc_pid		pid;
		struct ipc_breed	breed;
		struct ipc_died		died;
		struct ipc_text		text;
		struct ipc_session	session;
		struct ipc_stress	stress;
		struct ipc_verdict	verdict;
		struct ipc_stored	stored;
		struct ipc_mail		mail;
		struct ipc_rcpt		rcpt;
		struct ipc_commit	commit;
		struct ipc_abort	abort;
		struct ipc_note		note;
		struct ipc_end		end;
		struct ipc_trace	trace;
		IPC_AUTH_PAYLOADS(IPC_MEMBER)
		IPC_CONTROL_PAYLOADS(IPC_MEMBER)
		IPC_TLS_PAYLOADS(IPC_MEMBER)
		IPC_PROXY_PAYLOADS(IPC_MEMBER)
		IPC_DISK_PAYLOADS(IPC_MEMBER)
	} u;
};
#undef IPC_MEMBER

#endif
