/*
 * Behind a proxy: whoever it tells of is the client, in front of whom every
 * limit stands; and what is no header is nobody.
 */
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/ctl.h"
#include "t/system/events.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/reload.h"
#include "t/system/secure.h"

static const char proxy[] = "127.7.0.1";
static const char *const alice[] = { "alice", NULL };
static const char v1[] = "PROXY TCP4 198.51.100.7 192.0.2.1 1025 25\r\n";
static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc6\x33\x64\x07"
    "\xc0\0\x02\x01\x04\x01\0\x19\x03\0\x04" "abcd";
static const char v2_six[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x01\0\x19";

static void
start(struct daemon *d, const char *limits)
{
	daemon_init(d, limits, NULL);
	daemon_add_conf(d, "proxy-from 127.7.0.0/24\n");
	daemon_start(d);
}

static void
connect_proxy(struct client *c, const struct daemon *d)
{
	EXPECT(client_connect(c, d, proxy), "connect: %s", strerror(errno));
}

/* Connects as a proxy whose client is 198.51.100.LAST. */
static void
connect_as(struct client *c, const struct daemon *d, unsigned last)
{
	char header[80];
	int n = snprintf(header, sizeof(header),
	    "PROXY TCP4 198.51.100.%u 192.0.2.1 1025 25\r\n", last);

	connect_proxy(c, d);
	EXPECT(client_send(c, header, (size_t)n), "send");
}

static int
deliver_as(const struct daemon *d, unsigned last, unsigned number)
{
	struct client c;
	int code;

	connect_as(&c, d, last);
	code = client_reply(&c);
	if (code == 220)
		code = client_mail(&c, number, 500, alice);
	client_command(&c, "QUIT");
	client_close(&c);
	return code;
}

/* In a message of alice's, and in the message log. */
static void
expect_received(const struct daemon *d, const char *from)
{
	const char *address = strncmp(from, "IPv6:", 5) == 0 ? from + 5 :
	    from;
	char command[512];

	snprintf(command, sizeof(command),
	    "grep -l '^Received: from .*\\[%s\\]' %s/mail/example.org/alice/"
	    "new/* >/dev/null", from, d->root);
	EXPECT(system(command) == 0, "no Received from %s", from);
	snprintf(command, sizeof(command),
	    "grep '\"client\":\"%s\"' %s/log/message >/dev/null", address,
	    d->root);
	EXPECT(system(command) == 0, "no %s in the message log", address);
}

TEST(each_version)
{
	static const struct {
		const char	*text;
		size_t		 n;
		const char	*client, *received;
	} t[] = {
		{ v1, sizeof(v1) - 1, "client=198.51.100.7", "198.51.100.7" },
		{ v2, sizeof(v2) - 1, "client=198.51.100.7", "198.51.100.7" },
		{ v2_six, sizeof(v2_six) - 1, "client=2001:db8::7",
		    "IPv6:2001:db8::7" },
	};
	struct daemon d;
	struct client c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		daemon_init(&d, "greeting-wait 2s\n", harness_path("r%zu",
		    i));
		daemon_add_conf(&d, "proxy-from 127.7.0.0/24\n");
		daemon_start(&d);
		connect_proxy(&c, &d);
		EXPECT(client_send(&c, t[i].text, t[i].n), "send");
		EXPECT(client_reply(&c) == 220, "%zu: %s", i, c.reply);
		EXPECT(client_mail(&c, 1, 500, alice) == 250, "%zu: %s", i,
		    c.reply);
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
		    t[i].client, NULL) == 1), "%s", daemon_last_words(&d));
		EXPECT(daemon_logged(&d, " event=connect ",
		    "client=127.7.0.1", NULL) == 1 &&
		    daemon_logged(&d, " event=proxied ", t[i].client,
		    "port=1025", "via=127.7.0.1", NULL) == 1 &&
		    daemon_logged(&d, " event=store ", NULL) == 1,
		    "%s", daemon_last_words(&d));
		expect_received(&d, t[i].received);
		daemon_stop(&d);
		events_check(d.log);
	}
}

