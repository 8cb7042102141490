/*
 * Reading the users and aliases files a domain names into sorted arrays.
 * recipient_load.h checks whether a target exists.  A hash in a users file is
 * checked for its form and never shown.
 */
#include "server/conf/conf_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/array.h"
#include "shared/password_form.h"

struct table;

/* What differs between the two tables. */
struct kind {
	const char	*what;		/* word for an entry, for people */
	size_t		 size;		/* of an entry; its name is first */
	size_t		 line_at;	/* offset of its line */
	void		(*read)(struct table *t, struct span line);
	bool		 secret;	/* show only names */
};

/* One table being read. */
struct table {
	const struct kind	*kind;
	void			*entries;
	size_t			 count;
	struct conf_report	*report;
	int			 error;		/* errno of a lack of memory */
};

static void *
entry_at(const struct table *t, size_t i)
{
	return (char *)t->entries + i * t->kind->size;
}

static const char *
name_at(const struct table *t, size_t i)
{
	return *(char *const *)entry_at(t, i);
}

static unsigned *
line_at(const struct table *t, size_t i)
{
	return (void *)((char *)entry_at(t, i) + t->kind->line_at);
}

/* A new entry, zero but for its line and its name, ASCII folded; or NULL. */
static void *
add_entry(struct table *t, struct span name)
{
	char *copy = strndup((const char *)name.p, name.n);
	void *grown = array_grow(t->entries, t->count, t->kind->size);

	if (grown != NULL)
		t->entries = grown;
	if (grown == NULL || copy == NULL) {
		t->error = errno;
		free(copy);
		return NULL;
	}
	for (char *p = copy; *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	grown = entry_at(t, t->count);
	memset(grown, 0, t->kind->size);
	*(char **)grown = copy;
	*line_at(t, t->count++) = t->report->place.number;
	return grown;
}

/* Reports a mistake at where in the current line. */
static void
refuse(struct table *t, const uint8_t *where, const char *what)
{
	conf_report_at(t->report, (size_t)(where - t->report->place.line.p),
	    "%s", what);
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

/* True for a local part alone, as it may stand in front of an "@". */
static bool
is_local(struct span in)
{
	struct mailbox m;

	return smtp_mailbox_from_text(in, &m) && m.domain_len == 0 &&
	    m.local_len > 0;
}

/* A user has a Maildir of that name, an alias does not. */
static bool
check_name(struct table *t, struct span name, bool is_user)
{
	const struct conf_word word = { .text = name,
	    .at = (size_t)(name.p - t->report->place.line.p) };
	const char *want = NULL;

	if (is_user && memchr(name.p, '@', name.n) != NULL) {
		want = "a name without a domain";
	} else if (name.n > smtp_local_max_bytes) {
		refuse(t, name.p, "a name of more than 255 octets");
		return false;
	} else if (!is_local(name)) {
		want = "not what may stand before the \"@\" of an address";
	} else if (!conf_is_visible(name, true)) {
		want = "an invisible character is in it";
	} else if (is_user && !conf_name_is_file(name)) {
		want = "its Maildir cannot have that name";
	}
	return want == NULL ||
	    conf_report_bad(t->report, &word, t->kind->what, want);
}

/* A user with a mistake behind the name is kept, so that aliases find it. */
static void
read_user(struct table *t, struct span line)
{
	struct conf_user_line parsed;
	struct password_form form = { .kind = PASSWORD_NONE };
	const char *why = NULL;
	struct conf_user *user = NULL;

	conf_parse_user(line, &parsed);
	if (parsed.has_hash && parsed.name.n > 0)
		why = password_form_parse(parsed.hash, &form);
	if (check_name(t, parsed.name, true))
		user = add_entry(t, parsed.name);
	if (user != NULL)
		user->broken = why;
	if (user != NULL && why == NULL && form.kind != PASSWORD_NONE) {
		user->stored = strndup((const char *)parsed.hash.p,
		    parsed.hash.n);
		if (user->stored == NULL)
			t->error = errno;
	}
	if (parsed.rest.n > 0)
		refuse(t, parsed.rest.p, "one name a line");
}

/* Parses target into *out: NULL, or why it is not a target. */
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
		grown = array_grow(out->targets, out->target_count,
		    sizeof(*grown));
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

/* A broken alias is kept, so that other aliases find it. */
static void
read_alias(struct table *t, struct span line)
{
	struct conf_alias_line parsed;
	struct conf_alias *alias = NULL;

	conf_parse_alias(line, &parsed);
	if (!parsed.has_colon)
		refuse(t, line.p + line.n,
		    "missing \":\": the form is \"name: target, target\"");
	else if (check_name(t, parsed.name, false))
		alias = add_entry(t, parsed.name);
	if (alias != NULL && read_targets(parsed.targets, alias) == -1)
		t->error = errno;
}

static const struct kind users = { "user", sizeof(struct conf_user),
    offsetof(struct conf_user, line), read_user, true };
static const struct kind aliases = { "alias", sizeof(struct conf_alias),
    offsetof(struct conf_alias, line), read_alias, false };

_Static_assert(offsetof(struct conf_user, name) == 0 &&
    offsetof(struct conf_alias, name) == 0, "a name stands first");

/* The entry of the current line; a hash behind the name is not shown. */
static struct span
entry_of(struct table *t)
{
	struct conf_place *place = &t->report->place;
	struct span line = conf_trim_line(place->line);
	struct conf_user_line user;

	if (t->kind->secret) {
		conf_parse_user(line, &user);
		place->shown_max = (size_t)(line.p - place->line.p) +
		    user.name.n;
	}
	return line;
}

static void
read_lines(struct table *t, const struct conf_text *text)
{
	struct span rest = span_from(text->bytes, text->n), line;
	struct conf_place *place = &t->report->place;

	*place = (struct conf_place){ .number = 0 };
	while (t->error == 0 && conf_text_next(text, &rest, place)) {
		line = entry_of(t);
		if (conf_text_check(t->report) && line.n > 0)
			t->kind->read(t, line);
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reports that entry i has the name of entry i - 1, from an earlier line. */
static void
refuse_twin(struct table *t, const struct conf_text *text, size_t i)
{
	char shown[conf_shown_max_bytes];
	struct span line;

	/* Not shown, so do not look for its line. */
	if (t->report->full || t->report->muted)
		return;
	t->report->place = conf_text_place(text, *line_at(t, i));
	line = entry_of(t);
	conf_show(span_of(name_at(t, i)), shown, sizeof(shown));
	conf_report_at(t->report, (size_t)(line.p - t->report->place.line.p),
	    "\"%s\" was given in line %u already", shown,
	    *line_at(t, i - 1));
}

/* Equal names stay in the order of their lines. */
static void
sort(struct table *t)
{
	if (t->error == 0 && t->count > 1 &&
	    mergesort(t->entries, t->count, t->kind->size, by_name) == -1)
		t->error = errno;
}

/* Reads the file named in a line of the configuration, or reports why not. */
static bool
open_table(struct conf_report *report, const struct conf_text *conf_text,
    unsigned number, const char *path, struct conf_text *out)
{
	char shown[conf_shown_max_bytes];
	const char *why = conf_text_read(path, out);

	if (why == NULL)
		return true;
	conf_show(span_of(path), shown, sizeof(shown));
	conf_report_word(report, conf_text, number, 1,
	    "\"%s\" cannot be read: %s", shown, why);
	return false;
}

/* Loads the table at path, which line number of the configuration names. */
static void
load_table(struct table *t, const struct conf_text *conf_text,
    unsigned number, const char *path)
{
	struct conf_text text;

	if (path == NULL ||
	    !open_table(t->report, conf_text, number, path, &text))
		return;
	read_lines(t, &text);
	sort(t);
	for (size_t i = 1; i < t->count && t->error == 0; i++)
		if (strcmp(name_at(t, i - 1), name_at(t, i)) == 0)
			refuse_twin(t, &text, i);
	conf_text_free(&text);
}

/* Moves hashes to users of the same name; both arrays are sorted by name. */
static void
move_passwords(struct conf_user *from, size_t n, struct conf_domain *to)
{
	size_t i = 0, k = 0;

	while (i < to->user_count && k < n) {
		int order = strcmp(to->users[i].name, from[k].name);

		if (order == 0 && to->users[i].stored == NULL) {
			to->users[i].stored = from[k].stored;
			from[k].stored = NULL;
		}
		i += order <= 0;
		k += order >= 0;
	}
}

static int
load_passwords(struct conf_domain *d)
{
	struct conf_report report = { .muted = true };
	struct table t = { .kind = &users, .report = &report };
	struct conf_domain fresh = { .name = NULL };
	struct conf_text text;

	errno = 0;
	if (conf_text_read(d->users_path, &text) != NULL) {
		errno = errno == 0 ? EINVAL : errno;
		return -1;
	}
	read_lines(&t, &text);
	conf_text_free(&text);
	sort(&t);
	fresh.users = t.entries;
	fresh.user_count = t.count;
	if (t.error == 0)
		move_passwords(fresh.users, fresh.user_count, d);
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
	int error = 0;

	for (size_t i = 0; error == 0 && i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];
		struct table u = { .kind = &users, .report = report };
		struct table a = { .kind = &aliases, .report = report };
		bool users_again = false, aliases_again = false;

		/* Mistakes in a file of two domains are reported once. */
		for (size_t j = 0; j < i; j++) {
			users_again |= same_path(d->users_path,
			    conf->domains[j].users_path);
			aliases_again |= same_path(d->aliases_path,
			    conf->domains[j].aliases_path);
		}
		report->muted = users_again;
		load_table(&u, text, d->users_line, d->users_path);
		report->muted = aliases_again;
		load_table(&a, text, d->aliases_line, d->aliases_path);
		report->muted = false;
		d->users = u.entries;
		d->user_count = u.count;
		d->aliases = a.entries;
		d->alias_count = a.count;
		error = u.error != 0 ? u.error : a.error;
	}
	errno = error;
	return error == 0 ? 0 : -1;
}
