/*
 * What the master may reach: its root and, once it has entered its sandbox,
 * only that and what SIGHUP and SIGUSR1 make it open again; and log/sandbox
 * below the root, the proof that the sandbox holds.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include <sys/stat.h>

#include "server/master.h"

/*
 * Opens the root, created with mode 0700 if need be; any failure is fatal.  An
 * empty directory of root's is given to the user of the master; one with files,
 * or of a third user, is fatal.  A directory of that user keeps its mode.
 */
int	hold_open_root(const char *path, const struct users *u);
/*
 * May root give away the open directory dir?  Only when it is empty and root's:
 * a third user could go on changing the directory and the path to it.
 */
bool	hold_may_give(int dir, const struct stat *st);
/*
 * Opens the directories of the files of m->conf before root is given up, as
 * only root may be able to reach them.  Sets m->unsandboxed where this system
 * has no sandbox: fatal, unless it is optional in m->conf.
 */
void	hold_prepare(struct master *m);
/*
 * Enters the sandbox of the master, or is fatal; fills m->sandbox.  Warns in
 * the log of a root that others may enter, of what the sandbox of this system
 * lacks and of directories that SIGHUP cannot read.
 */
void	hold_master(struct master *m, int root);
/*
 * Has the sandbox been tried with this file of the program worker since the
 * machine was booted?  Under inetd there is no time for that before each
 * greeting.
 */
bool	hold_is_proved(int root, const char *worker);
/* It was: remembers that by "sandbox" in the directory log. */
void	hold_prove(int log);

#endif
