/*
 * The live view: it asks, shows, and waits for the next time or a key.
 */
#include "server/smtpctl_top.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/smtpctl_await.h"
#include "server/smtpctl_terminal.h"
#include "server/smtpctl_top_view.h"

enum {
	interval_usual_ms = 1000,
	interval_min_ms = 100,
	interval_max_ms = 60 * 60 * 1000,
	patience_s = 1,		/* of a person who wants to quit */
	count_max = 1000000000,
	block_lines = 24 + ipc_addresses_max
};

struct top {
	struct smtpctl_control	 control;
	/* The last two answers; snapshots[now] is the later one. */
	struct smtpctl_snapshot	 snapshots[2];
	size_t			 now;
	bool			 known[2];
	bool			 restarted;
	int			 interval_ms;
	struct smtpctl_view	 view;
	struct smtpctl_rates	 rates;
	struct smtpctl_screen	 screen;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Asks once more; what was answered last stays when nobody answers.  Between
 * two questions no connection is held: there are few for a user.
 */
static bool
ask(struct top *t)
{
	size_t next = 1 - t->now;
	bool answered;

	t->known[next] = false;
	answered = smtpctl_snapshot_ask(&t->control, ipc_sessions_max,
	    ipc_addresses_max, &t->snapshots[next]);
	smtpctl_control_close(&t->control);
	if (!answered)
		return false;
	t->known[next] = true;
	t->restarted = t->known[t->now] && smtpctl_rates_restarted(
	    &t->snapshots[t->now], &t->snapshots[next]);
	smtpctl_rates_of(t->known[t->now] ? &t->snapshots[t->now] : NULL,
	    &t->snapshots[next], &t->rates);
	t->now = next;
	return true;
}

static bool
show(struct top *t)
{
	size_t rows, columns;

	smtpctl_terminal_size(&rows, &columns);
	smtpctl_screen_begin(&t->screen, rows, columns);
	smtpctl_top_show(&t->view, &t->snapshots[t->now], &t->rates,
	    &t->screen);
	return smtpctl_terminal_show(&t->screen);
}

static void
refresh(struct top *t)
{
	t->view.problem = NULL;
	if (!ask(t)) {
		t->view.problem = t->control.problem;
		t->rates.known = false;
	} else if (t->restarted)
		t->view.problem = "smtpd was started again: it counts from 0";
}

/* False: to quit. */
static bool
take_key(struct top *t, char key)
{
	if (key == 'q')
		return false;
	if (key == ' ')
		t->view.paused = !t->view.paused;
	else if (key == 'o')
		t->view.order = (t->view.order + 1) % smtpctl_orders;
	else if (key == 'a')
		t->view.list = LIST_ADDRESSES;
	else if (key == 's')
		t->view.list = LIST_SESSIONS;
	return true;
}

/* Until a person quits, or the terminal is gone. */
static void
live(struct top *t)
{
	int64_t next = now_ms() + t->interval_ms, left;
	enum smtpctl_event event;
	char key = 0;

	t->view.keys = true;
	while (show(t)) {
		left = next - now_ms();
		event = smtpctl_terminal_wait(left > 0 ? (int)left : 0, &key);
		if (event == EVENT_GONE ||
		    (event == EVENT_KEY && !take_key(t, key)))
			return;
		if (now_ms() < next)
			continue;
		if (!t->view.paused)
			refresh(t);
		next = now_ms() + t->interval_ms;
	}
}

/* Lines for a program, or a terminal that knows nothing else. */
static int
blocks(struct top *t, unsigned long count)
{
	struct timespec pause = { t->interval_ms / 1000,
	    t->interval_ms % 1000 * 1000000L };

	for (unsigned long i = 0; count == 0 || i < count; i++) {
		nanosleep(&pause, NULL);
		if (!ask(t)) {
			warnx("%s", t->control.problem);
			return 1;
		}
		smtpctl_screen_begin(&t->screen, block_lines,
		    smtpctl_columns_max);
		smtpctl_top_show(&t->view, &t->snapshots[t->now], &t->rates,
		    &t->screen);
		for (size_t k = 0; k < t->screen.used; k++)
			printf("%s\n", t->screen.lines[k].text);
		printf("\n");
		if (fflush(stdout) == EOF)
			err(smtpctl_exit_error, "standard output");
	}
	return 0;
}

/* Seconds, with or without a fraction. */
static bool
parse_interval(const char *text, int *out)
{
	char *end;
	double seconds;

	if (text[strspn(text, "0123456789.")] != '\0' || text[0] == '\0')
		return false;
	errno = 0;
	seconds = strtod(text, &end);
	if (errno != 0 || *end != '\0' ||
	    seconds * 1000 < (double)interval_min_ms ||
	    seconds * 1000 > (double)interval_max_ms)
		return false;
	*out = (int)(seconds * 1000);
	return true;
}

static bool
parse_count(const char *text, unsigned long *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && *out >= 1 && *out <= count_max;
}

static bool
parse_option(struct top *t, int opt, unsigned long *count)
{
	if (opt == 'f')
		t->control.place.conf = optarg;
	else if (opt == 's')
		t->control.place.socket = optarg;
	else if (opt == 'n')
		return parse_count(optarg, count);
	else if (opt == 'i' && !parse_interval(optarg, &t->interval_ms)) {
		warnx("-i %s: not from 0.1 to 3600 seconds", optarg);
		return false;
	} else
		return opt == 'i';
	return true;
}

int
smtpctl_top(int argc, char *argv[])
{
	static struct top t;
	unsigned long count = 0;
	int opt;

	t.interval_ms = interval_usual_ms;
	t.control.patience_s = patience_s;
	opterr = 0;
	while ((opt = getopt(argc, argv, "f:i:n:s:")) != -1)
		if (!parse_option(&t, opt, &count))
			return -1;
	if (optind < argc)
		return -1;
	if (count == 0 && !isatty(STDOUT_FILENO)) {
		warnx("standard output is no terminal: use smtpctl status, "
		    "or -n count");
		return smtpctl_exit_error;
	}
	if (!ask(&t)) {
		warnx("%s", t.control.problem);
		return 1;
	}
	if (count > 0 || !smtpctl_terminal_is())
		return blocks(&t, count);
	if (!smtpctl_terminal_open())
		err(smtpctl_exit_error, "terminal");
	live(&t);
	smtpctl_terminal_close();
	return 0;
}
