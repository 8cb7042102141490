/*
 * A step of a dry run in the words of a person.
 */
#ifndef SERVER_SMTPCTL_STEP_H
#define SERVER_SMTPCTL_STEP_H

#include <stdbool.h>

#include "server/conf/decision.h"

enum { smtpctl_step_bytes = 1600 };

extern const char *const smtpctl_step_words[STEP_COUNT];

/* Does this step, by itself, keep the mail from being taken? */
bool	smtpctl_step_refuses(enum decision_kind step);
/*
 * Writes what the step says; root is where the Maildirs are, client where
 * the client is.  Nothing that acts on a terminal is left in it.
 */
void	smtpctl_step_text(const struct decision_step *t, const char *root,
	    const char *client, char out[smtpctl_step_bytes]);
/* The same for an address: "alice@example.org". */
void	smtpctl_step_address(const struct mailbox *m, char *out, size_t room);

#endif
