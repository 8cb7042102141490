/* Mail that leaves: the queue, the sites that fail, the DNS; and its way. */
#include "server/control/control.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/log/figure.h"
#include "shared/deadline.h"

enum { worst_sites = 5, looks_max = 4096, words_bytes = 2048, smtp_port = 25 };

/* "RCPT: 451 wait" or "connect: no connection", escaped, in one line. */
static const char *
words_of(const struct ipc_outcome *o)
{
	static char text[words_bytes];
	struct buf b = buf_over(text, sizeof(text) - 1);

	buf_print(&b, "%s: ", queue_log_stages[o->stage]);
	if (o->code != 0)
		buf_print(&b, "%u", o->code);
	else
		buf_add_str(&b, queue_log_ends[o->end]);
	if (o->n > 0)
		buf_add_str(&b, o->code != 0 ? " " : ": ");
	buf_add_escaped(&b, span_from(o->text, o->n), "");
	return buf_str(&b);
}

static void
tell_site(const struct site *s, struct control_out *o)
{
	const int64_t left_ms = s->until_ms - deadline_now_ms();
	const uint64_t probe_ms = left_ms > 0 ? (uint64_t)left_ms : 0;
	const uint64_t waiting = site_waiting(s), links_max = site_limit(s);
	const bool down = site_is_down(s);
	const char *words = down && s->last != NULL ?
	    words_of(&s->last->fact.outcome) : NULL;

	json_out_object(&o->j, NULL);
	json_out_string(&o->j, "name", s->name);
	json_out_u64(&o->j, "waiting", waiting);
	json_out_u64(&o->j, "connections", s->links);
	json_out_u64(&o->j, "connections_max", links_max);
	json_out_bool(&o->j, "closed", down);
	if (down)
		json_out_parts(&o->j, "probe_in_seconds", probe_ms, 1000);
	if (words != NULL)
		json_out_string(&o->j, "words", words);
	json_out_end(&o->j);
	control_line(o, "site", "%s: %" PRIu64 " wait, %" PRIu64 " of %" PRIu64
	    " connections", s->name, waiting, (uint64_t)s->links,
	    links_max);
	if (down)
		control_line(o, "site", "  IT FAILS: it is tried again %s%s",
		    probe_ms > 0 ? "in " : "", probe_ms > 0 ?
		    figure_duration(probe_ms) : "now");
	if (words != NULL)
		control_line(o, "site", "  %s", words);
}

static void
tell_dns(const struct master *m, struct control_out *o)
{
	const int64_t now_ms = deadline_now_ms();
	struct resolver_figures r;

	resolver_figures(&r);
	json_out_object(&o->j, "dns");
	json_out_u64(&o->j, "open", r.open);
	json_out_u64(&o->j, "cached", r.cached);
	json_out_bool(&o->j, "dnssec_seen", r.secure_ms != 0);
	if (r.secure_ms != 0)
		json_out_parts(&o->j, "dnssec_seconds_ago",
		    (uint64_t)(now_ms - r.secure_ms), 1000);
	json_out_end(&o->j);
	control_line(o, "DNS", "%" PRIu32 " questions open, %" PRIu32
	    " routes known, last answer %s%s", r.open, r.cached,
	    r.answer_ms == 0 ? "never" :
	    figure_duration((uint64_t)(now_ms - r.answer_ms)),
	    r.answer_ms == 0 ? "" : " ago");
	control_line(o, "DNS", "DNSSEC: last AD %s%s", r.secure_ms == 0 ?
	    "never seen" : figure_duration((uint64_t)(now_ms - r.secure_ms)),
	    r.secure_ms == 0 ? "" : " ago");
}

/* The age of the oldest message, if so many are few enough; else 0. */
static uint64_t
oldest_s(const struct master *m)
{
	const int64_t now_s = queue_now_s(m);
	const struct queued *q;
	size_t cursor = 0;
	int64_t age_s = 0;

	if (queue_count(m)->messages > looks_max)
		return 0;
	while ((q = queue_next(m, &cursor)) != NULL)
		if (now_s - q->queued_s > age_s)
			age_s = now_s - q->queued_s;
	return (uint64_t)age_s;
}

void
control_leaving(const struct master *m, struct control_out *o)
{
	const struct queue_count *q = queue_count(m);
	const struct site *sites[worst_sites];
	struct site_count c;
	uint64_t old_s;
	size_t n;

	if (m->conf.relay.line == 0 && q->messages == 0) {
		json_out_null(&o->j, "queue");
		return;
	}
	n = site_worst(&c, sites, worst_sites);
	json_out_object(&o->j, "queue");
	json_out_u64(&o->j, "messages", q->messages);
	json_out_u64(&o->j, "max", m->conf.limits.queue_messages);
	json_out_u64(&o->j, "held", q->held);
	json_out_u64(&o->j, "damaged", q->bad);
	json_out_bool(&o->j, "reading", q->reading);
	json_out_u64(&o->j, "waiting", c.waiting);
	json_out_u64(&o->j, "connections", c.links);
	json_out_u64(&o->j, "sites", c.sites);
	json_out_u64(&o->j, "sites_closed", c.down);
	old_s = oldest_s(m);
	if (old_s > 0)
		json_out_u64(&o->j, "oldest_seconds", old_s);
	control_line(o, "queue", "%" PRIu64 " message%s%s, %" PRIu64
	    " wait for their hosts, %" PRIu64 " held; %" PRIu64
	    " connection%s to %" PRIu64 " sites, of which %" PRIu64 " fail",
	    q->messages, figure_plural(q->messages), q->reading ?
	    " (still being read)" : "", c.waiting, q->held, c.links,
	    figure_plural(c.links), c.sites, c.down);
	if (old_s > 0)
		control_line(o, "queue", "the oldest is there for %s",
		    figure_duration(old_s * 1000));
	if (q->bad > 0)
		control_line(o, "TROUBLE", "%" PRIu64 " damaged files of the "
		    "queue are in spool/bad: look at the log", q->bad);
	json_out_array(&o->j, "worst_sites");
	for (size_t i = 0; i < n; i++)
		tell_site(sites[i], o);
	json_out_end(&o->j);
	tell_dns(m, o);
	json_out_end(&o->j);
}

