/* As FreeBSD's, for t/bsd. */
#ifndef T_BSD_PROCDESC_H
#define T_BSD_PROCDESC_H

#include <sys/types.h>

#define PD_DAEMON	0x00000001
#define PD_CLOEXEC	0x00000002

pid_t	pdfork(int *fd, int flags);
int	pdkill(int fd, int sig);
int	pdgetpid(int fd, pid_t *pid);

#endif
