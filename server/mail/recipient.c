/*
 * The order of the rules, and aliases followed to their Maildirs.  Run by the
 * master, on addresses that a worker has parsed.
 */
#include "server/mail/recipient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"

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

static struct destination
find_exact(const struct conf_domain *d, struct span local,
    const struct conf_entry *within)
{
	const struct conf_entry *e = conf_find_entry(&d->aliases, local);

	if (e != NULL && e != within)
		return (struct destination){ RECIPIENT_ALIAS, d, e };
	e = conf_find_entry(&d->users, local);
	return (struct destination){ e != NULL ? RECIPIENT_USER :
	    RECIPIENT_NOBODY, d, e };
}

struct destination
recipient_find(const struct conf_domain *d, struct span local,
    const struct conf_entry *within)
{
	struct span base = without_subaddress(d, local);
	struct destination to = find_exact(d, local, within);

	if (to.kind == RECIPIENT_NOBODY && base.n < local.n)
		to = find_exact(d, base, within);
	if (to.kind == RECIPIENT_NOBODY && is_postmaster(base))
		to = (struct destination){ RECIPIENT_POSTMASTER, d,
		    &d->postmaster };
	return to;
}

/* The file that lists the entry; NULL: none. */
static const char *
path_of(const struct destination *to)
{
	return to->kind == RECIPIENT_ALIAS ? to->domain->aliases.path :
	    to->kind == RECIPIENT_USER ? to->domain->users.path : NULL;
}

struct destination
recipient_find_target(const struct conf *conf, const struct conf_domain *home,
    const struct mailbox *m, const struct conf_entry *within)
{
	const struct conf_domain *d = m->domain_len == 0 ? home :
	    conf_find_domain(conf, span_from(m->domain, m->domain_len));

	if (d == NULL)
		return (struct destination){ .domain = NULL };
	return recipient_find(d, local_of(m), within);
}

/* What all steps of following one recipient share. */
struct expansion {
	const struct conf		*conf;
	struct recipient_set		*set;
	struct recipient_reason		*reason;
	const struct recipient_watch	*watch;		/* or NULL */
	unsigned			 depth;		/* of aliases */
};

/* On a verdict but VERDICT_OK, of this and the next, the set is cut again. */
static enum verdict
push(struct recipient_set *set, const struct recipient_mailbox *box)
{
	return set->count == recipient_mailboxes_max ? VERDICT_TOO_MANY :
	    array_add(&set->boxes, &set->count, box, sizeof(*box)) == NULL ?
	    VERDICT_TROUBLE : VERDICT_OK;
}

/* Notes a Maildir or an alias; *is_new: the set did not have it. */
static enum verdict
note(const struct expansion *e, uint32_t mark, bool *is_new)
{
	const uint64_t bit = (uint64_t)1 << mark % 64;
	struct recipient_set *set = e->set;

	*is_new = false;
	if (set->met == NULL)
		set->met = calloc(e->conf->mark_count / 64 + 1,
		    sizeof(*set->met));
	if (set->met == NULL)
		return VERDICT_TROUBLE;
	if ((set->met[mark / 64] & bit) != 0)
		return VERDICT_OK;
	if (array_add(&set->marks, &set->mark_count, &mark, sizeof(mark)) ==
	    NULL)
		return VERDICT_TROUBLE;
	set->met[mark / 64] |= bit;
	*is_new = true;
	return VERDICT_OK;
}

/* Makes and shows a step that found local in d or, when local is "", d. */
static struct decision_step
see(const struct expansion *e, enum decision_kind kind,
    const struct conf_domain *d, struct span local, const char *path,
    unsigned line)
{
	struct decision_step step = { .kind = kind, .depth = e->depth,
	    .path = path, .line = line, .local = local, .domain = d,
	    .is_default = kind == STEP_BY_MX && line == 0,
	    .a = kind == STEP_MAILBOXES_FULL ? recipient_mailboxes_max : 0 };

	if (e->watch != NULL)
		e->watch->see(e->watch->arg, &step);
	return step;
}

/* The same of a rule that leads on, for the log, too, which has few. */
static void
log_step(const struct expansion *e, enum decision_kind kind,
    const struct conf_domain *d, struct span local, const char *path,
    unsigned line)
{
	const struct decision_step step = see(e, kind, d, local, path, line);
	struct recipient_reason *r = e->reason;

	if (r->step_count < recipient_steps_max)
		r->steps[r->step_count++] = step;
	else
		r->more++;
}

static void
log_found(const struct expansion *e, enum decision_kind kind,
    const struct destination *to)
{
	log_step(e, kind, to->domain, span_of(to->entry->name), path_of(to),
	    to->entry->line);
}

