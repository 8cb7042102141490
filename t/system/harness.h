/*
 * What every system test is run by: each test in a process of its own, with a
 * directory of its own, and nothing left of it afterwards.
 */
#ifndef T_SYSTEM_HARNESS_H
#define T_SYSTEM_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test {
	const char	*name;
	void		(*run)(void);
};

/* smtpd and smtpd-worker under test, and the directory of this test. */
extern const char *harness_smtpd;
extern const char *harness_worker;
extern char harness_dir[80];

/*
 * The main of a test program: PROGRAM SMTPD WORKER [TEST ...].  Runs all
 * tests or those named, prints a line for each and the totals last; what
 * main returns.
 */
int	harness_main(int argc, char *argv[], const struct test *tests,
	    size_t count);

/* Ends the test that calls it. */
_Noreturn void harness_fail(const char *file, int line, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* The same, without failure: the reason is shown. */
_Noreturn void harness_skip(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
/*
 * For what cannot be made on every machine, but must be where continuous
 * integration runs as root (CI=true): fails there, skips elsewhere.
 */
_Noreturn void harness_lacking(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
void	harness_need_root(const char *what);

/* Fails the test where got is not want, and shows where they part. */
void	harness_same(const char *what, const void *got, size_t got_n,
	    const void *want, size_t want_n);

#define EXPECT(condition, ...) \
	((condition) ? (void)0 : harness_fail(__FILE__, __LINE__, __VA_ARGS__))

/*
 * How long anything that has to come is waited for: so long that no load of
 * the machine makes a test fail, and yet far below the limit of a whole test.
 */
enum { harness_patience_ms = 30000 };

int64_t	harness_now_ms(void);
void	harness_sleep_ms(int ms);
/* "DIR/..." in static storage, eight of them in turn. */
const char *harness_path(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
/*
 * In a child, for good: calls, ended by 0, answer ENOSYS, as under a kernel
 * or a service manager without them.  NULL: nothing.
 */
void	harness_take_away(const int *calls);
/*
 * For this test alone: a small file system at path, which is made if it is not
 * there; the options of a tmpfs.  Needs root.
 */
void	harness_mount(const char *path, const char *options);
void	harness_write_file(const char *path, const char *text);
/* The whole file, ended by a NUL, the caller's to free; *n its octets. */
char	*harness_read_file(const char *path, size_t *n);

/* Waits until the expression is true, as long as ms; false if it is not. */
#define WAIT_FOR(ms, expression) __extension__ ({			\
	int64_t wait_until_ = harness_now_ms() + (ms);			\
	bool wait_got_;							\
	while (!(wait_got_ = (expression)) &&				\
	    harness_now_ms() < wait_until_)				\
		harness_sleep_ms(2);					\
	wait_got_; })

/* For what has to come: as long as patience lasts. */
#define WAIT(expression) WAIT_FOR(harness_patience_ms, expression)

#endif
