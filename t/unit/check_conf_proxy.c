/*
 * conf: lines of proxies, as they are loaded, refused and printed.
 */

#include "shared/ip.h"
#include "t/unit/conf_case.h"

#define WORLD "the range is too wide"

/* Loads a line with that range into *conf; *said is to be freed. */
static int
load(const char *range, struct conf *conf, char **said)
{
	char text[256];

	snprintf(text, sizeof(text), BASE "proxy-from \"%s\"\n", range);
	conf_case_file("c", text);
	return conf_case_load(conf, said);
}

TEST(ranges)
{
	static const struct ip in = { .ip = { 192, 0, 2, 77 } };
	static const struct ip out = { .ip = { 192, 0, 3, 77 } };
	static const struct ip one = { true, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	struct conf conf;
	char *said, *text;

	conf_case_file("c", BASE "proxy-from 192.0.2.0/24\n"
	    "proxy-from 2001:DB8:0::1\nproxy-from 198.51.100.7/32\n");
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	ck_assert_str_eq(said, "");
	free(said);
	ck_assert_uint_eq(conf.proxy_count, 3);
	ck_assert_uint_eq(conf.proxies[0].line, 4);
	ck_assert(conf_is_proxy(&conf, &in));
	ck_assert(!conf_is_proxy(&conf, &out));
	ck_assert(conf_is_proxy(&conf, &one));
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 192.0.2.0/24 "));
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 2001:DB8:0::1 "));
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 198.51.100.7/32 "));
	conf_case_file("c", text);
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	free(said);
	said = conf_case_print(&conf);
	ck_assert_str_eq(said, text);
	free(said);
	free(text);
	conf_free(&conf);
}

/* Without a line nobody is a proxy. */
TEST(none)
{
	static const struct ip four, six = { .ipv6 = 1 };
	struct conf conf;
	char *said;

	conf_case_file("c", BASE);
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	free(said);
	ck_assert(!conf_is_proxy(&conf, &four));
	ck_assert(!conf_is_proxy(&conf, &six));
	conf_free(&conf);
}

TEST(mistakes)
{
	conf_case_expect(BASE "proxy-from 0.0.0.0/0\n", NULL, NULL,
	    "c:4:12: bad range \"0.0.0.0/0\": the range is too wide: every "
	    "client in it could claim to be any other\n"
	    "    proxy-from 0.0.0.0/0\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from 2000::/15\n", NULL, NULL,
	    "c:4:12: bad range \"2000::/15\": the range is too wide: every "
	    "client in it could claim to be any other\n"
	    "    proxy-from 2000::/15\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from 192.0.2.1/24\n", NULL, NULL,
	    "c:4:12: bad range \"192.0.2.1/24\": bits are set behind the "
	    "prefix: write the first address of the network\n"
	    "    proxy-from 192.0.2.1/24\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from 192.0.2.0/24\n"
	    "proxy-from 192.0.2.0/24\n", NULL, NULL,
	    "c:5:12: this range was given in line 4 already\n"
	    "    proxy-from 192.0.2.0/24\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from\n", NULL, NULL,
	    "c:4:11: missing value: the form is "
	    "\"proxy-from ADDRESS[/BITS]\"\n"
	    "    proxy-from\n"
	    "              ^\n");
}

TEST(no_more_than_64)
{
	char text[4096] = BASE, line[64];

	for (int i = 0; i < 64; i++) {
		snprintf(line, sizeof(line), "proxy-from 192.0.2.%d\n", i);
		strcat(text, line);
	}
	conf_case_expect(text, NULL, NULL, "");
	strcat(text, "proxy-from 192.0.2.64\n");
	conf_case_expect(text, NULL, NULL,
	    "c:68:12: more than 64 ranges of proxies\n"
	    "    proxy-from 192.0.2.64\n"
	    "               ^\n");
}

TEST(verdicts)
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
		{ "127.0.0.0/8", NULL, 8 },
		{ "0.0.0.0", NULL, 32 },
		{ "2001:db8::/32", NULL, 32 },
		{ "2001:db8::1", NULL, 128 },
		{ "2001::/16", NULL, 16 },
		{ "::1/128", NULL, 128 },
		{ "::", NULL, 128 },
		{ "0.0.0.0/0", WORLD, 0 },
		{ "0.0.0.0/1", WORLD, 0 },
		{ "128.0.0.0/1", WORLD, 0 },
		{ "10.0.0.0/7", WORLD, 0 },
		{ "::/0", WORLD, 0 },
		{ "2000::/3", WORLD, 0 },
		{ "2000::/15", WORLD, 0 },
		{ "fe80::/10", WORLD, 0 },
		{ "", "an IPv4 or", 0 },
		{ "/24", "an IPv4 or", 0 },
		{ "any", "an IPv4 or", 0 },
		{ "192.0.2", "an IPv4 or", 0 },
		{ "192.0.2.0 /24", "an IPv4 or", 0 },
		{ "[::1]", "an IPv4 or", 0 },
		{ "192.0.2.0/", "the prefix length", 0 },
		{ "192.0.2.0/33", "the prefix length", 0 },
		{ "192.0.2.0/024", "the prefix length", 0 },
		{ "192.0.2.0/+24", "the prefix length", 0 },
		{ "192.0.2.0/24/24", "the prefix length", 0 },
		{ "192.0.2.0/255.255.255.0", "the prefix length", 0 },
		{ "192.0.2.0/18446744073709551640", "the prefix length", 0 },
		{ "192.0.2.0/280", "the prefix length", 0 },
		{ "2001:db8::/129", "the prefix length", 0 },
		{ "::ffff:192.0.2.0/120", "an IPv4-mapped", 0 },
		{ "::ffff:c000:201", "an IPv4-mapped", 0 },
		{ "192.0.2.1/24", "bits are set", 0 },
		{ "192.0.2.8/28", "bits are set", 0 },
		{ "1.0.0.0/0", "bits are set", 0 },
		{ "2001:db8::1/127", "bits are set", 0 },
		{ "2001:db8:8000::/32", "bits are set", 0 },
	};
	struct conf conf;
	char want[256], *said;

	for (size_t i = 0; i < COUNT(t); i++) {
		snprintf(want, sizeof(want), "c:4:12: bad range \"%s\": %s",
		    t[i].text, t[i].want == NULL ? "" : t[i].want);
		ck_assert_msg(load(t[i].text, &conf, &said) ==
		    (t[i].want == NULL ? 0 : -1), "%s", t[i].text);
		if (t[i].want != NULL)
			ck_assert_msg(strncmp(said, want, strlen(want)) == 0,
			    "%s", said);
		else
			ck_assert_msg(conf.proxies[0].bits == t[i].bits, "%s",
			    t[i].text);
		conf_free(&conf);
		free(said);
	}
}

TEST(contains)
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
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "a00::", false },
		{ "a00::/16", "10.0.0.0", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::", false },
		/* The first octets of both are the same. */
		{ "32.1.13.184/32", "2001:db8::", false },
		{ "2001:db8::/32", "32.1.13.184", false },
	};
	struct conf conf;
	struct ip ip;
	char *said;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert(ip_parse(span_of(t[i].address), &ip));
		ck_assert_int_eq(load(t[i].range, &conf, &said), 0);
		ck_assert_msg(conf_is_proxy(&conf, &ip) == t[i].in,
		    "%s in %s", t[i].address, t[i].range);
		conf_free(&conf);
		free(said);
	}
}
