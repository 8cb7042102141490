/*
 * Attempts.  The file is open only while it is read: thousands may wait for
 * name servers and sites.
 */
#include "server/mail/attempt.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/mail/attempt_end.h"
#include "server/mail/queue_log.h"
#include "server/mail/site.h"
#include "shared/ip.h"
#include "shared/log.h"

enum {
	smtp_port = 25,
	merge_max = 32			/* groups looked at for the same site */
};

static size_t groups;

size_t
attempt_groups(void)
{
	return groups;
}

/* ---- what the site asks ------------------------------------------------- */

static struct envelope_rcpt *
on_next(void *arg, size_t max, size_t *count, const struct queue_open **o)
{
	struct attempt_group *g = arg;
	struct attempt *a = g->attempt;
	struct envelope_rcpt *to = NULL;
	size_t n = 0;

	if (a->removed || (a->q->state & QUEUED_HELD))
		return NULL;
	for (size_t i = 0; i < a->count && n < max; i++)
		if (a->rcpts[i].group == g && a->rcpts[i].state ==
		    ATTEMPT_WAITS)
			g->now[n++] = &a->rcpts[i];
	if (n > 0)
		to = calloc(n, sizeof(*to));
	for (size_t i = 0; to != NULL && i < n; i++)
		if (!attempt_read_rcpt(a, g->now[i], &to[i])) {
			free(to);
			to = NULL;
		}
	if (to == NULL)
		return NULL;
	*count = g->now_count = n;
	*o = &a->open;
	a->sending++;
	return to;
}

static void
judge(struct attempt *a, struct attempt_rcpt *r, enum reply_rcpts what,
    struct attempt_fact *f)
{
	if (r->state != ATTEMPT_WAITS)
		return;
	r->fact = f;
	a->tried = true;
	if (what == REPLY_TAKEN) {
		r->state = ATTEMPT_TAKEN;
		if ((r->notify & DSN_SUCCESS) && f != NULL &&
		    !(f->greeted.offers & RELAY_OFFERS_DSN))
			r->relayed = true;
		queue_note_done(a->master, a->q, r->index, REPORT_RELAYED);
	} else
		r->state = what == REPLY_FAILED ? ATTEMPT_FAILED :
		    ATTEMPT_DEFERRED;
}

static void
on_verdict(void *arg, size_t index, enum reply_rcpts what,
    const struct link_try *t)
{
	struct attempt_group *g = arg;
	struct attempt *a = g->attempt;
	struct attempt_fact *f = attempt_note(a, t, what == REPLY_UNCERTAIN);

	if (index < g->now_count)
		judge(a, g->now[index], what, f);
	for (size_t i = 0; index == link_rest && i < g->now_count; i++)
		judge(a, g->now[i], what, f);
	for (size_t i = 0; index == link_all && i < a->count; i++)
		if (a->rcpts[i].group == g)
			judge(a, &a->rcpts[i], what, f);
}

static void
on_moved(void *arg, const struct link_try *t)
{
	struct attempt_group *g = arg;
	struct attempt_fact *f = attempt_note(g->attempt, t, false);

	if (f != NULL)
		attempt_log_moved(g->attempt, g, f);
}

static void
on_sent(void *arg)
{
	struct attempt_group *g = arg;

	attempt_log(g->attempt, LOG_EVENT_DONE, ATTEMPT_TAKEN);
	g->attempt->sending--;
	attempt_close_file(g->attempt, false);
}

static void
on_crashed(void *arg)
{
	struct attempt_group *g = arg;

	attempt_note_crash(g->attempt);
}

/* One group less is on its way. */
static void
end_group(struct attempt *a)
{
	groups--;
	if (--a->pending > 0)
		return;
	attempt_close_file(a, true);
	attempt_finish(a);
}

static void
on_ended(void *arg, struct site *put_off)
{
	struct attempt_group *g = arg;
	struct attempt *a = g->attempt;

	if (put_off != NULL && a->wait_for == NULL) {
		a->wait_for = put_off;
		site_hold(put_off);
	}
	end_group(a);
}

static const struct link_sender sender = {
	.next = on_next,
	.verdict = on_verdict,
	.moved = on_moved,
	.sent = on_sent,
	.crashed = on_crashed,
	.ended = on_ended
};

/* ---- the way ------------------------------------------------------------ */

