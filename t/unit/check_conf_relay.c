/*
 * conf: the relay block and name servers, as they are loaded, refused, printed
 * and asked.
 */
#include <strings.h>

#include "shared/ip.h"
#include "t/unit/conf_case.h"

#define NAMED BASE "hostname mail.example.org\n"
#define RELAY NAMED "relay {\n"
#define FROM RELAY "from authenticated\n"	/* line 6 */

static void
load(const char *text, struct conf *conf)
{
	char *said;
	int status;

	conf_case_file("c", text);
	status = conf_case_load(conf, &said);
	ck_assert_msg(status == 0, "%s", said);
	free(said);
}

static unsigned
permits(const struct conf *conf, const char *user, const char *ip)
{
	struct ip a;

	ck_assert(ip_parse(span_of(ip), &a));
	return conf_relay_permits(conf, user, &a);
}

static const char *
way(const struct conf *conf, const char *domain)
{
	const struct conf_via *via = conf_relay_via(conf, span_of(domain));

	return via->host == NULL ? "mx" : via->host;
}

TEST(absent)
{
	struct conf conf;

	load(BASE, &conf);
	ck_assert_uint_eq(conf.relay.line, 0);
	ck_assert_uint_eq(permits(&conf, "alice@example.org", "127.0.0.1"), 0);
	conf_free(&conf);
}

TEST(defaults)
{
	struct conf conf;

	load(FROM "}\n", &conf);
	ck_assert_uint_eq(conf.relay.line, 5);
	ck_assert_uint_eq(conf.relay.authenticated, 6);
	ck_assert_uint_eq(conf.relay.from_count, 0);
	ck_assert_str_eq(way(&conf, "example.com"), "mx");
	ck_assert(conf.relay.ipv6);
	ck_assert(!conf.relay.private_mx);
	ck_assert_int_eq(conf.relay.tls, RELAY_TLS_MAY);
	ck_assert_uint_eq(conf.relay.give_up_after_s, 5 * 24 * 3600);
	ck_assert_uint_eq(conf.relay.tell_delay_after_s, 4 * 3600);
	ck_assert_uint_eq(conf.relay.sources[0].line, 0);
	ck_assert_uint_eq(conf.limits.queue_messages, 1024 * 1024);
	conf_free(&conf);
}

TEST(who)
{
	static const char user[] = "alice@example.org";
	struct conf conf;

	load(RELAY "from 192.0.2.0/24\nfrom 2001:db8::7\nfrom authenticated\n"
	    "from 10.1.2.3\n}\n", &conf);
	ck_assert_uint_eq(permits(&conf, "", "192.0.2.255"), 6);
	ck_assert_uint_eq(permits(&conf, "", "192.0.3.0"), 0);
	ck_assert_uint_eq(permits(&conf, "", "2001:db8::7"), 7);
	ck_assert_uint_eq(permits(&conf, "", "2001:db8::8"), 0);
	ck_assert_uint_eq(permits(&conf, user, "2001:db8::8"), 8);
	ck_assert_uint_eq(permits(&conf, user, "192.0.2.1"), 8);
	ck_assert_uint_eq(permits(&conf, "", "10.1.2.3"), 9);
	ck_assert_uint_eq(permits(&conf, "", "a01:203::"), 0);
	conf_free(&conf);
	/* A login alone permits nothing. */
	load(RELAY "from 192.0.2.0/24\n}\n", &conf);
	ck_assert_uint_eq(permits(&conf, user, "192.0.3.1"), 0);
	ck_assert_uint_eq(permits(&conf, user, "192.0.2.1"), 6);
	conf_free(&conf);
}

