/*
 * Reads /proc.  What vanishes while it is read is taken as not there.
 */
#include "t/system/proc.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

struct process {
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
	    sscanf(close + 1, " %c", &out->state) != 1)
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s",
	    (int)(close - open - 1), open + 1);
	return true;
}

/* Children of parent, oldest first, dead ones that were not waited for too. */
static size_t
children_of(pid_t parent, pid_t *out, size_t max)
{
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent,
	    (int)parent);
	f = fopen(path, "re");
	EXPECT(f != NULL || kill(parent, 0) == -1, "%s: %s", path,
	    strerror(errno));
	while (f != NULL && n < max && fscanf(f, "%d", &out[n]) == 1)
		n++;
	if (f != NULL)
		fclose(f);
	return n;
}

size_t
proc_below(pid_t top, pid_t *out, size_t max)
{
	size_t n = children_of(top, out, max);

	for (size_t i = 0; i < n; i++)
		n += children_of(out[i], out + n, max - n);
	return n;
}

size_t
proc_children(pid_t parent, const char *name, pid_t *out, size_t max)
{
	size_t count = children_of(parent, out, max), n = 0;
	struct process p;

	for (size_t i = 0; i < count; i++)
		if (read_process(out[i], &p) && p.state != 'Z' &&
		    (name == NULL || strcmp(p.name, name) == 0))
			out[n++] = out[i];
	return n;
}

/* Adds to hash how often the process has given up the processor. */
static bool
add_switches(pid_t pid, uint64_t *hash)
{
	static const char *const keys[] = { "voluntary_ctxt_switches",
	    "nonvoluntary_ctxt_switches" };
	char text[32];

	*hash = *hash * 1000003 + (uint64_t)pid;
	for (size_t i = 0; i < 2; i++) {
		if (!proc_status_of(pid, keys[i], text, sizeof(text)))
			return false;
		*hash = *hash * 1000003 + strtoull(text, NULL, 10);
	}
	return true;
}

bool
proc_rests(pid_t top, uint64_t *seen)
{
	uint64_t before = *seen, hash = 1;
	struct process p;
	pid_t pids[512];
	size_t n;

	*seen = 0;
	n = proc_below(top, pids, 511);
	pids[n++] = top;
	for (size_t i = 0; i < n; i++)
		if (!read_process(pids[i], &p) ||
		    strchr("STZ", p.state) == NULL ||
		    !add_switches(pids[i], &hash))
			return false;
	*seen = hash;
	return before == hash;
}

bool
proc_has_option(pid_t pid, char x)
{
	char path[64], text[512];
	const char *end;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	end = memchr(text, '\0', n);
	return end != NULL && n - (size_t)(end - text) >= 4 &&
	    memcmp(end, (char[]){ '\0', '-', x, '\0' }, 4) == 0;
}

size_t
proc_helpers(pid_t master, char x, pid_t *out, size_t max)
{
	pid_t below[64];
	size_t n = proc_below(master, below, 64), found = 0;

	for (size_t i = 0; i < n && found < max; i++)
		if (proc_has_option(below[i], x))
			out[found++] = below[i];
	return found;
}

pid_t
proc_helper(pid_t master, char x)
{
	pid_t pids[2] = { 0, 0 };
	size_t n = proc_helpers(master, x, pids, 2);

	return pids[n > 1];
}

void
proc_signal_others(pid_t master, char x, int sig)
{
	pid_t pids[8];
	size_t n = proc_helpers(master, x, pids, 8);

	for (size_t i = 2; i < n; i++)
		if (sig == SIGSTOP)
			proc_stop(pids[i]);
		else
			kill(pids[i], sig);
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

size_t
proc_kib(pid_t pid, const char *key)
{
	char text[32];

	proc_status(pid, key, text, sizeof(text));
	return strtoul(text, NULL, 10);
}

static bool
is_stopped(pid_t pid)
{
	char state[32];

	return proc_status_of(pid, "State", state, sizeof(state)) &&
	    state[0] == 'T';
}

void
proc_stop(pid_t pid)
{
	EXPECT(kill(pid, SIGSTOP) == 0 && WAIT(is_stopped(pid)),
	    "process %d does not stop", (int)pid);
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
	char path[64];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	EXPECT(d != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			n++;
	closedir(d);
	return n;
}
