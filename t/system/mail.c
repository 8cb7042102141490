/*
 * Messages whose text follows from their number, and what became of them on
 * disk.  Reads the mailboxes as root or as the user that owns them.
 */
#include "t/system/client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/harness.h"

enum { fill_octets = 72 };

char *
mail_text(unsigned number, size_t size, const char *eol)
{
	size_t room = size * 2 + 256, n;
	char *text = malloc(room);

	EXPECT(text != NULL, "no memory");
	n = (size_t)snprintf(text, room, "X-Number: %u %zu%sSubject: test %u"
	    "%s%s", number, size, eol, number, eol, eol);
	for (unsigned line = 0; n < size; line++)
		n += (size_t)snprintf(text + n, room - n, "%08u %0*u%s",
		    line, fill_octets - 9, number, eol);
	n += (size_t)snprintf(text + n, room - n, "end of %u%s", number, eol);
	return text;
}

/* What follows Return-Path and Received, which are the server's. */
static const char *
skip_trace(const char *text)
{
	const char *p = text;

	if (strncmp(p, "Return-Path: <", 14) != 0)
		return NULL;
	p = strchr(p, '\n');
	if (p == NULL || strncmp(++p, "Received: from ", 15) != 0)
		return NULL;
	do
		p = strchr(p, '\n');
	while (p != NULL && (*++p == '\t' || *p == ' '));
	return p;
}

/* Sets *number; fails the test unless the file is a whole message of ours. */
static void
check_file(const char *path, unsigned *number)
{
	char *text, *want;
	const char *own, *size;
	size_t octets, n;
	char wanted[32];

	text = harness_read_file(path, &n);
	own = skip_trace(text);
	EXPECT(own != NULL && sscanf(own, "X-Number: %u %zu", number,
	    &octets) == 2, "%s: its beginning is not whole", path);
	/* The client counted CRLF, so it filled by that. */
	want = mail_text(*number, octets, "\r\n");
	for (char *from = want, *to = want;; from++) {
		if (*from != '\r')
			*to++ = *from;
		if (*from == '\0')
			break;
	}
	harness_same(path, own, strlen(own), want, strlen(want));
	size = strstr(path, ",S=");
	snprintf(wanted, sizeof(wanted), ",S=%zu", n);
	EXPECT(size != NULL && strcmp(size, wanted) == 0,
	    "%s: its size is %zu", path, n);
	free(want);
	free(text);
}

/* Checks the files of a directory, if it is there; how many; of number. */
static size_t
check_dir(const char *path, unsigned number, size_t *matches)
{
	struct dirent *e;
	size_t count = 0;
	DIR *d = opendir(path);

	if (d == NULL)
		EXPECT(errno == ENOENT, "%s: %s", path, strerror(errno));
	while (d != NULL && (e = readdir(d)) != NULL) {
		unsigned got = 0;
		char file[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		check_file(file, &got);
		count++;
		if (got == number)
			(*matches)++;
	}
	if (d != NULL)
		closedir(d);
	return count;
}

size_t
mail_copies(const struct daemon *d, const char *user, unsigned number)
{
	char path[256];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/mail/example.org/%s/new", d->root,
	    user);
	check_dir(path, number, &n);
	return n;
}

static size_t
count_files(const char *path)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(path);

	if (d == NULL)
		EXPECT(errno == ENOENT, "%s: %s", path, strerror(errno));
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			n++;
	if (d != NULL)
		closedir(d);
	return n;
}

size_t
mail_total(const struct daemon *d)
{
	char domain[128], path[512];
	struct dirent *e;
	size_t total = 0, ignored = 0;
	DIR *dir;

	snprintf(domain, sizeof(domain), "%s/mail", d->root);
	EXPECT(count_files(domain) <= 1, "a domain that nobody configured");
	snprintf(domain, sizeof(domain), "%s/mail/example.org", d->root);
	dir = opendir(domain);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/new", domain, e->d_name);
		total += check_dir(path, 0, &ignored);
		snprintf(path, sizeof(path), "%s/%s/cur", domain, e->d_name);
		EXPECT(count_files(path) == 0, "%s is not empty", path);
		snprintf(path, sizeof(path), "%s/%s/tmp", domain, e->d_name);
		EXPECT(count_files(path) == 0, "%s is not empty", path);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

size_t
mail_incoming(const struct daemon *d)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/spool/incoming", d->root);
	return count_files(path);
}

bool
mail_none_incoming(const struct daemon *d)
{
	return WAIT(mail_incoming(d) == 0);
}
