/*
 * What only all tables together can tell: targets that reach nobody, loops
 * of aliases, chains that are too long.  Declared in conf_table.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_table.h"
#include "server/mail/recipient.h"

enum {
	chain_max_bytes = 400	/* of a loop as it is shown */
};

struct check {
	struct conf			*conf;
	const struct conf_tables	*tables;
	bool				 domains_whole;
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

/* Notes in *broken what is wrong with a target of d.  0, or -1 and errno. */
static int
check_target(const struct check *c, const struct conf_domain *d,
    const struct conf_alias *within, const struct mailbox *m, char **broken)
{
	const char *name = m->domain_len == 0 ? d->name : m->domain;
	char local[conf_shown_max_bytes], domain[conf_shown_max_bytes];

	conf_show(local_of(m), local, sizeof(local));
	conf_show(span_from(name, strnlen(name, smtp_domain_max_bytes)),
	    domain, sizeof(domain));
	switch (judge_target(c, d, within, m)) {
	case TARGET_FOREIGN:
		return conf_table_break(broken, "\"%s\" is not a domain of "
		    "ours: without a relay nothing leaves, and this version "
		    "has none", domain);
	case TARGET_SELF:
		return conf_table_break(broken, "the alias names itself, and "
		    "%s has no user \"%s\"", domain, local);
	case TARGET_NOBODY:
		return conf_table_break(broken, "%s has no user or alias "
		    "\"%s\"", domain, local);
	case TARGET_FINE:
		break;
	}
	return 0;
}

static int
check_domain(const struct check *c, struct conf_domain *d)
{
	if (d->has_catch_all && check_target(c, d, NULL, &d->catch_all,
	    &d->catch_all_broken) == -1)
		return -1;
	for (size_t i = 0; i < d->alias_count; i++) {
		struct conf_alias *a = &d->aliases[i];

		for (size_t k = 0; k < a->target_count; k++)
			if (check_target(c, d, a, &a->targets[k],
			    &a->broken) == -1)
				return -1;
	}
	return 0;
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
	bool			 failed;	/* for lack of memory */
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

/* Where it is noted that the alias of a step is broken. */
static char **
broken_of(const struct walk *w, const struct step *step)
{
	struct conf *conf = w->c->conf;
	const struct conf_domain *d = step->d;

	return &conf->domains[d - conf->domains].aliases[step->a -
	    d->aliases].broken;
}

/*
 * The last step of the way follows a target back to the step first.  One
 * broken alias ends the loop, for who begins anywhere in it comes by.
 */
static void
break_loop(struct walk *w, size_t first)
{
	char chain[chain_max_bytes] = "";

	for (size_t i = first; i < w->depth; i++) {
		append_alias(chain, &w->way[i], w->way[first].d);
		append(chain, " -> ");
	}
	append_alias(chain, &w->way[first], w->way[first].d);
	if (conf_table_break(broken_of(w, &w->way[w->depth - 1]),
	    "aliases in a loop: %s", chain) == -1)
		w->failed = true;
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
	if (w->height[number] == recipient_alias_depth_max + 1 &&
	    conf_table_break(broken_of(w, step), "a chain of more than %d "
	    "aliases begins here", recipient_alias_depth_max) == -1)
		w->failed = true;
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
				break_loop(w, i);
}

static void
walk_from(struct walk *w, const struct conf_domain *d,
    const struct conf_alias *a)
{
	if (w->height[alias_number(w, d, a)] != 0)
		return;
	enter_alias(w, d, a);
	while (w->depth > 0 && !w->failed) {
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
			if (!w->failed)
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
		status = w.failed ? -1 : 0;
	}
	free(w.way);
	free(w.done);
	free(w.height);
	free(w.base);
	return status;
}

int
conf_check(struct conf *conf, const struct conf_tables *tables,
    bool domains_whole)
{
	const struct check c = { conf, tables, domains_whole };

	for (size_t i = 0; i < conf->domain_count; i++)
		if (check_domain(&c, &conf->domains[i]) == -1)
			return -1;
	return check_chains(&c);
}
