/*
 * Holding the master: from then on it opens nothing but its tree, and what
 * SIGHUP and SIGUSR1 have it open again.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include "server/master.h"

/*
 * Finds the directories of the certificates and keys of conf, while they can
 * be reached: root may have them for himself.  Fatal where this system has no
 * sandbox and the configuration does not say "sandbox optional".
 */
void	hold_prepare(const struct conf *conf);
/*
 * Since hold_prepare: no process is held, for this system has no sandbox and
 * the configuration lets smtpd start all the same.  Where there is one,
 * whatever fails of it is fatal.
 */
bool	hold_is_off(void);
/*
 * root is open on the tree.  Fills m->sandbox, and logs what the sandbox of
 * this system lacks, and the directories that SIGHUP cannot read in; fatal
 * when the sandbox cannot be entered.
 */
void	hold_master(struct master *m, int root);

#endif
