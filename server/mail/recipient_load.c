/*
 * Finds the targets of all aliases, and judges what they lead to.  Run by the
 * master at start-up and upon SIGHUP, and by smtpctl explain.
 */
#include "server/mail/recipient.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"

enum { chain_max_bytes = 400 };		/* of a loop as it is shown */

/*
 * Notes in *broken that to, the destination of the target m of d, is nobody.
 * 0, or -1 and errno.
 */
static int
judge_target(const struct conf_domain *d, const struct conf_entry *within,
    const struct mailbox *m, const struct destination *to, char **broken)
{
	const struct span part = span_from(m->local, m->local_len);
	const char *name = m->domain_len == 0 ? d->name : m->domain;
	char local[conf_shown_max_bytes], domain[conf_shown_max_bytes];

	if (to->kind != RECIPIENT_NOBODY)
		return 0;
	conf_show(part, local, sizeof(local));
	conf_show(span_from(name, strnlen(name, smtp_domain_max_bytes)),
	    domain, sizeof(domain));
	if (to->domain == NULL)
		return conf_break(broken, "\"%s\" is not a local domain, "
		    "and an alias leads to no other", domain);
	if (within != NULL &&
	    recipient_find(to->domain, part, NULL).entry == within)
		return conf_break(broken, "the alias names itself, and "
		    "%s has no user \"%s\"", domain, local);
	return conf_break(broken, "%s has no user or alias \"%s\"",
	    domain, local);
}

static int
index_domain(const struct conf *conf, struct conf_domain *d)
{
	struct destination to = recipient_find_target(conf, d, &d->catch_all,
	    NULL);
	int status = !d->has_catch_all ? 0 : judge_target(d, NULL,
	    &d->catch_all, &to, &d->catch_all_broken);

	for (size_t i = 0; i < d->aliases.count; i++) {
		struct conf_entry *a = &d->aliases.one[i];

		a->found = calloc(a->target_count + 1, sizeof(*a->found));
		if (a->found == NULL)
			return -1;
		for (size_t k = 0; k < a->target_count && status == 0; k++) {
			a->found[k] = recipient_find_target(conf, d,
			    &a->targets[k], a);
			status = judge_target(d, a, &a->targets[k],
			    &a->found[k], &a->broken);
		}
	}
	return status;
}

/* One alias, and those on the way from there. */
struct walk {
	struct conf			*conf;
	uint32_t			*met;	/* by mark: in which walk */
	uint32_t			 number;
	const struct destination	*way[recipient_alias_depth_max];
	bool				 too_long;
	bool				 failed;	/* errno says why */
};

/*
 * The alias at last follows a target back to the one at first.  One broken
 * alias ends the loop, since every way through the loop passes it.
 */
static void
break_loop(struct walk *w, unsigned first, unsigned last)
{
	const struct conf_domain *d = w->way[last]->domain;
	struct conf_entry *a = &w->conf->domains[d - w->conf->domains].
	    aliases.one[w->way[last]->entry - d->aliases.one];
	char text[chain_max_bytes];
	struct buf chain = buf_over(text, sizeof(text));

	/* "a -> b@example.net -> a": a domain that is not the first one's. */
	for (unsigned i = first; i <= last + 1 && !chain.cut; i++) {
		const struct destination *at = w->way[i <= last ? i : first];
		char name[smtp_local_max_bytes * 4 + 1];
		bool home = at->domain == w->way[first]->domain;

		conf_show(span_of(at->entry->name), name, sizeof(name));
		buf_add_str(&chain, i == first ? "" : " -> ");
		buf_add_str(&chain, name);
		buf_add_str(&chain, home ? "" : "@");
		buf_add_str(&chain, home ? "" : at->domain->name);
	}
	if (conf_break(&a->broken, "aliases in a loop: %s%s",
	    buf_str(&chain), chain.cut ? " ..." : "") == -1)
		w->failed = true;
}

/* Each alias once a walk, as a message follows it. */
static void
walk(struct walk *w, const struct destination *to, unsigned depth)
{
	const struct conf_entry *a = to->entry;

	if (to->kind != RECIPIENT_ALIAS || a->broken != NULL)
		return;
	for (unsigned i = 0; i < depth; i++)
		if (w->way[i]->entry == a) {
			break_loop(w, i, depth - 1);
			return;
		}
	w->too_long = w->too_long || depth == recipient_alias_depth_max;
	if (w->too_long || w->met[a->mark] == w->number)
		return;
	w->met[a->mark] = w->number;
	w->way[depth] = to;
	for (size_t i = 0; i < a->target_count; i++)
		walk(w, &a->found[i], depth + 1);
	w->way[depth] = NULL;
}

static int
check_chains(struct walk *w, struct conf_domain *d)
{
	for (size_t i = 0; i < d->aliases.count; i++) {
		struct conf_entry *a = &d->aliases.one[i];

		w->number++;
		w->too_long = false;
		walk(w, &(struct destination){ RECIPIENT_ALIAS, d, a }, 0);
		if (w->failed || (w->too_long && conf_break(&a->broken,
		    "a chain of more than %d aliases begins here",
		    recipient_alias_depth_max) == -1))
			return -1;
	}
	return 0;
}

static void
number(struct conf *conf, struct conf_entry *e, size_t count)
{
	while (count-- > 0)
		e[count].mark = conf->mark_count++;
}

static int
check_aliases(struct conf *conf)
{
	static char postmaster[] = "postmaster";
	struct walk w = { .conf = conf };
	int status = 0;

	for (size_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		d->postmaster.name = postmaster;
		number(conf, &d->postmaster, 1);
		number(conf, d->users.one, d->users.count);
		number(conf, d->aliases.one, d->aliases.count);
	}
	/* Before the walks, which end at an alias that is broken. */
	for (size_t i = 0; i < conf->domain_count && status == 0; i++)
		status = index_domain(conf, &conf->domains[i]);
	w.met = calloc(conf->mark_count + 1, sizeof(*w.met));
	if (w.met == NULL)
		status = -1;
	for (size_t i = 0; i < conf->domain_count && status == 0; i++)
		status = check_chains(&w, &conf->domains[i]);
	free(w.met);
	return status;
}

int
recipient_load(const char *path, struct conf *out, FILE *err)
{
	struct conf_report report = { .err = err, .place.path = path };

	if (conf_load(path, out, err) == -1)
		return -1;
	if (check_aliases(out) == 0)
		return 0;
	conf_report_at(&report, 0, "%s", strerror(errno));
	return -1;
}
