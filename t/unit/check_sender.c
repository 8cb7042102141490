/*
 * sender: who may send from which address; and which passwords the tables
 * leave to be checked.
 */
#include "server/mail/recipient.h"

#include "t/unit/conf_case.h"

static const char two_domains[] = LISTEN
    "domain example.org {\nusers @/users\naliases @/aliases\n"
    "subaddress +\n}\n"
    "domain example.net {\nusers @/users2\naliases @/aliases2\n"
    "catch-all carol\n}\n";

#define ARGON2 "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$" \
	"SZVvi45lj5mGsWRb/rtbAQ$RtnxHknASN53WWVHY2oOvqQa6Pl1MR8J5ZztSg1cJD8"

static void
load(struct conf *conf)
{
	conf_case_file("c", two_domains);
	conf_case_file("users", "alice:" ARGON2 "\nbob\ncarol:!" ARGON2 "\n"
	    "dave:*\n");
	conf_case_file("aliases", "info: alice\nteam: info, bob\n"
	    "bob: bob, carol\nelse: carol@example.net\n");
	conf_case_file("users2", "carol\nalice\n");
	conf_case_file("aliases2", "sales: team@example.org\n");
	ck_assert_msg(recipient_load("c", conf, stderr) == 0, "not loaded");
}

TEST(belongs)
{
	static const struct {
		const char	*user;
		const char	*address;
		bool		 belongs;
	} t[] = {
		{ "alice@example.org", "alice@example.org", true },
		{ "alice@example.org", "ALICE@Example.ORG", true },
		{ "alice@example.org", "alice+news@example.org", true },
		{ "alice@example.org", "info@example.org", true },
		{ "alice@example.org", "team@example.org", true },
		{ "alice@example.org", "sales@example.net", true },
		{ "bob@example.org", "team@example.org", true },
		{ "bob@example.org", "info@example.org", false },
		{ "alice@example.org", "bob@example.org", false },
		{ "alice@example.org", "alice@example.net", false },
		{ "alice@example.net", "alice@example.org", false },
		{ "alice@example.org", "nobody@example.org", false },
		{ "alice@example.org", "alice@elsewhere.example", false },
		{ "alice@example.org", "postmaster@example.org", false },
		/* An alias in a user's name: mail for bob is carol's, too. */
		{ "carol@example.org", "bob@example.org", true },
		{ "carol@example.net", "anything@example.net", true },
		{ "carol@example.net", "alice@example.net", false },
		{ "carol@example.net", "else@example.org", true },
		{ "carol@example.org", "else@example.org", false },
		/* The user is not the first part of a longer name. */
		{ "alice@example.org", "alic@example.org", false },
		{ "ali@example.org", "alice@example.org", false }
	};
	struct conf conf;

	load(&conf);
	for (size_t i = 0; i < COUNT(t); i++) {
		struct mailbox m;

		ck_assert(smtp_mailbox_from_text(span_of(t[i].address), &m));
		ck_assert_msg(recipient_is_of(&conf, t[i].user, &m) ==
		    t[i].belongs, "%s %s", t[i].user, t[i].address);
	}
	conf_free(&conf);
}

TEST(passwords)
{
	const struct conf_entry *u;
	struct conf conf;

	load(&conf);
	u = conf_find_entry(&conf.domains[0].users, span_of("alice"));
	ck_assert_ptr_nonnull(u);
	ck_assert_str_eq(u->stored, ARGON2);
	for (size_t i = 0; i < 3; i++) {
		static const char *const none[] = { "bob", "carol", "dave" };

		u = conf_find_entry(&conf.domains[0].users, span_of(none[i]));
		ck_assert_ptr_nonnull(u);
		ck_assert_ptr_null(u->stored);
	}
	conf_forget_passwords(&conf);
	u = conf_find_entry(&conf.domains[0].users, span_of("alice"));
	ck_assert_ptr_null(u->stored);
	conf_free(&conf);
}
