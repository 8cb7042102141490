/*
 * Hashing passwords and checking them.  Needs libsodium and crypt(3), so it
 * is linked only into what does that.
 */
#ifndef SHARED_PASSWORD_CHECK_H
#define SHARED_PASSWORD_CHECK_H

#include "shared/password_form.h"

enum password_match {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_UNCHECKED	/* no memory, or crypt(3) does not know it */
};

/*
 * Whether password (n octets, NULs among them never match a crypt(3) hash) is
 * the one of form.  Takes as long for a wrong one as for the right one.
 * sodium_init has been called.
 */
enum password_match password_check(const struct password_form *form,
	    struct span password);
/*
 * The stored form of a new password, "{ARGON2ID}...", as password_form.h says
 * what it costs.  False when there is no memory for it.
 */
bool	password_make(struct span password,
	    char out[password_hash_max_bytes + 1]);

#endif
