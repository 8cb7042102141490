/*
 * Payloads of the records between the master and its other processes: the
 * nursery and helpers.  Rows of the table in shared/ipc_table.h.
 */
#ifndef SHARED_IPC_PROCESS_H
#define SHARED_IPC_PROCESS_H

#include "shared/ip.h"
#include "shared/ipc_words.h"
#include "shared/password_form.h"
#include "shared/sasl.h"
#include "shared/smtp_syntax.h"

enum {
	ipc_text_bytes = 64,
	ipc_held_bytes = 128,
	ipc_sessions_max = 1000,	/* listed in one answer of smtpctl */
	ipc_addresses_max = 100,
	ipc_lines_bytes = 1000,
	ipc_tls_pairs_max = 16,		/* certificates, each with its key */
	ipc_sign_slots_max = 64,	/* keys, also of old certificates */
	ipc_pem_piece_bytes = 1024,
	ipc_certificate_max_bytes = 16 * 1024,
	ipc_signature_max_bytes = 512,
	ipc_tls_serial_bytes = 44,
	ipc_tls_name_bytes = 64
};

/* A short text from our own process: printable ASCII and a NUL. */
struct ipc_text {
	int32_t		pid;		/* of the sender; 0: not given */
	char		text[ipc_text_bytes];
};

enum ipc_trace_mode {
	IPC_TRACE_NONE,		/* these are bits */
	IPC_TRACE_LIVE = 1,	/* each line at once, for the catcher */
	IPC_TRACE_KEEP = 2,	/* at the end, if a reply was an error */
	IPC_TRACE_ANY = 3
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
	uint8_t		relays;		/* workers may be TLS clients */
	char		hostname[smtp_domain_max_bytes + 1];
};

struct ipc_child {
	int32_t		pid;
	int32_t		status;		/* in DIED: of waitpid(2) */
};

/*
 * A piece of a certificate or key file, in order; the one at 0 begins a file
 * anew.  For the nursery, pair counts from 0; for the sign process, pair is the
 * number of the slot, and the certificate comes first.
 */
struct ipc_pem {
	uint16_t	pair;
	uint16_t	at;		/* octets of the file before it */
	uint16_t	n;
	uint8_t		last;
	uint8_t		octets[ipc_pem_piece_bytes];
};

/*
 * Signature schemes.  RSA-PSS: the salt is as long as the digest.  A block is
 * what LibreSSL asks for in place of that: as long as the key, padded already.
 */
enum sign_scheme { SIGN_RSA_PKCS1, SIGN_RSA_PSS, SIGN_ECDSA,
    SIGN_RSA_PSS_BLOCK, SIGN_SCHEME_COUNT };

/* Of a digest n tells the hash of SHA-2: 32, 48 or 64 octets. */
struct ipc_digest {
	uint64_t	ticket;		/* set by the master; 0 from a worker */
	uint16_t	pair;		/* from a worker; in DIGEST the slot */
	uint16_t	n;
	uint8_t		scheme;		/* enum sign_scheme */
	uint8_t		octets[ipc_signature_max_bytes];
};

struct ipc_signature {
	uint64_t	ticket;
	uint16_t	n;		/* 0: no signature */
	uint8_t		octets[ipc_signature_max_bytes];
};

/* The slot has its key; or there is a fault, and the slot has none. */
struct ipc_judged {
	uint16_t	slot;
	uint16_t	fault;		/* enum tls_fault */
	int64_t		until_s;	/* notAfter, seconds since 1970 */
	char		serial[ipc_tls_serial_bytes]; /* in hex */
	char		name[ipc_tls_name_bytes]; /* the first host name */
};

/* A row of the next table of passwords, which IPC_TABLE begins. */
struct ipc_account {
	struct mailbox	who;
	char		stored[password_hash_max_bytes + 1];
};

/*
 * Is this the password of who?  For an unknown user it is checked against a
 * row chosen by decoy, so that the answer takes as long.
 */
struct ipc_password {
	uint64_t	ticket;
	uint64_t	decoy;		/* the same each time for a name */
	struct mailbox	who;
	char		password[sasl_password_max_bytes + 1];
};

struct ipc_checked {
	uint64_t	ticket;
	uint32_t	answer;		/* REPLY_AUTH_OK, _WRONG or _TROUBLE */
};

enum { disk_processes = 4 };	/* syncs at a time */

/* Sync the file or directory of the descriptor. */
struct ipc_sync {
	uint64_t	ticket;
	uint8_t		data;		/* fdatasync(2) is enough */
};

struct ipc_done {
	uint64_t	n;		/* the ticket; or so many octets of the
					   oldest LOG_LINES without an answer */
	int32_t		error;		/* errno, if not all was done; else 0 */
};

/* Octets of log lines, in order; a line may continue in the next record. */
struct ipc_lines {
	uint16_t	n;
	uint8_t		again;		/* tries again what failed */
	uint8_t		octets[ipc_lines_bytes];
};

/* Connect to this address; from source, if it has one. */
struct ipc_dial {
	struct ip	to;
	struct ip	source;
	uint16_t	port;
	uint8_t		udp;
	uint8_t		has_source;
};

#endif
