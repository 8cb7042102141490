/* The directory of a catcher, for smtpd and smtpctl. */
#ifndef SERVER_CATCHER_DIR_H
#define SERVER_CATCHER_DIR_H

#include <limits.h>
#include <time.h>

#include "server/conf/privdrop.h"

/* "$TMPDIR/smtpd-catcher-UID" (or /tmp), of the user that it becomes. */
void	catcher_dir_default(char *out, size_t n);
/* Locks incoming; without another catcher, mail counts from now.  0, or -1. */
int	catcher_dir_begin(int dir, int incoming);
/* False: no catcher ever ran in dir.  tv_sec of *out is 0: none runs now. */
bool	catcher_dir_since(const char *dir, struct timespec *out);
/*
 * Does dir belong to us, root or our catcher, is it missing, or may others
 * write nothing beside it?
 */
bool	catcher_dir_is_ours(const char *dir);

#endif
