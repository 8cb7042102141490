/*
 * conf_warn: a hostname without a dot, submission to which nobody can log in,
 * and many broken aliases; each kind of these is in check_conf_tables.
 */
#include "server/conf/conf_warn.h"

#include "t/unit/conf_case.h"

#define HASH "$argon2id$v=19$m=65536,t=3,p=1$" \
	"SZVvi45lj5mGsWRb/rtbAQ$RtnxHknASN53WWVHY2oOvqQa6Pl1MR8J5ZztSg1cJD8"

static char said[4096];

/*
 * In place of libc's: one that knows bcrypt alone.  OpenBSD's has NULL for what
 * it does not know, Linux's "*0", and FreeBSD's its default kind.
 */
char *
crypt(const char *key, const char *setting)
{
	static char hash[64];

	if (strncmp(setting, "$6$", 3) == 0)
		return NULL;
	snprintf(hash, sizeof(hash), "%s", strncmp(setting, "$5$", 3) == 0 ?
	    "*0" : strncmp(setting, "$y$", 3) == 0 ? "$6$ab$cd" : setting);
	return hash;
}

static void
note(const char *path, unsigned line, const char *text)
{
	size_t n = strlen(said);

	ck_assert_ptr_nonnull(path);
	snprintf(said + n, sizeof(said) - n, "%u: %s\n", line, text);
}

static void
warn(const char *text, const char *users)
{
	struct conf conf;

	said[0] = '\0';
	conf_case_file("c", text);
	conf_case_file("users", users);
	ck_assert_msg(recipient_load("c", &conf, stderr) == 0, "not loaded");
	conf_warn(&conf, note);
	conf_free(&conf);
}

TEST(nobody)
{
	static const char text[] = "hostname a.example\n"
	    "listen 127.0.0.1 port 587 submission\n"
	    "tls certificate /x key /y\n"
	    "domain example.org {\nusers @/users\n}\n";

	warn(text, "alice\nbob:*\n");
	ck_assert_str_eq(said, "2: nobody can log in here: no user has a "
	    "password, see smtpctl passwd\n");
	warn(text, "alice\nbob:" HASH "\n");
	ck_assert_str_eq(said, "");
	warn(LISTEN "hostname a\ndomain example.org {\nusers @/users\n}\n",
	    "alice\n");
	ck_assert_str_eq(said, "2: hostname \"a\" has no dot: the greeting and "
	    "Received need a name that other hosts can look up\n");
}

/* A hundred thousand lines of a log would help nobody. */
TEST(many_broken)
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
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	conf_warn_broken(&conf, note);
	conf_free(&conf);
	for (const char *p = said; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, 21);
	ck_assert_ptr_nonnull(strstr(said,
	    "\n0: 10 more aliases, catch-alls or logins are "
	    "broken\n"));
}

/* Who is let out without being meant, and who is not though meant. */
TEST(relay)
{
#define MAIL "hostname a.example\n" LISTEN "domain example.org {\n}\nrelay {\n"
	static const struct {
		const char	*line, *want;
	} t[] = {
		{ "from 192.0.2.0/24", "" },
		{ "from 198.51.0.0/16", "6: everybody in this network, which "
		    "is neither private nor small, can send mail to anybody in "
		    "your name\n" },
		{ "from 192.168.0.0/16", "" },
		{ "from 10.0.0.0/8", "" },
		{ "from 2001:db8:1::/48", "" },
		{ "from 2001:db8::/32", "6: everybody in this network" },
		{ "from fd00::/16", "" },
		{ "from ::1", "" },
		{ "from 172.16.0.0/12", "6: 172.17.0.1 is in this network: " },
		{ "from 172.17.0.1", "6: 172.17.0.1 is in this network: " },
		{ "from 172.18.0.0/16", "" },
		{ "from authenticated", "6: nobody can log in: no line with "
		    "\"listen\" says submission\n" },
		{ "from ::1\nfor EXAMPLE.org via mx", "7: mail for this domain "
		    "is ours, and goes nowhere else\n" },
		{ "from ::1\nfor .example.org via mx", "" }
	};
	char text[512];

	for (size_t i = 0; i < COUNT(t); i++) {
		snprintf(text, sizeof(text), MAIL "%s\n}\n", t[i].line);
		warn(text, "");
		ck_assert_msg(t[i].want[0] == '\0' ? said[0] == '\0' :
		    strncmp(said, t[i].want, strlen(t[i].want)) == 0,
		    "%s: %s", t[i].line, said);
	}
}

/* A hash is right, and this system's crypt(3) does not know its kind. */
TEST(unknown_to_crypt)
{
	warn("hostname a.example\n" LISTEN "domain example.org {\n"
	    "users @/users\n}\n",
	    "a:$6$ab$MarK.y6rztLOsWeypFAS3ZI5O8Iv3qSmabQhg.ZYihNmgcELtiVh3fzT4"
	    "Kkn17Dl6BmTYyICP6V/LeMSLjhXC/\n"
	    "b:" HASH "\n"
	    "c:{SHA256-CRYPT}$5$cFEho/rcJBROqYU2$BDOS49ktti61yvrFYgJ9Hrc3Bk9PO"
	    "Hw8idHaRdVNAOB\n"
	    "d:{BLF-CRYPT}$2y$05$KgZI7Mb8nEYtB1GIvytc0u87i/N2uqyeUt1N6Hldevyp6"
	    "wL83gFzO\n"
	    "e:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43"
	    "YxYNURLKy0\n"
	    "f:!$6$ab$cd\n");
	ck_assert_str_eq(said,
	    "1: a@example.org cannot log in: crypt(3) of this system cannot "
	    "check this kind of hash: set the password anew with smtpctl "
	    "passwd\n"
	    "3: c@example.org cannot log in: crypt(3) of this system cannot "
	    "check this kind of hash: set the password anew with smtpctl "
	    "passwd\n"
	    "5: e@example.org cannot log in: crypt(3) of this system cannot "
	    "check this kind of hash: set the password anew with smtpctl "
	    "passwd\n");
}
