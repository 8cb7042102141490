/*
 * Finds the mailboxes of a recipient: the order of the rules, and aliases
 * followed to their Maildirs, which recipient_set.c gathers.  Run by the
 * master, on addresses that a worker has parsed.
 */
#include "server/mail/recipient.h"

#include <stdlib.h>
#include <string.h>


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

/* The part of local before the separator, or local itself without one. */
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

static const struct conf_domain *
domain_of(const struct conf *conf, const struct conf_domain *home,
    const struct mailbox *m)
{
	return m->domain_len == 0 ? home :
	    conf_find_domain(conf, span_from(m->domain, m->domain_len));
}

static struct recipient_target
find_target(const struct conf *conf, const struct conf_domain *home,
    const struct mailbox *m, const struct conf_alias *within)
{
	struct recipient_target t = { .domain = domain_of(conf, home, m) };

	if (t.domain != NULL)
		t.match = recipient_find(t.domain, local_of(m), within);
	return t;
}

static int
index_alias(const struct conf *conf, const struct conf_domain *d,
    struct conf_alias *a)
{
	a->found = calloc(a->target_count + 1, sizeof(*a->found));
	if (a->found == NULL)
		return -1;
	for (size_t i = 0; i < a->target_count; i++)
		a->found[i] = find_target(conf, d, &a->targets[i], a);
	return 0;
}

int
recipient_index(struct conf *conf)
{
	for (size_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		d->first_mark = conf->mark_count;
		conf->mark_count += (uint32_t)(d->user_count + 1 +
		    d->alias_count);
		for (size_t k = 0; k < d->alias_count; k++)
			if (index_alias(conf, d, &d->aliases[k]) == -1)
				return -1;
	}
	return 0;
}

/* What all steps of following one recipient share. */
struct expansion {
	const struct conf		*conf;
	struct recipient_set		*set;
	struct recipient_reason		*reason;
	const struct recipient_watch	*watch;		/* or NULL */
};

/* Of ten thousand steps the log has a few; only a watcher gets the rest. */
static bool
is_told(const struct expansion *e)
{
	return e->watch != NULL ||
	    e->reason->step_count < recipient_steps_max;
}

/* Passes step to the watcher only: it is not for the log. */
static void
see(const struct expansion *e, struct decision_step step)
{
	if (e->watch != NULL)
		e->watch->see(e->watch->arg, &step);
}

/* Passes a rule that leads on to the log and to the watcher. */
static void
tell(const struct expansion *e, struct decision_step step)
{
	struct recipient_reason *r = e->reason;

	if (r->step_count < recipient_steps_max)
		r->steps[r->step_count++] = step;
	else
		r->more++;
	see(e, step);
}

/* A step that found local in d or, when local is "", d itself. */
static struct decision_step
step_of(enum decision_kind kind, const struct conf_domain *d,
    const char *local, const char *path, unsigned line)
{
	return (struct decision_step){ .kind = kind, .path = path,
	    .line = line, .local = span_of(local), .domain = d };
}

/* Tells the subaddress rule, if match is local without its subaddress. */
static void
tell_subaddress(const struct expansion *e, const struct conf_domain *d,
    struct span local, const struct recipient_match *match, unsigned depth)
{
	const char *name = match->kind == RECIPIENT_ALIAS ?
	    match->alias->name : match->kind == RECIPIENT_USER ?
	    match->user->name : "postmaster";
	struct decision_step step = step_of(STEP_SUBADDRESS, d, name,
	    e->conf->path, conf_line_of(&d->sets, "subaddress"));

	if (match->kind == RECIPIENT_NOBODY ||
	    span_equal_fold(local, span_of(name)))
		return;
	step.depth = depth;
	tell(e, step);
}

/* Shows the watcher where in d local was looked for. */
static void
see_nobody(const struct expansion *e, const struct conf_domain *d,
    struct span local)
{
	struct decision_step step = step_of(STEP_NO_ALIAS, d, "",
	    d->aliases_path, 0);

	step.local = without_subaddress(d, local);
	see(e, step);
	step.kind = STEP_NO_USER;
	step.path = d->users_path;
	see(e, step);
	if (!d->has_catch_all)
		see(e, step_of(STEP_NO_CATCH_ALL, d, "", e->conf->path,
		    d->line));
}

