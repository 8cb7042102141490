/*
 * Who may log in, and what guessing costs; where passwords are; what becomes
 * of logins when the auth process ends, when passwords change, and when a
 * worker lies.  The dialogues have the replies.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/reload.h"
#include "t/system/secrets.h"
#include "t/system/secure.h"
#include "t/system/spawn.h"

/* Searched for in memory, so like nothing else. */
static const char alice_password[] = "Kolibri-77-Quitte";
/* The table, in memory. */
static const struct secrets hashes = { 1, { { 30,
    "$argon2id$v=19$m=7168,t=1,p=1$" } } };

/* As cheap to check as is taken. */
static void
hash(const char *password, char out[crypto_pwhash_STRBYTES])
{
	EXPECT(sodium_init() != -1 && crypto_pwhash_str(out, password,
	    strlen(password), 1, 7168UL * 1024) == 0, "no hash");
}

/* alice and dave with a password; carol's is locked, eve has none. */
static void
write_users(const char *alice)
{
	char text[2048], a[crypto_pwhash_STRBYTES], d[crypto_pwhash_STRBYTES];

	hash(alice, a);
	hash("dave's", d);
	snprintf(text, sizeof(text), "alice:{ARGON2ID}%s\n"
	    "carol:!{ARGON2ID}%s\ndave:{ARGON2ID}%s\nbob\neve\n", a, a, d);
	harness_write_file(harness_path("users"), text);
	chmod(harness_path("users"), 0644);
}

/* Submission at d->port, and the world's mail somewhere else. */
static void
init(struct daemon *d, const char *limits)
{
	char text[4096];

	secure_make_pair("mx", "ec", "mx.example.org");
	secure_let_read(harness_path("mx.key"));
	daemon_init(d, "", NULL);
	write_users(alice_password);
	snprintf(text, sizeof(text), "hostname mx.example.org\n"
	    "root %s\nuser nobody\nworker-user daemon\n"
	    "listen 127.0.0.1 port 0 submission\n"
	    "listen 127.0.0.1 port 0\n"
	    "tls certificate %s key %s\n"
	    "domain example.org {\n\tusers %s\n}\n"
	    "limits {\n\tper-network 20000\n\tper-address 50\n%s}\n",
	    d->root, harness_path("mx.pem"), harness_path("mx.key"),
	    harness_path("users"), limits);
	harness_write_file(d->conf, text);
}

static void
start(struct daemon *d, const char *limits)
{
	init(d, limits);
	daemon_start(d);
}

static void
base64(const char *p, size_t n, char *out, size_t size)
{
	sodium_bin2base64(out, size, (const unsigned char *)p, n,
	    sodium_base64_VARIANT_ORIGINAL);
}

/* "AUTH PLAIN ..." of that name and password. */
static void
plain_line(const char *user, const char *password, char out[600])
{
	char text[400], encoded[560];
	int n = snprintf(text, sizeof(text), "%c%s%c%s", 0, user, 0,
	    password);

	base64(text, (size_t)n, encoded, sizeof(encoded));
	snprintf(out, 600, "AUTH PLAIN %s", encoded);
}

static void
send_secure(struct secure *s, const char *line)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s\r\n", line);

	EXPECT(SSL_write(s->ssl, text, n) == n, "write");
}

static int
login(struct secure *s, const char *user, const char *password)
{
	char line[600];

	plain_line(user, password, line);
	return secure_command(s, line);
}

/* The last word of the exchange is sent, its answer not yet read. */
static void
send_login(struct secure *s, const char *mechanism, const char *user,
    const char *password)
{
	char line[600];

	if (strcmp(mechanism, "PLAIN") == 0) {
		plain_line(user, password, line);
		send_secure(s, line);
		return;
	}
	secure_expect(s, 334, "AUTH LOGIN");
	base64(user, strlen(user), line, sizeof(line));
	secure_expect(s, 334, line);
	base64(password, strlen(password), line, sizeof(line));
	send_secure(s, line);
}

