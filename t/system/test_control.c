/*
 * The control socket and smtpctl status: what they say, to whom, and that no
 * local user, however hostile, stalls the mail or another one's questions.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum {
	stranger = 4711,		/* a user who is neither */
	hostile_rounds = 8,		/* and as many as there is time for */
	hostile_for_ms = 400,
	answer_within_ms = 10000	/* on a slow machine, under a flood */
};

static struct ctl ctl;

static void
status(const struct daemon *d, const char *option)
{
	const char *const args[] = { "status", option, NULL };

	ctl_ask(&ctl, d->conf, args);
}

static bool
state_is(const struct daemon *d, const char *state, long long want)
{
	status(d, "--json");
	return ctl_json(&ctl, state) == want;
}

TEST(says_what_is)
{
	struct daemon d;
	pid_t nurseries[2];
	char text[64];

	daemon_serve(&d, "\tworkers 40\n");
	EXPECT(daemon_nurseries(&d, nurseries) == 2, "nurseries");
	status(&d, NULL);
	snprintf(text, sizeof(text), "%d", (int)d.pid);
	EXPECT(ctl_says(&ctl, text), "no pid %s: %s", text, ctl.out);
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "nursery  %10d",
		    (int)nurseries[i]);
		EXPECT(ctl_says(&ctl, text), "no \"%s\": %s", text, ctl.out);
	}
	snprintf(text, sizeof(text), "127.0.0.1 port %d\n", d.port);
	EXPECT(ctl_says(&ctl, text), "no \"%s\": %s", text, ctl.out);
	EXPECT(ctl_says(&ctl, "running as mx.example.org") &&
	    ctl_says(&ctl, d.conf) && ctl_says(&ctl, d.root), "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "seccomp"), "what holds: %s", ctl.out);
	EXPECT(ctl_says(&ctl, "0 of 40 at most"), "%s", ctl.out);
	if (geteuid() == 0)
		EXPECT(ctl_says(&ctl, "nobody       serving") &&
		    ctl_says(&ctl, "daemon       stands by"), "%s", ctl.out);
	status(&d, "--json");
	EXPECT(ctl_json(&ctl, "pid") == d.pid, "%s", ctl.out);
	EXPECT(ctl_json(&ctl, "messages_stored") == 0, "%s", ctl.out);
	EXPECT(client_deliver(&d, NULL, 1, 5000, "alice") == 250, "mail");
	status(&d, "--json");
	EXPECT(ctl_json(&ctl, "messages_stored") == 1 &&
	    ctl_json(&ctl, "stored_bytes") >= 5000, "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "\"mail_is_taken\":true"), "%s", ctl.out);
	daemon_stop(&d);
}

