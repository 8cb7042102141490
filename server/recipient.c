/*
 * Who is this recipient?  The order of the rules, aliases followed to their
 * Maildirs.  The set the Maildirs are gathered in is recipient_set.c.  Run by
 * the master, on addresses a worker has judged.
 */
#include "server/recipient.h"

#include <string.h>

#include "server/recipient_set.h"

static bool
is_postmaster(struct span local)
{
	return span_equal_fold(local, span_of("postmaster"));
}

static struct span
local_of(const struct mailbox *m)
{
	return span_from(m->local, m->local_len);
}

/* What stands before the separator; local itself when there is none. */
static struct span
without_subaddress(const struct conf_domain *d, struct span local)
{
	const uint8_t *cut = NULL;

	/* Not at the front: "+news" has no name to deliver to. */
	if (d->subaddress != '\0' && local.n > 1)
		cut = memchr(local.p + 1, d->subaddress, local.n - 1);
	return cut == NULL ? local :
	    span_from(local.p, (size_t)(cut - local.p));
}

static struct recipient_match
find_exact(const struct conf_domain *d, struct span local,
    const struct conf_alias *within)
{
	struct recipient_match match = { RECIPIENT_NOBODY, NULL, NULL };

	match.alias = conf_find_alias(d, local);
	if (match.alias != NULL && match.alias != within) {
		match.kind = RECIPIENT_ALIAS;
		return match;
	}
	match.alias = NULL;
	match.user = conf_find_user(d, local);
	if (match.user != NULL)
		match.kind = RECIPIENT_USER;
	return match;
}

struct recipient_match
recipient_find(const struct conf_domain *d, struct span local,
    const struct conf_alias *within)
{
	struct span base = without_subaddress(d, local);
	struct recipient_match match;

	match = find_exact(d, local, within);
	if (match.kind == RECIPIENT_NOBODY && base.n < local.n)
		match = find_exact(d, base, within);
	if (match.kind == RECIPIENT_NOBODY && is_postmaster(base))
		match.kind = RECIPIENT_POSTMASTER;
	return match;
}

/* What all steps of following one recipient share. */
struct expansion {
	const struct conf	*conf;
	struct recipient_set	*set;
};

static enum recipient_verdict follow_match(const struct expansion *,
    const struct conf_domain *, struct recipient_match, unsigned);

static enum recipient_verdict
follow_target(const struct expansion *e, const struct conf_domain *d,
    const struct mailbox *m, const struct conf_alias *within, unsigned depth)
{
	if (m->domain_len > 0)
		d = conf_find_domain(e->conf,
		    span_from(m->domain, m->domain_len));
	if (d == NULL)
		return RECIPIENT_FOREIGN;
	return follow_match(e, d, recipient_find(d, local_of(m), within),
	    depth);
}

/*
 * Each alias is followed once a message: without that twenty aliases, each
 * naming the next two, were a million steps, and so were many recipients who
 * name one large alias.
 */
static enum recipient_verdict
follow_alias(const struct expansion *e, const struct conf_domain *d,
    const struct conf_alias *alias, unsigned depth)
{
	enum recipient_verdict verdict;
	bool is_new;

	if (depth == recipient_alias_depth_max)
		return RECIPIENT_UNKNOWN;	/* conf_load lets none pass */
	verdict = recipient_set_add_alias(e->set, d->name, alias->name,
	    &is_new);
	if (!is_new)
		return verdict;
	for (size_t i = 0; verdict == RECIPIENT_OK && i < alias->target_count;
	    i++)
		verdict = follow_target(e, d, &alias->targets[i], alias,
		    depth + 1);
	return verdict;
}

static enum recipient_verdict
follow_match(const struct expansion *e, const struct conf_domain *d,
    struct recipient_match match, unsigned depth)
{
	switch (match.kind) {
	case RECIPIENT_ALIAS:
		return follow_alias(e, d, match.alias, depth);
	case RECIPIENT_USER:
		return recipient_set_add(e->set, d->name, match.user->name);
	case RECIPIENT_POSTMASTER:
		return recipient_set_add(e->set, d->name, "postmaster");
	case RECIPIENT_NOBODY:
		break;
	}
	return RECIPIENT_UNKNOWN;
}

static struct recipient_reason
reason_of(const struct conf *conf, const struct conf_domain *d,
    const struct recipient_match *match)
{
	switch (match->kind) {
	case RECIPIENT_ALIAS:
		return (struct recipient_reason){ d->aliases_path,
		    match->alias->line };
	case RECIPIENT_USER:
		return (struct recipient_reason){ d->users_path,
		    match->user->line };
	case RECIPIENT_POSTMASTER:
		return (struct recipient_reason){ NULL, 0 };
	case RECIPIENT_NOBODY:
		break;
	}
	return (struct recipient_reason){ conf->path, d->has_catch_all ?
	    d->catch_all_line : d->line };
}

static enum recipient_verdict
expand_local(const struct expansion *e, const struct conf_domain *d,
    struct span local, struct recipient_reason *reason)
{
	struct recipient_match match = recipient_find(d, local, NULL);

	*reason = reason_of(e->conf, d, &match);
	if (match.kind == RECIPIENT_NOBODY && d->has_catch_all)
		return follow_target(e, d, &d->catch_all, NULL, 0);
	return follow_match(e, d, match, 0);
}

/* Any recipient has a Maildir by its own name. */
static enum recipient_verdict
expand_caught(const struct mailbox *rcpt, struct recipient_set *set)
{
	char text[smtp_mailbox_text_max_bytes];
	char name[recipient_file_name_max_bytes + 1];
	size_t n;

	n = smtp_mailbox_text(rcpt, text);
	recipient_file_name(span_from(text, n), name);
	return recipient_set_add(set, "", name);
}

static enum recipient_verdict
expand(const struct conf *conf, const struct mailbox *rcpt,
    struct recipient_set *set, struct recipient_reason *reason)
{
	const struct expansion e = { conf, set };
	const struct conf_domain *d = NULL;
	struct span local = local_of(rcpt);

	if (conf->catcher)
		return expand_caught(rcpt, set);
	if (rcpt->domain_len > 0)
		d = conf_find_domain(conf,
		    span_from(rcpt->domain, rcpt->domain_len));
	else if (!is_postmaster(local))
		return RECIPIENT_UNKNOWN;
	else if (conf->domain_count > 0)
		d = &conf->domains[0];
	if (d == NULL)
		return RECIPIENT_FOREIGN;
	return expand_local(&e, d, local, reason);
}

enum recipient_verdict
recipient_expand(const struct conf *conf, const struct mailbox *rcpt,
    struct recipient_set *set, struct recipient_reason *reason)
{
	const size_t count = set->count, mark_count = set->mark_count;
	enum recipient_verdict verdict;

	*reason = (struct recipient_reason){ NULL, 0 };
	verdict = expand(conf, rcpt, set, reason);
	if (verdict != RECIPIENT_OK)
		recipient_set_cut(set, count, mark_count);
	return verdict;
}
