/*
 * conf: lines about TLS, as they are loaded and printed.
 */

#include "t/unit/conf_case.h"

TEST(pairs)
{
	struct conf conf;
	char *said, *text;

	conf_case_file("c", BASE "tls certificate /a.pem key /a.key\n"
	    "tls certificate \"/b c.pem\" key /b.key\n"
	    "listen ::1 port 465 implicit-tls\n");
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	ck_assert_str_eq(said, "");
	free(said);
	ck_assert_uint_eq(conf.pair_count, 2);
	ck_assert_str_eq(conf.pairs[0].certificate, "/a.pem");
	ck_assert_str_eq(conf.pairs[0].key, "/a.key");
	ck_assert_uint_eq(conf.pairs[0].line, 4);
	ck_assert_str_eq(conf.pairs[1].certificate, "/b c.pem");
	ck_assert_uint_eq(conf.listen_count, 2);
	ck_assert((conf.listens[0].words & LISTEN_TLS_FIRST) == 0);
	ck_assert((conf.listens[1].words & LISTEN_TLS_FIRST) != 0);
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text,
	    "\nlisten ::1 port 465 implicit-tls # "));
	ck_assert_ptr_nonnull(strstr(text,
	    "\ntls certificate /a.pem key /a.key # "));
	ck_assert_ptr_nonnull(strstr(text,
	    "\ntls certificate \"/b c.pem\" key /b.key # "));
	conf_case_file("c", text);
	ck_assert_int_eq(conf_case_load(&conf, &said), 0);
	free(said);
	said = conf_case_print(&conf);
	ck_assert_str_eq(said, text);
	free(said);
	free(text);
	conf_free(&conf);
}

/* The files are none of the configuration's business: smtpctl reads it too. */
TEST(no_more_than_16)
{
	char text[4096] = BASE;

	for (int i = 0; i < 16; i++)
		strcat(text, "tls certificate /none key /none\n");
	conf_case_expect(text, NULL, NULL, "");
	strcat(text, "tls certificate /none key /none\n");
	conf_case_expect(text, NULL, NULL, "c:20:1: more than 16 certificates\n"
	    "    tls certificate /none key /none\n"
	    "    ^\n");
}
