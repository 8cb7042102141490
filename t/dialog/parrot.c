/*
 * parrot: a server that answers what it is told, for testing the player. It
 * takes smtpd's options and logs like smtpd, but knows only these commands:
 *
 *	SAY BYTES	sends BYTES, escapes as in a transcript
 *	STORE BOX BYTES	puts a message into the mailbox DOMAIN/USER
 *	NAME BOX NAME	puts an empty file of that name there
 *	LEAVE		leaves a file in spool/incoming
 *	LOG BYTES	writes BYTES to the log
 *	EXIT N		will exit with N upon SIGTERM
 *	DEAF		will take no notice of SIGTERM
 *	WHOLE		250 if this line came in one segment, else 550
 *	CLOSE		closes; under TLS it says so
 *	TLS		begins TLS, as its configuration has the pair
 *	OTHER		begins it with another pair for that name
 *	LATE BYTES	answers what comes next with BYTES, and closes
 *	STAY BYTES	the same, and does not close
 *	CUT		closes, and says nothing of it under TLS
 *	PLAIN BYTES	sends BYTES in plain text, TLS or not
 *
 * and greets with 220, one client after the other; with implicit-tls under
 * TLS. Only for t/dialog/selftest.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <limits.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/dialog/play_script.h"
#include "t/dialog/play_tls.h"

static const char stamp[] = "2001-01-01T00:00:00.000Z";
static char root[PATH_MAX / 4], certificate[2048];
static char key[2048];
static bool implicit_tls;
/* The one client. */
static int client;
static SSL *tls;
static volatile sig_atomic_t exit_code;

static void
on_term(int number)
{
	(void)number;
	_exit(exit_code);
}

static void
put_file(const char *dir, const char *name, const char *text, size_t len)
{
	char path[PATH_MAX];
	const char *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/", root, dir);
	for (slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
		path[slash - path] = '\0';
		mkdir(path, 0755);
		path[slash - path] = '/';
	}
	snprintf(path, sizeof(path), "%s/%s/%s", root, dir, name);
	if ((file = fopen(path, "w")) == NULL)
		return;
	fwrite(text, 1, len, file);
	fclose(file);
}

static void
store(char *box, const char *text, size_t len)
{
	static int number;
	char name[40], dir[PATH_MAX / 4];

	snprintf(name, sizeof(name), "%d,S=%zu", ++number, len);
	snprintf(dir, sizeof(dir), "mail/%s/new", box);
	put_file(dir, name, text, len);
}

static void
say(const char *text, size_t len)
{
	if (len == 0)
		return;
	if (tls != NULL)
		SSL_write(tls, text, (int)len);
	else if (send(client, text, len, 0) == -1)
		return;
}

static void
say_text(const char *text)
{
	say(text, strlen(text));
}

static ssize_t
take(char *to, size_t room)
{
	return tls != NULL ? SSL_read(tls, to, (int)room) :
	    read(client, to, room);
}

/* Returns -1 when nothing came of it. */
static int
begin_tls(const char *with, const char *its_key)
{
	SSL_CTX *ctx;

	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL ||
	    SSL_CTX_use_certificate_file(ctx, with, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, its_key, SSL_FILETYPE_PEM) != 1)
		exit(1);
	tls = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(tls, client);
	return SSL_accept(tls) == 1 ? 0 : -1;
}

static int
begin_other_tls(void)
{
	char with[PATH_MAX / 2], its_key[PATH_MAX / 2];

	snprintf(with, sizeof(with), "%s/other.pem", root);
	snprintf(its_key, sizeof(its_key), "%s/other.key", root);
	if (tls_make_pair(with, its_key, "mx.example.org") == -1)
		exit(1);
	return begin_tls(with, its_key);
}

/* The commands that are about the connection. Returns -1 as obey does. */
static int
obey_wire(const char *verb, char *rest)
{
	char next[4096];
	long len;

	if (strcmp(verb, "TLS") == 0 || strcmp(verb, "OTHER") == 0) {
		say_text("220 2.0.0 go\r\n");
		return verb[0] == 'O' ? begin_other_tls() :
		    begin_tls(certificate, key);
	}
	if (strcmp(verb, "CLOSE") == 0) {
		if (tls != NULL)
			SSL_shutdown(tls);
		return -1;
	}
	if (strcmp(verb, "CUT") == 0)
		return -1;
	len = script_unescape(rest);
	if (strcmp(verb, "PLAIN") == 0)
		return send(client, rest, (size_t)(len < 0 ? 0 : len), 0) ==
		    -1 ? -1 : 0;
	if (strcmp(verb, "LATE") != 0 && strcmp(verb, "STAY") != 0)
		return 0;
	say_text("220 2.0.0 go\r\n");
	if (take(next, sizeof(next)) > 0)
		say(rest, (size_t)(len < 0 ? 0 : len));
	return verb[0] == 'S' ? 0 : -1;
}

