/*
 * Descriptor 2 belongs to the client under inetd.  Whatever goes wrong, the
 * client reads SMTP and nothing else; and who it is, is the connection's
 * word, never the environment's where there is a connection.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/spawn.h"

enum { out_max = 8192 };

/* The client's one line, in the name of mx, of this host or of nobody. */
static void
expect_refusal(const char *said, const char *what)
{
	const char *tail = " local trouble, try later\r\n";
	size_t n = strlen(said);

	EXPECT(strncmp(said, "421 4.3.0 ", 10) == 0 && n > strlen(tail) &&
	    strcmp(said + n - strlen(tail), tail) == 0 &&
	    strchr(said, '\n') == said + n - 1, "%s: the client got \"%s\"",
	    what, said);
}

/*
 * Starts that cannot be, with the client on 0, 1 and 2 as inetd has it; and
 * again with 2 elsewhere, where nothing may appear either.
 */
static void
expect_no_session(const struct daemon *d, const char *options,
    const char *what)
{
	char said[out_max], errors[out_max];
	struct spawn s = { .d = d, .options = options };
	int ends[2], tube[2];
	pid_t pid;

	for (int apart = 0; apart < 2; apart++) {
		spawn_tcp(ends, "127.0.0.1");
		EXPECT(pipe2(tube, O_CLOEXEC) == 0, "pipe");
		s.fds[0] = s.fds[1] = ends[1];
		s.fds[2] = apart ? tube[1] : ends[1];
		pid = spawn(&s);
		close(ends[1]);
		close(tube[1]);
		expect_refusal(spawn_read_all(ends[0], said, sizeof(said)),
		    what);
		spawn_read_all(tube[0], errors, sizeof(errors));
		EXPECT(errors[0] == '\0' || strchr(options, 'd') != NULL,
		    "%s: on descriptor 2: %s", what, errors);
		EXPECT(spawn_wait(pid) == 1, "%s: exit status", what);
	}
}

static void
write_conf(const struct daemon *d, const char *line)
{
	char *old = harness_read_file(d->conf, NULL), text[2048];

	snprintf(text, sizeof(text), "%s%s\n", old, line);
	harness_write_file(d->conf, text);
	free(old);
}

TEST(configuration)
{
	struct daemon d;
	char path[96];

	daemon_init(&d, "\tworkers many\n", NULL);
	expect_no_session(&d, "-i", "a mistake in a block");
	expect_no_session(&d, "-id", "the same with -d");
	daemon_init(&d, "", NULL);
	write_conf(&d, "hostname another.example.org\nlisten there\n\x01");
	expect_no_session(&d, "-i", "many mistakes");
	snprintf(path, sizeof(path), "%s", d.conf);
	snprintf(d.conf, sizeof(d.conf), "%s/no/such/file", harness_dir);
	expect_no_session(&d, "-i", "no configuration");
	snprintf(d.conf, sizeof(d.conf), "%s", harness_dir);
	expect_no_session(&d, "-i", "a directory as configuration");
	snprintf(d.conf, sizeof(d.conf), "%s", path);
	EXPECT(unlink(harness_path("users")) == 0, "unlink");
	expect_no_session(&d, "-i", "no table of users");
}

TEST(arguments)
{
	static const char *const wrong[] = { "-iZ", "-iC", "-in", "-il",
	    "-if", "-id-" };
	struct daemon d;

	daemon_init(&d, "", NULL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_no_session(&d, wrong[i], wrong[i]);
}

TEST(directories)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	harness_write_file(d.root, "a file\n");
	expect_no_session(&d, "-i", "root is a file");
	unlink(d.root);
	snprintf(d.root, sizeof(d.root), "%s", harness_path("no/such"));
	daemon_init(&d, "", harness_path("no/such/root"));
	expect_no_session(&d, "-i", "no place for root");
	daemon_init(&d, "", NULL);
	EXPECT(mkdir(d.root, 0700) == 0, "mkdir");
	harness_write_file(harness_path("root/spool"), "a file\n");
	if (geteuid() == 0)
		expect_no_session(&d, "-i", "root of another, not empty");
	else
		expect_no_session(&d, "-i", "spool is a file");
}

