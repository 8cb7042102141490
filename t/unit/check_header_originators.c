/*
 * header: what it gathers of whose a message is, where it says the header
 * ended, and that no split of the segments changes either.
 */
#include "t/unit/unit.h"

#include "worker/header.h"

enum { text_max_bytes = 512 };

/* The header did not end with an empty line. */
#define NOWHERE SIZE_MAX

struct outcome {
	struct originators	o;
	size_t			body_at;	/* in all that came out */
	bool			ended;
	size_t			n;
	uint8_t			text[text_max_bytes];
};

static void
put(struct outcome *got, struct span s)
{
	ck_assert(got->n + s.n <= sizeof(got->text));
	if (s.n > 0)
		memcpy(got->text + got->n, s.p, s.n);
	got->n += s.n;
}

/* Pieces end at the n cuts, rising, the last of them in.n. */
static void
feed(struct span in, const size_t *cuts, size_t n, bool wanted,
    struct outcome *got)
{
	uint8_t room[header_carry_max_bytes + text_max_bytes];
	struct header h = { .submitted = wanted };
	size_t at = 0;

	memset(got, 0, sizeof(*got));
	got->body_at = NOWHERE;
	for (size_t i = 0; i < n; at = cuts[i++]) {
		struct span s;

		memset(room, 0xee, header_carry_max_bytes);
		memcpy(room + header_carry_max_bytes, in.p + at,
		    cuts[i] - at);
		s = header_feed(&h, room + header_carry_max_bytes,
		    cuts[i] - at);
		if (h.body_at != SIZE_MAX) {
			ck_assert(got->body_at == NOWHERE && h.ended);
			ck_assert(h.body_at < s.n && s.p[h.body_at] == '\n');
			got->body_at = got->n + h.body_at;
		}
		put(got, s);
	}
	put(got, header_finish(&h));
	got->ended = h.ended;
	if (wanted)
		got->o = h.originators;
}

struct row {
	struct span	in;
	struct span	text;		/* gathered */
	uint32_t	from, sender, date, message_id;
	bool		broken;
	size_t		body_at;
	bool		control;
};

static void
expect(const struct outcome *got, const struct row *r, size_t a, size_t b)
{
	const struct originators *o = &got->o;

	if (o->from != r->from || o->sender != r->sender ||
	    o->date != r->date || o->message_id != r->message_id)
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: counted %u %u %u %u",
		    (int)r->in.n, (const char *)r->in.p, a, b, o->from,
		    o->sender, o->date, o->message_id);
	if (o->broken != r->broken || o->control != r->control || o->too_long)
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: broken %d, control "
		    "%d, long %d", (int)r->in.n, (const char *)r->in.p, a, b,
		    o->broken, o->control, o->too_long);
	if (!span_equal(span_from(o->text, o->n), r->text))
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: gathered \"%.*s\"",
		    (int)r->in.n, (const char *)r->in.p, a, b, (int)o->n,
		    (const char *)o->text);
	if (got->body_at != r->body_at)
		ck_abort_msg("\"%.*s\" cut at %zu, %zu: body at %zu",
		    (int)r->in.n, (const char *)r->in.p, a, b, got->body_at);
}

/* To gather changes nothing of what comes out. */
static void
expect_same(const struct row *r, const struct outcome *got,
    const struct outcome *plain)
{
	static const struct originators none;

	ck_assert_msg(memcmp(&plain->o, &none, sizeof(none)) == 0,
	    "\"%.*s\"", (int)r->in.n, (const char *)r->in.p);
	ck_assert_msg(span_equal(span_from(got->text, got->n),
	    span_from(plain->text, plain->n)) && got->ended == plain->ended &&
	    got->body_at == plain->body_at, "\"%.*s\"", (int)r->in.n,
	    (const char *)r->in.p);
}

static void
every_split(const struct row *r)
{
	static struct outcome got, plain;
	size_t single[text_max_bytes];
	size_t n = r->in.n;

	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			size_t cuts[] = { a, b, n };

			feed(r->in, cuts, 3, true, &got);
			expect(&got, r, a, b);
			feed(r->in, cuts, 3, false, &plain);
			expect_same(r, &got, &plain);
		}
	for (size_t i = 0; i < n; i++)
		single[i] = i + 1;
	feed(r->in, single, n, true, &got);
	expect(&got, r, 1, 1);
}

