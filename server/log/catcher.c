/*
 * The catcher's display, on standard output.
 */
#include "server/log/catcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/log/catcher_dir.h"
#include "shared/buf.h"
#include "shared/log.h"
#include "shared/outlet.h"

enum {
	shown_max_bytes = 64 * 1024,	/* of a message */
	line_max_bytes = 4 * shown_max_bytes + 1024, /* escaped */
	/* Holds a message of empty lines, in colours. */
	waiting_max_bytes = 4 * 1024 * 1024,
	last_words_ms = 1000		/* time for a reader to take the rest */
};

static bool colours;

static struct catcher_dir before;

/* There may be no reader: the pipe is full, or the terminal is stopped. */
static struct {
	struct outlet	 to;
	struct event	*writable;	/* NULL: no event loop yet */
	struct buf	 line;		/* being composed */
} screen;

/* ---- the screen ------------------------------------------------------- */

static void
put(const char *text)
{
	buf_add_str(&screen.line, text);
}

static void __attribute__((format(printf, 1, 2)))
put_formatted(const char *fmt, ...)
{
	char text[2 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(text);
}

static void
keep_line(void)
{
	outlet_add(&screen.to, buf_span(&screen.line));
	screen.line.n = 0;
	screen.line.cut = false;
}

/* Writes what it can now, and the rest once the screen takes more. */
static void
flush(void)
{
	uint64_t lost;

	if (screen.writable != NULL &&
	    event_pending(screen.writable, EV_WRITE, NULL))
		return;
	while (outlet_flush(&screen.to, 0) &&
	    (lost = outlet_take_lost(&screen.to)) > 0) {
		put_formatted("... %llu lines are missing here: nobody read "
		    "them in time\n", (unsigned long long)lost);
		keep_line();
	}
	if (screen.to.n > 0 && errno == EAGAIN && screen.writable != NULL)
		event_add(screen.writable, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	flush();
}

void
catcher_end(void)
{
	flush();
	(void)outlet_flush(&screen.to, last_words_ms);
}

/* ---- lines on the screen ---------------------------------------------- */

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

static void
end_line(void)
{
	put(colour(PLAIN));
	put("\n");
	keep_line();
}

/*
 * The last four characters of a session's id identify it on the screen; NULL:
 * no session.
 */
static void
begin_line(const char *session, enum colour c, const char *mark)
{
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	put_formatted("%s%02d:%02d:%02d %s%s %s%s ", colour(DIM),
	    local.tm_hour, local.tm_min, local.tm_sec,
	    session == NULL ? "----" : session + ipc_id_bytes - 4,
	    colour(PLAIN),
	    colour(c), mark);
}

/* Puts octets with every control character escaped and a tab as blanks. */
static void
put_escaped(struct span s)
{
	while (s.n > 0) {
		const uint8_t *tab = memchr(s.p, '\t', s.n);
		size_t n = tab == NULL ? s.n : (size_t)(tab - s.p);

		buf_add_escaped(&screen.line, span_from(s.p, n), "");
		if (tab != NULL)
			put("        ");
		s = span_skip(s, n + 1);
	}
}

/* Shows a line of our own at once. */
static void __attribute__((format(printf, 4, 5)))
say(const char *session, enum colour c, const char *mark, const char *fmt,
    ...)
{
	char text[2 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	begin_line(session, c, mark);
	put_escaped(span_of(text));
	end_line();
	flush();
}

/*
 * Shows an error of the log: the reason for a reply about local trouble.  An
 * error that is not a failure of the system is a fault of smtpd.
 */
static void
on_error(struct span line)
{
	line = span_skip(line, sizeof("event=") - 1);
	begin_line(NULL, BAD, "!");
	put_escaped(line);
	end_line();
	if (!span_begins_fold(line, span_of("error ")) &&
	    !span_begins_fold(line, span_of("store-failed "))) {
		begin_line(NULL, BAD, "!");
		put("this is a fault of smtpd, not of your program: please "
		    "report it, with the lines above");
		end_line();
	}
	flush();
}

void
catcher_no_room(const char *session, const struct catcher_room *r)
{
	say(session, BAD, "*", "no room for mail in %s: its disk has %llu KiB "
	    "and %llu inodes free, of which %llu KiB and %llu stay so",
	    r->root, (unsigned long long)r->free_bytes / 1024,
	    (unsigned long long)r->free_inodes,
	    (unsigned long long)r->reserve_bytes / 1024,
	    (unsigned long long)r->reserve_inodes);
}

void
catcher_init(void)
{
	static uint8_t waiting[waiting_max_bytes], line[line_max_bytes];
	const char *term = getenv("TERM");

	colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    term != NULL && strcmp(term, "dumb") != 0;
	screen.line = buf_over(line, sizeof(line));
	screen.to.pending = waiting;
	screen.to.max = sizeof(waiting);
	outlet_open(&screen.to, STDOUT_FILENO, false);
	log_alarm(on_error);
}

int
catcher_start(struct event_base *base, int mail, int incoming)
{
	screen.writable = event_new(base, screen.to.fd, EV_WRITE, on_writable,
	    NULL);
	if (screen.writable == NULL)
		return -1;
	catcher_dir_look(mail, &before);
	return catcher_dir_begin(mail, incoming);
}

/* Shows what was in the directory at start. */
static void
tell_of_directory(const char *path)
{
	if (before.mailboxes > 0) {
		put_formatted("%smail for %zu recipients lies there from "
		    "before; smtpctl await passes it over", colour(DIM),
		    before.mailboxes);
		end_line();
	}
	if (before.is_maildir || before.stranger[0] != '\0') {
		put_formatted("%s%s ", colour(BAD), path);
		put(before.is_maildir ? "is a Maildir itself" :
		    "has other things in it, such as ");
		if (!before.is_maildir)
			put_escaped(span_of(before.stranger));
		put(": give the catcher a directory of its own");
		end_line();
	}
}

void
catcher_welcome(const struct conf *conf, const char *address, unsigned port,
    bool unsandboxed)
{
	put_formatted("%ssmtpd catches mail%s for any recipient on %s:%u and "
	    "keeps it in %s\n%sa Maildir for each recipient; Ctrl-C ends it"
	    "%s\n%sFOR TESTS ONLY: %s", colour(HEADER), colour(PLAIN),
	    address, port, conf->root, colour(DIM), colour(PLAIN),
	    colour(BAD), conf->catcher_login == NULL ? "any name and any "
	    "password may log in, and passwords come without TLS" :
	    "one name and password may log in, without TLS");
	end_line();
	tell_of_directory(conf->root);
	if (unsandboxed) {
		put_formatted("%sWITHOUT A SANDBOX: who breaks into this "
		    "server can do all that you can", colour(BAD));
		end_line();
	}
	flush();
}

void
catcher_connect(const char *session, const char *client, unsigned port)
{
	say(session, GOOD, "*", "connection from %s port %u", client, port);
}

void
catcher_login(const char *session, const char *user, bool is_anybody)
{
	if (user != NULL)
		say(session, GOOD, "*", "logged in as %s%s", user,
		    !is_anybody ? "" :
		    ", as anybody may: this is a test server");
	else
		say(session, BAD, "*", "not logged in: this name and password "
		    "are not those of -a");
}

void
catcher_tls_failed(const char *session, enum tls_fail why,
    const char *words)
{
	say(session, BAD, "*", "no TLS: %s%s", words,
	    why != TLS_FAIL_UNTRUSTED ? "" : ": set it to accept any "
	    "certificate, or give the catcher one that it trusts, with "
	    "--certificate");
}

void
catcher_disconnect(const char *session, const char *how)
{
	say(session, DIM, "*", "end: %s", how);
}

void
catcher_trace(const char *session, const struct ipc_trace *t)
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
		begin_line(session, remark ? DIM : client ? CLIENT : bad ? BAD :
		    SERVER, remark ? "*" : client ? ">" : "<");
		put_escaped(line);
		end_line();
		rest = span_skip(rest, n);
	}
	flush();
}

/* The text of a message, line by line; its header is set off. */
static void
show_text(const char *session, struct span text)
{
	bool header = true;

	while (text.n > 0) {
		const uint8_t *lf = memchr(text.p, '\n', text.n);
		size_t n = lf == NULL ? text.n : (size_t)(lf - text.p);

		header = header && n > 0;
		begin_line(session, header ? HEADER : PLAIN, "|");
		put_escaped(span_from(text.p, n));
		end_line();
		text = span_skip(text, n + 1);
	}
}

void
catcher_message(const char *session, int mail, const char *user,
    const char *file, uint64_t size)
{
	static uint8_t text[shown_max_bytes];
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/new/%s", user, file);
	fd = openat(mail, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text));
	if (fd != -1)
		close(fd);
	if (n > 0)
		show_text(session, span_from(text, (size_t)n));
	if (n >= 0 && (uint64_t)n < size)
		say(session, DIM, "|", "... %llu octets more",
		    (unsigned long long)(size - (uint64_t)n));
}

void
catcher_kept(const char *session, const char *user, const char *file)
{
	begin_line(session, GOOD, "=");
	put_formatted("kept for %s%s: %s/new/%s", user, colour(PLAIN), user,
	    file);
	end_line();
	flush();
}
