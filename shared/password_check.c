/*
 * Argon2 hashes, as smtpctl passwd writes them, by libsodium; the others that
 * Dovecot writes by crypt(3).
 */
#include "shared/password_form.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum password_match
check_crypt(const char *hash, struct span password)
{
	char text[password_max_bytes + 1], *got;
	enum password_match match = PASSWORD_UNCHECKED;
	size_t n = strlen(hash);

	if (password.n > password_max_bytes ||
	    (password.n > 0 && memchr(password.p, '\0', password.n) != NULL))
		return PASSWORD_WRONG;
	if (password.n > 0)
		memcpy(text, password.p, password.n);
	text[password.n] = '\0';
	/* Every system has crypt(3); static storage is safe without threads. */
	got = crypt(text, hash);
	if (got != NULL && got[0] != '*')
		match = strlen(got) == n && sodium_memcmp(got, hash, n) == 0 ?
		    PASSWORD_RIGHT : PASSWORD_WRONG;
	sodium_memzero(text, sizeof(text));
	if (got != NULL)
		sodium_memzero(got, strlen(got));
	return match;
}

enum password_match
password_check(const struct password_form *form, struct span password)
{
	char hash[password_hash_max_bytes + 1];

	if (form->kind == PASSWORD_NONE || form->hash.n >= sizeof(hash))
		return PASSWORD_WRONG;
	memcpy(hash, form->hash.p, form->hash.n);
	hash[form->hash.n] = '\0';
	if (form->kind != PASSWORD_ARGON2)
		return check_crypt(hash, password);
	errno = 0;
	if (crypto_pwhash_str_verify(hash, (const char *)password.p,
	    password.n) == 0)
		return PASSWORD_RIGHT;
	/* Lack of memory fails in the same way, but malloc(3) sets errno. */
	return errno == ENOMEM ? PASSWORD_UNCHECKED : PASSWORD_WRONG;
}

bool
password_make(struct span password, char out[password_hash_max_bytes + 1])
{
	char hash[crypto_pwhash_STRBYTES];

	if (crypto_pwhash_str(hash, (const char *)password.p, password.n,
	    password_passes, (size_t)password_memory_kib * 1024) != 0)
		return false;
	return snprintf(out, password_hash_max_bytes + 1, "{ARGON2ID}%s",
	    hash) <= password_hash_max_bytes;
}
