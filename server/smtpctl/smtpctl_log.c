/*
 * smtpctl log: what was asked for, keys, and making checkpoints.  Verifying
 * is smtpctl_log_verify.c's.
 */
#include "server/smtpctl/smtpctl_log.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/smtpctl/smtpctl_await.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "server/smtpctl/smtpctl_log_verify.h"

struct options {
	const char	*root;
	const char	*conf;
	const char	*checkpoints;
	const char	*key;
	const char	*append;
	bool		 quiet;
	char		**rest;
	size_t		 rest_count;
};

static bool
read_options(struct options *o, int argc, char *argv[], const char *letters)
{
	int c;

	memset(o, 0, sizeof(*o));
	while ((c = getopt(argc, argv, letters)) != -1)
		switch (c) {
		case 'a':
			o->append = optarg;
			break;
		case 'c':
			o->checkpoints = optarg;
			break;
		case 'd':
			o->root = optarg;
			break;
		case 'f':
			o->conf = optarg;
			break;
		case 'k':
		case 'p':
			o->key = optarg;
			break;
		case 'q':
			o->quiet = true;
			break;
		default:
			return false;
		}
	o->rest = argv + optind;
	o->rest_count = (size_t)(argc - optind);
	return true;
}

/* The first line of a small file, in its LF or without. */
static struct span
read_small(const char *path, char *storage, size_t size)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO :
	    open(path, O_RDONLY | O_CLOEXEC);
	size_t at = 0;
	ssize_t n = -1;

	while (fd != -1 && at < size &&
	    (n = read(fd, storage + at, size - at)) > 0)
		at += (size_t)n;
	if (fd == -1 || n == -1)
		err(smtpctl_exit_error, "%s", path);
	if (fd != STDIN_FILENO)
		close(fd);
	return span_from(storage, at);
}

/* Where a running smtpd, or who makes checkpoints by cron, may keep them. */
static const char *
find_checkpoints(const char *root)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/log/checkpoint", root);
	return access(path, F_OK) == 0 ? path : NULL;
}

static int
log_verify(int argc, char *argv[])
{
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
	char storage[log_key_line_bytes];
	struct smtpctl_verify v = { .bad = stdout };
	struct options o;

	if (!read_options(&o, argc, argv, "c:d:f:p:q"))
		return -1;
	v.paths = o.rest_count > 0 ? o.rest : NULL;
	v.path_count = o.rest_count;
	if (v.paths == NULL)
		v.root = smtpctl_conf_root(o.root, o.conf);
	v.checkpoints = o.checkpoints != NULL || v.paths != NULL ?
	    o.checkpoints : find_checkpoints(v.root);
	if (o.key != NULL && v.checkpoints == NULL)
		errx(smtpctl_exit_error, "-p %s: there are no checkpoints to "
		    "check with it: name them with -c", o.key);
	if (o.key != NULL) {
		if (!log_key_read_public(read_small(o.key, storage,
		    sizeof(storage)), key))
			errx(smtpctl_exit_error, "%s: not a public key of "
			    "\"smtpctl log keygen\"", o.key);
		v.key = key;
	}
	v.out = o.quiet ? NULL : stdout;
	smtpctl_log_verify(&v);
	return v.faults == 0 ? 0 : 1;
}

static void
sign(struct log_checkpoint *c, const char *path)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char storage[log_key_line_bytes];

	if (!log_key_read_secret(read_small(path, storage, sizeof(storage)),
	    seed))
		errx(smtpctl_exit_error, "%s: not a secret key of "
		    "\"smtpctl log keygen\"", path);
	log_checkpoint_sign(c, seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(storage, sizeof(storage));
}

/* Whole and durable, or an error: half a checkpoint is worth nothing. */
static void
append(const char *path, struct span line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, line.p, line.n) != (ssize_t)line.n ||
	    fsync(fd) == -1 || close(fd) == -1)
		err(smtpctl_exit_error, "%s", path);
}

