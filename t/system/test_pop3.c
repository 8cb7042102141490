/*
 * POP3 of the real daemon: mailboxes that change meanwhile, or are none; many
 * messages; clients that do not read; two at once; signals; what is on record
 * afterwards.  The dialogues have the commands, test_pop3_kill.c what deletion
 * does when something ends or fails.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/pop.h"
#include "t/system/proc.h"
#include "t/system/reload.h"

/* Message number n in cur, named in the order of numbers. */
static void
put(const struct daemon *d, const char *user, unsigned n)
{
	char name[64], text[64];
	int len;

	snprintf(name, sizeof(name), "cur/%u.M1P1.host:2,S", 1000 + n);
	len = snprintf(text, sizeof(text), "Subject: %u\n\nbody %u\n", n, n);
	pop_put(d, user, name, text, (size_t)len);
}

static void
expect_message(struct pop *p, unsigned number, unsigned n)
{
	char want[64];

	snprintf(want, sizeof(want), "Subject: %u\r\n\r\nbody %u\r\n", n, n);
	EXPECT(pop_fetch(p, "RETR %u", number) == pop_ok, "RETR %u: %s",
	    number, p->reply);
	EXPECT(strcmp(p->text, want) == 0, "RETR %u: %s", number, p->text);
}

static void
rename_in(const struct daemon *d, const char *from, const char *to)
{
	char a[400], b[400];

	snprintf(a, sizeof(a), "%s/%s", pop_box(d, "alice"), from);
	snprintf(b, sizeof(b), "%s/%s", pop_box(d, "alice"), to);
	EXPECT(rename(a, b) == 0, "%s: %s", a, strerror(errno));
}

static void
remove_in(const struct daemon *d, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", pop_box(d, "alice"), name);
	EXPECT(unlink(path) == 0, "%s: %s", path, strerror(errno));
}

/* Another reader renames, moves and removes messages in the session. */
TEST(changed_meanwhile)
{
	size_t count, octets;
	struct daemon d;
	struct pop p;

	pop_serve(&d, "");
	for (unsigned i = 1; i <= 5; i++)
		put(&d, "alice", i);
	pop_put(&d, "alice", "new/1006.M1P1.host", "Subject: 6\n\nbody 6\n",
	    19);
	pop_enter(&p, &d, "alice");
	pop_stat(&p, &count, &octets);
	EXPECT(count == 6 && octets == 6 * 22, "%s", p.reply);
	rename_in(&d, "cur/1001.M1P1.host:2,S", "cur/1001.M1P1.host:2,FS");
	rename_in(&d, "new/1006.M1P1.host", "cur/1006.M1P1.host:2,S");
	remove_in(&d, "cur/1003.M1P1.host:2,S");
	expect_message(&p, 1, 1);
	expect_message(&p, 6, 6);
	POP_EXPECT(&p, pop_err, "RETR 3");
	POP_EXPECT(&p, pop_err, "TOP 3 0");
	expect_message(&p, 4, 4);
	rename_in(&d, "cur/1001.M1P1.host:2,FS", "cur/1001.M1P1.host:2,RS");
	expect_message(&p, 1, 1);
	/* What has vanished may be counted still; the others keep numbers. */
	pop_stat(&p, &count, &octets);
	EXPECT(count == 5 || count == 6, "%s", p.reply);
	EXPECT(pop_fetch(&p, "UIDL") == pop_ok && strstr(p.text,
	    "\r\n6 1006.M1P1.host\r\n") != NULL, "%s", p.text);
	/* Renamed between DELE and QUIT; vanished before; taken over. */
	POP_EXPECT(&p, pop_ok, "DELE 1");
	POP_EXPECT(&p, pop_ok, "DELE 2");
	POP_EXPECT(&p, pop_ok, "DELE 6");
	rename_in(&d, "cur/1001.M1P1.host:2,RS", "cur/1001.M1P1.host:2,PRS");
	rename_in(&d, "cur/1006.M1P1.host:2,S", "cur/1006.M1P1.host:2,");
	remove_in(&d, "cur/1002.M1P1.host:2,S");
	pop_quit(&p);
	pop_enter(&p, &d, "alice");
	EXPECT(pop_fetch(&p, "UIDL") == pop_ok && strcmp(p.text,
	    "1 1004.M1P1.host\r\n2 1005.M1P1.host\r\n") == 0, "%s", p.text);
	expect_message(&p, 1, 4);
	expect_message(&p, 2, 5);
	pop_quit(&p);
	EXPECT(pop_files(&d, "alice") == 2, "%zu files",
	    pop_files(&d, "alice"));
	daemon_stop(&d);
}

