/*
 * buf: what fits is added, what does not is left out whole; escapes.
 */
#include "t/unit/unit.h"

#include "shared/buf.h"

/* Storage with watched octets behind it. */
struct watched {
	uint8_t	p[64];
	uint8_t	behind[16];
};

static struct buf
watch(struct watched *w, size_t max)
{
	memset(w, 0x5a, sizeof(*w));
	return buf_over(w->p, max);
}

static void
expect(const struct watched *w, const struct buf *b, size_t max,
    struct span want)
{
	struct span got = buf_span(b);

	ck_assert_uint_le(b->n, max);
	ck_assert_msg(span_equal(got, want), "got \"%.*s\", want \"%.*s\"",
	    (int)got.n, (const char *)got.p, (int)want.n,
	    (const char *)want.p);
	for (size_t i = max; i < sizeof(w->p); i++)
		ck_assert_uint_eq(w->p[i], 0x5a);
	for (size_t i = 0; i < sizeof(w->behind); i++)
		ck_assert_uint_eq(w->behind[i], 0x5a);
}

TEST(zero)
{
	struct buf b = { 0 };

	ck_assert_uint_eq(buf_span(&b).n, 0);
	buf_add(&b, span_of(""));
	ck_assert(!b.cut);
	buf_add_str(&b, "a");
	ck_assert(b.cut);
	ck_assert_uint_eq(buf_span(&b).n, 0);
}

TEST(fits_or_not)
{
	struct watched w;

	for (size_t max = 0; max <= 12; max++) {
		struct buf b = watch(&w, max);

		buf_add(&b, span_of("abcd"));
		buf_add_str(&b, "efgh");
		ck_assert_int_eq(b.cut, max < 8);
		expect(&w, &b, max, max >= 8 ? span_of("abcdefgh") :
		    max >= 4 ? span_of("abcd") : span_of(""));
	}
}

/* A text with a hole in its middle would say what nobody wrote. */
TEST(nothing_behind_a_cut)
{
	struct watched w;
	struct buf b = watch(&w, 5);

	buf_add_str(&b, "abc");
	buf_add_str(&b, "def");
	buf_add_str(&b, "g");
	buf_print(&b, "%d", 7);
	buf_add_escaped(&b, span_of("h"), "");
	ck_assert(b.cut);
	expect(&w, &b, 5, span_of("abc"));
}

TEST(huge_span)
{
	struct watched w;
	struct buf b = watch(&w, 8);

	buf_add_str(&b, "abc");
	buf_add(&b, span_from(w.p, SIZE_MAX));
	ck_assert(b.cut);
	expect(&w, &b, 8, span_of("abc"));
}

TEST(octets)
{
	struct watched w;
	struct buf b = watch(&w, 8);
	const struct span s = OCTETS("a\0b");

	buf_add(&b, s);
	expect(&w, &b, 8, s);
	buf_add_str(&b, "c\0d");
	expect(&w, &b, 8, (struct span)OCTETS("a\0bc"));
}