/* Adds the Maildir of user, which has this number in d. */
static enum verdict
reach(const struct expansion *e, const struct conf_domain *d,
    const char *user, size_t number, unsigned depth)
{
	const size_t before = e->set->count;
	enum verdict v = recipient_set_add(e->set, e->conf,
	    d->first_mark + (uint32_t)number, d->name, user);
	struct decision_step step = step_of(STEP_NO_MEMORY, d, user, NULL, 0);

	step.depth = depth + 1;
	if (v == VERDICT_OK) {
		step.kind = e->set->count > before ? STEP_MAILBOX :
		    STEP_MAILBOX_AGAIN;
	} else if (v == VERDICT_TOO_MANY) {
		step.kind = STEP_MAILBOXES_FULL;
		step.a = recipient_mailboxes_max;
	}
	see(e, step);
	return v;
}

/* The line to be corrected becomes the one that decided. */
static enum verdict
find_broken(const struct expansion *e, const struct conf_domain *d,
    struct span local, const char *path, unsigned line)
{
	struct decision_step step = step_of(STEP_BROKEN, d, "", path, line);

	step.local = local;
	e->reason->path = path;
	e->reason->line = line;
	see(e, step);
	return VERDICT_BROKEN;
}

static enum verdict follow_match(const struct expansion *,
    const struct conf_domain *, struct recipient_match, unsigned);

static enum verdict
follow_target(const struct expansion *e, const struct mailbox *m,
    const struct recipient_target *t, unsigned depth)
{
	const struct conf_domain *d = t->domain;

	if (d == NULL)
		return VERDICT_FOREIGN;	/* its alias is broken */
	if (is_told(e)) {
		if (m->domain_len > 0) {
			struct decision_step step = step_of(STEP_DOMAIN, d,
			    "", e->conf->path, d->line);

			step.depth = depth;
			see(e, step);
		}
		tell_subaddress(e, d, local_of(m), &t->match, depth);
	}
	return follow_match(e, d, t->match, depth);
}

/*
 * Each alias is followed once a message: otherwise twenty aliases that each
 * name the next two would be a million steps, and so would many recipients that
 * lead to one large alias.
 */
static enum verdict
follow_alias(const struct expansion *e, const struct conf_domain *d,
    const struct conf_alias *alias, unsigned depth)
{
	struct decision_step step = step_of(STEP_ALIAS, d, alias->name,
	    d->aliases_path, alias->line);
	enum verdict verdict;
	bool is_new;

	if (alias->broken != NULL)
		return find_broken(e, d, span_of(alias->name),
		    d->aliases_path, alias->line);
	if (depth == recipient_alias_depth_max)
		return VERDICT_UNKNOWN;	/* in recipient_load only */
	verdict = recipient_set_note(e->set, e->conf, d->first_mark +
	    (uint32_t)(d->user_count + 1 + (size_t)(alias - d->aliases)),
	    &is_new);
	step.depth = depth;
	if (!is_new)
		step.kind = STEP_AGAIN;
	tell(e, step);
	if (!is_new)
		return verdict;
	for (size_t i = 0; verdict == VERDICT_OK && i < alias->target_count;
	    i++)
		verdict = follow_target(e, &alias->targets[i],
		    &alias->found[i], depth + 1);
	return verdict;
}

static enum verdict
reach_user(const struct expansion *e, const struct conf_domain *d,
    const struct conf_user *user, unsigned depth)
{
	const size_t number = (size_t)(user - d->users);
	struct decision_step step;

	if (!is_told(e)) {
		e->reason->more++;
		return recipient_set_add(e->set, e->conf, d->first_mark +
		    (uint32_t)number, d->name, user->name);
	}
	step = step_of(STEP_USER, d, user->name, d->users_path, user->line);
	step.depth = depth;
	tell(e, step);
	return reach(e, d, user->name, number, depth);
}

static enum verdict
follow_match(const struct expansion *e, const struct conf_domain *d,
    struct recipient_match match, unsigned depth)
{
	struct decision_step step;

	switch (match.kind) {
	case RECIPIENT_ALIAS:
		return follow_alias(e, d, match.alias, depth);
	case RECIPIENT_USER:
		return reach_user(e, d, match.user, depth);
	case RECIPIENT_POSTMASTER:
		step = step_of(STEP_POSTMASTER, d, "postmaster", NULL, 0);
		step.depth = depth;
		tell(e, step);
		return reach(e, d, "postmaster", d->user_count, depth);
	case RECIPIENT_NOBODY:
		break;
	}
	return VERDICT_UNKNOWN;
}

