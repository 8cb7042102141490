/*
 * Starts, watches and ends smtpd.
 */
#include "t/system/daemon.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/events.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum { hang_up_max = 256 };	/* descriptors */

static void
write_users(void)
{
	FILE *f = fopen(harness_path("users"), "we");

	EXPECT(f != NULL, "users: %s", strerror(errno));
	fputs("alice\nbob\n", f);
	for (int i = 0; i < daemon_users_max; i++)
		fprintf(f, "u%d\n", i);
	EXPECT(fclose(f) == 0, "users: %s", strerror(errno));
}

static void
write_conf(const struct daemon *d, const char *limits)
{
	FILE *f = fopen(d->conf, "we");

	EXPECT(f != NULL, "%s: %s", d->conf, strerror(errno));
	fprintf(f, "hostname mx.example.org\n"
	    "root %s\n"
	    "user nobody\n"
	    "worker-user daemon\n"
	    "listen 127.0.0.1 port 0\n"
	    "domain example.org {\n"
	    "\tusers %s\n"
	    "}\n"
	    "limits {\n"
	    "%s%s%s"
	    "}\n", d->root, harness_path("users"),
	    strstr(limits, "per-network") ? "" : "\tper-network 20000\n",
	    strstr(limits, "disk-reserve") ? "" : "\tdisk-reserve 1M\n",
	    limits);
	EXPECT(fclose(f) == 0, "%s: %s", d->conf, strerror(errno));
}

void
daemon_add_conf(const struct daemon *d, const char *fmt, ...)
{
	FILE *f = fopen(d->conf, "ae");
	va_list ap;

	EXPECT(f != NULL, "%s: %s", d->conf, strerror(errno));
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	EXPECT(fclose(f) == 0, "%s: %s", d->conf, strerror(errno));
}

