/*
 * What deletion does when something ends, or fails: at QUIT all that is marked
 * is gone, durably, or the client reads -ERR, or nothing; what is not marked is
 * there, whole, whoever is killed and whenever.  And a large mailbox.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/pop.h"
#include "t/system/proc.h"
#include "t/system/trace.h"

enum {
	messages = 6,
	stops_max = 2000,
	large = 100000,
	of_a_link = 50000	/* ext4 has 65,000 names for a file */
};

static void
put_all(const struct daemon *d)
{
	char name[64], text[64];

	for (int i = 1; i <= messages; i++) {
		int n = snprintf(text, sizeof(text), "a: b\n\nbody %d\n", i);

		snprintf(name, sizeof(name), "%s/%d.M1.host%s",
		    i % 2 ? "cur" : "new", 1000 + i, i % 2 ? ":2,S" : "");
		pop_put(d, "alice", name, text, (size_t)n);
	}
}

/* Which of the messages are there, a bit for each; all whole, no others. */
static unsigned
look(const struct daemon *d)
{
	unsigned there = 0;

	for (int part = 0; part < 2; part++) {
		struct dirent *e;
		char path[300];
		DIR *dir;

		snprintf(path, sizeof(path), "%s/%s", pop_box(d, "alice"),
		    part == 0 ? "new" : "cur");
		dir = opendir(path);
		EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
		while ((e = readdir(dir)) != NULL) {
			char file[600], want[64], *text;
			int n = atoi(e->d_name) - 1000;
			size_t octets;

			if (e->d_name[0] == '.')
				continue;
			EXPECT(n >= 1 && n <= messages && !(there & 1U << n),
			    "%s", e->d_name);
			there |= 1U << n;
			snprintf(file, sizeof(file), "%s/%s", path,
			    e->d_name);
			snprintf(want, sizeof(want), "a: b\n\nbody %d\n", n);
			text = harness_read_file(file, &octets);
			EXPECT(strcmp(text, want) == 0, "%s: %s", file, text);
			free(text);
		}
		closedir(dir);
	}
	return there;
}

static void
remove_all(const struct daemon *d)
{
	for (int part = 0; part < 2; part++) {
		struct dirent *e;
		char path[300];
		DIR *dir;

		snprintf(path, sizeof(path), "%s/%s", pop_box(d, "alice"),
		    part == 0 ? "new" : "cur");
		dir = opendir(path);
		EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
		while ((e = readdir(dir)) != NULL)
			if (e->d_name[0] != '.')
				unlinkat(dirfd(dir), e->d_name, 0);
		closedir(dir);
	}
}

enum { marked = 1U << 2 | 1U << 3 | 1U << 6, every = 0x7e };

/*
 * In a child: a session that deletes 2, 3 and 6; it exits with 0 when QUIT was
 * answered +OK, with 2 when -ERR, 1: it was cut off.  go: read before QUIT.
 */
static _Noreturn void
delete_some(const struct daemon *d, const char *from, int go)
{
	struct pop p;
	char octet;
	int got;

	if (!pop_connect(&p, d, from) || pop_login(&p, "alice") != pop_ok ||
	    pop_say(&p, "DELE 2") != pop_ok ||
	    pop_say(&p, "DELE 3") != pop_ok ||
	    pop_say(&p, "DELE 6") != pop_ok)
		_exit(1);
	if (go != -1 && read(go, &octet, 1) != 1)
		_exit(1);
	got = pop_say(&p, "QUIT");
	_exit(got == pop_ok ? 0 : got == pop_err ? 2 : 1);
}

enum target { TARGET_MASTER, TARGET_WORKER };

struct round {
	struct daemon	d;
	enum target	target;
	unsigned	killed;
	unsigned	answered;
	unsigned	seen[8];	/* by number of messages deleted */
};

/* The worker of the one session: all others sleep for a session. */
static pid_t
target_of(const struct round *r)
{
	pid_t workers[64];

	if (r->target == TARGET_MASTER)
		return r->d.pid;
	EXPECT(daemon_workers(&r->d, workers, 64) >= 1, "no worker");
	return workers[0];
}

