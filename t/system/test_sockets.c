/*
 * Listening sockets that others have made: inetd's on descriptor 0, systemd's
 * from 3 on; and what smtpd tells systemd.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/reload.h"
#include "t/system/spawn.h"

enum { out_max = 8192 };

static int
open_log(const struct daemon *d)
{
	int fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0644);

	EXPECT(fd != -1, "%s: %s", d->log, strerror(errno));
	return fd;
}

/* Serves at d->port now; nothing else is known of who has bound it. */
static void
expect_service(struct daemon *d, unsigned number)
{
	EXPECT(WAIT(daemon_logged(d, " event=start ", NULL) > 0),
	    "it does not start: %s", daemon_last_words(d));
	EXPECT(client_deliver(d, NULL, number, 500, "alice") == 250,
	    "message %u", number);
}

static void
end(pid_t pid)
{
	int status;

	EXPECT(kill(pid, SIGTERM) == 0, "kill: %s", strerror(errno));
	status = spawn_wait(pid);
	EXPECT(status == 0, "exit status %d", status);
}

/* inetd's: the listening socket on 0, 1 and 2. */
TEST(inetd_waits)
{
	struct daemon d;
	struct client c;
	struct spawn s = { .d = &d };
	int fd, accepted;
	pid_t pid;

	daemon_init(&d, "\tinetd-wait 1s\n", NULL);
	reload_edit(&d, "listen ", "#listen ");
	fd = spawn_listener("127.0.0.1", &d.port);
	for (int i = 0; i < 2; i++) {
		s.options = i == 0 ? NULL : "-i";
		s.fds[0] = s.fds[1] = s.fds[2] = fd;
		/* Who wakes inetd waits in the queue until smtpd has begun. */
		EXPECT(client_connect(&c, &d, NULL), "connect");
		pid = spawn(&s);
		EXPECT(client_reply(&c) == 220, "%s", c.reply);
		/* Longer than it stays without a client. */
		harness_sleep_ms(2500);
		EXPECT(client_deliver(&d, NULL, (unsigned)i, 500, "alice") ==
		    250, "message");
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		EXPECT(spawn_wait(pid) == 0, "exit status");
		EXPECT(mail_total(&d) == (size_t)i + 1, "messages");
	}
	/* Whoever comes now is inetd's again. */
	EXPECT(client_connect(&c, &d, NULL), "refused");
	accepted = accept(fd, NULL, NULL);
	EXPECT(accepted != -1, "accept: %s", strerror(errno));
	close(accepted);
	client_close(&c);
	close(fd);
}

/* Nobody is waited for before clients can come. */
TEST(inetd_waits_for_a_slow_start)
{
	struct daemon d;
	struct spawn s = { .d = &d };
	int status = -1;
	bool ended;
	pid_t pid;

	daemon_init(&d, "\tinetd-wait 1s\n", NULL);
	daemon_use_other(&d, "lying_worker", "liar-slow");
	reload_edit(&d, "listen ", "#listen ");
	s.fds[0] = s.fds[1] = s.fds[2] = spawn_listener("127.0.0.1", &d.port);
	pid = spawn(&s);
	ended = WAIT_FOR(20000, waitpid(pid, &status, WNOHANG) == pid);
	if (!ended)
		kill(pid, SIGKILL);
	EXPECT(ended && status == 0, "status %d", status);
	close(s.fds[0]);
}

TEST(systemd_one)
{
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1,
	    .env = { "LISTEN_FDNAMES=smtp" } };
	static struct proc_fd fds[proc_fds_max];
	pid_t pid;

	daemon_init(&d, "", NULL);
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	s.fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	s.fds[1] = s.fds[2] = open_log(&d);
	pid = spawn(&s);
	expect_service(&d, 1);
	EXPECT(daemon_logged(&d, " event=listen-ignored lines=1 sockets=1",
	    NULL) == 1, "nothing of the listen line that does not count");
	EXPECT(daemon_logged(&d, " event=listen ", NULL) == 1,
	    "not one listener");
	if (geteuid() == 0)
		EXPECT(proc_fds(pid, fds) > 3, "/proc: %s", strerror(errno));
	end(pid);
	/* Nobody was refused meanwhile, for the socket is still there. */
	d.log_from = 0;
	reload_edit(&d, "listen ", "#listen ");
	unlink(d.log);
	s.fds[1] = s.fds[2] = open_log(&d);
	s.options = NULL;
	s.env[0] = NULL;
	pid = spawn(&s);
	EXPECT(client_deliver(&d, NULL, 2, 500, "alice") == 250, "again");
	EXPECT(waitpid(pid, NULL, WNOHANG) == 0,
	    "it has left the foreground");
	end(pid);
	EXPECT(mail_total(&d) == 2, "%zu messages", mail_total(&d));
}

