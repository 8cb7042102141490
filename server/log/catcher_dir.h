/*
 * The directory of a catcher: where it is when nobody says, and since when
 * what lies in it counts; the same for smtpd and for smtpctl.
 */
#ifndef SERVER_CATCHER_DIR_H
#define SERVER_CATCHER_DIR_H

#include <limits.h>
#include <time.h>

#include "server/conf/privdrop.h"

/*
 * Writes "$TMPDIR/smtpd-catcher-UID" (TMPDIR or /tmp), cut to n octets; UID is
 * that of the user whom a catcher of ours becomes.
 */
void	catcher_dir_default(char *out, size_t n);

struct catcher_dir {
	size_t	mailboxes;
	bool	is_maildir;			/* itself */
	char	stranger[NAME_MAX + 1];		/* no Maildir; "": none */
};

/* What lies in the directory. */
void	catcher_dir_look(int dir, struct catcher_dir *out);
/*
 * What comes from now on is this catcher's, unless another one, which has
 * locked incoming too, runs there already.  0, or -1 and errno.
 */
int	catcher_dir_begin(int dir, int incoming);
/*
 * False where no catcher has ever been.  *out: when the one that runs there
 * began; tv_sec 0: none runs now.
 */
bool	catcher_dir_since(const char *dir, struct timespec *out);
/*
 * Is dir of this user, of root or of the user whom a catcher of ours becomes?
 * Also true where dir stands in a directory that not everybody can write to.
 */
bool	catcher_dir_is_ours(const char *dir);

#endif
