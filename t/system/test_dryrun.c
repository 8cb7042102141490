/*
 * smtpctl explain as a dry run: what it says a client would read is what a
 * client reads, and nothing is changed by asking.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/harness.h"

static struct ctl ctl;

/* Two domains, aliases, a subaddress, a catch-all. */
static void
make(struct daemon *d, const char *limits)
{
	char text[2000];

	daemon_init(d, limits, NULL);
	harness_write_file(harness_path("aliases"),
	    "info: alice, press\npress: bob, carol@example.net\n");
	harness_write_file(harness_path("users.net"), "carol\nj\xc3\xb6rg\n");
	snprintf(text, sizeof(text), "hostname mx.example.org\nroot %s\n"
	    "user nobody\nworker-user daemon\nlisten 127.0.0.1 port 0\n"
	    "domain example.org {\n\tusers %s\n\taliases %s\n"
	    "\tsubaddress +\n}\n"
	    "domain example.net {\n\tusers %s\n\tcatch-all carol\n}\n"
	    "limits {\n%s%s}\n", d->root,
	    harness_path("users"), harness_path("aliases"),
	    harness_path("users.net"), strstr(limits, "-reserve") == NULL ?
	    "\tdisk-reserve 1M\n" : "", limits);
	harness_write_file(d->conf, text);
}

/* Asks for one recipient; the exit status is what it may be. */
static void
explain(const struct daemon *d, const char *from, const char *to,
    const char *client, const char *extra, const char *value)
{
	const char *const args[] = { "explain", "-f", d->conf, "--from", from,
	    "--to", to, "--client", client, extra, value, NULL };

	ctl_run(&ctl, 0, args);
	EXPECT(ctl.status == 0 || ctl.status == 1, "exit status %d: %s",
	    ctl.status, ctl.err);
	EXPECT(ctl.err[0] == '\0', "it said %s", ctl.err);
}

/* The text behind the nth "->  ". */
static const char *
reply(unsigned number)
{
	static char text[600];
	const char *at = ctl.out;

	for (unsigned i = 0; i <= number; i++) {
		at = strstr(at, "->  ");
		EXPECT(at != NULL, "no reply %u in %s", number, ctl.out);
		at += 4;
	}
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\n"), at);
	return text;
}

/* What a client reads, word for word. */
TEST(as_a_client)
{
	static const struct {
		const char	*from;
		const char	*to;
	} t[] = {
		{ "a@b.example", "alice@example.org" },
		{ "", "ALICE@Example.ORG" },
		{ "a@b.example", "info@example.org" },
		{ "a@b.example", "alice+x@example.org" },
		{ "a@b.example", "info+x+y@example.org" },
		{ "a@b.example", "nobody-here@example.org" },
		{ "a@b.example", "+alice@example.org" },
		{ "a@b.example", "whoever@example.net" },
		{ "a@b.example", "j\xc3\xb6rg@example.net" },
		{ "j\xc3\xb6rg@b.example", "carol@example.net" },
		{ "a@b.example", "postmaster" },
		{ "a@b.example", "Postmaster@example.org" },
		{ "a@b.example", "alice@elsewhere.example" },
		{ "a@b.example", "alice@example.org.elsewhere.example" },
		{ "a@b.example", "\"alice\"@example.org" },
		{ "a@b.example", "\"a b\"@example.org" },
		{ "a@b.example", "@relay.example:alice@example.org" },
		{ "a@b.example", "alice" },
		{ "a@b.example", "alice@" },
		{ "a@b.example", "alice@example..org" },
		{ "a@b.example", "alice@[127.0.0.1]" }
	};
	char line[512];
	struct client c;
	struct daemon d;

	make(&d, "");
	daemon_start(&d);
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO client.example.net");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		bool taken;

		explain(&d, t[i].from, t[i].to, "127.0.0.1", NULL, NULL);
		EXPECT(strcmp(reply(0), "220 mx.example.org ESMTP smtpd") ==
		    0, "greeting: %s", reply(0));
		client_command(&c, "MAIL FROM:<%s> SMTPUTF8", t[i].from);
		EXPECT(strcmp(c.reply, reply(1)) == 0, "<%s>: it says \"%s\", "
		    "a client reads \"%s\"", t[i].from, reply(1), c.reply);
		snprintf(line, sizeof(line), "RCPT TO:<%s>", t[i].to);
		taken = client_command(&c, "%s", line) == 250;
		EXPECT(strcmp(c.reply, reply(2)) == 0, "<%s>: it says \"%s\", "
		    "a client reads \"%s\"", t[i].to, reply(2), c.reply);
		EXPECT(ctl.status == (taken ? 0 : 1), "<%s>: exit status %d",
		    t[i].to, ctl.status);
		client_expect(&c, 250, "RSET");
		if (i % 6 == 5) {
			/* Too many mistakes end a session. */
			client_expect(&c, 221, "QUIT");
			client_close(&c);
			client_open(&c, &d, NULL);
			client_expect(&c, 250, "EHLO client.example.net");
		}
	}
	client_close(&c);
	EXPECT(mail_total(&d) == 0 && mail_incoming(&d) == 0,
	    "asking has stored something");
	daemon_stop(&d);
}

