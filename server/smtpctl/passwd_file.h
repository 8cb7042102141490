/*
 * Changing one entry of a users file, so that at every moment there is a
 * whole file of that name.  Run by smtpctl, never by smtpd.  An error ends the
 * process with 1 and a message, and leaves the file unchanged, unless only its
 * directory could not be synced.
 */
#ifndef SERVER_PASSWD_FILE_H
#define SERVER_PASSWD_FILE_H

#include <stdbool.h>

#include "shared/password_form.h"

/*
 * Copies the hash of name (compared without ASCII case) into out; an empty
 * string when the entry has no colon.  False: there is no such name.
 */
bool	passwd_file_get(const char *path, struct span name,
	    char out[password_hash_max_bytes + 1]);
/*
 * Replaces the hash of name by stored.  Where there is no such name, appends a
 * line if add is set, else returns false.  Every other octet of the file, its
 * mode and its owner stay.  A new file takes the name of the old one, and is
 * on disk before this returns.
 */
bool	passwd_file_set(const char *path, struct span name, bool add,
	    const char *stored);

#endif