TEST(ways)
{
	struct conf conf;

	load(FROM "via smart.example.net port 587\n"
	    "for example.com via 192.0.2.25 port 25\n"
	    "for .example.com via 2001:db8::25 port 2525\n"
	    "for .mx.example.com via mx\n"
	    "for B\303\274cher.example via books.example.net port 26\n"
	    "for .org via 127.0.0.1 port 10025\n}\n", &conf);
	ck_assert_str_eq(way(&conf, "example.net"), "smart.example.net");
	ck_assert_str_eq(way(&conf, "Example.COM"), "192.0.2.25");
	ck_assert_str_eq(way(&conf, "a.example.com"), "2001:db8::25");
	ck_assert_str_eq(way(&conf, "aexample.com"), "smart.example.net");
	ck_assert_str_eq(way(&conf, "mx.example.com"), "mx");
	ck_assert_str_eq(way(&conf, "a.mx.example.com"), "mx");
	ck_assert_str_eq(way(&conf, "b\303\274cher.example"),
	    "books.example.net");
	ck_assert_str_eq(way(&conf, "XN--bcher-kva.example"),
	    "books.example.net");
	ck_assert_str_eq(way(&conf, "a.b\303\274cher.example"),
	    "smart.example.net");
	ck_assert_str_eq(way(&conf, "org"), "127.0.0.1");
	ck_assert_str_eq(way(&conf, "example.org"), "127.0.0.1");
	ck_assert_str_eq(way(&conf, "borg"), "smart.example.net");
	ck_assert_uint_eq(conf_relay_via(&conf, span_of("a.org"))->port, 10025);
	ck_assert(conf_relay_via(&conf, span_of("a.org"))->is_ip);
	ck_assert(!conf_relay_via(&conf, span_of("x"))->is_ip);
	ck_assert_uint_eq(conf_relay_via(&conf, span_of("x"))->line, 7);
	conf_free(&conf);
}

TEST(values)
{
	struct conf conf;

	load(FROM "source 192.0.2.1 as out.example.org\nsource 2001:db8::1\n"
	    "ipv6 no\nprivate-mx yes\ntls required\ngive-up-after 30s\n"
	    "tell-delay-after 0\n}\n"
	    "resolver 127.0.0.11\nresolver ::1 port 5353\n"
	    "resolver 192.0.2.53 trusted\n", &conf);
	ck_assert_str_eq(conf.relay.sources[0].name, "out.example.org");
	ck_assert_uint_eq(conf.relay.sources[0].ip.ip[3], 1);
	ck_assert_ptr_null(conf.relay.sources[1].name);
	ck_assert_uint_eq(conf.relay.sources[1].ip.ipv6, 1);
	ck_assert(!conf.relay.ipv6);
	ck_assert(conf.relay.private_mx);
	ck_assert_int_eq(conf.relay.tls, RELAY_TLS_MUST);
	ck_assert_uint_eq(conf.relay.give_up_after_s, 30);
	ck_assert_uint_eq(conf.relay.tell_delay_after_s, 0);
	ck_assert_uint_eq(conf.relay.resolver_count, 3);
	ck_assert(!conf.relay.resolvers[0].believed);
	ck_assert_uint_eq(conf.relay.resolvers[0].port, 53);
	ck_assert(conf.relay.resolvers[1].believed);
	ck_assert_uint_eq(conf.relay.resolvers[1].port, 5353);
	ck_assert(conf.relay.resolvers[2].believed);
	conf_relay_find_resolvers(&conf, NULL);
	ck_assert_uint_eq(conf.relay.resolver_count, 3);
	conf_free(&conf);
}

TEST(resolvers_of_the_system)
{
	struct conf conf, before;

	load(BASE, &conf);
	conf_relay_find_resolvers(&conf, NULL);
	ck_assert_uint_ge(conf.relay.resolver_count, 1);
	ck_assert_uint_eq(conf.relay.resolvers[0].port, 53);
	ck_assert_uint_eq(conf.relay.resolvers[0].line, 0);
	conf_free(&conf);
	/* Upon SIGHUP they stay, unless a line names others. */
	load(BASE "resolver ::7 port 77\n", &before);
	load(BASE, &conf);
	conf_relay_find_resolvers(&conf, &before);
	ck_assert_uint_eq(conf.relay.resolver_count, 1);
	ck_assert_uint_eq(conf.relay.resolvers[0].port, 77);
	conf_free(&conf);
	load(BASE "resolver ::8\n", &conf);
	conf_relay_find_resolvers(&conf, &before);
	ck_assert_uint_eq(conf.relay.resolvers[0].port, 53);
	conf_free(&conf);
	conf_free(&before);
}