/* Each step with the line that is behind it. */
TEST(steps)
{
	struct daemon d;
	char want[300];

	make(&d, "\tper-address 9\n");
	daemon_start(&d);
	explain(&d, "a@b.example", "info+x@example.org", "192.0.2.7", NULL,
	    NULL);
	EXPECT(ctl.status == 0, "%s", ctl.out);
	snprintf(want, sizeof(want), "%s:6\n", d.conf);
	EXPECT(ctl_says(&ctl, "example.org is a domain of ours ") &&
	    ctl_says(&ctl, want), "%s", ctl.out);
	snprintf(want, sizeof(want), "%s:9\n", d.conf);
	EXPECT(ctl_says(&ctl, want), "no %s in %s", want, ctl.out);
	snprintf(want, sizeof(want), "%s:1\n", harness_path("aliases"));
	EXPECT(ctl_says(&ctl, "        info@example.org is an alias ") &&
	    ctl_says(&ctl, want), "%s", ctl.out);
	snprintf(want, sizeof(want), "%s:1\n", harness_path("users.net"));
	EXPECT(ctl_says(&ctl, want), "no %s in %s", want, ctl.out);
	snprintf(want, sizeof(want), "stored in %s/mail/example.net/carol\n",
	    d.root);
	EXPECT(ctl_says(&ctl, want), "no %s in %s", want, ctl.out);
	snprintf(want, sizeof(want), "192.0.2.7 has 0 of 9 sessions");
	EXPECT(ctl_says(&ctl, want), "no %s in %s", want, ctl.out);
	EXPECT(ctl_says(&ctl, "Delivered: 1 recipient, 3 mailboxes.\n"),
	    "%s", ctl.out);
	explain(&d, "a@b.example", "info@example.org", "192.0.2.7", "--json",
	    NULL);
	EXPECT(ctl_json(&ctl, "mailboxes") == 3 &&
	    ctl_says(&ctl, "\"asked\":\"smtpd\",\"configuration\":") &&
	    ctl_says(&ctl, "\"step\":\"alias\",\"refuses\":false,"
	    "\"depth\":0,"), "%s", ctl.out);
	daemon_stop(&d);
}

