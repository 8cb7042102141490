/*
 * Connections: which address is next, and what replies mean for the rest of a
 * message (reply_rule.c has the table).
 */
#include "server/mail/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/mail/relay.h"
#include "shared/deadline.h"

enum {
	idle_s = 2,
	letters_max = 100,		/* over one connection */
	connection_max_ms = 5 * 60 * 1000,	/* for another message */
	connect_ms = 30 * 1000,
	connect_next_ms = 10 * 1000	/* while another address is left */
};

struct link {
	TAILQ_ENTRY(link)	 entry;		/* while it is idle */
	struct site		*site;
	struct path		*path;
	size_t			 hop;		/* of path */
	enum relay_tls		 tls;
	struct relay		*relay;		/* NULL: closed */
	struct attempt_group	*group;		/* NULL: idle */
	struct event		 idle;
	unsigned		 letters;	/* over this relay */
	int64_t			 since_ms;	/* this relay */
	bool			 had_greeted;	/* this hop, or another */
	enum reply_rcpts	 verdict;	/* if no hop takes the rest */
	struct ipc_greeted	 greeted;	/* by this hop; or all zero */
	/* Of the transaction under way: */
	size_t			 count;
	struct attempt_rcpt	*now[relay_rcpts_max];
	struct ipc_rcpt	*to;		/* NULL: there is none */
	const struct reply_rule	*rule;		/* of those without verdict */
	bool			 taken;		/* some recipient was */
	bool			 slower;
	bool			 closes;
	bool			 again;		/* reused, and was closed */
	struct ipc_outcome	 last;		/* of rule or closes */
	/* If this is the other family: what the first one said. */
	const struct queue_fact	*refusal;
};

static TAILQ_HEAD(links, link) idle_links = TAILQ_HEAD_INITIALIZER(idle_links);
/* Sites for which there was no connection. */
static TAILQ_HEAD(sites, site) hungry = TAILQ_HEAD_INITIALIZER(hungry);
static size_t links;

static void	reach(struct link *l);
static void	send_next(struct link *l);

/* ---- the end ------------------------------------------------------------ */

static void
drop_relay(struct link *l)
{
	if (l->relay != NULL)
		relay_dismiss(l->relay);
	l->relay = NULL;
}

static void
starve(struct site *s)
{
	if (s->is_hungry)
		return;
	TAILQ_INSERT_TAIL(&hungry, s, entry);
	s->is_hungry = true;
}

/* It has a connection more, or needs none. */
static void
sate(struct site *s)
{
	if (!s->is_hungry)
		return;
	TAILQ_REMOVE(&hungry, s, entry);
	s->is_hungry = false;
}

/* Who waits longest of those that have no connection, or of all. */
static struct site *
hungriest(void)
{
	struct site *s = TAILQ_FIRST(&hungry);

	while (s != NULL && s->links > 0)
		s = TAILQ_NEXT(s, entry);
	return s != NULL ? s : TAILQ_FIRST(&hungry);
}

/* There may be a connection for one that is hungry: it is looked at. */
static void
feed(void)
{
	if (!TAILQ_EMPTY(&hungry))
		site_kick(hungriest());
}

static void
end(struct link *l)
{
	drop_relay(l);
	if (evtimer_pending(&l->idle, NULL)) {
		event_del(&l->idle);
		TAILQ_REMOVE(&idle_links, l, entry);
	}
	links--;
	l->site->links--;
	feed();
	site_kick(l->site);
	path_leave(l->path);
	free(l);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	TAILQ_REMOVE(&idle_links, l, entry);
	end(l);
}

/* What this host said, for the attempt of l; NULL without memory. */
static const struct queue_fact *
keep_fact(struct link *l, const struct ipc_outcome *o)
{
	const struct path_hop *hop = &l->path->hops[l->hop];
	struct queue_fact f = { .fact = { .outcome = *o,
	    .tried_s = queue_now_s(l->site->master) }, .ip = *hop->ip,
	    .port = l->path->port, .greeted = l->greeted };

	strlcpy(f.fact.host, hop->host->name, sizeof(f.fact.host));
	f.fact.outcome.index = 0;
	return attempt_keep(l->group->attempt, &f);
}

static void
leave(struct link *l, bool waits)
{
	struct attempt_group *g = l->group;

	l->group = NULL;
	site_leave(g, waits);
}

static bool
take(struct link *l)
{
	l->group = site_next(l->site);
	l->verdict = REPLY_FAILED;
	l->refusal = NULL;
	return l->group != NULL;
}

/* ---- the next address --------------------------------------------------- */

