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
#include <sys/stat.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/secrets.h"
#include "t/system/secure.h"

static const struct secure_options any = { 0 };

static void
start(struct daemon *d, const char *kind)
{
	secure_make_pair("mx", kind, "mx.example.org");
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "tls certificate %s key %s\n",
	    harness_path("mx.pem"), harness_path("mx.key"));
	daemon_start(d);
}

static void
key_stays(const char *kind)
{
	struct secrets secrets = { 0 };
	pid_t all[64], sign;
	struct daemon d;
	struct secure s;
	size_t n, searched;

	harness_need_root("read the memory of other users' processes");
	start(&d, kind);
	secrets_read(&secrets, "mx");
	/* While a worker is in its session, just after it used the key. */
	secure_open(&s, &d, &any);
	secure_expect(&s, 250, "EHLO a.example");
	sign = secrets_sign_process(&d);
	EXPECT(secrets_search(sign, &secrets, &searched) > 0,
	    "the search finds nothing where the key is");
	secrets_read_text(&secrets, "mx");
	n = proc_below(d.pid, all, 64);
	EXPECT(n >= 4, "only %zu processes", n);
	EXPECT(secrets_search(d.pid, &secrets, &searched) == 0, "the master has it");
	for (size_t i = 0; i < n; i++) {
		if (all[i] == sign)
			continue;
		EXPECT(secrets_search(all[i], &secrets, &searched) == 0,
		    "process %d of %zu has it", (int)all[i], n);
		EXPECT(searched > 1000000, "only %zu octets", searched);
	}
	secure_expect(&s, 250, "NOOP");
	secure_close(&s);
	daemon_stop(&d);
}

static void
rsa_key_stays(void)
{
	key_stays("rsa");
}

static void
ec_key_stays(void)
{
	key_stays("ec");
}

/* Of its own it has what the table says, and the user of the master. */
static void
sign_is_held(void)
{
	char value[64], uid[64];
	struct daemon d;
	pid_t sign;

	harness_need_root("look at another user's process");
	start(&d, "ec");
	sign = secrets_sign_process(&d);
	proc_status(sign, "Seccomp", value, sizeof(value));
	EXPECT(strcmp(value, "2") == 0, "Seccomp: %s", value);
	proc_status(sign, "NoNewPrivs", value, sizeof(value));
	EXPECT(strcmp(value, "1") == 0, "NoNewPrivs: %s", value);
	proc_status(sign, "CapEff", value, sizeof(value));
	EXPECT(strtoull(value, NULL, 16) == 0, "CapEff: %s", value);
	proc_status(sign, "Uid", value, sizeof(value));
	proc_status(d.pid, "Uid", uid, sizeof(uid));
	EXPECT(strcmp(value, uid) == 0, "Uid: %s, not %s", value, uid);
	EXPECT(proc_fd_count(sign) == 4, "%zu descriptors",
	    proc_fd_count(sign));
	daemon_stop(&d);
}

