/*
 * smtp_reply: every reply against RFC 5321 4.2 and RFC 2034, with short and
 * with the longest of names.
 */
#include "t/unit/unit.h"

#include "shared/smtp_reply.h"

static char longest[255];

static struct span
write_reply(enum smtp_reply reply, struct span host, struct span id,
    struct buf *out)
{
	smtp_reply_write(reply, host, id, out);
	ck_assert(!out->cut);
	return buf_span(out);
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Reply-code, blank or hyphen, text of printable ASCII, CRLF; 512 at most. */
static void
expect_line(struct span line)
{
	ck_assert_uint_ge(line.n, 6);
	ck_assert_uint_le(line.n, 512);
	ck_assert(line.p[0] >= '2' && line.p[0] <= '5');
	ck_assert(line.p[1] >= '0' && line.p[1] <= '5');
	ck_assert(is_digit(line.p[2]));
	ck_assert(line.p[3] == ' ' || line.p[3] == '-');
	for (size_t i = 4; i < line.n - 2; i++)
		ck_assert_msg(line.p[i] >= 0x20 && line.p[i] <= 0x7e,
		    "octet %02x at %zu", line.p[i], i);
	ck_assert_int_eq(line.p[line.n - 2], '\r');
	ck_assert_int_eq(line.p[line.n - 1], '\n');
}

/* RFC 2034 4: class "." 1*3digit "." 1*3digit, the class that of the code. */
static bool
has_enhanced(struct span line)
{
	size_t i = 5;

	if (line.p[4] != line.p[0] || line.p[i++] != '.')
		return false;
	if (!is_digit(line.p[i]))
		return false;
	while (is_digit(line.p[i]))
		i++;
	if (line.p[i++] != '.' || !is_digit(line.p[i]))
		return false;
	while (is_digit(line.p[i]))
		i++;
	return i <= 12 && line.p[i] == ' ';
}

TEST(every_reply)
{
	memset(longest, 'h', sizeof(longest));
	for (unsigned i = 0; i < REPLY_COUNT; i++)
		for (int k = 0; k < 2; k++) {
			enum smtp_reply reply = (enum smtp_reply)i;
			char text[smtp_reply_max_bytes];
			struct buf out = buf_over(text, sizeof(text));
			struct span host = k == 0 ? span_of("h") :
			    span_from(longest, sizeof(longest));
			struct span s = write_reply(reply, host,
			    span_of("0123456789abcdef"), &out);
			bool wants = reply != REPLY_GREETING &&
			    reply != REPLY_HELO && reply != REPLY_EHLO &&
			    s.p[0] != '3';

			expect_line(s);
			ck_assert_int_eq(s.p[3], ' ');
			ck_assert_msg(has_enhanced(s) == wants, "%.*s",
			    (int)s.n, text);
			ck_assert_int_eq(smtp_reply_is_error(reply),
			    s.p[0] == '4' || s.p[0] == '5');
			/* No mark is left where a name should stand. */
			ck_assert_ptr_null(memchr(text, '%', s.n));
		}
}

TEST(wording)
{
	static const struct {
		enum smtp_reply	 reply;
		const char	*want;
	} t[] = {
		{ REPLY_GREETING, "220 mx.example ESMTP " },
		{ REPLY_HELO, "250 mx.example\r\n" },
		{ REPLY_OK, "250 2.0.0 " },
		{ REPLY_BYE, "221 2.0.0 mx.example " },
		{ REPLY_STORED, "250 2.0.0 stored as fedcba98\r\n" },
		{ REPLY_VRFY, "252 2." }, { REPLY_HELP, "214 2.0.0 " },
		{ REPLY_DATA, "354 " },
		{ REPLY_IDLE, "421 4.4.2 mx.example " },
		{ REPLY_ERRORS, "421 4.7.0 mx.example " },
		{ REPLY_DISK_FULL, "452 4.3.1 " },
		{ REPLY_TOO_MANY_RCPTS, "452 4.5.3 " },
		{ REPLY_UNKNOWN, "500 5.5." }, { REPLY_LINE_LONG, "500 5.5." },
		{ REPLY_LINE_NUL, "500 5.5." }, { REPLY_LINE_BARE, "500 5.5." },
		{ REPLY_ARGUMENT, "501 5.5.4 " },
		{ REPLY_BAD_SENDER, "501 5.1.7 " },
		{ REPLY_BAD_RCPT, "501 5.1.3 " },
		{ REPLY_DOUBLED, "501 5.5.4 " }, { REPLY_EXPN, "502 5.5.1 " },
		{ REPLY_HELO_FIRST, "503 5.5.1 " },
		{ REPLY_RCPT_FIRST, "503 5.5.1 " },
		{ REPLY_UNKNOWN_RCPT, "550 5.1.1 " },
		{ REPLY_FOREIGN_RCPT, "550 5.7.1 " },
		{ REPLY_TOO_BIG, "552 5.3.4 " },
		{ REPLY_NEEDS_UTF8, "553 5.6.7 " },
		{ REPLY_LOOP, "554 5.4.6 " }, { REPLY_BARE, "554 5.6.0 " },
		{ REPLY_NUL, "554 5.6.0 " }, { REPLY_PARAM, "555 5.5.4 " },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		char text[smtp_reply_max_bytes];
		struct buf out = buf_over(text, sizeof(text));
		struct span s = write_reply(t[i].reply, span_of("mx.example"),
		    span_of("fedcba98"), &out);

		ck_assert_msg(s.n >= strlen(t[i].want) && memcmp(s.p,
		    t[i].want, strlen(t[i].want)) == 0, "got %.*s, want %s",
		    (int)s.n, text, t[i].want);
	}
}

/* A reply is added behind what the buffer holds: a pipelined group is one. */
TEST(appended)
{
	char text[64];
	struct buf out = buf_over(text, sizeof(text));

	buf_add_str(&out, "before\r\n");
	smtp_reply_write(REPLY_HELO, span_of("h"), span_of(""), &out);
	ck_assert(span_equal(buf_span(&out), span_of("before\r\n250 h\r\n")));
}

/* The host's name and the id are words, never marks to fill in. */
TEST(marks_in_names)
{
	char text[64];
	struct buf out = buf_over(text, sizeof(text));

	smtp_reply_write(REPLY_HELO, span_of("%i%h"), span_of("x"), &out);
	ck_assert(span_equal(buf_span(&out), span_of("250 %i%h\r\n")));
}

TEST(ehlo)
{
	static const char want[] = "250-mx.example\r\n250-PIPELINING\r\n"
	    "250-SIZE 36700160\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250 LIMITS RCPTMAX=1000\r\n";
	char text[1024];
	struct buf out = buf_over(text, sizeof(text));

	smtp_reply_write_ehlo(span_of("mx.example"), 36700160, 1000, false,
	    NULL, false, &out);
	ck_assert_msg(span_equal(buf_span(&out), span_of(want)), "%.*s",
	    (int)out.n, text);
}

TEST(ehlo_starttls)
{
	static const char want[] = "250-mx.example\r\n250-PIPELINING\r\n"
	    "250-SIZE 1\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n"
	    "250 LIMITS RCPTMAX=2\r\n";
	char text[1024];
	struct buf out = buf_over(text, sizeof(text));

	smtp_reply_write_ehlo(span_of("mx.example"), 1, 2, true, NULL,
	    false, &out);
	ck_assert_msg(span_equal(buf_span(&out), span_of(want)), "%.*s",
	    (int)out.n, text);
	out = buf_over(text, sizeof(text));
	smtp_reply_write_ehlo(span_of("mx.example"), 36700160, 1000, false,
	    "PLAIN LOGIN", true, &out);
	text[out.n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\r\n250-AUTH PLAIN LOGIN\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n250-DSN\r\n"));
}

/* With the largest of everything it still fits, each line a reply's. */
TEST(ehlo_lines)
{
	char text[smtp_reply_max_bytes];
	struct buf out = buf_over(text, sizeof(text));
	struct span s;

	memset(longest, 'h', sizeof(longest));
	smtp_reply_write_ehlo(span_from(longest, sizeof(longest)), UINT64_MAX,
	    UINT64_MAX, true, "PLAIN LOGIN CRAM-MD5", true, &out);
	ck_assert(!out.cut);
	s = buf_span(&out);
	while (s.n > 0) {
		const uint8_t *lf = memchr(s.p, '\n', s.n);
		size_t n;

		ck_assert_ptr_nonnull(lf);
		n = (size_t)(lf - s.p) + 1;
		expect_line(span_from(s.p, n));
		ck_assert_int_eq(s.p[3], n == s.n ? ' ' : '-');
		s = span_skip(s, n);
	}
}
