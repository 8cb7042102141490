/*
 * Connections: which address is next, and what replies mean for the rest of a
 * message (reply_rule.c has the table).
 */
#include "server/mail/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/mail/relay.h"
#include "shared/deadline.h"

enum {
	idle_s = 2,
	letters_max = 100,		/* over one connection */
	connection_max_ms = 5 * 60 * 1000,
	connect_ms = 30 * 1000,
	connect_next_ms = 10 * 1000	/* while another address is left */
};

struct link {
	TAILQ_ENTRY(link)	 entry;		/* while it is idle */
	struct master		*master;
	const struct link_owner	*owner;
	void			*arg;
	struct path		*path;
	size_t			 hop;		/* of path */
	enum relay_tls		 tls;
	struct relay		*relay;		/* NULL: closed */
	struct link_work	*work;		/* NULL: idle */
	struct event		 idle;
	int64_t			 since_ms;
	unsigned		 letters;	/* over this relay */
	bool			 has_greeted;	/* this hop */
	bool			 had_greeted;	/* this one, or another */
	unsigned		 kinds;		/* of failures so far: bits */
	struct ipc_greeted	 greeted;
	/* Of the transaction under way: */
	struct envelope_rcpt	*to;		/* NULL: there is none */
	const struct reply_rule	*open;		/* of those without verdict */
	const struct reply_rule	*more;		/* the same */
	bool			 taken;		/* some recipient was */
	bool			 slower;
	bool			 closes;
	bool			 again;		/* reused, and was closed */
	struct ipc_outcome	 last;		/* of open, more or closes */
	/* If this is the other family: what the first one said. */
	bool			 family;
	struct ipc_outcome	 refusal;
};

static TAILQ_HEAD(links, link) idle_links = TAILQ_HEAD_INITIALIZER(idle_links);
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
end(struct link *l)
{
	const struct link_owner *owner = l->owner;
	void *arg = l->arg;

	drop_relay(l);
	if (evtimer_pending(&l->idle, NULL)) {
		event_del(&l->idle);
		TAILQ_REMOVE(&idle_links, l, entry);
	}
	links--;
	path_leave(l->path);
	free(l);
	owner->ended(arg);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	TAILQ_REMOVE(&idle_links, l, entry);
	end(l);
}

/* ---- verdicts ----------------------------------------------------------- */

static struct link_try
try_of(const struct link *l, const struct ipc_outcome *o)
{
	return (struct link_try){ .outcome = o,
	    .host = path_host(l->path, l->hop)->name,
	    .ip = path_ip(l->path, l->hop), .port = l->path->port,
	    .greeted = l->has_greeted ? &l->greeted : NULL,
	    .path = l->path };
}

static void
verdict(struct link *l, size_t index, enum reply_rcpts what,
    const struct ipc_outcome *o)
{
	const struct link_try t = try_of(l, o);

	l->work->sender->verdict(l->work->arg, index, what, &t);
}

/* The work of l has ended, or has to wait. */
static void
leave_work(struct link *l, bool waits)
{
	struct link_work *w = l->work;

	l->work = NULL;
	l->owner->done(l->arg, w, waits);
}

/* The work of l goes on at once over another connection. */
static void
pass_work(struct link *l)
{
	struct link_work *w = l->work;

	l->work = NULL;
	l->owner->again(l->arg, w);
}

/* All without a verdict get this one; if smtpd stops, they simply wait. */
static void
settle(struct link *l, enum reply_rcpts what, const struct ipc_outcome *o)
{
	if (o->end != RELAY_END_STOPPED)
		verdict(l, link_all, what, o);
	leave_work(l, o->end == RELAY_END_STOPPED);
}

/* ---- the next address --------------------------------------------------- */

/* Nothing is left to try. */
static void
give_up(struct link *l, const struct reply_rule *rule)
{
	const struct link_try t = try_of(l, &l->last);
	enum reply_rcpts what = rule->last;

	if (l->family)
		settle(l, REPLY_FAILED, &l->refusal);
	else if (l->had_greeted)
		settle(l, rule->last, &l->last);
	else {
		/* Deferred, and called as soon as the site greets again. */
		if (l->owner->failed(l->arg, &t, l->kinds))
			what = REPLY_FAILED;
		verdict(l, link_all, what, &l->last);
		leave_work(l, true);
	}
	end(l);
}

