/*
 * Starts that cannot be: one clear line, exit 1, nothing bound, nobody left.
 * And the start in the background.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

enum { out_max = 4096 };

/* Words in what it must say, NULL ends. */
static void
expect_no_start(struct daemon *d, const char *worker, const char *mode,
    const char *word, const char *second)
{
	char *args[] = { strdup(harness_smtpd), strdup("-f"), d->conf,
	    strdup("-w"), strdup(worker), mode == NULL ? NULL :
	    strdup(mode), NULL };
	char out[out_max];
	pid_t left[8];
	int status = daemon_run(d, args, out, sizeof(out));

	EXPECT(status == 1, "exit status %d: %s", status, out);
	EXPECT(strstr(out, word) != NULL && strstr(out, second) != NULL,
	    "wanted \"%s\" and \"%s\": %s", word, second, out);
	EXPECT(strstr(out, "event=start") == NULL, "it started: %s", out);
	EXPECT(WAIT(proc_children(getpid(), NULL, left, 8) == 0),
	    "a process is left");
}

/* In the foreground and in the background. */
static void
expect_neither(struct daemon *d, const char *worker, const char *word,
    const char *second)
{
	expect_no_start(d, worker, "-d", word, second);
	expect_no_start(d, worker, NULL, word, second);
}

/* Puts a line into the configuration, where one of that keyword stands. */
static void
configure(const struct daemon *d, const char *keyword, const char *value)
{
	char *old = harness_read_file(d->conf, NULL), *line = old, *end;
	FILE *f = fopen(d->conf, "we");
	size_t n = strlen(keyword);

	EXPECT(f != NULL, "%s: %s", d->conf, strerror(errno));
	fprintf(f, "%s %s\n", keyword, value);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (strncmp(line, keyword, n) != 0 || line[n] != ' ')
			fprintf(f, "%.*s\n", (int)(end - line), line);
	EXPECT(fclose(f) == 0, "%s: %s", d->conf, strerror(errno));
	free(old);
}

static void
configure_port(const struct daemon *d, int port)
{
	char text[64];

	snprintf(text, sizeof(text), "127.0.0.1 port %d", port);
	configure(d, "listen", text);
}

/*
 * A listening socket; its port, which is below those that the kernel hands
 * out: nobody gets it by chance while it is not in use.
 */
static int
bind_one(int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	unsigned first = (unsigned)getpid() * 7919;

	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(*fd != -1, "socket: %s", strerror(errno));
	for (unsigned i = 0; i < 100; i++) {
		a.sin_port = htons((uint16_t)(20000 + (first + i) % 12000));
		if (bind(*fd, (void *)&a, sizeof(a)) == 0)
			break;
		EXPECT(errno == EADDRINUSE, "bind: %s", strerror(errno));
	}
	EXPECT(listen(*fd, 5) == 0, "listen: %s", strerror(errno));
	return ntohs(a.sin_port);
}

/* Nobody listens at that port. */
static bool
is_free(int port)
{
	struct daemon d = { .port = port };
	struct client c;

	if (!client_connect(&c, &d, NULL))
		return true;
	client_close(&c);
	return false;
}

/* A mistake behind the listen line: found before anything is bound. */
TEST(bad_configuration)
{
	struct daemon d;
	struct stat st;
	int fd, port;

	daemon_init(&d, "\tworkers many\n", NULL);
	port = bind_one(&fd);
	close(fd);
	configure_port(&d, port);
	expect_neither(&d, d.worker, "smtpd.conf:", "workers many");
	EXPECT(is_free(port), "something listens");
	EXPECT(stat(d.root, &st) == -1 && errno == ENOENT,
	    "ROOT was made all the same");
	expect_neither(&d, d.worker, "smtpd.conf:", "^");
	unlink(d.conf);
	expect_neither(&d, d.worker, d.conf, "No such file");
}

TEST(port_in_use)
{
	struct daemon d;
	char text[16];
	int fd, port;

	daemon_init(&d, "", NULL);
	port = bind_one(&fd);
	configure_port(&d, port);
	snprintf(text, sizeof(text), "port %d", port);
	expect_neither(&d, d.worker, text, "Address already in use");
	close(fd);
	daemon_start(&d);
	daemon_stop(&d);
}

TEST(address_not_ours)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	configure(&d, "listen", "192.0.2.1 port 2525");
	expect_neither(&d, d.worker, "192.0.2.1", "annot assign");
}

