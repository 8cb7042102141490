/*
 * What only LibreSSL has, or has in its way.  It knows no providers: a key has
 * a method, and the private key's half of ours asks the sign process.  For PSS
 * it has no other seam than the number that is to be raised, padded already.
 */
#include "worker/tls_context.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>

static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;
static int rsa_index, ec_index;		/* of the pair, in ex_data */

/* ---- signatures ------------------------------------------------------- */

/* Returns the signature's length; 0: there is none. */
static unsigned
ask(const void *pair, enum sign_scheme scheme, const unsigned char *p,
    size_t n, unsigned char *out, int max)
{
	return max < 0 ? 0 : (unsigned)tls_context_sign(
	    (uint16_t)(uintptr_t)pair, scheme, span_from(p, n), out,
	    (size_t)max);
}

/* The master would take another for an attack. */
static bool
is_sha2(int type)
{
	return type == NID_sha256 || type == NID_sha384 || type == NID_sha512;
}

static int
rsa_sign(int type, const unsigned char *digest, unsigned n,
    unsigned char *out, unsigned *out_n, const RSA *rsa)
{
	*out_n = !is_sha2(type) ? 0 : ask(RSA_get_ex_data(rsa, rsa_index),
	    SIGN_RSA_PKCS1, digest, n, out, RSA_size(rsa));
	return *out_n > 0;
}

static int
rsa_raise(int n, const unsigned char *block, unsigned char *out, RSA *rsa,
    int padding)
{
	unsigned made = padding != RSA_NO_PADDING || n != RSA_size(rsa) ? 0 :
	    ask(RSA_get_ex_data(rsa, rsa_index), SIGN_RSA_PSS_BLOCK, block,
	    (size_t)n, out, n);

	return made > 0 ? (int)made : -1;
}

static int
rsa_decrypt(int n, const unsigned char *in, unsigned char *out, RSA *rsa,
    int padding)
{
	return -1;
}

static int
ec_sign(int type, const unsigned char *digest, int n, unsigned char *out,
    unsigned *out_n, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	*out_n = !is_sha2(type) ? 0 : ask(EC_KEY_get_ex_data(ec, ec_index),
	    SIGN_ECDSA, digest, (size_t)n, out, ECDSA_size(ec));
	return *out_n > 0;
}

/* ---- keys ------------------------------------------------------------- */

bool
tls_key_init(void)
{
	if (ec_method != NULL)
		return true;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return false;
	rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	rsa_method = RSA_meth_dup(RSA_get_default_method());
	if (rsa_index == -1 || ec_index == -1 || rsa_method == NULL ||
	    RSA_meth_set_sign(rsa_method, rsa_sign) != 1 ||
	    RSA_meth_set_priv_enc(rsa_method, rsa_raise) != 1 ||
	    RSA_meth_set_priv_dec(rsa_method, rsa_decrypt) != 1)
		return false;
	ec_method = EC_KEY_METHOD_new(EC_KEY_get_default_method());
	if (ec_method != NULL)
		EC_KEY_METHOD_set_sign(ec_method, ec_sign, NULL, NULL);
	return ec_method != NULL;
}

static bool
use_rsa(EVP_PKEY *key, EVP_PKEY *public, void *pair)
{
	RSA *rsa = RSAPublicKey_dup(EVP_PKEY_get0_RSA(public));

	if (rsa != NULL && RSA_set_method(rsa, rsa_method) == 1 &&
	    RSA_set_ex_data(rsa, rsa_index, pair) == 1 &&
	    EVP_PKEY_assign_RSA(key, rsa) == 1)
		return true;
	RSA_free(rsa);
	return false;
}

static bool
use_ec(EVP_PKEY *key, EVP_PKEY *public, void *pair)
{
	EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(public));

	if (ec != NULL && EC_KEY_set_method(ec, ec_method) == 1 &&
	    EC_KEY_set_ex_data(ec, ec_index, pair) == 1 &&
	    EVP_PKEY_assign_EC_KEY(key, ec) == 1)
		return true;
	EC_KEY_free(ec);
	return false;
}

EVP_PKEY *
tls_key_of(X509 *certificate, uint16_t pair)
{
	EVP_PKEY *public = X509_get0_pubkey(certificate), *key;
	void *number = (void *)(uintptr_t)pair;
	int kind = public == NULL ? EVP_PKEY_NONE : EVP_PKEY_base_id(public);

	key = EVP_PKEY_new();
	if (key != NULL &&
	    ((kind == EVP_PKEY_RSA && use_rsa(key, public, number)) ||
	    (kind == EVP_PKEY_EC && use_ec(key, public, number))))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* ---- in the sign process ------------------------------------------------ */

/* It takes no allocator; it clears keys, and malloc(3) what is freed. */
bool
tls_key_wipe(void)
{
	return true;
}

/* Unmasked, a salt as long as the hash stands behind zeros and a one. */
static bool
is_masked(const uint8_t *block, size_t n, unsigned first, const EVP_MD *hash)
{
	const size_t h = (size_t)EVP_MD_size(hash), masked = n - h - 1;
	uint8_t db[ipc_signature_max_bytes];
	size_t i = 0;

	if (n > sizeof(db) || n < 2 * h + 2 || PKCS1_MGF1(db, (long)masked,
	    block + masked, (long)h, hash) != 0)
		return false;
	db[0] = (uint8_t)((db[0] ^ block[0]) & first);
	while (i < masked - h - 1 && db[i] == 0) {
		i++;
		db[i] ^= block[i];
	}
	return i == masked - h - 1 && db[i] == 1;
}

bool
tls_key_is_pss(struct span block, int key_bits)
{
	/* RFC 8017 9.1.2: the encoding has one bit less than the modulus. */
	const unsigned bits = (unsigned)key_bits - 1;
	const size_t n = (bits + 7) / 8;
	const unsigned first = bits % 8 == 0 ? 0xff : (1U << bits % 8) - 1;
	const uint8_t *p = block.p;

	if (key_bits < 2 || block.n != bits / 8 + 1 ||
	    (block.n > n && *p++ != 0) || p[0] > first || p[n - 1] != 0xbc)
		return false;
	return is_masked(p, n, first, EVP_sha256()) ||
	    is_masked(p, n, first, EVP_sha384()) ||
	    is_masked(p, n, first, EVP_sha512());
}

/* ---- names -------------------------------------------------------------- */

/* It has the registered names of TLS 1.3 only: these are a server's of 1.2. */
const char *
tls_key_suite(const SSL *ssl)
{
	static const struct { uint16_t value; const char *name; } known[] = {
		{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
		{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
		{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
		{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
		{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
		{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" }
	};
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((SSL_CIPHER_get_id(suite) & 0xffff) == known[i].value)
			return known[i].name;
	return SSL_CIPHER_get_name(suite);
}

/* The reasons of alerts are those of its own, too: such is all that is left. */
enum tls_fail
tls_key_fail(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
		return TLS_FAIL_VERSION;
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return TLS_FAIL_NOT_TLS;
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_SIGNATURE_ALGORITHMS_ERROR:
		return TLS_FAIL_SUITE;
	default:
		return TLS_FAIL_COUNT;
	}
}
