/*
 * envelope: what is written is read back, and nothing else is taken; the
 * parameters of RFC 3461.
 */
#include "t/unit/unit.h"

#include "shared/envelope.h"

enum { room_bytes = 4096 };

static struct mailbox
address(const char *path)
{
	struct mailbox m;
	struct span rest;

	if (smtp_parse_path(span_of(path), true, true, &m, &rest) !=
	    SYNTAX_OK)
		ck_abort_msg("%s", path);
	return m;
}

/* An envelope with as many recipients as t has room for. */
static void
make(struct envelope *e, struct buf *rcpts)
{
	static const struct {
		const char	*path;
		uint8_t		 notify;
		const char	*orcpt;
	} t[] = {
		{ "<bob@example.com>", 0, "" },
		{ "<\"o d\\\"d\"@[192.0.2.1]>", DSN_NEVER, "" },
		{ "<x@b.example>", DSN_SUCCESS | DSN_DELAY,
		    "rfc822;X y+=@b.example" },
		{ "<\xc3\xb6@b.example>", DSN_FAILURE | DSN_DELIVERED,
		    "utf-8;\\x{F6}@b.example" },
	};

	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < COUNT(t); i++) {
		struct ipc_rcpt r = { .to = address(t[i].path),
		    .notify = t[i].notify };

		strcpy(r.orcpt, t[i].orcpt);
		envelope_add(rcpts, &r);
	}
	e->id = span_of("0123456789abcdef");
	e->queued_s = 1796000000;
	e->from = address("<alice@example.org>");
	e->ret = DSN_RET_HDRS;
	e->envid = span_of("QQ 314159");
	e->smtputf8 = true;
	e->count = COUNT(t);
	e->rcpts = buf_span(rcpts);
}

static bool
same_mailbox(const struct mailbox *a, const struct mailbox *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void
expect_same(const struct envelope *a, const struct envelope *b)
{
	struct span one = a->rcpts, two = b->rcpts;
	struct ipc_rcpt r, s;

	ck_assert(span_equal(a->id, b->id));
	ck_assert_int_eq(a->queued_s, b->queued_s);
	ck_assert(same_mailbox(&a->from, &b->from));
	ck_assert_uint_eq(a->ret, b->ret);
	ck_assert(span_equal(a->envid, b->envid));
	ck_assert_int_eq(a->smtputf8, b->smtputf8);
	ck_assert_uint_eq(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		ck_assert(envelope_next(&one, &r) && envelope_next(&two, &s));
		ck_assert(same_mailbox(&r.to, &s.to));
		ck_assert_uint_eq(r.notify, s.notify);
		ck_assert_str_eq(r.orcpt, s.orcpt);
	}
	ck_assert(!envelope_next(&one, &r) && !envelope_next(&two, &s));
}

TEST(round_trip)
{
	uint8_t rcpts[room_bytes], room[room_bytes], again[room_bytes];
	struct buf r = buf_over(rcpts, sizeof(rcpts));
	struct buf out = buf_over(room, sizeof(room));
	struct buf twice = buf_over(again, sizeof(again));
	struct envelope e, got;

	make(&e, &r);
	envelope_write(&e, &out);
	ck_assert(!out.cut && envelope_read(buf_span(&out), &got));
	expect_same(&e, &got);
	envelope_write(&got, &twice);
	ck_assert(span_equal(buf_span(&out), buf_span(&twice)));
	/* The null sender, and no parameters. */
	out.n = 0;
	e.from = address("<>");
	e.envid = span_of("");
	e.ret = DSN_RET_NONE;
	e.queued_s = 0;
	e.smtputf8 = false;
	envelope_write(&e, &out);
	ck_assert(envelope_read(buf_span(&out), &got));
	expect_same(&e, &got);
}

/* A recipient goes into a record as it is: nothing of the stack is in it. */
TEST(whole)
{
	uint8_t rcpts[room_bytes];
	struct buf r = buf_over(rcpts, sizeof(rcpts));
	struct ipc_rcpt got, again;
	struct span one, two;
	struct envelope e;

	make(&e, &r);
	one = two = e.rcpts;
	for (uint32_t i = 0; i < e.count; i++) {
		memset(&got, 0xa5, sizeof(got));
		memset(&again, 0x5a, sizeof(again));
		ck_assert(envelope_next(&one, &got));
		ck_assert(envelope_next(&two, &again));
		ck_assert_mem_eq(&got, &again, sizeof(got));
	}
}

/* No truncation is an envelope, nor is more than one. */
TEST(truncated)
{
	uint8_t rcpts[room_bytes], room[room_bytes];
	struct buf r = buf_over(rcpts, sizeof(rcpts));
	struct buf out = buf_over(room, sizeof(room));
	struct envelope e, got;

	make(&e, &r);
	envelope_write(&e, &out);
	for (size_t n = 0; n < out.n; n++) {
		/* At the end of memory, where a sanitizer would notice. */
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, room, n);
		ck_assert_msg(!envelope_read(span_from(copy, n), &got),
		    "the first %zu", n);
		free(copy);
	}
	room[out.n] = 0;
	ck_assert(!envelope_read(span_from(room, out.n + 1), &got));
	for (uint32_t count = 0; count < 9; count++) {
		out.n = 0;
		e.count = count;
		envelope_write(&e, &out);
		ck_assert_int_eq(envelope_read(buf_span(&out), &got),
		    count == 4);
	}
}