/* A verdict for the rest.  down: no host greeted, so they wait for one. */
static void
settle(struct link *l, enum reply_rcpts what, bool down)
{
	const struct queue_fact *f = keep_fact(l, &l->last);

	if (l->refusal != NULL)
		attempt_judge_all(l->group, REPLY_FAILED, l->refusal);
	attempt_judge_all(l->group, what, f);
	if (down && f != NULL)
		site_failed(l->site, f);
	leave(l, down);
	end(l);
}

/* The next host for the rest.  False: no other family, so rule stands. */
static bool
move(struct link *l, const struct reply_rule *rule)
{
	const bool plain = rule->host == REPLY_PLAIN && l->tls == RELAY_TLS_MAY;
	const bool family = rule->host == REPLY_FAMILY;
	const struct queue_fact *f;
	size_t hop = l->hop;

	if (family && (l->refusal != NULL ||
	    !path_other_family(l->path, &hop)))
		return false;
	if (rule->rcpts < l->verdict)
		l->verdict = rule->rcpts;
	/* RFC 5321 5.1: what is no better than this host gives it back. */
	if (l->last.end == RELAY_END_OURSELVES ||
	    (!plain && !family && ++hop == l->path->hop_count)) {
		settle(l, l->verdict, !l->had_greeted &&
		    l->verdict != REPLY_FAILED);
		return true;
	}
	f = keep_fact(l, &l->last);
	if (family)
		l->refusal = f;
	attempt_log_moved(l->group, f);
	l->hop = hop;
	l->site->master->counters.value[COUNTER_OUT_TLS_FAILED] += plain;
	l->tls = plain ? RELAY_TLS_NONE : l->site->master->conf.relay.tls;
	reach(l);
	return true;
}

/* ---- transactions ------------------------------------------------------- */

static void
on_outcome(void *arg, size_t index, const struct ipc_outcome *o)
{
	struct link *l = arg;
	const struct reply_rule *rule = reply_rule(o);

	/* Closed while it was idle: nothing happened (RFC 5321 3.8). */
	if (l->letters > 1 && o->end != RELAY_END_STOPPED &&
	    o->end != RELAY_END_LOCAL && (o->stage == RELAY_QUIT ||
	    (o->stage <= RELAY_MAIL &&
	    (o->code == 421 || o->end == RELAY_END_LOST)))) {
		l->again = true;
		return;
	}
	l->slower = l->slower || rule->slower;
	l->closes = l->closes || rule->host == REPLY_CLOSES;
	if (rule->host != REPLY_STAYS)
		l->last = *o;
	if (rule->host > REPLY_MORE ||
	    (rule->host == REPLY_MORE && l->rule == NULL))
		l->rule = rule;
	else if (rule->host != REPLY_MORE) {
		l->taken = l->taken || rule->rcpts == REPLY_TAKEN;
		attempt_judge(l->group->attempt, l->now[index], rule->rcpts,
		    keep_fact(l, o));
	}
}

/* Those without a verdict go on: to another host, or in a transaction more. */
static void
on_sent(void *arg, bool reusable)
{
	struct link *l = arg;
	struct attempt *a = l->group->attempt;

	if (!reusable || l->again)
		drop_relay(l);
	free(l->to);
	l->to = NULL;
	attempt_sent(a);
	if (l->slower || l->taken)
		site_pace(l->site, l->slower);
	if (l->again) {
		l->had_greeted = false;
		send_next(l);
	} else if (l->closes)
		settle(l, REPLY_DEFERRED, false);
	else if (l->rule == NULL || l->rule->host == REPLY_MORE ||
	    !move(l, l->rule)) {
		for (size_t i = 0; i < l->count && l->rule != NULL &&
		    !l->taken; i++)
			attempt_judge(a, l->now[i], l->rule->rcpts,
			    keep_fact(l, &l->last));
		send_next(l);
	}
}

static bool
is_usable(const struct link *l)
{
	return l->relay != NULL && l->letters < letters_max &&
	    (l->greeted.mail_max == 0 || l->letters < l->greeted.mail_max);
}

/*
 * May l be used for another message?  While others have no connection, only the
 * first one to a site is kept, and not while it is idle; by a slow host no
 * longer than some minutes.
 */
static bool
is_reusable(const struct link *l, bool idle)
{
	return is_usable(l) && !l->site->master->stopping &&
	    deadline_now_ms() - l->since_ms < connection_max_ms &&
	    l->site->links <= site_limit(l->site) &&
	    (TAILQ_EMPTY(&hungry) || (!idle && l->site->links == 1));
}

static bool
send_letter(struct link *l)
{
	size_t max = relay_rcpts_max;

	if (l->greeted.rcpt_max > 0 && l->greeted.rcpt_max < max)
		max = l->greeted.rcpt_max;
	l->count = attempt_next(l->group, max, l->now, &l->to);
	if (l->count == 0)
		return false;
	l->rule = NULL;
	l->taken = l->slower = l->closes = l->again = false;
	l->letters++;
	relay_send(l->relay, &l->group->attempt->open, l->to, l->count);
	return true;
}

