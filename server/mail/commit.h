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
 * Makes the Maildirs of large aliases in the epoch of m, in pieces, while no
 * message is delivered in pieces.
 */
void	commit_make_ahead(struct master *m);
/*
 * Delivers t, whose file is complete, and then calls t->record and t->settled;
 * t stays where it is and unchanged until then.  NULL and errno without memory.
 */
struct delivery *commit_add(struct message *t);
/*
 * Ends d, which calls nobody any more.  What Maildirs have of the message
 * is removed: for that d takes it over, and leaves the owner's empty.
 */
void	commit_forget(struct delivery *d);
/* At the end: delivers what takes one turn, and removes all else again. */
void	commit_finish(struct master *m);

#endif
