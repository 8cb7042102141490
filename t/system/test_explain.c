/*
 * "smtpctl explain ID" of what a real daemon did, and what it keeps of
 * sessions in which something was refused.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"

enum { id_bytes = 16, of_network_max = 50, kept_max = 1000 };

/* A daemon with aliases, whose configuration is read by nobody else. */
static void
start(struct daemon *d, const char *lines)
{
	FILE *f;

	daemon_init(d, "", NULL);
	harness_write_file(harness_path("aliases"),
	    "team: alice, bob\nall: team, u1\n");
	harness_write_file(harness_path("users.net"), "carol:!$argon2id$x\n");
	f = fopen(d->conf, "ae");
	EXPECT(f != NULL, "%s", strerror(errno));
	fprintf(f, "domain example.net {\n\tusers %s\n\taliases %s\n"
	    "\tsubaddress +\n\tcatch-all carol\n}\n%s",
	    harness_path("users.net"), harness_path("aliases.net"), lines);
	EXPECT(fclose(f) == 0, "%s", strerror(errno));
	harness_write_file(harness_path("aliases.net"), "team: carol, "
	    "alice@example.org\nall: team, carol\n");
	daemon_start(d);
}

static void
id_of(const struct daemon *d, const char *event, const char *key, char *out)
{
	daemon_log_value(d, event, key, out, id_bytes + 1);
	EXPECT(strlen(out) == id_bytes, "no %s in %s: %s", key, event, out);
}

static void
said(const char *text)
{
	EXPECT(strstr(ctl_text, text) != NULL, "no \"%s\" in: %s", text,
	    ctl_text);
}

static void
not_said(const char *text)
{
	EXPECT(strstr(ctl_text, text) == NULL, "\"%s\" in: %s", text,
	    ctl_text);
}

/* The only file in new of a Maildir. */
static void
only_file(const char *maildir, char *out, size_t size)
{
	char path[512];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/new", maildir);
	d = opendir(path);
	EXPECT(d != NULL, "%s: %s", path, strerror(errno));
	out[0] = '\0';
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			snprintf(out, size, "%s", e->d_name);
	closedir(d);
	EXPECT(out[0] != '\0', "%s is empty", path);
}

