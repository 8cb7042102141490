/*
 * The log as a file: rotated under load, not to be opened again, not a file
 * at all, on a full disk; to where nobody reads; and what of it a kill leaves.
 */
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/events.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/trace.h"

enum { rotations = 6, deliveries = 60 };

static void
give_to_master(const char *path)
{
	const struct passwd *pw = getpwnam("nobody");

	if (geteuid() == 0)
		EXPECT(pw != NULL && chown(path, pw->pw_uid, pw->pw_gid) == 0,
		    "chown %s: %s", path, strerror(errno));
}

/* A directory of the log's own, and the daemon's to write to. */
static void
init(struct daemon *d)
{
	daemon_init(d, "", NULL);
	snprintf(d->err, sizeof(d->err), "%s", harness_path("err"));
	snprintf(d->log, sizeof(d->log), "%s", harness_path("logs/log"));
	EXPECT(mkdir(harness_path("logs"), 0755) == 0, "mkdir: %s",
	    strerror(errno));
	give_to_master(harness_path("logs"));
	daemon_add_conf(d, "log to %s\n", d->log);
}

static size_t
count_in(const char *path, const char *needle)
{
	size_t n, count = 0;
	char *text = harness_read_file(path, &n);

	EXPECT(n == 0 || text[n - 1] == '\n', "%s: no line at its end", path);
	for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
		count++;
	free(text);
	return count;
}

TEST(file_of_master)
{
	char out[1024];
	struct daemon d;
	struct stat st;

	init(&d);
	daemon_start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "no 250");
	/* The logger has it before the client knows, and writes it then. */
	EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) == 1),
	    "not in the log: %s", daemon_last_words(&d));
	EXPECT(stat(d.log, &st) == 0 && (st.st_mode & 07777) == 0600,
	    "%s: mode %o", d.log, (unsigned)st.st_mode);
	EXPECT(geteuid() != 0 || st.st_uid == getpwnam("nobody")->pw_uid,
	    "%s: of uid %u", d.log, (unsigned)st.st_uid);
	daemon_stop(&d);
	EXPECT(count_in(d.err, "event=") == 0, "the log is on stderr");
	{
		char *args[] = { strdup(harness_smtpd), strdup("-n"),
		    strdup("-f"), d.conf, NULL };

		EXPECT(daemon_run(&d, args, out, sizeof(out)) == 0 &&
		    strstr(out, "\nlog to /") != NULL, "-n: %s", out);
	}
}

/* Signalled, it writes to the file of the name again. */
static void
rotate(const struct daemon *d, unsigned i)
{
	const char *old = harness_path("logs/log.%u", i);

	EXPECT(rename(d->log, old) == 0, "rename: %s", strerror(errno));
	kill(d->pid, SIGUSR1);
	EXPECT(WAIT_FOR(5000, access(d->log, F_OK) == 0 &&
	    count_in(d->log, " event=reopen why=SIGUSR1") == 1),
	    "the log is not opened again");
}

/* Nothing is lost, twice there, or cut, however often it is moved away. */
TEST(rotation)
{
	size_t connects = 0, stores = 0, ends = 0;
	struct daemon d;

	init(&d);
	daemon_start(&d);
	for (unsigned i = 0; i < deliveries; i++) {
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "no 250");
		if (i % (deliveries / rotations) == 5)
			rotate(&d, i / (deliveries / rotations));
	}
	d.log_from = 0;
	daemon_stop(&d);
	for (unsigned i = 0; i <= rotations; i++) {
		const char *path = i == rotations ? d.log :
		    harness_path("logs/log.%u", i);

		events_check(path);
		connects += count_in(path, " event=connect ");
		stores += count_in(path, " event=store ");
		ends += count_in(path, " event=disconnect ");
	}
	EXPECT(connects == deliveries && stores == deliveries &&
	    ends == deliveries, "%zu connects, %zu stores, %zu disconnects",
	    connects, stores, ends);
}

