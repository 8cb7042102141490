/*
 * What shared/os/os_common.c needs beyond POSIX.  For t/lint/stubs.sh only.
 */
#ifndef STUB_OPENBSD_SYSLOG_H
#define STUB_OPENBSD_SYSLOG_H

#include_next <syslog.h>

/* gcc's own headers must not see it. */
#define __OpenBSD__ 1

int	sendsyslog(const void *msg, size_t len, int flags);

#endif
