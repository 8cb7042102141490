/*
 * Whose address is this?  Who logged in may send from every address whose
 * mail reaches his own Maildir, by its name, an alias or a catch-all.
 */
#ifndef SERVER_SENDER_H
#define SERVER_SENDER_H

#include "server/conf/conf.h"

/*
 * user: an account, "alice@example.org".  False too without memory to find
 * out.
 */
bool	sender_belongs(const struct conf *conf, const char *user,
	    const struct mailbox *address);

#endif