/* What is printed can be loaded, and is printed the same. */
TEST(printed)
{
	struct conf conf;
	char *text, *again;

	load(RELAY "from authenticated\nfrom 192.0.2.0/24\nfrom ::1\n"
	    "via smart.example.net port 587\nfor .example.com via mx\n"
	    "source 192.0.2.1 as a.b\n}\n"
	    "resolver 127.0.0.1 port 5353 trusted\n", &conf);
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text, "\nrelay {\n"
	    "\tfrom authenticated       # who may send mail out: every user "
	    "who logged in, by line 6\n"
	    "\tfrom 192.0.2.0/24        # who may send mail out: every host "
	    "of that network, by line 7\n"
	    "\tfrom ::1                 # who may send mail out: every "
	    "program of that host, by line 8\n"
	    "\tvia smart.example.net port 587 # "));
	ck_assert_ptr_nonnull(strstr(text, "\n\tfor .example.com via mx "));
	ck_assert_ptr_nonnull(strstr(text, "\n\tsource 192.0.2.1 as a.b "));
	ck_assert_ptr_nonnull(strstr(text, "\n\tipv6 yes "));
	ck_assert_ptr_nonnull(strstr(text,
	    "\nresolver 127.0.0.1 port 5353 trusted "));
	load(text, &conf);
	free(text);
	/* Numbers of lines differ: the print of the print is the same. */
	text = conf_case_print(&conf);
	conf_free(&conf);
	load(text, &conf);
	again = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_str_eq(again, text);
	free(again);
	free(text);
}

struct row {
	const char	*line, *want;	/* of line 7, in the block */
};

static const struct row refused[] = {
	{ "from local", "6: bad sender \"local\": authenticated, or the "
	    "address of a host or a network; local programs come from "
	    "127.0.0.1 and ::1" },
	{ "from anybody", "6: bad sender \"anybody\": authenticated, or" },
	{ "from 0.0.0.0/0", "6: bad range \"0.0.0.0/0\": the range is so wide "
	    "that strangers could send mail through this server to anybody" },
	{ "from ::/0", "6: bad range \"::/0\": the range is so wide" },
	{ "from 10.0.0.0/7", "6: bad range \"10.0.0.0/7\": the range is so" },
	{ "from 192.0.2.1/24", "6: bad range \"192.0.2.1/24\": bits are set" },
	{ "from ::ffff:192.0.2.1", "6: bad range \"::ffff:192.0.2.1\": an "
	    "IPv4-mapped address" },
	{ "from", "5: missing value: the form is \"from "
	    "authenticated|ADDRESS[/BITS]\"" },
	{ "from ::1 ::2", "10: unexpected \"::2\": the form is" },
	{ "via mx port 25", "8: bad word \"port\": nothing else stands here" },
	{ "via", "4: missing value: the form is \"via mx|HOST "
	    "[port NUMBER]\"" },
	{ "via smarthost port 25", "5: bad host \"smarthost\": mx, the "
	    "address of a host, or its name, which has a dot" },
	{ "via 192.0.2 port 25", "5: bad host \"192.0.2\": mx, the" },
	{ "via 0.0.0.0 port 25", "5: bad host \"0.0.0.0\": mx, the" },
	{ "via :: port 25", "5: bad host \"::\": mx, the" },
	{ "via 224.0.0.1 port 25", "5: bad host \"224.0.0.1\": mx, the" },
	{ "via ff02::1 port 25", "5: bad host \"ff02::1\": mx, the" },
	{ "via ::ffff:192.0.2.1 port 25", "5: bad host \"::ffff:192.0.2.1\"" },
	{ "via [192.0.2.1] port 25", "5: bad host \"[192.0.2.1]\": mx" },
	{ "via a.example", "5: a port is missing, or bad: \"port NUMBER\", "
	    "from 1 to 65535" },
	{ "via a.example port", "15: a port is missing" },
	{ "via a.example 25", "15: a port is missing" },
	{ "via a.example prt 25", "15: a port is missing" },
	{ "via a.example port 0", "15: a port is missing" },
	{ "via a.example port 65536", "15: a port is missing" },
	{ "via a.example port 587 login x password-file /y", "24: bad word "
	    "\"login\": nothing else stands here: a login at the host of "
	    "\"via\", and a check of its certificate, are not in this "
	    "version" },
	{ "via a.example port 465 implicit-tls", "24: bad word "
	    "\"implicit-tls\": nothing else" },
	{ "via a.example port 25 x", "23: bad word \"x\": nothing else" },
	{ "for a", "6: missing value: the form is \"for DOMAIN via mx|HOST "
	    "[port NUMBER]\"" },
	{ "for a to mx", "7: bad word \"to\": the form is" },
	{ "for a..b via mx", "5: bad domain \"a..b\": a domain; with \".\" in "
	    "front, those below it, too" },
	{ "for . via mx", "5: bad domain \".\": a domain" },
	{ "for *.a via mx", "5: bad domain \"*.a\": a domain" },
	{ "source 192.0.2.1 192.0.2.2", "18: bad name \"192.0.2.2\": the form "
	    "is \"source ADDRESS as NAME\", and the name has a dot" },
	{ "source 192.0.2.1 as", "18: bad name \"as\": the form is" },
	{ "source 192.0.2.1 as a", "21: bad name \"a\": the form is" },
	{ "source 192.0.2.1 as a.b c", "21: bad name \"a.b\": the form is" },
	{ "source 192.0.2.1 at a.b", "21: bad name \"a.b\": the form is" },
	{ "source mail.example.org", "8: bad address \"mail.example.org\": an "
	    "IPv4 or IPv6 address of this host" },
	{ "ipv6 maybe", "6: bad value \"maybe\": ipv6 no|yes" },
	{ "tls verified", "5: bad value \"verified\": tls "
	    "never|opportunistic|required" },
	{ "give-up-after 101d", "15: out of range: give-up-after is 1s to "
	    "100d" },
	{ "workers 5", "1: \"workers\" belongs in the limits block" },
	{ "deliver-first 10s", "1: unknown keyword \"deliver-first\"" },
	{ "frmo ::1", "1: unknown keyword \"frmo\"" }
};

