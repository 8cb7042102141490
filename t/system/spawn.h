/*
 * Starts smtpd with descriptors and an environment that the test chooses, as
 * super-servers do.
 */
#ifndef T_SYSTEM_SPAWN_H
#define T_SYSTEM_SPAWN_H

#include "t/system/client.h"

struct spawn {
	const struct daemon	*d;
	const char		*options;	/* "-i"; NULL: none */
	int			 fds[3];	/* -1: closed */
	int			 listeners[8];	/* from descriptor 3 on */
	int			 listener_count; /* LISTEN_FDS; 0: not set */
	const char		*env[4];	/* NAME=VALUE; NULL ends */
	const char		*user;		/* as this user, who may change
						   it; NULL: as we are */
};

/* Starts smtpd; closes none of the descriptors. */
pid_t	spawn(const struct spawn *s);
/* Waits for the end of pid: the exit status, or -1 for anything else. */
int	spawn_wait(pid_t pid);
/* A TCP connection; ends[0] is the client's, with the address from. */
void	spawn_tcp(int ends[2], const char *from);
/* A socket that listens on any free port of an IPv4 or IPv6 address. */
int	spawn_listener(const char *address, int *port);
/* "smtpd -id" with a connection as descriptors 0 and 1, and d's log as 2. */
pid_t	spawn_inetd(const struct daemon *d, struct client *c);
/* Reads fd until its end, adds a NUL, and closes fd. */
char	*spawn_read_all(int fd, char *out, size_t size);

#endif
