/*
 * worker/tls_key_libressl.c, with whatever library is here that has methods of
 * keys, between TLS and the sign process in its sandbox, of which this test is
 * the master.
 */
#include "t/unit/unit.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "t/dialog/play_tls.h"
#include "worker/helper.h"
#include "worker/tls_context.h"

static int sign = -1;			/* the master's end */
static struct ipc_digest last;		/* that was asked for */
static unsigned questions;
static bool refused;

/* ---- the sign process --------------------------------------------------- */

static void
take(struct ipc_record *r, enum ipc_type type)
{
	const char *why = "";
	int passed;

	ck_assert_msg(ipc_recv(sign, IPC_FROM_SIGN, IPC_AT_ANY, true, r,
	    &passed, &why) == IPC_GOT_RECORD, "%s", why);
	ck_assert_int_eq(r->type, type);
}

static void
start_sign(void)
{
	struct ipc_record r;
	int ends[2];
	pid_t pid;

	/* One at a time: its sandbox has few descriptors. */
	if (sign != -1)
		close(sign);
	ck_assert_int_eq(ipc_pair(ends), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		sign_run(ends[1]);
	}
	ck_assert_int_gt(pid, 0);
	close(ends[1]);
	sign = ends[0];
	take(&r, IPC_READY);
}

void
tell_record(struct ask *a, struct ipc_record *r)
{
	struct ipc_record question = *r;

	/* Both ways the record has the same check, and a bad one ends sign. */
	last = r->u.digest;
	questions++;
	question.type = IPC_DIGEST;
	ck_assert_int_eq(ipc_send(sign, &question, -1, true), 0);
}

int
ask_answer(struct ask *a, struct ipc_record *r, enum ipc_type type)
{
	take(r, IPC_SIGNED);
	r->type = type;
	return -1;
}

static void
give_pieces(enum ipc_type type, BIO *file)
{
	struct ipc_record r = { .type = type };
	const char *text;
	long n = BIO_get_mem_data(file, (char **)(uintptr_t)&text);

	for (long at = 0; at < n; at += r.u.pem.n) {
		r.u.pem.at = (uint16_t)at;
		r.u.pem.n = (uint16_t)(n - at > 1000 ? 1000 : n - at);
		r.u.pem.last = at + r.u.pem.n == n;
		memcpy(r.u.pem.octets, text + at, r.u.pem.n);
		if (type == IPC_CERTIFICATE)
			tls_context_take(&r.u.pem);
		else
			ck_assert_int_eq(ipc_send(sign, &r, -1, true), 0);
	}
	BIO_free(file);
}

/* ---- a pair ------------------------------------------------------------- */

static X509 *certificate;
static EVP_PKEY *handle;		/* what TLS is given as its key */

static EVP_PKEY *
make_key(int rsa_bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	if (rsa_bits == 0) {
		key = tls_make_ec_key();
	} else {
		ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx,
		    rsa_bits), 1);
		ck_assert_int_eq(EVP_PKEY_keygen(ctx, &key), 1);
	}
	EVP_PKEY_CTX_free(ctx);
	ck_assert_ptr_nonnull(key);
	return key;
}

/* Only the sign process has the key afterwards.  0 bits: EC. */
static void
begin(int rsa_bits)
{
	EVP_PKEY *key;
	X509_NAME *name;
	struct ipc_record r;
	BIO *file;

	start_sign();
	key = make_key(rsa_bits);
	certificate = X509_new();
	name = X509_get_subject_name(certificate);
	ck_assert(X509_set_version(certificate, 2) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"mx.example.org", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(certificate, name) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL &&
	    X509_set_pubkey(certificate, key) == 1 &&
	    X509_sign(certificate, key, EVP_sha256()) > 0);
	for (int i = 0; i < 2; i++) {
		file = BIO_new(BIO_s_mem());
		ck_assert_int_eq(PEM_write_bio_X509(file, certificate), 1);
		give_pieces(i == 0 ? IPC_KEY_CERTIFICATE : IPC_CERTIFICATE,
		    file);
	}
	file = BIO_new(BIO_s_mem());
	ck_assert_int_eq(PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0,
	    NULL, NULL), 1);
	give_pieces(IPC_KEY, file);
	take(&r, IPC_JUDGED);
	ck_assert_int_eq(r.u.judged.fault, TLS_FAULT_NONE);
	EVP_PKEY_free(key);
	ck_assert_ptr_null(tls_context_make(1, true));
	handle = tls_key_of(certificate, 0);
	ck_assert_ptr_nonnull(handle);
	tls_context_ask_by((struct ask *)&sign, &refused);
	questions = 0;
}

