/*
 * Reading the users and aliases files a domain names into sorted arrays.
 * Whether a target exists is judged by recipient_load.h.  A hash in a users
 * file is checked for its form and never shown.
 */
#include "server/conf/conf_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/password_form.h"

/* One table being read. */
struct table {
	struct conf_domain	*domain;
	struct conf_report	*report;
	struct conf_place	 place;		/* the line at hand */
	bool			 secret;	/* show names alone */
	int			 error;		/* errno of a lack of memory */
};

static const char bad_local[] =
    "not what may stand before the \"@\" of an address";
static const char invisible[] = "an invisible character is in it";

/* Makes room for one more of size octets, doubling at each power of two. */
static void *
grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return reallocarray(array, count == 0 ? 1 : count * 2, size);
}

/* A copy with ASCII letters small. */
static char *
fold_name(struct span in)
{
	char *name = strndup((const char *)in.p, in.n);

	for (char *p = name; p != NULL && *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	return name;
}

static void
refuse(struct table *t, const uint8_t *where, const char *what)
{
	conf_report_at(t->report, &t->place,
	    (size_t)(where - t->place.line.p), NULL, "%s", what);
}

static void
refuse_word(struct table *t, struct span word, const char *what,
    const char *want)
{
	char shown[conf_shown_max_bytes];

	conf_show(word, shown, sizeof(shown));
	conf_report_at(t->report, &t->place,
	    (size_t)(word.p - t->place.line.p), NULL, "bad %s \"%s\": %s",
	    what, shown, want);
}

int
conf_table_break(char **broken, const char *format, ...)
{
	va_list ap;
	int n;

	if (*broken != NULL)
		return 0;
	va_start(ap, format);
	n = vasprintf(broken, format, ap);
	va_end(ap);
	if (n == -1)
		*broken = NULL;
	return n == -1 ? -1 : 0;
}

/* A local part alone, as it may stand in front of an "@". */
static bool
is_local(struct span in)
{
	struct mailbox m;

	return smtp_mailbox_from_text(in, &m) && m.domain_len == 0 &&
	    m.local_len > 0;
}

/* The entry is kept, so that others find its name, whatever stands behind. */
static void
add_user(struct table *t, struct span name, const struct span *stored,
    const char *broken)
{
	struct conf_domain *d = t->domain;
	struct conf_user *grown;

	grown = grow(d->users, d->user_count, sizeof(*grown));
	if (grown == NULL) {
		t->error = errno;
		return;
	}
	d->users = grown;
	grown += d->user_count;
	grown->line = t->place.number;
	grown->broken = broken;
	grown->name = fold_name(name);
	grown->stored = stored == NULL ? NULL :
	    strndup((const char *)stored->p, stored->n);
	if (grown->name == NULL || (stored != NULL && grown->stored == NULL))
		t->error = errno;
	d->user_count++;
}

static bool
check_user_name(struct table *t, struct span name)
{
	if (memchr(name.p, '@', name.n) != NULL)
		refuse_word(t, name, "user", "a name without a domain");
	else if (name.n > smtp_local_max_bytes)
		refuse(t, name.p, "a name of more than 255 octets");
	else if (!is_local(name))
		refuse_word(t, name, "user", bad_local);
	else if (!conf_is_visible(name, true))
		refuse_word(t, name, "user", invisible);
	else if (!conf_name_is_file(name))
		refuse_word(t, name, "user",
		    "its Maildir cannot have that name");
	else
		return true;
	return false;
}

static void
read_user(struct table *t, struct span line)
{
	struct conf_user_line user;
	struct password_form form = { .kind = PASSWORD_NONE };
	const char *why = NULL;

	conf_parse_user(line, &user);
	if (user.has_hash && user.name.n > 0)
		why = password_form_parse(user.hash, &form);
	if (check_user_name(t, user.name))
		add_user(t, user.name, user.has_hash && why == NULL &&
		    form.kind != PASSWORD_NONE ? &user.hash : NULL, why);
	if (user.rest.n > 0)
		refuse(t, user.rest.p, "one name a line");
}

/* Why target cannot be one; NULL: it is in *out. */
static const char *
read_target(struct span target, struct mailbox *out)
{
	if (target.n == 0)
		return "a target is missing";
	if (memchr("|/:\"", target.p[0], 4) != NULL)
		return "a target is a name or an address, never a program, "
		    "file or list";
	return smtp_mailbox_from_text(target, out) ? NULL :
	    "a target is a name or an address";
}

static int
read_targets(struct span rest, struct conf_alias *out)
{
	char shown[conf_shown_max_bytes];
	struct span target;
	struct mailbox *grown;
	const char *why;

	while (out->broken == NULL && conf_parse_target(&rest, &target)) {
		grown = grow(out->targets, out->target_count, sizeof(*grown));
		if (grown == NULL)
			return -1;
		out->targets = grown;
		why = read_target(target, grown + out->target_count);
		conf_show(target, shown, sizeof(shown));
		if (why == NULL)
			out->target_count++;
		else if (conf_table_break(&out->broken, "%s%s%s%s", why,
		    target.n > 0 ? ": \"" : "", shown,
		    target.n > 0 ? "\"" : "") == -1)
			return -1;
	}
	return 0;
}

/* A broken alias is kept, so that others find its name. */
static void
add_alias(struct table *t, const struct conf_alias_line *parsed)
{
	struct conf_domain *d = t->domain;
	struct conf_alias alias = { .line = t->place.number }, *grown;
	int status = read_targets(parsed->targets, &alias);

	alias.name = fold_name(parsed->name);
	grown = grow(d->aliases, d->alias_count, sizeof(*grown));
	if (grown != NULL)
		d->aliases = grown;
	if (status == -1 || grown == NULL || alias.name == NULL) {
		t->error = errno;
		free(alias.name);
		free(alias.targets);
		free(alias.broken);
		return;
	}
	grown[d->alias_count++] = alias;
}

static bool
check_alias_name(struct table *t, struct span name)
{
	if (name.n > smtp_local_max_bytes)
		refuse(t, name.p, "a name of more than 255 octets");
	else if (!is_local(name))
		refuse_word(t, name, "alias", bad_local);
	else if (!conf_is_visible(name, true))
		refuse_word(t, name, "alias", invisible);
	else
		return true;
	return false;
}

static void
read_alias(struct table *t, struct span line)
{
	struct conf_alias_line alias;

	conf_parse_alias(line, &alias);
	if (!alias.has_colon)
		refuse(t, line.p + line.n,
		    "missing \":\": the form is \"name: target, target\"");
	else if (check_alias_name(t, alias.name))
		add_alias(t, &alias);
}

/* The entry of t's place; what stands behind a name may be a password. */
static struct span
entry_of(struct table *t)
{
	struct span line = conf_trim_line(t->place.line);
	struct conf_user_line user;

	if (t->secret) {
		conf_parse_user(line, &user);
		t->place.shown_max = (size_t)(line.p - t->place.line.p) +
		    user.name.n;
	}
	return line;
}

static void
read_lines(struct table *t, const struct conf_text *text,
    void (*read_entry)(struct table *, struct span))
{
	struct span rest = span_from(text->bytes, text->n), line;

	while (t->error == 0 && conf_text_next(text, &rest, &t->place)) {
		line = entry_of(t);
		if (conf_text_check(t->report, &t->place) && line.n > 0)
			read_entry(t, line);
	}
}

static int
by_user(const void *a, const void *b)
{
	const struct conf_user *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int
by_alias(const void *a, const void *b)
{
	const struct conf_alias *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* The name of line number is that of an earlier line. */
static void
refuse_twin(struct table *t, const struct conf_text *text, const char *name,
    unsigned number, unsigned earlier)
{
	char shown[conf_shown_max_bytes];
	struct span line;

	/* Finding the line takes a walk; not for what nobody will see. */
	if (t->report->full || t->report->muted)
		return;
	t->place = conf_text_place(text, number);
	line = entry_of(t);
	conf_show(span_of(name), shown, sizeof(shown));
	conf_report_at(t->report, &t->place,
	    (size_t)(line.p - t->place.line.p), NULL,
	    "\"%s\" was given in line %u already", shown, earlier);
}

static void
sort_users(struct table *t, const struct conf_text *text)
{
	const struct conf_user *u = t->domain->users;

	if (u == NULL)
		return;
	qsort(t->domain->users, t->domain->user_count, sizeof(*u), by_user);
	for (size_t i = 1; i < t->domain->user_count; i++)
		if (strcmp(u[i - 1].name, u[i].name) == 0)
			refuse_twin(t, text, u[i].name, u[i].line,
			    u[i - 1].line);
}

static void
sort_aliases(struct table *t, const struct conf_text *text)
{
	const struct conf_alias *a = t->domain->aliases;

	if (a == NULL)
		return;
	qsort(t->domain->aliases, t->domain->alias_count, sizeof(*a),
	    by_alias);
	for (size_t i = 1; i < t->domain->alias_count; i++)
		if (strcmp(a[i - 1].name, a[i].name) == 0)
			refuse_twin(t, text, a[i].name, a[i].line,
			    a[i - 1].line);
}

/* Reads the file named in a line of the configuration, or says why not. */
static bool
open_table(struct conf_report *report, const struct conf_text *conf_text,
    unsigned number, const char *path, struct conf_text *out)
{
	struct conf_place place;
	struct conf_cut cut;
	char shown[conf_shown_max_bytes];
	const char *why = conf_text_read(path, out);

	if (why == NULL)
		return true;
	place = conf_text_place(conf_text, number);
	conf_cut_line(place.line, &cut);
	conf_show(span_of(path), shown, sizeof(shown));
	conf_report_at(report, &place, cut.words[1].at, NULL,
	    "\"%s\" cannot be read: %s", shown, why);
	return false;
}

static int
load_users(struct conf_domain *d, const struct conf_text *conf_text,
    struct conf_report *report)
{
	struct table t = { .domain = d, .report = report, .secret = true };
	struct conf_text text;

	if (d->users_path == NULL || !open_table(report, conf_text,
	    d->users_line, d->users_path, &text))
		return 0;
	read_lines(&t, &text, read_user);
	if (t.error == 0)
		sort_users(&t, &text);
	conf_text_free(&text);
	errno = t.error;
	return t.error == 0 ? 0 : -1;
}

static int
load_aliases(struct conf_domain *d, const struct conf_text *conf_text,
    struct conf_report *report)
{
	struct table t = { .domain = d, .report = report };
	struct conf_text text;

	if (d->aliases_path == NULL || !open_table(report, conf_text,
	    d->aliases_line, d->aliases_path, &text))
		return 0;
	read_lines(&t, &text, read_alias);
	if (t.error == 0)
		sort_aliases(&t, &text);
	conf_text_free(&text);
	errno = t.error;
	return t.error == 0 ? 0 : -1;
}

/* Both by the order of their names. */
static void
move_passwords(struct conf_domain *from, struct conf_domain *to)
{
	size_t i = 0, k = 0;

	if (from->users == NULL)
		return;
	qsort(from->users, from->user_count, sizeof(*from->users), by_user);
	while (i < to->user_count && k < from->user_count) {
		int order = strcmp(to->users[i].name, from->users[k].name);

		if (order == 0 && to->users[i].stored == NULL) {
			to->users[i].stored = from->users[k].stored;
			from->users[k].stored = NULL;
		}
		i += order <= 0;
		k += order >= 0;
	}
}

static int
load_passwords(struct conf_domain *d)
{
	struct conf_domain fresh = { .name = NULL };
	struct conf_report report = { .muted = true };
	struct table t = { .domain = &fresh, .report = &report,
	    .secret = true };
	struct conf_text text;

	errno = 0;
	if (conf_text_read(d->users_path, &text) != NULL) {
		errno = errno == 0 ? EINVAL : errno;
		return -1;
	}
	read_lines(&t, &text, read_user);
	conf_text_free(&text);
	if (t.error == 0)
		move_passwords(&fresh, d);
	conf_domain_free(&fresh);
	errno = t.error;
	return t.error == 0 ? 0 : -1;
}

int
conf_passwords_load(struct conf *conf, const char **path)
{
	for (size_t i = 0; i < conf->domain_count; i++) {
		*path = conf->domains[i].users_path;
		if (*path != NULL && load_passwords(&conf->domains[i]) == -1)
			return -1;
	}
	return 0;
}

static bool
same_path(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

int
conf_table_load(struct conf *conf, const struct conf_text *text,
    struct conf_report *report)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];
		bool users_again = false, aliases_again = false;

		/* A file of two domains has its mistakes but once. */
		for (size_t j = 0; j < i; j++) {
			users_again |= same_path(d->users_path,
			    conf->domains[j].users_path);
			aliases_again |= same_path(d->aliases_path,
			    conf->domains[j].aliases_path);
		}
		report->muted = users_again;
		status = load_users(d, text, report);
		report->muted = aliases_again;
		if (status == 0)
			status = load_aliases(d, text, report);
		report->muted = false;
	}
	return status;
}
