/*
 * Log lines.  What a client sent enters a line only as a validated type or
 * escaped (add_pair).  server/log/log_file.c chooses and opens the log file.
 */
#include "shared/log.h"

#include <errno.h>
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

/* Priority (syslog only), time and, for syslog, program. */
static void
add_head(struct buf *b, enum log_level level)
{
	static const int priority[] = { LOG_INFO, LOG_WARNING, LOG_ERR };
	const bool to_syslog = out.target == LOG_TO_SYSLOG;
	struct timespec now;
	struct tm tm = { 0 };
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	(to_syslog ? localtime_r : gmtime_r)(&now.tv_sec, &tm);
	strftime(text, sizeof(text), to_syslog ? "%b %e %H:%M:%S" :
	    "%Y-%m-%dT%H:%M:%S", &tm);
	if (to_syslog)
		buf_print(b, "<%d>%s smtpd[%d]: ", LOG_MAIL | priority[level],
		    text, (int)getpid());
	else
		buf_print(b, "%s.%03ldZ ", text, now.tv_nsec / 1000000);
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

static void
add_pair(struct log_line *l, struct span key, struct span value)
{
	struct buf b = buf_over(l->text + l->n, sizeof(l->text) - 2 - l->n);
	bool quote = false;

	/* A value is quoted where its end would not be clear. */
	for (size_t i = 0; i < value.n && !quote; i++)
		quote = strchr(" \"=\\", value.p[i]) != NULL ||
		    value.p[i] > 0x7e || value.p[i] < 0x20;
	if (l->n > 0)
		buf_add_str(&b, " ");
	buf_add(&b, key);
	buf_add_str(&b, quote ? "=\"" : "=");
	buf_add_escaped(&b, value, "\"");
	if (quote)
		buf_add_str(&b, "\"");
	if (!b.cut)
		l->n += b.n;
}

static void
add_pairs(struct log_line *l, const char *p, va_list ap)
{
	while (*p != '\0') {
		struct span key = span_from(p, strcspn(p, "?=")), value;
		char digits[24];
		int n;

		p += strcspn(p, "%") + 1;
		if (*p == '.') {
			n = va_arg(ap, int);
			value = span_from(va_arg(ap, const char *), (size_t)n);
		} else if (*p == 's') {
			value = span_of(va_arg(ap, const char *));
		} else {
			n = snprintf(digits, sizeof(digits), "%zu",
			    va_arg(ap, size_t));
			value = span_from(digits, (size_t)n);
			if (key.p[key.n] == '?' && digits[0] == '0')
				value.n = 0;
		}
		if (value.n > 0)
			add_pair(l, key, value);
		p += strcspn(p, " ");
		p += *p == ' ';
	}
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->level = level;
	l->n = 0;
	add_pair(l, span_of("event"), span_of(event));
}

void
log_add(struct log_line *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_pairs(l, format, ap);
	va_end(ap);
}

const char *
log_address(const struct mailbox *m)
{
	static char texts[2][smtp_mailbox_text_max_bytes + 2];
	static unsigned last;
	char *text = texts[last = !last];
	size_t n = smtp_mailbox_text(m, text + 1);

	text[0] = '<';
	text[n + 1] = '>';
	text[n + 2] = '\0';
	return text;
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
	va_list ap;

	log_begin(&l, level, event);
	va_start(ap, format);
	add_pairs(&l, format, ap);
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
