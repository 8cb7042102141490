/*
 * Two tables of fixed size, in sets of a few slots, as in guesses.c.  Only who
 * may send mail out gets a slot; the one that is next to be forgotten goes.
 */
#include "server/session/rates.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"
#include "shared/smtp_reply.h"

enum { ways = 8, user_sets = 512, host_sets = 32 };

static const int64_t hour_us = 60 * 60 * INT64_C(1000000);

enum { MAILS, RECIPIENTS, COUNTS };
enum { HELOS, SENDERS, NAMES };

static const int64_t period_us[COUNTS] = {
	[MAILS] = 60 * 60 * INT64_C(1000000),
	[RECIPIENTS] = 24 * 60 * 60 * INT64_C(1000000)
};

struct slot {
	uint64_t	key;		/* 0: free */
	int64_t		forget_us;	/* nothing is known after that */
	int64_t		quiet_us;	/* not logged again until then */
};

struct user {
	struct slot	slot;
	int64_t		empty_us[COUNTS];	/* when it has refilled */
};

struct host {
	struct slot	slot;
	int64_t		until_us;	/* end of the window */
	uint8_t		count[NAMES];
	uint32_t	seen[NAMES][rates_names_max];
};

struct rates {
	uint8_t		secret[crypto_shorthash_KEYBYTES];
	struct user	users[user_sets][ways];
	struct host	hosts[host_sets][ways];
	int64_t		user_until_us, address_until_us;
	struct rates_figures last;
};

struct rates *
rates_new(void)
{
	struct rates *r = calloc(1, sizeof(*r));

	if (r != NULL)
		randombytes_buf(r->secret, sizeof(r->secret));
	return r;
}

/* Never 0, which marks a free slot. */
static uint64_t
hash(const struct rates *r, struct span text)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t key;

	crypto_shorthash(out, text.p, text.n, r->secret);
	memcpy(&key, out, sizeof(key));
	return key == 0 ? 1 : key;
}

/* The slot of key in a set of ways, of size octets each; zero if it is new. */
static void *
find(void *set, size_t size, uint64_t key, int64_t now_us)
{
	struct slot *old = set;
	char *at = set;

	for (size_t i = 0; i < ways; i++, at += size) {
		struct slot *s = (void *)at;

		if (s->key == key && s->forget_us > now_us)
			return s;
		if (s->key == key || s->forget_us < old->forget_us)
			old = s;
		if (s->key == key)
			break;
	}
	memset(old, 0, size);
	old->key = key;
	return old;
}

/* Is it time to log again?  Then not for an hour. */
static bool
is_loud(struct slot *s, int64_t now_us)
{
	if (s->quiet_us > now_us)
		return false;
	s->quiet_us = now_us + hour_us;
	return true;
}

enum verdict
rates_charge(struct rates *r, const char *user, bool is_first,
    const struct conf_limits *l, int64_t now_us, bool *tell)
{
	const uint64_t most[COUNTS] = { l->mails_per_hour,
	    l->recipients_per_day };
	const uint64_t key = hash(r, span_of(user));
	struct user *u = find(r->users[key % user_sets], sizeof(*u), key,
	    now_us);
	int64_t to_us[COUNTS];

	*tell = false;
	for (size_t i = 0; i < COUNTS; i++) {
		to_us[i] = u->empty_us[i] > now_us ? u->empty_us[i] : now_us;
		if (most[i] == 0 || (i == MAILS && !is_first))
			continue;
		to_us[i] += period_us[i] / (int64_t)most[i];
		if (to_us[i] - now_us <= period_us[i])
			continue;
		*tell = is_loud(&u->slot, now_us);
		strlcpy(r->last.user, user, sizeof(r->last.user));
		r->user_until_us = now_us + hour_us;
		return i == MAILS ? VERDICT_MAILS_HOUR : VERDICT_RCPTS_DAY;
	}
	memcpy(u->empty_us, to_us, sizeof(to_us));
	u->slot.forget_us = to_us[MAILS] > to_us[RECIPIENTS] ? to_us[MAILS] :
	    to_us[RECIPIENTS];
	return VERDICT_OK;
}

