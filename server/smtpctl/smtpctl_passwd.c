/*
 * smtpctl passwd: finds the users file, reads the password, and sets or checks
 * it.  passwd_file.c changes the file.
 */
#include "server/smtpctl/smtpctl.h"

#include <sys/resource.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <readpassphrase.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf_text.h"
#include "server/smtpctl/passwd_file.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "shared/password_check.h"

/* One octet more than a password may have, to detect that, and a NUL. */
enum { asked_bytes = password_max_bytes + 2 };

enum action { ACTION_SET, ACTION_ADD, ACTION_CHECK, ACTION_DELETE };

struct options {
	enum action	 action;
	const char	*conf;
	const char	*users;		/* NULL: of the configuration */
	struct span	 name;		/* without its domain */
	struct span	 domain;	/* empty: not given */
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

/* The users file that has the user's password. */
static const char *
find_users(const struct options *o)
{
	const char *path = o->conf != NULL ? o->conf : SMTPD_CONF, *why;
	const struct conf_domain *d;
	const struct conf *conf;

	if (o->users != NULL && o->domain.n > 0)
		errx(smtpctl_exit_error, "with -u the name has no domain");
	if (o->users != NULL)
		return o->users;
	/* Errors are ignored: a wrong password entry may be one of them. */
	conf = smtpctl_conf(o->conf, &why);
	if (conf == NULL || conf->domain_count == 0)
		errx(smtpctl_exit_error, "%s: cannot be read, or has no "
		    "domain: name another with -f, or the users file itself "
		    "with -u%s", path, o->conf == NULL ? "" :
		    "; smtpd -n says what is wrong");
	if (o->domain.n == 0 && conf->domain_count > 1)
		errx(smtpctl_exit_error, "%s has %zu domains: say which, as "
		    "%.*s@%s", path, conf->domain_count, (int)o->name.n,
		    (const char *)o->name.p, conf->domains[0].name);
	d = o->domain.n == 0 ? &conf->domains[0] :
	    conf_find_domain(conf, o->domain);
	if (d == NULL)
		errx(smtpctl_exit_error, "%s has no domain \"%.*s\"", path,
		    (int)o->domain.n, (const char *)o->domain.p);
	if (d->users_path == NULL)
		errx(smtpctl_exit_error, "%s: domain %s has no \"users\"",
		    path, d->name);
	return d->users_path;
}

/* ---- the password ------------------------------------------------------- */

/*
 * A password is never an argument: every user can read the arguments of every
 * process.  readpassphrase(3) turns the echo off, and on again even after a
 * signal.
 */
static const char *
ask_terminal(bool is_new, char out[asked_bytes])
{
	char again[asked_bytes];
	bool same;

	if (readpassphrase(is_new ? "New password: " : "Password: ", out,
	    asked_bytes, RPP_REQUIRE_TTY) == NULL)
		return "cannot be read from the terminal";
	if (!is_new)
		return NULL;
	if (readpassphrase("The same again: ", again, sizeof(again),
	    RPP_REQUIRE_TTY) == NULL)
		return "cannot be read from the terminal";
	same = strcmp(out, again) == 0;
	sodium_memzero(again, sizeof(again));
	return same ? NULL : "the two are not the same";
}

static const char *
read_line(char out[asked_bytes])
{
	ssize_t got = 1;
	size_t n = 0;

	/* Octet by octet: another program may read what follows the line. */
	while (n < asked_bytes - 1 && got != 0) {
		got = read(STDIN_FILENO, out + n, 1);
		if (got == -1 && errno != EINTR)
			return "cannot be read from standard input";
		if (got == 1 && out[n] == '\n')
			break;
		if (got == 1 && out[n++] == '\0')
			return "it has a NUL in it";
	}
	out[n] = '\0';
	return NULL;
}

/*
 * Reads a password: from the terminal without echo, twice if it is a new one;
 * or, when standard input is no terminal, its first line.  NULL, or why there
 * is none.  The caller wipes out.
 */
static const char *
ask(bool is_new, char out[asked_bytes])
{
	const char *why = isatty(STDIN_FILENO) ? ask_terminal(is_new, out) :
	    read_line(out);

	if (why != NULL)
		return why;
	if (out[0] == '\0')
		return "it is empty";
	if (strlen(out) > password_max_bytes)
		return "it is longer than 255 octets";
	for (size_t i = 0; out[i] != '\0'; i++)
		if (iscntrl((unsigned char)out[i]))
			return "it has a control character in it";
	return NULL;
}

/* ---- the actions -------------------------------------------------------- */

static void
fail_nobody(const char *path, struct span name)
{
	char shown[conf_shown_max_bytes];

	conf_show(name, shown, sizeof(shown));
	errx(1, "%s has no user \"%s\"; -a adds one", path, shown);
}

static int
check(const char *path, struct span name)
{
	char stored[password_hash_max_bytes + 1], password[asked_bytes];
	enum password_match match = PASSWORD_WRONG;
	struct password_form form;
	const char *why;

	if (!passwd_file_get(path, name, stored))
		fail_nobody(path, name);
	why = stored[0] == '\0' ? "there is none: set it with smtpctl passwd" :
	    password_form_parse(span_of(stored), &form);
	if (why == NULL && form.kind == PASSWORD_NONE)
		why = "there is none: nobody can log in as this user";
	if (why == NULL)
		why = ask(false, password);
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

static int
change(const char *path, const struct options *o)
{
	char stored[password_hash_max_bytes + 1] = "*", password[asked_bytes];
	const char *why = NULL;

	/* Checked before the user types a password for nothing. */
	if (o->action != ACTION_ADD && !passwd_file_get(path, o->name, stored))
		fail_nobody(path, o->name);
	memcpy(stored, "*", 2);
	if (o->action != ACTION_DELETE) {
		why = ask(true, password);
		if (why == NULL && !password_make(span_of(password), stored))
			why = "there is no memory to hash it";
		sodium_memzero(password, sizeof(password));
	}
	if (why != NULL)
		errx(1, "password: %s", why);
	if (!passwd_file_set(path, o->name, o->action == ACTION_ADD, stored))
		fail_nobody(path, o->name);
	sodium_memzero(stored, sizeof(stored));
	return 0;
}

int
smtpctl_passwd(int argc, char *argv[])
{
	const struct rlimit none = { 0, 0 };
	struct options o;
	const char *users;

	if (!read_options(&o, argc, argv))
		return -1;
	/* No core dump: it would hold the password. */
	if (setrlimit(RLIMIT_CORE, &none) == -1 || sodium_init() == -1)
		err(smtpctl_exit_error, "cannot begin");
	users = find_users(&o);
	return o.action == ACTION_CHECK ? check(users, o.name) :
	    change(users, &o);
}
