/*
 * What the master may reach: its root, the only tree it may write, and what
 * SIGHUP and SIGUSR1 make it open again; and log/sandbox, the proof that the
 * sandbox holds.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include <sys/stat.h>

#include "server/master.h"

/*
 * Opens the root, created with mode 0700 if need be, or given by root to the
 * user of the master.  Any failure is fatal, also a directory of another user.
 */
int	hold_open_root(const char *path, const struct users *u);
/*
 * May root give away the open directory dir?  Only when it is empty and root's:
 * a third user could go on changing the directory and the path to it.
 */
bool	hold_may_give(int dir, const struct stat *st);
/*
 * Opens the directories of the files of m->conf, while this is root.  Sets
 * m->unsandboxed where the system has no sandbox: fatal, unless it is optional.
 */
void	hold_prepare(struct master *m);
/* Enters the master's sandbox, or is fatal; fills m->sandbox; logs warnings. */
void	hold_master(struct master *m, int root);
/*
 * Has the sandbox been tried with this file worker since the machine was
 * booted?  Under inetd there is no time for that before each greeting.
 */
bool	hold_is_proved(int root, const char *worker);
/* It was: remembers that by "sandbox" in the directory log. */
void	hold_prove(int log);

#endif
