/*
 * "keep-refused": sessions in which something was refused, kept for some
 * hours below log/refused, a file each, so that smtpctl explain can show
 * what was said.  Bounded in size and number, and one network cannot push
 * all others out.
 */
#ifndef SERVER_REFUSED_H
#define SERVER_REFUSED_H

#include <event2/event.h>

#include "server/conf/conf.h"
#include "server/log/refused_record.h"
#include "shared/ipc_msg.h"

/* What was said, the recipients, and what else is known. */
enum { refused_file_max_bytes = (40 + 16 + 1) * 1024 + 128 };

/* What gathers of one session; NULL: nothing yet. */
struct refused_text;

/*
 * Opens the directory below log, and removes what is older than conf allows,
 * then and each minute.  late: not before a session ends.  0, or -1 and errno.
 */
int	refused_init(struct event_base *base, const struct conf *conf, int log,
	    bool late);
/* A line of a transcript; false: more than an honest worker sends. */
bool	refused_said(struct refused_text **of, const struct ipc_trace *t);
/*
 * The session ends, and this of it is in its file, if anything was said (facts
 * without began); NULL: it gets none.  *of is freed.
 */
void	refused_end(struct refused_text **of, const struct refused_head *facts,
	    struct span rcpts, uint64_t rcpt_count);

#endif
