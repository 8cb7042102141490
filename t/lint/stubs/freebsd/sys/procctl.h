/*
 * What shared/os/sandbox_freebsd.c uses of procctl(2).  For t/lint/stubs.sh
 * only.
 */
#ifndef STUB_FREEBSD_SYS_PROCCTL_H
#define STUB_FREEBSD_SYS_PROCCTL_H

#include <sys/types.h>
#include <sys/wait.h>

#define PROC_TRACE_CTL		7
#define PROC_TRACE_CTL_DISABLE	2

int	procctl(idtype_t idtype, id_t id, int command, void *data);

#endif
