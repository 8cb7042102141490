/*
 * STARTTLS and TLS from the first octet: what is offered when, what is
 * forgotten, what is refused and how it is told of, and that there is no way
 * back to plain text.  Where the keys are is in test_sign.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/secure.h"

/* A daemon with an RSA pair for mx.example.org; more: lines to add. */
static void
start(struct daemon *d, const char *limits, const char *more)
{
	secure_init(d, limits, "rsa");
	daemon_add_conf(d, "%s", more);
	daemon_start(d);
}

static void
mail_over(struct secure *s, unsigned number)
{
	char *text = mail_text(number, 500, "\r\n");
	size_t n = strlen(text);

	secure_expect(s, 250, "MAIL FROM:<sender@example.net>");
	secure_expect(s, 250, "RCPT TO:<alice@example.org>");
	secure_expect(s, 354, "DATA");
	EXPECT(SSL_write(s->ssl, text, (int)n) == (int)n, "write");
	secure_expect(s, 250, ".");
	free(text);
}

/* The one stored message. */
static char *
stored_text(const struct daemon *d)
{
	char command[256], path[256] = "";
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command),
	    "ls %s/mail/example.org/alice/new/*", d->root);
	f = popen(command, "re");
	EXPECT(f != NULL && fgets(path, sizeof(path), f) != NULL, "no mail");
	pclose(f);
	path[strcspn(path, "\n")] = '\0';
	return harness_read_file(path, &n);
}