/* Cut anywhere, and with the client's first words right behind it. */
TEST(each_split)
{
	static const char tail[] = "EHLO a.example\r\nQUIT\r\n";
	struct daemon d;
	struct client c;
	char text[200];
	size_t wanted = 0;

	start(&d, "\tper-address 100\n");
	for (int version = 1; version <= 2; version++) {
		size_t n = version == 1 ? sizeof(v1) - 1 : sizeof(v2) - 1;

		memcpy(text, version == 1 ? v1 : v2, n);
		memcpy(text + n, tail, sizeof(tail) - 1);
		for (size_t at = 0; at <= n + 3; at++) {
			connect_proxy(&c, &d);
			EXPECT(client_send(&c, text, at), "send");
			harness_sleep_ms(3);
			EXPECT(client_send(&c, text + at,
			    n + sizeof(tail) - 1 - at), "send");
			EXPECT(client_reply(&c) == 220, "at %zu: %s", at,
			    c.reply);
			EXPECT(client_reply(&c) == 250, "at %zu: %s", at,
			    c.reply);
			EXPECT(client_reply(&c) == 221, "at %zu: %s", at,
			    c.reply);
			client_close(&c);
			wanted++;
		}
	}
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "client=198.51.100.7", "why=quit", "commands=2", NULL) ==
	    wanted), "not %zu: %s", wanted, daemon_last_words(&d));
	daemon_stop(&d);
}

/* An octet at a time, in time; and too slow, or never. */
TEST(trickle)
{
	struct client c, silent;
	int64_t begun;
	struct daemon d;

	start(&d, "");
	connect_proxy(&c, &d);
	for (size_t i = 0; i < sizeof(v1) - 1; i++) {
		EXPECT(client_send(&c, v1 + i, 1), "send");
		harness_sleep_ms(5);
	}
	EXPECT(client_reply(&c) == 220, "%s", c.reply);
	client_close(&c);
	connect_proxy(&silent, &d);
	connect_proxy(&c, &d);
	begun = harness_now_ms();
	for (size_t i = 0; i < 14; i++) {
		(void)client_send(&c, v1 + i, 1);
		harness_sleep_ms(400);
	}
	EXPECT(client_is_closed(&c), "a trickle goes on");
	EXPECT(client_is_closed(&silent), "who is silent stays");
	EXPECT(harness_now_ms() - begun >= 5000, "after %d ms",
	    (int)(harness_now_ms() - begun));
	client_close(&c);
	client_close(&silent);
	EXPECT(WAIT(daemon_logged(&d, " event=proxy-failed ",
	    "within 5 seconds", NULL) == 2), "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* No word, a line in the log, and no harm to the next. */
TEST(malformed)
{
	static const struct {
		const char	*text;
		const char	*why;
	} t[] = {
		{ "EHLO a.example\r\n", "not begin with a PROXY" },
		{ "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "end with CRLF" },
		{ "PROXY TCP4 1.2.3.256 1.2.3.4 1 1\r\n", "of its family" },
		{ "PROXY TCP4 1.2.3.4 1.2.3.4 70000 1\r\n", "a port" },
		{ "PROXY TCP9 1.2.3.4 1.2.3.4 1 1\r\n", "not a valid" },
		{ "PROXY UNKNOWN 456789012345678901234567890123456789012345"
		    "6789012345678901234567890123456789012345678901234567",
		    "more than 107" },
	};
	struct daemon d;
	struct client c;

	start(&d, "");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		connect_proxy(&c, &d);
		EXPECT(client_send(&c, t[i].text, strlen(t[i].text)), "send");
		EXPECT(client_reply(&c) == 0, "%zu: %s", i, c.reply);
		client_close(&c);
		EXPECT(WAIT(daemon_logged(&d, " event=proxy-failed ",
		    "client=127.7.0.1", t[i].why, NULL) == 1), "%zu: %s", i,
		    daemon_last_words(&d));
	}
	connect_proxy(&c, &d);
	EXPECT(client_send(&c, v2, 20), "send");
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=proxy-failed ",
	    "ended before", NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "why=\"no PROXY header\"", NULL) == 7), "%s",
	    daemon_last_words(&d));
	EXPECT(deliver_as(&d, 1, 1) == 250, "%s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=worker-", NULL) == 0, "%s",
	    daemon_last_words(&d));
	CTL_EXPECT(0, "proxy_failed", "stats -o -f %s", d.conf);
	EXPECT(strstr(ctl_text, "smtpd_proxy_failed_total 7\n") != NULL &&
	    strstr(ctl_text, "smtpd_proxied_sessions_total 1\n") != NULL,
	    "%s", ctl_text);
	daemon_stop(&d);
	events_check(d.log);
}

