/*
 * Counting the users of a configuration.
 */
#include "server/conf/conf_epoch.h"

#include <stdlib.h>

struct conf_epoch *
conf_epoch_new(void)
{
	struct conf_epoch *e = calloc(1, sizeof(*e));

	return e == NULL ? NULL : conf_epoch_enter(e);
}

struct conf_epoch *
conf_epoch_enter(struct conf_epoch *e)
{
	e->users++;
	return e;
}

void
conf_epoch_leave(struct conf_epoch *e)
{
	if (--e->users > 0)
		return;
	conf_free(&e->conf);
	free(e);
}
