/*
 * Changing one entry of a users file, so that at every moment there is a
 * whole file of that name.  Run by smtpctl, never by smtpd.
 */
#ifndef SERVER_PASSWD_FILE_H
#define SERVER_PASSWD_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "shared/password_form.h"

/* Zero but for path is valid. */
struct passwd_file {
	const char	*path;		/* borrowed */
	bool		 exposed;	/* its mode lets everybody read it */
	char		 problem[PATH_MAX + 300]; /* of what failed */
};

/*
 * Copies what stands behind the colon of name (ASCII folded) into out; an
 * empty string when there is no colon.  False, and problem in words for a
 * person.
 */
bool	passwd_file_get(struct passwd_file *f, struct span name,
	    char out[password_hash_max_bytes + 1]);
/*
 * Puts stored there instead; add: as a new last line where there is no such
 * name.  Every other octet of the file, its mode and its owner stay.  It is a
 * new file that takes the name of the old one, on disk before this returns.
 * False, and problem; then nothing was changed.
 */
bool	passwd_file_set(struct passwd_file *f, struct span name, bool add,
	    const char *stored);

#endif
