/*
 * The master, and what its workers and nurseries may say when a stranger has
 * taken them: whatever it is, the master goes on, lets the liar go, says so,
 * and stores nothing that was not committed.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/lies.h"
#include "t/system/proc.h"

enum {
	rounds = 10000,
	idle_rounds = 5,	/* the master is slow to replace idle ones */
	seed = 20250817
};

static const char limits[] = "\tper-address 100\n";

static void
start(struct daemon *d, const char *lim)
{
	daemon_init(d, lim, NULL);
	daemon_use_other(d, "lying_worker", "liar-work");
	daemon_start(d);
}

/* Connects, says a line; the answer is c->reply, "" for none. */
static void
say(struct client *c, const struct daemon *d, const char *from,
    const char *line)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s\n", line);

	EXPECT(client_connect(c, d, from), "connect from %s: %s", from,
	    strerror(errno));
	EXPECT(client_send(c, text, (size_t)n), "send");
	client_reply(c);
}

static void
expect_said(const struct daemon *d, const char *from, const char *line,
    const char *want)
{
	struct client c;

	say(&c, d, from, line);
	EXPECT(strncmp(c.reply, want, strlen(want)) == 0,
	    "%s: wanted \"%s\", got \"%s\"; %s", line, want, c.reply,
	    daemon_last_words(d));
	client_close(&c);
}

/* Names in the mailbox that hold the id, or all with "". */
static size_t
stored(const struct daemon *d, const char *id)
{
	char path[256];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/mail/example.org/alice/new",
	    d->root);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' && strstr(e->d_name, id) != NULL)
			n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

static bool
is_served(struct client *c, const struct daemon *d, const char *from)
{
	say(c, d, from, "HONEST 3000");
	if (strncmp(c->reply, "stored ", 7) == 0)
		return true;
	client_close(c);
	return false;
}

/* One message in order, which shows that the master serves. */
static void
expect_honest(const struct daemon *d, const char *from)
{
	struct client c;

	EXPECT(is_served(&c, d, from), "an honest message: \"%s\"; %s",
	    c.reply, daemon_last_words(d));
	EXPECT(strlen(c.reply) == 23 && stored(d, c.reply + 7) == 1,
	    "%s is not there once", c.reply + 7);
	client_close(&c);
}

/* Nothing is there but what the log calls stored. */
static void
check_left(const struct daemon *d)
{
	EXPECT(mail_none_incoming(d),
	    "%zu files are left in spool/incoming", mail_incoming(d));
	EXPECT(WAIT(stored(d, "") == daemon_logged(d, " event=store ",
	    NULL)),
	    "%zu messages are there, %zu were stored", stored(d, ""),
	    daemon_logged(d, " event=store ", NULL));
}

static void
from_of(unsigned n, char out[32])
{
	snprintf(out, 32, "127.%u.%u.%u", 1 + n / 60000, n / 250 % 250,
	    1 + n % 250);
}

static void
one_lie(const struct daemon *d, unsigned round, uint64_t chance,
    enum lie_state state)
{
	char from[32], line[64];
	struct client c;

	from_of(round, from);
	snprintf(line, sizeof(line), "LIE %" PRIu64 " %d", chance,
	    (int)state);
	say(&c, d, from, line);
	EXPECT(strncmp(c.reply, "dropped ", 8) == 0,
	    "round %u, \"%s\": %s", round, line, c.reply);
	client_close(&c);
	if (round > 60 || state == LIE_AT_IDLE)
		return;
	EXPECT(client_connect(&c, d, from), "connect");
	EXPECT(client_reply(&c) == 421, "round %u, %s: its client gets "
	    "\"%s\", not 421", round, line, c.reply);
	client_close(&c);
}

TEST(random_lies)
{
	uint64_t chance = seed;
	size_t attacks = 0;
	struct daemon d;

	start(&d, limits);
	printf("seed %d, %d rounds\n", seed, rounds);
	for (unsigned i = 0; i < rounds; i++) {
		enum lie_state state = i % (rounds / idle_rounds) == 20 ?
		    LIE_AT_IDLE : LIE_AT_SESSION + i %
		    (LIE_STATE_COUNT - 1);

		one_lie(&d, i, lie_chance(&chance), state);
		if (i % 100 == 0)
			expect_honest(&d, "127.0.0.1");
	}
	EXPECT(WAIT((attacks = daemon_logged(&d, " event=worker-attack ",
	    NULL)) == rounds), "%zu attacks in the log, not %d", attacks,
	    rounds);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ", "client=127.",
	    NULL) == rounds - idle_rounds), "attacks without their client");
	check_left(&d);
	EXPECT(daemon_logged(&d, " event=nursery-lost ", NULL) == 0,
	    "a nursery was lost: %s", daemon_last_words(&d));
	daemon_stop(&d);
	EXPECT(mail_none_incoming(&d), "something is left in incoming");
}

