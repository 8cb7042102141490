/*
 * relay_reply: replies as RFC 5321 4.2 has them, and what is none.
 */
#include "t/unit/unit.h"

#include "worker/relay_reply.h"

static struct relay_reply r;
static struct relay_offers offers;

/* Reads in, octet by octet and in one piece, which is the same. */
static enum relay_read
take(struct span in, size_t *left)
{
	enum relay_read whole, read = RELAY_READ_MORE;
	struct relay_reply again = { 0 };
	struct relay_offers said = { 0 };
	struct span rest = in;
	size_t i = 0;

	memset(&r, 0, sizeof(r));
	memset(&offers, 0, sizeof(offers));
	whole = relay_reply_take(&r, &rest, &offers);
	while (read == RELAY_READ_MORE && i < in.n) {
		struct span one = span_from(in.p + i++, 1);

		read = relay_reply_take(&again, &one, &said);
	}
	ck_assert_int_eq(read, whole);
	ck_assert_uint_eq(in.n - i, rest.n);
	ck_assert_mem_eq(&r, &again, sizeof(r));
	ck_assert_mem_eq(&said, &offers, sizeof(said));
	if (left != NULL)
		*left = rest.n;
	return whole;
}

static void
is(const char *in, uint16_t code, const char *text)
{
	size_t left;

	ck_assert_msg(take(span_of(in), &left) == RELAY_READ_WHOLE, "%s", in);
	ck_assert_uint_eq(left, 0);
	ck_assert_uint_eq(r.code, code);
	ck_assert_msg(span_equal(span_from(r.text, r.n), span_of(text)),
	    "%s: %.*s", in, (int)r.n, (const char *)r.text);
}

static void
has_enhanced(uint16_t a, uint16_t b, uint16_t c)
{
	ck_assert_uint_eq(r.enhanced[0], a);
	ck_assert_uint_eq(r.enhanced[1], b);
	ck_assert_uint_eq(r.enhanced[2], c);
}

TEST(replies)
{
	is("250 2.1.5 ok\r\n", 250, "2.1.5 ok");
	has_enhanced(2, 1, 5);
	is("250\r\n", 250, "");
	has_enhanced(0, 0, 0);
	is("250 \r\n", 250, "");
	is("220-a\r\n220-\r\n220 b\r\n", 220, "a\n\nb");
	is("550-5.7.999 no\r\n550 5.1.1 x\r\n", 550, "5.7.999 no\n5.1.1 x");
	has_enhanced(5, 7, 999);
	is("354 go\r\n", 354, "go");
	is("299 \xff\x01\r\n", 299, "\xff\x01");
	is("599 x\r\n", 599, "x");
	is("450 4.2.0\r\n", 450, "4.2.0");
	has_enhanced(4, 2, 0);
}

/* The class is another, a number too long, or it is something else. */
TEST(has_no_enhanced_status)
{
	static const char *const texts[] = { "2.0.0", "5.1", "5.1.1000",
	    "5.1.1.1", "5.1.", ".1.1", "5..1", "5.1.1x", "5", "+5.1.1",
	    "5.1.1.", "", " 5.1.1", "005.1.1.1" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char in[64];

		snprintf(in, sizeof(in), "550 %s text\r\n", texts[i]);
		ck_assert_int_eq(take(span_of(in), NULL), RELAY_READ_WHOLE);
		ck_assert_msg(r.enhanced[0] + r.enhanced[1] +
		    r.enhanced[2] == 0, "%s", in);
	}
	is("354 3.0.0 go\r\n", 354, "3.0.0 go");
	has_enhanced(0, 0, 0);
}

TEST(ends_where_it_ends)
{
	size_t left;

	ck_assert_int_eq(take(span_of("250 a\r\n250 b\r\n"), &left),
	    RELAY_READ_WHOLE);
	ck_assert_uint_eq(left, 7);
	ck_assert_int_eq(take(span_of("250-a\r\n250 b\r"), &left),
	    RELAY_READ_MORE);
}

