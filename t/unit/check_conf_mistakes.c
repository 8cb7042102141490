/*
 * Every mistake of smtpd.conf in its words, lines and blocks, with the exact
 * text a person reads about it.
 */
#include "t/unit/conf_case.h"

/* A configuration, and what is said about it. */
struct row {
	const char	*conf, *want;
};

#define TLS "tls certificate /x/y key /x/z\n"

static const struct row words_cases[] = {
	{ "lisen ::1 port 0\ndomain example.org {\n}\n",
	    "c:1:1: unknown keyword \"lisen\"\n"
	    "    lisen ::1 port 0\n"
	    "    ^\n"
	    "    did you mean \"listen\"?\n" },
	{ BASE "hostnam x\n",
	    "c:4:1: unknown keyword \"hostnam\"\n"
	    "    hostnam x\n"
	    "    ^\n"
	    "    did you mean \"hostname\"?\n" },
	{ BASE "Root /x\n",
	    "c:4:1: unknown keyword \"Root\"\n"
	    "    Root /x\n"
	    "    ^\n"
	    "    did you mean \"root\"?\n" },
	{ BASE "zzz 1\n",
	    "c:4:1: unknown keyword \"zzz\"\n"
	    "    zzz 1\n"
	    "    ^\n" },
	{ BASE "z\342\200\256\"\n",
	    "c:4:3: a quote inside a word: quotes enclose a whole word\n"
	    "    z\\xe2\\x80\\xae\"\n"
	    "                 ^\n" },
	{ BASE "root \"/x\n",
	    "c:4:6: a quote that is never closed\n"
	    "    root \"/x\n"
	    "         ^\n" },
	{ BASE "root /x\"y\"\n",
	    "c:4:8: a quote inside a word: quotes enclose a whole word\n"
	    "    root /x\"y\"\n"
	    "           ^\n" },
	{ BASE "root \"/x\"y\n",
	    "c:4:9: a quote inside a word: quotes enclose a whole word\n"
	    "    root \"/x\"y\n"
	    "            ^\n" },
	{ BASE "root\n",
	    "c:4:5: missing value: the form is \"root DIRECTORY\"\n"
	    "    root\n"
	    "        ^\n" },
	{ BASE "root # /x\n",
	    "c:4:5: missing value: the form is \"root DIRECTORY\"\n"
	    "    root # /x\n"
	    "        ^\n" },
	{ BASE "root /x /y\n",
	    "c:4:9: unexpected \"/y\": the form is \"root DIRECTORY\"\n"
	    "    root /x /y\n"
	    "            ^\n" },
	{ BASE "listen ::1 port\n",
	    "c:4:16: missing value: the form is \"listen ADDRESS port NUMBER\""
	    "\n"
	    "    listen ::1 port\n"
	    "                   ^\n" },
	{ BASE "root {\n}\n",
	    "c:4:6: unexpected \"{\": the form is \"root DIRECTORY\"\n"
	    "    root {\n"
	    "         ^\n" },
	{ BASE "root /x }\n",
	    "c:4:9: unexpected \"}\": the form is \"root DIRECTORY\"\n"
	    "    root /x }\n"
	    "            ^\n" },
	{ BASE "tls certificate /x\n",
	    "c:4:19: missing value: the form is "
	    "\"tls certificate FILE key FILE\"\n"
	    "    tls certificate /x\n"
	    "                      ^\n" },
	{ BASE "tls certificate /x kee /y\n",
	    "c:4:20: bad word \"kee\": the form is "
	    "\"tls certificate FILE key FILE\"\n"
	    "    tls certificate /x kee /y\n"
	    "                       ^\n" },
	{ BASE "tls certificate /x key y.key\n",
	    "c:4:24: bad path \"y.key\": an absolute path begins with \"/\"\n"
	    "    tls certificate /x key y.key\n"
	    "                           ^\n" },
	{ BASE "listen ::1 port 0 implicit-tsl\n",
	    "c:4:19: bad word \"implicit-tsl\": the options are submission, "
	    "implicit-tls and hide-client\n"
	    "    listen ::1 port 0 implicit-tsl\n"
	    "                      ^\n" },
	{ BASE "listen ::1 port 0 submission\n",
	    "c:4:19: \"submission\" is under TLS only: a line \"tls "
	    "certificate FILE key FILE\" is missing\n"
	    "    listen ::1 port 0 submission\n"
	    "                      ^\n" },
	{ BASE TLS "listen ::1 port 0 submission hide-client submission\n",
	    "c:5:42: bad word \"submission\": the option was given already\n"
	    "    listen ::1 port 0 submission hide-client submission\n"
	    "                                             ^\n" },
	{ BASE TLS "listen ::1 port 0 hide-client implicit-tls\n",
	    "c:5:31: \"hide-client\" needs \"submission\": it is for our own "
	    "users\n"
	    "    listen ::1 port 0 hide-client implicit-tls\n"
	    "                                  ^\n" },
	{ LISTEN "domain example.org {\nlmtp unix:/x\n}\n",
	    "c:3:1: unknown keyword \"lmtp\"\n"
	    "    lmtp unix:/x\n"
	    "    ^\n" },
};

