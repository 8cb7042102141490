/*
 * A disk that is full, or not what it was: 452 or 451, a line in the log,
 * nothing half-written, and service goes on.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/chain.h"
#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"

static const char *const alice[] = { "alice", NULL };

static void
expect_reply(struct client *c, const char *what, int code, const char *want)
{
	EXPECT(strncmp(c->reply, want, strlen(want)) == 0,
	    "%s: wanted \"%s\", got %d %s", what, want, code, c->reply);
}

/* Removes every message of a mailbox. */
static void
empty_mailbox(const struct daemon *d, const char *user)
{
	char path[256];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/mail/example.org/%s/new", d->root,
	    user);
	dir = opendir(path);
	EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			EXPECT(unlinkat(dirfd(dir), e->d_name, 0) == 0,
			    "unlink: %s", strerror(errno));
	closedir(dir);
}

/* On a disk of its own, mounted with these options; opens a session. */
static void
serve_small(struct daemon *d, struct client *c, const char *limits,
    const char *options)
{
	daemon_init(d, limits, NULL);
	harness_mount(d->root, options);
	daemon_start(d);
	client_open(c, d, NULL);
}

/* Sends until there is no 250 any more; how many there were. */
static unsigned
fill(struct client *c, size_t octets)
{
	unsigned n = 0;
	int code;

	while ((code = client_mail(c, n, octets, alice)) == 250 && n < 1000)
		n++;
	EXPECT(n > 0 && n < 1000, "%u messages, then %d %s", n, code,
	    c->reply);
	expect_reply(c, "on a full disk", code, "452 4.3.1 ");
	return n;
}

TEST(filled_by_mail)
{
	struct client c;
	struct daemon d;
	unsigned n;

	serve_small(&d, &c, "\tdisk-reserve 3M\n\tinode-reserve 5\n",
	    "size=8m,nr_inodes=1000");
	n = fill(&c, 150000);
	EXPECT(n > 20, "only %u messages of 150,000 fit", n);
	EXPECT(mail_total(&d) == n && mail_none_incoming(&d),
	    "%zu messages are there, %u were answered", mail_total(&d), n);
	EXPECT(WAIT(daemon_logged(&d, " event=reject ", "disk nearly full",
	    NULL) > 0), "nothing in the log: %s", daemon_last_words(&d));
	client_expect(&c, 452, "RCPT TO:<alice@example.org>");
	client_expect(&c, 503, "DATA");
	client_expect(&c, 250, "RSET");
	empty_mailbox(&d, "alice");
	EXPECT(client_mail(&c, 5000, 100000, alice) == 250,
	    "still full: %s", c.reply);
	EXPECT(mail_total(&d) == 1, "what came after it is not there");
	client_close(&c);
	chain_check(&d, n + 1);
	daemon_stop(&d);
}

