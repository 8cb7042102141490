/*
 * Reads pairs of certificate and key.  At start a child judges them, so that
 * OpenSSL's copies of a key end with it; later the sign process does.
 */
#include "server/process/tls_files.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/master.h"
#include "shared/log.h"
#include "shared/tls_judge.h"

enum { made_days = 30, soon_days = 7 };

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
} faults[TLS_FAULT_COUNT + 1] = {
#define FAULT_ROW(P, name, of_key, text) [P##name] = { of_key, text },
	IPC_TLS_FAULTS(FAULT_ROW, TLS_FAULT_)
	[TLS_FAULT_COUNT] = { false, "it could not be checked" }
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
		tls_judge(span_from(pair->certificate.bytes,
		    pair->certificate.n), span_from(pair->key.bytes,
		    pair->key.n), &r.u.judged, &key);
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

static const char *
read_file(const char *path, bool secret, struct conf_text *out)
{
	const char *why = conf_text_read(path, out);

	return why != NULL ? why : out->n > ipc_certificate_max_bytes ?
	    "longer than 16384 octets" :
	    secret && (out->mode & (S_IROTH | S_IWOTH)) != 0 ?
	    "everybody can read it: chmod o= it, and consider a new key" :
	    NULL;
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
		l->report.place = (struct conf_place){ .path = file };
		conf_report_at(&l->report, 0, "%s", why);
		return;
	}
	conf_show(span_of(file), shown, sizeof(shown));
	conf_report_at(&l->report, conf_text_seek(&text, &l->report,
	    l->line->line, of_key ? 4 : 2), "\"%s\": %s", shown, why);
	conf_text_free(&text);
}

/* A hash, to recognize a pair later without a copy of its key. */
static void
take_print(struct tls_pair *pair)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(pair->print));
	crypto_generichash_update(&state, (uint8_t *)&pair->certificate.n,
	    sizeof(pair->certificate.n));
	crypto_generichash_update(&state, pair->certificate.bytes,
	    pair->certificate.n);
	crypto_generichash_update(&state, pair->key.bytes, pair->key.n);
	crypto_generichash_final(&state, pair->print, sizeof(pair->print));
	sodium_memzero(&state, sizeof(state));
}

/* Makes *out a copy of old, which needs no key. */
static bool
share_pair(const struct tls_pair *old, struct tls_pair *out)
{
	conf_text_free(&out->key);
	conf_text_free(&out->certificate);
	*out = *old;
	out->shared = true;
	out->certificate.bytes = malloc(old->certificate.n);
	if (out->certificate.bytes == NULL)
		return false;
	memcpy(out->certificate.bytes, old->certificate.bytes,
	    old->certificate.n);
	return true;
}

/* The previous pair with that print, or the file names of line; or NULL. */
static const struct tls_pair *
find_old(const struct tls_before *before, const struct conf_pair *line,
    const uint8_t *print)
{
	for (size_t i = 0; i < before->files->count; i++) {
		const struct tls_pair *old = &before->files->pairs[i];
		const struct conf_pair *was = &before->conf->pairs[i];

		if (print != NULL ?
		    memcmp(old->print, print, sizeof(old->print)) == 0 :
		    i < before->conf->pair_count &&
		    strcmp(was->certificate, line->certificate) == 0 &&
		    strcmp(was->key, line->key) == 0)
			return old;
	}
	return NULL;
}

/*
 * A SIGHUP for a new user must not fail because only root may read a key: what
 * root read at start stays in use.
 */