TEST(unknown_user)
{
	struct daemon d;

	harness_need_root("drop privileges");
	daemon_init(&d, "", NULL);
	configure(&d, "user", "no-such-user");
	expect_neither(&d, d.worker, "no-such-user", "no such user");
	daemon_init(&d, "", NULL);
	configure(&d, "worker-user", "no-such-user");
	expect_neither(&d, d.worker, "no-such-user", "no such user");
	daemon_init(&d, "", NULL);
	configure(&d, "user", "root");
	expect_neither(&d, d.worker, "root", "user");
	daemon_init(&d, "", NULL);
	configure(&d, "worker-user", "nobody");
	expect_neither(&d, d.worker, "two users", "worker-user");
}

TEST(root_of_another)
{
	const struct passwd *pw = getpwnam("daemon");
	struct daemon d;
	struct stat st;
	char file[256];

	harness_need_root("give a directory away");
	daemon_init(&d, "", NULL);
	snprintf(file, sizeof(file), "%s/precious", d.root);
	EXPECT(pw != NULL && mkdir(d.root, 0755) == 0 &&
	    chown(d.root, pw->pw_uid, pw->pw_gid) == 0, "mkdir: %s",
	    strerror(errno));
	harness_write_file(file, "of another\n");
	expect_neither(&d, d.worker, d.root, "not empty");
	EXPECT(stat(d.root, &st) == 0 && st.st_uid == pw->pw_uid &&
	    (st.st_mode & 0777) == 0755, "it was taken all the same");
	/* Empty it may be filled by its owner; one of root's is taken. */
	unlink(file);
	expect_neither(&d, d.worker, d.root, "belongs to");
	EXPECT(chown(d.root, 0, 0) == 0, "chown: %s", strerror(errno));
	daemon_start(&d);
	daemon_stop(&d);
	EXPECT(stat(d.root, &st) == 0 && st.st_uid != 0 &&
	    (st.st_mode & 07777) == 0700, "mode %o of uid %u", st.st_mode,
	    (unsigned)st.st_uid);
}

TEST(root_is_no_directory)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	harness_write_file(d.root, "a file\n");
	expect_neither(&d, d.worker, d.root, "Not a directory");
	EXPECT(unlink(d.root) == 0 && mkdir(harness_path("real"), 0700) ==
	    0 && symlink(harness_path("real"), d.root) == 0,
	    "symlink: %s", strerror(errno));
	expect_neither(&d, d.worker, d.root, "");
	daemon_init(&d, "", harness_path("no/such/root"));
	expect_neither(&d, d.worker, "no/such/root", "No such file");
}

TEST(worker_program)
{
	char path[256], missing[256], dir[256];
	struct daemon d;

	snprintf(path, sizeof(path), "%s", harness_path("not-a-worker"));
	snprintf(missing, sizeof(missing), "%s", harness_path("missing"));
	snprintf(dir, sizeof(dir), "%s", harness_path("dir"));
	daemon_init(&d, "", NULL);
	expect_neither(&d, missing, "missing", "No such file");
	harness_write_file(path, "#!/bin/sh\nexit 0\n");
	EXPECT(chmod(path, 0644) == 0, "chmod: %s", strerror(errno));
	if (geteuid() != 0)
		expect_neither(&d, path, "not-a-worker",
		    "Permission denied");
	else
		expect_neither(&d, path, "not-a-worker", "");
	EXPECT(chmod(path, 0755) == 0, "chmod: %s", strerror(errno));
	expect_neither(&d, path, "not-a-worker", "ended at once");
	expect_neither(&d, "/bin/false", "false", "ended at once");
	expect_neither(&d, "/bin/true", "true", "ended at once");
	EXPECT(mkdir(dir, 0755) == 0, "mkdir");
	expect_neither(&d, dir, dir, "");
	if (geteuid() == 0)
		return;
	EXPECT(chmod(dir, 0) == 0, "chmod: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s", harness_path("dir/smtpd-worker"));
	expect_neither(&d, path, "may not search", dir);
}

/*
 * In a home that lets nobody in: root opens it before it becomes the users
 * that execute it.  A nursery that executes itself again opens nothing.  A
 * file that only its owner may execute is another thing, and so is a
 * directory that whoever starts it may not search.
 */
