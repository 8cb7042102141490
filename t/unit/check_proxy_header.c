/*
 * proxy_header: what is a PROXY header, what it says, and what is none.
 */
#include "worker/header.h"

#include "t/unit/unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(rest) OCTETS(SIGNATURE rest)
#define ADDR4 "\xc0\x00\x02\x07" "\x7f\x00\x00\x01" "\x04\x01" "\x00\x19"
#define HALF6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define ADDR6 HALF6 "\x07" HALF6 "\x01" "\x04\x01" "\x00\x19"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"

static const uint8_t ip4[16] = { 192, 0, 2, 7 };
static const uint8_t ip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };

enum family { OWN, IPV4, IPV6 };

/* Whole headers, and what they say. */
static const struct good {
	struct span	 text;
	unsigned	 family;
	unsigned	 port;
} goods[] = {
	{ OCTETS("PROXY TCP4 192.0.2.7 127.0.0.1 1025 25\r\n"),
	    IPV4, 1025 },
	{ OCTETS("PROXY TCP4 192.0.2.7 127.0.0.1 0 65535\r\n"),
	    IPV4, 0 },
	{ OCTETS("PROXY TCP6 2001:db8::7 ::1 65535 25\r\n"),
	    IPV6, 65535 },
	{ OCTETS("PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    IPV6, 65535 },
	/* A listener of HAProxy's for both families says so. */
	{ OCTETS("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:127.0.0.1 7 25\r\n"),
	    IPV4, 7 },
	{ OCTETS("PROXY UNKNOWN\r\n"), OWN, 0 },
	{ OCTETS("PROXY UNKNOWN \r\n"), OWN, 0 },
	{ OCTETS("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    OWN, 0 },
	{ V2("\x21\x11\x00\x0c" ADDR4), IPV4, 1025 },
	{ V2("\x21\x21\x00\x24" ADDR6), IPV6, 1025 },
	{ V2("\x21\x21\x00\x24" MAPPED MAPPED "\x04\x01\x00\x19"),
	    IPV4, 1025 },
	/* TLVs, and what may be none. */
	{ V2("\x21\x11\x00\x13" ADDR4 "\x03\x00\x04" "abcd"),
	    IPV4, 1025 },
	{ V2("\x21\x11\x00\x0e" ADDR4 "\xff\xff"), IPV4, 1025 },
	{ V2("\x20\x00\x00\x00"), OWN, 0 },
	{ V2("\x20\x11\x00\x0c" ADDR4), OWN, 0 },
	{ V2("\x20\x32\x00\x03" "abc"), OWN, 0 },
	{ V2("\x21\x00\x00\x00"), OWN, 0 },
	{ V2("\x21\x00\x00\x03" "abc"), OWN, 0 },
};

static enum proxy_fail
parse(struct span in, struct ipc_proxy *out)
{
	enum proxy_fail verdict;
	uint8_t *copy = malloc(in.n + 1);

	/* Memory of its size: the sanitizers see who reads further. */
	ck_assert_ptr_nonnull(copy);
	copy = realloc(copy, in.n > 0 ? in.n : 1);
	memcpy(copy, in.p, in.n);
	verdict = proxy_header_parse(span_from(copy, in.n), out);
	free(copy);
	return verdict;
}

static void
expect_good(const struct good *g, struct span in, size_t row)
{
	const uint8_t *ip = g->family == IPV6 ? ip6 : ip4;
	static const uint8_t none[16];
	struct ipc_proxy p;

	ck_assert_msg(parse(in, &p) == PROXY_OK, "row %zu", row);
	ck_assert_msg(p.given == (g->family != OWN) && p.ip.ipv6 ==
	    (g->family == IPV6) && p.port == g->port, "row %zu", row);
	ck_assert_mem_eq(p.ip.ip, g->family == OWN ? none : ip, 16);
}

TEST(whole)
{
	for (size_t i = 0; i < COUNT(goods); i++)
		expect_good(&goods[i], goods[i].text, i);
}

/* Each front of a header wants more, and is of the header. */
TEST(in_parts)
{
	struct ipc_proxy p;

	for (size_t i = 0; i < COUNT(goods); i++)
		for (size_t k = 0; k < goods[i].text.n; k++)
			ck_assert_msg(parse(span_from(goods[i].text.p, k),
			    &p) == PROXY_MORE, "row %zu at %zu", i, k);
}

/* What follows is not of it, whatever it is. */
TEST(with_more)
{
	static const struct span tails[] = { OCTETS("\r\n"), OCTETS("\n"),
	    OCTETS("EHLO a.example\r\n"), OCTETS("\x16\x03\x01\0"),
	    OCTETS("PROXY UNKNOWN\r\n"), OCTETS("\0") };
	uint8_t text[1024];

	for (size_t i = 0; i < COUNT(goods); i++)
		for (size_t k = 0; k < COUNT(tails); k++) {
			memcpy(text, goods[i].text.p, goods[i].text.n);
			memcpy(text + goods[i].text.n, tails[k].p,
			    tails[k].n);
			expect_good(&goods[i], span_from(text,
			    goods[i].text.n + tails[k].n), i);
		}
}

TEST(bad)
{
	static const struct {
		struct span	text;
		enum proxy_fail	why;
	} t[] = {
		{ OCTETS("EHLO a.example\r\n"), PROXY_FAIL_NONE },
		{ OCTETS("E"), PROXY_FAIL_NONE },
		{ OCTETS("\n"), PROXY_FAIL_NONE },
		{ OCTETS("\0"), PROXY_FAIL_NONE },
		{ OCTETS("proxy TCP4"), PROXY_FAIL_NONE },
		{ OCTETS("PROXY\tTCP4"), PROXY_FAIL_NONE },
		{ OCTETS("PROXY\r\n"), PROXY_FAIL_NONE },
		{ OCTETS(" PROXY UNKNOWN\r\n"), PROXY_FAIL_NONE },
		{ OCTETS("\x16\x03\x01"), PROXY_FAIL_NONE },
		{ OCTETS("\r\n\r\n\0\r\nQUIX"), PROXY_FAIL_NONE },
		{ OCTETS("\r\n\r\n\r"), PROXY_FAIL_NONE },
		{ OCTETS("PROXY UNKNOWN\n"), PROXY_FAIL_LINE_END },
		{ OCTETS("PROXY UNKNOWN\rX"), PROXY_FAIL_LINE_END },
		{ OCTETS("PROXY UNKNOWN\r\r\n"), PROXY_FAIL_LINE_END },
		{ OCTETS("PROXY UNKNOWN \0\r\n"), PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY UNKNOWN \x80\r\n"), PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY \r\n"), PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY UNKNOWNX\r\n"), PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY unknown\r\n"), PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_SYNTAX },
		{ OCTETS("PROXY TCP4\r\n"), PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.4\r\n"), PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.4  1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.256 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 ::1 ::1 1 1\r\n"), PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.4 ::1 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP6 ::1 1.2.3.4 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP6 ::1%lo ::1 1 1\r\n"),
		    PROXY_FAIL_ADDRESS },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4\r\n"), PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n"),
		    PROXY_FAIL_PORT },
		{ OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1x 1\r\n"),
		    PROXY_FAIL_PORT },
		{ V2("\x11\x11\x00\x0c" ADDR4), PROXY_FAIL_VERSION },
		{ V2("\x31\x11\x00\x0c" ADDR4), PROXY_FAIL_VERSION },
		{ V2("\x22\x11\x00\x0c" ADDR4), PROXY_FAIL_COMMAND },
		{ V2("\x2f\x11\x00\x0c" ADDR4), PROXY_FAIL_COMMAND },
		{ V2("\x21\x12\x00\x0c" ADDR4), PROXY_FAIL_FAMILY },
		{ V2("\x21\x22\x00\x24" ADDR6), PROXY_FAIL_FAMILY },
		{ V2("\x21\x31\x00\xd8"), PROXY_FAIL_FAMILY },
		{ V2("\x21\x32\x00\xd8"), PROXY_FAIL_FAMILY },
		{ V2("\x21\x10\x00\x0c" ADDR4), PROXY_FAIL_FAMILY },
		{ V2("\x21\x01\x00\x00"), PROXY_FAIL_FAMILY },
		{ V2("\x21\x41\x00\x0c" ADDR4), PROXY_FAIL_FAMILY },
		{ V2("\x21\x11\x00\x0b"), PROXY_FAIL_SHORT },
		{ V2("\x21\x11\x00\x00"), PROXY_FAIL_SHORT },
		{ V2("\x21\x21\x00\x23"), PROXY_FAIL_SHORT },
		{ V2("\x21\x11\x02\x01"), PROXY_FAIL_LARGE },
		{ V2("\x20\x00\xff\xff"), PROXY_FAIL_LARGE },
	};
	enum proxy_fail why;
	struct ipc_proxy p;

	for (size_t i = 0; i < COUNT(t); i++) {
		why = parse(t[i].text, &p);
		ck_assert_msg(why == t[i].why, "row %zu: %d", i, (int)why);
	}
}

/* 107 octets are a line, 108 are none; the same for 528 of version 2. */
TEST(lengths)
{
	uint8_t text[600];
	struct ipc_proxy p;

	memset(text, 'x', sizeof(text));
	memcpy(text, "PROXY UNKNOWN ", 14);
	memcpy(text + 105, "\r\n", 2);
	ck_assert_int_eq(parse(span_from(text, 107), &p), PROXY_OK);
	text[105] = 'x';
	memcpy(text + 106, "\r\n", 2);
	ck_assert_int_eq(parse(span_from(text, 106), &p),
	    PROXY_MORE);
	ck_assert_int_eq(parse(span_from(text, 107), &p),
	    PROXY_FAIL_LONG);
	ck_assert_int_eq(parse(span_from(text, 108), &p),
	    PROXY_FAIL_LONG);
	memset(text, 0, sizeof(text));
	memcpy(text, SIGNATURE "\x21\x11\x02\x00", 16);
	ck_assert_int_eq(parse(span_from(text, 527), &p),
	    PROXY_MORE);
	ck_assert_int_eq(parse(span_from(text, 528), &p), PROXY_OK);
}