/* Every step of every recipient, and where the message went from there. */
TEST(message)
{
	char id[32], session[32], name[256], alice[256], carol[256];
	struct daemon d;
	struct client c;

	start(&d, "");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO client.example");
	client_expect(&c, 250, "MAIL FROM:<\"j\\\"x\"@remote.example>");
	client_expect(&c, 250, "RCPT TO:<All@example.net>");
	client_expect(&c, 550, "RCPT TO:<nobody@example.org>");
	client_expect(&c, 250, "RCPT TO:<carol+x@example.net>");
	client_expect(&c, 250, "RCPT TO:<else@example.net>");
	client_expect(&c, 550, "RCPT TO:<x@elsewhere.example>");
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nhello\r\n.");
	client_expect(&c, 221, "QUIT");
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    1), "no disconnect");
	id_of(&d, " event=store ", "id", id);
	id_of(&d, " event=store ", "session", session);

	CTL_EXPECT(0, "message ", "explain -f %s %s", d.conf, id);
	/* As it stands in a log for Postfix's tools. */
	for (size_t i = 0; i <= id_bytes; i++)
		name[i] = (char)toupper((unsigned char)id[i]);
	CTL_EXPECT(0, id, "explain -f %s %s", d.conf, name);
	said(" 127.0.0.1 port ");
	said("HELO client.example");
	not_said("two file systems");
	said("from       <\"j\\\"x\"@remote.example>");
	said("RCPT TO:<All@example.net>\n        example.net is a domain of "
	    "ours ");
	said("    ->  250 2.1.5 recipient ok\n");
	said("/aliases.net:2");
	said("all@example.net is an alias");
	said("all: team, carol\n");
	said("team: carol, alice@example.org\n");
	said("RCPT TO:<nobody@example.org>\n");
	said("    ->  550 5.1.1 no such recipient here\n");
	said("RCPT TO:<x@elsewhere.example>\n    NO  its domain has no block, "
	    "and no line lets the client send mail out\n"
	    "    ->  550 5.7.1 relaying denied\n");
	said("without its subaddress it is carol@example.net ");
	said("nobody by that name in example.net, so the catch-all");
	said("/mail/example.org/alice/new/");
	said("/mail/example.net/carol/new/");
	said("as it was delivered: no mail program has taken it up");
	not_said("argon2id");

	snprintf(alice, sizeof(alice), "%s/mail/example.org/alice", d.root);
	snprintf(carol, sizeof(carol), "%s/mail/example.net/carol", d.root);
	only_file(alice, name, sizeof(name));
	EXPECT(rename(harness_path("root/mail/example.org/alice/new/%s",
	    name), harness_path("root/mail/example.org/alice/cur/%s:2,FS",
	    name)) == 0, "rename: %s", strerror(errno));
	EXPECT(mkdir(harness_path("root/mail/example.net/carol/.Junk"),
	    0700) == 0 && mkdir(harness_path(
	    "root/mail/example.net/carol/.Junk/cur"), 0700) == 0 &&
	    rename(harness_path("root/mail/example.net/carol/new/%s", name),
	    harness_path("root/mail/example.net/carol/.Junk/cur/%s:2,",
	    name)) == 0, "rename: %s", strerror(errno));
	CTL_EXPECT(0, "moved to cur by a mail program: flagged, seen "
	    "(flags FS)", "explain -f %s %s", d.conf, id);
	said("moved to the folder Junk: not seen");
	/* A mail program gives folders names; none of them acts on a reader. */
	EXPECT(rename(harness_path("root/mail/example.net/carol/.Junk"),
	    harness_path("root/mail/example.net/carol/.\xc2\x9b\xe2\x80\xae"
	    "\x1bz")) == 0, "rename: %s", strerror(errno));
	CTL_EXPECT(0, "folder \\xc2\\x9b\\xe2\\x80\\xae\\x1bz: not seen",
	    "explain -f %s %s", d.conf, id);
	CTL_EXPECT(0, "\"folder\":\"\\u009b\\u202e\\u001bz\"",
	    "explain --json -d %s %s", d.root, id);
	not_said("\xc2\x9b");
	not_said("\xe2\x80\xae");
	EXPECT(unlink(harness_path("root/mail/example.org/alice/cur/%s:2,FS",
	    name)) == 0, "unlink");
	CTL_EXPECT(0, "no longer there", "explain -f %s %s", d.conf, id);

	/* The same by its session, and for programs. */
	CTL_EXPECT(0, id, "explain -f %s %s", d.conf, session);
	CTL_EXPECT(0, "{\"id\":\"", "explain --json -d %s %s", d.root, id);
	said("\"messages\":[{\"log\":{\"time\":\"");
	said("\"from\":\"\\\"j\\\\\\\"x\\\"@remote.example\"");
	said("{\"mailbox\":\"alice@example.org\",\"state\":\"gone\"");
	said("{\"mailbox\":\"carol@example.net\",\"state\":\"folder\"");
	said("\"refused\":null}\n");
	CTL_EXPECT(0, "\"refused\":{\"session\":{\"session\":\"",
	    "explain --json -d %s %s", d.root, session);
	/* What the file says now is not what decided. */
	harness_write_file(harness_path("aliases.net"), "x: carol\n"
	    "y: carol\n");
	harness_sleep_ms(1100);
	harness_write_file(harness_path("aliases.net"), "x: carol\n"
	    "y: carol\n");
	CTL_EXPECT(0, "y: carol   (the file was changed since)",
	    "explain -f %s %s", d.conf, id);
	daemon_stop(&d);
}

/*
 * Who writes the log does not choose what root reads: not a file that the
 * configuration does not name, no link, and nothing that can be waited for.
 */
