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
#include <stdio.h>
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
	const bool rsa = EVP_PKEY_base_id(key) == EVP_PKEY_RSA;
	const int bits = EVP_PKEY_bits(key);

	if (!rsa && EVP_PKEY_base_id(key) != EVP_PKEY_EC)
		return TLS_FAULT_KIND;
	if (rsa && (bits < rsa_bits_min || bits > rsa_bits_max))
		return TLS_FAULT_BITS;
	if (!rsa && bits < ec_bits_min)
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

/* The first host name, or else the subject's common name; or NULL. */
static const ASN1_STRING *
name_of(X509 *x509, GENERAL_NAMES *names)
{
	const X509_NAME *subject = X509_get_subject_name(x509);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			return name->d.dNSName;
	}
	return X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject,
	    X509_NAME_get_index_by_NID(subject, NID_commonName, -1)));
}

/* For the log; text of the file is made printable ASCII. */
static void
read_facts(X509 *x509, struct ipc_judged *facts)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name,
	    NULL, NULL);
	const ASN1_STRING *name = name_of(x509, names);
	const ASN1_INTEGER *number = X509_get0_serialNumber(x509);

	for (int i = 0; name != NULL && i < ASN1_STRING_length(name) &&
	    i < ipc_tls_name_bytes - 1; i++) {
		char c = (char)ASN1_STRING_get0_data(name)[i];

		facts->name[i] = c >= 0x20 && c <= 0x7e ? c : '?';
	}
	for (size_t i = 0; i < (size_t)ASN1_STRING_length(number) &&
	    2 * i + 2 < sizeof(facts->serial); i++)
		snprintf(facts->serial + 2 * i, 3, "%02X",
		    ASN1_STRING_get0_data(number)[i]);
	facts->until_s = seconds_of(X509_get0_notAfter(x509));
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
