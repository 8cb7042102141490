/*
 * The stored forms of passwords: what is taken, and what is not and why.
 */
#include "shared/password_form.h"

#include "t/unit/unit.h"

#define ARGON "$yxcUjwaYElwPOSmrc2nNaQ$HiYTnQmuTBrTHRJpZkPnvoENYZ/XmXghVMXtr" \
	"Q5wTwU"
#define A64 "$argon2id$v=19$m=65536,t=3,p=1" ARGON
#define SHA512 "$GJdbvNEBmAflQtNq$MarK.y6rztLOsWeypFAS3ZI5O8Iv3qSmabQhg.ZYih" \
	"NmgcELtiVh3fzT4Kkn17Dl6BmTYyICP6V/LeMSLjhXC/"
#define SHA256 "$cFEho/rcJBROqYU2$BDOS49ktti61yvrFYgJ9Hrc3Bk9POHw8idHaRdVNAOB"
#define BCRYPT "$KgZI7Mb8nEYtB1GIvytc0u87i/N2uqyeUt1N6Hldevyp6wL83gFzO"
#define YES "$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURL" \
	"Ky0"

TEST(taken)
{
	static const struct {
		const char		*stored, *hash;
		enum password_kind	 kind;
	} t[] = {
		{ "*", "", PASSWORD_NONE },
		{ "!", "", PASSWORD_NONE },
		{ "!$6$whatever", "", PASSWORD_NONE },
		{ "{ARGON2ID}" A64, A64, PASSWORD_ARGON2 },
		{ "{argon2id}" A64, A64, PASSWORD_ARGON2 },
		{ A64, A64, PASSWORD_ARGON2 },
		{ "$argon2id$v=19$m=7168,t=1,p=4" ARGON,
		    "$argon2id$v=19$m=7168,t=1,p=4" ARGON, PASSWORD_ARGON2 },
		{ "{ARGON2I}$argon2i$v=19$m=262144,t=16,p=16" ARGON,
		    "$argon2i$v=19$m=262144,t=16,p=16" ARGON,
		    PASSWORD_ARGON2 },
		{ "{SHA512-CRYPT}$6" SHA512, "$6" SHA512, PASSWORD_CRYPT },
		{ "{CRYPT}$6" SHA512, "$6" SHA512, PASSWORD_CRYPT },
		{ "$6" SHA512, "$6" SHA512, PASSWORD_CRYPT },
		{ "$6$rounds=1000000" SHA512, "$6$rounds=1000000" SHA512,
		    PASSWORD_CRYPT },
		{ "{SHA256-CRYPT}$5" SHA256, "$5" SHA256, PASSWORD_CRYPT },
		{ "{BLF-CRYPT}$2y$05" BCRYPT, "$2y$05" BCRYPT,
		    PASSWORD_CRYPT },
		{ "{CRYPT}$2b$14" BCRYPT, "$2b$14" BCRYPT, PASSWORD_CRYPT },
		{ "$2a$12" BCRYPT, "$2a$12" BCRYPT, PASSWORD_CRYPT },
		{ "$y$j9T" YES, "$y$j9T" YES, PASSWORD_CRYPT },
		{ "{CRYPT}$y$jCT" YES, "$y$jCT" YES, PASSWORD_CRYPT },
	};
	struct password_form form;
	const char *why;

	for (size_t i = 0; i < COUNT(t); i++) {
		why = password_form_parse(span_of(t[i].stored), &form);
		ck_assert_msg(why == NULL, "row %zu: %s", i, why);
		ck_assert_msg(form.kind == t[i].kind, "row %zu", i);
		ck_assert_msg(span_equal(form.hash, span_of(t[i].hash)),
		    "row %zu", i);
	}
}

