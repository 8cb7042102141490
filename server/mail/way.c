/*
 * The beginning of an attempt: recipients are grouped by domain, and the way of
 * each group is looked up, so a reload is enough to change it.
 */
#include "server/mail/way.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/mail/site.h"
#include "shared/log.h"

enum {
	smtp_port = 25,
	merge_max = 32			/* groups looked at for one site */
};

/* There is no way, or no memory for it. */
static void
end_without_way(struct attempt_group *g, enum relay_end why)
{
	const struct ipc_outcome o = { .stage = RELAY_DNS,
	    .end = (uint8_t)why };
	struct attempt *a = g->attempt;

	attempt_judge_all(g, reply_rule(&o)->last, attempt_keep(a,
	    attempt_fact(a->master, &o, NULL, 0, NULL)));
	attempt_end_group(a);
}

/*
 * p: the way; NULL: there is none, and why.  If another group waits for the
 * same site, both are one transaction.
 */
static void
follow(struct attempt_group *g, struct path *p, enum relay_end why)
{
	struct attempt *a = g->attempt;
	struct attempt_group *same = a->groups, *last = a->groups +
	    (a->group_count < merge_max ? a->group_count : merge_max);

	if (p == NULL) {
		/* A wrong name in the configuration is no fault of the mail. */
		end_without_way(g, g->written ? RELAY_END_NO_DNS : why);
		return;
	}
	while (same < last && (!same->waits || memcmp(same->path->key,
	    p->key, path_key_bytes) != 0))
		same++;
	if (same == last) {
		site_add(a->master, p, g);
		return;
	}
	path_leave(p);
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i].group == g)
			a->rcpts[i].group = same;
	attempt_end_group(a);
}

static void
on_route(void *arg, const struct route *route)
{
	struct attempt_group *g = arg;
	enum relay_end why;
	struct path *p = path_make(g->attempt->master, route, g->port,
	    g->written, &why);

	free(g->job);
	g->job = NULL;
	follow(g, p, why);
}

static void
ask(struct attempt_group *g, enum resolve_kind kind, const char *name)
{
	g->job = calloc(1, sizeof(*g->job));
	if (g->job == NULL) {
		end_without_way(g, RELAY_END_LOCAL);
		return;
	}
	g->job->kind = kind;
	strlcpy(g->job->name, name, sizeof(g->job->name));
	g->job->done = on_route;
	g->job->arg = g;
	resolver_ask(g->attempt->master, g->job);
}

/* Looked up at each attempt, so a reload is enough to change the way. */
static void
find_way(struct attempt_group *g, struct span domain)
{
	const struct conf *conf = &g->attempt->master->conf;
	const struct conf_via *via = conf_relay_via(conf, domain);
	char name[smtp_domain_max_bytes + 1] = "";
	struct buf literal = buf_over(name, sizeof(name) - 1);

	g->port = via != NULL ? via->port : smtp_port;
	g->written = via != NULL;
	if (via != NULL)
		ask(g, RESOLVE_HOST, via->host);
	else if (span_next_is(domain, '[')) {
		/* RFC 5321 4.1.3. */
		domain = span_from(domain.p + 1, domain.n - 2);
		if (span_begins_fold(domain, span_of("IPv6:")))
			domain = span_skip(domain, strlen("IPv6:"));
		buf_add(&literal, domain);
		ask(g, RESOLVE_HOST, name);
	} else if (punycode_domain(domain, name))
		ask(g, RESOLVE_MX, name);
	else
		end_without_way(g, RELAY_END_NO_DOMAIN);
}

/* ---- begin and end ------------------------------------------------------ */

static int
compare(const void *x, const void *y)
{
	const struct attempt_rcpt *a = x, *b = y;
	int order = memcmp(a->domain, b->domain, sizeof(a->domain));

	return order != 0 ? order : a->index < b->index ? -1 : 1;
}

/*
 * Reads the recipients that are left, and groups them by domain; by a hash with
 * a key, so that nobody outside makes two domains one.
 */