/* What stands there now is a link: the file it has goes on, and says so. */
TEST(not_again)
{
	char old[256], victim[256];
	struct daemon d;
	struct stat st;

	init(&d);
	daemon_start(&d);
	snprintf(old, sizeof(old), "%s", harness_path("logs/old"));
	snprintf(victim, sizeof(victim), "%s", harness_path("victim"));
	harness_write_file(victim, "");
	EXPECT(rename(d.log, old) == 0 && symlink(victim, d.log) == 0,
	    "symlink: %s", strerror(errno));
	kill(d.pid, SIGUSR1);
	EXPECT(WAIT_FOR(5000, count_in(old, " event=error what=\"the log "
	    "file cannot be opened again") == 1), "nothing is said");
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "no 250");
	EXPECT(WAIT_FOR(5000, count_in(old, " event=store ") == 1),
	    "not in the old file");
	EXPECT(stat(victim, &st) == 0 && st.st_size == 0, "link followed");
	EXPECT(unlink(d.log) == 0 && rename(old, d.log) == 0, "rename");
	daemon_stop(&d);
}

static void
start_fails(const struct daemon *d, const char *why)
{
	char *args[] = { strdup(harness_smtpd), strdup("-d"), strdup("-f"),
	    strdup(d->conf), strdup("-w"), strdup(d->worker), NULL };
	char out[1024];

	EXPECT(daemon_run(d, args, out, sizeof(out)) == 1, "it ran: %s", out);
	EXPECT(strstr(out, d->log) != NULL && strstr(out, why) != NULL,
	    "not \"%s\": %s", why, out);
}

TEST(no_file)
{
	struct daemon d;

	init(&d);
	EXPECT(mkdir(d.log, 0755) == 0, "mkdir: %s", strerror(errno));
	start_fails(&d, "it is no plain file");
	EXPECT(rmdir(d.log) == 0 && symlink(d.conf, d.log) == 0, "symlink");
	start_fails(&d, "it is a symbolic link");
	EXPECT(unlink(d.log) == 0 && link(d.conf, d.log) == 0, "link");
	start_fails(&d, "it has several names");
	EXPECT(unlink(d.log) == 0 && rmdir(harness_path("logs")) == 0,
	    "rmdir");
	start_fails(&d, "No such file or directory");
}

/* Root could open it at start, and nobody could after a rotation. */
TEST(only_root_can)
{
	struct daemon d;

	harness_need_root("make a file that the master may not open");
	init(&d);
	harness_write_file(d.log, "");
	EXPECT(chmod(d.log, 0600) == 0, "chmod");
	start_fails(&d, "could not be opened again after a rotation");
}

/* Lines wait for room, and none of them is written in part. */
TEST(full_disk)
{
	struct daemon d;
	size_t before;
	unsigned i;
	int fd;

	harness_need_root("mount a small file system");
	init(&d);
	harness_mount(harness_path("logs"), "size=64k,mode=1777");
	daemon_start(&d);
	fd = open(harness_path("logs/filler"), O_WRONLY | O_CREAT, 0600);
	EXPECT(fd != -1, "filler: %s", strerror(errno));
	while (write(fd, d.conf, sizeof(d.conf)) > 0)
		continue;
	/* The page the log ends in still has room for some lines. */
	for (i = 0; i < 40; i++)
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "a full log is in the way of mail");
	before = daemon_logged(&d, " event=store ", NULL);
	EXPECT(before < i, "all %u lines found room", i);
	EXPECT(ftruncate(fd, 0) == 0 && close(fd) == 0, "filler");
	EXPECT(client_deliver(&d, NULL, 100, 500, "alice") == 250, "no 250");
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=store ", NULL) ==
	    i + 1), "what waited is not written: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* A socket where syslog is looked for. */
static int
bind_syslog(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
	    .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	EXPECT(fd != -1 && bind(fd, (struct sockaddr *)&addr,
	    sizeof(addr)) == 0 && chmod("/dev/log", 0666) == 0,
	    "/dev/log: %s", strerror(errno));
	return fd;
}

/* The same in a /dev of this test's own. */
static int
make_syslog(void)
{
	harness_mount("/dev", "mode=755");
	if (mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == -1 ||
	    mknod("/dev/urandom", S_IFCHR | 0666, makedev(1, 9)) == -1 ||
	    chmod("/dev/null", 0666) == -1)
		harness_lacking("no /dev: %s", strerror(errno));
	return bind_syslog();
}

