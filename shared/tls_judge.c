/*
 * Checks pairs of certificate and key, the same at start and at SIGHUP.  Opens
 * no file and knows no time, for the sign process calls it in its sandbox.
 */
#include "shared/tls_judge.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

enum {
	rsa_bits_min = 2048,
	rsa_bits_max = 4096,
	ec_bits_min = 224,	/* OpenSSL's security level 2 */
	hash_bits_min = 80	/* SHA-1 has fewer */
};

static enum tls_fault
judge_key(X509 *first, EVP_PKEY *key)
{
	const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;

	if (!rsa && EVP_PKEY_is_a(key, "EC") != 1)
		return TLS_FAULT_KIND;
	if (rsa && (EVP_PKEY_get_bits(key) < rsa_bits_min ||
	    EVP_PKEY_get_bits(key) > rsa_bits_max))
		return TLS_FAULT_BITS;
	if (!rsa && EVP_PKEY_get_bits(key) < ec_bits_min)
		return TLS_FAULT_CURVE;
	return X509_check_private_key(first, key) == 1 ? TLS_FAULT_NONE :
	    TLS_FAULT_MATCH;
}

/* Judges every certificate of the file.  *out: the first, or NULL. */
static enum tls_fault
judge_chain(BIO *in, X509 **out)
{
	unsigned long error;
	int bits;
	bool weak = false;
	X509 *x509;

	*out = NULL;
	while ((x509 = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		/* Clients do not check a self-signed one's signature. */
		weak = weak || (X509_get_signature_info(x509, NULL, NULL,
		    &bits, NULL) == 1 && bits < hash_bits_min &&
		    !(X509_get_extension_flags(x509) & EXFLAG_SS));
		if (*out == NULL)
			*out = x509;
		else
			X509_free(x509);
	}
	if (*out == NULL)
		return TLS_FAULT_CERTIFICATE;
	error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
	    ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return TLS_FAULT_CHAIN;
	return weak ? TLS_FAULT_HASH : TLS_FAULT_NONE;
}

/* Seconds since 1970, without the system's clock and time zone. */
static int64_t
seconds_of(const ASN1_TIME *t)
{
	ASN1_TIME *from = ASN1_TIME_new();
	int days = 0, seconds = 0;

	if (from == NULL ||
	    ASN1_TIME_set_string(from, "19700101000000Z") != 1 ||
	    ASN1_TIME_diff(&days, &seconds, from, t) != 1)
		days = seconds = 0;
	ASN1_TIME_free(from);
	return days * (int64_t)86400 + seconds;
}

/* Copies untrusted text as printable ASCII, for the log. */
static void
copy_text(const char *in, size_t n, char *out, size_t size)
{
	size_t i = 0;

	for (; i < n && i < size - 1; i++)
		out[i] = in[i] >= 0x20 && in[i] <= 0x7e ? in[i] : '?';
	out[i] = '\0';
}

static void
read_facts(X509 *x509, struct ipc_judged *facts)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name,
	    NULL, NULL);
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509),
	    NULL);
	char *hex = number == NULL ? NULL : BN_bn2hex(number);
	char common[ipc_tls_name_bytes] = "";
	const ASN1_STRING *host = NULL;

	for (int i = 0; host == NULL && i < sk_GENERAL_NAME_num(names); i++) {
		GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			host = name->d.dNSName;
	}
	X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName,
	    common, sizeof(common));
	if (host != NULL)
		copy_text((const char *)ASN1_STRING_get0_data(host),
		    (size_t)ASN1_STRING_length(host), facts->name,
		    sizeof(facts->name));
	else
		copy_text(common, strlen(common), facts->name,
		    sizeof(facts->name));
	if (hex != NULL)
		copy_text(hex, strlen(hex), facts->serial,
		    sizeof(facts->serial));
	facts->until_s = seconds_of(X509_get0_notAfter(x509));
	OPENSSL_free(hex);
	BN_free(number);
	GENERAL_NAMES_free(names);
}

void
tls_judge(struct span certificate, struct span key,
    struct ipc_judged *facts, EVP_PKEY **out)
{
	BIO *first = BIO_new_mem_buf(certificate.p, (int)certificate.n);
	BIO *second = BIO_new_mem_buf(key.p, (int)key.n);
	char no_password[] = "";
	X509 *x509;

	memset(facts, 0, sizeof(*facts));
	*out = NULL;
	ERR_clear_error();
	facts->fault = (uint16_t)judge_chain(first, &x509);
	if (x509 != NULL)
		read_facts(x509, facts);
	if (facts->fault == TLS_FAULT_NONE) {
		*out = PEM_read_bio_PrivateKey(second, NULL, NULL,
		    no_password);
		facts->fault = (uint16_t)(*out != NULL ?
		    judge_key(x509, *out) :
		    memmem(key.p, key.n, "ENCRYPTED", 9) != NULL ?
		    TLS_FAULT_PASSWORD : TLS_FAULT_KEY);
	}
	if (facts->fault != TLS_FAULT_NONE) {
		EVP_PKEY_free(*out);
		*out = NULL;
	}
	ERR_clear_error();
	X509_free(x509);
	BIO_free(second);
	BIO_free(first);
}
