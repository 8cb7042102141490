/*
 * Permissions are tried, not computed: the process becomes the user of the
 * master, and so has the groups of that user and meets the same ACLs.
 */
#include "server/daemon/check.h"

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
#include "server/daemon/hold.h"
#include "server/mail/recipient.h"
#include "server/session/listen.h"
#include "shared/ip.h"
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
	FILE *err = stderr;
	size_t n;
	int result;

	if (quiet)
		err = open_memstream(&text, &n);
	fatal_unless_memory(err != NULL);
	result = recipient_load(path, out, err) == -1 ||
	    tls_files_load(out, NULL, tls, err) == -1 ? -1 : 0;
	conf_relay_find_resolvers(out, NULL);
	if (!quiet)
		return result;
	fclose(err);
	rest = result == -1 ? text : NULL;
	while ((line = check_next_mistake(&rest)) != NULL)
		log_error(line, NULL, 0);
	free(text);
	return result;
}

void
check_log_warning(const char *path, unsigned line, const char *text)
{
	if (line > 0)
		log_put(LOG_LEVEL_WARNING, "warning", "file=%s line=%zu "
		    "what=%s", path, (size_t)line, text);
	else
		log_put(LOG_LEVEL_WARNING, "warning", "file=%s what=%s", path,
		    text);
}

struct trial {
	const struct conf	*conf;
	struct users		 users;
	bool			 as_root;	/* our effective uid is 0 */
	bool			 root_helps;	/* it starts smtpd here */
	unsigned		 faults;
};

static void __attribute__((format(printf, 4, 5)))
tell(struct trial *t, bool fault, unsigned line, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:", t->conf->path);
	if (line > 0)
		fprintf(stderr, "%u:", line);
	fputs(fault ? " " : " warning: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	t->faults += fault;
}

/* Where root starts smtpd, what only root can is no fault, unless always. */
static void
tell_denied(struct trial *t, bool always, unsigned line, const char *path,
    const char *what)
{
	const char *user = t->users.master.name;
	bool fault = always || !t->root_helps;

	tell(t, fault, line, "%s: %s cannot %s it%s: %s%s", path, user, what,
	    t->as_root ? ", root can" : "", privdrop_denial(path),
	    !t->as_root || always ? "" : fault ?
	    ", as whom smtpd.service starts" :
	    ", or neither SIGHUP nor a start that is not root's works");
}

static void
try_file(struct trial *t, unsigned line, const char *path)
{
	if (path == NULL || access(path, R_OK) == 0)
		return;
	if (errno == EACCES)
		tell_denied(t, false, line, path, "read");
	else
		tell(t, true, line, "%s: %s", path, strerror(errno));
}

/* Tries whether path could be created in its directory. */
static void
try_parent(struct trial *t, bool always, unsigned line, const char *path)
{
	char copy[PATH_MAX];
	const char *dir;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (access(dir, F_OK) == -1 && errno != EACCES)
		tell(t, true, line, "%s: %s: %s", path, dir,
		    strerror(errno));
	else if (access(dir, X_OK) == -1)
		tell_denied(t, always, line, dir, "enter");
	else if (access(dir, W_OK) == -1)
		tell_denied(t, false, line, dir, "write to");
}

static void
try_places(struct trial *t)
{
	unsigned line = conf_line_of(&t->conf->sets, "root");
	const char *root = t->conf->root, *log = t->conf->log_path;
	struct stat st;

	if (privdrop_find_bar(root) != NULL)
		tell_denied(t, false, line, root, "reach");
	else if (lstat(root, &st) == -1)
		/* Root creates it; without root the user has to. */
		try_parent(t, false, line, root);
	else if (!S_ISDIR(st.st_mode))
		tell(t, true, line, "%s: no directory, and no link is "
		    "followed there", root);
	/* After a rotation the user of the master creates the file again. */
	line = conf_line_of(&t->conf->sets, "log");
	if (t->conf->log != CONF_LOG_FILE || access(log, W_OK) == 0)
		return;
	if (access(log, F_OK) == 0)
		tell_denied(t, true, line, log, "write to");
	else
		try_parent(t, true, line, log);
}

static void
try_all(struct trial *t)
{
	const struct conf *conf = t->conf;

	try_file(t, 0, conf->path);
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		try_file(t, conf_line_of(&d->sets, "users"), d->users.path);
		try_file(t, conf_line_of(&d->sets, "aliases"),
		    d->aliases.path);
	}
	for (size_t i = 0; i < conf->pair_count; i++) {
		try_file(t, conf->pairs[i].line, conf->pairs[i].certificate);
		try_file(t, conf->pairs[i].line, conf->pairs[i].key);
	}
	try_places(t);
}

/* Mail of another user is never taken over, whoever starts smtpd. */
static void
check_owner(struct trial *t)
{
	uid_t want = t->users.master.uid;
	int fd = open(t->conf->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	char why[512];
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid != want &&
	    (!t->root_helps || !hold_may_give(fd, &st))) {
		privdrop_describe(t->conf->root, why, sizeof(why));
		tell(t, true, conf_line_of(&t->conf->sets, "root"),
		    "%s, and not to %s: chown -R it, or name another root", why,
		    t->users.master.name);
	}
	close(fd);
}

static void
try_address(struct trial *t, const char *keyword, const struct conf_listen *l)
{
	struct address a;

	if (listen_try(t->conf, l) == -1 && address_of(&l->addr, &a))
		tell(t, true, l->line, "%s %s: %s", keyword, a.text,
		    errno == EADDRNOTAVAIL ? "this host has no such address" :
		    strerror(errno));
}

static void
check_addresses(struct trial *t)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A unit that is passed its sockets may have no network. */
	if (fd == -1)
		return;
	close(fd);
	for (size_t i = 0; i < t->conf->listen_count; i++)
		try_address(t, "listen", &t->conf->listens[i]);
	for (size_t i = 0; i < 2; i++) {
		const struct conf_source *s = &t->conf->relay.sources[i];
		struct conf_listen l = { .line = s->line };

		l.addr_len = ip_sockaddr(i == 1, s->ip.ip, 0, &l.addr);
		if (s->line != 0)
			try_address(t, "source", &l);
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
	struct trial t = { .conf = conf };
	const char *why;

	if (check_load(path, conf, tls, false) == -1) {
		note_user(conf);
		return 1;
	}
	privdrop_find_users(conf, &t.users);
	t.as_root = geteuid() == 0;
	t.root_helps = t.as_root &&
	    access("/run/systemd/system", F_OK) == -1;
	check_owner(&t);
	check_addresses(&t);
	for (size_t i = 0; i < tls->count; i++) {
		why = tls_files_trouble(&tls->pairs[i].facts, time(NULL));
		if (why != NULL)
			tell(&t, false, conf->pairs[i].line, "%s: %s",
			    conf->pairs[i].certificate, why);
	}
	if (conf->listen_count == 0)
		fprintf(stderr, "smtpd: %s: no listen line: enough for "
		    "inetd and systemd sockets only\n", conf->path);
	conf_warn(conf, show_warning);
	note_user(conf);
	if (t.users.drop &&
	    privdrop_become(&t.users, &t.users.master) == -1)
		fatal("cannot become %s: %s", t.users.master.name,
		    strerror(errno));
	try_all(&t);
	if (t.faults > 0)
		return 1;
	conf_print(conf, stdout);
	return 0;
}
