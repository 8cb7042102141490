/*
 * header: what is left out, what is counted, and that no split of the
 * segments changes either.
 */
#include "t/unit/unit.h"

#include "worker/header.h"

enum { text_max_bytes = 512 };

struct outcome {
	uint32_t	received;
	uint8_t		flags;
	size_t		n;
	uint8_t		text[text_max_bytes];
};

static int64_t
lines_of(struct span s)
{
	int64_t lines = 0;

	for (size_t i = 0; i < s.n; i++)
		lines += s.p[i] == '\n';
	return lines;
}

/* Pieces end at the n cuts, rising, the last of them in.n. */
static void
feed(struct span in, const size_t *cuts, size_t n, struct outcome *o)
{
	struct header h = { 0 };
	struct span s;
	size_t at = 0;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < n; at = cuts[i++]) {
		uint8_t room[header_carry_max_bytes + text_max_bytes + 1];
		uint8_t *p = room + header_carry_max_bytes;
		size_t len = cuts[i] - at;

		/* Whatever stood there before must not come out. */
		memset(room, 0xee, sizeof(room));
		memcpy(p, in.p + at, len);
		s = header_feed(&h, p, len);
		/* One octet more: an empty line before a blank. */
		if (p[len] != 0xee || o->n + s.n > cuts[i] + 1 || (s.n > 0 &&
		    (s.p < room || s.p + s.n > p + len)))
			ck_abort_msg("%zu octets of %zu", s.n, len);
		if (s.n > 0)
			memcpy(o->text + o->n, s.p, s.n);
		o->n += s.n;
	}
	s = header_finish(&h);
	if (s.n >= header_carry_max_bytes)
		ck_abort_msg("kept %zu", s.n);
	memcpy(o->text + o->n, s.p, s.n);
	o->n += s.n;
	o->received = h.received;
	o->flags = h.flags;
	s = span_from(o->text, o->n);
	if (lines_of(s) != lines_of(in) + h.lines)
		ck_abort_msg("%d lines", (int)h.lines);
	if ((h.flags != 0) == span_is_ascii(s))
		ck_abort_msg("flags %x", h.flags);
}

static void
expect(const struct outcome *got, struct span in, struct span out,
    uint32_t received, size_t a, size_t b)
{
	if (!span_equal(span_from(got->text, got->n), out))
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: got \"%.*s\"",
		    (int)in.n, (const char *)in.p, a, b, (int)got->n,
		    (const char *)got->text);
	if (got->received != received)
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: %u Received",
		    (int)in.n, (const char *)in.p, a, b, got->received);
}

static void
every_split(struct span in, struct span out, uint32_t received)
{
	size_t single[text_max_bytes];
	struct outcome got;

	for (size_t a = 0; a <= in.n; a++)
		for (size_t b = a; b <= in.n; b++) {
			size_t cuts[] = { a, b, in.n };

			feed(in, cuts, 3, &got);
			expect(&got, in, out, received, a, b);
		}
	for (size_t i = 0; i < in.n; i++)
		single[i] = i + 1;
	feed(in, single, in.n, &got);
	expect(&got, in, out, received, 1, 1);
}

struct row {
	struct span	in;
	struct span	out;
	uint32_t	received;
};

static void
every_row(const struct row *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		every_split(t[i].in, t[i].out, t[i].received);
}

