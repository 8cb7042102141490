/*
 * The table of keywords, and finding one in it.  What a keyword's value may
 * be is in conf_set.c.
 */
#include "server/conf/conf_keyword.h"

#include <stddef.h>

#define IN_TOP(field)	 offsetof(struct conf, field)
#define IN_DOMAIN(field) offsetof(struct conf_domain, field)
#define IN_LIMITS(field) offsetof(struct conf_limits, field)

#define K ((uint64_t)1024)
#define M (K * K)
#define G (K * K * K)
#define DAY ((uint64_t)24 * 60 * 60)

const struct conf_keyword conf_keywords[] = {
	{ "hostname", "hostname NAME", CONF_TOP, CONF_KIND_HOST, false,
	    IN_TOP(hostname), 0, NULL, 0, 0,
	    "this server, in its greeting and in Received" },
	{ "root", "root DIRECTORY", CONF_TOP, CONF_KIND_PATH, false,
	    IN_TOP(root), 0, "/var/smtpd", 0, 0,
	    "spool, mailboxes and log, on one file system" },
	{ "control", "control PATH", CONF_TOP, CONF_KIND_PATH, false,
	    IN_TOP(control), 0, NULL, 0, conf_socket_max_bytes,
	    "the socket smtpctl asks at" },
	{ "user", "user NAME", CONF_TOP, CONF_KIND_ACCOUNT, false,
	    IN_TOP(user), 0, "_smtpd", 0, 0,
	    "who owns the mail, when started as root" },
	{ "worker-user", "worker-user NAME", CONF_TOP, CONF_KIND_ACCOUNT,
	    false, IN_TOP(worker_user), 0, "_smtpw", 0, 0,
	    "who talks to strangers and owns nothing" },
	{ "sandbox", "sandbox required|optional", CONF_TOP,
	    CONF_KIND_SANDBOX, false, IN_TOP(sandbox_optional), 0,
	    "required", 0, 0,
	    "optional: start even where this system has none" },
	{ "log", "log to|format VALUE", CONF_TOP, CONF_KIND_LOG, true, 0, 0,
	    NULL, 0, 0, "who is told what happens, and how" },
	{ "keep-refused", "keep-refused TIME", CONF_TOP, CONF_KIND_TIME,
	    false, IN_TOP(keep_refused_s), 0, "24h", 0, 30 * DAY,
	    "transcripts of sessions that were refused something" },
	{ "listen", "listen ADDRESS port NUMBER", CONF_TOP, CONF_KIND_LISTEN,
	    true, 0, 0, NULL, 0, UINT16_MAX, "where mail arrives" },
	{ "tls", "tls certificate FILE key FILE", CONF_TOP, CONF_KIND_PAIR,
	    true, 0, 0, NULL, 0, 0, "offers TLS; of several, by name" },
	{ "proxy-from", "proxy-from ADDRESS[/BITS]", CONF_TOP,
	    CONF_KIND_PROXY, true, 0, 0, NULL, 0, 0,
	    "who comes from there begins with a PROXY header" },
	{ "domain", "domain NAME {", CONF_TOP, CONF_KIND_DOMAIN, true, 0, 0,
	    NULL, 0, 0, "mail for it is ours" },
	{ "users", "users FILE", CONF_DOMAIN, CONF_KIND_PATH, false,
	    IN_DOMAIN(users_path), IN_DOMAIN(users_line), NULL, 0, 0,
	    "one name a line, a Maildir each" },
	{ "aliases", "aliases FILE", CONF_DOMAIN, CONF_KIND_PATH, false,
	    IN_DOMAIN(aliases_path), IN_DOMAIN(aliases_line), NULL, 0, 0,
	    "one name: target, target a line" },
	{ "subaddress", "subaddress CHARACTER", CONF_DOMAIN,
	    CONF_KIND_SEPARATOR, false, IN_DOMAIN(subaddress),
	    IN_DOMAIN(subaddress_line), NULL, 0, 0,
	    "what follows it in a name does not count" },
	{ "catch-all", "catch-all NAME", CONF_DOMAIN, CONF_KIND_MAILBOX,
	    false, IN_DOMAIN(catch_all), IN_DOMAIN(catch_all_line), NULL,
	    0, 0, "who gets mail for anybody else" },
	{ "limits", "limits {", CONF_TOP, CONF_KIND_LIMITS, false, 0, 0,
	    NULL, 0, 0, "what one client may take" },
	{ "message-size", "message-size SIZE", CONF_LIMITS, CONF_KIND_SIZE,
	    false, IN_LIMITS(message_size_bytes), 0, "35M", K, 2 * G,
	    "largest message" },
	{ "recipients", "recipients NUMBER", CONF_LIMITS, CONF_KIND_NUMBER,
	    false, IN_LIMITS(recipients), 0, "1000", 1, 10000,
	    "of one message" },
	{ "workers", "workers NUMBER", CONF_LIMITS, CONF_KIND_NUMBER, false,
	    IN_LIMITS(workers), 0, "200", 1, 20000, "sessions at once" },
	{ "per-address", "per-address NUMBER", CONF_LIMITS, CONF_KIND_NUMBER,
	    false, IN_LIMITS(per_address), 0, NULL, 1, 20000,
	    "sessions at once from one address" },
	{ "per-network", "per-network NUMBER", CONF_LIMITS, CONF_KIND_NUMBER,
	    false, IN_LIMITS(per_network), 0, NULL, 1, 20000,
	    "sessions at once from one IPv4 /24 or IPv6 /48" },
	{ "greeting-wait", "greeting-wait TIME", CONF_LIMITS, CONF_KIND_TIME,
	    false, IN_LIMITS(greeting_wait_s), 0, "0s", 0, 60,
	    "who speaks before our greeting, so long held back, is refused" },
	{ "login-failures", "login-failures NUMBER", CONF_LIMITS,
	    CONF_KIND_NUMBER, false, IN_LIMITS(login_failures), 0, "10", 1,
	    1000, "failed logins of one address before it has to wait" },
	{ "worker-sessions", "worker-sessions NUMBER", CONF_LIMITS,
	    CONF_KIND_NUMBER, false, IN_LIMITS(worker_sessions), 0, "1", 1,
	    1000000, "sessions before a worker ends" },
	{ "received", "received NUMBER", CONF_LIMITS, CONF_KIND_NUMBER, false,
	    IN_LIMITS(received), 0, "100", 1, 1000,
	    "Received lines of a message; more is a loop" },
	{ "errors", "errors NUMBER", CONF_LIMITS, CONF_KIND_NUMBER, false,
	    IN_LIMITS(errors), 0, "10", 1, 1000,
	    "mistakes of a client before it is sent away" },
	{ "idle-timeout", "idle-timeout TIME", CONF_LIMITS, CONF_KIND_TIME,
	    false, IN_LIMITS(idle_timeout_s), 0, "300s", 1, DAY,
	    "longest silence of a client" },
	{ "session-time", "session-time TIME", CONF_LIMITS, CONF_KIND_TIME,
	    false, IN_LIMITS(session_time_s), 0, "20m", 1, DAY,
	    "longest session, beside time for its messages" },
	{ "disk-reserve", "disk-reserve SIZE", CONF_LIMITS, CONF_KIND_SIZE,
	    false, IN_LIMITS(disk_reserve_bytes), 0, "64M", 0, K * K * G,
	    "free space below which no mail is taken" },
	{ "inode-reserve", "inode-reserve NUMBER", CONF_LIMITS,
	    CONF_KIND_NUMBER, false, IN_LIMITS(inode_reserve), 0, "1000", 0,
	    1000000000000, "free inodes below which no mail is taken" },
	{ "inetd-wait", "inetd-wait TIME", CONF_LIMITS, CONF_KIND_TIME,
	    false, IN_LIMITS(inetd_wait_s), 0, "1m", 1, DAY,
	    "how long to stay without a client, under inetd" }
};

