/*
 * What only all tables together can tell: targets that reach nobody, loops
 * of aliases, chains that are too long.  Declared in conf_table.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf_table.h"
#include "server/recipient.h"

enum {
	chain_max_bytes = 400	/* of a loop as it is shown */
};

struct check {
	const struct conf		*conf;
	const struct conf_text		*text;
	const struct conf_tables	*tables;
	bool				 domains_whole;
	struct conf_report		*report;
};

static struct span
local_of(const struct mailbox *m)
{
	return span_from(m->local, m->local_len);
}

static struct span
domain_of(const struct mailbox *m)
{
	return span_from(m->domain, m->domain_len);
}

/* The domain a target of d is in, or NULL when it is not ours. */
static const struct conf_domain *
target_domain(const struct check *c, const struct conf_domain *d,
    const struct mailbox *m)
{
	return m->domain_len == 0 ? d : conf_find_domain(c->conf,
	    domain_of(m));
}

static bool
tables_whole(const struct check *c, const struct conf_domain *d)
{
	const struct conf_tables *t = &c->tables[d - c->conf->domains];

	return t->users_whole && t->aliases_whole;
}

enum target {
	TARGET_FINE,
	TARGET_FOREIGN,
	TARGET_NOBODY,
	TARGET_SELF	/* the alias's own name, of which there is no user */
};

/* What a table that was not understood may hold is not missed. */
static enum target
judge_target(const struct check *c, const struct conf_domain *d,
    const struct conf_alias *within, const struct mailbox *m)
{
	const struct conf_domain *to = target_domain(c, d, m);

	if (to == NULL)
		return c->domains_whole ? TARGET_FOREIGN : TARGET_FINE;
	if (!tables_whole(c, to) ||
	    recipient_find(to, local_of(m), within).kind != RECIPIENT_NOBODY)
		return TARGET_FINE;
	if (within != NULL &&
	    recipient_find(to, local_of(m), NULL).alias == within)
		return TARGET_SELF;
	return TARGET_NOBODY;
}

static void
report_target(const struct check *c, enum target verdict,
    const struct conf_domain *d, const struct mailbox *m,
    const struct conf_place *place, size_t at)
{
	const char *name = m->domain_len == 0 ? d->name : m->domain;
	char local[conf_shown_max_bytes], domain[conf_shown_max_bytes];

	conf_show(local_of(m), local, sizeof(local));
	conf_show(span_from(name, strnlen(name, smtp_domain_max_bytes)),
	    domain, sizeof(domain));
	if (verdict == TARGET_FOREIGN)
		conf_report_at(c->report, place, at, NULL,
		    "\"%s\" is not a domain of ours: without a relay nothing "
		    "leaves, and this version has none", domain);
	else if (verdict == TARGET_SELF)
		conf_report_at(c->report, place, at, NULL,
		    "the alias names itself, and %s has no user \"%s\"",
		    domain, local);
	else
		conf_report_at(c->report, place, at, NULL,
		    "%s has no user or alias \"%s\"", domain, local);
}

/* The place of an alias, and the offset of its target of that number. */
static size_t
target_at(const struct check *c, const struct conf_domain *d,
    const struct conf_alias *alias, size_t number, struct conf_place *place)
{
	const struct conf_tables *t = &c->tables[d - c->conf->domains];
	struct conf_alias_line parsed;
	struct span target = { 0 };

	*place = conf_text_place(&t->aliases, alias->line);
	conf_parse_alias(conf_trim_line(place->line), &parsed);
	for (size_t i = 0; i <= number; i++)
		if (!conf_parse_target(&parsed.targets, &target))
			return 0;
	return (size_t)(target.p - place->line.p);
}

static void
check_alias(const struct check *c, const struct conf_domain *d,
    const struct conf_alias *a)
{
	struct conf_place place;
	enum target verdict;
	size_t at;

	for (size_t i = 0; i < a->target_count && !c->report->full; i++) {
		verdict = judge_target(c, d, a, &a->targets[i]);
		if (verdict == TARGET_FINE)
			continue;
		at = target_at(c, d, a, i, &place);
		report_target(c, verdict, d, &a->targets[i], &place, at);
	}
}

static void
check_catch_all(const struct check *c, const struct conf_domain *d)
{
	struct conf_place place;
	struct conf_cut cut;

	enum target verdict = TARGET_FINE;

	if (d->has_catch_all)
		verdict = judge_target(c, d, NULL, &d->catch_all);
	if (verdict == TARGET_FINE)
		return;
	place = conf_text_place(c->text, d->catch_all_line);
	conf_cut_line(place.line, &cut);
	report_target(c, verdict, d, &d->catch_all, &place, cut.words[1].at);
}

/* An alias on the way from one where the walk began. */
struct step {
	const struct conf_domain	*d;
	const struct conf_alias		*a;
	size_t				 next;	/* target to follow */
};

/*
 * A walk over all aliases, depth first.  The way is kept here and not on the
 * stack of the process: a table may chain as many aliases as it has lines.
 */
struct walk {
	const struct check	*c;
	size_t			*base;	/* number of a domain's first alias */
	size_t			*height; /* longest chain from here; 0: new */
	bool			*done;
	struct step		*way;
	size_t			 depth;
};

static size_t
alias_number(const struct walk *w, const struct conf_domain *d,
    const struct conf_alias *a)
{
	return w->base[d - w->c->conf->domains] + (size_t)(a - d->aliases);
}

