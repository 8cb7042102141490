/*
 * Reads pairs of certificate and key.  At start a child judges them, so that
 * OpenSSL's copies of a key end with it; later the sign process does.
 */
#include "server/process/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/conf/conf_text.h"
#include "server/conf/privdrop.h"
#include "shared/ipc.h"
#include "shared/os/os.h"
#include "shared/tls_judge.h"

enum { made_days = 30 };

struct tls_files *
tls_files_new(void)
{
	struct tls_files *files = calloc(1, sizeof(*files));

	if (files != NULL)
		files->users = 1;
	return files;
}

static const struct {
	bool		 of_key;	/* report the key's file */
	const char	*text;
} faults[TLS_FAULT_COUNT] = {
#define FAULT_ROW(P, name, of_key, text) [P##name] = { of_key, text },
	IPC_TLS_FAULTS(FAULT_ROW, TLS_FAULT_)
#undef FAULT_ROW
};

/* Finds the facts, as the sign process would; TLS_FAULT_COUNT: unknown. */
static enum tls_fault
judge_in_child(struct tls_pair *pair)
{
	struct ipc_record r = { .type = IPC_JUDGED };
	enum ipc_got got;
	const char *why;
	EVP_PKEY *key;
	int ends[2], passed;
	pid_t pid;

	if (ipc_pair(ends) == -1)
		return TLS_FAULT_COUNT;
	pid = fork();
	if (pid == 0) {
		OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		tls_judge(span_from(pair->certificate, pair->certificate_n),
		    span_from(pair->key, pair->key_n), &r.u.judged, &key);
		_exit(ipc_send(ends[1], &r, -1, true) == 0 ? 0 : 1);
	}
	close(ends[1]);
	got = ipc_recv(ends[0], IPC_FROM_SIGN, IPC_AT_ANY, true, &r, &passed,
	    &why);
	close(ends[0]);
	while (pid != -1 && waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	if (got != IPC_GOT_RECORD || r.type != IPC_JUDGED)
		return TLS_FAULT_COUNT;
	pair->facts = r.u.judged;
	return (enum tls_fault)r.u.judged.fault;
}

/* What came of reading a file. */
struct found {
	const char	*why;		/* why it cannot be used, or NULL */
	bool		 denied;	/* to this user */
};

/* A key that everybody can read is refused. */
static struct found
read_file(const char *path, bool secret, uint8_t **out, size_t *out_n)
{
	int fd = os_open_file(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	bool denied = fd == -1 && errno == EACCES;
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
	return (struct found){ why, denied };
}

/* The line being loaded, and mistakes; a catcher has options, not lines. */
struct loading {
	const struct conf	*conf;
	const struct conf_pair	*line;
	struct conf_report	 report;
};

static void
report(struct loading *l, bool of_key, const char *why)
{
	const char *file = of_key ? l->line->key : l->line->certificate;
	char shown[conf_shown_max_bytes];
	struct conf_text text;

	if (l->line->line == 0 ||
	    conf_text_read(l->conf->path, &text) != NULL) {
		conf_report_file(&l->report, file, "%s", why);
		return;
	}
	conf_show(span_of(file), shown, sizeof(shown));
	conf_report_word(&l->report, &text, l->line->line, of_key ? 4 : 2,
	    "\"%s\": %s", shown, why);
	conf_text_free(&text);
}

static void
report_fault(struct loading *l, enum tls_fault fault)
{
	if (fault == TLS_FAULT_COUNT)
		report(l, false, "it could not be checked");
	else if (fault != TLS_FAULT_NONE)
		report(l, faults[fault].of_key, faults[fault].text);
}

/* A hash, to recognize a pair later without a copy of its key. */
static void
take_print(struct tls_pair *pair)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(pair->print));
	crypto_generichash_update(&state, (uint8_t *)&pair->certificate_n,
	    sizeof(pair->certificate_n));
	crypto_generichash_update(&state, pair->certificate,
	    pair->certificate_n);
	crypto_generichash_update(&state, pair->key, pair->key_n);
	crypto_generichash_final(&state, pair->print, sizeof(pair->print));
	sodium_memzero(&state, sizeof(state));
}

/* False: there are mistakes, or *denied is a file this user may not read. */
static bool
read_pair(struct loading *l, struct tls_pair *out, const char **denied)
{
	struct found certificate = read_file(l->line->certificate, false,
	    &out->certificate, &out->certificate_n);
	struct found key = read_file(l->line->key, true, &out->key,
	    &out->key_n);

	*denied = certificate.denied ? l->line->certificate :
	    key.denied ? l->line->key : NULL;
	if (*denied != NULL)
		return false;
	if (certificate.why != NULL)
		report(l, false, certificate.why);
	if (key.why != NULL)
		report(l, true, key.why);
	if (certificate.why != NULL || key.why != NULL)
		return false;
	take_print(out);
	return true;
}

static void
forget_key(struct tls_pair *pair)
{
	if (pair->key != NULL)
		sodium_memzero(pair->key, pair->key_n);
	free(pair->key);
	pair->key = NULL;
	pair->key_n = 0;
}