/* From elsewhere it is a command, and not known. */
TEST(unlisted)
{
	struct daemon d;
	struct client c;

	start(&d, "");
	client_open(&c, &d, "127.8.0.1");
	client_expect(&c, 500, "PROXY TCP4 198.51.100.7 192.0.2.1 1025 25");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	EXPECT(daemon_logged(&d, " event=prox", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* A proxy that asks whether we live is itself, and in as often as it likes. */
TEST(own)
{
	static const char unknown[] = "PROXY UNKNOWN\r\n";
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
	struct client c[6];
	struct daemon d;

	start(&d, "\tper-address 2\n\tper-network 2\n");
	for (int i = 0; i < 6; i++) {
		connect_proxy(&c[i], &d);
		EXPECT(i % 2 == 0 ? client_send(&c[i], unknown,
		    sizeof(unknown) - 1) : client_send(&c[i], local,
		    sizeof(local) - 1), "send");
		EXPECT(client_reply(&c[i]) == 220, "%d: %s", i, c[i].reply);
	}
	EXPECT(client_mail(&c[0], 1, 500, alice) == 250, "%s", c[0].reply);
	expect_received(&d, "127.7.0.1");
	for (int i = 0; i < 6; i++)
		client_close(&c[i]);
	EXPECT(daemon_logged(&d, " event=proxied ", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/*
 * A client behind the proxy has the places of one address, another has its
 * own, and the proxy any number.
 */
TEST(limits)
{
	struct client noisy[3], others[2], c;
	struct daemon d;

	start(&d, "\tworkers 12\n\tper-address 3\n\tper-network 5\n");
	for (int i = 0; i < 3; i++) {
		connect_as(&noisy[i], &d, 7);
		EXPECT(client_reply(&noisy[i]) == 220, "%s", noisy[i].reply);
	}
	for (int i = 0; i < 20; i++) {
		connect_as(&c, &d, 7);
		EXPECT(client_reply(&c) == 421, "%s", c.reply);
		EXPECT(strstr(c.reply, "421 4.7.0 ") == c.reply &&
		    strstr(c.reply, "too many sessions from you") != NULL,
		    "%s", c.reply);
		EXPECT(client_is_closed(&c), "not closed");
		client_close(&c);
	}
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "client=198.51.100.7", "why=\"turned away\"", NULL) == 20) &&
	    daemon_logged(&d, " event=reject ", "client=198.51.100.7",
	    "too many sessions from you", NULL) == 20, "%s",
	    daemon_last_words(&d));
	EXPECT(deliver_as(&d, 8, 1) == 250, "a neighbour: %s",
	    daemon_last_words(&d));
	/* The status has the clients, and nothing of the proxy. */
	CTL_EXPECT(0, "198.51.100.7", "status -f %s", d.conf);
	/* A place that is given back is there again. */
	client_close(&noisy[0]);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "closed by client", NULL) == 1), "%s", daemon_last_words(&d));
	connect_as(&noisy[0], &d, 7);
	EXPECT(client_reply(&noisy[0]) == 220, "%s", noisy[0].reply);
	/* The network's, too. */
	for (unsigned i = 0; i < 2; i++) {
		connect_as(&others[i], &d, 20 + i);
		EXPECT(client_reply(&others[i]) == 220, "%s",
		    others[i].reply);
	}
	connect_as(&c, &d, 22);
	EXPECT(client_reply(&c) == 421 &&
	    strstr(c.reply, "from your network") != NULL, "%s", c.reply);
	client_close(&c);
	/* And who comes by itself has its own. */
	EXPECT(client_deliver(&d, "127.8.0.1", 2, 500, "bob") == 250,
	    "another");
	daemon_kill(&d);
	events_check(d.log);
}

/* So it is with a pool that is full: whoever is fresh gets a place. */
TEST(full)
{
	struct client c[10];
	struct daemon d;

	start(&d, "\tworkers 6\n\tper-address 6\n\tper-network 6\n");
	for (int i = 0; i < 6; i++) {
		connect_as(&c[i], &d, 7);
		EXPECT(client_reply(&c[i]) == 220, "%s", c[i].reply);
	}
	/* Its network is not that of the others. */
	connect_proxy(&c[6], &d);
	EXPECT(client_send(&c[6], v2_six, sizeof(v2_six) - 1), "send");
	EXPECT(client_reply(&c[6]) == 220, "no place: %s",
	    daemon_last_words(&d));
	EXPECT(client_mail(&c[6], 1, 500, alice) == 250, "%s", c[6].reply);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ",
	    "client=198.51.100.7", "its slot was needed", NULL) == 1), "%s",
	    daemon_last_words(&d));
	for (int i = 0; i < 7; i++)
		client_close(&c[i]);
	daemon_stop(&d);
}

