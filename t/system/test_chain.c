/*
 * The message log over rotations, kills and full disks, and what
 * "smtpctl log verify" finds of what was done to it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"

enum { lines_max = 64 };

static const char *
log_path(const struct daemon *d)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/log/message", d->root);
	return path;
}

static void
deliver(const struct daemon *d, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++)
		EXPECT(client_deliver(d, NULL, i, 300, "alice") == 250,
		    "no 250");
}

/* One message log of several files, made by the real thing. */
static void
make_log(struct daemon *d)
{
	daemon_serve(d, "");
	deliver(d, 0, 3);
	kill(d->pid, SIGUSR1);
	EXPECT(WAIT_FOR(5000, daemon_logged(d, " event=reopen ",
	    " message_log=message.2", NULL) == 1), "no rotation");
	deliver(d, 3, 4);
	daemon_stop(d);
}

TEST(rotations)
{
	struct daemon d;

	daemon_serve(&d, "");
	for (unsigned i = 0; i < 20; i++) {
		deliver(&d, i * 3, 3);
		kill(d.pid, SIGUSR1);
		if (i == 10) {
			daemon_kill(&d);
			daemon_start(&d);
		}
	}
	daemon_stop(&d);
	CTL_EXPECT(0, "the chain holds: numbers 1 to ", "log verify -d %s",
	    d.root);
	EXPECT(strstr(ctl_text, "is not here") == NULL, "%s", ctl_text);
	/* 60 messages and the first lines of the files after the first. */
	EXPECT(strstr(ctl_text, "numbers 1 to 79,") != NULL ||
	    strstr(ctl_text, "numbers 1 to 80,") != NULL, "%s", ctl_text);
}

/* logrotate's way: it moves the file, then says so. */
TEST(moved_by_another)
{
	struct daemon d;

	daemon_serve(&d, "");
	deliver(&d, 0, 2);
	EXPECT(rename(log_path(&d), harness_path("root/log/message.1")) == 0,
	    "rename");
	deliver(&d, 2, 2);
	kill(d.pid, SIGUSR1);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=reopen ", NULL) == 1),
	    "no reopen");
	deliver(&d, 4, 2);
	daemon_stop(&d);
	/* And without saying so, while nobody runs. */
	EXPECT(rename(log_path(&d), harness_path("root/log/message.0")) == 0,
	    "rename");
	daemon_start(&d);
	deliver(&d, 6, 2);
	daemon_stop(&d);
	CTL_EXPECT(0, "the chain holds: numbers 1 to 10,", "log verify -d %s",
	    d.root);
	EXPECT(strstr(ctl_text, "message.1: 2 lines") != NULL &&
	    strstr(ctl_text, "message.0: 5 lines") != NULL &&
	    strstr(ctl_text, "message: 3 lines") != NULL, "%s", ctl_text);
}

/* The lines of the newest file, each with its LF; to be changed and put. */
static char *lines[lines_max];
static size_t line_count;

static void
take_lines(const struct daemon *d)
{
	size_t n;
	char *text = harness_read_file(log_path(d), &n), *end;

	for (line_count = 0; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		EXPECT(end != NULL && line_count < lines_max, "lines");
		lines[line_count++] = strndup(text, (size_t)(end - text) + 1);
	}
	EXPECT(line_count == 5, "%zu lines", line_count);
}

static void
put_lines(const struct daemon *d)
{
	FILE *f = fopen(log_path(d), "we");

	EXPECT(f != NULL, "%s", strerror(errno));
	for (size_t i = 0; i < line_count; i++)
		fputs(lines[i], f);
	EXPECT(fclose(f) == 0, "%s", strerror(errno));
}

TEST(changed)
{
	struct daemon d;

	make_log(&d);
	take_lines(&d);
	*strstr(lines[2], "\"size\":") = '?';
	put_lines(&d);
	CTL_EXPECT(1, "message:3: not a line that smtpd writes",
	    "log verify -d %s", d.root);
	take_lines(&d);
	*strstr(lines[2], "?size\":") = '"';
	strstr(lines[2], "\"size\":")[7] ^= 1;
	put_lines(&d);
	CTL_EXPECT(1, "message:4: does not follow the previous line: ",
	    "log verify -d %s", d.root);
	EXPECT(strstr(ctl_text, "/message:3 was changed") != NULL, "%s",
	    ctl_text);
	EXPECT(strstr(ctl_text, "1 fault\n") != NULL, "%s", ctl_text);
}

TEST(missing)
{
	struct daemon d;

	make_log(&d);
	take_lines(&d);
	lines[1] = lines[3];
	lines[2] = lines[4];
	line_count = 3;
	put_lines(&d);
	CTL_EXPECT(1, "message:2: 2 lines are missing before it",
	    "log verify -d %s", d.root);
}

TEST(reordered)
{
	struct daemon d;
	char *line;

	make_log(&d);
	take_lines(&d);
	line = lines[2];
	lines[2] = lines[3];
	lines[3] = line;
	put_lines(&d);
	CTL_EXPECT(1, "message:4: out of order: number ",
	    "log verify -d %s", d.root);
}

TEST(inserted)
{
	struct daemon d;

	make_log(&d);
	take_lines(&d);
	/* An old line once more, whole and genuine. */
	lines[line_count] = lines[line_count - 1];
	lines[line_count - 1] = lines[1];
	line_count++;
	put_lines(&d);
	CTL_EXPECT(1, "message:5: out of order", "log verify -d %s",
	    d.root);
}

