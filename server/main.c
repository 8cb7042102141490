/* smtpd: reads the command line, and starts what it asks for. */
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
#include "server/conf/conf_parse.h"
#include "server/log/catcher.h"
#include "server/start.h"
#include "shared/log.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif
#ifndef SMTPD_WORKER
#define SMTPD_WORKER "/usr/local/libexec/smtpd-worker"
#endif

/* Options without a letter, beside those that have one. */
enum { STARTTLS = 1, CERTIFICATE, KEY, NO_SANDBOX, HELP, option_count = 'z' };

struct arguments {
	const char	*set[option_count];	/* its value, or "" */
	const char	*dir;		/* of the catcher */
	bool		 foreground;
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
static void
find_clash(struct arguments *a)
{
	static const char of_catcher[] = " is an option of the catcher: it "
	    "needs -C", exclude[] = " exclude each other";
	static const struct {
		int		 one, other;
		bool		 needed;	/* by one; else excluded */
		const char	*what, *why;
	} t[] = {
		{ 'l', 'C', true, "-l", of_catcher },
		{ 'a', 'C', true, "-a", of_catcher },
		{ STARTTLS, 'C', true, "--starttls", of_catcher },
		{ CERTIFICATE, 'C', true, "--certificate", of_catcher },
		{ NO_SANDBOX, 'C', true, "--no-sandbox", of_catcher },
		{ KEY, CERTIFICATE, true, "--key", " needs --certificate" },
		{ 'C', 'n', false, "-C and -n", exclude },
		{ 'C', 'd', false, "-C and -d", " exclude each "
		    "other: the catcher always stays in the foreground" },
		{ 'i', 'C', false, "-i and -C", exclude },
		{ 'i', 'n', false, "-i and -n", exclude },
		{ 'i', 'p', false, "-i and -p", exclude },
		{ 'p', 'C', false, "-p and -C", exclude },
		{ 'p', 'n', false, "-p and -n", exclude }
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (a->set[t[i].one] != NULL &&
		    (a->set[t[i].other] != NULL) != t[i].needed) {
			snprintf(a->wrong, sizeof(a->wrong), "%s%s",
			    t[i].what, t[i].why);
			return;
		}
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
		if (c == '?') {
			wrong_word(usage, argc, argv, a->wrong);
			return;
		}
		a->set[c] = optarg != NULL ? optarg : "";
	}
	if (a->set['C'] && optind < argc)
		a->dir = argv[optind++];
	find_clash(a);
	if (a->wrong[0] == '\0' && optind < argc)
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
	    host.p[host.n - 1] == ']';
	struct ip ip;
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
	if (!ip_parse(host, &ip) || ip.ipv6 != bracket)
		return false;
	memset(out, 0, sizeof(*out));
	out->addr_len = ip_sockaddr(&ip, (uint16_t)port, &out->addr);
	return true;
}

/*
 * Takes -a; with the digest, for a program under test that answers a challenge
 * (CRAM-MD5, RFC 2195).
 */
static void
take_login(struct conf *conf, const char *login)
{
	size_t name = strcspn(login, ":");
	const char *password = login + name + 1;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n;

	if (login[name] != ':' || !sasl_is_safe(span_from(login, name),
	    sasl_name_max_bytes) || !sasl_is_safe(span_of(password),
	    sasl_password_max_bytes))
		fatal("-a: not NAME:PASSWORD, each of 1 to 255 octets");
	conf->catcher_login = login;
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
	const char *listen = a->set['l'];
	static char dir[PATH_MAX];

	fatal_unless_memory(conf_init(conf) == 0);
	conf->catcher = true;
	conf->sandbox_optional = a->set[NO_SANDBOX] != NULL;
	conf->limits.per_address = conf->limits.workers;
	conf->limits.per_network = conf->limits.workers;
	conf->limits.disk_reserve_bytes = 1024 * 1024;
	conf->limits.inode_reserve = 100;
	conf->listens = calloc(1, sizeof(*conf->listens));
	fatal_unless_memory(conf->listens != NULL);
	conf->listen_count = 1;
	if (!parse_listen(listen != NULL ? listen : "127.0.0.1:2525",
	    &conf->listens[0]))
		fatal("-l %s: neither PORT nor ADDRESS:PORT, as in 1025, "
		    "127.0.0.1:2525 or [::1]:2525", listen);
	if (a->set['a'])
		take_login(conf, a->set['a']);
	free(conf->root);
	catcher_dir_default(dir, sizeof(dir));
	conf->root = strdup(a->dir != NULL ? a->dir : dir);
	fatal_unless_memory(conf->root != NULL);
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
	const char *certificate = a->set[CERTIFICATE], *key = a->set[KEY];
	struct conf_pair *pair;

	if (certificate == NULL) {
		if (a->set[STARTTLS] &&
		    tls_files_make(m->conf.hostname, m->tls) == -1)
			fatal("OpenSSL cannot make a certificate");
		return;
	}
	pair = m->conf.pairs = calloc(1, sizeof(*pair));
	fatal_unless_memory(pair != NULL);
	m->conf.pair_count = 1;
	pair->certificate = strdup(certificate);
	pair->key = strdup(key != NULL ? key : certificate);
	fatal_unless_memory(pair->certificate != NULL && pair->key != NULL);
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
		    "directory, or name another place of smtpd's second "
		    "program with -w", path, (unsigned)geteuid(), bar);
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
	bool one = a->set['i'] && !inherit_stdin_listens();
	bool several = !one && !a->set['C'] && !a->set['n'];

