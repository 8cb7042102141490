/*
 * Questions to the DNS, the master's part.  An answer may take the worker over:
 * it then can say of a name, if it is asked that name, what a forged answer
 * could have said, and is replaced soon.
 *
 * Each try of a name goes to the next server.  The second is over TCP, for
 * answers that are too long, or get lost; the third is without EDNS and mixed
 * case, for servers that are deaf to these.
 */
#include "server/process/resolver.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/tree.h>

#include "server/process/dial.h"
#include "shared/deadline.h"

enum {
	cache_max = 1000,		/* routes */
	ttl_least_s = 5,
	ttl_most_s = 3600,
	ttl_negative_most_s = 60,
	ttl_trouble_s = 30,
	answers_max = 1000,		/* of one worker */
	worker_age_ms = 10 * 60 * 1000,
	answer_patience_ms = 60 * 1000,	/* a worker takes 2 * 8 s */
	tries_max = 3,			/* each twice as long */
	patience_ms = 2000		/* the first takes; and dial */
};

enum question_state {
	QUESTION_WAITS,		/* for its turn */
	QUESTION_DIALS,		/* a socket is due */
	QUESTION_READY,		/* for a worker that takes it */
	QUESTION_ASKED,		/* in the order of asking */
	QUESTION_ANSWERED,	/* its jobs are yet to be told */
	QUESTION_CACHED,	/* the last used last */
	QUESTION_STATES
};

LIST_HEAD(resolver_jobs, resolver_job);

/* One name, whoever asks for it. */
struct question {
	RB_ENTRY(question)	 node;
	TAILQ_ENTRY(question)	 entry;		/* of its state */
	enum question_state	 state;
	enum resolve_kind	 kind;
	struct resolver_jobs	 jobs;
	uint32_t		 server;	/* of the first try, modulo */
	unsigned		 tries;		/* begun */
	struct dial_job		 dial;
	int			 fd;		/* READY */
	uint64_t		 ticket;	/* ASKED */
	struct route		*route;		/* as it comes; or NULL */
	int64_t			 until_ms;	/* then overdue, or old */
	char			 name[smtp_domain_max_bytes + 1];
};

/* The owner of the worker that resolves. */
static struct {
	struct master		*master;
	RB_HEAD(questions, question) all;
	TAILQ_HEAD(question_list, question) list[QUESTION_STATES];
	size_t			 count[QUESTION_STATES];
	uint64_t		 tickets;	/* given out */
	struct resolver_figures	 seen;		/* only its times */
	struct event		 tell;		/* the jobs of the answered */
	struct pool_wait	 wait;		/* for a worker */
	struct worker		*worker;	/* NULL: there is none now */
	uint32_t		 good;		/* server that answered last */
	unsigned		 answers;	/* of this worker */
	int64_t			 since_ms;	/* it was taken then */
} dns;

static int
compare(const struct question *a, const struct question *b)
{
	return a->kind == b->kind ? strcmp(a->name, b->name) :
	    a->kind < b->kind ? -1 : 1;
}

RB_GENERATE_INTERNAL(questions, question, node, compare,
    static __attribute__((unused)))

static void
move_to(struct question *q, enum question_state state)
{
	TAILQ_REMOVE(&dns.list[q->state], q, entry);
	TAILQ_INSERT_TAIL(&dns.list[state], q, entry);
	dns.count[q->state]--;
	dns.count[state]++;
	q->state = state;
}

static void
shrink_cache(size_t left)
{
	struct question *q;

	while (dns.count[QUESTION_CACHED] > left) {
		dns.count[QUESTION_CACHED]--;
		q = TAILQ_FIRST(&dns.list[QUESTION_CACHED]);
		TAILQ_REMOVE(&dns.list[QUESTION_CACHED], q, entry);
		RB_REMOVE(questions, &dns.all, q);
		free(q->route);
		free(q);
	}
}

/*
 * Tells one job, for others have their turn, too.  done() may ask and forget
 * anything; an answered question is freed by nobody else meanwhile.
 */
static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	static const struct route trouble = { .status = RESOLVE_TROUBLE };
	struct question *q = TAILQ_FIRST(&dns.list[QUESTION_ANSWERED]);
	struct resolver_job *job = q != NULL ? LIST_FIRST(&q->jobs) : NULL;

	if (q == NULL)
		return;
	if (job == NULL) {
		move_to(q, QUESTION_CACHED);
		shrink_cache(cache_max);
	} else {
		LIST_REMOVE(job, entry);
		job->open = false;
		job->done(job->arg, q->route != NULL ? q->route : &trouble);
	}
	event_add(&dns.tell, &(struct timeval){ 0, 0 });
}

/* q has its answer: its route, or NULL if there was trouble. */
static void
end_question(struct question *q)
{
	const int64_t ttl_s = q->route == NULL ? ttl_trouble_s :
	    q->route->ttl_s;

	q->until_ms = deadline_now_ms() + 1000 * ttl_s;
	move_to(q, QUESTION_ANSWERED);
	event_add(&dns.tell, &(struct timeval){ 0, 0 });
}

