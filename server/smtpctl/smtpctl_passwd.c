/*
 * smtpctl passwd.  One entry of the file changes, so that at every moment there
 * is a whole file of that name; all else, the mode and the owner stay.
 */
#include "server/smtpctl/smtpctl.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <readpassphrase.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"

enum {
	/* One octet more than a password may have, to detect that; a NUL. */
	asked_bytes = password_max_bytes + 2,
	lock_tries = 50,
	lock_pause_ms = 100
};

static int
read_action(const struct smtpctl_line *l)
{
	int action = 0;

	for (const char *c = "acD"; *c != '\0'; c++) {
		if (l->set[(unsigned char)*c] == NULL)
			continue;
		if (action != 0)
			errx(smtpctl_exit_error, "passwd: -a, -c and -D "
			    "exclude each other");
		action = (unsigned char)*c;
	}
	return action;
}

/* Cuts the argument into *name and *domain (NULL: not given). */
static void
read_name(const char *text, struct span *name, const char **domain)
{
	const char *at = strrchr(text, '@');

	*name = span_from(text, at == NULL ? strlen(text) :
	    (size_t)(at - text));
	*domain = at == NULL ? NULL : at + 1;
	if (name->n == 0 || (at != NULL && at[1] == '\0'))
		errx(smtpctl_exit_error, "passwd: \"%s\": neither NAME nor "
		    "NAME@DOMAIN", text);
}

static const char *
find_users(const struct smtpctl_line *l, const char *domain)
{
	const char *path = l->set['f'] != NULL ? l->set['f'] : SMTPD_CONF;
	const struct conf_domain *d;
	const struct conf *conf;

	if (l->set['u'] != NULL && l->set['f'] != NULL)
		errx(smtpctl_exit_error, "passwd: -f and -u exclude each "
		    "other");
	if (l->set['u'] != NULL && domain != NULL)
		errx(smtpctl_exit_error, "with -u the name has no domain");
	if (l->set['u'] != NULL)
		return l->set['u'];
	/* Errors are ignored: a wrong password entry may be one of them. */
	conf = smtpctl_conf(l->set['f'], NULL, NULL);
	if (conf == NULL || conf->domain_count == 0)
		errx(smtpctl_exit_error, "%s: cannot be read, or has no "
		    "domain: name another with -f, or the users file itself "
		    "with -u%s", path, l->set['f'] == NULL ? "" :
		    "; smtpd -n says what is wrong");
	if (domain == NULL && conf->domain_count > 1)
		errx(smtpctl_exit_error, "%s has %zu domains: say which, as "
		    "%s@%s", path, conf->domain_count, l->words[0],
		    conf->domains[0].name);
	d = domain == NULL ? &conf->domains[0] :
	    conf_find_domain(conf, span_of(domain));
	if (d == NULL)
		errx(smtpctl_exit_error, "%s has no domain \"%s\"", path,
		    domain);
	if (d->users.path == NULL)
		errx(smtpctl_exit_error, "%s: domain %s has no \"users\"",
		    path, d->name);
	return d->users.path;
}

/* ---- the password ------------------------------------------------------- */

/* Never an argument, which every user can read. */
static const char *
ask_terminal(bool is_new, char out[asked_bytes])
{
	char again[asked_bytes];
	bool same = true;

	if (readpassphrase(is_new ? "New password: " : "Password: ", out,
	    asked_bytes, RPP_REQUIRE_TTY) == NULL || (is_new &&
	    readpassphrase("The same again: ", again, sizeof(again),
	    RPP_REQUIRE_TTY) == NULL))
		return "cannot be read from the terminal";
	if (is_new)
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

/* From the terminal, a new one twice, or standard input.  NULL, or why not. */
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

/* ---- the file ----------------------------------------------------------- */

struct work {
	const char		*path;
	const char		*base;			/* file name */
	char			 beside[NAME_MAX + 1];	/* the new file */
	int			 dir;
	struct stat		 st;
	struct conf_text	 text;
	bool			 found;
	struct conf_user_line	 user;		/* borrows from text */
};

static void
open_dir(struct work *w)
{
	const char *slash = strrchr(w->path, '/');
	char copy[PATH_MAX];

	w->base = slash == NULL ? w->path : slash + 1;
	snprintf(copy, sizeof(copy), "%s", w->path);
	if (strlen(w->path) >= sizeof(copy) || snprintf(w->beside,
	    sizeof(w->beside), ".%s.smtpctl", w->base) >=
	    (int)sizeof(w->beside))
		errc(1, ENAMETOOLONG, "%s", w->path);
	w->dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir == -1)
		err(1, "%s: its directory cannot be opened", w->path);
}