static void
version_works(int version, const char *word, const char *suite)
{
	struct secure_options o = { .version = version,
	    .name = "mx.example.org", .trusted = harness_path("mx.pem") };
	struct daemon d;
	struct secure s;
	char *text;

	start(&d, "", "");
	secure_open(&s, &d, &o);
	secure_expect(&s, 250, "EHLO after.example");
	EXPECT(strstr(s.all, "STARTTLS") == NULL, "offered again: %s", s.all);
	secure_expect(&s, 503, "STARTTLS");
	mail_over(&s, 1);
	secure_expect(&s, 221, "QUIT");
	EXPECT(SSL_read(s.ssl, s.in, 1) == 0 && SSL_get_error(s.ssl, 0) ==
	    SSL_ERROR_ZERO_RETURN, "no close_notify");
	secure_close(&s);
	text = stored_text(&d);
	EXPECT(strstr(text, "from after.example ") != NULL &&
	    strstr(text, "before.example") == NULL, "%s", text);
	EXPECT(strstr(text, " with ESMTPS id ") != NULL, "%s", text);
	EXPECT(strstr(text, "\n\ttls ") != NULL &&
	    strstr(text, suite) != NULL, "%s", text);
	free(text);
	EXPECT(daemon_logged(&d, " event=tls ", word, suite, NULL) == 1,
	    "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

TEST(tls_1_2)
{
	version_works(TLS1_2_VERSION, "version=TLSv1.2",
	    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

TEST(tls_1_3)
{
	version_works(TLS1_3_VERSION, "version=TLSv1.3",
	    "TLS_AES_256_GCM_SHA384");
}

/* Before TLS it is offered; with an argument or too early it is none. */
TEST(offered)
{
	struct daemon d;
	struct client c;
	char text[2048] = "";
	ssize_t n;

	start(&d, "", "");
	client_open(&c, &d, NULL);
	client_expect(&c, 503, "STARTTLS");
	EXPECT(client_send(&c, "EHLO a.example\r\n", 16), "send");
	EXPECT(WAIT((n = recv(c.fd, text, sizeof(text) - 1, MSG_PEEK)) > 0 &&
	    strstr(text, "250 ") != NULL), "no reply: %s", text);
	EXPECT(strstr(text, "250-STARTTLS\r\n") != NULL, "%s", text);
	EXPECT(client_reply(&c) == 250, "%s", c.reply);
	client_expect(&c, 501, "STARTTLS now");
	client_expect(&c, 250, "MAIL FROM:<a@b.example>");
	client_expect(&c, 503, "STARTTLS");
	client_expect(&c, 250, "RSET");
	client_expect(&c, 220, "STARTTLS");
	client_close(&c);
	daemon_stop(&d);
}

static int tickets;

static int
count_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	tickets++;
	return 0;
}

/* Nobody could resume by one, and each would be sent for nothing. */
TEST(no_tickets)
{
	struct daemon d;
	struct secure s;

	start(&d, "", "");
	secure_open(&s, &d, NULL);
	SSL_CTX_set_session_cache_mode(s.ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(s.ctx, count_ticket);
	EXPECT(SSL_version(s.ssl) == TLS1_3_VERSION, "not TLS 1.3");
	secure_expect(&s, 250, "EHLO a.example");
	secure_expect(&s, 250, "NOOP");
	EXPECT(tickets == 0, "%d tickets", tickets);
	secure_close(&s);
	daemon_stop(&d);
}

TEST(not_offered)
{
	struct daemon d;
	struct client c;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 502, "STARTTLS");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	daemon_stop(&d);
}

/* The name from before TLS is not that of the session under it. */
TEST(forgotten)
{
	struct daemon d;
	struct secure s;

	start(&d, "", "");
	secure_open(&s, &d, NULL);
	secure_expect(&s, 503, "MAIL FROM:<a@b.example>");
	EXPECT(strstr(s.reply, "HELO or EHLO first") != NULL, "%s", s.reply);
	secure_expect(&s, 250, "EHLO b.example");
	secure_expect(&s, 250, "MAIL FROM:<a@b.example>");
	secure_close(&s);
	daemon_stop(&d);
}

TEST(implicit)
{
	struct daemon d, other;
	struct secure s;

	start(&d, "", "listen 127.0.0.1 port 0 implicit-tls\n");
	other = daemon_at_listener(&d, 2);
	memset(&s, 0, sizeof(s));
	EXPECT(client_connect(&s.c, &other, NULL), "connect");
	EXPECT(secure_start(&s, NULL), "no handshake");
	EXPECT(secure_reply(&s) == 220, "no greeting: %s", s.reply);
	secure_expect(&s, 250, "EHLO a.example");
	EXPECT(strstr(s.all, "STARTTLS") == NULL, "offered: %s", s.all);
	mail_over(&s, 1);
	secure_close(&s);
	EXPECT(mail_copies(&d, "alice", 1) == 1, "not one message");
	daemon_stop(&d);
}

TEST(by_name)
{
	struct secure_options o = { .name = "example.net" };
	struct daemon d;
	struct secure s;
	char more[300], name[64];

	secure_make_pair("net", "ec", "example.net");
	snprintf(more, sizeof(more), "tls certificate %s key %s\n",
	    harness_path("net.pem"), harness_path("net.key"));
	start(&d, "", more);
	for (int i = 0; i < 3; i++) {
		o.name = i == 0 ? "example.net" : i == 1 ? "mx.example.org" :
		    "unknown.example";
		secure_open(&s, &d, &o);
		secure_peer_name(&s, name, sizeof(name));
		EXPECT(strcmp(name, i == 0 ? "example.net" :
		    "mx.example.org") == 0, "%s for %s", name, o.name);
		secure_expect(&s, 250, "EHLO a.example");
		secure_close(&s);
	}
	daemon_stop(&d);
}

/*
 * What stands behind STARTTLS before the handshake: the session ends, and
 * neither in plain text nor under TLS is it run.
 */
TEST(injected)
{
	static const char *const tails[] = { "RSET\r\n", "RS",
	    "EHLO x.example\r\nMAIL FROM:<a@b.example>\r\n", "\r\n", "\n" };
	struct daemon d;
	struct client c;
	char text[128];

	start(&d, "", "");
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		int n = snprintf(text, sizeof(text), "STARTTLS\r\n%s",
		    tails[i]);

		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO a.example");
		EXPECT(client_send(&c, text, (size_t)n), "send");
		EXPECT(client_reply(&c) == 503, "tail %zu: %s", i, c.reply);
		EXPECT(client_is_closed(&c), "tail %zu: not closed", i);
		client_close(&c);
		EXPECT(WAIT(daemon_logged(&d, " event=tls-failed ",
		    "data after STARTTLS", NULL) == i + 1), "tail %zu: %s",
		    i, daemon_last_words(&d));
	}
	/* In a segment of its own, after the reply: then it is no TLS. */
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 220, "STARTTLS");
	EXPECT(client_send(&c, "MAIL FROM:<a@b.example>\r\n", 25), "send");
	EXPECT(client_reply(&c) != 250, "run as a command: %s", c.reply);
	EXPECT(WAIT(daemon_logged(&d, " event=tls-failed ", "not TLS",
	    NULL) == 1), "%s", daemon_last_words(&d));
	client_close(&c);
	daemon_stop(&d);
}

static void
fails(const struct daemon *d, const struct secure_options *o,
    const char *words)
{
	struct secure s;

	memset(&s, 0, sizeof(s));
	client_open(&s.c, d, NULL);
	client_expect(&s.c, 250, "EHLO a.example");
	client_expect(&s.c, 220, "STARTTLS");
	EXPECT(!secure_start(&s, o), "a handshake: %s", words);
	secure_drop(&s);
	EXPECT(WAIT(daemon_logged(d, " event=tls-failed ", words,
	    NULL) == 1), "%s: %s", words, daemon_last_words(d));
}

TEST(failures)
{
	struct secure_options old = { .version = TLS1_1_VERSION },
	    suite = { .version = TLS1_2_VERSION, .suites = "AES128-SHA" },
	    untrusted = { .trusted = harness_path("none.pem") };
	struct daemon d;
	struct client c;

	secure_make_pair("none", "ec", "none.example");
	start(&d, "idle-timeout 2s\n", "");
	fails(&d, &old, "neither TLS 1.2 nor");
	fails(&d, &suite, "no cipher suite");
	fails(&d, &untrusted, "does not trust");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 220, "STARTTLS");
	client_close(&c);
	EXPECT(WAIT(daemon_logged(&d, " event=tls-failed ",
	    "closed the connection", NULL) == 1), "%s",
	    daemon_last_words(&d));
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 220, "STARTTLS");
	EXPECT(client_is_closed(&c), "not closed");
	EXPECT(WAIT(daemon_logged(&d, " event=tls-failed ", "silent",
	    NULL) == 1), "%s", daemon_last_words(&d));
	client_close(&c);
	/* None of them harms the next. */
	EXPECT(client_deliver(&d, NULL, 1, 500, "bob") == 250, "plain");
	EXPECT(daemon_logged(&d, " event=worker-", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* An end of TLS is an end, and what stands behind it in plain text nothing. */
static void
ends_at(const struct daemon *d, int stage, bool notify)
{
	static const char *const lines[] = { "EHLO a.example",
	    "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.org>",
	    "DATA" };
	struct secure s;

	secure_open(&s, d, NULL);
	for (int i = 0; i < stage && i < 4; i++)
		EXPECT(secure_command(&s, lines[i]) < 400, "%s", s.reply);
	if (stage == 5)
		EXPECT(SSL_write(s.ssl, "Subject: half\r\n", 15) == 15,
		    "write");
	if (notify) {
		SSL_shutdown(s.ssl);
		(void)client_send(&s.c, "\r\n.\r\nQUIT\r\n", 11);
		EXPECT(client_is_closed(&s.c) || client_reply(&s.c) == 0,
		    "stage %d: it goes on", stage);
	}
	secure_drop(&s);
}

TEST(ends)
{
	struct daemon d;

	start(&d, "", "");
	for (int stage = 0; stage <= 5; stage++) {
		ends_at(&d, stage, true);
		ends_at(&d, stage, false);
	}
	EXPECT(WAIT(daemon_logged(&d, " event=disconnect ", NULL) == 12),
	    "%s", daemon_last_words(&d));
	EXPECT(mail_total(&d) == 0 && mail_none_incoming(&d), "a message");
	EXPECT(daemon_logged(&d, " event=worker-", NULL) == 0, "%s",
	    daemon_last_words(&d));
	daemon_stop(&d);
}

/* More than its buffers: a message that no layer takes at once. */
TEST(large)
{
	char *text = mail_text(7, 3000000, "\r\n");
	size_t n = strlen(text), done = 0;
	struct daemon d;
	struct secure s;

	start(&d, "", "");
	secure_open(&s, &d, NULL);
	secure_expect(&s, 250, "EHLO a.example");
	secure_expect(&s, 250, "MAIL FROM:<sender@example.net>");
	secure_expect(&s, 250, "RCPT TO:<alice@example.org>");
	secure_expect(&s, 354, "DATA");
	while (done < n) {
		int k = SSL_write(s.ssl, text + done,
		    n - done < 20000 ? (int)(n - done) : 20000);

		EXPECT(k > 0, "write");
		done += (size_t)k;
	}
	secure_expect(&s, 250, ".");
	secure_close(&s);
	free(text);
	EXPECT(mail_copies(&d, "alice", 7) == 1, "not one message");
	daemon_stop(&d);
}

/*
 * A library that crashes in a handshake, as one that was linked wrongly does,
 * is found before a client is served.
 */
TEST(broken_library)
{
	struct daemon d;

	secure_make_pair("mx", "rsa", "mx.example.org");
	daemon_init(&d, "", NULL);
	daemon_use_other(&d, "broken_worker", "broken");
	daemon_start(&d);
	daemon_stop(&d);
	secure_add_pair(&d, "mx.pem", "mx.key");
	daemon_launch(&d);
	EXPECT(daemon_wait_end(&d) != 0, "it starts");
	EXPECT(strstr(daemon_last_words(&d), "TLS handshake on trial died "
	    "by signal") != NULL, "%s", daemon_last_words(&d));
}
