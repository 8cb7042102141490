/*
 * smtpctl log verify: checks every line of the message log against the
 * previous one, and against checkpoints.
 */
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

#include "server/log/figure.h"
#include "server/log/lines.h"
#include "server/log/log_chain.h"
#include "server/log/log_files.h"
#include "server/smtpctl/smtpctl_conf.h"

enum { faults_told_max = 50 };

struct options {
	const char	*root;
	const char	*conf;
	const char	*checkpoints;	/* path; NULL: none */
	bool		 quiet;
	char		**paths;	/* NULL ends it; empty: those of root */
};

/* The state of a walk through the log. */
struct walk {
	const struct options	*o;
	struct log_chain	 chain;
	unsigned long		 faults;
	char			 path[figure_shown_bytes];	/* shown */
	uint64_t		 number;	/* of the current line */
	/* The previous line, as "FILE:LINE". */
	char			 before[figure_shown_bytes + 32];
	struct log_checkpoint	*points;
	bool			*met;
	size_t			 point_count;
};

static void	fault(struct walk *w, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

static void
fault(struct walk *w, const char *fmt, ...)
{
	va_list ap;

	if (++w->faults > faults_told_max)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (w->faults == faults_told_max)
		puts("and there may be more");
}

static void
tell(struct walk *w, enum log_chain_fault f, const struct log_record *r,
    uint64_t last)
{
	unsigned long long line = w->number, n = r->n;

	switch (f) {
	case LOG_CHAIN_OK:
		break;
	case LOG_CHAIN_STRANGE:
		fault(w, "%s:%llu: this is no line that smtpd writes", w->path,
		    line);
		break;
	case LOG_CHAIN_HEADLESS:
		fault(w, "%s:%llu: this is number %llu, which begins no file: "
		    "what stood before it was cut off", w->path, line, n);
		break;
	case LOG_CHAIN_CHANGED:
		fault(w, "%s:%llu: does not follow the line before it: %s was "
		    "changed, or this one was put here", w->path, line,
		    w->before);
		break;
	case LOG_CHAIN_MISSING:
		fault(w, "%s:%llu: %llu %s missing before it: this is number "
		    "%llu, and %s is number %llu", w->path, line,
		    (unsigned long long)w->chain.missing,
		    w->chain.missing == 1 ? "line is" : "lines are", n,
		    w->before, (unsigned long long)last);
		break;
	case LOG_CHAIN_MOVED:
		fault(w, "%s:%llu: out of its place: number %llu stands "
		    "behind number %llu", w->path, line, n,
		    (unsigned long long)last);
		break;
	case LOG_CHAIN_NUMBER:
		fault(w, "%s:%llu: its number %llu is forged, for it follows "
		    "number %llu", w->path, line, n,
		    (unsigned long long)last);
		break;
	}
}

static void
meet_points(struct walk *w, const struct log_record *r, struct span line)
{
	uint8_t hash[log_hash_bytes];

	for (size_t i = 0; i < w->point_count; i++) {
		const struct log_checkpoint *p = &w->points[i];

		if (p->n != r->n || w->met[i])
			continue;
		w->met[i] = true;
		crypto_generichash(hash, sizeof(hash), line.p, line.n, NULL,
		    0);
		if (memcmp(hash, p->hash, sizeof(hash)) != 0)
			fault(w, "%s:%llu: not what it was at the checkpoint "
			    "of %s: this line, or one before it, was changed",
			    w->path, (unsigned long long)w->number, p->time);
	}
}

static void
walk_line(struct walk *w, struct span line)
{
	uint64_t last = w->chain.last;
	enum log_chain_fault f;
	struct log_record r;

	memset(&r, 0, sizeof(r));
	f = log_chain_feed(&w->chain, line, &r);
	tell(w, f, &r, last);
	if (f != LOG_CHAIN_STRANGE && f != LOG_CHAIN_MOVED)
		meet_points(w, &r, line);
	snprintf(w->before, sizeof(w->before), "%s:%llu", w->path,
	    (unsigned long long)w->number);
}

static void
walk_lines(struct walk *w, struct lines *l)
{
	struct span line;
	int got;

	while ((got = lines_next(l, &line)) == 1) {
		w->number = l->number;
		if (l->whole || !l->eof)
			walk_line(w, line);
		else
			fault(w, "%s:%llu: the file ends in the middle of "
			    "this line", w->path,
			    (unsigned long long)w->number);
	}
	if (got == -1)
		err(smtpctl_exit_error, "%s", w->path);
	if (!w->o->quiet)
		printf("%s: %llu lines\n", w->path,
		    (unsigned long long)l->number);
}

/* A file named as an argument, or "-". */
static void
walk_named(struct walk *w, const char *path)
{
	static struct lines lines;
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	figure_shown(is_stdin ? "standard input" : path, w->path);
	if (fd == -1)
		err(smtpctl_exit_error, "%s", w->path);
	lines_begin(&lines, fd);
	walk_lines(w, &lines);
	if (!is_stdin)
		close(fd);
}

/* A file of the log's directory, which somebody else may have put there. */
static void
walk_found(struct walk *w, const struct log_file_found *f)
{
	static struct lines lines;

	figure_shown(f->path, w->path);
	if (f->strange) {
		fault(w, "%s: neither smtpd nor logrotate gives such a name: "
		    "it was not read", w->path);
		return;
	}
	if (lines_open(&lines, f->path) == 0) {
		walk_lines(w, &lines);
		close(lines.fd);
	} else if (errno == EINVAL || errno == ELOOP || errno == ENXIO)
		fault(w, "%s: it is no plain file, and was not read", w->path);
	else
		err(smtpctl_exit_error, "%s", w->path);
}

static void
walk_root(struct walk *w, const char *root)
{
	char what[PATH_MAX];
	struct log_files f;

	if (log_files_find(root, &f, what) == -1)
		err(smtpctl_exit_error, "%s", what);
	if (f.count == 0)
		errx(smtpctl_exit_error, "%s: no message log here", what);
	if (f.compressed > 0)
		warnx("%s: %zu compressed files are left out: name all "
		    "files, decompressed, in their order", what,
		    f.compressed);
	for (size_t i = 0; i < f.count; i++)
		walk_found(w, &f.files[i]);
	log_files_free(&f);
}

static void
read_points(struct walk *w)
{
	static struct lines lines;
	const char *path = w->o->checkpoints;
	struct log_checkpoint p, *grown;
	struct span line;
	int fd, got;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		err(smtpctl_exit_error, "%s", path);
	lines_begin(&lines, fd);
	while ((got = lines_next(&lines, &line)) == 1) {
		if (!lines.whole || !log_chain_read_checkpoint(line, &p)) {
			fault(w, "%s:%llu: this is no checkpoint", path,
			    (unsigned long long)lines.number);
			continue;
		}
		grown = reallocarray(w->points, w->point_count + 1,
		    sizeof(*grown));
		if (grown == NULL)
			err(smtpctl_exit_error, "%s", path);
		w->points = grown;
		w->points[w->point_count++] = p;
	}
	if (got == -1)
		err(smtpctl_exit_error, "%s", path);
	close(fd);
	w->met = calloc(w->point_count + 1, sizeof(*w->met));
	if (w->met == NULL)
		err(smtpctl_exit_error, "%s", path);
}

/* Judges the checkpoints of lines that were not found. */
static void
judge_points(struct walk *w)
{
	const struct log_chain *c = &w->chain;
	size_t met = 0, older = 0;

	for (size_t i = 0; i < w->point_count; i++) {
		const struct log_checkpoint *p = &w->points[i];

		met += w->met[i];
		if (w->met[i])
			continue;
		if (c->begun && p->n < c->first)
			older++;
		else if (!c->begun || p->n > c->last)
			fault(w, "the end was cut off: at the checkpoint of "
			    "%s there was a line number %llu, and the last is "
			    "number %llu", p->time, (unsigned long long)p->n,
			    (unsigned long long)c->last);
		else
			fault(w, "line number %llu, which the checkpoint of "
			    "%s is of, is not there",
			    (unsigned long long)p->n, p->time);
	}
	if (w->o->quiet || w->point_count == 0)
		return;
	printf("%s: %zu checkpoints, %zu of lines that are here",
	    w->o->checkpoints, w->point_count, met);
	if (older > 0)
		printf(", %zu of older ones", older);
	putchar('\n');
}

/* Prints the result; its last line is a checkpoint. */
static void
sum_up(const struct walk *w)
{
	const struct log_chain *c = &w->chain;
	struct log_checkpoint last = { .n = c->last };
	uint8_t storage[log_checkpoint_line_bytes];
	struct buf line = buf_over(storage, sizeof(storage));

	if (w->faults > 0) {
		printf("the message log is not what was written: %lu %s\n",
		    w->faults, w->faults == 1 ? "fault" : "faults");
		return;
	}
	if (w->o->quiet)
		return;
	if (!c->begun) {
		puts("the message log is empty");
		return;
	}
	if (!c->from_start)
		printf("what stood before number %llu is not here\n",
		    (unsigned long long)c->first);
	printf("the chain holds: numbers %llu to %llu, from %s to %s\n",
	    (unsigned long long)c->first, (unsigned long long)c->last,
	    c->began, c->ended);
	memcpy(last.time, c->ended, sizeof(last.time));
	memcpy(last.hash, c->hash, sizeof(last.hash));
	log_chain_write_checkpoint(&last, &line);
	fwrite(line.p, 1, line.n, stdout);
}

/* The default file of checkpoints, which a cron job may write. */
static const char *
find_checkpoints(const char *root)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/log/checkpoint", root);
	return access(path, F_OK) == 0 ? path : NULL;
}

