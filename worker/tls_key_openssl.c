/*
 * What only OpenSSL 3 has, or has in its way: the provider of keys that another
 * process has, an allocator that wipes, its names of suites and reasons.
 */
#include "worker/tls_context.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define provider_name	"smtpd-sign"

/* What the provider has for a key, of which there is one a pair at a time. */
struct key {
	EVP_PKEY	*public;
	uint16_t	 pair;
};

static struct key handles[ipc_tls_pairs_max], *coming;	/* is asked for next */

/* A signature under way. */
struct signing {
	const struct key *key;
	char		 hash[16];
	bool		 pss;
};

static bool
is_rsa(const EVP_PKEY *public)
{
	return EVP_PKEY_is_a(public, "RSA") == 1;
}

/* ---- keys ------------------------------------------------------------- */

static void *
key_new(void *provider)
{
	return EVP_PKEY_up_ref(coming->public) == 1 ? coming : NULL;
}

static void
key_free(void *key)
{
	EVP_PKEY_free(((struct key *)key)->public);
}

/*
 * It has all already.  There is no export, so that OpenSSL knows that only this
 * provider can use the key.
 */
static int
key_import(void *key, int selection, const OSSL_PARAM params[])
{
	return 1;
}

static int
key_has(const void *key, int selection)
{
	return 1;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct key *x = a, *y = b;

	return EVP_PKEY_eq(x->public, y->public) == 1;
}

static int
key_get_params(void *key, OSSL_PARAM params[])
{
	const struct key *k = key;

	return EVP_PKEY_get_params(k->public, params);
}

/* The names of parameters, which OpenSSL does not ask for here. */
static const OSSL_PARAM *
no_names(void *provider)
{
	static const OSSL_PARAM none = OSSL_PARAM_END;

	return &none;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	return no_names(NULL);
}

/* A row of a dispatch table; the function's type depends on the number. */
#define ROW(number, function) { number, (void (*)(void))(function) }
static const OSSL_DISPATCH key_rows[] = {
	ROW(OSSL_FUNC_KEYMGMT_NEW, key_new),
	ROW(OSSL_FUNC_KEYMGMT_FREE, key_free),
	ROW(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
	ROW(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
	ROW(OSSL_FUNC_KEYMGMT_HAS, key_has),
	ROW(OSSL_FUNC_KEYMGMT_MATCH, key_match),
	ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
	ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, no_names),
	{ 0, NULL }
};

/* ---- signatures ------------------------------------------------------- */

static void *
sign_new(void *provider, const char *properties)
{
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void
sign_free(void *ctx)
{
	OPENSSL_free(ctx);
}

/*
 * The padding that TLS asks for: PKCS #1 unless PSS is named.  The salt length
 * is ignored, for the sign process always makes it that of the digest.
 */
static int
sign_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct signing *s = ctx;
	const OSSL_PARAM *p;
	int mode;

	p = params == NULL ? NULL : OSSL_PARAM_locate_const(params,
	    OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p == NULL)
		return 1;
	if (!OSSL_PARAM_get_int(p, &mode))
		return 0;
	s->pss = mode == RSA_PKCS1_PSS_PADDING;
	return s->pss || mode == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *
sign_settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL),
		OSSL_PARAM_END
	};

	return known;
}

static int
sign_begin(void *ctx, const char *hash, void *key, const OSSL_PARAM params[])
{
	struct signing *s = ctx;

	s->key = key;
	s->pss = false;
	if (hash == NULL || snprintf(s->hash, sizeof(s->hash), "%s", hash) >=
	    (int)sizeof(s->hash))
		return 0;
	return sign_set_params(ctx, params);
}

static int
sign_all(void *ctx, unsigned char *out, size_t *out_n, size_t out_max,
    const unsigned char *in, size_t n)
{
	const struct signing *s = ctx;
	const enum sign_scheme scheme = !is_rsa(s->key->public) ? SIGN_ECDSA :
	    s->pss ? SIGN_RSA_PSS : SIGN_RSA_PKCS1;
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size = sizeof(digest);

	if (out == NULL) {
		*out_n = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	if (EVP_Q_digest(NULL, s->hash, NULL, in, n, digest, &size) != 1)
		return 0;
	*out_n = tls_context_sign(s->key->pair, scheme,
	    span_from(digest, size), out, out_max);
	return *out_n > 0;
}

static const OSSL_DISPATCH sign_rows[] = {
	ROW(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
	ROW(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
	ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_begin),
	ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_all),
	ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sign_set_params),
	ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sign_settable_params),
	{ 0, NULL }
};

