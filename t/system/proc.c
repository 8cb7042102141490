/*
 * Reads /proc.  What vanishes while it is read is taken as not there.
 */
#include "t/system/proc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

struct process {
	pid_t	pid;
	pid_t	parent;
	char	state;
	char	name[32];
};

static bool
read_process(pid_t pid, struct process *out)
{
	char path[64], text[512];
	const char *open, *close;
	size_t n;
	FILE *f;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (open == NULL || close == NULL ||
	    sscanf(close + 1, " %c %d", &out->state, &parent) != 2)
		return false;
	out->pid = pid;
	out->parent = parent;
	snprintf(out->name, sizeof(out->name), "%.*s",
	    (int)(close - open - 1), open + 1);
	return true;
}

static int
by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid;
	pid_t y = ((const struct process *)b)->pid;

	return x < y ? -1 : x > y;
}

/* All of the machine, by number: numbers rarely wrap within a test. */
static size_t
read_all(struct process *out, size_t max)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	EXPECT(d != NULL, "/proc: %s", strerror(errno));
	while (n < max && (e = readdir(d)) != NULL) {
		int pid = atoi(e->d_name);

		if (pid > 0 && read_process(pid, &out[n]))
			n++;
	}
	closedir(d);
	qsort(out, n, sizeof(*out), by_pid);
	return n;
}

enum { processes_max = 8192 };
static struct process all[processes_max];

size_t
proc_below(pid_t top, pid_t *out, size_t max)
{
	size_t count = read_all(all, processes_max), n = 0;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < count && n < max; i++) {
			bool below = all[i].parent == top && top != 0;

			for (size_t k = 0; k < n && !below; k++)
				below = out[k] == all[i].parent;
			if (!below || all[i].pid == 0)
				continue;
			out[n++] = all[i].pid;
			all[i].pid = all[i].parent = 0;
			more = true;
		}
	}
	return n;
}

size_t
proc_children(pid_t parent, const char *name, pid_t *out, size_t max)
{
	size_t count = read_all(all, processes_max), n = 0;

	for (size_t i = 0; i < count && n < max; i++)
		if (all[i].parent == parent && all[i].state != 'Z' &&
		    (name == NULL || strcmp(all[i].name, name) == 0))
			out[n++] = all[i].pid;
	return n;
}

bool
proc_is_gone(pid_t pid)
{
	struct process p;

	return !read_process(pid, &p) || p.state == 'Z' || p.state == 'X';
}

bool
proc_status_of(pid_t pid, const char *key, char *out, size_t size)
{
	char path[64], line[512];
	size_t n = strlen(key);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ':') {
			const char *value = line + n + 1;

			value += strspn(value, " \t");
			n = strcspn(value, "\n");
			while (n > 0 && strchr(" \t", value[n - 1]) != NULL)
				n--;
			snprintf(out, size, "%.*s", (int)n, value);
			found = true;
		}
	fclose(f);
	return found;
}

void
proc_status(pid_t pid, const char *key, char *out, size_t size)
{
	EXPECT(proc_status_of(pid, key, out, size), "process %d has no %s",
	    (int)pid, key);
}

static unsigned
read_flags(pid_t pid, int fd)
{
	char path[64], line[128];
	unsigned flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return flags;
}

static int
by_fd(const void *a, const void *b)
{
	return ((const struct proc_fd *)a)->fd -
	    ((const struct proc_fd *)b)->fd;
}

int
proc_fds(pid_t pid, struct proc_fd out[proc_fds_max])
{
	char path[64], link[320];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (d == NULL)
		return -1;
	while (n < proc_fds_max && (e = readdir(d)) != NULL) {
		ssize_t len;

		if (e->d_name[0] == '.')
			continue;
		snprintf(link, sizeof(link), "%s/%s", path, e->d_name);
		len = readlink(link, out[n].what, sizeof(out[n].what) - 1);
		if (len == -1)
			continue;
		out[n].what[len] = '\0';
		out[n].fd = atoi(e->d_name);
		out[n].flags = read_flags(pid, out[n].fd);
		n++;
	}
	closedir(d);
	qsort(out, (size_t)n, sizeof(*out), by_fd);
	return n;
}

size_t
proc_fd_count(pid_t pid)
{
	static struct proc_fd fds[proc_fds_max];
	int n = proc_fds(pid, fds);

	EXPECT(n != -1, "/proc/%d/fd: %s", (int)pid, strerror(errno));
	return (size_t)n;
}