/* Every user by every password by both mechanisms, each under TLS alone. */
TEST(matrix)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN" };
	static const char *const passwords[] = { alice_password, "secret",
	    "dave's", "kolibri-77-quitte", "x" };
	static const struct {
		const char	*name;
		const char	*password;	/* the right one; or NULL */
	} users[] = {
		{ "alice", alice_password },
		{ "ALICE@Example.ORG", alice_password },
		{ "alice@example.net", NULL }, { "carol", NULL },
		{ "dave@example.org", "dave's" }, { "eve", NULL },
		{ "nobody", NULL }, { "alice@", NULL }, { "alice+x", NULL }
	};
	enum { n = 9 * 5 * 2 };
	static struct secure all[n];
	struct daemon d;
	size_t i;

	start(&d, "\tlogin-failures 1000\n");
	for (i = 0; i < n; i++) {
		char from[32];

		snprintf(from, sizeof(from), "127.%zu.%zu.1", 1 + i / 10,
		    1 + i % 10);
		secure_open_from(&all[i], &d, from);
		send_login(&all[i], mechanisms[i % 2], users[i / 10].name,
		    passwords[i / 2 % 5]);
	}
	for (i = 0; i < n; i++) {
		const char *right = users[i / 10].password;
		bool good = right != NULL &&
		    strcmp(right, passwords[i / 2 % 5]) == 0;
		int got = secure_reply(&all[i]);

		EXPECT(got == (good ? 235 : 535), "%s, %s, %s: %d %s",
		    users[i / 10].name, passwords[i / 2 % 5],
		    mechanisms[i % 2], got, all[i].reply);
		secure_close(&all[i]);
	}
	EXPECT(daemon_logged(&d, " event=login ", NULL) == 6 &&
	    daemon_logged(&d, " event=login ", " user=alice@example.org ",
	    NULL) == 4, "%zu logins", daemon_logged(&d, " event=login ",
	    NULL));
	/* A name that is nobody's is told to nobody, nor is a password. */
	EXPECT(daemon_logged(&d, "nobody", NULL) == 0 &&
	    daemon_logged(&d, alice_password, NULL) == 0, "told");
	daemon_stop(&d);
}

/* What a worker of the world's mail has not, it has not under TLS either. */
TEST(not_for_the_world)
{
	struct daemon d, world;
	struct secure s;

	start(&d, "");
	world = daemon_at_listener(&d, 2);
	secure_open_from(&s, &world, NULL);
	EXPECT(strstr(s.all, "AUTH") == NULL, "%s", s.all);
	EXPECT(login(&s, "alice", alice_password) == 500, "%s", s.reply);
	secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
	secure_close(&s);
	daemon_stop(&d);
}

static uint64_t
cpu_ticks(pid_t pid)
{
	unsigned long user, system;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	EXPECT(f != NULL && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u "
	    "%*u %*u %*u %*u %lu %lu", &user, &system) == 2, "%s", path);
	fclose(f);
	return user + system;
}

/* So many guesses, from as many addresses; what they took of auth's time. */
static uint64_t
guess_many(const struct daemon *d, int net, const char *user)
{
	enum { n = 40 };
	static struct secure all[n];
	pid_t auth = secrets_helper(d, "-a");
	uint64_t before = cpu_ticks(auth);

	for (int i = 0; i < n; i++) {
		char from[32];

		snprintf(from, sizeof(from), "127.%d.%d.1", net, 1 + i);
		secure_open_from(&all[i], d, from);
		send_login(&all[i], "PLAIN", user, "wrong");
	}
	for (int i = 0; i < n; i++) {
		EXPECT(secure_reply(&all[i]) == 535, "%s", all[i].reply);
		secure_close(&all[i]);
	}
	return cpu_ticks(auth) - before;
}

/* Who is not there takes as long as who is: in time, and in work. */
TEST(unknown_takes_as_long)
{
	uint64_t known, unknown, locked;
	struct daemon d;

	start(&d, "\tlogin-failures 1000\n");
	guess_many(&d, 1, "alice");
	known = guess_many(&d, 2, "alice");
	unknown = guess_many(&d, 3, "who@example.org");
	locked = guess_many(&d, 4, "carol");
	EXPECT(known > 0 && unknown * 2 >= known && unknown <= known * 2 &&
	    locked * 2 >= known && locked <= known * 2,
	    "known %llu, unknown %llu, locked %llu ticks",
	    (unsigned long long)known, (unsigned long long)unknown,
	    (unsigned long long)locked);
	daemon_stop(&d);
}

