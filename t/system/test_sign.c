/*
 * Where the private keys are: in the memory of the sign process and of
 * nothing else, however a session ends and while it lasts; what becomes of
 * TLS without that process; and pairs that do not fit.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/secrets.h"
#include "t/system/secure.h"

static void
start(struct daemon *d, const char *kind)
{
	secure_init(d, "", kind);
	daemon_start(d);
}

static void
key_stays(const char *kind)
{
	struct secrets secrets = { 0 };
	struct daemon d;
	struct secure s;

	harness_need_root("read the memory of other users' processes");
	start(&d, kind);
	secrets_read(&secrets, "mx");
	secrets_read_text(&secrets, "mx");
	/* While a worker is in its session, just after it used the key. */
	secure_open(&s, &d, NULL);
	secure_expect(&s, 250, "EHLO a.example");
	secrets_expect_at(&d, secrets_helper(&d, "-s"), &secrets);
	secure_expect(&s, 250, "NOOP");
	secure_close(&s);
	daemon_stop(&d);
}

TEST(rsa_key_stays)
{
	key_stays("rsa");
}

TEST(ec_key_stays)
{
	key_stays("ec");
}

/* Of its own it has what the table says, and the user of the master. */
TEST(sign_is_held)
{
	static const int locks[] = { SYS_mlockall, 0 };
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char value[64], uid[64];
	struct daemon d;
	struct secure s;
	pid_t sign;

	harness_need_root("look at another user's process");
	start(&d, "ec");
	sign = secrets_helper(&d, "-s");
	secrets_expect_held(&d, sign);
	/* All of its memory, where root may have more than the default. */
	proc_status(sign, "VmLck", value, sizeof(value));
	proc_status(sign, "VmSize", uid, sizeof(uid));
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &all) == -1 ||
	    (strtoul(value, NULL, 10) + 1024 > strtoul(uid, NULL, 10) &&
	    daemon_logged(&d, " event=warning ", "swap", NULL) == 0),
	    "VmLck: %s of %s", value, uid);
	secure_open(&s, &d, NULL);
	secure_close(&s);
	daemon_stop(&d);
	/* Where it may not, that is said, and no more. */
	d.missing = locks;
	daemon_start(&d);
	EXPECT(daemon_logged(&d, " event=warning ", "swap", NULL) == 1,
	    "nobody is told");
	secure_open(&s, &d, NULL);
	secure_close(&s);
	daemon_stop(&d);
}

static bool
is_served(const struct daemon *d)
{
	struct secure s = { .c.fd = -1 };
	bool served;

	client_open(&s.c, d, NULL);
	client_expect(&s.c, 250, "EHLO a.example");
	served = client_command(&s.c, "STARTTLS") == 220 &&
	    secure_start(&s, NULL);
	if (served)
		secure_close(&s);
	else
		client_close(&s.c);
	return served;
}

/* Does any line of the answer to EHLO begin so? */
static bool
is_offered(const struct daemon *d, const char *word)
{
	char text[4096];
	struct client c;
	ssize_t n = 0, more = 1;

	client_open(&c, d, NULL);
	EXPECT(client_send(&c, "EHLO a.example\r\nQUIT\r\n", 22), "send");
	while (more > 0 && n < (ssize_t)sizeof(text) - 1) {
		more = read(c.fd, text + n, sizeof(text) - 1 - (size_t)n);
		n += more > 0 ? more : 0;
	}
	text[n] = '\0';
	EXPECT(strstr(text, "250") != NULL, "%s", text);
	client_close(&c);
	return strstr(text, word) != NULL;
}

/* It is started again each time, with the keys and nothing else. */
TEST(sign_comes_again)
{
	struct secrets secrets = { 0 };
	struct daemon d;
	struct secure s;

	harness_need_root("read the memory of other users' processes");
	start(&d, "rsa");
	secrets_read(&secrets, "mx");
	for (size_t i = 1; i <= 3; i++) {
		int64_t begun = harness_now_ms();

		secure_open(&s, &d, NULL);
		kill(secrets_helper(&d, "-s"), SIGKILL);
		EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ",
		    "helper=sign", "it is started again", NULL) == i), "%s",
		    daemon_last_words(&d));
		EXPECT(WAIT(is_served(&d)), "%s", daemon_last_words(&d));
		printf("served again after %d ms\n",
		    (int)(harness_now_ms() - begun));
		EXPECT(WAIT(daemon_logged(&d, " event=helper-started ",
		    NULL) == i), "%s", daemon_last_words(&d));
		/* Who is under TLS needs it no more. */
		secure_expect(&s, 250, "NOOP");
		secure_close(&s);
		/* It has lived for a while, so it is no loop. */
		harness_sleep_ms(2100);
	}
	secrets_expect_at(&d, secrets_helper(&d, "-s"), &secrets);
	daemon_stop(&d);
}

