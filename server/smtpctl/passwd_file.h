/*
 * Changing one entry of a users file, so that at every moment there is a
 * whole file of that name.  Run by smtpctl, never by smtpd.  What cannot be
 * done ends the process with 1 and words for a person; then nothing was
 * changed.
 */
#ifndef SERVER_PASSWD_FILE_H
#define SERVER_PASSWD_FILE_H

#include <stdbool.h>

#include "shared/password_form.h"

/*
 * Copies what stands behind the colon of name (ASCII folded) into out; an
 * empty string when there is no colon.  False: there is no such name.
 */
bool	passwd_file_get(const char *path, struct span name,
	    char out[password_hash_max_bytes + 1]);
/*
 * Puts stored there instead; as a new last line where there is no such name,
 * but then add must be set.  Every other octet of the file, its mode and its
 * owner stay.  It is a new file that takes the name of the old one, on disk
 * before this returns.  False: there is no such name.
 */
bool	passwd_file_set(const char *path, struct span name, bool add,
	    const char *stored);

#endif
