/* The catcher's display, on standard output. */
#include "server/log/catcher.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/log.h"
#include "shared/outlet.h"

enum {
	shown_max_bytes = 64 * 1024,	/* of a message */
	line_max_bytes = 4 * shown_max_bytes + 1024, /* escaped */
	/* Holds a message of empty lines, in colours. */
	waiting_max_bytes = 4 * 1024 * 1024,
	last_words_ms = 1000		/* time for a reader to take the rest */
};

static const char plain[] = "\033[0m", dim[] = "\033[2m", red[] = "\033[31m",
    green[] = "\033[1;32m", bold[] = "\033[1m";

static const struct {
	char		 mark;
	const char	*colour;
} kinds[] = {
	[CATCHER_GOOD] = { '*', green }, [CATCHER_BAD] = { '*', red },
	[CATCHER_EVENT] = { '*', dim }, [CATCHER_ERROR] = { '!', red },
	[CATCHER_CLIENT] = { '>', "\033[36m" },
	[CATCHER_SERVER] = { '<', "\033[34m" },
	[CATCHER_REFUSAL] = { '<', red }, [CATCHER_HEADER] = { '|', bold },
	[CATCHER_BODY] = { '|', plain }, [CATCHER_MORE] = { '|', dim },
	[CATCHER_KEPT] = { '=', green }
};

static bool colours;

/* What the directory held at start. */
static struct {
	size_t	mailboxes;
	bool	is_maildir;			/* itself */
	char	stranger[NAME_MAX + 1];		/* not a Maildir; "": none */
} before;

/* There may be no reader: the pipe is full, or the terminal is stopped. */
static struct {
	struct outlet	 to;
	struct event	*writable;	/* NULL: no event loop yet */
	struct buf	 line;		/* being composed */
} screen;

static const char *
colour(const char *code)
{
	return colours ? code : "";
}

static void
end_line(void)
{
	buf_print(&screen.line, "%s\n", colour(plain));
	outlet_add(&screen.to, buf_span(&screen.line));
	screen.line = buf_over(screen.line.p, screen.line.max);
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
		buf_print(&screen.line, "... %llu lines are missing here: "
		    "nobody read them in time", (unsigned long long)lost);
		end_line();
	}
	if (screen.to.n > 0 && errno == EAGAIN && screen.writable != NULL)
		event_add(screen.writable, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	flush();
}

void
catcher_end(void)
{
	flush();
	(void)outlet_flush(&screen.to, last_words_ms);
}

/* Shows text, escaped, up to its first LF.  Returns the octets taken. */
static size_t
show_line(const char *session, enum catcher_kind kind, struct span text)
{
	struct span rest = text, s = span_cut(&rest, '\n');
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	buf_print(&screen.line, "%s%02d:%02d:%02d %s%s %s%c ", colour(dim),
	    local.tm_hour, local.tm_min, local.tm_sec, session == NULL ?
	    "----" : session + ipc_id_bytes - 4, colour(plain),
	    colour(kinds[kind].colour), kinds[kind].mark);
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	while (s.n > 0) {
		struct span piece = span_cut(&s, '\t');

		buf_add_escaped(&screen.line, piece, "");
		if (s.p > piece.p + piece.n)
			buf_add_str(&screen.line, "        ");
	}
	end_line();
	return text.n - rest.n;
}

void
catcher_say(const char *session, enum catcher_kind kind, const char *fmt, ...)
{
	char text[2 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show_line(session, kind, span_of(text));
	flush();
}

/* Shows an error of the log; if none of the system, it is our own fault. */
static void
on_error(struct span line)
{
	line = span_skip(line, sizeof("event=") - 1);
	show_line(NULL, CATCHER_ERROR, line);
	if (!span_begins_fold(line, span_of("error ")) &&
	    !span_begins_fold(line, span_of("store-failed ")))
		catcher_say(NULL, CATCHER_ERROR, "this is a fault of smtpd, "
		    "not of your program: please report it, with the lines "
		    "above");
	flush();
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

static bool
has(int dir, const char *name, const char *below)
{
	char path[2 * NAME_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", name, below);
	return fstatat(dir, path, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

int
catcher_start(struct event_base *base, int mail, int incoming)
{
	DIR *d = file_list(mail, ".");
	struct dirent *e;

	screen.writable = event_new(base, screen.to.fd, EV_WRITE, on_writable,
	    NULL);
	if (screen.writable == NULL)
		return -1;
	before.is_maildir = has(mail, ".", "new") && has(mail, ".", "cur");
	while (d != NULL && (e = readdir(d)) != NULL)
		if (has(mail, e->d_name, "new") && e->d_name[0] != '.')
			before.mailboxes++;
		else if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, ".smtpd") != 0)
			snprintf(before.stranger, sizeof(before.stranger),
			    "%s", e->d_name);
	if (d != NULL)
		closedir(d);
	return catcher_dir_begin(mail, incoming);
}

void
catcher_welcome(const struct conf *conf, const char *address, unsigned port,
    bool unsandboxed)
{
	struct buf *b = &screen.line;

	buf_print(b, "%ssmtpd catches mail%s for any recipient on %s:%u and "
	    "keeps it in %s\n%sa Maildir for each recipient; Ctrl-C ends it%s\n"
	    "%sFOR TESTS ONLY: %s", colour(bold), colour(plain), address, port,
	    conf->root, colour(dim), colour(plain), colour(red),
	    conf->catcher_login == NULL ? "any name and any password may log "
	    "in, and passwords come without TLS" :
	    "one name and password may log in, without TLS");
	end_line();
	if (before.mailboxes > 0) {
		buf_print(b, "%sit holds older mail for %zu recipients, which "
		    "smtpctl await ignores", colour(dim), before.mailboxes);
		end_line();
	}
	if (before.is_maildir || before.stranger[0] != '\0') {
		buf_print(b, "%s%s %s", colour(red), conf->root,
		    before.is_maildir ? "is a Maildir itself" :
		    "has other things in it, such as ");
		if (!before.is_maildir)
			buf_add_escaped(b, span_of(before.stranger), "");
		buf_add_str(b, ": give the catcher a directory of its own");
		end_line();
	}
	if (unsandboxed) {
		buf_print(b, "%sWITHOUT A SANDBOX: who breaks into this "
		    "server can do all that you can", colour(red));
		end_line();
	}
	flush();
}

void
catcher_trace(const char *session, const struct ipc_trace *t)
{
	struct span rest = span_from(t->octets, t->n);

	while (rest.n > 0)
		rest = span_skip(rest, show_line(session,
		    t->kind == IPC_TRACE_REMARK ? CATCHER_EVENT :
		    t->kind == IPC_TRACE_CLIENT ? CATCHER_CLIENT :
		    rest.p[0] >= '4' ? CATCHER_REFUSAL : CATCHER_SERVER,
		    rest));
	flush();
}

void
catcher_message(const char *session, int mail, const char *user,
    const char *file, uint64_t size)
{
	static uint8_t text[shown_max_bytes];
	enum catcher_kind kind = CATCHER_HEADER;
	struct span rest;
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/new/%s", user, file);
	fd = openat(mail, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text));
	if (fd != -1)
		close(fd);
	rest = span_from(text, n == -1 ? 0 : (size_t)n);
	while (rest.n > 0) {
		if (rest.p[0] == '\n')
			kind = CATCHER_BODY;
		rest = span_skip(rest, show_line(session, kind, rest));
	}
	if (n >= 0 && (uint64_t)n < size)
		catcher_say(session, CATCHER_MORE, "... %llu octets more",
		    (unsigned long long)(size - (uint64_t)n));
}
