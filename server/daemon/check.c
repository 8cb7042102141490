/* Permissions are tried, not computed, as the user of the master. */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_warn.h"
#include "server/mail/recipient.h"
#include "server/session/listen.h"
#include "shared/log.h"
#include "shared/os/os.h"

char *
check_next_mistake(char **text)
{
	char *line;

	while ((line = strsep(text, "\n")) != NULL)
		if (line[0] != '\0' && line[0] != ' ')
			return line;
	return NULL;
}

int
check_load(const char *path, struct conf *out, struct tls_files *tls,
    bool quiet)
{
	char *text = NULL, *line, *rest;
	size_t n;
	FILE *err = open_memstream(&text, &n);
	int result;

	fatal_unless_memory(err != NULL);
	result = recipient_load(path, out, err) == -1 ||
	    tls_files_load(out, NULL, tls, err) == -1 ? -1 : 0;
	conf_relay_find_resolvers(out, NULL);
	fclose(err);
	rest = quiet ? text : NULL;
	while ((line = check_next_mistake(&rest)) != NULL)
		log_error(line, NULL, 0);
	if (!quiet)
		fputs(text, stderr);
	free(text);
	return result;
}

void
check_log_warning(const char *path, unsigned line, const char *text)
{
	log_put(LOG_LEVEL_WARNING, "warning", "file=%s line?=%zu what=%s",
	    path, (size_t)line, text);
}

/* smtpd -n */
static struct {
	const struct conf	*conf;
	struct users		 users;
	bool			 as_root;	/* our effective uid is 0 */
	bool			 root_helps;	/* it starts smtpd here */
	unsigned		 faults;
} trial;

static void __attribute__((format(printf, 3, 4)))
tell(bool fault, unsigned line, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:", trial.conf->path);
	if (line > 0)
		fprintf(stderr, "%u:", line);
	fputs(fault ? " " : " warning: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	trial.faults += fault;
}

/* Where root starts smtpd, what only root can is no fault, unless always. */
static void
tell_denied(bool always, unsigned line, const char *path, const char *what)
{
	const char *user = trial.users.master.name;
	bool fault = always || !trial.root_helps;

	tell(fault, line, "%s: %s cannot %s it%s: %s%s", path, user, what,
	    trial.as_root ? ", root can" : "", privdrop_denial(path),
	    !trial.as_root || always ? "" : fault ?
	    ", as whom smtpd.service starts" :
	    ", or neither SIGHUP nor a start that is not root's works");
}

static void
try_file(unsigned line, const char *path)
{
	if (path == NULL || access(path, R_OK) == 0)
		return;
	if (errno == EACCES)
		tell_denied(false, line, path, "read");
	else
		tell(true, line, "%s: %s", path, strerror(errno));
}

static void
try_parent(bool always, unsigned line, const char *path)
{
	char copy[PATH_MAX];
	const char *dir;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (access(dir, F_OK) == -1 && errno != EACCES)
		tell(true, line, "%s: %s: %s", path, dir, strerror(errno));
	else if (access(dir, X_OK) == -1)
		tell_denied(always, line, dir, "enter");
	else if (access(dir, W_OK) == -1)
		tell_denied(false, line, dir, "write to");
}

static void
try_places(void)
{
	unsigned line = conf_line_of(&trial.conf->sets, "root");
	const char *root = trial.conf->root, *log = trial.conf->log_path;
	struct stat st;

	if (privdrop_find_bar(root) != NULL)
		tell_denied(false, line, root, "reach");
	else if (lstat(root, &st) == -1)
		/* Root creates it; without root the user has to. */
		try_parent(false, line, root);
	else if (!S_ISDIR(st.st_mode))
		tell(true, line, "%s: no directory, and no link is followed "
		    "there", root);
	/* After a rotation the user of the master creates the file again. */
	line = conf_line_of(&trial.conf->sets, "log");
	if (trial.conf->log != CONF_LOG_FILE || access(log, W_OK) == 0)
		return;
	if (access(log, F_OK) == 0)
		tell_denied(true, line, log, "write to");
	else
		try_parent(true, line, log);
}

static void
try_all(void)
{
	const struct conf *conf = trial.conf;

	try_file(0, conf->path);
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		try_file(conf_line_of(&d->sets, "users"), d->users.path);
		try_file(conf_line_of(&d->sets, "aliases"), d->aliases.path);
	}
	for (size_t i = 0; i < conf->pair_count; i++) {
		try_file(conf->pairs[i].line, conf->pairs[i].certificate);
		try_file(conf->pairs[i].line, conf->pairs[i].key);
	}
	try_places();
}

