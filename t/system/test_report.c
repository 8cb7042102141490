/*
 * Reports, all the way: parameters of the dialogue, the queue, a host that
 * refuses, a report worker, and the Maildir of the sender or the queue again.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/queue.h"
#include "t/system/reload.h"
#include "t/system/sink.h"

static const char content[] = "Message-ID: <m1@example.org>\r\n"
    "Subject: h\xc3\xb6\r\n\r\nFirst line\r\nb\xc3\xb6y\r\nLast line\r\n";

static void
begin(struct daemon *d, struct sink *s, const char *mode, const char *more)
{
	sink_start(s, "sink", mode, 0);
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "relay {\n\tfrom 127.0.0.1\n\tvia 127.0.0.1 port %d"
	    "\n\ttls never\n%s}\n", s->port, more);
	daemon_start(d);
}

/* MAIL, RCPT and whatever is between them, as lines; NULL ends. */
static void
submit(const struct daemon *d, const char *const lines[])
{
	struct client c;

	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.org");
	for (; *lines != NULL; lines++)
		client_expect(&c, 250, *lines);
	client_expect(&c, 354, "DATA");
	EXPECT(client_send(&c, content, strlen(content)), "send");
	client_expect(&c, 250, ".");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
}

/* The only report in the mailbox of user, for the caller to free; or NULL. */
static char *
report_of(const struct daemon *d, const char *user)
{
	char path[600], *got = NULL, *text;
	struct dirent *e;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/mail/example.org/%s/new", d->root,
	    user);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/mail/example.org/%s/new/%s",
		    d->root, user, e->d_name);
		text = harness_read_file(path, NULL);
		if (strstr(text, "multipart/report") == NULL) {
			free(text);
			continue;
		}
		free(got);
		got = text;
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	EXPECT(count <= 1, "%zu reports", count);
	return got;
}

static char *
await_report(const struct daemon *d, const char *user)
{
	char *got = NULL;

	EXPECT(WAIT((got = report_of(d, user)) != NULL), "no report: %s",
	    daemon_last_words(d));
	return got;
}

static void
has(const char *report, const char *const texts[])
{
	for (; *texts != NULL; texts++)
		EXPECT(strstr(report, *texts) != NULL, "%s is not in %s",
		    *texts, report);
}

static void
end(struct daemon *d, struct sink *s)
{
	daemon_stop(d);
	sink_stop(s);
}

/* RFC 3461 6.3, 3464: everything that was given comes back. */
TEST(failed)
{
	const char *const lines[] = { "MAIL FROM:<alice@example.org> RET=FULL "
	    "ENVID=QQ+20314", "RCPT TO:<550no@example.net> NOTIFY=FAILURE "
	    "ORCPT=rfc822;Old+2Bx@example.com",
	    "RCPT TO:<carol@example.net>", NULL };
	const char *const want[] = { "Return-Path: <>\nReceived: from ",
	    "\nFrom: Mail Delivery System <MAILER-DAEMON@", "\nTo: "
	    "<alice@example.org>\n", "\nSubject: Not delivered: your message "
	    "to 550no@example.net\n", "\nIn-Reply-To: <m1@example.org>\n",
	    "\nAuto-Submitted: auto-replied\n", "\nContent-Type: "
	    "multipart/report; report-type=delivery-status;\n",
	    "\nOriginal-Envelope-Id: QQ 314\n", "\nOriginal-Recipient: "
	    "rfc822;Old+x@example.com\nFinal-Recipient: rfc822; "
	    "550no@example.net\nAction: failed\nStatus: 5.1.1\n",
	    "\nDiagnostic-Code: smtp; 550 5.1.1 ", "\nContent-Type: "
	    "message/global\nContent-Transfer-Encoding: 8bit\n\nReceived: ",
	    "\nSubject: h\xc3\xb6\n\nFirst line\nb\xc3\xb6y\nLast line\n\n--",
	    NULL };
	struct daemon d;
	struct sink s;
	char *got;

	begin(&d, &s, "take", "");
	submit(&d, lines);
	got = await_report(&d, "alice");
	has(got, want);
	EXPECT(strstr(got, "carol") == NULL, "a recipient that has it: %s",
	    got);
	EXPECT(strstr(got, "Reply-To: MAILER") == NULL, "%s", got);
	EXPECT(WAIT(daemon_logged(&d, " event=notice ", "kind=failed",
	    NULL) == 1), "not in the log");
	EXPECT(daemon_logged(&d, " event=store ", " from=<> ", NULL) == 1,
	    "not stored from <>: %s", daemon_last_words(&d));
	free(got);
	end(&d, &s);
}