TEST(refused)
{
	static const struct {
		const char	*stored, *why;
	} t[] = {
		{ "", "nothing after" },
		{ "secret", "weak or unknown" },
		{ "x", "weak or unknown" },
		{ "**", "weak or unknown" },
		{ "{PLAIN}secret", "not hashed" },
		{ "{plain}secret", "not hashed" },
		{ "{CLEARTEXT}secret", "not hashed" },
		{ "{SSHA512}abc", "weak or unknown" },
		{ "{CRAM-MD5}abc", "weak or unknown" },
		{ "{MD5-CRYPT}$1$WZol2kI6$3QSl3KnXMZV3coU8nh72S0",
		    "weak or unknown" },
		{ "$1$WZol2kI6$3QSl3KnXMZV3coU8nh72S0", "weak or unknown" },
		{ "{CRYPT}$1$WZol2kI6$3QSl3KnXMZV3coU8nh72S0",
		    "weak or unknown" },
		{ "TbmHo2qoMMwGM", "weak or unknown" },
		{ "{CRYPT}TbmHo2qoMMwGM", "weak or unknown" },
		{ "{SCRAM-SHA-256}4096,a,b,c", "weak or unknown" },
		{ "{ARGON2ID.b64}abc", "weak or unknown" },
		{ "$7$CU..../....x", "weak or unknown" },
		{ "$gy$j9T" YES, "weak or unknown" },
		{ "{", "form" }, { "{}", "weak or unknown" },
		{ "{}$6" SHA512, "form" },
		{ "{ARGON2ID}", "weak or unknown" },
		{ "{ARGON2ID}$6" SHA512, "form" },
		{ "{CRYPT}" A64, "form" },
		{ "{SHA512-CRYPT}$5" SHA256, "form" },
		{ "$argon2id$v=18$m=65536,t=3,p=1" ARGON, "form" },
		{ "$argon2id$v=19$m=065536,t=3,p=1" ARGON, "form" },
		{ "$argon2id$v=19$m=65536,t=0,p=1" ARGON, "form" },
		{ "$argon2id$v=19$m=65536,t=3,p=" ARGON, "form" },
		{ "$argon2id$v=19$m=4294967296,t=3,p=1" ARGON, "form" },
		{ A64 "$", "form" }, { A64 "-", "form" },
		{ "$argon2id$v=19$m=65536,t=3,p=1$yxcUjwaYElwPOSmrc2nNaQ",
		    "form" },
		{ "$argon2id$v=19$m=7167,t=3,p=1" ARGON, "too low" },
		{ "$argon2id$v=19$m=262145,t=3,p=1" ARGON, "too high" },
		{ "$argon2id$v=19$m=65536,t=17,p=1" ARGON, "too high" },
		{ "$argon2id$v=19$m=65536,t=1,p=17" ARGON, "too high" },
		{ "$6$rounds=4999" SHA512, "too low" },
		{ "$6$rounds=1000001" SHA512, "too high" },
		{ "$6" SHA512 "x", "form" }, { "$6" SHA256, "form" },
		{ "$2y$04" BCRYPT, "too low" },
		{ "$2y$15" BCRYPT, "too high" },
		{ "$2y$5" BCRYPT, "form" }, { "$2y$1x" BCRYPT, "form" },
		{ "$2x$12" BCRYPT, "weak or unknown" },
		{ "$y$j6T" YES, "too low" }, { "$y$jDT" YES, "too high" },
		{ "$y$j:T" YES, "form" }, { "$y$j?T" YES, "form" },
		{ "$argon2id$v=19$m=7167,t=17,p=1" ARGON, "too low" },
		{ "$y$j9T" YES "x", "form" }, { "$y$", "weak or unknown" },
	};
	struct password_form form;
	char large[password_hash_max_bytes + 1];
	const char *why;

	for (size_t i = 0; i < COUNT(t); i++) {
		why = password_form_parse(span_of(t[i].stored), &form);
		ck_assert_msg(why != NULL, "row %zu is taken", i);
		ck_assert_msg(strstr(why, t[i].why) != NULL, "row %zu: %s", i,
		    why);
		ck_assert_msg(strstr(why, "secret") == NULL, "row %zu", i);
	}
	memset(large, '!', sizeof(large));
	ck_assert_ptr_nonnull(password_form_parse(span_from(large,
	    sizeof(large)), &form));
	ck_assert_ptr_null(password_form_parse(span_from(large,
	    sizeof(large) - 1), &form));
}