/* Workers that serve many sessions have more to lie about. */
TEST(many_sessions)
{
	uint64_t chance = seed + 1;
	struct daemon d;

	start(&d, "\tper-address 100\n\tworker-sessions 100\n");
	for (unsigned i = 0; i < 300; i++) {
		one_lie(&d, i, lie_chance(&chance), LIE_AT_SESSION + i %
		    (LIE_STATE_COUNT - 1));
		expect_honest(&d, "127.0.0.1");
	}
	expect_said(&d, "127.9.0.1", "ENDS", "dropped");
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ", NULL) == 301),
	    "the attacks in the log are not 301");
	check_left(&d);
	daemon_stop(&d);
}

TEST(floods)
{
	static const char *const lines[] = { "NOTES", "TRACES", "RCPTS",
	    "UNKNOWN", "DEAF", "HOARD", "ENDS", "TRUNCATE" };
	struct daemon d;

	start(&d, limits);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char from[32];

		from_of(i, from);
		expect_said(&d, from, lines[i], "dropped");
		expect_honest(&d, "127.0.0.1");
	}
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ", NULL) >= 5),
	    "floods were to be attacks");
	/* recipients, errors, and ten times as many that are unknown */
	EXPECT(daemon_logged(&d, " event=reject ", "client=127.1.0.1",
	    NULL) <= 1000 + 10 + 100 + 1, "a flood of notes fills the log");
	expect_said(&d, "127.2.0.1", "STAY", "killed");
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ", "did not end",
	    "client=127.2.0.1", NULL) == 1), "who stays is not told of");
	expect_said(&d, "127.2.0.1", "VANISH", "421");
	expect_said(&d, "127.3.0.1", "VANISH", "done");
	/* The one before STAY may have been killed with it, unheard. */
	expect_honest(&d, "127.3.0.2");
	check_left(&d);
	daemon_stop(&d);
}

/* A client that may not send out can have no parameter of DSN. */
TEST(parameters)
{
	static const char *const lines[] = { "D-RET\n", "D-ENVID\n",
	    "D-NOTIFY\n", "D-ORCPT\n" };
	struct daemon d;

	start(&d, limits);
	client_expect_attacks(&d, lines, sizeof(lines) / sizeof(lines[0]));
	check_left(&d);
	daemon_stop(&d);
}

/* Who a proxy's client is may be told once, where and when it is due. */
TEST(proxied)
{
	static const char *const lies[] = { "P-TWICE", "P-WITHOUT", "P-LATE",
	    "P-AFTER", "P-REFUSED", "P-FORM" };
	struct daemon d;

	daemon_init(&d, limits, NULL);
	daemon_add_conf(&d, "proxy-from 127.7.0.0/16\n");
	daemon_use_other(&d, "lying_worker", "liar-work");
	daemon_start(&d);
	expect_said(&d, "127.7.0.1", "P-HONEST", "stored ");
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		expect_said(&d, "127.7.0.1", lies[i], "dropped");
		EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ",
		    NULL) == i + 1), "%s: %s", lies[i],
		    daemon_last_words(&d));
	}
	/* None is due from anywhere else. */
	expect_said(&d, "127.8.0.1", "P-ONCE", "dropped");
	EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ",
	    "client=127.8.0.1", NULL) == 1), "%s", daemon_last_words(&d));
	expect_said(&d, "127.8.0.1", "HONEST 1000", "421");
	/* The proxy was not refused for any of it, whom it told of was. */
	expect_said(&d, "127.7.0.1", "P-HONEST", "stored ");
	EXPECT(daemon_logged(&d, " event=worker-attack ",
	    "client=198.51.100.3", NULL) == 2, "not those of a client");
	check_left(&d);
	daemon_stop(&d);
}

/* In order, but without end; and one that says nothing at all. */
TEST(others_are_served)
{
	struct client c[8];
	struct daemon d;
	int64_t begun;

	start(&d, limits);
	for (unsigned i = 0; i < 8; i++) {
		char from[32];

		from_of(i, from);
		say(&c[i], &d, from, i < 4 ? "RESETS" : "SILENCE");
		EXPECT(strncmp(c[i].reply, "begun", 5) == 0, "%s", c[i].reply);
	}
	begun = harness_now_ms();
	for (int i = 0; i < 20; i++)
		expect_honest(&d, "127.0.0.1");
	EXPECT(harness_now_ms() - begun < 10000,
	    "20 messages took %d ms beside four floods",
	    (int)(harness_now_ms() - begun));
	for (int i = 0; i < 8; i++)
		client_close(&c[i]);
	daemon_stop(&d);
	EXPECT(mail_none_incoming(&d), "something is left in incoming");
}

