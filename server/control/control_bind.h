/*
 * Making the control socket, before the sandbox is entered: the socket of a
 * dead master is removed, and no other user can reach the new one.
 */
#ifndef SERVER_CONTROL_BIND_H
#define SERVER_CONTROL_BIND_H

#include "server/conf/conf.h"
#include "server/conf/privdrop.h"

/*
 * The name below root of a socket there; NULL: the socket is elsewhere.  The
 * master's user makes one below root, the user that starts smtpd any other.
 */
const char *control_name_inside(const struct conf *conf);
/*
 * Binds path, absolute or below the working directory, and listens; only
 * owner (NULL: this user) and root can connect.  A socket where no process
 * listens any more is removed first; with take_over, any socket.  Returns a
 * non-blocking descriptor; or -1, and *why in words for fatal().
 */
int	control_bind(const char *path, const struct identity *owner,
	    bool take_over, const char **why);

#endif
