/*
 * The queue: what was answered is there after any crash, once and whole; what
 * is damaged is put aside, and nothing else waits for it.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/queue.h"
#include "t/system/sink.h"
#include "t/system/spawn.h"
#include "t/system/trace.h"

enum { octets = 3000, stops_max = 600 };

static const char *const remote[] = { "bob@example.net", NULL };
static const char *const mixed[] = { "alice@example.org", "bob@example.net",
    "u1@example.org", "Carol@Example.NET", NULL };

static void
serve(struct daemon *d)
{
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "%s", queue_relay);
	daemon_start(d);
}

static void
kill_daemon(struct daemon *d)
{
	daemon_kill(d);
	d->pid = 0;
}

/* Waits until the daemon that has just started knows n messages. */
static void
expect_known(const struct daemon *d, size_t n)
{
	char text[32] = "";

	EXPECT(WAIT((daemon_log_value(d, " event=queue-known ", "messages",
	    text, sizeof(text)), text[0] != '\0')), "the queue was not "
	    "read: %s", daemon_last_words(d));
	EXPECT((size_t)atoi(text) == n, "%s messages are known, not %zu", text,
	    n);
}

/* ---- what is taken ------------------------------------------------------ */

static void
check_remote(void *arg, const struct queue_file *f)
{
	struct ipc_rcpt r;
	struct span left = f->envelope.rcpts;
	char id[32];

	EXPECT(f->name.flags == 0, "%s: flags", f->path);
	EXPECT(f->envelope.count == 1 && envelope_next(&left, &r) &&
	    r.to.local_len == 3 && memcmp(r.to.local, "bob", 3) == 0,
	    "%s: its recipient", f->path);
	EXPECT(f->envelope.from.local_len == 6, "%s: its sender", f->path);
	daemon_log_value(arg, " event=queue ", "id", id, sizeof(id));
	EXPECT(span_equal(f->envelope.id, span_of(id)), "%s: its id is not %s",
	    f->path, id);
	EXPECT(strstr((char *)f->block + f->block_bytes, "Return-Path") ==
	    NULL, "%s: Return-Path is the receiver's", f->path);
}

TEST(remote_only)
{
	struct daemon d;

	serve(&d);
	EXPECT(queue_deliver(&d, 1, octets, remote[0]) == 250, "not 250");
	EXPECT(queue_read_all(&d, check_remote, &d) == 1, "not one message");
	EXPECT(mail_incoming(&d) == 0 && mail_total(&d) == 0, "a file too "
	    "many");
	EXPECT(daemon_logged(&d, " event=queue ", "remote=1", NULL) == 1,
	    "not logged: %s", daemon_last_words(&d));
	daemon_stop(&d);
	daemon_start(&d);
	expect_known(&d, 1);
	kill_daemon(&d);
	daemon_start(&d);
	expect_known(&d, 1);
	EXPECT(queue_copies(&d, 1, NULL) == 1, "not one copy");
	daemon_stop(&d);
}

/* Each address once, in a file that no Maildir has. */
static void
check_mixed(void *arg, const struct queue_file *f)
{
	struct span left = f->envelope.rcpts;
	struct ipc_rcpt r;
	unsigned count = 0;
	struct stat st;

	EXPECT(stat(f->path, &st) == 0 && st.st_nlink == 1, "%s: a Maildir "
	    "has it, too", f->path);
	while (envelope_next(&left, &r)) {
		EXPECT(r.to.domain_len == 11 && memcmp(r.to.domain,
		    "example.net", 11) == 0 && r.notify == 0, "%s: its "
		    "recipients", f->path);
		count++;
	}
	EXPECT(count == 2, "%s: %u recipients, not 2", f->path, count);
}

TEST(mixed_recipients)
{
	const char *const twice[] = { "bob@example.net", "alice@example.org",
	    "bob@EXAMPLE.net", "carol@example.net", "u1@example.org", NULL };
	struct daemon d;
	struct client c;

	serve(&d);
	client_open(&c, &d, NULL);
	EXPECT(queue_mail(&c, 7, octets, twice) == 250, "%s", c.reply);
	client_close(&c);
	EXPECT(queue_read_all(&d, check_mixed, NULL) == 1, "not one message");
	EXPECT(mail_copies(&d, "alice", 7) == 1 &&
	    mail_copies(&d, "u1", 7) == 1, "a Maildir lacks it");
	EXPECT(mail_none_incoming(&d), "a file is left in spool/incoming");
	kill_daemon(&d);
	daemon_start(&d);
	expect_known(&d, 1);
	daemon_stop(&d);
}

