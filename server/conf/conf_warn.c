/*
 * Warnings about a configuration that is accepted all the same.
 */
#include "server/conf/conf_text.h"
#include "server/conf/conf_warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <limits.h>

static void
warn_hostname(const struct conf *conf, conf_warn_fn *tell)
{
	char text[400];

	if (strchr(conf->hostname, '.') != NULL)
		return;
	snprintf(text, sizeof(text), "hostname \"%s\" has no dot: the "
	    "greeting and Received want a name that others can look up",
	    conf->hostname);
	tell(conf->path, conf_line_of(conf, "hostname"), text);
}

static bool
anybody_has_password(const struct conf *conf)
{
	for (size_t i = 0; i < conf->domain_count; i++)
		for (size_t k = 0; k < conf->domains[i].user_count; k++)
			if (conf->domains[i].users[k].stored != NULL)
				return true;
	return false;
}

static void
warn_logins(const struct conf *conf, conf_warn_fn *tell)
{
	if (anybody_has_password(conf))
		return;
	for (size_t i = 0; i < conf->listen_count; i++)
		if (conf->listens[i].submission)
			tell(conf->path, conf->listens[i].line,
			    "nobody can log in here: no user has a password, "
			    "see smtpctl passwd");
}

/* Tells the first twenty, and counts the rest. */
struct telling {
	conf_warn_fn		*tell;
	unsigned	 count;
	const char	*path;		/* place of the last one */
	unsigned	 line;
};

static void tell_broken(struct telling *, const char *, unsigned,
    const char *, ...) __attribute__((format(printf, 4, 5)));

static void
tell_broken(struct telling *t, const char *path, unsigned line,
    const char *format, ...)
{
	char text[1024];
	va_list ap;

	t->path = path;
	t->line = line;
	if (t->count++ >= conf_mistakes_max)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	t->tell(path, line, text);
}

static void
tell_domain(struct telling *t, const struct conf *conf,
    const struct conf_domain *d)
{
	if (d->catch_all_broken != NULL)
		tell_broken(t, conf->path, d->catch_all_line, "mail for the "
		    "catch-all of %s is answered 451: %s", d->name,
		    d->catch_all_broken);
	for (size_t i = 0; i < d->alias_count; i++)
		if (d->aliases[i].broken != NULL)
			tell_broken(t, d->aliases_path, d->aliases[i].line,
			    "mail for %s@%s is answered 451: %s",
			    d->aliases[i].name, d->name,
			    d->aliases[i].broken);
	for (size_t i = 0; i < d->user_count; i++)
		if (d->users[i].broken != NULL)
			tell_broken(t, d->users_path, d->users[i].line,
			    "%s@%s cannot log in: %s", d->users[i].name,
			    d->name, d->users[i].broken);
}

void
conf_warn_broken(const struct conf *conf, conf_warn_fn *tell)
{
	struct telling t = { .tell = tell };
	char text[64];

	for (size_t i = 0; i < conf->domain_count; i++)
		tell_domain(&t, conf, &conf->domains[i]);
	if (t.count <= conf_mistakes_max)
		return;
	snprintf(text, sizeof(text), "%u more are broken, this is the last",
	    t.count - conf_mistakes_max);
	tell(t.path, t.line, text);
}

/* A missing directory will be created below the root. */
static bool
device_of(const char *root, const char *below, dev_t *out)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", root, below);
	if (stat(path, &st) == -1 && stat(root, &st) == -1)
		return false;
	*out = st.st_dev;
	return true;
}

const char *
conf_warn_apart(const char *root)
{
	dev_t mail, spool;

	return device_of(root, "mail", &mail) &&
	    device_of(root, "spool/incoming", &spool) && mail != spool ?
	    "its mail and spool/incoming are on two file systems: each "
	    "message is written twice, where one would have a second name; "
	    "mount one for both of them" : NULL;
}

void
conf_warn(const struct conf *conf, conf_warn_fn *tell)
{
	const char *apart = conf->catcher ? NULL : conf_warn_apart(conf->root);

	warn_hostname(conf, tell);
	warn_logins(conf, tell);
	conf_warn_broken(conf, tell);
	if (apart != NULL)
		tell(conf->root, 0, apart);
}