static void
check_after(struct round *r, unsigned stop, int status)
{
	unsigned there = look(&r->d), gone = every & ~there, n = 0;

	EXPECT((gone & ~(unsigned)marked) == 0, "stop %u: what was not marked "
	    "is gone: %x", stop, gone);
	EXPECT(WIFEXITED(status), "stop %u: the client died", stop);
	if (WEXITSTATUS(status) == 0)
		EXPECT(gone == marked, "stop %u: +OK, and only %x of %x is "
		    "gone", stop, gone, (unsigned)marked);
	for (int i = 0; i < 8; i++)
		n += gone >> i & 1;
	r->seen[n]++;
	r->answered += WEXITSTATUS(status) == 0;
}

/* Kills the target at its count-th stop behind QUIT; false: it has fewer. */
static bool
one_round(struct round *r, unsigned count)
{
	enum trace_end end;
	char from[32];
	int go[2], status = 0;
	pid_t target, client;

	remove_all(&r->d);
	put_all(&r->d);
	daemon_settle(&r->d);
	/* An address of its own: that of a crash is refused for a while. */
	snprintf(from, sizeof(from), "127.1.%u.%u", count / 250,
	    1 + count % 250);
	EXPECT(pipe(go) == 0, "pipe: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0) {
		close(go[1]);
		delete_some(&r->d, from, go[0]);
	}
	close(go[0]);
	EXPECT(WAIT(daemon_logged(&r->d, " event=login ", from, NULL) == 1),
	    "no login: %s", daemon_last_words(&r->d));
	daemon_rest(&r->d);
	target = target_of(r);
	if (!trace_begin(target))
		harness_lacking("cannot trace: %s", strerror(errno));
	EXPECT(write(go[1], "x", 1) == 1, "write");
	end = trace_kill_at(target, count, client, &status);
	EXPECT(end != TRACE_GONE || r->target == TARGET_WORKER,
	    "stop %u: the process ended by itself", count);
	while (end != TRACE_DONE && waitpid(client, &status, 0) == -1)
		EXPECT(errno == EINTR, "waitpid: %s", strerror(errno));
	close(go[1]);
	if (end == TRACE_KILLED && r->target == TARGET_MASTER) {
		r->killed++;
		r->d.pid = 0;
		EXPECT(WAIT(proc_below(getpid(), (pid_t[1]){ 0 }, 1) == 0 ||
		    waitpid(-1, NULL, WNOHANG) < 0),
		    "stop %u: a process outlives its master", count);
		daemon_start(&r->d);
	} else if (end == TRACE_KILLED) {
		r->killed++;
		daemon_rest(&r->d);
	}
	check_after(r, count, status);
	return end == TRACE_KILLED;
}

static void
sweep(enum target target, unsigned step, unsigned least)
{
	struct round r = { .target = target };
	unsigned count = 1;

	harness_need_root("trace processes that hide");
	pop_serve(&r.d, "");
	while (count < stops_max && one_round(&r, count))
		count += step;
	EXPECT(count < stops_max, "no end of it");
	EXPECT(r.killed >= least, "only %u stops: was the right process "
	    "followed?", r.killed);
	printf("%u kills, %u answered; gone: none %u, some %u, all %u times\n",
	    r.killed, r.answered, r.seen[0], r.seen[1] + r.seen[2],
	    r.seen[3]);
	kill(r.d.pid, SIGKILL);
}

TEST(master)
{
	sweep(TARGET_MASTER, 2, 5);
}

TEST(worker)
{
	sweep(TARGET_WORKER, 1, 3);
}

/* QUIT is answered when it is on the disk: directories are synced before. */
static bool synced, unlinked;

static void
see(void *arg, size_t which, long call, const unsigned long long args[6])
{
	(void)arg;
	(void)which;
	(void)args;
	if (call == SYS_unlinkat || call == SYS_unlink || call == SYS_renameat)
		unlinked = true;
	if (unlinked && (call == SYS_fsync || call == SYS_fdatasync))
		synced = true;
}

