/*
 * Becoming nobody: two users, and never root again; and what the user that a
 * process has become may not reach.
 */
#ifndef SERVER_PRIVDROP_H
#define SERVER_PRIVDROP_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/conf/conf.h"

enum { identity_name_bytes = 40, identity_groups_max = 32 };

struct identity {
	uid_t	uid;
	gid_t	gid;
	gid_t	groups[identity_groups_max];	/* gid, and others */
	int	group_count;
	char	name[identity_name_bytes];	/* or the uid, in digits */
};

/* Who the processes are. */
struct users {
	bool		drop;		/* started as who may change it */
	struct identity	master;
	struct identity	worker;		/* in no group but its own */
};

/* Finds both by the configuration; fatal when one is missing or not fit. */
void	privdrop_find_users(const struct conf *conf, struct users *out);
/*
 * Changes to who, one of the two, for good: groups, gids, uids, and a try to
 * come back, which must fail; or stays who this process is where it cannot
 * change that.  No other right is left to it and what it executes.  0, or -1
 * and errno (EPERM: root could be had again).
 */
int	privdrop_become(const struct users *u, const struct identity *who);
/*
 * The user called name with the groups it is in, but not root's; false when
 * there is none, or it is root.
 */
bool	privdrop_find(const char *name, struct identity *out);
/* Who this process is. */
void	privdrop_own(struct identity *out);
/*
 * This process stays id, which is borrowed, and enters its sandbox: from now
 * on no name of a user or a group is looked up.
 */
void	privdrop_settle(const struct identity *id);
/*
 * The first directory on the way to path that this process may not search; or
 * NULL.  Until the next call.
 */
const char *privdrop_find_bar(const char *path);
/*
 * Whose path is, for people: "the directory /etc/ssl/private belongs to
 * root:root, mode 0700", names escaped; in numbers after privdrop_settle.
 */
void	privdrop_describe(const char *path, char *out, size_t room);
/*
 * Why this process was denied path (EACCES), for people, from "Permission
 * denied" to the remedy: the directory on the way that bars the user of this
 * process, or path itself, and whose it is; or the sandbox.  Until the next
 * call.
 */
const char *privdrop_denial(const char *path);

#endif
