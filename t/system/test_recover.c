/*
 * What a start finds on disk: what a session left, a log whose last line was
 * cut short, things that are not ours.  None of it stops the start.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/chain.h"
#include "t/system/client.h"
#include "t/system/harness.h"

/* As root what is made here has to be the master's. */
static void
give(const char *path)
{
	const struct passwd *pw = getpwnam("nobody");

	if (geteuid() == 0)
		EXPECT(pw != NULL && lchown(path, pw->pw_uid, pw->pw_gid) ==
		    0, "chown %s: %s", path, strerror(errno));
}

static void
leave(const char *path, const char *text)
{
	const char *full = harness_path("root/%s", path);

	harness_write_file(full, text);
	give(full);
}

/* Starts once, delivers three messages, stops. */
static void
run_once(struct daemon *d)
{
	daemon_serve(d, "");
	for (unsigned i = 0; i < 3; i++)
		EXPECT(client_deliver(d, NULL, i, 500, "alice") == 250,
		    "no 250");
	daemon_stop(d);
	chain_check(d, 3);
}

static void
start_and_deliver(struct daemon *d, unsigned number)
{
	daemon_start(d);
	EXPECT(client_deliver(d, NULL, number, 500, "alice") == 250,
	    "no service after recovery: %s", daemon_last_words(d));
	EXPECT(mail_copies(d, "alice", number) == 1, "message %u", number);
}

TEST(unfinished_files)
{
	struct daemon d;

	run_once(&d);
	leave("spool/incoming/1m8574962r79bh9t", "Return-Path: <>\n");
	leave("spool/incoming/1m8574962r79bh9v", "");
	leave("spool/incoming/whatever it is\n", "x");
	EXPECT(symlink(d.conf, harness_path("root/spool/incoming/link")) == 0,
	    "symlink: %s", strerror(errno));
	start_and_deliver(&d, 10);
	EXPECT(daemon_logged(&d, " event=recover ", "unfinished_removed=4",
	    NULL) == 1, "not in the log");
	EXPECT(mail_none_incoming(&d), "%zu files are left",
	    mail_incoming(&d));
	EXPECT(access(d.conf, R_OK) == 0, "the link was followed");
	EXPECT(mail_total(&d) == 4, "%zu messages", mail_total(&d));
	daemon_stop(&d);
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=recover ", NULL) == 0,
	    "recovered again: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* One that is linked into a mailbox already, when the machine died. */
TEST(linked_file)
{
	struct daemon d;
	char from[512];
	struct dirent *e;
	DIR *dir;

	run_once(&d);
	dir = opendir(harness_path("root/mail/example.org/alice/new"));
	EXPECT(dir != NULL, "opendir: %s", strerror(errno));
	do
		e = readdir(dir);
	while (e != NULL && e->d_name[0] == '.');
	EXPECT(e != NULL, "no message");
	snprintf(from, sizeof(from), "%s/mail/example.org/alice/new/%s",
	    d.root, e->d_name);
	closedir(dir);
	EXPECT(link(from, harness_path("root/spool/incoming/"
	    "1m8574962r79bh9t")) == 0, "link: %s", strerror(errno));
	start_and_deliver(&d, 10);
	EXPECT(mail_total(&d) == 4 && mail_none_incoming(&d),
	    "%zu messages are left", mail_total(&d));
	daemon_stop(&d);
}

TEST(directory_in_incoming)
{
	struct daemon d;

	run_once(&d);
	EXPECT(mkdir(harness_path("root/spool/incoming/dir"), 0700) == 0 &&
	    mkdir(harness_path("root/spool/incoming/dir/below"), 0700) == 0,
	    "mkdir: %s", strerror(errno));
	leave("spool/incoming/1m8574962r79bh9t", "x");
	start_and_deliver(&d, 10);
	EXPECT(daemon_logged(&d, " event=recover ", "unfinished_removed=1",
	    NULL) == 1, "not in the log");
	daemon_stop(&d);
}

static char *
bad_file(const struct daemon *d, size_t *n)
{
	DIR *dir = opendir(harness_path("root/spool/bad"));
	char path[512] = "";
	struct dirent *e;

	EXPECT(dir != NULL, "spool/bad: %s", strerror(errno));
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			EXPECT(path[0] == '\0', "two files in spool/bad");
			snprintf(path, sizeof(path), "%s/spool/bad/%s",
			    d->root, e->d_name);
		}
	closedir(dir);
	EXPECT(path[0] != '\0', "nothing in spool/bad");
	return harness_read_file(path, n);
}

