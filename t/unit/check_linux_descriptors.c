/*
 * How many descriptors a configuration needs, and whether there are so many.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <check.h>
#include <unistd.h>

#include "server/session/listen.h"
#include "t/unit/unit.h"

/*
 * In place of libc's: OpenBSD's, which takes kern.maxfiles in place of more,
 * and says nothing of it.  A sanitizer calls it as it starts: it can check no
 * memory then, and its prlimit(2) is not there yet.
 */
static rlim_t max_files = RLIM_INFINITY;

int	__attribute__((no_sanitize("address")))
setrlimit(__rlimit_resource_t what, const struct rlimit *want)
{
	struct rlimit cut = *want;

	if (cut.rlim_cur > max_files)
		cut.rlim_cur = max_files;
	if (cut.rlim_max > max_files)
		cut.rlim_max = max_files;
	return (int)syscall(SYS_prlimit64, 0, what, &cut, NULL);
}

static struct conf
with_workers(uint64_t workers)
{
	struct conf conf = { .limits.workers = workers };

	return conf;
}

/* Two for each worker, one for each that waits, and the master's own. */
TEST(needed)
{
	struct conf few = with_workers(1), more = with_workers(1000),
	    many = with_workers(20000);

	ck_assert_uint_eq(listen_descriptors(&few), 2 + 256 + 344);
	ck_assert_uint_eq(listen_descriptors(&more), 2000 + 1000 + 344);
	ck_assert_uint_eq(listen_descriptors(&many), 40000 + 1024 + 344);
}

TEST(suffice)
{
	struct rlimit few = { 1000, 1000 };
	struct conf fits = with_workers(200), not = with_workers(300);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert(listen_has_descriptors(&fits));
	ck_assert(!listen_has_descriptors(&not));
}

/* Up to the hard limit, if that is enough. */
TEST(raised)
{
	struct rlimit few = { 100, 1000 };
	struct conf fits = with_workers(200);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert(!listen_has_descriptors(&fits));
	listen_raise_descriptors(&fits);
	ck_assert(listen_has_descriptors(&fits));
}

/* What was set is not what there is: the number that there is, is said. */
TEST(cut_silently)
{
	struct conf fits = with_workers(50), not = with_workers(1000);
	char said[400] = "";
	int ends[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	max_files = 703;
	listen_raise_descriptors(&fits);
	ck_assert(listen_has_descriptors(&fits));
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		listen_raise_descriptors(&not);
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)got;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "status %d: %s", status, said);
	ck_assert_msg(strstr(said, "may have 703") != NULL, "%s", said);
}
