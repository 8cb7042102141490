/*
 * A message leaves: a client that may send out, the queue, a host that takes
 * the message or does not, and what the sender hears of it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/sink.h"

/* A daemon that sends all to s; more: lines of the relay block. */
static void
begin(struct daemon *d, struct sink *s, const char *mode, const char *more)
{
	sink_start(s, "sink", mode, 0);
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "relay {\n\tfrom 127.0.0.1\n\tvia 127.0.0.1 port %d"
	    "\n\ttls never\n%s}\n", s->port, more);
	daemon_start(d);
}

/* Sends a message of alice; rcpts are whole addresses. */
static void
submit_text(const struct daemon *d, const char *const rcpts[],
    const char *text)
{
	struct client c;
	char line[600];

	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.org");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
	for (; *rcpts != NULL; rcpts++) {
		snprintf(line, sizeof(line), "RCPT TO:<%s>", *rcpts);
		client_expect(&c, 250, line);
	}
	client_expect(&c, 354, "DATA");
	EXPECT(client_send(&c, text, strlen(text)), "send");
	client_expect(&c, 250, ".");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
}

static void
submit(const struct daemon *d, const char *const rcpts[], unsigned number)
{
	char *text = mail_text(number, 2000, "\r\n");

	submit_text(d, rcpts, text);
	free(text);
}

/* Files of messages, and of their content, that are queued. */
static size_t
queued(const struct daemon *d)
{
	char path[512];
	struct dirent *e;
	size_t n = 0;
	DIR *dir, *sub;

	snprintf(path, sizeof(path), "%s/spool/queue", d->root);
	dir = opendir(path);
	EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/spool/queue/%s", d->root,
		    e->d_name);
		if (e->d_name[0] == '.' || (sub = opendir(path)) == NULL)
			continue;
		while ((e = readdir(sub)) != NULL)
			n += e->d_name[0] != '.' &&
			    strcmp(e->d_name, "journal") != 0 &&
			    strcmp(e->d_name, "key") != 0;
		closedir(sub);
	}
	closedir(dir);
	return n;
}

/* Is text in one of the files of alice's new? */
static bool
alice_has(const struct daemon *d, const char *text)
{
	char path[600], *got;
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/mail/example.org/alice/new", d->root);
	dir = opendir(path);
	while (dir != NULL && !found && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/mail/example.org/alice/new/%s",
		    d->root, e->d_name);
		got = harness_read_file(path, NULL);
		found = strstr(got, text) != NULL;
		free(got);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Message n of the sink is the text, behind our trace field. */
static void
expect_taken(const struct sink *s, size_t n, const char *rcpt,
    const char *text)
{
	size_t size, want = strlen(text);
	char *got = sink_message(s, n, &size);

	EXPECT(strncmp(got, "MAIL FROM:<alice@example.org>", 29) == 0,
	    "its sender: %.60s", got);
	EXPECT(strstr(got, rcpt) != NULL, "not for %s: %.200s", rcpt, got);
	EXPECT(strstr(got, "Return-Path:") == NULL, "Return-Path is sent");
	EXPECT(strstr(got, "\nReceived: from client.example.org") != NULL,
	    "no trace field");
	EXPECT(size > want, "too short: %zu", size);
	harness_same("what was sent", got + size - want, want, text, want);
	free(got);
}

static void
end(struct daemon *d, struct sink *s)
{
	daemon_stop(d);
	sink_stop(s);
}

TEST(octet_for_octet)
{
	const char *const to[] = { "carol@example.net", NULL };
	const char *const texts[] = {
		"Subject: dots\r\n\r\n..\r\n...\r\n. \r\n.a\r\nend\r\n",
		"Subject: none\r\n\r\n",
		"Subject: \xc3\xa9\r\n\r\n\xe4\xf6\xfc 8 bits\r\n\r\n\r\n",
		"\r\nno header\r\n"
	};
	size_t n = sizeof(texts) / sizeof(texts[0]);
	char *large = mail_text(7, 3000000, "\r\n");
	struct daemon d;
	struct sink s;

	begin(&d, &s, "take", "");
	for (size_t i = 0; i < n; i++) {
		char stuffed[512] = "", *p = stuffed;
		const char *q = texts[i];

		for (; *q != '\0'; *p++ = *q++)
			if (*q == '.' && (q == texts[i] || q[-1] == '\n'))
				*p++ = '.';
		*p = '\0';
		submit_text(&d, to, stuffed);
		expect_taken(&s, i, "RCPT TO:<carol@example.net>", texts[i]);
	}
	submit_text(&d, to, large);
	expect_taken(&s, n, "carol", large);
	EXPECT(WAIT(queued(&d) == 0), "%zu files left", queued(&d));
	EXPECT(WAIT(daemon_logged(&d, " event=done ", "host=127.0.0.1",
	    "code=250", NULL) == n + 1), "not in the log");
	free(large);
	end(&d, &s);
}

/*
 * A domain in UTF-8 goes out in ASCII, to a host without SMTPUTF8, too: then
 * our own field has to be ASCII as well.
 */
TEST(domain_in_utf8)
{
	struct daemon d;
	struct sink s;
	struct client c;
	size_t n;
	char *got;

	begin(&d, &s, "take", "");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO client.example.org");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org> SMTPUTF8");
	client_expect(&c, 250, "RCPT TO:<carol@b\xc3\xbc" "cher.example>");
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nx\r\n.");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	EXPECT(WAIT(sink_count(&s) == 1), "not sent: %s",
	    daemon_last_words(&d));
	got = sink_message(&s, 0, &n);
	EXPECT(strstr(got, "\nRCPT TO:<carol@xn--bcher-kva.example>") != NULL,
	    "to %.200s", got);
	for (size_t i = 0; i < n; i++)
		EXPECT((unsigned char)got[i] < 0x80, "not ASCII: %s", got);
	free(got);
	end(&d, &s);
}