static void
append(char out[chain_max_bytes], const char *text)
{
	size_t n = strlen(out), more = strlen(text);

	if (n + more + sizeof(" ...") > chain_max_bytes) {
		if (n < 4 || strcmp(out + n - 4, " ...") != 0)
			memcpy(out + n, " ...", sizeof(" ..."));
		return;
	}
	memcpy(out + n, text, more + 1);
}

static void
append_alias(char out[chain_max_bytes], const struct step *step,
    const struct conf_domain *home)
{
	char name[smtp_local_max_bytes * 4 + 1];

	conf_show(span_of(step->a->name), name, sizeof(name));
	append(out, name);
	if (step->d != home) {
		append(out, "@");
		append(out, step->d->name);
	}
}

/* The last step of the way follows a target back to the step first. */
static void
report_loop(const struct walk *w, size_t first)
{
	const struct step *last = &w->way[w->depth - 1];
	char chain[chain_max_bytes] = "";
	struct conf_place place;
	size_t at;

	for (size_t i = first; i < w->depth; i++) {
		append_alias(chain, &w->way[i], w->way[first].d);
		append(chain, " -> ");
	}
	append_alias(chain, &w->way[first], w->way[first].d);
	at = target_at(w->c, last->d, last->a, last->next - 1, &place);
	conf_report_at(w->c->report, &place, at, NULL,
	    "aliases in a loop: %s", chain);
}

static void
report_depth(const struct walk *w, const struct step *step)
{
	struct conf_place place;

	target_at(w->c, step->d, step->a, 0, &place);
	conf_report_at(w->c->report, &place, (size_t)(conf_trim_line(
	    place.line).p - place.line.p), NULL,
	    "a chain of more than %d aliases begins here",
	    recipient_alias_depth_max);
}

static void
raise_height(struct walk *w, size_t number, size_t below)
{
	if (w->height[number] < below + 1)
		w->height[number] = below + 1;
}

static void
enter_alias(struct walk *w, const struct conf_domain *d,
    const struct conf_alias *a)
{
	w->height[alias_number(w, d, a)] = 1;
	w->way[w->depth++] = (struct step){ d, a, 0 };
}

/* The last step has no target left. */
static void
leave_alias(struct walk *w)
{
	const struct step *step = &w->way[--w->depth];
	size_t number = alias_number(w, step->d, step->a);

	w->done[number] = true;
	/* Only where the limit is passed, not for all that lead there. */
	if (w->height[number] == recipient_alias_depth_max + 1)
		report_depth(w, step);
	if (w->depth > 0)
		raise_height(w, alias_number(w, step[-1].d, step[-1].a),
		    w->height[number]);
}

static void
follow_target(struct walk *w)
{
	struct step *step = &w->way[w->depth - 1];
	const struct mailbox *m = &step->a->targets[step->next++];
	const struct conf_domain *to = target_domain(w->c, step->d, m);
	struct recipient_match match = { 0 };
	size_t number;

	if (to != NULL)
		match = recipient_find(to, local_of(m), step->a);
	if (match.kind != RECIPIENT_ALIAS)
		return;
	number = alias_number(w, to, match.alias);
	if (w->height[number] == 0)
		enter_alias(w, to, match.alias);
	else if (w->done[number])
		raise_height(w, alias_number(w, step->d, step->a),
		    w->height[number]);
	else
		for (size_t i = 0; i < w->depth; i++)
			if (w->way[i].a == match.alias)
				report_loop(w, i);
}

static void
walk_from(struct walk *w, const struct conf_domain *d,
    const struct conf_alias *a)
{
	if (w->height[alias_number(w, d, a)] != 0)
		return;
	enter_alias(w, d, a);
	while (w->depth > 0 && !w->c->report->full) {
		const struct step *step = &w->way[w->depth - 1];

		if (step->next < step->a->target_count)
			follow_target(w);
		else
			leave_alias(w);
	}
}

static void
walk_all(struct walk *w)
{
	const struct conf *conf = w->c->conf;

	for (size_t i = 0; i < conf->domain_count; i++)
		for (size_t j = 0; j < conf->domains[i].alias_count; j++)
			if (!w->c->report->full)
				walk_from(w, &conf->domains[i],
				    &conf->domains[i].aliases[j]);
}

static int
check_chains(const struct check *c)
{
	struct walk w = { .c = c };
	size_t count = 0;
	int status = -1;

	w.base = calloc(c->conf->domain_count + 1, sizeof(*w.base));
	if (w.base == NULL)
		return -1;
	for (size_t i = 0; i < c->conf->domain_count; i++) {
		w.base[i] = count;
		count += c->conf->domains[i].alias_count;
	}
	w.height = calloc(count + 1, sizeof(*w.height));
	w.done = calloc(count + 1, sizeof(*w.done));
	w.way = calloc(count + 1, sizeof(*w.way));
	if (w.height != NULL && w.done != NULL && w.way != NULL) {
		walk_all(&w);
		status = 0;
	}
	free(w.way);
	free(w.done);
	free(w.height);
	free(w.base);
	return status;
}

int
conf_check(const struct conf *conf, const struct conf_text *text,
    const struct conf_tables *tables, bool domains_whole,
    struct conf_report *report)
{
	const struct check c = { conf, text, tables, domains_whole, report };

	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		check_catch_all(&c, d);
		for (size_t j = 0; j < d->alias_count; j++)
			check_alias(&c, d, &d->aliases[j]);
	}
	return check_chains(&c);
}
