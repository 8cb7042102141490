/*
 * Which addresses are a user's?  A client that has logged in may send from
 * every address whose mail reaches the user's own Maildir, by its name, an
 * alias or a catch-all.
 */
#ifndef SERVER_SENDER_H
#define SERVER_SENDER_H

#include "server/conf/conf.h"

/* user: an account, "alice@example.org".  Without memory to find out: false. */
bool	sender_belongs(const struct conf *conf, const char *user,
	    const struct mailbox *address);

#endif
