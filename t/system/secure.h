/*
 * The client's side of TLS, by OpenSSL alone and none of our code; and
 * certificates for tests.
 */
#ifndef T_SYSTEM_SECURE_H
#define T_SYSTEM_SECURE_H

#include <openssl/ssl.h>

#include "t/system/client.h"

struct secure {
	struct client	 c;		/* the connection below */
	SSL_CTX		*ctx;
	SSL		*ssl;
	size_t		 n;
	char		 in[8192];
	char		 reply[1024];	/* the last line of the last reply */
	char		 all[4096];	/* all lines of that reply */
};

struct secure_options {
	int		 version;	/* TLS1_2_VERSION, ...; 0: any */
	const char	*name;		/* asked for (SNI); or NULL */
	const char	*trusted;	/* certificate file; NULL: any */
	const char	*suites;	/* of TLS 1.2; or NULL */
};

/*
 * Writes NAME.pem and NAME.key below the test's directory: an RSA ("rsa") or
 * EC ("ec", or a curve) key, and its self-signed certificate for host.
 */
void	secure_make_pair(const char *name, const char *kind,
	    const char *host);
/* The same, valid for so many seconds from now on. */
void	secure_make_pair_for(const char *name, const char *kind,
	    const char *host, long seconds);
/* Lets the user of the master read path, through its group. */
void	secure_let_read(const char *path);
/* Adds a "tls" line for these two files of the test's directory. */
void	secure_add_pair(const struct daemon *d, const char *certificate,
	    const char *key);
/* daemon_init, and a "tls" line of mx.pem and mx.key for mx.example.org. */
void	secure_init(struct daemon *d, const char *limits, const char *kind);
/* The handshake on s->c; false if it fails.  o NULL: anything goes. */
bool	secure_start(struct secure *s, const struct secure_options *o);
/* Connects, EHLO, STARTTLS, handshake; the test fails if one of them does. */
void	secure_open(struct secure *s, const struct daemon *d,
	    const struct secure_options *o);
/* The same from that address, and a second EHLO. */
void	secure_open_from(struct secure *s, const struct daemon *d,
	    const char *from);
/* As client_reply, client_command and client_expect. */
int	secure_reply(struct secure *s);
int	secure_command(struct secure *s, const char *line);
void	secure_expect(struct secure *s, int code, const char *line);
/* Sends close_notify, and closes. */
void	secure_close(struct secure *s);
/* Closes without close_notify. */
void	secure_drop(struct secure *s);
/* The common name of the server's certificate. */
void	secure_peer_name(const struct secure *s, char *out, size_t size);

#endif
