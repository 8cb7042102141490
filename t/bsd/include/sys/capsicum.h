/* As FreeBSD's, for t/bsd: a right is a bit. */
#ifndef T_BSD_CAPSICUM_H
#define T_BSD_CAPSICUM_H

#include <sys/types.h>

typedef struct { unsigned long bits; } cap_rights_t;

#define CAP_READ	(1UL << 0)
#define CAP_WRITE	(1UL << 1)
#define CAP_SEEK	(1UL << 2)
#define CAP_EVENT	(1UL << 3)
#define CAP_FSYNC	(1UL << 4)
#define CAP_FSTAT	(1UL << 5)
#define CAP_SHUTDOWN	(1UL << 6)
#define cap_rights_init(r, ...)	cap_rights_of((r), __VA_ARGS__, 0UL)

cap_rights_t	*cap_rights_of(cap_rights_t *rights, ...);
int	cap_rights_limit(int fd, const cap_rights_t *rights);
int	cap_enter(void);
int	cap_getmode(unsigned *mode);

#endif