/* Renamed while it was away, and another message has the number's old name. */
TEST(never_another)
{
	struct daemon d;
	struct pop p;

	pop_serve(&d, "");
	put(&d, "alice", 1);
	put(&d, "alice", 2);
	pop_enter(&p, &d, "alice");
	POP_EXPECT(&p, pop_ok, "STAT");
	POP_EXPECT(&p, pop_ok, "DELE 1");
	remove_in(&d, "cur/1001.M1P1.host:2,S");
	pop_put(&d, "alice", "cur/10010.M1P1.host:2,S", "a: b\n\n", 6);
	pop_put(&d, "alice", "cur/1001.M1P1.hostile:2,S", "a: b\n\n", 6);
	pop_put(&d, "alice", "cur/1001.M1P1:2,S", "a: b\n\n", 6);
	/* Whether the session ends well is a matter of taste. */
	pop_say(&p, "QUIT");
	pop_drop(&p);
	EXPECT(pop_files(&d, "alice") == 4, "%zu files",
	    pop_files(&d, "alice"));
	daemon_stop(&d);
}

/* Every number that LIST says is what RETR sends, for whoever wrote it. */
static void
check_sizes(struct pop *p)
{
	size_t count, octets, sum = 0, size, n;
	char *list, *at;

	pop_stat(p, &count, &octets);
	EXPECT(pop_fetch(p, "LIST") == pop_ok, "%s", p->reply);
	list = strdup(p->text);
	for (at = list; sscanf(at, "%zu %zu", &n, &size) == 2;
	    at = strchr(at, '\n') + 1) {
		EXPECT(pop_fetch(p, "RETR %zu", n) == pop_ok, "%s", p->reply);
		EXPECT(p->n == size, "message %zu: %zu in LIST, %zu in RETR",
		    n, size, p->n);
		EXPECT(pop_fetch(p, "TOP %zu 1000000", n) == pop_ok, "%s",
		    p->reply);
		EXPECT(p->n == size, "message %zu: %zu in TOP", n, p->n);
		sum += size;
		count--;
	}
	EXPECT(count == 0 && sum == octets, "LIST and STAT differ");
	free(list);
}

/* Delivered by us, with dots, long lines, 8 bits and 10 MiB; and by hand. */
TEST(sizes)
{
	static const char odd[] = "Subject: odd\r\n\r\n..\r\n...x\r\n"
	    "\xff\x80\r\n\r\n.";
	enum { big = 10 * 1024 * 1024 };
	struct client c;
	struct daemon d;
	struct pop p;
	size_t count, octets;
	char *text;

	pop_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(client_begin(&c, (const char *[]){ "alice", NULL }) == 354,
	    "%s", c.reply);
	EXPECT(client_send(&c, odd, sizeof(odd) - 2) &&
	    client_command(&c, ".") == 250, "%s", c.reply);
	EXPECT(client_mail(&c, 1, big, (const char *[]){ "alice", NULL }) ==
	    250, "%s", c.reply);
	EXPECT(client_mail(&c, 2, 4096, (const char *[]){ "alice", NULL }) ==
	    250, "%s", c.reply);
	client_close(&c);
	text = malloc(2000002);
	EXPECT(text != NULL, "no memory");
	memset(text, 'x', 2000001);
	memcpy(text, "a: b\n\n", 6);
	text[1000000] = text[2000000] = '\n';
	text[1000001] = '.';
	pop_put(&d, "alice", "cur/5.long.host:2,S", text, 2000001);
	pop_put(&d, "alice", "cur/6.crlf.host:2,S", "a: b\r\n\r\nc\r\n", 11);
	pop_enter(&p, &d, "alice");
	check_sizes(&p);
	pop_stat(&p, &count, &octets);
	EXPECT(count == 5, "%s", p.reply);
	EXPECT(pop_fetch(&p, "TOP 5 0") == pop_ok, "%s", p.reply);
	pop_quit(&p);
	/* What was sent is what is sent. */
	pop_enter(&p, &d, "alice");
	for (size_t i = 1; i <= count; i++) {
		EXPECT(pop_fetch(&p, "RETR %zu", i) == pop_ok, "%s", p.reply);
		if (strstr(p.text, "Subject: test 1\r\n") != NULL) {
			char *want = mail_text(1, big, "\r\n");
			size_t n = strlen(want);

			EXPECT(p.n > n, "too short");
			harness_same("10 MiB", p.text + p.n - n, n, want, n);
			free(want);
		}
		if (strstr(p.text, "Subject: odd\r\n") != NULL)
			EXPECT(strstr(p.text, "\r\n\r\n.\r\n..x\r\n\xff\x80\r\n"
			    "\r\n") != NULL, "odd: %s", p.text);
	}
	pop_quit(&p);
	free(text);
	daemon_stop(&d);
}

