/*
 * OpenBSD has neither O_EXEC nor O_PATH.  For t/lint/stubs.sh only.
 */
#ifndef STUB_OPENBSD_FCNTL_H
#define STUB_OPENBSD_FCNTL_H

#include_next <fcntl.h>

#define __OpenBSD__ 1
#undef O_PATH

#endif
