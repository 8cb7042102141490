/*
 * The log: one event a line, "event=name key=value ...", every value escaped
 * in one place.  Only the master writes; where to is decided once.
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include "shared/smtp_syntax.h"

enum log_target {
	LOG_TO_STDERR,	/* with the time, for a person in front of it */
	LOG_TO_SYSLOG,
	LOG_TO_NOBODY
};

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void	log_open(enum log_target target);

enum { log_line_max_bytes = 2048 };

/* A line being written; what does not fit any more is left out. */
struct log_line {
	enum log_level	level;
	size_t		n;
	char		text[log_line_max_bytes];
};

void	log_begin(struct log_line *l, enum log_level level, const char *event);
void	log_span(struct log_line *l, const char *key, struct span value);
void	log_str(struct log_line *l, const char *key, const char *value);
void	log_u64(struct log_line *l, const char *key, uint64_t value);
void	log_mailbox(struct log_line *l, const char *key,
	    const struct mailbox *m);
/* Writes the line. */
void	log_end(struct log_line *l);

/* One line: event=error what="..." path="..." why=strerror(error). */
void	log_error(const char *what, const char *path, int error);
/* One readable line on stderr and in the log; exit 1.  Start-up only. */
_Noreturn void	fatal(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
/* Our own bug: says where, and aborts. */
_Noreturn void	bug_at(const char *file, int line, const char *what);
#define bug(what)	bug_at(__FILE__, __LINE__, (what))

#endif
