/*
 * lineio, reading: lines, their faults and raw octets, at every split of
 * the segments.  Writing stands in check_lineio_out.c.
 */
#include "t/unit/unit.h"

#include "shared/buf.h"
#include "shared/deadline.h"
#include "t/unit/memory_peer.h"

static struct lineio io;

static const char *const names[] = {
	[LINE_OK] = "ok", [LINE_TOO_LONG] = "long", [LINE_NUL] = "nul",
	[LINE_BARE_LF] = "lf", [LINE_BARE_CR] = "cr", [LINE_EOF] = "eof",
	[LINE_TIMEOUT] = "timeout", [LINE_GONE] = "gone",
	[LINE_ERROR] = "error",
};

/* What a session reads, as text: "[HELO x] long [QUIT] eof". */
static void
transcript(size_t max, struct buf *out)
{
	enum line_result r;
	struct span line;

	for (;;) {
		r = lineio_read_line(&io, max, &line);
		if (out->n > 0)
			buf_add_str(out, " ");
		if (r == LINE_OK) {
			buf_add_str(out, "[");
			buf_add(out, line);
			buf_add_str(out, "]");
			continue;
		}
		buf_add_str(out, names[r]);
		if (r != LINE_TOO_LONG && r != LINE_NUL)
			return;
	}
}

static void
expect(struct memory_peer *peer, size_t max, const char *want, size_t a,
    size_t b)
{
	char text[512];
	struct buf got = buf_over(text, sizeof(text));

	peer_connect(&io, peer);
	transcript(max, &got);
	if (got.cut || !span_equal(buf_span(&got), span_of(want)))
		ck_abort_msg("cut at %zu, %zu: got \"%.*s\", want \"%s\"", a,
		    b, (int)got.n, text, want);
}

static void
every_split(struct span in, size_t max, const char *want)
{
	for (size_t a = 0; a <= in.n; a++)
		for (size_t b = a; b <= in.n; b++) {
			struct memory_peer peer = { .pieces = {
			    span_from(in.p, a), span_from(in.p + a, b - a),
			    span_from(in.p + b, in.n - b) } };

			expect(&peer, max, want, a, b);
		}
	for (size_t n = 1; n <= 3; n++) {
		struct memory_peer peer = { .pieces = { in }, .piece_max = n };

		expect(&peer, max, want, n, n);
	}
}

