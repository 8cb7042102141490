/*
 * Commits of which one call fails, or the process that makes the fsyncs: what
 * the others of the batch are told, and what lies in the Maildirs then.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/trace.h"

enum {
	crowd = 6, crowd_rcpts = 16,	/* more Maildirs than a batch has */
	storm_senders = 8, storm_each = 60
};

static unsigned
number_of(unsigned round, unsigned sender)
{
	return round * 10 + sender;
}

static void
start(struct daemon *d)
{
	harness_need_root("trace processes that hide");
	if (!trace_can_fail())
		harness_skip("no system call can be made to fail here");
	daemon_serve(d, "");
}

/* DATA and the text of a message for n mailboxes, u(FIRST) and on. */
static void
open_for(struct client *c, const struct daemon *d, unsigned number,
    unsigned first, unsigned n)
{
	char names[crowd_rcpts][16], *text = mail_text(number, 500, "\r\n");
	const char *rcpts[crowd_rcpts + 1];

	for (unsigned i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u", first + i);
		rcpts[i] = names[i];
	}
	rcpts[n] = NULL;
	client_open(c, d, NULL);
	EXPECT(client_begin(c, rcpts) == 354, "DATA: %s", c->reply);
	EXPECT(client_send(c, text, strlen(text)), "send");
	free(text);
}

static pid_t
disk_process(const struct daemon *d)
{
	pid_t disk;

	EXPECT(WAIT((disk = proc_helper(d->pid, 'd')) != 0), "no disk "
	    "process: %s", daemon_last_words(d));
	return disk;
}

/*
 * The master finds all final dots at once, and the count-th call of who fails.
 * A bit for each message that was answered 250; the others were 451.
 */
static int
all_at_once(const struct daemon *d, struct client *c, unsigned n, pid_t who,
    long call, unsigned count, int error)
{
	int status = 0, taken = 0;
	pid_t child;

	daemon_settle(d);
	kill(d->pid, SIGSTOP);
	for (unsigned i = 0; i < n; i++)
		EXPECT(client_send(&c[i], ".\r\n", 3), "send");
	harness_sleep_ms(300);
	EXPECT(trace_begin(who), "trace: %s", strerror(errno));
	kill(d->pid, SIGCONT);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		for (unsigned i = 0; i < n; i++) {
			int code = client_reply(&c[i]);

			taken |= code == 250 ? 1 << i : code == 451 ? 0 : 128;
		}
		_exit(taken);
	}
	EXPECT(trace_fail_at(who, call, count, error, child, &status) &&
	    WIFEXITED(status) && WEXITSTATUS(status) < 128,
	    "no such call, or another reply than 250 and 451");
	for (unsigned i = 0; i < n; i++)
		client_close(&c[i]);
	return WEXITSTATUS(status);
}

/* Where there can be no link, a copy is made. */
TEST(links_refused)
{
	static const int errors[] = { EXDEV, EPERM, EMLINK, EOPNOTSUPP };
	struct client c;
	struct daemon d;

	start(&d);
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		open_for(&c, &d, i, 0, 2);
		EXPECT(all_at_once(&d, &c, 1, d.pid, SYS_linkat, 1,
		    errors[i]) == 1,
		    "%s: %s", strerror(errors[i]), daemon_last_words(&d));
		EXPECT(mail_copies(&d, "u0", i) == 1 &&
		    mail_copies(&d, "u1", i) == 1, "%s: it is not in both",
		    strerror(errors[i]));
	}
	daemon_stop(&d);
	EXPECT(mail_none_incoming(&d), "a file is left in spool/incoming");
}

/* One fsync of a directory fails: nobody of its batch is answered 250. */
TEST(batch_sync_fails)
{
	struct client c[crowd];
	struct daemon d;
	char user[16];

	start(&d);
	proc_signal_others(d.pid, 'd', SIGSTOP);
	for (unsigned round = 0; round < 3; round++) {
		unsigned refused = 0;
		int taken;

		for (unsigned i = 0; i < crowd; i++) {
			open_for(&c[i], &d, number_of(round, i),
			    i * crowd_rcpts, crowd_rcpts);
			/* The first round makes the Maildirs. */
			if (round == 0)
				client_expect(&c[i], 250, ".");
			if (round == 0)
				client_close(&c[i]);
		}
		if (round == 0)
			continue;
		taken = all_at_once(&d, c, crowd, disk_process(&d), SYS_fsync,
		    round == 1 ? 1 : 30, EIO);
		for (unsigned i = 0; i < crowd * crowd_rcpts; i++) {
			bool was = taken & 1 << i / crowd_rcpts;

			snprintf(user, sizeof(user), "u%u", i);
			EXPECT(mail_copies(&d, user, number_of(round,
			    i / crowd_rcpts)) == was, "round %u: message %u "
			    "answered %d, and %s", round, i / crowd_rcpts,
			    was ? 250 : 451, user);
			refused += !was;
		}
		refused /= crowd_rcpts;
		EXPECT(refused >= 2 && refused < crowd && daemon_logged(&d,
		    " event=store-failed ", "fsync of a Maildir", NULL) >=
		    refused, "round %u: %u refused", round, refused);
	}
	proc_signal_others(d.pid, 'd', SIGCONT);
	daemon_stop(&d);
}