/* The next worker is asked what this one was, and that is no further try. */
static void
replace_worker(void)
{
	struct question *q;

	TAILQ_FOREACH(q, &dns.list[QUESTION_ASKED], entry)
		q->tries--;
	if (dns.worker != NULL)
		pool_lost(dns.worker, "replaced");
}

/*
 * Begins the next try of what waits, of as many as a worker takes; and gives
 * what has its socket to the worker, unless it is old, or to a new one.
 */
static void
work(void)
{
	const struct conf_relay *conf = &dns.master->conf.relay;
	const struct conf_resolver *to;
	struct question *q;

	while ((q = TAILQ_FIRST(&dns.list[QUESTION_WAITS])) != NULL &&
	    dns.count[QUESTION_DIALS] + dns.count[QUESTION_READY] +
	    dns.count[QUESTION_ASKED] < resolve_lookups_max) {
		to = &conf->resolvers[(q->server + q->tries) %
		    conf->resolver_count];
		q->dial.udp = q->tries++ != 1;
		q->dial.to = to->ip;
		q->dial.port = to->port;
		move_to(q, QUESTION_DIALS);
		dial_connect(dns.master, &q->dial);
	}
	if (dns.worker == NULL && dns.count[QUESTION_READY] > 0)
		pool_want(dns.master, &resolver_use, &dns.wait, &dns);
	else if (dns.worker != NULL && (dns.answers >= answers_max ||
	    deadline_now_ms() - dns.since_ms >= worker_age_ms))
		replace_worker();
	else if (dns.worker != NULL)
		pool_feed(dns.worker);
}

/* The server cannot tell, or did not in time. */
static void
next_try(struct question *q)
{
	free(q->route);
	q->route = NULL;
	if (q->tries == tries_max)
		end_question(q);
	else
		move_to(q, QUESTION_WAITS);
}

static void
on_dialled(void *arg, int fd, int error)
{
	struct question *q = arg;

	q->fd = fd;
	if (fd == -1)
		next_try(q);
	else
		move_to(q, QUESTION_READY);
	work();
}

/* An address is its own answer.  NULL: q is about a name. */
static struct route *
route_of_ip(const struct question *q)
{
	struct route *r = NULL;
	struct ip ip;

	if (q->kind == RESOLVE_HOST && ip_parse(span_of(q->name), &ip))
		r = calloc(1, sizeof(*r) + sizeof(r->hosts[0]));
	if (r == NULL)
		return NULL;
	r->ttl_s = ttl_most_s;
	r->count = r->hosts[0].count = 1;
	r->hosts[0].addresses[0] = ip;
	memcpy(r->hosts[0].name, q->name, sizeof(r->hosts[0].name));
	return r;
}

bool
resolver_ask(struct resolver_job *job)
{
	struct question key = { .kind = job->kind,
	    .state = QUESTION_CACHED }, *q;

	memcpy(key.name, job->name, sizeof(key.name));
	q = RB_FIND(questions, &dns.all, &key);
	if (q == NULL) {
		q = malloc(sizeof(*q));
		if (q == NULL)
			return false;
		*q = key;
		q->dial = (struct dial_job){ .patience_ms = patience_ms,
		    .done = on_dialled, .arg = q };
		RB_INSERT(questions, &dns.all, q);
		TAILQ_INSERT_TAIL(&dns.list[q->state], q, entry);
		dns.count[q->state]++;
	}
	job->open = true;
	LIST_INSERT_HEAD(&q->jobs, job, entry);
	if (q->state == QUESTION_CACHED && deadline_now_ms() < q->until_ms)
		move_to(q, QUESTION_ANSWERED);
	event_add(&dns.tell, &(struct timeval){ 0, 0 });
	if (q->state != QUESTION_CACHED)
		return true;
	free(q->route);
	q->route = route_of_ip(q);
	q->server = dns.good;
	q->tries = 0;
	if (q->route != NULL)
		end_question(q);
	else {
		move_to(q, QUESTION_WAITS);
		work();
	}
	return true;
}

void
resolver_forget(struct resolver_job *job)
{
	if (job->open)
		LIST_REMOVE(job, entry);
	job->open = false;
}

void
resolver_figures(struct resolver_figures *out)
{
	*out = dns.seen;
	out->open = (uint32_t)dns.count[QUESTION_ASKED];
	out->cached = (uint32_t)dns.count[QUESTION_CACHED];
}

void
resolver_renew(void)
{
	shrink_cache(0);
	replace_worker();
}

