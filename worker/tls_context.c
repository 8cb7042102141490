/*
 * Certificates as the master sends them, and what libtls makes of them.
 */
#include "worker/tls_context.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>
#include <string.h>
#include <tls.h>

#include "worker/helper.h"
#include "worker/tls_key.h"

static struct helper_file chains[ipc_tls_pairs_max];
static struct tls *context;	/* in use by new workers */
static SSL_CTX *of_relays;

void
tls_context_take(const struct ipc_pem *piece)
{
	helper_take_piece(&chains[piece->pair], piece);
}

static bool
configure(struct tls_config *config, size_t pairs, const char **why)
{
	/* For TLS 1.2; OpenSSL passes over the three of TLS 1.3. */
#define SUITE_NAME(P, name, iana, openssl) ":" openssl
	static const char suites[] = IPC_TLS_SUITES(SUITE_NAME, );
#undef SUITE_NAME
	char key[tls_key_pem_bytes];

	*why = "TLS: versions or cipher suites are not known";
	if (tls_config_set_protocols(config, TLS_PROTOCOL_TLSv1_2 |
	    TLS_PROTOCOL_TLSv1_3) == -1 ||
	    tls_config_set_ciphers(config, suites + 1) == -1)
		return false;
	tls_config_prefer_ciphers_server(config);
	*why = "TLS: a certificate cannot be used";
	tls_key_begin();
	for (size_t i = 0; i < pairs; i++) {
		const struct helper_file *c = &chains[i];

		if (!tls_key_add(span_from(c->octets, c->n), key) ||
		    (i == 0 ? tls_config_set_keypair_mem :
		    tls_config_add_keypair_mem)(config, c->octets, c->n,
		    (const uint8_t *)key, strlen(key)) != 0)
			return false;
	}
	*why = "TLS: libtls refuses the certificates";
	context = tls_server();
	return context != NULL && tls_configure(context, config) == 0;
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

/* Once, when first needed: a nursery may begin without certificates. */
static bool
initialize(void)
{
	static bool done;

	if (!done)
		done = tls_key_init() && leave_tickets() && tls_init() == 0;
	return done;
}

void
tls_context_forget(void)
{
	for (size_t i = 0; i < ipc_tls_pairs_max; i++)
		chains[i].n = 0;
}

bool
tls_context_make(size_t pairs, const char **why)
{
	struct tls_config *config;
	bool made;

	/* No new ones: the previous context stays in use. */
	if (pairs > 0 && chains[0].n == 0 && context != NULL)
		return true;
	tls_free(context);
	context = NULL;
	if (pairs == 0)
		return true;
	*why = "TLS: OpenSSL cannot be initialized";
	if (!initialize())
		return false;
	*why = "TLS: no memory";
	config = tls_config_new();
	if (config == NULL)
		return false;
	made = configure(config, pairs, why);
	/* libtls counts the references to it. */
	tls_config_free(config);
	tls_context_forget();
	return made;
}

struct tls *
tls_context(void)
{
	return context;
}

/* A write is tried again from the same octets at another place. */
bool
tls_context_make_client(void)
{
	if (of_relays == NULL && initialize() &&
	    (of_relays = SSL_CTX_new(TLS_client_method())) != NULL) {
		SSL_CTX_set_min_proto_version(of_relays, TLS1_2_VERSION);
		SSL_CTX_set_verify(of_relays, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_session_cache_mode(of_relays, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(of_relays, SSL_MODE_ENABLE_PARTIAL_WRITE |
		    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	}
	return of_relays != NULL;
}

SSL_CTX *
tls_context_client(void)
{
	return of_relays;
}

/* ---- a handshake on trial ------------------------------------------------ */

static bool
note_digest(void *arg, const struct ipc_digest *digest,
    struct ipc_signature *out)
{
	bool *asked = arg;

	*asked = true;
	return false;
}

static ssize_t
read_hello(struct tls *conn, void *p, size_t n, void *arg)
{
	int got = BIO_read(arg, p, (int)n);

	return got > 0 ? got : TLS_WANT_POLLIN;
}

static ssize_t
drop_answer(struct tls *conn, const void *p, size_t n, void *arg)
{
	return (ssize_t)n;
}

bool
tls_context_shake_hands(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = ctx == NULL ? NULL : SSL_new(ctx);
	BIO *hello = BIO_new(BIO_s_mem()), *nothing = BIO_new(BIO_s_mem());
	struct tls *server = NULL;
	bool asked = false;

	if (client == NULL || hello == NULL || nothing == NULL)
		return false;
	SSL_set_bio(client, nothing, hello);
	(void)SSL_connect(client);
	tls_key_ask_by(note_digest, &asked);
	if (tls_accept_cbs(context, &server, read_hello, drop_answer,
	    hello) == 0)
		(void)tls_handshake(server);
	tls_free(server);
	SSL_free(client);
	SSL_CTX_free(ctx);
	return asked;
}
