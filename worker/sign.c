/*
 * The process that owns the private keys.  The master sends it a certificate
 * and its key for a slot, gets the answer whether they belong together, and
 * has the slot cleared when no worker uses that certificate any more.  In
 * records of one size it asks for a signature of a digest under one of three
 * schemes; there is no other question.  This process does the padding, so that
 * no other can have it raise any number to a private exponent.  It answers one
 * question at a time, in order.
 */
#include "worker/helper.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/tls_judge.h"

static EVP_PKEY *keys[ipc_sign_slots_max];

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

	(void)file;
	(void)line;
	if (b == NULL)
		return NULL;
	b->n = n;
	return b + 1;
}

static void
wiping_free(void *p, const char *file, int line)
{
	struct block *b = p;

	(void)file;
	(void)line;
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

/* A file, as far as it has come. */
struct file {
	size_t		n;
	uint8_t		octets[ipc_certificate_max_bytes];
};

/* The pair being received, one at a time: the certificate, then the key. */
static struct {
	uint16_t	slot;
	struct file	certificate;
	struct file	key;
} coming;

static void
forget_coming(void)
{
	OPENSSL_cleanse(&coming, sizeof(coming));
}

static void
take_piece(struct file *f, const struct ipc_pem *piece)
{
	if (piece->pair != coming.slot)
		forget_coming();
	coming.slot = piece->pair;
	/* The master sends no larger file; a file cut short makes no pair. */
	if (piece->n > sizeof(f->octets) - f->n)
		return;
	memcpy(f->octets + f->n, piece->octets, piece->n);
	f->n += piece->n;
}

/* Judges the pair: the last piece of its key has come. */
static void
judge(int channel)
{
	struct ipc_record r;
	EVP_PKEY **key = &keys[coming.slot];

	memset(&r, 0, sizeof(r));
	r.type = IPC_JUDGED;
	EVP_PKEY_free(*key);
	tls_judge(span_from(coming.certificate.octets, coming.certificate.n),
	    span_from(coming.key.octets, coming.key.n), &r.u.judged, key);
	r.u.judged.slot = coming.slot;
	forget_coming();
	helper_answer(channel, &r);
}

static void
forget_key(uint32_t slot)
{
	EVP_PKEY_free(keys[slot]);
	keys[slot] = NULL;
	if (coming.slot == slot)
		forget_coming();
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
	EVP_PKEY *key = keys[d->pair];
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

/* out->n stays 0 where there is no signature. */
static void
make_signature(const struct ipc_digest *d, struct ipc_signature *out)
{
	size_t n = sizeof(out->octets);
	EVP_PKEY_CTX *ctx;

	if (keys[d->pair] == NULL)
		return;
	ctx = EVP_PKEY_CTX_new(keys[d->pair], NULL);
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
	helper_answer(channel, &r);
}

static void
take(int channel, const struct ipc_record *r, int passed)
{
	(void)passed;
	if (r->type == IPC_KEY_CERTIFICATE)
		take_piece(&coming.certificate, &r->u.pem);
	else if (r->type == IPC_KEY)
		take_piece(&coming.key, &r->u.pem);
	else if (r->type == IPC_KEY_FORGET)
		forget_key(r->u.slot.slot);
	else
		answer(channel, &r->u.digest);
	if (r->type == IPC_KEY && r->u.pem.last)
		judge(channel);
}

void
sign_run(int channel)
{
	/* OpenSSL accepts these only before its first allocation. */
	if (CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc,
	    wiping_free) != 1 ||
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		_exit(1);
	helper_serve(channel, SANDBOX_SIGN, IPC_TO_SIGN, take);
}
