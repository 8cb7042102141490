/*
 * The client's side of POP3, as little as the tests need.
 */
#include "t/system/pop.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

void
pop_init(struct daemon *d, const char *limits)
{
	char text[4096], hash[crypto_pwhash_STRBYTES];

	EXPECT(sodium_init() != -1 && crypto_pwhash_str(hash, "secret", 6, 1,
	    7168UL * 1024) == 0, "no hash");
	secure_make_pair("mx", "ec", "mx.example.org");
	secure_let_read(harness_path("mx.key"));
	daemon_init(d, "", NULL);
	snprintf(text, sizeof(text), "alice:{ARGON2ID}%s\n"
	    "bob:{ARGON2ID}%s\n", hash, hash);
	harness_write_file(harness_path("users"), text);
	chmod(harness_path("users"), 0644);
	snprintf(text, sizeof(text), "hostname mx.example.org\n"
	    "root %s\nuser nobody\nworker-user daemon\n"
	    "listen 127.0.0.1 port 0\n"
	    "listen 127.0.0.1 port 0 pop3 implicit-tls\n"
	    "listen 127.0.0.1 port 0 submission implicit-tls\n"
	    "tls certificate %s key %s\n"
	    "domain example.org {\n\tusers %s\n}\n"
	    "limits {\n\tper-network 20000\n\tper-address 50\n"
	    "\tdisk-reserve 1M\n%s}\n",
	    d->root, harness_path("mx.pem"), harness_path("mx.key"),
	    harness_path("users"), limits);
	harness_write_file(d->conf, text);
}

void
pop_serve(struct daemon *d, const char *limits)
{
	pop_init(d, limits);
	daemon_start(d);
}

bool
pop_connect(struct pop *p, const struct daemon *d, const char *from)
{
	struct daemon at = daemon_at_listener(d, 2);

	memset(p, 0, sizeof(*p));
	return client_connect(&p->s.c, &at, from) &&
	    secure_start(&p->s, NULL) && pop_answer(p) == pop_ok;
}

void
pop_open(struct pop *p, const struct daemon *d)
{
	EXPECT(pop_connect(p, d, NULL), "no greeting: %s: %s", p->reply,
	    daemon_last_words(d));
}

int
pop_login(struct pop *p, const char *user)
{
	int got = pop_say(p, "USER %s", user);

	return got == pop_ok ? pop_say(p, "PASS secret") : got;
}

void
pop_enter(struct pop *p, const struct daemon *d, const char *user)
{
	pop_open(p, d);
	EXPECT(pop_login(p, user) == pop_ok, "%s: %s", user, p->reply);
}

static bool
send_line(struct pop *p, const char *fmt, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line) - 2, fmt, ap);

	line[n++] = '\r';
	line[n++] = '\n';
	return SSL_write(p->s.ssl, line, n) == n;
}

bool
pop_send(struct pop *p, const char *fmt, ...)
{
	va_list ap;
	bool sent;

	va_start(ap, fmt);
	sent = send_line(p, fmt, ap);
	va_end(ap);
	return sent;
}

/* Reads more; false at the end. */
static bool
read_more(struct pop *p)
{
	int n;

	if (p->room - p->have < 16384) {
		p->room = p->room * 2 + 65536;
		p->in = realloc(p->in, p->room);
		EXPECT(p->in != NULL, "no memory");
	}
	n = SSL_read(p->s.ssl, p->in + p->have, (int)(p->room - p->have));
	if (n <= 0)
		return false;
	p->have += (size_t)n;
	return true;
}

static void
take(struct pop *p, size_t n)
{
	p->have -= n;
	memmove(p->in, p->in + n, p->have);
}

int
pop_answer(struct pop *p)
{
	char *lf;
	size_t n;

	p->reply[0] = '\0';
	while (p->have == 0 || (lf = memchr(p->in, '\n', p->have)) == NULL)
		if (!read_more(p))
			return pop_gone;
	n = (size_t)(lf - p->in) + 1;
	EXPECT(n > 4 && n < sizeof(p->reply) && p->in[n - 2] == '\r',
	    "no line of status: %.*s", (int)n, p->in);
	snprintf(p->reply, sizeof(p->reply), "%.*s", (int)n - 2, p->in);
	take(p, n);
	if (strncmp(p->reply, "+OK", 3) == 0)
		return pop_ok;
	EXPECT(strncmp(p->reply, "-ERR", 4) == 0, "no status: %s", p->reply);
	return pop_err;
}

int
pop_say(struct pop *p, const char *fmt, ...)
{
	va_list ap;
	bool sent;

	va_start(ap, fmt);
	sent = send_line(p, fmt, ap);
	va_end(ap);
	return sent ? pop_answer(p) : pop_gone;
}

