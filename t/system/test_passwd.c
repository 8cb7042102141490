/*
 * smtpctl passwd: one entry changes and every other octet, the mode and the
 * owner stay; what is no file of its own is left alone; a password is asked
 * for on a terminal without showing it.
 */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "t/system/harness.h"

enum { said_bytes = 8192 };

#define NEW "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$"

/* What it said last on both outputs, and where it reads from. */
static char said[said_bytes];
static int input = -1;

static pid_t
start(const char *const args[], int in, int out, bool terminal)
{
	const char *argv[12] = { "smtpctl", "passwd" };
	char program[512];
	pid_t pid;

	snprintf(program, sizeof(program), "%s", harness_smtpd);
	snprintf(strrchr(program, '/') + 1, 16, "smtpctl");
	for (size_t i = 0; args[i] != NULL; i++)
		argv[i + 2] = args[i];
	fflush(stdout);
	pid = fork();
	EXPECT(pid != -1, "fork: %s", strerror(errno));
	if (pid != 0)
		return pid;
	if (setsid() == -1 || (terminal && ioctl(in, TIOCSCTTY, 0) == -1) ||
	    dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(127);
	execv(program, __extension__ (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
status_of(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid, "waitpid: %s",
	    strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs it with text as its standard input; its exit status. */
static int
passwd(const char *text, const char *const args[])
{
	int in[2], out[2];
	size_t at = 0;
	ssize_t n;
	pid_t pid;

	EXPECT(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0,
	    "pipe: %s", strerror(errno));
	EXPECT(write(in[1], text, strlen(text)) == (ssize_t)strlen(text),
	    "write: %s", strerror(errno));
	close(in[1]);
	pid = start(args, in[0], out[1], false);
	close(out[1]);
	while (at < sizeof(said) - 1 && (n = read(out[0], said + at,
	    sizeof(said) - 1 - at)) > 0)
		at += (size_t)n;
	said[at] = '\0';
	close(out[0]);
	if (input != -1)
		close(input);
	input = in[0];
	EXPECT(strstr(said, "secret") == NULL, "it shows the password: %s",
	    said);
	return status_of(pid);
}

#define PASSWD(want, has, text, ...) do {				\
	int got_ = passwd((text), (const char *const[]){ __VA_ARGS__,	\
	    NULL });							\
	EXPECT(got_ == (want), "exit %d, not %d: %s", got_, (want), said); \
	EXPECT(strstr(said, (has)) != NULL, "no \"%s\" in: %s", (has),	\
	    said);							\
	EXPECT((has)[0] != '\0' || said[0] == '\0', "it says %s", said); \
} while (0)

static const char *
users(const char *text)
{
	const char *path = harness_path("users");

	harness_write_file(path, text);
	EXPECT(chmod(path, 0640) == 0, "chmod: %s", strerror(errno));
	return path;
}

/* The file is before, then ":" and a hash of ours, then after. */
static void
expect_file(const char *path, const char *before, const char *after)
{
	size_t n, front = strlen(before), back = strlen(after);
	char *text = harness_read_file(path, &n);

	EXPECT(n > front + back && strncmp(text, before, front) == 0 &&
	    strcmp(text + n - back, after) == 0 && strncmp(text + front,
	    ":" NEW, strlen(":" NEW)) == 0 && strcspn(text + front, " \n\t") >=
	    n - front - back, "the file is now: %s", text);
	free(text);
}

static void
expect_text(const char *path, const char *want)
{
	size_t n;
	char *text = harness_read_file(path, &n);

	harness_same("the file", text, strlen(text), want, strlen(want));
	free(text);
}

TEST(every_other_octet)
{
	static const char before[] = "# who\n\n  alice  # the first\n"
	    "\tBob";
	static const char after[] = ":1000:1000:Bob B.:/home/bob \t\n"
	    "carol:$6$x  # old\r\n\xff dave";
	char text[400];
	const char *path;

	snprintf(text, sizeof(text), "%s:{PLAIN}old%s", before, after);
	path = users(text);
	PASSWD(0, "", "secret\nmore", "-u", path, "bob");
	expect_file(path, before, after);
	PASSWD(0, "", "secret\n", "-c", "-u", path, "BOB");
	PASSWD(1, "not the password", "secre\n", "-c", "-u", path, "bob");
	PASSWD(1, "there is none", "secret\n", "-c", "-u", path, "alice");
	PASSWD(0, "", "", "-D", "-u", path, "bob");
	snprintf(text, sizeof(text), "%s:*%s", before, after);
	expect_text(path, text);
	PASSWD(1, "nobody can log in", "secret\n", "-c", "-u", path, "bob");
	users("# who\nalice  # the first\nbob");
	PASSWD(0, "", "secret", "-u", path, "alice");
	expect_file(path, "# who\nalice", "  # the first\nbob");
	users("# who\nalice");
	PASSWD(0, "", "secret\n", "-u", path, "alice");
	expect_file(path, "# who\nalice", "");
}

TEST(adding)
{
	const char *path = users("alice");

	PASSWD(1, "-a adds one", "secret\n", "-u", path, "bob");
	expect_text(path, "alice");
	PASSWD(0, "", "secret\n", "-a", "-u", path, "bob");
	expect_file(path, "alice\nbob", "\n");
	users("");
	PASSWD(0, "", "secret\n", "-a", "-u", path, "bob");
	expect_file(path, "bob", "\n");
	users("alice\n");
	PASSWD(0, "", "secret\n", "-a", "-u", path, "alice");
	expect_file(path, "alice", "\n");
	users("alice\n");
	PASSWD(1, "cannot be the name", "secret\n", "-a", "-u", path, "#x");
	PASSWD(1, "cannot be the name", "secret\n", "-a", "-u", path, "a b");
	PASSWD(1, "cannot be the name", "secret\n", "-a", "-u", path, "a:b");
	PASSWD(1, "cannot be the name", "secret\n", "-a", "-u", path, "../x");
	PASSWD(1, "cannot be the name", "secret\n", "-a", "-u", path, "a/b");
	expect_text(path, "alice\n");
}

TEST(mode_and_owner)
{
	const char *path = users("alice\n");
	struct stat st;

	EXPECT(chmod(path, 0644) == 0, "chmod: %s", strerror(errno));
	if (geteuid() == 0)
		EXPECT(chown(path, 12, 34) == 0, "chown: %s", strerror(errno));
	PASSWD(0, "can be read by everybody", "secret\n", "-u", path,
	    "alice");
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644,
	    "the mode is %o", (unsigned)st.st_mode);
	if (geteuid() == 0)
		EXPECT(st.st_uid == 12 && st.st_gid == 34,
		    "it belongs to %u, %u", st.st_uid, st.st_gid);
	EXPECT(chmod(path, 0400) == 0, "chmod: %s", strerror(errno));
	PASSWD(0, "", "secret\n", "-u", path, "alice");
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0400,
	    "the mode is %o", (unsigned)st.st_mode);
}

/* Each is refused, and what it names is as it was. */
TEST(not_a_file)
{
	const char *path = users("alice\n"), *other = harness_path("other");
	struct stat st;

	EXPECT(symlink(path, other) == 0, "symlink: %s", strerror(errno));
	PASSWD(1, "symbolic link", "secret\n", "-u", other, "alice");
	EXPECT(lstat(other, &st) == 0 && S_ISLNK(st.st_mode), "no link now");
	EXPECT(unlink(other) == 0 && link(path, other) == 0, "link: %s",
	    strerror(errno));
	PASSWD(1, "hard link", "secret\n", "-u", other, "alice");
	EXPECT(unlink(other) == 0 && mkfifo(other, 0600) == 0, "mkfifo: %s",
	    strerror(errno));
	PASSWD(1, "not a regular file", "secret\n", "-u", other, "alice");
	PASSWD(1, "Is a directory", "secret\n", "-u", harness_dir, "alice");
	PASSWD(1, "No such file", "secret\n", "-u", harness_path("none"),
	    "alice");
	expect_text(path, "alice\n");
	users("alice\nbob\nAlice\n");
	PASSWD(1, "twice, in lines 1 and 3", "secret\n", "-u", path,
	    "alice");
	expect_text(path, "alice\nbob\nAlice\n");
}

TEST(bad_passwords)
{
	const char *path = users("alice\n");
	char large[300];

	memset(large, 'x', 256);
	large[256] = '\0';
	PASSWD(1, "longer than 255", large, "-u", path, "alice");
	PASSWD(1, "empty", "", "-u", path, "alice");
	PASSWD(1, "empty", "\nsecret\n", "-u", path, "alice");
	PASSWD(1, "control character", "sec\tret\n", "-u", path, "alice");
	PASSWD(1, "control character", "secre\r\n", "-u", path, "alice");
	expect_text(path, "alice\n");
	large[255] = '\0';
	PASSWD(0, "", large, "-u", path, "alice");
	PASSWD(0, "", large, "-c", "-u", path, "alice");
}

/* What is left of one that was killed is no hindrance, and does not stay. */
TEST(leftovers)
{
	const char *path = users("alice\n");
	const char *beside = harness_path(".users.smtpctl");

	EXPECT(symlink("/nowhere", beside) == 0, "symlink: %s",
	    strerror(errno));
	PASSWD(0, "", "secret\n", "-u", path, "alice");
	EXPECT(access(beside, F_OK) == -1 && errno == ENOENT,
	    "it is still there");
	expect_file(path, "alice", "\n");
}

/* Twenty at once: each entry is changed, none is lost. */
TEST(at_once)
{
	enum { count = 20 };
	char text[count * 8 + 1] = "", name[8];
	const char *path;
	pid_t pids[count];
	size_t n, found = 0;
	int in[2];

	for (int i = 0; i < count; i++)
		snprintf(text + strlen(text), 8, "u%02d\n", i);
	path = users(text);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "u%02d", i);
		EXPECT(pipe2(in, O_CLOEXEC) == 0 &&
		    write(in[1], "secret\n", 7) == 7, "pipe");
		close(in[1]);
		pids[i] = start((const char *const[]){ "-u", path, name,
		    NULL }, in[0], 2, false);
		close(in[0]);
	}
	for (int i = 0; i < count; i++)
		EXPECT(status_of(pids[i]) == 0, "u%02d failed", i);
	for (char *at = harness_read_file(path, &n); at != NULL; found++)
		at = strstr(at + 1, NEW);
	EXPECT(found == count + 1, "%zu passwords", found - 1);
}

