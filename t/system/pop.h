/*
 * A POP3 client under TLS, and Maildirs made by hand for it to find.
 */
#ifndef T_SYSTEM_POP_H
#define T_SYSTEM_POP_H

#include <stdbool.h>
#include <stddef.h>

#include "t/system/secure.h"

struct pop {
	struct secure	 s;
	size_t		 have;		/* octets read and not taken yet */
	size_t		 room;
	char		*in;
	char		 reply[600];	/* the last line of status */
	size_t		 n;
	char		*text;		/* the last lines, without stuffing */
};

enum { pop_gone = -1, pop_err, pop_ok };

/*
 * daemon_init, with alice and bob, whose password is "secret"; the world's
 * mail at d->port, POP3 from the first octet under TLS at pop_open's.
 */
void	pop_init(struct daemon *d, const char *limits);
/* pop_init and daemon_start. */
void	pop_serve(struct daemon *d, const char *limits);
/* Connects and takes the greeting; the test fails if there is none. */
void	pop_open(struct pop *p, const struct daemon *d);
/* The same, from that address (NULL: any); false if there is none. */
bool	pop_connect(struct pop *p, const struct daemon *d, const char *from);
/* Logs in; pop_say's answer of PASS. */
int	pop_login(struct pop *p, const char *user);
/* pop_open and pop_login; the test fails if that does. */
void	pop_enter(struct pop *p, const struct daemon *d, const char *user);
/* Sends a line without waiting; false if that fails. */
bool	pop_send(struct pop *p, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Waits for a line of status. */
int	pop_answer(struct pop *p);
/* Both. */
int	pop_say(struct pop *p, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* The same; the test fails on another answer than want. */
#define POP_EXPECT(p, want, ...) do {					\
	int got_ = pop_say((p), __VA_ARGS__);				\
	EXPECT(got_ == (want), "%s: %d, not %d: %s", (#__VA_ARGS__),	\
	    got_, (want), (p)->reply);					\
} while (0)
/* Reads lines until that of a dot, into text; false if there is no end. */
bool	pop_lines(struct pop *p);
/* pop_say, and after +OK pop_lines; the test fails if that does. */
int	pop_fetch(struct pop *p, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* The number and the octets that STAT says. */
void	pop_stat(struct pop *p, size_t *count, size_t *octets);
bool	pop_is_closed(struct pop *p);
/* QUIT, which has to be +OK. */
void	pop_quit(struct pop *p);
void	pop_drop(struct pop *p);

/* The user's Maildir is there, with new, cur and tmp; its path. */
const char *pop_box(const struct daemon *d, const char *user);
/* A file there, as the owner's: name is "cur/..." or "new/...". */
void	pop_put(const struct daemon *d, const char *user, const char *name,
	    const void *text, size_t n);
/* How many files new and cur of that user have. */
size_t	pop_files(const struct daemon *d, const char *user);

#endif
