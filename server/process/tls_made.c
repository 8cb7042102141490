/*
 * A certificate for the catcher.  The key is in this process until the sign
 * process has it: it is for tests, and gone with the next start.
 */
#include "server/process/tls_made.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { made_days = 30 };

static bool
add_names(X509 *x509, const char *hostname)
{
	char names[smtp_domain_max_bytes + 80];
	X509_EXTENSION *extension;
	bool added;

	snprintf(names, sizeof(names),
	    "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", hostname);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
	    names);
	added = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool
fill_in(X509 *x509, EVP_PKEY *key, const char *hostname)
{
	X509_NAME *name = X509_get_subject_name(x509);

	return X509_set_version(x509, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_int64(X509_get_serialNumber(x509), 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x509), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x509),
	    made_days * 24L * 3600) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"smtpd catcher, for tests", -1, -1,
	    0) == 1 &&
	    X509_set_issuer_name(x509, name) == 1 &&
	    X509_set_pubkey(x509, key) == 1 && add_names(x509, hostname) &&
	    X509_sign(x509, key, EVP_sha256()) > 0;
}

/* What was written to bio, in memory of ours. */
static bool
take(BIO *bio, uint8_t **out, size_t *out_n)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	*out = n > 0 ? malloc((size_t)n) : NULL;
	if (*out == NULL)
		return false;
	memcpy(*out, p, (size_t)n);
	*out_n = (size_t)n;
	return true;
}

int
tls_made(const char *hostname, struct tls_files *out)
{
	struct tls_pair *pair = &out->pairs[0];
	BIO *certificate, *secret;
	EVP_PKEY *key;
	X509 *x509;
	bool made;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	key = EVP_EC_gen("P-256");
	x509 = X509_new();
	certificate = BIO_new(BIO_s_mem());
	secret = BIO_new(BIO_s_mem());
	made = key != NULL && x509 != NULL && certificate != NULL &&
	    secret != NULL && fill_in(x509, key, hostname) &&
	    PEM_write_bio_X509(certificate, x509) == 1 &&
	    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL,
	    NULL) == 1 &&
	    take(certificate, &pair->certificate, &pair->certificate_n) &&
	    take(secret, &pair->key, &pair->key_n);
	BIO_free(secret);
	BIO_free(certificate);
	X509_free(x509);
	EVP_PKEY_free(key);
	out->count = made ? 1 : 0;
	return made ? 0 : -1;
}
