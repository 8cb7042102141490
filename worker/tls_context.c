/*
 * Certificates as the master sends them, and what libtls makes of them.
 */
#include "worker/tls_context.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "worker/tls_key.h"

/* A certificate file with its chain, as far as it has come. */
struct chain {
	uint8_t	*octets;
	size_t	 n;
};

static struct chain chains[ipc_tls_pairs_max];
static struct tls *context;	/* in use by new workers */
static struct tls *tried;	/* may replace context */

void
tls_context_take(const struct ipc_pem *piece)
{
	struct chain *c = &chains[piece->pair];
	uint8_t *grown;

	if (c->n + piece->n > ipc_certificate_max_bytes)
		return;
	grown = realloc(c->octets, c->n + piece->n + 1);
	if (grown == NULL)
		return;
	memcpy(grown + c->n, piece->octets, piece->n);
	c->octets = grown;
	c->n += piece->n;
}

/* TLS 1.3 has its own three suites; these are for 1.2. */
static const char *
suites_1_2(void)
{
	static char list[512];

#define SUITE_NAME(P, name, iana, openssl)					\
	if (P##name > TLS_SUITE_CHACHA) {			\
		strncat(list, ":" openssl, sizeof(list) - strlen(list) - 1); \
	}
	list[0] = '\0';
	IPC_TLS_SUITES(SUITE_NAME, TLS_SUITE_)
#undef SUITE_NAME
	return list + 1;
}

static bool
add_pair(struct tls_config *config, size_t i)
{
	const struct chain *c = &chains[i];
	char key[tls_key_pem_bytes];
	int (*add)(struct tls_config *, const uint8_t *, size_t,
	    const uint8_t *, size_t) = i == 0 ? tls_config_set_keypair_mem :
	    tls_config_add_keypair_mem;

	return tls_key_add(span_from(c->octets, c->n), key) &&
	    add(config, c->octets, c->n, (const uint8_t *)key,
	    strlen(key)) == 0;
}

static bool
configure(struct tls_config *config, size_t pairs, const char **why)
{
	*why = "TLS: versions or cipher suites are not known";
	if (tls_config_set_protocols(config, TLS_PROTOCOL_TLSv1_2 |
	    TLS_PROTOCOL_TLSv1_3) == -1 ||
	    tls_config_set_ciphers(config, suites_1_2()) == -1)
		return false;
	tls_config_prefer_ciphers_server(config);
	*why = "TLS: a certificate cannot be used";
	tls_key_begin();
	for (size_t i = 0; i < pairs; i++)
		if (!add_pair(config, i))
			return false;
	*why = "TLS: libtls does not take the certificates";
	tried = tls_server();
	if (tried != NULL && tls_configure(tried, config) == 0)
		return true;
	tls_free(tried);
	tried = NULL;
	return false;
}

static void
forget_chains(void)
{
	for (size_t i = 0; i < ipc_tls_pairs_max; i++) {
		free(chains[i].octets);
		chains[i] = (struct chain){ NULL, 0 };
	}
}

/*
 * No client can resume a session of a worker that has ended, and a ticket
 * behind the handshake would delay the next reply until TCP acknowledges it.
 * libtls cannot turn tickets off, so OpenSSL's default is set for all contexts.
 */
static bool
leave_tickets(void)
{
	static const char text[] = "openssl_conf = all\n"
	    "[all]\nssl_conf = ssl\n"
	    "[ssl]\nsystem_default = context\n"
	    "[context]\nNumTickets = 0\n";
	CONF *conf = NCONF_new(NULL);
	BIO *bio = BIO_new_mem_buf(text, sizeof(text) - 1);
	bool left = conf != NULL && bio != NULL &&
	    NCONF_load_bio(conf, bio, NULL) > 0 &&
	    CONF_modules_load(conf, NULL, 0) > 0;

	BIO_free(bio);
	NCONF_free(conf);
	return left;
}

/* Done once, when first needed: a nursery may begin without certificates. */
static bool
init(void)
{
	static bool done;

	if (!done)
		done = tls_key_init() && leave_tickets() && tls_init() == 0;
	return done;
}

bool
tls_context_try(size_t pairs, const char **why)
{
	struct tls_config *config;
	bool made;

	tls_free(tried);
	tried = NULL;
	if (pairs == 0)
		return true;
	*why = "TLS: OpenSSL cannot be initialized";
	if (!init())
		return false;
	*why = "TLS: no memory";
	config = tls_config_new();
	if (config == NULL)
		return false;
	made = configure(config, pairs, why);
	/* libtls counts the references to it. */
	tls_config_free(config);
	forget_chains();
	return made;
}

void
tls_context_forget(void)
{
	forget_chains();
	tls_free(tried);
	tried = NULL;
}

void
tls_context_use(size_t pairs)
{
	if (tried == NULL && pairs > 0)
		return;
	tls_free(context);
	context = tried;
	tried = NULL;
	if (context != NULL)
		tls_key_use();
}

struct tls *
tls_context(void)
{
	return context;
}

/* ---- a handshake on trial ------------------------------------------------ */

/*
 * The worker's side of TLS, from the context to the end of a session, over
 * memory.  A library that is linked wrongly, or does not work in a worker's
 * sandbox, fails here and not in the sessions of clients.
 */
enum { flights_max = 10 };

/* What each side reads; and the server's connection. */
struct wire {
	BIO		*to_server;
	BIO		*to_client;
	struct tls	*server;
};

/* With fixed dates: to read the clock OpenSSL opens the time zone file. */
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

/* Puts a context of x509 into use, as if the master had sent it in pieces. */
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

/* Signs in place of the sign process. */
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

/* Accepts any certificate, for OpenSSL's check would read the clock. */
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

/* Does a greeting arrive?  Frees both ends. */
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
tls_context_shake_hands(void)
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
