/*
 * Certificates renewed by SIGHUP: new sessions have the new one, those of
 * before end with theirs, nobody is lost; and what does not fit changes
 * nothing.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/reload.h"
#include "t/system/secrets.h"
#include "t/system/secure.h"

/* NAME.pem and NAME.key anew, as a hook of an ACME client leaves them. */
static void
make_pair(const char *name, const char *kind, const char *host)
{
	secure_make_pair_for(name, kind, host, 30 * 86400L);
	secure_let_read(harness_path("%s.key", name));
}

static void
init(struct daemon *d, const char *limits, const char *kind)
{
	make_pair("mx", kind, "one.example.org");
	daemon_init(d, limits, NULL);
	secure_add_pair(d, "mx.pem", "mx.key");
}

static void
expect_peer(const struct secure *s, const char *want)
{
	char got[128];

	secure_peer_name(s, got, sizeof(got));
	EXPECT(strcmp(got, want) == 0, "certificate of %s, not of %s", got,
	    want);
}

/* Who comes now, asking for name, sees the certificate of want. */
static void
expect_new(const struct daemon *d, const char *name, const char *want)
{
	struct secure_options o = { .name = name };
	struct secure s;

	secure_open(&s, d, &o);
	secure_expect(&s, 250, "EHLO a.example");
	expect_peer(&s, want);
	secure_close(&s);
}

/* The line of the last "tls" of the configuration. */
static size_t
last_line(const struct daemon *d)
{
	char *text = harness_read_file(d->conf, NULL);
	size_t lines = 0;

	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	free(text);
	return lines;
}

/* Refused, at that line, and the one of before is served. */
static void
refused(const struct daemon *d, const char *words, const char *still)
{
	char place[160];

	snprintf(place, sizeof(place), "%s:%zu:", d->conf, last_line(d));
	reload_refused(d, words);
	EXPECT(daemon_logged(d, " event=reload-failed ", place, words,
	    NULL) > 0, "not at %s: %s", place, daemon_last_words(d));
	if (still != NULL)
		expect_new(d, NULL, still);
}

/* In plain text so far. */
static void
open_plain(struct secure *s, const struct daemon *d, const char *from)
{
	memset(s, 0, sizeof(*s));
	client_open(&s->c, d, from);
	client_expect(&s->c, 250, "EHLO old.example");
}

/* From there into TLS. */
static void
go_secure(struct secure *s, const char *want)
{
	client_expect(&s->c, 220, "STARTTLS");
	EXPECT(secure_start(s, NULL), "no handshake");
	expect_peer(s, want);
	secure_expect(s, 250, "EHLO old.example");
}

