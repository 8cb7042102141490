/*
 * The proof that the sandbox holds: when a self-test of the nursery passed,
 * log/sandbox below the root says for what it did.
 */
#ifndef SERVER_PROOF_H
#define SERVER_PROOF_H

#include <stdbool.h>

/*
 * What a proof is good for: this boot of this system, and this very file of
 * the worker program, with this version of ours.
 */
struct proof {
	bool	held;		/* it was proved, nothing has changed since */
	char	text[512];	/* what is written; "": cannot be told */
};

/* Reads what is there below root (a descriptor), for the program worker. */
void	proof_read(struct proof *p, int root, const char *worker);
/* Writes p into the directory log, where it was not held yet. */
void	proof_write(const struct proof *p, int log);

#endif
