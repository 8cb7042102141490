/*
 * Where the catcher keeps mail when nobody says: the same for smtpd and for
 * smtpctl.
 */
#ifndef SERVER_CATCHER_DIR_H
#define SERVER_CATCHER_DIR_H

#include <stddef.h>

/* Writes "$TMPDIR/smtpd-catcher-UID" (TMPDIR or /tmp), cut to n octets. */
void	catcher_default_dir(char *out, size_t n);

#endif
