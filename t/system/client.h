/*
 * An SMTP client, and the messages it sends: the number of a message decides
 * its text, so that each can be checked wherever it turns up.
 */
#ifndef T_SYSTEM_CLIENT_H
#define T_SYSTEM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "t/system/daemon.h"

struct client {
	int	fd;
	size_t	n;		/* octets read and not taken yet */
	char	in[4096];
	char	reply[1024];	/* the last line of the last reply */
};

/* False if there is no connection; from: the client's address. */
bool	client_connect(struct client *c, const struct daemon *d,
	    const char *from);
/* Connects and takes the greeting; fails the test if it is not 220. */
void	client_open(struct client *c, const struct daemon *d,
	    const char *from);
/* Sends octets; false if that fails. */
bool	client_send(struct client *c, const char *p, size_t n);
/* Waits for a whole reply; returns its code, or 0 if there is none. */
int	client_reply(struct client *c);
/* Sends a line, to which CRLF is added, and waits for the reply. */
int	client_command(struct client *c, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* The same; the test fails if the reply has another code. */
void	client_expect(struct client *c, int code, const char *line);
/* EHLO, MAIL, RCPT to each of rcpts (NULL ends), DATA up to the 354. */
int	client_begin(struct client *c, const char *const rcpts[]);
/* A whole message; the code of the first reply that is an error, or 250. */
int	client_mail(struct client *c, unsigned number, size_t size,
	    const char *const rcpts[]);
/* Connects, sends one message to user, quits; returns the code. */
int	client_deliver(const struct daemon *d, const char *from,
	    unsigned number, size_t size, const char *user);
/* Connections from there get 421, and are closed. */
void	client_expect_refused(const struct daemon *d, const char *from);
/*
 * The lying worker does what each line says, and is killed for it each time:
 * one more worker-attack is logged, and the client is dropped.
 */
void	client_expect_attacks(const struct daemon *d,
	    const char *const lines[], size_t count);
/* True if the other side closes, or has closed, the connection. */
bool	client_is_closed(struct client *c);
void	client_close(struct client *c);

/* The text of a message, at least size octets; malloc(3). */
char	*mail_text(unsigned number, size_t size, const char *eol);
/*
 * Copies of message number in the mailbox of user@example.org.  Every file in
 * it must be a whole message, or the test fails.
 */
size_t	mail_copies(const struct daemon *d, const char *user,
	    unsigned number);
/* Files in all mailboxes, each checked as above; none may be in tmp. */
size_t	mail_total(const struct daemon *d);
/* Files in spool/incoming. */
size_t	mail_incoming(const struct daemon *d);
/* Waits until none is left: a refused file is removed after the reply. */
bool	mail_none_incoming(const struct daemon *d);

#endif