static void
old_and_new(const char *kind, const char *other)
{
	struct secure under_tls, plain;
	struct daemon d;
	char first[64], file[160];

	init(&d, "", kind);
	daemon_start(&d);
	secure_open(&under_tls, &d, NULL);
	open_plain(&plain, &d, NULL);
	daemon_log_value(&d, " event=certificate ", "name", first,
	    sizeof(first));
	EXPECT(strcmp(first, "one.example.org") == 0, "name=%s", first);
	make_pair("mx", other, "two.example.org");
	reload_in_order(&d);
	snprintf(file, sizeof(file), " file=%s ", harness_path("mx.pem"));
	EXPECT(daemon_logged(&d, " event=certificate ", file,
	    " name=two.example.org ", " serial=01 ", " until=20", NULL) == 1,
	    "%s", daemon_last_words(&d));
	expect_new(&d, NULL, "two.example.org");
	secure_expect(&under_tls, 250, "EHLO again.example");
	expect_peer(&under_tls, "one.example.org");
	go_secure(&plain, "one.example.org");
	secure_close(&plain);
	secure_close(&under_tls);
	/* Nothing has changed: nothing is made anew. */
	reload_in_order(&d);
	expect_new(&d, NULL, "two.example.org");
	EXPECT(daemon_logged(&d, " event=certificate ", NULL) == 2, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(rsa_to_rsa)
{
	old_and_new("rsa", "rsa");
}

TEST(rsa_to_ec)
{
	old_and_new("rsa", "ec");
}

TEST(ec_to_rsa)
{
	old_and_new("ec", "rsa");
}

/* Handshakes one after the other, until the file "over" is there. */
static _Noreturn void
keep_coming(const struct daemon *d, unsigned number)
{
	const char *over = harness_path("over");
	char from[32], name[128], last[128] = "";
	unsigned changes = 0, count = 0;

	snprintf(from, sizeof(from), "127.0.%u.1", number + 1);
	while (access(over, F_OK) == -1) {
		struct secure s;

		memset(&s, 0, sizeof(s));
		client_open(&s.c, d, from);
		client_expect(&s.c, 250, "EHLO a.example");
		client_expect(&s.c, 220, "STARTTLS");
		EXPECT(secure_start(&s, NULL), "handshake %u, after \"%s\"",
		    count, last);
		secure_peer_name(&s, name, sizeof(name));
		changes += strcmp(name, last) != 0;
		strcpy(last, name);
		secure_expect(&s, 250, "EHLO a.example");
		secure_expect(&s, 221, "QUIT");
		secure_close(&s);
		count++;
	}
	/* It has seen many of them, and so it came while they changed. */
	EXPECT(changes > 5 && count > 20, "%u of %u changed", changes, count);
	_exit(0);
}

/* No handshake fails, and no client is lost. */
TEST(under_load)
{
	enum { clients = 4, times = 20 };
	pid_t pids[clients];
	struct daemon d;
	int status;

	init(&d, "", "ec");
	daemon_start(&d);
	for (unsigned i = 0; i < clients; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			keep_coming(&d, i);
	}
	for (unsigned i = 0; i < times; i++) {
		char host[64];

		snprintf(host, sizeof(host), "g%u.example.org", i);
		make_pair("mx", i % 2 ? "ec" : "rsa", host);
		reload_in_order(&d);
		expect_new(&d, NULL, host);
		harness_sleep_ms(50);
	}
	harness_write_file(harness_path("over"), "");
	for (unsigned i = 0; i < clients; i++)
		EXPECT(waitpid(pids[i], &status, 0) == pids[i] &&
		    WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "client %u", i);
	EXPECT(daemon_logged(&d, " event=tls-failed ", NULL) == 0 &&
	    daemon_logged(&d, " event=nursery-lost ", NULL) == 0 &&
	    daemon_logged(&d, " event=worker-attack ", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

static void
copy_file(const char *from, const char *to)
{
	char *text = harness_read_file(harness_path("%s", from), NULL);

	harness_write_file(harness_path("%s", to), text);
	free(text);
}

/* The same words as at start, the line, and no change. */
TEST(broken)
{
	char pem[160], key[160];
	struct daemon d;

	snprintf(pem, sizeof(pem), "%s", harness_path("mx.pem"));
	snprintf(key, sizeof(key), "%s", harness_path("mx.key"));
	init(&d, "", "ec");
	daemon_start(&d);
	make_pair("other", "ec", "other.example.org");
	copy_file("other.pem", "mx.pem");
	refused(&d, "not the key of this certificate", "one.example.org");
	make_pair("small", "P-192", "other.example.org");
	copy_file("small.pem", "mx.pem");
	copy_file("small.key", "mx.key");
	refused(&d, "at least 224 bits", "one.example.org");
	copy_file("other.key", "mx.pem");
	refused(&d, "holds no certificate in PEM", "one.example.org");
	copy_file("other.pem", "mx.pem");
	copy_file("other.pem", "mx.key");
	refused(&d, "holds no private key in PEM", "one.example.org");
	copy_file("other.key", "mx.key");
	EXPECT(chmod(key, 0644) == 0, "chmod");
	refused(&d, "everybody can read it", "one.example.org");
	EXPECT(unlink(key) == 0, "unlink");
	refused(&d, "No such file", "one.example.org");
	copy_file("other.key", "mx.key");
	secure_let_read(key);
	EXPECT(unlink(pem) == 0, "unlink");
	refused(&d, "No such file", "one.example.org");
	harness_write_file(pem, "");
	refused(&d, "holds no certificate in PEM", "one.example.org");
	copy_file("other.pem", "mx.pem");
	reload_in_order(&d);
	expect_new(&d, NULL, "other.example.org");
	daemon_stop(&d);
}

/* Nothing of a configuration is taken when its certificate does not fit. */
TEST(all_or_nothing)
{
	struct daemon d;

	init(&d, "", "ec");
	daemon_start(&d);
	harness_write_file(harness_path("users"), "carol\n");
	make_pair("other", "ec", "other.example.org");
	copy_file("other.pem", "mx.pem");
	refused(&d, "not the key of this certificate", "one.example.org");
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "alice");
	EXPECT(client_deliver(&d, NULL, 2, 500, "carol") == 550, "carol");
	copy_file("other.key", "mx.key");
	secure_let_read(harness_path("mx.key"));
	reload_in_order(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 550, "alice");
	EXPECT(client_deliver(&d, NULL, 2, 500, "carol") == 250, "carol");
	expect_new(&d, NULL, "other.example.org");
	daemon_stop(&d);
}

/*
 * A key of root's, or a directory of root's: all else is read, the pair stays,
 * and what helps is said.
 */
TEST(unreadable)
{
	struct daemon d;

	harness_need_root("have a file that the server may not read");
	EXPECT(mkdir(harness_path("private"), 0755) == 0, "mkdir");
	init(&d, "", "ec");
	make_pair("private/b", "ec", "b.example.org");
	secure_add_pair(&d, "private/b.pem", "private/b.key");
	EXPECT(chmod(harness_path("private"), 0700) == 0, "chmod");
	EXPECT(chmod(harness_path("mx.key"), 0600) == 0 &&
	    chown(harness_path("mx.key"), 0, 0) == 0, "chmod");
	daemon_start(&d);
	secure_make_pair("mx", "ec", "two.example.org");
	harness_write_file(harness_path("users"), "carol\n");
	reload_in_order(&d);
	EXPECT(daemon_logged(&d, " event=reload-kept ", "mx.key", " pairs=2 ",
	    "let its group", NULL) == 1, "%s", daemon_last_words(&d));
	EXPECT(client_deliver(&d, NULL, 1, 500, "carol") == 250, "carol");
	expect_new(&d, NULL, "one.example.org");
	expect_new(&d, "b.example.org", "b.example.org");
	/* One of the two can be read: that one is renewed. */
	secure_let_read(harness_path("mx.key"));
	reload_in_order(&d);
	EXPECT(daemon_logged(&d, " event=reload-kept ", "b.pem", " pairs=1 ",
	    NULL) == 1, "%s", daemon_last_words(&d));
	expect_new(&d, NULL, "two.example.org");
	expect_new(&d, "b.example.org", "b.example.org");
	/* Its directory is opened later, and that suffices. */
	make_pair("private/b", "rsa", "b2.example.org");
	EXPECT(chmod(harness_path("private"), 0755) == 0, "chmod");
	reload_in_order(&d);
	expect_new(&d, "b2.example.org", "b2.example.org");
	EXPECT(daemon_logged(&d, " event=reload-kept ", NULL) == 2, "kept");
	/* A name that is new cannot be kept. */
	secure_make_pair("new", "ec", "new.example.org");
	secure_add_pair(&d, "new.pem", "new.key");
	refused(&d, "Permission denied", "two.example.org");
	daemon_stop(&d);
}

static void
link_to(const char *target, const char *name)
{
	const char *new = harness_path("link");

	EXPECT(symlink(target, new) == 0 &&
	    rename(new, harness_path("%s", name)) == 0, "%s: %s", name,
	    strerror(errno));
}

/* As certbot does: live/NAME are links into archive/NAME. */
static void
link_pair(unsigned number)
{
	char target[80];

	snprintf(target, sizeof(target), "../../archive/a/mx%u.pem", number);
	link_to(target, "live/a/fullchain.pem");
	snprintf(target, sizeof(target), "../../archive/a/mx%u.key", number);
	link_to(target, "live/a/privkey.pem");
}

/*
 * To where no certificate is: what may be read for the configuration's sake
 * is not to be all of the test's directory.
 */
static void
move_conf(struct daemon *d)
{
	char *text = harness_read_file(d->conf, NULL), new[4096];
	char *at = strstr(text, "/users\n");

	EXPECT(at != NULL, "no users");
	EXPECT(mkdir(harness_path("etc"), 0755) == 0 &&
	    rename(harness_path("users"), harness_path("etc/users")) == 0,
	    "rename: %s", strerror(errno));
	snprintf(d->conf, sizeof(d->conf), "%s",
	    harness_path("etc/smtpd.conf"));
	snprintf(new, sizeof(new), "%.*s/etc%s", (int)(at - text), text, at);
	harness_write_file(d->conf, new);
	free(text);
}

TEST(links)
{
	static const char *const dirs[] = { "live", "live/a", "archive",
	    "archive/a", "elsewhere" };
	struct daemon d;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		EXPECT(mkdir(harness_path("%s", dirs[i]), 0755) == 0, "%s",
		    dirs[i]);
	make_pair("archive/a/mx1", "ec", "one.example.org");
	link_pair(1);
	daemon_init(&d, "", NULL);
	secure_add_pair(&d, "live/a/fullchain.pem", "live/a/privkey.pem");
	move_conf(&d);
	daemon_start(&d);
	for (unsigned i = 2; i < 5; i++) {
		char name[32], host[32];

		snprintf(name, sizeof(name), "archive/a/mx%u", i);
		snprintf(host, sizeof(host), "n%u.example.org", i);
		make_pair(name, "ec", host);
		link_pair(i);
		reload_in_order(&d);
		expect_new(&d, NULL, host);
	}
	/* Where nothing lay at start the master cannot read, and says so. */
	make_pair("elsewhere/mx", "ec", "e.example.org");
	link_to("../../elsewhere/mx.pem", "live/a/fullchain.pem");
	link_to("../../elsewhere/mx.key", "live/a/privkey.pem");
	reload_in_order(&d);
	if (daemon_logged(&d, "landlock", NULL) == 0)
		harness_lacking("no Landlock to hold the master");
	EXPECT(daemon_logged(&d, " event=reload-kept ", "fullchain.pem",
	    NULL) == 1, "%s", daemon_last_words(&d));
	expect_new(&d, NULL, "n4.example.org");
	daemon_stop(&d);
}

/* Which certificate is for which name changes with the lines. */
TEST(names)
{
	struct secure plain, second;
	struct daemon d;
	char *one, *text;

	init(&d, "", "ec");
	make_pair("b", "rsa", "b.example.org");
	make_pair("c", "ec", "c.example.org");
	daemon_start(&d);
	open_plain(&plain, &d, NULL);
	expect_new(&d, "b.example.org", "one.example.org");
	one = harness_read_file(d.conf, NULL);
	secure_add_pair(&d, "b.pem", "b.key");
	reload_in_order(&d);
	expect_new(&d, "b.example.org", "b.example.org");
	expect_new(&d, "c.example.org", "one.example.org");
	open_plain(&second, &d, NULL);
	/* The first goes, one comes, and what is left is another number. */
	text = strstr(one, "tls certificate");
	EXPECT(text != NULL, "no tls line");
	*text = '\0';
	harness_write_file(d.conf, one);
	secure_add_pair(&d, "b.pem", "b.key");
	secure_add_pair(&d, "c.pem", "c.key");
	reload_in_order(&d);
	expect_new(&d, NULL, "b.example.org");
	expect_new(&d, "b.example.org", "b.example.org");
	expect_new(&d, "c.example.org", "c.example.org");
	expect_new(&d, "one.example.org", "b.example.org");
	EXPECT(daemon_logged(&d, " event=certificate ", NULL) == 3,
	    "%zu certificates", daemon_logged(&d, " event=certificate ",
	    NULL));
	go_secure(&plain, "one.example.org");
	go_secure(&second, "one.example.org");
	secure_close(&plain);
	secure_close(&second);
	/* None at all, and again. */
	harness_write_file(d.conf, one);
	reload_in_order(&d);
	open_plain(&plain, &d, NULL);
	client_expect(&plain.c, 502, "STARTTLS");
	client_close(&plain.c);
	secure_add_pair(&d, "c.pem", "c.key");
	reload_in_order(&d);
	expect_new(&d, NULL, "c.example.org");
	free(one);
	daemon_stop(&d);
}

/* As long as a chain may be: what stands before a certificate is no harm. */
static void
make_long_pair(unsigned number, const char *host)
{
	char name[32], path[160], new[16 * 1024], *text;
	size_t n;

	snprintf(name, sizeof(name), "p%u", number);
	make_pair(name, "ec", host);
	snprintf(path, sizeof(path), "%s", harness_path("%s.pem", name));
	text = harness_read_file(path, &n);
	memset(new, '#', sizeof(new));
	for (size_t i = 60; i < sizeof(new) - n - 1; i += 60)
		new[i] = '\n';
	new[sizeof(new) - n - 2] = '\n';
	memcpy(new + sizeof(new) - n - 1, text, n + 1);
	harness_write_file(path, new);
	free(text);
}

/* More than the channels hold at a time: it goes as it is read. */
TEST(as_many_as_there_may_be)
{
	enum { pairs = 16 };
	struct daemon d;
	char host[64], key[32], pem[32];

	daemon_init(&d, "", NULL);
	for (unsigned i = 0; i < pairs; i++) {
		snprintf(host, sizeof(host), "a%u.example.org", i);
		make_long_pair(i, host);
		snprintf(pem, sizeof(pem), "p%u.pem", i);
		snprintf(key, sizeof(key), "p%u.key", i);
		secure_add_pair(&d, pem, key);
	}
	daemon_start(&d);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < pairs; i++) {
			snprintf(host, sizeof(host), "%c%u.example.org",
			    'a' + round, i);
			expect_new(&d, host, host);
		}
		for (unsigned i = 0; i < pairs; i++) {
			snprintf(host, sizeof(host), "%c%u.example.org",
			    'b' + round, i);
			make_long_pair(i, host);
		}
		reload_in_order(&d);
	}
	EXPECT(daemon_logged(&d, " event=certificate ", NULL) == 4 * pairs,
	    "%zu", daemon_logged(&d, " event=certificate ", NULL));
	daemon_stop(&d);
}

TEST(first_takes_restart)
{
	struct daemon d;
	struct client c;

	make_pair("mx", "ec", "one.example.org");
	daemon_serve(&d, "");
	secure_add_pair(&d, "mx.pem", "mx.key");
	refused(&d, "takes a restart", NULL);
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 502, "STARTTLS");
	client_close(&c);
	daemon_stop(&d);
}

/*
 * The second SIGHUP comes while the first is not yet seen to, and is seen to
 * after it: what it was sent for is served.
 */
TEST(two_at_once)
{
	struct daemon d;
	pid_t sign;

	init(&d, "", "ec");
	daemon_start(&d);
	sign = secrets_helper(&d, "-s");
	for (int i = 0; i < 3; i++) {
		size_t before = daemon_logged(&d, " event=reload ", NULL);

		proc_stop(sign);
		make_pair("mx", "ec", "first.example.org");
		reload_hang_up(&d);
		harness_sleep_ms(100);
		make_pair("mx", "ec", "second.example.org");
		reload_hang_up(&d);
		reload_hang_up(&d);
		harness_sleep_ms(100);
		EXPECT(daemon_logged(&d, " event=reload ", NULL) == before,
		    "nobody has judged it");
		/* Meanwhile there is service. */
		EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250,
		    "no service");
		EXPECT(kill(sign, SIGCONT) == 0, "kill");
		EXPECT(WAIT(daemon_logged(&d, " event=reload ", NULL) ==
		    before + 2), "%s", daemon_last_words(&d));
		expect_new(&d, NULL, "second.example.org");
	}
	daemon_stop(&d);
}

