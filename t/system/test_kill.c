/*
 * Each process of the family killed by itself: who notices, what goes on,
 * what is refused, what comes in its place.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum { workers_max = 64 };

static const char *const alice[] = { "alice", NULL };

static void
kill_now(pid_t pid)
{
	EXPECT(kill(pid, SIGKILL) == 0, "kill %d: %s", (int)pid,
	    strerror(errno));
	EXPECT(WAIT(proc_is_gone(pid)), "%d is not gone",
	    (int)pid);
}

static void
start(struct daemon *d, pid_t nurseries[2])
{
	daemon_serve(d, "");
	daemon_settle(d);
	EXPECT(daemon_nurseries(d, nurseries) == 2, "not two nurseries");
}

/* A message up to the middle of its text. */
static void
open_message(struct client *c, const struct daemon *d, const char *from,
    unsigned number)
{
	char *text = mail_text(number, 300, "\r\n");
	int code;

	client_open(c, d, from);
	code = client_begin(c, alice);
	EXPECT(code == 354, "DATA: %d %s", code, c->reply);
	EXPECT(client_send(c, text, 100), "send");
	free(text);
}

static void
finish_message(struct client *c, const struct daemon *d, unsigned number)
{
	char *text = mail_text(number, 300, "\r\n");
	int code;

	EXPECT(client_send(c, text + 100, strlen(text) - 100), "send");
	free(text);
	code = client_command(c, ".");
	EXPECT(code == 250, "final dot: %d %s", code, c->reply);
	EXPECT(mail_copies(d, "alice", number) == 1, "message %u", number);
	client_close(c);
}

static void
expect_served(const struct daemon *d, const char *from, unsigned number)
{
	int code = client_deliver(d, from, number, 300, "bob");

	EXPECT(code == 250, "a message from %s gets %d: %s", from, code,
	    daemon_last_words(d));
	EXPECT(mail_copies(d, "bob", number) == 1, "message %u", number);
}

/* Where its program lies in memory, as the kernel tells root. */
static void
layout_of(pid_t pid, char out[256])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	EXPECT(f != NULL && fgets(out, 256, f) != NULL, "%s: %s", path,
	    strerror(errno));
	fclose(f);
}

static bool
all_gone(const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!proc_is_gone(pids[i]))
			return false;
	return true;
}

/* The oldest worker has the first session, the next one the second. */
TEST(worker)
{
	pid_t nurseries[2], workers[workers_max], renewed[2];
	struct client first, second;
	struct daemon d;
	size_t n;

	start(&d, nurseries);
	open_message(&first, &d, "127.0.0.5", 1);
	open_message(&second, &d, "127.0.0.6", 2);
	n = daemon_workers(&d, workers, workers_max);
	kill_now(workers[0]);
	EXPECT(client_is_closed(&first), "its client is not let go");
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ",
	    "signal=9", "client=127.0.0.5", NULL) == 1),
	    "no worker-crash with the client: %s", daemon_last_words(&d));
	EXPECT(WAIT(all_gone(workers + 2, n - 2)),
	    "an idle worker of the old image is still there");
	client_expect_refused(&d, "127.0.0.5");
	expect_served(&d, "127.0.0.7", 3);
	finish_message(&second, &d, 2);
	EXPECT(daemon_nurseries(&d, renewed) == 2 &&
	    renewed[0] == nurseries[0] && renewed[1] == nurseries[1],
	    "the nursery was to execute itself, not to be replaced");
	EXPECT(WAIT(all_gone(workers, n)),
	    "a worker of the old image serves on");
	EXPECT(mail_copies(&d, "alice", 1) == 0 && mail_none_incoming(&d),
	    "something is left of the killed session");
	client_close(&first);
	daemon_stop(&d);
}