/* Mail of another user is never taken over, whoever starts smtpd. */
static void
check_owner(void)
{
	uid_t want = trial.users.master.uid;
	int fd = open(trial.conf->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	char why[512];
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid != want &&
	    (!trial.root_helps || !hold_may_give(fd, &st))) {
		privdrop_describe(trial.conf->root, why, sizeof(why));
		tell(true, conf_line_of(&trial.conf->sets, "root"),
		    "%s, and not to %s: chown -R it, or name another root", why,
		    trial.users.master.name);
	}
	close(fd);
}

static void
try_address(const char *keyword, const struct conf_listen *l)
{
	struct address a;

	if (listen_try(trial.conf, l) == -1 && address_of(&l->addr, &a))
		tell(true, l->line, "%s %s: %s", keyword, a.text,
		    errno == EADDRNOTAVAIL ? "this host has no such address" :
		    strerror(errno));
}

static void
check_addresses(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A unit that is passed its sockets may have no network. */
	if (fd == -1)
		return;
	close(fd);
	for (size_t i = 0; i < trial.conf->listen_count; i++)
		try_address("listen", &trial.conf->listens[i]);
	for (size_t i = 0; i < 2; i++) {
		const struct conf_source *s = &trial.conf->relay.sources[i];
		struct conf_listen l = { .line = s->line };

		l.addr_len = ip_sockaddr(&s->ip, 0, &l.addr);
		if (s->line != 0)
			try_address("source", &l);
	}
}

/* Could this process not try as the user of conf? */
static void
note_user(const struct conf *conf)
{
	struct identity want, me;

	privdrop_own(&me);
	if (!os_may_change_user() && conf->user != NULL &&
	    privdrop_find(conf->user, &want) && want.uid != me.uid)
		fprintf(stderr, "smtpd: tried as %s; only root can try as "
		    "%s\n", me.name, want.name);
}

static void
show_warning(const char *path, unsigned line, const char *text)
{
	if (line > 0)
		fprintf(stderr, "%s:%u: warning: %s\n", path, line, text);
	else
		fprintf(stderr, "%s: warning: %s\n", path, text);
}

int
check_conf(const char *path, struct conf *conf, struct tls_files *tls)
{
	const char *why;

	if (check_load(path, conf, tls, false) == -1) {
		note_user(conf);
		return 1;
	}
	trial.conf = conf;
	privdrop_find_users(conf, &trial.users);
	trial.as_root = geteuid() == 0;
	trial.root_helps = trial.as_root &&
	    access("/run/systemd/system", F_OK) == -1;
	check_owner();
	check_addresses();
	for (size_t i = 0; i < tls->count; i++) {
		why = tls_files_trouble(&tls->pairs[i].facts, time(NULL));
		if (why != NULL)
			tell(false, conf->pairs[i].line, "%s: %s",
			    conf->pairs[i].certificate, why);
	}
	if (conf->listen_count == 0)
		fprintf(stderr, "smtpd: %s: no listen line: enough for "
		    "inetd and systemd sockets only\n", conf->path);
	conf_warn(conf, show_warning);
	note_user(conf);
	if (trial.users.drop &&
	    privdrop_become(&trial.users, &trial.users.master) == -1)
		fatal("cannot become %s: %s", trial.users.master.name,
		    strerror(errno));
	try_all();
	if (trial.faults > 0)
		return 1;
	conf_print(conf, stdout);
	return 0;
}
