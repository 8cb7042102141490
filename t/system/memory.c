/*
 * Memory by /proc/PID/mem.
 */
#include "t/system/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/proc.h"

/* All of one mapping; what cannot be read is none of the program's. */
static bool
search_range(int mem, unsigned long from, unsigned long to,
    const void *octets, size_t n)
{
	char *p = malloc(to - from);
	ssize_t got = p == NULL ? -1 : pread(mem, p, to - from, (off_t)from);
	bool found = got > 0 && memmem(p, (size_t)got, octets, n) != NULL;

	free(p);
	return found;
}

size_t
memory_search(pid_t pid, const void *octets, size_t n, size_t *searched)
{
	char path[64], line[512];
	unsigned long from, to;
	size_t found = 0;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (maps == NULL || mem == -1)
		harness_lacking("/proc/PID/mem of another cannot be read");
	*searched = 0;
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx r", &from, &to) == 2 &&
		    strstr(line, "[v") == NULL) {
			found += search_range(mem, from, to, octets, n);
			*searched += to - from;
		}
	fclose(maps);
	close(mem);
	return found;
}

pid_t
memory_helper(pid_t master, const char *option)
{
	pid_t children[64];
	size_t count = proc_below(master, children, 64);

	for (size_t i = 0; i < count; i++)
		if (proc_has_option(children[i], option[1]))
			return children[i];
	return 0;
}
