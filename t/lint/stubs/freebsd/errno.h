/*
 * The two errors of capability mode, with FreeBSD's numbers.  For
 * t/lint/stubs.sh only.
 */
#ifndef STUB_FREEBSD_ERRNO_H
#define STUB_FREEBSD_ERRNO_H

#include_next <errno.h>

#define ENOTCAPABLE	93
#define ECAPMODE	94

#endif
