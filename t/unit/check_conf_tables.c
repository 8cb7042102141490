/*
 * Every mistake of a users or aliases file, with the exact text a person
 * reads about it.
 */
#include "t/unit/conf_case.h"

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" X32
#define X64 X32 X32

/* A configuration with its tables, and what is said about them. */
struct row {
	const char	*conf, *users, *aliases, *want;
};

static const struct row users_cases[] = {
	{ USERS, NULL, NULL,
	    "c:3:7: \"@/users\" cannot be read: No such file or directory\n"
	    "    users @/users\n"
	    "          ^\n" },
	{ LISTEN "domain example.org {\nusers @\n}\n", NULL, NULL,
	    "c:3:7: \"@\" cannot be read: Is a directory\n"
	    "    users @\n"
	    "          ^\n" },
	{ USERS, "a b\n", NULL,
	    "@/users:1:3: one name per line\n"
	    "    a\n"
	    "     ^\n" },
	{ USERS, "bob\n# x\nBob\n", NULL,
	    "@/users:3:1: \"bob\" was given in line 1 already\n"
	    "    Bob\n"
	    "    ^\n" },
	{ USERS, ".x\n", NULL,
	    "@/users:1:1: bad user \".x\": not a local part of an address\n"
	    "    .x\n"
	    "    ^\n" },
	{ USERS, "x..y\n", NULL,
	    "@/users:1:1: bad user \"x..y\": not a local part of an address\n"
	    "    x..y\n"
	    "    ^\n" },
	{ USERS, "a/b\n", NULL,
	    "@/users:1:1: bad user \"a/b\": a Maildir cannot have that name\n"
	    "    a/b\n"
	    "    ^\n" },
	{ USERS, "bob@example.org\n", NULL,
	    "@/users:1:1: bad user \"bob@example.org\": a user is a name "
	    "without a domain\n"
	    "    bob@example.org\n"
	    "    ^\n" },
	{ USERS, "\"bob\"\n", NULL,
	    "@/users:1:1: bad user \"\"bob\"\": not a local part of an "
	    "address\n"
	    "    \"bob\"\n"
	    "    ^\n" },
	{ USERS, ":x\n", NULL,
	    "@/users:1:1: bad user \"\": not a local part of an address\n"
	    "    \n"
	    "    ^\n" },
	{ USERS, "bob:\n", NULL,
	    "@/users:1: warning: bob@example.org cannot log in: nothing after "
	    "the \":\"\n" },
	{ USERS, " bob:!unter2 x\n", NULL,
	    "@/users:1:14: one name per line\n"
	    "     bob\n"
	    "        ^\n" },
	{ USERS, "bob:!unter2\nbob:!unter3\n", NULL,
	    "@/users:2:1: \"bob\" was given in line 1 already\n"
	    "    bob\n"
	    "    ^\n" },
	{ USERS, "x:hunter2\007\n", NULL,
	    "@/users:1:10: a control character\n"
	    "    x\n"
	    "     ^\n" },
	{ USERS,
	    X64 X64 X64 X63 "\n" X64 X64 X64 X64 "\n", NULL,
	    "@/users:2:1: a name of more than 255 octets\n"
	    "    " X64 X64 X32 "...\n"
	    "    ^\n" },
	{ USERS, "b\342\200\213b\n", NULL,
	    "@/users:1:1: bad user \"b\\xe2\\x80\\x8bb\": the name has an "
	    "invisible character\n"
	    "    b\\xe2\\x80\\x8bb\n"
	    "    ^\n" },
	{ USERS, "b\377\n", NULL,
	    "@/users:1:2: not UTF-8\n"
	    "    b\\xff\n"
	    "     ^\n" },
	{ USERS, "alice\nbob:{PLAIN}secret\ncarol:$1$a$b\n", NULL,
	    "@/users:2: warning: bob@example.org cannot log in: a password that"
	    " is not hashed: set it anew with smtpctl passwd\n"
	    "@/users:3: warning: carol@example.org cannot log in: a weak or unk"
	    "nown kind of hash: set the password anew with smtpctl passwd\n" },
};

