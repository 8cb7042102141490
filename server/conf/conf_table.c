/*
 * Reading the users and aliases files a domain names into sorted arrays.
 * recipient_load.c checks whether a target exists.  A hash in a users file is
 * checked for its form and never shown.
 */
#include "server/conf/conf_keyword.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/array.h"
#include "shared/password_form.h"

/* A table being read: of users, else of aliases. */
struct table {
	bool			 of_users;
	size_t			 size;		/* of an entry */
	void			*entries;
	size_t			 count;
	struct conf_report	*report;
	int			 error;		/* errno of a lack of memory */
};

_Static_assert(offsetof(struct conf_user, name) == 0 &&
    offsetof(struct conf_alias, name) == 0 &&
    offsetof(struct conf_user, line) == offsetof(struct conf_alias, line),
    "entries begin with their name and line");

static const char *
name_at(const struct table *t, size_t i)
{
	return *(char *const *)(void *)((char *)t->entries + i * t->size);
}

static unsigned
line_at(const struct table *t, size_t i)
{
	return *(unsigned *)(void *)((char *)t->entries + i * t->size +
	    offsetof(struct conf_user, line));
}

int
conf_break(char **broken, const char *format, ...)
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

/* A user has a Maildir of that name, an alias does not. */
static bool
check_name(struct table *t, struct span name)
{
	const struct conf_word word = { .text = name,
	    .at = (size_t)(name.p - t->report->place.line.p) };
	const char *want = NULL;
	struct mailbox m;

	if (t->of_users && memchr(name.p, '@', name.n) != NULL)
		want = "a user is a name without a domain";
	else if (name.n > smtp_local_max_bytes)
		return conf_report_at(t->report, word.at,
		    "a name of more than 255 octets");
	else if (!smtp_mailbox_from_text(name, &m) || m.domain_len != 0 ||
	    m.local_len == 0)
		want = "not a local part of an address";
	else if (!conf_is_visible(name, true))
		want = "the name has an invisible character";
	else if (t->of_users && !conf_name_is_file(name))
		want = "a Maildir cannot have that name";
	return want == NULL || conf_report_bad(t->report, &word,
	    t->of_users ? "user" : "alias", want);
}

