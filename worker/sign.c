/*
 * The process that owns the private keys.  The master asks, in records of one
 * size, for a signature of a digest under one of three schemes; there is no
 * other question.  It pads by itself, so nobody can have it raise what he
 * likes to a private exponent.  One question at a time, in order.
 */
#include "worker/sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "worker/held.h"

/* A key file as it comes in; then the key. */
struct private {
	char		 text[ipc_certificate_max_bytes];
	size_t		 n;
	EVP_PKEY	*key;
};

static struct private keys[ipc_tls_pairs_max];

static int
no_password(char *out, int max, int for_writing, void *arg)
{
	(void)out;
	(void)max;
	(void)for_writing;
	(void)arg;
	return -1;
}

static void
take_piece(const struct ipc_pem *piece)
{
	struct private *p = &keys[piece->pair];
	BIO *bio;

	if (p->key != NULL || p->n + piece->n > sizeof(p->text))
		return;
	memcpy(p->text + p->n, piece->octets, piece->n);
	p->n += piece->n;
	if (!piece->last)
		return;
	bio = BIO_new_mem_buf(p->text, (int)p->n);
	if (bio != NULL)
		p->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	OPENSSL_cleanse(p->text, sizeof(p->text));
	p->n = 0;
}

static const EVP_MD *
hash_of(const struct ipc_digest *d)
{
	return d->n == 32 ? EVP_sha256() : d->n == 48 ? EVP_sha384() :
	    EVP_sha512();
}

static bool
set_scheme(EVP_PKEY_CTX *ctx, const struct ipc_digest *d)
{
	EVP_PKEY *key = keys[d->pair].key;
	bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;

	if (rsa == (d->scheme == SIGN_ECDSA) ||
	    EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, hash_of(d)) != 1)
		return false;
	if (d->scheme == SIGN_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx,
		    RSA_PSS_SALTLEN_DIGEST) == 1;
	return !rsa || EVP_PKEY_CTX_set_rsa_padding(ctx,
	    RSA_PKCS1_PADDING) == 1;
}

/* n stays 0 where there is no signature. */
static void
make_signature(const struct ipc_digest *d, struct ipc_signature *out)
{
	size_t n = sizeof(out->octets);
	EVP_PKEY_CTX *ctx;

	if (keys[d->pair].key == NULL)
		return;
	ctx = EVP_PKEY_CTX_new(keys[d->pair].key, NULL);
	if (ctx != NULL && set_scheme(ctx, d) &&
	    EVP_PKEY_sign(ctx, out->octets, &n, d->octets, d->n) == 1)
		out->n = (uint16_t)n;
	EVP_PKEY_CTX_free(ctx);
}

static void
answer(int channel, const struct ipc_digest *d)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_SIGNED;
	r.u.signature.ticket = d->ticket;
	make_signature(d, &r.u.signature);
	if (ipc_send(channel, &r, -1, true) == -1)
		_exit(0);
}

void
sign_run(int channel)
{
	struct ipc_record r;
	const char *why;
	int passed;

	held_begin(channel, SANDBOX_SIGN, IPC_SIGNER_READY,
	    IPC_SIGNER_UNSAFE);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		_exit(1);
	while (ipc_recv(channel, IPC_TO_SIGN, IPC_AT_ANY, true, &r, &passed,
	    &why) == IPC_GOT_RECORD) {
		if (r.type == IPC_KEY)
			take_piece(&r.u.pem);
		else
			answer(channel, &r.u.digest);
		OPENSSL_cleanse(&r, sizeof(r));
	}
	_exit(0);
}
