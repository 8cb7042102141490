/*
 * dot: where a message ends, what of it is text, and what is a fault, at
 * every split of the segments, in place and into another buffer.
 */
#include "t/unit/unit.h"

#include "worker/header.h"

enum { text_max_bytes = 256 };

/* What came of one message. */
struct outcome {
	bool	ended;
	bool	bare;
	bool	nul;
	size_t	taken;
	size_t	n;
	uint8_t	text[text_max_bytes];
};

static size_t
lines_of(const struct outcome *o)
{
	size_t lines = 0;

	for (size_t i = 0; i < o->n; i++)
		lines += o->text[i] == '\n';
	return lines;
}

/* Feeds in cut at a and at b (a <= b <= in.n). */
static void
feed(struct span in, size_t a, size_t b, bool in_place, struct outcome *o)
{
	size_t cuts[] = { 0, a, b, in.n };
	struct dot d = { 0 };

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < 3 && d.state != DOT_END; i++) {
		uint8_t piece[text_max_bytes + 16], out[text_max_bytes + 16];
		size_t n = cuts[i + 1] - cuts[i], out_n = 99, taken;
		uint8_t *to = in_place ? piece : out;

		memset(piece, 0x5a, sizeof(piece));
		memset(out, 0x5a, sizeof(out));
		memcpy(piece, in.p + cuts[i], n);
		taken = dot_feed(&d, span_from(piece, n), to, &out_n);
		if (taken > n || out_n > taken || to[n] != 0x5a ||
		    (taken < n && d.state != DOT_END))
			ck_abort_msg("took %zu of %zu, gave %zu", taken, n,
			    out_n);
		/* What was not taken is for the next reader, as it came. */
		if (memcmp(piece + taken, in.p + cuts[i] + taken,
		    n - taken) != 0)
			ck_abort_msg("spoilt what was not taken");
		memcpy(o->text + o->n, to, out_n);
		o->n += out_n;
		o->taken += taken;
	}
	o->ended = d.state == DOT_END;
	o->bare = d.bare;
	o->nul = d.nul;
	if (!d.bare && !d.nul && d.lines != lines_of(o))
		ck_abort_msg("%zu lines", (size_t)d.lines);
}

/*
 * The rule, over a whole text: it is cut at each CRLF; the first line that
 * is a dot alone ends it; a dot that begins another line goes; a CR or LF
 * that is left in a line is a fault.  A CR at the very end may yet be one.
 */
static void
reference(struct span in, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	while (o->taken < in.n && !o->ended) {
		const uint8_t *line = in.p + o->taken;
		size_t left = in.n - o->taken, n = 0;
		bool whole = false;

		while (n < left && !whole)
			if (left - n >= 2 && line[n] == '\r' &&
			    line[n + 1] == '\n')
				whole = true;
			else
				n++;
		o->taken += n + (whole ? 2 : 0);
		if (whole && n == 1 && line[0] == '.') {
			o->ended = true;
			break;
		}
		for (size_t i = 0; i < n; i++) {
			if (line[i] == '\n' ||
			    (line[i] == '\r' && (whole || i + 1 < n)))
				o->bare = true;
			if (line[i] == '\0')
				o->nul = true;
			if (line[i] != '\r' && (i > 0 || line[i] != '.'))
				o->text[o->n++] = line[i];
		}
		if (whole)
			o->text[o->n++] = '\n';
	}
}

/* Text and size matter only without faults, and only then must be the same. */
static bool
same(const struct outcome *a, const struct outcome *b)
{
	return a->ended == b->ended && a->bare == b->bare &&
	    a->nul == b->nul && a->taken == b->taken && (a->bare || a->nul ||
	    (a->n == b->n && memcmp(a->text, b->text, a->n) == 0));
}

/* In one piece it must be want; in two and three, and in place, likewise. */
static void
every_split(struct span in, const struct outcome *want, size_t row)
{
	struct outcome got;

	for (size_t a = 0; a <= in.n; a++)
		for (size_t b = a; b <= in.n; b++)
			for (int place = 0; place < 2; place++) {
				feed(in, a, b, place == 1, &got);
				if (!same(&got, want))
					ck_abort_msg("row %zu cut at %zu and "
					    "%zu, in place %d", row, a, b,
					    place);
			}
}