TEST(programs)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	snprintf(d.worker, sizeof(d.worker), "%s/missing", harness_dir);
	expect_no_session(&d, "-i", "no worker");
	snprintf(d.worker, sizeof(d.worker), "/bin/false");
	expect_no_session(&d, "-i", "a worker that ends");
	snprintf(d.worker, sizeof(d.worker), "%s", harness_path("script"));
	harness_write_file(d.worker, "#!/bin/sh\necho out; echo err >&2\n");
	EXPECT(chmod(d.worker, 0755) == 0, "chmod");
	expect_no_session(&d, "-i", "a worker that chatters");
}

TEST(users)
{
	struct daemon d;
	char *old, *line;

	harness_need_root("drop privileges");
	daemon_init(&d, "", NULL);
	old = harness_read_file(d.conf, NULL);
	line = strstr(old, "user nobody");
	EXPECT(line != NULL, "no user in %s", d.conf);
	memcpy(line, "user nobodi", 11);
	harness_write_file(d.conf, old);
	free(old);
	expect_no_session(&d, "-i", "no such user");
}

/* What 0 is: no stream, nothing at all, gone already. */
TEST(odd_descriptors)
{
	struct daemon d;
	char said[out_max];
	struct spawn s = { .d = &d, .options = "-i" };
	struct linger at_once = { 1, 0 };
	int ends[2];
	pid_t pid;

	daemon_init(&d, "", NULL);
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0,
	    "socketpair");
	s.fds[0] = s.fds[1] = s.fds[2] = ends[1];
	pid = spawn(&s);
	EXPECT(spawn_wait(pid) == 1, "it takes datagrams");
	EXPECT(recv(ends[0], said, sizeof(said), MSG_DONTWAIT) > 10 &&
	    strncmp(said, "421 4.3.0 ", 10) == 0, "no refusal");
	EXPECT(recv(ends[0], said, sizeof(said), MSG_DONTWAIT) == -1,
	    "more than a refusal");
	close(ends[0]);
	close(ends[1]);
	s.fds[0] = s.fds[1] = s.fds[2] = -1;
	pid = spawn(&s);
	EXPECT(spawn_wait(pid) == 0, "all closed: exit status");
	spawn_tcp(ends, "127.0.0.1");
	setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(ends[0]);
	s.fds[0] = s.fds[1] = s.fds[2] = ends[1];
	pid = spawn(&s);
	close(ends[1]);
	EXPECT(spawn_wait(pid) == 0, "the client has gone: exit status");
}

/* With -d the log is on 2 only where 2 is somebody else's. */
TEST(log_or_client)
{
	struct daemon d;
	char said[out_max], errors[out_max];
	struct spawn s = { .d = &d };
	int ends[2], tube[2];
	pid_t pid;

	daemon_init(&d, "", NULL);
	for (int i = 0; i < 3; i++) {
		spawn_tcp(ends, "127.0.0.1");
		EXPECT(pipe2(tube, O_CLOEXEC) == 0, "pipe");
		s.options = i == 2 ? "-i" : "-id";
		s.fds[0] = s.fds[1] = ends[1];
		s.fds[2] = i == 0 ? ends[1] : tube[1];
		pid = spawn(&s);
		close(ends[1]);
		close(tube[1]);
		EXPECT(write(ends[0], "QUIT\r\n", 6) == 6, "write");
		spawn_read_all(ends[0], said, sizeof(said));
		spawn_read_all(tube[0], errors, sizeof(errors));
		EXPECT(strcmp(said, "220 mx.example.org ESMTP smtpd\r\n"
		    "221 2.0.0 mx.example.org closing connection\r\n") == 0,
		    "the client got %s", said);
		EXPECT((strstr(errors, "event=disconnect") != NULL) ==
		    (i == 1) && (errors[0] != '\0') == (i == 1),
		    "%s: on descriptor 2: %s", s.options, errors);
		EXPECT(spawn_wait(pid) == 0, "exit status");
	}
}

