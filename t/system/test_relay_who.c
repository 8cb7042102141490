/*
 * Who may send mail out, as a client reads it and as smtpctl explains it; and
 * how much.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/reload.h"
#include "t/system/secure.h"

/* Who may send out, by which line, and which way; as a client reads it. */
TEST(elsewhere)
{
	static const char relay[] = "hostname mx.example.org\nroot %s\n"
	    "user nobody\nworker-user daemon\nlisten 127.0.0.1 port 0\n"
	    "domain example.org {\n\tusers %s\n}\n"
	    "limits {\n\tdisk-reserve 1M\n}\nrelay {\n\tfrom %s\n%s}\n";
	static const struct {
		const char	*from, *more;	/* of the block */
		const char	*client, *user, *to;
		int		 status;
		const char	*want;
	} t[] = {
		{ "127.0.0.0/8", "", "127.0.0.1", NULL, "x@a.example", 0,
		    "the client may send mail out" },
		{ "127.0.0.0/8", "", "192.0.2.1", NULL, "x@a.example", 1,
		    "NO  its domain has no block, and no line lets the client "
		    "send mail out" },
		{ "127.0.0.0/8", "", "127.0.0.1", NULL, "alice@example.org", 0,
		    "alice@example.org is a user" },
		{ "authenticated", "", "127.0.0.1", NULL, "x@a.example", 1,
		    "550 5.7.1 relaying denied" },
		{ "authenticated", "", "127.0.0.1", "Alice@example.org",
		    "x@a.example", 0, "it goes to the hosts that MX records "
		    "name  the default" },
		{ "authenticated", "\tfor .example via smart.example.net port "
		    "25\n", "127.0.0.1", "alice", "x@a.example", 0,
		    "it goes to smart.example.net " },
		{ "127.0.0.0/8", "", "127.0.0.1", "alice", "x@a.example", 0,
		    "Delivered: 1 recipient, 0 mailboxes; 1 of the recipients "
		    "elsewhere.\n" },
		{ "authenticated", "", "127.0.0.1", "nobody-here",
		    "x@a.example", 2, "no such user" }
	};
	struct client c;
	struct daemon d;
	char text[2000];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		daemon_init(&d, "", NULL);
		snprintf(text, sizeof(text), relay, d.root,
		    harness_path("users"), t[i].from, t[i].more);
		harness_write_file(d.conf, text);
		CTL_EXPECT(t[i].status, t[i].want, "explain -f %s --from %s "
		    "--to %s --client %s%s%s", d.conf, t[i].user == NULL ?
		    "a@b.example" : "alice@example.org", t[i].to,
		    t[i].client, t[i].user == NULL ? "" : " --user ",
		    t[i].user == NULL ? "" : t[i].user);
		if (t[i].user != NULL || strcmp(t[i].client, "127.0.0.1") != 0)
			continue;
		daemon_start(&d);
		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<a@b.example>");
		snprintf(text, sizeof(text), "RCPT TO:<%s>", t[i].to);
		client_expect(&c, t[i].status == 0 ? 250 : 550, text);
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		daemon_stop(&d);
	}
	/* The sender has to be one of the user's. */
	CTL_EXPECT(1, "553 5.7.1 that sender address is not yours", "explain "
	    "-f %s --from bob@example.org --to x@a.example --user alice",
	    d.conf);
}

/* Submission at d->port; the second listener is for the world. */
static void
start_submission(struct daemon *d, const char *relay, const char *limits)
{
	char text[2048], hash[crypto_pwhash_STRBYTES];

	secure_make_pair("mx", "ec", "mx.example.org");
	secure_let_read(harness_path("mx.key"));
	daemon_init(d, "", NULL);
	EXPECT(sodium_init() != -1 && crypto_pwhash_str(hash, "secret", 6, 1,
	    7168UL * 1024) == 0, "no hash");
	snprintf(text, sizeof(text), "alice:{ARGON2ID}%s\nbob\n", hash);
	harness_write_file(harness_path("users"), text);
	chmod(harness_path("users"), 0644);
	snprintf(text, sizeof(text), "hostname mx.example.org\nroot %s\n"
	    "user nobody\nworker-user daemon\n"
	    "listen 127.0.0.1 port 0 submission\nlisten 127.0.0.1 port 0\n"
	    "tls certificate %s key %s\ndomain example.org {\n\tusers %s\n}\n"
	    "relay {\n%s}\nlimits {\n\tdisk-reserve 1M\n%s}\n", d->root,
	    harness_path("mx.pem"), harness_path("mx.key"),
	    harness_path("users"), relay, limits);
	harness_write_file(d->conf, text);
	daemon_start(d);
}