/* Who broke a worker is refused; the proxy and its other clients are not. */
TEST(crash)
{
	pid_t pids[64];
	struct daemon d;
	struct client c;
	size_t n;

	start(&d, "");
	connect_as(&c, &d, 7);
	EXPECT(client_reply(&c) == 220, "%s", c.reply);
	n = daemon_workers(&d, pids, 64);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGSEGV);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ",
	    "client=198.51.100.7", "refused_s=600", NULL) == 1), "%s",
	    daemon_last_words(&d));
	client_close(&c);
	EXPECT(WAIT(deliver_as(&d, 8, 1) == 250), "%s",
	    daemon_last_words(&d));
	connect_as(&c, &d, 7);
	EXPECT(client_reply(&c) == 421 &&
	    strstr(c.reply, "refused for a while") != NULL, "%s", c.reply);
	client_close(&c);
	/* In the middle of a header nobody is known whom one could refuse. */
	daemon_settle(&d);
	connect_proxy(&c, &d);
	EXPECT(client_send(&c, "PROXY TCP4 ", 11), "send");
	EXPECT(WAIT(daemon_logged(&d, " event=connect ", NULL) >= 4), "%s",
	    daemon_last_words(&d));
	daemon_rest(&d);
	n = daemon_workers(&d, pids, 64);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGSEGV);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ",
	    "client=127.7.0.1", NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=worker-crash ", "client=127.7.0.1",
	    "refused_s=", NULL) == 0, "%s", daemon_last_words(&d));
	client_close(&c);
	EXPECT(WAIT(deliver_as(&d, 8, 2) == 250), "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
	events_check(d.log);
}

/* The header, and together with it in one segment the first of TLS. */
static void
hand_on(struct secure *s, const struct daemon *d, bool together)
{
	memset(s, 0, sizeof(*s));
	connect_proxy(&s->c, d);
	EXPECT(send(s->c.fd, v2, sizeof(v2) - 1, together ? MSG_MORE : 0) ==
	    sizeof(v2) - 1, "send");
	EXPECT(secure_start(s, NULL), "no handshake");
	EXPECT(secure_reply(s) == 220, "no greeting: %s", s->reply);
	secure_expect(s, 250, "EHLO a.example");
	secure_expect(s, 221, "QUIT");
	secure_close(s);
}

TEST(tls)
{
	struct daemon d, other;
	struct secure s;
	struct client c;

	secure_init(&d, "\tper-address 2\n", "rsa");
	daemon_add_conf(&d, "proxy-from 127.7.0.1\n"
	    "listen 127.0.0.1 port 0 implicit-tls\n");
	daemon_start(&d);
	memset(&s, 0, sizeof(s));
	connect_proxy(&s.c, &d);
	EXPECT(client_send(&s.c, v1, sizeof(v1) - 1), "send");
	EXPECT(client_reply(&s.c) == 220, "%s", s.c.reply);
	client_expect(&s.c, 250, "EHLO a.example");
	client_expect(&s.c, 220, "STARTTLS");
	EXPECT(secure_start(&s, NULL), "no handshake");
	secure_expect(&s, 250, "EHLO a.example");
	secure_close(&s);
	other = daemon_at_listener(&d, 2);
	for (int i = 0; i < 4; i++)
		hand_on(&s, &other, i % 2 == 0);
	EXPECT(WAIT(daemon_logged(&d, " event=tls ", "client=198.51.100.7",
	    NULL) == 5), "%s", daemon_last_words(&d));
	/* Without a header the first octets of TLS are none. */
	memset(&s, 0, sizeof(s));
	connect_proxy(&s.c, &other);
	EXPECT(!secure_start(&s, NULL), "a handshake without a header");
	secure_drop(&s);
	EXPECT(WAIT(daemon_logged(&d, " event=proxy-failed ",
	    "not begin with a PROXY", NULL) == 1), "%s", daemon_last_words(&d));
	/* Who is one too many hears nothing, for it would be no TLS. */
	daemon_rest(&d);
	for (int i = 0; i < 2; i++) {
		connect_as(&c, &d, 7);
		EXPECT(client_reply(&c) == 220, "%s", c.reply);
	}
	connect_as(&c, &other, 7);
	EXPECT(client_reply(&c) == 0 && c.n == 0, "%s", c.reply);
	client_close(&c);
	daemon_kill(&d);
}