/* Makes *out a copy of old, which needs no key. */
static bool
share_pair(const struct tls_pair *old, struct tls_pair *out)
{
	forget_key(out);
	free(out->certificate);
	*out = *old;
	out->shared = true;
	out->certificate = malloc(old->certificate_n);
	if (out->certificate == NULL)
		return false;
	memcpy(out->certificate, old->certificate, old->certificate_n);
	return true;
}

/* The previous pair with these file names; or NULL. */
static const struct tls_pair *
find_named(const struct tls_before *before, const struct conf_pair *line)
{
	for (size_t i = 0; i < before->conf->pair_count; i++)
		if (strcmp(before->conf->pairs[i].certificate,
		    line->certificate) == 0 &&
		    strcmp(before->conf->pairs[i].key, line->key) == 0)
			return &before->files->pairs[i];
	return NULL;
}

static const struct tls_pair *
find_same(const struct tls_before *before, const struct tls_pair *pair)
{
	for (size_t i = 0; i < before->files->count; i++)
		if (memcmp(before->files->pairs[i].print, pair->print,
		    sizeof(pair->print)) == 0)
			return &before->files->pairs[i];
	return NULL;
}

/*
 * A SIGHUP for a new user must not fail because only root may read a key: what
 * root read at start stays in use.
 */
static void
load_pair(struct loading *l, struct tls_before *before, struct tls_pair *out)
{
	const struct tls_pair *old = NULL;
	const char *denied;
	bool read = read_pair(l, out, &denied);

	if (read && before == NULL)
		report_fault(l, judge_in_child(out));
	else if (read)
		old = find_same(before, out);
	else if (denied != NULL && before != NULL)
		old = find_named(before, l->line);
	if (denied != NULL && old == NULL)
		report(l, denied == l->line->key, privdrop_denial(denied));
	if (denied != NULL && before != NULL) {
		if (before->denied == NULL || old == NULL)
			before->denied = denied;
		before->kept += old != NULL;
	}
	if (old != NULL && !share_pair(old, out))
		report(l, false, strerror(errno));
}

int
tls_files_load(const struct conf *conf, struct tls_before *before,
    struct tls_files *out, FILE *err)
{
	struct loading l = { .conf = conf, .report.err = err };

	for (size_t i = 0; i < conf->pair_count; i++) {
		l.line = &conf->pairs[i];
		load_pair(&l, before, &out->pairs[out->count++]);
	}
	if (l.report.count == 0)
		return 0;
	tls_files_clear(out);
	return -1;
}

void
tls_files_report(const struct conf *conf, size_t pair, enum tls_fault fault,
    FILE *err)
{
	struct loading l = { conf, &conf->pairs[pair], { .err = err } };

	if (fault == TLS_FAULT_NONE)
		report(&l, false, "the first \"tls\" takes a restart, for no "
		    "process is there to hold its key");
	else
		report_fault(&l, fault);
}

bool
tls_files_are_same(const struct tls_files *a, const struct tls_files *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (memcmp(a->pairs[i].print, b->pairs[i].print,
		    sizeof(a->pairs[i].print)) != 0)
			return false;
	return true;
}

bool
tls_files_next(struct tls_cursor *c, bool keys, struct ipc_record *out)
{
	struct ipc_pem *piece = &out->u.pem;
	const struct tls_pair *pair;
	size_t left, done = c->done;
	struct span file;

	while (keys && c->files != NULL && c->pair < c->files->count &&
	    c->files->pairs[c->pair].shared)
		c->pair++;
	if (c->files == NULL || c->pair == c->files->count)
		return false;
	pair = &c->files->pairs[c->pair];
	file = span_from(pair->certificate, pair->certificate_n);
	out->type = keys ? IPC_KEY_CERTIFICATE : IPC_CERTIFICATE;
	if (keys && done >= file.n) {
		done -= file.n;
		file = span_from(pair->key, pair->key_n);
		out->type = IPC_KEY;
	}
	left = file.n - done;
	piece->pair = keys ? pair->facts.slot : (uint16_t)c->pair;
	piece->n = (uint16_t)(left < ipc_pem_piece_bytes ? left :
	    ipc_pem_piece_bytes);
	piece->last = piece->n == left;
	memcpy(piece->octets, file.p + done, piece->n);
	c->done += piece->n;
	if (piece->last && out->type != IPC_KEY_CERTIFICATE) {
		c->pair++;
		c->done = 0;
	}
	return true;
}

void
tls_files_forget_keys(struct tls_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		forget_key(&files->pairs[i]);
}

void
tls_files_clear(struct tls_files *files)
{
	tls_files_forget_keys(files);
	for (size_t i = 0; i < files->count; i++)
		free(files->pairs[i].certificate);
	memset(files->pairs, 0, sizeof(files->pairs));
	files->count = 0;
}

/* ---- for the catcher: a pair that lasts until the next start ----------- */

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

/* Copies what was written to bio into memory of our own. */
static bool
take_bio(BIO *bio, uint8_t **out, size_t *out_n)
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
	    take_bio(certificate, &pair->certificate, &pair->certificate_n) &&
	    take_bio(secret, &pair->key, &pair->key_n);
	BIO_free(secret);
	BIO_free(certificate);
	X509_free(x509);
	EVP_PKEY_free(key);
	out->count = made ? 1 : 0;
	return made ? 0 : -1;
}