/* Places that are needed, of workers who do not listen: all are made free. */
TEST(place_is_kept)
{
	enum { count = 12 };
	struct client silent[count], fresh[count];
	struct daemon d;
	char from[32];

	start(&d, "\tworkers 12\n\tper-address 12\n");
	for (int i = 0; i < count; i++) {
		say(&silent[i], &d, "127.9.0.1", "SILENCE");
		EXPECT(strncmp(silent[i].reply, "begun", 5) == 0, "%s",
		    silent[i].reply);
	}
	for (unsigned i = 0; i < count; i++) {
		from_of(i, from);
		EXPECT(client_connect(&fresh[i], &d, from) &&
		    client_send(&fresh[i], "HONEST 1000\n", 12), "connect");
	}
	for (int i = 0; i < count; i++) {
		client_reply(&fresh[i]);
		EXPECT(strncmp(fresh[i].reply, "stored ", 7) == 0,
		    "client %d: \"%s\"; %s", i, fresh[i].reply,
		    daemon_last_words(&d));
		client_close(&fresh[i]);
	}
	EXPECT(daemon_logged(&d, " event=worker-attack ", NULL) == 0,
	    "somebody is to blame: %s", daemon_last_words(&d));
	for (int i = 0; i < count; i++)
		client_close(&silent[i]);
	daemon_kill(&d);
}

static void
incoming_path(const struct daemon *d, char out[512])
{
	char path[256];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/spool/incoming", d->root);
	dir = opendir(path);
	out[0] = '\0';
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			snprintf(out, 512, "%s/%s", path, e->d_name);
	if (dir != NULL)
		closedir(dir);
	EXPECT(out[0] != '\0', "no file in spool/incoming");
}

/* What may be found where a file was written; as the master's user could. */
static void
tamper(unsigned how, const char *path)
{
	char other[600];
	int fd;

	snprintf(other, sizeof(other), "%s.other", path);
	switch (how) {
	case 0:
		EXPECT(unlink(path) == 0, "unlink: %s", strerror(errno));
		break;
	case 1:
		EXPECT(truncate(path, 10) == 0, "truncate");
		break;
	case 2:
		fd = open(path, O_WRONLY | O_APPEND);
		EXPECT(fd != -1 && write(fd, "more\n", 5) == 5, "append");
		close(fd);
		break;
	case 3:
		EXPECT(link(path, other) == 0, "link");
		break;
	case 4:
		EXPECT(rename(path, other) == 0 && symlink(other, path) == 0,
		    "symlink");
		break;
	case 5:
		EXPECT(unlink(path) == 0 && mkdir(path, 0700) == 0, "mkdir");
		break;
	case 6:
		EXPECT(unlink(path) == 0 && mkfifo(path, 0600) == 0, "fifo");
		break;
	default:
		EXPECT(chown(path, 0, 0) == 0, "chown");
		break;
	}
}

