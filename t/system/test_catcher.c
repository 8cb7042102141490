/*
 * smtpd -C, as a program under development meets it, and what its developer
 * reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/secure.h"

struct catcher {
	struct daemon	d;		/* its port and its worker */
	pid_t		pid;
	char		*dir, *out;
};

enum { options_max = 8 };

/* Execs it with these options (NULL ends) and what it needs, on fd. */
static void
execute(const struct catcher *c, int fd, const char *const options[])
{
	const char *argv[options_max + 8] = { harness_smtpd, "-C", "-w",
	    c->d.worker, NULL };
	size_t n = 4;

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
static void
hangup(void)
{
	struct catcher c = { .pid = 0 };

	START(&c, "-l", "127.0.0.1:0");
	stop(&c, SIGHUP);
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
static void
no_starttls(void)
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

static void
starttls(void)
{
	const struct secure_options any = { 0 };
	const struct secure_options trusting = {
		.trusted = strdup(harness_path("own.pem")) };
	struct secure s;
	struct catcher c = { .pid = 0 };

	START(&c, "--starttls", "-l", "localhost:0");
	secure_open(&s, &c.d, &any);
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

int
main(int argc, char *argv[])
{
	static const struct test tests[] = {
		{ "hangup", hangup },
		{ "no_starttls", no_starttls },
		{ "starttls", starttls },
	};

	return harness_main(argc, argv, tests,
	    sizeof(tests) / sizeof(tests[0]));
}
