/*
 * What is needed beyond POSIX, as getpeereid(3), pledge(2) and unveil(2)
 * declare it.  For t/lint/stubs.sh only.
 */
#ifndef STUB_OPENBSD_UNISTD_H
#define STUB_OPENBSD_UNISTD_H

#include_next <unistd.h>

int	pledge(const char *promises, const char *execpromises);
int	getpeereid(int fd, uid_t *uid, gid_t *gid);
int	unveil(const char *path, const char *permissions);

#endif