static void
every_row(const struct row *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		every_split(&t[i]);
}

TEST(gathered)
{
	static const struct row t[] = {
		{ OCTETS("From: a@b\n\nFrom: c@d\n"), OCTETS(" a@b\n"),
		    1, 0, 0, 0, false, 10, false },
		{ OCTETS("From:a@b\nSender:c@d\nDate:x\nMessage-ID:<y>\n\n"),
		    OCTETS("a@b\nc@d\n"), 1, 1, 1, 1, false, 42, false },
		{ OCTETS("fROM: a@b\nSENDER: c\ndate:\nMessage-Id: d\n\n"),
		    OCTETS(" a@b\n c\n"), 1, 1, 1, 1, false, 40, false },
		/* Folded, by blanks and by tabs; what stands between stays. */
		{ OCTETS("From: a\n <b@c>,\n\t d@e\nA: x\n y\n\nz\n"),
		    OCTETS(" a <b@c>,\t d@e\n"), 1, 0, 0, 0, false, 30, false },
		{ OCTETS("From:\n a@b\n\n"), OCTETS(" a@b\n"),
		    1, 0, 0, 0, false, 11, false },
		{ OCTETS("A: x\n From: a@b\n\n"), OCTETS(""),
		    0, 0, 0, 0, false, 16, false },
		/* Blanks before the colon (RFC 5322 4.5). */
		{ OCTETS("From : a\nSender\t: b\nDate \t:\n\n"),
		    OCTETS(" a\n b\n"), 1, 1, 1, 0, false, 28, false },
		{ OCTETS("X-Any   : a\n\n"), OCTETS(""),
		    0, 0, 0, 0, false, 12, false },
		/* Twice, and empty: counted, for the caller to refuse. */
		{ OCTETS("From: a@b\nFROM : c@d\n\n"),
		    OCTETS(" a@b\n c@d\n"), 2, 0, 0, 0, false, 21, false },
		{ OCTETS("Sender: a\nSender: b\nDate: \nDate: \n\n"),
		    OCTETS(" a\n b\n"), 0, 2, 2, 0, false, 34, false },
		{ OCTETS("From:\n\n"), OCTETS("\n"), 1, 0, 0, 0, false, 6, false },
		{ OCTETS("From: \nA: b\n\n"), OCTETS(" \n"),
		    1, 0, 0, 0, false, 12, false },
		/* Nobody is shown these as the author. */
		{ OCTETS("Resent-From: a\nResent-Sender: b\nX-From: c\n\n"),
		    OCTETS(""), 0, 0, 0, 0, false, 42, false },
		{ OCTETS("Fro: a\nFroms: b\nFrom-X: c\n>From: d\n\n"),
		    OCTETS(""), 0, 0, 0, 0, false, 35, false },
		{ OCTETS("From: \xc3\xb6\xff\x80:\n\n"),
		    OCTETS(" \xc3\xb6\xff\x80:\n"), 1, 0, 0, 0, false, 12, false },
	};

	every_row(t, COUNT(t));
}

/* Where more fields may be put, though others are left out. */
TEST(where_it_ends)
{
	static const struct row t[] = {
		{ OCTETS("\nFrom: a\n"), OCTETS(""), 0, 0, 0, 0, false, 0, false },
		{ OCTETS("\n\n"), OCTETS(""), 0, 0, 0, 0, false, 0, false },
		{ OCTETS("Return-Path: x\n\nbody\n"), OCTETS(""),
		    0, 0, 0, 0, false, 0, false },
		{ OCTETS("Return-Path: x\n y\nA: 1\nReturn-Path: z\n\nb\n"),
		    OCTETS(""), 0, 0, 0, 0, false, 5, false },
		{ OCTETS("From: a\nReturn-Path: From: b\n From: c\n\n"),
		    OCTETS(" a\n"), 1, 0, 0, 0, false, 8, false },
		/* Never: there is no body. */
		{ OCTETS(""), OCTETS(""), 0, 0, 0, 0, false, NOWHERE, false },
		{ OCTETS("From: a\n"), OCTETS(" a\n"),
		    1, 0, 0, 0, false, NOWHERE, false },
		{ OCTETS("From: a\n b\n"), OCTETS(" a b\n"),
		    1, 0, 0, 0, false, NOWHERE, false },
		{ OCTETS("Date: x\nReturn-Path: y\n"), OCTETS(""),
		    0, 0, 1, 0, false, NOWHERE, false },
	};

	every_row(t, COUNT(t));
}

