/*
 * Certificates and private keys as files: read, checked, and then handed on;
 * at start by root, while the master may still read them, and again for a
 * renewal by the user that it has become.
 */
#ifndef SERVER_TLS_FILES_H
#define SERVER_TLS_FILES_H

#include <stdio.h>

#include "server/conf/conf.h"
#include "shared/ipc_msg.h"
#include "shared/span.h"

enum { tls_print_bytes = 32 };

struct tls_pair {
	uint8_t			*certificate;	/* PEM, with its chain */
	size_t			 certificate_n;
	uint8_t			*key;		/* PEM; NULL once forgotten */
	size_t			 key_n;
	uint8_t			 print[tls_print_bytes]; /* of both files */
	bool			 shared;	/* it was served before */
	struct ipc_judged	 facts;		/* as its judge says */
};

/* Pair i is that of pairs[i] of the configuration it was read for. */
struct tls_files {
	struct tls_pair	pairs[ipc_tls_pairs_max];
	size_t		count;
	uint64_t	users;		/* workers, and its maker */
};

/* From where on files are still to be sent; all zero: of none. */
struct tls_cursor {
	const struct tls_files	*files;
	size_t			 pair;
	size_t			 done;	/* octets of it */
};

/* Where the sign process has a key. */
struct sign_slot {
	unsigned	users;		/* generations of certificates */
	bool		forget_due;
	unsigned	verdicts_due;	/* given, no JUDGED yet */
};

/* What is served, and what of it had to stay. */
struct tls_before {
	const struct conf	*conf;
	const struct tls_files	*files;
	size_t			 kept;	/* pairs that could not be read */
	const char		*denied; /* file of one, or of another */
};

/* An empty one with one user, the caller; NULL: no memory. */
struct tls_files *tls_files_new(void);
/*
 * Reads every pair of conf; out is empty before.  0; or -1, and out still
 * empty, after each mistake was written to err with file, line and column.
 *
 * At start (before is NULL), wanted by root before it becomes somebody else:
 * whether the two of a pair belong together is found out in a child, so that
 * what OpenSSL makes of a key is never in this process.  For a renewal nobody
 * has judged that yet of the pairs that are not shared; and a pair that this
 * user may not read, and that was served under the same names, is kept.
 */
int	tls_files_load(const struct conf *conf, struct tls_before *before,
	    struct tls_files *out, FILE *err);
/*
 * Writes what was found to be wrong with a pair, as tls_files_load does; no
 * fault: that it cannot come without a restart.
 */
void	tls_files_report(const struct conf *conf, size_t pair,
	    enum tls_fault fault, FILE *err);
/*
 * One pair for tests and the catcher: a key made now, and a certificate of
 * it, signed by itself, for hostname and localhost.  0, or -1.
 */
int	tls_files_make(const char *hostname, struct tls_files *out);
/* Do both serve the same, in the same order? */
bool	tls_files_are_same(const struct tls_files *a,
	    const struct tls_files *b);
/*
 * Writes the next piece as a record of its type: of certificates, whose pairs
 * are counted from 0; or with keys, certificate and key of each pair that is
 * not shared, by its slot.  False: there is no more.
 */
bool	tls_files_next(struct tls_cursor *c, bool keys, struct ipc_record *out);
/* Wipes the keys out of memory. */
void	tls_files_forget_keys(struct tls_files *files);
/* Empties files, which stays the caller's. */
void	tls_files_clear(struct tls_files *files);

#endif
