/*
 * The sink: one process for each connection.
 */
#include "t/system/sink.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/harness.h"

/* Of all processes of a sink, at the start of its messages. */
struct shared {
	unsigned	connections;
	unsigned	messages;
};

static struct shared *
counts_of(const struct sink *s)
{
	char path[128];
	struct shared *c;
	int fd;

	snprintf(path, sizeof(path), "%s/counts", s->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	EXPECT(fd != -1 && ftruncate(fd, sizeof(*c)) == 0, "%s: %s", path,
	    strerror(errno));
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(c != MAP_FAILED, "mmap: %s", strerror(errno));
	close(fd);
	return c;
}

static bool
mode_is(const struct sink *s, const char *mode)
{
	char path[128], word[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/mode", s->dir);
	f = fopen(path, "re");
	if (f != NULL) {
		if (fscanf(f, "%15s", word) != 1)
			word[0] = '\0';
		fclose(f);
	}
	return strcmp(word, mode) == 0;
}

/* ---- one connection ----------------------------------------------------- */

static void
say(FILE *out, const char *line)
{
	if (fprintf(out, "%s\r\n", line) < 0 || fflush(out) == EOF)
		_exit(0);
}

static void
take_content(const struct sink *s, FILE *in, FILE *file)
{
	char line[4096];

	for (;;) {
		if (fgets(line, sizeof(line), in) == NULL)
			_exit(0);
		if (strcmp(line, ".\r\n") == 0)
			return;
		fputs(line[0] == '.' ? line + 1 : line, file);
	}
}

static void
take_message(const struct sink *s, FILE *in, FILE *out, const char *envelope)
{
	struct shared *c = counts_of(s);
	char part[128], whole[128];
	FILE *file;
	bool lost = mode_is(s, "lost");

	snprintf(part, sizeof(part), "%s/part.%d", s->dir, (int)getpid());
	file = fopen(part, "we");
	if (file == NULL)
		_exit(1);
	fprintf(file, "%s\n", envelope);
	take_content(s, in, file);
	fclose(file);
	if (mode_is(s, "dot") || mode_is(s, "dot5")) {
		say(out, mode_is(s, "dot") ? "451 4.3.0 not now" :
		    "554 5.6.0 not this");
		return;
	}
	snprintf(whole, sizeof(whole), "%s/message.%u", s->dir,
	    __atomic_fetch_add(&c->messages, 1, __ATOMIC_SEQ_CST));
	if (rename(part, whole) == -1)
		_exit(1);
	while (mode_is(s, "hold") && getppid() != 1)
		usleep(10 * 1000);
	if (lost)
		_exit(0);
	say(out, "250 2.0.0 taken");
}

/* Is the recipient taken? */
static bool
answer_rcpt(FILE *out, const char *line)
{
	const char *at = strchr(line, '<');
	char reply[64];

	if (at != NULL && isdigit((unsigned char)at[1])) {
		snprintf(reply, sizeof(reply), "%.3s %c.1.1 as it says", at + 1,
		    at[1]);
		say(out, reply);
		return at[1] == '2';
	}
	say(out, "250 2.1.5 ok");
	return true;
}

static bool
greet(const struct sink *s, FILE *out)
{
	if (mode_is(s, "slow"))
		sleep(20);
	if (mode_is(s, "busy"))
		say(out, "421 4.3.2 busy");
	else if (mode_is(s, "never"))
		say(out, "554 5.3.2 no mail here");
	else if (mode_is(s, "nomail"))
		say(out, "521 5.3.2 this host takes no mail");
	else {
		say(out, "220 sink.example.net ESMTP");
		return true;
	}
	return false;
}

static void
converse(const struct sink *s, FILE *in, FILE *out)
{
	char line[2048], envelope[128 * 1024] = "";
	unsigned mails = 0;
	bool taken = false;

	if (!greet(s, out))
		return;
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncasecmp(line, "EHLO", 4) == 0)
			say(out, "250-sink.example.net\r\n250-PIPELINING\r\n"
			    "250-8BITMIME\r\n250 SIZE 100000000");
		else if (strncasecmp(line, "MAIL", 4) == 0) {
			envelope[0] = '\0';
			taken = false;
			if (mails++ > 0 && mode_is(s, "once")) {
				say(out, "421 4.3.2 only one");
				return;
			}
			strlcat(envelope, line, sizeof(envelope));
			say(out, mode_is(s, "mail") ? "450 4.2.0 later" :
			    mode_is(s, "mail5") ? "550 5.7.1 not you" :
			    "250 2.1.0 ok");
		} else if (strncasecmp(line, "RCPT", 4) == 0) {
			strlcat(envelope, line, sizeof(envelope));
			taken = answer_rcpt(out, line) || taken;
		} else if (strncasecmp(line, "DATA", 4) == 0) {
			if (mode_is(s, "data"))
				return;
			say(out, taken ? "354 go on" :
			    "503 5.5.1 nobody to send it to");
			if (taken)
				take_message(s, in, out, envelope);
		} else if (strncasecmp(line, "QUIT", 4) == 0) {
			say(out, "221 bye");
			return;
		} else
			say(out, "250 2.0.0 ok");
	}
}