TEST(mistakes)
{
	char text[512], want[512];
	struct conf conf;
	char *said;

	for (size_t i = 0; i < COUNT(refused); i++) {
		snprintf(text, sizeof(text), FROM "%s\n}\n", refused[i].line);
		snprintf(want, sizeof(want), "c:7:%s", refused[i].want);
		conf_case_file("c", text);
		ck_assert_msg(conf_case_load(&conf, &said) == -1, "%s", text);
		ck_assert_msg(strncmp(said, want, strlen(want)) == 0,
		    "%s\nsaid\n%s\nwanted\n%s", text, said, want);
		conf_free(&conf);
		free(said);
	}
}

TEST(whole)
{
	conf_case_expect(RELAY "}\n", NULL, NULL,
	    "c:5:1: nobody may send mail out: a line \"from authenticated\" "
	    "or \"from ADDRESS\" is missing\n"
	    "    relay {\n"
	    "    ^\n");
	conf_case_expect(BASE "hostname mail\nrelay {\nfrom ::1\n}\n", NULL,
	    NULL,
	    "c:4:10: hostname \"mail\" has no dot: for \"relay\" this server "
	    "needs a name that other hosts can look up\n"
	    "    hostname mail\n"
	    "             ^\n");
	conf_case_expect(FROM "via mx\nvia mx\n}\n", NULL, NULL,
	    "c:8:1: \"via\" was given in line 7 already\n"
	    "    via mx\n"
	    "    ^\n");
	conf_case_expect(FROM "for .X.example via mx\n"
	    "for .x.EXAMPLE via mx\nsource 192.0.2.1\nsource 192.0.2.2\n}\n",
	    NULL, NULL,
	    "c:8:5: this domain was given in line 7 already\n"
	    "    for .x.EXAMPLE via mx\n"
	    "        ^\n"
	    "c:10:8: this source for IPv4 was given in line 9 already\n"
	    "    source 192.0.2.2\n"
	    "           ^\n");
	conf_case_expect(FROM "tls never\n}\nrelay {\nfrom ::1\n}\n", NULL,
	    NULL,
	    "c:9:1: \"relay\" was given in line 5 already\n"
	    "    relay {\n"
	    "    ^\n");
	/* The word of the block is not that of the top. */
	conf_case_expect(FROM "tls required\n}\n", NULL, NULL, "");
	conf_case_expect(BASE "from authenticated\n", NULL, NULL,
	    "c:4:1: \"from\" belongs in the relay block\n"
	    "    from authenticated\n"
	    "    ^\n");
	conf_case_expect(BASE "resolver mail.example.org\n"
	    "resolver 127.0.0.1 port\nresolver ::1 trusted port 53\n"
	    "resolver ::1\nresolver ::2\n", NULL,
	    NULL,
	    "c:4:10: bad address \"mail.example.org\": the IPv4 or IPv6 "
	    "address of a name server, of 3 at most\n"
	    "    resolver mail.example.org\n"
	    "             ^\n"
	    "c:5:20: a port is missing, or bad: \"port NUMBER\", from 1 to "
	    "65535\n"
	    "    resolver 127.0.0.1 port\n"
	    "                       ^\n"
	    "c:6:22: bad word \"port\": the options are \"port NUMBER\", and "
	    "then trusted\n"
	    "    resolver ::1 trusted port 53\n"
	    "                         ^\n"
	    "c:8:10: bad address \"::2\": the IPv4 or IPv6 address of a name "
	    "server, of 3 at most\n"
	    "    resolver ::2\n"
	    "             ^\n");
}

