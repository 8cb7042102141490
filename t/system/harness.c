/*
 * Runs tests, some at once, each in a child; what a test leaves running is
 * ended, and its directory removed.  Knows nothing of mail.
 */
#include "t/system/harness.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/system/proc.h"

enum {
	status_failed = 1,
	status_skipped = 77,
	test_timeout_ms = 240000,
	at_once_max = 16
};

/* A test that runs: its runner, and the memory file of what that prints. */
struct running {
	pid_t	pid;		/* 0: free */
	int	out;
};

const char *harness_smtpd;
const char *harness_worker;
char harness_dir[80];

extern const struct test *const __start_system_tests[],
    *const __stop_system_tests[];

static const char *program;
static const char *current;

static void	print_result(const char *, const char *, va_list)
		    __attribute__((format(printf, 2, 0)));

static void
print_result(const char *verdict, const char *fmt, va_list ap)
{
	printf("%s %s: ", verdict, current);
	vprintf(fmt, ap);
	printf("\n");
}

_Noreturn void
harness_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s:%d: ", file, line);
	va_start(ap, fmt);
	print_result("FAILED", fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(status_failed);
}

void
harness_same(const char *what, const void *got, size_t got_n,
    const void *want, size_t want_n)
{
	const char *g = got, *w = want;
	size_t i = 0, from;

	while (i < got_n && i < want_n && g[i] == w[i])
		i++;
	from = i < 20 ? 0 : i - 20;
	EXPECT(i == got_n && i == want_n, "%s: octet %zu (of %zu) begins to "
	    "differ: \"%.*s\" and not (of %zu) \"%.*s\"", what, i, got_n,
	    (int)(got_n - from < 60 ? got_n - from : 60), g + from, want_n,
	    (int)(want_n - from < 60 ? want_n - from : 60), w + from);
}

_Noreturn void
harness_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_result("skipped", fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(status_skipped);
}

_Noreturn void
harness_lacking(const char *fmt, ...)
{
	const char *ci = getenv("CI");
	bool must = ci != NULL && strcmp(ci, "true") == 0 && geteuid() == 0;
	va_list ap;

	va_start(ap, fmt);
	print_result(must ? "FAILED" : "skipped", fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(must ? status_failed : status_skipped);
}

void
harness_need_root(const char *what)
{
	if (geteuid() != 0)
		harness_skip("only root can %s", what);
}

/*
 * All tests of all programs that run have one lock: shared, or exclusively by
 * one that is alone.  Who waits for it has the gate, so nobody is passed.
 */
static void
take_lock(int how)
{
	static int fds[2] = { -1, -1 };
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];

	/* Two that want to be alone would wait for each other. */
	(void)flock(fds[1], LOCK_UN);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/test-%s.%u",
		    tmp == NULL ? "/tmp" : tmp, i == 0 ? "gate" : "lock",
		    (unsigned)geteuid());
		if (fds[i] == -1)
			fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC |
			    O_NOFOLLOW, 0600);
		while (flock(fds[i], i == 0 ? LOCK_EX : how) == -1)
			EXPECT(errno == EINTR, "%s: %s", path,
			    strerror(errno));
	}
	flock(fds[0], LOCK_UN);
}

void
harness_alone(void)
{
	take_lock(LOCK_EX);
}

int64_t
harness_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
harness_sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

const char *
harness_path(const char *fmt, ...)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];
	int n = snprintf(path, PATH_MAX, "%s/", harness_dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

void
harness_mount(const char *path, const char *options)
{
	harness_need_root("mount a small file system");
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    (mkdir(path, 0700) == -1 && errno != EEXIST) ||
	    mount("tmpfs", path, "tmpfs", 0, options) == -1)
		harness_lacking("no tmpfs at %s: %s", path, strerror(errno));
}

void
harness_write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	EXPECT(f != NULL, "%s: %s", path, strerror(errno));
	EXPECT(fputs(text, f) != EOF && fclose(f) != EOF, "%s: %s", path,
	    strerror(errno));
}

char *
harness_read_file(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;
	ssize_t got;

	EXPECT(fd != -1 && fstat(fd, &st) == 0, "%s: %s", path,
	    strerror(errno));
	text = malloc((size_t)st.st_size + 1);
	EXPECT(text != NULL, "no memory");
	got = read(fd, text, (size_t)st.st_size);
	EXPECT(got == st.st_size, "%s: short read", path);
	close(fd);
	text[got] = '\0';
	if (n != NULL)
		*n = (size_t)got;
	return text;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) == -1 && errno != EBUSY && errno != ENOENT;
}

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(harness_dir, sizeof(harness_dir), "%s/%s.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp, program);

	if (n >= (int)sizeof(harness_dir) || harness_dir[0] != '/') {
		fprintf(stderr, "TMPDIR=%s: not absolute, or too long\n", tmp);
		exit(1);
	}
	if (mkdtemp(harness_dir) == NULL || chmod(harness_dir, 0755) == -1) {
		perror(harness_dir);
		exit(1);
	}
}

