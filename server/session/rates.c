/*
 * Mails and recipients elsewhere of a user, for a stolen password is the first
 * accident of every site; and unlike clients of one address that may send mail
 * out without a login.  The memory is apart from that of guesses: who may send
 * out cannot make guesses forgotten.
 */
#include "server/session/session.h"

#include <string.h>

#include "shared/deadline.h"

enum {
	hour_ms = 60 * 60 * 1000,
	day_ms = 24 * hour_ms,
	window_ms = 10 * 60 * 1000,
	names_max = 20		/* of one address, within the window */
};

/* What is counted, behind enum guess_count; of a name, then of all names. */
enum { MAILS = GUESS_FREE + 1, RECIPIENTS, TOLD, HELO, HELOS, SENDER, SENDERS };

static struct {
	char		 user[login_name_max_bytes];	/* last held back */
	int64_t		 user_ms;			/* until then */
	struct address	 address;			/* last in doubt */
	int64_t		 address_ms;
} rates;

static bool
spend(const struct session *s, int kind, const struct address *client,
    struct span name, int64_t period_ms, uint64_t most)
{
	return guesses_spend(s->master->rates, kind, client, name, period_ms,
	    most, deadline_now_ms());
}

enum verdict
rates_judge(struct session *s, const struct mailbox *to)
{
	const struct conf *conf = &s->epoch->conf;
	const struct span user = span_of(s->user), domain =
	    span_from(to->domain, to->domain_len);
	enum verdict why = VERDICT_OK;

	if (user.n == 0 || s->tx->client.relay_line == 0 || domain.n == 0 ||
	    conf_find_domain(conf, domain) != NULL)
		return VERDICT_OK;
	if (!s->tx->is_counted && !spend(s, MAILS, NULL, user, hour_ms,
	    conf->limits.mails_per_hour))
		why = VERDICT_MAILS_HOUR;
	else {
		s->tx->is_counted = true;
		if (!spend(s, RECIPIENTS, NULL, user, day_ms,
		    conf->limits.recipients_per_day))
			why = VERDICT_RCPTS_DAY;
	}
	if (why == VERDICT_OK || !spend(s, TOLD, NULL, user, hour_ms, 1))
		return why;
	memcpy(rates.user, s->user, sizeof(rates.user));
	rates.user_ms = deadline_now_ms() + hour_ms;
	log_put(LOG_LEVEL_ERROR, "rate-limit", "session=%s client=%s "
	    "user=%s why=%s then=%s", s->id, s->client.text, s->user,
	    smtp_reply_verdict(why), "answered 450; if this is not the user, "
	    "change the password: smtpctl passwd");
	return why;
}

/* Has s too many names of a kind?  One is counted once in the window. */
static bool
has_many(const struct session *s, int kind, struct span name)
{
	return name.n > 0 && spend(s, kind, &s->client, name, window_ms, 1) &&
	    !spend(s, kind + 1, &s->client, span_of(""), window_ms, names_max);
}

void
rates_watch(const struct session *s, const struct ipc_mail *mail)
{
	struct span domain = span_from(mail->from.domain,
	    mail->from.domain_len);
	char sender[smtp_mailbox_text_max_bytes];
	bool helos, senders;
	size_t n = 0;

	if (domain.n > 0 && conf_find_domain(&s->epoch->conf, domain) == NULL)
		n = smtp_mailbox_text(&mail->from, sender);
	helos = has_many(s, HELO, span_of(mail->helo));
	senders = has_many(s, SENDER, span_from(sender, n));
	if ((!helos && !senders) || !spend(s, TOLD, &s->client, span_of(""),
	    hour_ms, 1))
		return;
	rates.address = s->client;
	rates.address_ms = deadline_now_ms() + hour_ms;
	log_put(LOG_LEVEL_ERROR, "relay-alarm", "client=%s file=%s line=%zu "
	    "why=%s then=%s", s->client.text, s->epoch->conf.path,
	    (size_t)s->tx->client.relay_line, helos ?
	    "more than 20 HELO names" : "more than 20 senders of other "
	    "domains", "strangers may send mail through this address: it "
	    "still may send mail out");
}

const char *
rates_user(void)
{
	return deadline_now_ms() < rates.user_ms ? rates.user : "";
}

const char *
rates_address(void)
{
	return deadline_now_ms() < rates.address_ms ? rates.address.text : "";
}
