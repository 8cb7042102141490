/*
 * Counts of mail that leaves, in a memory of fixed size as that of guesses, and
 * apart from it: who may send out cannot make guesses forgotten.
 */
#include "server/session/rates.h"

#include <stdlib.h>
#include <string.h>

#include "server/session/guesses.h"
#include "shared/deadline.h"
#include "shared/log.h"
#include "shared/smtp_reply.h"

enum {
	hour_ms = 60 * 60 * 1000,
	day_ms = 24 * hour_ms,
	window_ms = 10 * 60 * 1000,
	names_max = 20		/* of one address, within the window */
};

/* What is counted, behind enum guess_count. */
enum { MAILS = GUESS_FREE + 1, RECIPIENTS, TOLD, HELO, HELOS, SENDER, SENDERS };

struct rates {
	struct guesses		*memory;
	struct rates_figures	 last;
	int64_t			 user_until_ms, address_until_ms;
};

int
rates_start(struct master *m)
{
	m->rates = calloc(1, sizeof(*m->rates));
	if (m->rates != NULL)
		m->rates->memory = guesses_new();
	return m->rates == NULL || m->rates->memory == NULL ? -1 : 0;
}

enum verdict
rates_judge(struct session *s, const struct mailbox *to)
{
	const struct conf *conf = &s->epoch->conf;
	const struct conf_limits *l = &conf->limits;
	struct rates *r = s->master->rates;
	const struct span user = span_of(s->user), domain =
	    span_from(to->domain, to->domain_len);
	const int64_t now_ms = deadline_now_ms();
	const bool is_first = !s->tx.is_counted;
	enum verdict why = VERDICT_OK;

	if (user.n == 0 || s->tx.client.relay_line == 0 || domain.n == 0 ||
	    conf_find_domain(conf, domain) != NULL)
		return VERDICT_OK;
	if (is_first && !guesses_spend(r->memory, MAILS, NULL, user, hour_ms,
	    l->mails_per_hour, false, now_ms))
		why = VERDICT_MAILS_HOUR;
	else if (!guesses_spend(r->memory, RECIPIENTS, NULL, user, day_ms,
	    l->recipients_per_day, true, now_ms))
		why = VERDICT_RCPTS_DAY;
	if (why == VERDICT_OK) {
		s->tx.is_counted = true;
		if (is_first)
			guesses_spend(r->memory, MAILS, NULL, user, hour_ms,
			    l->mails_per_hour, true, now_ms);
		return why;
	}
	memcpy(r->last.user, s->user, sizeof(r->last.user));
	r->user_until_ms = now_ms + hour_ms;
	if (guesses_spend(r->memory, TOLD, NULL, user, hour_ms, 1, true,
	    now_ms))
		log_put(LOG_LEVEL_ERROR, "rate-limit", "session=%s client=%s "
		    "user=%s why=%s then=%s", s->id, s->client.text, s->user,
		    smtp_reply_verdict(why), "answered 450; if this is not "
		    "the user, change the password: smtpctl passwd");
	return why;
}

/*
 * Has the client of s had too many names of a kind?  A name is counted once in
 * the window.
 */
static bool
has_many(const struct session *s, int kind, struct span name, int64_t now_ms)
{
	struct guesses *g = s->master->rates->memory;

	return name.n > 0 && guesses_spend(g, kind, &s->client, name,
	    window_ms, 1, true, now_ms) && !guesses_spend(g, kind + 1,
	    &s->client, span_of(""), window_ms, names_max, true, now_ms);
}

void
rates_watch(struct session *s, const struct ipc_mail *mail)
{
	struct span domain = span_from(mail->from.domain,
	    mail->from.domain_len);
	struct rates *r = s->master->rates;
	char sender[smtp_mailbox_text_max_bytes];
	int64_t now_ms = deadline_now_ms();
	bool helos, senders;
	size_t n = 0;

	if (domain.n > 0 && conf_find_domain(&s->epoch->conf, domain) == NULL)
		n = smtp_mailbox_text(&mail->from, sender);
	helos = has_many(s, HELO, span_from(mail->helo, mail->helo_len),
	    now_ms);
	senders = has_many(s, SENDER, span_from(sender, n), now_ms);
	if (!helos && !senders)
		return;
	memcpy(r->last.address, s->client.text, sizeof(r->last.address));
	r->address_until_ms = now_ms + hour_ms;
	if (guesses_spend(r->memory, TOLD, &s->client, span_of(""), hour_ms, 1,
	    true, now_ms))
		log_put(LOG_LEVEL_ERROR, "relay-alarm", "client=%s file=%s "
		    "line=%zu why=%s then=%s", s->client.text,
		    s->epoch->conf.path, (size_t)s->tx.client.relay_line,
		    helos ? "more than 20 HELO names" :
		    "more than 20 senders of other domains", "strangers may "
		    "send mail through this address: it still may send mail "
		    "out");
}

void
rates_look(const struct master *m, struct rates_figures *out)
{
	const struct rates *r = m->rates;
	int64_t now_ms = deadline_now_ms();

	*out = r->last;
	if (r->user_until_ms <= now_ms)
		out->user[0] = '\0';
	if (r->address_until_ms <= now_ms)
		out->address[0] = '\0';
}