/* All that stands below this process, which is the subreaper of it. */
static void
end_all_below(void)
{
	pid_t pids[512];
	size_t n;

	while ((n = proc_below(getpid(), pids, 512)) > 0) {
		for (size_t i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		harness_sleep_ms(1);
	}
}

static int
wait_for_test(pid_t pid)
{
	int64_t until = harness_now_ms() + test_timeout_ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (harness_now_ms() > until) {
			printf("FAILED %s: not over within %d s\n", current,
			    test_timeout_ms / 1000);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return status_failed;
		}
		harness_sleep_ms(5);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("FAILED %s: %s\n", current, strsignal(WTERMSIG(status)));
	return status_failed;
}

/* In a child of its own, which is the subreaper of all that it starts. */
static int
run_one(const struct test *t)
{
	int64_t start = harness_now_ms();
	int status;
	pid_t pid;

	current = t->name;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	take_lock(LOCK_SH);
	make_dir();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		signal(SIGPIPE, SIG_IGN);
		t->run();
		fflush(stdout);
		_exit(0);
	}
	status = wait_for_test(pid);
	end_all_below();
	if (status == status_failed && getenv("KEEP") != NULL)
		printf("kept: %s\n", harness_dir);
	else
		nftw(harness_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS |
		    FTW_MOUNT);
	if (status == 0)
		printf("ok %s (%lld ms)\n", current,
		    (long long)(harness_now_ms() - start));
	return status;
}

static bool
is_wanted(const struct test *t, int argc, char *argv[])
{
	if (argc <= 3)
		return true;
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], t->name) == 0)
			return true;
	return false;
}

static void
launch(const struct test *t, struct running *out)
{
	out->out = memfd_create("output", MFD_CLOEXEC);
	fflush(stdout);
	out->pid = fork();
	if (out->pid != 0)
		return;
	dup2(out->out, STDOUT_FILENO);
	exit(run_one(t));
}

/* Waits for the end of one of them, prints its output; returns its status. */
static int
await_one(struct running *all)
{
	char text[4096];
	int status;
	pid_t pid = waitpid(-1, &status, 0);
	ssize_t n;

	for (size_t i = 0; i < at_once_max; i++) {
		if (all[i].pid != pid)
			continue;
		lseek(all[i].out, 0, SEEK_SET);
		while ((n = read(all[i].out, text, sizeof(text))) > 0)
			fwrite(text, 1, (size_t)n, stdout);
		close(all[i].out);
		all[i].pid = 0;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : status_failed;
}

/* So many at once: they wait more than they work. */
static size_t
count_at_once(void)
{
	long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	return n < 2 ? 2 : n > at_once_max ? at_once_max : (size_t)n;
}

static int
run_all(int argc, char *argv[])
{
	const struct test *const *t = __start_system_tests;
	size_t ended[3] = { 0 }, at_once = count_at_once(), running = 0;
	struct running all[at_once_max] = { 0 }, *free;

	while (t < __stop_system_tests || running > 0) {
		if (t < __stop_system_tests && !is_wanted(*t, argc, argv))
			t++;
		else if (t < __stop_system_tests && running < at_once) {
			for (free = all; free->pid != 0; free++)
				continue;
			launch(*t++, free);
			running++;
		} else {
			int status = await_one(all);

			ended[status == 0 ? 0 : status == status_skipped ?
			    2 : 1]++;
			running--;
		}
	}
	printf("%zu passed, %zu failed", ended[0], ended[1]);
	if (ended[2] > 0)
		printf(", %zu skipped", ended[2]);
	printf("\n");
	return ended[1] == 0 && ended[0] + ended[2] > 0 ? 0 : 1;
}

/* PROGRAM SMTPD WORKER [TEST ...]: all tests, or those named. */
int
main(int argc, char *argv[])
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s smtpd worker [test ...]\n",
		    argv[0]);
		return 1;
	}
	program = strrchr(argv[0], '/');
	program = program == NULL ? argv[0] : program + 1;
	harness_smtpd = realpath(argv[1], NULL);
	harness_worker = realpath(argv[2], NULL);
	if (harness_smtpd == NULL || harness_worker == NULL) {
		fprintf(stderr, "%s: %s or %s is not there\n", argv[0],
		    argv[1], argv[2]);
		return 1;
	}
	umask(022);
	return run_all(argc, argv);
}

void
harness_take_away(const int *calls)
{
	struct sock_filter code[32];
	struct sock_fprog filter = { .filter = code };
	size_t n = 0;

	if (calls == NULL)
		return;
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	for (; *calls != 0; calls++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ |
		    BPF_K, (unsigned)*calls, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | ENOSYS);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	filter.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
		_exit(124);
}
