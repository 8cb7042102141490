/* Finding a keyword, its form, the defaults, and printing what was given. */
#include "server/conf/conf_keyword.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct conf_keyword *
conf_keyword_find(enum conf_block block, bool inside, struct span name)
{
	for (size_t i = 0; i < conf_keyword_count; i++)
		if ((conf_keywords[i].block == block) == inside &&
		    span_equal(span_of(conf_keywords[i].name), name))
			return &conf_keywords[i];
	return NULL;
}

const struct conf_keyword *
conf_keyword_near(enum conf_block block, struct span name)
{
	char storage[512];
	struct buf names = buf_over(storage, sizeof(storage));

	for (size_t i = 0; i < conf_keyword_count; i++)
		if (conf_keywords[i].block == block)
			buf_print(&names, "%s ", conf_keywords[i].name);
	return conf_keyword_find(block, true, wrong_word_near(buf_str(&names),
	    name));
}

static bool
refuse_word(const char *what, const struct conf_word *word,
    const struct conf_keyword *k, struct conf_report *report)
{
	return conf_report_at(report, word->at, "%s \"%s\": the form is "
	    "\"%s\"", what, conf_shown(word->text), k->form);
}

/* Has the line the words, the small letters and the braces of k's form? */
static bool
check_form(const struct conf_keyword *k, const struct conf_cut *cut,
    struct conf_report *report)
{
	const bool block = k->type->opens != CONF_TOP;
	const struct conf_word *word = &cut->words[1],
	    *end = &cut->words[cut->count];
	struct span form = span_of(k->form), want;

	for (span_cut(&form, ' '); form.n > 0; word++) {
		bool brace, open;

		want = span_cut(&form, ' ');
		if (want.p[0] == '[')
			break;		/* options */
		brace = want.p[0] == '{';
		open = word < end && conf_word_is_brace(word, '{');
		if (word >= end || (open && block && !brace))
			return conf_report_at(report, word < end ? word->at :
			    cut->end, "missing %s: the form is \"%s\"",
			    brace ? "\"{\"" : "value", k->form);
		if (open != brace || conf_word_is_brace(word, '}'))
			return refuse_word("unexpected", word, k, report);
		if (want.p[0] >= 'a' && want.p[0] <= 'z' &&
		    memchr(want.p, '|', want.n) == NULL &&
		    !span_equal(word->text, want))
			return refuse_word("bad word", word, k, report);
	}
	if (word == end || k->type->options)
		return true;
	/* Behind the form only the "}" of "{ }" may stand. */
	if (block && !conf_word_is_brace(word, '}'))
		return conf_report_at(report, word->at,
		    "each line of a block stands on its own");
	return (block && word + 1 == end) ||
	    refuse_word("unexpected", word + block, k, report);
}

static struct conf_set *
find_set(const struct conf_sets *sets, const char *keyword)
{
	for (size_t i = 0; i < sets->count; i++)
		if (strcmp(sets->one[i].k->name, keyword) == 0)
			return &sets->one[i];
	return NULL;
}

unsigned
conf_line_of(const struct conf_sets *sets, const char *keyword)
{
	const struct conf_set *set = find_set(sets, keyword);

	return set == NULL ? 0 : set->line;
}

bool
conf_keyword_note(struct conf_sets *sets, const struct conf_keyword *k,
    struct span text, unsigned line)
{
	struct conf_set set = { k, strndup((const char *)text.p, text.n),
	    line }, *old = find_set(sets, k->name);

	if (set.text == NULL)
		return false;
	if (old != NULL && old->line == 0) {
		free(old->text);
		*old = set;
	} else if (array_add(&sets->one, &sets->count, &set, sizeof(set)) ==
	    NULL) {
		free(set.text);
		return false;
	}
	return true;
}

bool
conf_keyword_set(struct conf_setting *s)
{
	const struct conf_type *type = s->k->type;
	const bool inner = s->domain != NULL;
	struct conf_sets *sets = inner ? &s->domain->sets :
	    s->k->block == CONF_RELAY ? &s->conf->relay_sets : &s->conf->sets;
	char *base = inner ? (char *)s->domain : (char *)s->conf;
	const struct conf_word *words = s->cut->words;
	const struct conf_place *place = &s->report->place;
	unsigned before = conf_line_of(sets, s->k->name), mistakes;
	struct span text = span_of("");

	if (s->cut->count > 1)
		text = span_from(place->line.p + words[1].at, s->cut->end -
		    words[1].at);
	if (before != 0 && !type->many)
		return conf_report_at(s->report, words[0].at, "\"%s\" was "
		    "given in line %u already", s->k->name, before);
	if (!conf_keyword_note(sets, s->k, text, place->number))
		return conf_report_at(s->report, 0, "out of memory");
	if (!check_form(s->k, s->cut, s->report))
		return false;
	mistakes = s->report->count;
	if (type->read == NULL || type->read(s, words[1].text, base +
	    s->k->offset))
		return true;
	return s->report->count == mistakes &&
	    conf_bad(s, 1, type->noun, type->want);
}

