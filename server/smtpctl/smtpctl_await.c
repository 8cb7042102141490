/*
 * Waiting for a message.  The Maildirs are scanned every 50 ms, because change
 * notification differs on every system.  smtpctl_match.c decides whether a
 * message matches.
 */
#include "server/smtpctl/smtpctl.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/log/catcher_dir.h"
#include "server/log/figure.h"
#include "server/mail/recipient.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "server/smtpctl/smtpctl_match.h"
#include "shared/array.h"
#include "shared/deadline.h"
#include "shared/file.h"

enum {
	poll_ms = 50,
	seconds_digits_max = 8,
	address_max_bytes = 2 * NAME_MAX + 2	/* USER@DOMAIN */
};

/* A message that matches all criteria; both strings are owned. */
struct found {
	char	*name;
	char	*path;
};

struct await {
	const char			*dir;
	const char			*seconds;	/* wait_ms as given */
	int64_t				 wait_ms;
	size_t				 wanted;	/* messages */
	bool				 only_new;
	bool				 all;	/* even LOOK_BEFORE */
	struct smtpctl_criterion	*criteria;
	size_t				 count;
	char				**words;	/* criteria as given */
	void				*seen;	/* tsearch(3): paths read */
	bool				 marking;	/* only note names */
	bool				 there;		/* dir exists */
	bool				 caught;	/* dir is a catcher's */
	struct timespec			 since;		/* when it began */
	unsigned long long		 unmatched, before;
	struct found			*found;		/* by this scan */
	size_t				 found_count;
};

/* A directory, and the address of its Maildir or the name of its domain. */
struct place {
	const char	*path;
	const char	*name;
};

typedef void	visit(struct await *, const struct place *, const char *);

static void
join(const char *dir, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX)
		errx(smtpctl_exit_error, "%s/%s: path too long", dir, name);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Each file is read once, however often its directory is scanned. */
static bool
was_seen(const struct await *a, const char *key)
{
	return tfind(key, &a->seen, by_text) != NULL;
}

/* key must not have been noted before. */
static void
note_seen(struct await *a, const char *key)
{
	const char *copy = strdup(key);

	if (copy == NULL || tsearch(copy, &a->seen, by_text) == NULL)
		err(smtpctl_exit_error, NULL);
}

/* Warns once of a name that neither smtpd nor a mail program gives. */
static void
pass_over(struct await *a, const char *dir, const char *name)
{
	char path[PATH_MAX], shown[figure_shown_bytes];

	join(dir, name, path);
	if (was_seen(a, path))
		return;
	note_seen(a, path);
	figure_shown(path, shown);
	warnx("%s: not a name that smtpd gives, and passed over", shown);
}

/* Visits each entry of the directory; false when there is no directory. */
static bool
for_each(struct await *a, const struct place *where, visit *f)
{
	DIR *d = opendir(where->path);
	struct dirent *e;

	if (d == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			err(smtpctl_exit_error, "%s", where->path);
		return false;
	}
	while (errno = 0, (e = readdir(d)) != NULL)
		if (conf_name_is_file(span_of(e->d_name)))
			f(a, where, e->d_name);
		else if (e->d_name[0] != '.')
			pass_over(a, where->path, e->d_name);
	if (errno != 0)
		err(smtpctl_exit_error, "%s", where->path);
	closedir(d);
	return true;
}

/* Reads the whole file; the caller frees the octets. */
static uint8_t *
read_whole(int fd, const char *path, size_t size)
{
	uint8_t *octets = malloc(size + 1);
	ssize_t n = octets == NULL ? -1 : file_read(fd, octets, size);

	if (n == -1)
		err(smtpctl_exit_error, "%s", path);
	if ((size_t)n < size)
		errx(smtpctl_exit_error, "%s: has become shorter", path);
	return octets;
}

enum look {
	LOOK_GONE,
	LOOK_NO_MESSAGE,
	LOOK_BEFORE,		/* older than the catcher, or none runs */
	LOOK_OTHER,
	LOOK_MATCHES
};

static bool
is_before(const struct await *a, const struct stat *st)
{
	const struct timespec *t = &st->st_mtim, *since = &a->since;

	return a->caught && !a->all && (since->tv_sec == 0 ||
	    t->tv_sec < since->tv_sec || (t->tv_sec == since->tv_sec &&
	    t->tv_nsec < since->tv_nsec));
}

