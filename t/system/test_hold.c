/*
 * What each process holds and is held by, read from /proc: users, groups,
 * capabilities, sandbox, descriptors, and whether its own user may look into
 * it.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum { family_max = 64 };

/* A daemon with one session that stands in the middle of DATA. */
struct scene {
	struct daemon	d;
	struct client	c;
	pid_t		nurseries[2];
	pid_t		workers[family_max];
	size_t		worker_count;
	pid_t		busy;		/* the worker in that session */
};

static uid_t
uid_of(const char *name)
{
	const struct passwd *pw = getpwnam(name);

	EXPECT(pw != NULL, "no user %s on this machine", name);
	return geteuid() == 0 ? pw->pw_uid : geteuid();
}

static gid_t
gid_of(const char *name)
{
	const struct passwd *pw = getpwnam(name);

	EXPECT(pw != NULL, "no user %s on this machine", name);
	return geteuid() == 0 ? pw->pw_gid : getegid();
}

static void
look_at_family(struct scene *s)
{
	daemon_settle(&s->d);
	EXPECT(daemon_nurseries(&s->d, s->nurseries) == 2,
	    "not two nurseries");
	s->worker_count = daemon_workers(&s->d, s->workers, family_max);
}

/* A worker takes its file when the first octets of a message come. */
static bool
has_file(const struct scene *s)
{
	enum { channel_client_file_and_standard = 6 };

	for (size_t i = 0; i < s->worker_count; i++)
		if (proc_fd_count(s->workers[i]) ==
		    channel_client_file_and_standard)
			return true;
	return false;
}

static void
begin_message(struct scene *s)
{
	static const char *const alice[] = { "alice", NULL };
	int code;

	client_open(&s->c, &s->d, NULL);
	code = client_begin(&s->c, alice);
	EXPECT(code == 354, "DATA: %d %s", code, s->c.reply);
	EXPECT(client_send(&s->c, "Subject: half\r\n", 15), "send");
	look_at_family(s);
	EXPECT(geteuid() != 0 || WAIT(has_file(s)),
	    "no worker takes its file");
}

static void
open_scene(struct scene *s)
{
	daemon_init(&s->d, "", NULL);
	daemon_start(&s->d);
	begin_message(s);
}

static void
check_four(pid_t pid, const char *key, unsigned want)
{
	char text[128];
	unsigned id[4];

	proc_status(pid, key, text, sizeof(text));
	EXPECT(sscanf(text, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]) ==
	    4, "%s: %s", key, text);
	for (int i = 0; i < 4; i++)
		EXPECT(id[i] == want, "process %d: %s %s, not %u", (int)pid,
		    key, text, want);
}

static void
check_groups(pid_t pid, gid_t want)
{
	char text[256], *p = text, *end;

	if (geteuid() != 0)
		return;		/* an ordinary user's groups are not ours */
	proc_status(pid, "Groups", text, sizeof(text));
	for (;;) {
		unsigned long id = strtoul(p, &end, 10);

		if (end == p)
			break;
		EXPECT(id == want, "process %d: groups %s, not %u",
		    (int)pid, text, (unsigned)want);
		p = end;
	}
}

static void
check_capabilities(pid_t pid)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff",
	    "CapAmb", "CapBnd" };
	/* The bounding set can only be emptied by root. */
	size_t count = geteuid() == 0 ? 5 : 4;
	char text[64];

	for (size_t i = 0; i < count; i++) {
		proc_status(pid, sets[i], text, sizeof(text));
		EXPECT(strspn(text, "0") == strlen(text),
		    "process %d: %s is %s", (int)pid, sets[i], text);
	}
}

static void
check_sandbox(pid_t pid)
{
	char text[64];

	proc_status(pid, "NoNewPrivs", text, sizeof(text));
	EXPECT(strcmp(text, "1") == 0, "process %d: NoNewPrivs %s", (int)pid,
	    text);
	proc_status(pid, "Seccomp", text, sizeof(text));
	EXPECT(strcmp(text, "2") == 0, "process %d: Seccomp %s", (int)pid,
	    text);
}

static void
check_held(pid_t pid, const char *user)
{
	check_four(pid, "Uid", uid_of(user));
	check_four(pid, "Gid", gid_of(user));
	check_groups(pid, gid_of(user));
	check_capabilities(pid);
	check_sandbox(pid);
}