TEST(worker_out_of_reach)
{
	struct daemon d;
	char home[256], was[256];
	pid_t workers[64];

	harness_need_root("hide a program from others");
	daemon_init(&d, "", NULL);
	snprintf(home, sizeof(home), "%s", harness_path("home"));
	snprintf(was, sizeof(was), "%s", d.worker);
	snprintf(d.worker, sizeof(d.worker), "%s",
	    harness_path("home/smtpd-worker"));
	EXPECT(mkdir(home, 0700) == 0 && rename(was, d.worker) == 0,
	    "%s: %s", d.worker, strerror(errno));
	daemon_start(&d);
	daemon_settle(&d);
	EXPECT(daemon_workers(&d, workers, 64) > 0 &&
	    kill(workers[0], SIGSEGV) == 0, "no worker");
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	daemon_settle(&d);
	EXPECT(daemon_workers(&d, workers, 64) > 0 && daemon_logged(&d, "cannot execute itself", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
	EXPECT(chmod(d.worker, 0700) == 0, "chmod: %s", strerror(errno));
	expect_neither(&d, d.worker, "may not execute it", "chmod a+x");
}

/* The one process that listens, found by what it is. */
static pid_t
background_master(void)
{
	pid_t pids[64];
	size_t n = proc_children(getpid(), "smtpd", pids, 64);

	return n == 1 ? pids[0] : 0;
}

TEST(background)
{
	struct daemon d;
	char out[out_max], *args[6];
	int fd, port, code;

	daemon_init(&d, "", NULL);
	port = bind_one(&fd);
	close(fd);
	configure_port(&d, port);
	args[0] = strdup(harness_smtpd);
	args[1] = strdup("-f");
	args[2] = d.conf;
	args[3] = strdup("-w");
	args[4] = d.worker;
	args[5] = NULL;
	for (unsigned i = 0; i < 3; i++) {
		code = daemon_run(&d, args, out, sizeof(out));
		EXPECT(code == 0 && out[0] == '\0', "exit status %d: %s",
		    code, out);
		/* It serves when its parent says so, not a moment later. */
		d.port = port;
		code = client_deliver(&d, NULL, i, 500, "alice");
		EXPECT(code == 250, "no service when the parent ends: %d",
		    code);
		/* Helpers of the previous one may take a moment to end. */
		EXPECT(WAIT((d.pid = background_master()) != 0),
		    "not one master");
		EXPECT(getsid(d.pid) == d.pid, "it is in our session");
		EXPECT(kill(d.pid, SIGTERM) == 0, "kill");
		code = daemon_wait_end(&d);
		EXPECT(WIFEXITED(code) && WEXITSTATUS(code) == 0,
		    "wait status %d", code);
		EXPECT(WAIT(is_free(port)), "still listening");
	}
	EXPECT(mail_total(&d) == 3, "%zu messages", mail_total(&d));
}

/* Starts it in the background, on any free port. */
static void
start_background(struct daemon *d)
{
	char out[out_max], *args[6];

	daemon_init(d, "", NULL);
	args[0] = strdup(harness_smtpd);
	args[1] = strdup("-f");
	args[2] = d->conf;
	args[3] = strdup("-w");
	args[4] = d->worker;
	args[5] = NULL;
	EXPECT(daemon_run(d, args, out, sizeof(out)) == 0, "%s", out);
	d->pid = background_master();
	EXPECT(d->pid != 0, "not one master");
}

static void
end_background(struct daemon *d)
{
	EXPECT(kill(d->pid, SIGTERM) == 0, "kill: %s", strerror(errno));
	daemon_wait_end(d);
}

/* The shell's descriptors are none of its own. */
TEST(background_descriptors)
{
	static struct proc_fd fds[proc_fds_max];
	struct daemon d;
	int n;

	harness_need_root("read descriptors of processes that hide");
	start_background(&d);
	n = proc_fds(d.pid, fds);
	EXPECT(n > 3, "/proc: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		EXPECT(fds[i].fd > 2 || strcmp(fds[i].what, "/dev/null") ==
		    0, "descriptor %d is %s", fds[i].fd, fds[i].what);
		EXPECT(strstr(fds[i].what, "run.log") == NULL,
		    "descriptor %d is %s", fds[i].fd, fds[i].what);
	}
	end_background(&d);
}

/*
 * Nor is the directory it was started in: that would be a way into what its
 * user may not search, and keep a file system busy.
 */
TEST(background_directory)
{
	char link[64], cwd[512];
	struct daemon d;
	ssize_t n;

	harness_need_root("see where processes that hide stand");
	start_background(&d);
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)d.pid);
	n = readlink(link, cwd, sizeof(cwd) - 1);
	EXPECT(n > 0, "%s: %s", link, strerror(errno));
	cwd[n] = '\0';
	EXPECT(strcmp(cwd, "/") == 0 || strcmp(cwd, d.root) == 0,
	    "it stands in %s", cwd);
	end_background(&d);
}

