/*
 * smtpd: reads the command line, and starts what it asks for.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf.h"
#include "server/conf/wrong_word.h"
#include "server/daemon/check.h"
#include "server/daemon/inherit.h"
#include "server/daemon/log_setup.h"
#include "server/log/catcher.h"
#include "server/log/catcher_dir.h"
#include "server/master.h"
#include "server/process/tls_files.h"
#include "server/start.h"
#include "shared/ip.h"
#include "shared/log.h"
#include "shared/sasl.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif
#ifndef SMTPD_WORKER
#define SMTPD_WORKER "/usr/local/libexec/smtpd-worker"
#endif

/* Options without a letter. */
enum { STARTTLS = 256, CERTIFICATE, KEY, NO_SANDBOX, HELP };

struct arguments {
	const char	*conf;
	const char	*worker;
	const char	*listen;	/* of the catcher */
	const char	*dir;		/* of the catcher */
	const char	*login;		/* of the catcher */
	const char	*certificate;	/* of the catcher */
	const char	*key;		/* of the catcher */
	const char	*pid_file;
	bool		 catcher;
	bool		 starttls;	/* of the catcher */
	bool		 no_sandbox;	/* of the catcher */
	bool		 check;
	bool		 foreground;
	bool		 inetd;
	bool		 verbose;
	bool		 quiet;		/* standard error is not ours */
	char		 wrong[wrong_word_bytes];	/* the mistake, or "" */
};

static const char usage[] =
    "usage: smtpd [-dn] [-f file] [-p file] [-w worker]\n"
    "       smtpd -i [-d] [-f file] [-w worker]\n"
    "       smtpd -C [-v] [-a name:password | --auth name:password]\n"
    "             [-l [address:]port] [-w worker] [--starttls]\n"
    "             [--certificate file [--key file]] [--no-sandbox] "
    "[directory]\n"
    "       smtpd -V | --version | --help\n";

/* Options that need another one, or that another one excludes. */
static const char *
clash(const struct arguments *a, const char **why)
{
	static const char of_catcher[] = " is an option of the catcher: it "
	    "needs -C", exclude[] = " exclude each other";
	const struct {
		bool		 so;
		const char	*what;
		const char	*why;
	} t[] = {
		{ a->listen && !a->catcher, "-l", of_catcher },
		{ a->login && !a->catcher, "-a", of_catcher },
		{ a->starttls && !a->catcher, "--starttls", of_catcher },
		{ a->certificate && !a->catcher, "--certificate", of_catcher },
		{ a->no_sandbox && !a->catcher, "--no-sandbox", of_catcher },
		{ a->key && !a->certificate, "--key", " needs --certificate" },
		{ a->catcher && a->check, "-C and -n", exclude },
		{ a->catcher && a->foreground, "-C and -d", " exclude each "
		    "other: the catcher always stays in the foreground" },
		{ a->inetd && a->catcher, "-i and -C", exclude },
		{ a->inetd && a->check, "-i and -n", exclude },
		{ a->inetd && a->pid_file, "-i and -p", exclude },
		{ a->pid_file && a->catcher, "-p and -C", exclude },
		{ a->pid_file && a->check, "-p and -n", exclude }
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i].so) {
			*why = t[i].why;
			return t[i].what;
		}
	return NULL;
}

/* Takes an option, with its argument; false: there is no such option. */
static bool
take_option(struct arguments *a, int c)
{
	const struct {
		int		 c;
		bool		*flag;
		const char	**text;		/* its argument */
	} options[] = {
		{ 'a', NULL, &a->login }, { 'C', &a->catcher, NULL },
		{ 'd', &a->foreground, NULL }, { 'f', NULL, &a->conf },
		{ 'i', &a->inetd, NULL }, { 'l', NULL, &a->listen },
		{ 'n', &a->check, NULL }, { 'p', NULL, &a->pid_file },
		{ 'v', &a->verbose, NULL }, { 'w', NULL, &a->worker },
		{ STARTTLS, &a->starttls, NULL },
		{ CERTIFICATE, NULL, &a->certificate },
		{ KEY, NULL, &a->key }, { NO_SANDBOX, &a->no_sandbox, NULL }
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].c != c)
			continue;
		if (options[i].flag != NULL)
			*options[i].flag = true;
		else
			*options[i].text = optarg;
		return true;
	}
	return false;
}

