/*
 * Checkpoints: their form, and their signatures by libsodium's Ed25519.
 */
#include "server/log/log_checkpoint.h"

#include <stdio.h>
#include <string.h>

/* Ahead of what is signed, so that it is a signature of nothing else. */
static const char purpose[] = "smtpd message log checkpoint 1\n";
static const char secret_word[] = "smtpd-log-secret ";
static const char public_word[] = "smtpd-log-public ";

static void
add_hex(struct buf *b, const uint8_t *p, size_t n)
{
	char text[2 * crypto_sign_BYTES + 1];

	sodium_bin2hex(text, sizeof(text), p, n);
	buf_add_str(b, text);
}

/* Small letters only: one spelling. */
static bool
read_hex(struct span s, uint8_t *out, size_t n)
{
	size_t got;

	if (s.n != 2 * n || sodium_hex2bin(out, n, (const char *)s.p, s.n,
	    NULL, &got, NULL) != 0 || got != n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return false;
	return true;
}

/* All but the signature. */
static void
write_body(const struct log_checkpoint *c, struct buf *out)
{
	buf_add_str(out, "{\"time\":\"");
	buf_add_str(out, c->time);
	buf_add_str(out, "\",\"event\":\"checkpoint\",\"n\":");
	buf_add_u64(out, c->n, 1);
	buf_add_str(out, ",\"hash\":\"");
	add_hex(out, c->hash, sizeof(c->hash));
	buf_add_str(out, "\"");
	if (!c->is_signed)
		return;
	buf_add_str(out, ",\"key\":\"");
	add_hex(out, c->key, sizeof(c->key));
	buf_add_str(out, "\"");
}

void
log_checkpoint_write(const struct log_checkpoint *c, struct buf *out)
{
	write_body(c, out);
	if (c->is_signed) {
		buf_add_str(out, ",\"signature\":\"");
		add_hex(out, c->signature, sizeof(c->signature));
		buf_add_str(out, "\"");
	}
	buf_add_str(out, "}\n");
}

static struct span
take_string(struct json *j, const char *key)
{
	json_take(j, key);
	return json_take_string(j);
}

/* "2026-11-24T00:16:26Z", as far as it has to be. */
static bool
read_time(struct span s, char out[24])
{
	if (s.n != 20)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (memchr("0123456789-:TZ", s.p[i], 14) == NULL)
			return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

bool
log_checkpoint_read(struct span line, struct log_checkpoint *out)
{
	struct json j = { line, false };
	struct span time, hash, key, signature;

	memset(out, 0, sizeof(*out));
	time = take_string(&j, "{\"time\":");
	json_take(&j, ",\"event\":\"checkpoint\",\"n\":");
	out->n = json_take_u64(&j);
	hash = take_string(&j, ",\"hash\":");
	if (json_took(&j, ",\"key\":")) {
		out->is_signed = true;
		key = json_take_string(&j);
		signature = take_string(&j, ",\"signature\":");
		if (!read_hex(key, out->key, sizeof(out->key)) ||
		    !read_hex(signature, out->signature,
		    sizeof(out->signature)))
			return false;
	}
	json_take(&j, "}");
	return !j.bad && j.rest.n == 0 && out->n > 0 &&
	    read_time(time, out->time) &&
	    read_hex(hash, out->hash, sizeof(out->hash));
}

/* What the signature is of. */
static struct span
signed_text(const struct log_checkpoint *c,
    uint8_t storage[log_checkpoint_line_bytes])
{
	struct buf b = buf_over(storage, log_checkpoint_line_bytes);

	buf_add_str(&b, purpose);
	write_body(c, &b);
	return buf_span(&b);
}

void
log_checkpoint_sign(struct log_checkpoint *c,
    const uint8_t seed[crypto_sign_SEEDBYTES])
{
	uint8_t storage[log_checkpoint_line_bytes];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	struct span text;

	crypto_sign_seed_keypair(c->key, secret, seed);
	c->is_signed = true;
	text = signed_text(c, storage);
	crypto_sign_detached(c->signature, NULL, text.p, text.n, secret);
	sodium_memzero(secret, sizeof(secret));
}

bool
log_checkpoint_check(const struct log_checkpoint *c,
    const uint8_t key[crypto_sign_PUBLICKEYBYTES])
{
	uint8_t storage[log_checkpoint_line_bytes];
	struct span text = signed_text(c, storage);

	return c->is_signed && memcmp(c->key, key, sizeof(c->key)) == 0 &&
	    crypto_sign_verify_detached(c->signature, text.p, text.n,
	    key) == 0;
}

void
log_key_make(char secret[log_key_line_bytes],
    char public[log_key_line_bytes])
{
	uint8_t seed[crypto_sign_SEEDBYTES], key[crypto_sign_PUBLICKEYBYTES];
	uint8_t pair[crypto_sign_SECRETKEYBYTES];
	char hex[2 * sizeof(seed) + 1];

	randombytes_buf(seed, sizeof(seed));
	crypto_sign_seed_keypair(key, pair, seed);
	sodium_bin2hex(hex, sizeof(hex), seed, sizeof(seed));
	snprintf(secret, log_key_line_bytes, "%s%s\n", secret_word, hex);
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	snprintf(public, log_key_line_bytes, "%s%s\n", public_word, hex);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(pair, sizeof(pair));
}

static bool
read_key(struct span line, const char *word, uint8_t *out, size_t n)
{
	size_t skip = strlen(word);

	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	return line.n > skip && memcmp(line.p, word, skip) == 0 &&
	    read_hex(span_skip(line, skip), out, n);
}

bool
log_key_read_secret(struct span line, uint8_t seed[crypto_sign_SEEDBYTES])
{
	return read_key(line, secret_word, seed, crypto_sign_SEEDBYTES);
}

bool
log_key_read_public(struct span line,
    uint8_t key[crypto_sign_PUBLICKEYBYTES])
{
	return read_key(line, public_word, key, crypto_sign_PUBLICKEYBYTES);
}
