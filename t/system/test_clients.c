/*
 * Clients that stall, that go away at any point, that come in crowds: a
 * fresh one is served all the same, and nothing of the others is left.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum {
	workers_max = 512,
	/*
	 * For a fresh client's whole message: a place that is not kept free
	 * would be free again only after a stalled one's idle time.
	 */
	served_within_ms = 10000
};

static const char *const alice[] = { "alice", NULL };

static void
expect_served(const struct daemon *d, const char *from, unsigned number)
{
	int64_t begun = harness_now_ms();
	int code = client_deliver(d, from, number, 500, "bob");

	EXPECT(code == 250, "a fresh client gets %d: %s", code,
	    daemon_last_words(d));
	EXPECT(harness_now_ms() - begun < served_within_ms, "it took %d ms",
	    (int)(harness_now_ms() - begun));
}

/* Where a session can stand still. */
enum {
	STALL_GREETING,		/* which is not read */
	STALL_COMMAND,		/* half of one sent */
	STALL_EHLO,
	STALL_MAIL,
	STALL_RCPT,
	STALL_DATA,		/* 354 read, nothing sent */
	STALL_TEXT,		/* half of a message sent */
	STALL_END,		/* all of it but the last octet */
	STALL_COUNT
};

static void
stall(struct client *c, const struct daemon *d, const char *from, int where)
{
	if (where == STALL_GREETING) {
		EXPECT(client_connect(c, d, from), "connect: %s",
		    strerror(errno));
		return;
	}
	client_open(c, d, from);
	if (where == STALL_COMMAND)
		EXPECT(client_send(c, "EHL", 3), "send");
	if (where == STALL_EHLO || where == STALL_MAIL)
		client_expect(c, 250, "EHLO client.example.net");
	if (where == STALL_MAIL)
		client_expect(c, 250, "MAIL FROM:<>");
	if (where == STALL_RCPT) {
		client_expect(c, 250, "HELO client.example.net");
		client_expect(c, 250, "MAIL FROM:<sender@example.net>");
		client_expect(c, 250, "RCPT TO:<alice@example.org>");
	}
	if (where >= STALL_DATA)
		EXPECT(client_begin(c, alice) == 354, "%s", c->reply);
	if (where == STALL_TEXT)
		EXPECT(client_send(c, "Subject: ", 9), "send");
	if (where == STALL_END)
		EXPECT(client_send(c, "text\r\n.\r", 8), "send");
}

/* Rule 9, with the limits as they are by default. */
TEST(one_address_stalls)
{
	enum { per_address = 20 };
	struct client c[per_address];
	struct daemon d;

	daemon_serve(&d, "");
	for (int i = 0; i < per_address; i++)
		stall(&c[i], &d, "127.0.0.5", i % STALL_COUNT);
	client_expect_refused(&d, "127.0.0.5");
	EXPECT(WAIT(daemon_logged(&d, " event=reject ", "client=127.0.0.5",
	    "too many sessions", NULL) == 1), "not in the log: %s",
	    daemon_last_words(&d));
	for (unsigned i = 0; i < 5; i++)
		expect_served(&d, "127.0.0.6", i);
	client_expect_refused(&d, "127.0.0.5");
	/* A place is free again when one of them goes. */
	client_close(&c[STALL_MAIL]);
	EXPECT(WAIT(client_deliver(&d, "127.0.0.5", 9, 500, "alice") == 250),
	    "its place is not free again");
	for (int i = 0; i < per_address; i++)
		client_close(&c[i]);
	daemon_stop(&d);
	EXPECT(mail_total(&d) == 6 && mail_none_incoming(&d),
	    "%zu messages", mail_total(&d));
}

/*
 * So many stall that only one address's share is left, and each of them has
 * all that it may have.
 */
