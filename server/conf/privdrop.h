/* Dropping privileges for good, and why a user may not access a path. */
#ifndef SERVER_PRIVDROP_H
#define SERVER_PRIVDROP_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/conf/conf.h"

enum { identity_name_bytes = 40, identity_groups_max = 32 };

struct identity {
	uid_t	uid;
	gid_t	gid;
	gid_t	groups[identity_groups_max];	/* supplementary, with gid */
	int	group_count;
	char	name[identity_name_bytes];	/* or the uid, in digits */
};

/* The users that the processes become. */
struct users {
	bool		drop;		/* this process may change its user */
	struct identity	master;
	struct identity	worker;		/* in no group but its own */
};

/* Finds both users of conf; fatal when one is missing or not fit. */
void	privdrop_find_users(const struct conf *conf, struct users *out);
/*
 * Becomes who, one of the two, for good, which is tried, or stays where that
 * cannot be; drops every capability.  0, or -1 and errno (EPERM: root is back).
 */
int	privdrop_become(const struct users *u, const struct identity *who);
/* Finds the user called name and its groups; false: none, or of root's. */
bool	privdrop_find(const char *name, struct identity *out);
/* The effective user and group of this process; groups stay as they are. */
void	privdrop_own(struct identity *out);
/* In a sandbox, as id (borrowed), no name of a user or group is looked up. */
void	privdrop_settle(const struct identity *id);
/* The first directory towards path that is barred; valid until called again. */
const char *privdrop_find_bar(const char *path);
/* Writes "the directory /etc/ssl/private belongs to root:root, mode 0700". */
void	privdrop_describe(const char *path, char *out, size_t room);
/* Why path was denied (EACCES), with the remedy; valid until called again. */
const char *privdrop_denial(const char *path);

#endif
