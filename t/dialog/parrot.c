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
 *	CLOSE		closes
 *
 * and greets with 220, one client after the other. Only for t/dialog/selftest.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/dialog/play_script.h"

static const char stamp[] = "2001-01-01T00:00:00.000Z";
static char root[PATH_MAX / 4];
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

/* Returns -1 when the connection is to be closed. */
static int
obey(FILE *client, char *line, int reads)
{
	char dir[PATH_MAX / 4], *rest, *text;
	long len;

	rest = line + strcspn(line, " ");
	if (*rest != '\0')
		*rest++ = '\0';
	text = rest + strcspn(rest, " ");
	if (*text != '\0' && strcmp(line, "SAY") != 0 &&
	    strcmp(line, "LOG") != 0)
		*text++ = '\0';
	if (strcmp(line, "SAY") == 0) {
		len = script_unescape(rest);
		fwrite(rest, 1, (size_t)(len < 0 ? 0 : len), client);
	} else if (strcmp(line, "STORE") == 0) {
		len = script_unescape(text);
		store(rest, text, (size_t)(len < 0 ? 0 : len));
		fputs("250 2.0.0 stored\r\n", client);
	} else if (strcmp(line, "NAME") == 0) {
		snprintf(dir, sizeof(dir), "mail/%s/new", rest);
		put_file(dir, text, "Return-Path: <>\nReceived: from x\n", 33);
		fputs("250 2.0.0 stored\r\n", client);
	} else if (strcmp(line, "LEAVE") == 0) {
		put_file("spool/incoming", "left", "", 0);
		fputs("250 2.0.0 left\r\n", client);
	} else if (strcmp(line, "LOG") == 0) {
		len = script_unescape(rest);
		fwrite(rest, 1, (size_t)(len < 0 ? 0 : len), stderr);
		fputs("250 2.0.0 logged\r\n", client);
	} else if (strcmp(line, "EXIT") == 0) {
		exit_code = atoi(rest);
		fputs("250 2.0.0 ready\r\n", client);
	} else if (strcmp(line, "DEAF") == 0) {
		signal(SIGTERM, SIG_IGN);
		fputs("250 2.0.0 deaf\r\n", client);
	} else if (strcmp(line, "WHOLE") == 0) {
		fputs(reads == 1 ? "250 2.0.0 whole\r\n" :
		    "550 5.0.0 cut\r\n", client);
	} else if (strcmp(line, "CLOSE") == 0)
		return -1;
	fflush(client);
	return 0;
}

static void
serve(int fd)
{
	char line[4096], *end;
	size_t have;
	FILE *client;
	ssize_t n;
	int reads, rc;

	if ((client = fdopen(fd, "w")) == NULL)
		exit(1);
	fputs("220 parrot\r\n", client);
	fflush(client);
	have = 0;
	reads = 0;
	rc = 0;
	while (rc == 0 && have < sizeof(line) &&
	    (n = read(fd, line + have, sizeof(line) - have)) > 0) {
		have += (size_t)n;
		reads++;
		while (rc == 0 && (end = memchr(line, '\n', have)) != NULL) {
			*end = '\0';
			line[strcspn(line, "\r")] = '\0';
			rc = obey(client, line, reads);
			have -= (size_t)(end + 1 - line);
			memmove(line, end + 1, have);
			reads = have > 0;
		}
	}
	fclose(client);
}

static void
read_root(const char *conf)
{
	char line[PATH_MAX];
	FILE *file;

	if ((file = fopen(conf, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "root ", 5) == 0)
			snprintf(root, sizeof(root), "%.*s",
			    (int)strcspn(line + 5, "\n"), line + 5);
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
			read_root(argv[i + 1]);
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