/* Delivers over these descriptors; the address that Received has. */
static void
deliver(const struct daemon *d, const struct spawn *s, int in, int out,
    char client[64])
{
	static const char text[] = "EHLO x\r\nMAIL FROM:<>\r\n"
	    "RCPT TO:<alice@example.org>\r\nDATA\r\n\r\n.\r\nQUIT\r\n";
	char said[out_max], *log, *at;
	pid_t pid = spawn(s);

	close(s->fds[0]);
	if (s->fds[1] != s->fds[0])
		close(s->fds[1]);
	EXPECT(write(out, text, sizeof(text) - 1) == sizeof(text) - 1,
	    "write: %s", strerror(errno));
	spawn_read_all(in, said, sizeof(said));
	if (in != out)
		close(out);
	EXPECT(spawn_wait(pid) == 0, "exit status; %s", said);
	EXPECT(strstr(said, "\r\n250 2.0.0 stored as ") != NULL, "%s", said);
	log = harness_read_file(harness_path("root/log/message"), NULL);
	at = strrchr(log, '\n');
	if (at != NULL)
		*at = '\0';
	at = strrchr(log, '\n');
	at = strstr(at == NULL ? log : at, "\"client\":\"");
	EXPECT(at != NULL, "no client in %s", log);
	snprintf(client, 64, "%.*s", (int)strcspn(at + 10, "\""), at + 10);
	free(log);
	(void)d;
}

static void
tcp_client(const struct daemon *d, const char *env, char client[64])
{
	struct spawn s = { .d = d, .options = "-i", .env = { env } };
	int ends[2];

	spawn_tcp(ends, "127.0.0.7");
	s.fds[0] = s.fds[1] = s.fds[2] = ends[1];
	deliver(d, &s, ends[0], ends[0], client);
}

static void
local_client(const struct daemon *d, const char *env, char client[64])
{
	struct spawn s = { .d = d, .options = "-i", .env = { env } };
	int ends[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
	    "socketpair");
	s.fds[0] = s.fds[1] = s.fds[2] = ends[1];
	deliver(d, &s, ends[0], ends[0], client);
}

static void
pipe_client(const struct daemon *d, const char *env, char client[64])
{
	struct spawn s = { .d = d, .options = "-i", .env = { env } };
	int to[2], from[2];

	EXPECT(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0,
	    "pipe");
	s.fds[0] = to[0];
	s.fds[1] = from[1];
	s.fds[2] = -1;
	deliver(d, &s, from[0], to[1], client);
}

TEST(who_it_is)
{
	static const struct {
		void		(*by)(const struct daemon *, const char *,
				    char *);
		const char	*env;
		const char	*client;
	} cases[] = {
		{ tcp_client, NULL, "127.0.0.7" },
		{ tcp_client, "TCPREMOTEIP=192.0.2.1", "127.0.0.7" },
		{ tcp_client, "TCPREMOTEIP=nonsense", "127.0.0.7" },
		{ local_client, NULL, "0.0.0.0" },
		{ local_client, "TCPREMOTEIP=192.0.2.1", "192.0.2.1" },
		{ pipe_client, NULL, "0.0.0.0" },
		{ pipe_client, "TCPREMOTEIP=192.0.2.1", "192.0.2.1" },
		{ pipe_client, "TCPREMOTEIP=2001:db8::1", "2001:db8::1" },
		{ pipe_client, "TCPREMOTEIP=::ffff:192.0.2.1", "192.0.2.1" },
	};
	struct daemon d;
	char client[64];

	daemon_init(&d, "", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cases[i].by(&d, cases[i].env, client);
		EXPECT(strcmp(client, cases[i].client) == 0,
		    "case %zu: client %s, not %s", i, client,
		    cases[i].client);
	}
}

/* Who lies about an address gets no session: it is nobody's. */
TEST(bad_environment)
{
	static const char *const bad[] = { "TCPREMOTEIP=", "TCPREMOTEIP=x",
	    "TCPREMOTEIP=192.0.2.1 ", "TCPREMOTEIP=unix",
	    "TCPREMOTEIP=1.2.3.4.5" };
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-i" };
	char said[out_max];
	int ends[2];
	pid_t pid;

	daemon_init(&d, "", NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    ends) == 0, "socketpair");
		s.fds[0] = s.fds[1] = s.fds[2] = ends[1];
		s.env[0] = bad[i];
		pid = spawn(&s);
		close(ends[1]);
		expect_refusal(spawn_read_all(ends[0], said, sizeof(said)),
		    bad[i]);
		EXPECT(spawn_wait(pid) == 1, "exit status");
	}
}
