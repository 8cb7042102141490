/* TLS over a peer: reads and writes that wait no longer than they may. */
#include "worker/tls_context.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "shared/deadline.h"

enum { goodbye_ms = 1000 };

/* ---- what OpenSSL calls ----------------------------------------------- */

/* Hides errors from OpenSSL: after one no last reply could be sent, or read. */
static int
bio_read(BIO *bio, char *p, int n)
{
	struct tls_peer *t = BIO_get_data(bio);
	ssize_t got = peer_ops.read(t->peer, p, (size_t)n, t->deadline_ms);

	BIO_clear_retry_flags(bio);
	if (got == -1) {
		t->error = errno;
		BIO_set_retry_read(bio);
	}
	t->eof |= got == 0;
	return (int)got;
}

static int
bio_write(BIO *bio, const char *p, int n)
{
	struct tls_peer *t = BIO_get_data(bio);
	ssize_t done = peer_ops.write(t->peer, p, (size_t)n, t->deadline_ms);

	BIO_clear_retry_flags(bio);
	if (done == -1) {
		t->error = errno;
		BIO_set_retry_write(bio);
	}
	return (int)done;
}

static long
bio_control(BIO *bio, int command, long n, void *p)
{
	return command == BIO_CTRL_FLUSH;
}

/* The socket, for OpenSSL; NULL: no memory. */
static BIO *
new_bio(struct tls_peer *t)
{
	static BIO_METHOD *m;
	BIO *bio = NULL;

	if (m == NULL)
		m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "peer");
	if (m != NULL && BIO_meth_set_read(m, bio_read) == 1 &&
	    BIO_meth_set_write(m, bio_write) == 1 &&
	    BIO_meth_set_ctrl(m, bio_control) == 1)
		bio = BIO_new(m);
	if (bio != NULL) {
		BIO_set_data(bio, t);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* ---- the handshake ---------------------------------------------------- */

/* Maps OpenSSL's reason to our table. */
static enum tls_fail
fail_of_reason(int reason)
{
	const enum tls_fail own = tls_key_fail(reason);

	if (own != TLS_FAIL_COUNT)
		return own;
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return TLS_FAIL_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
		return TLS_FAIL_SUITE;
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

static void
name_agreed(const SSL *ssl, struct ipc_tls *out)
{
	snprintf(out->version, sizeof(out->version), "%s",
	    SSL_get_version(ssl));
	snprintf(out->suite, sizeof(out->suite), "%s",
	    tls_key_suite(ssl));
}

/* Does OpenSSL only want to be called again, after that result? */
static bool
is_to_go_on(const struct tls_peer *t, int result)
{
	int error = SSL_get_error(t->ssl, result);

	return t->error == 0 && (error == SSL_ERROR_WANT_READ ||
	    error == SSL_ERROR_WANT_WRITE);
}

bool
tls_peer_begin(struct tls_peer *t, struct peer *peer, const char *host,
    int64_t deadline_ms, struct ipc_tls *out, enum tls_fail *why)
{
	SSL_CTX *ctx = host == NULL ? tls_context() : tls_context_client();
	char name[smtp_domain_max_bytes + 1];
	BIO *bio;
	int result;

	*t = (struct tls_peer){ .peer = peer, .deadline_ms = deadline_ms };
	*why = TLS_FAIL_NO_CONTEXT;
	if (ctx == NULL || (t->ssl = SSL_new(ctx)) == NULL ||
	    (bio = new_bio(t)) == NULL)
		return false;
	SSL_set_bio(t->ssl, bio, bio);
	if (host == NULL) {
		tls_context_ask_by(peer->master, &t->refused);
		SSL_set_accept_state(t->ssl);
	} else {
		snprintf(name, sizeof(name), "%s", host);
		SSL_set_connect_state(t->ssl);
		if (name[0] != '\0' &&
		    SSL_set_tlsext_host_name(t->ssl, name) != 1)
			return false;
	}
	ERR_clear_error();
	do
		result = SSL_do_handshake(t->ssl);
	while (is_to_go_on(t, result));
	if (result == 1)
		name_agreed(t->ssl, out);
	else
		*why = fail_of(t);
	return result == 1;
}

const char *
tls_peer_reason(enum tls_fail why)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return why == TLS_FAIL_NO_CONTEXT ? "no memory for TLS" :
	    reason != NULL ? reason :
	    "the connection was lost in the handshake";
}

/* ---- after the handshake ---------------------------------------------- */

/* Reads, or writes if out is not NULL.  An end without close_notify is one. */
static ssize_t
transfer(struct tls_peer *t, void *in, const void *out, size_t n,
    int64_t deadline_ms)
{
	int done;

	t->deadline_ms = deadline_ms;
	t->error = 0;
	ERR_clear_error();
	do
		done = out != NULL ? SSL_write(t->ssl, out, (int)n) :
		    SSL_read(t->ssl, in, (int)n);
	while (is_to_go_on(t, done));
	if (done > 0)
		return done;
	if (out == NULL && t->error == 0 && (t->eof ||
	    SSL_get_error(t->ssl, done) == SSL_ERROR_ZERO_RETURN))
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
	if (t->ssl == NULL)
		return;
	t->deadline_ms = deadline_now_ms() + goodbye_ms;
	(void)SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	t->ssl = NULL;
}