/* Each recipient gets its own verdict; those that failed are reported. */
TEST(verdicts)
{
	const char *const to[] = { "carol@example.net", "450dave@example.net",
	    "550erin@example.net", "frank@example.com", "bob@example.org",
	    NULL };
	struct daemon d;
	struct sink s;
	char *got;

	begin(&d, &s, "take", "");
	submit(&d, to, 1);
	EXPECT(WAIT(daemon_logged(&d, " event=failed ", "550erin", NULL) == 1),
	    "no failure in the log");
	EXPECT(WAIT(alice_has(&d, "550erin@example.net")), "no report");
	EXPECT(mail_copies(&d, "bob", 1) == 1, "not in the Maildir");
	EXPECT(daemon_logged(&d, " event=try ", "450dave", "code=450",
	    "next=", NULL) == 1, "no deferral in the log");
	EXPECT(daemon_logged(&d, " event=done ", "recipients=2", NULL) == 1,
	    "no delivery in the log");
	got = sink_message(&s, 0, NULL);
	EXPECT(strstr(got, "RCPT TO:<frank@example.com>") != NULL,
	    "two domains of a site are not one transaction: %s", got);
	free(got);
	EXPECT(sink_count(&s) == 1, "%zu messages", sink_count(&s));
	EXPECT(queued(&d) > 0, "nothing is left for dave");
	EXPECT(!alice_has(&d, "450dave@example.net"), "dave is reported");
	end(&d, &s);
}

/* What cannot be delivered is tried eight times, then returned. */
TEST(given_up)
{
	const char *const to[] = { "450dave@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "take", "\tgive-up-after 8s\n\ttell-delay-after 3s\n");
	submit(&d, to, 1);
	EXPECT(WAIT(alice_has(&d, "Action: delayed")), "no delay report");
	EXPECT(WAIT(alice_has(&d, "Action: failed")), "no failure report");
	EXPECT(alice_has(&d, "450 4.1.1 as it says"), "without its words");
	EXPECT(WAIT(queued(&d) == 0), "%zu files left", queued(&d));
	EXPECT(daemon_logged(&d, " event=try ", "450dave", NULL) >= 7,
	    "given up after %zu tries", daemon_logged(&d, " event=try ",
	    NULL));
	EXPECT(daemon_logged(&d, " event=notice ", "kind=delayed", NULL) == 1,
	    "told of the delay more than once");
	end(&d, &s);
}

/* A site that is down costs a try at most, and takes all when it is back. */
TEST(breaker)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "busy", "\tgive-up-after 40s\n");
	for (unsigned i = 0; i < 20; i++)
		submit(&d, to, i);
	EXPECT(WAIT(daemon_logged(&d, " event=site-down ", NULL) == 1),
	    "the breaker stays closed");
	harness_sleep_ms(1500);
	EXPECT(sink_connections(&s) <= 3, "%zu connections",
	    sink_connections(&s));
	sink_mode(&s, "take");
	EXPECT(WAIT(sink_count(&s) == 20), "%zu of 20 came",
	    sink_count(&s));
	EXPECT(WAIT(queued(&d) == 0), "%zu files left", queued(&d));
	EXPECT(daemon_logged(&d, " event=site-up ", NULL) == 1, "not logged");
	EXPECT(!alice_has(&d, "Action:"), "a report");
	end(&d, &s);
}

