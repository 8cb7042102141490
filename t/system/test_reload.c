/*
 * SIGHUP: sessions that are there go on with what they began with, new ones
 * have the new configuration, a broken one changes nothing.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/reload.h"

static const char *const alice[] = { "alice", NULL };

static void
refused(const struct daemon *d, const char *why)
{
	reload_refused(d, why);
	EXPECT(client_deliver(d, NULL, 900, 500, "alice") == 250,
	    "no service after \"%s\"", why);
}

static void
expect_greeting(const struct daemon *d, const char *hostname)
{
	struct client c;

	EXPECT(client_connect(&c, d, NULL) && client_reply(&c) == 220 &&
	    strstr(c.reply, hostname) != NULL, "greeting: %s", c.reply);
	client_close(&c);
}

TEST(old_and_new)
{
	struct client fresh, old, under_way;
	struct daemon d;
	char *text;

	daemon_serve(&d, "");
	client_open(&old, &d, NULL);
	client_expect(&old, 250, "EHLO old.example");
	client_open(&under_way, &d, NULL);
	EXPECT(client_begin(&under_way, alice) == 354, "DATA");
	reload_replace(harness_path("users"), "bob\ncarol\n");
	reload_edit(&d, "mx.example.org", "new.example.org");
	reload_in_order(&d);

	client_open(&fresh, &d, NULL);
	EXPECT(strstr(fresh.reply, "220 new.example.org ") == fresh.reply,
	    "%s", fresh.reply);
	client_expect(&fresh, 250, "HELO fresh.example");
	client_expect(&fresh, 250, "MAIL FROM:<a@example.net>");
	client_expect(&fresh, 250, "RCPT TO:<carol@example.org>");
	client_expect(&fresh, 550, "RCPT TO:<alice@example.org>");

	/* Its alice is there still, and nobody named carol. */
	client_expect(&old, 250, "MAIL FROM:<a@example.net>");
	client_expect(&old, 550, "RCPT TO:<carol@example.org>");
	client_expect(&old, 250, "RCPT TO:<alice@example.org>");
	text = mail_text(1, 1000, "\r\n");
	EXPECT(client_send(&under_way, text, strlen(text)), "send");
	client_expect(&under_way, 250, ".");
	free(text);
	EXPECT(mail_copies(&d, "alice", 1) == 1, "the message under way");
	client_expect(&old, 221, "QUIT");
	client_close(&old);
	client_close(&under_way);
	client_close(&fresh);
	EXPECT(client_deliver(&d, NULL, 2, 500, "carol") == 250, "carol");
	daemon_stop(&d);
}

TEST(broken_changes_nothing)
{
	char where[200];
	struct daemon d;

	daemon_serve(&d, "");
	reload_edit(&d, "domain example.org {",
	    "domain example.org {\n\tusrs x");
	snprintf(where, sizeof(where), "%s:7:", d.conf);
	refused(&d, where);
	reload_edit(&d, "\n\tusrs x", "");
	reload_replace(harness_path("users"), "alice\nbob smith jones\n");
	snprintf(where, sizeof(where), "%s:2:", harness_path("users"));
	refused(&d, where);
	EXPECT(unlink(harness_path("users")) == 0, "%s", strerror(errno));
	refused(&d, "No such file");
	reload_replace(harness_path("users"), "alice\n");
	EXPECT(rename(d.conf, harness_path("away")) == 0, "rename");
	refused(&d, "cannot be read");
	EXPECT(rename(harness_path("away"), d.conf) == 0, "rename");
	/* Mended, it is taken. */
	reload_edit(&d, "mx.example.org", "mended.example.org");
	reload_in_order(&d);
	expect_greeting(&d, "mended.example.org");
	daemon_stop(&d);
}

/* In a child that is nobody: it ends with 0 when smtpd -d told what bars it. */
static void
start_as_nobody(const struct daemon *d, const char *bar)
{
	char said[4096];
	char *args[] = { "-d", "-f", (char *)(uintptr_t)d->conf, "-w",
	    (char *)(uintptr_t)d->worker, NULL };

	EXPECT(setgroups(0, NULL) == 0 && setgid(65534) == 0 &&
	    setuid(65534) == 0, "setuid: %s", strerror(errno));
	EXPECT(daemon_run(d, args, said, sizeof(said)) == 1 &&
	    strstr(said, bar) != NULL, "no \"%s\": %s", bar, said);
	_exit(0);
}

/*
 * Who is denied a table is told which directory bars whom, and the remedy: at
 * start and upon SIGHUP.
 */