static void
many_addresses_stall(const char *limits, int addresses, int each)
{
	static struct client c[200];
	struct daemon d;
	char from[32];

	daemon_serve(&d, limits);
	for (int i = 0; i < addresses * each; i++) {
		snprintf(from, sizeof(from), "127.0.2.%d", 1 + i / each);
		stall(&c[i], &d, from, i % STALL_COUNT);
	}
	for (int i = 0; i < addresses; i++) {
		snprintf(from, sizeof(from), "127.0.2.%d", 1 + i);
		client_expect_refused(&d, from);
	}
	for (unsigned i = 0; i < 5; i++)
		expect_served(&d, "127.0.0.6", i);
	for (int i = 0; i < addresses * each; i++)
		client_close(&c[i]);
	daemon_stop(&d);
	EXPECT(mail_total(&d) == 5 && mail_none_incoming(&d),
	    "%zu messages", mail_total(&d));
}

TEST(nine_addresses_stall)
{
	many_addresses_stall("", 9, 20);
}

/* At four fifths of the pool the others' idle time is short, too. */
TEST(ten_addresses_with_two_places)
{
	many_addresses_stall("\tworkers 25\n\tper-address 2\n", 10, 2);
}

/* More at once than there are workers: they wait, and all are served. */
TEST(crowd)
{
	enum { count = 60, workers = 10 };
	static struct client c[count];
	struct daemon d;
	pid_t pids[64];
	char from[32];
	size_t n = 0;

	daemon_serve(&d, "\tworkers 10\n\tper-address 10\n");
	for (int i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "127.0.3.%d", 1 + i);
		EXPECT(client_connect(&c[i], &d, from), "connect: %s",
		    strerror(errno));
	}
	for (unsigned i = 0; i < count; i++) {
		EXPECT(client_reply(&c[i]) == 220, "client %u: \"%s\"", i,
		    c[i].reply);
		/* One whose session has ended may still be on its way. */
		EXPECT(WAIT((n = daemon_workers(&d, pids, 64)) <= workers),
		    "%zu workers, not %d at most", n, workers);
		EXPECT(client_mail(&c[i], i, 300, alice) == 250,
		    "client %u: %s", i, c[i].reply);
		client_expect(&c[i], 221, "QUIT");
		client_close(&c[i]);
	}
	EXPECT(mail_total(&d) == count, "%zu messages", mail_total(&d));
	daemon_stop(&d);
}

/* What the kernel cuts a listener's backlog to; 0: it does not say. */
static int
kernel_backlog_max(void)
{
	FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
	int n = 0;

	if (f != NULL && fscanf(f, "%d", &n) != 1)
		n = 0;
	if (f != NULL)
		fclose(f);
	return n;
}

/* So many at once that the master cannot have accepted one of them. */
TEST(burst)
{
	enum { count = 180, addresses = 45 };
	static struct client c[count];
	struct daemon d;
	char from[32];

	daemon_serve(&d, "");
	if (kernel_backlog_max() < count)
		harness_skip("this kernel lets only %d wait",
		    kernel_backlog_max());
	proc_stop(d.pid);
	for (int i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "127.0.5.%d", 1 + i % addresses);
		/* One that the kernel drops waits a second and more. */
		EXPECT(client_connect(&c[i], &d, from), "connect %d: %s", i,
		    strerror(errno));
	}
	EXPECT(kill(d.pid, SIGCONT) == 0, "kill: %s", strerror(errno));
	/* When nothing is under way any more, nobody may still wait. */
	daemon_rest(&d);
	for (int i = 0; i < count; i++) {
		struct pollfd p = { .fd = c[i].fd, .events = POLLIN };

		EXPECT(poll(&p, 1, 0) == 1, "client %d waits, and no worker "
		    "is coming: %s", i, daemon_last_words(&d));
		EXPECT(client_reply(&c[i]) == 220, "client %d: \"%s\"", i,
		    c[i].reply);
	}
	expect_served(&d, "127.0.0.6", 1);
	for (int i = 0; i < count; i++)
		client_close(&c[i]);
	daemon_stop(&d);
}

/* ---- gone at any point ---- */