TEST(no_other_file)
{
	static const char line[] = "team: carol, alice@example.org\n";
	char *log, *at;
	struct daemon d;
	struct client c;
	char id[32];
	size_t n;

	start(&d, "");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "HELO client.example");
	client_expect(&c, 250, "MAIL FROM:<>");
	client_expect(&c, 250, "RCPT TO:<team@example.net>");
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nhello\r\n.");
	id_of(&d, " event=store ", "id", id);
	client_close(&c);
	daemon_stop(&d);
	CTL_EXPECT(0, line, "explain -f %s %s", d.conf, id);
	CTL_EXPECT(0, "/aliases.net:1", "explain -d %s %s", d.root, id);
	not_said(line);
	EXPECT(rename(harness_path("aliases.net"), harness_path("secrets.net"))
	    == 0 && symlink(harness_path("secrets.net"), harness_path(
	    "aliases.net")) == 0, "symlink: %s", strerror(errno));
	CTL_EXPECT(0, "/aliases.net:1", "explain -f %s %s", d.conf, id);
	not_said(line);
	EXPECT(unlink(harness_path("aliases.net")) == 0 &&
	    mkfifo(harness_path("aliases.net"), 0600) == 0, "mkfifo");
	CTL_EXPECT(0, "/aliases.net:1", "explain -f %s %s", d.conf, id);
	log = harness_read_file(harness_path("root/log/message"), &n);
	at = strstr(log, "/aliases.net\"");
	EXPECT(at != NULL, "no alias in the log: %s", log);
	memcpy(at, "/secrets", 8);
	harness_write_file(harness_path("root/log/message"), log);
	CTL_EXPECT(0, "/secrets.net:1", "explain -f %s %s", d.conf, id);
	not_said(line);
	/* Nor a directory that is no Maildir. */
	at = strstr(log, "\"alice@example.org\"");
	EXPECT(at != NULL, "no Maildir in the log: %s", log);
	memcpy(at, "\"../..", 6);
	harness_write_file(harness_path("root/log/message"), log);
	EXPECT(rename(harness_path("root/mail/example.org/alice/new"),
	    harness_path("root/new")) == 0, "rename: %s", strerror(errno));
	CTL_EXPECT(0, "mail/example.org/../..\n               cannot be looked "
	    "for: ", "explain -f %s %s", d.conf, id);
	not_said("as it was delivered: no mail program has taken it up\n  in");
	free(log);
}

/* Found in a log that was rotated, and chained on from there. */
TEST(after_rotation)
{
	struct daemon d;
	char id[32];

	start(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 300, "alice") == 250, "no 250");
	id_of(&d, " event=store ", "id", id);
	kill(d.pid, SIGUSR1);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=reopen ", NULL) == 1),
	    "no reopen");
	EXPECT(client_deliver(&d, NULL, 2, 300, "alice") == 250, "no 250");
	CTL_EXPECT(0, "/log/message.2", "explain -f %s %s", d.conf, id);
	said("Z:1\n");
	daemon_stop(&d);
}

static void
send_raw(struct client *c, const char *line, int code)
{
	EXPECT(client_send(c, line, strlen(line)) && client_reply(c) == code,
	    "%s: %s", line, c->reply);
}

/* What was said is kept, but no message, no secret, nothing harmful. */
TEST(transcript)
{
	struct daemon d;
	struct client c;
	char session[32];

	start(&d, "");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO bad.example");
	client_expect(&c, 500, "AUTH LOGIN");
	client_expect(&c, 500, "c2VjcmV0LXVzZXI=");
	client_expect(&c, 500, "c2VjcmV0LXBhc3M=");
	client_expect(&c, 500, "AUTH PLAIN AHNlY3JldABzZWNyZXQ=");
	client_expect(&c, 500, "authAHNlY3JldABzZWNyZXQ=");
	client_expect(&c, 500, "AUTH AHNlY3JldABzZWNyZXQ=");
	client_expect(&c, 250, "NOOP");
	client_expect(&c, 500, " \tAUTH PLAIN AHNlY3JldABzZWNyZXQ=");
	client_expect(&c, 250, "MAIL FROM:<a@bad.example>");
	client_expect(&c, 550, "RCPT TO:<nobody@example.org>");
	client_expect(&c, 250, "RCPT TO:<alice@example.org>");
	send_raw(&c, "\x1b]0;owned\x07\xff\r\n", 500);
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: private\r\n\r\nprivate words\r\n.");
	send_raw(&c, "NOOP\n", 500);
	EXPECT(client_is_closed(&c), "it is not closed");
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    1), "no disconnect");
	id_of(&d, " event=disconnect ", "session", session);
	CTL_EXPECT(0, "in which something was refused", "explain -d %s %s",
	    d.root, session);
	said("> EHLO bad.example\n");
	said("< 250-PIPELINING\n");
	said("> AUTH LOGIN\n");
	said("> AUTH PLAIN\n");
	said("* a line is left out: it may be a password\n");
	said("> MAIL FROM:<a@bad.example>\n");
	said("< 550 5.1.1 no such recipient here\n");
	said("> \\x1b]0;owned\\x07\\xff\n");
	said("* a message of 35 octets, left out\n");
	said("* a line that ended with a bare LF\n");
	said("ended      after ");
	said("refused for its line ends");
	not_said("private");
	not_said("c2Vj");
	not_said("AHNl");
	not_said("\x1b");
	daemon_stop(&d);
}