static bool
feed(void *owner, struct ipc_record *out, int *pass)
{
	struct question *q = TAILQ_FIRST(&dns.list[QUESTION_READY]);

	if (q == NULL || (q->route = calloc(1, sizeof(*q->route) +
	    resolve_hosts_max * sizeof(q->route->hosts[0]))) == NULL)
		return false;
	q->ticket = ++dns.tickets;
	q->until_ms = deadline_now_ms() + answer_patience_ms;
	*pass = q->fd;
	move_to(q, QUESTION_ASKED);
	*out = (struct ipc_record){ .type = IPC_LOOKUP, .u.lookup = {
	    .ticket = q->ticket,
	    .timeout_ms = (uint32_t)patience_ms << (q->tries - 1),
	    .kind = (uint8_t)q->kind, .ipv6 = dns.master->conf.relay.ipv6,
	    .tcp = !q->dial.udp, .last = q->tries == tries_max } };
	memcpy(out->u.lookup.name, q->name, sizeof(q->name));
	return true;
}

static struct question *
find_asked(uint64_t ticket)
{
	struct question *q = TAILQ_FIRST(&dns.list[QUESTION_ASKED]);

	while (q != NULL && q->ticket != ticket)
		q = TAILQ_NEXT(q, entry);
	return q;
}

/* An honest worker adds what was asked for, and keeps the order. */
static bool
on_host(const struct ipc_host *h)
{
	const struct question *q = find_asked(h->ticket);
	const size_t n = q == NULL ? 0 : q->route->count;
	struct ipc_host *to;

	if (q == NULL || n == (q->kind == RESOLVE_MX ? resolve_hosts_max :
	    1) || (n > 0 && q->route->hosts[n - 1].preference > h->preference))
		return false;
	for (size_t i = 0; i < h->count; i++)
		if (h->addresses[i].ipv6 && !dns.master->conf.relay.ipv6)
			return false;
	to = &q->route->hosts[q->route->count++];
	*to = *h;
	return true;
}

/* q has its route, with the hosts that came before the answer. */
static void
take_route(struct question *q, const struct ipc_answer *a)
{
	const struct conf_relay *conf = &dns.master->conf.relay;
	const uint32_t most = a->status == RESOLVE_OK ? ttl_most_s :
	    ttl_negative_most_s;
	struct route *r = q->route;

	r->status = (enum resolve_status)a->status;
	r->implicit = a->implicit;
	r->ttl_s = a->ttl_s > most ? most : a->ttl_s > ttl_least_s ?
	    a->ttl_s : ttl_least_s;
	r->secure = a->secure;
	for (size_t i = 0; i < conf->resolver_count; i++)
		r->secure = r->secure && conf->resolvers[i].believed;
	dns.good = q->server + q->tries - 1;
	dns.seen.answer_ms = deadline_now_ms();
	if (r->secure)
		dns.seen.secure_ms = deadline_now_ms();
	r = realloc(r, sizeof(*r) + r->count * sizeof(r->hosts[0]));
	q->route = r != NULL ? r : q->route;
	end_question(q);
}

/* It has hosts if it is OK, and none otherwise. */
static bool
on_answer(const struct ipc_answer *a)
{
	struct question *q = find_asked(a->ticket);

	if (q == NULL || (a->status == RESOLVE_OK) != (q->route->count > 0))
		return false;
	if (a->status == RESOLVE_TROUBLE)
		next_try(q);
	else
		take_route(q, a);
	dns.answers++;
	work();
	return true;
}

static bool
on_record(void *owner, const struct ipc_record *r)
{
	return r->type == IPC_HOST ? on_host(&r->u.host) :
	    r->type == IPC_ANSWER && on_answer(&r->u.answer);
}

/* A try each, for perhaps it was the answer that ended the worker. */
static void
on_lost(void *owner, const char *how)
{
	struct question *q;

	dns.worker = NULL;
	while ((q = TAILQ_FIRST(&dns.list[QUESTION_ASKED])) != NULL)
		next_try(q);
	work();
}

/* Its first record is the first of feed(). */
static int
begin(void *owner, struct worker *w)
{
	dns.worker = w;
	dns.answers = 0;
	dns.since_ms = deadline_now_ms();
	return IPC_AT_RESOLVE;
}

/* Of the open questions, any of which may have done it, the oldest is it. */
static void
see(const void *owner, struct pool_sight *out)
{
	const struct question *q = TAILQ_FIRST(&dns.list[QUESTION_ASKED]);

	out->state = "resolving";
	out->due_ms = q != NULL ? q->until_ms : INT64_MAX;
	strlcpy(out->blame, q != NULL ? q->name : "", sizeof(out->blame));
}

static void
accuse(struct master *m, const void *blame, struct log_line *l)
{
	log_add(l, "domain=%s", (const char *)blame);
}

const struct worker_use resolver_use = {
	.begin = begin, .feed = feed,
	.on_record = on_record, .on_lost = on_lost,
	.see = see, .accuse = accuse
};

void
resolver_start(struct master *m)
{
	memset(&dns, 0, sizeof(dns));
	dns.master = m;
	for (size_t i = 0; i < QUESTION_STATES; i++)
		TAILQ_INIT(&dns.list[i]);
	evtimer_assign(&dns.tell, m->base, on_tell, NULL);
}