/* No failure is answered at once, and each later than the one before. */
TEST(failures_are_slow)
{
	int64_t begun, took[3];
	struct daemon d;
	struct secure s;

	start(&d, "");
	secure_open_from(&s, &d, NULL);
	for (int i = 0; i < 3; i++) {
		begun = harness_now_ms();
		EXPECT(login(&s, i == 1 ? "nobody" : "alice", "x") ==
		    (i < 2 ? 535 : 421), "%s", s.reply);
		took[i] = harness_now_ms() - begun;
	}
	/* Timers count from when the loop last looked at the clock. */
	EXPECT(took[0] >= 950 && took[1] >= 1450 && took[2] >= 1950,
	    "%lld, %lld, %lld ms", (long long)took[0], (long long)took[1],
	    (long long)took[2]);
	secure_drop(&s);
	daemon_stop(&d);
}

static void
fail_from(const struct daemon *d, const char *from, int times, int code)
{
	struct secure s;

	for (int i = 0; i < times; i++) {
		secure_open_from(&s, d, from);
		EXPECT(login(&s, "alice", "guess") == code, "%s: %s", from,
		    s.reply);
		secure_close(&s);
	}
}

/*
 * An address has so many failures, an account three times as many from
 * elsewhere; its owner gets in where he got in before.
 */
TEST(guesses_are_limited)
{
	struct daemon d;
	struct secure s;

	start(&d, "\tlogin-failures 1\n");
	secure_open_from(&s, &d, "127.9.0.9");
	EXPECT(login(&s, "alice", alice_password) == 235, "%s", s.reply);
	secure_close(&s);
	fail_from(&d, "127.1.0.1", 1, 535);
	fail_from(&d, "127.1.0.1", 1, 454);
	secure_open_from(&s, &d, "127.1.0.1");
	EXPECT(login(&s, "dave", "dave's") == 454, "%s", s.reply);
	secure_close(&s);
	fail_from(&d, "127.2.0.1", 1, 535);
	fail_from(&d, "127.3.0.1", 1, 535);
	fail_from(&d, "127.4.0.1", 1, 454);
	secure_open_from(&s, &d, "127.4.0.1");
	EXPECT(login(&s, "alice", alice_password) == 454, "%s", s.reply);
	EXPECT(login(&s, "dave", "dave's") == 235, "%s", s.reply);
	secure_close(&s);
	secure_open_from(&s, &d, "127.9.0.9");
	EXPECT(login(&s, "alice", alice_password) == 235, "%s", s.reply);
	secure_close(&s);
	EXPECT(daemon_logged(&d, " event=login-failed ", "not looked at",
	    NULL) == 4, "%zu", daemon_logged(&d, " event=login-failed ",
	    "not looked at", NULL));
	daemon_stop(&d);
}

/*
 * Whose account is locked does not tell by which spellings that there is
 * such an account.
 */
TEST(nobody_is_one_account)
{
	static const char *const spellings[] = { "who", "WHO@example.org",
	    "Who@EXAMPLE.ORG", "who@example.org" };
	char from[32];
	struct daemon d;
	struct secure s;

	start(&d, "\tlogin-failures 1\n");
	for (int i = 0; i < 4; i++) {
		snprintf(from, sizeof(from), "127.%d.0.1", 1 + i);
		secure_open_from(&s, &d, from);
		EXPECT(login(&s, spellings[i], "guess") ==
		    (i < 3 ? 535 : 454), "%s: %s", spellings[i], s.reply);
		secure_close(&s);
	}
	daemon_stop(&d);
}

