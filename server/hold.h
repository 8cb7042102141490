/*
 * Holding the master: from then on it opens nothing but its tree, and what
 * SIGHUP and SIGUSR1 have it open again.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include "server/master.h"

/*
 * Finds the directories of the certificates and keys of conf, while they can
 * be reached: root may have them for himself.
 */
void	hold_prepare(const struct conf *conf);
/*
 * root is open on the tree.  Fills m->sandbox; fatal when it cannot be and
 * the configuration does not say "sandbox optional".
 */
void	hold_master(struct master *m, int root);

#endif