/* The process number, for as long as there is one, and a lock. */
TEST(pid_file)
{
	struct daemon d;
	char out[out_max], path[128], number[16], *args[8], *text;
	int code;

	daemon_init(&d, "", NULL);
	snprintf(path, sizeof(path), "%s", harness_path("smtpd.pid"));
	args[0] = strdup(harness_smtpd);
	args[1] = strdup("-f");
	args[2] = d.conf;
	args[3] = strdup("-w");
	args[4] = d.worker;
	args[5] = strdup("-p");
	args[6] = path;
	args[7] = NULL;
	/* What a process that was killed has left is in nobody's way. */
	harness_write_file(path, "1\nlonger than any number\n");
	code = daemon_run(&d, args, out, sizeof(out));
	EXPECT(code == 0 && out[0] == '\0', "exit status %d: %s", code, out);
	d.pid = background_master();
	EXPECT(d.pid != 0, "not one master");
	snprintf(number, sizeof(number), "%d\n", (int)d.pid);
	text = harness_read_file(path, NULL);
	EXPECT(strcmp(text, number) == 0, "it says %s, not %s", text, number);
	free(text);
	code = daemon_run(&d, args, out, sizeof(out));
	snprintf(number, sizeof(number), "process %d", (int)d.pid);
	EXPECT(code == 1 && strstr(out, number) != NULL &&
	    strstr(out, path) != NULL, "a second one: %d: %s", code, out);
	end_background(&d);
	text = harness_read_file(path, NULL);
	EXPECT(text[0] == '\0', "it still says %s", text);
	free(text);
	unlink(path);
	EXPECT(symlink(d.conf, path) == 0, "symlink");
	code = daemon_run(&d, args, out, sizeof(out));
	EXPECT(code == 1 && strstr(out, path) != NULL, "a link: %d: %s",
	    code, out);
	unlink(path);
	EXPECT(link(d.conf, path) == 0, "link");
	code = daemon_run(&d, args, out, sizeof(out));
	EXPECT(code == 1 && strstr(out, "plain file") != NULL,
	    "a second name: %d: %s", code, out);
	text = harness_read_file(d.conf, NULL);
	EXPECT(strstr(text, "hostname ") != NULL, "it was written to");
	free(text);
}

/* Signals: what they do, and what they do not. */
TEST(signals)
{
	struct daemon d;
	int status;

	daemon_serve(&d, "");
	kill(d.pid, SIGPIPE);
	EXPECT(client_deliver(&d, NULL, 1, 500, "alice") == 250,
	    "no service after signals");
	kill(d.pid, SIGINT);
	status = daemon_wait_end(&d);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %d after SIGINT", status);
}

/* The one thing that is wrong, behind the usage. */
TEST(wrong_words)
{
	static const char *const t[][3] = {
		{ "-x", NULL, "smtpd: -x: unknown option\n" },
		{ "--strattls", NULL, "smtpd: --strattls: unknown option; did "
		    "you mean --starttls?\n" },
		{ "-f", NULL, "smtpd: -f: the value is missing\n" },
		{ "more", NULL, "smtpd: more: unexpected word\n" },
		{ "-C", "-n", "smtpd: -C and -n exclude each other\n" },
		{ "-l", "1025", "smtpd: -l is an option of the catcher: it "
		    "needs -C\n" }
	};
	struct daemon d;
	char out[2048];

	daemon_init(&d, "", NULL);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *args[] = { strdup(harness_smtpd), strdup(t[i][0]),
		    t[i][1] == NULL ? NULL : strdup(t[i][1]), NULL };

		EXPECT(daemon_run(&d, args, out, sizeof(out)) == 1 &&
		    strncmp(out, "usage: smtpd ", 13) == 0 &&
		    strstr(out, t[i][2]) != NULL, "%s: %s", t[i][0], out);
	}
	{
		char *args[] = { strdup(harness_smtpd), strdup("--version"),
		    NULL };

		EXPECT(daemon_run(&d, args, out, sizeof(out)) == 0 &&
		    strncmp(out, "smtpd 0", 7) == 0, "--version: %s", out);
		args[1] = strdup("--help");
		EXPECT(daemon_run(&d, args, out, sizeof(out)) == 0 &&
		    strncmp(out, "usage: smtpd ", 13) == 0, "--help: %s", out);
	}
}
