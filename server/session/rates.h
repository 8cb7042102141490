/*
 * How much leaves, and from whom: mails and recipients elsewhere of a user, for
 * a stolen password is the first accident of every site; and how many unlike
 * clients come from one address that may send mail out without a login.
 */
#ifndef SERVER_RATES_H
#define SERVER_RATES_H

#include "server/session/session.h"

/* 0, or -1 without memory. */
int	rates_start(void);
/*
 * Charges the user of s, if there is one, for a recipient elsewhere.  Not
 * VERDICT_OK: the user has sent too much, which is logged once an hour.
 */
enum verdict rates_judge(struct session *s, const struct mailbox *to);
/*
 * s has begun a message, and needs no login to send it out.  One program on one
 * host looks like one client; where an address looks like many, a router or a
 * proxy hides strangers behind it, which is logged once an hour.
 */
void	rates_watch(const struct session *s, const struct ipc_mail *mail);
/* The last user held back, the last address in doubt, of this hour; or "". */
const char *rates_user(void);
const char *rates_address(void);

#endif