TEST(lines)
{
	static const struct {
		struct span	 in;
		size_t		 max;
		const char	*want;
	} t[] = {
		{ OCTETS(""), 10, "eof" },
		{ OCTETS("\r\n"), 10, "[] eof" },
		{ OCTETS("HELO x\r\nQUIT\r\n"), 10, "[HELO x] [QUIT] eof" },
		{ OCTETS("\r\n\r\na\r\n"), 10, "[] [] [a] eof" },
		{ OCTETS("a\xff\x80\t\x1b b\r\n"), 10,
		    "[a\xff\x80\t\x1b b] eof" },
		/* The end within a line: what came of it is no line. */
		{ OCTETS("QUIT"), 10, "eof" },
		{ OCTETS("a\r\nQUIT\r"), 10, "[a] eof" },
		{ OCTETS("\r"), 10, "eof" },
		/* The limit, CRLF counted. */
		{ OCTETS("12345678\r\nQUIT\r\n"), 10,
		    "[12345678] [QUIT] eof" },
		{ OCTETS("123456789\r\nQUIT\r\n"), 10, "long [QUIT] eof" },
		{ OCTETS("123456789\r\n12345678\r\n"), 10,
		    "long [12345678] eof" },
		{ OCTETS("a\r\n"), 3, "[a] eof" },
		{ OCTETS("ab\r\na\r\n"), 3, "long [a] eof" },
		/* The tail of what is too long is never a command. */
		{ OCTETS("1234567890QUIT\r\nNOOP\r\n"), 10,
		    "long [NOOP] eof" },
		{ OCTETS("1234567890123456789012345678901QUIT\r\nNOOP\r\n"),
		    10, "long [NOOP] eof" },
		{ OCTETS("12345678901234567890\r\n12345678901234567890\r\n"),
		    10, "long long eof" },
		{ OCTETS("1234567890"), 10, "eof" },
		{ OCTETS("1234567890123\r"), 10, "eof" },
		{ OCTETS("12345678901\nQUIT\r\n"), 10, "lf" },
		{ OCTETS("12345678901\rQUIT\r\n"), 10, "cr" },
		{ OCTETS("123456789012\r\r\nQUIT\r\n"), 10, "cr" },
		{ OCTETS("12345678901\0QUIT\r\nNOOP\r\n"), 10,
		    "long [NOOP] eof" },
		{ OCTETS("\0" "12345678901QUIT\r\nNOOP\r\n"), 10,
		    "long [NOOP] eof" },
		/* A NUL ends nothing. */
		{ OCTETS("\0\r\nQUIT\r\n"), 10, "nul [QUIT] eof" },
		{ OCTETS("a\0b\r\nQUIT\r\n"), 10, "nul [QUIT] eof" },
		{ OCTETS("a\0QUIT\r\n"), 10, "nul eof" },
		{ OCTETS("a\0\0\0\r\n\0\r\na\r\n"), 10, "nul nul [a] eof" },
		{ OCTETS("a\0"), 10, "eof" },
		{ OCTETS("a\r\0\nQUIT\r\n"), 10, "cr" },
		/* Bare ones. */
		{ OCTETS("\nQUIT\r\n"), 10, "lf" },
		{ OCTETS("a\nQUIT\r\n"), 10, "lf" },
		{ OCTETS("a\r\n\nQUIT\r\n"), 10, "[a] lf" },
		{ OCTETS("\rQUIT\r\n"), 10, "cr" },
		{ OCTETS("a\rQUIT\r\n"), 10, "cr" },
		{ OCTETS("a\r\r\nQUIT\r\n"), 10, "cr" },
		{ OCTETS("\r\r\n"), 10, "cr" },
		{ OCTETS("a\0\n"), 10, "lf" },
		{ OCTETS("a\n\r"), 10, "lf" },
		{ OCTETS("a\x8d\x8a" "b\x85" "c\r\n"), 10,
		    "[a\x8d\x8a" "b\x85" "c] eof" },
	};

	for (size_t i = 0; i < COUNT(t); i++)
		every_split(t[i].in, t[i].max, t[i].want);
}

/* Much more than any buffer, in pieces of every kind. */
TEST(very_long)
{
	enum { long_bytes = 300000 };
	static uint8_t in[long_bytes];
	static const char tail[] = "QUIT\r\nNOOP\r\n";
	static const size_t sizes[] = { 0, 1, 2, 3, 511, 512, 513, 2047,
	    2048, 2049, 4096, 65535, 65536, 65537 };

	memset(in, 'x', sizeof(in));
	memcpy(in + sizeof(in) - strlen(tail), tail, strlen(tail));
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (size_t max = 512; max <= 12288; max *= 24) {
			struct memory_peer peer = {
			    .pieces = { span_from(in, sizeof(in)) },
			    .piece_max = sizes[i] };

			expect(&peer, max, "long [NOOP] eof", sizes[i], max);
			ck_assert_uint_eq(io.octets_in, sizeof(in));
		}
}

/* The limits of RFC 5321 and our own, one octet to each side. */
TEST(real_limits)
{
	static const size_t limits[] = { 512, 2048, 12288 };
	static char in[12288 + 8];
	struct span line;

	for (size_t i = 0; i < COUNT(limits); i++)
		for (size_t n = limits[i] - 1; n <= limits[i] + 1; n++) {
			struct memory_peer peer = {
				.pieces = { span_from(in, n) } };

			memset(in, 'x', n - 2);
			memcpy(in + n - 2, "\r\n", 2);
			peer_connect(&io, &peer);
			ck_assert_int_eq(lineio_read_line(&io, limits[i],
			    &line), n <= limits[i] ? LINE_OK :
			    LINE_TOO_LONG);
			if (n <= limits[i])
				ck_assert(span_equal(line, span_from(in,
				    n - 2)));
		}
}