/* Many at once are no way around it. */
TEST(limit_holds_for_many)
{
	enum { n = 20 };
	static struct secure all[n];
	struct daemon d;
	int tried = 0, later = 0;

	start(&d, "\tlogin-failures 5\n");
	for (int i = 0; i < n; i++)
		secure_open_from(&all[i], &d, NULL);
	for (int i = 0; i < n; i++)
		send_login(&all[i], "PLAIN", "alice", "guess");
	for (int i = 0; i < n; i++) {
		int code = secure_reply(&all[i]);

		tried += code == 535;
		later += code == 454;
		secure_close(&all[i]);
	}
	EXPECT(tried == 5 && later == n - 5, "%d tried, %d not", tried,
	    later);
	daemon_stop(&d);
}

/* Where the first login from that address stands in the log. */
static const char *
login_from(const char *log, const char *from)
{
	char mark[64];
	const char *at = log;

	snprintf(mark, sizeof(mark), " client=%s user=", from);
	while ((at = strstr(at, " event=login ")) != NULL) {
		const char *end = strchr(at, '\n');
		const char *mine = strstr(at, mark);

		if (mine != NULL && mine < end)
			return at;
		at = end;
	}
	EXPECT(false, "no login from %s", from);
	return NULL;
}

/*
 * While a crowd waits: who is at an address of his own is first, and then one
 * of each network, whatever number is there.
 */
TEST(crowds_wait)
{
	static const char *const from[] = { "127.1.1.1", "127.1.1.2",
	    "127.1.1.3", "127.1.2.1", "127.0.0.9" };
	static const size_t order[] = { 0, 4, 3, 1, 2 };
	struct secure all[sizeof(from) / sizeof(from[0])], s;
	const char *at = NULL, *log;
	struct daemon d;
	pid_t auth;

	start(&d, "");
	secure_open_from(&s, &d, "127.0.0.9");
	EXPECT(login(&s, "alice", alice_password) == 235, "%s", s.reply);
	secure_close(&s);
	auth = secrets_helper(&d, "-a");
	EXPECT(WAIT(daemon_logged(&d, " event=login ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	d.log_from = strlen(harness_read_file(d.log, NULL));
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		secure_open_from(&all[i], &d, from[i]);
	proc_stop(auth);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		send_login(&all[i], "PLAIN", "alice", alice_password);
		daemon_rest(&d);
	}
	kill(auth, SIGCONT);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		EXPECT(secure_reply(&all[i]) == 235, "%s", all[i].reply);
		secure_close(&all[i]);
	}
	daemon_rest(&d);
	log = harness_read_file(d.log, NULL) + d.log_from;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *next = login_from(log, from[order[i]]);

		EXPECT(at == NULL || next > at, "%s is too early",
		    from[order[i]]);
		at = next;
	}
	daemon_stop(&d);
}

/* Right ones are no failures, however many come at once. */
TEST(right_ones_are_free)
{
	enum { n = 20 };
	static struct secure all[n];
	struct daemon d;
	struct secure s;

	start(&d, "\tlogin-failures 2\n");
	for (int i = 0; i < n; i++)
		secure_open_from(&all[i], &d, i % 2 == 0 ? NULL : "127.0.0.2");
	for (int i = 0; i < n; i++)
		send_login(&all[i], "PLAIN", "alice", alice_password);
	for (int i = 0; i < n; i++) {
		EXPECT(secure_reply(&all[i]) == 235, "%d: %s", i,
		    all[i].reply);
		secure_close(&all[i]);
	}
	secure_open_from(&s, &d, "127.0.0.3");
	EXPECT(login(&s, "alice", alice_password) == 235, "%s", s.reply);
	secure_close(&s);
	daemon_stop(&d);
}

/* A password is nobody's but the client's, as soon as it was looked at. */
TEST(passwords_stay_nowhere)
{
	struct secrets password = { 0 };
	struct daemon d;
	struct secure s;

	secrets_add(&password, "Kolibri-77-Qui");
	start(&d, "");
	secure_open_from(&s, &d, NULL);
	EXPECT(login(&s, "alice", "Kolibri-77-Quince") == 535, "%s", s.reply);
	EXPECT(login(&s, "alice", alice_password) == 235, "%s", s.reply);
	daemon_rest(&d);
	secrets_expect_at(&d, 0, &password);
	secrets_expect_at(&d, secrets_helper(&d, "-a"), &hashes);
	secure_close(&s);
	daemon_stop(&d);
}