/* While it waits for a message under way it still says what it does. */
TEST(says_it_stops)
{
	static const char *const alice[] = { "alice", NULL };
	struct client c;
	struct daemon d;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(client_begin(&c, alice) == 354, "DATA");
	/* The worker asks for a file behind its 354. */
	EXPECT(WAIT((status(&d, NULL), ctl_says(&ctl, ": 1 data\n"))), "%s",
	    ctl.out);
	EXPECT(kill(d.pid, SIGTERM) == 0, "kill: %s", strerror(errno));
	EXPECT(WAIT_FOR(5000, (status(&d, NULL), ctl_says(&ctl,
	    " is stopping as mx.example.org "))), "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "1 of 200 at most: 1 data\n"), "%s", ctl.out);
	EXPECT(client_send(&c, "x\r\n.\r\n", 6) && client_reply(&c) == 250,
	    "the message under way: %s", c.reply);
	client_close(&c);
	daemon_wait_end(&d);
}

TEST(disk_is_full)
{
	struct daemon d;

	daemon_serve(&d, "\tdisk-reserve 1000000G\n");
	status(&d, NULL);
	EXPECT(ctl_says(&ctl, "NO MAIL IS TAKEN"), "%s", ctl.out);
	status(&d, "--json");
	EXPECT(ctl_says(&ctl, "\"mail_is_taken\":false"), "%s", ctl.out);
	daemon_stop(&d);
}

/* One client in each state, and each of them seen there. */
TEST(states)
{
	static const char *const alice[] = { "alice", NULL };
	struct client at_greeting, at_mail, at_rcpt, at_data;
	struct daemon d;

	daemon_serve(&d, "");
	client_open(&at_greeting, &d, NULL);
	client_open(&at_mail, &d, "127.0.0.2");
	client_expect(&at_mail, 250, "EHLO c");
	client_expect(&at_mail, 250, "MAIL FROM:<a@b.example>");
	/* A stranger's MAIL comes to the master with the first RCPT. */
	client_expect(&at_mail, 550, "RCPT TO:<nobody@example.org>");
	client_open(&at_rcpt, &d, "127.0.0.2");
	client_expect(&at_rcpt, 250, "EHLO c");
	client_expect(&at_rcpt, 250, "MAIL FROM:<a@b.example>");
	client_expect(&at_rcpt, 250, "RCPT TO:<alice@example.org>");
	client_open(&at_data, &d, "127.0.0.3");
	EXPECT(client_begin(&at_data, alice) == 354, "DATA");
	EXPECT(WAIT_FOR(5000, state_is(&d, "mail", 1) &&
	    state_is(&d, "rcpt", 1) && state_is(&d, "data", 1) &&
	    state_is(&d, "idle", 1)), "%s", ctl.out);
	EXPECT(ctl_json(&ctl, "all") == 4 && ctl_json(&ctl, "busy") == 4,
	    "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "{\"address\":\"127.0.0.2\",\"sessions\":2,"),
	    "%s", ctl.out);
	status(&d, NULL);
	EXPECT(ctl_says(&ctl, "4 of 200 at most: 1 idle, 1 mail, 1 rcpt, "
	    "1 data\n"), "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "127.0.0.2: 2 of 20 sessions"), "%s", ctl.out);
	status(&d, "-v");
	EXPECT(ctl_says(&ctl, "127.0.0.3"), "%s", ctl.out);
	client_close(&at_data);
	EXPECT(WAIT_FOR(5000, state_is(&d, "all", 3)), "%s", ctl.out);
	client_close(&at_greeting);
	client_close(&at_mail);
	client_close(&at_rcpt);
	daemon_stop(&d);
}

/* words: in the one line of standard error. */
static void
expect_no_answer(const struct daemon *d, uid_t uid, int status,
    const char *words)
{
	const char *const args[] = { "status", "-f", d->conf, NULL };

	ctl_run(&ctl, uid, args);
	EXPECT(ctl.status == status, "exit status %d: %s", ctl.status, ctl.err);
	EXPECT(ctl.out[0] == '\0', "it printed %s", ctl.out);
	EXPECT(strstr(ctl.err, words) != NULL &&
	    strncmp(ctl.err, "smtpctl: ", 9) == 0, "it said %s", ctl.err);
	EXPECT(strchr(ctl.err, '\n') == ctl.err + strlen(ctl.err) - 1,
	    "not one line: %s", ctl.err);
}

TEST(nobody_answers)
{
	struct daemon d, no_conf;
	int fd;

	daemon_init(&d, "", NULL);
	expect_no_answer(&d, 0, 1, "there is no socket");
	no_conf = d;
	snprintf(no_conf.conf, sizeof(no_conf.conf), "%s",
	    harness_path("no.conf"));
	expect_no_answer(&no_conf, 0, 2, "No such file");
	daemon_start(&d);
	daemon_kill(&d);
	expect_no_answer(&d, 0, 1, "nobody listens");
	/* What the dead left is no hindrance. */
	daemon_start(&d);
	status(&d, NULL);
	daemon_stop(&d);
	expect_no_answer(&d, 0, 1, "there is no socket");
	fd = open(harness_path("root/control"), O_WRONLY | O_CREAT, 0600);
	EXPECT(fd != -1, "%s", strerror(errno));
	expect_no_answer(&d, 0, 1, "");
}

/* It takes the question, and does no more. */
TEST(hangs)
{
	struct daemon d;
	int64_t start;

	daemon_serve(&d, "");
	EXPECT(kill(d.pid, SIGSTOP) == 0, "kill");
	start = harness_now_ms();
	expect_no_answer(&d, 0, 1, "says nothing");
	EXPECT(harness_now_ms() - start < 20000, "it waited for %lld ms",
	    (long long)(harness_now_ms() - start));
	EXPECT(kill(d.pid, SIGCONT) == 0, "kill");
	status(&d, NULL);
	daemon_stop(&d);
}

TEST(not_permitted)
{
	struct daemon d;
	char outside[256];

	harness_need_root("be another user");
	daemon_serve(&d, "");
	expect_no_answer(&d, stranger, 1, "not permitted");
	daemon_stop(&d);
	/* Elsewhere, where everybody comes by. */
	snprintf(outside, sizeof(outside), "%s/s", harness_path("run"));
	EXPECT(mkdir(harness_path("run"), 0755) == 0, "mkdir");
	daemon_add_conf(&d, "control %s\n", outside);
	daemon_start(&d);
	status(&d, NULL);
	expect_no_answer(&d, stranger, 1, "not permitted");
	/* Opened by hand: then smtpd itself says no. */
	EXPECT(chmod(outside, 0666) == 0, "chmod");
	expect_no_answer(&d, stranger, 1, "answers root and its own user");
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=control ", "uid=4711",
	    NULL) == 1), "nothing in the log");
	daemon_stop(&d);
	/* What is left of it there is no hindrance either. */
	daemon_start(&d);
	status(&d, NULL);
	daemon_stop(&d);
}

