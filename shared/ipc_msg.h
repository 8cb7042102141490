/*
 * Records between our processes.  A record is one SOCK_SEQPACKET packet of a
 * fixed size, with at most one descriptor.  There is no other channel and no
 * shared memory.  No process uses the payload of a record that fails a check.
 */
#ifndef SHARED_IPC_MSG_H
#define SHARED_IPC_MSG_H

#include <stdint.h>

#include "shared/helpers.h"
#include "shared/ipc_control.h"
#include "shared/ipc_process.h"
#include "shared/ipc_relay.h"
#include "shared/ipc_resolve.h"
#include "shared/ipc_session.h"
#include "shared/ipc_table.h"

#define IPC_HELPER_WAYS(X, NAME, name, option, Name)			\
	IPC_TO_##NAME = 1 << (4 + 2 * HELPER_##NAME),			\
	IPC_FROM_##NAME = 1 << (5 + 2 * HELPER_##NAME),
#define IPC_FROM_HELPER(X, NAME, name, option, Name) | IPC_FROM_##NAME
/* Direction; a receiver knows which process is at the channel's other end. */
enum ipc_way {
	IPC_TO_NURSERY = 1 << 0,	/* master to nursery, or keeper */
	IPC_FROM_NURSERY = 1 << 1,
	IPC_TO_WORKER = 1 << 2,		/* master to smtp worker */
	IPC_FROM_WORKER = 1 << 3,
	IPC_FROM_CONTROL = 1 << 4,	/* smtpctl to master */
	IPC_TO_CONTROL = 1 << 5,
	HELPERS(IPC_HELPER_WAYS, )
	IPC_WAY_COUNT = 4 + 2 * HELPER_COUNT,
	/* from processes that report that they have entered their sandbox */
	IPC_FROM_STARTED = IPC_FROM_NURSERY HELPERS(IPC_FROM_HELPER, )
};
#undef IPC_HELPER_WAYS
#undef IPC_FROM_HELPER

/* The state of a worker's job, as the master recorded it. */
enum ipc_when {
	IPC_AT_IDLE = 1 << 0,		/* no session */
	IPC_AT_SESSION = 1 << 1,	/* a session, no transaction */
	IPC_AT_MAIL = 1 << 2,		/* sender accepted, no recipient yet */
	IPC_AT_RCPT = 1 << 3,		/* at least one recipient accepted */
	IPC_AT_DATA = 1 << 4,		/* the worker has a spool file */
	IPC_AT_COMMIT = 1 << 5,		/* waiting for the disk */
	IPC_AT_LOGIN = 1 << 6,		/* waiting for a password check */
	IPC_AT_PROXY = 1 << 8,		/* a PROXY header is due, or failed */
	IPC_AT_RESOLVE = 1 << 9,	/* asks name servers */
	IPC_AT_RELAY = 1 << 10,		/* has a host, no letter now */
	IPC_AT_LETTER = 1 << 11,	/* between LETTER and LETTER_DONE */
	IPC_AT_ANY = ((1 << 7) - 1) | IPC_AT_PROXY | IPC_AT_RESOLVE |
	    IPC_AT_RELAY | IPC_AT_LETTER,
	IPC_AT_ASK = 1 << 7,		/* smtpctl may ask, or was asked */
	IPC_AT_OPEN = IPC_AT_MAIL | IPC_AT_RCPT,
	IPC_AT_GIVEN = IPC_AT_OPEN | IPC_AT_DATA,
	/* between SESSION and END, but not while the disk works */
	IPC_AT_WORK = IPC_AT_SESSION | IPC_AT_GIVEN,
	IPC_AT_NAME = IPC_AT_IDLE | IPC_AT_RESOLVE,
	IPC_AT_DECIDE = IPC_AT_WORK | IPC_AT_COMMIT | IPC_AT_LOGIN |
	    IPC_AT_PROXY,
	IPC_AT_HOST = IPC_AT_RELAY | IPC_AT_LETTER,
	IPC_AT_ALIVE = IPC_AT_WORK | IPC_AT_PROXY | IPC_AT_HOST |
	    IPC_AT_RESOLVE
};

#define IPC_TYPE(name, way, payload, fd, when, check) IPC_##name,
enum ipc_type { IPC_RECORDS(IPC_TYPE) IPC_TYPE_COUNT };
#undef IPC_TYPE

struct ipc_nothing {
	uint8_t		zero;
};

struct ipc_number {
	uint64_t	n;
};

#define IPC_MEMBER(payload) struct ipc_##payload payload;
struct ipc_record {
	uint32_t	type;		/* enum ipc_type, once checked */
	uint32_t	zero;
	union { IPC_PAYLOADS(IPC_MEMBER) } u;
};
#undef IPC_MEMBER

/*
 * Checks a packet of n octets in *r that came by way, with or without a
 * descriptor, while the receiver's state was when.  NULL if it is as the table
 * says, else what is wrong, in words for the log.
 */
const char	*ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
		    enum ipc_way way, enum ipc_when when);
/* The size of a packet of this type, in octets. */
size_t		 ipc_size(enum ipc_type type);
/* The type's name, as "MAIL"; "?" for an unknown type. */
const char	*ipc_name(uint32_t type);

#endif
