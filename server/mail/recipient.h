/*
 * Finds the mailboxes that an address reaches, by the tables of the
 * configuration.  Reads no network and writes no file.
 */
#ifndef SERVER_RECIPIENT_H
#define SERVER_RECIPIENT_H

#include "server/log/decision.h"
#include "shared/ipc.h"

enum {
	recipient_alias_depth_max = 20,
	recipient_steps_max = 16,	/* logged, of one recipient */
	recipient_mailboxes_max = 10000, /* of one message, after aliases */
	recipient_file_name_max_bytes = 200,
	recipient_log_max_bytes = 16 * 1024
};

/* What a local part is in a domain, its catch-all aside. */
enum recipient_kind {
	RECIPIENT_NOBODY,
	RECIPIENT_ALIAS,
	RECIPIENT_USER,
	RECIPIENT_POSTMASTER	/* not listed, and deliverable all the same */
};

/* What an address leads to, before aliases are followed; all is borrowed. */
struct destination {
	enum recipient_kind		 kind;
	const struct conf_domain	*domain;	/* NULL: not ours */
	const struct conf_entry		*entry;		/* NULL: nobody */
};

/*
 * A Maildir: mail/DOMAIN/USER below the root.  Both are safe file names; an
 * empty domain is the catcher's, whose Maildirs are USER in its directory.
 */
struct recipient_mailbox {
	const char	*domain;	/* of the configuration: borrowed */
	char		*user;		/* the same; a catcher's is its own */
	bool		 needed;	/* if it fails, the message does */
};

/*
 * The Maildirs that a message goes to, and the aliases that led there, each
 * once: it has a mark in the configuration, and a bit in met.  Zero is empty.
 */
struct recipient_set {
	struct recipient_mailbox	*boxes;
	size_t				 count;
	uint32_t			*marks;	/* of boxes, aliases followed */
	size_t				 mark_count;
	uint64_t			*met;	/* a bit for each mark */
};

/* The rule that decided, and the rules on the way from there. */
struct recipient_reason {
	const char		*path;		/* borrowed; NULL: built in */
	unsigned		 line;		/* 0 with it */
	size_t			 step_count;
	uint64_t		 more;		/* steps left out */
	struct decision_step	 steps[recipient_steps_max];
};

/*
 * Finds local in d: alias, user, either without its subaddress, postmaster.  In
 * a target of the alias within (or NULL) its own name means the user.
 */
struct destination recipient_find(const struct conf_domain *d,
	    struct span local, const struct conf_entry *within);
/* Finds m, which is in the domain home if m has none. */
struct destination recipient_find_target(const struct conf *conf,
	    const struct conf_domain *home, const struct mailbox *m,
	    const struct conf_entry *within);
/* Called for each step as it is found. */
struct recipient_watch {
	void	(*see)(void *arg, const struct decision_step *step);
	void	*arg;
};

/*
 * Adds the mailboxes that rcpt reaches to set: alias, user, either without its
 * subaddress, postmaster, catch-all, in this order.  A mailbox that set has
 * already is not added again.  On any verdict but VERDICT_OK set is unchanged.
 * Until set is cleared, it is only for this conf.  watch may be NULL.
 */
enum verdict recipient_expand(const struct conf *conf,
	    const struct mailbox *rcpt, struct recipient_set *set,
	    struct recipient_reason *reason,
	    const struct recipient_watch *watch);
/*
 * Is rcpt, of a client that relay_line lets send mail out, in a domain that is
 * not ours?  Then reason has the steps of its way, and nothing refuses it.
 */
bool	recipient_leaves(const struct conf *conf, const struct mailbox *rcpt,
	    unsigned relay_line, struct recipient_reason *reason,
	    const struct recipient_watch *watch);
/*
 * Does the mail of address reach the own Maildir of user ("alice@example.org")?
 * Who receives mail for an address may send from it.  Without memory: false.
 */
bool	recipient_is_of(const struct conf *conf, const char *user,
	    const struct mailbox *address);
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

/* Decisions on a client's recipients, as the message log has them. */
struct recipient_log {
	struct buf	 text;	/* "{...},{...}" */
	uint64_t	 count;	/* all of them; text has those that fit */
};

/*
 * Adds the recipient with its verdict ("ok", or why not) and the steps of
 * reason.  One that does not fit, or that lacks memory, is only counted.
 */
void	recipient_log_add(struct recipient_log *l, const struct mailbox *to,
	    const char *verdict, const struct recipient_reason *reason);
void	recipient_log_clear(struct recipient_log *l);
/* Writes those of to that fit: "\"alice@example.org\",..." */
void	recipient_log_mailboxes(const struct recipient_set *to,
	    struct buf *out);

/*
 * conf_load, and an alias or catch-all that reaches nobody, is in a loop or
 * begins too long a chain is noted as broken, which is no mistake.  0; or -1
 * after every mistake was written to err.  *out can be freed in either case.
 */
int	recipient_load(const char *path, struct conf *out, FILE *err);

#endif