static void
refused_start(struct daemon *d, const char *words)
{
	char *args[] = { strdup(harness_smtpd), strdup("-d"), strdup("-f"),
	    d->conf, strdup("-w"), d->worker, NULL };
	char out[4096];
	int code = daemon_run(d, args, out, sizeof(out));

	EXPECT(code == 1 && strstr(out, words) != NULL &&
	    strstr(out, "event=start") == NULL, "exit status %d: %s", code,
	    out);
}

/* A second master with that root would throw away the first one's mail. */
TEST(one_for_a_socket)
{
	static const char *const alice[] = { "alice", NULL };
	struct daemon d, second;
	struct client c;
	char *text;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(client_begin(&c, alice) == 354, "DATA");
	second = d;
	refused_start(&second, "another smtpd listens there");
	status(&d, NULL);
	text = mail_text(1, 1000, "\r\n");
	EXPECT(client_send(&c, text, strlen(text)), "send");
	client_expect(&c, 250, ".");
	EXPECT(mail_copies(&d, "alice", 1) == 1, "the message is lost");
	daemon_stop(&d);
}

/* ---- hostile users ------------------------------------------------------ */

static char socket_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

static int
control_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, socket_path, sizeof(socket_path));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
ask(int fd)
{
	struct ipc_record r = { .type = IPC_ASK };

	r.u.ask.all = 1;
	(void)ipc_send(fd, &r, -1, false);
}

/* Connects and goes, as often as it can. */
static void
flood(void)
{
	for (;;) {
		int fd = control_connect();

		if (fd != -1)
			close(fd);
	}
}

/* Keeps what it gets, and takes more. */
static void
hoard(void)
{
	for (;;)
		if (control_connect() == -1)
			harness_sleep_ms(1);
}

/* Asks and asks, and reads nothing. */
static void
deaf(void)
{
	int fds[16];

	for (unsigned i = 0;; i = (i + 1) % 16) {
		fds[i] = control_connect();
		for (int k = 0; fds[i] != -1 && k < 50; k++)
			ask(fds[i]);
		if (fds[(i + 1) % 16] > 2)
			close(fds[(i + 1) % 16]);
	}
}

/* Packets of any length and content, some of them records nearly. */
static void
babble(void)
{
	static uint8_t octets[5000];
	unsigned seed = 1;

	for (;;) {
		int fd = control_connect();
		size_t n;

		if (fd == -1)
			continue;
		for (int k = 0; k < 20; k++) {
			for (size_t i = 0; i < 64; i++)
				octets[i] = (uint8_t)rand_r(&seed);
			if (k % 2 == 0)
				memset(octets + 1, 0, 7);
			n = (size_t)rand_r(&seed) % (k % 4 == 0 ? 40 :
			    sizeof(octets));
			(void)!send(fd, octets, n, MSG_DONTWAIT |
			    MSG_NOSIGNAL);
		}
		close(fd);
	}
}

/* Questions with descriptors, one or many. */
static void
give_descriptors(void)
{
	union {
		struct cmsghdr	align;
		uint8_t		room[CMSG_SPACE(200 * sizeof(int))];
	} control;
	struct ipc_record r = { .type = IPC_ASK };
	struct iovec iov = { &r, ipc_size(IPC_ASK) };

	for (size_t count = 1;; count = count % 200 + 1) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		    .msg_control = &control,
		    .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
		int fd = control_connect();

		if (fd == -1)
			continue;
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int),
			    &fd, sizeof(int));
		(void)!sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
	}
}

typedef void hostile(void);

static pid_t
unleash(hostile *f, uid_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (uid != 0 && (setgid((gid_t)uid) == -1 ||
		    setuid(uid) == -1))
			_exit(1);
		f();
		_exit(0);
	}
	EXPECT(pid != -1, "fork: %s", strerror(errno));
	return pid;
}

static long
memory_kb(const struct daemon *d)
{
	char text[64];

	proc_status(d->pid, "VmRSS", text, sizeof(text));
	return strtol(text, NULL, 10);
}

