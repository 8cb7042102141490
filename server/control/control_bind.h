/*
 * Making the control socket, before the sandbox: no socket of a dead master
 * in the way, and in nobody else's reach.
 */
#ifndef SERVER_CONTROL_BIND_H
#define SERVER_CONTROL_BIND_H

#include "server/conf/conf.h"
#include "server/conf/privdrop.h"

/*
 * The name below root of a socket that stands there, or NULL: then it stands
 * elsewhere.  That in root the master's user makes, any other one who starts
 * smtpd.
 */
const char *control_name_inside(const struct conf *conf);
/*
 * Binds path, absolute or below the working directory, and listens; only
 * owner (NULL: this user) and root can connect.  A socket that nobody
 * listens at any more is removed first; with take_over one that somebody does,
 * too.  The descriptor, which does not block; or -1, and *why in words for
 * fatal().
 */
int	control_bind(const char *path, const struct identity *owner,
	    bool take_over, const char **why);

#endif