/* Messages count of them, whose sizes add up, and whose ids are ids. */
static void
check_all(struct pop *p, size_t want)
{
	char uidl[200];
	size_t count, octets, sum = 0, n;

	pop_stat(p, &count, &octets);
	EXPECT(count == want, "%s", p->reply);
	for (size_t i = 1; i <= count; i++) {
		EXPECT(pop_fetch(p, "RETR %zu", i) == pop_ok, "%s", p->reply);
		EXPECT(strstr(p->text, "root:x") == NULL, "/etc/passwd");
		sum += p->n;
		POP_EXPECT(p, pop_ok, "UIDL %zu", i);
		EXPECT(sscanf(p->reply, "+OK %zu %199s", &n, uidl) == 2 &&
		    n == i && strlen(uidl) <= 70, "%s", p->reply);
		for (const char *c = uidl; *c != '\0'; c++)
			EXPECT(*c > ' ' && *c <= '~', "%s", p->reply);
		EXPECT(strcmp(p->reply + strlen(p->reply) - strlen(uidl),
		    uidl) == 0, "%s", p->reply);
	}
	EXPECT(sum == octets, "%zu octets in all, not %zu", sum, octets);
}

/* Names that no server gives; and one message by two names. */
TEST(odd_names)
{
	char path[400], name[400];
	struct daemon d;
	struct pop p;

	pop_serve(&d, "");
	put(&d, "alice", 1);
	/* Dovecot copies by a link. */
	snprintf(path, sizeof(path), "%s/cur/1001.M1P1.host:2,S",
	    pop_box(&d, "alice"));
	snprintf(name, sizeof(name), "%s/cur/1007.hard:2,S",
	    pop_box(&d, "alice"));
	EXPECT(link(path, name) == 0, "%s", strerror(errno));
	memset(name, 'n', sizeof(name));
	memcpy(name, "cur/1008.", 9);
	memcpy(name + 4 + 250, "1:2,S", 6);
	pop_put(&d, "alice", name, "Subject: 8\n\nbody 8\n", 19);
	pop_put(&d, "alice", "cur/1009.\x01\r\n.\x7f\xff:2,S",
	    "Subject: 9\n\nbody 9\n", 19);
	pop_put(&d, "alice", "cur/1010.a b:2,S", "Subject: 9\n\nbody 9\n", 19);
	pop_put(&d, "alice", "new/1011.twice", "Subject: 1\n\nbody 1\n", 19);
	pop_put(&d, "alice", "cur/1011.twice:2,S", "Subject: 1\n\nbody 2\n",
	    19);
	pop_put(&d, "alice", "new/:2,S", "Subject: 1\n\nbody 1\n", 19);
	/* Sizes that are none are not believed. */
	pop_put(&d, "alice", "cur/1012,S=9999999999999999999999,W=1x:2,S",
	    "Subject: 1\n\nbody 1\n", 19);
	pop_put(&d, "alice", "cur/1013,W=18446744073709551617:2,S",
	    "Subject: 1\n\nbody 1\n", 19);
	pop_put(&d, "alice", "cur/1014,W=-1:2,S", "Subject: 1\n\nbody 1\n",
	    19);
	pop_enter(&p, &d, "alice");
	/* A base name is one message: another reader may just move it. */
	check_all(&p, 10);
	for (int i = 1; i <= 10; i++)
		POP_EXPECT(&p, pop_ok, "DELE %d", i);
	pop_quit(&p);
	EXPECT(pop_files(&d, "alice") == 1, "%zu", pop_files(&d, "alice"));
	daemon_stop(&d);
}