/* The checkpoint that verifying the log of d ends with goes into points. */
static void
make_checkpoint(const struct daemon *d, const char *points)
{
	const char *last;

	CTL_EXPECT(0, "\",\"event\":\"checkpoint\",\"n\":8,\"hash\":\"",
	    "log verify -d %s", d->root);
	last = strstr(ctl_text, "{\"time\":");
	EXPECT(last != NULL && strchr(last, '\n') == last + strlen(last) - 1,
	    "not the last line: %s", ctl_text);
	harness_write_file(points, last);
}

/* A tail that is gone is seen by a checkpoint, and by nothing else. */
TEST(cut_off)
{
	const char *points = harness_path("points");
	struct daemon d;

	make_log(&d);
	make_checkpoint(&d, points);
	CTL_EXPECT(0, "1 checkpoints, 1 of them of lines found",
	    "log verify -d %s -c %s", d.root, points);
	setenv("POSIXLY_CORRECT", "1", 1);
	CTL_EXPECT(0, "", "log verify -q -d %s -c %s", d.root, points);
	EXPECT(ctl_text[0] == '\0', "%s", ctl_text);
	take_lines(&d);
	line_count -= 2;
	put_lines(&d);
	CTL_EXPECT(0, "the chain holds", "log verify -d %s", d.root);
	CTL_EXPECT(1, "the end was cut off", "log verify -d %s -c %s", d.root,
	    points);
	EXPECT(strstr(ctl_text, "\"checkpoint\"") == NULL,
	    "a checkpoint of it: %s", ctl_text);
	/* What a start does after it is seen as well. */
	daemon_start(&d);
	deliver(&d, 20, 3);
	daemon_stop(&d);
	CTL_EXPECT(0, "the chain holds", "log verify -d %s", d.root);
	CTL_EXPECT(1, "message:5: not what it was at the checkpoint of ",
	    "log verify -d %s -c %s", d.root, points);
}

/* Lines before the first one that is there. */
TEST(headless)
{
	const char *points = harness_path("points");
	struct daemon d;

	make_log(&d);
	make_checkpoint(&d, points);
	take_lines(&d);
	for (size_t i = 0; i < line_count; i++)
		lines[i] = lines[i + 1];
	line_count--;
	put_lines(&d);
	CTL_EXPECT(1, "message:1: 1 line is missing before it", "log verify "
	    "-d %s", d.root);
	CTL_EXPECT(1, "message:1: this is number 5, which begins no file: the "
	    "lines before it were cut off", "log verify -c %s %s", points,
	    log_path(&d));
}

/* What else lies there: not shown raw, not read, not taken for a log. */
TEST(strange_files)
{
	const char *name = harness_path("root/log/message.\x1b[2J\xe2\x80\xae");
	const char *link = harness_path("root/log/message-20261130");
	struct daemon d;

	make_log(&d);
	harness_write_file(name, "x\n");
	CTL_EXPECT(1, "/log/message.\\x1b[2J\\xe2\\x80\\xae: not a name that "
	    "smtpd or logrotate gives", "log verify -d %s", d.root);
	EXPECT(strchr(ctl_text, '\x1b') == NULL, "raw: %s", ctl_text);
	EXPECT(strstr(ctl_text, "1 fault\n") != NULL, "%s", ctl_text);
	CTL_EXPECT(1, "message.\\x1b[2J\\xe2\\x80\\xae:1: not a line that",
	    "log verify %s", name);
	EXPECT(strchr(ctl_text, '\x1b') == NULL, "raw: %s", ctl_text);
	EXPECT(unlink(name) == 0 && symlink(d.conf, link) == 0, "symlink");
	CTL_EXPECT(1, "/log/message-20261130: not a regular file",
	    "log verify -d %s", d.root);
	EXPECT(unlink(link) == 0 && rename(log_path(&d), link) == 0,
	    "rename: %s", strerror(errno));
	/* As logrotate names one (dateext), which a start goes on behind. */
	daemon_start(&d);
	deliver(&d, 20, 1);
	daemon_stop(&d);
	CTL_EXPECT(0, "numbers 1 to 10,", "log verify -d %s", d.root);
	EXPECT(strstr(ctl_text, "message-20261130: 5 lines") != NULL, "%s",
	    ctl_text);
}

/* The root is the configuration's; today's log, not one from before. */
TEST(of_configuration)
{
	struct daemon d;

	make_log(&d);
	CTL_EXPECT(0, "numbers 1 to 8,", "log verify -f %s", d.conf);
	CTL_EXPECT(2, "No such file", "log verify -f %s -d %s", d.conf,
	    harness_path("nowhere"));
	CTL_EXPECT(2, "cannot tell where smtpd keeps its mail and log: ",
	    "log verify -f %s", harness_path("nowhere"));
}

TEST(no_log)
{
	CTL_EXPECT(2, "No such file or directory", "log verify -d %s",
	    harness_path("nowhere"));
	CTL_EXPECT(2, "usage:", "log frobnicate");
	CTL_EXPECT(2, "usage:", "log verify -x");
	CTL_EXPECT(2, "usage:", "log verify -p k m");
	harness_write_file(harness_path("odd"), "hello\n");
	CTL_EXPECT(1, "odd:1: not a line that smtpd writes",
	    "log verify %s", harness_path("odd"));
	harness_write_file(harness_path("empty"), "");
	CTL_EXPECT(0, "is empty", "log verify %s", harness_path("empty"));
	CTL_EXPECT(1, "odd:1: not a checkpoint", "log verify -c %s %s",
	    harness_path("odd"), harness_path("empty"));
}