TEST(return_path)
{
	static const struct row t[] = {
		{ OCTETS("Return-Path: <a@b>\nSubject: x\n\nbody\n"),
		    OCTETS("Subject: x\n\nbody\n"), 0 },
		{ OCTETS("Subject: x\nReturn-Path: <a@b>\n\nbody\n"),
		    OCTETS("Subject: x\n\nbody\n"), 0 },
		{ OCTETS("A: 1\nReturn-Path:\nB: 2\n\n"),
		    OCTETS("A: 1\nB: 2\n\n"), 0 },
		{ OCTETS("return-path: <a@b>\n\nx\n"), OCTETS("\nx\n"), 0 },
		{ OCTETS("RETURN-PATH:x\n\nx\n"), OCTETS("\nx\n"), 0 },
		{ OCTETS("rEtUrN-pAtH:x\n\nx\n"), OCTETS("\nx\n"), 0 },
		{ OCTETS("Return-Path: 1\nReturn-Path: 2\nA: x\n"
		    "Return-Path: 3\n\n"), OCTETS("A: x\n\n"), 0 },
		/* Folded: every line of it goes. */
		{ OCTETS("A: 1\nReturn-Path:\n <a@b>\n\t(x: y)\nB: 2\n\n"),
		    OCTETS("A: 1\nB: 2\n\n"), 0 },
		{ OCTETS("Return-Path: x\n \n\t\nB: 2\n\n"),
		    OCTETS("B: 2\n\n"), 0 },
		{ OCTETS("Return-Path: x\n Received: y\n\n"),
		    OCTETS("\n"), 0 },
		/* Blanks before the colon (RFC 5322 4.5). */
		{ OCTETS("Return-Path : x\nA: 1\n\n"), OCTETS("A: 1\n\n"),
		    0 },
		{ OCTETS("Return-Path\t: x\nA: 1\n\n"), OCTETS("A: 1\n\n"),
		    0 },
		{ OCTETS("Return-Path \t \t: x\n y\nA: 1\n\n"),
		    OCTETS("A: 1\n\n"), 0 },
		/* The end of the message may come at any moment. */
		{ OCTETS("Return-Path: <a@b>"), OCTETS(""), 0 },
		{ OCTETS("Return-Path:"), OCTETS(""), 0 },
		{ OCTETS("A: 1\nReturn-Path: x\n y"), OCTETS("A: 1\n"), 0 },
	};

	every_row(t, COUNT(t));
}

/* What only looks like a Return-Path stays. */
TEST(others_stay)
{
	static const struct row t[] = {
		{ OCTETS("Return-Pat: x\n\n"), OCTETS("Return-Pat: x\n\n"),
		    0 },
		{ OCTETS("Return-Paths: x\n\n"), OCTETS("Return-Paths: x\n\n"),
		    0 },
		{ OCTETS("X-Return-Path: x\n\n"),
		    OCTETS("X-Return-Path: x\n\n"), 0 },
		{ OCTETS("Return_Path: x\n\n"), OCTETS("Return_Path: x\n\n"),
		    0 },
		{ OCTETS("Return-Path-X: x\n\n"),
		    OCTETS("Return-Path-X: x\n\n"), 0 },
		{ OCTETS("Return-Receipt-To: x\n\n"),
		    OCTETS("Return-Receipt-To: x\n\n"), 0 },
		{ OCTETS("A: 1\n Return-Path: x\nB: 2\n\n"),
		    OCTETS("A: 1\n Return-Path: x\nB: 2\n\n"), 0 },
		{ OCTETS("A: Return-Path: x\n\n"),
		    OCTETS("A: Return-Path: x\n\n"), 0 },
		/* More blanks than anyone writes: no field name. */
		{ OCTETS("Return-Path                 : x\n\n"),
		    OCTETS("Return-Path                 : x\n\n"), 0 },
		/* In the body it is text. */
		{ OCTETS("A: 1\n\nReturn-Path: x\n\nReturn-Path: y\n"),
		    OCTETS("A: 1\n\nReturn-Path: x\n\nReturn-Path: y\n"), 0 },
		{ OCTETS("\nReturn-Path: x\n"), OCTETS("\nReturn-Path: x\n"),
		    0 },
		/* Not a field, so no header, or the end of it. */
		{ OCTETS("Return-Path\nReturn-Path: x\n"),
		    OCTETS("Return-Path\nReturn-Path: x\n"), 0 },
		{ OCTETS("hello there\nReturn-Path: x\n"),
		    OCTETS("hello there\nReturn-Path: x\n"), 0 },
		{ OCTETS("A: 1\nhello there\nReturn-Path: x\nReceived: y\n"),
		    OCTETS("A: 1\nhello there\nReturn-Path: x\nReceived: y\n"),
		    0 },
		{ OCTETS("A: 1\nR\nReturn-Path: x\n"),
		    OCTETS("A: 1\nR\nReturn-Path: x\n"), 0 },
	};

	every_row(t, COUNT(t));
}

