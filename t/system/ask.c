/*
 * Runs smtpctl, which lies beside smtpd.
 */
#include "t/system/ask.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

enum { args_max = 32, patience_ms = 30000 };

static void
child(uid_t uid, const char *const args[], const char *out, const char *err)
{
	const char *argv[args_max + 2];
	char program[PATH_MAX], *slash;
	size_t n = 0;
	int fd;

	snprintf(program, sizeof(program), "%s", harness_smtpd);
	slash = strrchr(program, '/');
	snprintf(slash, sizeof(program) - (size_t)(slash - program),
	    "/smtpctl");
	argv[n++] = program;
	while (args[n - 1] != NULL && n <= args_max) {
		argv[n] = args[n - 1];
		n++;
	}
	argv[n] = NULL;
	if (dup2(open("/dev/null", O_RDONLY), 0) == -1 ||
	    dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666), 1) == -1 ||
	    dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666), 2) == -1)
		_exit(127);
	/* It may lie where that user cannot reach it. */
	fd = open(program, O_PATH | O_CLOEXEC);
	if (uid != 0 && geteuid() == 0 &&
	    (setgid((gid_t)uid) == -1 || setuid(uid) == -1))
		_exit(127);
	fexecve(fd, (char *const *)(void *)argv, environ);
	_exit(127);
}

static void
take(const char *path, char *to, size_t size)
{
	char *text = harness_read_file(path, NULL);

	EXPECT(strlen(text) < size, "%s is too long", path);
	snprintf(to, size, "%s", text);
	free(text);
}

void
ctl_run(struct ctl *c, uid_t uid, const char *const args[])
{
	char out[PATH_MAX], err[PATH_MAX];
	int status = 0;
	bool over;
	pid_t pid;

	snprintf(out, sizeof(out), "%s", harness_path("ctl-%d.out", getpid()));
	snprintf(err, sizeof(err), "%s", harness_path("ctl-%d.err", getpid()));
	fflush(stdout);
	pid = fork();
	EXPECT(pid != -1, "fork: %s", strerror(errno));
	if (pid == 0)
		child(uid, args, out, err);
	over = WAIT_FOR(patience_ms, waitpid(pid, &status, WNOHANG) == pid);
	if (!over)
		kill(pid, SIGKILL);
	EXPECT(over, "smtpctl %s does not end", args[0]);
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	take(out, c->out, sizeof(c->out));
	take(err, c->err, sizeof(c->err));
}

void
ctl_ask(struct ctl *c, const char *conf, const char *const args[])
{
	const char *with[args_max] = { args[0], "-f", conf };
	size_t n = 1;

	for (; args[n] != NULL && n + 3 < args_max; n++)
		with[n + 2] = args[n];
	with[n + 2] = NULL;
	ctl_run(c, 0, with);
	EXPECT(c->status == 0, "smtpctl %s ended with %d: %s%s", args[0],
	    c->status, c->err, c->out);
	EXPECT(c->err[0] == '\0', "smtpctl %s said: %s", args[0], c->err);
}

long long
ctl_json(const struct ctl *c, const char *key)
{
	char needle[64];
	const char *at;

	snprintf(needle, sizeof(needle), "\"%s\":", key);
	at = strstr(c->out, needle);
	EXPECT(at != NULL, "no %s in %s", needle, c->out);
	return strtoll(at + strlen(needle), NULL, 10);
}

bool
ctl_says(const struct ctl *c, const char *text)
{
	return strstr(c->out, text) != NULL;
}