static void
open_alice(struct secure *s, const struct daemon *d)
{
	secure_open_from(s, d, NULL);
	/* "\0alice\0secret" */
	secure_expect(s, 235, "AUTH PLAIN AGFsaWNlAHNlY3JldA==");
}

/* Only a login that the block names, or an address, lets mail out. */
TEST(who)
{
	struct daemon d, world;
	struct client c;
	struct secure s;

	start_submission(&d, "\tfrom authenticated\n\tfrom 127.3.0.0/16\n",
	    "");
	world = daemon_at_listener(&d, 2);
	client_open(&c, &world, NULL);
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
	client_expect(&c, 550, "RCPT TO:<x@elsewhere.example>");
	EXPECT(strcmp(c.reply, "550 5.7.1 relaying denied") == 0, "%s",
	    c.reply);
	client_expect(&c, 250, "RCPT TO:<bob@example.org>");
	client_close(&c);
	client_open(&c, &world, "127.3.0.1");
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<anybody@example.net>");
	client_expect(&c, 250, "RCPT TO:<x@elsewhere.example>");
	client_expect(&c, 550, "RCPT TO:<nobody-here@example.org>");
	client_close(&c);
	open_alice(&s, &d);
	secure_expect(&s, 553, "MAIL FROM:<anybody@example.net>");
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	secure_expect(&s, 250, "RCPT TO:<x@elsewhere.example>");
	secure_expect(&s, 250, "RCPT TO:<bob@example.org>");
	secure_drop(&s);
	daemon_stop(&d);
}

/* A login that nobody let out is for mail among users. */
TEST(login_is_not_enough)
{
	struct daemon d;
	struct secure s;

	start_submission(&d, "\tfrom 127.3.0.0/16\n", "");
	open_alice(&s, &d);
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	secure_expect(&s, 550, "RCPT TO:<x@elsewhere.example>");
	secure_expect(&s, 250, "RCPT TO:<bob@example.org>");
	secure_drop(&s);
	daemon_stop(&d);
}

/* What alice's password is worth to a thief; to users of ours she may write. */
TEST(rates)
{
	struct daemon d;
	struct secure s;

	start_submission(&d, "\tfrom authenticated\n",
	    "\tmails-per-hour 3\n\trecipients-per-day 5\n");
	open_alice(&s, &d);
	for (int i = 0; i < 3; i++) {
		secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
		secure_expect(&s, 250, "RCPT TO:<x@elsewhere.example>");
		secure_expect(&s, 250, "RSET");
	}
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	for (int i = 0; i < 3; i++) {
		secure_expect(&s, 450, "RCPT TO:<x@elsewhere.example>");
		EXPECT(strcmp(s.reply, "450 4.7.1 too much mail from you in "
		    "an hour, try later") == 0, "%s", s.reply);
	}
	secure_expect(&s, 250, "RCPT TO:<bob@example.org>");
	secure_drop(&s);
	/* Nor in another session. */
	open_alice(&s, &d);
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	secure_expect(&s, 450, "RCPT TO:<x@elsewhere.example>");
	secure_drop(&s);
	EXPECT(daemon_logged(&d, " event=rate-limit ",
	    " user=alice@example.org why=\"too much mail of this user in an "
	    "hour\" then=", NULL) == 1 &&
	    daemon_logged(&d, " event=rate-limit ", NULL) == 1,
	    "not logged once");
	CTL_EXPECT(0, "TROUBLE        alice@example.org has sent too much "
	    "within the last hour", "status -f %s", d.conf);
	CTL_EXPECT(0, "recipients_refused_total{verdict=\"too much of one "
	    "user\"} 4\n", "stats -o -f %s", d.conf);
	daemon_stop(&d);
	start_submission(&d, "\tfrom authenticated\n",
	    "\trecipients-per-day 5\n");
	open_alice(&s, &d);
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	for (int i = 0; i < 5; i++)
		secure_expect(&s, 250, "RCPT TO:<x@elsewhere.example>");
	secure_expect(&s, 450, "RCPT TO:<x@elsewhere.example>");
	EXPECT(strcmp(s.reply, "450 4.7.1 too many recipients from you in a "
	    "day, try later") == 0, "%s", s.reply);
	secure_drop(&s);
	daemon_stop(&d);
}

