/*
 * Delivery of messages from the spool into Maildirs.  Small ones share a turn
 * of the loop and its fsync of each directory; one for many Maildirs goes in
 * pieces, a part of the time, beside all others.  A message is answered only
 * when all of it is durable.
 */
#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

#include <stdint.h>

struct delivery;
struct master;
struct message;

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/*
 * Delivers t, whose file is complete, and then calls t->done.  It takes all of
 * t over, but t stays where it is until then, and has t->delivery.  0; or -1
 * and errno without memory.
 */
int	commit_add(struct message *t);
/* Removes what Maildirs have of the message, and calls nobody. */
void	commit_forget(struct delivery *d);
/* At the end: delivers what takes one turn, and removes all else again. */
void	commit_finish(struct master *m);

#endif