static int
put(const struct log_checkpoint *c, const char *path)
{
	uint8_t storage[log_checkpoint_line_bytes];
	struct buf line = buf_over(storage, sizeof(storage));

	log_checkpoint_write(c, &line);
	if (path != NULL)
		append(path, buf_span(&line));
	if (fwrite(line.p, 1, line.n, stdout) != line.n ||
	    fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return 0;
}

/* Only of a log that holds, up to every earlier checkpoint. */
static int
log_checkpoint(int argc, char *argv[])
{
	struct smtpctl_verify v = { .bad = stderr };
	struct log_checkpoint c;
	time_t now = time(NULL);
	struct options o;
	struct tm utc;

	if (!read_options(&o, argc, argv, "a:d:f:k:") || o.rest_count > 0)
		return -1;
	v.root = smtpctl_conf_root(o.root, o.conf);
	if (o.append != NULL && access(o.append, F_OK) == 0)
		v.checkpoints = o.append;
	smtpctl_log_verify(&v);
	if (v.faults > 0)
		return 1;
	if (!v.chain.begun) {
		warnx("%s/log: there is no line yet", v.root);
		return 1;
	}
	memset(&c, 0, sizeof(c));
	gmtime_r(&now, &utc);
	strftime(c.time, sizeof(c.time), "%Y-%m-%dT%H:%M:%SZ", &utc);
	c.n = v.chain.last;
	memcpy(c.hash, v.chain.hash, sizeof(c.hash));
	if (o.key != NULL)
		sign(&c, o.key);
	return put(&c, o.append);
}

/* What another machine has to say, signed here, where the key is. */
static int
log_sign(int argc, char *argv[])
{
	char storage[log_checkpoint_line_bytes];
	struct log_checkpoint c;
	struct options o;
	struct span line;

	if (!read_options(&o, argc, argv, "k:") || o.rest_count > 0)
		return -1;
	if (o.key == NULL)
		errx(smtpctl_exit_error, "log sign: -k KEY is missing");
	line = read_small("-", storage, sizeof(storage));
	if (line.n == 0 || line.p[line.n - 1] != '\n' ||
	    !log_checkpoint_read(span_from(line.p, line.n - 1), &c))
		errx(smtpctl_exit_error, "standard input: not a checkpoint of "
		    "\"smtpctl log checkpoint\"");
	sign(&c, o.key);
	return put(&c, NULL);
}

static void
make_file(const char *path, const char *line, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, mode);
	size_t n = strlen(line);

	if (fd == -1 || write(fd, line, n) != (ssize_t)n ||
	    fsync(fd) == -1 || close(fd) == -1)
		err(smtpctl_exit_error, "%s", path);
}

static int
log_keygen(int argc, char *argv[])
{
	char secret[log_key_line_bytes], public[log_key_line_bytes];
	char path[PATH_MAX];
	struct options o;

	if (!read_options(&o, argc, argv, "") || ++optind != argc)
		return -1;
	snprintf(path, sizeof(path), "%s.pub", o.rest[0]);
	log_key_make(secret, public);
	make_file(o.rest[0], secret, 0600);
	sodium_memzero(secret, sizeof(secret));
	make_file(path, public, 0644);
	printf("%s: the secret key: keep it where smtpd is not\n"
	    "%s: the public key, for smtpctl log verify -p\n", o.rest[0],
	    path);
	return 0;
}

int
smtpctl_log(int argc, char *argv[])
{
	static const struct {
		const char	*name;
		int		 (*run)(int, char *[]);
	} verbs[] = {
		{ "verify", log_verify },
		{ "checkpoint", log_checkpoint },
		{ "sign", log_sign },
		{ "keygen", log_keygen }
	};

	if (sodium_init() == -1)
		errx(smtpctl_exit_error, "libsodium cannot be initialized");
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]);
	    i++)
		if (strcmp(argv[1], verbs[i].name) == 0) {
			optind = 2;
			return verbs[i].run(argc, argv);
		}
	return -1;
}