TEST(barred)
{
	char path[96], bar[200];
	struct daemon d;
	int status = -1;
	pid_t pid;

	harness_need_root("make a directory that the server cannot search");
	daemon_init(&d, "", NULL);
	snprintf(path, sizeof(path), "%s", harness_path("barred"));
	snprintf(bar, sizeof(bar), "the directory %s belongs to root:root, "
	    "mode 0700: let its group or an ACL admit nobody", path);
	EXPECT(mkdir(path, 0755) == 0, "mkdir: %s", strerror(errno));
	harness_write_file(harness_path("barred/users"), "alice\n");
	daemon_start(&d);
	reload_edit(&d, harness_path("users"), harness_path("barred/users"));
	reload_in_order(&d);
	EXPECT(chmod(path, 0700) == 0 && chmod(harness_dir, 0777) == 0,
	    "chmod: %s", strerror(errno));
	refused(&d, bar);
	daemon_stop(&d);
	pid = fork();
	if (pid == 0)
		start_as_nobody(&d, bar);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0, "a start");
	/* Root reads the table, and is told of what SIGHUP will not. */
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=warning ", "SIGHUP", bar, NULL) == 1,
	    "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* Rights suffice for that table, and the sandbox does not know its place. */
TEST(elsewhere)
{
	char dir[] = "/tmp/elsewhere.XXXXXX", path[96];
	struct daemon d;

	daemon_init(&d, "", NULL);
	EXPECT(mkdtemp(dir) != NULL && chmod(dir, 0755) == 0, "%s: %s", dir,
	    strerror(errno));
	snprintf(path, sizeof(path), "%s/users", dir);
	harness_write_file(path, "alice\n");
	daemon_start(&d);
	reload_edit(&d, harness_path("users"), path);
	if (daemon_logged(&d, " event=start ", "no landlock", NULL) == 0)
		refused(&d, "restart smtpd");
	daemon_stop(&d);
	daemon_start(&d);
	reload_in_order(&d);
	daemon_stop(&d);
	EXPECT(unlink(path) == 0 && rmdir(dir) == 0, "%s: %s", dir,
	    strerror(errno));
}

TEST(takes_a_restart)
{
	static const char *const changes[][3] = {
		{ "root ", "root /elsewhere", "another root takes a restart" },
		{ "user nobody", "user bin",
		    "another user takes a restart" },
		{ "worker-user daemon", "worker-user bin",
		    "another worker-user takes a restart" },
		{ "listen 127", "listen 127.0.0.2 port 2526\nlisten 127",
		    "line 5: a new \\\"listen\\\" takes a restart" },
		{ "listen 127.0.0.1 port 0\n", "",
		    "there is no listen line" },
		{ "hostname ", "sandbox optional\nhostname ",
		    "another word for sandbox takes a restart" },
		{ "hostname ", "log to syslog\nhostname ",
		    "another \\\"log to\\\" takes a restart" },
		{ "hostname ", "control /run/another\nhostname ",
		    "another control socket takes a restart" }
	};
	struct daemon d;
	char *text;

	daemon_serve(&d, "");
	text = harness_read_file(d.conf, NULL);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		reload_edit(&d, changes[i][0], changes[i][1]);
		refused(&d, changes[i][2]);
		reload_replace(d.conf, text);
	}
	free(text);
	reload_in_order(&d);
	daemon_stop(&d);
}

/* More of everything, and less. */
TEST(limits)
{
	struct client c, old;
	struct daemon d;
	char *text;

	daemon_serve(&d, "\tmessage-size 64K\n\tworkers 10\n");
	client_open(&old, &d, NULL);
	client_expect(&old, 250, "EHLO old.example");
	reload_edit(&d, "message-size 64K", "message-size 4M");
	reload_edit(&d, "workers 10", "workers 30");
	reload_in_order(&d);
	/* The kernel's limit for files has grown with it. */
	EXPECT(client_deliver(&d, NULL, 1, 3 << 20, "alice") == 250,
	    "a larger message is not taken");
	EXPECT(mail_copies(&d, "alice", 1) == 1, "it is not whole");
	client_expect(&old, 552, "MAIL FROM:<a@example.net> SIZE=100000");
	client_close(&old);
	reload_edit(&d, "message-size 4M", "message-size 64K");
	reload_edit(&d, "limits {", "limits {\n\trecipients 100\n");
	reload_in_order(&d);
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO new.example");
	client_expect(&c, 552, "MAIL FROM:<a@example.net> SIZE=100000");
	client_expect(&c, 250, "MAIL FROM:<a@example.net>");
	client_expect(&c, 250, "RCPT TO:<alice@example.org>");
	client_expect(&c, 354, "DATA");
	text = mail_text(2, 200000, "\r\n");
	EXPECT(client_send(&c, text, strlen(text)), "send");
	client_expect(&c, 552, ".");
	free(text);
	client_close(&c);
	daemon_stop(&d);
}

