/*
 * The memory of processes, searched for what should not be in it: a core
 * without a file.
 */
#ifndef T_SYSTEM_MEMORY_H
#define T_SYSTEM_MEMORY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * How often octets stand in the memory of pid, in no more than one place of a
 * mapping; *searched: octets looked at.
 */
size_t	memory_search(pid_t pid, const void *octets, size_t n,
	    size_t *searched);
/* The process below the master that was started with that option; 0: none. */
pid_t	memory_helper(pid_t master, const char *option);

#endif
