/*
 * Reading and judging pairs of certificate and key.  The only place of this
 * program that knows OpenSSL; what it makes of a key stays in a child.
 */
#include "server/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/conf_text.h"

enum { rsa_bits_min = 2048, rsa_bits_max = 4096, made_days = 30 };

/* What is wrong with a pair; the words are for people. */
enum fault {
	FAULT_NONE,
	FAULT_CERTIFICATE,
	FAULT_CHAIN,
	FAULT_KEY,
	FAULT_PASSWORD,
	FAULT_KIND,
	FAULT_BITS,
	FAULT_MATCH,
	FAULT_COUNT
};

static const struct {
	bool		 of_key;	/* point at its file */
	const char	*text;
} faults[FAULT_COUNT] = {
	[FAULT_CERTIFICATE] = { false, "holds no certificate in PEM" },
	[FAULT_CHAIN] = { false, "a certificate behind the first is broken" },
	[FAULT_KEY] = { true, "holds no private key in PEM" },
	[FAULT_PASSWORD] = { true, "its key is locked by a passphrase, and "
	    "nobody is there to type it" },
	[FAULT_KIND] = { true, "neither an RSA nor an EC key" },
	[FAULT_BITS] = { true, "an RSA key has to have 2048 to 4096 bits" },
	[FAULT_MATCH] = { true, "not the key of this certificate" }
};

static int
note_password(char *out, int max, int for_writing, void *arg)
{
	bool *asked = arg;

	(void)out;
	(void)max;
	(void)for_writing;
	*asked = true;
	return -1;
}

static enum fault
judge_key(X509 *first, EVP_PKEY *key, bool asked)
{
	bool rsa = key != NULL && EVP_PKEY_is_a(key, "RSA") == 1;

	if (key == NULL)
		return asked ? FAULT_PASSWORD : FAULT_KEY;
	if (!rsa && EVP_PKEY_is_a(key, "EC") != 1)
		return FAULT_KIND;
	if (rsa && (EVP_PKEY_get_bits(key) < rsa_bits_min ||
	    EVP_PKEY_get_bits(key) > rsa_bits_max))
		return FAULT_BITS;
	return X509_check_private_key(first, key) == 1 ? FAULT_NONE :
	    FAULT_MATCH;
}

/* Every certificate of the file; NULL: the first is none. */
static X509 *
read_chain(BIO *in, bool *whole)
{
	X509 *first = PEM_read_bio_X509(in, NULL, NULL, NULL), *next;
	unsigned long error;

	if (first == NULL)
		return NULL;
	while ((next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		X509_free(next);
	error = ERR_peek_last_error();
	*whole = ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
	return first;
}

/* Run by the child, which ends soon: nothing is freed. */
static enum fault
judge(const struct tls_pair *pair)
{
	BIO *certificates, *key;
	bool asked = false, whole;
	X509 *first;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	certificates = BIO_new_mem_buf(pair->certificate,
	    (int)pair->certificate_n);
	key = BIO_new_mem_buf(pair->key, (int)pair->key_n);
	first = read_chain(certificates, &whole);
	if (first == NULL)
		return FAULT_CERTIFICATE;
	if (!whole)
		return FAULT_CHAIN;
	return judge_key(first, PEM_read_bio_PrivateKey(key, NULL,
	    note_password, &asked), asked);
}

/* FAULT_COUNT: it could not be found out. */
static enum fault
judge_in_child(const struct tls_pair *pair)
{
	pid_t pid = fork(), ended;
	int status;

	if (pid == -1)
		return FAULT_COUNT;
	if (pid == 0)
		_exit((int)judge(pair));
	do
		ended = waitpid(pid, &status, 0);
	while (ended == -1 && errno == EINTR);
	return ended == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) < FAULT_COUNT ?
	    (enum fault)WEXITSTATUS(status) : FAULT_COUNT;
}

/* NULL, or why not.  A key that everybody can read is none. */
static const char *
read_file(const char *path, bool secret, uint8_t **out, size_t *out_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why = NULL;
	struct stat st;
	ssize_t n;

	if (fd == -1 || fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a file";
	else if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		why = "everybody can read it: chmod o= it, and think of a "
		    "new key";
	else if (st.st_size > ipc_certificate_max_bytes)
		why = "longer than 16384 octets";
	else if ((*out = malloc(ipc_certificate_max_bytes)) == NULL)
		why = strerror(errno);
	else if ((n = read(fd, *out, ipc_certificate_max_bytes)) == -1)
		why = strerror(errno);
	else
		*out_n = (size_t)n;
	if (fd != -1)
		close(fd);
	return why;
}

/* One line of the configuration and where mistakes in it are shown. */
struct loading {
	const struct conf_pair	*line;
	struct conf_text	 text;
	struct conf_report	 report;
};

static void
report(struct loading *l, bool of_key, const char *why)
{
	struct conf_place place = conf_text_place(&l->text, l->line->line);
	char shown[conf_shown_max_bytes];
	struct conf_cut cut = { .count = 0 };

	conf_show(span_of(of_key ? l->line->key : l->line->certificate),
	    shown, sizeof(shown));
	conf_cut_line(place.line, &cut);
	conf_report_at(&l->report, &place,
	    cut.count == 5 ? cut.words[of_key ? 4 : 2].at : 0, NULL,
	    "\"%s\": %s", shown, why);
}

static void
load_pair(struct loading *l, struct tls_pair *out)
{
	const char *certificate = read_file(l->line->certificate, false,
	    &out->certificate, &out->certificate_n);
	const char *key = read_file(l->line->key, true, &out->key,
	    &out->key_n);
	enum fault fault;

	if (certificate != NULL)
		report(l, false, certificate);
	if (key != NULL)
		report(l, true, key);
	if (certificate != NULL || key != NULL)
		return;
	fault = judge_in_child(out);
	if (fault == FAULT_COUNT)
		report(l, false, "it could not be checked");
	else if (fault != FAULT_NONE)
		report(l, faults[fault].of_key, faults[fault].text);
}

int
tls_files_load(const struct conf *conf, struct tls_files *out, FILE *err)
{
	struct loading l = { .report = { .err = err } };
	const char *why;
	int result;

	memset(out, 0, sizeof(*out));
	if (conf->pair_count == 0)
		return 0;
	why = conf_text_read(conf->path, &l.text);
	if (why != NULL) {
		conf_report_file(&l.report, conf->path, "cannot be read: %s",
		    why);
		return -1;
	}
	for (size_t i = 0; i < conf->pair_count; i++) {
		l.line = &conf->pairs[i];
		load_pair(&l, &out->pairs[out->count++]);
	}
	result = conf_report_is_clean(&l.report) ? 0 : -1;
	conf_text_free(&l.text);
	if (result == -1)
		tls_files_free(out);
	return result;
}

/* ---- a pair made here ------------------------------------------------- */

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
tls_files_make(const char *hostname, struct tls_files *out)
{
	struct tls_pair *pair = &out->pairs[0];
	BIO *certificate, *secret;
	EVP_PKEY *key;
	X509 *x509;
	bool made;

	memset(out, 0, sizeof(*out));
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

void
tls_files_forget_keys(struct tls_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct tls_pair *pair = &files->pairs[i];

		if (pair->key != NULL)
			OPENSSL_cleanse(pair->key, pair->key_n);
		free(pair->key);
		pair->key = NULL;
		pair->key_n = 0;
	}
}

void
tls_files_free(struct tls_files *files)
{
	tls_files_forget_keys(files);
	for (size_t i = 0; i < files->count; i++)
		free(files->pairs[i].certificate);
	memset(files, 0, sizeof(*files));
}