/* Strangers behind a router that has the address of a permitted client. */
TEST(alarm_at_run_time)
{
	struct daemon d, world;
	struct client c;
	char line[64];

	start_submission(&d, "\tfrom 127.3.0.1\n", "");
	world = daemon_at_listener(&d, 2);
	for (int i = 0; i < 25; i++) {
		client_open(&c, &world, "127.3.0.1");
		snprintf(line, sizeof(line), "EHLO client%d.example.net", i);
		client_expect(&c, 250, line);
		client_expect(&c, 250, "MAIL FROM:<bob@example.org>");
		client_expect(&c, 250, "RCPT TO:<alice@example.org>");
		client_close(&c);
		/* From an address that may not: no reason for an alarm. */
		client_open(&c, &world, "127.3.0.2");
		client_expect(&c, 250, line);
		client_expect(&c, 250, "MAIL FROM:<bob@example.org>");
		client_expect(&c, 250, "RCPT TO:<alice@example.org>");
		client_close(&c);
	}
	EXPECT(daemon_logged(&d, " event=relay-alarm ", " client=127.3.0.1 ",
	    " line=12 why=\"more than 20 HELO names\" then=", NULL) == 1 &&
	    daemon_logged(&d, " event=relay-alarm ", NULL) == 1,
	    "not logged once");
	CTL_EXPECT(0, "TROUBLE        strangers may send mail through "
	    "127.3.0.1: look for relay-alarm", "status -f %s", d.conf);
	client_open(&c, &world, "127.3.0.1");
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<bob@example.org>");
	client_expect(&c, 250, "RCPT TO:<x@elsewhere.example>");
	client_close(&c);
	daemon_stop(&d);
}

/* Behind a proxy the client counts, and never the address of the proxy. */
TEST(behind_a_proxy)
{
	static const struct {
		const char	*from, *header;
		int		 code;
	} t[] = {
		{ "127.7.0.1", "PROXY TCP4 198.51.100.7 192.0.2.1 1 25\r\n",
		    550 },
		{ "127.7.0.1", "PROXY TCP4 127.7.0.1 192.0.2.1 1 25\r\n",
		    250 },
		{ "198.51.100.7", "PROXY TCP4 198.51.100.7 192.0.2.1 1 25\r\n",
		    250 },
		{ "198.51.100.7", "PROXY TCP4 198.51.100.8 192.0.2.1 1 25\r\n",
		    550 },
		{ "198.51.100.7", "PROXY TCP6 ::ffff:198.51.100.7 ::1 1 25\r\n",
		    250 },
		{ "::1", "PROXY TCP6 ::1 ::1 1 25\r\n", 250 },
		{ "::/127", "PROXY TCP6 ::2 ::1 1 25\r\n", 550 }
	};
	struct daemon d;
	struct client c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		daemon_init(&d, "", NULL);
		daemon_add_conf(&d, "proxy-from 127.7.0.1\n"
		    "relay {\nfrom %s\n}\n", t[i].from);
		daemon_start(&d);
		EXPECT(client_connect(&c, &d, "127.7.0.1"), "connect");
		EXPECT(client_send(&c, t[i].header, strlen(t[i].header)),
		    "send");
		EXPECT(client_reply(&c) == 220, "%zu: %s", i, c.reply);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<a@b.example>");
		EXPECT(client_command(&c, "RCPT TO:<x@elsewhere.example>") ==
		    t[i].code, "%zu: %s", i, c.reply);
		client_close(&c);
		daemon_stop(&d);
	}
}

