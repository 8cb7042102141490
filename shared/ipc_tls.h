/*
 * Records about TLS: certificates and keys for the processes that need them,
 * digests to be signed, and the results of handshakes.  Rows of the table in
 * shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_TLS_H
#define SHARED_IPC_TLS_H

#include <stdint.h>

/* Versions that are offered; one table, one word each. */
#define IPC_TLS_VERSIONS(X)						\
	X(1_2, "TLSv1.2")						\
	X(1_3, "TLSv1.3")

#define IPC_TLS_VERSION_NAME(name, word) TLS_VERSION_##name,
enum tls_version { IPC_TLS_VERSIONS(IPC_TLS_VERSION_NAME) TLS_VERSION_COUNT };
#undef IPC_TLS_VERSION_NAME

/*
 * Cipher suites that are offered, all with forward secrecy and authenticated
 * encryption: the name in IANA's registry, which RFC 8314 4.3 wants in
 * Received, and the name in OpenSSL.
 */
#define IPC_TLS_SUITES(X)						\
	X(AES_128, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256")	\
	X(AES_256, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384")	\
	X(CHACHA, "TLS_CHACHA20_POLY1305_SHA256",			\
	    "TLS_CHACHA20_POLY1305_SHA256")				\
	X(ECDSA_AES_128, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",	\
	    "ECDHE-ECDSA-AES128-GCM-SHA256")				\
	X(ECDSA_AES_256, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",	\
	    "ECDHE-ECDSA-AES256-GCM-SHA384")				\
	X(ECDSA_CHACHA,							\
	    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",		\
	    "ECDHE-ECDSA-CHACHA20-POLY1305")				\
	X(RSA_AES_128, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",		\
	    "ECDHE-RSA-AES128-GCM-SHA256")				\
	X(RSA_AES_256, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",		\
	    "ECDHE-RSA-AES256-GCM-SHA384")				\
	X(RSA_CHACHA, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",	\
	    "ECDHE-RSA-CHACHA20-POLY1305")

#define IPC_TLS_SUITE_NAME(name, iana, openssl) TLS_SUITE_##name,
enum tls_suite { IPC_TLS_SUITES(IPC_TLS_SUITE_NAME) TLS_SUITE_COUNT };
#undef IPC_TLS_SUITE_NAME

/* Why a handshake failed; one table, one sentence each. */
#define IPC_TLS_FAILS(X)						\
	X(INJECTED, "octets behind STARTTLS, sent before the handshake") \
	X(CLOSED, "the client closed the connection")			\
	X(TIMEOUT, "the client was silent for too long")		\
	X(GONE, "the server stopped meanwhile")				\
	X(LOST, "the connection was lost")				\
	X(NOT_TLS, "what the client sent is not TLS")			\
	X(VERSION, "the client speaks no version of TLS from 1.2 on")	\
	X(SUITE, "no cipher suite or group in common")			\
	X(UNTRUSTED, "the client does not trust our certificate")	\
	X(ALERT, "the client refused, by an alert of its own")		\
	X(NO_SIGNATURE, "the sign process gave no signature")		\
	X(NO_CONTEXT, "no memory for a TLS session")			\
	X(PROTOCOL, "the client broke the protocol of TLS")

#define IPC_TLS_FAIL_NAME(name, text) TLS_FAIL_##name,
enum tls_fail { IPC_TLS_FAILS(IPC_TLS_FAIL_NAME) TLS_FAIL_COUNT };
#undef IPC_TLS_FAIL_NAME

/*
 * What is wrong with a certificate and its key: whether the fault is in the
 * key's file, and the text of the error.
 */
#define IPC_TLS_FAULTS(X)						\
	X(NONE, false, "nothing")					\
	X(CERTIFICATE, false, "holds no certificate in PEM")		\
	X(CHAIN, false, "a certificate behind the first is broken")	\
	X(HASH, false, "a certificate in it is signed with a hash as weak " \
	    "as SHA-1, and no client would take it")			\
	X(KEY, true, "holds no private key in PEM")			\
	X(PASSWORD, true, "its key is locked by a passphrase, and nobody " \
	    "is there to type it")					\
	X(KIND, true, "neither an RSA nor an EC key")			\
	X(BITS, true, "an RSA key has to have 2048 to 4096 bits")	\
	X(MATCH, true, "not the key of this certificate")