/* Gives up after a while: anybody who can read the directory can lock it. */
static void
lock_dir(const struct work *w)
{
	struct timespec pause = { 0, lock_pause_ms * 1000000L };

	for (int i = 0; flock(w->dir, LOCK_EX | LOCK_NB) == -1; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			err(1, "%s: its directory cannot be locked", w->path);
		if (i == lock_tries)
			errx(1, "%s is locked by another program for 5 seconds "
			    "now: try again when it has ended", w->path);
		nanosleep(&pause, NULL);
	}
}

static void
read_file(struct work *w)
{
	const char *why;

	if (fstatat(w->dir, w->base, &w->st, AT_SYMLINK_NOFOLLOW) == -1)
		err(1, "%s: cannot be opened", w->path);
	/* A link would be replaced, and its target stay unchanged. */
	if (S_ISLNK(w->st.st_mode))
		errx(1, "%s is a symbolic link: name the file itself with -u",
		    w->path);
	why = conf_text_read(w->path, &w->text);
	if (why != NULL)
		errx(1, "%s: cannot be read: %s", w->path, why);
}

static void
find_entry(struct work *w, struct span name)
{
	struct span rest = span_from(w->text.bytes, w->text.n), line;
	struct conf_user_line user;
	unsigned number = 0, first = 0;

	while (rest.n > 0) {
		line = span_cut(&rest, '\n');
		number++;
		conf_parse_user(conf_trim_line(line), &user);
		if (user.name.n == 0 || !span_equal_fold(user.name, name))
			continue;
		if (w->found)
			errx(1, "%s has that name twice, in lines %u and %u: "
			    "remove one", w->path, first, number);
		w->found = true;
		w->user = user;
		first = number;
	}
}

/* Reads the file and finds name (compared without ASCII case) in it. */
static bool
open_work(struct work *w, const char *path, struct span name, bool locked)
{
	*w = (struct work){ .path = path };
	open_dir(w);
	if (locked)
		lock_dir(w);
	read_file(w);
	find_entry(w, name);
	return w->found;
}

static void
close_work(struct work *w)
{
	close(w->dir);
	conf_text_free(&w->text);
}

/* Fills and renames the new file, with stored behind name.  NULL, or why. */
static const char *
fill(const struct work *w, int fd, struct span name, const char *stored)
{
	const uint8_t *start = w->text.bytes, *end = start + w->text.n;
	const uint8_t *cut = end, *on = end;
	FILE *f;

	/* Mode and owner first: the new file never lets more users read it. */
	if (fchown(fd, w->st.st_uid, w->st.st_gid) == -1)
		return "its owner and group cannot be kept";
	if (fchmod(fd, w->st.st_mode & 07777) == -1)
		return "its mode cannot be kept";
	f = fdopen(fd, "w");
	if (f == NULL)
		return "cannot be written";
	if (w->found) {
		cut = w->user.name.p + w->user.name.n;
		on = w->user.hash.p == NULL ? cut :
		    w->user.hash.p + w->user.hash.n;
	}
	fwrite(start, 1, (size_t)(cut - start), f);
	if (!w->found)
		fprintf(f, "%s%.*s", end > start && end[-1] != '\n' ? "\n" : "",
		    (int)name.n, (const char *)name.p);
	fprintf(f, ":%s", stored);
	fwrite(on, 1, (size_t)(end - on), f);
	if (!w->found)
		fputc('\n', f);
	if (fflush(f) == EOF || ferror(f) || fsync(fd) == -1 ||
	    fclose(f) == EOF)
		return "cannot be written";
	return renameat(w->dir, w->beside, w->dir, w->base) == -1 ?
	    "cannot be replaced" : NULL;
}

