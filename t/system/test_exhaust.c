/*
 * No descriptor is left, or no process may be made any more: it says so, what
 * runs goes on, and everything is as before when the pressure ends.  The
 * limits of running processes are lowered from here by prlimit(2).
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum { clients_max = 32 };

static const char *const alice[] = { "alice", NULL };

static unsigned
id_of(pid_t pid, const char *key)
{
	char text[128];

	proc_status(pid, key, text, sizeof(text));
	return (unsigned)strtoul(text, NULL, 10);
}

/* As the user of that process: root may not everywhere. */
static _Noreturn void
set_soft(pid_t pid, __rlimit_resource_t what, rlim_t soft)
{
	gid_t gid = id_of(pid, "Gid");
	uid_t uid = id_of(pid, "Uid");
	struct rlimit limit;

	if (geteuid() == 0 && (setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1))
		_exit(errno);
	if (prlimit(pid, what, NULL, &limit) == -1)
		_exit(errno);
	limit.rlim_cur = soft == RLIM_INFINITY ? limit.rlim_max : soft;
	_exit(prlimit(pid, what, &limit, NULL) == -1 ? errno : 0);
}

/* Sets the soft limit of a process, RLIM_INFINITY: as far as it may go. */
static void
set_limit(pid_t pid, __rlimit_resource_t what, rlim_t soft)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		set_soft(pid, what, soft);
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status),
	    "waitpid: %s", strerror(errno));
	if (WEXITSTATUS(status) != 0)
		harness_lacking("cannot set a limit of process %d: %s",
		    (int)pid, strerror(WEXITSTATUS(status)));
}

/* So many more descriptors than it has now, which only root can count. */
static void
leave_fds(const struct daemon *d, rlim_t more)
{
	static struct proc_fd fds[proc_fds_max];
	int n = proc_fds(d->pid, fds), next = 0;

	EXPECT(n > 0, "/proc/%d/fd: %s", (int)d->pid, strerror(errno));
	/* The limit is one of numbers, and the lowest free one is taken. */
	for (int i = 0; i < n && fds[i].fd == next; i++)
		next++;
	set_limit(d->pid, RLIMIT_NOFILE, (rlim_t)next + more);
}

static void
expect_intact(const struct daemon *d)
{
	EXPECT(proc_is_gone(d->pid) == false, "the master has ended: %s",
	    daemon_last_words(d));
	EXPECT(daemon_logged(d, " event=worker-crash ", NULL) == 0 &&
	    daemon_logged(d, " event=worker-attack ", NULL) == 0,
	    "a worker was taken for an attacker: %s", daemon_last_words(d));
	EXPECT(daemon_logged(d, " event=nursery-lost ", NULL) == 0,
	    "a nursery was lost: %s", daemon_last_words(d));
}

static void
expect_deliver(struct client *c, unsigned number)
{
	int code = client_mail(c, number, 300, alice);

	EXPECT(code == 250, "message %u: %d %s", number, code, c->reply);
}

/* Connected, perhaps not accepted yet. */
static void
come(struct client *c, const struct daemon *d, size_t count)
{
	for (size_t i = 0; i < count; i++)
		EXPECT(client_connect(&c[i], d, NULL), "connect: %s",
		    strerror(errno));
}

/* Each is greeted and served, however long it had to wait. */
static void
expect_all_served(struct client *c, const struct daemon *d, size_t count,
    unsigned number)
{
	for (size_t i = 0; i < count; i++) {
		int code = client_reply(&c[i]);

		EXPECT(code == 220, "client %zu is greeted with %d \"%s\": %s",
		    i, code, c[i].reply, daemon_last_words(d));
		expect_deliver(&c[i], number + (unsigned)i);
		client_close(&c[i]);
	}
}

/* Nobody can be accepted; the sessions that are there go on. */
TEST(no_descriptor_to_accept)
{
	enum { count = 5 };
	struct client inside, late[count];
	struct daemon d;
	size_t said;

	daemon_serve(&d, "");
	client_open(&inside, &d, NULL);
	daemon_settle(&d);
	set_limit(d.pid, RLIMIT_NOFILE, 0);
	come(late, &d, count);
	EXPECT(WAIT(daemon_logged(&d, " event=error ",
	    "accept on 127.0.0.1 port ", "Too many open files", NULL) > 0),
	    "not in the log: %s", daemon_last_words(&d));
	/* It is tried again each second, not each turn. */
	said = daemon_logged(&d, " event=error ", NULL);
	harness_sleep_ms(1000);
	EXPECT(daemon_logged(&d, " event=error ", NULL) <= said + 20,
	    "%zu lines in a second", daemon_logged(&d, " event=error ",
	    NULL) - said);
	client_expect(&inside, 250, "EHLO client.example.net");
	client_expect(&inside, 250, "MAIL FROM:<>");
	client_expect(&inside, 451, "RCPT TO:<alice@example.org>");
	EXPECT(WAIT(daemon_logged(&d, "alice@example.org",
	    "Too many open files", NULL) == 1), "not in the log: %s",
	    daemon_last_words(&d));
	client_expect(&inside, 250, "RSET");
	set_limit(d.pid, RLIMIT_NOFILE, RLIM_INFINITY);
	expect_all_served(late, &d, count, 10);
	expect_deliver(&inside, 1);
	client_close(&inside);
	expect_intact(&d);
	EXPECT(mail_total(&d) == count + 1 && mail_none_incoming(&d),
	    "%zu messages", mail_total(&d));
	daemon_stop(&d);
}

