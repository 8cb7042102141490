/*
 * Aliases are judged by the code that delivers: each is expanded, and the
 * steps it takes are watched.  Run by the master at start-up and upon SIGHUP,
 * and by smtpctl explain.
 */
#include "server/mail/recipient.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_text.h"

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
	    recipient_find(to->domain, part, NULL).alias == within)
		return conf_break(broken, "the alias names itself, and "
		    "%s has no user \"%s\"", domain, local);
	return conf_break(broken, "%s has no user or alias \"%s\"",
	    domain, local);
}

/* Looks up the targets of d's aliases and catch-all, and judges them. */
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

/* The aliases on the way from the one that is expanded. */
struct way {
	struct conf			*conf;
	const struct conf_domain	*domains[recipient_alias_depth_max];
	struct span			 names[recipient_alias_depth_max];
	bool				 failed;	/* errno says why */
};

/*
 * The alias at last follows a target back to the one at first.  One broken
 * alias ends the loop, since every way through the loop passes it.
 */
static void
break_loop(struct way *w, unsigned first, unsigned last)
{
	const struct conf_domain *d = w->domains[last];
	struct conf_entry *a = &d->aliases.one[conf_find_entry(&d->aliases,
	    w->names[last]) - d->aliases.one];
	char text[chain_max_bytes];
	struct buf chain = buf_over(text, sizeof(text));

	/* "a -> b@example.net -> a": a domain that is not the first one's. */
	for (unsigned i = first; i <= last + 1 && !chain.cut; i++) {
		unsigned at = i <= last ? i : first;
		char name[smtp_local_max_bytes * 4 + 1];
		bool home = w->domains[at] == w->domains[first];

		conf_show(w->names[at], name, sizeof(name));
		buf_add_str(&chain, i == first ? "" : " -> ");
		buf_add_str(&chain, name);
		buf_add_str(&chain, home ? "" : "@");
		buf_add_str(&chain, home ? "" : w->domains[at]->name);
	}
	if (conf_break(&a->broken, "aliases in a loop: %s%s",
	    buf_str(&chain), chain.cut ? " ..." : "") == -1)
		w->failed = true;
}

/* An alias that is met again is in a loop if it led here. */
static void
watch_step(void *arg, const struct decision_step *s)
{
	struct way *w = arg;

	if (s->kind == STEP_ALIAS) {
		w->domains[s->depth] = s->domain;
		w->names[s->depth] = s->local;
	}
	for (unsigned i = 0; s->kind == STEP_AGAIN && i < s->depth; i++)
		if (w->names[i].p == s->local.p)
			break_loop(w, i, s->depth - 1);
}

static int
expand_alias(struct way *w, const struct conf_domain *d, struct conf_entry *a,
    struct recipient_set *set)
{
	const struct recipient_watch watch = { watch_step, w };
	struct recipient_reason reason = { .path = NULL };
	enum verdict verdict;
	struct mailbox m;
	char address[smtp_mailbox_text_max_bytes];
	int n = snprintf(address, sizeof(address), "%s@%s", a->name, d->name);

	if (!smtp_mailbox_from_text(span_from(address, (size_t)n), &m))
		return 0;
	verdict = recipient_expand(w->conf, &m, set, &reason, &watch);
	recipient_set_cut(set, 0, 0);
	if (verdict == VERDICT_TROUBLE)
		errno = ENOMEM;
	if (verdict == VERDICT_TROUBLE || w->failed)
		return -1;
	/* Every target exists, so the chain was too long. */
	return verdict != VERDICT_UNKNOWN ? 0 : conf_break(&a->broken,
	    "a chain of more than %d aliases begins here",
	    recipient_alias_depth_max);
}

static int
check_aliases(struct conf *conf)
{
	struct recipient_set set = { 0 };
	struct way w = { .conf = conf };
	int status = 0;

	for (size_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		d->first_mark = conf->mark_count;
		conf->mark_count += (uint32_t)(d->users.count + 1 +
		    d->aliases.count);
	}
	/* Before the walks, which end at an alias that is broken. */
	for (size_t i = 0; i < conf->domain_count && status == 0; i++)
		status = index_domain(conf, &conf->domains[i]);
	for (size_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		for (size_t k = 0; k < d->aliases.count && status == 0; k++)
			status = expand_alias(&w, d, &d->aliases.one[k], &set);
	}
	recipient_set_clear(&set);
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
