/*
 * Which way mail for a domain would take: the DNS is asked as for a message,
 * and nothing is sent.
 */
#include "server/control/control_status.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/conf/conf_parse.h"
#include "server/process/path.h"

struct question {
	struct control_task	 task;
	struct resolver_job	 job;
	struct master		*master;
	struct route		*route;		/* a copy */
	char			 domain[punycode_domain_bytes];
	bool			 asked;		/* job is under way */
	bool			 failed;
	void			(*wake)(void *arg);
	void			*arg;
};

enum { smtp_port = 25 };

static const char *const ends[RELAY_END_COUNT] = {
	RELAY_ENDS(IPC_WORD, RELAY_END_)
}, *const statuses[RESOLVE_STATUS_COUNT] = {
	RESOLVE_STATUSES(IPC_WORD, RESOLVE_)
};

/* A route to the address that the configuration has. */
static void
note_ip(struct question *q, const struct conf_via *via)
{
	q->route = calloc(1, sizeof(*q->route) + sizeof(q->route->hosts[0]));
	q->failed = q->route == NULL;
	if (q->failed)
		return;
	q->route->count = q->route->hosts[0].count = 1;
	q->route->hosts[0].addresses[0] = via->ip;
	snprintf(q->route->hosts[0].name, sizeof(q->route->hosts[0].name),
	    "%s", via->host);
}

static void
on_route(void *arg, const struct route *route)
{
	struct question *q = arg;
	size_t n = sizeof(*route) + route->count * sizeof(route->hosts[0]);

	q->asked = false;
	q->route = malloc(n);
	if (q->route != NULL)
		memcpy(q->route, route, n);
	q->failed = q->route == NULL;
	q->wake(q->arg);
}

/* "192.0.2.1" */
static const char *
ip_text(const struct ipc_ip *ip)
{
	static char text[INET6_ADDRSTRLEN];

	inet_ntop(ip->ipv6 ? AF_INET6 : AF_INET, ip->ip, text, sizeof(text));
	return text;
}

static void
tell_host(const struct route_host *h, bool by_mx, struct control_out *o)
{
	json_out_object(&o->j, NULL);
	json_out_u64(&o->j, "preference", h->preference);
	json_out_string(&o->j, "name", h->name);
	json_out_string(&o->j, "status", statuses[h->status]);
	json_out_array(&o->j, "addresses");
	if (by_mx)
		control_put(o->f, "  %5u %s:", h->preference, h->name);
	else
		control_put(o->f, "        %s:", h->name);
	if (h->status != RESOLVE_OK)
		control_put(o->f, " %s", statuses[h->status]);
	for (size_t i = 0; i < h->count; i++) {
		control_put(o->f, "%s %s", i > 0 ? "," : "",
		    ip_text(&h->addresses[i]));
		json_out_string(&o->j, NULL, ip_text(&h->addresses[i]));
	}
	control_put(o->f, "\n");
	json_out_end(&o->j);
	json_out_end(&o->j);
}

/* What is known of these hosts from earlier mail; or why none is asked. */
static void
tell_site(const struct question *q, const struct conf_via *via,
    struct control_out *o)
{
	struct schedule_site site;
	enum relay_end why;
	struct path *p = path_make(q->master, q->route, via == NULL ?
	    smtp_port : via->port, via != NULL, &why);

	if (p == NULL) {
		json_out_string(&o->j, "no_way", ends[why]);
		control_put(o->f, "  no host would be asked: %s\n", ends[why]);
	} else if (schedule_site(p, &site))
		control_tell_site(&site, "site", o);
	else {
		json_out_null(&o->j, "site");
		control_put(o->f, "  nothing is known of these hosts: no mail "
		    "was sent there lately\n");
	}
	if (p != NULL)
		path_leave(p);
}

static void
tell_route(const struct question *q, const struct conf_via *via,
    struct control_out *o)
{
	const struct route *r = q->route;
	const bool by_mx = via == NULL && !r->implicit;

	json_out_string(&o->j, "status", statuses[r->status]);
	json_out_bool(&o->j, "implicit_mx", r->implicit);
	json_out_bool(&o->j, "secure", r->secure);
	json_out_u64(&o->j, "ttl_seconds", r->ttl_s);
	if (via != NULL && via->is_ip)
		control_put(o->f, "  the DNS is not asked\n");
	else if (r->status != RESOLVE_OK)
		control_put(o->f, "  the DNS says: %s\n",
		    statuses[r->status]);
	else
		control_put(o->f, "  %s; the answer is %ssigned (DNSSEC)\n",
		    by_mx ? "its MX records" : via != NULL ?
		    "that host" : "no MX records: the domain itself",
		    r->secure ? "" : "not ");
	json_out_array(&o->j, "hosts");
	for (size_t i = 0; i < r->count; i++)
		tell_host(&r->hosts[i], by_mx, o);
	json_out_end(&o->j);
	tell_site(q, via, o);
}

static enum control_step
step(struct control_task *t, struct control_out *o, uint8_t *status)
{
	struct question *q = (struct question *)t;
	const struct conf *conf = &q->master->conf;
	const struct conf_via *via = conf_relay_via(conf,
	    span_of(q->domain));

	if (q->asked && !t->late)
		return CONTROL_WAIT;
	json_out_object(&o->j, NULL);
	json_out_string(&o->j, "domain", q->domain);
	*status = 1;
	if (conf->relay.line == 0)
		control_put(o->f, "  no mail leaves: there is no relay "
		    "block\n");
	else if (q->asked)
		control_put(o->f, "  the name servers have not answered yet: "
		    "ask again, and look at the log\n");
	else if (q->failed)
		control_put(o->f, "  smtpd has no memory for the answer\n");
	else {
		*status = 0;
		if (via != NULL)
			control_put(o->f, "  by line %u to %s port %u\n",
			    via->line, via->host, via->port);
		json_out_string(&o->j, "via", via == NULL ? "mx" : via->host);
		if (q->route != NULL)
			tell_route(q, via, o);
	}
	json_out_end(&o->j);
	return CONTROL_DONE;
}

static void
end(struct control_task *t)
{
	struct question *q = (struct question *)t;

	if (q->asked)
		resolver_forget(q->master, &q->job);
	free(q->route);
	free(q);
}

struct control_task *
control_route(struct master *m, const struct ipc_ask *ask,
    void (*wake)(void *arg), void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	const struct conf_via *via;

	if (q == NULL)
		return NULL;
	q->task.step = step;
	q->task.end = end;
	q->master = m;
	q->wake = wake;
	q->arg = arg;
	if (!smtp_domain_valid(span_of(ask->site)) ||
	    !punycode_domain(span_of(ask->site), q->domain)) {
		free(q);
		return NULL;
	}
	via = conf_relay_via(&m->conf, span_of(q->domain));
	if (m->conf.relay.line == 0)
		return &q->task;
	if (via != NULL && via->is_ip) {
		note_ip(q, via);
		return &q->task;
	}
	q->job.kind = via == NULL ? RESOLVE_MX : RESOLVE_HOST;
	snprintf(q->job.name, sizeof(q->job.name), "%s", via == NULL ?
	    q->domain : via->host);
	q->job.done = on_route;
	q->job.arg = q;
	q->asked = true;
	resolver_ask(m, &q->job);
	return &q->task;
}