TEST(auth_is_held)
{
	struct daemon d;

	harness_need_root("read the descriptors of a process that is held");
	start(&d, "");
	secrets_expect_held(&d, secrets_helper(&d, "-a"));
	daemon_stop(&d);
}

/*
 * It is told of; who was asked about is put off, who comes meanwhile waits, and
 * the new one has the passwords, and it alone.
 */
TEST(auth_lost)
{
	struct daemon d, world;
	struct secure s, waits;
	pid_t auth, keeper;

	start(&d, "");
	world = daemon_at_listener(&d, 2);
	keeper = secrets_helper(&d, "-k");
	for (size_t i = 1; i <= 3; i++) {
		secure_open_from(&s, &d, NULL);
		secure_open_from(&waits, &d, NULL);
		auth = secrets_helper(&d, "-a");
		proc_stop(auth);
		send_login(&waits, "PLAIN", "alice", alice_password);
		daemon_rest(&d);
		proc_stop(keeper);
		kill(auth, SIGKILL);
		EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ",
		    "helper=auth", NULL) == i), "%s", daemon_last_words(&d));
		EXPECT(secure_reply(&waits) == 454, "%s", waits.reply);
		secure_close(&waits);
		CTL_EXPECT(1, "the auth process is missing", "status -f %s",
		    d.conf);
		secure_open_from(&waits, &d, NULL);
		EXPECT(strstr(waits.all, "AUTH") == NULL, "%s", waits.all);
		send_login(&s, "PLAIN", "alice", alice_password);
		daemon_rest(&d);
		EXPECT(client_deliver(&world, NULL, (unsigned)i, 500, "bob") ==
		    250, "mail");
		kill(keeper, SIGCONT);
		EXPECT(secure_reply(&s) == 235, "%s", s.reply);
		EXPECT(login(&waits, "dave", "dave's") == 235, "%s",
		    waits.reply);
		secure_close(&s);
		secure_close(&waits);
		CTL_EXPECT(0, "auth", "status -f %s", d.conf);
		harness_sleep_ms(2100);
	}
	secrets_expect_at(&d, secrets_helper(&d, "-a"), &hashes);
	daemon_stop(&d);
}

/*
 * It stands still, and every place is taken by who waits for it: who comes
 * new gets one of theirs, and mail goes on.  The others are put off in time.
 */
TEST(auth_stands_still)
{
	enum { n = 12 };
	static struct secure all[n];
	struct daemon d, world;
	char from[32];
	pid_t auth;

	start(&d, "\tlogin-failures 1000\n\tworkers 12\n");
	world = daemon_at_listener(&d, 2);
	auth = secrets_helper(&d, "-a");
	for (int i = 0; i < n; i++) {
		snprintf(from, sizeof(from), "127.1.%d.1", 1 + i / 3);
		secure_open_from(&all[i], &d, from);
	}
	proc_stop(auth);
	for (int i = 0; i < n; i++)
		send_login(&all[i], "PLAIN", "alice", alice_password);
	daemon_rest(&d);
	EXPECT(client_deliver(&world, "127.9.9.9", 1, 500, "bob") == 250,
	    "mail");
	EXPECT(daemon_logged(&d, " event=login-failed ", "slot was needed",
	    NULL) == 1, "%s", daemon_last_words(&d));
	EXPECT(WAIT_FOR(2 * harness_patience_ms, daemon_logged(&d,
	    " event=login-failed ", "gave no answer", NULL) == n - 1), "%s",
	    daemon_last_words(&d));
	for (int i = 0; i < n; i++) {
		EXPECT(secure_reply(&all[i]) == 454, "%s", all[i].reply);
		secure_close(&all[i]);
	}
	kill(auth, SIGCONT);
	secure_open_from(&all[0], &d, "127.1.1.1");
	EXPECT(login(&all[0], "alice", alice_password) == 235, "%s",
	    all[0].reply);
	secure_close(&all[0]);
	daemon_stop(&d);
}