/* Gathers what has come to a socket or pipe, a line each. */
static const char *
read_syslog(int fd)
{
	static char text[1 << 20];
	static size_t at;
	ssize_t n;

	while ((n = read(fd, text + at, sizeof(text) - at - 2)) > 0) {
		at += (size_t)n;
		if (text[at - 1] != '\n')
			text[at++] = '\n';
	}
	text[at] = '\0';
	return text;
}

/* Its log is what comes from fd. */
static void
start_with_reader(struct daemon *d, int fd)
{
	const char *port;

	daemon_launch(d);
	EXPECT(WAIT_FOR(harness_patience_ms, strstr(read_syslog(fd),
	    "event=start ") != NULL), "no start: %s", daemon_last_words(d));
	port = strstr(read_syslog(fd), " port=");
	EXPECT(port != NULL, "no port");
	d->port = atoi(port + 6);
}

static void
start_with_syslog(struct daemon *d, int fd)
{
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "log to syslog\n");
	start_with_reader(d, fd);
}

static void
end_with_syslog(struct daemon *d, int fd)
{
	EXPECT(WAIT_FOR(harness_patience_ms, strstr(read_syslog(fd),
	    "disconnect ") != NULL), "no disconnect: %s", read_syslog(fd));
	kill(d->pid, SIGTERM);
	EXPECT(daemon_wait_end(d) == 0, "its end");
	EXPECT(strstr(read_syslog(fd), "event=stop status=0") != NULL,
	    "no stop: %s", read_syslog(fd));
}

/* Facility mail is 2: 2 * 8 + 6 is what is information. */
TEST(syslog_events)
{
	int fd = make_syslog();
	struct daemon d;

	start_with_syslog(&d, fd);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "no 250");
	end_with_syslog(&d, fd);
	EXPECT(strncmp(read_syslog(fd), "<22>", 4) == 0 &&
	    strstr(read_syslog(fd), " smtpd[") != NULL &&
	    strstr(read_syslog(fd), "]: event=connect session=") != NULL &&
	    strstr(read_syslog(fd), "]: event=store session=") != NULL,
	    "syslog: %s", read_syslog(fd));
}

/* What a client says of itself cannot forge a line, or an address. */
TEST(words_of_postfix)
{
	static const char *const two[] = { "alice", "bob", NULL };
	static const char *const parts[] = { "]: connect from "
	    "unknown[127.0.0.1]\n", ": client=unknown[127.0.0.1], session=",
	    " mx.example.org postfix/qmgr[", ", nrcpt=2 (queue active)\n",
	    ": to=<alice@example.org>, relay=virtual, delay=0.",
	    ": to=<bob@example.org>, relay=virtual, delay=0.",
	    ", dsn=2.0.0, status=sent (delivered to maildir)\n",
	    ": removed\n", ": 550 5.1.1 <\"a b\\x3e, to=\\x3cx\"@example.org>:"
	    " Recipient address rejected: User unknown in virtual mailbox "
	    "table; from=<a@b.example> to=<",
	    ": 550 5.7.1 <x@y.example>: Relay access denied; from=<",
	    "]: NOQUEUE: reject: COMMAND from unknown[127.0.0.1]: 503 ",
	    "]: lost connection after UNKNOWN from unknown[127.0.0.1]\n",
	    "]: disconnect from unknown[127.0.0.1] commands=7/10\n" };
	struct daemon d;
	struct client c;
	char *got;

	init(&d);
	daemon_start(&d);
	client_open(&c, &d, NULL);
	EXPECT(client_mail(&c, 1, 500, two) == 250, "no 250");
	client_expect(&c, 250, "MAIL FROM:<a@b.example>");
	client_expect(&c, 550, "RCPT TO:<\"a b>, to=<x\"@example.org>");
	client_expect(&c, 550, "RCPT TO:<x@y.example>");
	client_expect(&c, 503, "DATA");
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	got = events_as_postfix(&d);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		EXPECT(strstr(got, parts[i]) != NULL, "no \"%s\" in %s",
		    parts[i], got);
	free(got);
	daemon_stop(&d);
}

