/* Questions to the server, whose answers are escaped: they may be hostile. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
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
	long long		count;		/* 0: no end */
};

void
smtpctl_print(struct span s)
{
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

	if (text == NULL)
		return 1;
	if (clear)
		fputs("\033[H\033[J", stdout);
	smtpctl_print(span_of(text));
	free(text);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return q->control.status;
}

static void
read_options(struct question *q, const struct smtpctl_line *l)
{
	if (l->set['j'] != NULL && l->set['o'] != NULL)
		errx(smtpctl_exit_error, "-j and -o exclude each other");
	q->ask.form = l->set['j'] != NULL ? FORM_JSON :
	    l->set['o'] != NULL ? FORM_OPENMETRICS : FORM_TEXT;
	q->ask.all = l->set['v'] != NULL;
	q->control.conf = l->set['f'];
	q->control.socket = l->set['s'];
	if (l->set['n'] != NULL)
		q->count = smtpctl_number("-n", l->set['n'], 1, count_max);
	if (l->set['i'] != NULL)
		q->interval_ms = (int)smtpctl_ms("-i", l->set['i'], 0.1, 3600);
}

/* Asks repeatedly; on a terminal each answer overwrites the previous one. */
static int
ask_again(struct question *q)
{
	const char *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO), clear = terminal &&
	    q->count == 0 && term != NULL && strcmp(term, "dumb") != 0;
	struct timespec pause = { .tv_sec = q->interval_ms / 1000,
	    .tv_nsec = q->interval_ms % 1000 * 1000000L };

	if (q->count == 0 && !terminal) {
		warnx("standard output is no terminal: use smtpctl status, "
		    "or -n count");
		return smtpctl_exit_error;
	}
	for (long long i = 1;; i++) {
		int status = ask(q, clear);

		if (i == q->count || (status != 0 && i == 1))
			return status;
		if (!clear)
			printf("\n");
		nanosleep(&pause, NULL);
	}
}

int
smtpctl_status(const struct smtpctl_line *l)
{
	static struct question q = { .ask.what = QUESTION_STATUS,
	    .interval_ms = interval_usual_ms };

	if (strcmp(l->name, "stats") == 0)
		q.ask.what = QUESTION_STATS;
	read_options(&q, l);
	return strcmp(l->name, "top") == 0 ? ask_again(&q) : ask(&q, false);
}
