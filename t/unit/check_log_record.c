/*
 * json and log_record: every text comes back as it was, each in one spelling
 * only, and a line is one of ours to the octet or none at all.
 */
#include "server/log/log_record.h"

#include "t/unit/unit.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD "{\"time\":\"2026-11-24T00:42:44Z\",\"n\":7,\"event\":"
#define TAIL ",\"previous\":\"" ZEROS "\"}"
#define STORE HEAD "\"store\",\"id\":\"i\",\"session\":\"s\",\"client\":" \
	"\"::1\",\"port\":25,\"helo\":\"h\",\"protocol\":\"ESMTP\",\"from\":" \
	"\"a@b\",\"size\":10,\"file\":\"f\",\"mailboxes\":2,\"to\":[\"x@y\"," \
	"\"z@y\"],\"recipients\":1,\"rcpt\":[{\"to\":\"X@y\",\"verdict\":" \
	"\"ok\",\"steps\":[[\"domain\",\"/c\",3,\"y\"],[\"user\",\"/u\",1," \
	"\"x@y\"]],\"more\":0},{\"to\":\"q@y\",\"verdict\":\"no\",\"steps\":" \
	"[],\"more\":2}]" TAIL

#define RCPT "{\"to\":\"a@b\",\"verdict\":\"no such recipient\",\"steps\":" \
	"[[\"domain\",\"/c\",7,\"b\"]],\"more\":0}"

static uint8_t storage[log_line_bytes];

static const struct json_field text_form[] = { { JSON_TEXT, "", 0, NULL },
    { JSON_END, "", 0, NULL } };
static const struct json_field number_form[] = { { JSON_NUMBER, "", 0, NULL },
    { JSON_END, "", 0, NULL } };

static struct span
escaped(struct span s)
{
	struct buf b = buf_over(storage, sizeof(storage));

	json_add_escaped(&b, s, "\"\\", false);
	return buf_span(&b);
}

static void
write_line(const struct log_record *r, struct buf *out)
{
	static uint8_t text[log_line_bytes];
	struct buf body = buf_over(text, sizeof(text));

	log_record_write_body(r, &body);
	log_record_write(r, buf_span(&body), out);
}

TEST(texts)
{
	static const struct {
		struct span	plain;
		const char	*escaped;
	} t[] = {
		{ OCTETS(""), "" },
		{ OCTETS("alice@example.org"), "alice@example.org" },
		{ OCTETS("\"a b\"@c"), "\\\"a b\\\"@c" },
		{ OCTETS("a\\b"), "a\\\\b" },
		{ OCTETS("j\xc3\xb6rg@b\xc3\xbc" "cher.example"),
		    "j\xc3\xb6rg@b\xc3\xbc" "cher.example" },
		{ OCTETS("\xf0\x9f\x93\xa7"), "\xf0\x9f\x93\xa7" },
		{ OCTETS("a\tb\nc\x1b\x7f\0z"),
		    "a\\u0009b\\u000ac\\u001b\\u007f\\u0000z" },
	};
	uint8_t plain[256];

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span s = escaped(t[i].plain);
		struct buf b = buf_over(plain, sizeof(plain));

		ck_assert(span_equal(s, span_of(t[i].escaped)));
		json_add_decoded(&b, s);
		ck_assert(span_equal(buf_span(&b), t[i].plain));
	}
	ck_assert(span_equal(escaped(span_of("a\xff\xc3(")),
	    span_of("a\xef\xbf\xbd\xef\xbf\xbd(")));
}

/* For a terminal, and the same text to every reader of JSON. */
TEST(shown)
{
	static const char *const t[][2] = {
		{ "{\"a\":\"\\\\ \\u001b \xc3\xa4\"}",
		    "{\"a\":\"\\\\ \\u001b \xc3\xa4\"}" },
		{ "\xc2\x9b[2J", "\\u009b[2J" },
		{ "\xe2\x80\xae\xe2\x81\xa9\xef\xbb\xbf",
		    "\\u202e\\u2069\\ufeff" },
		{ "\xf3\xa0\x80\x81\xf0\x9f\x93\xac",
		    "\\udb40\\udc01\xf0\x9f\x93\xac" },
		{ "\x1b\xff\n", "\\u001b\xef\xbf\xbd\\u000a" }
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		char text[80];
		struct buf b = buf_over(text, sizeof(text));

		json_add_escaped(&b, span_of(t[i][0]), "", true);
		ck_assert_str_eq(buf_str(&b), t[i][1]);
	}
}