static size_t
count_kept(const struct daemon *d)
{
	char path[256];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/log/refused", d->root);
	dir = opendir(path);
	EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
be_refused(const struct daemon *d, const char *from)
{
	struct client c;

	client_open(&c, d, from);
	client_expect(&c, 500, "XYZZY");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
}

/* Sessions in which all was taken leave nothing; nor does "0". */
TEST(only_refused)
{
	struct daemon d;

	start(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 300, "alice") == 250, "no 250");
	be_refused(&d, NULL);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    2), "no disconnect");
	EXPECT(count_kept(&d) == 1, "%zu are kept", count_kept(&d));
	daemon_stop(&d);
	start(&d, "keep-refused 0\n");
	be_refused(&d, NULL);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    1), "no disconnect");
	EXPECT(count_kept(&d) == 0, "%zu are kept", count_kept(&d));
	daemon_stop(&d);
}

static void
leave(const struct daemon *d, const char *name, const char *client)
{
	const struct passwd *pw = getpwnam("nobody");
	const char *path = harness_path("root/log/refused/%s", name);
	FILE *f = fopen(path, "we");

	EXPECT(f != NULL && d->pid == 0, "%s: %s", path, strerror(errno));
	fprintf(f, "{\"session\":\"%s\",\"client\":\"%s\",\"port\":1,"
	    "\"began\":\"2026-11-24T00:16:26Z\",\"ms\":1,\"why\":\"quit\","
	    "\"commands\":1,\"errors\":1,\"stored\":0}\n", name, client);
	EXPECT(fclose(f) == 0, "%s", path);
	if (geteuid() == 0)
		EXPECT(pw != NULL && chown(path, pw->pw_uid, pw->pw_gid) == 0,
		    "chown");
}

/* One network does not push the others out, and the old ones go. */
TEST(bounded)
{
	char now[32], id[32];
	struct daemon d;

	start(&d, "");
	be_refused(&d, NULL);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    1), "no disconnect");
	id_of(&d, " event=disconnect ", "session", now);
	daemon_stop(&d);
	for (unsigned i = 0; i < kept_max + 20; i++) {
		snprintf(id, sizeof(id), "%.11s%05u", now, i);
		leave(&d, id, "2001:db8::1");
	}
	leave(&d, "1m00000000000000", "127.0.0.1");	/* years ago */
	daemon_start(&d);
	EXPECT(count_kept(&d) <= kept_max, "%zu are kept", count_kept(&d));
	EXPECT(access(harness_path("root/log/refused/1m00000000000000"),
	    F_OK) == -1, "an old one is kept");
	for (unsigned i = 0; i < of_network_max + 10; i++)
		be_refused(&d, NULL);
	EXPECT(WAIT_FOR(5000, daemon_logged(&d, " event=disconnect ", NULL) ==
	    of_network_max + 10), "no disconnect");
	EXPECT(count_kept(&d) == kept_max, "%zu are kept", count_kept(&d));
	/* Its own first one went, and few of the other network. */
	id_of(&d, " event=disconnect ", "session", id);
	CTL_EXPECT(1, "no message and no kept session", "explain -f %s %s",
	    d.conf, id);
	daemon_stop(&d);
}