/* The size is declared, so it is known before a byte comes. */
TEST(declared_too_big)
{
	struct client c;
	struct daemon d;

	serve_small(&d, &c, "\tdisk-reserve 1M\n\tinode-reserve 5\n",
	    "size=8m,nr_inodes=1000");
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<> SIZE=8000000");
	client_expect(&c, 452, "RCPT TO:<alice@example.org>");
	client_expect(&c, 250, "RSET");
	client_expect(&c, 250, "MAIL FROM:<> SIZE=5000000");
	client_expect(&c, 250, "RCPT TO:<alice@example.org>");
	client_expect(&c, 250, "RSET");
	EXPECT(client_mail(&c, 1, 100000, alice) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

TEST(full_while_arriving)
{
	struct client c, other;
	struct daemon d;
	int code;

	serve_small(&d, &c, "\tdisk-reserve 1M\n\tinode-reserve 5\n",
	    "size=8m,nr_inodes=1000");
	client_open(&other, &d, NULL);
	EXPECT(client_begin(&other, alice) == 354, "%s", other.reply);
	code = client_mail(&c, 1, 12000000, alice);
	expect_reply(&c, "larger than the disk", code, "452 4.3.1 ");
	EXPECT(WAIT(mail_incoming(&d) == 1),
	    "what did not fit is still there");
	EXPECT(WAIT(daemon_logged(&d, " event=reject ",
	    "could not be written", NULL) == 1) &&
	    daemon_logged(&d, " event=store-failed ", " what=write "
	    "path=spool/incoming/", "No space left", "free_bytes=", NULL) == 1,
	    "nothing in the log: %s", daemon_last_words(&d));
	/* The session goes on, and so does the other one. */
	EXPECT(client_mail(&c, 2, 100000, alice) == 250, "%s", c.reply);
	client_expect(&other, 250, "X-Number: 3 0\r\nSubject: test 3\r\n"
	    "\r\nend of 3\r\n.");
	EXPECT(mail_total(&d) == 2 && mail_none_incoming(&d),
	    "two small messages were to be there");
	client_close(&c);
	client_close(&other);
	chain_check(&d, 2);
	daemon_stop(&d);
}

/* Several at once, each of which would fit alone. */
TEST(full_by_many_at_once)
{
	enum { count = 8, octets = 2000000 };
	unsigned stored = 0, refused = 0;
	struct client c[count];
	struct daemon d;
	char *text[count];
	int code;

	daemon_init(&d, "\tdisk-reserve 1M\n\tinode-reserve 5\n", NULL);
	harness_mount(d.root, "size=8m,nr_inodes=1000");
	daemon_start(&d);
	for (unsigned i = 0; i < count; i++) {
		client_open(&c[i], &d, NULL);
		EXPECT(client_begin(&c[i], alice) == 354, "%s", c[i].reply);
		text[i] = mail_text(i, octets, "\r\n");
	}
	for (size_t at = 0; at < octets; at += 100000)
		for (int i = 0; i < count; i++)
			EXPECT(client_send(&c[i], text[i] + at, 100000),
			    "send");
	for (int i = 0; i < count; i++) {
		EXPECT(client_send(&c[i], text[i] + octets,
		    strlen(text[i] + octets)), "send");
		code = client_command(&c[i], ".");
		if (code == 250)
			stored++;
		else {
			expect_reply(&c[i], "no room", code, "452 4.3.1 ");
			refused++;
		}
		client_close(&c[i]);
		free(text[i]);
	}
	EXPECT(refused > 0, "all of them fit");
	EXPECT(mail_total(&d) == stored && mail_none_incoming(&d),
	    "%zu are there, %u were answered", mail_total(&d), stored);
	/* Four of them, as it may come, leave less than the reserve. */
	if (stored > 0)
		empty_mailbox(&d, "alice");
	code = client_deliver(&d, NULL, 100, 1000, "bob");
	EXPECT(code == 250, "after it a message gets %d: %s", code,
	    daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(inodes_used_up)
{
	struct client c;
	struct daemon d;
	unsigned n;

	serve_small(&d, &c, "\tdisk-reserve 1M\n\tinode-reserve 10\n",
	    "size=8m,nr_inodes=60");
	n = fill(&c, 500);
	EXPECT(mail_total(&d) == n && mail_none_incoming(&d),
	    "%zu messages are there, %u were answered", mail_total(&d), n);
	empty_mailbox(&d, "alice");
	EXPECT(client_mail(&c, 5000, 500, alice) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

/* Without any reserve the call fails that would need an inode. */
TEST(inodes_to_the_last)
{
	struct client c;
	struct daemon d;
	unsigned refused = 0;
	unsigned n;

	serve_small(&d, &c, "\tdisk-reserve 1M\n\tinode-reserve 0\n",
	    "size=8m,nr_inodes=60");
	n = fill(&c, 500);
	/* A fresh Maildir needs five of them: let it fail at each. */
	for (int left = 1; left <= 7; left++) {
		const char *const user[] = { left % 2 ? "bob" : "u1", NULL };
		char path[256];
		int code;

		empty_mailbox(&d, "alice");
		for (unsigned i = 0; i + (unsigned)left < n; i++) {
			snprintf(path, sizeof(path), "%s/fill%u", d.root, i);
			close(open(path, O_CREAT | O_WRONLY, 0600));
		}
		code = client_mail(&c, 6000 + (unsigned)left, 500, user);
		if (code != 250) {
			expect_reply(&c, "no inode", code, "452 4.3.1 ");
			refused++;
		}
		EXPECT(mail_none_incoming(&d), "a file is left in incoming");
		EXPECT(mail_copies(&d, user[0], 6000 + (unsigned)left) ==
		    (code == 250), "not what was answered");
	}
	EXPECT(refused >= 3, "only %u of them failed", refused);
	for (unsigned i = 0; i < n; i++)
		unlink(harness_path("root/fill%u", i));
	EXPECT(client_mail(&c, 7000, 500, (const char *const[]){ "bob",
	    NULL }) == 250, "%s", c.reply);
	EXPECT(client_mail(&c, 7001, 500, (const char *const[]){ "u1",
	    NULL }) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

/* Leaves so many free pages on the disk, by the length of one file. */
static void
leave_pages(int fd, const struct daemon *d, unsigned long pages)
{
	static char zeros[65536];
	struct statvfs v;
	off_t end = lseek(fd, 0, SEEK_END);

	EXPECT(statvfs(d->root, &v) == 0, "statvfs: %s", strerror(errno));
	while (v.f_bfree > pages) {
		unsigned long more = (v.f_bfree - pages) * v.f_frsize;

		if (more > sizeof(zeros))
			more = sizeof(zeros);
		EXPECT(write(fd, zeros, more) == (ssize_t)more, "write: %s",
		    strerror(errno));
		EXPECT(statvfs(d->root, &v) == 0, "statvfs");
	}
	if (v.f_bfree < pages)
		EXPECT(ftruncate(fd, end - (off_t)((pages - v.f_bfree) *
		    v.f_frsize)) == 0, "ftruncate: %s", strerror(errno));
}

/*
 * The message fits, its line in log/message does not: the message counts,
 * and the chain of the log is whole all the same.
 */
TEST(no_room_for_the_log)
{
	struct client c;
	struct daemon d;
	unsigned n = 0;
	int fd;

	serve_small(&d, &c, "\tdisk-reserve 0\n\tinode-reserve 0\n",
	    "size=2m,nr_inodes=500");
	fd = open(harness_path("root/fill"), O_CREAT | O_RDWR | O_APPEND, 0600);
	EXPECT(fd != -1, "fill: %s", strerror(errno));
	do {
		/* A page for the message; the log grows by one now and then. */
		leave_pages(fd, &d, 1);
		EXPECT(client_mail(&c, n, 500, alice) == 250, "%s", c.reply);
	} while (++n < 100 && daemon_logged(&d, " event=error ",
	    "log/message", NULL) == 0);
	EXPECT(n < 100, "the log always fitted");
	EXPECT(mail_total(&d) == n, "%zu are there, not %u", mail_total(&d),
	    n);
	EXPECT(ftruncate(fd, 0) == 0, "ftruncate: %s", strerror(errno));
	close(fd);
	EXPECT(client_mail(&c, 7000, 500, alice) == 250, "%s", c.reply);
	client_close(&c);
	chain_check(&d, 0);
	daemon_stop(&d);
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=recover ", NULL) == 0,
	    "something was left to recover: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* A domain of lists, to which nobody belongs. */
static void
add_list(const struct daemon *d, const char *aliases)
{
	harness_write_file(harness_path("aliases"), aliases);
	daemon_add_conf(d, "domain lists.example {\n\taliases %s\n}\n",
	    harness_path("aliases"));
}

/* A message to these at once, and the answer to each RCPT; then to its end. */
static int
send_to(struct client *c, unsigned number, size_t size,
    const char *const users[], const int codes[])
{
	char *text = mail_text(number, size, "\r\n");
	char line[64];
	bool sent;

	client_expect(c, 250, "EHLO client.example.net");
	client_expect(c, 250, "MAIL FROM:<sender@example.net>");
	for (size_t i = 0; users[i] != NULL; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<%s%s>", users[i],
		    strchr(users[i], '@') == NULL ? "@example.org" : "");
		client_expect(c, codes[i], line);
	}
	client_expect(c, 354, "DATA");
	sent = client_send(c, text, strlen(text)) &&
	    client_send(c, ".\r\n", 3);
	free(text);
	return sent ? client_reply(c) : 0;
}

/*
 * The Maildir of alice cannot be written to: that is a trouble of alice, and
 * of nobody else, also behind an alias.
 */
static void
expect_trouble(struct daemon *d, struct client *c, const char *what)
{
	static const char *const all[] = { "bob", "alice", "u1", NULL };
	static const char *const team[] = { "team@lists.example", NULL };
	static unsigned number;
	size_t failures = daemon_logged(d, " event=store-failed ", NULL);
	int code = client_mail(c, ++number, 500, alice);

	expect_reply(c, what, code, "451 4.3.0 ");
	EXPECT(WAIT(daemon_logged(d, " event=store-failed ",
	    "to=alice@example.org", "path=mail/example.org/alice/new", NULL) ==
	    failures + 1), "%s: nothing in the log: %s", what,
	    daemon_last_words(d));
	client_expect(c, 250, "RSET");
	code = send_to(c, ++number, 500, all, (const int[]){ 250, 451, 250 });
	EXPECT(code == 250 && mail_copies(d, "bob", number) == 1 &&
	    mail_copies(d, "u1", number) == 1, "%s: the others: %d %s", what,
	    code, c->reply);
	code = send_to(c, ++number, 500, team, (const int[]){ 250 });
	EXPECT(code == 250 && mail_copies(d, "bob", number) == 1 &&
	    mail_copies(d, "u1", number) == 1, "%s: the alias: %d %s", what,
	    code, c->reply);
	EXPECT(WAIT(daemon_logged(d, " event=store-failed ",
	    "to=alice@example.org", " then=", NULL) > 0),
	    "%s: who has missed it is not in the log: %s", what,
	    daemon_last_words(d));
	EXPECT(daemon_logged(d, " event=store ", "recipients=1 mailboxes=2",
	    NULL) > 0, "%s: %s", what, daemon_last_words(d));
	EXPECT(mail_none_incoming(d), "%s: a file is left in incoming", what);
}

TEST(mailbox_unusable)
{
	char box[256], aside[256], new[300], victim[256];
	struct client c;
	struct daemon d;
	struct stat st;

	daemon_init(&d, "", NULL);
	add_list(&d, "team: bob@example.org, alice@example.org, "
	    "u1@example.org\n");
	daemon_start(&d);
	client_open(&c, &d, NULL);
	EXPECT(client_mail(&c, 9000, 500, alice) == 250, "%s", c.reply);
	snprintf(box, sizeof(box), "%s/mail/example.org/alice", d.root);
	snprintf(new, sizeof(new), "%s/new", box);
	snprintf(aside, sizeof(aside), "%s/aside", d.root);
	snprintf(victim, sizeof(victim), "%s", harness_path("victim"));
	EXPECT(stat(box, &st) == 0, "stat: %s", strerror(errno));

	EXPECT(chmod(new, 0500) == 0, "chmod: %s", strerror(errno));
	expect_trouble(&d, &c, "new is not writable");
	EXPECT(chmod(new, 0700) == 0, "chmod: %s", strerror(errno));

	EXPECT(rename(box, aside) == 0, "rename: %s", strerror(errno));
	harness_write_file(box, "a file\n");
	expect_trouble(&d, &c, "a file in its place");
	unlink(box);

	EXPECT(mkdir(victim, 0777) == 0 && chmod(victim, 0777) == 0 &&
	    mkdir(harness_path("victim/new"), 0777) == 0 &&
	    chmod(harness_path("victim/new"), 0777) == 0 &&
	    symlink(victim, box) == 0, "victim: %s", strerror(errno));
	expect_trouble(&d, &c, "a symbolic link in its place");
	EXPECT(rmdir(harness_path("victim/new")) == 0,
	    "the link was followed");
	unlink(box);

	EXPECT(rename(aside, box) == 0, "rename: %s", strerror(errno));
	EXPECT(client_mail(&c, 9001, 500, alice) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

TEST(spool_vanished)
{
	struct client c;
	struct daemon d;
	int code;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(rmdir(harness_path("root/spool/incoming")) == 0, "rmdir: %s",
	    strerror(errno));
	for (unsigned i = 0; i < 3; i++) {
		code = client_mail(&c, i, 500, alice);
		expect_reply(&c, "no spool", code, "451 4.3.0 ");
		EXPECT(WAIT(daemon_logged(&d, " event=store-failed ",
		    "path=spool/incoming/", NULL) == i + 1), "not in the log: %s",
		    daemon_last_words(&d));
	}
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	daemon_stop(&d);
	daemon_start(&d);
	EXPECT(client_deliver(&d, NULL, 5, 500, "alice") == 250,
	    "not made again at the start");
	daemon_stop(&d);
}

TEST(mailboxes_vanished)
{
	struct client c;
	struct daemon d;
	int code;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(rmdir(harness_path("root/mail")) == 0, "rmdir: %s",
	    strerror(errno));
	code = client_mail(&c, 1, 500, alice);
	expect_reply(&c, "no mail directory", code, "451 4.3.0 ");
	EXPECT(WAIT(daemon_logged(&d, " event=store-failed ", NULL) == 1),
	    "not in the log: %s", daemon_last_words(&d));
	EXPECT(mail_none_incoming(&d), "a file is left in incoming");
	client_close(&c);
	daemon_stop(&d);
}

/* Maildirs on a file system of their own: no link, and a durable copy. */
TEST(maildirs_apart)
{
	static const char *const three[] = { "alice", "bob", "u1", NULL };
	struct client c;
	struct daemon d;
	char out[4096], id[32];

	daemon_serve(&d, "");
	daemon_stop(&d);
	harness_mount(harness_path("root/mail"), "size=16m");
	EXPECT(chmod(harness_path("root/mail"), 0777) == 0, "chmod");
	daemon_run(&d, (char *[]){ "smtpd", "-n", "-f", d.conf, NULL }, out,
	    sizeof(out));
	EXPECT(strstr(out, "on two file systems") != NULL, "smtpd -n: %s",
	    out);
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=warning ", "on two file systems",
	    NULL) == 1, "not in the log");
	client_open(&c, &d, NULL);
	EXPECT(client_mail(&c, 1, 500, alice) == 250, "%s", c.reply);
	daemon_log_value(&d, " event=store ", "id", id, sizeof(id));
	CTL_EXPECT(0, "on two file systems", "explain -f %s %s", d.conf, id);
	CTL_EXPECT(0, "on two file systems", "explain -f %s --from "
	    "a@example.net --to alice@example.org", d.conf);
	EXPECT(client_mail(&c, 2, 3000000, three) == 250, "%s", c.reply);
	for (size_t i = 0; three[i] != NULL; i++)
		EXPECT(mail_copies(&d, three[i], 2) == 1, "%s", three[i]);
	EXPECT(mail_total(&d) == 4 && mail_none_incoming(&d),
	    "%zu files", mail_total(&d));
	EXPECT(client_mail(&c, 3, 30000000, three) == 452, "%s", c.reply);
	EXPECT(mail_total(&d) == 4 && mail_none_incoming(&d),
	    "what did not fit is there");
	EXPECT(client_mail(&c, 4, 500, three) == 250, "%s", c.reply);
	client_close(&c);
	chain_check(&d, 3);
	daemon_stop(&d);
}

/*
 * Each Maildir is a file system, and one becomes unusable while a message is
 * copied there.
 */
static void
cut_copy_off(const char *const rcpts[], int reply)
{
	static const char *const three[] = { "alice", "bob", "u1" };
	char box[3][256], tmp[300];
	struct client c;
	struct daemon d;
	int status = 0;
	pid_t child;

	daemon_init(&d, "", NULL);
	add_list(&d, "team: alice@example.org, bob@example.org, "
	    "u1@example.org\n");
	daemon_start(&d);
	for (size_t i = 0; i < 3; i++)
		EXPECT(client_deliver(&d, NULL, 1, 500, three[i]) == 250,
		    "%s", three[i]);
	daemon_stop(&d);
	for (size_t i = 0; i < 3; i++) {
		snprintf(box[i], sizeof(box[i]), "%s/mail/example.org/%s",
		    d.root, three[i]);
		harness_mount(box[i], "size=64m,mode=777");
	}
	daemon_start(&d);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		client_open(&c, &d, NULL);
		_exit(send_to(&c, 2, 20000000, rcpts,
		    (const int[]){ 250, 250 }) == reply ? 0 : 1);
	}
	snprintf(tmp, sizeof(tmp), "%s/tmp/*", box[1]);
	for (size_t n = 0; n == 0;) {
		glob_t g;

		EXPECT(waitpid(child, &status, WNOHANG) == 0, "no copy seen");
		n = glob(tmp, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
		globfree(&g);
	}
	EXPECT(chmod(box[1], 0) == 0, "chmod: %s", strerror(errno));
	EXPECT(waitpid(child, &status, 0) == child && status == 0, "not %d",
	    reply);
	EXPECT(mail_copies(&d, "alice", 2) == (reply == 250) &&
	    mail_copies(&d, "u1", 2) == (reply == 250), "the others: %s",
	    daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=store-failed ", "to=bob@example.org",
	    NULL) == 1, "who has missed it is not in the log");
	EXPECT(daemon_logged(&d, " event=store-failed ", NULL) == 1, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* Its user misses it, and who stands behind it in the alias does not. */
TEST(copy_cut_off)
{
	cut_copy_off((const char *const[]){ "team@lists.example", NULL }, 250);
}

/* Who was named, too, is not one of an alias that may miss it. */
TEST(copy_to_named_cut_off)
{
	cut_copy_off((const char *const[]){ "team@lists.example", "bob",
	    NULL }, 451);
}
