/*
 * conf_warn: a hostname without a dot, submission to which nobody can log in,
 * and many broken aliases; each kind of these is in check_conf_tables.
 */
#include "server/conf/conf_warn.h"

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