/* There is no way, or no memory for it. */
static void
end_without_way(struct attempt_group *g, enum relay_end why)
{
	const struct ipc_outcome o = { .stage = RELAY_DNS,
	    .end = (uint8_t)why };
	const struct link_try t = { .outcome = &o, .host = "" };

	on_verdict(g, link_all, reply_rule(&o)->rcpts, &t);
	end_group(g->attempt);
}

/* One that waits for the same site: both are one transaction. */
static struct attempt_group *
find_same(struct attempt_group *g, const struct path *p)
{
	struct attempt *a = g->attempt;

	for (size_t i = 0; i < a->group_count && i < merge_max; i++)
		if (a->groups[i].work.waits && memcmp(
		    a->groups[i].work.path->key, p->key, path_key_bytes) == 0)
			return &a->groups[i];
	return NULL;
}

static void
follow(struct attempt_group *g, const struct route *route)
{
	struct attempt *a = g->attempt;
	struct attempt_group *same;
	enum relay_end why;
	struct path *p = path_make(a->master, route, g->port, g->written, &why);

	if (p == NULL) {
		/* A wrong name in the configuration is no fault of the mail. */
		end_without_way(g, g->written ? RELAY_END_NO_DNS : why);
		return;
	}
	same = find_same(g, p);
	if (same == NULL) {
		g->work = (struct link_work){ .sender = &sender, .arg = g };
		site_send(a->master, p, &g->work);
		return;
	}
	path_leave(p);
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i].group == g)
			a->rcpts[i].group = same;
	end_group(a);
}

static void
on_route(void *arg, const struct route *route)
{
	struct attempt_group *g = arg;

	free(g->job);
	g->job = NULL;
	follow(g, route);
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

/* An address that was written out: of via, or "user@[192.0.2.1]". */
static void
follow_ip(struct attempt_group *g, const struct ipc_ip *ip, const char *name)
{
	struct route *r = calloc(1, sizeof(*r) + sizeof(r->hosts[0]));

	if (r == NULL) {
		end_without_way(g, RELAY_END_LOCAL);
		return;
	}
	r->status = RESOLVE_OK;
	r->count = r->hosts[0].count = 1;
	r->hosts[0].addresses[0] = *ip;
	strlcpy(r->hosts[0].name, name, sizeof(r->hosts[0].name));
	follow(g, r);
	free(r);
}

/* RFC 5321 4.1.3; name gets the address without brackets and tag. */
static bool
read_literal(struct span s, struct ipc_ip *out, char *name)
{
	bool ipv6;

	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = span_from(s.p + 1, s.n - 2);
	if (span_begins_fold(s, span_of("IPv6:")))
		s = span_skip(s, strlen("IPv6:"));
	if (!ip_parse(s, &ipv6, out->ip))
		return false;
	out->ipv6 = ipv6;
	memcpy(name, s.p, s.n);
	name[s.n] = '\0';
	return true;
}

/* Looked up at each attempt, so a reload is enough to change the way. */
static void
find_way(struct attempt_group *g, struct span domain)
{
	const struct conf *conf = &g->attempt->master->conf;
	const struct conf_via *via = conf_relay_via(conf, domain);
	char name[punycode_domain_bytes];
	struct ipc_ip ip = { 0 };

	g->port = via != NULL ? via->port : smtp_port;
	g->written = via != NULL;
	if (via != NULL && via->is_ip)
		follow_ip(g, &via->ip, via->host);
	else if (via != NULL)
		ask(g, RESOLVE_HOST, via->host);
	else if (read_literal(domain, &ip, name))
		follow_ip(g, &ip, name);
	else if (punycode_domain(domain, name))
		ask(g, RESOLVE_MX, name);
	else
		end_without_way(g, RELAY_END_NO_DOMAIN);
}

/* ---- begin -------------------------------------------------------------- */

/*
 * For sorting: recipients of a domain are a group.  The hash has a key, so
 * nobody outside makes two domains one.
 */
struct named {
	uint8_t			hash[crypto_shorthash_siphashx24_BYTES];
	struct attempt_rcpt	rcpt;
};

static int
compare(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int order = memcmp(a->hash, b->hash, sizeof(a->hash));

	return order != 0 ? order : a->rcpt.index < b->rcpt.index ? -1 : 1;
}

static void
hash_domain(const struct mailbox *to, uint8_t *out)
{
	static uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	static bool has_key;

	if (!has_key)
		randombytes_buf(key, sizeof(key));
	has_key = true;
	crypto_shorthash_siphashx24(out, (const uint8_t *)to->domain,
	    to->domain_len, key);
}

/* The recipients that are left, sorted; NULL: no memory, or no file. */
static struct named *
list_left(struct attempt *a, size_t *count)
{
	struct named *all = NULL;
	struct span rest, all_of;
	struct envelope_rcpt to;

	*count = 0;
	if (!attempt_open_file(a) ||
	    (all = calloc(a->q->left + 1, sizeof(*all))) == NULL)
		return NULL;
	all_of = rest = a->open.envelope.rcpts;
	for (uint32_t i = 0; *count < a->q->left; i++) {
		const size_t offset = all_of.n - rest.n;

		if (!envelope_next(&rest, &to))
			break;
		if (queue_is_done(a->q, i))
			continue;
		hash_domain(&to.to, all[*count].hash);
		all[(*count)++].rcpt = (struct attempt_rcpt){ .index = i,
		    .offset = (uint32_t)offset, .notify = to.notify,
		    .state = to.notify & DSN_DELIVERED ? ATTEMPT_DELIVERED :
		    ATTEMPT_WAITS };
	}
	qsort(all, *count, sizeof(*all), compare);
	return all;
}

/* Makes the recipients and their groups; false without memory. */
static bool
group(struct attempt *a, const struct named *all, size_t count)
{
	size_t n = 0;

	a->rcpts = calloc(count + 1, sizeof(*a->rcpts));
	for (size_t i = 0; i < count; i++)
		n += i == 0 || memcmp(all[i].hash, all[i - 1].hash,
		    sizeof(all[i].hash)) != 0;
	a->groups = calloc(n + 1, sizeof(*a->groups));
	if (a->rcpts == NULL || a->groups == NULL)
		return false;
	a->count = count;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || memcmp(all[i].hash, all[i - 1].hash,
		    sizeof(all[i].hash)) != 0)
			a->groups[a->group_count++] = (struct attempt_group){
			    .attempt = a, .first = &a->rcpts[i] };
		a->rcpts[i] = all[i].rcpt;
		if (a->rcpts[i].state == ATTEMPT_WAITS)
			a->rcpts[i].group = &a->groups[a->group_count - 1];
	}
	return true;
}