/* A host that takes no mail at all (RFC 7504): at once. */
TEST(no_mail)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "nomail", "");
	submit(&d, to, 1);
	EXPECT(WAIT(alice_has(&d, "521 5.3.2 this host")), "no report");
	EXPECT(WAIT(queued(&d) == 0), "%zu files left", queued(&d));
	end(&d, &s);
}

/* The way leads back to this host (RFC 5321 5.1): at once. */
TEST(ourselves)
{
	const char *const to[] = { "dave@[127.0.0.1]", NULL };
	struct daemon d;

	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.1\n\ttls never\n}\n");
	daemon_start(&d);
	submit(&d, to, 1);
	EXPECT(WAIT(alice_has(&d, "Status: 5.4.6")), "no report");
	EXPECT(WAIT(queued(&d) == 0), "%zu files left", queued(&d));
	daemon_stop(&d);
}

/* Lost before DATA's reply: again; behind the dot: not at once. */
TEST(lost)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "lost", "");
	submit(&d, to, 1);
	EXPECT(WAIT(daemon_logged(&d, " event=try ", "stage=\"final dot\"",
	    NULL) == 1), "not in the log");
	sink_mode(&s, "take");
	submit(&d, to, 2);
	EXPECT(WAIT(sink_count(&s) == 2), "%zu messages", sink_count(&s));
	harness_sleep_ms(1000);
	EXPECT(sink_count(&s) == 2, "the uncertain one was sent again");
	end(&d, &s);
}

/* A connection is used again; closed while it was idle, it is made anew. */
TEST(reuse)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "take", "");
	for (unsigned i = 0; i < 5; i++) {
		submit(&d, to, i);
		EXPECT(WAIT(sink_count(&s) == i + 1), "message %u", i);
	}
	EXPECT(sink_connections(&s) == 1, "%zu connections",
	    sink_connections(&s));
	sink_mode(&s, "once");
	submit(&d, to, 5);
	EXPECT(WAIT(sink_count(&s) == 6), "not over a new connection");
	EXPECT(sink_connections(&s) == 2, "%zu connections",
	    sink_connections(&s));
	EXPECT(daemon_logged(&d, " event=try ", NULL) == 0, "a mark");
	end(&d, &s);
}

/* 250 recipients: three transactions over one connection. */
TEST(many_recipients)
{
	static char names[250][64];
	const char *to[251];
	struct daemon d;
	struct sink s;

	for (size_t i = 0; i < 250; i++) {
		snprintf(names[i], sizeof(names[i]), "u%zu@d%zu.example.net",
		    i, i % 2);
		to[i] = names[i];
	}
	to[250] = NULL;
	begin(&d, &s, "take", "");
	submit(&d, to, 1);
	EXPECT(WAIT(queued(&d) == 0 && sink_count(&s) > 0), "not sent");
	EXPECT(sink_count(&s) <= 4 && sink_count(&s) >= 3, "%zu transactions",
	    sink_count(&s));
	EXPECT(daemon_logged(&d, " event=try ", NULL) == 0, "a mark");
	end(&d, &s);
}

static int
compare(const void *a, const void *b)
{
	return *(const int64_t *)a < *(const int64_t *)b ? -1 :
	    *(const int64_t *)a > *(const int64_t *)b;
}

/* n messages over one connection, to one domain. */
static void
submit_many(const struct daemon *d, const char *from, const char *to,
    unsigned n)
{
	char mail[128], line[128];
	struct client c;

	snprintf(mail, sizeof(mail), "MAIL FROM:<%s>", from);
	snprintf(line, sizeof(line), "RCPT TO:<%s>", to);
	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.org");
	for (unsigned i = 0; i < n; i++) {
		client_expect(&c, 250, mail);
		client_expect(&c, 250, line);
		client_expect(&c, 354, "DATA");
		client_expect(&c, 250, "Subject: many\r\n\r\nx\r\n.");
	}
	client_close(&c);
}

/*
 * Thousands of messages for a dead, a slow and a busy site delay nobody else,
 * and cost next to no connections.
 */
