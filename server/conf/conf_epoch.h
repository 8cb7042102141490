/*
 * One configuration, kept as long as somebody goes by it: its recipients
 * point into the tables.
 */
#ifndef SERVER_CONF_EPOCH_H
#define SERVER_CONF_EPOCH_H

#include "server/conf/conf.h"

struct conf_epoch {
	struct conf	conf;
	uint64_t	users;	/* sessions; the master, of today's */
};

/* A new one, of one user; NULL without memory.  conf is to be filled. */
struct conf_epoch *conf_epoch_new(void);
/* One user more; e. */
struct conf_epoch *conf_epoch_enter(struct conf_epoch *e);
/* One user less; the last one frees e and what its conf owns. */
void	conf_epoch_leave(struct conf_epoch *e);

#endif