/* Who does not answer is not waited for without an end. */
TEST(silent_sign)
{
	struct secure plain;
	struct daemon d;
	pid_t sign;

	init(&d, "", "ec");
	daemon_start(&d);
	open_plain(&plain, &d, NULL);
	sign = secrets_helper(&d, "-s");
	proc_stop(sign);
	make_pair("mx", "ec", "two.example.org");
	reload_until(&d, " event=reload-failed ", "does not answer");
	EXPECT(kill(sign, SIGCONT) == 0, "kill");
	go_secure(&plain, "one.example.org");
	secure_close(&plain);
	expect_new(&d, NULL, "one.example.org");
	reload_in_order(&d);
	expect_new(&d, NULL, "two.example.org");
	daemon_stop(&d);
}

TEST(lost_sign)
{
	struct daemon d;

	init(&d, "", "ec");
	daemon_start(&d);
	proc_stop(secrets_helper(&d, "-k"));
	kill(secrets_helper(&d, "-s"), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	/* Other things can be changed without it. */
	harness_write_file(harness_path("users"), "carol\n");
	reload_in_order(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "carol") == 250, "carol");
	make_pair("mx", "ec", "two.example.org");
	reload_until(&d, " event=reload-failed ", "the sign process has ended");
	/* A new one gets what the files say when it comes. */
	kill(secrets_helper(&d, "-k"), SIGCONT);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-started ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	expect_new(&d, NULL, "two.example.org");
	daemon_stop(&d);
}