TEST(escapes)
{
	static const struct {
		struct span	 in;
		const char	*special;
		const char	*want;
	} t[] = {
		{ OCTETS(""), "", "" },
		{ OCTETS("plain ~!"), "", "plain ~!" },
		{ OCTETS("a\\b"), "", "a\\\\b" },
		{ OCTETS("a\"b c"), "\" ", "a\\\"b\\ c" },
		{ OCTETS("\0"), "", "\\x00" },
		{ OCTETS("\0"), "x", "\\x00" },
		{ OCTETS("\r\n\t\x1b\x7f"), "", "\\x0d\\x0a\\x09\\x1b\\x7f" },
		{ OCTETS("\xc3\xa4"), "", "\xc3\xa4" },
		{ OCTETS("\xc2\x9b"), "", "\\xc2\\x9b" },
		{ OCTETS("\xc2\xa1"), "", "\xc2\xa1" },
		{ OCTETS("\xe2\x80\xae\xe2\x82\xac"), "",
		    "\\xe2\\x80\\xae\xe2\x82\xac" },
		{ OCTETS("\xe2\x81\xa6"), "", "\\xe2\\x81\\xa6" },
		{ OCTETS("\xc3"), "", "\\xc3" },
		{ OCTETS("\xc3\xc3\xa4"), "", "\\xc3\xc3\xa4" },
		{ OCTETS("\xc0\x80"), "", "\\xc0\\x80" },
		{ OCTETS("\xed\xa0\x80"), "", "\\xed\\xa0\\x80" },
		{ OCTETS("\xf0\x9f\x93\xa7!"), "!", "\xf0\x9f\x93\xa7\\!" },
		{ OCTETS("\xf4\x90\x80\x80"), "", "\\xf4\\x90\\x80\\x80" },
		{ OCTETS("\xff" "a"), "a", "\\xff\\a" },
	};
	struct watched w;

	for (size_t i = 0; i < COUNT(t); i++) {
		struct buf b = watch(&w, sizeof(w.p));

		buf_add_escaped(&b, t[i].in, t[i].special);
		ck_assert(!b.cut);
		expect(&w, &b, sizeof(w.p), span_of(t[i].want));
	}
}

/* Each octet alone: escaped unless printable, and what special names. */
TEST(every_octet)
{
	struct watched w;

	for (unsigned c = 0; c < 256; c++) {
		uint8_t octet = (uint8_t)c;
		char want[8];
		struct buf b = watch(&w, sizeof(w.p));

		if (c < 0x20 || c > 0x7e)
			snprintf(want, sizeof(want), "\\x%02x", c);
		else
			snprintf(want, sizeof(want), "%s%c",
			    c == '\\' || c == '=' ? "\\" : "", (int)c);
		buf_add_escaped(&b, span_from(&octet, 1), "=");
		expect(&w, &b, sizeof(w.p), span_of(want));
	}
}

/* An escape is one thing: no cut leaves half of it behind. */
TEST(no_half_escape)
{
	static const struct {
		const char	*in;
		const char	*want;
		size_t		 least;		/* room for both */
	} t[] = {
		{ "a\"", "a\\\"", 3 },
		{ "a\\", "a\\\\", 3 },
		{ "a\x01", "a\\x01", 5 },
		{ "a\xc3\xa4", "a\xc3\xa4", 3 },
	};
	struct watched w;

	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t max = 1; max <= t[i].least; max++) {
			struct buf b = watch(&w, max);

			buf_add_escaped(&b, span_of(t[i].in), "\"");
			ck_assert_int_eq(b.cut, max < t[i].least);
			expect(&w, &b, max, max < t[i].least ?
			    span_of("a") : span_of(t[i].want));
		}
}

TEST(as_string)
{
	struct watched w;
	struct buf b = watch(&w, 4);

	ck_assert_str_eq(buf_str(&b), "");
	buf_add_str(&b, "abc");
	ck_assert_str_eq(buf_str(&b), "abc");
	ck_assert_ptr_eq(buf_str(&b), w.p);
	expect(&w, &b, 4, span_of("abc"));
}

TEST(decimal)
{
	char octets[24];
	struct buf b = buf_over(octets, sizeof(octets));

	buf_add_decimal(&b, UINT64_MAX);
	buf_add_decimal(&b, 0);
	buf_add_decimal(&b, 10);
	ck_assert(span_equal(buf_span(&b),
	    span_of("18446744073709551615010")));
	buf_add_decimal(&b, 12);	/* space for one digit */
	ck_assert(b.cut && b.n == 23);
}

TEST(printed)
{
	char storage[8];
	struct buf b = buf_over(storage, sizeof(storage));

	buf_print(&b, "%d-%s", 12, "ab");
	ck_assert(!b.cut && span_equal(buf_span(&b), span_of("12-ab")));
	buf_print(&b, "%s", "cde");	/* no space for the NUL */
	ck_assert(b.cut && b.n == 5);
	buf_print(&b, "f");
	ck_assert_uint_eq(b.n, 5);
	b = (struct buf){ 0 };
	buf_print(&b, "%s", "");
	ck_assert(b.cut && b.n == 0);
}
