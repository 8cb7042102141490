/*
 * How much leaves, and from whom: mails and recipients elsewhere of a user, for
 * a stolen password is the first accident of every site; and how many unlike
 * clients come from one address that may send mail out without a login.
 */
#ifndef SERVER_RATES_H
#define SERVER_RATES_H

#include "server/session/address.h"
#include "shared/ipc_msg.h"

enum {
	rates_names_max = 20,		/* of an address, in the window */
	rates_window_us = 10 * 60 * 1000 * 1000
};

struct rates;

/* NULL and errno when there is no memory; to be freed by free(3). */
struct rates *rates_new(void);
/*
 * Counts one recipient elsewhere of user, and with is_first one mail.
 * VERDICT_OK; VERDICT_MAILS_HOUR or VERDICT_RCPTS_DAY, with nothing counted;
 * *tell: that is to be logged now.  A limit is a burst that refills evenly.
 */
enum verdict rates_charge(struct rates *r, const char *user, bool is_first,
	    const struct conf_limits *l, int64_t now_us, bool *tell);
/*
 * Notes what a client of an address that needs no login says: its HELO name,
 * and its sender unless that is one of ours (n 0).  NULL; or what is to be
 * logged now, for so many came within the window.
 */
const char *rates_watch(struct rates *r, const struct address *client,
	    struct span helo, struct span sender, int64_t now_us);

struct session;

/*
 * The same for s, which has begun a message and needs no login to send it out.
 * One program on one host looks like one client; where an address looks like
 * many, a router or a proxy hides strangers behind it.
 */
void	rates_watch_session(struct session *s, const struct ipc_mail *mail);
/*
 * Charges the user of s, if there is one, for a recipient elsewhere.  Not
 * VERDICT_OK: the user has sent too much, which is logged once an hour.
 */
enum verdict rates_judge(struct session *s, const struct mailbox *to);

/* The last user held back, and the last address in doubt, of this hour. */
struct rates_figures {
	char	user[login_name_max_bytes];	/* "": none */
	char	address[address_text_bytes];	/* the same */
};
void	rates_look(const struct rates *r, int64_t now_us,
	    struct rates_figures *out);

#endif
