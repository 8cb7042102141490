/*
 * log: which lines are written when, what is said of those that were not,
 * and the file behind it: opened once more after it was moved, and never
 * through a link.  And outlet: that nobody is waited for.
 */
#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "server/log/log_file.h"
#include "shared/outlet.h"
#define UNIT_OWN_MAIN
#include "t/unit/unit.h"

enum { text_max_bytes = 1 << 20, stamp_bytes = 25 };

static char dir[] = "/tmp/check_log.XXXXXX";
static char text[text_max_bytes];
static unsigned woken;

static void
on_wake(void *arg)
{
	ck_assert_ptr_eq(arg, &woken);
	woken++;
}

/* The file's text, ended by a NUL. */
static const char *
read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	ck_assert_msg(fd != -1, "%s: %s", name, strerror(errno));
	n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
open_log(const char *name)
{
	char path[128];
	const char *why = "";

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_msg(log_file_open(path, NULL, &why) == 0, "%s", why);
}

static void
say(enum log_level level, const char *event, uint64_t n)
{
	struct log_line l;

	log_begin(&l, level, event);
	log_add(&l, "n=%zu", (size_t)n);
	log_end(&l);
}

/* Lines begin with a time, and behind it stand these texts. */
static void
expect_lines(const char *name, const char *const *want, size_t count)
{
	const char *at = read_file(name);

	for (size_t i = 0; i < count; i++) {
		ck_assert_msg(strlen(at) > stamp_bytes && at[10] == 'T' &&
		    at[23] == 'Z' && at[24] == ' ', "no time: %.100s", at);
		at += stamp_bytes;
		ck_assert_msg(strncmp(at, want[i], strlen(want[i])) == 0 &&
		    at[strlen(want[i])] == '\n', "not \"%s\": %.100s",
		    want[i], at);
		at += strlen(want[i]) + 1;
	}
	ck_assert_str_eq(at, "");
}

#define EXPECT_LINES(name, ...) do {					\
	const char *const want_[] = { __VA_ARGS__ };			\
	expect_lines(name, want_, COUNT(want_));			\
} while (0)

TEST(at_once_until_gathered)
{
	open_log("a");
	say(LOG_LEVEL_INFO, "x", 1);
	EXPECT_LINES("a", "event=x n=1");
	log_gather(on_wake, &woken);
	say(LOG_LEVEL_INFO, "x", 2);
	say(LOG_LEVEL_WARNING, "y", 3);
	ck_assert_uint_eq(woken, 1);
	EXPECT_LINES("a", "event=x n=1");
	log_flush();
	EXPECT_LINES("a", "event=x n=1", "event=x n=2", "event=y n=3");
	log_flush();
	say(LOG_LEVEL_INFO, "x", 4);
	ck_assert_uint_eq(woken, 2);
	log_gather(NULL, NULL);
	EXPECT_LINES("a", "event=x n=1", "event=x n=2", "event=y n=3",
	    "event=x n=4");
	say(LOG_LEVEL_INFO, "x", 5);
	EXPECT_LINES("a", "event=x n=1", "event=x n=2", "event=y n=3",
	    "event=x n=4", "event=x n=5");
}

TEST(error_brings_all)
{
	open_log("b");
	log_gather(on_wake, &woken);
	say(LOG_LEVEL_INFO, "x", 1);
	say(LOG_LEVEL_ERROR, "e", 2);
	EXPECT_LINES("b", "event=x n=1", "event=e n=2");
	log_error("open", "a b", ENOENT);
	EXPECT_LINES("b", "event=x n=1", "event=e n=2", "event=error "
	    "what=open path=\"a b\" why=\"No such file or directory\"");
}

TEST(whole_line)
{
	open_log("p");
	log_put(LOG_LEVEL_INFO, "x", "a=%s n=%zu b=%s c=%s", "1 2", (size_t)3,
	    "", "n=%s");
	log_put(LOG_LEVEL_ERROR, "y", "n=%zu", SIZE_MAX);
	EXPECT_LINES("p", "event=x a=\"1 2\" n=3 c=\"n=%s\"",
	    "event=y n=18446744073709551615");
}

/* More than there is room for is written in between, whole and in order. */
TEST(more_than_room)
{
	char line[128], *end;
	const char *at;

	open_log("c");
	log_gather(on_wake, &woken);
	for (uint64_t i = 0; i < 5000; i++)
		say(LOG_LEVEL_INFO, "x", i);
	at = read_file("c");
	ck_assert_uint_gt(strlen(at), 100000);
	ck_assert_int_eq(at[strlen(at) - 1], '\n');
	log_flush();
	at = read_file("c");
	for (unsigned i = 0; i < 5000; i++, at = end + 1) {
		end = strchr(at, '\n');
		ck_assert_ptr_nonnull(end);
		snprintf(line, sizeof(line), "event=x n=%u\n", i);
		ck_assert_msg(strncmp(at + stamp_bytes, line, strlen(line)) ==
		    0, "line %u: %.60s", i, at);
	}
	ck_assert_str_eq(at, "");
}

