/*
 * log_message, log_chain: what the master writes holds
 * together over rotations, by itself and by others; and of what was done to
 * it afterwards nothing goes unseen but what SECURITY.md says.
 */
#include "server/log/log_message.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/mail/recipient.h"
#define UNIT_OWN_MAIN
#include "t/unit/unit.h"

enum { lines_max = 64, text_bytes = 1 << 20 };

static char dir[64];
static int log_dir, bad_dir;
static struct log_message l;

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check_log_message.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("log", 0700) | mkdir("bad", 0700), 0);
	log_dir = open("log", O_RDONLY | O_DIRECTORY);
	bad_dir = open("bad", O_RDONLY | O_DIRECTORY);
	ck_assert(log_dir != -1 && bad_dir != -1);
}

static void
teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void
open_log(void)
{
	bool torn;

	ck_assert_int_eq(log_message_open(&l, log_dir, bad_dir, &torn), 0);
	ck_assert(!torn);
}

static void
add(const char *id)
{
	struct mailbox from = { .local_len = 1, .local = "a",
	    .domain_len = 1, .domain = "b" };
	struct recipient_log rcpts = { 0 };
	static char name[] = "y";
	const struct conf_domain domain = { .name = name };
	struct recipient_reason reason = { .step_count = 1,
	    .steps = { { .kind = STEP_DOMAIN, .path = "/etc/\"c\"",
	    .line = 3, .domain = &domain } } };
	struct log_record r = { .id = span_of(id), .session = span_of("s"),
	    .client = span_of("::1"), .port = 25,
	    .helo = span_of("j\xc3\xb6rg"), .protocol = span_of("ESMTP"),
	    .from = span_of("a@b"), .file = span_of("f"), .size = 10 };

	recipient_log_add(&rcpts, &from, "ok", &reason);
	r.recipients = rcpts.count;
	r.rcpt = buf_span(&rcpts.text);
	log_message_add(&l, &r);
	ck_assert_int_eq(log_message_flush(&l), 0);
	recipient_log_clear(&rcpts);
}

/* All lines of all files, in their order, each ended by a NUL. */
static char text[text_bytes];
static char *line_at[lines_max];
static size_t line_count;

static void
read_all(void)
{
	static struct log_lines lines;
	char *to = text;
	struct log_files f;
	struct span line;

	line_count = 0;
	ck_assert_int_eq(log_files_find(AT_FDCWD, "log", &f), 0);
	for (size_t i = 0; i < f.count; i++) {
		ck_assert_int_eq(log_lines_open(&lines, AT_FDCWD,
		    f.files[i].path), 0);
		while (log_lines_next(&lines, &line) == 1) {
			ck_assert(lines.whole && line_count < lines_max);
			line_at[line_count++] = to;
			memcpy(to, line.p, line.n);
			to[line.n] = '\0';
			to += line.n + 1;
		}
		fclose(lines.f);
	}
	free(f.files);
}

/* The faults of the lines, a letter each. */
static const char *
faults(void)
{
	static const struct {
		const char	*begin;
		char		 letter;
	} words[] = { { "not a line", 'S' }, { "does not follow", 'C' },
	    { "1 line is missing", 'M' }, { "2 lines are missing", 'M' },
	    { "out of order", 'P' }, { "its number", 'N' },
	    { "this is number", 'H' } };
	static char got[lines_max + 1], why[log_chain_why_bytes];
	struct log_chain c = { 0 };

	for (size_t i = 0; i < line_count; i++) {
		got[i] = '.';
		if (log_chain_feed(&c, span_of(line_at[i]), "before", why))
			continue;
		for (size_t k = 0; k < COUNT(words); k++)
			if (strncmp(why, words[k].begin,
			    strlen(words[k].begin)) == 0)
				got[i] = words[k].letter;
		ck_assert_msg(got[i] != '.', "%s", why);
	}
	got[line_count] = '\0';
	return got;
}

static void
six_lines(void)
{
	static const char *const ids[] = { "i1", "i2", "i3", "i4", "i5",
	    "i6" };

	open_log();
	for (size_t i = 0; i < COUNT(ids); i++)
		add(ids[i]);
	read_all();
	ck_assert_str_eq(faults(), "......");
}

TEST(whole)
{
	static char why[log_chain_why_bytes];
	struct log_record r;
	struct log_chain c = { 0 };

	six_lines();
	ck_assert(log_record_read(span_of(line_at[0]), &r));
	ck_assert(span_equal(r.helo, span_of("j\xc3\xb6rg")));
	ck_assert(span_equal(r.rcpt, span_of("{\"to\":\"a@b\",\"verdict\":"
	    "\"ok\",\"steps\":[[\"domain\",\"/etc/\\\"c\\\"\",3,\"y\"]],"
	    "\"more\":0}")));
	for (size_t i = 0; i < line_count; i++)
		ck_assert(log_chain_feed(&c, span_of(line_at[i]), "", why));
	ck_assert(c.from_start);
	ck_assert_uint_eq(c.first.n, 1);
	ck_assert_uint_eq(c.last.n, 6);
	ck_assert_int_eq(memcmp(&c.last, &l.last, sizeof(c.last)), 0);
}