/* Notes one name of a kind; true: too many for one client. */
static bool
note(struct host *h, size_t kind, uint32_t name)
{
	for (size_t i = 0; i < h->count[kind]; i++)
		if (h->seen[kind][i] == name)
			return false;
	if (h->count[kind] == rates_names_max)
		return true;
	h->seen[kind][h->count[kind]++] = name;
	return false;
}

const char *
rates_watch(struct rates *r, const struct address *client, struct span helo,
    struct span sender, int64_t now_us)
{
	uint8_t place[address_key_bytes];
	struct host *h;
	uint64_t key;
	bool many[NAMES], loud = false;

	address_key(client, false, place);
	key = hash(r, span_from(place, sizeof(place)));
	h = find(r->hosts[key % host_sets], sizeof(*h), key, now_us);
	if (h->until_us <= now_us) {
		memset(h->count, 0, sizeof(h->count));
		h->until_us = now_us + rates_window_us;
	}
	many[HELOS] = note(h, HELOS, (uint32_t)hash(r, helo));
	many[SENDERS] = sender.n > 0 && note(h, SENDERS,
	    (uint32_t)hash(r, sender));
	if (many[HELOS] || many[SENDERS]) {
		loud = is_loud(&h->slot, now_us);
		strlcpy(r->last.address, client->text,
		    sizeof(r->last.address));
		r->address_until_us = now_us + hour_us;
	}
	h->slot.forget_us = h->until_us > h->slot.quiet_us ? h->until_us :
	    h->slot.quiet_us;
	return !loud ? NULL : many[HELOS] ? "more than 20 HELO names" :
	    "more than 20 senders of other domains";
}

void
rates_watch_session(struct session *s, const struct ipc_mail *mail)
{
	struct span domain = span_from(mail->from.domain,
	    mail->from.domain_len);
	char sender[smtp_mailbox_text_max_bytes];
	const char *why;
	size_t n = 0;

	if (domain.n > 0 && conf_find_domain(&s->epoch->conf, domain) == NULL)
		n = smtp_mailbox_text(&mail->from, sender);
	why = rates_watch(s->master->rates, &s->client, span_from(mail->helo,
	    mail->helo_len), span_from(sender, n), deadline_now_us());
	if (why != NULL)
		log_put(LOG_LEVEL_ERROR, "relay-alarm", "client=%s file=%s "
		    "line=%zu why=%s then=%s", s->client.text,
		    s->epoch->conf.path, (size_t)s->tx.client.relay_line, why,
		    "strangers may send mail through this address: it still "
		    "may send mail out");
}

enum verdict
rates_judge(struct session *s, const struct mailbox *to)
{
	const struct conf *conf = &s->epoch->conf;
	enum verdict verdict;
	bool tell;

	if (s->user[0] == '\0' || s->tx.client.relay_line == 0 ||
	    to->domain_len == 0 || conf_find_domain(conf,
	    span_from(to->domain, to->domain_len)) != NULL)
		return VERDICT_OK;
	verdict = rates_charge(s->master->rates, s->user, !s->tx.is_counted,
	    &conf->limits, deadline_now_us(), &tell);
	s->tx.is_counted |= verdict == VERDICT_OK;
	if (tell)
		log_put(LOG_LEVEL_ERROR, "rate-limit", "session=%s client=%s "
		    "user=%s why=%s then=%s", s->id, s->client.text, s->user,
		    smtp_reply_verdict(verdict), "answered 450; if this is "
		    "not the user, change the password: smtpctl passwd");
	return verdict;
}

void
rates_look(const struct rates *r, int64_t now_us, struct rates_figures *out)
{
	*out = r->last;
	if (r->user_until_us <= now_us)
		out->user[0] = '\0';
	if (r->address_until_us <= now_us)
		out->address[0] = '\0';
}
