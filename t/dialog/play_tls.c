/*
 * Makes a certificate as an administrator would by "openssl req -x509".
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "t/dialog/play_tls.h"

enum { before_s = 3600, after_s = 86400 };

static int
add_name(X509 *x509, const char *host)
{
	X509_EXTENSION *names;
	char text[128];
	int rc;

	snprintf(text, sizeof(text), "DNS:%s", host);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	rc = names == NULL || X509_add_ext(x509, names, -1) != 1 ? -1 : 0;
	X509_EXTENSION_free(names);
	return rc;
}

static int
fill_in(X509 *x509, EVP_PKEY *key, const char *host)
{
	X509_NAME *name;

	name = X509_get_subject_name(x509);
	if (X509_set_version(x509, 2) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x509), -before_s) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(x509), after_s) == NULL ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x509, name) != 1 ||
	    X509_set_pubkey(x509, key) != 1 || add_name(x509, host) == -1)
		return -1;
	return X509_sign(x509, key, EVP_sha256()) > 0 ? 0 : -1;
}

static int
write_certificate(const char *path, X509 *x509)
{
	FILE *file;
	int rc;

	if ((file = fopen(path, "we")) == NULL)
		return -1;
	rc = PEM_write_X509(file, x509) == 1 ? 0 : -1;
	return fclose(file) == EOF ? -1 : rc;
}

static int
write_key(const char *path, EVP_PKEY *key)
{
	FILE *file;
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	if (fchmod(fd, 0640) == -1 || (file = fdopen(fd, "w")) == NULL) {
		close(fd);
		return -1;
	}
	rc = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 ?
	    0 : -1;
	return fclose(file) == EOF ? -1 : rc;
}

EVP_PKEY *
tls_make_ec_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
	    NID_X9_62_prime256v1) == 1)
		(void)EVP_PKEY_keygen(ctx, &key);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int
tls_make_pair(const char *certificate, const char *key, const char *host)
{
	EVP_PKEY *pkey;
	X509 *x509;
	int rc;

	pkey = tls_make_ec_key();
	x509 = X509_new();
	rc = -1;
	if (pkey != NULL && x509 != NULL && fill_in(x509, pkey, host) == 0 &&
	    write_certificate(certificate, x509) == 0)
		rc = write_key(key, pkey);
	X509_free(x509);
	EVP_PKEY_free(pkey);
	return rc;
}