TEST(several)
{
	struct daemon d;
	const char *const args[] = { "explain", "-f", d.conf, "--from",
	    "a@b.example", "--to", "alice@example.org", "--to",
	    "alice@elsewhere.example", "--to", "alice+x@example.org", "--to",
	    "bob@example.org", NULL };

	make(&d, "\trecipients 2\n");
	daemon_start(&d);
	ctl_run(&ctl, 0, args);
	EXPECT(ctl.status == 1, "exit status %d: %s", ctl.status, ctl.err);
	/* No client is told, so MAIL is the first. */
	EXPECT(strncmp(reply(1), "250", 3) == 0 &&
	    strncmp(reply(2), "550", 3) == 0 &&
	    strncmp(reply(3), "250", 3) == 0 &&
	    strcmp(reply(4), "452 4.5.3 too many recipients") == 0, "%s",
	    ctl.out);
	EXPECT(ctl_says(&ctl, "Delivered in part: 2 of 4 recipients, 1 "
	    "mailbox.\n"), "%s", ctl.out);
	daemon_stop(&d);
}

/* The state of the moment: sessions, refusals, the disk. */
TEST(live_facts)
{
	struct client c[2];
	pid_t workers[64];
	struct daemon d;
	size_t n;

	make(&d, "\tworkers 40\n\tper-address 2\n\tmessage-size 10K\n");
	daemon_start(&d);
	client_open(&c[0], &d, "127.0.0.8");
	client_open(&c[1], &d, "127.0.0.8");
	explain(&d, "a@b", "alice@example.org", "127.0.0.8", NULL, NULL);
	EXPECT(ctl.status == 1 && strcmp(reply(0), "421 4.7.0 mx.example.org "
	    "too many sessions from you") == 0, "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "NO  127.0.0.8 has 2 of 2 sessions"),
	    "%s", ctl.out);
	explain(&d, "a@b", "alice@example.org", "127.0.0.9", NULL, NULL);
	EXPECT(ctl.status == 0, "%s", ctl.out);
	n = daemon_workers(&d, workers, 64);
	for (size_t i = 0; i < n; i++)
		kill(workers[i], SIGSEGV);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=worker-crash ",
	    "127.0.0.8", NULL) == 2), "no crash in the log");
	explain(&d, "a@b", "alice@example.org", "127.0.0.8", NULL, NULL);
	EXPECT(ctl.status == 1 && strcmp(reply(0), "421 4.7.0 mx.example.org "
	    "refused for a while") == 0, "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "NO  127.0.0.8 is refused for 9 min"), "%s",
	    ctl.out);
	EXPECT(client_connect(&c[0], &d, "127.0.0.8") &&
	    client_reply(&c[0]) == 421 && strcmp(c[0].reply, reply(0)) == 0,
	    "a client reads %s", c[0].reply);
	explain(&d, "a@b", "alice@example.org", "127.0.0.9", "--size",
	    "10241");
	client_open(&c[0], &d, "127.0.0.9");
	client_expect(&c[0], 250, "EHLO c");
	client_command(&c[0], "MAIL FROM:<a@b> SIZE=10241");
	EXPECT(ctl.status == 1 && strcmp(c[0].reply, reply(1)) == 0,
	    "it says \"%s\", a client reads \"%s\"", reply(1), c[0].reply);
	daemon_stop(&d);
}

/* Of a configuration that no smtpd runs. */
static void
explain_alone(const struct daemon *d, int status)
{
	const char *const args[] = { "explain", "-f", d->conf, "--from",
	    "a@b", "--to", "info@example.org", "--client", "192.0.2.7",
	    NULL };

	ctl_run(&ctl, 0, args);
	EXPECT(ctl.status == status, "exit status %d: %s%s", ctl.status,
	    ctl.err, ctl.out);
}