/* Lines n to the last one of the file, each in its place. */
static unsigned
count_lines(const char *at, unsigned n)
{
	char line[128];

	for (; *at != '\0'; at = strchr(at, '\n') + 1, n++) {
		snprintf(line, sizeof(line), "event=x n=%u\n", n);
		if (strncmp(at + stamp_bytes, line, strlen(line)) != 0)
			break;
	}
	return n;
}

/*
 * What a full disk does not take waits, and goes into the next file, too;
 * what finds no room is counted, and said when it takes more.
 */
TEST(lost_lines)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	unsigned kept, all = 0;
	const char *behind;
	char want[64];

	if (full == -1) {
		printf("skipped: no /dev/full here\n");
		return;
	}
	log_use_file(full);
	log_gather(on_wake, &woken);
	for (uint64_t lost = log_lost(); log_lost() < lost + 9; all++)
		say(LOG_LEVEL_INFO, "x", all);
	open_log("d");
	ck_assert(log_flush());
	kept = count_lines(read_file("d"), 0);
	ck_assert_uint_eq(kept, all - 9);
	snprintf(want, sizeof(want), " event=log-lost lines=9\n");
	behind = strstr(read_file("d"), want);
	ck_assert_ptr_nonnull(behind);
	ck_assert_str_eq(behind + strlen(want), "");
	say(LOG_LEVEL_INFO, "x", all);
	ck_assert(log_flush());
	behind = strstr(read_file("d"), want);
	ck_assert_uint_eq(count_lines(behind + strlen(want), all), all + 1);
}

/* A line that the disk took in part goes on where it was broken off. */
TEST(torn_line)
{
	struct rlimit small = { 40, RLIM_INFINITY }, large = { RLIM_INFINITY,
	    RLIM_INFINITY };
	int limited;

	signal(SIGXFSZ, SIG_IGN);
	open_log("e");
	/* Check writes files of its own: nothing is asserted meanwhile. */
	limited = setrlimit(RLIMIT_FSIZE, &small);
	say(LOG_LEVEL_INFO, "x", 1);
	say(LOG_LEVEL_INFO, "y", 2);
	limited |= setrlimit(RLIMIT_FSIZE, &large);
	ck_assert_int_eq(limited, 0);
	say(LOG_LEVEL_INFO, "z", 3);
	EXPECT_LINES("e", "event=x n=1", "event=y n=2", "event=z n=3");
	/* Half a line is no line of another file. */
	open_log("e2");
	limited = setrlimit(RLIMIT_FSIZE, &small);
	say(LOG_LEVEL_INFO, "x", 4);
	say(LOG_LEVEL_INFO, "y", 5);
	open_log("e3");
	limited |= setrlimit(RLIMIT_FSIZE, &large);
	ck_assert_int_eq(limited, 0);
	log_flush();
	EXPECT_LINES("e3", "event=log-lost lines=1");
}

static size_t drained, whole;	/* octets in text: all, those of whole lines */

/*
 * Reads what is there, and counts the lines that are whole now: they stand in
 * text.  The beginning of the next line is kept for the next call.
 */
static unsigned
drain(int fd)
{
	unsigned lines = 0;
	ssize_t n;

	drained -= whole;
	memmove(text, text + whole, drained);
	whole = 0;
	while ((n = read(fd, text + drained, sizeof(text) - 1 - drained)) > 0)
		drained += (size_t)n;
	text[drained] = '\0';
	for (const char *lf = text; (lf = strchr(lf, '\n')) != NULL; lines++)
		whole = (size_t)(++lf - text);
	return lines;
}

/* Nobody reads; then somebody does: in order, whole, the lost ones counted. */
static void
nobody_reads(struct outlet *o, int reader)
{
	static uint8_t pending[64 * 1024];
	unsigned added = 0, got = 0, passes = 0;
	uint64_t lost;
	char line[300];

	drained = whole = 0;
	o->pending = pending;
	o->max = sizeof(pending);
	ck_assert_int_ne(fcntl(reader, F_SETFL, O_NONBLOCK), -1);
	alarm(20);
	for (; o->lost_ever < 10; added++) {
		snprintf(line, sizeof(line), "%0200u\n", added);
		outlet_add(o, span_of(line));
		outlet_flush(o, 0);
	}
	ck_assert(o->n > 0 && outlet_take_lost(o) == 0);
	while (!outlet_flush(o, 0) || passes == 0) {
		ck_assert_uint_lt(passes++, 10000);
		for (unsigned n = drain(reader), i = 0; i < n; i++)
			ck_assert_uint_eq((unsigned)atoi(text + (size_t)i *
			    201), got++);
	}
	got += drain(reader);
	lost = outlet_take_lost(o);
	ck_assert_uint_eq(lost, 10);
	ck_assert_uint_eq(got, added - 10);
	outlet_add(o, span_of("more\n"));
	ck_assert(outlet_flush(o, 0));
	ck_assert_uint_eq(drain(reader), 1);
	alarm(0);
}