/* What the master holds beside one channel for each worker; 0: hidden. */
static size_t
own_fds(const struct daemon *d)
{
	pid_t pids[workers_max];

	daemon_settle(d);
	return geteuid() != 0 ? 0 : proc_fd_count(d->pid) -
	    daemon_workers(d, pids, workers_max);
}

static bool
is_over(const struct daemon *d, size_t sessions)
{
	return daemon_logged(d, " event=connect ", NULL) == sessions &&
	    daemon_logged(d, " event=disconnect ", NULL) == sessions;
}

/* Nothing of so many sessions is left but what was stored. */
static void
expect_nothing_left(const struct daemon *d, size_t sessions, size_t fds)
{
	EXPECT(WAIT(is_over(d, sessions)), "%zu sessions, %zu begun, %zu "
	    "ended", sessions, daemon_logged(d, " event=connect ", NULL),
	    daemon_logged(d, " event=disconnect ", NULL));
	EXPECT(own_fds(d) == fds, "the master holds %zu descriptors besides "
	    "its workers, before %zu", own_fds(d), fds);
	EXPECT(mail_none_incoming(d), "%zu files are left in incoming",
	    mail_incoming(d));
	EXPECT(daemon_logged(d, " event=worker-crash ", NULL) == 0 &&
	    daemon_logged(d, " event=worker-attack ", NULL) == 0 &&
	    daemon_logged(d, " event=nursery-lost ", NULL) == 0,
	    "a process broke: %s", daemon_last_words(d));
}

static const char script[] =
    "EHLO client.example.net\r\n"
    "MAIL FROM:<sender@example.net> SIZE=100\r\n"
    "RCPT TO:<alice@example.org>\r\n"
    "RCPT TO:<nobody@example.org>\r\n"
    "RSET\r\n"
    "MAIL FROM:<>\r\n"
    "RCPT TO:<bob@example.org>\r\n"
    "RCPT TO:<alice@example.org>\r\n"
    "DATA\r\n"
    "X-Number: 7 0\r\n"
    "Subject: test 7\r\n"
    "\r\n"
    "end of 7\r\n"
    ".\r\n"
    "NOOP\r\n"
    "BAD\r\n"
    "QUIT\r\n";

enum { HOW_CLOSE, HOW_RESET, HOW_HALF, HOW_COUNT };

/* True if a reply says that the message is stored. */
static bool
is_answered(struct client *c)
{
	bool stored = false;

	while (client_reply(c) != 0)
		stored |= strstr(c->reply, "stored as") != NULL;
	return stored;
}

/* Says so much of the script, then is gone; whether it was answered. */
static bool
cut_off(const struct daemon *d, size_t octets, int how)
{
	struct linger hard = { 1, 0 };
	bool answered = false;
	struct client c;
	char from[32];

	/* Each names somebody unknown: not all of them from one address. */
	snprintf(from, sizeof(from), "127.1.%zu.1", octets % 256);
	EXPECT(client_connect(&c, d, from), "connect: %s", strerror(errno));
	/* Every other one waits for nothing at all. */
	if (octets % 2 == 0)
		EXPECT(client_reply(&c) == 220, "octet %zu: %s", octets,
		    c.reply);
	EXPECT(client_send(&c, script, octets), "send");
	if (how == HOW_RESET)
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (how == HOW_HALF) {
		shutdown(c.fd, SHUT_WR);
		answered = is_answered(&c);
		EXPECT(client_is_closed(&c), "octet %zu: not closed after "
		    "the client's end", octets);
	}
	client_close(&c);
	return answered;
}

