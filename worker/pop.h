/*
 * POP3 (RFC 1939): the mailbox of a session, and its commands, which are run as
 * those of SMTP are (smtp.h).
 */
#ifndef WORKER_POP_H
#define WORKER_POP_H

#include "worker/smtp.h"

enum pop_mark {
	POP_DELETED = 1,	/* by DELE: QUIT removes it */
	POP_FETCHED = 2,
	POP_GONE = 4		/* another program has removed it */
};

/* One of perhaps 100,000: small. */
struct pop_message {
	uint64_t	key;		/* its order: of pop_key() */
	uint64_t	size;		/* with CRLF; or pop_size_unknown */
	uint32_t	row;		/* in the list, from 1 */
	uint32_t	marks;		/* of enum pop_mark */
};
#define pop_size_unknown	UINT64_MAX

/* In order of arrival; zero, but for list, is empty. */
struct pop_box {
	int			 list;	/* of struct ipc_row; or -1 */
	struct pop_message	*one;
	size_t			 count;
};

/* ---- pop_box.c ---------------------------------------------------------- */

/* Reads so many rows of list, which it then owns.  False: no memory, or EIO. */
bool	pop_box_load(struct pop_box *box, int list, size_t rows);
/* Frees what box has. */
void	pop_box_clear(struct pop_box *box);
/*
 * Gives each message the row that it has in the newer list of new, by its name
 * without flags, or marks it as gone; then box has that list, and new nothing.
 */
void	pop_box_renew(struct pop_box *box, struct pop_box *new);
/* The unique id (RFC 1939 7) of m: the same in each session, for ever. */
void	pop_box_uidl(const struct pop_box *box, const struct pop_message *m,
	    char out[pop_uidl_max_bytes + 1]);

/* ---- names of files in a Maildir, for pop_box.c and tests ---------------- */

/* The name without its flags: what stands before ":". */
struct span	pop_base(struct span name);
/* A number that grows with the time that the name begins with. */
uint64_t	pop_key(struct span name);
/* The size that ,W= in the name says, or pop_size_unknown. */
uint64_t	pop_size(struct span name);

/* ---- text --------------------------------------------------------------- */

/* Text that is read piece by piece; zero, but for last, is its beginning. */
struct pop_text {
	uint8_t		last;		/* octet; '\n' at first */
	bool		in_body;
	size_t		column;		/* octets of the line */
	uint64_t	lines;		/* of the body, so far */
};

/* How much of s stands before the line of the body with that number, from 0. */
size_t	pop_text_cut(struct pop_text *t, struct span s, uint64_t lines);
/* Octets of s with CRLF for LF; *last: the octet before s, then its own. */
uint64_t pop_text_size(struct span s, uint8_t *last);

#endif
