/*
 * The catcher's display, on standard output.
 */
#include "server/catcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/utf8.h"

enum { shown_max_bytes = 64 * 1024 };

static bool colours;

enum colour { PLAIN, DIM, CLIENT, SERVER, GOOD, BAD, HEADER };

static const char *
colour(enum colour c)
{
	static const char *const codes[] = {
		[PLAIN] = "\033[0m", [DIM] = "\033[2m",
		[CLIENT] = "\033[36m", [SERVER] = "\033[34m",
		[GOOD] = "\033[1;32m", [BAD] = "\033[31m",
		[HEADER] = "\033[1m"
	};

	return colours ? codes[c] : "";
}

void
catcher_init(void)
{
	const char *term = getenv("TERM");

	colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    term != NULL && strcmp(term, "dumb") != 0;
	setvbuf(stdout, NULL, _IOFBF, 16 * 1024);
}

void
catcher_welcome(const char *address, unsigned port, const struct conf *conf)
{
	printf("%ssmtpd catches mail%s for any recipient on %s:%u and keeps "
	    "it in %s\n%sa Maildir for each recipient; Ctrl-C ends it%s\n"
	    "%sFOR TESTS ONLY: %s%s\n",
	    colour(HEADER), colour(PLAIN), address, port, conf->root,
	    colour(DIM), colour(PLAIN), colour(BAD),
	    conf->catcher_login == NULL ? "any name and any password may log "
	    "in, and passwords come without TLS" : "one name and password may "
	    "log in, without TLS", colour(PLAIN));
	fflush(stdout);
}

/* The last four characters of the id tell sessions apart on the screen. */
static void
begin_line(const struct session *s, enum colour c, const char *mark)
{
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	printf("%s%02d:%02d:%02d %s%s %s%s ", colour(DIM), local.tm_hour,
	    local.tm_min, local.tm_sec, s->id + ipc_id_bytes - 4,
	    colour(PLAIN), colour(c), mark);
}

static void
end_line(void)
{
	printf("%s\n", colour(PLAIN));
	fflush(stdout);
}

/* Prints octets, every control character escaped. */
static void
print_plain(struct span s)
{
	char storage[512];

	while (s.n > 0) {
		struct buf b = buf_over(storage, sizeof(storage));
		size_t n = s.n < sizeof(storage) / 8 ? s.n :
		    sizeof(storage) / 8;

		/* Never through the middle of a character. */
		while (n < s.n && n > 1 && (s.p[n] & 0xc0) == 0x80)
			n--;
		buf_add_escaped(&b, span_from(s.p, n), "");
		fwrite(b.p, 1, b.n, stdout);
		s = span_skip(s, n);
	}
}

/* Prints octets, none of them a control character; a tab as blanks. */
static void
print_escaped(struct span s)
{
	const uint8_t *tab = s.n == 0 ? NULL : memchr(s.p, '\t', s.n);

	while (tab != NULL) {
		print_plain(span_from(s.p, (size_t)(tab - s.p)));
		fputs("        ", stdout);
		s = span_skip(s, (size_t)(tab - s.p) + 1);
		tab = s.n == 0 ? NULL : memchr(s.p, '\t', s.n);
	}
	print_plain(s);
}

void
catcher_connect(const struct session *s)
{
	begin_line(s, GOOD, "*");
	printf("connection from %s port %u", s->client.text, s->client.port);
	end_line();
}

void
catcher_login(const struct session *s, bool in)
{
	begin_line(s, in ? GOOD : BAD, "*");
	if (in) {
		printf("logged in as ");
		print_escaped(span_of(s->user));
		printf("%s", s->master->conf.catcher_login != NULL ? "" :
		    ", as anybody may: this is a test server");
	} else
		printf("not logged in: this name and password are not those "
		    "of -a");
	end_line();
}

void
catcher_tls_failed(const struct session *s, enum tls_fail why,
    const char *words)
{
	begin_line(s, BAD, "*");
	printf("no TLS: %s%s", words, why != TLS_FAIL_UNTRUSTED ? "" :
	    ": set it to accept any certificate, or give the catcher one "
	    "that it trusts, with --certificate");
	end_line();
}

void
catcher_disconnect(const struct session *s, const char *how)
{
	begin_line(s, DIM, "*");
	printf("end: %s", how);
	end_line();
}

void
catcher_trace(const struct session *s, const struct ipc_trace *t)
{
	struct span rest = span_from(t->octets, t->n);

	while (rest.n > 0) {
		const uint8_t *lf = memchr(rest.p, '\n', rest.n);
		size_t n = lf == NULL ? rest.n : (size_t)(lf - rest.p) + 1;
		struct span line = span_from(rest.p, n);
		bool client = t->kind == IPC_TRACE_CLIENT;
		bool remark = t->kind == IPC_TRACE_REMARK;
		bool bad = !client && !remark && line.p[0] >= '4';

		while (line.n > 0 && (line.p[line.n - 1] == '\n' ||
		    line.p[line.n - 1] == '\r'))
			line.n--;
		begin_line(s, remark ? DIM : client ? CLIENT : bad ? BAD :
		    SERVER, remark ? "*" : client ? ">" : "<");
		print_escaped(line);
		end_line();
		rest = span_skip(rest, n);
	}
}

/* The text of a message, line by line; its header is set off. */
static void
show_text(const struct session *s, struct span text)
{
	bool header = true;

	while (text.n > 0) {
		const uint8_t *lf = memchr(text.p, '\n', text.n);
		size_t n = lf == NULL ? text.n : (size_t)(lf - text.p);

		header = header && n > 0;
		begin_line(s, header ? HEADER : PLAIN, "|");
		print_escaped(span_from(text.p, n));
		printf("%s\n", colour(PLAIN));
		text = span_skip(text, n + 1);
	}
}

/* The file as it was delivered, at its first mailbox. */
static int
open_message(const struct master *m, const struct session *s)
{
	const struct recipient_mailbox *box = &s->tx.boxes.boxes[0];
	char path[maildir_path_max_bytes + 500];

	snprintf(path, sizeof(path), "%s/new/%s", box->user, s->tx.name);
	return openat(m->spool.mail, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

void
catcher_message(const struct master *m, const struct session *s)
{
	static uint8_t text[shown_max_bytes];
	int fd = open_message(m, s);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text));

	if (fd != -1)
		close(fd);
	if (n > 0)
		show_text(s, span_from(text, (size_t)n));
	if (n >= 0 && (uint64_t)n < s->tx.size) {
		begin_line(s, DIM, "|");
		printf("... %llu octets more",
		    (unsigned long long)(s->tx.size - (uint64_t)n));
		end_line();
	}
	for (size_t i = 0; i < s->tx.boxes.count; i++) {
		begin_line(s, GOOD, "=");
		printf("kept for ");
		print_escaped(span_of(s->tx.boxes.boxes[i].user));
		printf("%s: %s/new/%s", colour(PLAIN),
		    s->tx.boxes.boxes[i].user, s->tx.name);
		end_line();
	}
}