TEST(changed)
{
	six_lines();
	strstr(line_at[2], "\"i3\"")[2] = '7';
	ck_assert_str_eq(faults(), "...C..");
	/* Its number. */
	read_all();
	strstr(line_at[2], "\"n\":3")[4] = '9';
	ck_assert_str_eq(faults(), "..NP..");
}

TEST(missing)
{
	six_lines();
	memmove(&line_at[2], &line_at[4], 2 * sizeof(line_at[0]));
	line_count = 4;
	ck_assert_str_eq(faults(), "..M.");
	/* The first: the log then begins in its middle. */
	read_all();
	memmove(&line_at[0], &line_at[1], 5 * sizeof(line_at[0]));
	line_count = 5;
	ck_assert_str_eq(faults(), "H....");
}

TEST(moved)
{
	char *line;

	six_lines();
	line = line_at[2];
	line_at[2] = line_at[3];
	line_at[3] = line;
	ck_assert_str_eq(faults(), "..MP..");
	/* One that was there before, once more. */
	read_all();
	line_at[5] = line_at[1];
	ck_assert_str_eq(faults(), ".....P");
}

TEST(strange)
{
	six_lines();
	line_at[3][5] = '?';
	ck_assert_str_eq(faults(), "...S..");
	read_all();
	line_at[0][5] = '?';
	ck_assert_str_eq(faults(), "S.....");
	read_all();
	line_at[5] = line_at[5] + 1;
	ck_assert_str_eq(faults(), ".....S");
}

TEST(rotated)
{
	char name[log_message_name_bytes], again[log_message_name_bytes];
	struct log_record r;

	open_log();
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	ck_assert_str_eq(name, "");	/* nothing in it */
	add("i1");
	add("i2");
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	ck_assert_int_eq(strncmp(name, "message.2", 9), 0);
	add("i3");
	ck_assert_int_eq(log_message_rotate(&l, again), 0);
	ck_assert_str_ne(name, again);
	add("i4");
	read_all();
	ck_assert_str_eq(faults(), "......");
	ck_assert(log_record_read(span_of(line_at[2]), &r));
	ck_assert_int_eq(r.event, LOG_EVENT_OPEN);
	ck_assert(span_equal(r.after, span_of(name)));
}

/* logrotate has moved it, and may have made an empty one in its place. */
TEST(rotated_by_another)
{
	char name[log_message_name_bytes];

	open_log();
	add("i1");
	ck_assert_int_eq(rename("log/message", "log/message.1"), 0);
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	ck_assert_str_eq(name, "");
	add("i2");
	ck_assert_int_eq(rename("log/message", "log/message.0"), 0);
	ck_assert_int_eq(close(open("log/message", O_WRONLY | O_CREAT,
	    0600)), 0);
	add("i3");	/* still into the moved one */
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	add("i4");
	read_all();
	ck_assert_str_eq(faults(), "......");
	/* Copied, and cut to nothing: begun anew. */
	ck_assert_int_eq(system("cp log/message log/message.2"), 0);
	ck_assert_int_eq(truncate("log/message", 0), 0);
	add("i5");
	read_all();
	ck_assert_str_eq(faults(), "........");
}

/* What stands in the way is not written to, and nothing is lost. */
TEST(not_rotated)
{
	char name[log_message_name_bytes];

	open_log();
	add("i1");
	ck_assert_int_eq(rename("log/message", "log/message.1"), 0);
	ck_assert_int_eq(mkdir("log/message", 0700), 0);
	ck_assert_int_eq(log_message_rotate(&l, name), -1);
	add("i2");
	ck_assert_int_eq(rmdir("log/message"), 0);
	ck_assert_int_eq(symlink("message.1", "log/message"), 0);
	ck_assert_int_eq(log_message_rotate(&l, name), -1);
	add("i3");
	ck_assert_int_eq(unlink("log/message"), 0);
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	add("i4");
	read_all();
	ck_assert_str_eq(faults(), ".....");
}

