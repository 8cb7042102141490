/*
 * What shared/os/sandbox_freebsd.c uses of cap_enter(2), cap_rights_limit(2)
 * and cap_rights_init(3), where the last takes a list of rights.  The
 * values are not FreeBSD's.  For t/lint/stubs.sh only.
 */
#ifndef STUB_FREEBSD_SYS_CAPSICUM_H
#define STUB_FREEBSD_SYS_CAPSICUM_H

#include <stdint.h>

typedef struct cap_rights {
	uint64_t	cr_rights[2];
} cap_rights_t;

#define CAP_READ	1ULL
#define CAP_WRITE	2ULL
#define CAP_SEEK	4ULL
#define CAP_EVENT	8ULL
#define CAP_FSYNC	16ULL
#define CAP_FSTAT	32ULL
#define CAP_SHUTDOWN	64ULL

cap_rights_t *cap_rights_init(cap_rights_t *rights, ...);
int	cap_rights_limit(int fd, const cap_rights_t *rights);
int	cap_enter(void);
int	cap_getmode(unsigned int *mode);

#endif