#define IPC_TLS_FAULT_NAME(name, of_key, text) TLS_FAULT_##name,
enum tls_fault { IPC_TLS_FAULTS(IPC_TLS_FAULT_NAME) TLS_FAULT_COUNT };
#undef IPC_TLS_FAULT_NAME

/* Signature schemes.  RSA-PSS: the salt is as long as the digest. */
enum sign_scheme {
	SIGN_RSA_PKCS1,
	SIGN_RSA_PSS,
	SIGN_ECDSA,
	SIGN_SCHEME_COUNT
};

enum {
	ipc_tls_pairs_max = 16,		/* certificates, each with its key */
	ipc_sign_slots_max = 64,	/* keys, also of old certificates */
	ipc_pem_piece_bytes = 1024,
	ipc_certificate_max_bytes = 16 * 1024,
	ipc_digest_max_bytes = 64,
	ipc_signature_max_bytes = 512
};

/*
 * A piece of a certificate or key file.  For the nursery, pair counts from 0
 * and the pairs come in order; for the sign process, pair is the number of the
 * slot, and the certificate comes first.
 */
struct ipc_pem {
	uint16_t	pair;
	uint16_t	n;
	uint8_t		last;
	uint8_t		octets[ipc_pem_piece_bytes];
};

/* n tells the hash of SHA-2: 32, 48 or 64 octets. */
struct ipc_digest {
	uint64_t	ticket;		/* set by the master; 0 from a worker */
	uint16_t	pair;		/* from a worker; in DIGEST the slot */
	uint8_t		scheme;		/* enum sign_scheme */
	uint8_t		n;
	uint8_t		octets[ipc_digest_max_bytes];
};

struct ipc_signature {
	uint64_t	ticket;
	uint16_t	n;		/* 0: no signature */
	uint8_t		octets[ipc_signature_max_bytes];
};

enum { ipc_tls_serial_bytes = 44, ipc_tls_name_bytes = 64 };

/* The slot has its key; or there is a fault, and the slot has none. */
struct ipc_judged {
	uint16_t	slot;
	uint16_t	fault;		/* enum tls_fault */
	int64_t		until_s;	/* notAfter, seconds since 1970 */
	char		serial[ipc_tls_serial_bytes]; /* in hex */
	char		name[ipc_tls_name_bytes]; /* the first host name */
};

struct ipc_slot {
	uint32_t	slot;
};

/* The handshake is done: from now on the session is under TLS. */
struct ipc_tls {
	uint32_t	version;
	uint32_t	suite;
};

struct ipc_tls_fail {
	uint32_t	why;
};

#define IPC_TLS_PAYLOADS(X)						\
	X(pem)								\
	X(digest)							\
	X(signature)							\
	X(judged)							\
	X(slot)								\
	X(tls)								\
	X(tls_fail)

#define IPC_TLS_RECORDS(X)						\
	X(CERTIFICATE, IPC_TO_NURSERY, pem, 0,				\
	    IPC_AT_ANY, certificate)					\
	X(SIGN, IPC_FROM_WORKER, digest, 0, IPC_AT_SESSION, sign)	\
	X(SIGNATURE, IPC_TO_WORKER, signature, 0,			\
	    IPC_AT_SESSION, signature)					\
	X(TLS, IPC_FROM_WORKER, tls, 0, IPC_AT_SESSION, tls)		\
	X(TLS_FAIL, IPC_FROM_WORKER, tls_fail, 0,			\
	    IPC_AT_SESSION, tls_fail)					\
	X(KEY, IPC_TO_SIGN, pem, 0, IPC_AT_ANY, key)			\
	X(DIGEST, IPC_TO_SIGN, digest, 0, IPC_AT_ANY, digest)		\
	X(SIGNED, IPC_FROM_SIGN, signature, 0, IPC_AT_ANY, signature)	\
	X(FORGET, IPC_TO_NURSERY, nothing, 0, IPC_AT_ANY, any)		\
	X(TRY, IPC_TO_NURSERY, spawn, 0, IPC_AT_ANY, pairs)		\
	X(TRIED, IPC_FROM_NURSERY, text, 0, IPC_AT_ANY, text)		\
	X(KEY_CERTIFICATE, IPC_TO_SIGN, pem, 0, IPC_AT_ANY, key)	\
	X(KEY_FORGET, IPC_TO_SIGN, slot, 0, IPC_AT_ANY, slot)		\
	X(JUDGED, IPC_FROM_SIGN, judged, 0, IPC_AT_ANY, judged)

#endif
