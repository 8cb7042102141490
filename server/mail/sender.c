/*
 * Senders, by the tables of recipients: an address that a user receives mail
 * for is one that the user may send from, and no second table is needed.
 */
#include "server/mail/sender.h"

#include <string.h>

#include "server/mail/recipient.h"
#include "server/mail/recipient_set.h"

static bool
is_maildir_of(const struct recipient_mailbox *box, const char *user)
{
	size_t n = strlen(box->user);

	return strncmp(box->user, user, n) == 0 && user[n] == '@' &&
	    strcmp(box->domain, user + n + 1) == 0;
}

bool
sender_belongs(const struct conf *conf, const char *user,
    const struct mailbox *address)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason = { .path = NULL };
	bool belongs = false;

	if (recipient_expand(conf, address, &set, &reason) == VERDICT_OK)
		for (size_t i = 0; i < set.count && !belongs; i++)
			belongs = is_maildir_of(&set.boxes[i], user);
	recipient_set_clear(&set);
	return belongs;
}
