/*
 * Connections to sites: one address after another, until a host greets; then
 * one message after another.
 */
#ifndef SERVER_LINK_H
#define SERVER_LINK_H

#include "server/mail/site.h"

/* Gives what waits for s to connections, as far as there may be any. */
void	link_serve(struct site *s);
/* Ends the connections that wait for another message. */
void	link_end_idle(void);

#endif
