/*
 * Reads spool/queue as root or as the user that owns it.
 */
#include "t/system/queue.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

const char queue_relay[] = "relay {\n\tfrom 127.0.0.0/8\n"
    "\tvia 127.0.0.1 port 9\n}\n";

int
queue_mail(struct client *c, unsigned number, size_t size,
    const char *const rcpts[])
{
	int code = client_command(c, "EHLO client.example.net");
	char *text;
	bool sent;

	if (code == 250)
		code = client_command(c, "MAIL FROM:<sender@example.org>");
	for (; *rcpts != NULL && code == 250; rcpts++)
		code = client_command(c, "RCPT TO:<%s>", *rcpts);
	if (code == 250)
		code = client_command(c, "DATA");
	if (code != 354)
		return code;
	text = mail_text(number, size, "\r\n");
	sent = client_send(c, text, strlen(text)) &&
	    client_send(c, ".\r\n", 3);
	free(text);
	return sent ? client_reply(c) : 0;
}

int
queue_deliver(const struct daemon *d, unsigned number, size_t size,
    const char *rcpt)
{
	const char *const rcpts[] = { rcpt, NULL };
	struct client c;
	int code;

	if (!client_connect(&c, d, NULL))
		return 0;
	code = client_reply(&c);
	if (code == 220)
		code = queue_mail(&c, number, size, rcpts);
	client_command(&c, "QUIT");
	client_close(&c);
	return code;
}

static void
check_content(struct queue_file *f, const char *own)
{
	char *want;
	size_t octets, lines = 0;

	EXPECT(strncmp(own, "Received: from ", 15) == 0, "%s: it begins "
	    "with %.40s", f->path, own);
	for (const char *p = own; *p != '\0'; p++)
		lines += *p == '\n';
	EXPECT(lines == f->name.lines, "%s has %zu lines", f->path, lines);
	do
		own = strchr(own, '\n');
	while (own != NULL && (*++own == '\t' || *own == ' '));
	EXPECT(own != NULL && sscanf(own, "X-Number: %u %zu", &f->number,
	    &octets) == 2, "%s: its beginning is not whole", f->path);
	want = mail_text(f->number, octets, "\r\n");
	for (char *from = want, *to = want;; from++) {
		if (*from != '\r')
			*to++ = *from;
		if (*from == '\0')
			break;
	}
	harness_same(f->path, own, strlen(own), want, strlen(want));
	free(want);
}

/* A message by the name of its block. */
static void
read_message(struct queue_file *f, const uint8_t *key)
{
	struct span envelope;
	size_t n;

	f->block = (uint8_t *)harness_read_file(f->path, &n);
	f->block_bytes = n < 8 ? 0 : queue_block_length(f->block);
	EXPECT(f->block_bytes > 0 && f->block_bytes <= n, "%s: no block",
	    f->path);
	EXPECT(queue_block_open(f->block, f->block_bytes, key, &envelope) &&
	    envelope_read(envelope, &f->envelope) &&
	    span_equal(f->envelope.id, span_of(f->name.id)),
	    "%s: its block cannot be opened", f->path);
	check_content(f, (char *)f->block + f->block_bytes);
}

static void
add_path(char *out, size_t size, const char *dir, const char *name)
{
	EXPECT(snprintf(out, size, "%s/%s", dir, name) < (int)size, "%s",
	    name);
}

static size_t
read_folder(const struct daemon *d, const char *path,
    void (*see)(void *arg, const struct queue_file *f), void *arg)
{
	char key_path[512], *key = NULL;
	struct dirent *e;
	size_t n, count = 0;
	DIR *dir = opendir(path);

	EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		struct queue_file f;

		memset(&f, 0, sizeof(f));
		if (e->d_name[0] == '.' || strcmp(e->d_name, "key") == 0 ||
		    strcmp(e->d_name, "journal") == 0)
			continue;
		add_path(f.path, sizeof(f.path), path, e->d_name);
		EXPECT(queue_name_read(e->d_name, &f.name), "%s: its name",
		    f.path);
		add_path(key_path, sizeof(key_path), path, "key");
		if (key == NULL) {
			key = harness_read_file(key_path, &n);
			EXPECT(n == queue_key_bytes, "%s: its key", path);
		}
		read_message(&f, (const uint8_t *)key);
		if (see != NULL)
			see(arg, &f);
		free(f.block);
		count++;
	}
	closedir(dir);
	free(key);
	return count;
}

size_t
queue_read_all(const struct daemon *d,
    void (*see)(void *arg, const struct queue_file *f), void *arg)
{
	char path[256], folder[512];
	struct dirent *e;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/spool/queue", d->root);
	dir = opendir(path);
	EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "owner") == 0)
			continue;
		add_path(folder, sizeof(folder), path, e->d_name);
		count += read_folder(d, folder, see, arg);
	}
	closedir(dir);
	return count;
}

struct search {
	unsigned	number, rcpts;
	size_t		found;
};

static void
compare(void *arg, const struct queue_file *f)
{
	struct search *s = arg;

	if (f->number != s->number)
		return;
	s->found++;
	s->rcpts = f->envelope.count;
}

size_t
queue_copies(const struct daemon *d, unsigned number, unsigned *rcpts)
{
	struct search s = { .number = number };

	queue_read_all(d, compare, &s);
	if (rcpts != NULL)
		*rcpts = s.rcpts;
	return s.found;
}

static size_t
count_names(const struct daemon *d, const char *dir, size_t length)
{
	char path[256];
	struct dirent *e;
	size_t count = 0;
	DIR *open;

	add_path(path, sizeof(path), d->root, dir);
	open = opendir(path);
	EXPECT(open != NULL, "%s: %s", path, strerror(errno));
	while ((e = readdir(open)) != NULL)
		count += e->d_name[0] != '.' &&
		    (length == 0 || strlen(e->d_name) == length);
	closedir(open);
	return count;
}

size_t
queue_bad(const struct daemon *d)
{
	return count_names(d, "spool/bad", 0);
}

size_t
queue_folders(const struct daemon *d)
{
	return count_names(d, "spool/queue", ipc_id_bytes);
}

size_t
queue_files(const struct daemon *d)
{
	char pattern[256];
	size_t count;
	glob_t g;

	/* ID.LINES.FLAGS: no other name has two dots. */
	add_path(pattern, sizeof(pattern), d->root, "spool/queue/*/*.*.*");
	count = glob(pattern, GLOB_NOSORT, NULL, &g) == 0 ? g.gl_pathc : 0;
	globfree(&g);
	return count;
}
