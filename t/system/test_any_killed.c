/*
 * Each process but the master is killed at its system calls while a message
 * comes in and leaves: the master goes on, and what was answered is in the
 * Maildir once, and with the next host; twice if it was under way.  Or smtpd is
 * stopped there, and started again: then nothing arrives twice.
 */
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/queue.h"
#include "t/system/sink.h"
#include "t/system/trace.h"

enum { octets = 3000, processes_max = 64, stops_max = 1000 };

static const char *const both[] = { "alice@example.org", "bob@example.net",
    NULL };

/* Kinds: options of helpers, and two more. */
static const char kinds[] = "sadlcnw";

struct sweep {
	struct daemon	d;
	struct sink	to;
	pid_t		pids[processes_max];
	char		kind[processes_max];
	size_t		count;		/* processes traced */
	unsigned	killed[sizeof(kinds)];
	unsigned	answered, twice;
};

static void
trace_all(struct sweep *s, bool master)
{
	pid_t all[processes_max], nurseries[2];
	size_t n = proc_below(s->d.pid, all, processes_max - 1);
	size_t births = daemon_nurseries(&s->d, nurseries);

	s->count = 0;
	for (size_t i = 0; i < n; i++) {
		char kind = 'w';

		for (size_t k = 0; k < births; k++)
			if (all[i] == nurseries[k])
				kind = 'n';
		for (size_t k = 0; k < 5; k++)
			if (proc_has_option(all[i], kinds[k]))
				kind = kinds[k];
		if (trace_begin(all[i])) {
			s->kind[s->count] = kind;
			s->pids[s->count++] = all[i];
		}
	}
	if (master && trace_begin(s->d.pid)) {
		s->kind[s->count] = 'm';
		s->pids[s->count++] = s->d.pid;
	}
	if (s->count == 0)
		harness_lacking("cannot trace: %s", strerror(errno));
}

/* In a child: one message; it ends when the sink has it, or soon after. */
static _Noreturn void
send_one(const struct sweep *s, unsigned number)
{
	const size_t before = sink_count(&s->to);
	struct client c;
	int code;

	if (!client_connect(&c, &s->d, NULL) || client_reply(&c) != 220)
		_exit(1);
	code = queue_mail(&c, number, octets, both);
	if (code == 250)
		(void)WAIT_FOR(2000, sink_count(&s->to) > before ||
		    proc_is_gone(s->d.pid));
	_exit(code / 10);
}

/* What was deferred meanwhile is tried at once. */
static bool
leaves(const struct sweep *s)
{
	if (queue_files(&s->d) == 0)
		return true;
	(void)ctl("queue retry -f %s all", s->d.conf);
	return false;
}

static void
check_round(struct sweep *s, unsigned number, char kind, int code)
{
	const bool answered = code == 25;
	size_t there, here;

	/* Of a worker that was killed behind COMMIT all is taken back. */
	daemon_rest(&s->d);
	EXPECT(WAIT(leaves(s)), "%c, stop %u: message %u stays in the queue: "
	    "%s", kind, number, number, daemon_last_words(&s->d));
	there = sink_copies(&s->to, number, octets);
	here = mail_copies(&s->d, "alice", number);
	EXPECT(here <= 1 && there <= 2, "%c, stop %u: %zu in the Maildir, %zu "
	    "arrived", kind, number, here, there);
	EXPECT((here > 0) == (there > 0), "%c, stop %u: %zu in the Maildir, "
	    "%zu arrived", kind, number, here, there);
	EXPECT(!answered || here == 1, "%c, stop %u: answered 250, and lost",
	    kind, number);
	s->twice += there == 2;
	s->answered += answered;
	EXPECT(queue_bad(&s->d) == 0, "%c, stop %u: spool/bad has a file", kind,
	    number);
}

/*
 * Until one of step system calls of any process, which it returns and holds
 * there; or "-" when the message left before.  The client goes on in *client.
 */
static char
send_until(struct sweep *s, unsigned number, bool master, unsigned step,
    pid_t *client, pid_t *held)
{
	enum trace_end end;
	size_t which = 0;
	int status;

	daemon_settle(&s->d);
	trace_all(s, master);
	fflush(stdout);
	*client = fork();
	if (*client == 0)
		send_one(s, number);
	end = trace_hold_one(s->pids, s->count, number * step + 1, *client,
	    &status, &which);
	EXPECT(end != TRACE_GONE, "stop %u: all have ended", number);
	*held = s->pids[which];
	if (end == TRACE_HELD)
		return s->kind[which];
	EXPECT(WIFEXITED(status), "stop %u: the client died", number);
	check_round(s, number, '-', WEXITSTATUS(status));
	return '-';
}

static int
code_of(pid_t client, unsigned number)
{
	int status;

	EXPECT(waitpid(client, &status, 0) == client && WIFEXITED(status),
	    "stop %u: the client died", number);
	return WEXITSTATUS(status);
}

static void
begin(struct sweep *s)
{
	harness_need_root("trace processes that hide");
	sink_start(&s->to, "sink", "take", 0);
	daemon_init(&s->d, "", NULL);
	daemon_add_conf(&s->d, "relay {\n\tfrom 127.0.0.0/8\n\tvia 127.0.0.1 "
	    "port %d\n\ttls never\n}\n", s->to.port);
	daemon_start(&s->d);
}

static void
end(struct sweep *s, unsigned stops)
{
	EXPECT(stops < stops_max && stops > 20, "%u stops", stops);
	printf("%u stops, %u answered, %u arrived twice\n", stops, s->answered,
	    s->twice);
	daemon_stop(&s->d);
	sink_stop(&s->to);
}

TEST(any_killed)
{
	struct sweep s = { .count = 0 };
	unsigned round = 0;
	pid_t client, held;
	char kind;

	begin(&s);
	for (; round < stops_max && (kind = send_until(&s, round, false, 4,
	    &client, &held)) != '-'; round++) {
		s.killed[strchr(kinds, kind) - kinds]++;
		trace_kill(held);
		check_round(&s, round, kind, code_of(client, round));
		/* Else a helper that ended soon is started after a pause. */
		daemon_kill(&s.d);
		daemon_start(&s.d);
	}
	for (size_t i = 0; kinds[i] != '\0'; i++)
		printf("%c %u, ", kinds[i], s.killed[i]);
	for (const char *k = "cdnw"; *k != '\0'; k++)
		EXPECT(s.killed[strchr(kinds, *k) - kinds] > 0, "no -%c", *k);
	end(&s, round);
}

TEST(stopped_at_any_call)
{
	struct sweep s = { .count = 0 };
	unsigned round = 0;
	pid_t client, held;
	char kind;

	begin(&s);
	for (; round < stops_max && (kind = send_until(&s, round, true, 9,
	    &client, &held)) != '-'; round++) {
		int code;

		kill(s.d.pid, SIGTERM);
		trace_release(held);
		code = code_of(client, round);
		daemon_expect_end(&s.d);
		daemon_start(&s.d);
		check_round(&s, round, kind, code);
		EXPECT(s.twice == 0, "%c, stop %u: it arrived twice", kind,
		    round);
	}
	end(&s, round);
}