/* Nobody hears of what nobody is to hear of; nor does the null sender. */
TEST(nobody)
{
	const char *const never[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<550no@example.net> NOTIFY=NEVER",
	    "RCPT TO:<550yes@example.net> NOTIFY=SUCCESS,DELAY", NULL };
	const char *const null[] = { "MAIL FROM:<>",
	    "RCPT TO:<550no@example.net>", NULL };
	struct daemon d;
	struct sink s;
	char *got;

	begin(&d, &s, "take", "");
	submit(&d, never);
	submit(&d, null);
	EXPECT(WAIT(daemon_logged(&d, " event=failed ", NULL) == 2),
	    "not given up: %s", daemon_last_words(&d));
	daemon_rest(&d);
	got = report_of(&d, "alice");
	EXPECT(got == NULL, "a report: %s", got);
	EXPECT(daemon_logged(&d, " event=notice ", NULL) == 0, "a notice");
	EXPECT(mail_total(&d) == 0, "%zu messages", mail_total(&d));
	end(&d, &s);
}

/* RFC 3461 5.2.2, 5.2.4: success, where it was asked for. */
TEST(success)
{
	const char *const lines[] = { "MAIL FROM:<alice@example.org> RET=FULL",
	    "RCPT TO:<carol@example.net> NOTIFY=SUCCESS",
	    "RCPT TO:<dave@example.net>", NULL };
	const char *const local[] = { "MAIL FROM:<bob@example.org>",
	    "RCPT TO:<u1@example.org> NOTIFY=SUCCESS",
	    "RCPT TO:<u2@example.org>", NULL };
	const char *const want[] = { "\nAction: relayed\nStatus: 2.",
	    "\nContent-Type: message/global-headers\n",
	    "\nSubject: Passed on: your message to carol@example.net\n",
	    NULL };
	const char *const want_local[] = { "\nAction: delivered\nStatus: 2.",
	    "\nFinal-Recipient: rfc822; u1@example.org\n", NULL };
	struct daemon d;
	struct sink s;
	char *got;

	begin(&d, &s, "take", "");
	submit(&d, lines);
	got = await_report(&d, "alice");
	has(got, want);
	EXPECT(strstr(got, "dave") == NULL, "dave is in %s", got);
	EXPECT(strstr(got, "First line") == NULL, "content of a success");
	free(got);
	submit(&d, local);
	got = await_report(&d, "bob");
	has(got, want_local);
	EXPECT(strstr(got, "u2@") == NULL, "u2 is in %s", got);
	free(got);
	end(&d, &s);
}

/*
 * Taken by a host that offers no DSN, so that its file stays until the report
 * is stored: killed before that, smtpd does not send it again.
 */
TEST(killed_before_report)
{
	const char *const one[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<carol@example.net> NOTIFY=SUCCESS", NULL };
	const char *const two[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<carol@example.net> NOTIFY=SUCCESS",
	    "RCPT TO:<dave@example.net>", NULL };
	struct daemon d;
	struct sink s;
	pid_t disks[16];
	size_t count;

	begin(&d, &s, "hold", "");
	submit(&d, one);
	submit(&d, two);
	EXPECT(WAIT(sink_count(&s) == 2), "not sent");
	/* No report is stored from now on. */
	count = proc_helpers(d.pid, 'd', disks, 16);
	for (size_t i = 0; i < count; i++)
		proc_stop(disks[i]);
	sink_mode(&s, "take");
	EXPECT(WAIT(daemon_logged(&d, " event=done ", NULL) == 2),
	    "not taken: %s", daemon_last_words(&d));
	harness_sleep_ms(500);
	proc_stop(d.pid);
	for (size_t i = 0; i < count; i++)
		kill(disks[i], SIGKILL);
	EXPECT(daemon_logged(&d, " event=notice ", NULL) == 0 &&
	    queue_files(&d) == 2, "a report, or of two files %zu",
	    queue_files(&d));
	daemon_kill(&d);
	daemon_start(&d);
	EXPECT(WAIT(queue_files(&d) == 0), "%zu files left", queue_files(&d));
	daemon_rest(&d);
	EXPECT(sink_count(&s) == 2, "sent again");
	end(&d, &s);
}

/*
 * The domain of recipients in the queue is added to the configuration: who is
 * there gets the message, who is not fails, and all others still wait.
 */
TEST(became_local)
{
	const char *const lines[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<bob@example.net> NOTIFY=SUCCESS",
	    "RCPT TO:<no@example.net> NOTIFY=NEVER",
	    "RCPT TO:<carol@example.com>", NULL };
	const char *const want[] = { "\nAction: delivered\n",
	    "\nFinal-Recipient: rfc822; bob@example.net\n", NULL };
	char path[128], pattern[160], *got;
	struct daemon d;
	struct sink s;
	glob_t found;

	begin(&d, &s, "busy", "");
	submit(&d, lines);
	EXPECT(WAIT(daemon_logged(&d, " event=site-down ", NULL) > 0),
	    "it is not down: %s", daemon_last_words(&d));
	snprintf(path, sizeof(path), "%s/more", harness_dir);
	reload_replace(path, "bob\n");
	daemon_add_conf(&d, "domain example.net {\n\tusers %s\n}\n", path);
	reload_in_order(&d);
	CTL_EXPECT(0, "", "queue retry -f %s all", d.conf);
	got = await_report(&d, "alice");
	has(got, want);
	free(got);
	snprintf(pattern, sizeof(pattern), "%s/mail/example.net/bob/new/*",
	    d.root);
	EXPECT(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1,
	    "not one message for bob");
	got = harness_read_file(found.gl_pathv[0], NULL);
	EXPECT(strncmp(got, "Return-Path: <alice@example.org>\n", 33) == 0 &&
	    strstr(got, "\nLast line\n") != NULL, "%s", got);
	free(got);
	globfree(&found);
	EXPECT(WAIT(daemon_logged(&d, " event=failed ", " to=<no@example.net>",
	    "code=550", NULL) == 1), "not failed: %s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=done ", " to=<bob@example.net>",
	    NULL) == 1, "not in the log");
	daemon_kill(&d);
	daemon_start(&d);
	EXPECT(WAIT(queue_files(&d) == 1), "%zu files", queue_files(&d));
	daemon_rest(&d);
	EXPECT(glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1,
	    "not one message for bob");
	globfree(&found);
	end(&d, &s);
}

