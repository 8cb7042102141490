/*
 * Messages of clients in the SASL mechanisms PLAIN (RFC 4616), LOGIN
 * (draft-murchison-sasl-login) and CRAM-MD5 (RFC 2195), base64 decoded.
 */
#ifndef SHARED_SASL_H
#define SHARED_SASL_H

#include "shared/span.h"

enum {
	sasl_line_max_bytes = 12288,	/* RFC 4954 4, CRLF included */
	sasl_name_max_bytes = 255,	/* RFC 4616 2 */
	sasl_password_max_bytes = 255,
	sasl_digest_bytes = 32		/* HMAC-MD5 in hexadecimal */
};

/* CRAM-MD5 is for tests: only the catcher offers it. */
enum sasl_mechanism {
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_CRAM_MD5,
	SASL_MECHANISM_COUNT
};
extern const char *const sasl_names[SASL_MECHANISM_COUNT];

/* The one challenge of CRAM-MD5: the catcher has nobody to keep out. */
#define SASL_CHALLENGE "<catcher@smtpd>"

/* Spans borrow from the message. */
struct sasl_login {
	struct span	name;
	struct span	as;	/* authzid; empty: as name */
	struct span	password;
};

/* The mechanism of that name (ASCII folded), or SASL_MECHANISM_COUNT. */
enum sasl_mechanism sasl_find(struct span name);
/*
 * PLAIN: [authzid] NUL authcid NUL passwd.  CRAM-MD5: authcid SP digest, which
 * is out->password.  False: malformed, or not sasl_is_valid.
 */
bool	sasl_parse(enum sasl_mechanism m, struct span message,
	    struct sasl_login *out);
/* A name or a password: 1 to max octets of UTF-8 (1*SAFE), no NUL. */
bool	sasl_is_safe(struct span s, size_t max);
/* All parts are that, but as may be empty. */
bool	sasl_is_valid(const struct sasl_login *l);

#endif
