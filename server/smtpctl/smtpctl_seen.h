/*
 * The messages that smtpctl await has looked at already, so that each file
 * is read once, however often its directory is.
 */
#ifndef SERVER_SMTPCTL_SEEN_H
#define SERVER_SMTPCTL_SEEN_H

#include <stdbool.h>
#include <stddef.h>

/* Zero is valid and empty. */
struct smtpctl_seen {
	char	**slots;	/* names owned; NULL: free */
	size_t	  slot_count;	/* power of two */
	size_t	  count;
};

bool	smtpctl_seen_has(const struct smtpctl_seen *s, const char *name);
/* Adds name, which is not in s yet.  0, or -1 when there is no memory. */
int	smtpctl_seen_add(struct smtpctl_seen *s, const char *name);

#endif
