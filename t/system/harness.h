/*
 * Runs every system test, some at once: each in a process and a directory of
 * its own, of which nothing is left afterwards.
 */
#ifndef T_SYSTEM_HARNESS_H
#define T_SYSTEM_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A program of TEST(name) { ... } needs no main. */
struct test {
	const char	*name;
	void		(*run)(void);
};

/* Puts the test into the list of the program, a section. */
#define TEST(name)							\
	static void name(void);						\
	static const struct test name##_test = { #name, name };		\
	static const struct test *const name##_listed			\
	    __attribute__((section("system_tests"), used)) = &name##_test; \
	static void name(void)

/* smtpd and smtpd-worker under test, and the directory of this test. */
extern const char *harness_smtpd;
extern const char *harness_worker;
extern char harness_dir[80];

/* Ends the test that calls it. */
_Noreturn void harness_fail(const char *file, int line, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* The same without failure; the reason is printed. */
_Noreturn void harness_skip(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
/*
 * For what some machines lack, but those where continuous integration runs as
 * root (CI=true) must have: fails there, skips elsewhere.
 */
_Noreturn void harness_lacking(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
void	harness_need_root(const char *what);

/* For a test that measures time: waits until it is the only one that runs. */
void	harness_alone(void);
/* Fails the test unless got is want, and shows where they differ. */
void	harness_same(const char *what, const void *got, size_t got_n,
	    const void *want, size_t want_n);

#define EXPECT(condition, ...) \
	((condition) ? (void)0 : harness_fail(__FILE__, __LINE__, __VA_ARGS__))

/*
 * How long to wait for anything that has to come: so long that no load of the
 * machine makes a test fail, yet far below the limit of a whole test.
 */
enum { harness_patience_ms = 30000 };

int64_t	harness_now_ms(void);
void	harness_sleep_ms(int ms);
/* "DIR/..." in one of eight static buffers, used in turn. */
const char *harness_path(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
/*
 * In a child, for good: makes calls (ended by 0) fail with ENOSYS, as under a
 * kernel or a service manager without them.  NULL: none.
 */
void	harness_take_away(const int *calls);
/*
 * For this test alone: mounts a small tmpfs with these options at path, which
 * is created if missing.  Needs root.
 */
void	harness_mount(const char *path, const char *options);
void	harness_write_file(const char *path, const char *text);
/* The whole file, ended by a NUL, for the caller to free; *n is its size. */
char	*harness_read_file(const char *path, size_t *n);

/* Waits up to ms until the expression is true; false if it is not. */
#define WAIT_FOR(ms, expression) __extension__ ({			\
	int64_t wait_until_ = harness_now_ms() + (ms);			\
	bool wait_got_;							\
	while (!(wait_got_ = (expression)) &&				\
	    harness_now_ms() < wait_until_)				\
		harness_sleep_ms(2);					\
	wait_got_; })

/* For what has to come: waits up to harness_patience_ms. */
#define WAIT(expression) WAIT_FOR(harness_patience_ms, expression)

#endif