TEST(wrong_calls)
{
	struct daemon d;

	start(&d, "");
	CTL_EXPECT(1, "no message and no kept session of this id",
	    "explain -d %s 1m857pqg38m02n9r", d.root);
	CTL_EXPECT(1, "{\"id\":\"1m857pqg38m02n9r\",\"messages\":[],"
	    "\"refused\":null}", "explain --json -d %s 1m857pqg38m02n9r",
	    d.root);
	CTL_EXPECT(2, "not an id", "explain -d %s ../../etc/passwd0",
	    d.root);
	CTL_EXPECT(2, "explain: an argument is missing\nusage: smtpctl "
	    "explain ", "explain -d %s", d.root);
	CTL_EXPECT(2, "No such file or directory",
	    "explain -d %s/x 1m857pqg38m02n9r", d.root);
	daemon_stop(&d);
	leave(&d, "1m857pqg38m02n9r", "127.0.0.1");
	harness_write_file(harness_path("root/log/refused/1m857pqg38m02n9r"),
	    "{\"session\":\n");
	CTL_EXPECT(2, "not a session that smtpd kept",
	    "explain -d %s 1m857pqg38m02n9r", d.root);
}

#define LINE(time, n, body) "{\"time\":\"2026-11-30T" time "Z\",\"n\":" n \
	",\"event\":" body ",\"previous\":\"" ZEROS "\"}\n"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define QUEUED "\"id\":\"1m857pqg38m02n9r\""
#define OUTCOME(to, n, host, tls, stage, end, code, status, text)	\
	QUEUED ",\"to\":[\"" to "\"],\"count\":" n ",\"host\":\"" host	\
	"\",\"ip\":\"192.0.2.1\",\"port\":25,\"tls\":\"" tls		\
	"\",\"stage\":\"" stage "\",\"end\":\"" end "\",\"code\":" code	\
	",\"status\":\"" status "\",\"text\":\"" text "\",\"delay\":302"

/*
 * The life of a message in the queue, over two files of the log: in order,
 * with the other side's words, of which none acts on a terminal.
 */
TEST(life)
{
	static const char id[] = "1m857pqg38m02n9r";
	const char *dir = harness_path("lived");
	char path[512];

	EXPECT(mkdir(dir, 0700) == 0, "%s", strerror(errno));
	snprintf(path, sizeof(path), "%s/log", dir);
	EXPECT(mkdir(path, 0700) == 0, "%s", strerror(errno));
	snprintf(path, sizeof(path), "%s/log/message.20261130T140500Z", dir);
	harness_write_file(path, LINE("14:00:00", "1", "\"queue\"," QUEUED
	    ",\"session\":\"1m857pqg38m02n9s\",\"client\":\"::1\","
	    "\"port\":2525,\"helo\":\"h\",\"protocol\":\"ESMTPSA\","
	    "\"user\":\"u@a.example\","
	    "\"from\":\"u@a.example\",\"size\":1000,\"file\":\"\","
	    "\"mailboxes\":0,\"to\":[],\"recipients\":3,\"rcpt\":["
	    "{\"to\":\"q@y.example\",\"verdict\":\"ok\",\"steps\":[],"
	    "\"more\":0}],\"remote\":3")
	    LINE("14:00:01", "2", "\"try\"," OUTCOME("q@y.example", "3",
	    "mx1.y.example", "", "connect", "no connection", "0", "", "")
	    ",\"next\":\"\""));
	snprintf(path, sizeof(path), "%s/log/message", dir);
	harness_write_file(path, LINE("14:05:00", "3", "\"open\",\"after\":"
	    "\"message.20261130T140500Z\"")
	    LINE("14:05:01", "4", "\"try\"," OUTCOME("q@y.example", "1",
	    "mx2.y.example", "TLSv1.3 X", "RCPT", "reply", "451", "4.7.1",
	    "4.7.1 wait\\u000aa \\\"bit\\\" \\u001b[2J")
	    ",\"next\":\"2026-11-30T14:20:00Z\"")
	    LINE("14:05:01", "5", "\"done\"," OUTCOME("r@y.example", "1",
	    "mx2.y.example", "", "final dot", "reply", "250", "2.0.0", "ok"))
	    LINE("14:05:02", "6", "\"failed\"," OUTCOME("s@y.example", "1",
	    "mx2.y.example", "", "RCPT", "reply", "550", "", "550 nobody"))
	    LINE("14:05:03", "7", "\"notice\"," QUEUED ",\"kind\":\"failed\","
	    "\"report\":\"1m857pqg38m02n9z\",\"delay\":303"));
	CTL_EXPECT(0, "  queued     2026-11-30 14:00:00 UTC, received by "
	    "ESMTPSA\n", "explain -d %s %s", dir, id);
	said("\n  what became of it, in UTC\n"
	    "  2026-11-30 14:00:01  tried     <q@y.example> and 2 more\n"
	    "                         by mx1.y.example [192.0.2.1]:25, no TLS\n"
	    "                         connect: no connection\n"
	    "  2026-11-30 14:05:01  deferred  <q@y.example>\n"
	    "                         by mx2.y.example [192.0.2.1]:25, "
	    "TLSv1.3 X\n"
	    "                         RCPT: 451 4.7.1 wait\n"
	    "                         a \"bit\" \\x1b[2J\n"
	    "                         due again 2026-11-30 14:20:00\n"
	    "  2026-11-30 14:05:01  delivered <r@y.example>\n"
	    "                         to mx2.y.example [192.0.2.1]:25, no TLS\n"
	    "                         final dot: 250 2.0.0 ok\n"
	    "                         5 min 2 s after it was queued\n"
	    "  2026-11-30 14:05:02  failed    <s@y.example>\n"
	    "                         by mx2.y.example [192.0.2.1]:25, no TLS\n"
	    "                         RCPT: 550 nobody\n");
	said("report    \"failed\" to the sender: 1m857pqg38m02n9z\n"
	    "\n  now        1 of 3 recipients wait, due 2026-11-30 14:20:00\n");
	CTL_EXPECT(0, "\"life\":[{\"time\":\"2026-11-30T14:00:01Z\",\"n\":2,",
	    "explain --json -d %s %s", dir, id);
	/* The report leads back to it. */
	CTL_EXPECT(0, "this is the report \"failed\" about message "
	    "1m857pqg38m02n9r", "explain -d %s 1m857pqg38m02n9z", dir);
	/* Of a session each message is told, and leads to its life. */
	CTL_EXPECT(0, "message 1m857pqg38m02n9r\n",
	    "explain -d %s 1m857pqg38m02n9s", dir);
	not_said("what became of it");
	snprintf(path, sizeof(path), "%s/log/message.20261130T140500Z", dir);
	EXPECT(unlink(path) == 0, "%s", strerror(errno));
	CTL_EXPECT(0, "message 1m857pqg38m02n9r, whose first line the log has "
	    "no more", "explain -d %s %s", dir, id);
	said("TLSv1.3 X");
}