static void
expect_no_login(const struct daemon *d)
{
	struct pop p;

	pop_open(&p, d);
	EXPECT(pop_login(&p, "alice") == pop_err, "%s", p.reply);
	EXPECT(strstr(p.reply, "[SYS/") != NULL, "%s", p.reply);
	pop_drop(&p);
	/* And nobody else minds. */
	pop_enter(&p, d, "bob");
	POP_EXPECT(&p, pop_ok, "STAT");
	pop_quit(&p);
}

/* RFC 2449 8: what is broken is no empty mailbox, and no wrong password. */
TEST(broken_maildir)
{
	char path[300], away[310];
	size_t count, octets;
	struct daemon d;
	struct pop p;

	pop_serve(&d, "");
	put(&d, "bob", 1);
	/* Nothing came yet. */
	pop_enter(&p, &d, "alice");
	pop_stat(&p, &count, &octets);
	EXPECT(count == 0 && octets == 0, "%s", p.reply);
	pop_quit(&p);
	put(&d, "alice", 1);
	snprintf(path, sizeof(path), "%s/cur", pop_box(&d, "alice"));
	snprintf(away, sizeof(away), "%s/away", pop_box(&d, "alice"));
	EXPECT(rename(path, away) == 0, "%s", strerror(errno));
	harness_write_file(path, "no directory\n");
	expect_no_login(&d);
	unlink(path);
	/* A link out of the Maildir is none of it. */
	EXPECT(symlink("away", path) == 0, "%s", strerror(errno));
	expect_no_login(&d);
	unlink(path);
	EXPECT(rename(away, path) == 0 && chmod(path, 0) == 0, "%s",
	    strerror(errno));
	expect_no_login(&d);
	EXPECT(chmod(path, 0700) == 0, "%s", strerror(errno));
	snprintf(path, sizeof(path), "%s", pop_box(&d, "alice"));
	snprintf(away, sizeof(away), "%s.away", path);
	EXPECT(rename(path, away) == 0, "%s", strerror(errno));
	harness_write_file(path, "no directory\n");
	expect_no_login(&d);
	unlink(path);
	EXPECT(rename(away, path) == 0, "%s", strerror(errno));
	/* It vanishes in the session. */
	pop_enter(&p, &d, "alice");
	expect_message(&p, 1, 1);
	EXPECT(rename(path, away) == 0, "%s", strerror(errno));
	POP_EXPECT(&p, pop_ok, "NOOP");
	pop_say(&p, "RETR 1");
	pop_drop(&p);
	EXPECT(rename(away, path) == 0, "%s", strerror(errno));
	pop_enter(&p, &d, "bob");
	expect_message(&p, 1, 1);
	pop_quit(&p);
	daemon_stop(&d);
}

/* Fails the test unless alice can log in before long. */
static void
expect_free(const struct daemon *d, const char *after)
{
	struct pop p;
	int got = pop_gone;

	for (int i = 0; i < 100 && got != pop_ok; i++) {
		if (i > 0)
			harness_sleep_ms(50);
		pop_open(&p, d);
		got = pop_login(&p, "alice");
		if (got == pop_ok)
			pop_quit(&p);
		else
			pop_drop(&p);
	}
	EXPECT(got == pop_ok, "after %s: %s", after, p.reply);
}