/* Whatever an octet becomes, what is read is an envelope. */
TEST(flipped)
{
	uint8_t rcpts[room_bytes], room[room_bytes], again[room_bytes];
	struct buf r = buf_over(rcpts, sizeof(rcpts));
	struct buf out = buf_over(room, sizeof(room));
	struct envelope e, got;
	size_t refused = 0;

	make(&e, &r);
	envelope_write(&e, &out);
	for (size_t i = 0; i < out.n; i++)
		for (unsigned bit = 1; bit < 256; bit++) {
			struct buf twice = buf_over(again, sizeof(again));

			room[i] ^= (uint8_t)bit;
			if (envelope_read(buf_span(&out), &got)) {
				envelope_write(&got, &twice);
				ck_assert(span_equal(buf_span(&twice),
				    buf_span(&out)));
			} else
				refused++;
			room[i] ^= (uint8_t)bit;
		}
	ck_assert_uint_gt(refused, out.n * 255 / 2);
}

TEST(bounds)
{
	uint8_t rcpts[room_bytes], room[room_bytes];
	char text[dsn_orcpt_max_bytes + 2];
	struct envelope e, got;

	for (size_t n = 99; n <= 101; n++) {
		struct buf r = buf_over(rcpts, sizeof(rcpts));
		struct buf out = buf_over(room, sizeof(room));

		memset(text, 'x', sizeof(text));
		make(&e, &r);
		e.envid = span_from(text, n);
		envelope_write(&e, &out);
		ck_assert_int_eq(envelope_read(buf_span(&out), &got),
		    n <= 100);
		ck_assert_int_eq(envelope_envid_valid(e.envid), n <= 100);
	}
	memcpy(text, "x;", 2);
	ck_assert(envelope_orcpt_valid(span_from(text, 500)));
	ck_assert(!envelope_orcpt_valid(span_from(text, 501)));
}

TEST(xtext)
{
	static const struct {
		const char	*in;
		const char	*out;	/* NULL: refused */
	} t[] = {
		{ "", "" }, { "a", "a" }, { "!~", "!~" },
		{ "a+2Bb", "a+b" }, { "a+3Db", "a=b" }, { "+20", " " },
		{ "+41", "A" }, { "+7E", "~" }, { "+2B2B", "+2B" },
		{ "+", NULL }, { "+2", NULL }, { "a+", NULL },
		{ "+2b", NULL }, { "+g0", NULL }, { "+G0", NULL },
		{ "+ 2", NULL }, { "++2B", NULL }, { "a=b", NULL },
		{ "a b", NULL }, { "a\tb", NULL }, { "\x7f", NULL },
		{ "\xc3\xb6", NULL },
		/* No octet that could end a line or a text. */
		{ "+00", NULL }, { "+0A", NULL }, { "+0D", NULL },
		{ "+09", NULL }, { "+1B", NULL }, { "+7F", NULL },
		{ "+80", NULL }, { "+FF", NULL },
	};
	char room[16], code[64];

	for (size_t i = 0; i < COUNT(t); i++) {
		struct buf out = buf_over(room, sizeof(room));
		struct buf xtext = buf_over(code, sizeof(code));
		bool ok = envelope_read_xtext(span_of(t[i].in), &out);

		ck_assert_msg(ok == (t[i].out != NULL), "%s", t[i].in);
		if (!ok)
			continue;
		ck_assert_msg(span_equal(buf_span(&out), span_of(t[i].out)),
		    "%s", t[i].in);
		envelope_add_xtext(&xtext, buf_span(&out));
		out = buf_over(room, sizeof(room));
		ck_assert(envelope_read_xtext(buf_span(&xtext), &out));
		ck_assert(span_equal(buf_span(&out), span_of(t[i].out)));
	}
}

/* Every octet comes back from its code, or is refused there. */
TEST(xtext_octets)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t octet = (uint8_t)c, room[4], code[4];
		struct buf xtext = buf_over(code, sizeof(code));
		struct buf out = buf_over(room, sizeof(room));

		envelope_add_xtext(&xtext, span_from(&octet, 1));
		ck_assert(span_is_ascii(buf_span(&xtext)));
		ck_assert_int_eq(envelope_read_xtext(buf_span(&xtext), &out),
		    c >= 0x20 && c <= 0x7e);
		if (c >= 0x20 && c <= 0x7e)
			ck_assert(out.n == 1 && room[0] == octet);
	}
}

