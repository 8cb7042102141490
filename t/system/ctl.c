/*
 * Running smtpctl.
 */
#include "t/system/ctl.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

enum { words_max = 32 };

char ctl_text[ctl_text_bytes];

static void
run(const char *program, char *words, int out)
{
	char *args[words_max], *save;
	size_t n = 0;

	args[n++] = strdup(program);
	for (char *w = strtok_r(words, " ", &save); w != NULL && n + 1 <
	    words_max; w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	args[n] = NULL;
	if (dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(127);
	execv(program, args);
	_exit(127);
}

int
ctl(const char *fmt, ...)
{
	char program[512], words[2048];
	int ends[2], status = 0;
	size_t at = 0;
	va_list ap;
	ssize_t n;
	pid_t pid;

	snprintf(program, sizeof(program), "%s", harness_smtpd);
	snprintf(strrchr(program, '/') + 1, 16, "smtpctl");
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	fflush(stdout);
	EXPECT(pipe(ends) == 0, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		run(program, words, ends[1]);
	close(ends[1]);
	while (at < sizeof(ctl_text) - 1 && (n = read(ends[0], ctl_text + at,
	    sizeof(ctl_text) - 1 - at)) > 0)
		at += (size_t)n;
	ctl_text[at] = '\0';
	close(ends[0]);
	EXPECT(waitpid(pid, &status, 0) == pid, "waitpid: %s",
	    strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
