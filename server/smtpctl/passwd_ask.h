/*
 * Asking a person, or a script, for a password.  Run by smtpctl.
 */
#ifndef SERVER_PASSWD_ASK_H
#define SERVER_PASSWD_ASK_H

#include <stdbool.h>

#include "shared/password_form.h"

/*
 * Reads a password: from the terminal without showing it, twice if it is to
 * be a new one; or, when standard input is none, its first line.  NULL and
 * out, ended by a NUL, for the caller to wipe; or why there is none.
 */
const char *passwd_ask(bool is_new, char out[password_max_bytes + 1]);

#endif