/* Lines that lie across the end of the buffer, one after the other. */
TEST(many_lines)
{
	static char in[600000];
	size_t n = 0;
	unsigned count = 0;
	struct span line;
	struct memory_peer peer = { .piece_max = 0 };

	while (n < sizeof(in) - 600) {
		memset(in + n, (int)('a' + count % 26), count * 7 % 500);
		n += count++ * 7 % 500;
		memcpy(in + n, "\r\n", 2);
		n += 2;
	}
	peer.pieces[0] = span_from(in, n);
	peer_connect(&io, &peer);
	for (unsigned i = 0; i < count; i++) {
		if (lineio_read_line(&io, 512, &line) != LINE_OK ||
		    line.n != i * 7 % 500)
			ck_abort_msg("line %u", i);
		for (size_t k = 0; k < line.n; k++)
			if (line.p[k] != 'a' + i % 26)
				ck_abort_msg("line %u, octet %zu", i, k);
	}
	ck_assert_int_eq(lineio_read_line(&io, 512, &line), LINE_EOF);
	ck_assert_uint_eq(io.octets_in, n);
}

TEST(failures)
{
	static const struct {
		int			error;
		enum line_result	want;
	} t[] = { { 0, LINE_EOF }, { ETIMEDOUT, LINE_TIMEOUT },
	    { ECANCELED, LINE_GONE }, { EIO, LINE_ERROR },
	    { EBADF, LINE_ERROR } };
	static const char *const before[] = { "", "a", "a\r", "12345678901",
	    "a\0b" };
	struct span line;
	uint8_t *p;
	size_t n;

	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t k = 0; k < COUNT(before); k++) {
			struct memory_peer peer = {
			    .pieces = { span_of(before[k]) },
			    .end_errno = t[i].error };

			peer_connect(&io, &peer);
			ck_assert_int_eq(lineio_read_line(&io, 10, &line),
			    t[i].want);
			if (t[i].want == LINE_ERROR)
				ck_assert_int_eq(errno, t[i].error);
			if (k > 0)
				continue;
			ck_assert_int_eq(lineio_read_some(&io, &p, &n),
			    t[i].want);
		}
}

/* A connection that the peer has reset is over, as one it has closed. */
TEST(reset)
{
	struct memory_peer peer = { .end_errno = ECONNRESET };
	struct span line;

	peer_connect(&io, &peer);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_EOF);
}

/* Each wait ends when the peer was idle too long or the session is over. */
TEST(deadlines)
{
	static const struct {
		int64_t	idle_ms, session_ms;
	} t[] = { { 1000, 500000 }, { 500000, 1000 }, { 1000, -5000 } };
	struct span line;

	for (size_t i = 0; i < COUNT(t); i++) {
		struct memory_peer peer = { .pieces = { span_of("a\r\n") } };
		int64_t nearer = t[i].idle_ms < t[i].session_ms ?
		    t[i].idle_ms : t[i].session_ms;
		int64_t now = deadline_now_ms(), left;

		peer_connect(&io, &peer);
		io.idle_ms = t[i].idle_ms;
		io.deadline_ms = now + t[i].session_ms;
		ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
		left = peer.deadline_ms - now;
		ck_assert_int_ge(left, nearer);
		ck_assert_int_le(left, nearer + deadline_now_ms() - now);
		ck_assert_int_eq(lineio_put(&io, span_of("b")), LINE_OK);
		peer.deadline_ms = 0;
		ck_assert_int_eq(lineio_flush(&io), LINE_OK);
		left = peer.deadline_ms - now;
		ck_assert_int_ge(left, nearer);
		ck_assert_int_le(left, nearer + deadline_now_ms() - now);
	}
}