static void
read_arguments(int argc, char *argv[], struct arguments *a)
{
	static const struct option longs[] = {
		{ "auth", required_argument, NULL, 'a' },
		{ "starttls", no_argument, NULL, STARTTLS },
		{ "certificate", required_argument, NULL, CERTIFICATE },
		{ "key", required_argument, NULL, KEY },
		{ "no-sandbox", no_argument, NULL, NO_SANDBOX },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *what, *why;
	int c;

	/* getopt_long(3) must not write: a client may be on standard error. */
	opterr = 0;
	optopt = 0;
	while ((c = getopt_long(argc, argv, "a:Cdf:il:np:vVw:", longs,
	    NULL)) != -1) {
		if (c == 'V' || c == HELP) {
			fputs(c == HELP ? usage : "smtpd " SMTPD_VERSION "\n",
			    stdout);
			exit(0);
		}
		if (!take_option(a, c)) {
			wrong_word(usage, argc, argv, a->wrong);
			return;
		}
	}
	if (a->catcher && optind < argc)
		a->dir = argv[optind++];
	what = clash(a, &why);
	if (what != NULL)
		snprintf(a->wrong, sizeof(a->wrong), "%s%s", what, why);
	else if (optind < argc)
		wrong_word(usage, argc, argv, a->wrong);
}

/* "2525", "localhost:2525", "127.0.0.1:2525", "[::1]:2525" */
static bool
parse_listen(const char *text, struct conf_listen *out)
{
	const char *colon = strrchr(text, ':');
	const char *digits = colon == NULL ? text : colon + 1;
	struct span host = span_from(text, colon == NULL ? 0 :
	    (size_t)(colon - text));
	bool bracket = host.n > 1 && host.p[0] == '[' &&
	    host.p[host.n - 1] == ']', ipv6;
	uint8_t ip[16];
	char *end;
	unsigned long port;

	if ((host.n == 0 && colon != NULL) || *digits < '0' || *digits > '9')
		return false;
	port = strtoul(digits, &end, 10);
	if (*end != '\0' || port > 65535)
		return false;
	if (host.n == 0 || span_equal_fold(host, span_of("localhost")))
		host = span_of("127.0.0.1");
	if (bracket)
		host = span_from(host.p + 1, host.n - 2);
	if (!ip_parse(host, &ipv6, ip) || ipv6 != bracket)
		return false;
	memset(out, 0, sizeof(*out));
	out->addr_len = ip_sockaddr(ipv6, ip, (uint16_t)port, &out->addr);
	return true;
}

static bool
is_login(const char *text)
{
	size_t name = strcspn(text, ":");

	return text[name] == ':' && sasl_parse_login(span_from(text, name),
	    sasl_name_max_bytes) == SASL_OK && sasl_parse_login(span_of(text +
	    name + 1), sasl_password_max_bytes) == SASL_OK;
}

/* For a program under test that answers a challenge (CRAM-MD5, RFC 2195). */
static void
digest_password(struct conf *conf)
{
	const char *password = strchr(conf->catcher_login, ':') + 1;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (HMAC(EVP_md5(), password, (int)strlen(password),
	    (const uint8_t *)SASL_CHALLENGE, sizeof(SASL_CHALLENGE) - 1,
	    digest, &n) != NULL && 2 * n == sasl_digest_bytes)
		sodium_bin2hex(conf->catcher_digest, 2 * n + 1, digest, n);
}

/* A catcher has no tables, one listener, and no limit for one address. */
static void
configure_catcher(struct conf *conf, const struct arguments *a)
{
	static char dir[PATH_MAX];

	if (conf_init(conf) == -1)
		fatal("no memory to start with");
	conf->catcher = true;
	conf->sandbox_optional = a->no_sandbox;
	conf->limits.per_address = conf->limits.workers;
	conf->limits.per_network = conf->limits.workers;
	conf->limits.disk_reserve_bytes = 1024 * 1024;
	conf->limits.inode_reserve = 100;
	conf->listens = calloc(1, sizeof(*conf->listens));
	if (conf->listens == NULL)
		fatal("no memory to start with");
	conf->listen_count = 1;
	if (!parse_listen(a->listen != NULL ? a->listen : "127.0.0.1:2525",
	    &conf->listens[0]))
		fatal("-l %s: neither PORT nor ADDRESS:PORT, as in 1025, "
		    "127.0.0.1:2525 or [::1]:2525", a->listen);
	conf->catcher_login = a->login;
	if (a->login != NULL && !is_login(a->login))
		fatal("-a: not NAME:PASSWORD, each of 1 to 255 octets");
	if (a->login != NULL)
		digest_password(conf);
	free(conf->root);
	catcher_dir_default(dir, sizeof(dir));
	conf->root = strdup(a->dir != NULL ? a->dir : dir);
	if (conf->root == NULL)
		fatal("no memory to start with");
}

/* The master leaves the working directory, and reads *path again later. */
static void
make_absolute(char **path)
{
	char *real = *path == NULL ? NULL : realpath(*path, NULL);

	if (real == NULL)
		return;
	free(*path);
	*path = real;
}

/*
 * The certificate of a catcher.  By default many programs use STARTTLS where
 * it is offered, and then reject a self-signed certificate: so it is offered
 * only with --starttls or --certificate.
 */
static void
take_certificate(struct master *m, const struct arguments *a)
{
	struct conf_pair *pair;

	if (a->certificate == NULL) {
		if (a->starttls &&
		    tls_files_make(m->conf.hostname, m->tls) == -1)
			fatal("OpenSSL cannot make a certificate");
		return;
	}
	pair = m->conf.pairs = calloc(1, sizeof(*pair));
	if (pair != NULL) {
		m->conf.pair_count = 1;
		pair->certificate = strdup(a->certificate);
		pair->key = strdup(a->key != NULL ? a->key : a->certificate);
	}
	if (pair == NULL || pair->certificate == NULL || pair->key == NULL)
		fatal("no memory to start with");
	make_absolute(&pair->certificate);
	make_absolute(&pair->key);
	if (tls_files_load(&m->conf, NULL, m->tls, stderr) == -1)
		exit(1);
}

static const char *
find_worker(const char *path)
{
	static char real[PATH_MAX];
	const char *bar;

	if (realpath(path, real) != NULL && access(real, X_OK) == 0)
		return real;
	if (errno == EACCES && (bar = privdrop_find_bar(path)) != NULL)
		fatal("%s: uid %u may not search %s: chmod a+x that "
		    "directory, or name with -w where else smtpd's second "
		    "program is", path, (unsigned)geteuid(), bar);
	fatal("%s: %s: smtpd needs its second program there (install it, or "
	    "name it with -w)", path, strerror(errno));
}

/* Takes over the inherited descriptors that the arguments call for. */
static void
take_descriptors(struct arguments *a, const struct conf *conf,
    struct start_options *o)
{
	static struct inherit_sockets sockets;
	static struct inherit_client inetd;

	if (a->inetd && !inherit_stdin_listens()) {
		inherit_take_client(&inetd, conf, &a->foreground);
		o->inetd = &inetd;
		a->quiet = !a->foreground;
	} else if (!a->catcher && !a->check) {
		inherit_take_sockets(&sockets);
		if (sockets.count > 0)
			o->sockets = &sockets;
	}
}

static void
open_log(struct conf *conf, const struct arguments *a)
{
	if (a->catcher)
		log_open(a->verbose ? LOG_TO_STDERR : LOG_TO_NOBODY);
	else
		log_setup_target(conf, a->foreground, a->verbose);
	/* Nobody reads standard error: what is fatal must not be lost. */
	if (a->quiet && conf->log == CONF_LOG_FILE)
		log_open(LOG_TO_SYSLOG);
}

int
main(int argc, char *argv[])
{
	static struct master m;
	struct arguments a = { .conf = SMTPD_CONF, .worker = SMTPD_WORKER };
	struct start_options o = { 0 };

	a.quiet = !inherit_guard();
	read_arguments(argc, argv, &a);
	/* Descriptors that the shell left open are not ours to keep. */
	closefrom(STDERR_FILENO + 1 + (a.catcher || a.check ||
	    (a.inetd && !inherit_stdin_listens()) ? 0 : inherit_promised()));
	if (a.quiet) {
		log_open(LOG_TO_SYSLOG);
		a.foreground = false;
	}
	m.tls = tls_files_new();
	if (m.tls == NULL)
		fatal("no memory to start with");
	take_descriptors(&a, &m.conf, &o);
	if (a.wrong[0] != '\0') {
		if (!a.quiet)
			fputs(usage, stderr);
		fatal("%s", a.wrong);
	}
	if (sodium_init() == -1)
		fatal("libsodium cannot be initialized");
	if (a.catcher)
		configure_catcher(&m.conf, &a);
	else if (check_load(a.conf, &m.conf, m.tls, a.quiet) == -1) {
		if (a.check)
			check_note_user(&m.conf);
		return 1;
	}
	if (a.check)
		return check_conf(&m.conf, m.tls);
	make_absolute(&m.conf.path);
	o.worker = find_worker(a.worker);
	o.pid_file = a.pid_file;
	o.foreground = a.foreground || a.catcher || o.inetd != NULL ||
	    o.sockets != NULL;
	if (a.catcher) {
		catcher_init();
		take_certificate(&m, &a);
	}
	open_log(&m.conf, &a);
	return start_and_run(&m, &o);
}