/* The subaddress rule, if to is local without its subaddress. */
static void
see_subaddress(const struct expansion *e, struct span local,
    const struct destination *to)
{
	if (to->entry != NULL &&
	    !span_equal_fold(local, span_of(to->entry->name)))
		log_step(e, STEP_SUBADDRESS, to->domain,
		    span_of(to->entry->name), e->conf->path,
		    conf_line_of(&to->domain->sets, "subaddress"));
}

/* The line to be corrected becomes the one that decided. */
static enum verdict
find_broken(const struct expansion *e, const struct conf_domain *d,
    struct span local, const char *path, unsigned line)
{
	e->reason->path = path;
	e->reason->line = line;
	see(e, STEP_BROKEN, d, local, path, line);
	return VERDICT_BROKEN;
}

static enum verdict follow(struct expansion *, const struct destination *);

/* Somebody: an alias or a catch-all that leads to nobody is broken. */
static enum verdict
follow_target(struct expansion *e, const struct mailbox *m,
    const struct destination *to)
{
	if (m->domain_len > 0 && to->domain != NULL)
		see(e, STEP_DOMAIN, to->domain, span_of(""), e->conf->path,
		    to->domain->line);
	see_subaddress(e, local_of(m), to);
	return follow(e, to);
}

/*
 * Each alias is followed once a message: otherwise twenty aliases that each
 * name the next two would be a million steps, and so would many recipients that
 * lead to one large alias.
 */
static enum verdict
follow_alias(struct expansion *e, const struct destination *to)
{
	const struct conf_entry *alias = to->entry;
	enum verdict verdict;
	bool is_new;

	if (alias->broken != NULL)
		return find_broken(e, to->domain, span_of(alias->name),
		    path_of(to), alias->line);
	verdict = note(e, alias->mark, &is_new);
	log_found(e, is_new ? STEP_ALIAS : STEP_AGAIN, to);
	e->depth++;
	for (size_t i = 0; is_new && verdict == VERDICT_OK &&
	    i < alias->target_count; i++)
		verdict = follow_target(e, &alias->targets[i],
		    &alias->found[i]);
	e->depth--;
	return verdict;
}

static enum verdict
follow(struct expansion *e, const struct destination *to)
{
	enum verdict v;
	bool is_new;

	if (to->kind == RECIPIENT_ALIAS)
		return follow_alias(e, to);
	log_found(e, to->kind == RECIPIENT_USER ? STEP_USER : STEP_POSTMASTER,
	    to);
	v = note(e, to->entry->mark, &is_new);
	if (is_new)
		v = push(e->set, &(struct recipient_mailbox){
		    .domain = to->domain->name, .user = to->entry->name });
	e->depth++;
	see(e, v == VERDICT_TOO_MANY ? STEP_MAILBOXES_FULL :
	    v != VERDICT_OK ? STEP_NO_MEMORY : is_new ? STEP_MAILBOX :
	    STEP_MAILBOX_AGAIN, to->domain, span_of(to->entry->name), NULL, 0);
	e->depth--;
	return v;
}

/* Without a name in d its catch-all is left. */
static enum verdict
follow_nobody(struct expansion *e, const struct conf_domain *d,
    struct span local)
{
	const unsigned line = conf_line_of(&d->sets, "catch-all");
	const struct span none = span_of("");
	struct destination to;

	local = without_subaddress(d, local);
	see(e, STEP_NO_ALIAS, d, local, d->aliases.path, 0);
	see(e, STEP_NO_USER, d, local, d->users.path, 0);
	if (!d->has_catch_all) {
		see(e, STEP_NO_CATCH_ALL, d, none, e->conf->path, d->line);
		return VERDICT_UNKNOWN;
	}
	e->reason->line = line;
	log_step(e, STEP_CATCH_ALL, d, none, e->conf->path, line);
	if (d->catch_all_broken != NULL)
		return find_broken(e, d, local_of(&d->catch_all),
		    e->conf->path, line);
	to = recipient_find_target(e->conf, d, &d->catch_all, NULL);
	return follow_target(e, &d->catch_all, &to);
}

/* In a catcher any recipient has a Maildir by its own name. */
static enum verdict
expand_caught(const struct mailbox *rcpt, struct recipient_set *set)
{
	char text[smtp_mailbox_text_max_bytes];
	char name[recipient_file_name_max_bytes + 1];
	size_t n = smtp_mailbox_text(rcpt, text);
	struct recipient_mailbox box = { .domain = "" };
	enum verdict v;

	/* Without a domain the name is the local part, without our quotes. */
	recipient_file_name(rcpt->domain_len == 0 ? local_of(rcpt) :
	    span_from(text, n), name);
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->boxes[i].user, name) == 0)
			return VERDICT_OK;
	box.user = strdup(name);
	v = box.user == NULL ? VERDICT_TROUBLE : push(set, &box);
	if (v != VERDICT_OK)
		free(box.user);
	return v;
}

