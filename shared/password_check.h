/*
 * Hashing and checking passwords.  Needs libsodium and crypt(3), so only
 * programs that hash or check are linked with it.
 */
#ifndef SHARED_PASSWORD_CHECK_H
#define SHARED_PASSWORD_CHECK_H

#include "shared/password_form.h"

enum password_match {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_UNCHECKED	/* no memory, or unknown to crypt(3) */
};

/*
 * Whether password is the one of form; one with a NUL never matches a crypt(3)
 * hash.  A wrong password takes as long as the right one.  sodium_init must
 * have been called.
 */
enum password_match password_check(const struct password_form *form,
	    struct span password);
/*
 * Writes the stored form of a new password, "{ARGON2ID}...", at the cost given
 * in password_form.h.  False when there is no memory for it.
 */
bool	password_make(struct span password,
	    char out[password_hash_max_bytes + 1]);

#endif