/* Recipients that are as long as can be, and almost. */
TEST(longest_recipients)
{
	char local[256], domain[254], orcpt[500 - sizeof("rfc822")];
	struct daemon d;
	struct client c;

	memset(local, 'u', sizeof(local) - 1);
	local[sizeof(local) - 1] = '\0';
	for (size_t i = 0; i < sizeof(domain) - 1; i++)
		domain[i] = i % 64 == 63 ? '.' : 'd';
	domain[sizeof(domain) - 1] = '\0';
	memset(orcpt, 'o', sizeof(orcpt) - 1);
	orcpt[sizeof(orcpt) - 1] = '\0';
	serve(&d);
	client_open(&c, &d, NULL);
	EXPECT(client_command(&c, "EHLO client.example.net") == 250 &&
	    client_command(&c, "MAIL FROM:<sender@example.org>") == 250 &&
	    client_command(&c, "RCPT TO:<%s@%s> ORCPT=rfc822;%s", local,
	    domain, orcpt) == 250, "%s", c.reply);
	local[0] = 'v';
	EXPECT(client_command(&c, "RCPT TO:<%s@%s> ORCPT=rfc822;%so", local,
	    domain, orcpt) == 250, "%s", c.reply);
	EXPECT(client_command(&c, "DATA") == 354 &&
	    client_send(&c, "\r\n.\r\n", 5) && client_reply(&c) == 250,
	    "%s", c.reply);
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=try ", NULL) > 0) &&
	    queue_bad(&d) == 0, "its envelope is damaged: %s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* A client that gives up, or breaks off, leaves nothing. */
TEST(given_up)
{
	struct daemon d;
	struct client c;

	serve(&d);
	for (int i = 0; i < 2; i++) {
		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<sender@example.org>");
		client_expect(&c, 250, "RCPT TO:<bob@example.net>");
		if (i == 1)
			client_expect(&c, 250, "RCPT TO:<alice@example.org>");
		client_expect(&c, 354, "DATA");
		EXPECT(WAIT(mail_incoming(&d) == (i == 1 ? 2 : 1)),
		    "%zu files", mail_incoming(&d));
		client_close(&c);
		EXPECT(mail_none_incoming(&d), "a file is left");
	}
	EXPECT(queue_read_all(&d, NULL, NULL) == 0, "something is queued");
	daemon_stop(&d);
	/* Nothing was in the folder, so it goes. */
	EXPECT(queue_folders(&d) == 0, "%zu folders", queue_folders(&d));
}

/* The log names the file that the queue would have got. */
TEST(not_begun)
{
	struct daemon d;

	serve(&d);
	EXPECT(rmdir(harness_path("root/spool/incoming")) == 0, "rmdir: %s",
	    strerror(errno));
	EXPECT(queue_deliver(&d, 1, octets, remote[0]) == 451, "not 451");
	EXPECT(WAIT(daemon_logged(&d, " event=store-failed ", " what=create "
	    "path=spool/incoming/", ".q why=", NULL) == 1),
	    "not in the log: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(full_queue)
{
	struct daemon d;
	struct client c;

	daemon_init(&d, "\tqueue-messages 2\n", NULL);
	daemon_add_conf(&d, "%s", queue_relay);
	daemon_start(&d);
	for (unsigned i = 0; i < 2; i++)
		EXPECT(queue_deliver(&d, i, 300, remote[0]) == 250, "not 250");
	client_open(&c, &d, NULL);
	EXPECT(queue_mail(&c, 3, 300, mixed) == 452, "%s", c.reply);
	client_expect(&c, 250, "RSET");
	EXPECT(client_deliver(&d, NULL, 4, 300, "alice") == 250, "not 250");
	client_close(&c);
	daemon_stop(&d);
}

/* ---- crashes ------------------------------------------------------------ */

struct sweep {
	struct daemon	d;
	unsigned	killed, answered, kept;
};

static _Noreturn void
send_one(const struct sweep *s, unsigned number)
{
	struct client c;
	int code;

	if (!client_connect(&c, &s->d, NULL) || client_reply(&c) != 220)
		_exit(1);
	code = queue_mail(&c, number, octets, number % 2 == 0 ? remote :
	    mixed);
	if (code == 250)
		client_command(&c, "QUIT");
	_exit(code / 10);
}

/* In a child: one message elsewhere, and one for both, at once. */
static _Noreturn void
send_two(const struct sweep *s, unsigned round)
{
	int status, answered = 0;
	pid_t pids[2];

	for (unsigned i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			send_one(s, round * 2 + i);
	}
	for (unsigned i = 0; i < 2; i++)
		if (waitpid(pids[i], &status, 0) == pids[i] &&
		    WIFEXITED(status) && WEXITSTATUS(status) == 25)
			answered |= 1 << i;
	_exit(answered);
}

static void
check_round(struct sweep *s, unsigned round, int answered)
{
	for (unsigned i = 0; i < 2; i++) {
		const bool was = (answered & 1 << i) != 0;
		const unsigned number = round * 2 + i;
		unsigned rcpts = 0;
		size_t n = queue_copies(&s->d, number, &rcpts);

		EXPECT(n <= 1 && (n == 0 || rcpts == 1 + i), "stop %u: "
		    "message %u is queued %zu times, for %u", round, number,
		    n, rcpts);
		EXPECT(!was || n == 1, "stop %u: message %u was answered 250 "
		    "and is lost", round, number);
		if (i == 1 && was)
			EXPECT(mail_copies(&s->d, "alice", number) == 1 &&
			    mail_copies(&s->d, "u1", number) == 1, "stop %u: "
			    "a Maildir lacks message %u", round, number);
		s->answered += was;
		s->kept += !was && n == 1;
	}
}

/* False when both were answered before that stop. */
static bool
one_round(struct sweep *s, unsigned round)
{
	enum trace_end end;
	size_t queued;
	int status = 0;
	pid_t client;

	daemon_settle(&s->d);
	if (!trace_begin(s->d.pid))
		harness_lacking("cannot trace: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0)
		send_two(s, round);
	end = trace_kill_at(s->d.pid, round, client, &status);
	EXPECT(end != TRACE_GONE, "stop %u: the master ended", round);
	while (end != TRACE_DONE && waitpid(client, &status, 0) == -1)
		EXPECT(errno == EINTR, "waitpid: %s", strerror(errno));
	if (end == TRACE_KILLED) {
		s->killed++;
		s->d.pid = 0;
		EXPECT(WAIT(waitpid(-1, NULL, WNOHANG) < 0), "stop %u: a "
		    "process outlives its master", round);
		queued = queue_read_all(&s->d, NULL, NULL);
		daemon_start(&s->d);
		if (queued > 0)
			expect_known(&s->d, queued);
		daemon_settle(&s->d);
		EXPECT(mail_none_incoming(&s->d), "stop %u: spool/incoming "
		    "is not empty", round);
	}
	EXPECT(WIFEXITED(status), "stop %u: the client died", round);
	check_round(s, round, WEXITSTATUS(status));
	EXPECT(queue_bad(&s->d) == 0, "stop %u: spool/bad has a file", round);
	return end == TRACE_KILLED;
}

TEST(master_killed)
{
	struct sweep s = { .killed = 0 };
	unsigned round = 1;

	harness_need_root("trace processes that hide");
	serve(&s.d);
	while (round < stops_max && one_round(&s, round))
		round++;
	EXPECT(round < stops_max, "no end of it");
	EXPECT(s.killed >= 90, "only %u stops", s.killed);
	printf("%u kills, %u messages answered, %u unanswered and queued "
	    "whole\n", s.killed, s.answered, s.kept);
	EXPECT(queue_read_all(&s.d, NULL, NULL) >= s.answered, "messages "
	    "have vanished");
	kill(s.d.pid, SIGKILL);
}

static const struct {
	const char	*name;
	long		 number;
	bool		 of_disk;
} calls[] = {
	{ "openat", SYS_openat, false },
	{ "mkdirat", SYS_mkdirat, false },
	{ "linkat", SYS_linkat, false },
	{ "renameat", SYS_renameat, false },
	{ "newfstatat", SYS_newfstatat, false },
	{ "fcntl", SYS_fcntl, false },
	{ "fsync of disk", SYS_fsync, true }
};

/* The count-th call of that name fails: 45x and nothing is anywhere. */
static bool
one_failure(struct sweep *s, size_t which, unsigned count, unsigned number,
    int error)
{
	pid_t target = calls[which].of_disk ? proc_helper(s->d.pid, 'd') :
	    s->d.pid, client;
	int status = 0, code;
	size_t want;
	bool failed;

	daemon_settle(&s->d);
	if (!trace_begin(target))
		harness_lacking("cannot trace: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0)
		send_one(s, number);
	failed = trace_fail_at(target, calls[which].number, count, error,
	    client, &status);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	EXPECT(code == 25 || (failed && (code == 45 || code <= 0)),
	    "%s %u: code %d", calls[which].name, count, code);
	want = code == 25;
	EXPECT(WAIT(queue_copies(&s->d, number, NULL) == want), "%s %u: "
	    "code %d, and queued %zu times", calls[which].name, count, code,
	    queue_copies(&s->d, number, NULL));
	if (number % 2 == 1)
		EXPECT(mail_copies(&s->d, "alice", number) == want &&
		    mail_copies(&s->d, "u1", number) == want, "%s %u: code "
		    "%d, and Maildirs", calls[which].name, count, code);
	s->kept += code == 45;
	return failed;
}

static void
each_call_fails(int error)
{
	struct sweep s = { .killed = 0 };
	unsigned number = 0;

	harness_need_root("trace processes that hide");
	if (!trace_can_fail())
		harness_skip("no system call can be made to fail here");
	serve(&s.d);
	proc_signal_others(s.d.pid, 'd', SIGSTOP);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (unsigned odd = 0; odd < 2; odd++) {
			unsigned count = 1;

			number += number % 2 != odd;
			for (; count < 60 && one_failure(&s, i, count, number,
			    error); number += 2)
				count++;
			EXPECT(count < 60, "%s: no end of it", calls[i].name);
			number += 2;
		}
	printf("%u messages, of which %u were answered 45x\n", number, s.kept);
	EXPECT(s.kept >= 10, "only %u", s.kept);
	EXPECT(queue_deliver(&s.d, 9998, 500, remote[0]) == 250,
	    "after it: %s", daemon_last_words(&s.d));
	EXPECT(mail_none_incoming(&s.d), "a file is left in spool/incoming");
	EXPECT(queue_bad(&s.d) == 0, "spool/bad has a file");
	proc_signal_others(s.d.pid, 'd', SIGCONT);
	daemon_stop(&s.d);
	daemon_start(&s.d);
	expect_known(&s.d, queue_read_all(&s.d, NULL, NULL));
	daemon_stop(&s.d);
}

TEST(master_calls_fail)
{
	each_call_fails(EIO);
}

TEST(disk_full_at_each_call)
{
	each_call_fails(ENOSPC);
}

/* ---- order -------------------------------------------------------------- */

enum { MASTER, DISK, WORKER, tracees };

struct order {
	pid_t	pids[tracees];
	char	calls[2048];	/* a letter each */
	size_t	n;
};

/*
 * Of the worker "d" is fdatasync(2), "w" a reply; of the master "r" a rename,
 * "l" a line of log/message, "S" a sync, which it leaves to others; of disk "s"
 * is the sync of a folder of the queue, "f" of anything else.
 */
static void
note_call(void *arg, size_t which, long call,
    const unsigned long long args[6])
{
	struct order *o = arg;
	char path[64], to[256], letter = '\0';
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%llu", (int)o->pids[which],
	    args[0]);
	n = readlink(path, to, sizeof(to) - 1);
	to[n > 0 ? n : 0] = '\0';
	/* Once a second journal and log are synced, for which nobody waits. */
	if (call == SYS_fsync || (call == SYS_fdatasync && which != DISK))
		letter = which == WORKER ? 'd' : which == MASTER ? 'S' :
		    strstr(to, "/spool/queue/1") != NULL ? 's' : 'f';
	else if (which == MASTER && call == SYS_renameat)
		letter = 'r';
	else if (which == MASTER && call == SYS_write &&
	    strstr(to, "/log/message") != NULL)
		letter = 'l';
	else if (which == WORKER && (call == SYS_write || call == SYS_sendto ||
	    call == SYS_sendmsg) && args[0] > 3 &&
	    strncmp(to, "socket:", 7) == 0)
		letter = 'w';
	if (letter != '\0' && o->n + 1 < sizeof(o->calls))
		o->calls[o->n++] = letter;
}

/* The calls of one message, from where its data are synced. */
static void
watch_one(struct daemon *d, unsigned number, const char *const rcpts[],
    char *out, size_t size)
{
	struct order o = { .n = 0 };
	pid_t workers[64], client;
	int status = 0;

	daemon_settle(d);
	EXPECT(daemon_workers(d, workers, 64) >= 1, "no worker");
	o.pids[MASTER] = d->pid;
	o.pids[DISK] = proc_helper(d->pid, 'd');
	o.pids[WORKER] = workers[0];
	for (size_t i = 0; i < tracees; i++)
		if (!trace_begin(o.pids[i]))
			harness_lacking("cannot trace: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0) {
		struct client c;

		client_open(&c, d, NULL);
		_exit(queue_mail(&c, number, octets, rcpts) / 10);
	}
	trace_watch(o.pids, tracees, client, &status, note_call, &o);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 25, "not 250");
	o.calls[o.n] = '\0';
	EXPECT(strchr(o.calls, 'd') != NULL, "no fdatasync in %s", o.calls);
	snprintf(out, size, "%s", strchr(o.calls, 'd'));
}

/* Content, rename, directory, log, 250; 1 sync, and 1 for all of the batch. */
TEST(order_of_calls)
{
	struct daemon d;
	char got[128], *renamed;
	int syncs = 0;

	harness_need_root("trace processes that hide");
	serve(&d);
	proc_signal_others(d.pid, 'd', SIGSTOP);
	/* The first one syncs the key of the folder, and its name. */
	watch_one(&d, 0, remote, got, sizeof(got));
	EXPECT(strspn(got, "dr") == 2 && strspn(got + 2, "fs") == 3 &&
	    strcmp(got + 5, "lw") == 0, "the first: %s", got);
	watch_one(&d, 2, remote, got, sizeof(got));
	EXPECT(strcmp(got, "drslw") == 0, "elsewhere: %s", got);
	/* The Maildirs are there: they need no sync of their parents. */
	EXPECT(client_deliver(&d, NULL, 3, 500, "alice") == 250 &&
	    client_deliver(&d, NULL, 4, 500, "u1") == 250, "not 250");
	watch_one(&d, 5, mixed, got, sizeof(got));
	/*
	 * Two files, for two Maildirs and the folder; on a busy host the first
	 * Maildir has a turn of its own.
	 */
	renamed = strrchr(got, 'r');
	EXPECT(renamed != NULL && strspn(renamed + 1, "fs") >= 2,
	    "for both: %s", got);
	for (const char *c = got; *c != '\0'; c++)
		syncs += *c == 'f' || *c == 's';
	EXPECT(strspn(got, "drf") > (size_t)(renamed - got) &&
	    strcmp(got + 7, "lw") == 0 && syncs == 3,
	    "for both: %s", got);
	proc_signal_others(d.pid, 'd', SIGCONT);
	daemon_stop(&d);
}

/* ---- on the way out ------------------------------------------------------ */

static void
begin_sink(struct daemon *d, struct sink *to)
{
	sink_start(to, "sink", "take", 0);
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "relay {\n\tfrom 127.0.0.0/8\n\tvia 127.0.0.1 "
	    "port %d\n\ttls never\n}\n", to->port);
	daemon_start(d);
}

/* In a child: one message; it ends when the sink has it, or soon after. */
static _Noreturn void
send_through(const struct daemon *d, const struct sink *to, unsigned number)
{
	const size_t before = sink_count(to);
	int code = queue_deliver(d, number, octets, remote[0]);

	if (code == 250)
		(void)WAIT_FOR(2000, sink_count(to) > before);
	harness_sleep_ms(20);
	_exit(code / 10);
}

/*
 * The master is killed at every third system call from the greeting until the
 * file is removed: what was answered arrives; twice if it was under way.
 */
TEST(killed_while_it_leaves)
{
	unsigned round = 0, killed = 0, twice = 0, answered = 0;
	enum trace_end end = TRACE_KILLED;
	struct daemon d;
	struct sink to;

	harness_need_root("trace processes that hide");
	begin_sink(&d, &to);
	for (; end == TRACE_KILLED && round < stops_max; round++) {
		int status = 0;
		size_t got;
		pid_t client, left[8];

		daemon_settle(&d);
		if (!trace_begin(d.pid))
			harness_lacking("cannot trace: %s", strerror(errno));
		fflush(stdout);
		client = fork();
		if (client == 0)
			send_through(&d, &to, round);
		end = trace_kill_at(d.pid, round * 3 + 1, client, &status);
		while (end != TRACE_DONE && waitpid(client, &status, 0) == -1)
			EXPECT(errno == EINTR, "waitpid: %s", strerror(errno));
		if (end == TRACE_KILLED) {
			killed++;
			d.pid = 0;
			EXPECT(WAIT((waitpid(-1, NULL, WNOHANG),
			    proc_below(getpid(), left, 8) <= 2)),
			    "stop %u: a process outlives its master",
			    round);
			daemon_start(&d);
		}
		EXPECT(WAIT(queue_files(&d) == 0), "stop %u: "
		    "it stays in the queue: %s", round,
		    daemon_last_words(&d));
		got = sink_copies(&to, round, octets);
		EXPECT(got <= 2 && (got > 0 || WEXITSTATUS(status) != 25),
		    "stop %u: answered %d0, and %zu arrived", round,
		    WEXITSTATUS(status), got);
		twice += got == 2;
		answered += WEXITSTATUS(status) == 25;
	}
	EXPECT(round < stops_max && killed > 40, "%u stops", killed);
	printf("%u kills, %u answered, %u arrived twice\n", killed, answered,
	    twice);
	EXPECT(twice <= killed / 4, "%u arrived twice", twice);
	EXPECT(queue_bad(&d) == 0, "spool/bad has a file");
	kill(d.pid, SIGKILL);
	sink_stop(&to);
}

/*
 * Of many recipients each fifth is taken, all others later: after a crash only
 * those others are tried again.
 */
TEST(done_recipients)
{
	enum { rcpts = 80 };
	char names[rcpts][40];
	const char *list[rcpts + 1];
	struct daemon d;
	struct client c;
	struct sink to;
	char *text;

	begin_sink(&d, &to);
	for (unsigned i = 0; i < rcpts; i++) {
		snprintf(names[i], sizeof(names[i]), i % 5 == 0 ?
		    "a%u@example.net" : "450a%u@example.net", i);
		list[i] = names[i];
	}
	list[rcpts] = NULL;
	client_open(&c, &d, NULL);
	EXPECT(queue_mail(&c, 1, octets, list) == 250, "%s", c.reply);
	client_close(&c);
	EXPECT(WAIT(sink_count(&to) == 1 &&
	    daemon_logged(&d, " event=try ", NULL) >= 1), "no try: %s",
	    daemon_last_words(&d));
	daemon_settle(&d);
	for (unsigned i = 0; i < 2; i++) {
		kill_daemon(&d);
		daemon_start(&d);
		expect_known(&d, 1);
		CTL_EXPECT(0, "", "queue retry -f %s all", d.conf);
		EXPECT(WAIT(daemon_logged(&d, " event=try ",
		    " recipients=64 ", NULL) == 1), "start %u: no try for "
		    "64: %s", i, daemon_last_words(&d));
		daemon_settle(&d);
	}
	EXPECT(sink_count(&to) == 1, "%zu messages", sink_count(&to));
	text = sink_message(&to, 0, NULL);
	EXPECT(strstr(text, "<a0@example.net>") != NULL &&
	    strstr(text, "<a75@example.net>") != NULL, "%s", text);
	free(text);
	kill_daemon(&d);
	sink_stop(&to);
}

/* ---- damage ------------------------------------------------------------- */

enum { paths_max = 64 };

/* Paths of what is queued, by number. */
struct paths {
	char	of[paths_max][512];
	char	folder[512];
};

static void
note_path(void *arg, const struct queue_file *f)
{
	struct paths *p = arg;

	EXPECT(f->number < paths_max, "message %u", f->number);
	snprintf(p->of[f->number], 512, "%s", f->path);
	snprintf(p->folder, 512, "%.*s", (int)(strrchr(f->path, '/') -
	    f->path), f->path);
}

static void
change_octet(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t octet;

	EXPECT(fd != -1 && pread(fd, &octet, 1, at) == 1, "%s: %s", path,
	    strerror(errno));
	octet ^= 1;
	EXPECT(pwrite(fd, &octet, 1, at) == 1, "%s: %s", path,
	    strerror(errno));
	close(fd);
}

static const char *
beside(const struct paths *p, const char *name)
{
	return harness_path("root/spool/queue/%s/%s",
	    strrchr(p->folder, '/') + 1, name);
}

static void
fill(struct daemon *d, struct paths *p, unsigned count)
{
	struct client c;

	serve(d);
	client_open(&c, d, NULL);
	for (unsigned i = 0; i < count; i++)
		EXPECT(queue_mail(&c, i, octets, i % 3 == 2 ? mixed :
		    remote) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(d);
	EXPECT(queue_read_all(d, note_path, p) == count, "not all are there");
}

/*
 * Without their journal, so that each block is read at start: what is damaged
 * is put aside, all others are known.
 */
TEST(damaged_blocks)
{
	enum { count = 12 };
	struct paths p;
	struct daemon d;
	char path[600];

	fill(&d, &p, count);
	EXPECT(unlink(beside(&p, "journal")) == 0, "journal");
	change_octet(p.of[0], 0);
	change_octet(p.of[1], 5);
	change_octet(p.of[3], 20);
	change_octet(p.of[4], 511);
	EXPECT(truncate(p.of[6], 0) == 0 && truncate(p.of[7], 511) == 0 &&
	    truncate(p.of[9], 512) == 0, "truncate");
	harness_write_file(beside(&p, "strange"), "not of the queue\n");
	/* One under the name of another is not that one. */
	snprintf(path, sizeof(path), "%s", p.of[10]);
	path[strlen(p.folder) + 16] ^= 1;
	EXPECT(rename(p.of[10], path) == 0, "%s", path);
	daemon_start(&d);
	expect_known(&d, count - 8);
	EXPECT(queue_bad(&d) == 9, "%zu in spool/bad", queue_bad(&d));
	EXPECT(daemon_logged(&d, " event=queue-bad ", NULL) == 9, "not all "
	    "are logged");
	EXPECT(queue_read_all(&d, NULL, NULL) == count - 8, "others");
	EXPECT(queue_deliver(&d, 15, 500, remote[0]) == 250, "not 250");
	daemon_stop(&d);
	daemon_start(&d);
	expect_known(&d, count - 7);
	EXPECT(daemon_logged(&d, " event=queue-bad ", NULL) == 0, "again");
	daemon_stop(&d);
}

/* Messages of alice, for carol; 600 octets and our trace field each. */
static void
submit_numbers(const struct daemon *d, unsigned count)
{
	struct client c;
	char *text;

	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.net");
	for (unsigned i = 0; i < count; i++) {
		text = mail_text(i, 600, "\r\n");
		client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
		client_expect(&c, 250, "RCPT TO:<carol@example.net>");
		client_expect(&c, 354, "DATA");
		EXPECT(client_send(&c, text, strlen(text)), "send");
		client_expect(&c, 250, ".");
		free(text);
	}
	client_close(&c);
}

/* Replaces the file of message 0, 1, 2, .. by something else. */
static void
replace_by_others(const struct paths *p)
{
	char aside[600];

	EXPECT(unlink(p->of[0]) == 0, "%s", p->of[0]);
	EXPECT(unlink(p->of[1]) == 0 && mkdir(p->of[1], 0755) == 0, "%s",
	    p->of[1]);
	EXPECT(unlink(p->of[2]) == 0 && mkfifo(p->of[2], 0666) == 0, "%s",
	    p->of[2]);
	EXPECT(unlink(p->of[3]) == 0 && symlink(p->of[9], p->of[3]) == 0,
	    "%s", p->of[3]);
	/* 4 and 5 change their names. */
	snprintf(aside, sizeof(aside), "%s/aside", p->folder);
	EXPECT(rename(p->of[4], aside) == 0 &&
	    rename(p->of[5], p->of[4]) == 0 && rename(aside, p->of[5]) == 0,
	    "%s", aside);
	change_octet(p->of[6], 100);
	change_octet(p->of[7], 3);
}

/*
 * While smtpd runs and a host is down, files are cut at lengths from nothing to
 * all but one octet, or replaced.  They are put aside, each with one line;
 * whose content is cut, its sender hears of it; the others arrive.
 */
TEST(damaged_while_it_waits)
{
	enum { count = 60, block = 512, others = 8 };
	size_t whole = 0, cut_content = 0, size;
	struct paths p;
	struct stat st;
	struct daemon d;
	struct sink to;
	char *text;

	begin_sink(&d, &to);
	sink_mode(&to, "busy");
	submit_numbers(&d, count);
	EXPECT(WAIT(daemon_logged(&d, " event=site-down ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	EXPECT(queue_read_all(&d, note_path, &p) == count, "not all are there");
	replace_by_others(&p);
	for (unsigned i = others; i < count; i++) {
		off_t at = i < others + 8 ? 511 - (off_t)(i - others) * 73 : 0;

		EXPECT(stat(p.of[i], &st) == 0, "%s", p.of[i]);
		if (i >= others + 8)
			at = i % 4 == 0 ? st.st_size : block + 1 + (off_t)
			    (i - others - 8) * (st.st_size - block - 2) /
			    (count - others - 9);
		EXPECT(truncate(p.of[i], at) == 0, "%s", p.of[i]);
		whole += at == st.st_size;
		cut_content += at > block && at < st.st_size;
	}
	sink_mode(&to, "take");
	CTL_EXPECT(0, "", "queue retry -f %s all", d.conf);
	EXPECT(WAIT(queue_files(&d) == 3), "%zu files stay: %s",
	    queue_files(&d), daemon_last_words(&d));
	daemon_settle(&d);
	/* What is no file cannot be moved by smtpd in its sandbox. */
	EXPECT(daemon_logged(&d, " event=queue-bad ", "it is no file", NULL) ==
	    3, "they are not told of");
	EXPECT(sink_count(&to) == whole, "%zu arrived, not %zu",
	    sink_count(&to), whole);
	for (size_t i = 0; i < whole; i++) {
		text = sink_message(&to, i, &size);
		EXPECT(size > 600, "message %zu has %zu octets", i, size);
		free(text);
	}
	EXPECT(queue_bad(&d) == count - whole - 4, "%zu in spool/bad, not %zu",
	    queue_bad(&d), count - whole - 4);
	EXPECT(daemon_logged(&d, " event=queue-bad ", NULL) ==
	    queue_bad(&d) + 3, "not a line for each");
	EXPECT(daemon_logged(&d, "cannot be read", NULL) == 1, "more than the "
	    "one that is gone");
	EXPECT(daemon_logged(&d, " event=failed ", "cut or was changed", NULL)
	    == cut_content && daemon_logged(&d, " event=notice ", "failed",
	    NULL) == cut_content, "%zu senders hear of it, not %zu",
	    daemon_logged(&d, " event=notice ", NULL), cut_content);
	EXPECT(queue_deliver(&d, 99, 500, remote[0]) == 250 &&
	    WAIT(sink_count(&to) == whole + 1), "no more mail: %s",
	    daemon_last_words(&d));
	daemon_stop(&d);
	sink_stop(&to);
}

TEST(lost_key)
{
	struct paths p;
	struct daemon d;

	fill(&d, &p, 4);
	EXPECT(truncate(beside(&p, "key"), 31) == 0, "key");
	daemon_start(&d);
	EXPECT(WAIT(queue_bad(&d) == 4), "%zu in spool/bad", queue_bad(&d));
	EXPECT(WAIT(daemon_logged(&d, " event=queue-bad ",
	    "why=\"the key of its folder is lost\"", NULL) == 4), "%s",
	    daemon_last_words(&d));
	EXPECT(queue_deliver(&d, 15, 500, remote[0]) == 250, "not 250");
	/* The folder is empty now, and goes. */
	EXPECT(WAIT(queue_folders(&d) == 1), "%zu folders",
	    queue_folders(&d));
	daemon_stop(&d);
}

/*
 * What cannot be read now is neither lost nor damaged, and is told of once,
 * however often it is tried: a folder, its key, a file.
 */
TEST(unreadable)
{
	struct paths p;
	struct daemon d;

	harness_need_root("take a file from the user of smtpd");
	fill(&d, &p, 4);
	EXPECT(chmod(p.folder, 0) == 0, "folder");
	daemon_start(&d);
	harness_sleep_ms(3500);
	EXPECT(daemon_logged(&d, "read a folder of the queue", NULL) == 1,
	    "%zu lines", daemon_logged(&d, "read a folder", NULL));
	EXPECT(daemon_logged(&d, " event=queue-known ", NULL) == 0, "known");
	EXPECT(chmod(beside(&p, "key"), 0) == 0 &&
	    chmod(p.folder, 0700) == 0, "key");
	harness_sleep_ms(2500);
	EXPECT(daemon_logged(&d, "read a folder of the queue", NULL) == 1,
	    "the key: %s", daemon_last_words(&d));
	EXPECT(chmod(beside(&p, "key"), 0600) == 0, "key");
	expect_known(&d, 4);
	EXPECT(daemon_logged(&d, " event=queue-known ", NULL) == 1, "known");
	daemon_stop(&d);
	/* A file that no journal knows. */
	EXPECT(unlink(beside(&p, "journal")) == 0 && chmod(p.of[1], 0) == 0,
	    "journal");
	daemon_start(&d);
	expect_known(&d, 4);
	EXPECT(WAIT(daemon_logged(&d, "a queued message cannot be read",
	    "Permission denied", NULL) == 1), "%s", daemon_last_words(&d));
	harness_sleep_ms(2500);
	EXPECT(daemon_logged(&d, "cannot be read", NULL) == 1, "again");
	CTL_EXPECT(0, "its file cannot be read", "queue list -f %s", d.conf);
	EXPECT(chmod(p.of[1], 0600) == 0, "%s", p.of[1]);
	CTL_EXPECT(0, "", "queue retry -f %s all", d.conf);
	daemon_settle(&d);
	daemon_stop(&d);
	daemon_start(&d);
	expect_known(&d, 4);
	EXPECT(daemon_logged(&d, "cannot be read", NULL) == 0, "again");
	EXPECT(queue_bad(&d) == 0, "spool/bad has a file");
	daemon_stop(&d);
}

/* Each octet of the journal changed, each length of it: all mail is known. */
TEST(damaged_journal)
{
	const char *journal;
	struct paths p;
	struct daemon d;
	size_t n;
	char *text;

	fill(&d, &p, 5);
	journal = beside(&p, "journal");
	text = harness_read_file(journal, &n);
	EXPECT(n >= 5 * queue_record_bytes, "%zu octets", n);
	for (size_t at = 3; at < n; at += 79) {
		journal = beside(&p, "journal");
		if (at % 2 == 0)
			EXPECT(truncate(journal, (off_t)at) == 0, "truncate");
		else
			change_octet(journal, (off_t)at);
		daemon_start(&d);
		expect_known(&d, 5);
		EXPECT(queue_bad(&d) == 0, "octet %zu: something is bad", at);
		daemon_stop(&d);
	}
	free(text);
	EXPECT(queue_read_all(&d, NULL, NULL) == 5, "not all are there");
}

/* ---- the clock ---------------------------------------------------------- */

/* What the daemon left in spool/queue/owner; then with other text. */
static void
read_owner(long long *queue_s, long long *wall_s)
{
	char *text = harness_read_file(harness_path("root/spool/queue/owner"),
	    NULL);

	EXPECT(sscanf(text, "%lld %lld", queue_s, wall_s) == 2, "owner: %s",
	    text);
	free(text);
}

/* By how much the clock of the queue went on in a start with this owner. */
static long long
start_with(struct daemon *d, const char *text, long long before_s)
{
	long long queue_s, wall_s;

	harness_write_file(harness_path("root/spool/queue/owner"), text);
	daemon_start(d);
	expect_known(d, 1);
	daemon_stop(d);
	read_owner(&queue_s, &wall_s);
	return queue_s - before_s;
}

static long long
start_at(struct daemon *d, long long queue_s, long long wall_s)
{
	char text[100];

	snprintf(text, sizeof(text), "%lld %lld\n", queue_s, wall_s);
	return start_with(d, text, queue_s);
}

/* A clock that was, or is, wrong by years ages messages by a day at most. */
TEST(clock_leaps)
{
	const long long day = 24 * 60 * 60, years = 10 * 365 * day, most = 60;
	long long queue_s, wall_s, went;
	struct daemon d;

	serve(&d);
	EXPECT(queue_deliver(&d, 1, octets, remote[0]) == 250, "not 250");
	daemon_stop(&d);
	read_owner(&queue_s, &wall_s);
	went = start_at(&d, queue_s, wall_s);
	EXPECT(went >= 0 && went < most, "%lld s", went);
	went = start_at(&d, queue_s, wall_s - 3600);
	EXPECT(went >= 3600 && went < 3600 + most, "an hour away: %lld s",
	    went);
	went = start_at(&d, queue_s, wall_s - years);
	EXPECT(went >= day && went < day + most, "years away: %lld s", went);
	went = start_at(&d, queue_s, wall_s + years);
	EXPECT(went >= 0 && went < most, "back by years: %lld s", went);
	went = start_with(&d, "nonsense", queue_s);
	EXPECT(went >= 0 && went < most, "without it: %lld s", went);
	went = start_with(&d, "-5 7", queue_s);
	EXPECT(went >= 0 && went < most, "with nonsense: %lld s", went);
	EXPECT(daemon_logged(&d, " event=failed ", NULL) == 0, "expired");
}

/* ---- several masters ---------------------------------------------------- */

TEST(inetd_beside)
{
	struct daemon d;
	struct client c;
	pid_t pid;

	serve(&d);
	for (unsigned i = 0; i < 3; i++) {
		pid = spawn_inetd(&d, &c);
		EXPECT(client_reply(&c) == 220, "%s", c.reply);
		EXPECT(queue_mail(&c, i, 500, i == 1 ? mixed : remote) == 250,
		    "%s", c.reply);
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		EXPECT(spawn_wait(pid) == 0, "exit status");
	}
	EXPECT(WAIT(daemon_logged(&d, " event=queue-known messages=3 ",
	    NULL) == 1), "the daemon does not adopt them: %s",
	    daemon_last_words(&d));
	EXPECT(queue_read_all(&d, NULL, NULL) == 3, "not three messages");
	daemon_stop(&d);
	daemon_start(&d);
	expect_known(&d, 3);
	daemon_stop(&d);
}

/* A folder of another host is renamed into place beside the running daemon. */
TEST(folder_moved_in)
{
	struct paths p;
	struct daemon d;
	char away[512];

	fill(&d, &p, 3);
	snprintf(away, sizeof(away), "%s", harness_path("root/away"));
	EXPECT(rename(p.folder, away) == 0, "rename: %s", strerror(errno));
	daemon_start(&d);
	EXPECT(queue_deliver(&d, 9, 500, remote[0]) == 250, "not 250");
	EXPECT(rename(away, harness_path("root/spool/queue/"
	    "1m8pe00000000000")) == 0, "rename: %s", strerror(errno));
	EXPECT(WAIT(daemon_logged(&d, " event=queue-known messages=4 ",
	    NULL) == 1), "not adopted: %s", daemon_last_words(&d));
	EXPECT(queue_bad(&d) == 0, "something is bad");
	daemon_stop(&d);
}

/* Two masters on one root: one delivers; when it dies the other does. */
TEST(second_master)
{
	struct daemon first, second;
	char *text;

	serve(&first);
	text = harness_read_file(first.conf, NULL);
	second = first;
	snprintf(second.conf, sizeof(second.conf), "%s/second.conf",
	    harness_dir);
	harness_write_file(second.conf, text);
	free(text);
	daemon_add_conf(&second, "control %s/second\n", second.root);
	snprintf(second.log, sizeof(second.log), "%s/log.second", harness_dir);
	EXPECT(queue_deliver(&first, 1, 500, remote[0]) == 250, "not 250");
	daemon_start(&second);
	EXPECT(queue_deliver(&second, 2, 500, remote[0]) == 250, "not 250");
	EXPECT(queue_deliver(&first, 3, 500, remote[0]) == 250, "not 250");
	EXPECT(WAIT(daemon_logged(&first, " event=queue-known ", NULL) > 0),
	    "the first does not adopt: %s", daemon_last_words(&first));
	EXPECT(daemon_logged(&second, " event=queue-known ", NULL) == 0,
	    "both deliver");
	EXPECT(kill(first.pid, SIGKILL) == 0, "kill");
	daemon_wait_end(&first);
	first.pid = 0;
	expect_known(&second, 3);
	EXPECT(queue_deliver(&second, 4, 500, remote[0]) == 250, "not 250");
	EXPECT(queue_read_all(&second, NULL, NULL) == 4, "not four messages");
	daemon_stop(&second);
	daemon_start(&first);
	expect_known(&first, 4);
	daemon_stop(&first);
}

/* ---- many --------------------------------------------------------------- */

enum { many = 100000, of_folder = 4096, many_kib = 12 * 1024 };

static uid_t
nobody(void)
{
	const struct passwd *p = getpwnam("nobody");

	EXPECT(p != NULL, "no user nobody");
	return p->pw_uid;
}

static void
write_owned(const char *dir, const char *name, struct span s)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	EXPECT(fd != -1 && write(fd, s.p, s.n) == (ssize_t)s.n &&
	    fchown(fd, nobody(), (gid_t)-1) == 0, "%s: %s", path,
	    strerror(errno));
	close(fd);
}

/*
 * A folder with its key, n names and a journal that knows them all; they are
 * due in hours, so that nobody opens the files, which are empty.
 */
static void
write_folder(const struct daemon *d, unsigned number, unsigned n)
{
	static uint8_t key[queue_key_bytes],
	    journal[of_folder * queue_record_bytes];
	char dir[256], path[512], name[queue_name_bytes];
	struct queue_record r = { .size_kib = 4, .rcpts = 1,
	    .queued_s = (int64_t)time(NULL) };

	r.next_s = r.queued_s + 3 * 60 * 60;
	snprintf(dir, sizeof(dir), "%s/spool/queue/1m8pe0000000%04u", d->root,
	    number);
	EXPECT(mkdir(dir, 0700) == 0 && chown(dir, nobody(), (gid_t)-1) == 0,
	    "%s: %s", dir, strerror(errno));
	for (unsigned i = 0; i < n; i++) {
		struct queue_name q = { .lines = 9 };
		int fd;

		snprintf(q.id, sizeof(q.id), "1m8pf%04u%07u", number, i);
		memcpy(r.id, q.id, sizeof(r.id));
		queue_name_write(&q, name);
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		EXPECT(fd != -1, "%s: %s", path, strerror(errno));
		close(fd);
		queue_record_write(&r, i * queue_record_bytes, key,
		    journal + i * queue_record_bytes);
	}
	write_owned(dir, "key", span_from(key, sizeof(key)));
	write_owned(dir, "journal", span_from(journal,
	    n * queue_record_bytes));
}

/* One more message is taken while they are read, and at once. */
TEST(a_hundred_thousand)
{
	size_t empty, full;
	struct daemon d;
	int64_t from_ms, took_ms, known_ms;

	harness_need_root("mount a file system");
	daemon_init(&d, "", NULL);
	harness_mount(d.root, "size=600m,nr_inodes=200k");
	daemon_add_conf(&d, "%s", queue_relay);
	daemon_start(&d);
	daemon_settle(&d);
	empty = proc_kib(d.pid, "RssAnon");
	daemon_stop(&d);
	for (unsigned i = 0, left = many; left > 0; i++) {
		unsigned n = left < of_folder ? left : of_folder;

		write_folder(&d, i, n);
		left -= n;
	}
	harness_alone();
	from_ms = harness_now_ms();
	daemon_start(&d);
	EXPECT(queue_deliver(&d, 1, 500, remote[0]) == 250, "not 250");
	took_ms = harness_now_ms() - from_ms;
	EXPECT(WAIT(daemon_logged(&d, " event=queue-known messages=10000",
	    NULL) == 1), "not all are known: %s", daemon_last_words(&d));
	known_ms = harness_now_ms() - from_ms;
	daemon_settle(&d);
	full = proc_kib(d.pid, "RssAnon");
	printf("%u queued: %zu KiB more, known %lld ms after the start, a "
	    "message taken after %lld ms\n", many, full - empty,
	    (long long)known_ms, (long long)took_ms);
	EXPECT(full - empty <= many_kib, "%zu KiB more", full - empty);
	kill_daemon(&d);
}

/* ---- a full disk --------------------------------------------------------- */

/* Mail until 452; all that was answered is whole, and goes on after that. */
TEST(full_disk)
{
	const char *filler = harness_path("root/filler");
	unsigned n[2] = { 0, 0 };
	struct daemon d;
	struct client c;
	int fd, code = 0;

	daemon_init(&d, "\tdisk-reserve 256K\n", NULL);
	daemon_add_conf(&d, "%s", queue_relay);
	harness_mount(d.root, "size=4m");
	daemon_start(&d);
	client_open(&c, &d, NULL);
	/* Odd ones are for both; then all the rest of the disk is taken. */
	for (unsigned i = 0; i < 2000 && (code = queue_mail(&c, i, octets * 4,
	    i % 2 == 0 ? remote : mixed)) == 250; i++)
		n[i % 2]++;
	EXPECT(code == 452 && n[1] > 20, "%u messages, then %d %s", n[1],
	    code, c.reply);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, d.root, sizeof(d.root)) > 0)
		continue;
	close(fd);
	client_command(&c, "RSET");
	EXPECT(queue_mail(&c, 5000, octets, remote) == 452, "%s", c.reply);
	client_close(&c);
	EXPECT(queue_read_all(&d, NULL, NULL) == n[0] + n[1], "not all are "
	    "there");
	daemon_stop(&d);
	/* No space for a journal, either. */
	daemon_start(&d);
	expect_known(&d, n[0] + n[1]);
	EXPECT(queue_bad(&d) == 0, "something is bad");
	EXPECT(unlink(filler) == 0, "unlink");
	daemon_stop(&d);
	daemon_start(&d);
	expect_known(&d, n[0] + n[1]);
	daemon_stop(&d);
}

/* The disk gets full between RCPT and the end of the data. */
TEST(disk_full_while_data_come)
{
	const char *filler = harness_path("root/filler");
	struct daemon d;
	struct client c;
	char chunk[4096];
	int fd;

	daemon_init(&d, "\tdisk-reserve 64K\n", NULL);
	daemon_add_conf(&d, "%s", queue_relay);
	harness_mount(d.root, "size=3m");
	daemon_start(&d);
	for (unsigned i = 0; i < 2; i++) {
		char *text = mail_text(i, 800000, "\r\n");

		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<sender@example.org>");
		client_expect(&c, 250, "RCPT TO:<bob@example.net>");
		if (i == 1)
			client_expect(&c, 250, "RCPT TO:<alice@example.org>");
		client_expect(&c, 354, "DATA");
		memset(chunk, 'x', sizeof(chunk));
		fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		while (write(fd, chunk, sizeof(chunk)) > 0)
			continue;
		close(fd);
		EXPECT(client_send(&c, text, strlen(text)) &&
		    client_command(&c, ".") == 452, "%s", c.reply);
		client_close(&c);
		free(text);
		EXPECT(mail_none_incoming(&d), "a file is left");
		EXPECT(unlink(filler) == 0, "unlink");
	}
	EXPECT(queue_read_all(&d, NULL, NULL) == 0 && mail_total(&d) == 0,
	    "it is stored, too");
	EXPECT(daemon_logged(&d, " event=store-failed ", ".q why=", NULL) ==
	    1, "the file is another: %s", daemon_last_words(&d));
	EXPECT(queue_deliver(&d, 9, 500, remote[0]) == 250, "not 250");
	daemon_stop(&d);
}