TEST(worker_layout)
{
	pid_t nurseries[2], workers[workers_max];
	char before[256], after[256];
	struct client c;
	struct daemon d;

	harness_need_root("read the layout of processes that hide");
	start(&d, nurseries);
	layout_of(nurseries[0], before);
	client_open(&c, &d, "127.0.0.5");
	daemon_workers(&d, workers, workers_max);
	kill_now(workers[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ",
	    NULL) == 1), "no worker-crash");
	expect_served(&d, "127.0.0.6", 1);
	layout_of(nurseries[0], after);
	EXPECT(strcmp(before, after) != 0, "the layout is the same: %s",
	    after);
	layout_of(nurseries[1], before);
	EXPECT(strcmp(before, after) != 0, "both nurseries share a layout");
	client_close(&c);
	daemon_stop(&d);
}

/* Nobody's session, so nobody is refused. */
TEST(idle_worker)
{
	pid_t nurseries[2], workers[workers_max];
	struct daemon d;

	start(&d, nurseries);
	daemon_workers(&d, workers, workers_max);
	kill_now(workers[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ",
	    NULL) == 1), "no worker-crash");
	EXPECT(daemon_logged(&d, " event=worker-crash ", "client=", NULL) ==
	    0, "an idle worker had a client");
	for (unsigned i = 0; i < 8; i++)
		expect_served(&d, "127.0.0.5", i);
	daemon_stop(&d);
}

/*
 * Clients come, and every idle worker is dead.  The master is stopped
 * meanwhile, so that it sees the clients first, and gives them to the dead.
 */
static void
dead_workers(bool nursery_late)
{
	enum { clients = 6 };
	pid_t nurseries[2], workers[workers_max];
	struct client c[clients];
	struct daemon d;
	uint64_t seen = 0;
	size_t n;

	start(&d, nurseries);
	proc_stop(d.pid);
	if (nursery_late)
		proc_stop(nurseries[0]);
	for (int i = 0; i < clients; i++)
		EXPECT(client_connect(&c[i], &d, "127.0.0.5"), "connect: %s",
		    strerror(errno));
	n = daemon_workers(&d, workers, workers_max);
	for (size_t i = 0; i < n; i++)
		kill_now(workers[i]);
	kill(d.pid, SIGCONT);
	if (nursery_late) {
		EXPECT(WAIT(proc_rests(d.pid, &seen)), "no rest");
		kill(nurseries[0], SIGCONT);
	}
	for (unsigned i = 0; i < clients; i++) {
		int code = client_reply(&c[i]);

		EXPECT(code == 220, "client %u is greeted with %d \"%s\": %s",
		    i, code, c[i].reply, daemon_last_words(&d));
		code = client_mail(&c[i], i, 300, alice);
		EXPECT(code == 250, "client %u: %d %s", i, code, c[i].reply);
		client_close(&c[i]);
	}
	EXPECT(mail_total(&d) == clients, "%zu messages", mail_total(&d));
	/* None of them was in a session: nobody is to blame. */
	EXPECT(daemon_logged(&d, " event=worker-crash ", "client=", NULL) ==
	    0, "an idle worker had a client");
	expect_served(&d, "127.0.0.5", clients);
	daemon_stop(&d);
}

TEST(idle_workers_then_clients)
{
	dead_workers(false);
}

/* Nobody tells the master how they ended, and there are no others. */
TEST(idle_workers_not_reaped)
{
	dead_workers(true);
}

/* One after another: the nursery is renewed each time. */
TEST(workers_one_after_another)
{
	pid_t nurseries[2], workers[workers_max], renewed[2];
	struct daemon d;

	start(&d, nurseries);
	for (unsigned i = 0; i < 10; i++) {
		char from[32];
		struct client c;

		snprintf(from, sizeof(from), "127.0.1.%u", i + 1);
		daemon_settle(&d);
		client_open(&c, &d, from);
		daemon_workers(&d, workers, workers_max);
		kill_now(workers[0]);
		EXPECT(client_is_closed(&c), "its client is not let go");
		client_close(&c);
		EXPECT(WAIT(daemon_logged(&d,
		    " event=worker-crash ", NULL) == i + 1),
		    "worker-crash %u: %s", i + 1, daemon_last_words(&d));
		expect_served(&d, "127.0.0.6", i);
		client_expect_refused(&d, from);
	}
	EXPECT(daemon_nurseries(&d, renewed) == 2 &&
	    renewed[0] == nurseries[0] && renewed[1] == nurseries[1],
	    "a nursery was lost: %s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=nursery-lost ", NULL) == 0,
	    "nursery-lost");
	daemon_stop(&d);
}