static const struct row lines_cases[] = {
	{ BASE "root /\033[31m\n",
	    "c:4:7: a control character\n"
	    "    root /\\x1b[31m\n"
	    "          ^\n" },
	{ BASE "root /\377\n",
	    "c:4:7: not UTF-8\n"
	    "    root /\\xff\n"
	    "          ^\n" },
	{ BASE "root /x\r\n",
	    "c:4:8: a carriage return: lines end with a line feed alone\n"
	    "    root /x\\x0d\n"
	    "           ^\n" },
	{ BASE "root /\302\205x\n",
	    "c:4:7: a control character\n"
	    "    root /\\xc2\\x85x\n"
	    "          ^\n" },
	{ BASE "\troot x\t#\n",
	    "c:4:7: bad path \"x\": an absolute path begins with \"/\"\n"
	    "    \troot x\t#\n"
	    "    \t     ^\n" },
	{ BASE
	    "# \303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303"
	    "\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\007\n",
	    "c:4:153: a control character\n"
	    "    ...\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\\x07\n"
	    "                                                        ^\n" },
};

static const struct row blocks_cases[] = {
	{ LISTEN "domain example.org\n",
	    "c:2:19: missing \"{\": the form is \"domain NAME {\"\n"
	    "    domain example.org\n"
	    "                      ^\n" },
	{ LISTEN "domain {\n}\n",
	    "c:2:8: missing value: the form is \"domain NAME {\"\n"
	    "    domain {\n"
	    "           ^\n" },
	{ LISTEN "domain example.org example.net {\n}\n",
	    "c:2:20: unexpected \"example.net\": the form is \"domain NAME {\""
	    "\n"
	    "    domain example.org example.net {\n"
	    "                       ^\n" },
	{ LISTEN "domain example.org { users /x }\n",
	    "c:2:22: each line of a block stands on its own\n"
	    "    domain example.org { users /x }\n"
	    "                         ^\n" },
	{ LISTEN "domain -x.org {\n}\n",
	    "c:2:8: bad domain \"-x.org\": labels of letters, digits, \"_\" "
	    "and inner hyphens, separated by dots\n"
	    "    domain -x.org {\n"
	    "           ^\n" },
	{ LISTEN "domain [127.0.0.1] {\n}\n",
	    "c:2:8: bad domain \"[127.0.0.1]\": labels of letters, digits, "
	    "\"_\" and inner hyphens, separated by dots\n"
	    "    domain [127.0.0.1] {\n"
	    "           ^\n" },
	{ LISTEN "domain b\303\274cher.org {\n}\n"
	    "domain XN--bcher-KVA.org {\n}\n",
	    "c:4:8: domain \"XN--bcher-KVA.org\" was given in line 2 already\n"
	    "    domain XN--bcher-KVA.org {\n"
	    "           ^\n" },
	{ LISTEN "domain \303\274aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaa {\n}\n",
	    "c:2:8: bad domain \"\303\274aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": a label of more than 63 octets in its form"
	    " xn--\n"
	    "    domain \303\274aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaa {\n"
	    "           ^\n" },
	{ BASE "domain EXAMPLE.org {\n}\n",
	    "c:4:8: domain \"EXAMPLE.org\" was given in line 2 already\n"
	    "    domain EXAMPLE.org {\n"
	    "           ^\n" },
	{ LISTEN "domain example.org {\n",
	    "c:2:1: this block is never closed: a \"}\" is missing\n"
	    "    domain example.org {\n"
	    "    ^\n" },
	{ LISTEN "lmtp {\ndomain example.org {\n}\n",
	    "c:2:1: unknown keyword \"lmtp\"\n"
	    "    lmtp {\n"
	    "    ^\n"
	    "c:2:1: this block is never closed: a \"}\" is missing\n"
	    "    lmtp {\n"
	    "    ^\n"
	    "c: no \"domain\": add a block that begins with \"domain NAME {\", "
	    "or, to send mail out only, a block \"relay {\"\n" },
	{ BASE "}\n",
	    "c:4:1: \"}\" closes nothing\n"
	    "    }\n"
	    "    ^\n" },
	{ LISTEN "domain example.org {\n} x\n",
	    "c:3:3: \"}\" stands alone on its line\n"
	    "    } x\n"
	    "      ^\n" },
	{ LISTEN "domain example.org\n{\n}\n",
	    "c:2:19: missing \"{\": the form is \"domain NAME {\"\n"
	    "    domain example.org\n"
	    "                      ^\n" },
	{ BASE "{\n}\n",
	    "c:4:1: \"{\" stands at the end of the line it belongs to\n"
	    "    {\n"
	    "    ^\n" },
	{ "domain example.org {\nlisten 127.0.0.1 port 0\n",
	    "c:2:1: \"listen\" belongs outside of any block: is a \"}\" missin"
	    "g above?\n"
	    "    listen 127.0.0.1 port 0\n"
	    "    ^\n" },
	{ LISTEN "domain example.org {\nworkers 5\n}\n",
	    "c:3:1: \"workers\" belongs in the limits block\n"
	    "    workers 5\n"
	    "    ^\n" },
	{ BASE "users @/users\n",
	    "c:4:1: \"users\" belongs in a domain block\n"
	    "    users @/users\n"
	    "    ^\n" },
	{ LISTEN "domain example.org {\nuser /x\n}\n",
	    "c:3:1: \"user\" belongs outside of any block\n"
	    "    user /x\n"
	    "    ^\n"
	    "    did you mean \"users\"?\n" },
	{ LISTEN "domian example.org {\nfoo\n}\n",
	    "c:2:1: unknown keyword \"domian\"\n"
	    "    domian example.org {\n"
	    "    ^\n"
	    "    did you mean \"domain\"?\n"
	    "c:3:1: unknown keyword \"foo\"\n"
	    "    foo\n"
	    "    ^\n" },
	{ BASE "limts {\nworkers 0\n}\n",
	    "c:4:1: unknown keyword \"limts\"\n"
	    "    limts {\n"
	    "    ^\n"
	    "    did you mean \"limits\"?\n"
	    "c:5:9: out of range: workers is 1 to 20000\n"
	    "    workers 0\n"
	    "            ^\n" },
	{ BASE "limits\n",
	    "c:4:7: missing \"{\": the form is \"limits {\"\n"
	    "    limits\n"
	    "          ^\n" },
	{ BASE "limits {\n}\nlimits {\n}\n",
	    "c:6:1: \"limits\" was given in line 4 already\n"
	    "    limits {\n"
	    "    ^\n" },
	{ BASE "root /x\nroot /x\n",
	    "c:5:1: \"root\" was given in line 4 already\n"
	    "    root /x\n"
	    "    ^\n" },
	{ BASE "limits {\nworkers 5\nworkers 5\n}\n",
	    "c:6:1: \"workers\" was given in line 5 already\n"
	    "    workers 5\n"
	    "    ^\n" },
	{ LISTEN "domain example.org {\nsubaddress +\nsubaddress +\n"
	    "}\n",
	    "c:4:1: \"subaddress\" was given in line 3 already\n"
	    "    subaddress +\n"
	    "    ^\n" },
	{ "",
	    "c: no \"domain\": add a block that begins with \"domain NAME {\", "
	    "or, to send mail out only, a block \"relay {\"\n" },
	{ LISTEN,
	    "c: no \"domain\": add a block that begins with \"domain NAME {\", "
	    "or, to send mail out only, a block \"relay {\"\n" },
	{ "# nothing",
	    "c: no \"domain\": add a block that begins with \"domain NAME {\", "
	    "or, to send mail out only, a block \"relay {\"\n" },
};

static void
run(const struct row *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		conf_case_expect(cases[i].conf, NULL, NULL, cases[i].want);
}

TEST(words)
{
	run(words_cases, COUNT(words_cases));
}

TEST(lines)
{
	run(lines_cases, COUNT(lines_cases));
}

TEST(blocks)
{
	run(blocks_cases, COUNT(blocks_cases));
}
