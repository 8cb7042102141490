/*
 * What is needed beyond POSIX, as getpeereid(3) declares it.  For
 * t/lint/stubs.sh only.
 */
#ifndef STUB_FREEBSD_UNISTD_H
#define STUB_FREEBSD_UNISTD_H

#include_next <unistd.h>

int	getpeereid(int fd, uid_t *uid, gid_t *gid);

#endif