/* The host does not take the rest of the work; another one may. */
static void
move(struct link *l, const struct reply_rule *rule)
{
	const struct link_try t = try_of(l, &l->last);
	const bool plain = rule->host == REPLY_PLAIN && l->tls == RELAY_TLS_MAY;
	size_t hop = l->hop;

	l->kinds |= 1U << rule->site;
	if (rule->host == REPLY_FAMILY) {
		if (l->work->family || !path_other_family(l->path, &hop)) {
			verdict(l, link_rest, rule->last, &l->last);
			send_next(l);
			return;
		}
		l->work->family = l->family = true;
		l->refusal = l->last;
	} else if (!plain && !path_next(l->path, &hop)) {
		give_up(l, rule);
		return;
	}
	l->work->sender->moved(l->work->arg, &t);
	drop_relay(l);
	l->hop = hop;
	l->tls = plain ? RELAY_TLS_NONE : l->master->conf.relay.tls;
	reach(l);
}

/* ---- transactions ------------------------------------------------------- */

static void
on_outcome(void *arg, size_t index, const struct ipc_outcome *o)
{
	struct link *l = arg;
	const struct reply_rule *rule = reply_rule(o);

	/*
	 * It was closed while it was idle, as the worker noticed before it had
	 * the message (QUIT) or not: nothing happened (RFC 5321 3.8).
	 */
	if (!l->work->again && o->end != RELAY_END_STOPPED &&
	    o->end != RELAY_END_LOCAL && (o->stage == RELAY_QUIT ||
	    (l->letters > 1 && o->stage <= RELAY_MAIL &&
	    (o->code == 421 || o->end == RELAY_END_LOST)))) {
		l->again = true;
		return;
	}
	if (rule->site == REPLY_SLOWER && !l->slower) {
		l->slower = true;
		l->owner->pace(l->arg, false);
	}
	if (rule->host == REPLY_CLOSES)
		l->closes = true;
	if (rule->rcpts == REPLY_OPEN || rule->rcpts == REPLY_MORE ||
	    rule->host == REPLY_CLOSES)
		l->last = *o;
	if (rule->rcpts == REPLY_OPEN)
		l->open = rule;
	else if (rule->rcpts == REPLY_MORE)
		l->more = rule;
	else if (o->end != RELAY_END_STOPPED) {
		l->taken = l->taken || rule->rcpts == REPLY_TAKEN;
		verdict(l, index, rule->rcpts, o);
	}
}

/*
 * A transaction is over.  Those without a verdict: of a reused connection that
 * was closed get a new one, others another host, or another transaction.
 */
static void
after_letter(struct link *l)
{
	struct link_work *w = l->work;

	free(l->to);
	l->to = NULL;
	w->sender->sent(w->arg);
	if (l->taken)
		l->owner->pace(l->arg, true);
	if (l->again) {
		w->again = true;
		pass_work(l);
		end(l);
	} else if (l->closes) {
		settle(l, REPLY_DEFERRED, &l->last);
		end(l);
	} else if (l->open != NULL)
		move(l, l->open);
	else {
		if (l->more != NULL && !l->taken)
			verdict(l, link_rest, l->more->last, &l->last);
		send_next(l);
	}
}

static void
on_sent(void *arg, bool uncertain, bool reusable)
{
	struct link *l = arg;

	if (!reusable)
		drop_relay(l);
	after_letter(l);
}

/* May l be used for another message? */
static bool
is_reusable(const struct link *l)
{
	return l->relay != NULL && l->letters < letters_max &&
	    (l->greeted.mail_max == 0 || l->letters < l->greeted.mail_max) &&
	    deadline_now_ms() - l->since_ms < connection_max_ms;
}

/* Has the work of l another transaction?  Then, with a relay, it is sent. */
static bool
send_letter(struct link *l)
{
	const struct link_sender *sender = l->work->sender;
	const struct queue_open *open;
	size_t max = relay_rcpts_max, count;

	if (l->greeted.rcpt_max > 0 && l->greeted.rcpt_max < max)
		max = l->greeted.rcpt_max;
	l->to = sender->next(l->work->arg, max, &count, &open);
	if (l->to == NULL)
		return false;
	if (l->relay == NULL) {
		free(l->to);
		l->to = NULL;
		sender->sent(l->work->arg);
		return true;
	}
	l->open = l->more = NULL;
	l->taken = l->slower = l->closes = l->again = false;
	l->letters++;
	relay_send(l->relay, open, l->to, count);
	return true;
}