/* Slots are used again, and nothing grows. */
TEST(many_times)
{
	/* The master has a channel for each of 10 workers, or of fewer. */
	enum { times = 100, warm = 30, channels = 10 };
	pid_t who[4];
	size_t rss[4] = { 0 }, fds[4] = { 0 };
	struct secure held;
	struct daemon d;

	init(&d, "\tworkers 10\n\tper-address 10\n", "ec");
	daemon_start(&d);
	open_plain(&held, &d, NULL);
	who[0] = d.pid;
	who[1] = secrets_helper(&d, "-s");
	EXPECT(daemon_nurseries(&d, &who[2]) == 2, "nurseries");
	for (unsigned i = 0; i < times; i++) {
		char host[64];

		for (size_t k = 0; i == warm && k < 4; k++) {
			daemon_settle(&d);
			rss[k] = proc_kib(who[k], "VmRSS");
			if (geteuid() == 0)
				fds[k] = proc_fd_count(who[k]);
		}
		snprintf(host, sizeof(host), "n%u.example.org", i);
		make_pair("mx", i % 10 == 0 ? "rsa" : "ec", host);
		reload_in_order(&d);
		expect_new(&d, NULL, host);
	}
	daemon_settle(&d);
	for (size_t k = 0; k < 4; k++) {
		EXPECT(proc_kib(who[k], "VmRSS") < rss[k] + 1024,
		    "process %zu: %zu KiB, then %zu", k, rss[k],
		    proc_kib(who[k], "VmRSS"));
		EXPECT(geteuid() != 0 ||
		    WAIT(proc_fd_count(who[k]) <= fds[k] + channels),
		    "process %zu: %zu descriptors, %zu before", k,
		    proc_fd_count(who[k]), fds[k]);
	}
	go_secure(&held, "one.example.org");
	secure_close(&held);
	daemon_stop(&d);
}

