/*
 * conf_range: what is a range, what is in it, and what is too wide.
 */
#include "server/conf/conf_range.h"
#include "shared/ip.h"

#include "t/unit/unit.h"

static const char *
parse(const char *text, struct conf_range *out)
{
	return conf_range_parse(span_of(text), out);
}

START_TEST(verdicts)
{
	static const struct {
		const char		*text;
		const char		*want;
		unsigned		 bits;
	} t[] = {
		{ "192.0.2.0/24", NULL, 24 },
		{ "192.0.2.7", NULL, 32 },
		{ "192.0.2.7/32", NULL, 32 },
		{ "192.0.2.8/29", NULL, 29 },
		{ "10.0.0.0/8", NULL, 8 },
		{ "0.0.0.0/0", NULL, 0 },
		{ "2001:db8::/32", NULL, 32 },
		{ "2001:db8::1", NULL, 128 },
		{ "::1/128", NULL, 128 },
		{ "::/0", NULL, 0 },
		{ "fe80::/10", NULL, 10 },
		{ "", "an IPv4 or", 0 },
		{ "/24", "an IPv4 or", 0 },
		{ "any", "an IPv4 or", 0 },
		{ "192.0.2", "an IPv4 or", 0 },
		{ "192.0.2.0 /24", "an IPv4 or", 0 },
		{ "[::1]", "an IPv4 or", 0 },
		{ "192.0.2.0/", "behind", 0 },
		{ "192.0.2.0/33", "behind", 0 },
		{ "192.0.2.0/024", "behind", 0 },
		{ "192.0.2.0/+24", "behind", 0 },
		{ "192.0.2.0/24/24", "behind", 0 },
		{ "192.0.2.0/255.255.255.0", "behind", 0 },
		{ "192.0.2.0/18446744073709551640", "behind", 0 },
		{ "192.0.2.0/280", "behind", 0 },
		{ "2001:db8::/129", "behind", 0 },
		{ "::ffff:192.0.2.0/120", "an IPv4 address is", 0 },
		{ "::ffff:c000:201", "an IPv4 address is", 0 },
		{ "192.0.2.1/24", "bits are set", 0 },
		{ "192.0.2.8/28", "bits are set", 0 },
		{ "1.0.0.0/0", "bits are set", 0 },
		{ "2001:db8::1/127", "bits are set", 0 },
		{ "2001:db8:8000::/32", "bits are set", 0 },
	};
	struct conf_range r;

	for (size_t i = 0; i < COUNT(t); i++) {
		const char *why = parse(t[i].text, &r);

		ck_assert_msg(t[i].want == NULL ? why == NULL : why != NULL &&
		    strncmp(why, t[i].want, strlen(t[i].want)) == 0, "%s",
		    t[i].text);
		if (why == NULL)
			ck_assert_msg(r.bits == t[i].bits, "%s", t[i].text);
	}
}
END_TEST

START_TEST(world)
{
	static const char *const wide[] = { "0.0.0.0/0", "0.0.0.0/1",
	    "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "2000::/15" };
	static const char *const narrow[] = { "10.0.0.0/8", "0.0.0.0",
	    "127.0.0.0/8", "2001::/16", "::", "2001:db8::/32" };
	struct conf_range r;

	for (size_t i = 0; i < COUNT(wide); i++) {
		ck_assert_ptr_null(parse(wide[i], &r));
		ck_assert_msg(conf_range_is_world(&r), "%s", wide[i]);
	}
	for (size_t i = 0; i < COUNT(narrow); i++) {
		ck_assert_ptr_null(parse(narrow[i], &r));
		ck_assert_msg(!conf_range_is_world(&r), "%s", narrow[i]);
	}
}
END_TEST

START_TEST(contains)
{
	static const struct {
		const char	*range, *address;
		bool		 in;
	} t[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "192.0.1.255", false },
		{ "192.0.2.8/29", "192.0.2.15", true },
		{ "192.0.2.8/29", "192.0.2.16", false },
		{ "192.0.2.8/29", "192.0.2.7", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "::/0", "ffff::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::", false },
		/* The first octets of both are the same. */
		{ "32.1.13.184/32", "2001:db8::", false },
		{ "2001:db8::/32", "32.1.13.184", false },
	};
	struct conf_range r;
	uint8_t ip[16];

	for (size_t i = 0; i < COUNT(t); i++) {
		bool ipv6 = !ip_parse_v4(span_of(t[i].address), ip);

		if (ipv6)
			ck_assert(ip_parse_v6(span_of(t[i].address), ip));
		ck_assert_ptr_null(parse(t[i].range, &r));
		ck_assert_msg(conf_range_contains(&r, ipv6, ip) == t[i].in,
		    "%s in %s", t[i].address, t[i].range);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { verdicts, world, contains };

	return UNIT_RUN("conf_range", tests);
}
