/*
 * The log: one event a line, "event=name key=value ...", every value escaped
 * in one place.  Only the master writes; where to is decided once.  Which
 * events there are, with their keys, is a table in smtpd(8); tests compare it
 * with the source and with what is written.
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include "shared/smtp_syntax.h"

enum log_target {
	LOG_TO_STDERR,	/* with the time, for a person in front of it */
	LOG_TO_SYSLOG,
	LOG_TO_FILE,	/* with the time; log_use_file says which */
	LOG_TO_NOBODY
};

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void	log_open(enum log_target target);
/*
 * Writes to fd, opened for appending, from now on, and closes the file that
 * was used before; what was gathered goes to that one first.
 */
void	log_use_file(int fd);
/* That file; -1: there is none. */
int	log_file(void);
/*
 * Another process writes to the file (outlet_hand, outlet_written), for this
 * one would wait for the disk.
 */
void	log_hand(size_t (*hand)(struct span lines));
void	log_written(size_t n, bool failed);
/*
 * From now on lines gather until log_flush, which wake(arg) has to see to:
 * called when there is the first one.  An error is written at once, with
 * all that stands before it; so is everything when there is no more room.
 * NULL: no longer.
 */
void	log_gather(void (*wake)(void *arg), void *arg);
/*
 * Writes what has gathered, as far as it is taken without waiting (at start
 * and at the end, within a second).  False: some of it waits, and a later
 * call is to try again.
 */
bool	log_flush(void);
/* Lines that were lost, ever, since nobody took them. */
uint64_t log_lost(void);

/* Errors go to alarm, too, as "event=... key=value", wherever the log is. */
void	log_alarm(void (*alarm)(struct span line));

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
/* Writes the line, or lets it wait for log_flush. */
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