TEST(users_and_rights)
{
	struct scene s;

	open_scene(&s);
	if (geteuid() == 0)
		EXPECT(uid_of("nobody") != 0 && uid_of("daemon") != 0 &&
		    uid_of("nobody") != uid_of("daemon"), "users");
	check_held(s.d.pid, "nobody");
	check_held(proc_helper(s.d.pid, 'd'), "nobody");
	check_held(proc_helper(s.d.pid, 'k'), "nobody");
	for (int i = 0; i < 2; i++)
		check_held(s.nurseries[i], "daemon");
	for (size_t i = 0; i < s.worker_count; i++)
		check_held(s.workers[i], "daemon");
	client_close(&s.c);
	daemon_stop(&s.d);
}

/* The same after a nursery has executed itself, and for the one it breeds. */
TEST(rights_after_renewal)
{
	static const char *const alice[] = { "alice", NULL };
	pid_t all[family_max];
	struct scene s;
	size_t n;

	daemon_init(&s.d, "", NULL);
	daemon_start(&s.d);
	client_open(&s.c, &s.d, "127.0.0.9");
	EXPECT(client_begin(&s.c, alice) == 354, "DATA: %s", s.c.reply);
	look_at_family(&s);
	EXPECT(kill(s.workers[0], SIGKILL) == 0, "kill: %s",
	    strerror(errno));
	EXPECT(WAIT(daemon_logged(&s.d, " event=worker-crash ",
	    NULL) == 1), "no worker-crash");
	kill(s.nurseries[1], SIGKILL);
	EXPECT(WAIT(daemon_nurseries(&s.d, all) == 1),
	    "the killed nursery is still there");
	EXPECT(WAIT(client_deliver(&s.d, NULL, 1, 500, "bob") ==
	    250), "no service after it");
	EXPECT(daemon_awaits_nurseries(&s.d, 2),
	    "no second nursery was bred");
	n = proc_below(s.d.pid, all, family_max);
	for (size_t i = 0; i < n; i++)
		if (!proc_is_gone(all[i]))
			check_held(all[i], proc_has_option(all[i], 'd') ||
			    proc_has_option(all[i], 'k') ? "nobody" :
			    "daemon");
	client_close(&s.c);
	daemon_stop(&s.d);
}

/* What a descriptor is, in one word; its number in the kernel left out. */
static const char *
kind_of(const struct scene *s, const struct proc_fd *fd)
{
	static char kind[300];
	size_t n = strlen(s->d.root);

	if (strncmp(fd->what, s->d.root, n) == 0)
		snprintf(kind, sizeof(kind), "ROOT%s", fd->what + n);
	else if (strcmp(fd->what, s->d.log) == 0)
		snprintf(kind, sizeof(kind), "stderr");
	else
		snprintf(kind, sizeof(kind), "%.*s",
		    (int)strcspn(fd->what, "["), fd->what);
	if (strncmp(kind, "ROOT/spool/incoming/", 20) == 0)
		snprintf(kind, sizeof(kind), "incoming-file");
	return kind;
}

struct held {
	const char	*kind;
	size_t		 min;
	size_t		 max;
};

static void
check_fds(const struct scene *s, pid_t pid, const char *whose,
    const struct held *want, size_t count)
{
	static struct proc_fd fds[proc_fds_max];
	size_t got[16] = { 0 };
	int n = proc_fds(pid, fds);

	EXPECT(n != -1, "/proc/%d/fd: %s", (int)pid, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *kind = kind_of(s, &fds[i]);
		size_t k;

		for (k = 0; k < count; k++)
			if (strcmp(kind, want[k].kind) == 0)
				break;
		EXPECT(k < count, "%s holds %d: %s", whose, fds[i].fd,
		    fds[i].what);
		got[k]++;
	}
	for (size_t k = 0; k < count; k++)
		EXPECT(got[k] >= want[k].min && got[k] <= want[k].max,
		    "%s holds %zu of %s, not %zu", whose, got[k],
		    want[k].kind, want[k].min);
}

#define CHECK_FDS(s, pid, whose, want) \
	check_fds(s, pid, whose, want, sizeof(want) / sizeof((want)[0]))