/* What cannot be taken out of a Maildir again is told. */
TEST(store_left)
{
	char path[200], file[220];
	struct client c;
	struct daemon d;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	open_for(&c, &d, 2, 0, 2);
	snprintf(path, sizeof(path), "%s/mail/example.org/u1/new", d.root);
	snprintf(file, sizeof(file), "%s.away", path);
	EXPECT(rename(path, file) == 0 && symlink("/", path) == 0, "%s: %s",
	    path, strerror(errno));
	EXPECT(all_at_once(&d, &c, 1, d.pid, SYS_unlinkat, 1, EIO) == 0,
	    "not 451");
	EXPECT(mail_copies(&d, "u0", 2) == 1, "nothing was left");
	EXPECT(WAIT(daemon_logged(&d, " event=store-left ", " mailboxes=1 ",
	    " to=u0@example.org ", NULL) == 1), "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

static bool
has_answer(const struct client *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* A message for u1 whose final dot is sent, and a disk that stands still. */
static pid_t
hold_up(const struct daemon *d, struct client *c, unsigned number)
{
	pid_t disk = disk_process(d);

	proc_signal_others(d->pid, 'd', SIGSTOP);
	kill(disk, SIGSTOP);
	open_for(c, d, number, 1, 1);
	EXPECT(client_send(c, ".\r\n", 3), "send");
	EXPECT(WAIT(mail_copies(d, "u1", number) == 1), "not linked");
	harness_sleep_ms(500);
	EXPECT(!has_answer(c), "answered before its fsync");
	return disk;
}

static void
expect_another(const struct daemon *d, pid_t old, const char *why)
{
	char pid[16];

	EXPECT(WAIT(daemon_logged(d, " event=helper-lost ", " helper=disk ",
	    why, "waits for the disk itself", NULL) == 1), "%s",
	    daemon_last_words(d));
	EXPECT(WAIT(daemon_logged(d, " event=helper-started ", " helper=disk ",
	    NULL) == 1), "%s", daemon_last_words(d));
	daemon_log_value(d, "helper-started", "pid", pid, sizeof(pid));
	EXPECT(atoi(pid) > 0 && atoi(pid) != old, "process %s", pid);
	EXPECT(client_deliver(d, NULL, 9, 500, "u1") == 250, "u1");
	EXPECT(mail_copies(d, "u1", 9) == 1, "u1 has it not");
}

/*
 * The worker is lost while its message waits for the disk: it was not
 * answered, and no Maildir keeps it.
 */
TEST(worker_lost_in_commit)
{
	struct client c;
	struct daemon d;
	pid_t disk, workers[64];
	size_t count;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	disk = hold_up(&d, &c, 2);
	count = daemon_workers(&d, workers, 64);
	for (size_t i = 0; i < count; i++)
		kill(workers[i], SIGKILL);
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", NULL) == 2), "%s",
	    daemon_last_words(&d));
	proc_signal_others(d.pid, 'd', SIGCONT);
	kill(disk, SIGCONT);
	EXPECT(WAIT(mail_copies(&d, "u1", 2) == 0), "a Maildir has it");
	/* Who loses a worker is refused for a while. */
	EXPECT(client_deliver(&d, "127.0.0.2", 3, 500, "u1") == 250, "u1: %s",
	    daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=store ", NULL) == 2, "logged");
	daemon_stop(&d);
}

/* The master makes the fsync of who waits, and the next is asked again. */
TEST(disk_killed)
{
	struct client c;
	struct daemon d;
	pid_t disk;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	disk = hold_up(&d, &c, 2);
	proc_signal_others(d.pid, 'd', SIGKILL);
	kill(disk, SIGKILL);
	EXPECT(client_reply(&c) == 250, "%s", c.reply);
	client_close(&c);
	expect_another(&d, disk, "it has ended");
	daemon_stop(&d);
}

/* Is that the master's own fsync?  Where it fails, the answer is no. */
TEST(disk_killed_and_sync_fails)
{
	int status = 0;
	struct client c;
	struct daemon d;
	pid_t disk, child;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	disk = hold_up(&d, &c, 2);
	EXPECT(trace_begin(d.pid), "trace: %s", strerror(errno));
	proc_signal_others(d.pid, 'd', SIGKILL);
	kill(disk, SIGKILL);
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(client_reply(&c) == 451 ? 0 : 1);
	EXPECT(trace_fail_at(d.pid, SYS_fsync, 1, EIO, child, &status) &&
	    status == 0, "not 451");
	client_close(&c);
	EXPECT(WAIT(mail_copies(&d, "u1", 2) == 0), "451, and delivered");
	daemon_stop(&d);
}

/* Nobody can start it again, and the server goes on without. */
TEST(disk_outlives_keeper)
{
	struct daemon d;
	pid_t disk;

	start(&d);
	disk = disk_process(&d);
	kill(proc_helper(d.pid, 'k'), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", " helper=keeper ",
	    NULL) == 1), "%s", daemon_last_words(&d));
	kill(disk, SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", " helper=disk ",
	    "nothing can start it again", NULL) == 1), "%s",
	    daemon_last_words(&d));
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	harness_sleep_ms(2500);		/* the tick of the helpers */
	EXPECT(client_deliver(&d, NULL, 2, 500, "u1") == 250, "u1");
	EXPECT(daemon_logged(&d, " event=helper-lost ", NULL) == 2, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(disk_hangs)
{
	struct client c, other;
	struct daemon d;
	pid_t hung[8], disk;
	size_t n;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	disk = hold_up(&d, &c, 2);
	n = proc_helpers(d.pid, 'd', hung, 8);
	/* The loop goes on: whoever comes is served up to the final dot. */
	open_for(&other, &d, 3, 2, 1);
	EXPECT(client_reply(&c) == 250, "%s", c.reply);
	client_close(&c);
	client_expect(&other, 250, ".");
	client_close(&other);
	expect_another(&d, disk, "it does not answer");
	while (n-- > 0)
		kill(hung[n], SIGCONT);
	daemon_stop(&d);
}

/* One sync lasts: whoever comes meanwhile is answered after another. */
TEST(syncs_at_once)
{
	struct client c;
	struct daemon d;
	pid_t disk;

	start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "u1") == 250, "u1");
	disk = disk_process(&d);
	proc_signal_others(d.pid, 'd', SIGSTOP);
	EXPECT(trace_begin(disk), "trace: %s", strerror(errno));
	open_for(&c, &d, 2, 1, 1);
	EXPECT(client_send(&c, ".\r\n", 3), "send");
	EXPECT(trace_hold_at(disk, SYS_fsync), "no fsync");
	proc_signal_others(d.pid, 'd', SIGCONT);
	for (unsigned i = 3; i < 6; i++)
		EXPECT(client_deliver(&d, NULL, i, 500, "u1") == 250, "%u", i);
	EXPECT(!has_answer(&c), "answered before its fsync");
	trace_release(disk);
	EXPECT(client_reply(&c) == 250, "%s", c.reply);
	client_close(&c);
	daemon_stop(&d);
}

