/*
 * Where a due message goes: from the queue to its sites.
 */
#ifndef SERVER_WAY_H
#define SERVER_WAY_H

#include "server/mail/attempt.h"

/*
 * Begins an attempt, which is q->work until it ends, perhaps at once.  False
 * without memory.
 */
bool	way_begin(struct master *m, struct queued *q);
/*
 * a is to end: what waits, for a name server or a connection, waits no more,
 * and what is sent now is the last.
 */
void	way_forget(struct attempt *a);

#endif