/* A sender elsewhere has its report by the queue, from <>, and only once. */
TEST(sender_elsewhere)
{
	const char *const lines[] = { "MAIL FROM:<erin@example.com> RET=HDRS",
	    "RCPT TO:<550no@example.net>", NULL };
	struct daemon d;
	struct sink s;
	char *got;
	size_t n;

	begin(&d, &s, "take", "");
	submit(&d, lines);
	EXPECT(WAIT(sink_count(&s) == 1), "no report: %s",
	    daemon_last_words(&d));
	got = sink_message(&s, 0, &n);
	EXPECT(strncmp(got, "MAIL FROM:<>", 12) == 0, "from %.60s", got);
	EXPECT(strstr(got, "\nRCPT TO:<erin@example.com>") != NULL,
	    "to %.100s", got);
	has(got, (const char *const []){ "\nAction: failed",
	    "\nContent-Type: message/global-headers", NULL });
	EXPECT(strstr(got, "First line") == NULL, "content, too");
	free(got);
	end(&d, &s);
}

/* The report of a sender elsewhere fails, too: that is the end of it. */
TEST(double_bounce)
{
	const char *const lines[] = { "MAIL FROM:<550erin@example.com>",
	    "RCPT TO:<550no@example.net>", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "take", "");
	submit(&d, lines);
	EXPECT(WAIT(daemon_logged(&d, " event=failed ", NULL) == 2),
	    "not given up: %s", daemon_last_words(&d));
	daemon_rest(&d);
	harness_sleep_ms(500);
	EXPECT(daemon_logged(&d, " event=notice ", NULL) == 1,
	    "%zu notices", daemon_logged(&d, " event=notice ", NULL));
	EXPECT(sink_count(&s) == 0 && mail_total(&d) == 0, "a message");
	CTL_EXPECT(0, "\"double_bounces\":1,", "stats -j -f %s", d.conf);
	end(&d, &s);
}

/* The reserve of the disk is not for strangers, but for reports. */
TEST(reserve)
{
	const char *const lines[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<450later@example.net>", NULL };
	struct daemon d;
	struct sink s;
	char *conf, *at, *text;
	size_t n;

	begin(&d, &s, "take", "\tgive-up-after 8s\n\ttell-delay-after 0\n");
	submit(&d, lines);
	EXPECT(WAIT(daemon_logged(&d, " event=try ", NULL) > 0), "no try");
	conf = harness_read_file(d.conf, &n);
	at = strstr(conf, "disk-reserve 1M");
	EXPECT(at != NULL, "no reserve in %s", conf);
	EXPECT(asprintf(&text, "%.*sdisk-reserve 1000000G%s",
	    (int)(at - conf), conf, at + 15) > 0, "no memory");
	harness_write_file(d.conf, text);
	kill(d.pid, SIGHUP);
	EXPECT(WAIT(daemon_logged(&d, " event=reload ", NULL) == 1),
	    "not read again: %s", daemon_last_words(&d));
	EXPECT(client_deliver(&d, NULL, 1, 100, "bob") == 452, "taken");
	free(await_report(&d, "alice"));
	free(conf);
	free(text);
	end(&d, &s);
}

/* A sender that is gone by now: said once, and the message leaves the queue. */
TEST(sender_gone)
{
	const char *const lines[] = { "MAIL FROM:<alice@example.org>",
	    "RCPT TO:<450later@example.net>", NULL };
	const char *users;
	struct daemon d;
	struct sink s;

	begin(&d, &s, "take", "\tgive-up-after 6s\n\ttell-delay-after 0\n");
	submit(&d, lines);
	EXPECT(WAIT(daemon_logged(&d, " event=try ", NULL) > 0), "no try");
	users = harness_path("users");
	harness_write_file(users, "bob\n");
	kill(d.pid, SIGHUP);
	EXPECT(WAIT(daemon_logged(&d, " event=report-failed ", "then=\"there "
	    "is none\"", NULL) == 1),
	    "not said: %s", daemon_last_words(&d));
	EXPECT(WAIT(daemon_logged(&d, " event=failed ", NULL) == 1),
	    "not given up: %s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=notice ", NULL) == 0, "a notice");
	end(&d, &s);
}