TEST(systemd_many)
{
	static const char *const addresses[] = { "127.0.0.1", "127.0.0.2",
	    "::1" };
	struct daemon d;
	struct client c;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 3,
	    .env = { "LISTEN_FDNAMES=smtp:smtp:other" } };
	pid_t pid;
	int port;

	daemon_init(&d, "", NULL);
	reload_edit(&d, "listen ", "#listen ");
	for (int i = 0; i < 3; i++)
		s.listeners[i] = spawn_listener(addresses[i],
		    i == 0 ? &d.port : &port);
	s.fds[0] = s.fds[1] = s.fds[2] = open_log(&d);
	pid = spawn(&s);
	expect_service(&d, 1);
	EXPECT(daemon_logged(&d, " event=listen address=127.0.0.2 ", NULL) ==
	    1 && daemon_logged(&d, " event=listen address=::1 ", NULL) == 1,
	    "%s", daemon_last_words(&d));
	client_open(&c, &d, NULL);
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	end(pid);
}

/* It does not start, and says why with these words on standard error. */
static void
expect_no_start(struct spawn *s, const char *word)
{
	char said[out_max];
	int tube[2];
	pid_t pid;

	EXPECT(pipe2(tube, O_CLOEXEC) == 0, "pipe");
	s->fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->fds[1] = s->fds[2] = tube[1];
	pid = spawn(s);
	close(s->fds[0]);
	close(tube[1]);
	spawn_read_all(tube[0], said, sizeof(said));
	EXPECT(spawn_wait(pid) == 1, "exit status: %s", said);
	EXPECT(strstr(said, word) != NULL, "wanted \"%s\": %s", word, said);
}

TEST(odd_sockets)
{
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1 };
	int ends[2], port;

	daemon_init(&d, "", NULL);
	spawn_tcp(ends, "127.0.0.1");
	s.listeners[0] = ends[1];
	expect_no_start(&s, "no socket that listens");
	s.listeners[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	expect_no_start(&s, "no socket that listens");
	s.listeners[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	expect_no_start(&s, "no socket that listens");
	s.listeners[0] = -1;
	expect_no_start(&s, "Bad file descriptor");
	s.listeners[0] = spawn_listener("127.0.0.1", &port);
	s.env[0] = "LISTEN_FDNAMES=submission";
	expect_no_start(&s, "under TLS only");
	s.env[0] = "LISTEN_FDS=1000000";
	s.listener_count = 0;
	s.env[1] = "LISTEN_PID=1";
	/* For another process: then it is the listen line that counts. */
	reload_edit(&d, "listen ", "#listen ");
	expect_no_start(&s, "nothing to listen on");
	s.env[0] = s.env[1] = NULL;
	s.listener_count = 0;
	expect_no_start(&s, "nothing to listen on");
}

/* A datagram that has this line; others may come before it. */
static void
expect_told(int fd, const char *line)
{
	char text[512], *rest, *one;
	ssize_t n;

	for (;;) {
		EXPECT(WAIT((n = recv(fd, text, sizeof(text) - 1,
		    MSG_DONTWAIT)) > 0), "never told %s", line);
		text[n] = '\0';
		for (rest = text; (one = strsep(&rest, "\n")) != NULL;)
			if (strncmp(one, line, strlen(line)) == 0)
				return;
	}
}

static int
bind_manager(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(name);

	memcpy(a.sun_path, name, n);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	EXPECT(fd != -1 && bind(fd, (void *)&a, (socklen_t)(offsetof(
	    struct sockaddr_un, sun_path) + n)) == 0, "%s: %s", name,
	    strerror(errno));
	if (name[0] == '/')
		EXPECT(chmod(name, 0777) == 0, "chmod %s", name);
	return fd;
}

/* READY only when it serves, signs of life, STOPPING. */
TEST(told_to_manager)
{
	char name[2][100], env[256];
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1,
	    .env = { env, "WATCHDOG_USEC=100000" } };
	pid_t pid;
	int fd;

	snprintf(name[0], sizeof(name[0]), "%s/notify", harness_dir);
	snprintf(name[1], sizeof(name[1]), "@smtpd-test-%d", (int)getpid());
	daemon_init(&d, "", NULL);
	reload_edit(&d, "listen ", "#listen ");
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	s.fds[0] = s.fds[1] = s.fds[2] = open_log(&d);
	for (int i = 0; i < 2; i++) {
		fd = bind_manager(name[i]);
		snprintf(env, sizeof(env), "NOTIFY_SOCKET=%s", name[i]);
		pid = spawn(&s);
		expect_told(fd, "READY=1");
		EXPECT(daemon_logged(&d, " event=start ", NULL) ==
		    (size_t)i + 1, "it is not ready at all");
		EXPECT(client_deliver(&d, NULL, (unsigned)i, 500, "alice") ==
		    250, "message");
		for (int k = 0; k < 5; k++)
			expect_told(fd, "WATCHDOG=1");
		EXPECT(kill(pid, SIGTERM) == 0, "kill");
		expect_told(fd, "STOPPING=1");
		EXPECT(spawn_wait(pid) == 0, "exit status");
		close(fd);
	}
}

