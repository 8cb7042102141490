/* Warnings about a configuration that is accepted, and its disk. */
#include "server/conf/conf_warn.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"

/* Does crypt(3) of this system know the kind of hash?  Each is tried once. */
static bool
is_known(struct span hash)
{
	/* All of shared/password_form.c, at the lowest cost. */
	static const char *const cheap[] = { "$6$rounds=1000$ab$",
	    "$5$rounds=1000$ab$", "$2a$04$abcdefghijklmnopqrstuu",
	    "$2b$04$abcdefghijklmnopqrstuu", "$2y$04$abcdefghijklmnopqrstuu",
	    "$y$j75$ab$" };
	enum { count = sizeof(cheap) / sizeof(cheap[0]) };
	static bool tried[count], known[count];

	for (size_t i = 0; i < count; i++) {
		const size_t n = strcspn(cheap[i] + 1, "$") + 2;
		const char *got;

		if (hash.n < n || memcmp(hash.p, cheap[i], n) != 0)
			continue;
		/* Unknown: NULL, "*0", or (FreeBSD) one of another kind. */
		got = tried[i] ? NULL : crypt("", cheap[i]);
		known[i] = known[i] || (got != NULL &&
		    strncmp(got, cheap[i], n) == 0);
		tried[i] = true;
		return known[i];
	}
	return true;
}

static const char *
why_broken(const struct conf_entry *e)
{
	struct password_form form;

	if (e->broken != NULL || e->stored == NULL)
		return e->broken;
	return password_form_parse(span_of(e->stored), &form) != NULL ||
	    form.kind != PASSWORD_CRYPT || is_known(form.hash) ? NULL :
	    "crypt(3) of this system cannot check this kind of hash: set the "
	    "password anew with smtpctl passwd";
}

static void
warn_table(const struct conf_domain *d, const struct conf_table *t,
    conf_warn_fn *tell, unsigned *count)
{
	const bool login = t == &d->users;
	char text[1024];

	for (size_t i = 0; i < t->count; i++) {
		const struct conf_entry *e = &t->one[i];
		const char *why = why_broken(e);

		if (why == NULL || (*count)++ >= conf_mistakes_max)
			continue;
		snprintf(text, sizeof(text), "%s%s@%s %s: %s", login ? "" :
		    "mail for ", e->name, d->name, login ? "cannot log in" :
		    "is answered 451", why);
		tell(t->path, e->line, text);
	}
}

void
conf_warn_broken(const struct conf *conf, conf_warn_fn *tell)
{
	unsigned count = 0;
	char text[1024];

	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		if (d->catch_all_broken != NULL &&
		    count++ < conf_mistakes_max) {
			snprintf(text, sizeof(text), "mail for the catch-all "
			    "of %s is answered 451: %s", d->name,
			    d->catch_all_broken);
			tell(conf->path, conf_line_of(&d->sets, "catch-all"),
			    text);
		}
		warn_table(d, &d->aliases, tell, &count);
		warn_table(d, &d->users, tell, &count);
	}
	if (count <= conf_mistakes_max)
		return;
	snprintf(text, sizeof(text), "%u more aliases, catch-alls or logins "
	    "are broken", count - conf_mistakes_max);
	tell(conf->path, 0, text);
}

const char *
conf_warn_apart(const char *root)
{
	static const char *const below[] = { "mail", "spool/incoming" };
	char path[PATH_MAX];
	dev_t device[2];
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, below[i]);
		/* A missing directory will be created below the root. */
		if (stat(path, &st) == -1 && stat(root, &st) == -1)
			return NULL;
		device[i] = st.st_dev;
	}
	return device[0] == device[1] ? NULL :
	    "its mail and spool/incoming are on two file systems: each "
	    "message is written twice, where one would have a second name; "
	    "mount one for both of them";
}

/* Lines of the relay block that let out more, or less, than it seems. */
static void
warn_relay(const struct conf *conf, conf_warn_fn *tell)
{
	static const struct ip docker = { 0, { 172, 17, 0, 1 } };
	const struct conf_relay *relay = &conf->relay;
	bool can_log_in = conf->listen_count == 0;

	for (size_t i = 0; i < conf->listen_count; i++)
		can_log_in |= (conf->listens[i].words & LISTEN_SUBMISSION) != 0;
	if (relay->authenticated != 0 && !can_log_in)
		tell(conf->path, relay->authenticated, "nobody can log in: no "
		    "line with \"listen\" says submission");
	for (size_t i = 0; i < relay->from_count; i++) {
		const struct conf_range *r = &relay->from[i];

		if (ip_reach(&r->ip) == IP_PUBLIC &&
		    r->bits < (r->ip.ipv6 ? 48 : 24))
			tell(conf->path, r->line, "everybody in this network, "
			    "which is neither private nor small, can send mail "
			    "to anybody in your name");
		else if (conf_range_has(r, &docker))
			tell(conf->path, r->line, "172.17.0.1 is in this "
			    "network: where Docker passes connections on to "
			    "here, strangers come from that address, and can "
			    "send mail to anybody");
	}
	for (size_t i = 0; i < relay->route_count; i++)
		if (conf_find_domain(conf, span_of(relay->routes[i].domain)) !=
		    NULL)
			tell(conf->path, relay->routes[i].via.line, "mail for "
			    "this domain is ours, and goes nowhere else");
}

void
conf_warn(const struct conf *conf, conf_warn_fn *tell)
{
	const char *apart = conf->catcher ? NULL : conf_warn_apart(conf->root);
	bool passwords = false;
	char text[400];

	snprintf(text, sizeof(text), "hostname \"%s\" has no dot: the greeting "
	    "and Received need a name that other hosts can look up",
	    conf->hostname);
	if (strchr(conf->hostname, '.') == NULL)
		tell(conf->path, conf_line_of(&conf->sets, "hostname"), text);
	for (size_t i = 0; i < conf->domain_count; i++)
		for (size_t k = 0; k < conf->domains[i].users.count; k++)
			passwords |= conf->domains[i].users.one[k].stored !=
			    NULL;
	for (size_t i = 0; i < conf->listen_count && !passwords; i++)
		if (conf->listens[i].words & LISTEN_SUBMISSION)
			tell(conf->path, conf->listens[i].line,
			    "nobody can log in here: no user has a password, "
			    "see smtpctl passwd");
	warn_relay(conf, tell);
	conf_warn_broken(conf, tell);
	if (apart != NULL)
		tell(conf->root, 0, apart);
}

void
conf_room_of(const struct statvfs *spool, const struct statvfs *mail,
    struct conf_room *out)
{
	const struct statvfs *v = spool;

	if ((uint64_t)mail->f_bavail * mail->f_frsize <
	    (uint64_t)spool->f_bavail * spool->f_frsize)
		v = mail;
	out->total_bytes = (uint64_t)v->f_blocks * v->f_frsize;
	out->free_bytes = (uint64_t)v->f_bavail * v->f_frsize;
	out->total_inodes = v->f_files;
	out->free_inodes = v->f_favail;
}

bool
conf_has_octets(const struct conf_room *room, const struct conf_limits *l,
    uint64_t size)
{
	return room->free_bytes >= l->disk_reserve_bytes &&
	    room->free_bytes - l->disk_reserve_bytes >= size;
}

bool
conf_has_inodes(const struct conf_room *room, const struct conf_limits *l)
{
	/* A file system without a limit of inodes says 0 of 0. */
	return room->total_inodes == 0 || room->free_inodes >= l->inode_reserve;
}