/*
 * A few are left, and each is wanted twice: by a client, and by the channel
 * of the worker that is to be its.
 */
TEST(few_descriptors)
{
	enum { count = 12 };
	struct client c[count];
	struct daemon d;

	harness_need_root("count descriptors of processes that hide");
	daemon_serve(&d, "");
	for (rlim_t more = 0; more < 8; more++) {
		daemon_settle(&d);
		leave_fds(&d, more);
		come(c, &d, count);
		/* Long enough to try in vain, whatever it tries. */
		EXPECT(WAIT_FOR(1500, proc_is_gone(d.pid)) == false,
		    "%d descriptors: the master has ended: %s", (int)more,
		    daemon_last_words(&d));
		set_limit(d.pid, RLIMIT_NOFILE, RLIM_INFINITY);
		expect_all_served(c, &d, count, 100 * (unsigned)more);
	}
	expect_intact(&d);
	EXPECT(mail_total(&d) == 8 * count && mail_none_incoming(&d),
	    "%zu messages", mail_total(&d));
	daemon_stop(&d);
}

/* The nurseries may not fork; whoever comes waits until they may. */
TEST(no_process)
{
	enum { count = 12 };
	struct client c[count];
	pid_t nurseries[2];
	struct daemon d;
	size_t said;

	daemon_serve(&d, "");
	daemon_settle(&d);
	EXPECT(daemon_nurseries(&d, nurseries) == 2, "not two nurseries");
	for (int i = 0; i < 2; i++)
		set_limit(nurseries[i], RLIMIT_NPROC, 0);
	come(c, &d, count);
	/* The workers that are there already serve. */
	EXPECT(client_reply(&c[0]) == 220, "greeted with %s", c[0].reply);
	expect_deliver(&c[0], 0);
	EXPECT(WAIT(daemon_logged(&d, " event=error ", "could not fork",
	    NULL) > 0), "not in the log: %s", daemon_last_words(&d));
	said = daemon_logged(&d, " event=error ", NULL);
	harness_sleep_ms(1000);
	EXPECT(daemon_logged(&d, " event=error ", NULL) <= said + 64,
	    "%zu lines in a second", daemon_logged(&d, " event=error ",
	    NULL) - said);
	for (int i = 0; i < 2; i++)
		set_limit(nurseries[i], RLIMIT_NPROC, RLIM_INFINITY);
	expect_all_served(c + 1, &d, count - 1, 1);
	client_close(&c[0]);
	expect_intact(&d);
	EXPECT(mail_total(&d) == count && mail_none_incoming(&d),
	    "%zu messages", mail_total(&d));
	daemon_stop(&d);
}

/* No nursery can be bred to stand by: the one that is left goes on. */
TEST(no_process_for_a_nursery)
{
	pid_t nurseries[2];
	struct daemon d;

	daemon_serve(&d, "");
	daemon_settle(&d);
	EXPECT(daemon_nurseries(&d, nurseries) == 2, "not two nurseries");
	set_limit(nurseries[0], RLIMIT_NPROC, 0);
	EXPECT(kill(nurseries[1], SIGKILL) == 0, "kill: %s",
	    strerror(errno));
	EXPECT(WAIT(daemon_logged(&d, " event=nursery-lost ", NULL) == 1),
	    "no nursery-lost");
	EXPECT(client_deliver(&d, NULL, 1, 300, "alice") == 250,
	    "no service: %s", daemon_last_words(&d));
	EXPECT(WAIT_FOR(2500, proc_is_gone(d.pid)) == false,
	    "the master has ended: %s", daemon_last_words(&d));
	set_limit(nurseries[0], RLIMIT_NPROC, RLIM_INFINITY);
	EXPECT(client_deliver(&d, NULL, 2, 300, "alice") == 250,
	    "no service: %s", daemon_last_words(&d));
	daemon_stop(&d);
}