/* Where the lines at p->in end, behind the dot's; 0 if they do not yet. */
static size_t
find_end(const struct pop *p, size_t from)
{
	const char *dot;

	if (p->have >= 3 && memcmp(p->in, ".\r\n", 3) == 0)
		return 3;
	dot = p->have == 0 ? NULL : memmem(p->in + from, p->have - from,
	    "\r\n.\r\n", 5);
	return dot == NULL ? 0 : (size_t)(dot - p->in) + 5;
}

bool
pop_lines(struct pop *p)
{
	size_t end, from = 0;

	while ((end = find_end(p, from)) == 0) {
		from = p->have < 5 ? 0 : p->have - 5;
		if (!read_more(p))
			return false;
	}
	free(p->text);
	p->text = malloc(end + 1);
	EXPECT(p->text != NULL, "no memory");
	p->n = 0;
	for (size_t i = 0; i < end - 3; i++) {
		bool first = i == 0 || p->in[i - 1] == '\n';

		if (p->in[i] == '\n')
			EXPECT(i > 0 && p->in[i - 1] == '\r', "a bare LF");
		if (first && p->in[i] == '.') {
			EXPECT(p->in[i + 1] == '.', "a dot is not stuffed");
			continue;
		}
		p->text[p->n++] = p->in[i];
	}
	p->text[p->n] = '\0';
	take(p, end);
	return true;
}

int
pop_fetch(struct pop *p, const char *fmt, ...)
{
	va_list ap;
	bool sent;
	int got;

	va_start(ap, fmt);
	sent = send_line(p, fmt, ap);
	va_end(ap);
	got = sent ? pop_answer(p) : pop_gone;
	if (got == pop_ok)
		EXPECT(pop_lines(p), "%s: the lines have no end", fmt);
	return got;
}

void
pop_stat(struct pop *p, size_t *count, size_t *octets)
{
	POP_EXPECT(p, pop_ok, "STAT");
	EXPECT(sscanf(p->reply, "+OK %zu %zu", count, octets) == 2, "%s",
	    p->reply);
}

bool
pop_is_closed(struct pop *p)
{
	return p->have == 0 && !read_more(p);
}

static void
forget(struct pop *p)
{
	free(p->in);
	free(p->text);
	p->in = p->text = NULL;
	p->have = p->room = 0;
}

void
pop_quit(struct pop *p)
{
	POP_EXPECT(p, pop_ok, "QUIT");
	EXPECT(pop_is_closed(p), "open after QUIT");
	secure_close(&p->s);
	forget(p);
}

void
pop_drop(struct pop *p)
{
	secure_drop(&p->s);
	forget(p);
}

static void
own(const struct daemon *d, const char *path)
{
	struct stat st;

	EXPECT(stat(d->root, &st) == 0, "%s: %s", d->root, strerror(errno));
	EXPECT(lchown(path, st.st_uid, st.st_gid) == 0, "%s: %s", path,
	    strerror(errno));
}

static void
make(const struct daemon *d, const char *path)
{
	if (mkdir(path, 0700) == 0)
		own(d, path);
	else
		EXPECT(errno == EEXIST, "%s: %s", path, strerror(errno));
}

const char *
pop_box(const struct daemon *d, const char *user)
{
	static char path[200];
	char part[256];

	snprintf(path, sizeof(path), "%s/mail", d->root);
	make(d, path);
	strlcat(path, "/example.org", sizeof(path));
	make(d, path);
	strlcat(path, "/", sizeof(path));
	strlcat(path, user, sizeof(path));
	make(d, path);
	for (int i = 0; i < 3; i++) {
		snprintf(part, sizeof(part), "%s/%s", path,
		    (const char *[]){ "new", "cur", "tmp" }[i]);
		make(d, part);
	}
	return path;
}

void
pop_put(const struct daemon *d, const char *user, const char *name,
    const void *text, size_t n)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pop_box(d, user), name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	EXPECT(fd != -1 && write(fd, text, n) == (ssize_t)n, "%s: %s", path,
	    strerror(errno));
	close(fd);
	own(d, path);
}

size_t
pop_files(const struct daemon *d, const char *user)
{
	struct dirent *e;
	char path[300];
	size_t n = 0;
	DIR *dir;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", pop_box(d, user),
		    i == 0 ? "new" : "cur");
		dir = opendir(path);
		EXPECT(dir != NULL, "%s: %s", path, strerror(errno));
		while ((e = readdir(dir)) != NULL)
			n += e->d_name[0] != '.';
		closedir(dir);
	}
	return n;
}
