/*
 * The directory of a catcher: its default path, and since when mail in it
 * counts.  smtpd and smtpctl share both.
 */
#ifndef SERVER_CATCHER_DIR_H
#define SERVER_CATCHER_DIR_H

#include <limits.h>
#include <time.h>

#include "server/conf/privdrop.h"

/* "$TMPDIR/smtpd-catcher-UID" (or /tmp), of the user that it becomes. */
void	catcher_dir_default(char *out, size_t n);
/*
 * Locks incoming, and notes that mail from now on counts unless another catcher
 * has the lock already.  0, or -1 and errno.
 */
int	catcher_dir_begin(int dir, int incoming);
/*
 * False when no catcher ever ran in dir.  *out: when the catcher that runs
 * there began; tv_sec 0: none runs now.
 */
bool	catcher_dir_since(const char *dir, struct timespec *out);
/*
 * Does dir belong to this user, root or the user that our catcher becomes?
 * Also true when dir is missing or its parent is not writable for everybody.
 */
bool	catcher_dir_is_ours(const char *dir);

#endif
