/*
 * One SMTP connection of a client, with or without TLS 1.3.  Whatever is not
 * as it should be ends the process, with a line that says what.
 */
#ifndef T_BENCH_TALK_H
#define T_BENCH_TALK_H

#include <netinet/in.h>

#include <openssl/ssl.h>

enum { talk_patience_s = 60 };

struct line {
	int	 fd;
	SSL	*tls;		/* NULL: not, or not yet */
};

/* Before anything else, once. */
void	talk_init(void);
/* From that loopback address to the port of 127.0.0.1. */
struct line talk_open(in_addr_t from, int port);
/* A handshake in full. */
void	talk_begin_tls(struct line *l);
/* Reads a reply, whose code is this one. */
void	talk_expect(const struct line *l, const char *code, const char *after);
/* Says text, and expects code. */
void	talk_say(const struct line *l, const char *text, const char *code);
/* Opened, and EHLO is answered: under TLS or not. */
struct line talk_greet(in_addr_t from, int port, int tls);
/* Takes leave of TLS, and waits until the server has closed. */
void	talk_leave(struct line *l);
/* Whether NOOP is answered. */
int	talk_still_serves(const struct line *l);
void	talk_end(struct line *l);

#endif
