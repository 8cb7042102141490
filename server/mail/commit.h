/* When messages are delivered: many in one turn, or one in pieces. */
#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

struct master;
struct message;

/* 0, or -1 and errno. */
int	commit_init(struct master *m);
/* Delivers t, whose files are complete, and ends it. */
void	commit_add(struct message *t);
/* Removes what Maildirs have of t, ends it, and tells nobody. */
void	commit_forget(struct message *t);
/* At the end: delivers what takes one turn, and removes all else again. */
void	commit_finish(struct master *m);

#endif