/* Without it there is no TLS, and no plain text instead of it. */
static void
without_sign(void)
{
	struct daemon d;
	struct secure s, later;

	start(&d, "rsa");
	secure_open(&s, &d, &any);
	kill(secrets_sign_process(&d), SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=sign-lost ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	secure_expect(&s, 250, "EHLO a.example");
	secure_close(&s);
	memset(&later, 0, sizeof(later));
	client_open(&later.c, &d, NULL);
	client_expect(&later.c, 250, "EHLO a.example");
	client_expect(&later.c, 220, "STARTTLS");
	EXPECT(!secure_start(&later, &any), "a handshake without a key");
	secure_drop(&later);
	EXPECT(WAIT(daemon_logged(&d, " event=tls-failed ", "no signature",
	    NULL) == 1), "%s", daemon_last_words(&d));
	EXPECT(client_deliver(&d, NULL, 1, 500, "bob") == 250, "plain");
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
static void
sign_stands_still(void)
{
	enum { n = 12 };
	static struct client all[n];
	struct daemon d;
	char from[32];

	secure_make_pair("mx", "ec", "mx.example.org");
	daemon_init(&d, "\tworkers 12\n\tper-address 3\n", NULL);
	daemon_add_conf(&d, "tls certificate %s key %s\n",
	    harness_path("mx.pem"), harness_path("mx.key"));
	daemon_start(&d);
	proc_stop(secrets_sign_process(&d));
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
	kill(secrets_sign_process(&d), SIGCONT);
	for (int i = 0; i < n; i++)
		client_close(&all[i]);
	daemon_stop(&d);
}

/* A nursery that is new has its certificates again. */
static void
after_a_crash(void)
{
	pid_t workers[64];
	struct daemon d;
	struct secure s;
	size_t n;

	harness_need_root("kill another user's process");
	start(&d, "rsa");
	secure_open(&s, &d, &any);
	n = daemon_workers(&d, workers, 64);
	for (size_t i = 0; i < n; i++)
		kill(workers[i], SIGSEGV);
	secure_drop(&s);
	EXPECT(WAIT(daemon_logged(&d, " event=worker-crash ", NULL) >= 1),
	    "no crash: %s", daemon_last_words(&d));
	daemon_settle(&d);
	memset(&s, 0, sizeof(s));
	/* From where nobody was refused. */
	client_open(&s.c, &d, "127.0.0.2");
	client_expect(&s.c, 250, "EHLO a.example");
	client_expect(&s.c, 220, "STARTTLS");
	EXPECT(secure_start(&s, &any), "no handshake");
	secure_expect(&s, 250, "EHLO a.example");
	secure_close(&s);
	daemon_stop(&d);
}

/*
 * A worker in a stranger's hands: it uses the key once, which is what any
 * handshake does, and is killed when it wants more.
 */
static void
no_more_than_once(void)
{
	static const char *const lines[] = { "SIGN\n", "BEYOND\n", "TLS\n" };
	char path[256], from[32];
	struct daemon d;
	struct client c;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);

	EXPECT(n > 0, "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/lying_worker");
	secure_make_pair("mx", "rsa", "mx.example.org");
	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "tls certificate %s key %s\n",
	    harness_path("mx.pem"), harness_path("mx.key"));
	daemon_use_worker(&d, path, "liar-work");
	daemon_start(&d);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(from, sizeof(from), "127.0.0.%zu", 2 + i);
		EXPECT(client_connect(&c, &d, from) && client_send(&c,
		    lines[i], strlen(lines[i])), "connect");
		client_reply(&c);
		EXPECT(strcmp(c.reply, "dropped") == 0, "%s: %s", lines[i],
		    c.reply);
		client_close(&c);
		EXPECT(WAIT(daemon_logged(&d, " event=worker-attack ",
		    NULL) == i + 1), "%s: %s", lines[i],
		    daemon_last_words(&d));
	}
	daemon_stop(&d);
}

enum { at_once = 30 };

/* All of them ask the one process at the same time. */
static void
many(void)
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
		EXPECT(secure_start(&all[i], &any), "handshake %zu", i);
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
	daemon_add_conf(&d, "tls certificate %s key %s\n",
	    harness_path("%s", certificate), harness_path("%s", key));
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

static void
broken_pairs(void)
{
	secure_make_pair("mx", "rsa", "mx.example.org");
	secure_make_pair("ec", "ec", "mx.example.org");
	refuses("mx.pem", "ec.key", "not the key of this certificate");
	refuses("ec.pem", "mx.key", "not the key of this certificate");
	refuses("mx.key", "mx.key", "holds no certificate");
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

int
main(int argc, char *argv[])
{
	static const struct test tests[] = {
		{ "rsa_key_stays", rsa_key_stays },
		{ "ec_key_stays", ec_key_stays },
		{ "sign_is_held", sign_is_held },
		{ "without_sign", without_sign },
		{ "sign_stands_still", sign_stands_still },
		{ "after_a_crash", after_a_crash },
		{ "many", many },
		{ "no_more_than_once", no_more_than_once },
		{ "broken_pairs", broken_pairs },
	};

	return harness_main(argc, argv, tests,
	    sizeof(tests) / sizeof(tests[0]));
}