void
daemon_use_worker(struct daemon *d, const char *program, const char *name)
{
	char chunk[65536];
	int in, out;
	ssize_t n;

	snprintf(d->worker, sizeof(d->worker), "%s/%s", harness_dir, name);
	/* A process of the daemon before may still execute it. */
	unlink(d->worker);
	in = open(program, O_RDONLY | O_CLOEXEC);
	out = open(d->worker, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	EXPECT(in != -1 && out != -1, "%s: %s", program, strerror(errno));
	while ((n = read(in, chunk, sizeof(chunk))) > 0)
		EXPECT(write(out, chunk, (size_t)n) == n, "%s: %s", d->worker,
		    strerror(errno));
	EXPECT(n == 0, "%s: %s", program, strerror(errno));
	close(in);
	close(out);
}

void
daemon_use_other(struct daemon *d, const char *program, const char *name)
{
	char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	EXPECT(n > 0, "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	EXPECT(strlcpy(strrchr(path, '/') + 1, program, 32) < 32, "%s",
	    program);
	daemon_use_worker(d, path, name);
}

void
daemon_init(struct daemon *d, const char *limits, const char *root)
{
	memset(d, 0, sizeof(*d));
	if (root != NULL)
		snprintf(d->root, sizeof(d->root), "%s", root);
	else
		snprintf(d->root, sizeof(d->root), "%s/root", harness_dir);
	snprintf(d->conf, sizeof(d->conf), "%s/smtpd.conf", harness_dir);
	snprintf(d->log, sizeof(d->log), "%s/log", harness_dir);
	write_users();
	write_conf(d, limits);
	daemon_use_worker(d, harness_worker, "smtpd-worker");
}

static void
redirect(int in, int out)
{
	if (in == -1 || out == -1 || dup2(in, 0) == -1 ||
	    dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(127);
	close(in);
	close(out);
}

static size_t
log_size(const struct daemon *d)
{
	struct stat st;

	return stat(d->log, &st) == -1 ? 0 : (size_t)st.st_size;
}

void
daemon_launch(struct daemon *d)
{
	d->log_from = log_size(d);
	d->port = 0;
	fflush(stdout);
	d->pid = fork();
	EXPECT(d->pid != -1, "fork: %s", strerror(errno));
	if (d->pid == 0) {
		redirect(open("/dev/null", O_RDONLY),
		    open(d->err[0] != '\0' ? d->err : d->log,
		    O_WRONLY | O_CREAT | O_APPEND, 0644));
		harness_take_away(d->missing);
		execl(harness_smtpd, harness_smtpd, "-d", "-f", d->conf, "-w",
		    d->worker, (char *)NULL);
		_exit(127);
	}
}

void
daemon_wait_start(struct daemon *d)
{
	char port[16];
	bool served, ended;
	int status = 0;

	ended = false;
	served = WAIT(daemon_logged(d, " event=start ", NULL) > 0 ||
	    (ended = waitpid(d->pid, &status, WNOHANG) == d->pid)) && !ended;
	EXPECT(served, "the daemon does not serve (status %d): %s", status,
	    daemon_last_words(d));
	daemon_log_value(d, " event=listen ", "port", port, sizeof(port));
	d->port = atoi(port);
	EXPECT(d->port > 0, "no port in the log");
}

void
daemon_start(struct daemon *d)
{
	daemon_launch(d);
	daemon_wait_start(d);
}

void
daemon_serve(struct daemon *d, const char *limits)
{
	daemon_init(d, limits, NULL);
	daemon_start(d);
}

int
daemon_wait_end(struct daemon *d)
{
	int status = 0;
	bool over;

	over = WAIT(waitpid(d->pid, &status, WNOHANG) == d->pid);
	EXPECT(over, "the daemon does not end: %s", daemon_last_words(d));
	d->pid = 0;
	return status;
}

/* A process of the test itself, such as a server that it runs. */
static bool
is_own(pid_t pid)
{
	char path[64], its[256], own[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, its, sizeof(its));
	return n > 0 && n == readlink("/proc/self/exe", own, sizeof(own)) &&
	    memcmp(its, own, (size_t)n) == 0;
}

static bool
nothing_below(void)
{
	pid_t left[64];
	size_t n = proc_below(getpid(), left, 64), alive = 0;

	for (size_t i = 0; i < n; i++)
		if (!proc_is_gone(left[i]) && !is_own(left[i]))
			alive++;
	return alive == 0;
}

void
daemon_expect_end(struct daemon *d)
{
	int status = daemon_wait_end(d);

	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %d after SIGTERM: %s", status, daemon_last_words(d));
	EXPECT(daemon_logged(d, " event=stop status=0", NULL) == 1,
	    "no event=stop in the log: %s", daemon_last_words(d));
	events_check(d->log);
	EXPECT(WAIT(nothing_below()), "a process is left");
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

void
daemon_stop(struct daemon *d)
{
	struct sockaddr_storage peer;

	kill(d->pid, SIGTERM);
	/* While a client may say more, smtpd waits for it. */
	for (int fd = 3; fd < hang_up_max; fd++) {
		socklen_t n = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 &&
		    peer.ss_family == AF_INET)
			shutdown(fd, SHUT_WR);
	}
	daemon_expect_end(d);
}

void
daemon_kill(struct daemon *d)
{
	kill(d->pid, SIGKILL);
	daemon_wait_end(d);
	EXPECT(WAIT(nothing_below()),
	    "a process outlives its killed master");
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

int
daemon_run(const struct daemon *d, char *const args[], char *out, size_t size)
{
	const char *path = harness_path("run.log");
	int status = 0;
	size_t n;
	char *text;
	pid_t pid;

	unlink(path);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		redirect(open("/dev/null", O_RDONLY),
		    open(path, O_WRONLY | O_CREAT | O_APPEND, 0644));
		execv(harness_smtpd, args);
		_exit(127);
	}
	EXPECT(WAIT(waitpid(pid, &status, WNOHANG) == pid), "%s %s does not end",
	    args[0], d->worker);
	text = harness_read_file(path, &n);
	snprintf(out, size, "%s", text);
	free(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
has_all(const char *line, size_t n, va_list words)
{
	const char *word;
	bool all = true;
	va_list ap;

	va_copy(ap, words);
	while (all && (word = va_arg(ap, const char *)) != NULL)
		all = memmem(line, n, word, strlen(word)) != NULL;
	va_end(ap);
	return all;
}

static char *
read_log(const struct daemon *d)
{
	FILE *f = fopen(d->log, "re");
	size_t n = log_size(d), got;
	char *text;

	n = n > d->log_from ? n - d->log_from : 0;
	text = calloc(1, n + 1);
	EXPECT(text != NULL, "no memory");
	if (f == NULL)
		return text;
	fseek(f, (long)d->log_from, SEEK_SET);
	got = fread(text, 1, n, f);
	text[got] = '\0';
	fclose(f);
	return text;
}

size_t
daemon_logged(const struct daemon *d, ...)
{
	char *text = read_log(d), *line = text, *end;
	size_t count = 0;
	va_list words;

	va_start(words, d);
	while ((end = strchr(line, '\n')) != NULL) {
		if (has_all(line, (size_t)(end - line), words))
			count++;
		line = end + 1;
	}
	va_end(words);
	free(text);
	return count;
}

void
daemon_log_value(const struct daemon *d, const char *event, const char *key,
    char *out, size_t size)
{
	char *text = read_log(d), *line = strstr(text, event);
	char *end = line == NULL ? NULL : strchr(line, '\n');
	char needle[64], *value;

	out[0] = '\0';
	snprintf(needle, sizeof(needle), " %s=", key);
	if (end != NULL) {
		*end = '\0';
		value = strstr(line, needle);
		if (value != NULL) {
			value += strlen(needle);
			snprintf(out, size, "%.*s",
			    (int)strcspn(value, " "), value);
		}
	}
	free(text);
}

struct daemon
daemon_at_listener(const struct daemon *d, int n)
{
	char *log = read_log(d), *at = log;
	struct daemon other = *d;

	for (int i = 0; at != NULL && i < n; i++)
		at = strstr(at + 1, " event=listen ");
	EXPECT(at != NULL, "no listener %d", n);
	other.port = atoi(strstr(at, " port=") + 6);
	free(log);
	return other;
}

const char *
daemon_last_words(const struct daemon *d)
{
	static char words[512];
	char *text = read_log(d), *p;
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	p = strrchr(text, '\n');
	snprintf(words, sizeof(words), "%s", p == NULL ? text : p + 1);
	free(text);
	return words;
}

/* What works for the master alone. */
static bool
is_helper(pid_t pid)
{
	for (const char *x = "sadlk"; *x != '\0'; x++)
		if (proc_has_option(pid, *x))
			return true;
	return false;
}

static size_t
nurseries_of(const struct daemon *d, pid_t *out, size_t max)
{
	pid_t all[16];
	size_t count = proc_children(d->pid, NULL, all, 16), n = 0;

	for (size_t i = 0; i < count && n < max; i++)
		if (!is_helper(all[i]))
			out[n++] = all[i];
	return n;
}

size_t
daemon_nurseries(const struct daemon *d, pid_t out[2])
{
	pid_t child[64];
	size_t n = nurseries_of(d, out, 2);
	pid_t later;

	/* One that the other has bred is its child, not the master's. */
	if (n == 2 && proc_children(out[0], NULL, child, 64) == 0 &&
	    proc_children(out[1], NULL, child, 64) > 0) {
		later = out[0];
		out[0] = out[1];
		out[1] = later;
	}
	return n;
}

size_t
daemon_workers(const struct daemon *d, pid_t *out, size_t max)
{
	pid_t nurseries[8];
	size_t k = nurseries_of(d, nurseries, 8), n = 0;

	for (size_t i = 0; i < k; i++)
		n += proc_children(nurseries[i], NULL, out + n, max - n);
	return n;
}

/* A worker is held twice: by the nursery's filter, and by its own. */
static size_t
held_nurseries(const struct daemon *d)
{
	pid_t all[64];
	size_t n = proc_below(d->pid, all, 64), count = 0;
	char filters[16];

	for (size_t i = 0; i < n; i++)
		if (!proc_is_gone(all[i]) && !is_helper(all[i]) &&
		    proc_status_of(all[i],
		    "Seccomp_filters", filters, sizeof(filters)) &&
		    strcmp(filters, "1") == 0)
			count++;
	return count;
}

void
daemon_rest(const struct daemon *d)
{
	uint64_t seen = 0;

	EXPECT(WAIT(proc_rests(d->pid, &seen)), "no rest: %s",
	    daemon_last_words(d));
}

static bool
has_settled(const struct daemon *d, uint64_t *seen)
{
	pid_t pids[64];

	return proc_rests(d->pid, seen) && daemon_workers(d, pids, 64) >= 3;
}

void
daemon_settle(const struct daemon *d)
{
	pid_t pids[64];
	uint64_t seen = 0;

	EXPECT(WAIT(has_settled(d, &seen)), "no rest, with %zu workers: %s",
	    daemon_workers(d, pids, 64), daemon_last_words(d));
}

static bool
has_nurseries(const struct daemon *d, size_t n, uint64_t *seen)
{
	return proc_rests(d->pid, seen) && held_nurseries(d) == n;
}

bool
daemon_awaits_nurseries(const struct daemon *d, size_t n)
{
	uint64_t seen = 0;

	return WAIT(has_nurseries(d, n, &seen));
}
