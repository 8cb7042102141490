/*
 * Holding the master: from then on it opens nothing but its tree, and what
 * SIGHUP and SIGUSR1 have it open again.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include "server/master.h"

/*
 * Finds the directories of the certificates and keys of m->conf, while they
 * can be reached: root may have them for himself.  Sets m->unsandboxed where
 * this system has no sandbox, which is fatal unless the configuration says
 * "sandbox optional"; where there is one, whatever fails of it is fatal.
 */
void	hold_prepare(struct master *m);
/*
 * root is open on the tree.  Fills m->sandbox, and logs what the sandbox of
 * this system lacks, and the directories that SIGHUP cannot read in; fatal
 * when the sandbox cannot be entered.
 */
void	hold_master(struct master *m, int root);

#endif
