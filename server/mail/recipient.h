/*
 * Who is this recipient?  Turns an address into the mailboxes it reaches, by
 * the tables of the configuration.  Reads no network and writes no file.
 */
#ifndef SERVER_RECIPIENT_H
#define SERVER_RECIPIENT_H

#include "server/conf/conf.h"
#include "server/log/decision.h"
#include "server/mail/recipient_set.h"

enum {
	recipient_alias_depth_max = 20,
	recipient_steps_max = 16	/* of one recipient, told */
};

/* What a local part is in a domain, its catch-all aside. */
enum recipient_kind {
	RECIPIENT_NOBODY,
	RECIPIENT_ALIAS,
	RECIPIENT_USER,
	RECIPIENT_POSTMASTER	/* not listed, and deliverable all the same */
};

struct recipient_match {
	enum recipient_kind		 kind;
	const struct conf_alias		*alias;
	const struct conf_user		*user;
};

/* What a target of an alias is. */
struct recipient_target {
	const struct conf_domain	*domain;	/* NULL: not ours */
	struct recipient_match		 match;
};

/*
 * Which line decided, for the log: file and line of the matching rule; and
 * every line on the way from there, as many as there is room for.
 */
struct recipient_reason {
	const char		*path;		/* borrowed; NULL: built in */
	unsigned		 line;		/* 0 with it */
	size_t			 step_count;
	uint64_t		 more;		/* steps left out */
	struct decision_step	 steps[recipient_steps_max];
};

/*
 * Finds local in d: alias, user, either without its subaddress, postmaster.
 * As a target of the alias within (or NULL) its own name is the user's.
 */
struct recipient_match recipient_find(const struct conf_domain *d,
	    struct span local, const struct conf_alias *within);
/*
 * Numbers what conf names, and looks every target of its aliases up: once a
 * configuration, by recipient_load, not for each message.  0, or -1 and errno.
 */
int	recipient_index(struct conf *conf);
/*
 * Adds to set what rcpt reaches: alias, user, either without its subaddress,
 * postmaster, catch-all, in this order.  A mailbox that set holds already is
 * not added again.  On any verdict but VERDICT_OK set is as it was.  Until set
 * is cleared it is of this conf alone.
 */
enum verdict recipient_expand(const struct conf *conf,
	    const struct mailbox *rcpt, struct recipient_set *set,
	    struct recipient_reason *reason);
/* Told what is found on the way, one call each, as it is found. */
struct recipient_watch {
	void	(*see)(void *arg, const struct decision_step *step);
	void	*arg;
};

/* recipient_expand, which watch is told about step by step. */
enum verdict recipient_explain(const struct conf *conf,
	    const struct mailbox *rcpt, struct recipient_set *set,
	    struct recipient_reason *reason,
	    const struct recipient_watch *watch);

#endif
