/*
 * The set of Maildirs a message goes to, with the aliases that led there, so
 * that neither is taken twice.  Looked up by hash: adding is of one cost
 * however many there are.
 */
#ifndef SERVER_RECIPIENT_SET_H
#define SERVER_RECIPIENT_SET_H

#include "server/recipient.h"

/* A Maildir or an alias the set has met, in the order of meeting. */
struct recipient_mark {
	const char	*domain;	/* borrowed from the configuration */
	const char	*name;		/* of a box, or of the configuration */
	uint32_t	 hash;
	bool		 is_alias;
};

/* Adds the Maildir of user, unless it is there. */
enum recipient_verdict recipient_set_add(struct recipient_set *set,
	    const char *domain, const char *user);
/* Notes an alias; *is_new is false when it was noted before, or on failure. */
enum recipient_verdict recipient_set_add_alias(struct recipient_set *set,
	    const char *domain, const char *name, bool *is_new);
/* Takes back all but the first count boxes and mark_count marks. */
void	recipient_set_cut(struct recipient_set *set, size_t count,
	    size_t mark_count);

#endif
