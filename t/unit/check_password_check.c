/*
 * Passwords against hashes that other programs have made of "secret", and
 * against our own.
 */
#include "shared/password_form.h"

#include <sodium.h>

#define UNIT_OWN_MAIN
#include "t/unit/unit.h"

static const char *const stored[] = {
	/* doveadm pw */
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$yxcUjwaYElwPOSmrc2nNaQ$HiYTn"
	    "QmuTBrTHRJpZkPnvoENYZ/XmXghVMXtrQ5wTwU",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$Ni4apYSTlSz66PlDw6ni2Q$7SonpLt"
	    "XWulMfcSPgq0ChutUxceYpiZWcRQRXYz/EvA",
	"{SHA512-CRYPT}$6$GJdbvNEBmAflQtNq$MarK.y6rztLOsWeypFAS3ZI5O8Iv3qSmabQ"
	    "hg.ZYihNmgcELtiVh3fzT4Kkn17Dl6BmTYyICP6V/LeMSLjhXC/",
	"{SHA256-CRYPT}$5$cFEho/rcJBROqYU2$BDOS49ktti61yvrFYgJ9Hrc3Bk9POHw8idH"
	    "aRdVNAOB",
	"{BLF-CRYPT}$2y$05$KgZI7Mb8nEYtB1GIvytc0u87i/N2uqyeUt1N6Hldevyp6wL83gF"
	    "zO",
	"{CRYPT}$2y$05$QAu18anDUP0OdTOQknvmzuju0K/dEL0wislj929puWFxeG4/3koRG",
	/* crypt(3) of Debian */
	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNUR"
	    "LKy0"
};

static enum password_match
check(const char *hash, const char *password)
{
	struct password_form form;
	const char *why = password_form_parse(span_of(hash), &form);

	ck_assert_msg(why == NULL, "%s", why);
	return password_check(&form, password);
}

TEST(of_others)
{
	for (size_t i = 0; i < COUNT(stored); i++) {
		ck_assert_int_eq(check(stored[i], "secret"),
		    PASSWORD_RIGHT);
		ck_assert_int_eq(check(stored[i], "Secret"),
		    PASSWORD_WRONG);
		ck_assert_int_eq(check(stored[i], "secre"),
		    PASSWORD_WRONG);
		ck_assert_int_eq(check(stored[i], ""), PASSWORD_WRONG);
	}
	ck_assert_int_eq(check("*", ""), PASSWORD_WRONG);
	ck_assert_int_eq(check("!x", "x"), PASSWORD_WRONG);
}

TEST(our_own)
{
	char one[password_hash_max_bytes + 1], two[sizeof(one)];

	ck_assert(password_make("p\xc3\xa4ss word", one));
	ck_assert(password_make("p\xc3\xa4ss word", two));
	ck_assert_str_ne(one, two);
	ck_assert(strncmp(one, "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$",
	    41) == 0);
	ck_assert_int_eq(check(one, "p\xc3\xa4ss word"), PASSWORD_RIGHT);
	ck_assert_int_eq(check(two, "p\xc3\xa4ss wore"), PASSWORD_WRONG);
}

int
main(int argc, char *argv[])
{
	if (argc < 1 || sodium_init() == -1)
		return EXIT_FAILURE;
	return unit_run(argv[0], NULL, NULL);
}