static void
load_pair(struct loading *l, struct tls_before *before, struct tls_pair *out)
{
	const struct conf_pair *line = l->line;
	const char *why = read_file(line->certificate, false,
	    &out->certificate);
	const char *why_key = read_file(line->key, true, &out->key);
	const char *unread = out->certificate.denied ? line->certificate :
	    out->key.denied ? line->key : NULL;
	const struct tls_pair *old = NULL;
	enum tls_fault fault = TLS_FAULT_NONE;

	if (unread != NULL) {
		if (before != NULL)
			old = find_old(before, line, NULL);
		if (old == NULL)
			report(l, unread == line->key,
			    privdrop_denial(unread));
		if (before != NULL) {
			if (before->denied == NULL || old == NULL)
				before->denied = unread;
			before->kept += old != NULL;
		}
	} else if (why != NULL || why_key != NULL) {
		if (why != NULL)
			report(l, false, why);
		if (why_key != NULL)
			report(l, true, why_key);
	} else {
		take_print(out);
		if (before != NULL)
			old = find_old(before, line, out->print);
		else
			fault = judge_in_child(out);
		if (fault != TLS_FAULT_NONE)
			report(l, faults[fault].of_key, faults[fault].text);
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

	report(&l, faults[fault].of_key, faults[fault].text);
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
	const struct conf_text *file;

	while (keys && c->files != NULL && c->pair < c->files->count &&
	    c->files->pairs[c->pair].shared)
		c->pair++;
	if (c->files == NULL || c->pair == c->files->count)
		return false;
	pair = &c->files->pairs[c->pair];
	file = c->key ? &pair->key : &pair->certificate;
	out->type = c->key ? IPC_KEY :
	    keys ? IPC_KEY_CERTIFICATE : IPC_CERTIFICATE;
	piece->pair = keys ? pair->facts.slot : (uint16_t)c->pair;
	piece->at = (uint16_t)c->done;
	piece->last = file->n - c->done <= ipc_pem_piece_bytes;
	piece->n = piece->last ? (uint16_t)(file->n - c->done) :
	    ipc_pem_piece_bytes;
	memcpy(piece->octets, file->bytes + c->done, piece->n);
	c->done += piece->n;
	if (!piece->last)
		return true;
	c->done = 0;
	c->key = keys && !c->key;
	if (!c->key)
		c->pair++;
	return true;
}

void
tls_files_forget_keys(struct tls_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		conf_text_free(&files->pairs[i].key);
}

void
tls_files_clear(struct tls_files *files)
{
	tls_files_forget_keys(files);
	for (size_t i = 0; i < files->count; i++)
		conf_text_free(&files->pairs[i].certificate);
	memset(files->pairs, 0, sizeof(files->pairs));
	files->count = 0;
}

const char *
tls_files_trouble(const struct ipc_judged *facts, int64_t now_s)
{
	if (facts->until_s <= now_s)
		return "it has expired: clients that check it refuse it";
	return facts->until_s - now_s < soon_days * (int64_t)86400 ?
	    "it expires within a week: renew it, and send SIGHUP" : NULL;
}

void
tls_files_log(const struct master *m, bool fresh)
{
	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		const struct tls_pair *pair = &m->tls->pairs[i];
		const struct ipc_judged *facts = &pair->facts;
		const char *why = tls_files_trouble(facts, time(NULL));

		if (why == NULL && (!fresh || pair->shared))
			continue;
		log_put(why != NULL ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		    "certificate",
		    "file=%s name=%s serial=%s until=%s why=%s",
		    m->conf.pairs[i].certificate, facts->name, facts->serial,
		    figure_utc(facts->until_s), why != NULL ? why : "");
	}
}

/* ---- for the catcher: a pair that lasts until the next start ----------- */

static bool
fill_in(X509 *x509, EVP_PKEY *key, const char *hostname)
{
	X509_NAME *name = X509_get_subject_name(x509);
	char names[smtp_domain_max_bytes + 80];
	X509_EXTENSION *extension;
	bool filled;

	snprintf(names, sizeof(names),
	    "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", hostname);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
	    names);
	filled = extension != NULL &&
	    X509_set_version(x509, 2) == 1 &&	/* v3 (RFC 5280 4.1.2.1) */
	    ASN1_INTEGER_set_int64(X509_get_serialNumber(x509), 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x509), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x509),
	    made_days * 24L * 3600) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"smtpd catcher, for tests", -1, -1,
	    0) == 1 &&
	    X509_set_issuer_name(x509, name) == 1 &&
	    X509_set_pubkey(x509, key) == 1 &&
	    X509_add_ext(x509, extension, -1) == 1 &&
	    X509_sign(x509, key, EVP_sha256()) > 0;
	X509_EXTENSION_free(extension);
	return filled;
}

static bool
write_pem(X509 *x509, EVP_PKEY *key, struct conf_text *out)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, &out->n);
	bool made = f != NULL && (x509 != NULL ? PEM_write_X509(f, x509) :
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)) == 1;

	if (f != NULL && fclose(f) != 0)
		made = false;
	out->bytes = (uint8_t *)text;
	return made;
}

int
tls_files_make(const char *hostname, struct tls_files *out)
{
	struct tls_pair *pair = &out->pairs[0];
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;
	X509 *x509;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	x509 = X509_new();
	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
	    NID_X9_62_prime256v1) == 1 && EVP_PKEY_keygen(ctx, &key) == 1 &&
	    x509 != NULL && fill_in(x509, key, hostname) &&
	    write_pem(x509, NULL, &pair->certificate) &&
	    write_pem(NULL, key, &pair->key))
		out->count = 1;
	X509_free(x509);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return out->count == 1 ? 0 : -1;
}