/* No wait begins while what is there is enough. */
TEST(no_wait_without_need)
{
	struct memory_peer peer = { .pieces = { span_of("a\r\nb\r\ncc") } };
	struct span line;
	uint8_t *p;
	size_t n;

	peer_connect(&io, &peer);
	ck_assert_uint_eq(lineio_buffered(&io), 0);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert_uint_eq(lineio_buffered(&io), 5);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert_uint_eq(lineio_buffered(&io), 2);
	ck_assert_int_eq(lineio_read_some(&io, &p, &n), LINE_OK);
	ck_assert_uint_eq(lineio_buffered(&io), 0);
	ck_assert(span_equal(span_from(p, n), span_of("cc")));
	ck_assert_uint_eq(peer.reads, 1);
	ck_assert_int_eq(lineio_read_some(&io, &p, &n), LINE_EOF);
	ck_assert_uint_eq(peer.reads, 2);
}

/*
 * DATA as the worker reads it: a line, then octets, some of which are given
 * back, then lines again; with the room before them written over.
 */
TEST(octets_between_lines)
{
	static const struct span in = OCTETS("DATA\r\nabc\0def\r\n.\r\n"
	    "QUIT\r\nx");
	static const char body[] = "abc\0def\r\n.\r\n";
	enum { body_n = sizeof(body) - 1 };

	for (size_t a = 0; a <= in.n; a++)
		for (size_t b = a; b <= in.n; b++) {
			struct memory_peer peer = { .pieces = {
			    span_from(in.p, a), span_from(in.p + a, b - a),
			    span_from(in.p + b, in.n - b) } };
			uint8_t got[64], *p;
			size_t got_n = 0, n;
			struct span line;

			peer_connect(&io, &peer);
			ck_assert_int_eq(lineio_read_line(&io, 10, &line),
			    LINE_OK);
			while (got_n < body_n) {
				size_t left = body_n - got_n;

				ck_assert_int_eq(lineio_read_some(&io, &p,
				    &n), LINE_OK);
				ck_assert_uint_gt(n, 0);
				if (n < left)
					left = n;
				memcpy(got + got_n, p, left);
				got_n += left;
				memset(p - header_carry_max_bytes, 0xee,
				    header_carry_max_bytes + left);
				lineio_unread(&io, n - left);
			}
			ck_assert_int_eq(memcmp(got, body, body_n), 0);
			ck_assert_int_eq(lineio_read_line(&io, 10, &line),
			    LINE_OK);
			ck_assert(span_equal(line, span_of("QUIT")));
			ck_assert_int_eq(lineio_read_line(&io, 10, &line),
			    LINE_EOF);
			ck_assert_uint_eq(io.octets_in, in.n);
		}
}

/* One read brings as much as the buffer holds, and nothing of it is lost. */
TEST(large_octets)
{
	static uint8_t in[5 * lineio_in_max_bytes + 123];
	struct memory_peer peer = { .pieces = { span_from(in, sizeof(in)) } };
	size_t at = 0, n;
	uint8_t *p;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 31 + (i >> 8));
	peer_connect(&io, &peer);
	while (at < sizeof(in)) {
		ck_assert_int_eq(lineio_read_some(&io, &p, &n), LINE_OK);
		ck_assert_uint_le(n, lineio_in_max_bytes);
		if (n > 3) {
			lineio_unread(&io, n / 3);
			n -= n / 3;
		}
		ck_assert_int_eq(memcmp(p, in + at, n), 0);
		memset(p - header_carry_max_bytes, 0xee,
		    header_carry_max_bytes + n);
		at += n;
	}
	ck_assert_int_eq(lineio_read_some(&io, &p, &n), LINE_EOF);
}

/* A second connection begins with nothing of the first. */
TEST(begun_again)
{
	struct memory_peer first = { .pieces = { span_of("a\r\nsecret\r\n") } };
	struct memory_peer second = { .pieces = { span_of("b\r\n") } };
	struct span line;

	peer_connect(&io, &first);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert_int_eq(lineio_put(&io, span_of("reply")), LINE_OK);
	peer_connect(&io, &second);
	ck_assert_uint_eq(lineio_buffered(&io), 0);
	ck_assert_uint_eq(io.octets_in, 0);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert(span_equal(line, span_of("b")));
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_EOF);
	ck_assert_uint_eq(first.kept_n, 0);
	ck_assert_uint_eq(second.kept_n, 0);
}
