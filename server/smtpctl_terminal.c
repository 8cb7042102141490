/*
 * ECMA-48 sequences that every terminal of the last decades has, and
 * termios(4).  What is written in a signal handler is written by write(2) and
 * tcsetattr(3), which are safe there.
 */
#include "server/smtpctl_terminal.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CSI "\033["

/* Another screen, the cursor hidden; and back, with plain characters. */
#define ENTER	CSI "?1049h" CSI "?25l"
#define LEAVE	CSI "0m" CSI "?25h" CSI "?1049l"

enum { line_extra_bytes = 32 };		/* sequences around a line */

static struct termios before, during;
static volatile sig_atomic_t entered, redraw;
static sigset_t waiting;	/* the mask while it is waited */

bool
smtpctl_terminal_is(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
	    strcmp(term, "dumb") != 0;
}

static bool
write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
enter(void)
{
	if (tcsetattr(STDOUT_FILENO, TCSADRAIN, &during) == -1)
		return false;
	entered = 1;
	redraw = 1;
	return write_all(ENTER, sizeof(ENTER) - 1);
}

void
smtpctl_terminal_close(void)
{
	if (!entered)
		return;
	entered = 0;
	(void)write_all(LEAVE, sizeof(LEAVE) - 1);
	(void)tcsetattr(STDOUT_FILENO, TCSANOW, &before);
}

/* It comes again when the handler returns, and does what it always does. */
static void
on_end(int sig)
{
	int error = errno;

	smtpctl_terminal_close();
	signal(sig, SIG_DFL);
	raise(sig);
	errno = error;
}

static void
on_continue(int sig)
{
	int error = errno;

	(void)sig;
	if (entered)
		(void)enter();
	errno = error;
}

static void	handle(int sig, void (*f)(int));

/* Stopped as every program is: so nothing stops where nobody continues it. */
static void
on_stop(int sig)
{
	int error = errno;
	sigset_t set;

	smtpctl_terminal_close();
	signal(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* Here it stops, and goes on. */
	handle(sig, on_stop);
	(void)enter();
	errno = error;
}

static void
on_size(int sig)
{
	(void)sig;
	redraw = 1;
}

static void
handle(int sig, void (*f)(int))
{
	struct sigaction action = { .sa_handler = f };

	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGCONT);
	sigaction(sig, &action, NULL);
}

bool
smtpctl_terminal_open(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
	    SIGALRM, SIGABRT, SIGSEGV, SIGBUS, SIGXCPU };
	sigset_t later;

	if (tcgetattr(STDOUT_FILENO, &before) == -1)
		return false;
	during = before;
	during.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	during.c_cc[VMIN] = 1;
	during.c_cc[VTIME] = 0;
	/* Only while it is waited, so that none is missed before. */
	sigemptyset(&later);
	sigaddset(&later, SIGWINCH);
	sigaddset(&later, SIGCONT);
	sigprocmask(SIG_BLOCK, &later, &waiting);
	sigdelset(&waiting, SIGWINCH);
	sigdelset(&waiting, SIGCONT);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		handle(ends[i], on_end);
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_continue);
	handle(SIGWINCH, on_size);
	atexit(smtpctl_terminal_close);
	return enter();
}

void
smtpctl_terminal_size(size_t *rows, size_t *columns)
{
	struct winsize size = { 0 };

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row;
	*columns = size.ws_col;
}

/* NO_COLOR is about colour; a line of weight is none. */
static const char *
sequence_of(enum smtpctl_style style)
{
	const char *plain = getenv("NO_COLOR");
	bool colour = plain == NULL || plain[0] == '\0';

	if (style == STYLE_BOLD)
		return CSI "1m";
	if (style == STYLE_HEAD)
		return CSI "7m";
	if (style == STYLE_ALARM)
		return colour ? CSI "1;31m" : CSI "1m";
	return "";
}

bool
smtpctl_terminal_show(const struct smtpctl_screen *s)
{
	static char out[smtpctl_rows_max * (smtpctl_columns_max +
	    line_extra_bytes) + line_extra_bytes];
	size_t n = 0;

	redraw = 0;
	/*
	 * A line that ends in the last column leaves the cursor on it: to
	 * erase what is behind the cursor would erase its last character.
	 */
	for (size_t i = 0; i < s->used; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n,
		    CSI "%zu;1H%s%s%s%s", i + 1,
		    sequence_of(s->lines[i].style), s->lines[i].text,
		    s->lines[i].style == STYLE_PLAIN ? "" : CSI "0m",
		    strlen(s->lines[i].text) < s->columns ? CSI "K" : "");
	if (s->used < s->rows)
		n += (size_t)snprintf(out + n, sizeof(out) - n,
		    CSI "%zu;1H" CSI "J", s->used + 1);
	return write_all(out, n);
}

static enum smtpctl_event
read_key(char *key)
{
	ssize_t n = read(STDIN_FILENO, key, 1);

	if (n == 1)
		return EVENT_KEY;
	return n == -1 && errno == EINTR ? EVENT_REDRAW : EVENT_GONE;
}

enum smtpctl_event
smtpctl_terminal_wait(int ms, char *key)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int ready;

	if (!isatty(STDIN_FILENO))
		in.fd = STDOUT_FILENO, in.events = 0;
	ready = redraw ? 0 : ppoll(&in, 1, &time, &waiting);
	if (redraw)
		return EVENT_REDRAW;
	if (ready == -1)
		return errno == EINTR ? EVENT_REDRAW : EVENT_GONE;
	if (ready == 0)
		return EVENT_TIME;
	return (in.revents & POLLIN) != 0 ? read_key(key) : EVENT_GONE;
}