TEST(file_tampered_with)
{
	struct daemon d;
	struct client c;
	char path[512];

	start(&d, limits);
	/* Only root can give a file away. */
	for (unsigned how = 0; how < (geteuid() == 0 ? 8 : 7); how++) {
		char from[32];

		from_of(how, from);
		say(&c, &d, from, "HOLD");
		EXPECT(strcmp(c.reply, "ready") == 0, "%s", c.reply);
		incoming_path(&d, path);
		tamper(how, path);
		client_send(&c, "go\n", 3);
		client_reply(&c);
		/* That the disk does not say is no work of the worker. */
		EXPECT(strcmp(c.reply, how == 0 ? "unstored" : "dropped") ==
		    0, "way %u: %s", how, c.reply);
		EXPECT(WAIT(daemon_logged(&d, " event=store-failed ",
		    "what=stat path=spool/incoming/", NULL) == 1),
		    "not in the log: %s", daemon_last_words(&d));
		EXPECT(WAIT(daemon_logged(&d,
		    " event=worker-attack ", NULL) == how),
		    "way %u: not in the log: %s", how,
		    daemon_last_words(&d));
		EXPECT(stored(&d, "") == 0, "way %u: a message is there",
		    how);
		client_close(&c);
		daemon_rest(&d);
		rmdir(path);
		unlink(path);
		strcat(path, ".other");
		unlink(path);
	}
	say(&c, &d, "127.0.0.1", "HOLD");
	client_send(&c, "go\n", 3);
	client_reply(&c);
	EXPECT(strncmp(c.reply, "stored ", 7) == 0,
	    "with nothing done to it: %s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

/* The nursery itself lies; the one that stands by has to take over. */
static void
nursery_lies(const char *line, bool is_lost)
{
	struct client c;
	struct daemon d;
	size_t before = 0;

	start(&d, limits);
	EXPECT(WAIT(is_served(&c, &d, "127.0.0.1")),
	    "no service before it: %s", daemon_last_words(&d));
	client_close(&c);
	if (geteuid() == 0)
		before = proc_fd_count(d.pid);
	expect_said(&d, "127.0.0.1", line, "done");
	if (is_lost)
		EXPECT(WAIT(daemon_logged(&d,
		    " event=nursery-lost ", "taken over", NULL) == 1),
		    "%s: the nursery is not let go: %s", line,
		    daemon_last_words(&d));
	/* Its workers, which are the same process, end with it. */
	EXPECT(WAIT(is_served(&c, &d, "127.0.0.1")),
	    "%s: no service after it: %s", line, daemon_last_words(&d));
	client_close(&c);
	/* It may go only now, when a worker comes that nobody waits for. */
	for (int i = 0; i < 10; i++) {
		EXPECT(WAIT_FOR(5000, is_served(&c, &d, "127.0.0.1")),
		    "%s: no service later: %s", line, daemon_last_words(&d));
		client_close(&c);
	}
	if (geteuid() == 0)
		EXPECT(WAIT(proc_fd_count(d.pid) <= before + 20),
		    "%s: the master holds %zu descriptors, before %zu", line,
		    proc_fd_count(d.pid), before);
	check_left(&d);
	daemon_stop(&d);
}

#define NURSERY_LIES(name, line, is_lost)	\
	TEST(name)				\
	{					\
		nursery_lies(line, is_lost);	\
	}

NURSERY_LIES(nursery_random, "N-RANDOM", true)
NURSERY_LIES(nursery_unsafe, "N-UNSAFE", true)
NURSERY_LIES(nursery_control, "N-CONTROL", true)
NURSERY_LIES(nursery_died, "N-DIED", true)
NURSERY_LIES(nursery_died_twice, "N-TWICE", true)
NURSERY_LIES(nursery_newborns, "N-NEWBORNS", true)
NURSERY_LIES(nursery_odd_newborns, "N-ODD", true)
NURSERY_LIES(nursery_siblings, "N-SIBLINGS", true)
NURSERY_LIES(nursery_stillborn, "N-STILLBORN", false)

/* A nursery that has taken over tells of a child that another one bore. */
TEST(nursery_of_another)
{
	char line[64];
	struct client c;
	struct daemon d;
	pid_t left[16];

	start(&d, limits);
	say(&c, &d, "127.1.0.1", "SILENCE");
	EXPECT(strncmp(c.reply, "begun ", 6) == 0, "%s", c.reply);
	snprintf(line, sizeof(line), "DIED %.40s", c.reply + 6);
	expect_said(&d, "127.0.0.1", "N-RANDOM", "done");
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", NULL) == 1),
	    "the first is not let go: %s", daemon_last_words(&d));
	/* Beside the keeper and the processes of disk. */
	EXPECT(WAIT(proc_below(d.pid, left, 16) ==
	    3 + proc_helpers(d.pid, 'd', left, 16)), "no nursery was bred");
	daemon_rest(&d);
	expect_said(&d, "127.0.0.1", line, "done");
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", NULL) == 2),
	    "the second is not let go: %s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=worker-crash ", "client=", NULL) == 0,
	    "a death was believed: %s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=disconnect ", "client=127.1.0.1",
	    NULL) == 0, "its client was let go");
	client_close(&c);
	daemon_kill(&d);
}

/* Nothing that serves, so nothing is begun: one line, exit 1. */
TEST(bad_from_the_start)
{
	static const char *const names[] = { "liar-exit", "liar-random",
	    "liar-unsafe", "liar-silent" };
	char out[2048];
	struct daemon d;
	pid_t left[8];

	daemon_init(&d, "", NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *args[] = { strdup(harness_smtpd), strdup("-d"),
		    strdup("-f"), d.conf, strdup("-w"), d.worker, NULL };
		int status;

		daemon_use_other(&d, "lying_worker", names[i]);
		status = daemon_run(&d, args, out, sizeof(out));
		EXPECT(status == 1, "%s: exit status %d: %s", names[i],
		    status, out);
		EXPECT(strncmp(out, "smtpd: ", 7) == 0 &&
		    strchr(out, '\n') == out + strlen(out) - 1 &&
		    strstr(out, names[i]) != NULL,
		    "%s: not one line that names it: %s", names[i], out);
		EXPECT(WAIT(proc_children(getpid(), NULL, left,
		    8) == 0), "%s: a process is left", names[i]);
	}
}
