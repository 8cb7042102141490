/*
 * Words for the steps of a dry run.
 */
#include "server/smtpctl/smtpctl_step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/log/figure.h"

enum { name_max_bytes = 4 * smtp_mailbox_text_max_bytes };

const char *const smtpctl_step_words[STEP_COUNT] = {
#define STEP_WORD(name, word) [STEP_##name] = word,
	STEPS(STEP_WORD)
#undef STEP_WORD
};

bool
smtpctl_step_refuses(enum decision_kind step)
{
	switch (step) {
	case STEP_REFUSED:
	case STEP_TOO_MANY_HERE:
	case STEP_TOO_MANY_NEAR:
	case STEP_TOO_BIG:
	case STEP_NO_ROOM:
	case STEP_NO_INODES:
	case STEP_NO_DISK:
	case STEP_RCPTS_FULL:
	case STEP_FOREIGN:
	case STEP_NO_CATCH_ALL:
	case STEP_BROKEN:
	case STEP_MAILBOXES_FULL:
	case STEP_NO_MEMORY:
		return true;
	case STEP_NOT_REFUSED:
	case STEP_SESSIONS_HERE:
	case STEP_SESSIONS_NEAR:
	case STEP_GREETING_WAIT:
	case STEP_SESSIONS_ALL:
	case STEP_ALL_BUSY:
	case STEP_ONLY_LIVE:
	case STEP_ONLY_LIVE_DISK:
	case STEP_ANY_SENDER:
	case STEP_UTF8:
	case STEP_NO_SIZE:
	case STEP_SIZE:
	case STEP_ROOM:
	case STEP_INODES:
	case STEP_DOMAIN:
	case STEP_FIRST_DOMAIN:
	case STEP_SUBADDRESS:
	case STEP_ALIAS:
	case STEP_ALIAS_AGAIN:
	case STEP_USER:
	case STEP_POSTMASTER:
	case STEP_CATCH_ALL:
	case STEP_NO_ALIAS:
	case STEP_NO_USER:
	case STEP_MAILBOX:
	case STEP_MAILBOX_AGAIN:
	case STEP_COUNT:
		break;
	}
	return false;
}