/* A manager that is not there, or does not read, stops nothing. */
TEST(deaf_manager)
{
	static const char *const names[] = { "NOTIFY_SOCKET=/no/such/socket",
	    "NOTIFY_SOCKET=@smtpd-test-nobody", "NOTIFY_SOCKET=",
	    "NOTIFY_SOCKET=@", "NOTIFY_SOCKET=relative" };
	char name[100], env[120];
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1,
	    .env = { NULL, "WATCHDOG_USEC=1" } };
	pid_t pid;
	int fd;

	daemon_init(&d, "", NULL);
	reload_edit(&d, "listen ", "#listen ");
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	s.fds[0] = s.fds[1] = s.fds[2] = open_log(&d);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		s.env[0] = names[i];
		pid = spawn(&s);
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "%s", names[i]);
		end(pid);
	}
	snprintf(name, sizeof(name), "%s/deaf", harness_dir);
	snprintf(env, sizeof(env), "NOTIFY_SOCKET=%s", name);
	fd = bind_manager(name);
	s.env[0] = env;
	pid = spawn(&s);
	/* Its queue is full long before that. */
	for (unsigned i = 0; i < 60; i++) {
		EXPECT(client_deliver(&d, NULL, 100 + i, 500, "alice") ==
		    250, "message");
		harness_sleep_ms(20);
	}
	end(pid);
	close(fd);
}

static void
expect_user(pid_t pid, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	char text[128], want[128];

	EXPECT(pw != NULL, "no user %s", name);
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", pw->pw_uid,
	    pw->pw_uid, pw->pw_uid, pw->pw_uid);
	proc_status(pid, "Uid", text, sizeof(text));
	EXPECT(strcmp(text, want) == 0, "process %d: Uid %s, not %s",
	    (int)pid, text, want);
	for (int i = 0; i < 4; i++) {
		static const char *const sets[] = { "CapInh", "CapPrm",
		    "CapEff", "CapAmb" };

		proc_status(pid, sets[i], text, sizeof(text));
		EXPECT(strtoull(text, NULL, 16) == 0, "process %d: %s %s",
		    (int)pid, sets[i], text);
	}
}

/*
 * Started as the user that owns the mail, with nothing but the right to
 * become others: two users all the same, and nobody was ever root.  As in
 * the unit, no file changes its owner: neither a root whose group and mode a
 * person set, nor a log that is made.
 */
TEST(never_root)
{
	static const int chowns[] = { SYS_fchown, SYS_fchownat, 0 };
	const struct passwd *pw = getpwnam("nobody");
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1,
	    .user = "nobody" };
	char logs[80];
	struct stat st;
	pid_t pid, pids[2];
	size_t n;

	harness_need_root("give capabilities to another user");
	daemon_init(&d, "", NULL);
	d.missing = chowns;
	reload_edit(&d, "listen ", "#listen ");
	snprintf(logs, sizeof(logs), "%s", harness_path("logs"));
	EXPECT(pw != NULL && mkdir(d.root, 0700) == 0 && chown(d.root,
	    pw->pw_uid, 1) == 0 && chmod(d.root, 0750) == 0 &&
	    mkdir(logs, 0700) == 0 && chown(logs, pw->pw_uid, 1) == 0,
	    "%s: %s", d.root, strerror(errno));
	s.fds[0] = s.fds[1] = s.fds[2] = open_log(&d);
	snprintf(d.log, sizeof(d.log), "%s/smtpd.log", logs);
	daemon_add_conf(&d, "log to %s\n", d.log);
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	pid = spawn(&s);
	expect_service(&d, 1);
	expect_user(pid, "nobody");
	d.pid = pid;
	n = daemon_nurseries(&d, pids);
	d.pid = 0;
	EXPECT(n == 2, "%zu nurseries", n);
	expect_user(pids[0], "daemon");
	expect_user(pids[1], "daemon");
	end(pid);
	EXPECT(stat(d.root, &st) == 0 && st.st_gid == 1 &&
	    (st.st_mode & 07777) == 0750, "the root has mode %o", st.st_mode);
	/* Another user's root is not its own to take. */
	EXPECT(chown(d.root, 1, 1) == 0, "chown");
	pid = spawn(&s);
	EXPECT(spawn_wait(pid) == 1, "it takes a root of another");
}
