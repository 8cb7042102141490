/*
 * The worker's side of TLS, from the context to the end of a session, over
 * memory.  What is linked wrongly, or cannot live in a worker's sandbox, shows
 * here, and not in the sessions of clients.
 */
#include "worker/tls_try.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <tls.h>

#include "worker/tls_context.h"
#include "worker/tls_key.h"

enum { flights_max = 10 };

/* What each side reads; and the server's connection. */
struct wire {
	BIO		*to_server;
	BIO		*to_client;
	struct tls	*server;
};

/* The clock is left out: for it OpenSSL opens the file of the time zone. */
static bool
make_certificate(EVP_PKEY *key, X509 *x509)
{
	X509_NAME *name = X509_get_subject_name(x509);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"smtpd self-test", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x509, name) == 1 &&
	    ASN1_TIME_set_string(X509_getm_notBefore(x509),
	    "700101000000Z") == 1 &&
	    ASN1_TIME_set_string(X509_getm_notAfter(x509),
	    "491231235959Z") == 1 &&
	    X509_set_pubkey(x509, key) == 1 &&
	    X509_sign(x509, key, EVP_sha256()) > 0;
}

/* As it comes from the master, for the one pair of a context. */
static bool
serve_by(X509 *x509)
{
	struct ipc_pem piece = { .pair = 0 };
	BIO *pem = BIO_new(BIO_s_mem());
	const char *why;
	int n;

	tls_context_forget();
	if (pem == NULL || PEM_write_bio_X509(pem, x509) != 1)
		return false;
	while ((n = BIO_read(pem, piece.octets, sizeof(piece.octets))) > 0) {
		piece.n = (uint16_t)n;
		tls_context_take(&piece);
	}
	BIO_free(pem);
	if (!tls_context_try(1, &why))
		return false;
	tls_context_use(1);
	return true;
}

/* In the place of the sign process. */
static bool
sign(void *arg, const struct ipc_digest *digest, struct ipc_signature *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(arg, NULL);
	size_t n = sizeof(out->octets);
	bool made = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_sign(ctx, out->octets, &n, digest->octets,
	    digest->n) == 1;

	out->n = made ? (uint16_t)n : 0;
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static ssize_t
server_read(struct tls *conn, void *p, size_t n, void *arg)
{
	const struct wire *w = arg;
	int got = BIO_read(w->to_server, p, (int)n);

	(void)conn;
	return got > 0 ? got : TLS_WANT_POLLIN;
}

static ssize_t
server_write(struct tls *conn, const void *p, size_t n, void *arg)
{
	const struct wire *w = arg;

	(void)conn;
	return BIO_write(w->to_client, p, (int)n);
}

/* It would look at the clock. */
static int
trust(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

static SSL *
make_client(const struct wire *w)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client;

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_cert_verify_callback(ctx, trust, NULL);
	client = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (client != NULL)
		SSL_set_bio(client, w->to_client, w->to_server);
	return client;
}

static bool
handshake(const struct wire *w, SSL *client)
{
	int there = 0, here = -1;

	for (int i = 0; i < flights_max && (there != 1 || here != 0); i++) {
		there = SSL_connect(client);
		here = tls_handshake(w->server);
	}
	return there == 1 && here == 0;
}

/* A greeting arrives, and both ends are freed. */
static bool
converse(const struct wire *w, SSL *client)
{
	char octets[4] = "220";
	bool arrives = tls_write(w->server, octets, 3) == 3 &&
	    SSL_read(client, octets, sizeof(octets)) == 3;

	(void)tls_close(w->server);
	tls_free(w->server);
	SSL_free(client);
	return arrives;
}

bool
tls_try(void)
{
	struct wire w = { BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), NULL };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	SSL *client;

	if (w.to_server == NULL || w.to_client == NULL || key == NULL ||
	    x509 == NULL || !make_certificate(key, x509) || !serve_by(x509))
		return false;
	tls_key_ask_by(sign, key);
	client = make_client(&w);
	return client != NULL && tls_accept_cbs(tls_context(), &w.server,
	    server_read, server_write, &w) == 0 && handshake(&w, client) &&
	    converse(&w, client);
}
