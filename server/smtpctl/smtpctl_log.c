/* smtpctl log verify: checks line after line, and checkpoints. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/log/log_message.h"

struct walk {
	bool			 quiet;
	struct log_chain	 chain;
	unsigned long		 faults;
	char			 path[conf_path_shown_bytes];	/* shown */
	/* The current line and the previous one, as "FILE:LINE". */
	char			 here[conf_path_shown_bytes + 32];
	char			 before[conf_path_shown_bytes + 32];
	struct log_point	*points;	/* n 0: its line was found */
	size_t			 point_count;
};

static void __attribute__((format(printf, 2, 3)))
fault(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	w->faults++;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
walk_line(struct walk *w, struct span line)
{
	static char why[log_chain_why_bytes];
	struct log_chain *c = &w->chain;

	if (!log_chain_feed(c, line, w->before, why))
		fault(w, "%s: %s", w->here, why);
	for (size_t i = 0; c->taken && i < w->point_count; i++) {
		struct log_point *p = &w->points[i];

		if (p->n != c->last.n)
			continue;
		p->n = 0;
		if (memcmp(c->last.hash, p->hash, sizeof(p->hash)) != 0)
			fault(w, "%s: not what it was at the checkpoint of "
			    "%s: this line, or one before it, was changed",
			    w->here, p->time);
	}
	snprintf(w->before, sizeof(w->before), "%s", w->here);
}

static void
walk_lines(struct walk *w, struct log_lines *l)
{
	struct span line;
	int got;

	while ((got = log_lines_next(l, &line)) == 1) {
		snprintf(w->here, sizeof(w->here), "%s:%llu", w->path,
		    (unsigned long long)l->number);
		if (l->whole || !feof(l->f))
			walk_line(w, line);
		else
			fault(w, "%s: the file ends in the middle of this line",
			    w->here);
	}
	if (got == -1)
		err(smtpctl_exit_error, "%s", w->path);
	if (!w->quiet)
		printf("%s: %llu lines\n", w->path,
		    (unsigned long long)l->number);
	if (l->f != stdin)
		fclose(l->f);
}

/* Files of the log's directory, which somebody else may have put there. */
static void
walk_root(struct walk *w, const char *root)
{
	static struct log_lines lines;
	char dir[PATH_MAX];
	struct log_files f;

	snprintf(dir, sizeof(dir), "%s/log", root);
	if (log_files_find(AT_FDCWD, dir, &f) == -1)
		err(smtpctl_exit_error, "%s", dir);
	if (f.count == 0)
		errx(smtpctl_exit_error, "%s: no message log", dir);
	if (f.compressed > 0)
		warnx("%s: %zu compressed files were not read: name all "
		    "files, decompressed, in their order", dir, f.compressed);
	for (size_t i = 0; i < f.count; i++) {
		conf_show(span_of(f.files[i].path), w->path,
		    sizeof(w->path));
		if (f.files[i].strange)
			fault(w, "%s: not a name that smtpd or logrotate "
			    "gives: the file was not read", w->path);
		else if (log_lines_open(&lines, AT_FDCWD, f.files[i].path) == 0)
			walk_lines(w, &lines);
		else if (errno == EINVAL || errno == ELOOP ||
		    errno == EMLINK || errno == ENXIO)
			fault(w, "%s: not a regular file: it was not read",
			    w->path);
		else
			err(smtpctl_exit_error, "%s", w->path);
	}
	free(f.files);
}

static void
read_points(struct walk *w, const char *path)
{
	static struct log_lines lines;
	struct log_point p;
	struct span line;
	int got;

	if (log_lines_begin(&lines, fopen(path, "re")) == -1)
		err(smtpctl_exit_error, "%s", path);
	while ((got = log_lines_next(&lines, &line)) == 1) {
		if (!lines.whole || !log_chain_read_checkpoint(line, &p)) {
			fault(w, "%s:%llu: not a checkpoint", path,
			    (unsigned long long)lines.number);
			continue;
		}
		if (array_add(&w->points, &w->point_count, &p, sizeof(p)) ==
		    NULL)
			err(smtpctl_exit_error, "%s", path);
	}
	if (got == -1)
		err(smtpctl_exit_error, "%s", path);
	fclose(lines.f);
}

/* Judges the checkpoints of lines that were not found. */
static void
judge_points(struct walk *w, const char *path)
{
	const struct log_chain *c = &w->chain;
	unsigned long long last = c->last.n;
	size_t met = 0, older = 0;

	for (size_t i = 0; i < w->point_count; i++) {
		const struct log_point *p = &w->points[i];

		if (p->n == 0)
			met++;
		else if (c->begun && p->n < c->first.n)
			older++;
		else if (!c->begun || p->n > last)
			fault(w, "the end was cut off: the checkpoint of %s is "
			    "of number %llu, and the last line is number %llu",
			    p->time, (unsigned long long)p->n, last);
		else
			fault(w, "number %llu is missing, which the checkpoint "
			    "of %s is of", (unsigned long long)p->n, p->time);
	}
	if (w->quiet || w->point_count == 0)
		return;
	printf("%s: %zu checkpoints, %zu of them of lines found", path,
	    w->point_count, met);
	if (older > 0)
		printf(", %zu of older lines", older);
	putchar('\n');
}

static void
sum_up(const struct walk *w)
{
	const struct log_chain *c = &w->chain;
	uint8_t storage[log_checkpoint_line_bytes];
	struct buf line = buf_over(storage, sizeof(storage));
	unsigned long long first = c->first.n, last = c->last.n;

	if (w->faults > 0)
		printf("the message log was changed: %lu %s\n",
		    w->faults, w->faults == 1 ? "fault" : "faults");
	else if (!w->quiet && !c->begun)
		puts("the message log is empty");
	else if (!w->quiet) {
		if (!c->from_start)
			printf("lines before number %llu are not here\n",
			    first);
		printf("the chain holds: numbers %llu to %llu, from %s to "
		    "%s\n", first, last, c->first.time, c->last.time);
		log_chain_write_checkpoint(&c->last, &line);
		fwrite(line.p, 1, line.n, stdout);
	}
}

int
smtpctl_log(const struct smtpctl_line *l)
{
	static struct walk w = { .before = "?" };
	static struct log_lines lines;
	const char *dir = NULL, *points = l->set['c'];
	char found[PATH_MAX];

	if (strcmp(l->words[0], "verify") != 0)
		return -1;
	w.quiet = l->set['q'] != NULL;
	if (sodium_init() == -1)
		errx(smtpctl_exit_error, "libsodium cannot be initialized");
	if (l->count == 1)
		dir = smtpctl_conf_root(l->set['d'], l->set['f']);
	/* The default file of checkpoints, which a cron job may write. */
	snprintf(found, sizeof(found), "%s/log/checkpoint",
	    dir == NULL ? "" : dir);
	if (points == NULL && dir != NULL && access(found, F_OK) == 0)
		points = found;
	if (points != NULL)
		read_points(&w, points);
	for (size_t i = 1; i < l->count; i++) {
		bool is_stdin = strcmp(l->words[i], "-") == 0;

		conf_show(span_of(is_stdin ? "standard input" : l->words[i]),
		    w.path, sizeof(w.path));
		if (log_lines_begin(&lines, is_stdin ? stdin :
		    fopen(l->words[i], "re")) == -1)
			err(smtpctl_exit_error, "%s", w.path);
		walk_lines(&w, &lines);
	}
	if (dir != NULL)
		walk_root(&w, dir);
	judge_points(&w, points);
	sum_up(&w);
	return w.faults == 0 ? 0 : 1;
}