static void
check_master_fds(const struct scene *s)
{
	/*
	 * A listener, the control socket, two nurseries, disk, the keeper, the
	 * workers: no client, no message.
	 */
	size_t sockets = 1 + 1 + 2 + 2 + s->worker_count;
	const struct held want[] = {
		{ "/dev/null", 1, 1 }, { "stderr", 2, 2 },
		{ "ROOT", 1, 1 }, { "ROOT/mail", 1, 1 },
		{ "ROOT/control.lock", 1, 1 },
		{ "ROOT/log", 1, 1 }, { "ROOT/log/message", 1, 1 },
		{ "ROOT/log/refused", 1, 1 },
		{ "ROOT/spool/incoming", 1, 1 }, { "ROOT/spool/bad", 1, 1 },
		{ "ROOT/spool/queue", 1, 1 },
		{ "ROOT/spool/queue/owner", 1, 1 },
		/* libevent: its queue, and how a signal wakes it */
		{ "anon_inode:", 1, 1 }, { "pipe:", 0, 2 },
		{ "socket:", sockets, sockets }
	};

	CHECK_FDS(s, s->d.pid, "the master", want);
}

static void
check_data_worker(const struct scene *s, pid_t pid)
{
	static const struct held want[] = {
		{ "/dev/null", 3, 3 }, { "socket:", 2, 2 },
		{ "incoming-file", 1, 1 }
	};
	static struct proc_fd fds[proc_fds_max];
	int n = proc_fds(pid, fds);

	CHECK_FDS(s, pid, "a worker in DATA", want);
	for (int i = 0; i < n; i++)
		if (strcmp(kind_of(s, &fds[i]), "incoming-file") == 0)
			EXPECT((fds[i].flags & (O_ACCMODE | O_APPEND)) ==
			    (O_WRONLY | O_APPEND),
			    "the spool file is open with flags %o",
			    fds[i].flags);
}

static void
check_workers(const struct scene *s, bool in_data)
{
	static const struct held idle[] = {
		{ "/dev/null", 3, 3 }, { "socket:", 1, 1 }
	};
	static const struct held in_session[] = {
		{ "/dev/null", 3, 3 }, { "socket:", 2, 2 }
	};
	size_t busy = 0;

	for (size_t i = 0; i < s->worker_count; i++) {
		size_t n = proc_fd_count(s->workers[i]);

		if (n == 4)
			CHECK_FDS(s, s->workers[i], "an idle worker", idle);
		else if (in_data)
			check_data_worker(s, s->workers[i]);
		else
			CHECK_FDS(s, s->workers[i], "a worker in a session",
			    in_session);
		busy += n != 4;
	}
	EXPECT(busy == 1, "%zu workers are busy with one session", busy);
}

TEST(descriptors)
{
	/* The ruleset without paths is kept for the workers to enter. */
	struct held nursery[] = {
		{ "/dev/null", 3, 3 }, { "socket:", 1, 1 },
		{ "anon_inode:", 0, 1 }, { "its program", 1, 1 }
	};
	struct scene s;

	harness_need_root("read descriptors of processes that hide");
	daemon_init(&s.d, "", NULL);
	nursery[3].kind = s.d.worker;
	daemon_start(&s.d);
	client_open(&s.c, &s.d, NULL);
	client_expect(&s.c, 250, "EHLO client.example.net");
	for (size_t i = 0; i < 3; i++) {
		if (i == 1)
			client_expect(&s.c, 250, "MAIL FROM:<>");
		if (i == 2)
			client_expect(&s.c, 250, "RCPT TO:<bob@example.org>");
		look_at_family(&s);
		check_workers(&s, false);
		check_master_fds(&s);
	}
	client_expect(&s.c, 354, "DATA");
	EXPECT(client_send(&s.c, "Subject: half\r\n", 15), "send");
	look_at_family(&s);
	EXPECT(WAIT(has_file(&s)), "no worker takes its file");
	check_workers(&s, true);
	check_master_fds(&s);
	for (int i = 0; i < 2; i++)
		CHECK_FDS(&s, s.nurseries[i], "a nursery", nursery);
	client_expect(&s.c, 250, ".");
	look_at_family(&s);
	check_workers(&s, false);
	check_master_fds(&s);
	client_close(&s.c);
	daemon_stop(&s.d);
}

/* In a child: become uid, then look into pid.  True when something shows. */
static bool
can_look(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	if (open(path, O_RDWR | O_CLOEXEC) != -1)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if (open(path, O_RDONLY | O_CLOEXEC) != -1)
		return true;
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
}

enum { saw_nothing, saw_something, saw_not_even_its_own };

/* A child that does not hide shows that looking works at all. */
static int
look_as(uid_t uid, pid_t pid)
{
	bool shows;
	pid_t own;

	if (geteuid() == 0 && setresuid(uid, uid, uid) == -1)
		return saw_not_even_its_own;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	own = fork();
	if (own == 0) {
		pause();
		_exit(0);
	}
	shows = can_look(own);
	kill(own, SIGKILL);
	waitpid(own, NULL, 0);
	if (!shows)
		return saw_not_even_its_own;
	return can_look(pid) ? saw_something : saw_nothing;
}

