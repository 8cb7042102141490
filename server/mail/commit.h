/* When messages are delivered: many in one turn, or one in pieces. */
#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

#include <stdint.h>

struct delivery;
struct master;
struct message;

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/*
 * Takes over t, whose file is complete, delivers it, and calls t->done; until
 * then t, with t->delivery, stays where it is.  0; or -1 and errno.
 */
int	commit_add(struct message *t);
/* Removes what Maildirs have of the message, and calls nobody. */
void	commit_forget(struct delivery *d);
/* At the end: delivers what takes one turn, and removes all else again. */
void	commit_finish(struct master *m);

#endif