TEST(locked)
{
	const char *path = users("alice\n");
	int fd = open(harness_path("."), O_RDONLY | O_CLOEXEC);

	EXPECT(fd != -1 && flock(fd, LOCK_EX) == 0, "flock: %s",
	    strerror(errno));
	PASSWD(1, "locked by another program", "secret\n", "-u", path,
	    "alice");
	expect_text(path, "alice\n");
}

/* By the configuration, even if a password in it is what smtpd refuses. */
TEST(by_configuration)
{
	const char *path = users("alice:{PLAIN}x\n");
	const char *conf = harness_path("conf");
	char text[1000];

	snprintf(text, sizeof(text), "domain example.org {\n\tusers %s\n}\n",
	    path);
	harness_write_file(conf, text);
	PASSWD(0, "", "secret\n", "-f", conf, "alice");
	expect_file(path, "alice", "\n");
	PASSWD(0, "", "secret\n", "-c", "-f", conf, "alice@Example.ORG");
	PASSWD(2, "no domain \"example.net\"", "secret\n", "-f", conf,
	    "alice@example.net");
	strcat(text, "domain example.net {\n}\n");
	harness_write_file(conf, text);
	PASSWD(2, "2 domains", "secret\n", "-f", conf, "alice");
	PASSWD(2, "no \"users\"", "secret\n", "-f", conf,
	    "alice@example.net");
	PASSWD(2, "cannot be read", "secret\n", "-f", path, "alice");
	PASSWD(2, "-f and -u exclude", "", "-f", conf, "-u", path, "alice");
	PASSWD(2, "-D exclude each", "", "-a", "-D", "-u", path, "alice");
	PASSWD(2, "secre: unexpected", "", "-u", path, "alice", "secre");
	PASSWD(2, "an argument is missing", "", "-u", path);
}

