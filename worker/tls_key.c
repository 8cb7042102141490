/*
 * The OpenSSL provider of keys that another process has: its decoder reads our
 * handles, its key management has the public keys, its signatures come from
 * the sign process.  No private key is in this process; tls_key.h says why.
 */
#include "worker/tls_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define provider_name	"smtpd-sign"
#define pem_begin	"-----BEGIN SMTPD KEY HANDLE-----\n"
#define pem_end		"\n-----END SMTPD KEY HANDLE-----\n"

/* Public keys by handle; the provider's "key" is the address of one. */
static EVP_PKEY *handles[ipc_tls_pairs_max];
static size_t handle_count;
static tls_key_ask *ask_by;
static void *ask_arg;
static OSSL_FUNC_BIO_read_ex_fn *read_core;

/* A signature under way. */
struct signing {
	EVP_PKEY	*const *key;
	char		 hash[16];
	bool		 pss;
};

static bool
is_rsa(const EVP_PKEY *public)
{
	return EVP_PKEY_is_a(public, "RSA") == 1;
}

/* Handles stay as long as the process, and a decoder has no state. */
static void
free_nothing(void *p)
{
}

/* ---- keys ------------------------------------------------------------- */

/* The handle whose address the decoder found. */
static void *
key_load(const void *reference, size_t n)
{
	void *h;

	if (n != sizeof(h))
		return NULL;
	memcpy(&h, reference, sizeof(h));
	return h;
}

static int
key_has(const void *key, int selection)
{
	return 1;
}

static int
key_match(const void *a, const void *b, int selection)
{
	EVP_PKEY *const *x = a, *const *y = b;

	return EVP_PKEY_eq(*x, *y) == 1;
}

static int
key_get_params(void *key, OSSL_PARAM params[])
{
	EVP_PKEY *const *h = key;

	return EVP_PKEY_get_params(*h, params);
}

static const OSSL_PARAM *
key_gettable_params(void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL,
		    0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END
	};

	return known;
}

/*
 * Exports the public key only.  When this refuses the private key, OpenSSL
 * knows that only this provider can use the key.
 */
static int
key_export(void *key, int selection, OSSL_CALLBACK *take, void *arg)
{
	EVP_PKEY *const *h = key;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	return EVP_PKEY_export(*h, EVP_PKEY_PUBLIC_KEY, take, arg);
}

static const OSSL_PARAM *
key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END
	};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

/* A row of a dispatch table; the function's type depends on the number. */
#define ROW(number, function) { number, (void (*)(void))(function) }
#define KEY_ROWS							\
	ROW(OSSL_FUNC_KEYMGMT_FREE, free_nothing),			\
	ROW(OSSL_FUNC_KEYMGMT_LOAD, key_load),				\
	ROW(OSSL_FUNC_KEYMGMT_HAS, key_has),				\
	ROW(OSSL_FUNC_KEYMGMT_MATCH, key_match),			\
	ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),		\
	ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),	\
	ROW(OSSL_FUNC_KEYMGMT_EXPORT, key_export),			\
	ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_export_types)

static const OSSL_DISPATCH rsa_key[] = { KEY_ROWS, { 0, NULL } };
static const OSSL_DISPATCH ec_key[] = { KEY_ROWS,
	ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation), { 0, NULL }
};
static const OSSL_ALGORITHM keys[] = {
	{ "RSA:rsaEncryption", "provider=" provider_name, rsa_key, NULL },
	{ "EC:id-ecPublicKey", "provider=" provider_name, ec_key, NULL },
	{ NULL, NULL, NULL, NULL }
};

/* ---- handles in PEM --------------------------------------------------- */

/* Required. */
static void *
decode_new(void *provider)
{
	return provider;
}

/* Text that is no handle is left to other decoders. */
static int
decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *take,
    void *arg, OSSL_PASSPHRASE_CALLBACK *password, void *password_arg)
{
	char text[tls_key_pem_bytes] = "", name[] = "RSA";
	const size_t begin = sizeof(pem_begin) - 1;
	int kind = OSSL_OBJECT_PKEY;
	EVP_PKEY **h;
	size_t n;

	if (read_core(in, text, sizeof(text) - 1, &n) != 1 ||
	    strncmp(text, pem_begin, begin) != 0)
		return 1;
	n = strtoul(text + begin, NULL, 10);
	if (n >= handle_count)
		return 1;
	h = &handles[n];
	if (!is_rsa(*h))
		memcpy(name, "EC", 3);
	return take((OSSL_PARAM []){
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &kind),
	    OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
	    name, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE,
	    &h, sizeof(h)),
	    OSSL_PARAM_construct_end() }, arg);
}

