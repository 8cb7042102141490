/*
 * refused_record: the lines of a kept session come back as they were, and
 * nothing else is taken for one.
 */
#include "server/log/refused_record.h"

#include "t/unit/unit.h"

static uint8_t storage[refused_line_bytes];

#define RCPT "{\"to\":\"a@b\",\"verdict\":\"no such recipient\",\"steps\":" \
	"[[\"domain\",\"/c\",7,\"b\"]],\"more\":0}"

/* The line that was written, without its LF. */
static struct span
line_of(const struct buf *b)
{
	ck_assert(!b->cut && b->n > 0 && b->p[b->n - 1] == '\n');
	return span_from(b->p, b->n - 1);
}

START_TEST(head)
{
	struct refused_head h = { .session = span_of("1m857pqg38m02n9r"),
	    .client = span_of("2001:db8::1"), .port = 65535,
	    .began = span_of("2026-11-24T00:16:26Z"), .ms = 1234,
	    .why = span_of("quit"), .commands = 11, .errors = 6,
	    .stored = 1 }, got;
	struct buf b = buf_over(storage, sizeof(storage));
	struct span line;

	refused_head_write(&h, &b);
	line = line_of(&b);
	ck_assert(refused_head_read(line, &got));
	ck_assert(span_equal(got.session, h.session));
	ck_assert(span_equal(got.client, h.client));
	ck_assert(span_equal(got.began, h.began));
	ck_assert(span_equal(got.why, h.why));
	ck_assert_uint_eq(got.port, 65535);
	ck_assert_uint_eq(got.ms, 1234);
	ck_assert_uint_eq(got.commands, 11);
	ck_assert_uint_eq(got.errors, 6);
	ck_assert_uint_eq(got.stored, 1);
	for (size_t i = 0; i < line.n; i++)
		ck_assert(!refused_head_read(span_from(line.p, i), &got));
	ck_assert(!refused_head_read(span_from(b.p, b.n), &got));
}
END_TEST

START_TEST(rcpts)
{
	static const char *const lists[] = { "", RCPT, RCPT "," RCPT };
	static const char *const bad[] = { "{\"refused\":1,\"rcpt\":[" RCPT
	    ",]}", "{\"refused\":1,\"rcpt\":[," RCPT "]}",
	    "{\"refused\":1,\"rcpt\":[{}]}", "{\"refused\":1,\"rcpt\":[x]}",
	    "{\"refused\":1,\"rcpt\":]}", "{\"refused\":1,\"rcpt\":[",
	    "{\"refused\":-1,\"rcpt\":[]}", "{\"refused\":1,\"rcpt\":[]} " };
	struct span list;
	uint64_t count;

	for (size_t i = 0; i < COUNT(lists); i++) {
		struct buf b = buf_over(storage, sizeof(storage));

		refused_rcpts_write(span_of(lists[i]), 3, &b);
		ck_assert_msg(refused_rcpts_read(line_of(&b), &list, &count),
		    "%s", lists[i]);
		ck_assert(span_equal(list, span_of(lists[i])));
		ck_assert_uint_eq(count, 3);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!refused_rcpts_read(span_of(bad[i]), &list,
		    &count), "%s", bad[i]);
}
END_TEST

START_TEST(said)
{
	struct refused_said s = { .ms = 7, .who = span_of("client"),
	    .text = span_of("EHLO \\\\x1b[m \\\" j\xc3\xbc") }, got;
	struct buf b = buf_over(storage, sizeof(storage));
	struct span line;

	refused_said_write(&s, &b);
	line = line_of(&b);
	ck_assert(refused_said_read(line, &got));
	ck_assert_uint_eq(got.ms, 7);
	ck_assert(span_equal(got.who, s.who));
	ck_assert(span_equal(got.text, s.text));
	for (size_t i = 0; i < line.n; i++)
		ck_assert(!refused_said_read(span_from(line.p, i), &got));
	ck_assert(!refused_said_read(span_of("{\"ms\":7,\"who\":\"client\","
	    "\"text\":\"\x1b\"}"), &got));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { head, rcpts, said };

	return UNIT_RUN("refused_record", tests);
}