/* A sync of the message log that lasts is not asked for a second time. */
TEST(log_sync_lasts)
{
	struct client c;
	struct daemon d;
	pid_t disk;

	start(&d);
	disk = disk_process(&d);
	proc_signal_others(d.pid, 'd', SIGSTOP);
	EXPECT(trace_begin(disk), "trace: %s", strerror(errno));
	open_for(&c, &d, 1, 1, 1);
	EXPECT(client_send(&c, ".\r\n", 3), "send");
	EXPECT(trace_hold_at(disk, SYS_fdatasync), "no fdatasync");
	EXPECT(client_reply(&c) == 250, "%s", c.reply);
	client_close(&c);
	proc_signal_others(d.pid, 'd', SIGCONT);
	for (unsigned i = 2; i < 5; i++) {
		EXPECT(client_deliver(&d, NULL, i, 500, "u1") == 250, "%u", i);
		harness_sleep_ms(1100);
	}
	trace_release(disk);
	EXPECT(client_deliver(&d, NULL, 5, 500, "u1") == 250, "u1");
	daemon_stop(&d);
}

/* In a child: messages one after the other, while it can; how many. */
static _Noreturn void
send_on(const struct daemon *d, unsigned sender, int out)
{
	for (unsigned i = 0; i < storm_each; i++) {
		unsigned number = 100 + sender * storm_each + i;

		if (client_deliver(d, NULL, number, 500, "u1") == 250 &&
		    write(out, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
	_exit(0);
}

/* Nobody notices: each message is answered 250, and is there once. */
TEST(killed_under_load)
{
	unsigned number, taken = 0, killed = 0;
	pid_t children[storm_senders];
	struct daemon d;
	int ends[2];

	start(&d);
	EXPECT(pipe(ends) == 0, "pipe");
	fflush(stdout);
	for (unsigned i = 0; i < storm_senders; i++) {
		children[i] = fork();
		if (children[i] == 0)
			send_on(&d, i, ends[1]);
	}
	close(ends[1]);
	for (; killed < 3; killed++) {
		pid_t disks[8];

		/* One of them, and so all; the first only waits for them. */
		EXPECT(WAIT(proc_helpers(d.pid, 'd', disks, 8) > 4), "too few");
		kill(disks[killed], SIGKILL);
		EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ",
		    " helper=disk ", NULL) == killed + 1), "%s",
		    daemon_last_words(&d));
	}
	while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
		EXPECT(mail_copies(&d, "u1", number) == 1, "%u", number);
		taken++;
	}
	for (unsigned i = 0; i < storm_senders; i++)
		waitpid(children[i], NULL, 0);
	EXPECT(taken == storm_senders * storm_each, "%u taken", taken);
	daemon_stop(&d);
}
