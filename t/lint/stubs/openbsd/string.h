/*
 * What shared/os/sandbox_openbsd.c needs beyond POSIX.  For t/lint/stubs.sh only.
 */
#ifndef STUB_OPENBSD_STRING_H
#define STUB_OPENBSD_STRING_H

#include_next <string.h>

size_t	strlcat(char *dst, const char *src, size_t size);

#endif