/* The one word that is wrong is named, and the nearest that is not. */
TEST(wrong_words)
{
	static const char *const t[][2] = {
		{ "statsu", ": statsu: unknown command; did you mean "
		    "stats?\n" },
		{ "x\x1b[2J", ": x\\x1b[2J: unknown command\n" },
		{ "status -x", ": status: -x: unknown option\n" },
		{ "status --jsn", ": status: --jsn: unknown option; did you "
		    "mean --json?\n"
		    "usage: smtpctl status [" },
		{ "status --json=1", ": --json=1: the option takes no "
		    "value\n" },
		{ "status --json more", ": status: more: unexpected word" },
		{ "status -f", ": status: -f: the value is missing\n" },
		{ "explain --form a", ": explain: --form: unknown option; did "
		    "you mean --from?\n" },
		{ "explain --from a", ": explain: --to ADDRESS is missing\n" },
		{ "explain --from a --to b 1m857pqg38m02n9r", ": explain: an "
		    "id and -d exclude --from and --to\n" },
		{ "explain --size 1 1m857pqg38m02n9r", ": explain: --client, "
		    "--helo, --size, --user and -s need --from and "
		    "--to\n" },
		{ "status --to a", ": status: --to: unknown option\n" },
		{ "passwd --json", ": passwd: --json: unknown option\n" },
		{ "explain --from", ": explain: --from: the value is missing" },
		{ "log verfy", ": log: verfy: unexpected word; did you mean "
		    "verify?\n" },
		{ "log verify -d", ": log: -d: the value is missing\n" },
		{ "passwd", ": passwd: an argument is missing\n" }
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CTL_EXPECT(2, t[i][1], "%s", t[i][0]);
	CTL_EXPECT(0, "smtpctl 0", "--version");
	CTL_EXPECT(0, "smtpctl stats [", "--help");
	CTL_EXPECT(0, "usage: smtpctl log verify ", "log verify --help");
	EXPECT(strstr(ctl_text, "stats") == NULL, "all of it: %s", ctl_text);
}
