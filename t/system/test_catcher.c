/*
 * smtpd -C, as a program under development meets it, and what its developer
 * reads.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/secure.h"

struct catcher {
	struct daemon	d;		/* its port and its worker */
	pid_t		pid;
	char		*dir, *out;
	void		(*before)(void);	/* in the child */
};

enum { options_max = 8 };

/* Execs it with these options (NULL ends) and what it needs, on fd. */
static void
execute(const struct catcher *c, int fd, const char *const options[])
{
	const char *argv[options_max + 8] = { harness_smtpd, "-C", "-w",
	    c->d.worker, NULL };
	size_t n = 4;

	harness_take_away(c->d.missing);
	if (c->before != NULL)
		c->before();
	if (dup2(fd, STDOUT_FILENO) == -1 || dup2(fd, STDERR_FILENO) == -1)
		_exit(127);
	for (size_t i = 0; options[i] != NULL && i < options_max; i++)
		argv[n++] = options[i];
	argv[n] = c->dir;
	execv(harness_smtpd, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void
launch(struct catcher *c, int fd, const char *const options[])
{
	if (c->d.worker[0] == '\0')
		daemon_init(&c->d, "", NULL);
	if (c->dir == NULL)
		c->dir = strdup(harness_path("caught"));
	c->pid = fork();
	if (c->pid == 0)
		execute(c, fd, options);
}

/* What it has printed, in static storage. */
static const char *
screen(const struct catcher *c)
{
	static char *text;

	free(text);
	text = harness_read_file(c->out, NULL);
	return text;
}

static bool
shows(const struct catcher *c, const char *words)
{
	return strstr(screen(c), words) != NULL;
}

#define EXPECT_SHOWN(c, words) \
	EXPECT(WAIT(shows(c, words)), "not shown: %s in\n%s", words, screen(c))

static bool
find_port(struct catcher *c)
{
	const char *at = strstr(screen(c), "on 127.0.0.1:");

	return at != NULL && sscanf(at, "on 127.0.0.1:%d and", &c->d.port) ==
	    1;
}

static void
start(struct catcher *c, const char *const options[])
{
	int fd;

	c->out = strdup(harness_path("out"));
	fd = open(c->out, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
	    0600);
	EXPECT(fd != -1, "%s: %s", c->out, strerror(errno));
	launch(c, fd, options);
	close(fd);
	EXPECT(WAIT(find_port(c)), "it does not serve: %s", screen(c));
}

#define START(c, ...) start(c, (const char *const[]){ __VA_ARGS__, NULL })

static void
stop(struct catcher *c, int signal)
{
	int status = 0;

	EXPECT(kill(c->pid, signal) == 0, "kill");
	EXPECT(WAIT(waitpid(c->pid, &status, WNOHANG) == c->pid) &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %d: %s", status, screen(c));
}

/* Its terminal has gone. */
TEST(hangup)
{
	struct catcher c = { .pid = 0 };

	/* The tests may run under nohup(1) themselves. */
	signal(SIGHUP, SIG_DFL);
	START(&c, "-l", "127.0.0.1:0");
	stop(&c, SIGHUP);
}

/* nohup(1) */
TEST(nohup)
{
	struct catcher c = { .pid = 0 };
	struct client client;

	signal(SIGHUP, SIG_IGN);
	START(&c, "-l", "0");
	EXPECT(kill(c.pid, SIGHUP) == 0, "kill");
	client_open(&client, &c.d, NULL);
	client_expect(&client, 250, "NOOP");
	client_close(&client);
	stop(&c, SIGINT);
}

static bool
offers(struct client *c, const char *words)
{
	char line[1024];

	EXPECT(client_send(c, "EHLO client.example\r\n", 21), "send");
	do {
		size_t n = 0;

		while (n < sizeof(line) - 1 && (n == 0 || line[n - 1] != '\n'))
			EXPECT(read(c->fd, line + n++, 1) == 1, "no reply");
		line[n] = '\0';
		if (strstr(line, words) != NULL)
			return true;
	} while (line[3] == '-');
	return false;
}

/*
 * Most libraries take STARTTLS where it is offered, and trust no certificate
 * that they do not know.
 */
TEST(no_starttls)
{
	struct client client;
	struct catcher c = { .pid = 0 };

	START(&c, "-l", "0");
	client_open(&client, &c.d, NULL);
	EXPECT(!offers(&client, "STARTTLS"), "it is offered");
	client_expect(&client, 502, "STARTTLS");
	client_close(&client);
	EXPECT_SHOWN(&c, "start the catcher with --starttls");
	client_open(&client, &c.d, NULL);
	client_send(&client, "\x16\x03\x01\x02\0\x01\0\x01", 8);
	client_close(&client);
	EXPECT_SHOWN(&c, "the program began with TLS, as for port 465");
	stop(&c, SIGTERM);
}

TEST(starttls)
{
	const struct secure_options trusting = {
		.trusted = strdup(harness_path("own.pem")) };
	struct secure s;
	struct catcher c = { .pid = 0 };

	START(&c, "--starttls", "-l", "localhost:0");
	secure_open(&s, &c.d, NULL);
	secure_expect(&s, 250, "EHLO client.example");
	secure_close(&s);
	client_open(&s.c, &c.d, NULL);
	client_expect(&s.c, 250, "EHLO client.example");
	client_expect(&s.c, 220, "STARTTLS");
	secure_make_pair("own", "ec", "localhost");
	EXPECT(!secure_start(&s, &trusting), "a stranger is trusted");
	secure_drop(&s);
	EXPECT_SHOWN(&c, "set it to accept any certificate");
	stop(&c, SIGTERM);
	START(&c, "--certificate", trusting.trusted, "--key",
	    harness_path("own.key"), "-l", "127.0.0.1:0");
	secure_open(&s, &c.d, &trusting);
	secure_expect(&s, 250, "EHLO client.example");
	secure_close(&s);
	stop(&c, SIGTERM);
}

/* Reads what is there, and what comes as long as something does. */
static char *
read_all(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	enum { max = 8 * 1024 * 1024 };
	char *text = malloc(max + 1);
	size_t n = 0;
	ssize_t got;

	EXPECT(text != NULL, "malloc");
	while (n < max && poll(&p, 1, 300) == 1 &&
	    (got = read(fd, text + n, max - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return text;
}

/* More than it keeps for who reads late. */
TEST(nobody_reads)
{
	struct catcher c = { .pid = 0 };
	char *text, *more;
	int ends[2];

	EXPECT(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	c.out = strdup(harness_path("out"));
	launch(&c, ends[1], (const char *const[]){ "-l", "127.0.0.1:0",
	    NULL });
	close(ends[1]);
	do {
		text = read_all(ends[0]);
		harness_write_file(c.out, text);
		free(text);
	} while (!find_port(&c));
	for (unsigned i = 0; i < 90; i++)
		EXPECT(client_deliver(&c.d, NULL, i, 64 * 1024, "alice") ==
		    250, "message %u", i);
	text = read_all(ends[0]);
	EXPECT(client_deliver(&c.d, NULL, 100, 500, "alice") == 250, "mail");
	more = read_all(ends[0]);
	EXPECT(strstr(text, "nobody read them in time") != NULL ||
	    strstr(more, "nobody read them in time") != NULL,
	    "what is lost is not said: %.2000s", text);
	EXPECT(strstr(more, "| Subject: ") != NULL, "not shown: %.2000s",
	    more);
	close(ends[0]);
	stop(&c, SIGTERM);
}

static size_t
count_mail(const struct catcher *c, const char *name)
{
	char path[512];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s/new", c->dir, name);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

/* Each has a Maildir by what the program wrote. */
TEST(any_recipient)
{
	static const struct {
		const char	*path, *name;
	} t[] = {
		{ "<root>", "root" }, { " test", "test" },
		{ " < Alice@Example.org >", "alice@example.org" },
		{ "<alice @example.org>", "alice%20@example.org" },
		{ "<bob@example..org>", "bob@example..org" },
		{ "<\"a b\"@example.org>", "%22a%20b%22@example.org" },
		{ "<m\xc3\xbcller@example.org>", "m\xc3\xbcller@example.org" },
		{ "<../../x>", "%2E.%2F..%2Fx" },
	};
	struct catcher c = { .pid = 0 };
	struct client client;
	char line[300];

	START(&c, "-l", "0");
	client_open(&client, &c.d, NULL);
	client_expect(&client, 250, "EHLO client.example");
	client_expect(&client, 250, "MAIL FROM:<www-data>");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(line, sizeof(line), "RCPT TO:%s", t[i].path);
		client_expect(&client, 250, line);
	}
	memset(line, 'a', sizeof(line));
	memcpy(line, "RCPT TO:<", 9);
	memcpy(line + 9 + 150, "@b.example>", 12);
	client_expect(&client, 250, line);
	client_expect(&client, 354, "DATA");
	client_expect(&client, 250, "Subject: s\r\n\r\nt\r\n.");
	client_close(&client);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		EXPECT(count_mail(&c, t[i].name) == 1, "nothing for %s",
		    t[i].path);
	line[9 + 150 + 10] = '\0';
	EXPECT(count_mail(&c, line + 9) == 1, "nothing for %s", line);
	EXPECT_SHOWN(&c, "most servers refuse this address");
	stop(&c, SIGTERM);
}

/* What is over the limit is refused, and the rest is not lost for it. */
TEST(many_recipients)
{
	struct catcher c = { .pid = 0 };
	size_t taken = 0, refused = 0;
	struct client client;

	START(&c, "-l", "0");
	client_open(&client, &c.d, NULL);
	client_expect(&client, 250, "EHLO client.example");
	client_expect(&client, 250, "MAIL FROM:<a@b.example>");
	for (int i = 0; i < 1100; i++) {
		int code = client_command(&client, "RCPT TO:<u%d@b.example>",
		    i % 1000 < 100 ? i % 1000 : 0);

		taken += code == 250;
		refused += code == 452;
	}
	EXPECT(taken == 1000 && refused == 100, "%zu taken, %zu refused: %s",
	    taken, refused, client.reply);
	client_expect(&client, 354, "DATA");
	client_expect(&client, 250, "Subject: s\r\n\r\nt\r\n.");
	client_close(&client);
	EXPECT(count_mail(&c, "u0@b.example") == 1, "it is lost");
	stop(&c, SIGTERM);
}

/* A fault of ours is none of the program under test. */
TEST(crash)
{
	struct catcher c = { .pid = 0 };
	struct client client;
	pid_t workers[64];
	size_t n;

	START(&c, "-l", "127.0.0.1:0");
	client_open(&client, &c.d, NULL);
	c.d.pid = c.pid;
	n = daemon_workers(&c.d, workers, 64);
	for (size_t i = 0; i < n; i++)
		kill(workers[i], SIGSEGV);
	EXPECT(client_is_closed(&client), "it lives");
	EXPECT_SHOWN(&c, "worker-crash pid=");
	EXPECT_SHOWN(&c, "a fault of smtpd, not of your program");
	client_close(&client);
	client_open(&client, &c.d, NULL);
	client_expect(&client, 250, "NOOP");
	client_close(&client);
	stop(&c, SIGTERM);
}

/* Why it is 452, and how little has to be free. */
TEST(no_room)
{
	struct catcher c = { .pid = 0 };
	struct client client;

	c.dir = strdup(harness_path("caught"));
	harness_mount(c.dir, "mode=0755,size=4m,nr_inodes=1000");
	START(&c, "-l", "0");
	EXPECT(client_deliver(&c.d, NULL, 1, 500, "alice") == 250, "mail");
	client_open(&client, &c.d, NULL);
	client_expect(&client, 250, "EHLO client.example");
	client_expect(&client, 250, "MAIL FROM:<a@b.example> SIZE=4000000");
	client_expect(&client, 452, "RCPT TO:<alice@example.org>");
	client_close(&client);
	EXPECT_SHOWN(&c, "no room for mail in ");
	EXPECT_SHOWN(&c, "of which 1024 KiB and ");
	EXPECT(client_deliver(&c.d, NULL, 2, 5000000, "alice") == 452, "it "
	    "has room");
	EXPECT_SHOWN(&c, "No space left on device");
	stop(&c, SIGTERM);
}

static void
take_one(struct catcher *c)
{
	struct client client;

	client_open(&client, &c->d, NULL);
	client_expect(&client, 250, "EHLO client.example.net");
	client_expect(&client, 250, "MAIL FROM:<>");
	client_expect(&client, 250, "RCPT TO:<a@example.org>");
	client_expect(&client, 354, "DATA");
	client_expect(&client, 250, "Subject: x\r\n\r\n.");
	client_close(&client);
}

/* What stands for the kernel has no seccomp: qemu-user. */
TEST(no_sandbox)
{
	static const int all[] = { SYS_landlock_create_ruleset, SYS_seccomp,
	    0 };
	struct catcher c = { .pid = 0 };

	daemon_init(&c.d, "", NULL);
	c.d.missing = all;
	START(&c, "-l", "0", "--no-sandbox");
	EXPECT_SHOWN(&c, "WITHOUT A SANDBOX");
	take_one(&c);
	stop(&c, SIGINT);
	/* Where there is a sandbox, it holds. */
	c.d.missing = NULL;
	START(&c, "-l", "0", "--no-sandbox");
	EXPECT(!shows(&c, "WITHOUT"), "%s", screen(&c));
	stop(&c, SIGINT);
}

/* docker run --cap-drop=SETUID */
static void
drop_capability(void)
{
	if (prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0) == -1)
		_exit(126);
}

static void
write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		_exit(125);
	close(fd);
}

/* unshare -Ur */
static void
enter_namespace(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER) == -1)
		_exit(126);
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", uids);
	write_to("/proc/self/gid_map", gids);
}

static bool
may(void (*before)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		before();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* A root that cannot become anybody: it stays, and keeps no capability. */
TEST(stays_who_it_is)
{
	void (*const ways[])(void) = { enter_namespace, drop_capability };
	size_t tried = 0;

	for (size_t i = 0; i < 2; i++) {
		struct catcher c = { .before = ways[i] };
		char text[64];

		if (!may(ways[i]))
			continue;
		tried++;
		START(&c, "-l", "0");
		take_one(&c);
		proc_status(c.pid, "CapEff", text, sizeof(text));
		EXPECT(strspn(text, "0") == strlen(text), "CapEff %s", text);
		proc_status(c.pid, "Seccomp", text, sizeof(text));
		EXPECT(strcmp(text, "2") == 0, "Seccomp %s", text);
		stop(&c, SIGINT);
	}
	if (tried == 0)
		harness_skip("no user namespaces here, and no capabilities");
}