TEST(nobody_reads_pipe)
{
	static struct outlet o;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	outlet_open(&o, ends[1], false);
	nobody_reads(&o, ends[0]);
	/* Who shares the descriptor still may rely on being waited for. */
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
}

/* A stream, as of a service manager's journal; it is not written to raw. */
TEST(nobody_reads_socket)
{
	static struct outlet o;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	outlet_open(&o, ends[1], false);
	nobody_reads(&o, ends[0]);
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
}

/* A terminal that is stopped (^S). */
TEST(nobody_reads_terminal)
{
	static struct outlet o;
	struct termios raw;
	int master = posix_openpt(O_RDWR | O_NOCTTY), tty;

	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1 ||
	    (tty = open(ptsname(master), O_RDWR | O_NOCTTY)) == -1) {
		printf("skipped: no terminal here\n");
		return;
	}
	ck_assert_int_eq(tcgetattr(tty, &raw), 0);
	raw.c_oflag &= ~(tcflag_t)ONLCR;
	ck_assert_int_eq(tcsetattr(tty, TCSANOW, &raw), 0);
	outlet_open(&o, tty, false);
	nobody_reads(&o, master);
	ck_assert_int_eq(fcntl(tty, F_GETFL) & O_NONBLOCK, 0);
}

TEST(opened_again)
{
	open_log("f");
	log_gather(on_wake, &woken);
	say(LOG_LEVEL_INFO, "x", 1);
	ck_assert_int_eq(rename("f", "f.1"), 0);
	ck_assert_int_eq(log_file_reopen(), 0);
	say(LOG_LEVEL_INFO, "x", 2);
	log_flush();
	EXPECT_LINES("f.1", "event=x n=1");
	EXPECT_LINES("f", "event=x n=2");
	ck_assert_int_eq(log_file_reopen(), 0);
	say(LOG_LEVEL_INFO, "x", 3);
	log_flush();
	EXPECT_LINES("f", "event=x n=2", "event=x n=3");
}

/* What stands there now is not to be written to: the old file goes on. */
TEST(not_opened_again)
{
	open_log("g");
	ck_assert_int_eq(rename("g", "g.1"), 0);
	ck_assert_int_eq(symlink("target", "g"), 0);
	ck_assert_int_eq(log_file_reopen(), -1);
	ck_assert_int_eq(errno, ELOOP);
	log_reopen();
	ck_assert_int_eq(access("target", F_OK), -1);
	ck_assert_ptr_nonnull(strstr(read_file("g.1"), "event=error what="));
	ck_assert_ptr_nonnull(strstr(read_file("g.1"), "/g why="));
}

/* In place of libc's (--wrap): FreeBSD has its own word for a link. */
static bool as_freebsd;
int	__real_openat(int at, const char *path, int flags, ...);
int	__wrap_openat(int at, const char *path, int flags, unsigned mode);

int
__wrap_openat(int at, const char *path, int flags, unsigned mode)
{
	int fd = __real_openat(at, path, flags, mode);

	if (fd == -1 && as_freebsd && errno == ELOOP && flags & O_NOFOLLOW)
		errno = EMLINK;
	return fd;
}

TEST(no_plain_file)
{
	static const char *const names[] = { "link", "twice", "pipe", "dir" };
	static const char *const whys[] = { "it is a symbolic link",
	    "it has several names (hard links)", "it is no plain file",
	    "it is no plain file" };
	char path[128];

	open_log("h");
	ck_assert_int_eq(symlink("h", "link"), 0);
	ck_assert_int_eq(link("h", "twice"), 0);
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	for (size_t i = 0; i < 2 * COUNT(names); i++) {
		const char *why = "";

		as_freebsd = i >= COUNT(names);
		snprintf(path, sizeof(path), "%s/%s", dir,
		    names[i % COUNT(names)]);
		ck_assert_int_eq(log_file_open(path, NULL, &why), -1);
		ck_assert_str_eq(why, whys[i % COUNT(names)]);
	}
}

/* Too long a value is left out, and the line stays a line. */
TEST(long_values)
{
	static char value[log_line_max_bytes + 1];
	struct log_line l;

	open_log("j");
	memset(value, 'v', sizeof(value) - 1);
	log_begin(&l, LOG_LEVEL_INFO, "x");
	log_add(&l, "a=%s b=%s", value, "1\n\"2\"\x1b[m\xc2\x9b j\xc3\xbc");
	log_end(&l);
	EXPECT_LINES("j", "event=x b=\"1\\x0a\\\"2\\\"\\x1b[m\\xc2\\x9b "
	    "j\xc3\xbc\"");
	memset(value + 1500, '\0', 1);
	log_begin(&l, LOG_LEVEL_INFO, "x");
	log_add(&l, "a=%s b=%s c=%s", value, value, "1");
	log_end(&l);
	ck_assert_ptr_nonnull(strstr(read_file("j"), "vv c=1\n"));
}

int
main(int argc, char *argv[])
{
	char command[64];
	int status;

	if (argc < 1 || mkdtemp(dir) == NULL || chdir(dir) == -1)
		return EXIT_FAILURE;
	status = unit_run(argv[0], NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? status : EXIT_FAILURE;
}