static void
gone_at_every_octet(int how)
{
	/* Behind the octet that ends the message. */
	size_t end = (size_t)(strstr(script, "\r\n.\r\n") + 5 - script);
	size_t octets, fds, stored, whole = 0, answered = 0;
	struct daemon d;

	daemon_serve(&d, "\tper-address 100\n");
	fds = own_fds(&d);
	for (octets = 0; octets < sizeof(script); octets++) {
		answered += cut_off(&d, octets, how);
		whole += octets >= end;
	}
	expect_nothing_left(&d, octets, fds);
	/* A message is there whole, or not at all: mail_copies looks. */
	stored = mail_copies(&d, "alice", 7);
	EXPECT(stored == mail_copies(&d, "bob", 7), "%zu copies and %zu",
	    stored, mail_copies(&d, "bob", 7));
	EXPECT(stored <= whole, "%zu messages, %zu were sent whole", stored,
	    whole);
	/* Whose other half is open hears the answer. */
	EXPECT(how != HOW_HALF || (stored == whole && answered == whole),
	    "%zu messages, %zu answered, %zu sent whole", stored, answered,
	    whole);
	EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) == stored),
	    "%zu are there, %zu in the log", stored,
	    daemon_logged(&d, " event=store ", NULL));
	expect_served(&d, NULL, 1000);
	daemon_stop(&d);
}

TEST(closed_at_every_octet)
{
	gone_at_every_octet(HOW_CLOSE);
}

TEST(reset_at_every_octet)
{
	gone_at_every_octet(HOW_RESET);
}

TEST(half_closed_at_every_octet)
{
	gone_at_every_octet(HOW_HALF);
}

/* Connected, nothing said, and gone: from many addresses, as fast as can. */
TEST(flood)
{
	/* "workers" by default, twice, who waits, and what start.c adds. */
	enum { count = 5000, addresses = 40, fds_limit = 2 * 200 + 256 + 128 };
	struct linger hard = { 1, 0 };
	size_t fds, most = 0, rejected;
	struct daemon d;
	char from[32];

	daemon_serve(&d, "");
	fds = own_fds(&d);
	for (int i = 0; i < count; i++) {
		struct client c;

		snprintf(from, sizeof(from), "127.0.4.%d",
		    1 + i % addresses);
		EXPECT(client_connect(&c, &d, from), "connect: %s",
		    strerror(errno));
		if (i % 2 == 0)
			setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard,
			    sizeof(hard));
		client_close(&c);
		if (i % 50 == 0 && geteuid() == 0) {
			size_t now = proc_fd_count(d.pid);

			most = now > most ? now : most;
		}
	}
	expect_served(&d, "127.0.0.6", 1);
	EXPECT(most <= fds_limit, "the master held %zu descriptors", most);
	/* Those that were turned away have had no session. */
	EXPECT(WAIT(daemon_logged(&d, " event=connect ", NULL) +
	    daemon_logged(&d, " event=reject client=", NULL) == count + 1),
	    "%zu and %zu are not all", daemon_logged(&d, " event=connect ",
	    NULL), daemon_logged(&d, " event=reject client=", NULL));
	rejected = daemon_logged(&d, " event=reject client=", NULL);
	expect_nothing_left(&d, count + 1 - rejected, fds);
	expect_served(&d, "127.0.4.1", 2);
	daemon_stop(&d);
}

/* So many sessions one after another, and the master is as it was. */
TEST(nothing_grows)
{
	enum { count = 600, warm = 200, slack_kib = 64 };
	char before[64] = "", after[64];
	struct daemon d;

	daemon_serve(&d, "");
	for (unsigned i = 0; i < count; i++) {
		EXPECT(client_deliver(&d, NULL, i, 300, "alice") == 250,
		    "no 250: %s", daemon_last_words(&d));
		if (i == warm)
			proc_status(d.pid, "VmData", before, sizeof(before));
	}
	proc_status(d.pid, "VmData", after, sizeof(after));
	EXPECT(atoi(after) <= atoi(before) + slack_kib,
	    "the master's data: %s, before %s", after, before);
	daemon_stop(&d);
}

/*
 * All workers are busy with one host: a client of another is served all the
 * same, and one of the first hears why it lost its place.
 */