/* Adds an entry with its name, ASCII folded; NULL: refused, or no memory. */
static void *
add_entry(struct table *t, void *entry, struct span name)
{
	void *added = NULL;
	char *copy;

	if (!check_name(t, name))
		return NULL;
	copy = strndup((const char *)name.p, name.n);
	for (char *p = copy; p != NULL && *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	if (copy != NULL) {
		memcpy(entry, &copy, sizeof(copy));
		added = array_add(&t->entries, &t->count, entry, t->size);
	}
	if (added == NULL) {
		t->error = errno;
		free(copy);
	}
	return added;
}

/* A user with a mistake behind the name is kept, so that aliases find it. */
static void
read_user(struct table *t, struct span line)
{
	struct conf_user user = { .line = t->report->place.number };
	struct password_form form = { .kind = PASSWORD_NONE };
	struct conf_user_line parsed;
	struct conf_user *added;

	conf_parse_user(line, &parsed);
	if (parsed.hash.p != NULL && parsed.name.n > 0)
		user.broken = password_form_parse(parsed.hash, &form);
	added = add_entry(t, &user, parsed.name);
	if (added != NULL && user.broken == NULL &&
	    form.kind != PASSWORD_NONE) {
		added->stored = strndup((const char *)parsed.hash.p,
		    parsed.hash.n);
		if (added->stored == NULL)
			t->error = errno;
	}
	if (parsed.rest.n > 0)
		conf_report_at(t->report, (size_t)(parsed.rest.p -
		    t->report->place.line.p), "one name per line");
}

/* Adds target to those of a; 0, or -1 without memory. */
static int
read_target(struct span target, struct conf_alias *a)
{
	char shown[conf_shown_max_bytes];
	const char *why;
	struct mailbox m;

	if (target.n == 0)
		return conf_break(&a->broken, "a target is missing");
	if (memchr("|/:\"", target.p[0], 4) != NULL)
		why = "a target is a name or an address, never a program, "
		    "file or list";
	else if (!smtp_mailbox_from_text(target, &m))
		why = "a target is a name or an address";
	else
		return array_add(&a->targets, &a->target_count, &m,
		    sizeof(m)) == NULL ? -1 : 0;
	conf_show(target, shown, sizeof(shown));
	return conf_break(&a->broken, "%s: \"%s\"", why, shown);
}

/* A broken alias is kept, so that other aliases find it. */
static void
read_alias(struct table *t, struct span line)
{
	struct conf_alias alias = { .line = t->report->place.number }, *added;
	struct span rest = line, part;
	bool more = conf_take_part(&rest, ':', &part);

	if (!more) {
		conf_report_at(t->report, (size_t)(line.p + line.n -
		    t->report->place.line.p),
		    "missing \":\": the form is \"name: target, target\"");
		return;
	}
	added = add_entry(t, &alias, part);
	while (more && added != NULL && added->broken == NULL) {
		more = conf_take_part(&rest, ',', &part);
		if (read_target(part, added) == -1) {
			t->error = errno;
			return;
		}
	}
}

/* The entry of the current line; a hash behind the name is not shown. */
static struct span
entry_of(struct table *t)
{
	struct conf_place *place = &t->report->place;
	struct span line = conf_trim_line(place->line);
	struct conf_user_line user;

	if (t->of_users) {
		conf_parse_user(line, &user);
		place->shown_max = (size_t)(line.p - place->line.p) +
		    user.name.n;
	}
	return line;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reports each entry with the name of the one before it. */
static void
refuse_twins(struct table *t, const struct conf_text *text)
{
	char shown[conf_shown_max_bytes];
	size_t at;

	/* What is not shown needs no search for its line. */
	for (size_t i = 1; i < t->count && t->error == 0 &&
	    t->report->count <= conf_mistakes_max && !t->report->muted; i++) {
		if (strcmp(name_at(t, i - 1), name_at(t, i)) != 0)
			continue;
		at = conf_text_seek(text, t->report, line_at(t, i), 0);
		(void)entry_of(t);
		conf_show(span_of(name_at(t, i)), shown, sizeof(shown));
		conf_report_at(t->report, at, "\"%s\" was given in line %u "
		    "already", shown, line_at(t, i - 1));
	}
}

/* Reads and frees text; sorts its entries, equal names in order of lines. */
static void
read_lines(struct table *t, struct conf_text *text)
{
	struct span rest = span_from(text->bytes, text->n), line;
	struct conf_place *place = &t->report->place;
	const char *why;
	size_t at;

	*place = (struct conf_place){ .number = 0 };
	while (t->error == 0 && conf_text_next(text, &rest, place)) {
		line = entry_of(t);
		why = conf_check_line(place->line, &at);
		if (why != NULL)
			conf_report_at(t->report, at, "%s", why);
		else if (line.n > 0 && t->of_users)
			read_user(t, line);
		else if (line.n > 0)
			read_alias(t, line);
	}
	if (t->error == 0 && t->count > 1 &&
	    mergesort(t->entries, t->count, t->size, by_name) == -1)
		t->error = errno;
	refuse_twins(t, text);
	conf_text_free(text);
}

static int
load_passwords(struct conf_domain *d)
{
	struct conf_report report = { .muted = true };
	struct table t = { true, sizeof(struct conf_user), .report = &report };
	struct conf_domain fresh = { .name = NULL };
	struct conf_text text;

	errno = 0;
	if (conf_text_read(d->users_path, &text) != NULL) {
		errno = errno == 0 ? EINVAL : errno;
		return -1;
	}
	read_lines(&t, &text);
	fresh.users = t.entries;
	fresh.user_count = t.count;
	for (size_t i = 0; i < d->user_count && t.error == 0; i++) {
		struct conf_user *user = &d->users[i];
		const struct conf_user *now = conf_find_user(&fresh,
		    span_of(user->name));

		if (now == NULL || now->stored == NULL || user->stored != NULL)
			continue;
		user->stored = strdup(now->stored);
		if (user->stored == NULL)
			t.error = errno;
	}
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

static const char *
path_of(const struct conf_domain *d, bool of_users)
{
	return of_users ? d->users_path : d->aliases_path;
}

/* Loads a table that domain i names.  0, or -1 and errno. */
static int
load_table(struct conf *conf, size_t i, bool of_users,
    const struct conf_text *conf_text, struct conf_report *report)
{
	struct table t = { of_users, of_users ? sizeof(struct conf_user) :
	    sizeof(struct conf_alias), .report = report };
	struct conf_domain *d = &conf->domains[i];
	const char *path = path_of(d, of_users), *why;
	char shown[conf_shown_max_bytes];
	struct conf_text text;

	if (path == NULL)
		return 0;
	/* Mistakes in a file of two domains are reported once. */
	for (size_t k = 0; k < i; k++)
		report->muted |= path_of(&conf->domains[k], of_users) != NULL &&
		    strcmp(path_of(&conf->domains[k], of_users), path) == 0;
	why = conf_text_read(path, &text);
	if (why != NULL) {
		conf_show(span_of(path), shown, sizeof(shown));
		conf_report_at(report, conf_text_seek(conf_text, report,
		    conf_line_of(&d->sets, of_users ? "users" : "aliases"), 1),
		    "\"%s\" cannot be read: %s", shown, why);
	} else {
		read_lines(&t, &text);
	}
	report->muted = false;
	if (of_users) {
		d->users = t.entries;
		d->user_count = t.count;
	} else {
		d->aliases = t.entries;
		d->alias_count = t.count;
	}
	errno = t.error;
	return t.error == 0 ? 0 : -1;
}

int
conf_table_load(struct conf *conf, const struct conf_text *text,
    struct conf_report *report)
{
	for (size_t i = 0; i < conf->domain_count; i++)
		if (load_table(conf, i, true, text, report) == -1 ||
		    load_table(conf, i, false, text, report) == -1)
			return -1;
	return 0;
}