TEST(neighbours)
{
	enum { crowd = 1000, letters = 100 };
	const char *const to[] = { "carol@fine.example", NULL };
	struct sink fine, slow, busy;
	int64_t ms[letters], begun;
	struct daemon d;

	harness_alone();
	sink_start(&fine, "fine", "take", 0);
	sink_start(&slow, "slow", "slow", 0);
	sink_start(&busy, "busy", "busy", 0);
	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.1\n\ttls never\n"
	    "\tfor dead.example via 127.0.0.1 port 1\n"
	    "\tfor slow.example via 127.0.0.1 port %d\n"
	    "\tfor busy.example via 127.0.0.1 port %d\n"
	    "\tfor fine.example via 127.0.0.1 port %d\n}\n", slow.port,
	    busy.port, fine.port);
	daemon_start(&d);
	submit_many(&d, "alice@example.org", "x@dead.example", crowd);
	submit_many(&d, "alice@example.org", "x@slow.example", crowd);
	submit_many(&d, "alice@example.org", "x@busy.example", crowd);
	for (size_t i = 0; i < letters; i++) {
		begun = harness_now_ms();
		submit(&d, to, (unsigned)i);
		EXPECT(WAIT(sink_count(&fine) == i + 1), "letter %zu", i);
		ms[i] = harness_now_ms() - begun;
	}
	qsort(ms, letters, sizeof(ms[0]), compare);
	printf("# p50 %lld ms, p99 %lld ms\n", (long long)ms[letters / 2],
	    (long long)ms[letters - 2]);
	EXPECT(ms[letters - 2] < 1000, "p99 is %lld ms",
	    (long long)ms[letters - 2]);
	EXPECT(sink_connections(&busy) <= 4, "%zu connections to the busy one",
	    sink_connections(&busy));
	EXPECT(sink_connections(&slow) <= 4, "%zu connections to the slow one",
	    sink_connections(&slow));
	EXPECT(daemon_logged(&d, " event=try ", "dead.example", NULL) <= 4,
	    "%zu tries of the dead one", daemon_logged(&d, " event=try ",
	    "dead.example", NULL));
	daemon_stop(&d);
	sink_stop(&slow);
	sink_stop(&busy);
	sink_stop(&fine);
}

/*
 * A letter behind a newsletter of a thousand messages, for a host that is slow,
 * or was down: it leaves among the next few.
 */
TEST(letter_and_newsletter)
{
	static const char *const modes[] = { "hold", "busy" };
	enum { crowd = 1000, few = 16 };
	const char *const to = "carol@example.net";
	struct daemon d;
	struct sink s;
	char *got;
	size_t n;
	bool is_letter;

	for (size_t i = 0; i < 2; i++) {
		begin(&d, &s, modes[i], "\tgive-up-after 60s\n");
		submit_many(&d, "news@example.org", to, crowd);
		submit_many(&d, "alice@example.org", to, 1);
		harness_sleep_ms(500);
		sink_mode(&s, "take");
		for (n = 0, is_letter = false; n < few && !is_letter; n++) {
			got = sink_message(&s, n, NULL);
			is_letter = strstr(got, "MAIL FROM:<alice") != NULL;
			free(got);
		}
		EXPECT(is_letter, "%s: not among the first %zu", modes[i], n);
		printf("# %s: the letter was number %zu\n", modes[i], n);
		EXPECT(WAIT(sink_count(&s) == crowd + 1), "%s: %zu came",
		    modes[i], sink_count(&s));
		end(&d, &s);
	}
}

/* One connection for all sites: each has its turn. */
TEST(one_connection)
{
	struct sink one, other;
	struct daemon d;

	sink_start(&one, "one", "take", 0);
	sink_start(&other, "other", "take", 0);
	daemon_init(&d, "\tdeliveries 1\n", NULL);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.1\n\ttls never\n"
	    "\tfor one.example via 127.0.0.1 port %d\n"
	    "\tfor other.example via 127.0.0.1 port %d\n}\n", one.port,
	    other.port);
	daemon_start(&d);
	for (unsigned i = 0; i < 10; i++) {
		submit_many(&d, "alice@example.org", "x@one.example", 10);
		submit_many(&d, "alice@example.org", "x@other.example", 10);
	}
	EXPECT(WAIT_FOR(10000, sink_count(&one) == 100 &&
	    sink_count(&other) == 100), "%zu and %zu came", sink_count(&one),
	    sink_count(&other));
	daemon_stop(&d);
	sink_stop(&one);
	sink_stop(&other);
}

/*
 * One site has all connections, and more work than for them; then another has a
 * message: it gets the first connection that ends.
 */
