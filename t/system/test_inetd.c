/*
 * smtpd -i: one session on descriptor 0, in processes that are kept apart as
 * those of the standing server are; many of them at once on one root.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/system/chain.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/spawn.h"

static const char *const alice[] = { "alice", NULL };

/* Nothing that a session started may outlive it. */
static bool
nobody_left(void)
{
	pid_t pids[64];
	size_t n = proc_below(getpid(), pids, 64), alive = 0;

	for (size_t i = 0; i < n; i++)
		alive += !proc_is_gone(pids[i]);
	return alive == 0;
}

static void
greet(struct client *c)
{
	int code = client_reply(c);

	EXPECT(code == 220, "greeted with %d %s", code, c->reply);
}

static void
finish(struct client *c, pid_t pid)
{
	int status;

	client_expect(c, 221, "QUIT");
	EXPECT(client_is_closed(c), "not closed behind 221");
	client_close(c);
	status = spawn_wait(pid);
	EXPECT(status == 0, "exit status %d", status);
	EXPECT(WAIT(nobody_left()), "a process is left");
}

TEST(one_session)
{
	struct daemon d;
	struct client c;
	pid_t pid;

	daemon_init(&d, "", NULL);
	for (unsigned i = 0; i < 3; i++) {
		pid = spawn_inetd(&d, &c);
		greet(&c);
		EXPECT(client_mail(&c, 2 * i, 5000, alice) == 250, "%s",
		    c.reply);
		EXPECT(client_mail(&c, 2 * i + 1, 500, alice) == 250, "%s",
		    c.reply);
		finish(&c, pid);
	}
	EXPECT(mail_total(&d) == 6 && mail_incoming(&d) == 0,
	    "%zu messages", mail_total(&d));
	EXPECT(daemon_logged(&d, " event=connect ", "client=127.0.0.1 ",
	    NULL) == 3 && daemon_logged(&d, " event=disconnect ",
	    "why=quit", NULL) == 3, "not three sessions in the log");
	chain_check(&d, 6);
}

/* "Uid" and the like: all four numbers are those of that user. */
static void
expect_user(pid_t pid, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	char text[128], want[128];
	unsigned uid;

	EXPECT(pw != NULL, "no user %s", name);
	uid = geteuid() == 0 ? pw->pw_uid : geteuid();
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	proc_status(pid, "Uid", text, sizeof(text));
	EXPECT(strcmp(text, want) == 0, "process %d: Uid %s, not %s",
	    (int)pid, text, want);
	proc_status(pid, "CapEff", text, sizeof(text));
	EXPECT(strtoull(text, NULL, 16) == 0, "process %d: CapEff %s",
	    (int)pid, text);
	proc_status(pid, "Seccomp", text, sizeof(text));
	EXPECT(strcmp(text, "2") == 0, "process %d: Seccomp %s", (int)pid,
	    text);
}

/* One that owns, one that parses, and the one that forked it. */
TEST(kept_apart)
{
	static struct proc_fd fds[proc_fds_max];
	struct daemon d;
	struct client c;
	pid_t pids[8], pid;
	int n, sockets = 0;

	daemon_init(&d, "", NULL);
	pid = spawn_inetd(&d, &c);
	greet(&c);
	EXPECT(client_begin(&c, alice) == 354, "%s", c.reply);
	EXPECT(proc_below(pid, pids, 8) == 2, "not a nursery and a worker");
	expect_user(pid, "nobody");
	expect_user(pids[0], "daemon");
	expect_user(pids[1], "daemon");
	client_expect(&c, 250, ".");
	if (geteuid() == 0) {
		n = proc_fds(pid, fds);
		EXPECT(n > 3, "/proc: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			EXPECT(fds[i].fd > 1 || strcmp(fds[i].what,
			    "/dev/null") == 0, "descriptor %d is %s",
			    fds[i].fd, fds[i].what);
			sockets += strncmp(fds[i].what, "socket:", 7) == 0;
		}
		/* To the nursery, to the worker, of libevent's signals. */
		EXPECT(sockets <= 4, "the master has %d sockets", sockets);
	}
	finish(&c, pid);
}

enum { crowd = 24 };

/* All in the middle of a message at once, and a standing server beside. */
TEST(many_at_once)
{
	static struct client c[crowd];
	struct daemon d, beside;
	pid_t pids[crowd];
	int status;

	daemon_init(&d, "", NULL);
	beside = d;
	snprintf(beside.log, sizeof(beside.log), "%s/log.beside",
	    harness_dir);
	for (int i = 0; i < crowd; i++) {
		if (i == crowd / 2)
			daemon_start(&beside);
		pids[i] = spawn_inetd(&d, &c[i]);
		greet(&c[i]);
		EXPECT(client_begin(&c[i], alice) == 354, "%s", c[i].reply);
	}
	EXPECT(WAIT(mail_incoming(&d) == crowd), "%zu files in incoming, not %d",
	    mail_incoming(&d), crowd);
	EXPECT(client_deliver(&beside, NULL, crowd, 500, "bob") == 250,
	    "the standing server");
	for (int i = 0; i < crowd; i++) {
		char *text = mail_text((unsigned)i, 500, "\r\n");

		EXPECT(client_send(&c[i], text, strlen(text)), "send");
		EXPECT(client_send(&c[i], ".\r\n", 3), "send");
		free(text);
	}
	for (int i = 0; i < crowd; i++) {
		status = client_reply(&c[i]);
		EXPECT(status == 250, "session %d: %d %s", i, status,
		    c[i].reply);
		client_expect(&c[i], 221, "QUIT");
		client_close(&c[i]);
		EXPECT(spawn_wait(pids[i]) == 0, "exit status");
	}
	daemon_stop(&beside);
	for (unsigned i = 0; i < crowd; i++)
		EXPECT(mail_copies(&d, "alice", i) == 1, "message %u", i);
	EXPECT(mail_total(&d) == crowd + 1, "%zu messages", mail_total(&d));
	chain_check(&d, crowd + 1);
}

