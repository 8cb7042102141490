/*
 * Admission: one place decides who gets in, who waits, who is sent away.
 * No octet of a client is read here.
 */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include "server/master.h"

/* Accepts what waits at a listener (libevent callback, arg a listener). */
void	admit_accept(evutil_socket_t fd, short what, void *listener);
/*
 * Begins the session of a client that somebody else has accepted, and who may
 * get in is somebody else's business too.  Takes over input, and output where
 * it is another descriptor (else -1).  0, or -1 without memory.
 */
int	admit_one(struct master *m, int input, int output,
	    const struct address *client);
/* Logs that a client is sent away; session NULL: it had none yet. */
void	admit_log_reject(const struct address *client, const char *session,
	    const char *why);
/* Begins or stops to accept: not while stopping, nor without descriptors. */
void	admit_update(struct master *m);
/*
 * When all are busy while somebody waits, who has the most sessions loses
 * one, if the other has fewer.
 */
void	admit_make_room(struct master *m);
/*
 * Once a second: who has waited too long for a worker is told so, and room is
 * made for the others.
 */
void	admit_tick(struct master *m);
/* Whose turn it is among those that wait for a worker; NULL: nobody waits. */
struct session *admit_next(const struct master *m);
/*
 * Sends a client away that waits without a worker: one line of ours with code
 * ("421 4.3.2") and why, which also goes to the log.  s is gone then.
 */
void	admit_turn_away(struct master *m, struct session *s, const char *code,
	    const char *why);
/* Sends everybody away who waits. */
void	admit_stop(struct master *m);

#endif