/* DSN is offered to a client who may send out, and to the proxy of none. */
TEST(dsn)
{
	static const struct {
		const char	*header;
		bool		 offered;
	} rows[] = { { v1, true },
	    { "PROXY TCP4 198.51.100.8 192.0.2.1 1025 25\r\n", false },
	    { "PROXY UNKNOWN\r\n", false } };
	struct daemon d;
	struct client c;

	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "proxy-from 127.7.0.0/24\nrelay {\n"
	    "\tfrom 198.51.100.7\n\tvia 127.0.0.1 port 9\n}\n");
	daemon_start(&d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int code = rows[i].offered ? 250 : 555;

		connect_proxy(&c, &d);
		EXPECT(client_send(&c, rows[i].header,
		    strlen(rows[i].header)) && client_reply(&c) == 220, "%zu",
		    i);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, code, "MAIL FROM:<alice@example.org> "
		    "RET=HDRS ENVID=QQ314159");
		if (!rows[i].offered)
			client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
		client_expect(&c, code, "RCPT TO:<alice@example.org> "
		    "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Al@example.org");
		client_close(&c);
	}
	/* It is remembered until the report. */
	connect_proxy(&c, &d);
	EXPECT(client_send(&c, v1, strlen(v1)) && client_reply(&c) == 220,
	    "%s", c.reply);
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org> ENVID=QQ314159");
	client_expect(&c, 250, "RCPT TO:<u1@example.org> NOTIFY=SUCCESS");
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nx\r\n.");
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=notice ", "delivered", NULL) ==
	    1), "no report: %s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* What was true of the session before is not of the next one. */
TEST(same_worker)
{
	struct daemon d;
	struct client c;

	start(&d, "\tworkers 1\n\tworker-sessions 100\n");
	for (unsigned i = 0; i < 10; i++) {
		EXPECT(deliver_as(&d, 7, 2 * i) == 250, "%s",
		    daemon_last_words(&d));
		connect_proxy(&c, &d);
		EXPECT(client_send(&c, "EHLO a.example\r\n", 16), "send");
		EXPECT(client_reply(&c) == 0, "%s", c.reply);
		client_close(&c);
		EXPECT(client_deliver(&d, "127.8.0.1", 2 * i + 1, 500,
		    "bob") == 250, "%s", daemon_last_words(&d));
	}
	EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) == 20 &&
	    daemon_logged(&d, " event=disconnect ", "client=198.51.100.7",
	    "why=quit", NULL) == 10 &&
	    daemon_logged(&d, " event=disconnect ", "client=127.8.0.1",
	    "why=quit", NULL) == 10), "%s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=worker-", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* In the words of Postfix nobody has connected before he is known. */
TEST(postfix)
{
	static const char *const parts[] = { " connect from unknown[198.51."
	    "100.7]", " connect from unknown[198.51.100.8]", "NOQUEUE: reject:"
	    " CONNECT from unknown[198.51.100.8]: 421 ",
	    "client=unknown[198.51.100.7]" };
	struct daemon d;
	struct client c;
	char *got;

	daemon_init(&d, "\tper-address 1\n", NULL);
	daemon_add_conf(&d, "proxy-from 127.7.0.1\n");
	daemon_start(&d);
	EXPECT(deliver_as(&d, 7, 1) == 250, "%s", daemon_last_words(&d));
	connect_as(&c, &d, 8);
	EXPECT(client_reply(&c) == 220, "%s", c.reply);
	EXPECT(deliver_as(&d, 8, 2) == 421, "a second one");
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", NULL) == 3), "%s",
	    daemon_last_words(&d));
	got = events_as_postfix(&d);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		EXPECT(strstr(got, parts[i]) != NULL, "no \"%s\" in %s",
		    parts[i], got);
	EXPECT(strstr(got, "unknown[127.") == NULL, "%s", got);
	free(got);
	daemon_stop(&d);
}

/* Another list holds for who comes from then on. */
TEST(reload)
{
	struct daemon d;
	struct client c, old;

	start(&d, "");
	connect_proxy(&old, &d);
	reload_edit(&d, "127.7.0.0/24", "127.9.0.0/24");
	reload_in_order(&d);
	client_open(&c, &d, proxy);
	client_expect(&c, 500, "PROXY UNKNOWN");
	client_close(&c);
	EXPECT(client_connect(&c, &d, "127.9.0.1"), "connect");
	EXPECT(client_send(&c, v1, sizeof(v1) - 1), "send");
	EXPECT(client_reply(&c) == 220, "%s", c.reply);
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=proxied ", "via=127.9.0.1",
	    NULL) == 1), "%s", daemon_last_words(&d));
	/* Who was there before it still owes one. */
	EXPECT(client_send(&old, v2, sizeof(v2) - 1), "send");
	EXPECT(client_reply(&old) == 220, "%s", old.reply);
	client_close(&old);
	daemon_stop(&d);
}