/* Another start goes on where the last one ended, wherever that is. */
TEST(opened_again)
{
	char name[log_message_name_bytes];

	open_log();
	add("i1");
	open_log();
	add("i2");
	ck_assert_int_eq(log_message_rotate(&l, name), 0);
	open_log();
	add("i3");
	/* Moved while nobody wrote; something else lies there too. */
	ck_assert_int_eq(rename("log/message", "log/message.zz"), 0);
	ck_assert_int_eq(system("echo x >log/message.gz; "
	    "mkdir log/message.d; ln -s message.zz log/message.l"), 0);
	open_log();
	add("i4");
	ck_assert_int_eq(system("rm -r log/message.gz log/message.d "
	    "log/message.l"), 0);
	read_all();
	ck_assert_str_eq(faults(), "......");
	ck_assert_ptr_nonnull(strstr(line_at[4], "\"after\":\"message.zz\""));
}

/* A last line of somebody else's: it is seen, and the log goes on. */
TEST(foreign_end)
{
	open_log();
	add("i1");
	ck_assert_int_eq(system("echo hello >>log/message"), 0);
	open_log();
	add("i2");
	add("i3");
	read_all();
	ck_assert_uint_eq(line_count, 4);
	ck_assert_int_eq(faults()[1], 'S');
	ck_assert_str_eq(faults() + 2, "..");
}

TEST(full)
{
	struct rlimit small = { 100, RLIM_INFINITY }, large = { RLIM_INFINITY,
	    RLIM_INFINITY };
	struct stat st;
	int limited, flushed;

	signal(SIGXFSZ, SIG_IGN);
	open_log();
	add("i1");
	ck_assert_int_eq(stat("log/message", &st), 0);
	small.rlim_cur = (rlim_t)st.st_size + 50;
	{
		struct log_record r = { .id = span_of("i2"),
		    .session = span_of("s"), .client = span_of("::1"),
		    .helo = span_of("h"), .protocol = span_of("SMTP"),
		    .file = span_of("f") };

		log_message_add(&l, &r);
	}
	/* Check writes files of its own: nothing is asserted meanwhile. */
	limited = setrlimit(RLIMIT_FSIZE, &small);
	flushed = log_message_flush(&l);
	limited |= setrlimit(RLIMIT_FSIZE, &large);
	ck_assert_int_eq(limited, 0);
	ck_assert_int_eq(flushed, -1);
	/* No part of a line is left. */
	read_all();
	ck_assert_str_eq(faults(), ".");
	add("i3");
	read_all();
	ck_assert_str_eq(faults(), "...");
}

/* Every octet counts. */
TEST(checkpoints)
{
	struct log_point c = { .time = "2026-11-24T00:42:44Z", .n = 6,
	    .hash = { 1, 0xaf } };
	uint8_t storage[log_checkpoint_line_bytes];
	struct buf b = buf_over(storage, sizeof(storage));
	struct log_point got;

	log_chain_write_checkpoint(&c, &b);
	ck_assert_int_eq(b.p[b.n - 1], '\n');
	for (size_t i = 0; i + 1 < b.n; i++) {
		ck_assert(!log_chain_read_checkpoint(span_from(b.p, i), &got));
		b.p[i] ^= 1;
		ck_assert_msg(!log_chain_read_checkpoint(span_from(b.p,
		    b.n - 1), &got) || memcmp(&got, &c, sizeof(c)) != 0,
		    "octet %zu", i);
		b.p[i] ^= 1;
	}
	ck_assert(log_chain_read_checkpoint(span_from(b.p, b.n - 1), &got));
	ck_assert_mem_eq(&got, &c, sizeof(c));
}

/* Lines of every length around the buffer, and one that never fits. */
TEST(long_lines)
{
	static const size_t sizes[] = { 0, 1, log_lines_buffer_bytes - 1,
	    log_lines_buffer_bytes, log_lines_buffer_bytes + 1,
	    3 * log_lines_buffer_bytes, 5 };
	static struct log_lines lines;
	FILE *f = fopen("lines", "w");
	struct span line;

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t j = 0; j < sizes[i]; j++)
			fputc('a' + (int)i, f);
		if (i + 1 < COUNT(sizes))
			fputc('\n', f);
	}
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(log_lines_open(&lines, AT_FDCWD, "lines"), 0);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		ck_assert_int_eq(log_lines_next(&lines, &line), 1);
		ck_assert_uint_eq(lines.number, i + 1);
		ck_assert(lines.whole == (sizes[i] < log_lines_buffer_bytes &&
		    i + 1 < COUNT(sizes)));
		ck_assert_uint_eq(line.n, sizes[i] < log_lines_buffer_bytes ?
		    sizes[i] : log_lines_buffer_bytes);
		ck_assert(line.n == 0 || line.p[line.n - 1] == 'a' + i);
	}
	ck_assert_int_eq(log_lines_next(&lines, &line), 0);
	fclose(lines.f);
}

int
main(int argc, char *argv[])
{
	if (argc < 1 || sodium_init() == -1)
		return EXIT_FAILURE;
	return unit_run(argv[0], setup, teardown);
}
