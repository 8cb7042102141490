/*
 * Aliases are judged by the code that delivers: each is expanded, and the
 * steps it takes are watched.  Run by the master at start-up and upon SIGHUP,
 * and by smtpctl explain.
 */
#include "server/mail/recipient_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_text.h"
#include "server/mail/recipient.h"
#include "server/mail/recipient_set.h"

enum { chain_max_bytes = 400 };		/* of a loop as it is shown */

static struct span
local_of(const struct mailbox *m)
{
	return span_from(m->local, m->local_len);
}

/* Notes in *broken that a target of d reaches nobody.  0, or -1 and errno. */
static int
judge_target(const struct conf *conf, const struct conf_domain *d,
    const struct conf_alias *within, const struct mailbox *m, char **broken)
{
	const char *name = m->domain_len == 0 ? d->name : m->domain;
	const struct conf_domain *to = m->domain_len == 0 ? d :
	    conf_find_domain(conf, span_from(m->domain, m->domain_len));
	char local[conf_shown_max_bytes], domain[conf_shown_max_bytes];

	if (to != NULL &&
	    recipient_find(to, local_of(m), within).kind != RECIPIENT_NOBODY)
		return 0;
	conf_show(local_of(m), local, sizeof(local));
	conf_show(span_from(name, strnlen(name, smtp_domain_max_bytes)),
	    domain, sizeof(domain));
	if (to == NULL)
		return conf_break(broken, "\"%s\" is not a domain of "
		    "ours: without a relay nothing leaves, and this version "
		    "has none", domain);
	if (within != NULL &&
	    recipient_find(to, local_of(m), NULL).alias == within)
		return conf_break(broken, "the alias names itself, and "
		    "%s has no user \"%s\"", domain, local);
	return conf_break(broken, "%s has no user or alias \"%s\"",
	    domain, local);
}

static int
judge_targets(const struct conf *conf, struct conf_domain *d)
{
	int status = 0;

	if (d->has_catch_all)
		status = judge_target(conf, d, NULL, &d->catch_all,
		    &d->catch_all_broken);
	for (size_t i = 0; i < d->alias_count; i++) {
		struct conf_alias *a = &d->aliases[i];

		for (size_t k = 0; k < a->target_count && status == 0; k++)
			if (a->found[k].match.kind == RECIPIENT_NOBODY)
				status = judge_target(conf, d, a,
				    &a->targets[k], &a->broken);
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

static struct conf_alias *
alias_at(const struct way *w, unsigned depth)
{
	const struct conf_domain *d = w->domains[depth];

	return &w->conf->domains[d - w->conf->domains].aliases[
	    conf_find_alias(d, w->names[depth]) - d->aliases];
}

/* " -> name", with its domain where that is not the first one's. */
static void
append_alias(char chain[chain_max_bytes], const struct way *w, unsigned depth,
    unsigned first)
{
	const bool home = w->domains[depth] == w->domains[first];
	char name[smtp_local_max_bytes * 4 + 1], one[sizeof(name) + 300];
	size_t n = strlen(chain);

	conf_show(w->names[depth], name, sizeof(name));
	snprintf(one, sizeof(one), "%s%s%s%s", n == 0 ? "" : " -> ", name,
	    home ? "" : "@", home ? "" : w->domains[depth]->name);
	if (n + strlen(one) + sizeof(" ...") <= chain_max_bytes)
		snprintf(chain + n, chain_max_bytes - n, "%s", one);
	else if (n < 4 || strcmp(chain + n - 4, " ...") != 0)
		snprintf(chain + n, chain_max_bytes - n, " ...");
}

/*
 * The alias at last follows a target back to the one at first.  One broken
 * alias ends the loop, since every way through the loop passes it.
 */
static void
break_loop(struct way *w, unsigned first, unsigned last)
{
	char chain[chain_max_bytes] = "";

	for (unsigned i = first; i <= last; i++)
		append_alias(chain, w, i, first);
	append_alias(chain, w, first, first);
	if (conf_break(&alias_at(w, last)->broken,
	    "aliases in a loop: %s", chain) == -1)
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
expand_alias(struct way *w, const struct conf_domain *d, struct conf_alias *a,
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
	verdict = recipient_explain(w->conf, &m, set, &reason, &watch);
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
	int status = recipient_index(conf);

	/* Before the walks, which end at an alias that is broken. */
	for (size_t i = 0; i < conf->domain_count && status == 0; i++)
		status = judge_targets(conf, &conf->domains[i]);
	for (size_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		for (size_t k = 0; k < d->alias_count && status == 0; k++)
			status = expand_alias(&w, d, &d->aliases[k], &set);
	}
	recipient_set_clear(&set);
	return status;
}

int
recipient_load(const char *path, struct conf *out, FILE *err)
{
	struct conf_report report = { .err = err };

	if (conf_load(path, out, err) == -1)
		return -1;
	if (check_aliases(out) == 0)
		return 0;
	conf_report_file(&report, path, "%s", strerror(errno));
	return -1;
}
