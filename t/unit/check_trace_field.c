/*
 * trace_field: what heads a stored message, octet by octet.
 */
#include "t/unit/unit.h"

#include <time.h>

#include "shared/trace_field.h"

static struct mailbox
address(const char *path)
{
	struct mailbox m;
	struct span rest;

	if (smtp_parse_path(span_of(path), true, true, &m, &rest) !=
	    SYNTAX_OK || rest.n > 0)
		ck_abort_msg("%s", path);
	return m;
}

/* Mon, 23 Nov 2026 20:45:00 +0000 */
enum { some_moment = 1795466700 };

static struct trace
some_trace(const struct mailbox *from, const struct mailbox *only)
{
	struct trace t = {
	    .from = from, .helo = span_of("client.example"),
	    .client_ip = "192.0.2.1",
	    .hostname = "mail.example.org", .protocol = "ESMTP",
	    .id = "0123456789abcdef", .only_rcpt = only,
	    .now_s = some_moment };

	return t;
}

static void
expect(const struct trace *t, const char *want)
{
	char text[trace_field_max_bytes];
	struct buf out = buf_over(text, sizeof(text));

	trace_field_write(t, &out);
	ck_assert(!out.cut);
	ck_assert_msg(span_equal(buf_span(&out), span_of(want)),
	    "got \"%.*s\"", (int)out.n, text);
}

TEST(written)
{
	struct mailbox from = address("<alice@example.net>");
	struct mailbox null = address("<>");
	struct mailbox only = address("<Bob.B@example.org>");
	struct mailbox postmaster = address("<Postmaster>");
	struct mailbox quoted = address("<\"a \\\" b\"@example.org>");
	struct trace t = some_trace(&from, &only);

	expect(&t, "Return-Path: <alice@example.net>\n"
	    "Received: from client.example ([192.0.2.1])\n"
	    "\tby mail.example.org with ESMTP id 0123456789abcdef\n"
	    "\tfor <Bob.B@example.org>; Mon, 23 Nov 2026 20:45:00 +0000\n");
	t = some_trace(&null, NULL);
	t.helo = span_of("[IPv6:2001:db8::1]");
	t.client_ip = "2001:db8::1";
	t.protocol = "SMTP";
	t.now_s = 1798761609;
	expect(&t, "Return-Path: <>\n"
	    "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\n"
	    "\tby mail.example.org with SMTP id 0123456789abcdef; "
	    "Fri, 1 Jan 2027 00:00:09 +0000\n");
	t = some_trace(&quoted, &postmaster);
	expect(&t, "Return-Path: <\"a \\\" b\"@example.org>\n"
	    "Received: from client.example ([192.0.2.1])\n"
	    "\tby mail.example.org with ESMTP id 0123456789abcdef\n"
	    "\tfor <Postmaster>; Mon, 23 Nov 2026 20:45:00 +0000\n");
}

/* RFC 8314 4.3: behind all that RFC 5321 has. */
TEST(under_tls)
{
	struct mailbox from = address("<alice@example.net>");
	struct mailbox only = address("<bob@example.org>");
	struct trace t = some_trace(&from, &only);

	t.protocol = "ESMTPS";
	t.suite = "TLS_AES_256_GCM_SHA384";
	expect(&t, "Return-Path: <alice@example.net>\n"
	    "Received: from client.example ([192.0.2.1])\n"
	    "\tby mail.example.org with ESMTPS id 0123456789abcdef\n"
	    "\tfor <bob@example.org>\n"
	    "\ttls TLS_AES_256_GCM_SHA384; "
	    "Mon, 23 Nov 2026 20:45:00 +0000\n");
}

/* Where a user was is told to nobody. */
TEST(hidden)
{
	struct mailbox from = address("<alice@example.net>");
	struct trace t = some_trace(&from, NULL);

	t.helo = span_of(t.hostname);
	t.client_ip = "";
	t.protocol = "ESMTPSA";
	expect(&t, "Return-Path: <alice@example.net>\n"
	    "Received: from mail.example.org\n"
	    "\tby mail.example.org with ESMTPSA id 0123456789abcdef; "
	    "Mon, 23 Nov 2026 20:45:00 +0000\n");
}

/* As gmtime(3) says it. */
static void
expect_date(time_t s)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char text[64], want[64];
	struct buf out = buf_over(text, sizeof(text));
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(want, sizeof(want), "%s, %d %s %d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	trace_field_date(s, &out);
	if (!span_equal(buf_span(&out), span_of(want)))
		ck_abort_msg("%.*s, not %s", (int)out.n, text, want);
}

/* For days around every turn, and years to come. */
TEST(dates)
{
	static const int64_t more[] = { 0, 86399, 951782399, 951782400,
	    951868799, 951868800, 4107542399, 4107542400, 253402300799 };

	for (size_t i = 0; i < COUNT(more); i++)
		expect_date((time_t)more[i]);
	for (size_t i = 0; i < 100000; i++)
		expect_date((time_t)(i * 86400 + i % 86400));
}

/* An address must not fold, end or add a field. */
TEST(one_line_each)
{
	struct mailbox from = address("<\"x\\@y>; z \xc3\xb6\"@b\xc3\xbc>");
	struct trace t = some_trace(&from, &from);

	expect(&t, "Return-Path: <\"x@y>; z \xc3\xb6\"@b\xc3\xbc>\n"
	    "Received: from client.example ([192.0.2.1])\n"
	    "\tby mail.example.org with ESMTP id 0123456789abcdef\n"
	    "\tfor <\"x@y>; z \xc3\xb6\"@b\xc3\xbc>; "
	    "Mon, 23 Nov 2026 20:45:00 +0000\n");
}

/* The longest of everything fits, and in one octet less nothing overflows. */
TEST(longest)
{
	static char name[smtp_domain_max_bytes + 1];
	char text[trace_field_max_bytes + 8];
	struct mailbox from = { 0 };
	struct trace t = some_trace(&from, &from);
	struct buf out = buf_over(text, trace_field_max_bytes);
	size_t whole;

	memset(name, 'd', sizeof(from.domain));
	for (size_t i = 50; i < sizeof(from.domain) - 1; i += 50)
		name[i] = '.';
	from.local_len = sizeof(from.local);
	memset(from.local, '"', sizeof(from.local));
	from.domain_len = sizeof(from.domain);
	memcpy(from.domain, name, sizeof(from.domain));
	ck_assert(smtp_mailbox_valid(&from));
	t.hostname = name;
	t.helo = span_of(name);
	t.client_ip = "2001:0db8:1111:2222:3333:4444:255.255.255.255";
	t.protocol = "UTF8SMTPSA";
	t.suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
	trace_field_write(&t, &out);
	ck_assert(!out.cut);
	whole = out.n;
	for (size_t max = 0; max < whole; max++) {
		memset(text, 0x5a, sizeof(text));
		out = buf_over(text, max);
		trace_field_write(&t, &out);
		ck_assert(out.cut);
		ck_assert_uint_le(out.n, max);
		ck_assert_int_eq(text[max], 0x5a);
	}
}
