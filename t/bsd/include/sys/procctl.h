/* As FreeBSD's, for t/bsd. */
#ifndef T_BSD_PROCCTL_H
#define T_BSD_PROCCTL_H

#include <sys/types.h>
#include <sys/wait.h>

#define PROC_TRACE_CTL			7
#define PROC_TRACE_CTL_DISABLE		2
#define PROC_TRACE_CTL_DISABLE_EXEC	3

int	procctl(idtype_t type, id_t id, int command, void *data);

#endif