TEST(received)
{
	static const struct row t[] = {
		{ OCTETS("Received: x\n\n"), OCTETS("Received: x\n\n"), 1 },
		{ OCTETS("received:x\nRECEIVED : y\nReceived\t: z\n\n"),
		    OCTETS("received:x\nRECEIVED : y\nReceived\t: z\n\n"), 3 },
		{ OCTETS("Received: x\n Received: y\n\n"),
		    OCTETS("Received: x\n Received: y\n\n"), 1 },
		{ OCTETS("Received: x\nReturn-Path: y\nReceived: z\n\n"),
		    OCTETS("Received: x\nReceived: z\n\n"), 2 },
		{ OCTETS("X-Received: x\nReceived-SPF: y\nReceive: z\n\n"),
		    OCTETS("X-Received: x\nReceived-SPF: y\nReceive: z\n\n"),
		    0 },
		{ OCTETS("A: 1\n\nReceived: x\n"),
		    OCTETS("A: 1\n\nReceived: x\n"), 0 },
		{ OCTETS("\nReceived: x\n"), OCTETS("\nReceived: x\n"), 0 },
		{ OCTETS("Received: x"), OCTETS("Received: x"), 1 },
		{ OCTETS("Received"), OCTETS("Received"), 0 },
		{ OCTETS("Received \t"), OCTETS("Received \t"), 0 },
	};

	every_row(t, COUNT(t));
}

/* The start of a line may be all there is, and must come out in the end. */
TEST(cut_short)
{
	static const char name[] = "Return-Path \t ";

	for (size_t n = 0; n < sizeof(name); n++) {
		char text[64] = "A: 1\n";
		struct span in;

		memcpy(text + 5, name, n);
		in = span_from(text, 5 + n);
		every_split(in, in, 0);
		every_split(span_skip(in, 5), span_skip(in, 5), 0);
		text[5 + n] = '\n';
		in = span_from(text, 5 + n + 1);
		every_split(in, in, 0);
	}
}

/*
 * Behind a field left out, what stays moves up, over its own beginning:
 * nothing may be read off a line that has been moved.
 */
TEST(moved_over_itself)
{
	char text[128];

	for (size_t gap = 1; gap <= 20; gap++) {
		size_t cuts[2];
		struct outcome got;
		struct span in, out;
		int n;

		/* The first piece ends within the field that is left out. */
		n = snprintf(text, sizeof(text), "Return-Path:%*s\nA: x\n"
		    "Received: 1\nReturn-Path: y\nLong-name-of-a-field: z\n"
		    "Received: 2\n\n", (int)gap, "");
		in = span_from(text, (size_t)n);
		out = span_of("A: x\nReceived: 1\nLong-name-of-a-field: z\n"
		    "Received: 2\n\n");
		cuts[0] = 12;
		cuts[1] = in.n;
		feed(in, cuts, 2, &got);
		expect(&got, in, out, 2, cuts[0], cuts[1]);
	}
}

/*
 * Behind our Received field a first line that begins with a blank would go
 * on with it: an empty line parts them, and all of the message is body.
 */
TEST(begins_with_blank)
{
	static const struct row t[] = {
		{ OCTETS(" "), OCTETS("\n "), 0 },
		{ OCTETS("\t"), OCTETS("\n\t"), 0 },
		{ OCTETS(" \n"), OCTETS("\n \n"), 0 },
		{ OCTETS(" for <forged@x>; y\nA: 1\n\nb\n"),
		    OCTETS("\n for <forged@x>; y\nA: 1\n\nb\n"), 0 },
		{ OCTETS("\tx: y\nReturn-Path: z\nReceived: z\n"),
		    OCTETS("\n\tx: y\nReturn-Path: z\nReceived: z\n"), 0 },
		{ OCTETS(" Return-Path: z\n\n"),
		    OCTETS("\n Return-Path: z\n\n"), 0 },
		/* Only a first line: here it goes on with their field. */
		{ OCTETS("A: 1\n b\n\n"), OCTETS("A: 1\n b\n\n"), 0 },
		/* Left out with the field it belongs to. */
		{ OCTETS("Return-Path: x\n y\nA: 1\n\n"),
		    OCTETS("A: 1\n\n"), 0 },
		{ OCTETS("\n x\n"), OCTETS("\n x\n"), 0 },
	};

	every_row(t, COUNT(t));
}

TEST(odd)
{
	static const struct row t[] = {
		{ OCTETS(""), OCTETS(""), 0 },
		{ OCTETS("\n"), OCTETS("\n"), 0 },
		{ OCTETS("\n\n"), OCTETS("\n\n"), 0 },
		{ OCTETS("a"), OCTETS("a"), 0 },
		{ OCTETS(":\n\n"), OCTETS(":\n\n"), 0 },
		{ OCTETS("A:\0\xff\r\nReturn-Path:\0\n\n\0"),
		    OCTETS("A:\0\xff\r\n\n\0"), 0 },
		{ OCTETS("Return-Path\0: x\n\n"),
		    OCTETS("Return-Path\0: x\n\n"), 0 },
		{ OCTETS("\r\nReturn-Path: x\n"),
		    OCTETS("\r\nReturn-Path: x\n"), 0 },
	};

	every_row(t, COUNT(t));
}