/* Texts without a fault, each with its meaning written out. */
TEST(clean)
{
	static const struct {
		struct span	in;
		struct span	text;
		size_t		left;	/* octets behind the end */
		bool		ended;
	} t[] = {
		{ OCTETS(".\r\n"), OCTETS(""), 0, true },
		{ OCTETS("a\r\n.\r\n"), OCTETS("a\n"), 0, true },
		{ OCTETS("\r\n.\r\n"), OCTETS("\n"), 0, true },
		{ OCTETS("..\r\n.\r\n"), OCTETS(".\n"), 0, true },
		{ OCTETS("...\r\n.\r\n"), OCTETS("..\n"), 0, true },
		{ OCTETS(".a\r\n.\r\n"), OCTETS("a\n"), 0, true },
		{ OCTETS("..a.\r\n.\r\n"), OCTETS(".a.\n"), 0, true },
		{ OCTETS("a.\r\n.\r\n"), OCTETS("a.\n"), 0, true },
		{ OCTETS("a\r\n\r\n..\r\n.. .\r\n.\r\nQUIT\r\n"),
		    OCTETS("a\n\n.\n. .\n"), 6, true },
		{ OCTETS("a\r\n.\r\n.\r\n"), OCTETS("a\n"), 3, true },
		{ OCTETS("a\r\n.\r\n\0\r\n"), OCTETS("a\n"), 3, true },
		{ OCTETS(". \r\n.\r\n"), OCTETS(" \n"), 0, true },
		{ OCTETS("\x80\xff\t\x1b\x7f\r\n.\r\n"),
		    OCTETS("\x80\xff\t\x1b\x7f\n"), 0, true },
		{ OCTETS(""), OCTETS(""), 0, false },
		{ OCTETS("a"), OCTETS("a"), 0, false },
		{ OCTETS("a\r\n"), OCTETS("a\n"), 0, false },
		{ OCTETS("a\r\n."), OCTETS("a\n"), 0, false },
		{ OCTETS("a\r\n.\r"), OCTETS("a\n"), 0, false },
		{ OCTETS("a\r"), OCTETS("a"), 0, false },
		{ OCTETS("a.\r\n"), OCTETS("a.\n"), 0, false },
		{ OCTETS("a .\r\n..\r\n"), OCTETS("a .\n.\n"), 0, false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct outcome want = { .ended = t[i].ended,
		    .taken = t[i].in.n - t[i].left, .n = t[i].text.n };

		memcpy(want.text, t[i].text.p, t[i].text.n);
		every_split(t[i].in, &want, i);
	}
}

/*
 * What has been taken for an end by one server and not by another.  end is
 * where the message truly ends: 0, when it does not.
 */
TEST(smuggling)
{
	static const struct {
		struct span	in;
		size_t		end;
		bool		bare, nul;
	} t[] = {
		{ OCTETS("a\n.\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\n.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n.\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n.\rMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r.\rMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r.\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\n.\rMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n.\r\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\r\n.\r\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\r\n.\r\nMAIL\r\n"), 7, true, false },
		{ OCTETS("a\n\r.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\n\r\n.\r\nMAIL\r\n"), 7, true, false },
		{ OCTETS("a\r\n\n.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n\r.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n.\n\rMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n.\n\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("a\r\n\0.\r\nMAIL\r\n"), 0, false, true },
		{ OCTETS("a\r\n.\0\r\nMAIL\r\n"), 0, false, true },
		{ OCTETS("a\r\n.\r\0\nMAIL\r\n"), 0, true, true },
		{ OCTETS("a\r\0\n.\r\nMAIL\r\n"), 0, true, true },
		{ OCTETS("a\r\n. \r\nMAIL\r\n"), 0, false, false },
		{ OCTETS("a\r\n .\r\nMAIL\r\n"), 0, false, false },
		{ OCTETS("a\r\n..\r\nMAIL\r\n"), 0, false, false },
		{ OCTETS(".\nMAIL\r\n"), 0, true, false },
		{ OCTETS(".\rMAIL\r\n"), 0, true, false },
		{ OCTETS("\n.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("\r.\r\nMAIL\r\n"), 0, true, false },
		{ OCTETS("\r\r\n.\r\nMAIL\r\n"), 6, true, false },
		{ OCTETS("a\x85.\r\nMAIL\r\n"), 0, false, false },
		{ OCTETS("a\v.\r\nMAIL\r\n"), 0, false, false },
		{ OCTETS("a\x8d\x8a.\x8d\x8aMAIL\r\n"), 0, false, false },
	};
	static const struct span end = OCTETS("\r\n.\r\n");

	for (size_t i = 0; i < COUNT(t); i++) {
		uint8_t text[text_max_bytes];
		struct span in;
		struct outcome want;

		/* The true end behind it: it must be found in any case. */
		memcpy(text, t[i].in.p, t[i].in.n);
		memcpy(text + t[i].in.n, end.p, end.n);
		in = span_from(text, t[i].in.n + end.n);
		feed(in, 0, 0, false, &want);
		ck_assert_msg(want.ended, "row %zu: no end", i);
		ck_assert_msg(want.taken == (t[i].end ? t[i].end : in.n),
		    "row %zu: ends at %zu", i, want.taken);
		ck_assert_msg(want.bare == t[i].bare &&
		    want.nul == t[i].nul, "row %zu: faults", i);
		every_split(in, &want, i);
	}
}

/* Every text of up to seven of the octets that matter. */
TEST(every_text)
{
	static const uint8_t octets[] = { '\r', '\n', '.', 'a', '\0' };
	size_t count = 1;

	for (size_t n = 0; n <= 7; n++, count *= COUNT(octets))
		for (size_t k = 0; k < count; k++) {
			uint8_t in[8];
			struct outcome want, got;
			size_t rest = k;

			for (size_t i = 0; i < n; i++) {
				in[i] = octets[rest % COUNT(octets)];
				rest /= COUNT(octets);
			}
			reference(span_from(in, n), &want);
			for (size_t a = 0; a <= n; a++) {
				feed(span_from(in, n), a, n, k % 2 == 1, &got);
				if (!same(&got, &want))
					ck_abort_msg("text %zu of %zu cut at "
					    "%zu", k, n, a);
			}
		}
}

/* A fault stays, whatever comes after it. */
TEST(faults_stay)
{
	static const struct span t[] = { OCTETS("a\rb\r\n"),
	    OCTETS("a\nb\r\n"), OCTETS("a\0b\r\n") };

	for (size_t i = 0; i < COUNT(t); i++) {
		struct dot d = { 0 };
		uint8_t out[64];
		size_t n;

		dot_feed(&d, t[i], out, &n);
		dot_feed(&d, span_of("fine\r\n..\r\n"), out, &n);
		ck_assert_uint_eq(dot_feed(&d, span_of(".\r\nX"), out, &n), 3);
		ck_assert_int_eq(d.state, DOT_END);
		ck_assert_int_eq(d.bare, i <= 1);
		ck_assert_int_eq(d.nul, i == 2);
	}
}

/* Once at its end, nothing more is taken; before, no octets change nothing. */
TEST(at_the_edges)
{
	struct dot d = { 0 };
	uint8_t out[64];
	size_t n = 9;

	ck_assert_uint_eq(dot_feed(&d, span_of(""), out, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(d.state, DOT_LINE_START);
	ck_assert_uint_eq(dot_feed(&d, span_of(".\r\n"), out, &n), 3);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(dot_feed(&d, span_of("a\r\n"), out, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(d.state, DOT_END);
}

/* Long lines and many of them, cut everywhere: a large text in place. */
TEST(large)
{
	enum { large_bytes = 70000 };
	static uint8_t in[large_bytes], want[large_bytes], out[large_bytes];
	static const size_t pieces[] = { 1, 2, 3, 5, 16, 999, 4096,
	    large_bytes };
	size_t n = 0, want_n = 0;

	for (unsigned line = 0; n + 1100 < large_bytes - 3; line++) {
		if (line % 3 == 0) {
			in[n++] = '.';
			in[n++] = '.';
			want[want_n++] = '.';
		}
		for (unsigned i = 0; i < line * 37 % 1000; i++)
			in[n++] = want[want_n++] = (uint8_t)('!' + i % 90);
		in[n++] = '\r';
		in[n++] = '\n';
		want[want_n++] = '\n';
	}
	memcpy(in + n, ".\r\n", 3);
	n += 3;
	for (size_t k = 0; k < COUNT(pieces); k++) {
		struct dot d = { 0 };
		size_t at = 0, out_n = 0;

		memcpy(out, in, n);
		while (at < n) {
			size_t m = n - at < pieces[k] ? n - at : pieces[k];
			size_t got;

			at += dot_feed(&d, span_from(out + at, m), out +
			    out_n, &got);
			out_n += got;
		}
		ck_assert_int_eq(d.state, DOT_END);
		ck_assert(!d.bare && !d.nul);
		ck_assert_uint_eq(out_n, want_n);
		ck_assert_int_eq(memcmp(out, want, want_n), 0);
	}
}

/* A line may have 998 octets, its stuffed dot not counted; cut anywhere. */
TEST(long_lines)
{
	uint8_t in[2048], out[2048];

	for (size_t n = 996; n <= 1001; n++)
		for (size_t dot = 0; dot < 2; dot++)
			for (size_t a = 0; a <= n + 10; a++) {
				struct dot d = { 0 };
				size_t got, all = 0;

				memcpy(in, "a\r\n", 3);
				memset(in + 3, '.', dot);
				memset(in + 3 + dot, 'x', n);
				memcpy(in + 3 + dot + n, "\r\nb\r\n", 5);
				all = 3 + dot + n + 5;
				if (a > all)
					continue;
				dot_feed(&d, span_from(in, a), out, &got);
				dot_feed(&d, span_from(in + a, all - a), out,
				    &got);
				ck_assert_msg(d.too_long == (n > 998),
				    "%zu octets, cut at %zu", n, a);
				ck_assert_uint_eq(d.lines, 3);
			}
}
