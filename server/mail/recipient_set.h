/*
 * The set of Maildirs that a message goes to, and of the aliases that led
 * there, so that each is taken once.  Each has a bit by its number in the
 * configuration: ten thousand of them take a few microseconds.
 */
#ifndef SERVER_RECIPIENT_SET_H
#define SERVER_RECIPIENT_SET_H

#include "server/conf/conf.h"
#include "shared/ipc_msg.h"

enum {
	recipient_mailboxes_max = 10000, /* of one message, after aliases */
	recipient_file_name_max_bytes = 200
};

/*
 * A Maildir: mail/DOMAIN/USER below the root.  Both are safe file names; an
 * empty domain is the catcher's, whose Maildirs are USER in its directory.
 */
struct recipient_mailbox {
	const char	*domain;	/* of the configuration: borrowed */
	const char	*user;		/* the same; in a catcher: own */
	char		*own;		/* NULL but in a catcher */
	bool		 needed;	/* if it fails, the message does */
};

/*
 * Zero is valid and empty.  A Maildir or an alias has a number (mark) in the
 * configuration, and a bit in met if the set has it.
 */
struct recipient_set {
	struct recipient_mailbox	*boxes;
	size_t				 count;
	uint32_t			*marks;	/* of boxes, aliases followed */
	size_t				 mark_count;
	uint64_t			*met;	/* a bit for each mark */
};

/*
 * These add to a set what it lacks.  On a verdict but VERDICT_OK the caller has
 * to cut the set again.
 *
 * The Maildir with this mark in conf; domain and user are borrowed.
 */
enum verdict recipient_set_add(struct recipient_set *set,
	    const struct conf *conf, uint32_t mark, const char *domain,
	    const char *user);
/* An alias; *is_new is false when it was noted before, or on failure. */
enum verdict recipient_set_note(struct recipient_set *set,
	    const struct conf *conf, uint32_t mark, bool *is_new);
/* The Maildir name of a catcher. */
enum verdict recipient_set_add_name(struct recipient_set *set,
	    const char *name);
/* Removes all but the first count boxes and mark_count marks. */
void	recipient_set_cut(struct recipient_set *set, size_t count,
	    size_t mark_count);

void	recipient_set_clear(struct recipient_set *set);
/*
 * Writes name as a file name of at most 200 octets and a NUL into out (201):
 * ASCII letters in lower case; a leading "." and every octet but letters,
 * digits and ".-_+=~@" and those of printable UTF-8 as %XX; a longer name is
 * cut and ends with "~" and a hash of the whole.  No result is "", "." or ".."
 * or holds "/" or a control character.
 */
void	recipient_file_name(struct span name,
	    char out[recipient_file_name_max_bytes + 1]);

#endif
