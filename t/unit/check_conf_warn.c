/*
 * conf_warn: ranges that hold more hosts than they seem to, submission to
 * which nobody can log in, and many broken aliases; each kind of these is in
 * check_conf_tables.
 */
#include "server/conf/conf_warn.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include "t/unit/conf_case.h"

#define HASH "$argon2id$v=19$m=65536,t=3,p=1$" \
	"SZVvi45lj5mGsWRb/rtbAQ$RtnxHknASN53WWVHY2oOvqQa6Pl1MR8J5ZztSg1cJD8"

static char said[4096];

static void
note(const char *path, unsigned line, const char *text)
{
	size_t n = strlen(said);

	ck_assert_ptr_nonnull(path);
	snprintf(said + n, sizeof(said) - n, "%u: %s\n", line, text);
}

static struct os_gateway
gateway(const char *address, const char *name, bool bridge)
{
	struct os_gateway g = { .bridge = bridge,
	    .ipv6 = strchr(address, ':') != NULL };

	ck_assert_int_eq(inet_pton(g.ipv6 ? AF_INET6 : AF_INET, address,
	    g.ip), 1);
	snprintf(g.name, sizeof(g.name), "%s", name);
	return g;
}

static void
warn(const char *text, const char *users, const struct os_gateway *g,
    size_t count)
{
	struct conf conf;

	said[0] = '\0';
	conf_case_file("c", text);
	conf_case_file("users", users);
	ck_assert_msg(conf_load("c", &conf, stderr) == 0, "not loaded");
	conf_warn_ranges(&conf, g, count, note);
	conf_warn_logins(&conf, note);
	conf_warn_hostname(&conf, note);
	conf_free(&conf);
}

START_TEST(gateways)
{
	static const char text[] = "hostname a.example\n" LISTEN
	    "proxy-from 172.17.0.0/16\nproxy-from 10.1.2.3\n"
	    "proxy-from fd00:1::/32\n"
	    "domain example.org {\nusers @/users\n}\n";
	const struct os_gateway all[] = {
	    gateway("172.17.0.1", "docker0", true),
	    gateway("10.1.2.1", "eth0", false),
	    gateway("fd00:1::1", "eth0", false),
	    gateway("fe80::1", "eth0", false) };

	warn(text, "alice\n", all, 1);
	ck_assert_str_eq(said, "3: proxy-from holds 172.17.0.1, this host on "
	    "the bridge docker0: where that translates addresses everybody "
	    "comes in its name, and may say that he is somebody else; name "
	    "the proxies alone\n");
	warn(text, "alice\n", all, COUNT(all));
	ck_assert_ptr_nonnull(strstr(said, "\n5: proxy-from holds fd00:1::1, "
	    "the router of eth0: "));
	ck_assert_ptr_null(strstr(said, "4: "));
	warn(text, "alice\n", all + 1, 1);
	ck_assert_str_eq(said, "");
}
END_TEST

/* Even of a block that is refused. */
START_TEST(relay)
{
	const struct os_gateway router = gateway("192.168.1.1", "eth0", false);
	struct conf conf;
	char *text = NULL;
	size_t n;
	FILE *err = open_memstream(&text, &n);

	said[0] = '\0';
	conf_case_file("c", LISTEN "relay {\nfrom 192.168.1.0/24\n"
	    "from 192.0.2.0/24\nfrom authenticated\n}\n"
	    "domain example.org {\n}\n");
	ck_assert_ptr_nonnull(err);
	ck_assert_int_eq(conf_load("c", &conf, err), -1);
	fclose(err);
	free(text);
	conf_warn_ranges(&conf, &router, 1, note);
	ck_assert_str_eq(said, "3: relay from holds 192.168.1.1, the router "
	    "of eth0: where that translates addresses everybody comes in its "
	    "name, and may send through here; name those who may alone\n");
	conf_free(&conf);
}
END_TEST

START_TEST(nobody)
{
	static const char text[] = "hostname a.example\n"
	    "listen 127.0.0.1 port 587 submission\n"
	    "tls certificate /x key /y\n"
	    "domain example.org {\nusers @/users\n}\n";

	warn(text, "alice\nbob:*\n", NULL, 0);
	ck_assert_str_eq(said, "2: nobody can log in here: no user has a "
	    "password, see smtpctl passwd\n");
	warn(text, "alice\nbob:" HASH "\n", NULL, 0);
	ck_assert_str_eq(said, "");
	warn(LISTEN "hostname a\ndomain example.org {\nusers @/users\n}\n",
	    "alice\n", NULL, 0);
	ck_assert_str_eq(said, "2: hostname \"a\" has no dot: the greeting "
	    "and Received want a name that others can look up\n");
}
END_TEST

/* A hundred thousand lines of a log would help nobody. */
START_TEST(many_broken)
{
	char aliases[2048] = "";
	struct conf conf;
	size_t lines = 0;

	for (int i = 0; i < 30; i++)
		snprintf(aliases + strlen(aliases), sizeof(aliases) -
		    strlen(aliases), "a%02d: nobody\n", i);
	conf_case_file("c", ALIASES);
	conf_case_file("users", "bob\n");
	conf_case_file("aliases", aliases);
	said[0] = '\0';
	ck_assert_int_eq(conf_load("c", &conf, stderr), 0);
	conf_warn_broken(&conf, note);
	conf_free(&conf);
	for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, 21);
	ck_assert_ptr_nonnull(strstr(said,
	    "\n30: 10 more are broken, this the last\n"));
}
END_TEST

/* Whatever this machine has can be written down. */
START_TEST(of_this_host)
{
	static struct os_gateway all[os_gateways_max];
	size_t n = os_gateways(all);

	ck_assert_uint_le(n, os_gateways_max);
	for (size_t i = 0; i < n; i++) {
		ck_assert(all[i].name[0] != '\0');
		ck_assert_ptr_nonnull(memchr(all[i].name, '\0',
		    sizeof(all[i].name)));
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { gateways, relay, nobody,
	    many_broken, of_this_host };

	return conf_case_main("conf_warn", tests, COUNT(tests));
}
