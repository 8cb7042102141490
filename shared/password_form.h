/*
 * The stored form of a password, as a users file and Dovecot's passwd-file
 * have it: which kinds are safe, and what they may cost.  Pure: no hashing.
 */
#ifndef SHARED_PASSWORD_FORM_H
#define SHARED_PASSWORD_FORM_H

#include "shared/span.h"

enum {
	password_max_bytes = 255,	/* of a password, RFC 4616 2 */
	password_hash_max_bytes = 255,	/* of a stored form, with {SCHEME} */
	/* Of new ones: RFC 9106 4, second choice, with libsodium's one lane. */
	password_passes = 3,
	password_memory_kib = 64 * 1024,
	/* What a stored Argon2 hash may cost. */
	password_memory_min_kib = 7 * 1024,
	password_memory_max_kib = 256 * 1024,
	password_passes_max = 16
};

enum password_kind {
	PASSWORD_NONE,		/* "*" or "!...": no login */
	PASSWORD_ARGON2,	/* for crypto_pwhash_str_verify */
	PASSWORD_CRYPT		/* for crypt(3) */
};

struct password_form {
	enum password_kind	kind;
	struct span		hash;	/* without its {SCHEME} */
};

/* NULL and *out, which borrows from stored; or, for people, why not. */
const char *password_form_parse(struct span stored,
	    struct password_form *out);

/* ---- password_check.c, for programs with libsodium and crypt(3) ---------- */

enum password_match {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_UNCHECKED	/* no memory, or unknown to crypt(3) */
};

/* After sodium_init.  A wrong password takes as long as the right one. */
enum password_match password_check(const struct password_form *form,
	    const char *password);
/* Writes a stored form, "{ARGON2ID}...".  False: no memory for it. */
bool	password_make(const char *password,
	    char out[password_hash_max_bytes + 1]);

#endif