static void
find_reason(const struct expansion *e, const struct conf_domain *d,
    const struct recipient_match *match)
{
	struct recipient_reason *r = e->reason;

	switch (match->kind) {
	case RECIPIENT_ALIAS:
		r->path = d->aliases_path;
		r->line = match->alias->line;
		return;
	case RECIPIENT_USER:
		r->path = d->users_path;
		r->line = match->user->line;
		return;
	case RECIPIENT_POSTMASTER:
		return;
	case RECIPIENT_NOBODY:
		break;
	}
	r->path = e->conf->path;
	r->line = d->has_catch_all ? conf_line_of(&d->sets, "catch-all") :
	    d->line;
}

static enum verdict
expand_local(const struct expansion *e, const struct conf_domain *d,
    struct span local)
{
	struct recipient_match match = recipient_find(d, local, NULL);
	const unsigned line = conf_line_of(&d->sets, "catch-all");
	struct recipient_target found;

	find_reason(e, d, &match);
	tell_subaddress(e, d, local, &match, 0);
	if (match.kind == RECIPIENT_NOBODY)
		see_nobody(e, d, local);
	if (match.kind == RECIPIENT_NOBODY && d->has_catch_all) {
		tell(e, step_of(STEP_CATCH_ALL, d, "", e->conf->path,
		    line));
		if (d->catch_all_broken != NULL)
			return find_broken(e, d, local_of(&d->catch_all),
			    e->conf->path, line);
		found = find_target(e->conf, d, &d->catch_all, NULL);
		return follow_target(e, &d->catch_all, &found, 0);
	}
	return follow_match(e, d, match, 0);
}

/* In a catcher any recipient has a Maildir by its own name. */
static enum verdict
expand_caught(const struct mailbox *rcpt, struct recipient_set *set)
{
	char text[smtp_mailbox_text_max_bytes];
	char name[recipient_file_name_max_bytes + 1];
	size_t n;

	n = smtp_mailbox_text(rcpt, text);
	/* Without a domain the name is the local part, without our quotes. */
	recipient_file_name(rcpt->domain_len == 0 ? local_of(rcpt) :
	    span_from(text, n), name);
	return recipient_set_add_name(set, name);
}

static enum verdict
expand(const struct expansion *e, const struct mailbox *rcpt)
{
	const struct conf *conf = e->conf;
	const struct conf_domain *d = NULL;
	struct span local = local_of(rcpt);

	if (conf->catcher)
		return expand_caught(rcpt, e->set);
	if (rcpt->domain_len > 0)
		d = conf_find_domain(conf,
		    span_from(rcpt->domain, rcpt->domain_len));
	else if (!is_postmaster(local))
		return VERDICT_UNKNOWN;
	else if (conf->domain_count > 0)
		d = &conf->domains[0];
	if (d == NULL) {
		see(e, (struct decision_step){ .kind = STEP_FOREIGN,
		    .path = conf->path });
		return VERDICT_FOREIGN;
	}
	tell(e, step_of(rcpt->domain_len > 0 ? STEP_DOMAIN :
	    STEP_FIRST_DOMAIN, d, "", conf->path, d->line));
	return expand_local(e, d, local);
}

enum verdict
recipient_expand(const struct conf *conf, const struct mailbox *rcpt,
    struct recipient_set *set, struct recipient_reason *reason)
{
	return recipient_explain(conf, rcpt, set, reason, NULL);
}

enum verdict
recipient_explain(const struct conf *conf, const struct mailbox *rcpt,
    struct recipient_set *set, struct recipient_reason *reason,
    const struct recipient_watch *watch)
{
	const struct expansion e = { conf, set, reason, watch };
	const size_t count = set->count, mark_count = set->mark_count;
	enum verdict verdict;

	reason->path = NULL;
	reason->line = 0;
	reason->step_count = 0;
	reason->more = 0;
	verdict = expand(&e, rcpt);
	if (verdict != VERDICT_OK)
		recipient_set_cut(set, count, mark_count);
	return verdict;
}

bool
recipient_is_of(const struct conf *conf, const char *user,
    const struct mailbox *address)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	bool is_of = false;

	if (recipient_expand(conf, address, &set, &reason) == VERDICT_OK)
		for (size_t i = 0; i < set.count && !is_of; i++) {
			const struct recipient_mailbox *box = &set.boxes[i];
			size_t n = strlen(box->user);

			is_of = strncmp(box->user, user, n) == 0 &&
			    user[n] == '@' &&
			    strcmp(box->domain, user + n + 1) == 0;
		}
	recipient_set_clear(&set);
	return is_of;
}