static enum verdict
expand(struct expansion *e, const struct mailbox *rcpt)
{
	const struct conf *conf = e->conf;
	const struct conf_domain *d = NULL;
	struct span local = local_of(rcpt);
	struct destination to;

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
		see(e, STEP_FOREIGN, NULL, span_of(""), conf->path, 0);
		return VERDICT_FOREIGN;
	}
	log_step(e, rcpt->domain_len > 0 ? STEP_DOMAIN : STEP_FIRST_DOMAIN, d,
	    span_of(""), conf->path, d->line);
	to = recipient_find(d, local, NULL);
	e->reason->path = to.entry == NULL ? conf->path : path_of(&to);
	e->reason->line = to.entry == NULL ? d->line : to.entry->line;
	see_subaddress(e, local, &to);
	return to.entry == NULL ? follow_nobody(e, d, local) :
	    follow(e, &to);
}

enum verdict
recipient_expand(const struct conf *conf, const struct mailbox *rcpt,
    struct recipient_set *set, struct recipient_reason *reason,
    const struct recipient_watch *watch)
{
	struct expansion e = { conf, set, reason, watch, 0 };
	const size_t count = set->count, mark_count = set->mark_count;
	enum verdict verdict;

	*reason = (struct recipient_reason){ .path = NULL };
	verdict = expand(&e, rcpt);
	if (verdict != VERDICT_OK)
		recipient_set_cut(set, count, mark_count);
	return verdict;
}

bool
recipient_leaves(const struct conf *conf, const struct mailbox *rcpt,
    unsigned relay_line, struct recipient_reason *reason,
    const struct recipient_watch *watch)
{
	struct expansion e = { conf, NULL, reason, watch, 0 };
	struct span domain = span_from(rcpt->domain, rcpt->domain_len);
	char ascii[punycode_domain_bytes];
	struct span none = span_of("");
	const struct conf_via *way;

	/* No name that the DNS cannot have. */
	if (relay_line == 0 || !punycode_domain(domain, ascii) ||
	    conf_find_domain(conf, domain) != NULL)
		return false;
	way = conf_relay_via(conf, domain);
	*reason = (struct recipient_reason){ .path = conf->path,
	    .line = relay_line };
	log_step(&e, STEP_MAY_SEND, NULL, none, conf->path, relay_line);
	log_step(&e, way->host == NULL ? STEP_BY_MX : STEP_BY_VIA, NULL,
	    way->host == NULL ? none : span_of(way->host),
	    way->line == 0 ? NULL : conf->path, way->line);
	return true;
}

bool
recipient_is_of(const struct conf *conf, const char *user,
    const struct mailbox *address)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason = { .path = NULL };
	bool is_of = false;

	if (recipient_expand(conf, address, &set, &reason, NULL) ==
	    VERDICT_OK)
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

void
recipient_set_cut(struct recipient_set *set, size_t count, size_t mark_count)
{
	while (set->mark_count > mark_count) {
		uint32_t mark = set->marks[--set->mark_count];

		set->met[mark / 64] &= ~((uint64_t)1 << mark % 64);
	}
	while (set->count > count)
		if (set->boxes[--set->count].domain[0] == '\0')
			free(set->boxes[set->count].user);
}

void
recipient_set_clear(struct recipient_set *set)
{
	recipient_set_cut(set, 0, 0);
	free(set->boxes);
	free(set->marks);
	free(set->met);
	memset(set, 0, sizeof(*set));
}

void
recipient_file_name(struct span in,
    char out[recipient_file_name_max_bytes + 1])
{
	enum { hash_digits = 16 };
	char whole[3 * smtp_mailbox_text_max_bytes];
	uint64_t hash = 0xcbf29ce484222325U;	/* FNV-1a, 64 bits */
	size_t n = 0, kept = 0;

	while (in.n > 0 && n + 4 < sizeof(whole)) {
		uint32_t c = 0;
		size_t taken = utf8_next(in, &c), made = taken;
		const uint8_t small = ascii_lower(in.p[0]);

		if (taken > 1 && utf8_is_plain(c)) {
			memcpy(whole + n, in.p, taken);
		} else if (taken == 1 && (small != '.' || n > 0) &&
		    memchr("0123456789abcdefghijklmnopqrstuvwxyz.-_+=~@",
		    small, 43) != NULL) {
			whole[n] = (char)small;
		} else {
			snprintf(whole + n, 4, "%%%02X", in.p[0]);
			taken = 1;
			made = 3;
		}
		in = span_skip(in, taken);
		n += made;
		/* A character is kept whole or not at all. */
		if (n <= recipient_file_name_max_bytes - 1 - hash_digits)
			kept = n;
	}
	if (n == 0)
		whole[n++] = '%';
	if (n <= recipient_file_name_max_bytes) {
		memcpy(out, whole, n);
		out[n] = '\0';
		return;
	}
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)whole[i]) * 0x100000001b3U;
	snprintf(out, recipient_file_name_max_bytes + 1, "%.*s~%016llx",
	    (int)kept, whole, (unsigned long long)hash);
}