TEST(is_no_reply)
{
	static const char *const broken[] = { "\r\n", "25\r\n", "ok\r\n",
	    "250ok\r\n", "250\tok\r\n", "199 a\r\n", "600 a\r\n",
	    "000 a\r\n", " 250 a\r\n", "2500\r\n", "25a x\r\n",
	    "250-a\r\n251 b\r\n", "250-a\r\n\r\n", "250 a\n", "250 a\rb",
	    "250 a\r\r\n", "250-a\r\nHTTP/1.1 400 Bad Request\r\n",
	    "-50 a\r\n", "\xb2\xb3\xb5 a\r\n" };

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ck_assert_msg(take(span_of(broken[i]), NULL) ==
		    RELAY_READ_BROKEN, "%s", broken[i]);
	ck_assert_int_eq(take(span_from("250 a\0b\r\n", 9), NULL),
	    RELAY_READ_BROKEN);
	/* What it said is kept for the log. */
	(void)take(span_of("SSH-2.0-x\r\n"), NULL);
	ck_assert(span_equal(span_from(r.text, r.n), span_of("SSH-2.0-x")));
	(void)take(span_of("SSH\n"), NULL);
	ck_assert(span_equal(span_from(r.text, r.n), span_of("SSH")));
}

/* Lines without end, and a line without end. */
TEST(is_bounded)
{
	static char in[relay_reply_max_bytes + 100];
	size_t n = 0;

	while (n < 200 * 7)
		n += (size_t)sprintf(in + n, "250-a\r\n");
	ck_assert_int_eq(take(span_from(in, n - 7), NULL), RELAY_READ_MORE);
	sprintf(in + n - 7, "250 a\r\n");
	ck_assert_int_eq(take(span_from(in, n), NULL), RELAY_READ_WHOLE);
	sprintf(in + n - 7, "250-a\r\n250 a\r\n");
	ck_assert_int_eq(take(span_from(in, n + 7), NULL), RELAY_READ_BROKEN);
	memset(in, 'x', sizeof(in));
	memcpy(in, "250 ", 4);
	ck_assert_int_eq(take(span_from(in, relay_reply_max_bytes), NULL),
	    RELAY_READ_MORE);
	ck_assert_int_eq(take(span_from(in, relay_reply_max_bytes + 1), NULL),
	    RELAY_READ_BROKEN);
	memcpy(in + relay_reply_max_bytes - 2, "\r\n", 2);
	ck_assert_int_eq(take(span_from(in, relay_reply_max_bytes), NULL),
	    RELAY_READ_WHOLE);
	ck_assert_uint_eq(r.n, relay_reply_line_bytes - 4);
	/* The text is cut, and nothing else. */
	for (n = 0; n < 100 * 14;)
		n += (size_t)sprintf(in + n, "250-%-8zu\r\n", n);
	sprintf(in + n, "250 end\r\n");
	ck_assert_int_eq(take(span_from(in, n + 9), NULL), RELAY_READ_WHOLE);
	ck_assert_uint_eq(r.n, relay_text_bytes);
}

TEST(offers_of_ehlo)
{
	is("250-mx SIZE DSN\r\n250-size 1000\r\n250-8bitMIME\r\n"
	    "250-STARTTLS \r\n250-X-DSN\r\n250-LIMITS rcptmax=20 X=1 "
	    "MAILMAX=7\r\n250 PIPELINING x y\r\n", 250, "mx SIZE DSN\n"
	    "size 1000\n8bitMIME\nSTARTTLS \nX-DSN\nLIMITS rcptmax=20 X=1 "
	    "MAILMAX=7\nPIPELINING x y");
	ck_assert_uint_eq(offers.g.offers, RELAY_OFFERS_SIZE |
	    RELAY_OFFERS_8BITMIME | RELAY_OFFERS_TLS |
	    RELAY_OFFERS_PIPELINING);
	ck_assert_uint_eq(offers.size, 1000);
	ck_assert_uint_eq(offers.g.rcpt_max, 20);
	ck_assert_uint_eq(offers.g.mail_max, 7);
	(void)take(span_of("250-mx\r\n250-DSN\r\n250-SMTPUTF8\r\n"
	    "250 SIZE 99999999999999999999999\r\n"), NULL);
	ck_assert_uint_eq(offers.size, UINT64_MAX);
	ck_assert_uint_eq(offers.g.offers, RELAY_OFFERS_DSN |
	    RELAY_OFFERS_SMTPUTF8 | RELAY_OFFERS_SIZE);
	(void)take(span_of("250-mx\r\n250-SIZE -1\r\n250-SIZE\r\n"
	    "250 LIMITS RCPTMAX=1000000 RCPTMAX= MAILMAX=x RCPTMAX\r\n"),
	    NULL);
	ck_assert_uint_eq(offers.size, 0);
	ck_assert_uint_eq(offers.g.rcpt_max + offers.g.mail_max, 0);
}