static void
list_rcpts(struct attempt *a)
{
	static uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	const struct span all = a->open.envelope.rcpts;
	struct span rest = all;
	struct envelope_rcpt to;
	struct attempt_rcpt *r;
	struct attempt_group *g = NULL;

	if (sodium_is_zero(key, sizeof(key)))
		randombytes_buf(key, sizeof(key));
	r = a->rcpts = calloc(a->q->left + 1, sizeof(*a->rcpts));
	for (uint32_t i = 0; r != NULL && a->count < a->q->left; i++) {
		r->index = i;
		r->offset = (uint32_t)(all.n - rest.n);
		if (!envelope_next(&rest, &to))
			break;
		if (queue_is_done(a->q, i))
			continue;
		crypto_shorthash_siphashx24(r->domain,
		    (const uint8_t *)to.to.domain, to.to.domain_len, key);
		r->notify = to.notify;
		r->state = to.notify & DSN_DELIVERED ? ATTEMPT_DELIVERED :
		    ATTEMPT_WAITS;
		r = &a->rcpts[++a->count];
	}
	a->groups = calloc(a->count + 1, sizeof(*a->groups));
	if (a->rcpts == NULL || a->groups == NULL)
		return;
	qsort(a->rcpts, a->count, sizeof(*a->rcpts), compare);
	for (r = a->rcpts; r < a->rcpts + a->count; r++) {
		if (r->state != ATTEMPT_WAITS)
			continue;
		if (g == NULL || memcmp(r->domain, g->first->domain,
		    sizeof(r->domain)) != 0) {
			g = &a->groups[a->group_count++];
			*g = (struct attempt_group){ .attempt = a, .first = r };
		}
		r->group = g;
	}
}

/*
 * A domain that became ours while the message was queued: it waits, and is
 * never failed for that.
 */
static bool
is_ours(struct attempt_group *g, const struct mailbox *to)
{
	struct attempt *a = g->attempt;

	if (conf_find_domain(&a->master->conf, span_from(to->domain,
	    to->domain_len)) == NULL)
		return false;
	log_put(LOG_LEVEL_WARNING, "became-local", "id=%.*s to=%s then=%s",
	    (int)sizeof(a->q->id), a->q->id, log_address(to),
	    "the message waits in the queue, for its domain is in smtpd.conf "
	    "now: take \"domain\" out until it has left, or remove it with "
	    "smtpctl queue remove");
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i].group == g)
			a->rcpts[i].state = ATTEMPT_OURS;
	return true;
}

bool
way_begin(struct master *m, struct queued *q)
{
	struct attempt *a = calloc(1, sizeof(*a));
	struct attempt_group *g;
	struct envelope_rcpt to;

	if (a == NULL)
		return false;
	q->work = a;
	a->master = m;
	a->q = q;
	if (attempt_open(a))
		list_rcpts(a);
	/* One more, so that it does not end before all have begun. */
	a->pending = a->group_count + 1;
	/* There is none if the file could not be opened. */
	for (g = a->groups; g != NULL && g < a->groups + a->group_count; g++)
		if (!attempt_read(a, g->first, &to) || is_ours(g, &to.to))
			attempt_end_group(a);
		else
			find_way(g, span_from(to.to.domain, to.to.domain_len));
	attempt_close(a, false);
	attempt_end_group(a);
	return true;
}

void
way_forget(struct attempt *a)
{
	struct attempt_group *g;

	a->removed = true;
	/* A report is under way, and tells when it is over. */
	if (a->pending == 0)
		return;
	a->pending++;
	for (g = a->groups; g != NULL && g < a->groups + a->group_count;
	    g++) {
		if (g->job != NULL)
			resolver_forget(a->master, g->job);
		else if (g->waits)
			site_withdraw(g);
		else
			continue;
		free(g->job);
		g->job = NULL;
		attempt_end_group(a);
	}
	attempt_end_group(a);
}