/* The next transaction of this work, or of the next; or l is idle, or ends. */
static void
send_next(struct link *l)
{
	static const struct timeval patience = { idle_s, 0 };

	while (is_reusable(l) && l->owner->keeps(l->arg, false)) {
		if (l->work == NULL)
			l->work = l->owner->next(l->arg);
		if (l->work == NULL) {
			if (!l->owner->keeps(l->arg, true))
				break;
			TAILQ_INSERT_TAIL(&idle_links, l, entry);
			evtimer_add(&l->idle, &patience);
			return;
		}
		if (send_letter(l))
			return;
		leave_work(l, false);
	}
	drop_relay(l);
	if (l->work != NULL && send_letter(l))
		pass_work(l);
	else if (l->work != NULL)
		leave_work(l, false);
	end(l);
}

static void
on_greeted(void *arg, const struct ipc_greeted *g)
{
	struct link *l = arg;

	l->greeted = *g;
	l->has_greeted = l->had_greeted = true;
	l->owner->greeted(l->arg);
	send_next(l);
}

/* ---- connections -------------------------------------------------------- */

static void
on_gone(void *arg, const struct ipc_outcome *why, bool crashed)
{
	struct link *l = arg;
	const struct reply_rule *rule = reply_rule(why);

	l->relay = NULL;
	if (l->work == NULL) {
		end(l);
		return;
	}
	if (crashed)
		l->work->sender->crashed(l->work->arg);
	if (l->to != NULL) {
		after_letter(l);
		return;
	}
	l->last = *why;
	if (path_ip(l->path, l->hop)->ipv6 && span_equal(span_from(why->text,
	    why->n), span_of(strerror(ENETUNREACH))))
		path_avoid_ipv6();
	if (rule->rcpts == REPLY_OPEN)
		move(l, rule);
	else {
		settle(l, rule->rcpts, why);
		end(l);
	}
}

static const struct relay_owner relay_owner = {
	.greeted = on_greeted,
	.outcome = on_outcome,
	.sent = on_sent,
	.gone = on_gone
};

/* Connects to the hop of l. */
static void
reach(struct link *l)
{
	static const struct ipc_outcome no_memory = { .stage = RELAY_CONNECT,
	    .end = RELAY_END_LOCAL };
	const struct conf *conf = &l->master->conf;
	const struct ipc_ip *ip = path_ip(l->path, l->hop);
	const struct conf_source *source = &conf->relay.sources[ip->ipv6 != 0];
	const struct relay_host to = {
		.name = path_host(l->path, l->hop)->name,
		.ip = *ip,
		.port = l->path->port,
		.tls = l->tls,
		.has_source = source->line != 0,
		.source = source->ip,
		.helo = source->line != 0 && source->name != NULL ?
		    source->name : conf->hostname,
		.connect_ms = path_next(l->path, &(size_t){ l->hop }) ?
		    connect_next_ms : connect_ms
	};

	l->has_greeted = false;
	l->letters = 0;
	l->since_ms = deadline_now_ms();
	l->relay = relay_connect(l->master, &to, &relay_owner, l);
	if (l->relay == NULL) {
		settle(l, REPLY_DEFERRED, &no_memory);
		end(l);
	}
}

void
link_begin(struct master *m, struct link_work *w,
    const struct link_owner *owner, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		owner->done(arg, w, true);
		owner->ended(arg);
		return;
	}
	*l = (struct link){ .master = m, .owner = owner, .arg = arg,
	    .work = w, .path = path_enter(w->path), .tls = m->conf.relay.tls };
	event_assign(&l->idle, m->base, -1, 0, on_idle, l);
	links++;
	l->hop = path_first(l->path);
	reach(l);
}

bool
link_wake(const void *arg)
{
	struct link *l;

	TAILQ_FOREACH(l, &idle_links, entry)
		if (l->arg == arg)
			break;
	if (l == NULL)
		return false;
	event_del(&l->idle);
	TAILQ_REMOVE(&idle_links, l, entry);
	send_next(l);
	return true;
}

void
link_end_idle(bool every)
{
	struct link *l;

	while ((l = TAILQ_FIRST(&idle_links)) != NULL) {
		end(l);
		if (!every)
			break;
	}
}

size_t
link_count(void)
{
	return links;
}