static void
replace(const struct work *w, struct span name, const char *stored)
{
	const char *why;
	int fd, error;

	if (w->st.st_nlink > 1)
		errx(1, "%s has another name (a hard link), which would keep "
		    "the old passwords: remove that", w->path);
	/* We hold the lock: such a file was left by a killed smtpctl. */
	(void)unlinkat(w->dir, w->beside, 0);
	fd = openat(w->dir, w->beside, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		err(1, "%s: cannot be written beside it", w->path);
	why = fill(w, fd, name, stored);
	if (why != NULL) {
		error = errno;
		unlinkat(w->dir, w->beside, 0);
		errc(1, error, "%s: %s", w->path, why);
	}
	if (fsync(w->dir) == -1)
		err(1, "%s: was changed, but its directory is not on disk",
		    w->path);
}

/* Will smtpd read the new line as this name? */
static bool
may_be_added(struct span name)
{
	struct conf_user_line user;
	struct mailbox m;

	conf_parse_user(conf_trim_line(name), &user);
	return span_equal(user.name, name) && user.hash.p == NULL &&
	    name.n <= smtp_local_max_bytes &&
	    smtp_mailbox_from_text(name, &m) && m.domain_len == 0 &&
	    m.local_len > 0 && conf_name_is_file(name);
}

/* ---- the actions -------------------------------------------------------- */

/* The entry of name, which has to be there, before a password is asked for. */
static void
open_user(struct work *w, const char *path, struct span name, bool locked)
{
	if (!open_work(w, path, name, locked))
		errx(1, "%s has no user \"%s\"; -a adds one", path,
		    conf_shown(name));
}

static int
check(const char *path, struct span name)
{
	char password[asked_bytes];
	struct password_form form;
	enum password_match match;
	const char *why;
	struct work w;

	open_user(&w, path, name, false);
	why = w.user.hash.n == 0 ?
	    "there is none: set it with smtpctl passwd" :
	    password_form_parse(w.user.hash, &form);
	if (why == NULL && form.kind == PASSWORD_NONE)
		why = "there is none: nobody can log in as this user";
	if (why == NULL)
		why = ask(false, password);
	if (why != NULL)
		errx(1, "password: %s", why);
	match = password_check(&form, password);
	sodium_memzero(password, sizeof(password));
	close_work(&w);
	if (match != PASSWORD_RIGHT)
		errx(1, "%s", match == PASSWORD_WRONG ?
		    "that is not the password" :
		    "it cannot be checked on this machine");
	return 0;
}

static int
change(const char *path, struct span name, int action)
{
	char stored[password_hash_max_bytes + 1] = "*", password[asked_bytes];
	const char *why = NULL;
	struct work w;

	if (action != 'a') {
		open_user(&w, path, name, false);
		close_work(&w);
	}
	if (action != 'D') {
		why = ask(true, password);
		if (why == NULL && !password_make(password, stored))
			why = "there is no memory to hash it";
		sodium_memzero(password, sizeof(password));
	}
	if (why != NULL)
		errx(1, "password: %s", why);
	if (action != 'a')
		open_user(&w, path, name, true);
	else if (!open_work(&w, path, name, true) && !may_be_added(name))
		errx(1, "that cannot be the name of a user: see USERS in "
		    "smtpd.conf(5)");
	replace(&w, name, stored);
	if ((w.st.st_mode & S_IROTH) != 0)
		warnx("%s can be read by everybody on this host, who may then "
		    "guess passwords: chmod o-r", path);
	sodium_memzero(stored, sizeof(stored));
	close_work(&w);
	return 0;
}

int
smtpctl_passwd(const struct smtpctl_line *l)
{
	const struct rlimit none = { 0, 0 };
	const int action = read_action(l);
	const char *users, *domain;
	struct span name;

	read_name(l->words[0], &name, &domain);
	/* No core dump: it would hold the password. */
	if (setrlimit(RLIMIT_CORE, &none) == -1 || sodium_init() == -1)
		err(smtpctl_exit_error, "cannot begin");
	users = find_users(l, domain);
	return action == 'c' ? check(users, name) :
	    change(users, name, action);
}
