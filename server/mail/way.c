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

enum { smtp_port = 25 };

static void
end_without_way(struct attempt_group *g, enum relay_end why)
{
	const struct ipc_outcome o = { .stage = RELAY_DNS,
	    .end = (uint8_t)why };
	struct attempt *a = g->attempt;

	attempt_judge_all(g, reply_rule(&o)->last, attempt_keep(a,
	    &(struct queue_fact){ .fact = { .outcome = o,
	    .tried_s = queue_now_s(a->master) } }));
	attempt_end_group(a);
}

static void
on_route(void *arg, const struct route *route)
{
	struct attempt_group *g = arg;
	enum relay_end why;
	struct path *p = path_make(g->attempt->master, route, g->port,
	    g->written, &why);

	if (p != NULL)
		site_add(g->attempt->master, p, g);
	else
		/* A wrong name in smtpd.conf is no fault of the mail. */
		end_without_way(g, g->written ? RELAY_END_NO_DNS : why);
}

static void
find_way(struct attempt_group *g, struct span domain)
{
	const struct conf_via *via = conf_relay_via(&g->attempt->master->conf,
	    domain);
	struct resolver_job *job = &g->job;
	struct buf literal = buf_over(job->name, sizeof(job->name) - 1);

	*job = (struct resolver_job){ .kind = RESOLVE_HOST, .done = on_route,
	    .arg = g };
	g->port = via != NULL ? via->port : smtp_port;
	g->written = via != NULL;
	if (via != NULL)
		strlcpy(job->name, via->host, sizeof(job->name));
	else if (span_next_is(domain, '[')) {
		/* RFC 5321 4.1.3. */
		domain = span_from(domain.p + 1, domain.n - 2);
		if (span_begins_fold(domain, span_of("IPv6:")))
			domain = span_skip(domain, strlen("IPv6:"));
		buf_add(&literal, domain);
	} else if (punycode_domain(domain, job->name))
		job->kind = RESOLVE_MX;
	else {
		end_without_way(g, RELAY_END_NO_DOMAIN);
		return;
	}
	resolver_ask(g->attempt->master, job);
}

/* ---- begin and end ------------------------------------------------------ */

static int
compare(const void *x, const void *y)
{
	const struct attempt_rcpt *a = x, *b = y;
	int order = memcmp(a->key, b->key, sizeof(a->key));

	return order != 0 ? order : a->index < b->index ? -1 : 1;
}

/*
 * What is one group: a domain, or all with one "via"; by a hash with a secret,
 * so that nobody outside makes two of them one.
 */
static void
set_key(struct attempt_rcpt *r, const struct conf *conf, struct span domain)
{
	static uint8_t secret[crypto_shorthash_siphashx24_KEYBYTES];
	const struct conf_via *via = conf_relay_via(conf, domain);

	if (sodium_is_zero(secret, sizeof(secret)))
		randombytes_buf(secret, sizeof(secret));
	if (via != NULL)
		domain = span_from(&via, sizeof(via));
	crypto_shorthash_siphashx24(r->key, domain.p, domain.n, secret);
}

/*
 * A domain that became ours while the message was queued: it waits, and is
 * never failed for that.
 */
static bool
is_ours(const struct attempt *a, const struct mailbox *to)
{

	if (conf_find_domain(&a->master->conf, span_from(to->domain,
	    to->domain_len)) == NULL)
		return false;
	log_put(LOG_LEVEL_WARNING, "became-local", "id=%.*s to=%s then=%s",
	    (int)sizeof(a->q->id), a->q->id, log_address(to),
	    "the message waits in the queue, for its domain is in smtpd.conf "
	    "now: take \"domain\" out until it has left, or remove it with "
	    "smtpctl queue remove");
	return true;
}

/* Reads the recipients that are left, and groups them. */
static void
list_rcpts(struct attempt *a)
{
	const struct span all = a->open.envelope.rcpts;
	struct span rest = all;
	struct envelope_rcpt to;
	struct attempt_rcpt *r;
	struct attempt_group *g;

	r = a->rcpts = calloc(a->q->left + 1, sizeof(*a->rcpts));
	for (uint32_t i = 0; r != NULL && a->count < a->q->left; i++) {
		r->index = i;
		r->offset = (uint32_t)(all.n - rest.n);
		if (!envelope_next(&rest, &to))
			break;
		if (queue_is_done(a->q, i))
			continue;
		set_key(r, &a->master->conf, span_from(to.to.domain,
		    to.to.domain_len));
		r->notify = to.notify;
		r->state = to.notify & DSN_DELIVERED ? ATTEMPT_DELIVERED :
		    is_ours(a, &to.to) ? ATTEMPT_OURS : ATTEMPT_WAITS;
		r = &a->rcpts[++a->count];
	}
	a->groups = calloc(a->count + 1, sizeof(*a->groups));
	if (a->rcpts == NULL || a->groups == NULL)
		return;
	qsort(a->rcpts, a->count, sizeof(*a->rcpts), compare);
	for (r = a->rcpts; r < a->rcpts + a->count; r++) {
		if (r->state != ATTEMPT_WAITS)
			continue;
		g = &a->groups[a->group_count - (a->group_count > 0)];
		if (g->first == NULL || memcmp(r->key, g->first->key,
		    sizeof(r->key)) != 0) {
			g = &a->groups[a->group_count++];
			*g = (struct attempt_group){ .attempt = a, .first = r };
		}
		g->count = (size_t)(r - g->first) + 1;
	}
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
		if (!attempt_read(a, g->first, &to))
			attempt_end_group(a);
		else
			find_way(g, span_from(to.to.domain, to.to.domain_len));
	attempt_close(a);
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
		if (g->job.open)
			resolver_forget(a->master, &g->job);
		else if (g->waits)
			site_withdraw(g);
		else
			continue;
		attempt_end_group(a);
	}
	attempt_end_group(a);
}