/*
 * Until it is there again, STARTTLS is not offered, mail comes as it can, and
 * smtpctl status fails.
 */
TEST(without_sign)
{
	struct daemon d;
	struct client c;
	struct secure s;
	pid_t keeper;

	start(&d, "rsa");
	secure_open(&s, &d, NULL);
	CTL_EXPECT(0, "keeper", "status -f %s", d.conf);
	EXPECT(is_offered(&d, "STARTTLS"), "it is not offered");
	keeper = secrets_helper(&d, "-k");
	proc_stop(keeper);
	kill(secrets_helper(&d, "-s"), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", "helper=sign",
	    NULL) == 1), "%s", daemon_last_words(&d));
	secure_expect(&s, 250, "EHLO a.example");
	secure_close(&s);
	EXPECT(!is_offered(&d, "STARTTLS"), "it is offered");
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO a.example");
	client_expect(&c, 454, "STARTTLS");
	client_close(&c);
	EXPECT(client_deliver(&d, NULL, 1, 500, "bob") == 250, "plain");
	CTL_EXPECT(1, "the sign process is missing", "status -f %s", d.conf);
	kill(keeper, SIGCONT);
	EXPECT(WAIT(is_served(&d)), "%s", daemon_last_words(&d));
	CTL_EXPECT(0, "keeper", "status -f %s", d.conf);
	daemon_stop(&d);
}

/* What only root can read it cannot have again: somebody has to start smtpd. */
TEST(key_of_root)
{
	struct daemon d;

	harness_need_root("start smtpd as root");
	secure_init(&d, "", "ec");
	EXPECT(chown(harness_path("mx.key"), 0, 0) == 0 &&
	    chmod(harness_path("mx.key"), 0600) == 0, "chmod");
	daemon_start(&d);
	EXPECT(is_served(&d), "not served");
	kill(secrets_helper(&d, "-s"), SIGKILL);
	EXPECT(WEXITSTATUS(daemon_wait_end(&d)) == 1, "%s",
	    daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=helper-lost ", "Permission denied",
	    "smtpd ends with 1", NULL) == 1, "%s", daemon_last_words(&d));
}

