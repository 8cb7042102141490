/* Listening sockets, and how many descriptors the master needs. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "server/master.h"
#include "server/session/address.h"

struct listener {
	struct event		*acceptable;
	int			 fd;
	struct conf_listen	 line;		/* adopted: words only */
};

struct listeners {
	struct listener		*one;
	size_t			 count;
	unsigned		 words;		/* of any of them, at start */
	bool			 adopted;	/* sockets were passed to us */
};

enum { listen_backlog = 4096 };	/* the kernel may lower it */

/* Can l be bound, on any port?  0, also where only warned; or -1, errno. */
int	listen_try(const struct conf *conf, const struct conf_listen *l);
/*
 * Binds every listen line of m->conf and fills m->listeners, or fatal(); only
 * warns where this host has no IPv6, and the port is served by IPv4.
 */
void	listen_bind(struct master *m);
/*
 * Takes over count listening sockets, with these words and those of m->conf, in
 * place of all listen lines, or fatal().
 */
void	listen_adopt(struct master *m, const int *fds, const unsigned *words,
	    size_t count);
/* accept_one (arg: m) accepts clients from now on, or fatal(). */
void	listen_start(struct master *m, event_callback_fn accept_one);
/* Starts or stops accepting: off at shutdown, and without descriptors. */
void	listen_accept(struct master *m, bool want);
/* Closes the listener at index i; the last one moves to i. */
void	listen_close(struct master *m, size_t i);
/* Closes all listeners. */
void	listen_stop(struct master *m);
/* The words of all lines for the port of fd, which another program bound. */
unsigned listen_words(const struct conf *conf, int fd);
/* The address and port a socket is bound to. */
bool	listen_address(int fd, struct address *out);

/* How many clients may wait without a worker; each costs a descriptor. */
uint64_t listen_waiting_max(const struct conf *conf);
/* How many descriptors the master needs. */
uint64_t listen_descriptors(const struct conf *conf);
/* May this process have as many? */
bool	listen_has_descriptors(const struct conf *conf);
/* Raises RLIMIT_NOFILE to that, before privileges are dropped, or fatal(). */
void	listen_raise_descriptors(const struct conf *conf);

#endif
