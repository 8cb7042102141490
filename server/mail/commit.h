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