/*
 * A domain that became ours while the message was queued: it waits, and is
 * never failed for that.
 */
static bool
is_ours(struct attempt_group *g, const struct mailbox *to)
{
	struct attempt *a = g->attempt;
	struct log_line l;

	if (conf_find_domain(&a->master->conf, span_from(to->domain,
	    to->domain_len)) == NULL)
		return false;
	log_begin(&l, LOG_LEVEL_WARNING, "became-local");
	log_span(&l, "id", span_from(a->q->id, sizeof(a->q->id)));
	log_mailbox(&l, "to", to);
	log_str(&l, "then", "the message waits in the queue, for its domain "
	    "is in smtpd.conf now: take \"domain\" out until it has left, or "
	    "remove it with smtpctl queue remove");
	log_end(&l);
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i].group == g)
			a->rcpts[i].state = ATTEMPT_OURS;
	return true;
}

void
attempt_begin(struct master *m, struct queued *q)
{
	struct attempt *a = calloc(1, sizeof(*a));
	struct envelope_rcpt to;
	struct named *all;
	size_t count;

	if (a == NULL) {
		attempt_postpone(m, q);
		return;
	}
	q->work = a;
	a->master = m;
	a->q = q;
	all = list_left(a, &count);
	if (all != NULL)
		(void)group(a, all, count);
	free(all);
	/* One more, so that it does not end before all have begun. */
	a->pending = a->group_count + 1;
	groups += a->pending;
	for (size_t i = 0; i < a->group_count; i++) {
		struct attempt_group *g = &a->groups[i];

		if (g->first->group != g ||
		    !attempt_read_rcpt(a, g->first, &to) || is_ours(g, &to.to))
			end_group(a);
		else
			find_way(g, span_from(to.to.domain, to.to.domain_len));
	}
	attempt_close_file(a, false);
	end_group(a);
}

/* What waits, for a name server or a connection, waits no more. */
void
attempt_remove(struct attempt *a)
{
	size_t ended = 0;

	a->removed = true;
	for (size_t i = 0; i < a->group_count; i++) {
		struct attempt_group *g = &a->groups[i];

		if (g->job != NULL)
			resolver_forget(a->master, g->job);
		else if (g->work.waits)
			site_withdraw(&g->work);
		else
			continue;
		free(g->job);
		g->job = NULL;
		ended++;
	}
	while (ended-- > 0)
		end_group(a);
}