TEST(place_is_made)
{
	enum { workers = 4 };
	struct client c[workers], fresh;
	struct pollfd p[workers];
	int64_t begun;
	struct daemon d;

	daemon_serve(&d, "\tworkers 4\n\tper-address 4\n");
	for (int i = 0; i < workers; i++) {
		client_open(&c[i], &d, "127.0.0.2");
		p[i] = (struct pollfd){ .fd = c[i].fd, .events = POLLIN };
	}
	begun = harness_now_ms();
	client_open(&fresh, &d, "127.0.0.3");
	printf("a fresh client waited %d ms\n",
	    (int)(harness_now_ms() - begun));
	EXPECT(client_mail(&fresh, 1, 300, alice) == 250, "%s", fresh.reply);
	EXPECT(poll(p, workers, 0) == 1, "not one has lost its place");
	for (int i = 0; i < workers; i++) {
		if (p[i].revents != 0)
			EXPECT(client_reply(&c[i]) == 421 && strstr(c[i].reply,
			    "4.3.2 mx.example.org too busy, try later") != NULL,
			    "client %d: %s", i, c[i].reply);
		client_close(&c[i]);
	}
	client_close(&fresh);
	daemon_stop(&d);
}

/* Nobody speaks before the greeting; who waits for it is greeted. */
TEST(greeting_is_held_back)
{
	struct client early, patient;
	struct daemon d;
	int64_t begun;

	daemon_serve(&d, "\tgreeting-wait 1s\n");
	begun = harness_now_ms();
	EXPECT(client_connect(&early, &d, "127.0.0.2") &&
	    client_connect(&patient, &d, "127.0.0.3"), "connect: %s",
	    strerror(errno));
	EXPECT(client_send(&early, "EHLO x\r\n", 8), "send");
	EXPECT(client_reply(&early) == 554, "who speaks first: %s",
	    early.reply);
	EXPECT(client_reply(&patient) == 220, "who waits: %s", patient.reply);
	EXPECT(harness_now_ms() - begun >= 900, "greeted after %d ms",
	    (int)(harness_now_ms() - begun));
	EXPECT(client_mail(&patient, 1, 300, alice) == 250, "%s",
	    patient.reply);
	client_close(&early);
	client_close(&patient);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "client=127.0.0.2", "spoke before its turn", NULL) == 1),
	    "the early one has not gone: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* One /24 may take so many places and no more. */
TEST(network_is_limited)
{
	struct client c[3], other;
	struct daemon d;
	char from[32];

	daemon_serve(&d, "\tper-network 2\n");
	for (int i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "127.0.7.%d", i + 1);
		client_open(&c[i], &d, from);
	}
	EXPECT(client_connect(&c[2], &d, "127.0.7.9"), "connect");
	EXPECT(client_reply(&c[2]) == 421 && strstr(c[2].reply,
	    "from your network") != NULL, "%s", c[2].reply);
	client_open(&other, &d, "127.0.8.1");
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
	client_close(&other);
	daemon_stop(&d);
}

/* Sends NOOP all the time, and reads what is answered. */
static _Noreturn void
send_for_ever(int fd)
{
	static char lines[6000];

	for (size_t i = 0; i < sizeof(lines); i += 6)
		memcpy(lines + i, "NOOP\r\n", 6);
	while (write(fd, lines, sizeof(lines)) > 0)
		continue;
	_exit(0);
}

/* A session has its end also where octets always wait to be read. */
TEST(never_silent)
{
	char text[65536], last[200] = "";
	int64_t begun;
	struct client c;
	struct daemon d;
	ssize_t n;
	pid_t pid;

	daemon_serve(&d, "\tsession-time 2s\n");
	client_open(&c, &d, NULL);
	begun = harness_now_ms();
	fcntl(c.fd, F_SETFL, 0);
	pid = fork();
	if (pid == 0)
		send_for_ever(c.fd);
	while ((n = read(c.fd, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		snprintf(last, sizeof(last), "%.199s",
		    text + (n > 100 ? n - 100 : 0));
		EXPECT(harness_now_ms() - begun < 10000, "it goes on");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT(strstr(last, "421 4.4.2") != NULL, "%s", last);
	EXPECT(daemon_logged(&d, " event=worker-attack ", NULL) == 0, "%s",
	    daemon_last_words(&d));
	client_close(&c);
	daemon_stop(&d);
}
