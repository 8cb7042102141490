/*
 * The client behind a proxy: a worker has read its address, and the master
 * enters it into its books, once.
 */
#include "server/session/proxied.h"

#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"

static const char *const fails[PROXY_FAIL_COUNT] = {
	IPC_PROXY_FAILS(IPC_WORD, PROXY_FAIL_)
};

static void
log_proxied(const struct session *s, const struct address *client)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "proxied");
	log_str(&l, "session", s->id);
	log_str(&l, "client", client->text);
	log_u64(&l, "port", client->port);
	log_str(&l, "via", s->client.text);
	log_end(&l);
}

/* Applies the limits, as admit.c does, and moves s to its client's host. */
static enum refusal
judge(struct master *m, struct session *s)
{
	const struct conf_limits *l = &m->conf.limits;
	struct address_host *of_proxy = s->host;
	enum refusal why;

	if (address_is_refused(m->book, &s->client, deadline_now_ms()))
		return REFUSAL_A_WHILE;
	why = address_enter(m->book, &s->client, l->per_address,
	    l->per_network, &s->host);
	if (why == REFUSAL_NONE) {
		address_serve(of_proxy, false);
		address_leave(m->book, of_proxy);
		address_serve(s->host, true);
	}
	return why;
}

enum proxy_answer
proxied_take(struct master *m, struct session *s, const struct ipc_proxy *p)
{
	static const enum proxy_answer answers[REFUSAL_COUNT] = {
		[REFUSAL_NONE] = PROXY_WELCOME,
		[REFUSAL_A_WHILE] = PROXY_REFUSED,
		[REFUSAL_SESSIONS] = PROXY_HOST_FULL,
		[REFUSAL_NETWORK] = PROXY_NETWORK_FULL,
		[REFUSAL_MEMORY] = PROXY_NO_MEMORY
	};
	struct address client;
	enum refusal why;

	s->header_due = false;
	/* A health check of the proxy, which stays the client. */
	if (p->family == IPC_PROXY_OWN || !address_of_ip(
	    p->family == IPC_PROXY_IPV6, p->ip, p->port, &client))
		return PROXY_WELCOME;
	m->counters.value[COUNTER_PROXIED]++;
	log_proxied(s, &client);
	s->client = client;
	s->of_proxy = false;
	why = judge(m, s);
	if (why != REFUSAL_NONE)
		session_refuse(m, -1, &s->client, s->id, why);
	return answers[why];
}

void
proxied_fail(struct master *m, struct session *s, enum proxy_fail why)
{
	struct log_line l;

	s->header_due = false;
	m->counters.value[COUNTER_PROXY_FAILED]++;
	session_log_begin(s, LOG_LEVEL_WARNING, "proxy-failed", &l);
	log_str(&l, "why", fails[why]);
	log_end(&l);
}
