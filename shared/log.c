/*
 * Log lines.  What a client sent enters a line only as a validated type or
 * escaped (log_span).  server/log/log_file.c chooses and opens the log file.
 */
#include "shared/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/os/os.h"
#include "shared/outlet.h"

enum {
	head_max_bytes = 100,	/* time and program of a line */
	line_max_bytes = log_line_max_bytes + head_max_bytes,
	/* How long a flush may block, at start and at the end. */
	patience_ms = 1000
};

static uint8_t pending[64 * 1024];

/* Where lines go. */
static struct {
	enum log_target	 target;
	void		 (*alarm)(struct span);
	void		 (*wake)(void *);
	void		*wake_arg;
	bool		 woken;		/* since the last log_flush */
	bool		 stuck;		/* the last flush left something */
	struct outlet	 to;
} out = { .target = LOG_TO_STDERR, .to = { .fd = STDERR_FILENO,
    .pending = pending, .max = sizeof(pending) } };

void
log_open(enum log_target to)
{
	out.target = to;
	if (to == LOG_TO_SYSLOG)
		os_syslog_open();
	if (to == LOG_TO_SYSLOG || to == LOG_TO_STDERR)
		outlet_open(&out.to, to == LOG_TO_SYSLOG ? outlet_syslog :
		    STDERR_FILENO, false);
}

void
log_use_file(int fd)
{
	log_flush();
	out.target = LOG_TO_FILE;
	outlet_open(&out.to, fd, true);
}

int
log_file(void)
{
	return out.target == LOG_TO_FILE ? out.to.fd : -1;
}

void
log_hand(size_t (*hand)(struct span lines))
{
	out.to.hand = hand;
	out.to.handed = 0;
}

void
log_written(size_t n, bool failed)
{
	outlet_written(&out.to, n, failed);
	/* A loss can be logged now; after a failure a timer tries again. */
	if (!failed && (out.to.n > out.to.handed || out.to.lost > 0))
		log_flush();
}

void
log_gather(void (*wake)(void *arg), void *arg)
{
	out.wake = wake;
	out.wake_arg = arg;
	if (wake == NULL)
		log_flush();
}

void
log_alarm(void (*alarm)(struct span line))
{
	out.alarm = alarm;
}

/* The time of a line, formatted once a second. */
static const char *
second_text(time_t now)
{
	static char text[32];
	static time_t made = -1;
	const bool local = out.target == LOG_TO_SYSLOG;
	struct tm tm = { 0 };

	if (now == made)
		return text;
	made = now;
	(local ? localtime_r : gmtime_r)(&now, &tm);
	strftime(text, sizeof(text), local ? "%b %e %H:%M:%S" :
	    "%Y-%m-%dT%H:%M:%S", &tm);
	return text;
}

/* Priority (syslog only), time and, for syslog, program. */
static void
add_head(struct buf *b, enum log_level level)
{
	static const int priority[] = { LOG_INFO, LOG_WARNING, LOG_ERR };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out.target == LOG_TO_SYSLOG)
		buf_print(b, "<%d>%s smtpd[%d]: ", LOG_MAIL | priority[level],
		    second_text(now.tv_sec), (int)getpid());
	else
		buf_print(b, "%s.%03ldZ ", second_text(now.tv_sec),
		    now.tv_nsec / 1000000);
}

bool
log_flush(void)
{
	int error = errno;
	uint64_t lost;

	out.woken = false;
	out.stuck = !outlet_flush(&out.to, out.wake == NULL && !out.stuck ?
	    patience_ms : 0);
	lost = outlet_take_lost(&out.to);
	if (lost > 0) {
		log_put(LOG_LEVEL_WARNING, "log-lost", "lines=%zu",
		    (size_t)lost);
		out.stuck = !outlet_flush(&out.to, 0);
	}
	errno = error;
	return !out.stuck;
}

uint64_t
log_lost(void)
{
	return out.to.lost_ever;
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->level = level;
	l->n = 0;
	log_str(l, "event", event);
}

void
log_span(struct log_line *l, const char *key, struct span value)
{
	struct buf b = buf_over(l->text + l->n, sizeof(l->text) - 2 - l->n);
	bool quote = value.n == 0;

	/* A value is quoted where its end would not be clear. */
	for (size_t i = 0; i < value.n && !quote; i++)
		quote = strchr(" \"=\\", value.p[i]) != NULL ||
		    value.p[i] > 0x7e || value.p[i] < 0x20;
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
	char digits[21];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	log_str(l, key, digits);
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

void
log_end(struct log_line *l)
{
	struct span text = span_from(l->text, l->n);
	uint8_t storage[line_max_bytes];
	struct buf b = buf_over(storage, sizeof(storage));

	if (l->level == LOG_LEVEL_ERROR && out.alarm != NULL)
		out.alarm(text);
	if (out.target == LOG_TO_NOBODY)
		return;
	if (out.to.max - out.to.n < line_max_bytes)
		log_flush();
	add_head(&b, l->level);
	buf_add(&b, text);
	buf_add_str(&b, "\n");
	outlet_add(&out.to, buf_span(&b));
	if (out.wake == NULL || l->level == LOG_LEVEL_ERROR)
		log_flush();
	if (out.wake != NULL && out.to.n > 0 && !out.woken) {
		out.woken = true;
		out.wake(out.wake_arg);
	}
}

void
log_put(enum log_level level, const char *event, const char *format, ...)
{
	struct log_line l;
	const char *text;
	char key[32];
	va_list ap;

	log_begin(&l, level, event);
	va_start(ap, format);
	for (const char *p = format; *p != '\0'; p += *p == ' ') {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(p, "="), p);
		p += strcspn(p, "%") + 1;
		if (*p != 's')
			log_u64(&l, key, va_arg(ap, size_t));
		else if (*(text = va_arg(ap, const char *)) != '\0')
			log_str(&l, key, text);
		p += strcspn(p, " ");
	}
	va_end(ap);
	log_end(&l);
}

void
log_error(const char *what, const char *path, int error)
{
	log_put(LOG_LEVEL_ERROR, "error", "what=%s path=%s why=%s", what,
	    path != NULL ? path : "", error != 0 ? strerror(error) : "");
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
	if (out.target == LOG_TO_SYSLOG || out.target == LOG_TO_FILE)
		log_error(text, NULL, 0);
	exit(1);
}

void
bug_at(const char *file, int line, const char *what)
{
	log_put(LOG_LEVEL_ERROR, "bug", "file=%s line=%zu what=%s", file,
	    (size_t)line, what);
	abort();
}