/* A file that has gone was moved from new to cur, and is found again there. */
static enum look
look_at(const struct await *a, const char *path, const char *address)
{
	struct stat st;
	uint8_t *octets;
	bool matches;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return LOOK_GONE;
	if (fd == -1 && (errno == ELOOP || errno == EMLINK || errno == ENXIO))
		return LOOK_NO_MESSAGE;	/* a link, or a socket */
	if (fd == -1 || fstat(fd, &st) == -1)
		err(smtpctl_exit_error, "%s", path);
	if (!S_ISREG(st.st_mode) || is_before(a, &st)) {
		close(fd);
		return S_ISREG(st.st_mode) ? LOOK_BEFORE : LOOK_NO_MESSAGE;
	}
	octets = read_whole(fd, path, (size_t)st.st_size);
	close(fd);
	matches = smtpctl_match(a->criteria, a->count, span_of(address),
	    span_from(octets, (size_t)st.st_size));
	free(octets);
	return matches ? LOOK_MATCHES : LOOK_OTHER;
}

static void
forget_found(struct await *a)
{
	while (a->found_count > 0) {
		free(a->found[--a->found_count].name);
		free(a->found[a->found_count].path);
	}
}

static void
found(struct await *a, const char *path, const char *name)
{
	struct found *f;

	a->found = array_grow(a->found, a->found_count, sizeof(*f));
	if (a->found == NULL)
		err(smtpctl_exit_error, NULL);
	f = &a->found[a->found_count++];
	f->name = strdup(name);
	f->path = strdup(path);
	if (f->name == NULL || f->path == NULL)
		err(smtpctl_exit_error, NULL);
}

static void
visit_file(struct await *a, const struct place *where, const char *name)
{
	char path[PATH_MAX], key[address_max_bytes + NAME_MAX + 2];
	enum look look = LOOK_OTHER;

	/* A file that a mail program moves from new to cur keeps its name up
	 * to the colon. */
	snprintf(key, sizeof(key), "%s/%.*s", where->name,
	    (int)strcspn(name, ":"), name);
	if (was_seen(a, key))
		return;
	join(where->path, name, path);
	if (!a->marking)
		look = look_at(a, path, where->name);
	if (look == LOOK_GONE)
		return;
	/* Not noted as seen: it may move before enough messages have come. */
	if (look == LOOK_MATCHES) {
		found(a, path, name);
		return;
	}
	/* Noted for good: a catcher started meanwhile begins even later. */
	if (look == LOOK_BEFORE)
		a->before++;
	if (look == LOOK_OTHER && !a->marking)
		a->unmatched++;
	note_seen(a, key);
}

/* Scans path; false when it is no Maildir. */
static bool
visit_maildir(struct await *a, const char *path, const char *address)
{
	char new[PATH_MAX], cur[PATH_MAX];
	const struct place in_new = { new, address }, in_cur = { cur, address };

	join(path, "new", new);
	join(path, "cur", cur);
	/* In this order: a file moved meanwhile is found twice, not never. */
	if (!for_each(a, &in_new, visit_file))
		return false;
	for_each(a, &in_cur, visit_file);
	return true;
}

/* The Maildir of user name in the directory of a domain. */
static void
visit_user(struct await *a, const struct place *domain, const char *name)
{
	char path[PATH_MAX], address[address_max_bytes];

	join(domain->path, name, path);
	snprintf(address, sizeof(address), "%s@%s", name, domain->name);
	visit_maildir(a, path, address);
}

/* A catcher's Maildir, or the directory of a domain. */
static void
visit_top(struct await *a, const struct place *where, const char *name)
{
	char path[PATH_MAX];
	const struct place domain = { path, name };

	join(where->path, name, path);
	if (!visit_maildir(a, path, name))
		for_each(a, &domain, visit_user);
}

/*
 * A catcher's directory holds Maildirs.  smtpd's root holds directories of
 * domains below "mail"; no Maildir of a catcher has that name.
 */
static void
scan(struct await *a)
{
	char mail[PATH_MAX];
	const struct place below = { mail, "" }, top = { a->dir, "" };

	if (!catcher_dir_is_ours(a->dir))
		errx(smtpctl_exit_error, "%s: another user has made it, in a "
		    "directory where everybody can: what lies there proves "
		    "nothing", a->dir);
	forget_found(a);
	a->caught = catcher_dir_since(a->dir, &a->since);
	join(a->dir, "mail", mail);
	a->there = for_each(a, &below, visit_top) ||
	    for_each(a, &top, visit_top);
}

static void
pause_until(int64_t deadline_ms)
{
	int left = deadline_left_ms(deadline_ms);
	struct timespec t = { 0, (left < poll_ms ? left : poll_ms) * 1000000 };

	nanosleep(&t, NULL);
}

