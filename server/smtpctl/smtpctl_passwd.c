/*
 * smtpctl passwd: which file it is, and what is done to it.  The file is
 * changed in passwd_file.c, the password read in passwd_ask.c.
 */
#include "server/smtpctl/smtpctl_passwd.h"

#include <sys/resource.h>

#include <err.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf.h"
#include "server/smtpctl/passwd_ask.h"
#include "server/smtpctl/passwd_file.h"
#include "server/smtpctl/smtpctl_await.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "shared/password_check.h"

enum action { ACTION_SET, ACTION_ADD, ACTION_CHECK, ACTION_DELETE };

struct options {
	enum action	 action;
	const char	*conf;
	const char	*users;		/* NULL: as the configuration says */
	struct span	 name;		/* without its domain */
	struct span	 domain;	/* empty: not said */
};

static bool
read_options(struct options *o, int argc, char *argv[])
{
	static const char letters[] = "aDcf:u:";
	const char *at, *name;
	int c, actions = 0;

	memset(o, 0, sizeof(*o));
	while ((c = getopt(argc, argv, letters)) != -1) {
		if (c == 'f')
			o->conf = optarg;
		else if (c == 'u')
			o->users = optarg;
		else if (c != 'a' && c != 'c' && c != 'D')
			return false;
		else {
			o->action = c == 'a' ? ACTION_ADD : c == 'c' ?
			    ACTION_CHECK : ACTION_DELETE;
			actions++;
		}
	}
	if (actions > 1)
		errx(smtpctl_exit_error, "passwd: -a, -c and -D exclude each "
		    "other");
	if (o->conf != NULL && o->users != NULL)
		errx(smtpctl_exit_error, "passwd: -f and -u exclude each "
		    "other");
	name = argv[optind++];
	if (optind != argc)
		return false;
	at = strrchr(name, '@');
	o->name = span_of(name);
	if (at != NULL) {
		o->name.n = (size_t)(at - name);
		o->domain = span_of(at + 1);
	}
	if (o->name.n == 0 || (at != NULL && o->domain.n == 0))
		errx(smtpctl_exit_error, "passwd: \"%s\": neither NAME nor "
		    "NAME@DOMAIN", name);
	return true;
}

/*
 * The configuration is not judged: what is wrong with it may be the very
 * password that is about to be set.
 */
static void
load(const struct options *o, const char *path, struct conf *out)
{
	FILE *null = fopen("/dev/null", "w");

	if (null == NULL)
		err(smtpctl_exit_error, "/dev/null");
	conf_load(path, out, null);
	fclose(null);
	if (out->domain_count == 0)
		errx(smtpctl_exit_error, "%s: cannot be read, or has no "
		    "domain: name another with -f, or the users file itself "
		    "with -u%s", path, o->conf == NULL ? "" :
		    "; smtpd -n says what is wrong");
}

/* Where the user's password stands; the caller's to free. */
static char *
find_users(const struct options *o)
{
	const char *path = o->conf != NULL ? o->conf : SMTPD_CONF;
	const struct conf_domain *d;
	struct conf conf;
	char *users;

	if (o->users != NULL && o->domain.n > 0)
		errx(smtpctl_exit_error, "with -u the name has no domain");
	if (o->users != NULL)
		users = strdup(o->users);
	else {
		load(o, path, &conf);
		if (o->domain.n == 0 && conf.domain_count > 1)
			errx(smtpctl_exit_error, "%s has %zu domains: say "
			    "which, as %.*s@%s", path, conf.domain_count,
			    (int)o->name.n, (const char *)o->name.p,
			    conf.domains[0].name);
		d = o->domain.n == 0 ? &conf.domains[0] :
		    conf_find_domain(&conf, o->domain);
		if (d == NULL)
			errx(smtpctl_exit_error, "%s has no domain \"%.*s\"",
			    path, (int)o->domain.n,
			    (const char *)o->domain.p);
		if (d->users_path == NULL)
			errx(smtpctl_exit_error, "%s: domain %s has no "
			    "\"users\"", path, d->name);
		users = strdup(d->users_path);
		conf_free(&conf);
	}
	if (users == NULL)
		err(smtpctl_exit_error, NULL);
	return users;
}

static int
check(struct passwd_file *f, struct span name)
{
	char stored[password_hash_max_bytes + 1];
	char password[password_max_bytes + 1];
	enum password_match match = PASSWORD_WRONG;
	struct password_form form;
	const char *why;

	if (!passwd_file_get(f, name, stored)) {
		warnx("%s", f->problem);
		return 1;
	}
	why = stored[0] == '\0' ? "there is none: set it with smtpctl passwd" :
	    password_form_parse(span_of(stored), &form);
	if (why == NULL && form.kind == PASSWORD_NONE)
		why = "there is none: nobody can log in as this user";
	if (why == NULL)
		why = passwd_ask(false, password);
	if (why == NULL)
		match = password_check(&form, span_of(password));
	sodium_memzero(password, sizeof(password));
	sodium_memzero(stored, sizeof(stored));
	if (why != NULL)
		warnx("password: %s", why);
	else if (match != PASSWORD_RIGHT)
		warnx("%s", match == PASSWORD_WRONG ?
		    "that is not the password" :
		    "it cannot be checked on this machine");
	return match == PASSWORD_RIGHT ? 0 : 1;
}

/* NULL, or why there is no new password. */
static const char *
make(char out[password_hash_max_bytes + 1])
{
	char password[password_max_bytes + 1];
	const char *why = passwd_ask(true, password);

	if (why == NULL && !password_make(span_of(password), out))
		why = "there is no memory to hash it";
	sodium_memzero(password, sizeof(password));
	return why;
}

static int
change(struct passwd_file *f, const struct options *o)
{
	char stored[password_hash_max_bytes + 1] = "*", now[sizeof(stored)];
	const char *why = NULL;
	bool fine;

	/* Before anybody types a password for nothing. */
	if (o->action != ACTION_ADD && !passwd_file_get(f, o->name, now)) {
		warnx("%s%s", f->problem, o->action == ACTION_SET ?
		    "; -a adds one" : "");
		return 1;
	}
	if (o->action != ACTION_DELETE)
		why = make(stored);
	if (why != NULL) {
		warnx("password: %s", why);
		return 1;
	}
	fine = passwd_file_set(f, o->name, o->action == ACTION_ADD, stored);
	sodium_memzero(stored, sizeof(stored));
	if (!fine) {
		warnx("%s", f->problem);
		return 1;
	}
	if (f->exposed)
		warnx("%s can be read by everybody on this host, who may then "
		    "guess passwords: chmod o-r", f->path);
	return 0;
}

int
smtpctl_passwd(int argc, char *argv[])
{
	const struct rlimit none = { 0, 0 };
	static struct passwd_file f;
	struct options o;
	char *users;
	int status;

	if (!read_options(&o, argc, argv))
		return -1;
	/* No core: it would hold the password. */
	if (setrlimit(RLIMIT_CORE, &none) == -1 || sodium_init() == -1)
		err(smtpctl_exit_error, "cannot begin");
	users = find_users(&o);
	f.path = users;
	status = o.action == ACTION_CHECK ? check(&f, o.name) :
	    change(&f, &o);
	free(users);
	return status;
}