/* ---- the server --------------------------------------------------------- */

/* Ends when the test does, which closes end. */
static _Noreturn void
serve(const struct sink *s, int fd, int end)
{
	struct shared *c = counts_of(s);
	struct pollfd ready[] = { { .fd = fd, .events = POLLIN },
	    { .fd = end, .events = POLLIN } };
	int client;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		(void)poll(ready, 2, -1);
		if (ready[1].revents != 0)
			_exit(0);
		if (ready[0].revents == 0)
			continue;
		client = accept(fd, NULL, NULL);
		if (client == -1)
			continue;
		__atomic_fetch_add(&c->connections, 1, __ATOMIC_SEQ_CST);
		if (fork() == 0) {
			close(fd);
			converse(s, fdopen(client, "r"),
			    fdopen(dup(client), "w"));
			_exit(0);
		}
		close(client);
	}
}

/*
 * The server is no process below the test, where none is to be left after the
 * daemon's end.
 */
static void
start(struct sink *s, int fd)
{
	int end[2], status;
	pid_t pid;

	EXPECT(pipe2(end, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	EXPECT(pid != -1, "fork: %s", strerror(errno));
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(end[1]);
		serve(s, fd, end[0]);
	}
	EXPECT(waitpid(pid, &status, 0) == pid, "waitpid");
	close(end[0]);
	s->end = end[1];
}

void
sink_mode(const struct sink *s, const char *mode)
{
	char path[128], part[160];

	snprintf(path, sizeof(path), "%s/mode", s->dir);
	snprintf(part, sizeof(part), "%s.new", path);
	harness_write_file(part, mode);
	EXPECT(rename(part, path) == 0, "%s: %s", path, strerror(errno));
}

void
sink_start(struct sink *s, const char *name, const char *mode, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	snprintf(s->dir, sizeof(s->dir), "%s", harness_path("%s", name));
	EXPECT(mkdir(s->dir, 0700) == 0 || errno == EEXIST, "%s: %s", s->dir,
	    strerror(errno));
	sink_mode(s, mode);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	EXPECT(fd != -1 && bind(fd, (void *)&a, sizeof(a)) == 0 &&
	    listen(fd, 128) == 0 && getsockname(fd, (void *)&a, &n) == 0,
	    "listen: %s", strerror(errno));
	s->port = ntohs(a.sin_port);
	start(s, fd);
	close(fd);
}

void
sink_stop(struct sink *s)
{
	close(s->end);
	s->end = -1;
}

size_t
sink_count(const struct sink *s)
{
	struct shared *c = counts_of(s);
	size_t n = c->messages;

	munmap(c, sizeof(*c));
	return n;
}

size_t
sink_connections(const struct sink *s)
{
	struct shared *c = counts_of(s);
	size_t n = c->connections;

	munmap(c, sizeof(*c));
	return n;
}

char *
sink_message(const struct sink *s, size_t n, size_t *size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/message.%zu", s->dir, n);
	EXPECT(WAIT(access(path, R_OK) == 0), "%s: no such message", path);
	return harness_read_file(path, size);
}

size_t
sink_copies(const struct sink *s, unsigned number, size_t size)
{
	char *text, *want = mail_text(number, size, "\r\n"), key[32];
	size_t found = 0, n;

	snprintf(key, sizeof(key), "X-Number: %u ", number);
	for (size_t i = sink_count(s); i-- > 0;) {
		text = sink_message(s, i, &n);
		if (strstr(text, key) == NULL) {
			free(text);
			if (found > 0 || i + 4 < sink_count(s))
				break;
			continue;
		}
		harness_same("what the sink has", strstr(text, key),
		    n - (size_t)(strstr(text, key) - text), want,
		    strlen(want));
		free(text);
		found++;
	}
	free(want);
	return found;
}
