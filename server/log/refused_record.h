/*
 * The file of a session that was refused something, a JSON object a line:
 * first the client and how the session ended, then the refused recipients,
 * then the transcript.  Texts are escaped, as in log_record.  Pure.
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
	uint64_t	ms;		/* the session lasted */
	struct span	why;		/* the session ended: "quit" */
	uint64_t	commands;
	uint64_t	errors;
	uint64_t	stored;		/* messages */
};

struct refused_said {
	uint64_t	ms;		/* since the session began */
	struct span	who;		/* "client", "server", "remark" */
	struct span	text;		/* controls escaped: "\\x07" */
};

/* Each adds a line with its LF. */
void	refused_head_write(const struct refused_head *h, struct buf *out);
void	refused_rcpts_write(struct span list, uint64_t count,
	    struct buf *out);
void	refused_said_write(const struct refused_said *s, struct buf *out);
/* Each reads a line without its LF; false: not exactly of this form. */
bool	refused_head_read(struct span line, struct refused_head *out);
bool	refused_rcpts_read(struct span line, struct span *list,
	    uint64_t *count);
bool	refused_said_read(struct span line, struct refused_said *out);

#endif
