/*
 * conf: lines of proxies, as they are loaded, refused and printed.
 */
#include "t/unit/unit.h"

#include "t/unit/conf_case.h"

START_TEST(ranges)
{
	static const uint8_t in[4] = { 192, 0, 2, 77 };
	static const uint8_t out[4] = { 192, 0, 3, 77 };
	static const uint8_t one[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct conf conf;
	char *said, *text;

	conf_case_file("c", BASE "proxy-from 192.0.2.0/24\n"
	    "proxy-from 2001:DB8:0::1\nproxy-from 198.51.100.7/32\n");
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	ck_assert_str_eq(said, "");
	free(said);
	ck_assert_uint_eq(conf.proxy_count, 3);
	ck_assert_uint_eq(conf.proxies[0].line, 4);
	ck_assert(conf_is_proxy(&conf, false, in));
	ck_assert(!conf_is_proxy(&conf, false, out));
	ck_assert(conf_is_proxy(&conf, true, one));
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 192.0.2.0/24 "));
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 2001:db8::1 "));
	ck_assert_ptr_nonnull(strstr(text, "\nproxy-from 198.51.100.7 "));
	conf_case_file("c", text);
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	free(said);
	said = conf_case_print(&conf);
	ck_assert_str_eq(said, text);
	free(said);
	free(text);
	conf_free(&conf);
}
END_TEST

/* Without a line nobody is a proxy. */
START_TEST(none)
{
	static const uint8_t zero[16];
	struct conf conf;
	char *said;

	conf_case_file("c", BASE);
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	free(said);
	ck_assert(!conf_is_proxy(&conf, false, zero));
	ck_assert(!conf_is_proxy(&conf, true, zero));
	conf_free(&conf);
}
END_TEST

START_TEST(mistakes)
{
	conf_case_expect(BASE "proxy-from 0.0.0.0/0\n", NULL, NULL,
	    "c:4:12: bad range \"0.0.0.0/0\": it takes in half the world, "
	    "and every client in it could claim to be any other\n"
	    "    proxy-from 0.0.0.0/0\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from 2000::/15\n", NULL, NULL,
	    "c:4:12: bad range \"2000::/15\": it takes in half the world, "
	    "and every client in it could claim to be any other\n"
	    "    proxy-from 2000::/15\n"
	    "               ^\n");
	conf_case_expect(BASE "proxy-from 192.0.2.1/24\n", NULL, NULL,
	    "c:4:12: bad range \"192.0.2.1/24\": bits are set behind the "
	    "prefix: the first address of a network stands for it\n"
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
END_TEST

START_TEST(no_more_than_64)
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
END_TEST

int
main(void)
{
	const TTest *tests[] = { ranges, none, mistakes, no_more_than_64 };

	return conf_case_main("conf_proxy", tests,
	    sizeof(tests) / sizeof(tests[0]));
}