static const struct row aliases_cases[] = {
	{ ALIASES, "bob\n", NULL,
	    "c:4:9: \"@/aliases\" cannot be read: No such file or directory\n"
	    "    aliases @/aliases\n"
	    "            ^\n" },
	{ ALIASES, "bob\n", "info bob\n",
	    "@/aliases:1:9: missing \":\": the form is \"name: target, target"
	    "\"\n"
	    "    info bob\n"
	    "            ^\n" },
	{ ALIASES, "bob\n", "info:\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is missing\n" },
	{ ALIASES, "bob\n", "info: bob,, bob\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is missing\n" },
	{ ALIASES, "bob\n", "info: bob, # eve\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is missing\n" },
	{ ALIASES, "bob\n", "in fo: bob\n",
	    "@/aliases:1:1: bad alias \"in fo\": not a local part of an "
	    "address\n"
	    "    in fo: bob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", "info@example.org: bob\n",
	    "@/aliases:1:1: bad alias \"info@example.org\": not a local part "
	    "of an address\n"
	    "    info@example.org: bob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", ": bob\n",
	    "@/aliases:1:1: bad alias \"\": not a local part of an address\n"
	    "    : bob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n",
	    X64 X64 X64 X64 ": bob\n",
	    "@/aliases:1:1: a name of more than 255 octets\n"
	    "    " X64 X64 X32 "...\n"
	    "    ^\n" },
	{ USERS, "b\357\270\217b\n", NULL,
	    "@/users:1:1: bad user \"b\\xef\\xb8\\x8fb\": the name has an "
	    "invisible character\n"
	    "    b\\xef\\xb8\\x8fb\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", "a\343\205\244b: bob\n",
	    "@/aliases:1:1: bad alias \"a\\xe3\\x85\\xa4b\": the name has an "
	    "invisible character\n"
	    "    a\\xe3\\x85\\xa4b: bob\n"
	    "    ^\n" },
	{ USERS, "\357\273\277bob\n", NULL,
	    "@/users:1:1: a byte order mark: the file has to be UTF-8 without "
	    "it\n"
	    "    \\xef\\xbb\\xbfbob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", "\357\273\277info: bob\n",
	    "@/aliases:1:1: a byte order mark: the file has to be UTF-8 withou"
	    "t it\n"
	    "    \\xef\\xbb\\xbfinfo: bob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", "info: |/bin/cat\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is a name or an address, never a program, file or list: \""
	    "|/bin/cat\"\n" },
	{ ALIASES, "bob\n", "info: /dev/null\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is a name or an address, never a program, file or list: \""
	    "/dev/null\"\n" },
	{ ALIASES, "bob\n", "info: :include:/x\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is a name or an address, never a program, file or list: \""
	    ":include:/x\"\n" },
	{ ALIASES, "bob\n", "info: \"bob\"\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is a name or an address, never a program, file or list: \""
	    "\"bob\"\"\n" },
	{ ALIASES, "bob\n", "info: bob@[127.0.0.1]\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: a"
	    " target is a name or an address: \"bob@[127.0.0.1]\"\n" },
	{ ALIASES, "bob\n", "info: bob\nINFO: bob\n",
	    "@/aliases:2:1: \"info\" was given in line 1 already\n"
	    "    INFO: bob\n"
	    "    ^\n" },
	{ ALIASES, "bob\n", "info: bob, eve\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: e"
	    "xample.org has no user or alias \"eve\"\n" },
	{ ALIASES, "bob\n", "info: bob, eve@Example.org\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: e"
	    "xample.org has no user or alias \"eve\"\n" },
	{ ALIASES, "bob\n", "info: eve@foreign.example\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: "
	    "\"foreign.example\" is not a local domain, and an alias leads to "
	    "no other\n" },
	{ ALIASES, "bob\n", "eve: eve\n",
	    "@/aliases:1: warning: mail for eve@example.org is answered 451: th"
	    "e alias names itself, and example.org has no user \"eve\"\n" },
	{ ALIASES, "bob\n", "a: b\nb: a\n",
	    "@/aliases:2: warning: mail for b@example.org is answered 451: alia"
	    "ses in a loop: a -> b -> a\n" },
	{ ALIASES, "bob\n", "a: bob, b\nb: c\nc: bob, d, a\nd: bob\n",
	    "@/aliases:3: warning: mail for c@example.org is answered 451: alia"
	    "ses in a loop: a -> b -> c -> a\n" },
	{ ALIASES, "bob\n", "x: a\na: b\nb: c\nc: b\n",
	    "@/aliases:4: warning: mail for c@example.org is answered 451: alia"
	    "ses in a loop: b -> c -> b\n" },
	{ ALIASES, "bob\n", "a: b\nb: b, a\n",
	    "@/aliases:2: warning: mail for b@example.org is answered 451: the "
	    "alias names itself, and example.org has no user \"b\"\n" },
	{ LISTEN "domain example.net {\naliases @/users\n}\n"
	    "domain example.org {\naliases @/aliases\n}\n",
	    "b: a@example.org\n", "a: b@example.net\n",
	    "@/aliases:1: warning: mail for a@example.org is answered 451: alia"
	    "ses in a loop: b -> a@example.org -> b\n" },
	{ ALIASES, "a20\n",
	    "a0: a1\na1: a2\na2: a3\na3: a4\na4: a5\na5: a6\n"
	    "a6: a7\na7: a8\na8: a9\na9: a10\na10: a11\n"
	    "a11: a12\na12: a13\na13: a14\na14: a15\na15: a16\n"
	    "a16: a17\na17: a18\na18: a19\na19: a20\n",
	    "" },
	{ ALIASES, "a21\n",
	    "a0: a1\na1: a2\na2: a3\na3: a4\na4: a5\na5: a6\n"
	    "a6: a7\na7: a8\na8: a9\na9: a10\na10: a11\n"
	    "a11: a12\na12: a13\na13: a14\na14: a15\na15: a16\n"
	    "a16: a17\na17: a18\na18: a19\na19: a20\na20: a21\n",
	    "@/aliases:1: warning: mail for a0@example.org is answered 451: a c"
	    "hain of more than 20 aliases begins here\n" },
	{ ALIASES, "bob:\n.x\n", "info: eve\n",
	    "@/users:2:1: bad user \".x\": not a local part of an address\n"
	    "    .x\n"
	    "    ^\n" },
	{ ALIASES, "bob:\n", "info: eve\n",
	    "@/aliases:1: warning: mail for info@example.org is answered 451: e"
	    "xample.org has no user or alias \"eve\"\n"
	    "@/users:1: warning: bob@example.org cannot log in: nothing after "
	    "the \":\"\n" },
	{ "domain -x {\n}\nlisten 127.0.0.1 port 0\n"
	    "domain example.org {\nusers @/users\naliases @/aliases\n"
	    "}\n", "bob\n", "info: eve@y\n",
	    "c:1:8: bad domain \"-x\": labels of letters, digits, \"_\" and "
	    "inner hyphens, separated by dots\n"
	    "    domain -x {\n"
	    "           ^\n" },
	{ LISTEN "domain example.org {\nusers @/users\n"
	    "catch-all eve\n}\n", "bob\n", NULL,
	    "c:4: warning: mail for the catch-all of example.org is answered 45"
	    "1: example.org has no user or alias \"eve\"\n" },
	{ LISTEN "domain example.org {\nusers @/users\n"
	    "catch-all bob@y\n}\n", "bob\n", NULL,
	    "c:4: warning: mail for the catch-all of example.org is answered 45"
	    "1: \"y\" is not a local domain, and an alias leads to no other\n"
	    },
	{ USERS "domain example.net {\nusers @/users\n}\n", ".x\n", NULL,
	    "@/users:1:1: bad user \".x\": not a local part of an address\n"
	    "    .x\n"
	    "    ^\n" },
};

static const struct row fine_cases[] = {
	{ LISTEN "domain example.org {\nusers \"@/users\"\n"
	    "aliases @/aliases\nsubaddress +\n"
	    "catch-all info@EXAMPLE.org\n}\nlimits { }\n",
	    "bob\nalice:{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$"
	    "yxcUjwaYElwPOSmrc2nNaQ$HiYTnQmuTBrTHRJpZkPnvoENYZ/XmXghVMXtrQ5wTwU"
	    "\n"
	    "\303\244nne:*:1000:1000:\303\204nne:/home\n",
	    "# c\n\nalice: alice, bob\n"
	    "Info : alice@example.org ,BOB # c\npostmaster: postmaster\n"
	    "x: postmaster, bob+y, \303\244nne",
	    "" },
};

static void
run(const struct row *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		conf_case_expect(cases[i].conf, cases[i].users,
		    cases[i].aliases, cases[i].want);
}

TEST(users)
{
	run(users_cases, COUNT(users_cases));
}

TEST(aliases)
{
	run(aliases_cases, COUNT(aliases_cases));
}

TEST(fine)
{
	run(fine_cases, COUNT(fine_cases));
}