/* The indented lines of README behind mark, without "# " in front of a word. */
static char *
recipe(const char *mark)
{
	char path[sizeof(conf_case_source) + 16], line[256], *text;
	bool met = false, begun = false;
	size_t size;
	FILE *f, *out = open_memstream(&text, &size);

	snprintf(path, sizeof(path), "%s/README.md", conf_case_source);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL && out != NULL, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		met |= strncmp(line, mark, strlen(mark)) == 0;
		if (strncmp(line, "    ", 4) == 0 && met) {
			const char *p = line + 4;

			begun = true;
			if (strncmp(p, "# tls", 5) == 0 ||
			    strncmp(p, "# listen", 8) == 0)
				p += 2;
			for (; *p != '\0'; p++)
				if (strncmp(p, "/etc/smtpd/", 11) == 0) {
					fputs("@", out);
					p += 9;
				} else
					fputc(*p, out);
		} else if (begun && line[0] != '\n')
			break;
	}
	ck_assert_int_eq(fclose(f) | fclose(out), 0);
	ck_assert_msg(begun, "README has no recipe behind \"%s\"", mark);
	return text;
}

TEST(readme_recipes)
{
	char *receive = recipe("Then write your names"), *both;
	char *send = recipe("**Send only**"), *relay = recipe("**Both**");
	struct conf conf;

	conf_case_file("users", "alice\nbob\n");
	conf_case_file("aliases", "info: alice, bob\n");
	load(receive, &conf);
	ck_assert_uint_eq(permits(&conf, "alice@example.org", "127.0.0.1"), 0);
	conf_free(&conf);
	load(send, &conf);
	ck_assert_uint_ne(permits(&conf, "", "127.0.0.1"), 0);
	ck_assert_uint_eq(permits(&conf, "", "192.0.2.1"), 0);
	ck_assert_uint_eq(conf.domain_count, 0);
	conf_free(&conf);
	ck_assert_int_ne(asprintf(&both, "%s%s", receive, relay), -1);
	load(both, &conf);
	ck_assert_uint_ne(permits(&conf, "alice@example.org", "192.0.2.1"), 0);
	ck_assert_uint_eq(permits(&conf, "", "127.0.0.1"), 0);
	conf_free(&conf);
	free(receive);
	free(send);
	free(relay);
	free(both);
}