/* ---- signatures --------------------------------------------------------- */

static const EVP_MD *
hash_of(int i)
{
	return i == 0 ? EVP_sha256() : i == 1 ? EVP_sha384() : EVP_sha512();
}

static void
set_padding(EVP_PKEY_CTX *ctx, int padding)
{
	if (padding == 0)
		return;
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, -1), 1);
}

/* Padding 0: none.  As TLS does it: signs with the handle, ... */
static size_t
make_signature(const EVP_MD *hash, int padding, uint8_t out[512])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	size_t n = 512;

	ck_assert_int_eq(EVP_DigestSignInit(md, &ctx, hash, NULL, handle), 1);
	set_padding(ctx, padding);
	if (EVP_DigestSign(md, out, &n, (const uint8_t *)"text", 4) != 1)
		n = 0;
	EVP_MD_CTX_free(md);
	return n;
}

/* ... and checks with the certificate. */
static bool
is_signature(const EVP_MD *hash, int padding, const uint8_t *p, size_t n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	bool good;

	ck_assert_int_eq(EVP_DigestVerifyInit(md, &ctx, hash, NULL,
	    X509_get0_pubkey(certificate)), 1);
	set_padding(ctx, padding);
	good = EVP_DigestVerify(md, p, n, (const uint8_t *)"text", 4) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

static void
signs(int padding, enum sign_scheme scheme)
{
	uint8_t out[512];
	size_t n;

	for (int i = 0; i < 3; i++) {
		questions = 0;
		n = make_signature(hash_of(i), padding, out);
		ck_assert_uint_gt(n, 0);
		ck_assert_uint_eq(questions, 1);
		ck_assert_int_eq(last.scheme, scheme);
		ck_assert(!refused && is_signature(hash_of(i), padding, out,
		    n));
	}
}

TEST(signs_ec)
{
	begin(0);
	signs(0, SIGN_ECDSA);
}

TEST(signs_rsa)
{
	static const int bits[] = { 2048, 2056, 3072 };

	for (size_t i = 0; i < COUNT(bits); i++) {
		begin(bits[i]);
		signs(RSA_PKCS1_PADDING, SIGN_RSA_PKCS1);
		signs(RSA_PKCS1_PSS_PADDING, SIGN_RSA_PSS_BLOCK);
	}
}

/* ---- what is refused ---------------------------------------------------- */

static bool
raises(const uint8_t *block, size_t n, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(handle, NULL);
	uint8_t out[512];
	size_t out_n = sizeof(out);
	bool made;

	ck_assert_int_eq(EVP_PKEY_sign_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	made = EVP_PKEY_sign(ctx, out, &out_n, block, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return made;
}

static bool
decrypts(const uint8_t *in, size_t n, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(handle, NULL);
	uint8_t out[512];
	size_t out_n = sizeof(out);
	bool made;

	ck_assert_int_eq(EVP_PKEY_decrypt_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	made = EVP_PKEY_decrypt(ctx, out, &out_n, in, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return made;
}

TEST(refuses)
{
	uint8_t block[512] = { 0 }, sealed[512];
	EVP_PKEY_CTX *ctx;
	size_t n = sizeof(sealed);

	begin(2048);
	/* A ciphertext is not decrypted, under any padding, nor asked for. */
	ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(certificate), NULL);
	ck_assert(EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_encrypt(ctx, sealed, &n, block, 100) == 1 && n == 256);
	EVP_PKEY_CTX_free(ctx);
	ck_assert(!decrypts(sealed, n, RSA_PKCS1_PADDING) &&
	    !decrypts(sealed, n, RSA_PKCS1_OAEP_PADDING) &&
	    !decrypts(sealed, n, RSA_NO_PADDING));
	/* Nor what is padded, but for another purpose. */
	ck_assert(!raises(block, 100, RSA_PKCS1_PADDING));
	ck_assert_uint_eq(make_signature(EVP_sha1(), RSA_PKCS1_PADDING,
	    block), 0);
	ck_assert_uint_eq(questions, 0);
	/* These reach the sign process, which refuses. */
	ck_assert(!raises(sealed, n, RSA_NO_PADDING) && refused);
	memset(block, 0, sizeof(block));
	ck_assert(!raises(block, 256, RSA_NO_PADDING));
	memset(block + 1, 0xff, 254);
	memcpy(block, "\0\1", 2);
	ck_assert(!raises(block, 256, RSA_NO_PADDING));
	ck_assert_uint_eq(questions, 3);
}

/* A block as its asker chose it, past whatever the library does. */
static unsigned
asked(const uint8_t *block, size_t n)
{
	uint8_t out[512];

	return (unsigned)tls_context_sign(0, SIGN_RSA_PSS_BLOCK,
	    span_from(block, n), out, sizeof(out));
}

TEST(refuses_ec_and_lengths)
{
	uint8_t out[512];

	begin(2048);
	ck_assert_uint_gt(make_signature(EVP_sha256(), RSA_PKCS1_PSS_PADDING,
	    out), 0);
	ck_assert_uint_eq(asked(last.octets, 256), 256);
	ck_assert_uint_eq(asked(last.octets, 257), 0);
	ck_assert_uint_eq(asked(last.octets, 512), 0);
	memcpy(out, last.octets, 256);
	begin(0);
	ck_assert_uint_eq(asked(out, 256), 0);
	begin(3072);
	ck_assert_uint_eq(asked(out, 256), 0);
}

static bool
is_pss(const uint8_t *block, size_t n, int bits)
{
	return tls_key_is_pss(span_from(block, n), bits);
}

/* A modulus of so many bits: all that an encoding depends on. */
static RSA *
modulus(int bits)
{
	RSA *rsa = RSA_new();
	BIGNUM *n = BN_new(), *e = BN_new();

	ck_assert(BN_set_bit(n, bits - 1) == 1 && BN_set_bit(n, 0) == 1 &&
	    BN_set_word(e, 65537) == 1 && RSA_set0_key(rsa, n, e, NULL) == 1);
	return rsa;
}

/*
 * Each octet of a block, changed.  Only the salt, which the asker chooses, may
 * be another one: the others are no PSS encoding any more.
 */
static void
flip(int bits, const EVP_MD *hash, bool all)
{
	const size_t n = ((size_t)bits + 7) / 8, h = (size_t)EVP_MD_size(hash);
	const size_t salt = n - 2 * h - 1;
	RSA *rsa = modulus(bits);
	uint8_t block[512];

	memset(block, 7, sizeof(block));
	ck_assert_int_eq(RSA_padding_add_PKCS1_PSS_mgf1(rsa, block, block,
	    hash, NULL, -1), 1);
	ck_assert(is_pss(block, n, bits));
	for (size_t i = 0; i < n; i++)
		for (unsigned by = all ? 1 : 0x55; by <= (all ? 255 : 0x55);
		    by++) {
			block[i] ^= (uint8_t)by;
			ck_assert_int_eq(is_pss(block, n, bits),
			    i >= salt && i < salt + h);
			block[i] ^= (uint8_t)by;
		}
	/* Nor is it one for a longer key, or behind other zeros. */
	ck_assert(!is_pss(block, n + 1, bits) && !is_pss(block, n, bits + 8) &&
	    !is_pss(block, n - 1, bits) && !is_pss(block + 1, n - 1, bits));
	RSA_free(rsa);
}

/* 2049: the encoding is an octet shorter than the key. */
TEST(each_octet_counts)
{
	for (int bits = 2048; bits <= 2057; bits++)
		for (int i = 0; i < 3; i++)
			flip(bits, hash_of(i), bits == 2049 && i == 0);
	flip(4096, EVP_sha512(), false);
}

/* Salts of other lengths, and masks by another hash than the block's. */
TEST(other_encodings)
{
	RSA *rsa = modulus(2048);
	uint8_t block[512];

	for (int salt = 0; salt <= 96; salt++)
		for (int i = 0; i < 3; i++) {
			memset(block, salt, sizeof(block));
			ck_assert_int_eq(RSA_padding_add_PKCS1_PSS_mgf1(rsa,
			    block, block, hash_of(i), NULL, salt), 1);
			ck_assert_int_eq(is_pss(block, 256, 2048),
			    salt == EVP_MD_size(hash_of(i)));
		}
	for (int i = 0; i < 9; i++) {
		memset(block, i, sizeof(block));
		ck_assert_int_eq(RSA_padding_add_PKCS1_PSS_mgf1(rsa, block,
		    block, hash_of(i / 3), hash_of(i % 3), -1), 1);
		ck_assert_int_eq(is_pss(block, 256, 2048), i / 3 == i % 3);
	}
	RSA_free(rsa);
}

/* With the end and the first bits right they come to the mask. */
TEST(random_blocks)
{
	uint8_t block[512];

	for (int i = 0; i < 1000000; i++) {
		randombytes_buf(block, 256);
		if (i % 16 == 0) {
			block[0] &= 0x7f;
			block[255] = 0xbc;
		}
		ck_assert(!is_pss(block, 256, 2048));
	}
	for (int bits = 0; bits <= 4096; bits++)
		for (size_t n = 0; n <= sizeof(block); n += 64)
			ck_assert(!is_pss(block, n, bits));
}

/* ---- TLS ---------------------------------------------------------------- */

/* A client that checks the certificate; what the server asked for. */
static void
shakes_hands(uint16_t version, enum sign_scheme scheme)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client, *server = SSL_new(tls_context());
	int at_client = 0, at_server = 0;
	BIO *ends[2];

	ck_assert(ctx != NULL && server != NULL &&
	    SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate) ==
	    1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	client = SSL_new(ctx);
	ck_assert_int_eq(BIO_new_bio_pair(&ends[0], 0, &ends[1], 0), 1);
	SSL_set_bio(client, ends[0], ends[0]);
	SSL_set_bio(server, ends[1], ends[1]);
	questions = 0;
	for (int i = 0; i < 10 && (at_client != 1 || at_server != 1); i++) {
		/* At the end LibreSSL would begin another one. */
		if (at_client != 1)
			at_client = SSL_connect(client);
		if (at_server != 1)
			at_server = SSL_accept(server);
	}
	ck_assert_msg(at_client == 1 && at_server == 1, "%s",
	    ERR_reason_error_string(ERR_peek_error()));
	ck_assert_int_eq(SSL_version(client), version);
	ck_assert_uint_eq(questions, 1);
	ck_assert_int_eq(last.scheme, scheme);
	/* As IANA has it, not the library. */
	ck_assert(strncmp(tls_key_suite(server), "TLS_", 4) == 0 &&
	    (version == TLS1_3_VERSION) == (strstr(tls_key_suite(server),
	    "_WITH_") == NULL));
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
}

TEST(handshakes)
{
	begin(0);
	shakes_hands(TLS1_2_VERSION, SIGN_ECDSA);
	shakes_hands(TLS1_3_VERSION, SIGN_ECDSA);
	begin(2048);
	shakes_hands(TLS1_2_VERSION, SIGN_RSA_PSS_BLOCK);
	shakes_hands(TLS1_3_VERSION, SIGN_RSA_PSS_BLOCK);
}
