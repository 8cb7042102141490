/*
 * Group commit: all messages that wait become durable with one fsync of
 * each directory, and only then is anyone told.
 */
#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

#include "server/master.h"

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/* The message of w waits for the disk; the answer goes out by itself. */
void	commit_add(struct worker *w);
/* Finishes what waits, now. */
void	commit_run(struct master *m);

#endif