/* What is no text. */
TEST(bad_texts)
{
	static const char *const t[] = { "", "\"", "\"abc", "abc\"",
	    "\"a\nb\"", "\"a\tb\"", "\"\x7f\"", "\"\\n\"", "\"\\/\"",
	    "\"\\u0041\"", "\"\\u001B\"", "\"\\u00e4\"", "\"\\u1\"",
	    "\"\\\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"",
	    "\"\xc0\x80\"", "'a'" };

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span got;

		ck_assert_msg(!json_read(span_of(t[i]), text_form, &got),
		    "taken: %s", t[i]);
	}
}

TEST(numbers)
{
	static const struct {
		const char	*text;
		bool		 good;
		uint64_t	 value;
		size_t		 left;
	} t[] = {
		{ "0", true, 0, 0 }, { "7,", true, 7, 1 },
		{ "18446744073709551615", true, UINT64_MAX, 0 },
		{ "18446744073709551616", false, 0, 0 },
		{ "99999999999999999999", false, 0, 0 },
		{ "01", false, 0, 0 }, { "", false, 0, 0 },
		{ "-1", false, 0, 0 }, { "+1", false, 0, 0 },
		{ "x", false, 0, 0 }, { "1.5", true, 1, 2 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span rest = span_of(t[i].text);
		uint64_t value;

		ck_assert_msg(json_take(&rest, number_form, &value) ==
		    t[i].good, "%s", t[i].text);
		if (!t[i].good)
			continue;
		ck_assert_uint_eq(value, t[i].value);
		ck_assert_uint_eq(rest.n, t[i].left);
	}
}

TEST(store)
{
	struct buf b = buf_over(storage, sizeof(storage));
	struct span rest, to;
	struct log_rcpt rcpt;
	struct log_step step;
	struct log_record r;

	ck_assert(log_record_read(span_of(STORE), &r));
	ck_assert_uint_eq(r.n, 7);
	ck_assert_int_eq(r.event, LOG_EVENT_STORE);
	ck_assert(span_equal(r.client, span_of("::1")));
	ck_assert_uint_eq(r.port, 25);
	ck_assert_uint_eq(r.size, 10);
	ck_assert(span_equal(r.from, span_of("a@b")));
	rest = r.to;
	ck_assert(json_next(&rest, log_record_to, &to));
	ck_assert(span_equal(to, span_of("x@y")));
	ck_assert(json_next(&rest, log_record_to, &to));
	ck_assert(span_equal(to, span_of("z@y")));
	ck_assert(!json_next(&rest, log_record_to, &to));
	rest = r.rcpt;
	ck_assert(json_next(&rest, log_record_rcpt, &rcpt));
	ck_assert(span_equal(rcpt.to, span_of("X@y")));
	ck_assert(span_equal(rcpt.verdict, span_of("ok")));
	ck_assert(json_next(&rcpt.steps, log_record_step, &step));
	ck_assert(span_equal(step.kind, span_of("domain")));
	ck_assert_uint_eq(step.line, 3);
	ck_assert(json_next(&rcpt.steps, log_record_step, &step));
	ck_assert(span_equal(step.path, span_of("/u")));
	ck_assert(span_equal(step.name, span_of("x@y")));
	ck_assert(!json_next(&rcpt.steps, log_record_step, &step));
	ck_assert(json_next(&rest, log_record_rcpt, &rcpt));
	ck_assert_uint_eq(rcpt.more, 2);
	ck_assert(!json_next(&rest, log_record_rcpt, &rcpt));
	write_line(&r, &b);
	ck_assert(span_equal(buf_span(&b), span_of(STORE "\n")));
}

/* A line that lacks any of its octets, or has one changed, is another. */
TEST(broken)
{
	static const char good[] = STORE;
	char line[sizeof(good)];
	struct log_record r;

	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		struct buf b = buf_over(storage, sizeof(storage));

		ck_assert(!log_record_read(span_from(good, i), &r));
		memcpy(line, good, sizeof(good));
		line[i] = line[i] == '\n' ? ' ' : '\n';
		ck_assert_msg(!log_record_read(span_of(line), &r), "%s",
		    line);
		line[i] = (char)(good[i] ^ 1);
		if (!log_record_read(span_of(line), &r))
			continue;
		write_line(&r, &b);
		ck_assert_msg(span_equal(span_from(b.p, b.n - 1),
		    span_of(line)), "%s\n%.*s", line, (int)b.n, b.p);
	}
	ck_assert(!log_record_read(span_of(STORE " "), &r));
	ck_assert(!log_record_read(span_of(STORE STORE), &r));
}

