/*
 * Questions to the running server.  Its answers are printed with control
 * characters made harmless: a compromised server must not reach root's
 * terminal.
 */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/utf8.h"

enum { interval_usual_ms = 1000, count_max = 1000000000 };

/* The values of the options. */
struct question {
	struct smtpctl_control	control;
	struct ipc_ask		ask;
	int			interval_ms;
	unsigned long		count;		/* 0: no end */
};

static void
print(const char *text)
{
	struct span s = span_of(text);
	uint32_t c;

	while (s.n > 0) {
		size_t n = utf8_next(s, &c);

		if (n > 0 && (c == '\n' || utf8_is_plain(c)))
			fwrite(s.p, 1, n, stdout);
		else
			putchar('?');
		s = span_skip(s, n == 0 ? 1 : n);
	}
}

/* Asks once and prints the answer; returns the exit status. */
static int
ask(struct question *q, bool clear)
{
	char *text = smtpctl_control_ask(&q->control, &q->ask);

	if (clear)
		fputs("\033[H\033[J", stdout);
	if (text == NULL) {
		fflush(stdout);
		warnx("%s", q->control.problem);
		return 1;
	}
	print(text);
	free(text);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return q->control.status;
}

/* Seconds, with or without a fraction. */
static int
parse_interval(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0' ||
	    *end != '\0' || !(seconds >= 0.1 && seconds <= 3600))
		errx(smtpctl_exit_error, "-i %s: not from 0.1 to 3600 seconds",
		    text);
	return (int)(seconds * 1000);
}

static unsigned long
parse_count(const char *text)
{
	const char *why;
	long long count = strtonum(text, 1, count_max, &why);

	if (why != NULL)
		errx(smtpctl_exit_error, "-n %s: not from 1 to %d", text,
		    count_max);
	return (unsigned long)count;
}

/* Reads the options that allowed lists, as for getopt(3). */
static bool
read_options(struct question *q, int argc, char *argv[], const char *allowed)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "openmetrics", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	while ((opt = getopt_long(argc, argv, allowed, longs, NULL)) != -1)
		if (strchr(allowed, opt) == NULL)
			return false;
		else if (opt == 'f')
			q->control.conf = optarg;
		else if (opt == 's')
			q->control.socket = optarg;
		else if (opt == 'v')
			q->ask.all = 1;
		else if (opt == 'i')
			q->interval_ms = parse_interval(optarg);
		else if (opt == 'n')
			q->count = parse_count(optarg);
		else if (opt == 'j' || opt == 'o') {
			uint8_t form = opt == 'j' ? FORM_JSON :
			    FORM_OPENMETRICS;

			if (q->ask.form != FORM_TEXT && q->ask.form != form)
				errx(smtpctl_exit_error, "-j and -o exclude "
				    "each other");
			q->ask.form = form;
		}
	return optind == argc;
}

int
smtpctl_status(int argc, char *argv[])
{
	static struct question q = { .ask.what = QUESTION_STATUS };

	return read_options(&q, argc, argv, "f:js:v") ? ask(&q, false) : -1;
}

int
smtpctl_stats(int argc, char *argv[])
{
	static struct question q = { .ask.what = QUESTION_STATS };

	return read_options(&q, argc, argv, "f:jos:") ? ask(&q, false) : -1;
}

/* Asks repeatedly; on a terminal each answer overwrites the previous one. */
int
smtpctl_top(int argc, char *argv[])
{
	static struct question q = { .ask.what = QUESTION_STATUS,
	    .interval_ms = interval_usual_ms };
	const char *term = getenv("TERM");
	bool clear = isatty(STDOUT_FILENO) && term != NULL &&
	    strcmp(term, "dumb") != 0;
	struct timespec pause;
	int status;

	if (!read_options(&q, argc, argv, "f:i:n:s:v"))
		return -1;
	if (q.count == 0 && !isatty(STDOUT_FILENO)) {
		warnx("standard output is no terminal: use smtpctl status, "
		    "or -n count");
		return smtpctl_exit_error;
	}
	pause.tv_sec = q.interval_ms / 1000;
	pause.tv_nsec = q.interval_ms % 1000 * 1000000L;
	for (unsigned long i = 1;; i++) {
		status = ask(&q, clear && q.count == 0);
		if (i == q.count || (status != 0 && i == 1))
			return status;
		if (!clear || q.count > 0)
			printf("\n");
		nanosleep(&pause, NULL);
	}
}