/* Nobody is left to start it: the same, and before that status says so. */
TEST(keeper_lost)
{
	struct daemon d;

	start(&d, "ec");
	kill(secrets_helper(&d, "-k"), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", "helper=keeper",
	    NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(is_served(&d), "not served");
	CTL_EXPECT(1, "the keeper process is missing", "status -f %s", d.conf);
	kill(secrets_helper(&d, "-s"), SIGKILL);
	EXPECT(WEXITSTATUS(daemon_wait_end(&d)) == 1, "%s",
	    daemon_last_words(&d));
}

/* There is a mistake: it is tried again, less and less often. */
TEST(no_busy_loop)
{
	struct daemon d;

	start(&d, "ec");
	EXPECT(rename(harness_path("mx.key"), harness_path("away")) == 0,
	    "rename");
	kill(secrets_helper(&d, "-s"), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", "mx.key",
	    "started again in 2 s", NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(daemon_logged(&d, " event=helper-lost ", NULL) == 3, "%zu",
	    daemon_logged(&d, " event=helper-lost ", NULL));
	EXPECT(rename(harness_path("away"), harness_path("mx.key")) == 0,
	    "rename");
	EXPECT(WAIT(is_served(&d)), "%s", daemon_last_words(&d));
	daemon_stop(&d);
}

/* Says the first of a handshake, and waits for nothing. */
static void
say_hello(struct client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	char *octets;
	long n;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	EXPECT(SSL_connect(ssl) != 1, "alone");
	n = BIO_get_mem_data(out, &octets);
	EXPECT(n > 0 && client_send(c, octets, (size_t)n), "no hello");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/*
 * It stands still, and every place is taken by who waits for it: who comes
 * new gets one of theirs.
 */
TEST(sign_stands_still)
{
	enum { n = 12 };
	static struct client all[n];
	struct daemon d;
	char from[32];

	secure_init(&d, "\tworkers 12\n\tper-address 3\n", "ec");
	daemon_start(&d);
	proc_stop(secrets_helper(&d, "-s"));
	for (int i = 0; i < n; i++) {
		snprintf(from, sizeof(from), "127.1.%d.1", 1 + i / 3);
		client_open(&all[i], &d, from);
		client_expect(&all[i], 250, "EHLO a.example");
		client_expect(&all[i], 220, "STARTTLS");
		say_hello(&all[i]);
	}
	daemon_rest(&d);
	EXPECT(client_deliver(&d, "127.9.9.9", 1, 500, "bob") == 250, "mail");
	EXPECT(daemon_logged(&d, " event=tls-failed ", "no signature",
	    NULL) == 1, "%s", daemon_last_words(&d));
	kill(secrets_helper(&d, "-s"), SIGCONT);
	for (int i = 0; i < n; i++)
		client_close(&all[i]);
	daemon_stop(&d);
}

/* A nursery that is new has its certificates again. */
TEST(after_a_crash)
{
	pid_t workers[64];
	struct daemon d;
	struct secure s;
	size_t n;

	harness_need_root("kill another user's process");
	start(&d, "rsa");
	secure_open(&s, &d, NULL);
	n = daemon_workers(&d, workers, 64);
	for (size_t i = 0; i < n; i++)
		kill(workers[i], SIGSEGV);
	secure_drop(&s);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ", NULL) >= 1),
	    "no crash: %s", daemon_last_words(&d));
	daemon_settle(&d);
	/* From where nobody was refused. */
	secure_open_from(&s, &d, "127.0.0.2");
	secure_close(&s);
	daemon_stop(&d);
}

/*
 * A worker in a stranger's hands: it uses the key once, which is what any
 * handshake does, and is killed when it wants more.
 */
TEST(no_more_than_once)
{
	static const char *const lines[] = { "SIGN\n", "BLOCK\n",
	    "BEYOND\n", "TLS\n" };
	struct daemon d;

	secure_init(&d, "", "rsa");
	daemon_use_other(&d, "lying_worker", "liar-work");
	daemon_start(&d);
	client_expect_attacks(&d, lines, sizeof(lines) / sizeof(lines[0]));
	daemon_stop(&d);
}

enum { at_once = 30 };

/* All of them ask the one process at the same time. */
TEST(many)
{
	static struct secure all[at_once];
	struct daemon d;

	start(&d, "rsa");
	for (size_t i = 0; i < at_once; i++) {
		char from[32];

		snprintf(from, sizeof(from), "127.0.%zu.1", 1 + i);
		client_open(&all[i].c, &d, from);
		client_expect(&all[i].c, 250, "EHLO a.example");
		client_expect(&all[i].c, 220, "STARTTLS");
	}
	for (size_t i = 0; i < at_once; i++)
		EXPECT(secure_start(&all[i], NULL), "handshake %zu", i);
	for (size_t i = 0; i < at_once; i++) {
		secure_expect(&all[i], 250, "EHLO a.example");
		secure_close(&all[i]);
	}
	EXPECT(daemon_logged(&d, " event=tls ", NULL) == at_once, "%zu",
	    daemon_logged(&d, " event=tls ", NULL));
	daemon_stop(&d);
}

/* "smtpd -n" and a start say where the mistake is, and what. */
static void
refuses(const char *certificate, const char *key, const char *words)
{
	struct daemon d;
	char *const args[] = { "-n", "-f", d.conf, NULL };
	char out[4096], *conf;
	size_t n, line = 0;
	char place[160];

	daemon_init(&d, "", NULL);
	secure_add_pair(&d, certificate, key);
	conf = harness_read_file(d.conf, &n);
	for (size_t i = 0; i < n; i++)
		line += conf[i] == '\n';
	free(conf);
	EXPECT(daemon_run(&d, args, out, sizeof(out)) == 1, "%s: %s", words,
	    out);
	snprintf(place, sizeof(place), "%s:%zu:", d.conf, line);
	EXPECT(strstr(out, place) != NULL && strstr(out, words) != NULL &&
	    strstr(out, "^") != NULL, "not \"%s\" at %s: %s", words, place,
	    out);
}

TEST(broken_pairs)
{
	secure_make_pair("mx", "rsa", "mx.example.org");
	secure_make_pair("ec", "ec", "mx.example.org");
	refuses("mx.pem", "ec.key", "not the key of this certificate");
	refuses("ec.pem", "mx.key", "not the key of this certificate");
	refuses("mx.key", "mx.key", "holds no certificate");
	secure_make_pair("small", "P-192", "mx.example.org");
	refuses("small.pem", "small.key", "at least 224 bits");
	EXPECT(chmod(harness_path("mx.pem"), 0600) == 0, "chmod");
	refuses("mx.pem", "mx.pem", "holds no private key");
	refuses("none.pem", "mx.key", "No such file");
	refuses("mx.pem", "none.key", "No such file");
	EXPECT(chmod(harness_path("mx.key"), 0644) == 0, "chmod");
	refuses("mx.pem", "mx.key", "everybody can read it");
	harness_write_file(harness_path("cut.pem"),
	    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	refuses("cut.pem", "ec.key", "holds no certificate");
}
