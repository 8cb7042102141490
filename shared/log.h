/*
 * The log: one event a line, "event=name key=value ...", every value escaped
 * in one place.  Only the master logs.  smtpd(8) has the table of events and
 * their keys; tests compare it with the source and with logged lines.
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include "shared/smtp_syntax.h"

enum log_target {
	LOG_TO_STDERR,	/* with the time, for a person at a terminal */
	LOG_TO_SYSLOG,
	LOG_TO_FILE,	/* with the time; log_use_file sets the file */
	LOG_TO_NOBODY
};

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void	log_open(enum log_target target);
/* Flushes to the previous file and closes it; from now on lines go to fd. */
void	log_use_file(int fd);
/* The descriptor of the log file, or -1. */
int	log_file(void);
/*
 * Another process writes to the file, since this one must not wait for the
 * disk: hand() of struct outlet, and what became of those lines.
 */
void	log_hand(size_t (*hand)(struct span lines));
void	log_written(size_t n, bool failed);
/*
 * From now on lines gather until log_flush, which wake(arg), called at the
 * first, has to bring about; an error or a full buffer flushes at once.  wake
 * NULL: gathering ends.
 */
void	log_gather(void (*wake)(void *arg), void *arg);
/*
 * Writes what that does not block (at start and at the end, for up to a
 * second).  False: lines are left.
 */
bool	log_flush(void);
/* Lines lost since the start, because their reader was too slow. */
uint64_t log_lost(void);

/* Errors also go to alarm, as "event=... key=value", whatever the target. */
void	log_alarm(void (*alarm)(struct span line));

enum { log_line_max_bytes = 2048 };

/* A line being written; a key and value that do not fit are left out. */
struct log_line {
	enum log_level	level;
	size_t		n;
	char		text[log_line_max_bytes];
};

void	log_begin(struct log_line *l, enum log_level level, const char *event);
/*
 * Adds keys and values, as "file=%s sessions=%zu port?=%zu id=%.*s": strings
 * and spans, and size_t.  A key is left out where its text is empty; one with
 * "?", where its number is 0.
 */
void	log_add(struct log_line *l, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Writes the line, or keeps it for log_flush. */
void	log_end(struct log_line *l);
/* A whole line. */
void	log_put(enum log_level level, const char *event, const char *format,
	    ...) __attribute__((format(printf, 3, 4)));
/* m in < >, valid until the next call but one. */
const char *log_address(const struct mailbox *m);
/* One line: event=error what="..." path="..." why=strerror(error). */
void	log_error(const char *what, const char *path, int error);
/* One readable line on stderr and in the log; exit 1.  Start-up only. */
_Noreturn void	fatal(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
#define fatal_unless_memory(there_is) \
	((there_is) ? (void)0 : fatal("no memory to start with"))
/* A bug of smtpd: logs where it is, and aborts. */
_Noreturn void	bug_at(const char *file, int line, const char *what);
#define bug(what)	bug_at(__FILE__, __LINE__, (what))

#endif