/* What looks like a detour to elsewhere is none, also for who may send out. */
TEST(no_detours)
{
	static const struct {
		const char	*to;
		int		 code;
	} t[] = {
		{ "x%elsewhere.example@example.org", 550 },
		{ "elsewhere.example!x@example.org", 550 },
		{ "press@example.net", 451 },	/* an alias to elsewhere */
		{ "@example.org:x@elsewhere.example", 250 },
		{ "x@EXAMPLE.org", 550 }, { "x@example.org.", 501 },
		{ "x", 501 }, { "x@elsewhere.example", 250 }
	};
	struct daemon d;
	struct client c;
	char line[300];

	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "relay {\nfrom 127.0.0.1\n}\n"
	    "domain example.net {\naliases %s\n}\n", harness_path("aliases"));
	harness_write_file(harness_path("aliases"), "press: x@a.example\n");
	daemon_start(&d);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<a@b.example>");
		snprintf(line, sizeof(line), "RCPT TO:<%s>", t[i].to);
		EXPECT(client_command(&c, "%s", line) == t[i].code, "%s: %s",
		    t[i].to, c.reply);
		client_close(&c);
	}
	daemon_stop(&d);
}

/* Who may send out can change while smtpd runs; where dial may go cannot. */
TEST(reloaded)
{
	static const char block[] =
	    "relay {\n\tfrom 127.3.0.3\n\tprivate-mx no\n}\n",
	    again[] = "relay {\nfrom 127.3.0.3\n}\nhostname ";
	struct daemon d, world;
	struct client c;

	start_submission(&d, "\tfrom 127.3.0.1\n", "");
	world = daemon_at_listener(&d, 2);
	reload_edit(&d, "from 127.3.0.1", "from 127.3.0.2");
	reload_in_order(&d);
	for (int i = 1; i <= 2; i++) {
		client_open(&c, &world, i == 1 ? "127.3.0.1" : "127.3.0.2");
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<bob@example.org>");
		client_expect(&c, i == 1 ? 550 : 250,
		    "RCPT TO:<x@elsewhere.example>");
		client_close(&c);
	}
	reload_edit(&d, "from 127.3.0.2",
	    "from 127.3.0.1\n\tvia 192.0.2.1 port 25");
	reload_refused(&d, "for dial a way to 25/tcp@192.0.2.1 takes a "
	    "restart");
	reload_edit(&d, "via 192.0.2.1 port 25", "private-mx yes");
	reload_refused(&d, "a way to private takes a restart");
	reload_edit(&d, "private-mx yes", "private-mx no");
	reload_edit(&d, "hostname ", "resolver 192.0.2.9\nhostname ");
	reload_refused(&d, "a way to 53/tcp@192.0.2.9 takes a restart");
	reload_edit(&d, "resolver 192.0.2.9\nhostname ", "hostname ");
	reload_edit(&d, "from 127.3.0.1", "from 127.3.0.3");
	reload_in_order(&d);
	/* Nothing leaves from now on; and then again. */
	reload_edit(&d, block, "");
	reload_in_order(&d);
	reload_edit(&d, "hostname ", again);
	reload_in_order(&d);
	client_open(&c, &world, "127.3.0.3");
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<bob@example.org>");
	client_expect(&c, 250, "RCPT TO:<x@elsewhere.example>");
	client_close(&c);
	daemon_stop(&d);
}

/* Without a block at start there is no process that connects. */
TEST(first_block)
{
	struct daemon d;

	daemon_serve(&d, "");
	daemon_add_conf(&d, "relay {\nfrom 127.0.0.1\n}\n");
	reload_refused(&d, "for dial a way to others (a first \\\"relay\\\" "
	    "block) takes a restart");
	daemon_stop(&d);
}
