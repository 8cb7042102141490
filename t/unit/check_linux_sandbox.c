/*
 * What a worker may still do, and that its limits hold: the other half of
 * check_linux_sandbox_probe.c.  The roles that own something are tested in
 * check_linux_sandbox_owner.c.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <netinet/in.h>

#include "shared/os/sandbox_linux.h"
#include "t/unit/sandbox_linux_case.h"

static void
smtp_works(void)
{
	make_things();
	case_enter(SANDBOX_SMTP, NULL, 0);
	work();
}

/* As the nursery has it: a worker's filter has the differences alone. */
static void
in_nursery(void (*body)(void))
{
	int status;
	pid_t pid;

	make_things();
	case_enter(SANDBOX_NURSERY, NULL, 0);
	pid = fork();
	if (pid == 0) {
		case_enter(SANDBOX_SMTP, NULL, 0);
		body();
		_exit(0);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void
smtp_works_in_nursery(void)
{
	in_nursery(work);
}

/* All forbidden things, too, are tried where a worker runs. */
static void
probes_in_nursery(void)
{
	make_things();
	case_enter(SANDBOX_NURSERY, NULL, 0);
	EXPECT(sandbox_try(SANDBOX_SMTP, false) == NULL);
}

TEST(worker_works)
{
	case_passes(probes_in_nursery);
	case_passes(smtp_works);
	case_passes(smtp_works_in_nursery);
}

/* Refused rather than deadly: libc may try them, and must go on. */
static void
refusals(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct stat st;
	int one = 1;

	errno = 0;
	EXPECT(fcntl(file, F_SETFL, 0) == -1 && errno == ENOSYS);
	EXPECT(fcntl(file, F_DUPFD, 0) == -1 && errno == ENOSYS);
	EXPECT(dup(file) == -1 || SANDBOX_SANITIZED);
	EXPECT(sendto(pair[0], "a", 1, 0, (struct sockaddr *)&addr,
	    sizeof(addr)) == -1 && errno == ENOSYS);
	EXPECT(stat("/", &st) == -1 && errno == ENOSYS);
	EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) == -1 && errno == ENOSYS);
	EXPECT(syscall(SYS_getpriority, PRIO_PROCESS, 0) == -1 &&
	    errno == ENOSYS);
	EXPECT(syscall(4000L) == -1 && errno == ENOSYS);
	/* by its arguments; FUTEX_REQUEUE */
	EXPECT(syscall(SYS_futex, &one, 3, 1, 0, &one, 0) == -1 &&
	    errno == ENOSYS);
	EXPECT((madvise(&one, 0, MADV_DONTFORK) == -1 && errno == ENOSYS) ||
	    SANDBOX_SANITIZED);
}

static void
smtp_refusals(void)
{
	make_things();
	case_enter(SANDBOX_SMTP, NULL, 0);
	refusals();
}

static void
smtp_refusals_in_nursery(void)
{
	in_nursery(refusals);
}

TEST(unknown_is_refused)
{
	case_passes(smtp_refusals);
	case_passes(smtp_refusals_in_nursery);
}

/* KiB, as the kernel counts them for this process: "VmPTE", "VmRSS". */
static long
memory_kib(const char *name)
{
	static char text[4096];
	const char *at;
	ssize_t n;

	n = pread(file, text, sizeof(text) - 1, 0);
	EXPECT(n > 0);
	text[n] = '\0';
	at = strstr(text, name);
	EXPECT(at != NULL);
	return strtol(at + strlen(name) + 1, NULL, 10);
}

static struct {
	int	protection;
	bool	apart;
} to_take;