/* What a killed session has left goes with the next one that is alone. */
TEST(killed)
{
	struct daemon d;
	struct client c;
	pid_t pid;

	daemon_init(&d, "", NULL);
	pid = spawn_inetd(&d, &c);
	greet(&c);
	EXPECT(client_begin(&c, alice) == 354, "%s", c.reply);
	EXPECT(WAIT(mail_incoming(&d) == 1), "no file");
	kill(pid, SIGKILL);
	EXPECT(spawn_wait(pid) == -1, "it was not killed");
	EXPECT(client_is_closed(&c), "the client is still served");
	client_close(&c);
	EXPECT(WAIT(nobody_left()), "a process is left");
	EXPECT(mail_incoming(&d) == 1, "the file has gone with it");
	pid = spawn_inetd(&d, &c);
	greet(&c);
	EXPECT(mail_incoming(&d) == 0, "a file is left");
	finish(&c, pid);
}

TEST(worker_crash)
{
	struct daemon d;
	struct client c;
	pid_t pid, pids[4];

	daemon_init(&d, "", NULL);
	pid = spawn_inetd(&d, &c);
	greet(&c);
	EXPECT(client_begin(&c, alice) == 354, "%s", c.reply);
	EXPECT(proc_children(pid, NULL, pids, 4) == 1 &&
	    proc_children(pids[0], NULL, pids + 1, 3) == 1, "no worker");
	kill(pids[1], SIGSEGV);
	EXPECT(client_is_closed(&c), "the client is still served");
	client_close(&c);
	EXPECT(spawn_wait(pid) == 0, "exit status");
	EXPECT(WAIT(nobody_left()), "a process is left");
	EXPECT(mail_incoming(&d) == 0, "a file is left");
	EXPECT(daemon_logged(&d, " event=worker-crash ", "signal=11",
	    "client=127.0.0.1 ", NULL) == 1, "no crash in the log: %s",
	    daemon_last_words(&d));
}

/* SIGTERM, as inetd's end or an administrator sends it. */
TEST(told_to_end)
{
	struct daemon d;
	struct client c;
	pid_t pid;

	daemon_init(&d, "", NULL);
	pid = spawn_inetd(&d, &c);
	greet(&c);
	kill(pid, SIGTERM);
	client_command(&c, "NOOP");
	EXPECT(client_is_closed(&c), "the session goes on");
	client_close(&c);
	EXPECT(spawn_wait(pid) == 0, "exit status");
	EXPECT(WAIT(nobody_left()), "a process is left");
}

static size_t
kept(const char *name)
{
	struct stat st;
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	if (name != NULL)
		return stat(harness_path("root/log/refused/%s", name), &st) ==
		    0;
	d = opendir(harness_path("root/log/refused"));
	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

/* Refused sessions are kept here too, and those too old are not. */
TEST(refused)
{
	static const char old[] = "0000000000000000";
	struct daemon d;
	struct client c;
	pid_t pid;

	daemon_init(&d, "", NULL);
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			harness_write_file(harness_path("root/log/refused/%s",
			    old), "{}\n");
		pid = spawn_inetd(&d, &c);
		greet(&c);
		client_expect(&c, 250, "EHLO x");
		if (i % 2 == 0) {
			client_expect(&c, 250, "MAIL FROM:<>");
			client_expect(&c, 550, "RCPT TO:<x@example.org>");
		}
		finish(&c, pid);
		EXPECT(kept(NULL) == (size_t)i / 2 + 1, "%zu are kept",
		    kept(NULL));
		EXPECT(kept(old) == 0, "an old one is kept");
	}
}

/* The time of the proof, after one session with it set back by so much. */
static struct timespec
prove(struct daemon *d, time_t back_s)
{
	const char *path = harness_path("root/log/sandbox");
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct client c;
	struct stat st;
	pid_t pid;

	if (back_s > 0) {
		times[1].tv_sec = time(NULL) - back_s;
		EXPECT(utimensat(AT_FDCWD, path, times, 0) == 0, "%s: %s", path,
		    strerror(errno));
	}
	pid = spawn_inetd(d, &c);
	greet(&c);
	finish(&c, pid);
	EXPECT(stat(path, &st) == 0, "no proof: %s", strerror(errno));
	return st.st_mtim;
}

/* The self-test runs again when its proof is too old for the worker program. */
TEST(proof)
{
	struct timespec first, second;
	struct daemon d;

	daemon_init(&d, "", NULL);
	/* Not in the second in which the worker was copied. */
	harness_sleep_ms(1100);
	first = prove(&d, 0);
	second = prove(&d, 0);
	EXPECT(memcmp(&first, &second, sizeof(first)) == 0,
	    "proved again though nothing changed");
	second = prove(&d, 60);
	EXPECT(second.tv_sec >= first.tv_sec, "not proved again");
	/* Before the machine was booted. */
	second = prove(&d, 10L * 365 * 24 * 60 * 60);
	EXPECT(second.tv_sec >= first.tv_sec, "not proved again");
	/* Another worker program. */
	harness_sleep_ms(1100);
	daemon_use_worker(&d, harness_worker, "another-worker");
	first = prove(&d, 0);
	EXPECT(first.tv_sec > second.tv_sec, "not proved again");
}
