/* The helpers that hold secrets: sign and auth. */
#include "worker/helper.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/tls_judge.h"
#include "worker/tls_context.h"

/* ---- sign ------------------------------------------------------------- */

/*
 * The process that owns the private keys.  The master sends it a certificate
 * and its key for a slot, and has the slot cleared when no worker uses that
 * certificate any more.  The only question is for a signature of a digest under
 * one of three schemes.  This process does the padding, so that no other can
 * have it raise any number to a private exponent.
 */
static EVP_PKEY *keys[ipc_sign_slots_max];

/* The pair being received, one at a time: the certificate, then the key. */
static struct {
	uint16_t		slot;
	struct helper_file	certificate, key;
} coming;

static void
forget_coming(void)
{
	OPENSSL_cleanse(&coming, sizeof(coming));
}

static void
judge(int channel)
{
	struct ipc_record r = { .type = IPC_JUDGED };
	EVP_PKEY **key = &keys[coming.slot];

	EVP_PKEY_free(*key);
	tls_judge(span_from(coming.certificate.octets, coming.certificate.n),
	    span_from(coming.key.octets, coming.key.n), &r.u.judged, key);
	r.u.judged.slot = coming.slot;
	forget_coming();
	helper_answer(channel, &r, -1);
}

static bool
set_scheme(EVP_PKEY_CTX *ctx, const struct ipc_digest *d)
{
	const bool rsa = EVP_PKEY_base_id(keys[d->pair]) == EVP_PKEY_RSA;
	const EVP_MD *hash = d->n == 32 ? EVP_sha256() :
	    d->n == 48 ? EVP_sha384() : EVP_sha512();

	if (rsa == (d->scheme == SIGN_ECDSA) || EVP_PKEY_sign_init(ctx) != 1)
		return false;
	if (d->scheme == SIGN_RSA_PSS_BLOCK)
		return tls_key_is_pss(span_from(d->octets, d->n),
		    EVP_PKEY_bits(keys[d->pair])) &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	/* LibreSSL has a macro for it, which drops const. */
	if (EVP_PKEY_CTX_set_signature_md(ctx, (void *)(uintptr_t)hash) != 1)
		return false;
	if (d->scheme == SIGN_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx,
		    RSA_PSS_SALTLEN_DIGEST) == 1;
	return !rsa || EVP_PKEY_CTX_set_rsa_padding(ctx,
	    RSA_PKCS1_PADDING) == 1;
}

/* Where there is no signature, its length stays 0. */
static void
answer(int channel, const struct ipc_digest *d)
{
	struct ipc_record r;
	struct ipc_signature *out = &r.u.signature;
	size_t n = sizeof(out->octets);
	EVP_PKEY_CTX *ctx = keys[d->pair] == NULL ? NULL :
	    EVP_PKEY_CTX_new(keys[d->pair], NULL);

	/* All of it: the signature goes on to a worker. */
	memset(&r, 0, sizeof(r));
	r.type = IPC_SIGNED;
	out->ticket = d->ticket;
	if (ctx != NULL && set_scheme(ctx, d) &&
	    EVP_PKEY_sign(ctx, out->octets, &n, d->octets, d->n) == 1)
		out->n = (uint16_t)n;
	EVP_PKEY_CTX_free(ctx);
	helper_answer(channel, &r, -1);
}

static void
take_sign(int channel, const struct ipc_record *r, int passed)
{
	if (r->type == IPC_KEY_CERTIFICATE) {
		if (r->u.pem.at == 0)
			forget_coming();
		coming.slot = r->u.pem.pair;
		helper_take_piece(&coming.certificate, &r->u.pem);
	} else if (r->type == IPC_KEY) {
		helper_take_piece(&coming.key, &r->u.pem);
		if (r->u.pem.last)
			judge(channel);
	} else if (r->type == IPC_KEY_FORGET) {
		EVP_PKEY_free(keys[r->u.number.n]);
		keys[r->u.number.n] = NULL;
		if (coming.slot == r->u.number.n)
			forget_coming();
	} else
		answer(channel, &r->u.digest);
}

void
sign_run(int channel)
{
	if (!tls_key_wipe() ||
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		_exit(1);
	helper_serve(channel, SANDBOX_SIGN, IPC_TO_SIGN, 1, take_sign);
}

/* ---- auth ------------------------------------------------------------- */

/*
 * The process that owns the passwords.  The master asks one question at a time,
 * so hashing never takes more memory than one hash needs.
 */
enum { niceness = 10 };

struct table {
	struct ipc_account	*rows;
	size_t			 n;
	size_t			 room;
};

static struct table table, next_table;

/* Every octet of a struct mailbox is defined, so memcmp(3) compares two. */
static int
by_name(const void *a, const void *b)
{
	const struct ipc_account *x = a, *y = b;

	return memcmp(&x->who, &y->who, sizeof(x->who));
}

static void
forget(struct table *t)
{
	if (t->rows != NULL)
		sodium_memzero(t->rows, t->room * sizeof(*t->rows));
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

static void
begin_table(uint64_t rows)
{
	forget(&next_table);
	next_table.room = rows;
	next_table.rows = calloc(rows + 1, sizeof(*next_table.rows));
	if (next_table.rows == NULL)
		_exit(1);	/* the master notices */
}

/* An incomplete table would lack passwords. */
static void
use_if_complete(void)
{
	if (next_table.rows == NULL || next_table.n < next_table.room)
		return;
	qsort(next_table.rows, next_table.n, sizeof(*next_table.rows),
	    by_name);
	forget(&table);
	table = next_table;
	memset(&next_table, 0, sizeof(next_table));
}

/* The check of an unknown name takes as long as that of a known one. */
static enum smtp_reply
check(const struct ipc_password *question)
{
	struct ipc_account key = { .who = question->who };
	const struct ipc_account *row, *tried;
	enum password_match match = PASSWORD_UNCHECKED;
	struct password_form form;

	if (table.n == 0)
		return REPLY_AUTH_WRONG;
	row = bsearch(&key, table.rows, table.n, sizeof(key), by_name);
	tried = row != NULL ? row : &table.rows[question->decoy % table.n];
	if (password_form_parse(span_of(tried->stored), &form) == NULL)
		match = password_check(&form, question->password);
	if (match == PASSWORD_UNCHECKED)
		return REPLY_AUTH_TROUBLE;
	return match == PASSWORD_RIGHT && row != NULL ?
	    REPLY_AUTH_OK : REPLY_AUTH_WRONG;
}

static void
take_auth(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_CHECKED };

	if (r->type == IPC_TABLE)
		begin_table(r->u.number.n);
	else if (r->type == IPC_ACCOUNT && next_table.n < next_table.room)
		next_table.rows[next_table.n++] = r->u.account;
	else if (r->type == IPC_PASSWORD) {
		answer.u.checked.ticket = r->u.password.ticket;
		answer.u.checked.answer = check(&r->u.password);
		helper_answer(channel, &answer, -1);
	}
	use_if_complete();
}

void
auth_run(int channel)
{
	if (sodium_init() == -1)
		_exit(1);
	(void)setpriority(PRIO_PROCESS, 0, niceness);
	helper_serve(channel, SANDBOX_AUTH, IPC_TO_AUTH, 1, take_auth);
}
