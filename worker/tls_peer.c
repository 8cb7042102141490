/*
 * libtls over a peer: reads and writes that wait no longer than they may.
 */
#include "worker/tls_peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <tls.h>

#include "shared/deadline.h"
#include "worker/tls_context.h"
#include "worker/tls_key.h"

enum { goodbye_ms = 1000 };

/* ---- what libtls calls ------------------------------------------------ */

/*
 * Hides a timeout from libtls: it would send the client an alert, after which
 * our last reply could not be sent.
 */
static ssize_t
socket_read(struct tls *conn, void *p, size_t n, void *arg)
{
	struct tls_peer *t = arg;
	ssize_t got;

	got = peer_ops.read(t->peer, p, n, t->deadline_ms);
	if (got == -1) {
		t->error = errno;
		if (errno == ETIMEDOUT || errno == ECANCELED)
			return TLS_WANT_POLLIN;
	}
	t->eof |= got == 0;
	return got;
}

static ssize_t
socket_write(struct tls *conn, const void *p, size_t n, void *arg)
{
	struct tls_peer *t = arg;
	ssize_t done;

	done = peer_ops.write(t->peer, p, n, t->deadline_ms);
	if (done == -1)
		t->error = errno;
	return done;
}

/* A handshake needs one signature, and the master allows a session one. */
static bool
ask_once(void *arg, const struct ipc_digest *digest, struct ipc_signature *out)
{
	struct tls_peer *t = arg;

	t->refused = true;
	if (t->asked)
		return false;
	t->asked = true;
	ask_sign(t->peer->master, digest, out);
	t->refused = out->n == 0;
	return !t->refused;
}

/* ---- the handshake ---------------------------------------------------- */

/* Maps OpenSSL's reason to our table. */
static enum tls_fail
fail_of_reason(int reason)
{
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return TLS_FAIL_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
		return TLS_FAIL_SUITE;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return TLS_FAIL_NOT_TLS;
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
		return TLS_FAIL_UNTRUSTED;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return TLS_FAIL_CLOSED;
	default:
		/* Reasons above it are the client's alerts (RFC 8446 6). */
		return reason > SSL_AD_REASON_OFFSET ? TLS_FAIL_ALERT :
		    TLS_FAIL_PROTOCOL;
	}
}

/* Our own causes come before the client's, and these before OpenSSL's. */
static enum tls_fail
fail_of(const struct tls_peer *t)
{
	unsigned long error = ERR_peek_last_error();

	if (t->refused)
		return TLS_FAIL_NO_SIGNATURE;
	if (t->error == ETIMEDOUT)
		return TLS_FAIL_TIMEOUT;
	if (t->error == ECANCELED)
		return TLS_FAIL_GONE;
	if (t->error == ECONNRESET || t->error == EPIPE || t->eof)
		return TLS_FAIL_CLOSED;
	if (t->error != 0)
		return TLS_FAIL_LOST;
	return ERR_GET_LIB(error) == ERR_LIB_SSL ?
	    fail_of_reason(ERR_GET_REASON(error)) : TLS_FAIL_PROTOCOL;
}

/* The place of word among n words; n: it is not there. */
static uint32_t
find_word(const char *word, const char *const words[], uint32_t n)
{
	uint32_t i = 0;

	while (i < n && (word == NULL || strcmp(word, words[i]) != 0))
		i++;
	return i;
}

void
tls_peer_name(const char *version, const char *suite, struct ipc_tls *out)
{
#define SUITE_WORD(P, name, iana, openssl) [P##name] = openssl,
	static const char *const suites[] = {
		IPC_TLS_SUITES(SUITE_WORD, TLS_SUITE_) };
#undef SUITE_WORD
	static const char *const versions[] = {
		IPC_TLS_VERSIONS(IPC_WORD, TLS_VERSION_) };

	out->version = find_word(version, versions, TLS_VERSION_COUNT);
	out->suite = find_word(suite, suites, TLS_SUITE_COUNT);
}

bool
tls_peer_accept(struct tls_peer *t, struct peer *peer, int64_t deadline_ms,
    struct ipc_tls *out, enum tls_fail *why)
{
	memset(t, 0, sizeof(*t));
	t->peer = peer;
	t->deadline_ms = deadline_ms;
	*why = TLS_FAIL_NO_CONTEXT;
	if (tls_context() == NULL || tls_accept_cbs(tls_context(), &t->conn,
	    socket_read, socket_write, t) == -1)
		return false;
	tls_key_ask_by(ask_once, t);
	if (tls_handshake(t->conn) != 0) {
		*why = fail_of(t);
		return false;
	}
	*why = TLS_FAIL_SUITE;
	tls_peer_name(tls_conn_version(t->conn), tls_conn_cipher(t->conn),
	    out);
	return out->version < TLS_VERSION_COUNT &&
	    out->suite < TLS_SUITE_COUNT;
}

/* ---- after the handshake ---------------------------------------------- */

/*
 * Reads, or writes if out is not NULL.  With or without close_notify: an end
 * is an end, and nothing is read past it, least of all as plain text.
 */
static ssize_t
transfer(struct tls_peer *t, void *in, const void *out, size_t n,
    int64_t deadline_ms)
{
	ssize_t done;

	t->deadline_ms = deadline_ms;
	t->error = 0;
	do
		done = out != NULL ? tls_write(t->conn, out, n) :
		    tls_read(t->conn, in, n);
	while ((done == TLS_WANT_POLLIN || done == TLS_WANT_POLLOUT) &&
	    t->error == 0);
	if (done >= 0)
		return done;
	if (out == NULL && t->eof && t->error == 0)
		return 0;
	errno = t->error != 0 ? t->error : EPROTO;
	return -1;
}

static ssize_t
tls_peer_read(void *arg, void *p, size_t n, int64_t deadline_ms)
{
	return transfer(arg, p, NULL, n, deadline_ms);
}

static ssize_t
tls_peer_write(void *arg, const void *p, size_t n, int64_t deadline_ms)
{
	return transfer(arg, NULL, p, n, deadline_ms);
}

const struct lineio_ops tls_peer_ops = { tls_peer_read, tls_peer_write };

void
tls_peer_close(struct tls_peer *t)
{
	if (t->conn == NULL)
		return;
	t->deadline_ms = deadline_now_ms() + goodbye_ms;
	(void)tls_close(t->conn);
	tls_free(t->conn);
	t->conn = NULL;
}