static void
read_until(int fd, const char *want)
{
	int64_t end = harness_now_ms() + harness_patience_ms;
	size_t at = 0;
	ssize_t n;

	said[0] = '\0';
	while (strstr(said, want) == NULL && harness_now_ms() < end) {
		n = read(fd, said + at, sizeof(said) - 1 - at);
		if (n <= 0)
			break;
		at += (size_t)n;
		said[at] = '\0';
	}
	EXPECT(strstr(said, want) != NULL, "no \"%s\" in: %s", want, said);
}

static void
type(int fd, const char *text)
{
	struct termios t;

	EXPECT(WAIT(tcgetattr(fd, &t) == 0 && (t.c_lflag & ECHO) == 0),
	    "the echo is not off");
	EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text),
	    "write: %s", strerror(errno));
}

static pid_t
on_terminal(int *master, const char *const args[])
{
	pid_t pid;
	int slave;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	EXPECT(*master != -1 && grantpt(*master) == 0 &&
	    unlockpt(*master) == 0, "no terminal: %s", strerror(errno));
	slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	EXPECT(slave != -1, "no terminal: %s", strerror(errno));
	pid = start(args, slave, slave, true);
	close(slave);
	return pid;
}

TEST(terminal)
{
	const char *path = users("alice\n");
	const char *const set[] = { "-u", path, "alice", NULL };
	const char *const check[] = { "-c", "-u", path, "alice", NULL };
	pid_t pid;
	int fd;

	pid = on_terminal(&fd, set);
	read_until(fd, "New password: ");
	type(fd, "secret\n");
	read_until(fd, "The same again: ");
	type(fd, "secreT\n");
	read_until(fd, "not the same");
	EXPECT(strstr(said, "secre") == NULL, "it shows: %s", said);
	EXPECT(status_of(pid) == 1, "taken");
	close(fd);
	expect_text(path, "alice\n");
	pid = on_terminal(&fd, set);
	read_until(fd, "New password: ");
	type(fd, "secret\n");
	read_until(fd, "The same again: ");
	type(fd, "secret\n");
	EXPECT(status_of(pid) == 0, "not taken");
	close(fd);
	expect_file(path, "alice", "\n");
	pid = on_terminal(&fd, check);
	read_until(fd, "Password: ");
	type(fd, "secret\n");
	EXPECT(status_of(pid) == 0, "wrong");
	close(fd);
}
