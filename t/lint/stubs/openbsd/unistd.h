/*
 * What shared/sandbox_openbsd.c needs beyond POSIX, as pledge(2) and
 * unveil(2) declare it.  For t/lint/stubs.sh only.
 */
#ifndef STUB_OPENBSD_UNISTD_H
#define STUB_OPENBSD_UNISTD_H

#include_next <unistd.h>

int	pledge(const char *promises, const char *execpromises);
int	unveil(const char *path, const char *permissions);

#endif
