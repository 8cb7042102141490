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
 * Opens the root, the only tree that the master may write; creates it with mode
 * 0700 if need be.  An empty directory of root's is given to the user of the
 * master; one with files, or of a third user, is fatal.  Mode, group and ACL of
 * a directory of the master's user stay unchanged.  Returns a descriptor; any
 * failure is fatal.
 */
int	hold_open_root(const char *path, const struct users *u);
/*
 * May root give away the open directory dir?  Only when it is empty and root's:
 * a third user could go on changing the directory and the path to it.
 */
bool	hold_may_give(int dir, const struct stat *st);
/*
 * Opens the directories of the certificates and keys of m->conf before root is
 * given up, as only root may be able to reach them.  Sets m->unsandboxed where
 * this system has no sandbox, which is fatal unless the configuration says
 * "sandbox optional"; where there is one, any failure of the sandbox is fatal.
 */
void	hold_prepare(struct master *m);
/*
 * Enters the sandbox of the master; root is the descriptor of its root.  Fills
 * m->sandbox, and warns in the log of a root that others may enter, of what the
 * sandbox of this system lacks and of directories that SIGHUP cannot read;
 * fatal when the sandbox cannot be entered.
 */
void	hold_master(struct master *m, int root);
/*
 * A proof that the sandbox holds is valid for one boot of this system, one file
 * of the worker program, and one version of smtpd.
 */
struct hold_proof {
	bool	held;		/* proved, and nothing has changed since */
	char	text[512];	/* of log/sandbox; "": no proof is possible */
};

/* Fills p for the program worker, by log/sandbox below root (a descriptor). */
void	hold_proof_read(struct hold_proof *p, int root, const char *worker);
/* Writes p to "sandbox" in the directory log, unless it is held. */
void	hold_proof_write(const struct hold_proof *p, int log);

#endif