/* What could hide a From from us, or from somebody else. */
TEST(broken)
{
	static const struct row t[] = {
		/* A line that is no field, before a From. */
		{ OCTETS("hello\nFrom: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("From: a\nhello\nFrom: b\n\n"), OCTETS(" a\n"),
		    1, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("From: a\n.\n\n"), OCTETS(" a\n"),
		    1, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("Fr\n om: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("From\n : a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("\r\nFrom: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
		/* One that is only some reader's field. */
		{ OCTETS("A: b\nFrom a Mon Nov 23 20:45:00\nFrom: b\n\n"),
		    OCTETS(" b\n"), 1, 0, 0, 0, true, 40, false },
		{ OCTETS(": a\nFrom: b\n\n"), OCTETS(" b\n"),
		    1, 0, 0, 0, true, 12, false },
		{ OCTETS("\xef\xbb\xbf" "From: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 11, false },
		{ OCTETS("Fr\xc3\xb6m: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 9, false },
		{ OCTETS("A B: c\n\n"), OCTETS(""), 0, 0, 0, 0, true, 7, false },
		{ OCTETS("A: b\nFrom \x7f: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 15, false },
		/* More blanks than anyone writes. */
		{ OCTETS("From             : a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 21, false },
		{ OCTETS("Sender\t\t\t\t\t\t\t\t\t\t\t\t: a\n\n"),
		    OCTETS(""), 0, 0, 0, 0, true, 22, false },
		/* A control: the end of a line, or of the text, for some. */
		{ OCTETS("\0From: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 9, false },
		{ OCTETS("From\0: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 9, false },
		{ OCTETS("From: a\0b\n\n"), OCTETS(" a\0b\n"),
		    1, 0, 0, 0, false, 10, true },
		{ OCTETS("Sender: a\n b\x1e\n\n"), OCTETS(" a b\x1e\n"),
		    0, 1, 0, 0, false, 14, true },
		/* In any other field it is text. */
		{ OCTETS("A: x\rFrom: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, false, 13, false },
		{ OCTETS("A: x\n y\x1e" "From: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, false, 16, false },
		/* Only blanks: the end of the header, for some. */
		{ OCTETS("From: a\n \n <b>\n\n"), OCTETS(" a  <b>\n"),
		    1, 0, 0, 0, false, 15, true },
		{ OCTETS("Sender: a\n\t \nA: b\n\n"), OCTETS(" a\t \n"),
		    0, 1, 0, 0, false, 18, true },
		/* No first line goes on with another. */
		{ OCTETS(" From: a\n\n"), OCTETS(""), 0, 0, 0, 0, true, 0, false },
		{ OCTETS("\tx\nFrom: a\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 0, false },
		/* The message ends within a line. */
		{ OCTETS("A: 1\nFrom"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("From: a"), OCTETS(" a\n"),
		    1, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("From: a\n b"), OCTETS(" a b\n"),
		    1, 0, 0, 0, true, NOWHERE, false },
		{ OCTETS("A"), OCTETS(""), 0, 0, 0, 0, true, NOWHERE, false },
	};

	every_row(t, COUNT(t));
}

/* Not broken by what is in fields that nobody parses, nor by the body. */
TEST(not_broken)
{
	static const struct row t[] = {
		{ OCTETS("A: x\n \n\t\nFrom: a\n\n"), OCTETS(" a\n"),
		    1, 0, 0, 0, false, 17, false },
		{ OCTETS("A: \x7f\xff\t\nFrom: a\n\n\0\r\v b\n"),
		    OCTETS(" a\n"), 1, 0, 0, 0, false, 15, false },
		{ OCTETS("!#$%&'*+-/=?^_`{|}~;<>: x\n\n"), OCTETS(""),
		    0, 0, 0, 0, false, 26, false },
		{ OCTETS("From: a\n\nbody"), OCTETS(" a\n"),
		    1, 0, 0, 0, false, 8, false },
		{ OCTETS("From: a\n . b\n\n"), OCTETS(" a . b\n"),
		    1, 0, 0, 0, false, 13, false },
	};

	every_row(t, COUNT(t));
}

/* A line of mbox in front is nobody's field, and is not stored. */
TEST(mbox)
{
	static const struct row t[] = {
		{ OCTETS("From a Mon Nov 23\nFrom: b\n\nc\n"),
		    OCTETS(" b\n"), 1, 0, 0, 0, false, 8, false },
		{ OCTETS("From  a:\x01\xff\nDate: b\n\nc\n"),
		    OCTETS(""), 0, 0, 1, 0, false, 8, false },
		{ OCTETS("From a\n From: b\n\n"), OCTETS(""),
		    0, 0, 0, 0, true, 0, false },
		{ OCTETS("From a"), OCTETS(""),
		    0, 0, 0, 0, true, NOWHERE, false },
	};
	static struct outcome got;

	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t a = 0; a <= t[i].in.n; a++) {
			size_t cuts[] = { a, t[i].in.n };

			feed(t[i].in, cuts, 2, true, &got);
			expect(&got, &t[i], a, a);
			ck_assert(memmem(got.text, got.n, "From a", 6) == NULL);
			feed(t[i].in, cuts, 2, false, &got);
			ck_assert(span_equal(t[i].in, span_from(got.text,
			    got.n)));
		}
}

static void
feed_text(struct header *h, const char *s, size_t n)
{
	uint8_t room[header_carry_max_bytes + text_max_bytes];

	memcpy(room + header_carry_max_bytes, s, n);
	ck_assert_uint_eq(header_feed(h, room + header_carry_max_bytes, n).n,
	    n);
}

/* A From whose body is of n octets, its blank among them; then a Sender. */
static void
feed_long(size_t n, struct originators *o)
{
	struct header h = { .submitted = true };

	feed_text(&h, "From: ", 6);
	for (size_t i = 1; i < n; i++)
		feed_text(&h, "x", 1);
	feed_text(&h, "\nSender:\n\n", 10);
	ck_assert_uint_eq(header_finish(&h).n, 0);
	*o = h.originators;
	ck_assert(o->from == 1 && o->sender == 1 && !o->broken);
}

TEST(limit)
{
	static struct originators o;

	/* Two line ends beside it. */
	feed_long(originators_max_bytes - 2, &o);
	ck_assert(!o.too_long);
	ck_assert_uint_eq(o.n, originators_max_bytes);
	ck_assert(o.text[0] == ' ' && o.text[1] == 'x');
	ck_assert(o.text[o.n - 3] == 'x' && o.text[o.n - 2] == '\n' &&
	    o.text[o.n - 1] == '\n');
	for (size_t more = 1; more < 6; more++) {
		feed_long(originators_max_bytes - 2 + more, &o);
		ck_assert(o.too_long && o.n == 0);
	}
	feed_long(10 * originators_max_bytes, &o);
	ck_assert(o.too_long && o.n == 0);
}

/* Only From and Sender count to the limit. */
TEST(long_others)
{
	struct header h = { .submitted = true };
	const struct originators *o = &h.originators;

	feed_text(&h, "Date: ", 6);
	for (size_t i = 0; i < 2 * originators_max_bytes; i++)
		feed_text(&h, "x", 1);
	feed_text(&h, "\nFrom: a\n\n", 10);
	ck_assert(o->date == 1 && !o->too_long && !o->broken);
	ck_assert(span_equal(span_from(o->text, o->n), span_of(" a\n")));
	/* The body is not looked at. */
	feed_text(&h, "From: b\n\0", 9);
	ck_assert(h.body_at == SIZE_MAX && o->from == 1 && !o->broken);
}
