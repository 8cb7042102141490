/*
 * Who the processes become, and whose the root directory is.
 */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include <sys/stat.h>

#include "server/conf/conf.h"
#include "server/conf/privdrop.h"

struct users {
	bool		drop;		/* started as who may change it */
	struct identity	master;
	struct identity	worker;		/* in no group but its own */
};

/* Finds both by the configuration; fatal when one is missing or not fit. */
void	users_find(const struct conf *conf, struct users *out);
/*
 * Becomes who, one of the two, or stays who this process is where it cannot
 * change that; no other right is left.  0, or -1 and errno.
 */
int	users_become(const struct users *u, const struct identity *who);
/*
 * Opens the one tree that the master may write, made first if need be, mode
 * 0700.  An empty directory of root is given to the master's user; one with
 * files, and one of anybody else, is left alone.  Mode, group and ACL of a
 * directory that is ours stay as a person set them.  Its descriptor; fatal
 * when it cannot be.
 */
int	users_open_root(const char *path, const struct users *u);
/*
 * May root give the open directory dir away?  Not with files, and not what is
 * a third user's, who could go on changing it, and the way to it.
 */
bool	users_may_give(int dir, const struct stat *st);
/* Logs it when others than the owner of root may enter or write there. */
void	users_warn_of_root(const char *path, int root);

#endif