/* Takes n sessions at once, more than were idle, and delivers in each. */
static void
expect_many_served(const struct daemon *d, unsigned number)
{
	struct client c[10];
	int code;

	for (int i = 0; i < 10; i++)
		client_open(&c[i], d, "127.0.0.3");
	for (unsigned i = 0; i < 10; i++) {
		code = client_mail(&c[i], number + i, 200, alice);
		EXPECT(code == 250, "session %u: %d %s", i, code, c[i].reply);
		client_close(&c[i]);
	}
}

TEST(active_nursery)
{
	pid_t nurseries[2];
	struct client c;
	struct daemon d;

	start(&d, nurseries);
	open_message(&c, &d, "127.0.0.5", 1);
	kill_now(nurseries[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ",
	    "taken over", NULL) == 1), "no nursery-lost");
	expect_many_served(&d, 100);
	finish_message(&c, &d, 1);
	EXPECT(daemon_awaits_nurseries(&d, 2),
	    "no nursery was bred to stand by");
	/* The one that stood by works now, and the bred one stands by. */
	kill_now(nurseries[1]);
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ",
	    "taken over", NULL) == 2), "no second nursery-lost");
	expect_many_served(&d, 200);
	daemon_stop(&d);
}

TEST(standby_nursery)
{
	pid_t nurseries[2];
	struct daemon d;

	start(&d, nurseries);
	kill_now(nurseries[1]);
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ",
	    NULL) == 1), "no nursery-lost");
	EXPECT(daemon_logged(&d, " event=nursery-lost ", "taken over",
	    NULL) == 0, "the log says that the other has taken over, but "
	    "it was at work all the time");
	expect_many_served(&d, 100);
	EXPECT(daemon_awaits_nurseries(&d, 2),
	    "no nursery was bred to stand by");
	daemon_stop(&d);
}

/*
 * It stands still: it is lost like one that has ended, and whose death nobody
 * has told is no attacker.
 */
TEST(silent_nursery)
{
	enum { count = 8 };
	pid_t nurseries[2];
	struct client c[count];
	struct daemon d;

	start(&d, nurseries);
	proc_stop(nurseries[0]);
	for (unsigned i = 0; i < 3; i++)
		EXPECT(client_deliver(&d, "127.0.0.5", i, 300, "alice") == 250,
		    "message %u", i);
	for (int i = 0; i < count; i++)
		EXPECT(client_connect(&c[i], &d, "127.0.0.5"), "connect");
	for (int i = 0; i < count; i++) {
		EXPECT(client_reply(&c[i]) == 220, "client %d: %s; %s", i,
		    c[i].reply, daemon_last_words(&d));
		client_close(&c[i]);
	}
	EXPECT(daemon_logged(&d, " event=nursery-lost ", "does not answer",
	    "taken over", NULL) == 1, "%s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=worker-attack ", NULL) == 0 &&
	    daemon_logged(&d, " event=worker-crash ", NULL) == 0,
	    "somebody is to blame");
	expect_served(&d, "127.0.0.5", 10);
	kill(nurseries[0], SIGCONT);
	EXPECT(WAIT(proc_is_gone(nurseries[0])), "it goes on");
	daemon_stop(&d);
}

/* A crash while the standby is missing, then the active one dies too. */
TEST(crash_then_nursery)
{
	pid_t nurseries[2], workers[workers_max];
	struct daemon d;
	struct client c;

	start(&d, nurseries);
	client_open(&c, &d, "127.0.0.5");
	daemon_workers(&d, workers, workers_max);
	kill_now(workers[0]);
	kill_now(nurseries[0]);
	client_close(&c);
	expect_many_served(&d, 100);
	EXPECT(daemon_awaits_nurseries(&d, 2),
	    "no nursery was bred to stand by");
	daemon_stop(&d);
}