/* The clients have gone before the answer is there. */
TEST(client_leaves)
{
	struct daemon d;
	struct secure s;
	pid_t auth;

	start(&d, "");
	auth = secrets_helper(&d, "-a");
	proc_stop(auth);
	for (int i = 0; i < 5; i++) {
		secure_open_from(&s, &d, NULL);
		send_login(&s, "PLAIN", "alice", "guess");
		secure_drop(&s);
	}
	secure_open_from(&s, &d, "127.0.0.2");
	send_login(&s, "PLAIN", "alice", alice_password);
	kill(auth, SIGCONT);
	EXPECT(secure_reply(&s) == 235, "%s", s.reply);
	secure_close(&s);
	daemon_stop(&d);
}

/* SIGHUP brings the new password; who is in stays in. */
TEST(password_changes)
{
	struct daemon d;
	struct secure s, in;

	start(&d, "");
	secure_open_from(&in, &d, NULL);
	EXPECT(login(&in, "alice", alice_password) == 235, "%s", in.reply);
	write_users("another one");
	reload_in_order(&d);
	secure_open_from(&s, &d, "127.0.0.2");
	EXPECT(login(&s, "alice", alice_password) == 535, "%s", s.reply);
	EXPECT(login(&s, "alice", "another one") == 235, "%s", s.reply);
	secure_close(&s);
	secure_expect(&in, 250, "MAIL FROM:<alice@example.org>");
	secure_close(&in);
	daemon_stop(&d);
}

/* More users than the channel has room for at a time. */
static void
write_many_users(void)
{
	static char text[600000];
	char a[crypto_pwhash_STRBYTES];
	size_t n = 0;

	hash("last", a);
	for (int i = 0; i < 3000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "user%d:{ARGON2ID}%s\n", i, a);
	harness_write_file(harness_path("users"), text);
}

/* They come again and again. */
TEST(many_users)
{
	char name[32];
	struct daemon d;
	struct secure s;

	init(&d, "\tlogin-failures 1000\n");
	write_many_users();
	daemon_start(&d);
	for (int i = 0; i < 10; i++)
		kill(d.pid, SIGHUP);
	secure_open_from(&s, &d, NULL);
	for (int i = 0; i < 20; i++) {
		kill(d.pid, SIGHUP);
		secure_close(&s);
		secure_open_from(&s, &d, NULL);
		snprintf(name, sizeof(name), "user%d", 2999 - 13 * i);
		EXPECT(login(&s, name, "last") == 235, "%s: %s", name,
		    s.reply);
	}
	secure_close(&s);
	daemon_stop(&d);
}

/* Two tables wait for an auth process that reads none, and ends. */
TEST(hashes_go_with_auth)
{
	struct daemon d;
	pid_t auth;

	init(&d, "");
	write_many_users();
	daemon_start(&d);
	auth = secrets_helper(&d, "-a");
	EXPECT(WAIT(secrets_search(d.pid, &hashes) == 0),
	    "hashes, though auth has them");
	proc_stop(auth);
	reload_in_order(&d);
	reload_in_order(&d);
	EXPECT(secrets_search(d.pid, &hashes) > 0, "no table waits");
	proc_stop(secrets_helper(&d, "-k"));
	kill(auth, SIGKILL);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", NULL) == 1), "%s",
	    daemon_last_words(&d));
	EXPECT(secrets_search(d.pid, &hashes) == 0, "hashes that nobody needs");
	kill(secrets_helper(&d, "-k"), SIGCONT);
	daemon_stop(&d);
}

/* systemd's socket is what its name says, whatever its port. */
TEST(named_sockets)
{
	struct spawn s = { .listener_count = 1,
	    .env = { "LISTEN_FDNAMES=submission" } };
	struct daemon d;
	struct secure c;
	pid_t pid;

	init(&d, "");
	reload_edit(&d, "listen 127.0.0.1 port 0 submission\n", "");
	s.d = &d;
	s.fds[0] = s.fds[1] = -1;
	s.options = "-d";
	s.fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	s.fds[1] = s.fds[0];
	s.fds[2] = open(d.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0644);
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	pid = spawn(&s);
	secure_open_from(&c, &d, NULL);
	EXPECT(login(&c, "alice", alice_password) == 235, "%s", c.reply);
	secure_close(&c);
	kill(pid, SIGTERM);
	EXPECT(spawn_wait(pid) == 0, "no end in order");
}