/* One session of each of so many generations holds its key. */
TEST(no_more_slots)
{
	enum { slots = 64 };
	static struct secure held[slots];
	struct daemon d;
	char host[64], from[32];

	init(&d, "\tworkers 200\n", "ec");
	daemon_start(&d);
	for (unsigned i = 0; i < slots; i++) {
		snprintf(from, sizeof(from), "127.0.%u.1", i + 1);
		open_plain(&held[i], &d, from);
		snprintf(host, sizeof(host), "n%u.example.org", i);
		make_pair("mx", "ec", host);
		if (i < slots - 1)
			reload_in_order(&d);
		else
			reload_until(&d, " event=reload-failed ", "no slot is free");
	}
	snprintf(host, sizeof(host), "n%u.example.org", slots - 2);
	expect_new(&d, NULL, host);
	go_secure(&held[0], "one.example.org");
	go_secure(&held[10], "n9.example.org");
	/* One has ended, and there is room for one. */
	secure_close(&held[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", NULL) >= 2),
	    "%s", daemon_last_words(&d));
	reload_in_order(&d);
	snprintf(host, sizeof(host), "n%u.example.org", slots - 1);
	expect_new(&d, NULL, host);
	go_secure(&held[20], "n19.example.org");
	go_secure(&held[slots - 1], "n62.example.org");
	for (unsigned i = 1; i < slots; i++)
		secure_drop(&held[i]);
	daemon_stop(&d);
}

/* A key that nobody can ask for any more is nowhere. */
static void
key_goes(const char *kind)
{
	struct secrets old = { 0 }, new = { 0 };
	struct secure plain;
	struct daemon d;
	pid_t sign;

	harness_need_root("read the memory of other users' processes");
	init(&d, "", kind);
	daemon_start(&d);
	sign = secrets_helper(&d, "-s");
	secrets_read(&old, "mx");
	open_plain(&plain, &d, NULL);
	make_pair("mx", kind, "two.example.org");
	secrets_read(&new, "mx");
	reload_in_order(&d);
	expect_new(&d, NULL, "two.example.org");
	EXPECT(secrets_search(sign, &new) > 0, "no new key");
	EXPECT(secrets_search(sign, &old) > 0,
	    "the old key is gone before its last session");
	secrets_read_text(&new, "mx");
	EXPECT(secrets_search(d.pid, &new) == 0,
	    "the master has kept it");
	go_secure(&plain, "one.example.org");
	secure_close(&plain);
	EXPECT(WAIT(secrets_search(sign, &old) == 0),
	    "the old key is still there");
	expect_new(&d, NULL, "two.example.org");
	daemon_stop(&d);
}

TEST(rsa_key_goes)
{
	key_goes("rsa");
}

TEST(ec_key_goes)
{
	key_goes("ec");
}

/* A worker may use the pairs of its own generation, and no other. */
TEST(of_another_generation)
{
	struct daemon d;
	struct client c;

	init(&d, "", "ec");
	make_pair("b", "ec", "b.example.org");
	daemon_use_other(&d, "lying_worker", "liar-work");
	daemon_start(&d);
	EXPECT(client_connect(&c, &d, NULL) && client_send(&c, "NEWER\n", 6) &&
	    client_reply(&c) == 220, "no answer: %s", c.reply);
	secure_add_pair(&d, "b.pem", "b.key");
	reload_in_order(&d);
	client_reply(&c);
	EXPECT(strcmp(c.reply, "dropped") == 0, "%s", c.reply);
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* A nursery that executes itself meanwhile, or takes over, has them, too. */
TEST(crashes)
{
	pid_t nurseries[2], workers[64];
	struct secure s;
	struct daemon d;
	char host[64];

	harness_need_root("kill another user's process");
	init(&d, "", "ec");
	daemon_start(&d);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(host, sizeof(host), "n%u.example.org", i);
		make_pair("mx", "ec", host);
		daemon_settle(&d);
		EXPECT(daemon_workers(&d, workers, 64) > 0, "no worker");
		if (i % 2)
			kill(workers[0], SIGSEGV);
		reload_hang_up(&d);
		if (i % 2 == 0)
			kill(workers[0], SIGSEGV);
		EXPECT(WAIT(daemon_logged(&d, " event=reload ", NULL) ==
		    i + 1), "%s", daemon_last_words(&d));
		expect_new(&d, NULL, host);
	}
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ", NULL) >= 4),
	    "%s", daemon_last_words(&d));
	daemon_settle(&d);
	EXPECT(daemon_nurseries(&d, nurseries) == 2 &&
	    kill(nurseries[0], SIGKILL) == 0, "nursery");
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	/* More than it had spare workers. */
	for (unsigned i = 0; i < 30; i++)
		expect_new(&d, NULL, host);
	/* And for the one that it bred. */
	make_pair("mx", "rsa", "last.example.org");
	reload_in_order(&d);
	secure_open(&s, &d, NULL);
	expect_peer(&s, "last.example.org");
	secure_close(&s);
	daemon_stop(&d);
}

