/* Certificates as the master sends them, and what OpenSSL makes of them. */
#include "worker/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "worker/helper.h"

static struct helper_file chains[ipc_tls_pairs_max];
/* Of new workers: one for each certificate; the first is the default. */
static SSL_CTX *contexts[ipc_tls_pairs_max];
static SSL_CTX *of_relays;

static struct ask *signer;
static bool *was_refused;

void
tls_context_take(const struct ipc_pem *piece)
{
	helper_take_piece(&chains[piece->pair], piece);
}

/* The certificate for the name that the client wants (RFC 6066 3). */
static int
choose_certificate(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; i < ipc_tls_pairs_max && contexts[i] != NULL; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(contexts[i]),
		    name, 0, 0, NULL) == 1) {
			SSL_set_SSL_CTX(ssl, contexts[i]);
			break;
		}
	return SSL_TLSEXT_ERR_OK;
}

/*
 * No client can resume a session of a worker that has ended, and a ticket
 * behind the handshake would delay the next reply until TCP acknowledges it.
 */
static SSL_CTX *
new_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* A write is tried again from the same octets at another place. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return ctx;
}

/* Of the file of a certificate: itself, and then those that signed it. */
static bool
use_chain(SSL_CTX *ctx, BIO *file, uint16_t pair)
{
	X509 *x = PEM_read_bio_X509(file, NULL, NULL, NULL);
	EVP_PKEY *key = x == NULL ? NULL : tls_key_of(x, pair);
	bool used = key != NULL && SSL_CTX_use_certificate(ctx, x) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	X509_free(x);
	while (used && (x = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL)
		used = SSL_CTX_add0_chain_cert(ctx, x) == 1;
	ERR_clear_error();
	return used;
}

static SSL_CTX *
make_context(uint16_t pair)
{
	/*
	 * Under TLS 1.2, with forward secrecy and authenticated encryption, as
	 * all suites of TLS 1.3 have them.
	 */
	static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:"
	    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
	    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
	    "ECDHE-RSA-CHACHA20-POLY1305";
	const struct helper_file *f = &chains[pair];
	SSL_CTX *ctx = new_context(TLS_server_method());
	BIO *file = BIO_new_mem_buf(f->octets, (int)f->n);
	bool made = ctx != NULL && file != NULL &&
	    SSL_CTX_set_cipher_list(ctx, suites) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
	    SSL_CTX_set_tlsext_servername_callback(ctx,
	    choose_certificate) == 1 && use_chain(ctx, file, pair);

	BIO_free(file);
	if (made)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

const char *
tls_context_make(size_t pairs, bool relays)
{
	/* Without memory for it, each relay says so. */
	if (relays && of_relays == NULL && tls_key_init())
		of_relays = new_context(TLS_client_method());
	/* No new ones: the previous contexts stay in use. */
	if (pairs > 0 && chains[0].n == 0 && contexts[0] != NULL)
		return NULL;
	for (size_t i = 0; i < ipc_tls_pairs_max; i++) {
		SSL_CTX_free(contexts[i]);
		contexts[i] = NULL;
	}
	if (pairs > 0 && !tls_key_init())
		return "TLS: OpenSSL cannot be initialized";
	for (size_t i = 0; i < pairs; i++) {
		contexts[i] = make_context((uint16_t)i);
		if (contexts[i] == NULL)
			return "TLS: a certificate cannot be used";
		chains[i].n = 0;
	}
	return NULL;
}

SSL_CTX *
tls_context(void)
{
	return contexts[0];
}

SSL_CTX *
tls_context_client(void)
{
	return of_relays;
}

void
tls_context_ask_by(struct ask *master, bool *refused)
{
	signer = master;
	was_refused = refused;
}

size_t
tls_context_sign(uint16_t pair, enum sign_scheme scheme, struct span what,
    uint8_t *out, size_t max)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest = { .pair = pair,
	    .scheme = (uint8_t)scheme, .n = (uint16_t)what.n } };
	const struct ipc_signature *made = &r.u.signature;

	*was_refused = true;
	if (signer == NULL || what.n > sizeof(r.u.digest.octets))
		return 0;
	memcpy(r.u.digest.octets, what.p, what.n);
	tell_record(signer, &r);
	ask_answer(signer, &r, IPC_SIGNATURE);
	*was_refused = made->n == 0;
	if (made->n > max)
		return 0;
	memcpy(out, made->octets, made->n);
	return made->n;
}

bool
tls_context_shake_hands(void)
{
	static bool asked;
	SSL_CTX *ctx = new_context(TLS_client_method());
	SSL *client = ctx == NULL ? NULL : SSL_new(ctx);
	SSL *server = SSL_new(contexts[0]);
	BIO *ends[2];

	if (client == NULL || server == NULL ||
	    BIO_new_bio_pair(&ends[0], 0, &ends[1], 0) != 1)
		return false;
	SSL_set_bio(client, ends[0], ends[0]);
	SSL_set_bio(server, ends[1], ends[1]);
	tls_context_ask_by(NULL, &asked);
	(void)SSL_connect(client);
	(void)SSL_accept(server);
	return asked;
}