static void
expect_in_use(const struct daemon *d)
{
	struct pop p;

	pop_open(&p, d);
	EXPECT(pop_login(&p, "alice") == pop_err &&
	    strncmp(p.reply, "-ERR [IN-USE]", 13) == 0, "%s", p.reply);
	pop_drop(&p);
}

/* RFC 1939 4: the mailbox is one session's, until that ends in any way. */
TEST(two_at_once)
{
	struct pop p, q, bob;
	struct daemon d;
	pid_t workers[64];
	size_t n;

	pop_serve(&d, "");
	put(&d, "alice", 1);
	put(&d, "bob", 2);
	pop_enter(&p, &d, "alice");
	expect_in_use(&d);
	/* The right password is no guess: a third is not locked out. */
	for (int i = 0; i < 5; i++)
		expect_in_use(&d);
	pop_enter(&bob, &d, "bob");
	expect_message(&bob, 1, 2);
	pop_quit(&bob);
	expect_message(&p, 1, 1);
	pop_quit(&p);
	/* At once: QUIT was answered. */
	for (int i = 0; i < 5; i++) {
		pop_enter(&q, &d, "alice");
		expect_message(&q, 1, 1);
		pop_quit(&q);
	}
	pop_enter(&q, &d, "alice");
	pop_drop(&q);
	expect_free(&d, "a connection that was cut");
	pop_enter(&q, &d, "alice");
	POP_EXPECT(&q, pop_ok, "DELE 1");
	n = daemon_workers(&d, workers, 64);
	EXPECT(n > 0 && kill(workers[0], SIGKILL) == 0, "no worker");
	EXPECT(pop_is_closed(&q), "its client is not let go");
	pop_drop(&q);
	/* The address of a crash is refused for a while. */
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	EXPECT(pop_files(&d, "alice") == 1, "deleted without QUIT");
	for (int i = 0; i < 200; i++) {
		if (pop_connect(&q, &d, "127.0.0.9") &&
		    pop_login(&q, "alice") == pop_ok)
			break;
		EXPECT(i < 199, "after a crash: %s", q.reply);
		harness_sleep_ms(20);
	}
	expect_message(&q, 1, 1);
	pop_quit(&q);
	daemon_stop(&d);
}

/* SIGHUP in each state changes nothing; SIGTERM ends each, and deletes none. */
TEST(signals)
{
	struct pop before, in, marked;
	struct daemon d;
	size_t n;

	pop_serve(&d, "");
	put(&d, "alice", 1);
	put(&d, "bob", 2);
	pop_open(&before, &d);
	pop_enter(&in, &d, "alice");
	pop_enter(&marked, &d, "bob");
	POP_EXPECT(&marked, pop_ok, "DELE 1");
	reload_in_order(&d);
	POP_EXPECT(&before, pop_ok, "CAPA");
	EXPECT(pop_lines(&before), "no end");
	expect_message(&in, 1, 1);
	POP_EXPECT(&marked, pop_err, "RETR 1");
	n = pop_files(&d, "bob");
	EXPECT(n == 1, "%zu files", n);
	EXPECT(kill(d.pid, SIGTERM) == 0, "kill");
	/* One that waits may be told, or not; all are closed. */
	for (int i = 0; i < 3; i++) {
		struct pop *p = (struct pop *[]){ &before, &in, &marked }[i];

		shutdown(p->s.c.fd, SHUT_WR);
		while (!pop_is_closed(p))
			p->have = 0;
		pop_drop(p);
	}
	daemon_expect_end(&d);
	EXPECT(pop_files(&d, "bob") == 1 && pop_files(&d, "alice") == 1,
	    "SIGTERM deletes");
}

