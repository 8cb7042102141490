/* Which way mail for a domain would take, as text: nothing is sent. */
#include "server/control/control_status.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/mail/queue_log.h"

enum { smtp_port = 25 };

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
	char ip[INET6_ADDRSTRLEN];

	fprintf(f, "  %5u %s:%s%s", h->preference, h->name,
	    h->status == RESOLVE_OK ? "" : " ",
	    h->status == RESOLVE_OK ? "" : statuses[h->status]);
	for (size_t i = 0; i < h->count; i++) {
		inet_ntop(h->addresses[i].ipv6 ? AF_INET6 : AF_INET,
		    h->addresses[i].ip, ip, sizeof(ip));
		fprintf(f, "%s %s", i > 0 ? "," : "", ip);
	}
	fputc('\n', f);
}

/* The hosts, and what is known of them from earlier mail. */
static void
tell(const struct question *q, const struct route *r, FILE *f)
{
	const struct conf_via *via = conf_relay_via(&q->master->conf,
	    span_of(q->domain));
	struct control_out o = { .f = f };
	const struct site *site;
	enum relay_end why;
	struct path *p = path_make(q->master, r, via == NULL ? smtp_port :
	    via->port, via != NULL, &why);

	if (via == NULL || !via->is_ip)
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
	site = site_find(p);
	if (site != NULL)
		control_tell_site(site, &o);
	else
		fputs("  nothing is known of these hosts: no mail was sent "
		    "there lately\n", f);
	path_leave(p);
}

static void
on_route(void *arg, const struct route *route)
{
	struct question *q = arg;
	const bool waits = q->asked;
	size_t n;
	FILE *f = open_memstream(&q->text, &n);

	q->asked = false;
	if (f != NULL) {
		tell(q, route, f);
		(void)fclose(f);
	}
	if (waits)
		q->wake(q->arg);
}

static enum control_step
step(struct control_task *t, struct control_out *o, uint8_t *status)
{
	struct question *q = (struct question *)t;

	if (q->asked && !t->late)
		return CONTROL_WAIT;
	*status = q->text == NULL;
	control_put(o->f, "%s", q->text != NULL ? q->text : q->asked ?
	    "  the name servers have not answered yet: ask again, and look at "
	    "the log\n" : "  there is no relay block, or no memory\n");
	return CONTROL_DONE;
}

static void
end(struct control_task *t)
{
	struct question *q = (struct question *)t;

	if (q->asked)
		resolver_forget(q->master, &q->job);
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
	via = conf_relay_via(&m->conf, span_of(q->domain));
	if (m->conf.relay.line != 0) {
		q->job.kind = via == NULL ? RESOLVE_MX : RESOLVE_HOST;
		snprintf(q->job.name, sizeof(q->job.name), "%s", via == NULL ?
		    q->domain : via->host);
		q->job.done = on_route;
		q->job.arg = q;
		q->asked = true;
		resolver_ask(m, &q->job);
	}
	return &q->task;
}
