/* Waiting for a message: the Maildirs are scanned every 50 ms. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/log/catcher.h"
#include "server/mail/recipient.h"
#include "shared/deadline.h"
#include "shared/file.h"

enum { poll_ms = 50 };

struct await {
	const struct smtpctl_line	*l;
	const char			*dir;
	const char			*seconds;	/* wait_ms as given */
	int64_t				 wait_ms;
	size_t				 wanted;	/* messages */
	struct smtpctl_criterion	*criteria;
	void				*seen;	/* tsearch(3): files read */
	bool				 marking;	/* only note names */
	bool				 there;		/* dir exists */
	bool				 caught;	/* dir is a catcher's */
	struct timespec			 since;		/* when it began */
	unsigned long long		 unmatched, before;
	char				**found; /* paths, by this scan */
	size_t				 found_count;
};

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Each file is read once, however often its directory is scanned. */
static void
note_seen(struct await *a, const char *key)
{
	const char *copy = strdup(key);

	if (copy == NULL || tsearch(copy, &a->seen, by_text) == NULL)
		err(smtpctl_exit_error, NULL);
}

/* Older than the catcher, or no catcher runs. */
static bool
is_before(const struct await *a, const struct stat *st)
{
	const struct timespec *t = &st->st_mtim, *since = &a->since;

	return a->caught && a->l->set['a'] == NULL && (since->tv_sec == 0 ||
	    t->tv_sec < since->tv_sec || (t->tv_sec == since->tv_sec &&
	    t->tv_nsec < since->tv_nsec));
}

/* Looks at a file; false: not for good, it has gone, or matches and may go. */
static bool
look_at(struct await *a, const char *path, const char *address)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t *octets = NULL;
	char *found;
	bool match = false;
	struct stat st;
	size_t n;

	if (fd == -1 && (errno == ELOOP || errno == EMLINK || errno == ENXIO))
		return true;	/* a link, or a socket */
	if (fd == -1 && errno == ENOENT)
		return false;
	if (fd == -1 || fstat(fd, &st) == -1)
		err(smtpctl_exit_error, "%s", path);
	n = (size_t)st.st_size;
	if (S_ISREG(st.st_mode) && is_before(a, &st))
		/* For good: a catcher started meanwhile begins even later. */
		a->before++;
	else if (S_ISREG(st.st_mode)) {
		octets = malloc(n + 1);
		errno = 0;
		if (octets == NULL || file_read(fd, octets, n) != (ssize_t)n)
			errx(smtpctl_exit_error, "%s: %s", path, errno == 0 ?
			    "has become shorter" : strerror(errno));
		match = smtpctl_match(a->criteria, a->l->count,
		    span_of(address), span_from(octets, n));
		a->unmatched += !match;
	}
	free(octets);
	close(fd);
	if (!match)
		return true;
	found = strdup(path);
	if (found == NULL || array_add(&a->found, &a->found_count, &found,
	    sizeof(found)) == NULL)
		err(smtpctl_exit_error, NULL);
	return false;
}

/* Takes base/USER/new/FILE or base/DOMAIN/USER/new/FILE apart. */
static void
visit(struct await *a, const char *path, size_t base)
{
	char copy[PATH_MAX], address[PATH_MAX], key[PATH_MAX];
	char *part[4] = { 0 }, *rest = copy;
	size_t n = 0;

	/* Neither smtpd nor a mail program gives such a name. */
	if (!conf_is_visible(span_of(path + base + 1), true)) {
		if (tfind(path, &a->seen, by_text) != NULL)
			return;
		note_seen(a, path);
		warnx("%s: not a name that smtpd gives, and ignored",
		    conf_shown(span_of(path)));
		return;
	}
	snprintf(copy, sizeof(copy), "%s", path + base + 1);
	while (n < 4 && rest != NULL)
		part[n++] = strsep(&rest, "/");
	snprintf(address, sizeof(address), "%s%s%s", part[n - 3],
	    n == 3 ? "" : "@", n == 3 ? "" : part[0]);
	/* A file that a mail program moves from new to cur keeps its name up
	 * to the colon. */
	part[n - 1][strcspn(part[n - 1], ":")] = '\0';
	if (snprintf(key, sizeof(key), "%s/%s", address, part[n - 1]) > 0 &&
	    tfind(key, &a->seen, by_text) == NULL &&
	    (a->marking || look_at(a, path, address)))
		note_seen(a, key);
}