/* RFC 1939 6: +OK of QUIT says that they are gone: for good. */
TEST(durable)
{
	pid_t all[3], client;
	struct daemon d;
	int status = 0, go[2];
	size_t n = 0;

	harness_need_root("trace processes that hide");
	pop_serve(&d, "");
	put_all(&d);
	daemon_settle(&d);
	EXPECT(pipe(go) == 0, "pipe: %s", strerror(errno));
	fflush(stdout);
	client = fork();
	if (client == 0)
		delete_some(&d, NULL, go[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=login ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	daemon_rest(&d);
	all[n++] = d.pid;
	proc_signal_others(d.pid, 'd', SIGSTOP);
	all[n++] = proc_helper(d.pid, 'd');
	for (size_t i = 0; i < n; i++)
		if (!trace_begin(all[i]))
			harness_lacking("cannot trace: %s", strerror(errno));
	EXPECT(write(go[1], "x", 1) == 1, "write");
	trace_watch(all, n, client, &status, see, NULL);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x",
	    status);
	EXPECT(unlinked && synced, "+OK, and nothing is on the disk");
	EXPECT(look(&d) == (every & ~(unsigned)marked), "%x", look(&d));
	proc_signal_others(d.pid, 'd', SIGCONT);
	daemon_stop(&d);
}

/* The disk fails in the midst: -ERR, and what is said is so. */
TEST(calls_fail)
{
	static const long calls[] = { SYS_unlinkat, SYS_renameat, SYS_fsync };
	unsigned failures = 0, errors = 0;
	struct daemon d;

	harness_need_root("trace processes that hide");
	if (!trace_can_fail())
		harness_skip("no system call can be made to fail here");
	pop_serve(&d, "");
	proc_signal_others(d.pid, 'd', SIGSTOP);
	for (unsigned i = 0; i < 12; i++) {
		long call = calls[i % 3];
		char from[32];
		int go[2], status = 0;
		pid_t client, target;
		unsigned gone;

		remove_all(&d);
		put_all(&d);
		daemon_settle(&d);
		snprintf(from, sizeof(from), "127.0.2.%u", 1 + i);
		EXPECT(pipe(go) == 0, "pipe: %s", strerror(errno));
		fflush(stdout);
		client = fork();
		if (client == 0)
			delete_some(&d, from, go[0]);
		EXPECT(WAIT(daemon_logged(&d, " event=login ", from, NULL) ==
		    1), "%s", daemon_last_words(&d));
		daemon_rest(&d);
		target = call == SYS_fsync ? proc_helper(d.pid, 'd') : d.pid;
		if (!trace_begin(target))
			harness_lacking("cannot trace: %s", strerror(errno));
		EXPECT(write(go[1], "x", 1) == 1, "write");
		close(go[1]);
		close(go[0]);
		if (!trace_fail_at(target, call, 1 + i / 3, EIO, client,
		    &status))
			continue;
		failures++;
		errors += WEXITSTATUS(status) == 2;
		gone = every & ~look(&d);
		EXPECT((gone & ~(unsigned)marked) == 0, "%ld: %x", call,
		    gone);
		EXPECT(WEXITSTATUS(status) != 0 || gone == marked,
		    "call %ld failed, +OK, and %x of %x is gone", call, gone,
		    (unsigned)marked);
	}
	printf("%u calls failed, QUIT was -ERR %u times\n", failures, errors);
	EXPECT(failures > 0 && errors > 0, "nothing failed");
	proc_signal_others(d.pid, 'd', SIGCONT);
	daemon_stop(&d);
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Deliveries until the child is told to end: the slowest but for 1 %. */
static void
watch_service(const struct daemon *d, int until)
{
	static int64_t took[20000];
	size_t n = 0;
	struct client c;

	fcntl(until, F_SETFL, O_NONBLOCK);
	client_open(&c, d, "127.0.0.9");
	client_expect(&c, 250, "EHLO a.example");
	while (n < 20000 && read(until, &(char){ 0 }, 1) == -1) {
		int64_t begin = harness_now_ms();

		client_expect(&c, 250, "MAIL FROM:<>");
		client_expect(&c, 250, "RCPT TO:<bob@example.org>");
		client_expect(&c, 250, "RSET");
		took[n++] = harness_now_ms() - begin;
		harness_sleep_ms(2);
	}
	qsort(took, n, sizeof(took[0]), compare);
	EXPECT(n > 0, "no session");
	printf("beside it MAIL and RCPT took p99 %lld ms, worst %lld ms of "
	    "%zu\n", (long long)took[n * 99 / 100], (long long)took[n - 1], n);
	fflush(stdout);
	_exit(took[n * 99 / 100] > 500);
}

static void
put_large(const struct daemon *d)
{
	char path[300], name[300];
	const char *box = pop_box(d, "alice");

	for (int i = 0; i < large; i++) {
		snprintf(name, sizeof(name),
		    "%s/%s/%d.M%dP1.host,S=%d,W=%d%s", box,
		    i % 2 ? "cur" : "new", 1000000000 + i, i, 12, 15,
		    i % 2 ? ":2,S" : "");
		if (i % of_a_link == 0) {
			pop_put(d, "alice", name + strlen(box) + 1,
			    "a: b\n\nbodyy\n", 12);
			snprintf(path, sizeof(path), "%s", name);
		} else
			EXPECT(link(path, name) == 0, "%s: %s", name,
			    strerror(errno));
	}
}

/* The master's memory is bounded, and its turns are short. */
TEST(large_mailbox)
{
	int64_t begin, took[4];
	size_t count, octets, kib, before;
	struct daemon d;
	struct pop p;
	int end[2], status;
	pid_t child;

	pop_serve(&d, "");
	put_large(&d);
	before = proc_kib(d.pid, "VmRSS");
	EXPECT(pipe(end) == 0, "pipe");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		close(end[1]);
		watch_service(&d, end[0]);
	}
	begin = harness_now_ms();
	pop_enter(&p, &d, "alice");
	pop_stat(&p, &count, &octets);
	took[0] = harness_now_ms() - begin;
	EXPECT(count == large && octets == (size_t)large * 15, "%s", p.reply);
	begin = harness_now_ms();
	EXPECT(pop_fetch(&p, "LIST") == pop_ok, "%s", p.reply);
	took[1] = harness_now_ms() - begin;
	EXPECT(strstr(p.text, "\n100000 15\r\n") != NULL, "LIST is cut");
	begin = harness_now_ms();
	EXPECT(pop_fetch(&p, "UIDL") == pop_ok, "%s", p.reply);
	took[2] = harness_now_ms() - begin;
	EXPECT(strstr(p.text, "\n100000 1000099999.M99999P1.host,S=12,W=15\r\n")
	    != NULL, "UIDL is cut");
	for (int i = 1; i <= large; i += large / 10)
		EXPECT(pop_fetch(&p, "RETR %d", i) == pop_ok, "%s", p.reply);
	kib = proc_kib(d.pid, "VmRSS");
	begin = harness_now_ms();
	for (int i = 1; i <= large; i += 100)
		pop_send(&p, "DELE %d", i);
	for (int i = 1; i <= large; i += 100)
		EXPECT(pop_answer(&p) == pop_ok, "%s", p.reply);
	pop_quit(&p);
	took[3] = harness_now_ms() - begin;
	EXPECT(write(end[1], "x", 1) == 1 &&
	    waitpid(child, &status, 0) == child, "no end");
	printf("%d messages: login and STAT %lld ms, LIST %lld ms, UIDL %lld "
	    "ms, 1,000 deleted in %lld ms; the master grows by %zu KiB\n",
	    large, (long long)took[0], (long long)took[1], (long long)took[2],
	    (long long)took[3], kib - before);
	EXPECT(status == 0, "others wait");
	EXPECT(pop_files(&d, "alice") == large - 1000, "%zu",
	    pop_files(&d, "alice"));
	EXPECT(took[0] < 20000 && kib - before < 64 * 1024, "too much");
	daemon_stop(&d);
}