static long long
lost_lines(const struct daemon *d)
{
	static const char *const args[] = { "stats", "--json", NULL };
	static struct ctl ctl;

	ctl_ask(&ctl, d->conf, args);
	return ctl_json(&ctl, "log_lines_lost");
}

/*
 * Mail goes on while nobody reads fd.  Then somebody does: what waited comes,
 * how much was lost, and the lines from then on.
 */
static void
unread(const struct daemon *d, int fd)
{
	const char *behind;
	long long lost;
	char want[64];
	unsigned i = 0;

	while ((lost = lost_lines(d)) == 0 && i < 2000)
		for (unsigned k = 0; k < 20; k++)
			EXPECT(client_deliver(d, NULL, i++, 10, "alice") ==
			    250, "letter %u while nobody reads the log", i);
	EXPECT(lost > 0, "%u letters, and no line lost", i);
	snprintf(want, sizeof(want), "event=log-lost lines=%lld\n", lost);
	EXPECT(WAIT_FOR(5000, strstr(read_syslog(fd), want) != NULL),
	    "no %s", want);
	EXPECT(client_deliver(d, NULL, i, 10, "alice") == 250, "no 250");
	behind = strstr(read_syslog(fd), want);
	EXPECT(WAIT_FOR(5000, strstr(read_syslog(fd), "") != NULL &&
	    strstr(behind, " event=disconnect ") != NULL),
	    "nothing behind %s", want);
}

/* A pipe: container runtimes and supervisors read standard error by one. */
TEST(stderr_unread)
{
	struct daemon d;
	int fd;

	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "log to stderr\n");
	snprintf(d.err, sizeof(d.err), "%s", harness_path("pipe"));
	EXPECT(mkfifo(d.err, 0600) == 0, "mkfifo: %s", strerror(errno));
	fd = open(d.err, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	EXPECT(fd != -1 && fcntl(fd, F_SETPIPE_SZ, 4096) != -1, "pipe: %s",
	    strerror(errno));
	start_with_reader(&d, fd);
	unread(&d, fd);
	/* Nor does it wait for long when it ends. */
	while (write(fd, d.conf, sizeof(d.conf)) > 0)
		continue;
	kill(d.pid, SIGTERM);
	EXPECT(daemon_wait_end(&d) == 0, "its end");
}

/* And a syslogd that is started anew is found. */
TEST(syslog_unread)
{
	int fd = make_syslog(), again;
	struct daemon d;

	start_with_syslog(&d, fd);
	unread(&d, fd);
	EXPECT(unlink("/dev/log") == 0, "unlink: %s", strerror(errno));
	close(fd);
	again = bind_syslog();
	end_with_syslog(&d, again);
}

static pid_t
logger_of(const struct daemon *d)
{
	pid_t logger;

	EXPECT(WAIT((logger = proc_helper(d->pid, 'l')) != 0), "no logger");
	return logger;
}

/*
 * The disk of the log hangs, and so who writes to it: mail goes on, what is
 * lost is counted; and what waited is there when the disk is.
 */
TEST(logger_hangs)
{
	struct daemon d;
	char want[64];
	unsigned i = 0;
	long long lost;
	pid_t logger;

	init(&d);
	daemon_start(&d);
	logger = logger_of(&d);
	kill(logger, SIGSTOP);
	while ((lost = lost_lines(&d)) == 0 && i < 3000)
		for (unsigned k = 0; k < 20; k++)
			EXPECT(client_deliver(&d, NULL, i++, 10, "alice") ==
			    250, "letter %u while the log hangs", i);
	EXPECT(lost > 0, "%u letters, and no line lost", i);
	snprintf(want, sizeof(want), " event=log-lost lines=%lld", lost);
	kill(logger, SIGCONT);
	EXPECT(WAIT(daemon_logged(&d, want, NULL) == 1), "no%s", want);
	EXPECT(client_deliver(&d, NULL, i, 10, "bob") == 250, "no 250");
	EXPECT(WAIT(daemon_logged(&d, " event=store ", "to=<bob@", NULL) ==
	    1), "nothing behind it");
	/* Nothing between was lost: all that connected did so before. */
	EXPECT(logger_of(&d) == logger, "it is another one");
	EXPECT(count_in(d.log, " event=store ") > 100, "only %zu",
	    count_in(d.log, " event=store "));
	daemon_stop(&d);
}