/* ---- the way that mail for a domain would take, as text ------------------ */

struct question {
	struct control_task	 task;
	struct resolver_job	 job;
	struct master		*master;
	char			 domain[punycode_domain_bytes];
	char			*text;		/* the answer; NULL: not yet */
	bool			 asked;		/* job is under way */
	void			(*wake)(void *arg);
	void			*arg;
};

static const char *const statuses[RESOLVE_STATUS_COUNT] = {
	RESOLVE_STATUSES(IPC_WORD, RESOLVE_)
};

static void
tell_host(const struct ipc_host *h, FILE *f)
{
	char ip[ip_text_max_bytes + 1];

	fprintf(f, "  %5u %s:%s%s", h->preference, h->name,
	    h->status == RESOLVE_OK ? "" : " ",
	    h->status == RESOLVE_OK ? "" : statuses[h->status]);
	for (size_t i = 0; i < h->count; i++)
		fprintf(f, "%s %s", i > 0 ? "," : "",
		    ip_text(&h->addresses[i], ip));
	fputc('\n', f);
}

/* How it would be sent: from which address, under which name, and TLS. */
static void
tell_manner(const struct conf *conf, bool ipv6, FILE *f)
{
	static const char *const tls[] = { [RELAY_TLS_NONE] = "never",
	    [RELAY_TLS_MAY] = "if it is offered", [RELAY_TLS_MUST] = "always" };
	const struct conf_source *s = &conf->relay.sources[ipv6];
	char ip[ip_text_max_bytes + 1];

	fprintf(f, "  by %s from %s, as %s, with TLS %s\n",
	    ipv6 ? "IPv6" : "IPv4", s->line == 0 ?
	    "any address of this host" : ip_text(&s->ip, ip),
	    s->line != 0 && s->name != NULL ? s->name : conf->hostname,
	    tls[conf->relay.tls]);
}

static void
tell(const struct question *q, const struct route *r, FILE *f)
{
	const struct conf_via *via = conf_relay_via(&q->master->conf,
	    span_of(q->domain));
	struct control_out o = { .f = f };
	const struct site *site;
	enum relay_end why;
	struct path *p = path_make(q->master, r, via->host == NULL ?
	    smtp_port : via->port, via->host != NULL, &why);

	if (!via->is_ip)
		fprintf(f, "  the DNS says: %s%s; %ssigned (DNSSEC)\n",
		    statuses[r->status], r->implicit ?
		    ", no MX: the domain itself" : "", r->secure ? "" : "not ");
	for (size_t i = 0; i < r->count; i++)
		tell_host(&r->hosts[i], f);
	if (p == NULL) {
		fprintf(f, "  no host would be asked: %s\n",
		    queue_log_ends[why]);
		return;
	}
	for (int ipv6 = 1; ipv6 >= 0; ipv6--)
		for (size_t i = 0; i < p->hop_count; i++)
			if (p->hops[i].ip->ipv6 == ipv6) {
				tell_manner(&q->master->conf, ipv6 != 0, f);
				break;
			}
	site = site_find(p);
	if (site != NULL)
		tell_site(site, &o);
	else
		fputs("  nothing is known of these hosts: no mail was sent "
		    "there lately\n", f);
	path_leave(p);
}

static void
on_route(void *arg, const struct route *route)
{
	struct question *q = arg;
	size_t n;
	FILE *f = open_memstream(&q->text, &n);

	q->asked = false;
	if (f != NULL) {
		tell(q, route, f);
		(void)fclose(f);
	}
	q->wake(q->arg);
}

static enum control_step
step(struct control_task *t, struct control_out *o, uint8_t *status)
{
	struct question *q = (struct question *)t;

	if (q->asked && !t->late)
		return CONTROL_WAIT;
	*status = q->text == NULL;
	figure_put(o->f, "%s", q->text != NULL ? q->text : q->asked ?
	    "  the name servers have not answered yet: ask again, and look at "
	    "the log\n" : "  there is no relay block, or no memory\n");
	return CONTROL_DONE;
}

static void
end(struct control_task *t)
{
	struct question *q = (struct question *)t;

	if (q->asked)
		resolver_forget(&q->job);
	free(q->text);
	free(q);
}

struct control_task *
control_route(struct master *m, const struct ipc_ask *ask,
    void (*wake)(void *arg), void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	const struct conf_via *via;

	if (q == NULL || !smtp_domain_valid(span_of(ask->site)) ||
	    !punycode_domain(span_of(ask->site), q->domain)) {
		free(q);
		return NULL;
	}
	q->task = (struct control_task){ .step = step, .end = end };
	q->master = m;
	q->wake = wake;
	q->arg = arg;
	if (m->conf.relay.line == 0)
		return &q->task;
	via = conf_relay_via(&m->conf, span_of(q->domain));
	q->job = (struct resolver_job){ .done = on_route, .arg = q,
	    .kind = via->host == NULL ? RESOLVE_MX : RESOLVE_HOST };
	snprintf(q->job.name, sizeof(q->job.name), "%s", via->host == NULL ?
	    q->domain : via->host);
	q->asked = resolver_ask(&q->job);
	return &q->task;
}