/* A network with too many sessions, and a disk that is too full. */
TEST(reserves)
{
	struct client c;
	struct daemon d;

	make(&d, "\tworkers 2\n\tper-address 2\n\tper-network 1\n"
	    "\tgreeting-wait 1\n\tdisk-reserve 1048576G\n"
	    "\tinode-reserve 1000000000000\n");
	explain_alone(&d, 0);
	EXPECT(ctl_says(&ctl, "only a running smtpd knows") &&
	    ctl_says(&ctl, "the free space of its disk is not known here") &&
	    ctl_says(&ctl, "must not speak for 1 s"), "%s", ctl.out);
	daemon_start(&d);
	client_open(&c, &d, "127.0.0.8");
	explain(&d, "a@b", "alice@example.org", "127.0.0.7", NULL, NULL);
	EXPECT(ctl.status == 1 && strcmp(reply(0), "421 4.7.0 mx.example.org "
	    "too many sessions from your network") == 0, "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "127.0.0.7 has 0 of 2 sessions") &&
	    ctl_says(&ctl, "1 of 2 sessions are taken in all") &&
	    ctl_says(&ctl, "are free, and 1.0 PiB have to stay so") &&
	    ctl_says(&ctl, "inodes are free, and 1000000000000 have to stay"),
	    "%s", ctl.out);
	client_expect(&c, 250, "EHLO c");
	client_expect(&c, 250, "MAIL FROM:<a@b>");
	client_command(&c, "RCPT TO:<alice@example.org>");
	EXPECT(strncmp(reply(2), "452 4.3.1", 9) == 0 &&
	    strcmp(reply(2), c.reply) == 0, "a client reads %s: %s", c.reply,
	    ctl.out);
	client_close(&c);
	daemon_stop(&d);
}

/* Without a server: the configuration alone. */
TEST(configuration_alone)
{
	struct daemon d;

	make(&d, "");
	explain_alone(&d, 0);
	EXPECT(strstr(ctl.err, "no smtpd answers") != NULL &&
	    ctl_says(&ctl, "smtpd.conf alone:") &&
	    ctl_says(&ctl, "Delivered: 1 recipient, 3 mailboxes.\n"), "%s%s",
	    ctl.err, ctl.out);
	harness_write_file(harness_path("aliases"), "info: nobody-here\n");
	explain_alone(&d, 1);
	EXPECT(ctl_says(&ctl, "info@example.org is broken: smtpd -n says "
	    "why") && ctl_says(&ctl, "451 4.3.0"), "%s", ctl.out);
	harness_write_file(d.conf, "nonsense\n");
	explain_alone(&d, 2);
}

/* An alias with very many targets is shown whole. */
TEST(large_alias)
{
	char targets[8000] = "";
	struct daemon d;

	make(&d, "");
	for (int i = 0; i < 300; i++)
		snprintf(targets + strlen(targets), sizeof(targets) -
		    strlen(targets), "%su%d", i == 0 ? "all: " : ", ", i);
	snprintf(targets + strlen(targets), sizeof(targets) -
	    strlen(targets), "\n");
	harness_write_file(harness_path("aliases"), targets);
	daemon_start(&d);
	explain(&d, "a@b", "all@example.org", "127.0.0.9", "--json", NULL);
	EXPECT(ctl.status == 0 && ctl_json(&ctl, "mailboxes") == 300 &&
	    ctl_says(&ctl, "mail/example.org/u299\""), "%.600s", ctl.out);
	daemon_stop(&d);
}

TEST(wrong_arguments)
{
	static const char *const t[][8] = {
		{ "explain", NULL },
		{ "explain", "--from", "a@b", NULL },
		{ "explain", "--to", "a@b", NULL },
		{ "explain", "--from", "a@b", "--to", "a@b", "more", NULL },
		{ "explain", "--from", "a@b", "--to", "a@b", "--client",
		    "1.2.3", NULL },
		{ "explain", "--from", "a@b", "--to", "a@b", "--size",
		    "5x", NULL },
		{ "explain", "--from", "a@b", "--to", "a@b", "--size",
		    "9999999999999999999", NULL }
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ctl_run(&ctl, 0, t[i]);
		EXPECT(ctl.status == 2 && strncmp(ctl.err, "smtpctl: ", 9) == 0,
		    "%zu: exit status %d: %s", i, ctl.status, ctl.err);
	}
}
