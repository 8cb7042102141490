/*
 * A session that was refused something, as it is kept: a JSON object a line,
 * first who and how it ended, then the recipients that were refused, then
 * what was said.  Texts are as log_record has them, escaped.  Pure.
 */
#ifndef SERVER_REFUSED_RECORD_H
#define SERVER_REFUSED_RECORD_H

#include "server/log/log_record.h"

enum { refused_line_bytes = 32 * 1024 };

struct refused_head {
	struct span	session;
	struct span	client;
	uint64_t	port;
	struct span	began;		/* "2026-11-24T00:16:26Z" */
	uint64_t	ms;		/* how long it lasted */
	struct span	why;		/* it ended: "quit" */
	uint64_t	commands;
	uint64_t	errors;
	uint64_t	stored;		/* messages */
};

struct refused_said {
	uint64_t	ms;		/* since the session began */
	struct span	who;		/* "client", "server", "remark" */
	struct span	text;		/* no control in it: "\\x07" */
};

/* Each adds a line with its LF. */
void	refused_head_write(const struct refused_head *h, struct buf *out);
void	refused_rcpts_write(struct span list, uint64_t count,
	    struct buf *out);
void	refused_said_write(const struct refused_said *s, struct buf *out);
/* Each reads a line without its LF; false: it is not exactly such a one. */
bool	refused_head_read(struct span line, struct refused_head *out);
bool	refused_rcpts_read(struct span line, struct span *list,
	    uint64_t *count);
bool	refused_said_read(struct span line, struct refused_said *out);

#endif