/* True when enough messages match; scans once more after the timeout. */
static bool
wait_for_them(struct await *a)
{
	int64_t deadline_ms = deadline_now_ms() + a->wait_ms;
	bool over = false;

	a->marking = a->only_new;
	scan(a);
	if (a->marking) {
		a->marking = false;
		scan(a);
	}
	while (a->found_count < a->wanted && !over) {
		pause_until(deadline_ms);
		over = deadline_now_ms() >= deadline_ms;
		scan(a);
	}
	return a->found_count >= a->wanted;
}

/* smtpd's file names sort by time. */
static int
by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
tell_failure(const struct await *a)
{
	if (!a->there)
		errx(smtpctl_exit_error, "%s: no such directory within %s s: "
		    "does smtpd -C run, or is it not where smtpd keeps its "
		    "mail?", a->dir, a->seconds);
	fprintf(stderr, "smtpctl: ");
	if (a->wanted > 1)
		fprintf(stderr, "%zu of %zu messages", a->found_count,
		    a->wanted);
	else
		fprintf(stderr, "no %smessage", a->only_new ? "new " : "");
	for (size_t i = 0; i < a->count; i++)
		fprintf(stderr, "%s%s", i == 0 ? " with " : ", ",
		    a->words[i]);
	fprintf(stderr, " in %s within %s s; %llu did not match", a->dir,
	    a->seconds, a->unmatched);
	if (a->before > 0)
		fprintf(stderr, "; %llu from before %s: -a looks at those, "
		    "too", a->before, a->since.tv_sec == 0 ?
		    "do not count, for no smtpd -C runs there" :
		    "smtpd -C was started do not count");
	fputc('\n', stderr);
}

/* Seconds, with or without a fraction: "10", "0.25". */
static bool
parse_seconds(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	int64_t ms = 0, unit = 100;

	if (digits == 0 || digits > seconds_digits_max)
		return false;
	for (; digits > 0; digits--)
		ms = ms * 10 + (*text++ - '0');
	ms *= 1000;
	if (*text == '.') {
		if (*++text == '\0')
			return false;
		for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
			ms += unit * (*text - '0');
	}
	*out = ms;
	return *text == '\0';
}

/* Replaces an address by the name of its Maildir, which is what is compared. */
static void
name_maildir(struct smtpctl_criterion *c)
{
	char name[recipient_file_name_max_bytes + 1], *copy;

	recipient_file_name(c->text, name);
	copy = strdup(name);
	if (copy == NULL)
		err(smtpctl_exit_error, NULL);
	c->text = span_of(copy);
}

static void
read_criteria(struct await *a, char *words[], size_t count)
{
	a->words = words;
	a->count = count;
	a->criteria = calloc(count + 1, sizeof(*a->criteria));
	if (a->criteria == NULL)
		err(smtpctl_exit_error, NULL);
	for (size_t i = 0; i < count; i++) {
		if (!smtpctl_match_parse(span_of(words[i]), &a->criteria[i]))
			errx(smtpctl_exit_error, "%s: not to=, from=, "
			    "subject= or body=", words[i]);
		if (a->criteria[i].field == SMTPCTL_TO)
			name_maildir(&a->criteria[i]);
	}
}

static bool
read_arguments(struct await *a, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	const char *dir = NULL, *conf = NULL, *count = "1", *why;
	int c;

	while ((c = getopt_long(argc, argv, "ac:d:f:nt:", longs, NULL)) != -1)
		switch (c) {
		case 'a':
			a->all = true;
			break;
		case 'c':
			count = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'f':
			conf = optarg;
			break;
		case 'n':
			a->only_new = true;
			break;
		case 't':
			a->seconds = optarg;
			break;
		default:
			return false;
		}
	if (dir != NULL || conf != NULL)
		a->dir = smtpctl_conf_root(dir, conf);
	if (!parse_seconds(a->seconds, &a->wait_ms))
		errx(smtpctl_exit_error, "-t %s: not a number of seconds",
		    a->seconds);
	a->wanted = (size_t)strtonum(count, 1, 1000000, &why);
	if (why != NULL)
		errx(smtpctl_exit_error, "--count %s: not a number from 1 to "
		    "1000000", count);
	read_criteria(a, argv + optind, (size_t)(argc - optind));
	return true;
}

int
smtpctl_await(int argc, char *argv[])
{
	static char dir[PATH_MAX];
	static struct await a;

	catcher_dir_default(dir, sizeof(dir));
	a.dir = dir;
	a.seconds = "10";
	if (!read_arguments(&a, argc, argv))
		return -1;
	if (!wait_for_them(&a)) {
		tell_failure(&a);
		return 1;
	}
	qsort(a.found, a.found_count, sizeof(*a.found), by_name);
	for (size_t i = 0; i < a.wanted; i++)
		puts(a.found[i].path);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return 0;
}
