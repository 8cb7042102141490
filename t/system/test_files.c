/*
 * What lies below the root: smtpd-internals(7) names all of it, and no more,
 * and nobody but its owner can look.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"

enum { rows_max = 40 };

/* "mail/DOMAIN/USER/new" as "mail / * / * / new", without the blanks. */
static struct row {
	char	pattern[128];
	bool	seen;
} rows[rows_max];
static size_t row_count;
static size_t root_length;

static void
add_row(const char *name, size_t n)
{
	struct row *r = &rows[row_count++];
	size_t out = 0;

	EXPECT(row_count <= rows_max && n < sizeof(r->pattern), "%s", name);
	for (size_t i = 0; i < n; i++) {
		bool capital = name[i] >= 'A' && name[i] <= 'Z';

		if (capital && out > 0 && r->pattern[out - 1] == '*')
			continue;
		r->pattern[out++] = capital ? '*' : name[i];
	}
	r->pattern[out] = '\0';
}

/* The ".It Pa" lines of that section of the page. */
static void
read_rows(void)
{
	char *page = harness_read_file("man/smtpd-internals.7", NULL);
	char *at = strstr(page, ".Sh FILES BELOW THE ROOT\n");
	char *line, *rest;

	EXPECT(at != NULL, "the page has no such section");
	*strstr(at + 1, "\n.Sh ") = '\0';
	for (rest = at; (line = strsep(&rest, "\n")) != NULL;)
		if (strncmp(line, ".It Pa ", 7) == 0)
			add_row(line + 7, strlen(line + 7));
	free(page);
	EXPECT(row_count > 5, "%zu rows", row_count);
}

/* Is path what a row begins with? */
static bool
leads_to(const char *path, const char *pattern)
{
	char head[sizeof(rows[0].pattern)];
	size_t n = 0, slashes = 1;

	for (const char *p = path; *p != '\0'; p++)
		slashes += *p == '/';
	while (pattern[n] != '\0' && (pattern[n] != '/' || --slashes > 0))
		n++;
	snprintf(head, sizeof(head), "%.*s", (int)n, pattern);
	return pattern[n] == '/' && fnmatch(head, path, FNM_PATHNAME) == 0;
}

static int
check_file(const char *path, const struct stat *st, int kind,
    struct FTW *where)
{
	const char *name = path + root_length + 1;
	bool known = where->level == 0;

	for (size_t i = 0; i < row_count; i++) {
		struct row *r = &rows[i];

		if (where->level == 0)
			continue;
		if (fnmatch(r->pattern, name, FNM_PATHNAME) == 0)
			known = r->seen = true;
		else if (kind == FTW_D && leads_to(name, r->pattern))
			known = true;
	}
	EXPECT(known, "%s is not in smtpd-internals(7)", path);
	EXPECT((st->st_mode & 0777) == (kind == FTW_D ? 0700 : 0600),
	    "%s has mode %o", path, st->st_mode & 0777U);
	return 0;
}

/* Begins a message to a Maildir and to a host that is not there. */
static void
begin_mixed(const struct daemon *d, struct client *c)
{
	client_open(c, d, NULL);
	EXPECT(client_command(c, "EHLO client.example.net") == 250 &&
	    client_command(c, "MAIL FROM:<sender@example.net>") == 250 &&
	    client_command(c, "RCPT TO:<alice@example.org>") == 250 &&
	    client_command(c, "RCPT TO:<x@elsewhere.test>") == 250 &&
	    client_command(c, "DATA") == 354, "DATA");
	EXPECT(client_send(c, "x\r\n", 3), "send");
}

/*
 * Something of everything: a line cut short, a rotation, a refusal, a message
 * in the queue.
 */
static void
use(struct daemon *d, struct client *under_way)
{
	char path[160];
	FILE *f;

	daemon_init(d, "", NULL);
	daemon_add_conf(d, "relay {\n\tfrom 127.0.0.1\n"
	    "\tvia 127.0.0.1 port 9\n}\n");
	daemon_start(d);
	EXPECT(client_deliver(d, NULL, 1, 500, "alice") == 250, "mail");
	daemon_stop(d);
	snprintf(path, sizeof(path), "%s/log/message", d->root);
	f = fopen(path, "ae");
	EXPECT(f != NULL && fputs("{\"n\":2,", f) != EOF && fclose(f) == 0,
	    "%s: %s", path, strerror(errno));
	daemon_start(d);
	EXPECT(kill(d->pid, SIGUSR1) == 0, "kill");
	EXPECT(WAIT(daemon_logged(d, " event=reopen ", NULL) == 1),
	    "no rotation");
	EXPECT(client_deliver(d, NULL, 2, 500, "alice") == 250, "mail");
	EXPECT(client_deliver(d, NULL, 3, 500, "who") == 550, "no refusal");
	daemon_rest(d);
	begin_mixed(d, under_way);
	EXPECT(client_send(under_way, ".\r\n", 3) &&
	    client_reply(under_way) == 250, "not queued");
	client_close(under_way);
	begin_mixed(d, under_way);
	EXPECT(WAIT(mail_incoming(d) == 2), "no files");
}

TEST(all_are_told)
{
	struct client under_way;
	struct daemon d;

	read_rows();
	use(&d, &under_way);
	root_length = strlen(d.root);
	EXPECT(nftw(d.root, check_file, 16, FTW_PHYS) == 0, "%s: %s", d.root,
	    strerror(errno));
	for (size_t i = 0; i < row_count; i++)
		EXPECT(rows[i].seen, "nothing is \"%s\"", rows[i].pattern);
	client_close(&under_way);
	daemon_stop(&d);
}
