/*
 * Certificates and private keys as files: read while the master may still
 * read them, checked, and then handed on.
 */
#ifndef SERVER_TLS_FILES_H
#define SERVER_TLS_FILES_H

#include <stdio.h>

#include "server/conf.h"
#include "shared/ipc_tls.h"

struct tls_pair {
	uint8_t	*certificate;	/* PEM, with its chain */
	size_t	 certificate_n;
	uint8_t	*key;		/* PEM; NULL once it was forgotten */
	size_t	 key_n;
};

struct tls_files {
	struct tls_pair	pairs[ipc_tls_pairs_max];
	size_t		count;
};

/*
 * Reads every pair of conf.  That the two belong together is found out in a
 * child, so that what OpenSSL makes of a key is never in this process.  0;
 * or -1 after each mistake was written to err with file, line and column.
 * Wanted by root before it becomes somebody else.
 */
int	tls_files_load(const struct conf *conf, struct tls_files *out,
	    FILE *err);
/*
 * One pair for tests and the catcher: a key made now, and a certificate of
 * it, signed by itself, for hostname and localhost.  0, or -1.
 */
int	tls_files_make(const char *hostname, struct tls_files *out);
/* Wipes the keys out of memory. */
void	tls_files_forget_keys(struct tls_files *files);
void	tls_files_free(struct tls_files *files);

#endif
