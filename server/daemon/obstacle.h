/*
 * What SIGHUP cannot change: the parts of a configuration that take a restart.
 */
#ifndef SERVER_OBSTACLE_H
#define SERVER_OBSTACLE_H

#include <stdio.h>

#include "server/master.h"

/* Why new cannot replace m->conf, a line each, to said; false: it can. */
bool	obstacle_tell(const struct master *m, const struct conf *new,
	    FILE *said);
/* Closes the listeners that have no line in m->conf any more. */
void	obstacle_drop_listeners(struct master *m);

#endif
