/* Hashing and checking passwords, by libsodium and crypt(3). */
#ifndef SHARED_PASSWORD_CHECK_H
#define SHARED_PASSWORD_CHECK_H

#include "shared/password_form.h"

enum password_match {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_UNCHECKED	/* no memory, or unknown to crypt(3) */
};

/*
 * One with a NUL never matches a crypt(3) hash.  A wrong password takes as long
 * as the right one.  After sodium_init.
 */
enum password_match password_check(const struct password_form *form,
	    struct span password);
/* Writes a stored form, "{ARGON2ID}...".  False: no memory for it. */
bool	password_make(struct span password,
	    char out[password_hash_max_bytes + 1]);

#endif