/* As much as there is, each page of it touched. */
static void
take_all(int protection, bool apart)
{
	const size_t step = 256 * 1024;
	char *p;

	for (uintptr_t where = 1UL << 40;; where += 1UL << 30) {
		p = mmap(apart ? (void *)where : NULL, step, protection,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return;
		for (size_t i = 0; i < step; i += 4096)
			if (protection & PROT_WRITE)
				p[i] = 1;
			else
				seen = p + *(volatile char *)(p + i);
		/* Full, it would no longer be counted. */
		(void)mprotect(p, step, PROT_READ);
	}
}

static void
too_much_memory(void)
{
	size_t max = (size_t)sandbox_table[SANDBOX_SMTP].memory_max_bytes;

	file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	case_enter(SANDBOX_SMTP, NULL, 0);
	seen = malloc(max);
	EXPECT(seen == NULL && errno == ENOMEM);
	/* Reserved first and made writable later, it counts as well. */
	seen = mmap(NULL, max, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(seen != MAP_FAILED);
	EXPECT(mprotect(seen, max, PROT_READ | PROT_WRITE) == -1);
	EXPECT(munmap(seen, max) == 0);
	take_all(to_take.protection, to_take.apart);
	EXPECT(memory_kib("RssAnon:") < (long)(max / 1024));
	EXPECT(memory_kib("VmPTE:") < 512);
}

static void
too_much_memory_any_way(void)
{
	for (int i = 0; i < 4; i++) {
		to_take.protection = i & 1 ? PROT_READ | PROT_WRITE : PROT_READ;
		to_take.apart = i & 2;
		case_passes(too_much_memory);
	}
}

static void
fill_file(void)
{
	char block[4096];
	int i;

	memset(block, 'x', sizeof(block));
	make_things();
	case_enter(SANDBOX_SMTP, NULL, 0);
	for (i = 0; i < FSIZE_MAX_BYTES / 4096; i++)
		EXPECT(write(file, block, sizeof(block)) == sizeof(block));
	(void)!write(file, "x", 1);
}

static void
fill_file_ignoring(void)
{
	signal(SIGXFSZ, SIG_IGN);
	fill_file();
	EXPECT(errno == EFBIG);
}

TEST(limits_hold)
{
	if (SANDBOX_SANITIZED)
		printf("skipped: memory limit, under a sanitizer\n");
	else
		too_much_memory_any_way();
	case_dies(fill_file, SIGXFSZ);
	case_passes(fill_file_ignoring);
}

/* It cannot be entered again, and what held goes on to hold. */
static void
enter_twice(void)
{
	const char *what = "";

	make_things();
	case_enter(SANDBOX_SMTP, NULL, 0);
	EXPECT(sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1);
	work();
}

static void
not_prepared(void)
{
	struct sandbox_path path = { "/", -1, false, false };
	const char *what = "";

	EXPECT(sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1);
	EXPECT(errno == EINVAL && strcmp(what, "seccomp") == 0);
	EXPECT(sandbox_prepare(SANDBOX_SMTP, &what) == 0);
	/* a worker opens nothing, so it is given no path */
	EXPECT(sandbox_enter(SANDBOX_SMTP, &path, 1, &what) == -1);
	EXPECT(sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == 0);
}

static void
missing_path(void)
{
	struct sandbox_path path = { "/nonexistent-smtpd", -1, true, false };
	const char *what = "";

	EXPECT(sandbox_prepare(SANDBOX_MASTER, &what) == 0);
	if (sandbox_confines_paths(SANDBOX_MASTER))
		EXPECT(sandbox_enter(SANDBOX_MASTER, &path, 1, &what) == -1 &&
		    strcmp(what, "/nonexistent-smtpd") == 0);
}

#ifdef __x86_64__
/* The other calling convention of the same kernel, with its own numbers. */
static void
call_as_x32(void)
{
	case_enter(SANDBOX_SMTP, NULL, 0);
	syscall(0x40000000L | SYS_getpid);
}
#endif

TEST(entering)
{
	ck_assert(sandbox_facts()->exists);
	ck_assert_ptr_nonnull(strstr(sandbox_facts()->parts, "seccomp"));
	ck_assert_ptr_nonnull(strstr(sandbox_facts()->parts, "rlimits"));
	case_passes(not_prepared);
	case_passes(missing_path);
	case_passes(enter_twice);
#ifdef __x86_64__
	case_dies(call_as_x32, SIGSYS);
#endif
}

/* Seen from outside, as an administrator would. */
static void
wait_in_smtp(void)
{
	char octet;

	case_enter(SANDBOX_SMTP, NULL, 0);
	EXPECT(write(pair[1], "r", 1) == 1);
	EXPECT(read(pair[1], &octet, 1) == 1);
}

static bool
proc_has(pid_t pid, const char *name, const char *wanted)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY);
	ck_assert_int_ne(fd, -1);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return strstr(text, wanted) != NULL;
}

TEST(seen_in_proc)
{
	char octet;
	pid_t pid;

	make_things();
	pid = fork();
	if (pid == 0) {
		wait_in_smtp();
		_exit(0);
	}
	ck_assert_int_eq(read(pair[0], &octet, 1), 1);
	ck_assert(proc_has(pid, "status", "NoNewPrivs:\t1\n"));
	ck_assert(proc_has(pid, "status", "Seccomp:\t2\n"));
	if (geteuid() == 0) {
		ck_assert(proc_has(pid, "limits", "Max core file size        0 "
		    "                   0 "));
		ck_assert(proc_has(pid, "limits", "Max processes             0 "
		    "                   0 "));
		ck_assert(proc_has(pid, "limits", "Max open files            144 "
		    "                 144 "));
	} else
		printf("skipped: limits in /proc, which root alone reads\n");
	ck_assert_int_eq(write(pair[0], "q", 1), 1);
	ck_assert_int_eq(case_wait(pid), 0);
	close(pair[0]);
	close(pair[1]);
	close(file);
}
