/*
 * Every mistake of a value in smtpd.conf, with the exact text a person reads
 * about it.
 */
#include "t/unit/conf_case.h"

/* A configuration, and what is said about it. */
struct row {
	const char	*conf, *want;
};

static const struct row values_cases[] = {
	{ BASE "hostname -x.org\n",
	    "c:4:10: bad host name \"-x.org\": labels of letters, digits, "
	    "\"_\" and inner hyphens, separated by dots\n"
	    "    hostname -x.org\n"
	    "             ^\n" },
	{ BASE "hostname a..b\n",
	    "c:4:10: bad host name \"a..b\": labels of letters, digits, \"_\" "
	    "and inner hyphens, separated by dots\n"
	    "    hostname a..b\n"
	    "             ^\n" },
	{ BASE "hostname m\303\244il.org\n",
	    "c:4:10: bad host name \"m\303\244il.org\": labels of letters, "
	    "digits, \"_\" and inner hyphens, separated by dots\n"
	    "    hostname m\303\244il.org\n"
	    "             ^\n" },
	{ BASE "hostname \"\"\n",
	    "c:4:10: bad host name \"\": labels of letters, digits, \"_\" and "
	    "inner hyphens, separated by dots\n"
	    "    hostname \"\"\n"
	    "             ^\n" },
	{ BASE "root var\n",
	    "c:4:6: bad path \"var\": an absolute path begins with \"/\"\n"
	    "    root var\n"
	    "         ^\n" },
	{ BASE "root \"\"\n",
	    "c:4:6: bad path \"\": an absolute path begins with \"/\"\n"
	    "    root \"\"\n"
	    "         ^\n" },
	{ BASE "control smtpd\n",
	    "c:4:9: bad path \"smtpd\": an absolute path begins with \"/\"\n"
	    "    control smtpd\n"
	    "            ^\n" },
	{ BASE "control /a\ncontrol /b\n",
	    "c:5:1: \"control\" was given in line 4 already\n"
	    "    control /b\n"
	    "    ^\n" },
	{ BASE "user root\n",
	    "c:4:6: bad user \"root\": no process of smtpd runs as root\n"
	    "    user root\n"
	    "         ^\n" },
	{ BASE "worker-user \"a b\"\n",
	    "c:4:13: bad user \"a b\": at most 32 letters, digits, \"-\", \"_"
	    "\" and \".\"\n"
	    "    worker-user \"a b\"\n"
	    "                ^\n" },
	{ BASE "user x\nworker-user x\n",
	    "c:5:13: \"user\" and \"worker-user\" have to be two users\n"
	    "    worker-user x\n"
	    "                ^\n" },
	{ BASE "user _smtpw\n",
	    "c:4:6: \"user\" and \"worker-user\" have to be two users\n"
	    "    user _smtpw\n"
	    "         ^\n" },
	{ BASE "sandbox no\n",
	    "c:4:9: bad value \"no\": sandbox required|optional\n"
	    "    sandbox no\n"
	    "            ^\n" },
	{ BASE "log syslog now\n",
	    "c:4:5: bad word \"syslog\": the form is \"log to TARGET\"\n"
	    "    log syslog now\n"
	    "        ^\n" },
	{ BASE "log to smtpd.log\n",
	    "c:4:8: bad value \"smtpd.log\": the target is syslog, stderr, or "
	    "the absolute path of a file\n"
	    "    log to smtpd.log\n"
	    "           ^\n" },
	{ BASE "log to /var/log/\n",
	    "c:4:8: bad value \"/var/log/\": the target is syslog, stderr, or "
	    "the absolute path of a file\n"
	    "    log to /var/log/\n"
	    "           ^\n" },
	{ BASE "log format postfix\n",
	    "c:4:5: bad word \"format\": the form is \"log to TARGET\"\n"
	    "    log format postfix\n"
	    "        ^\n" },
	{ BASE "log to stderr\nlog to /x\n",
	    "c:5:1: \"log\" was given in line 4 already\n"
	    "    log to /x\n"
	    "    ^\n" },
	{ BASE "listen localhost port 25\n",
	    "c:4:8: bad address \"localhost\": an IPv4 or IPv6 address such as"
	    " 0.0.0.0 or ::\n"
	    "    listen localhost port 25\n"
	    "           ^\n" },
	{ BASE "listen [::1] port 25\n",
	    "c:4:8: bad address \"[::1]\": an IPv4 or IPv6 address such as 0.0"
	    ".0.0 or ::\n"
	    "    listen [::1] port 25\n"
	    "           ^\n" },
	{ BASE "listen 127.1 port 25\n",
	    "c:4:8: bad address \"127.1\": an IPv4 or IPv6 address such as 0.0"
	    ".0.0 or ::\n"
	    "    listen 127.1 port 25\n"
	    "           ^\n" },
	{ BASE "listen ::1 port 65536\n",
	    "c:4:17: bad port \"65536\": a number from 0 to 65535, 0 for any f"
	    "ree port\n"
	    "    listen ::1 port 65536\n"
	    "                    ^\n" },
	{ BASE "listen ::1 port smtp\n",
	    "c:4:17: bad port \"smtp\": a number from 0 to 65535, 0 for any fr"
	    "ee port\n"
	    "    listen ::1 port smtp\n"
	    "                    ^\n" },
	{ BASE "listen ::1 prt 25\n",
	    "c:4:12: bad word \"prt\": the form is \"listen ADDRESS port NUMBE"
	    "R\"\n"
	    "    listen ::1 prt 25\n"
	    "               ^\n" },
	{ BASE "listen ::1 port 25\nlisten 0::1 port 25\n",
	    "c:5:8: this address and port was given in line 4 already\n"
	    "    listen 0::1 port 25\n"
	    "           ^\n" },
	{ LISTEN "domain example.org {\nsubaddress ++\n}\n",
	    "c:3:12: bad separator \"++\": the separator is one of + - = _ ~\n"
	    "    subaddress ++\n"
	    "               ^\n" },
	{ LISTEN "domain example.org {\nsubaddress .\n}\n",
	    "c:3:12: bad separator \".\": the separator is one of + - = _ ~\n"
	    "    subaddress .\n"
	    "               ^\n" },
	{ LISTEN "domain example.org {\ncatch-all \"a b\"\n}\n",
	    "c:3:11: bad name \"a b\": a user, an alias or an address\n"
	    "    catch-all \"a b\"\n"
	    "              ^\n" },
	{ BASE "limits {\nworkers 0\n}\n",
	    "c:5:9: out of range: workers is 1 to 20000\n"
	    "    workers 0\n"
	    "            ^\n" },
	{ BASE "limits {\nworkers 20001\n}\n",
	    "c:5:9: out of range: workers is 1 to 20000\n"
	    "    workers 20001\n"
	    "            ^\n" },
	{ BASE "limits {\nworkers 1K\n}\n",
	    "c:5:9: bad number \"1K\": digits alone\n"
	    "    workers 1K\n"
	    "            ^\n" },
	{ BASE "limits {\nworkers -1\n}\n",
	    "c:5:9: bad number \"-1\": digits alone\n"
	    "    workers -1\n"
	    "            ^\n" },
	{ BASE "limits {\nrecipients 18446744073709551617\n}\n",
	    "c:5:12: out of range: recipients is 1 to 10000\n"
	    "    recipients 18446744073709551617\n"
	    "               ^\n" },
	{ BASE "limits {\nmessage-size 35X\n}\n",
	    "c:5:14: bad size \"35X\": digits and K, M or G, such as 35M\n"
	    "    message-size 35X\n"
	    "                 ^\n" },
	{ BASE "limits {\nmessage-size 17179869184G\n}\n",
	    "c:5:14: out of range: message-size is 1K to 2G\n"
	    "    message-size 17179869184G\n"
	    "                 ^\n" },
	{ BASE "limits {\nmessage-size 1023\n}\n",
	    "c:5:14: out of range: message-size is 1K to 2G\n"
	    "    message-size 1023\n"
	    "                 ^\n" },
	{ BASE "limits {\nmessage-size K\n}\n",
	    "c:5:14: bad size \"K\": digits and K, M or G, such as 35M\n"
	    "    message-size K\n"
	    "                 ^\n" },
	{ BASE "limits {\nmessage-size 35 M\n}\n",
	    "c:5:17: unexpected \"M\": the form is \"message-size SIZE\"\n"
	    "    message-size 35 M\n"
	    "                    ^\n" },
	{ BASE "limits {\nidle-timeout 5w\n}\n",
	    "c:5:14: bad time \"5w\": digits and s, m, h or d, such as 20m\n"
	    "    idle-timeout 5w\n"
	    "                 ^\n" },
	{ BASE "limits {\nidle-timeout 25h\n}\n",
	    "c:5:14: out of range: idle-timeout is 1s to 1d\n"
	    "    idle-timeout 25h\n"
	    "                 ^\n" },
	{ BASE "limits {\nidle-timeout 0\n}\n",
	    "c:5:14: out of range: idle-timeout is 1s to 1d\n"
	    "    idle-timeout 0\n"
	    "                 ^\n" },
};

static void
run(const struct row *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		conf_case_expect(cases[i].conf, NULL, NULL, cases[i].want);
}

TEST(values)
{
	run(values_cases, COUNT(values_cases));
}