static const OSSL_DISPATCH decoder[] = {
	ROW(OSSL_FUNC_DECODER_NEWCTX, decode_new),
	ROW(OSSL_FUNC_DECODER_FREECTX, free_nothing),
	ROW(OSSL_FUNC_DECODER_DECODE, decode), { 0, NULL }
};
static const OSSL_ALGORITHM decoders[] = {
	{ "RSA", "provider=" provider_name ",input=pem", decoder, NULL },
	{ NULL, NULL, NULL, NULL }
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
	const char *text;
	int mode;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p == NULL)
		return 1;
	if (OSSL_PARAM_get_utf8_string_ptr(p, &text)) {
		s->pss = strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return s->pss ||
		    strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
	}
	if (!OSSL_PARAM_get_int(p, &mode))
		return 0;
	s->pss = mode == RSA_PKCS1_PSS_PADDING;
	return s->pss || mode == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *
sign_settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
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
	struct ipc_digest digest = {
	    .pair = (uint16_t)(s->key - handles) };
	struct ipc_signature made;
	size_t size = sizeof(digest.octets);

	if (out == NULL) {
		*out_n = (size_t)EVP_PKEY_get_size(*s->key);
		return 1;
	}
	if (EVP_Q_digest(NULL, s->hash, NULL, in, n, digest.octets,
	    &size) != 1)
		return 0;
	digest.n = (uint8_t)size;
	digest.scheme = !is_rsa(*s->key) ? SIGN_ECDSA :
	    s->pss ? SIGN_RSA_PSS : SIGN_RSA_PKCS1;
	if (ask_by == NULL || !ask_by(ask_arg, &digest, &made) ||
	    made.n == 0 || made.n > out_max)
		return 0;
	memcpy(out, made.octets, made.n);
	*out_n = made.n;
	return 1;
}

static const OSSL_DISPATCH signature[] = {
	ROW(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
	ROW(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
	ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_begin),
	ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_all),
	ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sign_set_params),
	ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sign_settable_params),
	{ 0, NULL }
};
static const OSSL_ALGORITHM signatures[] = {
	{ "RSA:rsaEncryption", "provider=" provider_name, signature, NULL },
	{ "ECDSA", "provider=" provider_name, signature, NULL },
	{ NULL, NULL, NULL, NULL }
};

/* ---- the provider ----------------------------------------------------- */

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_cache)
{
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	if (operation == OSSL_OP_SIGNATURE)
		return signatures;
	return operation == OSSL_OP_DECODER ? decoders : NULL;
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

	for (; in->function_id != 0; in++)
		if (in->function_id == OSSL_FUNC_BIO_READ_EX)
			read_core = OSSL_FUNC_BIO_read_ex(in);
	*provider = handles;
	*out = rows;
	return read_core != NULL;
}

/* Our provider serves its own handles, the default provider all else. */
bool
tls_key_init(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 &&
	    OSSL_PROVIDER_add_builtin(NULL, provider_name,
	    provider_init) == 1 &&
	    OSSL_PROVIDER_load(NULL, "default") != NULL &&
	    OSSL_PROVIDER_load(NULL, provider_name) != NULL &&
	    EVP_set_default_properties(NULL, "?provider=default") == 1;
}

void
tls_key_begin(void)
{
	while (handle_count > 0)
		EVP_PKEY_free(handles[--handle_count]);
}

bool
tls_key_add(struct span certificates, char out[tls_key_pem_bytes])
{
	BIO *bio = BIO_new_mem_buf(certificates.p, (int)certificates.n);
	X509 *x509 = bio == NULL ? NULL :
	    PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *public = x509 == NULL ? NULL : X509_get_pubkey(x509);

	X509_free(x509);
	BIO_free(bio);
	if (handle_count == ipc_tls_pairs_max || public == NULL ||
	    (!is_rsa(public) && EVP_PKEY_is_a(public, "EC") != 1)) {
		EVP_PKEY_free(public);
		return false;
	}
	snprintf(out, tls_key_pem_bytes, pem_begin "%zu" pem_end,
	    handle_count);
	handles[handle_count++] = public;
	return true;
}

void
tls_key_ask_by(tls_key_ask *ask, void *arg)
{
	ask_by = ask;
	ask_arg = arg;
}
