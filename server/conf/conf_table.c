/* Users and aliases files into sorted arrays.  A hash is never shown. */
#include "server/conf/conf_keyword.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A table being read: of users, else of aliases. */
struct reading {
	bool			 of_users;
	struct conf_table	 table;
	struct conf_report	*report;
	int			 error;		/* errno of a lack of memory */
};

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
check_name(struct reading *t, struct span name)
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
static struct conf_entry *
add_entry(struct reading *t, struct span name)
{
	struct conf_entry e = { .line = t->report->place.number };
	struct conf_entry *added = NULL;

	if (!check_name(t, name))
		return NULL;
	e.name = strndup((const char *)name.p, name.n);
	for (char *p = e.name; p != NULL && *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	if (e.name != NULL)
		added = array_add(&t->table.one, &t->table.count, &e,
		    sizeof(e));
	if (added == NULL) {
		t->error = errno;
		free(e.name);
	}
	return added;
}

/* A user with a mistake behind the name is kept, so that aliases find it. */
static void
read_user(struct reading *t, struct span line)
{
	struct password_form form = { .kind = PASSWORD_NONE };
	struct conf_user_line user;
	struct conf_entry *added;
	const char *why = NULL;

	conf_parse_user(line, &user);
	if (user.hash.p != NULL && user.name.n > 0)
		why = password_form_parse(user.hash, &form);
	added = add_entry(t, user.name);
	if (added != NULL && why != NULL) {
		if (conf_break(&added->broken, "%s", why) == -1)
			t->error = errno;
	} else if (added != NULL && form.kind != PASSWORD_NONE) {
		added->stored = strndup((const char *)user.hash.p,
		    user.hash.n);
		if (added->stored == NULL)
			t->error = errno;
	}
	if (user.rest.n > 0)
		conf_report_at(t->report, (size_t)(user.rest.p -
		    t->report->place.line.p), "one name per line");
}

/* Adds target to those of a; 0, or -1 without memory. */
static int
read_target(struct span target, struct conf_entry *a)
{
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
	return conf_break(&a->broken, "%s: \"%s\"", why, conf_shown(target));
}

/* A broken alias is kept, so that other aliases find it. */
static void
read_alias(struct reading *t, struct span line)
{
	struct conf_entry *added;
	struct span rest = line, part;
	bool more = conf_take_part(&rest, ':', &part);

	if (!more) {
		conf_report_at(t->report, (size_t)(line.p + line.n -
		    t->report->place.line.p),
		    "missing \":\": the form is \"name: target, target\"");
		return;
	}
	added = add_entry(t, part);
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
entry_of(struct reading *t)
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
	const struct conf_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
refuse_twins(struct reading *t, const struct conf_text *text)
{
	size_t at;

	/* What is not shown needs no search for its line. */
	for (size_t i = 1; i < t->table.count && t->error == 0 &&
	    t->report->count <= conf_mistakes_max && !t->report->muted; i++) {
		const struct conf_entry *e = &t->table.one[i];

		if (by_name(e - 1, e) != 0)
			continue;
		at = conf_text_seek(text, t->report, e->line, 0);
		(void)entry_of(t);
		conf_report_at(t->report, at, "\"%s\" was given in line %u "
		    "already", conf_shown(span_of(e->name)), e[-1].line);
	}
}

/* Reads and frees text; sorts its entries, equal names in order of lines. */
static void
read_lines(struct reading *t, struct conf_text *text)
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
	if (t->error == 0 && t->table.count > 1 && mergesort(t->table.one,
	    t->table.count, sizeof(*t->table.one), by_name) == -1)
		t->error = errno;
	refuse_twins(t, text);
	conf_text_free(text);
}

static int
load_passwords(struct conf_table *users)
{
	struct conf_report report = { .muted = true };
	struct reading t = { .of_users = true, .report = &report };
	struct conf_text text;

	errno = 0;
	if (conf_text_read(users->path, &text) != NULL) {
		errno = errno == 0 ? EINVAL : errno;
		return -1;
	}
	read_lines(&t, &text);
	for (size_t i = 0; i < users->count && t.error == 0; i++) {
		struct conf_entry *user = &users->one[i];
		const struct conf_entry *now = conf_find_entry(&t.table,
		    span_of(user->name));

		if (now == NULL || now->stored == NULL || user->stored != NULL)
			continue;
		user->stored = strdup(now->stored);
		if (user->stored == NULL)
			t.error = errno;
	}
	conf_table_free(&t.table);
	errno = t.error;
	return t.error == 0 ? 0 : -1;
}

int
conf_passwords_load(struct conf *conf, const char **path)
{
	for (size_t i = 0; i < conf->domain_count; i++) {
		*path = conf->domains[i].users.path;
		if (*path != NULL &&
		    load_passwords(&conf->domains[i].users) == -1)
			return -1;
	}
	return 0;
}

static struct conf_table *
table_of(const struct conf *conf, size_t i, bool of_users)
{
	struct conf_domain *d = &conf->domains[i];

	return of_users ? &d->users : &d->aliases;
}

/* Loads a table that domain i names.  0, or -1 and errno. */
static int
load_table(struct conf *conf, size_t i, bool of_users,
    const struct conf_text *conf_text, struct conf_report *report)
{
	struct conf_table *table = table_of(conf, i, of_users);
	struct reading t = { of_users, *table, .report = report };
	struct conf_text text;
	const char *why;

	if (table->path == NULL)
		return 0;
	/* Mistakes in a file of two domains are reported once. */
	for (size_t k = 0; k < i; k++) {
		const char *other = table_of(conf, k, of_users)->path;

		report->muted |= other != NULL &&
		    strcmp(other, table->path) == 0;
	}
	why = conf_text_read(table->path, &text);
	if (why != NULL) {
		conf_report_at(report, conf_text_seek(conf_text, report,
		    conf_line_of(&conf->domains[i].sets, of_users ? "users" :
		    "aliases"), 1), "\"%s\" cannot be read: %s",
		    conf_shown(span_of(table->path)), why);
	} else {
		read_lines(&t, &text);
	}
	report->muted = false;
	*table = t.table;
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