/* What ends soon is told of at every SIGHUP, what does not once. */
TEST(warnings)
{
	struct daemon d;

	secure_make_pair_for("mx", "ec", "long.example.org", 30 * 86400L);
	secure_make_pair_for("b", "ec", "soon.example.org",
	    6 * 86400L + 3600);
	secure_make_pair_for("c", "ec", "past.example.org", -60);
	secure_let_read(harness_path("mx.key"));
	secure_let_read(harness_path("b.key"));
	secure_let_read(harness_path("c.key"));
	daemon_init(&d, "", NULL);
	secure_add_pair(&d, "mx.pem", "mx.key");
	secure_add_pair(&d, "b.pem", "b.key");
	secure_add_pair(&d, "c.pem", "c.key");
	daemon_start(&d);
	for (size_t i = 1; i < 3; i++) {
		EXPECT(WAIT(daemon_logged(&d, " event=certificate ",
		    "past.example.org", "it has expired", NULL) == i), "%s",
		    daemon_last_words(&d));
		EXPECT(daemon_logged(&d, " event=certificate ",
		    "soon.example.org", "it expires within a week",
		    NULL) == i, "soon");
		EXPECT(daemon_logged(&d, " event=certificate ",
		    "long.example.org", NULL) == 1, "long");
		EXPECT(daemon_logged(&d, "long.example.org", " why=",
		    NULL) == 0, "long");
		reload_in_order(&d);
	}
	CTL_EXPECT(0, "b.pem for soon.example.org, 6 days left\n",
	    "status -f %s", d.conf);
	CTL_EXPECT(0, "c.pem for past.example.org HAS EXPIRED\n",
	    "status -f %s", d.conf);
	CTL_EXPECT(0, "\"name\":\"soon.example.org\",\"until\":",
	    "status --json -f %s", d.conf);
	make_pair("c", "ec", "new.example.org");
	reload_in_order(&d);
	CTL_EXPECT(0, "c.pem for new.example.org, ",
	    "status -f %s", d.conf);
	daemon_stop(&d);
}
