/*
 * The message log with several writers, as sessions under inetd are: one
 * chain, whoever wrote its lines, and none in part.
 */
#define UNIT_OWN_MAIN
#include "t/unit/unit.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/log/log_message.h"

enum { writers = 6, rounds = 400 };

static char place[] = "/tmp/check_log_writers.XXXXXX";
static int dir;

static void
set_up(void)
{
	strcpy(place + strlen(place) - 6, "XXXXXX");
	ck_assert(mkdtemp(place) != NULL);
	dir = open(place, O_RDONLY | O_DIRECTORY);
	ck_assert(dir != -1 && sodium_init() != -1);
}

static void
tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", place);
	ck_assert_int_eq(system(command), 0);
	close(dir);
}

static void
open_log(struct log_message *l, bool torn_wanted)
{
	bool torn;

	ck_assert_int_eq(log_message_open(l, dir, dir, &torn), 0);
	ck_assert_int_eq(torn, torn_wanted);
}

static void
add(struct log_message *l, const char *id)
{
	struct log_record r = { .id = span_of(id), .session = span_of("s"),
	    .client = span_of("192.0.2.1"), .helo = span_of("h"),
	    .protocol = span_of("SMTP"), .from = span_of("a@b"),
	    .file = span_of("f"), .size = 7 };

	log_message_add(l, &r);
}

/* The file, ended by a NUL, the caller's to free. */
static char *
read_log(const char *name)
{
	int fd = openat(dir, name, O_RDONLY);
	struct stat st;
	char *text;

	ck_assert_msg(fd != -1, "%s", name);
	ck_assert_int_eq(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert(text != NULL);
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

/* Every line follows the one before; how many there are. */
static size_t
follow_file(struct log_chain *c, const char *name)
{
	char *text = read_log(name), *line = text, *end;
	static char why[log_chain_why_bytes];
	size_t count = 0;

	for (; *line != '\0'; line = end + 1, count++) {
		end = strchr(line, '\n');
		ck_assert_msg(end != NULL, "the last line is not whole");
		ck_assert_msg(log_chain_feed(c, span_from(line,
		    (size_t)(end - line)), "it", why),
		    "%s, line %zu: %s: %.200s", name, count + 1, why, line);
	}
	free(text);
	return count;
}

static size_t
follow_chain(void)
{
	static struct log_chain c;

	memset(&c, 0, sizeof(c));
	return follow_file(&c, "message");
}

/* One flush may hold several lines, and other writers come in between. */
static void
write_some(int number)
{
	struct log_message *l = calloc(1, sizeof(*l));
	char id[40];

	/* A lock is of who opened the directory, as every master does. */
	dir = open(place, O_RDONLY | O_DIRECTORY);
	ck_assert(l != NULL && dir != -1);
	open_log(l, false);
	for (int i = 0; i < rounds; i++) {
		for (int k = 0; k <= i % 3; k++) {
			snprintf(id, sizeof(id), "%d.%d.%d", number, i, k);
			add(l, id);
		}
		ck_assert_int_eq(log_message_flush(l), 0);
	}
	free(l);
}

TEST(together)
{
	size_t want = 0;
	pid_t pids[writers];
	int status;

	for (int i = 0; i < rounds; i++)
		want += (size_t)(i % 3) + 1;
	for (int i = 0; i < writers; i++) {
		pids[i] = fork();
		ck_assert(pids[i] != -1);
		if (pids[i] == 0) {
			write_some(i);
			_exit(0);
		}
	}
	for (int i = 0; i < writers; i++) {
		ck_assert(waitpid(pids[i], &status, 0) == pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(follow_chain(), want * writers);
}

/* Lines that were added before another writer came wait for their place. */
TEST(in_turn)
{
	static struct log_message a, b;

	open_log(&a, false);
	open_log(&b, false);
	add(&a, "first");
	add(&b, "second");
	ck_assert_int_eq(log_message_flush(&b), 0);
	ck_assert_int_eq(log_message_flush(&a), 0);
	ck_assert_int_eq(log_message_flush(&a), 0);
	add(&b, "third");
	ck_assert_int_eq(log_message_flush(&b), 0);
	ck_assert_uint_eq(follow_chain(), 3);
	open_log(&a, false);
	add(&a, "fourth");
	ck_assert_int_eq(log_message_flush(&a), 0);
	ck_assert_uint_eq(follow_chain(), 4);
}

/* Another writer died in the middle of its line. */
TEST(torn_meanwhile)
{
	static struct log_message l;
	int fd;

	open_log(&l, false);
	add(&l, "first");
	ck_assert_int_eq(log_message_flush(&l), 0);
	fd = openat(dir, "message", O_WRONLY | O_APPEND);
	ck_assert(fd != -1 && write(fd, "{\"time\":\"20", 11) == 11);
	close(fd);
	add(&l, "second");
	ck_assert_int_eq(log_message_flush(&l), 0);
	ck_assert_uint_eq(follow_chain(), 2);
}

/* The file may not grow: nothing is lost, and nothing is there in part. */
TEST(no_room)
{
	static struct log_message l;
	int fd;

	open_log(&l, false);
	add(&l, "first");
	ck_assert_int_eq(log_message_flush(&l), 0);
	fd = l.fd;
	l.fd = openat(dir, "message", O_RDONLY);
	add(&l, "second");
	ck_assert_int_eq(log_message_flush(&l), -1);
	ck_assert_uint_eq(follow_chain(), 1);
	close(l.fd);
	l.fd = fd;
	add(&l, "third");
	ck_assert_int_eq(log_message_flush(&l), 0);
	ck_assert_uint_eq(follow_chain(), 3);
}

/* Whoever rotates, all go on in the new file, behind its first line. */
TEST(rotated)
{
	static struct log_message a, b, fresh;
	static struct log_chain c;
	char first[log_message_name_bytes], second[log_message_name_bytes];

	open_log(&a, false);
	open_log(&b, false);
	add(&a, "first");
	ck_assert_int_eq(log_message_flush(&a), 0);
	add(&b, "waits");
	ck_assert_int_eq(log_message_rotate(&a, first), 0);
	ck_assert_int_ne(first[0], '\0');
	ck_assert_int_eq(log_message_flush(&b), 0);
	add(&a, "third");
	ck_assert_int_eq(log_message_flush(&a), 0);
	ck_assert_uint_eq(follow_file(&c, first), 1);
	ck_assert_uint_eq(follow_file(&c, "message"), 3);
	/* By hand, and then one that is new to it comes first. */
	ck_assert_int_eq(renameat(dir, "message", dir, "message.1"), 0);
	open_log(&fresh, false);
	add(&a, "fourth");
	ck_assert_int_eq(log_message_flush(&a), 0);
	add(&fresh, "fifth");
	ck_assert_int_eq(log_message_flush(&fresh), 0);
	add(&b, "sixth");
	ck_assert_int_eq(log_message_flush(&b), 0);
	/* That was the rotation a was to do. */
	ck_assert_int_eq(log_message_rotate(&a, second), 0);
	ck_assert_int_eq(second[0], '\0');
	memset(&c, 0, sizeof(c));
	ck_assert_uint_eq(follow_file(&c, first), 1);
	ck_assert_uint_eq(follow_file(&c, "message.1"), 3);
	ck_assert_uint_eq(follow_file(&c, "message"), 4);
}

int
main(int argc, char *argv[])
{
	return argc < 1 ? EXIT_FAILURE : unit_run(argv[0], set_up, tear_down);
}