/* More than fits is refused, never cut. */
TEST(xtext_too_long)
{
	char room[3];
	struct buf out = buf_over(room, sizeof(room));

	ck_assert(envelope_read_xtext(span_of("+41B+43"), &out));
	out.n = 0;
	ck_assert(!envelope_read_xtext(span_of("+41B+43D"), &out));
}

TEST(ret)
{
	static const struct {
		const char	*in;
		uint8_t		 ret;
	} t[] = {
		{ "FULL", DSN_RET_FULL }, { "hdrs", DSN_RET_HDRS },
		{ "Full", DSN_RET_FULL }, { "", 0 }, { "FULLX", 0 },
		{ "FUL", 0 }, { "FULL,HDRS", 0 }, { "NONE", 0 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		uint8_t ret = 9;

		ck_assert_int_eq(envelope_read_ret(span_of(t[i].in), &ret),
		    t[i].ret != 0);
		if (t[i].ret != 0)
			ck_assert_uint_eq(ret, t[i].ret);
	}
}

TEST(notify)
{
	static const struct {
		const char	*in;
		uint8_t		 bits;		/* 0: refused */
	} t[] = {
		{ "NEVER", DSN_NEVER }, { "never", DSN_NEVER },
		{ "SUCCESS", DSN_SUCCESS }, { "Failure", DSN_FAILURE },
		{ "DELAY", DSN_DELAY },
		{ "SUCCESS,FAILURE", DSN_SUCCESS | DSN_FAILURE },
		{ "DELAY,FAILURE,SUCCESS",
		    DSN_SUCCESS | DSN_FAILURE | DSN_DELAY },
		{ "", 0 }, { ",", 0 }, { "SUCCESS,", 0 }, { ",SUCCESS", 0 },
		{ "SUCCESS,,DELAY", 0 }, { "SUCCESS,SUCCESS", 0 },
		{ "SUCCESS,success", 0 }, { "NEVER,SUCCESS", 0 },
		{ "SUCCESS,NEVER", 0 }, { "NEVER,", 0 }, { "NEVERX", 0 },
		{ "SUCCES", 0 }, { "SUCCESS FAILURE", 0 },
		{ "SUCCESS;DELAY", 0 }, { "ALWAYS", 0 },
		{ "DELAY,FAILURE,SUCCESS,DELAY", 0 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		uint8_t bits = 0;
		bool ok = envelope_read_notify(span_of(t[i].in), &bits);

		ck_assert_msg(ok == (t[i].bits != 0), "%s", t[i].in);
		if (ok)
			ck_assert_uint_eq(bits, t[i].bits);
	}
}

TEST(orcpt)
{
	static const struct {
		const char	*in;
		const char	*out;
	} t[] = {
		{ "rfc822;a@b", "rfc822;a@b" },
		{ "RFC822;a+2Bb@c", "RFC822;a+b@c" },
		{ "x400;/S=a", NULL }, { "x400;/S+3Da", "x400;/S=a" },
		{ "x-y_z'!;a;b", "x-y_z'!;a;b" },
		{ "utf-8;\\x{F6}@b", "utf-8;\\x{F6}@b" },
		{ "", NULL }, { "rfc822", NULL }, { "rfc822;", NULL },
		{ ";a@b", NULL }, { "rfc 822;a@b", NULL },
		{ "rfc+20;a@b", "rfc+20;a@b" }, { "r(c);a@b", NULL },
		{ "r.c;a@b", NULL }, { "\"r\";a@b", NULL },
		{ "rfc822;a@b+0D+0ABcc:x", NULL }, { "rfc822;+", NULL },
		{ "rfc822;a b", NULL }, { "r\xc3\xb6;a", NULL },
	};
	char room[dsn_orcpt_max_bytes];

	for (size_t i = 0; i < COUNT(t); i++) {
		struct buf out = buf_over(room, sizeof(room));
		bool ok = envelope_read_orcpt(span_of(t[i].in), &out);

		ck_assert_msg(ok == (t[i].out != NULL), "%s", t[i].in);
		if (ok)
			ck_assert_msg(span_equal(buf_span(&out),
			    span_of(t[i].out)), "%s", t[i].in);
	}
}

/* A record must not bring what the parsers refuse. */
TEST(valid)
{
	static const struct span bad[] = { OCTETS("rfc822"), OCTETS("rfc822;"),
	    OCTETS("rfc822;a\nb"), OCTETS("rfc822;a\rb"), OCTETS("rfc822;a\0"),
	    OCTETS("rfc822;a\x7f"), OCTETS("rfc822;\xc3\xb6"),
	    OCTETS(" rfc822;a"), OCTETS("rfc822\n;a"), OCTETS(";a") };

	ck_assert(envelope_orcpt_valid(span_of("")));
	ck_assert(envelope_envid_valid(span_of("")));
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!envelope_orcpt_valid(bad[i]), "row %zu", i);
	ck_assert(!envelope_envid_valid(span_of("a\nb")));
	ck_assert(!envelope_envid_valid(span_of("\xc3\xb6")));
}