/*
 * From no blank to twenty: first dropped, from some number on kept, and
 * never different by how the segments came.
 */
TEST(blanks_before_colon)
{
	bool kept_before = false;

	for (size_t blanks = 0; blanks <= 20; blanks++) {
		char text[64] = "Return-Path";
		struct span in;
		struct outcome whole;
		size_t n = 11 + blanks, cuts[1];
		bool kept;

		memset(text + 11, ' ', blanks);
		memcpy(text + n, ": x\n\n", 6);
		in = span_of(text);
		cuts[0] = in.n;
		feed(in, cuts, 1, &whole);
		kept = whole.n > 1;
		every_split(in, kept ? in : span_of("\n"), 0);
		ck_assert(!kept || blanks > 4);
		ck_assert(kept || !kept_before);
		kept_before = kept;
	}
	ck_assert(kept_before);
}

/* A hundred and more: the count does not stop, nor does it wrap early. */
TEST(many_received)
{
	struct header h = { 0 };

	for (unsigned i = 1; i <= 70000; i++) {
		uint8_t room[header_carry_max_bytes + 16];

		memcpy(room + header_carry_max_bytes, "Received: x\n", 12);
		ck_assert_uint_eq(header_feed(&h, room +
		    header_carry_max_bytes, 12).n, 12);
		ck_assert_uint_eq(h.received, i);
	}
}

/* A field longer than any buffer, in pieces. */
TEST(long_field)
{
	static uint8_t room[header_carry_max_bytes + 4096];
	uint8_t *p = room + header_carry_max_bytes;

	for (int dropped = 0; dropped < 2; dropped++) {
		struct header h = { 0 };
		struct span s;

		memset(p, 'x', 4096);
		memcpy(p, dropped ? "Return-Path:" : "Long: ",
		    dropped ? 12 : 6);
		for (int i = 0; i < 10; i++) {
			s = header_feed(&h, p, 4096);
			ck_assert_uint_eq(s.n, dropped ? 0 : 4096);
			memset(p, 'y', 4096);
		}
		memcpy(p, "\nA: 1\n", 6);
		s = header_feed(&h, p, 6);
		ck_assert(span_equal(s, dropped ? span_of("A: 1\n") :
		    span_of("\nA: 1\n")));
		ck_assert_uint_eq(header_finish(&h).n, 0);
	}
}

/* Where octets above 127 are, of what is kept. */
TEST(flags)
{
	static const struct {
		struct span	in;
		uint8_t		flags;
	} t[] = {
		{ OCTETS("A: 1\n\nb\n"), 0 },
		{ OCTETS("A: \xc3\xb6\n\nb\n"), CONTENT_UTF8 },
		{ OCTETS("A: 1\n \xc3\xb6\n\nb\n"), CONTENT_UTF8 },
		{ OCTETS("\xc3\xb6: 1\n\nb\n"), CONTENT_UTF8 },
		{ OCTETS("A: 1\n\n\xc3\xb6\n"), CONTENT_8BIT },
		{ OCTETS("A: 1\n\nb\n\xff"), CONTENT_8BIT },
		{ OCTETS("A: \xc3\xb6\n\n\xc3\xb6\n"),
		    CONTENT_8BIT | CONTENT_UTF8 },
		{ OCTETS("Return-Path: \xc3\xb6\n\nb\n"), 0 },
		{ OCTETS("Return-Path: \xc3\xb6\nA: \xc3\xb6\n\nb\n"),
		    CONTENT_UTF8 },
		/* Without a header all is the body. */
		{ OCTETS("\xc3\xb6\nb\n"), CONTENT_8BIT },
		{ OCTETS(" \xc3\xb6\nb\n"), CONTENT_8BIT },
		{ OCTETS("A: 1\n\xc3\xb6\nb\n"), CONTENT_8BIT },
	};
	struct outcome got;

	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t a = 0; a <= t[i].in.n; a++) {
			size_t cuts[] = { a, t[i].in.n };

			feed(t[i].in, cuts, 2, &got);
			ck_assert_msg(got.flags == t[i].flags,
			    "row %zu cut at %zu: %x", i, a, got.flags);
		}
}
