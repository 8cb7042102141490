/*
 * Reading pairs of certificate and key, and having them judged.  At start
 * what OpenSSL makes of a key stays in a child; later the sign process judges.
 */
#include "server/process/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/conf/conf_text.h"
#include "server/conf/privdrop.h"
#include "shared/os.h"
#include "shared/tls_judge.h"

struct tls_files *
tls_files_new(void)
{
	struct tls_files *files = calloc(1, sizeof(*files));

	if (files != NULL)
		files->users = 1;
	return files;
}

static const struct {
	bool		 of_key;	/* point at its file */
	const char	*text;
} faults[TLS_FAULT_COUNT] = {
#define FAULT_ROW(name, of_key, text) [TLS_FAULT_##name] = { of_key, text },
	IPC_TLS_FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

/* TLS_FAULT_COUNT: it could not be found out. */
static enum tls_fault
judge_in_child(const struct tls_pair *pair)
{
	struct ipc_judged facts;
	pid_t pid = fork(), ended;
	EVP_PKEY *key;
	int status;

	if (pid == -1)
		return TLS_FAULT_COUNT;
	if (pid == 0) {
		OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		tls_judge(span_from(pair->certificate, pair->certificate_n),
		    span_from(pair->key, pair->key_n), &facts, &key);
		_exit(facts.fault);
	}
	do
		ended = waitpid(pid, &status, 0);
	while (ended == -1 && errno == EINTR);
	return ended == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) < TLS_FAULT_COUNT ?
	    (enum tls_fault)WEXITSTATUS(status) : TLS_FAULT_COUNT;
}

/* A file as it was found. */
struct found {
	const char	*why;		/* it is of no use; NULL: it is */
	bool		 denied;	/* for this user */
};

/* A key that everybody can read is none. */
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

/*
 * One line of the configuration and where mistakes in it are shown; a catcher
 * has options in place of it.
 */
struct loading {
	const struct conf_pair	*line;
	struct conf_text	 text;
	struct conf_report	 report;
};

static int
begin_loading(struct loading *l, const struct conf *conf, FILE *err)
{
	const char *why;

	memset(l, 0, sizeof(*l));
	l->report.err = err;
	if (conf->catcher)
		return 0;
	why = conf_text_read(conf->path, &l->text);
	if (why != NULL)
		conf_report_file(&l->report, conf->path,
		    "cannot be read: %s", why);
	return why != NULL ? -1 : 0;
}

/* 0, or -1 if there was a mistake. */
static int
end_loading(struct loading *l)
{
	conf_text_free(&l->text);
	return conf_report_is_clean(&l->report) ? 0 : -1;
}

static void
report(struct loading *l, bool of_key, const char *why)
{
	const char *file = of_key ? l->line->key : l->line->certificate;
	char shown[conf_shown_max_bytes];
	struct conf_cut cut = { .count = 0 };

	if (l->line->line == 0) {
		conf_report_file(&l->report, file, "%s", why);
		return;
	}
	l->report.place = conf_text_place(&l->text, l->line->line);
	conf_show(span_of(file), shown, sizeof(shown));
	(void)conf_cut_line(l->report.place.line, &cut);
	conf_report_at(&l->report,
	    cut.count == 5 ? cut.words[of_key ? 4 : 2].at : 0,
	    "\"%s\": %s", shown, why);
}

static void
report_fault(struct loading *l, enum tls_fault fault)
{
	if (fault == TLS_FAULT_COUNT)
		report(l, false, "it could not be checked");
	else if (fault != TLS_FAULT_NONE)
		report(l, faults[fault].of_key, faults[fault].text);
}

/* Whether a pair is another one, without a copy of its key. */
static void
take_print(struct tls_pair *pair)
{
	static uint8_t secret[crypto_generichash_KEYBYTES];
	static bool made;
	crypto_generichash_state state;

	if (!made)
		randombytes_buf(secret, sizeof(secret));
	made = true;
	crypto_generichash_init(&state, secret, sizeof(secret),
	    sizeof(pair->print));
	crypto_generichash_update(&state, (uint8_t *)&pair->certificate_n,
	    sizeof(pair->certificate_n));
	crypto_generichash_update(&state, pair->certificate,
	    pair->certificate_n);
	crypto_generichash_update(&state, pair->key, pair->key_n);
	crypto_generichash_final(&state, pair->print, sizeof(pair->print));
	sodium_memzero(&state, sizeof(state));
}