TEST(others)
{
	static const char *const bad[] = {
		"{}",
		HEAD "\"open\"" TAIL,
		HEAD "\"open\",\"after\":\"x\",\"more\":1" TAIL,
		HEAD "\"close\",\"after\":\"x\"" TAIL,
		"{\"time\":\"2026-11-24T00:42:44Z\",\"n\":0,\"event\":\"open\","
		    "\"after\":\"\"" TAIL,
		"{\"time\":\"2026-11-24 00:42:44Z\",\"n\":1,\"event\":\"open\","
		    "\"after\":\"\"" TAIL,
		HEAD "\"open\",\"after\":\"\",\"previous\":\"" "00" "\"}",
		HEAD "\"open\",\"after\":\"\",\"previous\":\"A" ZEROS "\"}",
	};
	struct buf b = buf_over(storage, sizeof(storage));
	struct log_record r;

	ck_assert(log_record_read(span_of(HEAD "\"open\",\"after\":\"m.1\""
	    TAIL), &r));
	ck_assert_int_eq(r.event, LOG_EVENT_OPEN);
	ck_assert(span_equal(r.after, span_of("m.1")));
	write_line(&r, &b);
	ck_assert(span_equal(buf_span(&b), span_of(HEAD
	    "\"open\",\"after\":\"m.1\"" TAIL "\n")));
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!log_record_read(span_of(bad[i]), &r), "%s",
		    bad[i]);
}

/* What becomes of a queued message: each event has its members, no other's. */
TEST(events)
{
#define OUTCOME "\"id\":\"i\",\"to\":[\"q@y\"],\"count\":2,\"host\":\"mx.y\"," \
	"\"ip\":\"192.0.2.1\",\"port\":25,\"tls\":\"TLSv1.3 X\",\"stage\":" \
	"\"RCPT\",\"end\":\"reply\",\"code\":451,\"status\":\"4.7.1\"," \
	"\"text\":\"wait\\u000aa \\\"bit\\\"\",\"delay\":61"
	static const char *const good[LOG_EVENT_COUNT] = {
		[LOG_EVENT_STORE] = STORE,
		[LOG_EVENT_OPEN] = HEAD "\"open\",\"after\":\"\"" TAIL,
		[LOG_EVENT_QUEUE] = HEAD "\"queue\",\"id\":\"i\",\"session\":"
		    "\"s\",\"client\":\"::1\",\"port\":25,\"helo\":\"h\","
		    "\"protocol\":\"ESMTPSA\",\"user\":\"u@b\",\"from\":\"\","
		    "\"size\":10,\"file\":\"\",\"mailboxes\":0,\"to\":[],"
		    "\"recipients\":1,\"rcpt\":[{\"to\":\"q@y\",\"verdict\":"
		    "\"ok\",\"steps\":[],\"more\":0}],\"remote\":1" TAIL,
		[LOG_EVENT_TRY] = HEAD "\"try\"," OUTCOME ",\"next\":"
		    "\"2026-11-24T01:00:00Z\"" TAIL,
		[LOG_EVENT_DONE] = HEAD "\"done\"," OUTCOME TAIL,
		[LOG_EVENT_FAILED] = HEAD "\"failed\"," OUTCOME TAIL,
		[LOG_EVENT_NOTICE] = HEAD "\"notice\",\"id\":\"i\",\"kind\":"
		    "\"delayed\",\"report\":\"r\",\"delay\":14400" TAIL,
		[LOG_EVENT_HELD] = HEAD "\"held\",\"id\":\"i\",\"by\":\"smtpd\","
		    "\"why\":\"3 crashes\"" TAIL,
		[LOG_EVENT_RELEASED] = HEAD "\"released\",\"id\":\"i\",\"by\":"
		    "\"root\",\"why\":\"\"" TAIL,
		[LOG_EVENT_REMOVED] = HEAD "\"removed\",\"id\":\"i\",\"by\":"
		    "\"root\",\"why\":\"\"" TAIL,
	};
	static const char *const bad[] = {
		HEAD "\"tries\"," OUTCOME ",\"next\":\"\"" TAIL,
		HEAD "\"try\"," OUTCOME TAIL,
		HEAD "\"DONE\"," OUTCOME TAIL,
		HEAD "\"done\"," OUTCOME ",\"next\":\"\"" TAIL,
		HEAD "\"removed\",\"id\":\"i\",\"by\":\"root\"" TAIL,
	};
	static uint8_t plain[log_line_bytes];
	struct log_record r;
	struct span to;

	for (size_t i = 0; i < LOG_EVENT_COUNT; i++) {
		struct buf b = buf_over(storage, sizeof(storage));
		struct buf text = buf_over(plain, sizeof(plain));

		ck_assert_msg(log_record_read(span_of(good[i]), &r), "%s",
		    good[i]);
		ck_assert_uint_eq(r.event, i);
		json_add_decoded(&text, r.text);
		r.text = buf_span(&text);
		write_line(&r, &b);
		ck_assert_uint_eq(b.n, strlen(good[i]) + 1);
		ck_assert_int_eq(memcmp(b.p, good[i], b.n - 1), 0);
	}
	ck_assert(log_record_read(span_of(good[LOG_EVENT_TRY]), &r));
	ck_assert(json_next(&r.to, log_record_to, &to));
	ck_assert(span_equal(to, span_of("q@y")));
	ck_assert_uint_eq(r.tcp_port, 25);
	ck_assert_uint_eq(r.delay_s, 61);
	ck_assert(span_equal(r.next, span_of("2026-11-24T01:00:00Z")));
	ck_assert(log_record_read(span_of(good[LOG_EVENT_QUEUE]), &r));
	ck_assert_uint_eq(r.remote, 1);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!log_record_read(span_of(bad[i]), &r), "%s",
		    bad[i]);
}

