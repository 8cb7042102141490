/*
 * What the master may reach: its root, and once it has entered its sandbox
 * nothing but that and what SIGHUP and SIGUSR1 have it open again; and the
 * proof that a sandbox holds, log/sandbox below the root.
 */
#ifndef SERVER_HOLD_H
#define SERVER_HOLD_H

#include <sys/stat.h>

#include "server/master.h"

/*
 * Opens the one tree that the master may write, made first if need be, mode
 * 0700.  An empty directory of root is given to the master's user; one with
 * files, and one of anybody else, is left alone.  Mode, group and ACL of a
 * directory that is ours stay as a person set them.  Its descriptor; fatal
 * when it cannot be.
 */
int	hold_open_root(const char *path, const struct users *u);
/*
 * May root give the open directory dir away?  Not with files, and not what is
 * a third user's, who could go on changing it, and the way to it.
 */
bool	hold_may_give(int dir, const struct stat *st);
/* Logs it when others than the owner of root may enter or write there. */
void	hold_warn_of_root(const char *path, int root);

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
/*
 * What a proof is good for: this boot of this system, and this very file of
 * the worker program, with this version of ours.
 */
struct hold_proof {
	bool	held;		/* it was proved, nothing has changed since */
	char	text[512];	/* what is written; "": not known here */
};

/* Reads what is there below root (a descriptor), for the program worker. */
void	hold_proof_read(struct hold_proof *p, int root, const char *worker);
/* Writes p into the directory log, where it was not held yet. */
void	hold_proof_write(const struct hold_proof *p, int log);

#endif