/* False: there are mistakes, or *denied is the file this user may not read. */
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

int
tls_files_load(const struct conf *conf, struct tls_files *out, FILE *err)
{
	struct loading l;
	const char *denied;
	int result;

	if (conf->pair_count == 0)
		return 0;
	if (begin_loading(&l, conf, err) == -1)
		return -1;
	for (size_t i = 0; i < conf->pair_count; i++) {
		struct tls_pair *pair = &out->pairs[out->count++];

		l.line = &conf->pairs[i];
		if (read_pair(&l, pair, &denied))
			report_fault(&l, judge_in_child(pair));
		else if (denied != NULL)
			report(&l, denied == l.line->key,
			    privdrop_denial(denied));
	}
	result = end_loading(&l);
	if (result == -1)
		tls_files_free(out);
	return result;
}

/* ---- a renewal -------------------------------------------------------- */

static void
clear_pair(struct tls_pair *pair)
{
	if (pair->key != NULL)
		sodium_memzero(pair->key, pair->key_n);
	free(pair->key);
	free(pair->certificate);
	memset(pair, 0, sizeof(*pair));
}

/* The place of old is taken by a copy of it, which needs no key. */
static bool
share_pair(const struct tls_pair *old, struct tls_pair *out)
{
	clear_pair(out);
	*out = *old;
	out->key = NULL;
	out->key_n = 0;
	out->shared = true;
	out->certificate = malloc(old->certificate_n);
	if (out->certificate == NULL)
		return false;
	memcpy(out->certificate, old->certificate, old->certificate_n);
	return true;
}

/* The pair of those names; NULL: there was none. */
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
 * Whoever sends SIGHUP for a new user is not to be refused because a key is
 * root's alone: what was read as root at start goes on.
 */
static void
reload_pair(struct loading *l, struct tls_before *before,
    struct tls_pair *out)
{
	const struct tls_pair *old;
	const char *denied;

	if (read_pair(l, out, &denied))
		old = find_same(before, out);
	else if (denied == NULL)
		return;
	else if ((old = find_named(before, l->line)) == NULL) {
		before->denied = denied;
		report(l, denied == l->line->key, privdrop_denial(denied));
		return;
	} else if (before->kept++ == 0)
		before->denied = denied;
	if (old != NULL && !share_pair(old, out))
		report(l, false, strerror(errno));
}

int
tls_files_reload(const struct conf *conf, struct tls_before *before,
    struct tls_files *out, FILE *err)
{
	struct loading l;
	int result;

	if (conf->pair_count == 0)
		return 0;
	if (begin_loading(&l, conf, err) == -1)
		return -1;
	for (size_t i = 0; i < conf->pair_count; i++) {
		l.line = &conf->pairs[i];
		reload_pair(&l, before, &out->pairs[out->count++]);
	}
	result = end_loading(&l);
	if (result == -1)
		tls_files_free(out);
	return result;
}

void
tls_files_report(const struct conf *conf, size_t pair, enum tls_fault fault,
    FILE *err)
{
	struct loading l;

	if (begin_loading(&l, conf, err) == -1)
		return;
	l.line = &conf->pairs[pair];
	report_fault(&l, fault);
	end_loading(&l);
}

void
tls_files_report_restart(const struct conf *conf, FILE *err)
{
	struct loading l;

	if (begin_loading(&l, conf, err) == -1)
		return;
	l.line = &conf->pairs[0];
	report(&l, false, "the first \"tls\" takes a restart, for no process "
	    "is there to hold its key");
	end_loading(&l);
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

void
tls_files_piece(struct span file, size_t done, struct ipc_pem *out)
{
	size_t left = file.n - done;

	out->n = (uint16_t)(left < ipc_pem_piece_bytes ? left :
	    ipc_pem_piece_bytes);
	out->last = out->n == left;
	memcpy(out->octets, file.p + done, out->n);
}

void
tls_files_forget_keys(struct tls_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct tls_pair *pair = &files->pairs[i];

		if (pair->key != NULL)
			sodium_memzero(pair->key, pair->key_n);
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
	memset(files->pairs, 0, sizeof(files->pairs));
	files->count = 0;
}