/* ---- the provider ----------------------------------------------------- */

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_cache)
{
	/* OpenSSL looks for a signature by the name of the key's kind. */
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA", "provider=" provider_name, key_rows, NULL },
		{ "EC", "provider=" provider_name, key_rows, NULL },
		{ NULL, NULL, NULL, NULL }
	}, signatures[] = {
		{ "RSA", "provider=" provider_name, sign_rows, NULL },
		{ "EC", "provider=" provider_name, sign_rows, NULL },
		{ NULL, NULL, NULL, NULL }
	};

	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT ? keys :
	    operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static OSSL_provider_init_fn provider_init;

static int
provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH rows[] = {
		ROW(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
		{ 0, NULL }
	};

	*provider = handles;
	*out = rows;
	return 1;
}

/* Our provider serves its own keys, the default provider all else. */
bool
tls_key_init(void)
{
	static bool done;

	done = done ||
	    (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
	    OSSL_PROVIDER_add_builtin(NULL, provider_name,
	    provider_init) == 1 &&
	    OSSL_PROVIDER_load(NULL, "default") != NULL &&
	    OSSL_PROVIDER_load(NULL, provider_name) != NULL &&
	    EVP_set_default_properties(NULL, "?provider=default") == 1);
	return done;
}

EVP_PKEY *
tls_key_of(X509 *certificate, uint16_t pair)
{
	EVP_PKEY *public = X509_get0_pubkey(certificate), *key = NULL;
	OSSL_PARAM none = OSSL_PARAM_END;
	EVP_PKEY_CTX *ctx;

	if (public == NULL ||
	    (!is_rsa(public) && EVP_PKEY_is_a(public, "EC") != 1))
		return NULL;
	coming = &handles[pair];
	*coming = (struct key){ public, pair };
	ctx = EVP_PKEY_CTX_new_from_name(NULL, is_rsa(public) ? "RSA" : "EC",
	    "provider=" provider_name);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, &none) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* ---- in the sign process ------------------------------------------------ */

/*
 * OpenSSL wipes a key, but not every copy that it made while reading it.  With
 * these functions all memory is wiped before it is freed.
 */
struct block {
	_Alignas(max_align_t) size_t	n;
};

static void *
wiping_malloc(size_t n, const char *file, int line)
{
	struct block *b = n > SIZE_MAX - sizeof(*b) ? NULL :
	    malloc(sizeof(*b) + n);

	if (b == NULL)
		return NULL;
	b->n = n;
	return b + 1;
}

static void
wiping_free(void *p, const char *file, int line)
{
	struct block *b = p;

	if (b == NULL)
		return;
	b--;
	OPENSSL_cleanse(b, sizeof(*b) + b->n);
	free(b);
}

static void *
wiping_realloc(void *p, size_t n, const char *file, int line)
{
	const struct block *old = p;
	void *new = wiping_malloc(n, file, line);

	if (p == NULL || new == NULL)
		return new;
	old--;
	memcpy(new, p, old->n < n ? old->n : n);
	wiping_free(p, file, line);
	return new;
}

bool
tls_key_wipe(void)
{
	/* OpenSSL accepts these only before its first allocation. */
	return CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc,
	    wiping_free) == 1;
}

/* No question of ours: OpenSSL asks before it pads. */
bool
tls_key_is_pss(struct span block, int key_bits)
{
	return false;
}

/* ---- names -------------------------------------------------------------- */

const char *
tls_key_suite(const SSL *ssl)
{
	return SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
}

enum tls_fail
tls_key_fail(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
		return TLS_FAIL_NOT_TLS;
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
		return TLS_FAIL_SUITE;
	default:
		return TLS_FAIL_COUNT;
	}
}
