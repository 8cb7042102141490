/*
 * A pseudo-terminal and as much of one as smtpctl top needs: any sequence
 * that it does not know is noted as one that should not have come.
 */
#include "t/system/tty.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

enum { args_max = 16 };

static void
clear(struct tty *t, size_t row, size_t column)
{
	for (; row < tty_rows_max; row++, column = 0)
		memset(t->cells[row] + column, ' ', tty_columns_max - column);
}

static void
set_size(const struct tty *t)
{
	struct winsize size = { .ws_row = (unsigned short)t->rows,
	    .ws_col = (unsigned short)t->columns };

	EXPECT(ioctl(t->own, TIOCSWINSZ, &size) == 0, "TIOCSWINSZ: %s",
	    strerror(errno));
}

/*
 * As a shell runs a job, in a group of its own: else nothing could continue
 * it, and the key that stops would not stop it.  Only the job returns; who
 * leads ends as it does.
 */
static void
lead(const struct tty *t)
{
	int status = 0;
	pid_t job;

	if (setsid() == -1 || ioctl(t->own, TIOCSCTTY, 0) == -1 ||
	    dup2(t->own, 0) == -1 || dup2(t->own, 1) == -1 ||
	    dup2(t->own, 2) == -1)
		_exit(127);
	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (job <= 0) {
		if (job == -1 || setpgid(0, 0) == -1 ||
		    tcsetpgrp(0, getpid()) == -1)
			_exit(127);
		signal(SIGTTOU, SIG_DFL);
		/* Ignored where the tests run in the background of a shell. */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		return;
	}
	waitpid(job, &status, 0);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	_exit(127);
}

static void
child(const struct tty *t, const char *const args[])
{
	char *argv[args_max + 2] = { 0 };
	char program[512];

	snprintf(program, sizeof(program), "%s", harness_smtpd);
	snprintf(strrchr(program, '/') + 1, 16, "smtpctl");
	argv[0] = program;
	for (size_t i = 0; args[i] != NULL && i < args_max; i++)
		argv[i + 1] = strdup(args[i]);
	if (getenv("TERM") == NULL)
		setenv("TERM", "xterm", 1);
	lead(t);
	execv(program, argv);
	_exit(127);
}

void
tty_start(struct tty *t, size_t rows, size_t columns,
    const char *const args[])
{
	memset(t, 0, sizeof(*t));
	t->rows = rows;
	t->columns = columns;
	clear(t, 0, 0);
	t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	EXPECT(t->fd != -1 && grantpt(t->fd) == 0 && unlockpt(t->fd) == 0,
	    "posix_openpt: %s", strerror(errno));
	t->own = open(ptsname(t->fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	EXPECT(t->own != -1 && tcgetattr(t->own, &t->before) == 0 &&
	    fcntl(t->fd, F_SETFL, O_NONBLOCK) == 0, "terminal: %s",
	    strerror(errno));
	set_size(t);
	fflush(stdout);
	t->pid = fork();
	EXPECT(t->pid != -1, "fork: %s", strerror(errno));
	if (t->pid == 0)
		child(t, args);
}

static void
mode(struct tty *t, const char *what)
{
	if (strcmp(what, "?1049h") == 0) {
		t->alternate = true;
		clear(t, 0, 0);
	} else if (strcmp(what, "?1049l") == 0)
		t->alternate = false;
	else if (strcmp(what, "?25l") == 0)
		t->hidden = true;
	else if (strcmp(what, "?25h") == 0)
		t->hidden = false;
	else
		t->other = true;
}

/* A whole sequence, without the CSI. */
static void
sequence(struct tty *t, const char *what)
{
	unsigned long row;
	char *end;

	if (what[0] == '?') {
		mode(t, what);
		return;
	}
	row = strtoul(what, &end, 10);
	if (strcmp(what, "K") == 0) {
		memset(t->cells[t->row] + t->column, ' ',
		    tty_columns_max - t->column);
	} else if (strcmp(what, "J") == 0)
		clear(t, t->row, t->column);
	else if (strcmp(end, ";1H") == 0 && row >= 1 && row <= t->rows) {
		t->row = row - 1;
		t->column = 0;
	} else if (strcmp(what, "1;31m") == 0)
		t->red = true;
	else if (strcmp(what, "0m") != 0 && strcmp(what, "1m") != 0 &&
	    strcmp(what, "7m") != 0)
		t->other = true;
}

static void
take(struct tty *t, char c)
{
	if (t->pending_n > 0 || c == '\033') {
		if (t->pending_n + 1 < sizeof(t->pending))
			t->pending[t->pending_n++] = c;
		if (t->pending_n > 2 && c >= 0x40 && c <= 0x7e) {
			t->pending[t->pending_n] = '\0';
			t->pending_n = 0;
			sequence(t, t->pending + 2);
		}
	} else if (!t->alternate && (c == '\r' || c == '\n')) {
		t->column = 0;
		if (c == '\n' && t->row + 1 < t->rows)
			t->row++;
	} else if (c < ' ' || c > '~' || t->column >= t->columns)
		t->other = true;
	else
		t->cells[t->row][t->column++] = c;
}

static void
draw(struct tty *t)
{
	char octets[4096];
	ssize_t n;

	while ((n = read(t->fd, octets, sizeof(octets))) > 0)
		for (ssize_t i = 0; i < n; i++)
			take(t, octets[i]);
}

bool
tty_shows(struct tty *t, const char *text)
{
	draw(t);
	for (size_t i = 0; i < t->rows; i++)
		if (strstr(t->cells[i], text) != NULL)
			return true;
	return false;
}

const char *
tty_text(const struct tty *t)
{
	static char text[tty_rows_max * (tty_columns_max + 1) + 1];
	size_t n = 0;

	for (size_t i = 0; i < t->rows; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n",
		    (int)t->columns, t->cells[i]);
	return text;
}

pid_t
tty_job(const struct tty *t)
{
	pid_t job = tcgetpgrp(t->fd);

	EXPECT(job > 0 && job != t->pid, "no job: %s", strerror(errno));
	return job;
}

void
tty_key(struct tty *t, char key)
{
	EXPECT(write(t->fd, &key, 1) == 1, "key: %s", strerror(errno));
}

void
tty_resize(struct tty *t, size_t rows, size_t columns)
{
	t->rows = rows;
	t->columns = columns;
	clear(t, 0, 0);
	set_size(t);
}

bool
tty_is_restored(struct tty *t)
{
	struct termios now;

	draw(t);
	EXPECT(tcgetattr(t->own, &now) == 0, "tcgetattr: %s",
	    strerror(errno));
	return !t->alternate && !t->hidden &&
	    now.c_lflag == t->before.c_lflag &&
	    now.c_iflag == t->before.c_iflag &&
	    now.c_oflag == t->before.c_oflag &&
	    now.c_cflag == t->before.c_cflag &&
	    memcmp(now.c_cc, t->before.c_cc, sizeof(now.c_cc)) == 0;
}

int
tty_wait_end(struct tty *t)
{
	int status = 0;

	/* What it writes last has to be read, or it waits. */
	EXPECT(WAIT((draw(t), waitpid(t->pid, &status, WNOHANG) == t->pid)),
	    "smtpctl does not end:\n%s", tty_text(t));
	return status;
}

void
tty_close(struct tty *t)
{
	close(t->fd);
	close(t->own);
}