	/* Descriptors that the shell left open are not ours to keep. */
	closefrom(STDERR_FILENO + 1 + (several ? inherit_promised() : 0));
	if (a->quiet) {
		log_open(LOG_TO_SYSLOG);
		a->foreground = false;
	}
	if (one) {
		inherit_take_client(&inetd, conf, &a->foreground);
		o->inetd = &inetd;
		a->quiet = !a->foreground;
	} else if (several) {
		inherit_take_sockets(&sockets);
		if (sockets.count > 0)
			o->sockets = &sockets;
	}
}

/* The log's target until its file is opened. */
static enum log_target
log_target(struct conf *conf, const struct arguments *a)
{
	bool verbose = a->set['v'] != NULL;

	if (a->set['C'])
		return verbose ? LOG_TO_STDERR : LOG_TO_NOBODY;
	if (a->foreground && verbose) {
		conf->log = CONF_LOG_STDERR;
		conf->log_forced = true;
	}
	if (conf->log == CONF_LOG_STDERR && !a->foreground)
		fatal("\"log to stderr\" needs -d: in the background there "
		    "is no standard error");
	if (conf->log == CONF_LOG_STDERR ||
	    (conf->log == CONF_LOG_DEFAULT && a->foreground))
		return LOG_TO_STDERR;
	/* Nobody reads standard error: what is fatal must not be lost. */
	return conf->log == CONF_LOG_FILE && !a->quiet ? LOG_TO_NOBODY :
	    LOG_TO_SYSLOG;
}

int
main(int argc, char *argv[])
{
	static struct master m;
	struct arguments a = { 0 };
	struct start_options o = { 0 };

	a.set['f'] = SMTPD_CONF;
	a.set['w'] = SMTPD_WORKER;
	a.quiet = !inherit_guard();
	read_arguments(argc, argv, &a);
	a.foreground = a.set['d'] != NULL;
	take_descriptors(&a, &m.conf, &o);
	m.tls = tls_files_new();
	fatal_unless_memory(m.tls != NULL);
	if (a.wrong[0] != '\0') {
		if (!a.quiet)
			fputs(usage, stderr);
		fatal("%s", a.wrong);
	}
	if (sodium_init() == -1)
		fatal("libsodium cannot be initialized");
	if (a.set['C'])
		configure_catcher(&m.conf, &a);
	else if (a.set['n'])
		return check_conf(a.set['f'], &m.conf, m.tls);
	else if (check_load(a.set['f'], &m.conf, m.tls, a.quiet) == -1)
		return 1;
	make_absolute(&m.conf.path);
	o.worker = find_worker(a.set['w']);
	o.pid_file = a.set['p'];
	o.foreground = a.foreground || a.set['C'] || o.inetd != NULL ||
	    o.sockets != NULL;
	if (a.set['C']) {
		catcher_init();
		take_certificate(&m, &a);
	}
	log_open(log_target(&m.conf, &a));
	return start_and_run(&m, &o);
}