/* The last line is cut after so many octets. */
static void
torn_after(size_t keep)
{
	struct daemon d;
	char *log, *tail, *last;
	size_t n, tail_n;

	run_once(&d);
	log = harness_read_file(harness_path("root/log/message"), &n);
	last = log;
	for (size_t i = 0; i < 2; i++)
		last = strchr(last, '\n') + 1;
	EXPECT(keep < strlen(last), "nothing to cut");
	EXPECT(truncate(harness_path("root/log/message"),
	    (off_t)((size_t)(last - log) + keep)) == 0, "truncate");
	start_and_deliver(&d, 10);
	EXPECT(daemon_logged(&d, " event=recover ", "torn=", NULL) == 1,
	    "not in the log");
	chain_check(&d, 3);
	tail = bad_file(&d, &tail_n);
	harness_same("what was put aside", tail, tail_n, last, keep);
	free(tail);
	free(log);
	daemon_stop(&d);
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=recover ", NULL) == 0,
	    "recovered again: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(torn_log)
{
	torn_after(1);
}

TEST(torn_log_at_its_end)
{
	/* All but the line end. */
	torn_after(250);
}

/*
 * Not a line at all, longer than any line may be: what a file system may
 * leave of writes that the machine's death has cut off.
 */
TEST(garbage_in_log)
{
	enum { octets = 100000 };
	char *garbage = malloc(octets), *tail;
	struct daemon d;
	size_t n;
	int fd;

	run_once(&d);
	memset(garbage, '\0', octets);
	fd = open(harness_path("root/log/message"), O_WRONLY | O_APPEND);
	EXPECT(fd != -1 && write(fd, garbage, octets) == octets,
	    "write: %s", strerror(errno));
	close(fd);
	start_and_deliver(&d, 10);
	EXPECT(daemon_logged(&d, " event=recover ", "torn=", NULL) == 1,
	    "not in the log");
	chain_check(&d, 4);
	tail = bad_file(&d, &n);
	harness_same("what was put aside", tail, n, garbage, octets);
	free(tail);
	free(garbage);
	daemon_stop(&d);
}

/* The chain goes on from one start to the next. */
TEST(chain_over_starts)
{
	struct daemon d;

	run_once(&d);
	for (unsigned i = 0; i < 4; i++) {
		start_and_deliver(&d, 10 + i);
		if (i % 2 == 0)
			daemon_stop(&d);
		else
			daemon_kill(&d);
		chain_check(&d, 4 + i);
	}
	EXPECT(mail_total(&d) == 7, "%zu messages", mail_total(&d));
}

/* Somebody else's link or directory where the log should be: no start. */
TEST(log_is_not_a_file)
{
	char out[1024], victim[512];
	struct daemon d;
	struct stat st;

	run_once(&d);
	snprintf(victim, sizeof(victim), "%s", harness_path("victim"));
	harness_write_file(victim, "");
	EXPECT(unlink(harness_path("root/log/message")) == 0 &&
	    symlink(victim, harness_path("root/log/message")) == 0,
	    "symlink: %s", strerror(errno));
	{
		char *args[] = { strdup(harness_smtpd), strdup("-d"),
		    strdup("-f"), d.conf, strdup("-w"), d.worker, NULL };

		EXPECT(daemon_run(&d, args, out, sizeof(out)) == 1,
		    "it started: %s", out);
	}
	EXPECT(strstr(out, "log/message") != NULL, "not named: %s", out);
	EXPECT(stat(victim, &st) == 0 && st.st_size == 0,
	    "the link was followed");
}