TEST(both_nurseries)
{
	pid_t nurseries[2];
	struct client c;
	struct daemon d;
	int status;

	start(&d, nurseries);
	open_message(&c, &d, "127.0.0.5", 1);
	proc_stop(d.pid);
	kill_now(nurseries[0]);
	kill_now(nurseries[1]);
	kill(d.pid, SIGCONT);
	status = daemon_wait_end(&d);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "wait status %d, not exit 1", status);
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", "none is left",
	    NULL) == 1), "the log does not say why");
	EXPECT(WAIT(daemon_logged(&d, " event=stop status=1", NULL) == 1),
	    "no event=stop");
	EXPECT(client_is_closed(&c), "its client is not let go");
	EXPECT(mail_copies(&d, "alice", 1) == 0 && mail_none_incoming(&d),
	    "something is left of a session that was cut off");
	client_close(&c);
}

/* At every place where a session may stand. */
static void
open_sessions(const struct daemon *d, struct client c[5])
{
	client_open(&c[0], d, NULL);
	client_open(&c[1], d, NULL);
	client_expect(&c[1], 250, "EHLO client.example.net");
	client_open(&c[2], d, NULL);
	client_expect(&c[2], 250, "HELO client.example.net");
	client_expect(&c[2], 250, "MAIL FROM:<>");
	client_open(&c[3], d, NULL);
	EXPECT(client_begin(&c[3], alice) == 354, "DATA: %s", c[3].reply);
	open_message(&c[4], d, NULL, 5);
}

TEST(stop_in_sessions)
{
	pid_t nurseries[2];
	struct client c[5];
	struct daemon d;

	start(&d, nurseries);
	open_sessions(&d, c);
	kill(d.pid, SIGTERM);
	daemon_expect_end(&d);
	for (int i = 0; i < 5; i++) {
		int code = client_reply(&c[i]);

		EXPECT(code == 421 || code == 0, "session %d: %d %s", i,
		    code, c[i].reply);
		EXPECT(client_is_closed(&c[i]), "session %d is open", i);
		client_close(&c[i]);
	}
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", "server stop",
	    NULL) == 5), "five sessions were to end by the stop");
	EXPECT(mail_total(&d) == 0 && mail_none_incoming(&d),
	    "something is left of sessions that were cut off");
}

TEST(master)
{
	pid_t nurseries[2];
	struct client c[5];
	struct daemon d;

	start(&d, nurseries);
	open_sessions(&d, c);
	daemon_kill(&d);
	for (int i = 0; i < 5; i++) {
		EXPECT(client_is_closed(&c[i]), "session %d is open", i);
		client_close(&c[i]);
	}
	daemon_start(&d);
	EXPECT(mail_total(&d) == 0 && mail_none_incoming(&d),
	    "something is left of sessions that were cut off");
	expect_served(&d, "127.0.0.1", 6);
	daemon_stop(&d);
}

/*
 * An upgrade puts another file in the place of smtpd-worker: after a crash a
 * nursery executes the program it has, and the service goes on.
 */
TEST(worker_program_replaced)
{
	pid_t nurseries[2], workers[workers_max];
	char old[112];
	struct daemon d;
	size_t n;

	start(&d, nurseries);
	snprintf(old, sizeof(old), "%s.old", d.worker);
	EXPECT(rename(d.worker, old) == 0, "rename: %s", strerror(errno));
	daemon_use_worker(&d, old, "smtpd-worker");
	n = daemon_workers(&d, workers, workers_max);
	EXPECT(n > 0, "no worker");
	kill_now(workers[0]);
	EXPECT(WAIT(daemon_logged(&d, "event=worker-crash", NULL) > 0),
	    "nothing is said: %s", daemon_last_words(&d));
	expect_served(&d, "127.0.0.1", 7);
	EXPECT(!proc_is_gone(nurseries[0]) && !proc_is_gone(nurseries[1]),
	    "a nursery has ended");
	EXPECT(daemon_logged(&d, "execute itself", NULL) == 0,
	    "the other file was in its way: %s", daemon_last_words(&d));
	daemon_stop(&d);
}