const size_t conf_keyword_count =
    sizeof(conf_keywords) / sizeof(conf_keywords[0]);

_Static_assert(sizeof(conf_keywords) / sizeof(conf_keywords[0]) <=
    conf_keyword_max, "conf_keyword_max is too small");

const struct conf_keyword *
conf_keyword_find(enum conf_block block, struct span name)
{
	for (size_t i = 0; i < conf_keyword_count; i++)
		if (conf_keywords[i].block == block &&
		    span_equal(span_of(conf_keywords[i].name), name))
			return &conf_keywords[i];
	return NULL;
}

const struct conf_keyword *
conf_keyword_elsewhere(enum conf_block block, struct span name)
{
	for (size_t i = 0; i < conf_keyword_count; i++)
		if (conf_keywords[i].block != block &&
		    span_equal(span_of(conf_keywords[i].name), name))
			return &conf_keywords[i];
	return NULL;
}

const struct conf_keyword *
conf_keyword_near(enum conf_block block, struct span name)
{
	const struct conf_keyword *best = NULL;
	/* A guess further off than this helps nobody. */
	size_t distance, best_distance = 1 + name.n / 4;

	for (size_t i = 0; i < conf_keyword_count; i++) {
		if (conf_keywords[i].block != block)
			continue;
		distance = conf_distance(span_of(conf_keywords[i].name), name);
		if (distance < best_distance ||
		    (distance == best_distance && best == NULL)) {
			best = &conf_keywords[i];
			best_distance = distance;
		}
	}
	return best;
}

bool
conf_keyword_is_later(struct span name)
{
	static const char *const later[] = { "relay", "lmtp" };

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (span_equal(span_of(later[i]), name))
			return true;
	return false;
}

const char *
conf_block_place(enum conf_block block)
{
	switch (block) {
	case CONF_DOMAIN:
		return "belongs into a domain block";
	case CONF_LIMITS:
		return "belongs into the limits block";
	case CONF_TOP:
		break;
	}
	return "belongs outside of any block";
}

static size_t
slot_base(const struct conf_keyword *k)
{
	return k->block == CONF_LIMITS ? offsetof(struct conf, limits) : 0;
}

void *
conf_keyword_slot(const struct conf_keyword *k, struct conf *conf,
    struct conf_domain *domain)
{
	char *base = k->block == CONF_DOMAIN ? (char *)domain : (char *)conf;

	return base + slot_base(k) + k->offset;
}

const void *
conf_keyword_value(const struct conf_keyword *k, const struct conf *conf,
    const struct conf_domain *domain)
{
	const char *base = k->block == CONF_DOMAIN ? (const char *)domain :
	    (const char *)conf;

	return base + slot_base(k) + k->offset;
}
