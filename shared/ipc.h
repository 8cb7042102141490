/*
 * Records between our processes.  A record is one SOCK_SEQPACKET packet of a
 * fixed size, with at most one descriptor.  There is no other channel and no
 * shared memory.  No process uses the payload of a record that fails a check.
 */
#ifndef SHARED_IPC_H
#define SHARED_IPC_H

#include <stdint.h>
#include <sys/types.h>

#include "shared/ipc_process.h"
#include "shared/ipc_relay.h"
#include "shared/ipc_session.h"
#include "shared/ipc_table.h"

/* ---- helpers ------------------------------------------------------------ */

/*
 * Processes of smtpd-worker that work for the master alone, one of each: X
 * (passed on to H), NAME, name, option of smtpd-worker, name at the start of a
 * sentence.  For every row a process is started, fed, watched, counted, shown,
 * and started again.  NAME_role (server/process/helper.h) is the master's side,
 * NAME_run in worker/ the process's; the sandbox table says what it may do.
 */
#define HELPERS(H, X)							\
	H(X, SIGN, sign, 's', "Sign")					\
	H(X, AUTH, auth, 'a', "Auth")					\
	H(X, DISK, disk, 'd', "Disk")					\
	H(X, LOGGER, logger, 'l', "Logger")				\
	H(X, DIAL, dial, 'c', "Dial")

/*
 * The keeper starts lost helpers again, and one nursery the other; no process
 * starts a lost keeper.
 */
enum { helper_keeper_option = 'k', helper_nursery_option = 'r' };

#define HELPER_KIND(X, NAME, name, option, Name) HELPER_##NAME,
enum helper_kind {
	HELPER_KEEPER,
	HELPERS(HELPER_KIND, )
	HELPER_COUNT,
	/* Two nurseries have the life of helpers, and another work. */
	HELPER_NURSERY = HELPER_COUNT,
	HELPER_STANDBY,
	HELPER_ALL
};
#undef HELPER_KIND

/* ---- ways and states ---------------------------------------------------- */

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
	IPC_AT_PROXY = 1 << 7,		/* a PROXY header is due, or failed */
	IPC_AT_RESOLVE = 1 << 8,	/* asks name servers */
	IPC_AT_RELAY = 1 << 9,		/* has a host, no letter now */
	IPC_AT_LETTER = 1 << 10,	/* between LETTER and LETTER_DONE */
	IPC_AT_ASK = 1 << 11,		/* smtpctl may ask, or was asked */
	IPC_AT_ANY = IPC_AT_ASK - 1,
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

/* ---- payloads between smtpctl and the master ---------------------------- */

/*
 * CLIENT: what the server knows about one client's address.  ROUTE: which way
 * mail for a domain would take.  QUEUE: messages of the queue that match.
 */
enum ipc_question { QUESTION_STATUS, QUESTION_STATS, QUESTION_CLIENT,
    QUESTION_ROUTE, QUESTION_QUEUE, QUESTION_COUNT };
enum ipc_queue_act { QUEUE_LIST, QUEUE_SHOW, QUEUE_RETRY, QUEUE_REMOVE,
    QUEUE_ACT_COUNT };
enum { ipc_match_bytes = smtp_domain_max_bytes + 1 };
enum ipc_form { FORM_TEXT, FORM_JSON, FORM_OPENMETRICS, FORM_COUNT };

/*
 * A question.  Its answer is any number of TELL_TEXT, and TELL_END; for a user
 * who may not ask, the master closes the connection.
 */
struct ipc_ask {
	uint8_t		what;		/* enum ipc_question */
	uint8_t		form;		/* enum ipc_form */
	uint8_t		all;		/* STATUS: list sessions and workers */
	struct ip	ip;		/* CLIENT: the address */
	/* QUEUE: what to do with which messages; "" and 0 match all. */
	uint8_t		act;		/* enum ipc_queue_act */
	uint64_t	age_s;		/* queued at least so long ago */
	char		id[ipc_id_bytes + 1];
	/* Addresses, or "@example.org"; "<>" is the null sender. */
	char		from[ipc_match_bytes];
	char		to[ipc_match_bytes];
	char		site[ipc_match_bytes];	/* ROUTE: the domain */
};

/* A piece of the answer.  smtpctl does not trust the octets it shows. */
struct ipc_tell_text {
	uint16_t	n;
	char		text[1000];
};

/* ---- records ------------------------------------------------------------ */

#define IPC_TYPE(name, way, payload, fd, when, check) IPC_##name,
enum ipc_type { IPC_RECORDS(IPC_TYPE) IPC_TYPE_COUNT };
#undef IPC_TYPE

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
 * Checks a packet of n octets that came by way, with or without a descriptor,
 * in state when.  NULL: it is as the table says; else why not, for the log.
 */
const char	*ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
		    enum ipc_way way, enum ipc_when when);
/* The size of a packet of this type, in octets. */
size_t		 ipc_size(enum ipc_type type);

/* ---- channels ----------------------------------------------------------- */

/* A pair of connected ends, both close-on-exec.  0, or -1 and errno. */
int	ipc_pair(int out[2]);
/*
 * Sends r with descriptor pass, which stays the caller's (-1: none).  wait:
 * blocks while the channel is full; else EAGAIN.  0, or -1 and errno.
 */
int	ipc_send(int channel, struct ipc_record *r, int pass, bool wait);
/*
 * The same of the octets of r from that one on.  How many were sent: FreeBSD
 * takes a part, with the descriptor, and then nothing but the rest may follow.
 */
ssize_t	ipc_send_part(int channel, struct ipc_record *r, size_t from,
	    int pass, bool wait);

enum ipc_got {
	IPC_GOT_RECORD,
	IPC_GOT_NOTHING,	/* no record now; only without wait */
	IPC_GOT_END,		/* the other end is closed */
	IPC_GOT_BAD,		/* against the contract: *why says how */
	IPC_GOT_NO_ROOM,	/* valid, but its descriptor is lost: this
				   process has reached its limit; r->type is
				   IPC_TYPE_COUNT if all of it is (OpenBSD) */
	IPC_GOT_ERROR		/* errno */
};

/*
 * Receives one record and checks it (ipc_check).  *passed is its descriptor
 * (close-on-exec), the caller's to close; or -1, as that of a bad record is.
 */
enum ipc_got	ipc_recv(int channel, enum ipc_way way, enum ipc_when when,
		    bool wait, struct ipc_record *r, int *passed,
		    const char **why);

#endif
