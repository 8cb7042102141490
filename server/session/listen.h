/*
 * Listening sockets.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "server/master.h"
#include "server/session/address.h"

struct listener {
	struct event		*acceptable;
	int			 fd;
	struct conf_listen	 line;		/* adopted: its words only */
};

struct listeners {
	struct listener		*one;
	size_t			 count;
	bool			 adopted;	/* not by listen lines */
	bool			 accepting;
};

enum { listen_backlog = 4096 };	/* the kernel's own limit cuts it */

/*
 * May l go without a socket on a host without IPv6?  True when it is one of
 * IPv6, and conf has another of its port, of IPv4.
 */
bool	listen_may_lack(const struct conf *conf, const struct conf_listen *l);
/*
 * May l be bound on this host, as far as its address tells?  0, also where it
 * may lack its socket and that is warned of at start; or -1 and errno.
 */
int	listen_try(const struct conf *conf, const struct conf_listen *l);
/*
 * Binds every listen of m->conf and fills m->listeners; one that may lack its
 * socket is warned of where this host has no IPv6.  On failure nothing stays
 * bound: -1, errno, *which the one that failed.
 */
int	listen_bind(struct master *m, const struct conf_listen **which);
/*
 * Takes over count sockets that listen already, in place of every listen of
 * m->conf; they are not bound again as long as we live.  words: what is true
 * of each, beside what m->conf says.  0, or -1 and errno.
 */
int	listen_adopt(struct master *m, const int *fds,
	    const struct conf_listen *words, size_t count);
/*
 * Clients are accepted by accept_one from now on (its arg is m); 0, or -1
 * without memory.
 */
int	listen_start(struct master *m, event_callback_fn accept_one);
/* Begins or stops to accept: not while stopping, nor without descriptors. */
void	listen_accept(struct master *m, bool want);
/* Closes the listener at i; the last one takes its place. */
void	listen_close(struct master *m, size_t i);
/* Closes all. */
void	listen_stop(struct master *m);
/*
 * A socket that somebody else has bound is what the listen lines for its port
 * say behind it: *out has these words, and nothing else.
 */
void	listen_words(const struct conf *conf, int fd,
	    struct conf_listen *out);
/* The address and port a socket is bound to. */
bool	listen_address(int fd, struct address *out);

#endif