/* Who had logged in; of others nothing is said, and of nobody neither. */
TEST(users)
{
	static const char with[] = "\"ESMTPSA\",\"user\":\"alice@example.org\"";
	struct log_record r;
	char line[1024], *at;
	struct buf b = buf_over(storage, sizeof(storage));

	snprintf(line, sizeof(line), "%s", STORE);
	ck_assert(log_record_read(span_of(line), &r));
	ck_assert_uint_eq(r.user.n, 0);
	at = strstr(line, "\"ESMTP\"");
	snprintf(at, sizeof(line) - (size_t)(at - line), "%s%s", with,
	    strstr(STORE, "\"ESMTP\"") + 7);
	ck_assert(log_record_read(span_of(line), &r));
	ck_assert(span_equal(r.user, span_of("alice@example.org")));
	write_line(&r, &b);
	ck_assert_uint_eq(b.n, strlen(line) + 1);
	ck_assert_int_eq(memcmp(b.p, line, strlen(line)), 0);
	at = strstr(line, "alice@example.org");
	memmove(at, at + 17, strlen(at + 17) + 1);
	ck_assert(!log_record_read(span_of(line), &r));
}

/* ---- a session that was refused something ---- */

TEST(head)
{
	struct log_refused h = { .session = span_of("1m857pqg38m02n9r"),
	    .client = span_of("2001:db8::1"), .port = 65535,
	    .began = span_of("2026-11-24T00:16:26Z"), .ms = 1234,
	    .why = span_of("quit"), .commands = 11, .errors = 6,
	    .stored = 1 }, got;
	struct buf b = buf_over(storage, sizeof(storage));
	struct span line;

	json_write(log_refused_head, &h, &b);
	line = buf_span(&b);
	ck_assert(json_read(line, log_refused_head, &got));
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
		ck_assert(!json_read(span_from(line.p, i),
		    log_refused_head, &got));
}

TEST(rcpts)
{
	static const char *const lists[] = { "", RCPT, RCPT "," RCPT };
	static const char *const bad[] = { "{\"refused\":1,\"rcpt\":[" RCPT
	    ",]}", "{\"refused\":1,\"rcpt\":[," RCPT "]}",
	    "{\"refused\":1,\"rcpt\":[{}]}", "{\"refused\":1,\"rcpt\":[x]}",
	    "{\"refused\":1,\"rcpt\":]}", "{\"refused\":1,\"rcpt\":[",
	    "{\"refused\":-1,\"rcpt\":[]}", "{\"refused\":1,\"rcpt\":[]} " };
	struct log_refused_rcpts r = { .count = 3 }, got;

	for (size_t i = 0; i < COUNT(lists); i++) {
		struct buf b = buf_over(storage, sizeof(storage));

		r.list = span_of(lists[i]);
		json_write(log_refused_rcpts, &r, &b);
		ck_assert_msg(json_read(buf_span(&b), log_refused_rcpts,
		    &got), "%s", lists[i]);
		ck_assert(span_equal(got.list, r.list));
		ck_assert_uint_eq(got.count, 3);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!json_read(span_of(bad[i]), log_refused_rcpts,
		    &got), "%s", bad[i]);
}

TEST(said)
{
	struct log_said s = { .ms = 7, .who = span_of("client"),
	    .text = span_of("EHLO \\x1b[m \" j\xc3\xbc") }, got;
	struct buf b = buf_over(storage, sizeof(storage));
	struct span line;

	json_write(log_refused_said, &s, &b);
	line = buf_span(&b);
	ck_assert(json_read(line, log_refused_said, &got));
	ck_assert_uint_eq(got.ms, 7);
	ck_assert(span_equal(got.who, s.who));
	ck_assert(span_equal(got.text,
	    span_of("EHLO \\\\x1b[m \\\" j\xc3\xbc")));
	for (size_t i = 0; i < line.n; i++)
		ck_assert(!json_read(span_from(line.p, i),
		    log_refused_said, &got));
	ck_assert(!json_read(span_of("{\"ms\":7,\"who\":\"client\","
	    "\"text\":\"\x1b\"}"), log_refused_said, &got));
}