/* Maildirs are at the top of a catcher's directory, or in root/mail/DOMAIN. */
static void
scan(struct await *a)
{
	/* new first: a file moved meanwhile is found twice, not never. */
	static const char *const parts[] = { "*/new/*", "*/cur/*",
	    "*/*/new/*", "*/*/cur/*" };
	char base[PATH_MAX];
	struct stat st;
	glob_t g;

	if (!catcher_dir_is_ours(a->dir))
		errx(smtpctl_exit_error, "%s: it belongs to another user, "
		    "where everybody may create files: mail in it proves "
		    "nothing", a->dir);
	while (a->found_count > 0)
		free(a->found[--a->found_count]);
	a->caught = catcher_dir_since(a->dir, &a->since);
	snprintf(base, sizeof(base), "%.4000s/mail", a->dir);
	if (stat(base, &st) == -1 || !S_ISDIR(st.st_mode))
		snprintf(base, sizeof(base), "%.4000s", a->dir);
	a->there = stat(base, &st) == 0 && S_ISDIR(st.st_mode);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		errno = smtpctl_glob(base, parts[i], &g);
		if (errno != 0)
			err(smtpctl_exit_error, "%s", base);
		for (size_t k = 0; k < g.gl_pathc; k++)
			visit(a, g.gl_pathv[k], strlen(base));
		globfree(&g);
	}
}

/* True when enough messages match; scans once more after the timeout. */
static bool
wait_for_them(struct await *a)
{
	int64_t deadline_ms = deadline_now_ms() + a->wait_ms;

	a->marking = a->l->set['n'] != NULL;
	for (;;) {
		int left = deadline_left_ms(deadline_ms);
		struct timespec t = { 0,
		    (left < poll_ms ? left : poll_ms) * 1000000 };

		scan(a);
		if (a->found_count >= a->wanted)
			return true;
		if (left == 0 && !a->marking)
			return false;
		a->marking = false;
		nanosleep(&t, NULL);
	}
}

static int
by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(strrchr(*x, '/'), strrchr(*y, '/'));
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
		fprintf(stderr, "no %smessage", a->l->set['n'] != NULL ?
		    "new " : "");
	for (size_t i = 0; i < a->l->count; i++)
		fprintf(stderr, "%s%s", i == 0 ? " with " : ", ",
		    a->l->words[i]);
	fprintf(stderr, " in %s within %s s; %llu did not match", a->dir,
	    a->seconds, a->unmatched);
	if (a->before > 0)
		fprintf(stderr, "; %llu older %s: -a counts them", a->before,
		    a->since.tv_sec == 0 ?
		    "ones were ignored, as no smtpd -C runs there" :
		    "than this smtpd -C were ignored");
	fputc('\n', stderr);
}

static void
read_criteria(struct await *a)
{
	char name[recipient_file_name_max_bytes + 1], *copy;

	a->criteria = calloc(a->l->count + 1, sizeof(*a->criteria));
	if (a->criteria == NULL)
		err(smtpctl_exit_error, NULL);
	for (size_t i = 0; i < a->l->count; i++) {
		struct smtpctl_criterion *c = &a->criteria[i];

		if (!smtpctl_match_parse(span_of(a->l->words[i]), c))
			errx(smtpctl_exit_error, "%s: not to=, from=, "
			    "subject= or body=", a->l->words[i]);
		if (c->field != SMTPCTL_TO)
			continue;
		/* The name of its Maildir is what is compared. */
		recipient_file_name(c->text, name);
		copy = strdup(name);
		if (copy == NULL)
			err(smtpctl_exit_error, NULL);
		c->text = span_of(copy);
	}
}

int
smtpctl_await(const struct smtpctl_line *l)
{
	static char dir[PATH_MAX];
	struct await await = { .l = l, .dir = dir,
	    .seconds = l->set['t'] == NULL ? "10" : l->set['t'] }, *a = &await;

	catcher_dir_default(dir, sizeof(dir));
	if (l->set['d'] != NULL || l->set['f'] != NULL)
		a->dir = smtpctl_conf_root(l->set['d'], l->set['f']);
	a->wait_ms = smtpctl_ms("-t", a->seconds, 0, 1e8);
	a->wanted = l->set['c'] == NULL ? 1 : (size_t)smtpctl_number("--count",
	    l->set['c'], 1, 1000000);
	read_criteria(a);
	if (!wait_for_them(a)) {
		tell_failure(a);
		return 1;
	}
	qsort(a->found, a->found_count, sizeof(*a->found), by_name);
	for (size_t i = 0; i < a->wanted; i++)
		puts(a->found[i]);
	return 0;
}