static int
verify(struct options *o)
{
	static struct walk w = { .before = "?" };
	const char *root = o->paths[0] != NULL ? NULL :
	    smtpctl_conf_root(o->root, o->conf);

	w.o = o;
	if (o->checkpoints == NULL && root != NULL)
		o->checkpoints = find_checkpoints(root);
	if (o->checkpoints != NULL)
		read_points(&w);
	for (size_t i = 0; o->paths[i] != NULL; i++)
		walk_named(&w, o->paths[i]);
	if (root != NULL)
		walk_root(&w, root);
	judge_points(&w);
	sum_up(&w);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return w.faults == 0 ? 0 : 1;
}

int
smtpctl_log(int argc, char *argv[])
{
	static struct options o;
	int c;

	if (argc > 1 && (strcmp(argv[1], "checkpoint") == 0 ||
	    strcmp(argv[1], "sign") == 0 || strcmp(argv[1], "keygen") == 0))
		errx(smtpctl_exit_error, "log %s: \"smtpctl log verify\" ends "
		    "with a checkpoint, and signify(1) or minisign(1) signs "
		    "it: see the examples of smtpctl(8)", argv[1]);
	if (argc < 2 || strcmp(argv[1], "verify") != 0)
		return -1;
	optind = 2;
	while ((c = getopt(argc, argv, "c:d:f:q")) != -1)
		switch (c) {
		case 'c':
			o.checkpoints = optarg;
			break;
		case 'd':
			o.root = optarg;
			break;
		case 'f':
			o.conf = optarg;
			break;
		case 'q':
			o.quiet = true;
			break;
		default:
			return -1;
		}
	o.paths = argv + optind;
	if (sodium_init() == -1)
		errx(smtpctl_exit_error, "libsodium cannot be initialized");
	return verify(&o);
}
