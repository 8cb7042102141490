/*
 * Whose the root directory is.
 */
#ifndef SERVER_ROOT_H
#define SERVER_ROOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "server/conf/privdrop.h"

/*
 * Opens the one tree that the master may write, made first if need be, mode
 * 0700.  An empty directory of root is given to the master's user; one with
 * files, and one of anybody else, is left alone.  Mode, group and ACL of a
 * directory that is ours stay as a person set them.  Its descriptor; fatal
 * when it cannot be.
 */
int	root_open(const char *path, const struct users *u);
/*
 * May root give the open directory dir away?  Not with files, and not what is
 * a third user's, who could go on changing it, and the way to it.
 */
bool	root_may_give(int dir, const struct stat *st);
/* Logs it when others than the owner of root may enter or write there. */
void	root_warn(const char *path, int root);

#endif
