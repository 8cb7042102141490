/*
 * The client's connection to the daemon under test: in plain text, and from
 * some point on under TLS. Whatever is sent and read goes through here.
 */
#ifndef T_DIALOG_PLAY_WIRE_H
#define T_DIALOG_PLAY_WIRE_H

#include <openssl/ssl.h>

#include <stddef.h>

struct wire {
	int fd;			/* -1: there is none */
	int patience_s;
	SSL_CTX *ctx;		/* NULL: plain text */
	SSL *ssl;
};

enum wire_got {
	WIRE_SOME,
	WIRE_NOTHING,		/* in time */
	WIRE_CLOSED,		/* under TLS with a close_notify */
	WIRE_CUT,		/* closed under TLS without one */
	WIRE_BROKEN		/* an alert, or octets that are no TLS */
};

/* Of a clock that never goes back. */
long long wire_now_ms(void);

/* What a message calls it. */
const char *wire_got_text(enum wire_got got);

/* Connects to 127.0.0.1, in plain text. Returns 0, or -1 and errno. */
int wire_connect(struct wire *w, int port, int patience_s);

/*
 * Reads once, waiting at most ms, at most room octets. A reset in plain text
 * is a close: the server may leave unread what a client sent behind the end
 * of its session.
 */
enum wire_got wire_read(struct wire *w, void *to, size_t room, long long ms,
    size_t *out);

/* Leaves out all that comes until something else than more does. */
enum wire_got wire_drain(struct wire *w);

/*
 * Writes all of it, in one segment if it is short. That the server has closed
 * already is for wire_read to find: it may have had a reason, and a reply
 * that gives it. Returns 0, or -1 with the reason in why.
 */
int wire_write(struct wire *w, const void *data, size_t len, char *why,
    size_t size);

/*
 * Begins TLS; only the certificate in the file trusted will do. Returns 0;
 * 1 if the server would not have it; -1 if it was not the server that ended
 * it, or if the server said nothing at all. Unless 0 it is plain text still,
 * and the reason is in why.
 */
int wire_begin_tls(struct wire *w, const char *trusted, char *why,
    size_t size);

/* Says close_notify under TLS, and closes. */
void wire_close(struct wire *w);

#endif
