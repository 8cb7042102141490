/*
 * The client's socket under TLS, as the line reader needs it: the same pair of
 * functions as in lineio.h, with OpenSSL in between.
 */
#ifndef WORKER_TLS_PEER_H
#define WORKER_TLS_PEER_H

#include <openssl/types.h>

#include "worker/lineio.h"

struct tls_peer {
	struct peer	*peer;
	SSL		*ssl;		/* NULL: not under TLS */
	int64_t		 deadline_ms;	/* of the current call */
	int		 error;		/* errno of the socket, or 0 */
	bool		 eof;		/* of the socket */
	bool		 refused;	/* got no signature */
};

/*
 * The server's side of a handshake, until deadline_ms at most.  True: *out
 * says what was agreed on.  False: *why.
 */
bool	tls_peer_accept(struct tls_peer *t, struct peer *peer,
	    int64_t deadline_ms, struct ipc_tls *out, enum tls_fail *why);
/*
 * The client's side with host ("": an address), whose certificate is not
 * checked.  False: *why, in words.
 */
bool	tls_peer_connect(struct tls_peer *t, struct peer *peer,
	    int64_t deadline_ms, const char *host, struct ipc_tls *out,
	    const char **why);
/* For the line reader after that; its arg is a struct tls_peer. */
extern const struct lineio_ops tls_peer_ops;
/* Sends close_notify, for a second at most, and frees what t owns. */
void	tls_peer_close(struct tls_peer *t);

#endif
