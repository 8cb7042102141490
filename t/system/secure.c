/*
 * A TLS client, as little as the tests need.
 */
#include "t/system/secure.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"

static void
write_pair(const char *name, EVP_PKEY *key, X509 *x509)
{
	FILE *f = fopen(harness_path("%s.pem", name), "we");

	EXPECT(f != NULL && PEM_write_X509(f, x509) == 1, "%s.pem", name);
	fclose(f);
	f = fopen(harness_path("%s.key", name), "we");
	EXPECT(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
	    NULL) == 1, "%s.key", name);
	fclose(f);
	chmod(harness_path("%s.key", name), 0600);
}

void
secure_let_read(const char *path)
{
	const struct passwd *user = getpwnam("nobody");

	if (geteuid() != 0) {
		EXPECT(chmod(path, 0600) == 0, "%s: %s", path,
		    strerror(errno));
		return;
	}
	EXPECT(user != NULL && chown(path, 0, user->pw_gid) == 0 &&
	    chmod(path, 0640) == 0, "%s: %s", path, strerror(errno));
}

void
secure_make_pair(const char *name, const char *kind, const char *host)
{
	secure_make_pair_for(name, kind, host, 86400);
}

void
secure_make_pair_for(const char *name, const char *kind, const char *host,
    long seconds)
{
	EVP_PKEY *key = strcmp(kind, "rsa") == 0 ? EVP_RSA_gen(2048) :
	    EVP_EC_gen(strcmp(kind, "ec") == 0 ? "P-256" : kind);
	X509 *x509 = X509_new();
	X509_NAME *subject;
	X509_EXTENSION *names;
	char text[128];

	EXPECT(key != NULL && x509 != NULL, "no key");
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), seconds);
	subject = X509_get_subject_name(x509);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(x509, subject);
	X509_set_pubkey(x509, key);
	snprintf(text, sizeof(text), "DNS:%s", host);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	X509_add_ext(x509, names, -1);
	X509_EXTENSION_free(names);
	EXPECT(X509_sign(x509, key, EVP_sha256()) > 0, "no signature");
	write_pair(name, key, x509);
	X509_free(x509);
	EVP_PKEY_free(key);
}

void
secure_add_pair(const struct daemon *d, const char *certificate,
    const char *key)
{
	daemon_add_conf(d, "tls certificate %s key %s\n",
	    harness_path("%s", certificate), harness_path("%s", key));
}

void
secure_init(struct daemon *d, const char *limits, const char *kind)
{
	secure_make_pair("mx", kind, "mx.example.org");
	secure_let_read(harness_path("mx.key"));
	daemon_init(d, limits, NULL);
	secure_add_pair(d, "mx.pem", "mx.key");
}

bool
secure_start(struct secure *s, const struct secure_options *options)
{
	static const struct secure_options any = { 0 };
	const struct secure_options *o = options == NULL ? &any : options;
	struct timeval patience = { harness_patience_ms / 1000, 0 };
	char name[256];

	s->n = 0;
	s->ctx = SSL_CTX_new(TLS_client_method());
	EXPECT(s->ctx != NULL, "SSL_CTX_new");
	if (o->version != 0) {
		SSL_CTX_set_security_level(s->ctx, 0);
		SSL_CTX_set_min_proto_version(s->ctx, o->version);
		SSL_CTX_set_max_proto_version(s->ctx, o->version);
	}
	if (o->suites != NULL)
		SSL_CTX_set_cipher_list(s->ctx, o->suites);
	if (o->trusted != NULL) {
		SSL_CTX_load_verify_file(s->ctx, o->trusted);
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
	}
	s->ssl = SSL_new(s->ctx);
	EXPECT(s->ssl != NULL, "SSL_new");
	if (o->name != NULL) {
		snprintf(name, sizeof(name), "%s", o->name);
		SSL_set_tlsext_host_name(s->ssl, name);
	}
	setsockopt(s->c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	SSL_set_fd(s->ssl, s->c.fd);
	return SSL_connect(s->ssl) == 1;
}

static void
open_secure(struct secure *s, const struct daemon *d, const char *from,
    const struct secure_options *o)
{
	memset(s, 0, sizeof(*s));
	client_open(&s->c, d, from);
	client_expect(&s->c, 250, "EHLO before.example");
	client_expect(&s->c, 220, "STARTTLS");
	EXPECT(secure_start(s, o), "no handshake");
}

void
secure_open(struct secure *s, const struct daemon *d,
    const struct secure_options *o)
{
	open_secure(s, d, NULL, o);
}

void
secure_open_from(struct secure *s, const struct daemon *d, const char *from)
{
	open_secure(s, d, from, NULL);
	secure_expect(s, 250, "EHLO a.example");
}

static bool
take_line(struct secure *s, char *lf)
{
	size_t n = (size_t)(lf - s->in) + 1, used = strlen(s->all);

	snprintf(s->reply, sizeof(s->reply), "%.*s", (int)n - 1, s->in);
	s->reply[strcspn(s->reply, "\r")] = '\0';
	snprintf(s->all + used, sizeof(s->all) - used, "%s\n", s->reply);
	memmove(s->in, s->in + n, s->n - n);
	s->n -= n;
	return strlen(s->reply) < 4 || s->reply[3] != '-';
}

int
secure_reply(struct secure *s)
{
	s->all[0] = '\0';
	for (;;) {
		char *lf = memchr(s->in, '\n', s->n);
		int n;

		if (lf != NULL && take_line(s, lf))
			return atoi(s->reply);
		if (lf != NULL)
			continue;
		n = SSL_read(s->ssl, s->in + s->n,
		    (int)(sizeof(s->in) - s->n));
		if (n <= 0)
			return 0;
		s->n += (size_t)n;
	}
}

int
secure_command(struct secure *s, const char *line)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s\r\n", line);

	if (SSL_write(s->ssl, text, n) != n)
		return 0;
	return secure_reply(s);
}

void
secure_expect(struct secure *s, int code, const char *line)
{
	int got = secure_command(s, line);

	EXPECT(got == code, "%s: %d, not %d: %s", line, got, code, s->reply);
}

static void
forget(struct secure *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	s->ssl = NULL;
	s->ctx = NULL;
	client_close(&s->c);
}

void
secure_close(struct secure *s)
{
	if (s->ssl != NULL)
		SSL_shutdown(s->ssl);
	forget(s);
}

void
secure_drop(struct secure *s)
{
	if (s->ssl != NULL)
		SSL_set_quiet_shutdown(s->ssl, 1);
	forget(s);
}

void
secure_peer_name(const struct secure *s, char *out, size_t size)
{
	X509 *x509 = SSL_get1_peer_certificate(s->ssl);

	EXPECT(x509 != NULL && X509_NAME_get_text_by_NID(
	    X509_get_subject_name(x509), NID_commonName, out,
	    (int)size) > 0, "no name");
	X509_free(x509);
}
