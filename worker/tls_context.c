/*
 * Certificates as the master sends them, and what libtls makes of them.
 */
#include "worker/tls_context.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "worker/tls_key.h"

/* One certificate file with its chain, as it comes. */
struct chain {
	uint8_t	*octets;
	size_t	 n;
};

static struct chain chains[ipc_tls_pairs_max];
static struct tls *context;	/* workers serve by it */
static struct tls *tried;	/* may take its place */

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

#define SUITE_NAME(name, iana, openssl)					\
	if (TLS_SUITE_##name > TLS_SUITE_CHACHA) {			\
		strncat(list, ":" openssl, sizeof(list) - strlen(list) - 1); \
	}
	list[0] = '\0';
	IPC_TLS_SUITES(SUITE_NAME)
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
 * Nobody resumes a session of a worker that has ended, and a ticket behind the
 * handshake would hold back the next reply until its receipt is told.  libtls
 * has no word for it, so every context gets it as its default.
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

/* Once: a nursery may begin without any certificate. */
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
	/* libtls counts who uses it. */
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
