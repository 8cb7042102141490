/*
 * Rule 8: kill -9 of any process at any system call loses no message that
 * was answered and delivers none in part.  A process is killed where it
 * enters, and where it leaves, its first system call of a session, its
 * second, and so on until the session ends before that.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/trace.h"

enum target { TARGET_MASTER, TARGET_WORKER, TARGET_NURSERY };

enum {
	stops_max = 600,
	message_octets = 6000,
	extra_sessions = 6	/* so many that workers have to be forked */
};

struct sweep {
	struct daemon	d;
	enum target	target;
	unsigned	senders;	/* sessions with a message, at once */
	unsigned	killed;
	unsigned	answered;
	unsigned	unanswered_kept;
};

/* Two mailboxes of its own for each round: they have to be made, too. */
static void
rcpts_of(unsigned round, char names[2][16], const char *out[3])
{
	for (unsigned i = 0; i < 2; i++) {
		snprintf(names[i], 16, "u%u",
		    (round * 2 + i) % daemon_users_max);
		out[i] = names[i];
	}
	out[2] = NULL;
}

static unsigned
number_of(unsigned round, unsigned sender)
{
	return round * 10 + sender;
}

/* In a child: one message; it exits with 0 when that was answered 250. */
static _Noreturn void
send_one(const struct sweep *s, unsigned round, unsigned sender)
{
	char names[2][16];
	const char *rcpts[3];
	struct client c;
	int code;

	rcpts_of(round, names, rcpts);
	if (!client_connect(&c, &s->d, NULL) || client_reply(&c) != 220)
		_exit(1);
	code = client_mail(&c, number_of(round, sender), message_octets,
	    rcpts);
	if (code == 250)
		client_command(&c, "QUIT");
	_exit(code == 250 ? 0 : 1);
}

/*
 * In a child: the sessions of one round, all at once.  Its status has a bit
 * for each message that was answered.
 */
static _Noreturn void
send_all(const struct sweep *s, unsigned round)
{
	struct client extra[extra_sessions];
	pid_t pids[8];
	int status, answered = 0;

	if (s->target == TARGET_NURSERY)
		for (int i = 0; i < extra_sessions; i++)
			client_open(&extra[i], &s->d, NULL);
	for (unsigned i = 0; i < s->senders; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			send_one(s, round, i);
	}
	for (unsigned i = 0; i < s->senders; i++)
		if (waitpid(pids[i], &status, 0) == pids[i] && status == 0)
			answered |= 1 << i;
	_exit(answered);
}

static pid_t
find_target(const struct sweep *s)
{
	pid_t nurseries[2], workers[64];

	daemon_settle(&s->d);
	if (s->target == TARGET_MASTER)
		return s->d.pid;
	EXPECT(daemon_nurseries(&s->d, nurseries) == 2, "not two nurseries");
	if (s->target == TARGET_NURSERY)
		return nurseries[0];
	/* The one that has waited longest is taken first. */
	EXPECT(daemon_workers(&s->d, workers, 64) >= 3, "too few workers");
	return workers[0];
}

static void
check_round(struct sweep *s, unsigned round, int answered)
{
	char names[2][16];
	const char *rcpts[3];

	rcpts_of(round, names, rcpts);
	for (unsigned i = 0; i < s->senders; i++) {
		bool was = answered & 1 << i;

		for (unsigned k = 0; k < 2; k++) {
			size_t n = mail_copies(&s->d, rcpts[k],
			    number_of(round, i));

			EXPECT(n <= 1, "stop %u: message %u is there %zu "
			    "times", round, i, n);
			EXPECT(!was || n == 1, "stop %u: message %u was "
			    "answered 250 and is lost for %s", round, i,
			    rcpts[k]);
			s->unanswered_kept += !was && n == 1;
		}
		s->answered += was;
	}
}

/* A new message for the same mailboxes. */
static void
check_service(struct sweep *s, unsigned round, unsigned extra)
{
	unsigned number = number_of(round, extra);
	char names[2][16];
	const char *rcpts[3];
	struct client c;
	int code;

	rcpts_of(round, names, rcpts);
	client_open(&c, &s->d, "127.0.0.2");
	code = client_mail(&c, number, 500, rcpts);
	EXPECT(code == 250, "stop %u: a new message gets %d %s", round, code,
	    c.reply);
	client_close(&c);
	for (unsigned k = 0; k < 2; k++)
		EXPECT(mail_copies(&s->d, rcpts[k], number) == 1,
		    "stop %u: the new message is not there once", round);
}

static void
end_daemon(struct sweep *s, unsigned round)
{
	if (s->target == TARGET_MASTER) {
		s->d.pid = 0;
		EXPECT(WAIT(proc_below(getpid(), (pid_t[1]){ 0 },
		    1) == 0 || waitpid(-1, NULL, WNOHANG) < 0),
		    "stop %u: a process outlives its master", round);
		return;
	}
	check_service(s, round, 8);
	daemon_stop(&s->d);
	EXPECT(mail_none_incoming(&s->d),
	    "stop %u: a file is left in spool/incoming", round);
}

