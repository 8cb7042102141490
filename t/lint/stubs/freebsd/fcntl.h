/*
 * O_EXEC, with FreeBSD's number.  For t/lint/stubs.sh only.
 */
#ifndef STUB_FREEBSD_FCNTL_H
#define STUB_FREEBSD_FCNTL_H

#include_next <fcntl.h>

#define __FreeBSD__ 14
#define O_EXEC	0x00040000

#endif