/* It ends with lines that it has not read: each is there, by the master. */
TEST(logger_killed)
{
	struct daemon d;
	pid_t logger;

	init(&d);
	daemon_start(&d);
	logger = logger_of(&d);
	kill(logger, SIGSTOP);
	for (unsigned i = 0; i < deliveries; i++)
		EXPECT(client_deliver(&d, NULL, i, 10, "alice") == 250,
		    "letter %u", i);
	kill(logger, SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ",
	    " helper=logger ", NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(WAIT(daemon_logged(&d, " event=helper-started ",
	    " helper=logger ", NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(client_deliver(&d, NULL, deliveries, 10, "alice") == 250,
	    "with another one");
	EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) ==
	    deliveries + 1), "%zu of %d", daemon_logged(&d, " event=store ",
	    NULL), deliveries + 1);
	daemon_stop(&d);
	EXPECT(count_in(d.log, " event=log-lost ") == 0, "lines were lost");
}

/* A write fails, and the next does not: no line is left out, none is torn. */
TEST(logger_fails_once)
{
	int status = 0;
	struct daemon d;
	pid_t child;

	harness_need_root("trace a process that hides");
	if (!trace_can_fail())
		harness_skip("no system call can be made to fail here");
	init(&d);
	daemon_start(&d);
	daemon_settle(&d);
	EXPECT(trace_begin(logger_of(&d)), "trace: %s", strerror(errno));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		for (unsigned i = 0; i < 5; i++)
			if (client_deliver(&d, NULL, i, 10, "alice") != 250)
				_exit(1);
		_exit(0);
	}
	EXPECT(trace_fail_at(logger_of(&d), SYS_write, 1, ENOSPC, child,
	    &status) && status == 0, "no write, or no 250");
	EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) == 5), "%zu of 5",
	    daemon_logged(&d, " event=store ", NULL));
	daemon_stop(&d);
	EXPECT(count_in(d.log, " event=connect ") == 5 &&
	    count_in(d.log, " event=disconnect ") == 5, "lines are missing");
}

/*
 * What was answered for is in the log, whole, whatever happens then: also what
 * the logger has not read yet when the master is killed.
 */
TEST(killed)
{
	struct daemon d;
	pid_t logger;

	init(&d);
	daemon_start(&d);
	logger = logger_of(&d);
	for (unsigned i = 0; i < 20; i++) {
		if (i == 10)
			kill(logger, SIGSTOP);
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "no 250");
	}
	kill(d.pid, SIGKILL);
	kill(logger, SIGCONT);
	daemon_kill(&d);
	EXPECT(count_in(d.log, " event=store ") == 20, "lines are lost");
	events_check(d.log);
}

/* The same, when an answer of the logger was not read: a reset is no end. */
TEST(killed_with_answer_unread)
{
	struct daemon d;
	pid_t logger;

	harness_need_root("trace a process that hides");
	init(&d);
	daemon_start(&d);
	logger = logger_of(&d);
	daemon_settle(&d);
	EXPECT(trace_begin(logger), "trace: %s", strerror(errno));
	for (unsigned i = 0; i < 5; i++)
		EXPECT(client_deliver(&d, NULL, i, 500, "alice") == 250,
		    "no 250");
	proc_stop(d.pid);
	EXPECT(trace_hold_at(logger, SYS_sendmsg) &&
	    ptrace(PTRACE_SYSCALL, logger, 0UL, 0UL) == 0 &&
	    trace_hold_at(logger, SYS_recvmsg), "no answer");
	kill(d.pid, SIGKILL);
	EXPECT(WAIT(proc_is_gone(d.pid)), "not killed");
	trace_release(logger);
	daemon_kill(&d);
	EXPECT(count_in(d.log, " event=store ") == 5, "lines are lost");
}