/* Returns -1 when the connection is to be closed. */
static int
obey(char *line, int reads)
{
	char dir[PATH_MAX / 4], *rest, *text;
	long len;

	rest = line + strcspn(line, " ");
	if (*rest != '\0')
		*rest++ = '\0';
	text = rest + strcspn(rest, " ");
	if (*text != '\0' && (strcmp(line, "STORE") == 0 ||
	    strcmp(line, "NAME") == 0))
		*text++ = '\0';
	if (strcmp(line, "SAY") == 0) {
		len = script_unescape(rest);
		say(rest, (size_t)(len < 0 ? 0 : len));
	} else if (strcmp(line, "STORE") == 0) {
		len = script_unescape(text);
		store(rest, text, (size_t)(len < 0 ? 0 : len));
		say_text("250 2.0.0 stored\r\n");
	} else if (strcmp(line, "NAME") == 0) {
		snprintf(dir, sizeof(dir), "mail/%s/new", rest);
		put_file(dir, text, "Return-Path: <>\nReceived: from x\n", 33);
		say_text("250 2.0.0 stored\r\n");
	} else if (strcmp(line, "LEAVE") == 0) {
		put_file("spool/incoming", "left", "", 0);
		say_text("250 2.0.0 left\r\n");
	} else if (strcmp(line, "LOG") == 0) {
		len = script_unescape(rest);
		fwrite(rest, 1, (size_t)(len < 0 ? 0 : len), stderr);
		say_text("250 2.0.0 logged\r\n");
	} else if (strcmp(line, "EXIT") == 0) {
		exit_code = atoi(rest);
		say_text("250 2.0.0 ready\r\n");
	} else if (strcmp(line, "DEAF") == 0) {
		signal(SIGTERM, SIG_IGN);
		say_text("250 2.0.0 deaf\r\n");
	} else if (strcmp(line, "WHOLE") == 0)
		say_text(reads == 1 ? "250 2.0.0 whole\r\n" :
		    "550 5.0.0 cut\r\n");
	else
		return obey_wire(line, rest);
	return 0;
}

static void
serve(int fd)
{
	char line[4096], *end;
	size_t have;
	ssize_t n;
	int reads, rc;

	client = fd;
	rc = implicit_tls ? begin_tls(certificate, key) : 0;
	if (rc == 0)
		say_text("220 parrot\r\n");
	have = 0;
	reads = 0;
	while (rc == 0 && have < sizeof(line) &&
	    (n = take(line + have, sizeof(line) - have)) > 0) {
		have += (size_t)n;
		reads++;
		while (rc == 0 && (end = memchr(line, '\n', have)) != NULL) {
			*end = '\0';
			line[strcspn(line, "\r")] = '\0';
			rc = obey(line, reads);
			have -= (size_t)(end + 1 - line);
			memmove(line, end + 1, have);
			reads = have > 0;
		}
	}
	SSL_free(tls);
	tls = NULL;
	close(fd);
}

static void
read_conf(const char *conf)
{
	char line[PATH_MAX + 64];
	FILE *file;

	if ((file = fopen(conf, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "root ", 5) == 0)
			snprintf(root, sizeof(root), "%.*s",
			    (int)strcspn(line + 5, "\n"), line + 5);
		sscanf(line, "tls certificate %2047s key %2047s", certificate,
		    key);
		if (strstr(line, " implicit-tls\n") != NULL)
			implicit_tls = true;
	}
	fclose(file);
	put_file("spool/incoming", ".", "", 0);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener, fd, i;

	for (i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-f") == 0)
			read_conf(argv[i + 1]);
	signal(SIGTERM, on_term);
	signal(SIGPIPE, SIG_IGN);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&sin, len) == -1 ||
	    listen(listener, 5) == -1 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) == -1)
		return 1;
	fprintf(stderr, "%s event=listen address=127.0.0.1 port=%d\n", stamp,
	    ntohs(sin.sin_port));
	fprintf(stderr, "%s event=start\n", stamp);
	while ((fd = accept(listener, NULL, NULL)) != -1)
		serve(fd);
	return 1;
}