/* Mail and status go on while they do what they can. */
static void
withstand(struct daemon *d, hostile *const *what, size_t count, uid_t uid)
{
	pid_t pids[8];
	int64_t until = harness_now_ms() + hostile_for_ms;
	long before = memory_kb(d);
	size_t fds;

	fds = proc_fd_count(d->pid);
	for (size_t i = 0; i < count; i++)
		pids[i] = unleash(what[i], uid);
	for (unsigned i = 0; i < hostile_rounds || harness_now_ms() < until;
	    i++) {
		int64_t start = harness_now_ms();
		int code;

		status(d, NULL);
		EXPECT(harness_now_ms() - start < answer_within_ms,
		    "status took %lld ms",
		    (long long)(harness_now_ms() - start));
		start = harness_now_ms();
		code = client_deliver(d, NULL, i, 3000, "alice");
		EXPECT(code == 250, "mail: %d", code);
		EXPECT(harness_now_ms() - start < answer_within_ms,
		    "mail took %lld ms",
		    (long long)(harness_now_ms() - start));
		for (size_t k = 0; k < count; k++)
			EXPECT(!proc_is_gone(pids[k]), "hostile %zu is gone",
			    k);
		EXPECT(proc_fd_count(d->pid) < fds + 60, "%zu descriptors",
		    proc_fd_count(d->pid));
	}
	EXPECT(memory_kb(d) < before + 20 * 1024, "%ld kB, %ld before",
	    memory_kb(d), before);
	for (size_t i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	EXPECT(WAIT_FOR(15000, proc_fd_count(d->pid) <= fds + 8),
	    "%zu descriptors are left of %zu", proc_fd_count(d->pid), fds);
	EXPECT(daemon_logged(d, " event=control ", NULL) <= 2,
	    "%zu lines in the log", daemon_logged(d, " event=control ",
	    NULL));
}

TEST(hostile_same_user)
{
	static hostile *const one_by_one[] = { flood, hoard, deaf, babble,
	    give_descriptors };
	struct daemon d;

	daemon_serve(&d, "");
	snprintf(socket_path, sizeof(socket_path), "%s",
	    harness_path("root/control"));
	if (geteuid() != 0) {
		/* /proc says nothing of a process that hides: as root only. */
		pid_t pid = unleash(hoard, 0);

		for (int i = 0; i < hostile_rounds; i++)
			status(&d, NULL);
		kill(pid, SIGKILL);
		daemon_stop(&d);
		return;
	}
	for (size_t i = 0; i < 5; i++)
		withstand(&d, &one_by_one[i], 1, 0);
	withstand(&d, one_by_one, 5, 0);
	daemon_stop(&d);
}

TEST(hostile_other_user)
{
	static hostile *const all[] = { flood, hoard, deaf, babble,
	    give_descriptors };
	struct daemon d;

	harness_need_root("be another user");
	daemon_init(&d, "", NULL);
	EXPECT(mkdir(harness_path("run"), 0755) == 0, "mkdir");
	snprintf(socket_path, sizeof(socket_path), "%s",
	    harness_path("run/s"));
	daemon_add_conf(&d, "control %s\n", socket_path);
	daemon_start(&d);
	/* As it is made nobody else reaches it; so an administrator's help. */
	EXPECT(chmod(socket_path, 0666) == 0, "chmod");
	for (size_t i = 0; i < 5; i++)
		withstand(&d, &all[i], 1, stranger);
	withstand(&d, all, 5, stranger);
	daemon_stop(&d);
}

/* As root and as its user at once: none takes the other's place. */
TEST(hostile_own_user)
{
	static hostile *const all[] = { flood, hoard, deaf };
	struct daemon d;

	harness_need_root("be another user");
	daemon_init(&d, "", NULL);
	/* To reach it, its user needs no help: root is its own. */
	daemon_start(&d);
	snprintf(socket_path, sizeof(socket_path), "%s",
	    harness_path("root/control"));
	withstand(&d, all, 3, 65534);
	daemon_stop(&d);
}

/* Closed by the master, with the patience it has and not much more. */
static bool
is_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t octets[2000];
	ssize_t n;

	if (poll(&p, 1, 0) != 1)
		return false;
	n = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);
	return n == 0 || (n == -1 && errno != EAGAIN);
}

TEST(silence_ends)
{
	struct daemon d;
	int silent, unread;

	daemon_serve(&d, "");
	snprintf(socket_path, sizeof(socket_path), "%s",
	    harness_path("root/control"));
	silent = control_connect();
	unread = control_connect();
	EXPECT(silent != -1 && unread != -1, "connect: %s", strerror(errno));
	for (int i = 0; i < 2000; i++)
		ask(unread);
	EXPECT(WAIT_FOR(20000, is_closed(silent)), "it stays open");
	/* What was sent already is there to read, then the end. */
	EXPECT(WAIT_FOR(20000, is_closed(unread)), "it stays open, unread");
	daemon_stop(&d);
}

/* More at once than one user may have: the newest is answered. */
TEST(newest_first)
{
	struct daemon d;
	int fds[12];

	daemon_serve(&d, "");
	snprintf(socket_path, sizeof(socket_path), "%s",
	    harness_path("root/control"));
	for (int i = 0; i < 12; i++) {
		fds[i] = control_connect();
		EXPECT(fds[i] != -1, "connect: %s", strerror(errno));
	}
	status(&d, NULL);
	EXPECT(WAIT_FOR(5000, is_closed(fds[0]) && is_closed(fds[7])),
	    "the oldest stay");
	daemon_stop(&d);
}