static bool
listens(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	inet_pton(AF_INET, address, &a.sin_addr);
	there = connect(fd, (void *)&a, sizeof(a)) == 0;
	close(fd);
	return there;
}

/* Who waits in the queue of a socket that stays is served. */
TEST(queues_stay)
{
	enum { many = 60 };
	static struct client c[many];
	struct daemon d, gone;

	daemon_init(&d, "\tper-address 100\n", NULL);
	daemon_add_conf(&d, "listen 127.0.0.2 port 0\n");
	daemon_start(&d);
	gone = daemon_at_listener(&d, 2);
	EXPECT(listens("127.0.0.2", gone.port), "no second socket");
	proc_stop(d.pid);
	for (size_t i = 0; i < many; i++)
		EXPECT(client_connect(&c[i], &d, NULL), "connect");
	reload_edit(&d, "listen 127.0.0.2 port 0\n", "");
	reload_hang_up(&d);
	EXPECT(kill(d.pid, SIGCONT) == 0, "kill");
	for (size_t i = 0; i < many; i++)
		EXPECT(client_reply(&c[i]) == 220, "client %zu: %s", i,
		    c[i].reply);
	EXPECT(WAIT(daemon_logged(&d, " event=reload ", "listeners=1",
	    NULL) == 1), "%s", daemon_last_words(&d));
	for (size_t i = 0; i < many; i++)
		client_close(&c[i]);
	EXPECT(!listens("127.0.0.2", gone.port),
	    "the socket without a line still listens");
	expect_greeting(&d, "mx.example.org");
	daemon_stop(&d);
}

/* The nursery that stands by has the new settings, too. */
TEST(both_nurseries)
{
	pid_t nurseries[2];
	struct daemon d;

	daemon_serve(&d, "");
	EXPECT(daemon_nurseries(&d, nurseries) == 2, "nurseries");
	reload_edit(&d, "mx.example.org", "new.example.org");
	reload_in_order(&d);
	expect_greeting(&d, "new.example.org");
	EXPECT(kill(nurseries[0], SIGKILL) == 0, "kill");
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	expect_greeting(&d, "new.example.org");
	/* That one is also told what its predecessor never was. */
	reload_edit(&d, "new.example.org", "third.example.org");
	reload_in_order(&d);
	expect_greeting(&d, "third.example.org");
	daemon_stop(&d);
}

/* Under load nobody is lost; and what is no longer used is given back. */
TEST(again_and_again)
{
	enum { times = 300, warm = 50 };
	size_t rss = 0, fds = 0;
	struct client held;
	struct daemon d;

	/* Spare workers that the load makes are not to be counted. */
	daemon_serve(&d, "\tworkers 10\n\tper-address 10\n");
	daemon_settle(&d);
	if (geteuid() == 0)
		fds = proc_fd_count(d.pid);
	client_open(&held, &d, NULL);
	for (unsigned i = 0; i < times; i++) {
		if (i == warm)
			rss = proc_kib(d.pid, "VmRSS");
		reload_hang_up(&d);
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "message %u", i);
	}
	EXPECT(WAIT(daemon_logged(&d, " event=reload ", NULL) > times / 2),
	    "%zu reloads", daemon_logged(&d, " event=reload ", NULL));
	EXPECT(proc_kib(d.pid, "VmRSS") < rss + 2048, "%zu KiB, then %zu", rss,
	    proc_kib(d.pid, "VmRSS"));
	client_expect(&held, 250, "HELO held.example");
	client_close(&held);
	EXPECT(mail_total(&d) == times, "%zu messages", mail_total(&d));
	daemon_settle(&d);
	EXPECT(geteuid() != 0 || WAIT(proc_fd_count(d.pid) <= fds + 16),
	    "%zu descriptors, %zu before", proc_fd_count(d.pid), fds);
	daemon_stop(&d);
}

/* A host name of 253 octets is in the name of each message. */
TEST(longest_hostname)
{
	char line[300] = "hostname ";
	struct daemon d;

	memset(line + 9, 'x', 253);
	for (size_t i = 9 + 63; i < 9 + 253; i += 64)
		line[i] = '.';
	daemon_serve(&d, "");
	reload_edit(&d, "hostname mx.example.org", line);
	reload_in_order(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}