/* One that asks for much and reads nothing is alone with that. */
TEST(never_reads)
{
	enum { big = 10 * 1024 * 1024 };
	struct pop p, q;
	struct daemon d;
	int64_t begin, worst = 0;
	size_t kib;
	char *text;

	pop_serve(&d, "");
	text = malloc(big);
	EXPECT(text != NULL, "no memory");
	memset(text, 'y', big);
	memcpy(text, "a: b\n\n", 6);
	for (size_t i = 70; i < big; i += 70)
		text[i] = '\n';
	pop_put(&d, "alice", "cur/1.big:2,S", text, big);
	put(&d, "bob", 1);
	pop_enter(&p, &d, "alice");
	for (int i = 0; i < 50; i++)
		EXPECT(pop_send(&p, "RETR 1"), "send");
	harness_sleep_ms(100);
	kib = proc_kib(d.pid, "VmRSS");
	for (int i = 0; i < 20; i++) {
		begin = harness_now_ms();
		pop_enter(&q, &d, "bob");
		expect_message(&q, 1, 1);
		pop_quit(&q);
		begin = harness_now_ms() - begin;
		worst = begin > worst ? begin : worst;
		EXPECT(client_deliver(&d, NULL, 7, 300, "bob") == 250,
		    "no delivery");
		pop_enter(&q, &d, "bob");
		POP_EXPECT(&q, pop_ok, "DELE 2");
		pop_quit(&q);
	}
	printf("beside it a session takes %lld ms at most\n",
	    (long long)worst);
	EXPECT(worst < 5000, "%lld ms", (long long)worst);
	EXPECT(proc_kib(d.pid, "VmRSS") < kib + 4096, "the master grows");
	/* And it has missed nothing, once it does. */
	EXPECT(pop_answer(&p) == pop_ok && pop_lines(&p) && p.n > big,
	    "%s", p.reply);
	pop_drop(&p);
	expect_free(&d, "one that did not read");
	free(text);
	daemon_stop(&d);
}

/* The id of the message that is at that path, from its name. */
TEST(explained)
{
	char id[64] = "";
	struct daemon d;
	struct pop p;

	pop_serve(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 300, "alice") == 250, "%s",
	    daemon_last_words(&d));
	daemon_log_value(&d, " event=store ", "id", id, sizeof(id));
	EXPECT(id[0] != '\0', "%s", daemon_last_words(&d));
	pop_enter(&p, &d, "alice");
	EXPECT(pop_fetch(&p, "RETR 1") == pop_ok, "%s", p.reply);
	pop_quit(&p);
	EXPECT(WAIT_FOR(5000, ctl("explain -f %s %s", d.conf, id) == 0 &&
	    strstr(ctl_text, "etched") != NULL), "%s", ctl_text);
	CTL_EXPECT(0, "etched", "explain -f %s %s", d.conf, id);
	CTL_EXPECT(0, "alice", "explain -f %s %s", d.conf, id);
	EXPECT(strstr(ctl_text, "eleted") == NULL, "%s", ctl_text);
	pop_enter(&p, &d, "alice");
	POP_EXPECT(&p, pop_ok, "DELE 1");
	pop_quit(&p);
	CTL_EXPECT(0, "eleted", "explain -f %s %s", d.conf, id);
	daemon_stop(&d);
}

/* Names at delivery tell both sizes; they stay as they are. */
TEST(names)
{
	struct dirent *e;
	unsigned long s = 0, w = 0;
	struct daemon d;
	char path[300];
	struct pop p;
	size_t n = 0, octets;
	DIR *dir;

	pop_serve(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 3000, "alice") == 250, "%s",
	    daemon_last_words(&d));
	snprintf(path, sizeof(path), "%s/new", pop_box(&d, "alice"));
	dir = opendir(path);
	EXPECT(dir != NULL, "%s", strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		const char *at = strstr(e->d_name, ",S=");

		if (e->d_name[0] == '.')
			continue;
		EXPECT(at != NULL && sscanf(at, ",S=%lu,W=%lu", &s, &w) == 2,
		    "%s", e->d_name);
		n++;
	}
	closedir(dir);
	EXPECT(n == 1 && w > s, "%zu, %lu, %lu", n, s, w);
	pop_enter(&p, &d, "alice");
	pop_stat(&p, &n, &octets);
	EXPECT(n == 1 && octets == w, "%s", p.reply);
	EXPECT(pop_fetch(&p, "RETR 1") == pop_ok && p.n == w, "%zu, not %lu",
	    p.n, w);
	pop_quit(&p);
	daemon_stop(&d);
}
