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
check_crypt(const char *hash, const char *password)
{
	/* Every system has crypt(3); static storage is safe without threads. */
	char *got = crypt(password, hash);
	const size_t n = strlen(hash);
	bool right;

	/* FreeBSD hashes what is unknown to it as its default kind. */
	if (got == NULL || strncmp(got, hash, strcspn(hash + 1, "$") + 2) != 0)
		return PASSWORD_UNCHECKED;
	right = strlen(got) == n && sodium_memcmp(got, hash, n) == 0;
	sodium_memzero(got, strlen(got));
	return right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

enum password_match
password_check(const struct password_form *form, const char *password)
{
	char hash[password_hash_max_bytes + 1];

	if (form->kind == PASSWORD_NONE)
		return PASSWORD_WRONG;
	span_copy(form->hash, hash);
	if (form->kind != PASSWORD_ARGON2)
		return check_crypt(hash, password);
	errno = 0;
	if (crypto_pwhash_str_verify(hash, password, strlen(password)) == 0)
		return PASSWORD_RIGHT;
	/* Lack of memory fails in the same way, but malloc(3) sets errno. */
	return errno == ENOMEM ? PASSWORD_UNCHECKED : PASSWORD_WRONG;
}

bool
password_make(const char *password, char out[password_hash_max_bytes + 1])
{
	char hash[crypto_pwhash_STRBYTES];

	if (crypto_pwhash_str(hash, password, strlen(password),
	    password_passes, (size_t)password_memory_kib * 1024) != 0)
		return false;
	return snprintf(out, password_hash_max_bytes + 1, "{ARGON2ID}%s",
	    hash) <= password_hash_max_bytes;
}