/*
 * A worker in a stranger's hands: no mail without a login, none without its
 * author, no login without TLS.
 */
TEST(liars)
{
	static const char *const lines[] = { "S-MAIL\n", "S-LOGIN\n",
	    "S-COMMIT\n", "S-FORGE\n" };
	struct daemon d;

	init(&d, "");
	daemon_use_other(&d, "lying_worker", "liar-work");
	daemon_start(&d);
	client_expect_attacks(&d, lines, sizeof(lines) / sizeof(lines[0]));
	EXPECT(mail_total(&d) == 0, "mail of a liar");
	daemon_stop(&d);
}

/* "secret", as Dovecot and crypt(3) have it; in the sandbox, too. */
TEST(kinds_of_hash)
{
	static const char *const stored[] = {
	    "{SHA512-CRYPT}$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6G"
	    "Lc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
	    "{SHA256-CRYPT}$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.l"
	    "pPdS5sA",
	    "$y$j9T$saltsaltsaltsalt$.Zt5W26jjocuW0wIHGgB6AJelofw"
	    "6GEpOypHGyow2y5",
	    "{BLF-CRYPT}"
	    "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcY"
	    "Uh4Hjl0a" };
	char text[2048];
	size_t n = 0;
	struct daemon d;
	struct secure s;

	init(&d, "");
	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "user%zu:%s\n", i, stored[i]);
	harness_write_file(harness_path("users"), text);
	daemon_start(&d);
	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		snprintf(text, sizeof(text), "user%zu", i);
		secure_open_from(&s, &d, NULL);
		EXPECT(login(&s, text, "secrets") == 535, "%s: %s", text,
		    s.reply);
		EXPECT(login(&s, text, "secret") == 235, "%s: %s", text,
		    s.reply);
		secure_close(&s);
	}
	daemon_stop(&d);
}

static void
signal_all(const struct daemon *d, int sig)
{
	pid_t all[64];
	size_t n = proc_below(d->pid, all, 64);

	for (size_t i = 0; i < n; i++)
		kill(all[i], sig);
	kill(d->pid, sig);
}

/*
 * What "pkill -HUP smtpd", a terminal's interrupt or a service manager sends
 * to every process: the master does as it is told, and its children go on
 * until their channels end.
 */
TEST(signals_to_all)
{
	static const int ends[] = { SIGTERM, SIGINT };
	pid_t before[64], after[64];
	struct daemon d;
	struct secure s;
	size_t n;

	for (size_t i = 0; i < 2; i++) {
		start(&d, "");
		secure_open_from(&s, &d, NULL);
		EXPECT(login(&s, "alice", alice_password) == 235, "%s",
		    s.reply);
		secure_expect(&s, 250, "MAIL FROM:<alice@example.org>");
		secure_expect(&s, 250, "RCPT TO:<bob@example.org>");
		secure_expect(&s, 354, "DATA");
		n = proc_below(d.pid, before, 64);
		signal_all(&d, SIGUSR1);
		signal_all(&d, SIGUSR2);
		signal_all(&d, SIGHUP);
		EXPECT(WAIT(daemon_logged(&d, " event=reload ", NULL) == 1),
		    "%s", daemon_last_words(&d));
		/* Sign and auth, nurseries, and the worker in its session. */
		EXPECT(proc_below(d.pid, after, 64) > 0 &&
		    memcmp(before, after, 4 * sizeof(pid_t)) == 0,
		    "of %zu processes one has ended", n);
		signal_all(&d, ends[i]);
		secure_expect(&s, 250, "From: alice@example.org\r\n\r\nx\r\n.");
		EXPECT(secure_command(&s, "NOOP") == 421, "%s", s.reply);
		secure_close(&s);
		EXPECT(daemon_wait_end(&d) == 0, "no end in order: %s",
		    daemon_last_words(&d));
		EXPECT(daemon_logged(&d, " level=error ", NULL) == 0 &&
		    daemon_logged(&d, "crash", NULL) == 0 &&
		    daemon_logged(&d, "lost", NULL) == 0, "trouble");
	}
}