static void
check_hides(pid_t pid, uid_t uid)
{
	char path[64];
	struct stat st;
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	EXPECT(stat(path, &st) == 0, "%s: %s", path, strerror(errno));
	EXPECT(st.st_uid == 0, "%s belongs to uid %u: it is dumpable", path,
	    (unsigned)st.st_uid);
	child = fork();
	if (child == 0)
		_exit(look_as(uid, pid));
	waitpid(child, &status, 0);
	EXPECT(WIFEXITED(status), "the looker died");
	if (WEXITSTATUS(status) == saw_not_even_its_own)
		harness_skip("here nobody can trace his own children");
	EXPECT(WEXITSTATUS(status) == saw_nothing,
	    "process %d shows itself to its user", (int)pid);
}

TEST(hides_from_its_user)
{
	struct scene s;

	open_scene(&s);
	check_hides(s.d.pid, uid_of("nobody"));
	for (int i = 0; i < 2; i++)
		check_hides(s.nurseries[i], uid_of("daemon"));
	for (size_t i = 0; i < s.worker_count; i++)
		check_hides(s.workers[i], uid_of("daemon"));
	client_close(&s.c);
	daemon_stop(&s.d);
}

/* What is stored belongs to the master's user alone. */
TEST(files_are_private)
{
	static const char *const dirs[] = { "", "/mail", "/log",
	    "/log/refused",
	    "/spool", "/spool/incoming", "/spool/bad", "/mail/example.org",
	    "/mail/example.org/alice", "/mail/example.org/alice/new",
	    "/mail/example.org/alice/cur", "/mail/example.org/alice/tmp" };
	struct daemon d;
	struct stat st;
	char path[256];

	daemon_serve(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 100, "alice") == 250, "no 250");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", d.root, dirs[i]);
		EXPECT(lstat(path, &st) == 0, "%s: %s", path,
		    strerror(errno));
		EXPECT(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700 &&
		    st.st_uid == uid_of("nobody"), "%s: mode %o of uid %u",
		    path, st.st_mode, (unsigned)st.st_uid);
	}
	daemon_stop(&d);
}

/* What a kernel lacks is said, and nothing else goes with it. */
TEST(kernel_lacks)
{
	static const int landlock[] = { SYS_landlock_create_ruleset, 0 };
	static const int all[] = { SYS_landlock_create_ruleset, SYS_seccomp,
	    0 };
	struct daemon d;

	daemon_init(&d, "", NULL);
	d.missing = landlock;
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=start ", "no landlock", NULL) == 1 &&
	    daemon_logged(&d, " event=warning ", "Landlock", NULL) == 1,
	    "nobody is told that Landlock is missing");
	check_sandbox(d.pid);
	daemon_stop(&d);
	d.missing = all;
	daemon_launch(&d);
	EXPECT(daemon_wait_end(&d) != 0, "it starts without a sandbox");
	EXPECT(strstr(daemon_last_words(&d), "sandbox optional") != NULL,
	    "%s", daemon_last_words(&d));
	daemon_add_conf(&d, "sandbox optional\n");
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=start ", " sandbox=none", NULL) == 1 &&
	    daemon_logged(&d, " event=warning ", "seccomp", NULL) == 1,
	    "nobody is told that there is no sandbox");
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "no mail");
	daemon_stop(&d);
}

/* A mistake in the rights of a directory costs that directory, no more. */
TEST(directory_out_of_reach)
{
	struct daemon d;
	char dir[160];

	harness_need_root("have what another user cannot search");
	snprintf(dir, sizeof(dir), "%s", harness_path("private"));
	EXPECT(mkdir(dir, 0700) == 0 &&
	    mkdir(harness_path("private/tables"), 0755) == 0, "mkdir: %s",
	    strerror(errno));
	daemon_init(&d, "", NULL);
	harness_write_file(harness_path("private/tables/users"), "carol\n");
	daemon_add_conf(&d, "sandbox optional\n"
	    "domain example.net {\n\tusers %s/tables/users\n}\n", dir);
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=warning ", "nothing in this "
	    "directory is read again",
	    harness_path("private/tables"), NULL) == 1, "no warning");
	EXPECT(daemon_logged(&d, " event=start ", "seccomp", NULL) == 1,
	    "%s", daemon_last_words(&d));
	check_sandbox(d.pid);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250, "no mail");
	daemon_stop(&d);
}
