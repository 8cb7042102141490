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
	struct conf_listen	 line;		/* adopted: options only */
};

struct listeners {
	struct listener		*one;
	size_t			 count;
	bool			 adopted;	/* sockets were passed to us */
	bool			 accepting;
};

enum { listen_backlog = 4096 };	/* the kernel may lower it */

/*
 * May l go without a socket on a host without IPv6?  True when l is an IPv6
 * address, and conf has a listen line for the same port with IPv4.
 */
bool	listen_may_lack(const struct conf *conf, const struct conf_listen *l);
/*
 * Can the address of l be bound on this host, on any port?  0, also where l
 * may lack its socket (listen_bind warns of that); or -1 and errno.
 */
int	listen_try(const struct conf *conf, const struct conf_listen *l);
/*
 * Binds every listen line of m->conf and fills m->listeners; logs a warning
 * for a line that lacks its socket because this host has no IPv6.  On failure
 * nothing stays bound: -1, errno, and *which is the line that failed.
 */
int	listen_bind(struct master *m, const struct conf_listen **which);
/*
 * Takes over count listening sockets in place of all listen lines of m->conf,
 * which this process never binds.  words: the options of each socket, in
 * addition to those in m->conf.  0, or -1 and errno.
 */
int	listen_adopt(struct master *m, const int *fds,
	    const struct conf_listen *words, size_t count);
/* accept_one (arg: m) accepts clients from now on; 0, or -1 without memory. */
int	listen_start(struct master *m, event_callback_fn accept_one);
/* Starts or stops accepting: off at shutdown, and without descriptors. */
void	listen_accept(struct master *m, bool want);
/* Closes the listener at index i; the last one moves to i. */
void	listen_close(struct master *m, size_t i);
/* Closes all listeners. */
void	listen_stop(struct master *m);
/*
 * For a socket that another program has bound: *out gets the options of the
 * listen lines for its port, and nothing else.
 */
void	listen_words(const struct conf *conf, int fd,
	    struct conf_listen *out);
/* The address and port a socket is bound to. */
bool	listen_address(int fd, struct address *out);

#endif