/* False when the session ended before that stop. */
static bool
one_round(struct sweep *s, unsigned round)
{
	enum trace_end end;
	pid_t target, client;
	int status = 0;

	target = find_target(s);
	if (!trace_begin(target))
		harness_lacking("cannot trace: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0)
		send_all(s, round);
	end = trace_kill_at(target, round, client, &status);
	/* Only a worker ends with its session, perhaps before the client. */
	EXPECT(end != TRACE_GONE || s->target == TARGET_WORKER,
	    "stop %u: the process ended by itself", round);
	while (end != TRACE_DONE && waitpid(client, &status, 0) == -1)
		EXPECT(errno == EINTR, "waitpid: %s", strerror(errno));
	if (end == TRACE_KILLED) {
		s->killed++;
		end_daemon(s, round);
		daemon_start(&s->d);
		EXPECT(mail_none_incoming(&s->d),
		    "stop %u: spool/incoming is not empty", round);
	}
	EXPECT(WIFEXITED(status), "stop %u: the client died", round);
	check_round(s, round, WEXITSTATUS(status));
	if (end == TRACE_KILLED)
		check_service(s, round, 9);
	return end == TRACE_KILLED;
}

/* least: stops that a session cannot do without. */
static void
sweep(enum target target, unsigned senders, unsigned least)
{
	struct sweep s = { .target = target, .senders = senders };
	unsigned round = 1;

	harness_need_root("trace processes that hide");
	daemon_init(&s.d, "", NULL);
	daemon_start(&s.d);
	while (round < stops_max && one_round(&s, round))
		round++;
	EXPECT(round < stops_max, "no end of it");
	EXPECT(s.killed >= least, "only %u stops: was the right process "
	    "followed?", s.killed);
	EXPECT(mail_total(&s.d) >= s.answered * 2, "messages have vanished");
	printf("%u kills, %u messages answered, %u copies unanswered and "
	    "whole\n", s.killed, s.answered, s.unanswered_kept);
	kill(s.d.pid, SIGKILL);
}

TEST(master)
{
	sweep(TARGET_MASTER, 1, 60);
}

/* Their commits share what the master does for the disk. */
TEST(master_two_messages)
{
	sweep(TARGET_MASTER, 2, 90);
}

TEST(worker)
{
	sweep(TARGET_WORKER, 1, 40);
}

TEST(nursery)
{
	sweep(TARGET_NURSERY, 1, 10);
}

static const struct {
	const char	*name;
	long		 number;
	bool		 of_disk;	/* made for the master */
} calls[] = {
	{ "openat", SYS_openat, false },
	{ "mkdirat", SYS_mkdirat, false },
	{ "linkat", SYS_linkat, false },
	{ "renameat", SYS_renameat, false },
	{ "newfstatat", SYS_newfstatat, false },
	{ "fsync", SYS_fsync, false },
	{ "fsync of disk", SYS_fsync, true },
	{ "fdatasync", SYS_fdatasync, false },
	{ "write", SYS_write, false }
};

/* In a child: one message for two; it exits with the code it got. */
static _Noreturn void
send_for_code(const struct sweep *s, unsigned round)
{
	char names[2][16];
	const char *rcpts[3];
	struct client c;

	rcpts_of(round, names, rcpts);
	if (!client_connect(&c, &s->d, NULL) || client_reply(&c) != 220)
		_exit(0);
	_exit(client_mail(&c, number_of(round, 0), message_octets, rcpts) /
	    10);
}

/*
 * The count-th call of that name fails in one session: who reads 451 or 452
 * has nothing in either Maildir, and the log names the object.  False: there
 * were fewer.
 */
static bool
one_failure(struct sweep *s, size_t which, unsigned count, unsigned round)
{
	size_t before = daemon_logged(&s->d, " event=store-failed ", NULL);
	pid_t target = find_target(s), client;
	char names[2][16];
	const char *rcpts[3];
	int status = 0, code;
	bool failed;

	rcpts_of(round, names, rcpts);
	if (calls[which].of_disk)
		target = proc_helper(s->d.pid, 'd');
	if (!trace_begin(target))
		harness_lacking("cannot trace: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0)
		send_for_code(s, round);
	failed = trace_fail_at(target, calls[which].number, count, EIO,
	    client, &status);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code != 45) {
		EXPECT(code == 25 || failed, "%s %u: code %d",
		    calls[which].name, count, code);
		return failed;
	}
	s->unanswered_kept++;
	EXPECT(WAIT(daemon_logged(&s->d, " event=store-failed ", " path=",
	    "why=\"Input/output error\"", NULL) == before + 1),
	    "%s %u: the log does not say what failed: %s", calls[which].name,
	    count, daemon_last_words(&s->d));
	for (unsigned k = 0; k < 2; k++)
		EXPECT(mail_copies(&s->d, rcpts[k], number_of(round, 0)) == 0,
		    "%s %u: 451, and delivered to %s", calls[which].name,
		    count, rcpts[k]);
	return true;
}

static void
each_call_fails(enum target target, unsigned least)
{
	struct sweep s = { .target = target };
	unsigned round = 0;

	harness_need_root("trace processes that hide");
	if (!trace_can_fail())
		harness_skip("no system call can be made to fail here");
	daemon_init(&s.d, "", NULL);
	daemon_start(&s.d);
	proc_signal_others(s.d.pid, 'd', SIGSTOP);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		unsigned count = 1;

		/* What the master writes is the log itself. */
		if (target == TARGET_MASTER ?
		    calls[i].number == SYS_write : calls[i].of_disk)
			continue;
		while (count < 100 && one_failure(&s, i, count, round++))
			count++;
		EXPECT(count < 100, "%s: no end of it", calls[i].name);
	}
	printf("%u calls failed, %u of them were answered 45x\n", round,
	    s.unanswered_kept);
	EXPECT(s.unanswered_kept >= least, "only %u", s.unanswered_kept);
	EXPECT(client_deliver(&s.d, "127.0.0.2", 9999, 500, "alice") == 250,
	    "after it: %s", daemon_last_words(&s.d));
	proc_signal_others(s.d.pid, 'd', SIGCONT);
	daemon_stop(&s.d);
	EXPECT(mail_none_incoming(&s.d), "a file is left in spool/incoming");
}

TEST(master_calls_fail)
{
	each_call_fails(TARGET_MASTER, 20);
}

TEST(worker_calls_fail)
{
	each_call_fails(TARGET_WORKER, 2);
}