TEST(connection_for_another)
{
	enum { first = 20, crowd = 400 };
	struct sink one, other;
	struct daemon d;
	size_t before;

	sink_start(&one, "one", "take", 0);
	sink_start(&other, "other", "take", 0);
	daemon_init(&d, "\tdeliveries 2\n", NULL);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.1\n\ttls never\n"
	    "\tfor one.example via 127.0.0.1 port %d\n"
	    "\tfor other.example via 127.0.0.1 port %d\n}\n", one.port,
	    other.port);
	daemon_start(&d);
	/* It may have more than two. */
	submit_many(&d, "alice@example.org", "x@one.example", first);
	EXPECT(WAIT(sink_count(&one) == first), "%zu came", sink_count(&one));
	harness_sleep_ms(2500);
	sink_mode(&one, "hold");
	submit_many(&d, "alice@example.org", "x@one.example", crowd);
	EXPECT(WAIT(sink_count(&one) == first + 2), "%zu are held",
	    sink_count(&one) - first);
	submit_many(&d, "alice@example.org", "x@other.example", 1);
	harness_sleep_ms(300);
	sink_mode(&one, "take");
	EXPECT(WAIT(sink_count(&other) == 1), "nothing came");
	before = sink_count(&one) - first;
	printf("# behind %zu of another site\n", before);
	EXPECT(before < 100, "behind %zu of another site", before);
	EXPECT(WAIT_FOR(20000, sink_count(&one) == first + crowd), "%zu came",
	    sink_count(&one));
	daemon_stop(&d);
	sink_stop(&one);
	sink_stop(&other);
}

/* ---- stop and restart --------------------------------------------------- */

/* SIGTERM waits for the reply to the final dot. */
TEST(stop_waits_for_dot)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;

	begin(&d, &s, "hold", "");
	submit(&d, to, 1);
	EXPECT(WAIT(sink_count(&s) == 1), "not sent");
	EXPECT(kill(d.pid, SIGTERM) == 0, "kill");
	harness_sleep_ms(500);
	EXPECT(kill(d.pid, 0) == 0, "it does not wait");
	sink_mode(&s, "take");
	daemon_expect_end(&d);
	EXPECT(queued(&d) == 0, "%zu files left", queued(&d));
	daemon_start(&d);
	harness_sleep_ms(500);
	EXPECT(sink_count(&s) == 1, "sent twice");
	end(&d, &s);
}

/* What is queued is sent by the next smtpd, once, whatever stage it was at. */
TEST(restart)
{
	static const char *const modes[] = { "slow", "busy", "mail", "dot",
	    "data" };
	const char *const to[] = { "carol@example.net", "450x@example.net",
	    NULL };
	struct daemon d;
	struct sink s;
	char *got;

	begin(&d, &s, modes[0], "\tgive-up-after 30s\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		sink_mode(&s, modes[i]);
		submit(&d, to, (unsigned)i);
		harness_sleep_ms(300);
		if (i % 2 == 0)
			daemon_stop(&d);
		else
			daemon_kill(&d);
		daemon_start(&d);
	}
	sink_mode(&s, "take");
	EXPECT(WAIT(sink_count(&s) == 5), "%zu of 5", sink_count(&s));
	harness_sleep_ms(2000);
	EXPECT(sink_count(&s) == 5, "%zu: some twice", sink_count(&s));
	for (size_t i = 0; i < 5; i++) {
		got = sink_message(&s, i, NULL);
		EXPECT(strstr(got, "carol") != NULL, "not for carol");
		free(got);
	}
	end(&d, &s);
}

/* Without its relay block the queue waits, and nothing is returned. */
TEST(block_removed)
{
	const char *const to[] = { "carol@example.net", NULL };
	struct daemon d;
	struct sink s;
	char *with;

	begin(&d, &s, "busy", "\tgive-up-after 8s\n");
	submit(&d, to, 1);
	EXPECT(WAIT(daemon_logged(&d, " event=site-down ", NULL) > 0),
	    "not tried");
	daemon_stop(&d);
	with = harness_read_file(d.conf, NULL);
	*strstr(with, "relay {") = '\0';
	harness_write_file(d.conf, with);
	daemon_start(&d);
	EXPECT(WAIT(daemon_logged(&d, " event=queue-paused ", NULL) == 1),
	    "not logged");
	harness_sleep_ms(10000);
	EXPECT(queued(&d) > 0 && !alice_has(&d, "Action:"), "returned");
	sink_mode(&s, "take");
	daemon_stop(&d);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.1\n\tvia 127.0.0.1 port "
	    "%d\n\ttls never\n}\n", s.port);
	daemon_start(&d);
	EXPECT(WAIT(sink_count(&s) == 1), "not sent");
	free(with);
	end(&d, &s);
}
