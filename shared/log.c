/*
 * Log lines.  What a stranger sent gets here through a validated type or the
 * escape below, and in no other way.
 */
#include "shared/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "shared/buf.h"

static enum log_target target = LOG_TO_STDERR;

void
log_open(enum log_target to)
{
	target = to;
	if (to == LOG_TO_SYSLOG)
		openlog("smtpd", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

static struct buf
rest_of(struct log_line *l)
{
	return buf_over(l->text + l->n, sizeof(l->text) - 2 - l->n);
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->level = level;
	l->n = 0;
	log_str(l, "event", event);
}

/* Quotes stand where a reader would not see the end of the value. */
static bool
needs_quotes(struct span s)
{
	if (s.n == 0)
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \"=\\", s.p[i]) != NULL || s.p[i] > 0x7e ||
		    s.p[i] < 0x20)
			return true;
	return false;
}

void
log_span(struct log_line *l, const char *key, struct span value)
{
	struct buf b = rest_of(l);
	bool quote = needs_quotes(value);

	if (l->n > 0)
		buf_add_str(&b, " ");
	buf_add_str(&b, key);
	buf_add_str(&b, quote ? "=\"" : "=");
	buf_add_escaped(&b, value, "\"");
	if (quote)
		buf_add_str(&b, "\"");
	if (!b.cut)
		l->n += b.n;
}

void
log_str(struct log_line *l, const char *key, const char *value)
{
	log_span(l, key, span_of(value));
}

void
log_u64(struct log_line *l, const char *key, uint64_t value)
{
	char digits[20];
	struct buf b = buf_over(digits, sizeof(digits));

	buf_add_u64(&b, value, 1);
	log_span(l, key, buf_span(&b));
}

void
log_mailbox(struct log_line *l, const char *key, const struct mailbox *m)
{
	char text[smtp_mailbox_text_max_bytes + 2];
	size_t n = smtp_mailbox_text(m, text + 1);

	text[0] = '<';
	text[n + 1] = '>';
	log_span(l, key, span_from(text, n + 2));
}

static void
write_stderr(const struct log_line *l)
{
	char line[log_line_max_bytes + 32];
	struct timespec now;
	struct tm utc;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = snprintf(line, sizeof(line),
	    "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %.*s\n",
	    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	    utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000, (int)l->n, l->text);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == -1)
		return;		/* there is nobody left to tell */
}

void
log_end(struct log_line *l)
{
	static const int priority[] = { LOG_INFO, LOG_WARNING, LOG_ERR };

	if (target == LOG_TO_STDERR)
		write_stderr(l);
	else if (target == LOG_TO_SYSLOG)
		syslog(priority[l->level], "%.*s", (int)l->n, l->text);
}

void
log_error(const char *what, const char *path, int error)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "error");
	log_str(&l, "what", what);
	if (path != NULL)
		log_str(&l, "path", path);
	if (error != 0)
		log_str(&l, "why", strerror(error));
	log_end(&l);
}

void
fatal(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "smtpd: %s\n", text);
	if (target == LOG_TO_SYSLOG)
		log_error(text, NULL, 0);
	exit(1);
}

void
bug_at(const char *file, int line, const char *what)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "bug");
	log_str(&l, "file", file);
	log_u64(&l, "line", (uint64_t)line);
	log_str(&l, "what", what);
	log_end(&l);
	abort();
}