void
smtpctl_step_address(const struct mailbox *m, char *out, size_t room)
{
	char text[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(m, text);

	conf_show(span_from(text, n), out, room);
}

/* Who and what a text may name. */
struct words {
	char		 who[name_max_bytes];
	char		 local[name_max_bytes];
	char		 domain[name_max_bytes];
	char		 root[4 * 1024];
	const char	*client;
	char		 a_size[figure_bytes];
	char		 b_size[figure_bytes];
	char		 a_time[figure_bytes];
	unsigned long long a, b;
};

static void
prepare(const struct decision_step *t, const char *root, const char *client,
    struct words *w)
{
	smtpctl_step_address(&t->who, w->who, sizeof(w->who));
	conf_show(span_from(t->who.local, t->who.local_len), w->local,
	    sizeof(w->local));
	conf_show(span_from(t->who.domain, t->who.domain_len), w->domain,
	    sizeof(w->domain));
	conf_show(span_of(root), w->root, sizeof(w->root));
	w->client = client;
	figure_size(t->a, w->a_size);
	figure_size(t->b, w->b_size);
	figure_duration(t->a, w->a_time);
	w->a = t->a;
	w->b = t->b;
}

static void put(char *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(char *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(out, smtpctl_step_bytes, format, ap);
	va_end(ap);
}

/* Of a client and of MAIL.  False: it is of neither. */
static bool
put_session(enum decision_kind step, const struct words *w, char *out)
{
	if (step == STEP_NOT_REFUSED)
		put(out, "%s is not refused for a crash or an attack",
		    w->client);
	else if (step == STEP_REFUSED)
		put(out, "%s is refused for %s more: see worker-crash and "
		    "worker-attack in the log", w->client, w->a_time);
	else if (step == STEP_SESSIONS_HERE)
		put(out, "%s has %llu of %llu sessions", w->client, w->a,
		    w->b);
	else if (step == STEP_TOO_MANY_HERE)
		put(out, "%s has %llu sessions already, and %llu is the most",
		    w->client, w->a, w->b);
	else if (step == STEP_SESSIONS_NEAR)
		put(out, "its network has %llu of %llu sessions", w->a, w->b);
	else if (step == STEP_TOO_MANY_NEAR)
		put(out, "its network has %llu sessions already, and %llu is "
		    "the most", w->a, w->b);
	else if (step == STEP_SESSIONS_ALL)
		put(out, "%llu of %llu sessions are taken in all", w->a,
		    w->b);
	else if (step == STEP_ALL_BUSY)
		put(out, "all %llu sessions are taken: it waits for its "
		    "turn", w->b);
	else if (step == STEP_GREETING_WAIT)
		put(out, "it must not speak for %llu s, before the greeting",
		    w->a);
	else if (step == STEP_ONLY_LIVE)
		put(out, "is it refused now, has it sessions: only a running "
		    "smtpd knows");
	else if (step == STEP_ANY_SENDER)
		put(out, "any sender is taken");
	else if (step == STEP_UTF8)
		put(out, "an address is not ASCII: the client has to say "
		    "SMTPUTF8");
	else
		return false;
	return true;
}

static bool
put_sizes(enum decision_kind step, const struct words *w, char *out)
{
	if (step == STEP_NO_SIZE)
		put(out, "no size is told; a message may have %s", w->b_size);
	else if (step == STEP_SIZE)
		put(out, "%s of at most %s", w->a_size, w->b_size);
	else if (step == STEP_TOO_BIG)
		put(out, "%s is more than a message may have, %s", w->a_size,
		    w->b_size);
	else if (step == STEP_ROOM)
		put(out, "%s are free, of which %s stay so", w->a_size,
		    w->b_size);
	else if (step == STEP_NO_ROOM)
		put(out, "%s are free, and %s have to stay so", w->a_size,
		    w->b_size);
	else if (step == STEP_INODES)
		put(out, "%llu inodes are free, of which %llu stay so", w->a,
		    w->b);
	else if (step == STEP_NO_INODES)
		put(out, "%llu inodes are free, and %llu have to stay so",
		    w->a, w->b);
	else if (step == STEP_NO_DISK)
		put(out, "smtpd cannot ask how much is free on its disk");
	else if (step == STEP_ONLY_LIVE_DISK)
		put(out, "is the disk full: only a running smtpd knows");
	else
		return false;
	return true;
}

static void
put_recipient(enum decision_kind step, const struct words *w, char *out)
{
	if (step == STEP_RCPTS_FULL)
		put(out, "the message has %llu recipients already, and %llu "
		    "is the most", w->a, w->b);
	else if (step == STEP_DOMAIN)
		put(out, "%s is a domain of ours", w->domain);
	else if (step == STEP_FIRST_DOMAIN)
		put(out, "a postmaster without a domain is that of the first, "
		    "%s", w->domain);
	else if (step == STEP_FOREIGN)
		put(out, "its domain has no block, and nothing is relayed");
	else if (step == STEP_SUBADDRESS)
		put(out, "without its subaddress it is %s", w->who);
	else if (step == STEP_ALIAS)
		put(out, "%s is an alias of %llu target%s", w->who, w->a,
		    figure_plural(w->a));
	else if (step == STEP_ALIAS_AGAIN)
		put(out, "%s is an alias that was followed already", w->who);
	else if (step == STEP_USER)
		put(out, "%s is a user", w->who);
	else if (step == STEP_POSTMASTER)
		put(out, "%s is there without being listed", w->who);
	else if (step == STEP_CATCH_ALL)
		put(out, "the catch-all gets it: %s", w->who);
	else if (step == STEP_NO_ALIAS)
		put(out, "%s is no alias", w->who);
	else if (step == STEP_NO_USER)
		put(out, "%s is no user", w->who);
	else if (step == STEP_NO_CATCH_ALL)
		put(out, "%s has no catch-all", w->domain);
	else if (step == STEP_BROKEN)
		put(out, "%s is broken: smtpd -n says why", w->who);
	else if (step == STEP_MAILBOX)
		put(out, "stored in %s/mail/%s/%s", w->root, w->domain,
		    w->local);
	else if (step == STEP_MAILBOX_AGAIN)
		put(out, "reached already: one copy is enough");
	else if (step == STEP_MAILBOXES_FULL)
		put(out, "more than %llu mailboxes", w->a);
	else
		put(out, "smtpd has no memory for it now");
}

void
smtpctl_step_text(const struct decision_step *t, const char *root,
    const char *client, char out[smtpctl_step_bytes])
{
	enum decision_kind step = t->kind;
	static struct words w;

	prepare(t, root, client, &w);
	if (!put_session(step, &w, out) && !put_sizes(step, &w, out))
		put_recipient(step, &w, out);
}