static bool
set_default(struct conf *conf, const struct conf_keyword *k, const char *value)
{
	const struct conf_cut cut = { .count = 2, .end = strlen(value),
	    .words = { [1].text = span_of(value) } };
	struct conf_report nobody = { .muted = true,
	    .place.line = span_of(value) };

	return k != NULL && conf_keyword_set(&(struct conf_setting){ .k = k,
	    .conf = conf, .report = &nobody, .cut = &cut });
}

static bool
settle_limit(struct conf *conf, const char *keyword, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return conf_line_of(&conf->sets, keyword) != 0 || set_default(conf,
	    conf_keyword_find(CONF_LIMITS, true, span_of(keyword)), text);
}

bool
conf_keyword_settle(struct conf *conf)
{
	const struct conf_limits *l = &conf->limits;
	char text[conf_path_max_bytes + 16];

	conf->relay.line = conf_line_of(&conf->sets, "relay");
	if (!settle_limit(conf, "per-address", l->workers < 20 ? 2 :
	    l->workers / 10) || !settle_limit(conf, "per-network",
	    l->workers / 4 > l->per_address ? l->workers / 4 :
	    l->per_address))
		return false;
	/* Without a file there is no control socket. */
	if (conf->path == NULL || conf->control != NULL)
		return true;
	if (asprintf(&conf->control, "%s/control", conf->root) == -1) {
		conf->control = NULL;
		return false;
	}
	snprintf(text, sizeof(text), strpbrk(conf->root, " \t{}") == NULL ?
	    "%s" : "\"%s\"", conf->control);
	return conf_keyword_note(&conf->sets, conf_keyword_find(CONF_TOP,
	    true, span_of("control")), span_of(text), 0);
}

int
conf_init(struct conf *out)
{
	char host[conf_domain_max_bytes + 1] = "";

	memset(out, 0, sizeof(*out));
	if (gethostname(host, sizeof(host)) == -1 ||
	    !conf_domain_valid(span_from(host, strnlen(host, sizeof(host))),
	    false))
		snprintf(host, sizeof(host), "localhost");
	for (size_t i = 0; i < conf_keyword_count; i++) {
		const struct conf_keyword *k = &conf_keywords[i];
		const char *value = i == 0 ? host : k->fallback;

		if (value != NULL && value[0] != '#' &&
		    !set_default(out, k, value))
			goto fail;
	}
	if (conf_keyword_settle(out))
		return 0;
fail:
	errno = ENOMEM;
	return -1;
}

static void
put_line(FILE *f, const struct conf_keyword *k, const struct conf_set *set,
    const struct conf_domain *d)
{
	const char *text = set != NULL ? set->text : k->fallback;
	enum { column_of_meaning = 32 };
	const bool off = text[0] == '#';
	int n = fprintf(f, "%s%s%s %s", k->block == CONF_TOP ? "" : "\t",
	    off ? "#" : "", k->name, text + off);

	if (k->block != CONF_TOP)
		n += 7;
	if (n < column_of_meaning)
		fprintf(f, "%*s", column_of_meaning - n, "");
	fprintf(f, " # %s", k->meaning);
	if (k->block == CONF_RELAY && set != NULL && strcmp(k->name, "from") ==
	    0)
		fprintf(f, ": %s, by line %u", strcmp(text, "authenticated") ==
		    0 ? "every user who logged in" : strchr(text, '/') == NULL ?
		    "every program of that host" : "every host of that "
		    "network", set->line);
	if (d != NULL && strcmp(k->name, "users") == 0)
		fprintf(f, ": %zu", d->users.count);
	else if (d != NULL && strcmp(k->name, "aliases") == 0)
		fprintf(f, ": %zu", d->aliases.count);
	putc('\n', f);
}

static void
put_block(FILE *f, const struct conf_sets *sets, enum conf_block block,
    const struct conf_domain *d)
{
	for (size_t i = 0; i < conf_keyword_count; i++) {
		const struct conf_keyword *k = &conf_keywords[i];

		if (k->block != block || k->type->opens != CONF_TOP)
			continue;
		for (size_t n = 0; n < sets->count; n++)
			if (sets->one[n].k == k)
				put_line(f, k, &sets->one[n], d);
		if (k->fallback != NULL && find_set(sets, k->name) == NULL)
			put_line(f, k, NULL, d);
	}
}

void
conf_print(const struct conf *conf, FILE *f)
{
	put_block(f, &conf->sets, CONF_TOP, NULL);
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		fprintf(f, "domain %s {", d->name);
		if (strcmp(d->ascii, d->name) != 0)
			fprintf(f, "\t# %s", d->ascii);
		putc('\n', f);
		put_block(f, &d->sets, CONF_DOMAIN, d);
		fputs("}\n", f);
	}
	if (conf->relay.line != 0) {
		fputs("relay {\n", f);
		put_block(f, &conf->relay_sets, CONF_RELAY, NULL);
		fputs("}\n", f);
	}
	fputs("limits {\n", f);
	put_block(f, &conf->sets, CONF_LIMITS, NULL);
	fputs("}\n", f);
}
