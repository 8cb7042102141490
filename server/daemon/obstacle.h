/*
 * What SIGHUP cannot bring: of a new configuration, what takes a restart.
 */
#ifndef SERVER_OBSTACLE_H
#define SERVER_OBSTACLE_H

#include <stdio.h>

#include "server/master.h"

/* Writes to said, a line each, why new cannot take the place of m->conf. */
bool	obstacle_tell(const struct master *m, const struct conf *new,
	    FILE *said);
/* Closes the listeners that have no line in m->conf any more. */
void	obstacle_drop_listeners(struct master *m);

#endif