/*
 * The next transaction of its group, perhaps over a new connection; or of the
 * next group; or l is idle, or ends.
 */
static void
send_next(struct link *l)
{
	while (l->group != NULL || (is_reusable(l, false) && take(l))) {
		const bool waits = attempt_waits(l->group);

		/* What is left then is sent by the next smtpd, at once. */
		if (waits && l->site->master->stopping)
			l->group->attempt->tried = false;
		else if (waits && !is_usable(l)) {
			reach(l);
			return;
		} else if (waits && send_letter(l))
			return;
		leave(l, false);
	}
	if (is_reusable(l, true)) {
		TAILQ_INSERT_TAIL(&idle_links, l, entry);
		event_add(&l->idle, &(struct timeval){ idle_s, 0 });
	} else
		end(l);
}

/* ---- connections -------------------------------------------------------- */

static void
on_greeted(void *arg, const struct ipc_greeted *g)
{
	struct link *l = arg;

	l->greeted = *g;
	l->had_greeted = true;
	l->site->master->counters.value[COUNTER_OUT]++;
	l->site->master->counters.value[COUNTER_OUT_TLS] +=
	    g->tls.version[0] != '\0';
	site_greeted(l->site);
	send_next(l);
}

static void
on_gone(void *arg, const struct ipc_outcome *why, bool crashed)
{
	struct link *l = arg;
	const struct reply_rule *rule = reply_rule(why);

	l->relay = NULL;
	if (l->group == NULL) {
		end(l);
		return;
	}
	if (crashed)
		attempt_note_crash(l->group->attempt);
	if (l->to != NULL) {
		on_sent(l, false);
		return;
	}
	l->last = *why;
	if (l->path->hops[l->hop].ip->ipv6 && span_equal(span_from(why->text,
	    why->n), span_of(strerror(ENETUNREACH))))
		path_avoid_ipv6();
	if (rule->host > REPLY_MORE)
		(void)move(l, rule);
	else
		settle(l, rule->rcpts, false);
}

static void
reach(struct link *l)
{
	static const struct relay_owner owner = { .greeted = on_greeted,
	    .outcome = on_outcome, .sent = on_sent, .gone = on_gone };
	const struct conf *conf = &l->site->master->conf;
	const struct path_hop *hop = &l->path->hops[l->hop];
	const struct conf_source *source =
	    &conf->relay.sources[hop->ip->ipv6 != 0];
	const struct relay_host to = {
		.name = hop->host->name, .tls = l->tls,
		.helo = source->line != 0 && source->name != NULL ?
		    source->name : conf->hostname,
		.dial = { .to = *hop->ip, .port = l->path->port,
		    .has_source = source->line != 0, .source = source->ip,
		    .patience_ms = l->hop + 1 < l->path->hop_count ?
		    connect_next_ms : connect_ms }
	};

	drop_relay(l);
	l->greeted = (struct ipc_greeted){ .offers = 0 };
	l->letters = 0;
	l->since_ms = deadline_now_ms();
	l->relay = relay_connect(l->site->master, &to, &owner, l);
	if (l->relay == NULL) {
		leave(l, true);
		end(l);
	}
}

/* A connection for the group that has waited longest; false without memory. */
static bool
begin(struct site *s)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->site = s;
	(void)take(l);
	l->path = l->group->path;
	l->path->users++;
	l->tls = s->master->conf.relay.tls;
	evtimer_assign(&l->idle, s->master->base, on_idle, l);
	s->links++;
	links++;
	reach(l);
	return true;
}

static bool
wake(const struct site *s)
{
	struct link *l = TAILQ_FIRST(&idle_links);

	while (l != NULL && l->site != s)
		l = TAILQ_NEXT(l, entry);
	if (l == NULL)
		return false;
	event_del(&l->idle);
	TAILQ_REMOVE(&idle_links, l, entry);
	send_next(l);
	return true;
}

void
link_serve(struct site *s)
{
	const size_t most = s->master->conf.limits.deliveries;

	while (s->ready > 0 && !s->master->stopping) {
		if (wake(s))
			continue;
		if (s->links >= site_limit(s))
			break;
		starve(s);
		if (links >= most || s != hungriest()) {
			link_end_idle();
			return;
		}
		sate(s);
		if (!begin(s))
			site_leave(site_next(s), true);
	}
	sate(s);
	if (links < most)
		feed();
}

void
link_end_idle(void)
{
	struct link *l;

	while ((l = TAILQ_FIRST(&idle_links)) != NULL)
		end(l);
}
