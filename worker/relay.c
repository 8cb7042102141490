/*
 * The dialogue.  The host may be hostile, broken or slow: whatever it does,
 * each recipient gets one outcome, no wait is without end, and a message is
 * delivered only by a reply to the final dot that no earlier octet can be.
 */
#include "worker/helper.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "worker/relay_wire.h"

/* RFC 5321 4.5.3.2; all are cut to the patience of CLIENT. */
enum {
	command_ms = 300000,	/* and anything else */
	dot_ms = 600000,
	letter_ms = 4000,	/* idle; the master ends it sooner */
	goodbye_ms = 1000,
	window_bytes = 4096	/* of commands without a reply (RFC 2920 3.1) */
};

/* Commands of a transaction: before RCPT, and after it DATA. */
enum { STEP_RSET, STEP_MAIL, STEP_RCPT };

struct relay {
	struct ask		*master;
	struct ipc_client	 client;
	struct relay_wire	 wire;
	struct relay_offers	 offers;
	bool			 open;		/* RSET comes before MAIL */
	/* Of the last exchange: */
	enum relay_stage	 stage;
	enum relay_end		 end;
	struct relay_reply	 reply;
	const char		*why;		/* in words; or NULL */
	/* Of the message: */
	struct ipc_letter	 letter;
	int			 file;
	struct ipc_rcpt		 to[relay_rcpts_max];
	size_t			 left;		/* have no outcome */
	size_t			 tried[relay_rcpts_max], tried_n;
	size_t			 accepted[relay_rcpts_max], accepted_n;
	bool			 refused;	/* MAIL was */
	bool			 go_ahead;	/* 354 */
};

/* ---- outcomes ----------------------------------------------------------- */

/* Recipient index, or relay_all, has this outcome at r->stage. */
static void
tell(struct relay *r, size_t index, enum relay_end end)
{
	struct ipc_record record = { .type = IPC_OUTCOME, .u.outcome = {
	    .index = (uint16_t)index, .stage = (uint8_t)r->stage } };

	relay_outcome(&r->reply, end, r->why, &record.u.outcome);
	r->left = index == relay_all ? 0 : r->left - 1;
	tell_record(r->master, &record);
}

/* The connection is of no more use, for this reason. */
static bool
is_over(struct relay *r, enum relay_end end, const char *why)
{
	r->end = end;
	r->why = why;
	return false;
}

/* ---- one command, one reply --------------------------------------------- */

static int64_t
patience(const struct relay *r)
{
	int64_t ms = r->stage == RELAY_DOT ? dot_ms : r->stage == RELAY_QUIT ?
	    goodbye_ms : command_ms;

	return ms < r->client.patience_ms ? ms : r->client.patience_ms;
}

/* False: the connection is over, by r->end; a REPLY is 421. */
static bool
get_reply(struct relay *r)
{
	r->why = NULL;
	r->end = r->master->stress == STRESS_END && r->stage != RELAY_QUIT &&
	    !r->wire.peer.sends_text ? RELAY_END_STOPPED :
	    relay_wire_reply(&r->wire, &r->reply, r->stage == RELAY_EHLO ?
	    &r->offers : NULL, patience(r));
	return r->end == RELAY_END_REPLY && r->reply.code != 421;
}

/*
 * No command is without its reply.  What has come all the same is 421; or the
 * host has sent one reply too many, and no later one can be told from that.
 */
static bool
is_in_step(struct relay *r)
{
	return lineio_buffered(&r->wire.io) == 0 || (get_reply(r) &&
	    is_over(r, RELAY_END_SYNTAX, NULL));
}

/* A reply of class, or one of 4 or 5; what else it is ends the connection. */
static bool
is_class(struct relay *r, unsigned class)
{
	unsigned is = r->reply.code / 100;

	return is == class || is > 3 || is_over(r, RELAY_END_SYNTAX, NULL);
}

static bool
is_yes(struct relay *r)
{
	return is_class(r, 2) && r->reply.code < 300;
}

static bool
ask_host(struct relay *r, enum relay_stage stage, const char *line)
{
	r->stage = stage;
	if (!is_in_step(r))
		return false;
	(void)lineio_put(&r->wire.io, span_of(line));
	return get_reply(r);
}

/* ---- the greeting ------------------------------------------------------- */

static bool
say(struct relay *r, const char *verb)
{
	char line[smtp_domain_max_bytes + 8];

	snprintf(line, sizeof(line), "%s %s\r\n", verb, r->client.helo);
	memset(&r->offers, 0, sizeof(r->offers));
	return ask_host(r, RELAY_EHLO, line) && is_yes(r);
}

/* EHLO; or HELO where that is refused for good, unless nothing is taken. */
static bool
say_hello(struct relay *r)
{
	return say(r, "EHLO") || (r->end == RELAY_END_REPLY &&
	    r->reply.code >= 500 && r->reply.code != 521 && say(r, "HELO"));
}

/* STARTTLS, and EHLO again: what was offered before may be forged. */
static bool
secure(struct relay *r)
{
	struct ipc_tls tls = { 0 };

	if (!ask_host(r, RELAY_STARTTLS, "STARTTLS\r\n") || !is_yes(r))
		return false;
	r->end = relay_wire_secure(&r->wire, r->client.host, patience(r), &tls,
	    &r->why);
	if (r->end != RELAY_END_REPLY || !say_hello(r))
		return false;
	r->offers.g.tls = tls;
	return true;
}

static bool
greet(struct relay *r)
{
	const struct ipc_greeted *g = &r->offers.g;

	r->wire.end_ms = deadline_now_ms() + relay_greeting_max_ms;
	r->stage = RELAY_GREETING;
	if (!get_reply(r) || !is_yes(r) || !say_hello(r))
		return false;
	if (g->offers & RELAY_OFFERS_TLS && r->client.tls != RELAY_TLS_NONE) {
		if (!secure(r))
			return false;
	} else if (r->client.tls == RELAY_TLS_MUST) {
		r->stage = RELAY_STARTTLS;
		return is_over(r, RELAY_END_TLS, "STARTTLS is not offered");
	}
	TELL(r->master, GREETED, .greeted = *g);
	return true;
}

/* ---- the envelope ------------------------------------------------------- */

static void
write_command(const struct relay *r, size_t step, struct buf *line)
{
	bool utf8 = relay_is_utf8(&r->letter);

	for (size_t i = 0; i < r->tried_n; i++)
		utf8 |= smtp_mailbox_is_utf8(&r->to[r->tried[i]].to);
	if (step == STEP_RSET)
		buf_add_str(line, "RSET");
	else if (step == STEP_MAIL)
		relay_write_mail(&r->letter, r->offers.g.offers, utf8, line);
	else if (step < STEP_RCPT + r->tried_n)
		relay_write_rcpt(&r->to[r->tried[step - STEP_RCPT]],
		    r->offers.g.offers, line);
	else
		buf_add_str(line, "DATA");
	buf_add_str(line, "\r\n");
}

/* The reply to step has come.  False: the connection is over. */
static bool
take_reply(struct relay *r, size_t step)
{
	const bool last = step == STEP_RCPT + r->tried_n;
	const bool yes = r->reply.code < 400;

	if (!is_class(r, last ? 3 : 2))
		return false;
	if (step == STEP_RSET) {
		r->open = false;
		return yes || is_over(r, RELAY_END_SYNTAX, NULL);
	}
	if (last)
		r->go_ahead = yes;
	else if (step == STEP_MAIL) {
		r->open = yes;
		r->refused = !yes;
	} else if (yes)
		r->accepted[r->accepted_n++] = r->tried[step - STEP_RCPT];
	else if (!r->refused)
		tell(r, r->tried[step - STEP_RCPT], RELAY_END_REPLY);
	if (!yes && (last || step == STEP_MAIL) && r->left > 0)
		tell(r, relay_all, RELAY_END_REPLY);
	/* Without a sender there is no message, not even an empty one. */
	return !(last && yes && r->refused) ||
	    is_over(r, RELAY_END_SYNTAX, NULL);
}

/*
 * All commands up to DATA: with PIPELINING in groups that the window holds,
 * else one by one.
 */
static bool
send_envelope(struct relay *r)
{
	const size_t end = STEP_RCPT + r->tried_n;
	const size_t window = r->offers.g.offers & RELAY_OFFERS_PIPELINING ?
	    window_bytes : 0;
	size_t sent = r->open ? STEP_RSET : STEP_MAIL, got = sent, octets;

	r->stage = RELAY_MAIL;
	if (!is_in_step(r))
		return false;
	do {
		octets = 0;
		while (sent <= end && !r->refused &&
		    (got < end || r->accepted_n > 0)) {
			char storage[window_bytes];
			struct buf line = buf_over(storage, sizeof(storage));

			write_command(r, sent, &line);
			octets += line.n;
			if (sent > got && octets > window)
				break;
			(void)lineio_put(&r->wire.io, buf_span(&line));
			sent++;
		}
		if (got == sent)
			return true;
		for (; got < sent; got++) {
			r->stage = got < STEP_RCPT ? RELAY_MAIL : got < end ?
			    RELAY_RCPT : RELAY_DATA;
			if (!get_reply(r) || !take_reply(r, got))
				return false;
		}
	} while (got <= end);
	return true;
}

/* ---- the text ----------------------------------------------------------- */

/* Until the last octet of the final dot is the kernel's, nothing is sent. */
static bool
send_text(struct relay *r)
{
	if (!is_in_step(r))
		return false;
	if (r->master->stress == STRESS_END)
		return is_over(r, RELAY_END_STOPPED, NULL);
	r->wire.peer.sends_text = true;
	r->end = relay_wire_text(&r->wire, &r->letter, r->file, patience(r),
	    &r->why);
	if (r->end == RELAY_END_LOST) {
		/* It refuses before it has all of it; the rest is not sent. */
		r->wire.broken = true;
		return get_reply(r) && is_class(r, 4) &&
		    is_over(r, RELAY_END_REPLY, NULL);
	}
	if (r->end != RELAY_END_REPLY)
		return false;
	r->stage = RELAY_DOT;
	if (!get_reply(r) || !is_class(r, 2))
		return false;
	for (size_t i = 0; i < r->accepted_n; i++)
		tell(r, r->accepted[i], RELAY_END_REPLY);
	r->open = false;
	return true;
}

/* ---- a message ---------------------------------------------------------- */

/* Whom can this host have the message for, as far as its offers tell? */
static void
choose(struct relay *r)
{
	const bool no_utf8 = (r->offers.g.offers & RELAY_OFFERS_SMTPUTF8) == 0;

	r->stage = RELAY_MAIL;
	if (relay_is_8bit(&r->letter) &&
	    (r->offers.g.offers & RELAY_OFFERS_8BITMIME) == 0)
		tell(r, relay_all, RELAY_END_NO_8BIT);
	else if (r->offers.size > 0 &&
	    r->letter.size + r->letter.lines > r->offers.size)
		tell(r, relay_all, RELAY_END_TOO_BIG);
	else if (relay_is_utf8(&r->letter) && no_utf8)
		tell(r, relay_all, RELAY_END_NO_UTF8);
	r->tried_n = 0;
	for (size_t i = 0; i < r->letter.count && r->left > 0; i++)
		if (no_utf8 && smtp_mailbox_is_utf8(&r->to[i].to))
			tell(r, i, RELAY_END_NO_UTF8);
		else
			r->tried[r->tried_n++] = i;
}

static bool
deliver(struct relay *r)
{
	choose(r);
	if (r->tried_n == 0)
		return true;
	if (!send_envelope(r))
		return false;
	if (!r->go_ahead || r->accepted_n > 0)
		return !r->go_ahead || send_text(r);
	/* 354, but no recipient: the dot alone (RFC 2920 3.1). */
	r->open = false;
	return ask_host(r, RELAY_DOT, ".\r\n") && is_class(r, 2);
}

static bool
send_letter(struct relay *r)
{
	bool alive;

	r->wire.end_ms = deadline_now_ms() +
	    relay_letter_max_ms(r->letter.size);
	r->why = NULL;
	r->accepted_n = 0;
	r->refused = r->go_ahead = false;
	alive = deliver(r);
	r->wire.peer.sends_text = false;
	if (r->left > 0)
		tell(r, relay_all, r->end);
	close(r->file);
	TELL(r->master, LETTER_DONE, .number.n = alive);
	return alive;
}

static void
take_letter(struct relay *r, const struct ipc_letter *letter, int file)
{
	struct ipc_record record;

	r->letter = *letter;
	r->file = file;
	r->left = letter->count;
	for (size_t i = 0; i < letter->count; i++) {
		ask_answer(r->master, &record, IPC_RCPT_TO);
		r->to[i] = record.u.rcpt;
	}
}

/*
 * Waits for a message, not for long.  What the host says comes first: it may be
 * that no work goes on.  False: the connection is over.
 */
static bool
next_letter(struct relay *r)
{
	struct pollfd fds[2] = { { r->wire.peer.socket, POLLIN, 0 },
	    { r->master->channel, POLLIN, 0 } };
	struct ipc_record record;
	int passed, left;

	r->stage = RELAY_QUIT;
	r->wire.end_ms = deadline_now_ms() + letter_ms;
	while (is_in_step(r)) {
		left = deadline_left_ms(r->wire.end_ms);
		if (left == 0 || r->master->stress == STRESS_END)
			return is_over(r, left == 0 ? RELAY_END_TIMEOUT :
			    RELAY_END_STOPPED, NULL);
		if (poll(fds, 2, left) <= 0)
			continue;
		if (fds[0].revents != 0)
			return get_reply(r) &&
			    is_over(r, RELAY_END_SYNTAX, NULL);
		passed = ask_record(r->master, &record);
		if (record.type == IPC_LETTER) {
			take_letter(r, &record.u.letter, passed);
			return true;
		}
		if (record.type != IPC_STRESS)
			return is_over(r, RELAY_END_STOPPED, NULL);
	}
	return false;
}

void
relay_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *record, int socket, int output)
{
	static struct relay r;		/* zero: a worker is a relay once */
	bool polite;

	r.master = master;
	r.client = record->u.client;
	relay_wire_open(&r.wire, master, socket);
	if (greet(&r)) {
		while (next_letter(&r) && send_letter(&r))
			continue;
		polite = r.stage == RELAY_QUIT && (r.end ==
		    RELAY_END_TIMEOUT || r.end == RELAY_END_STOPPED);
	} else
		polite = r.end == RELAY_END_REPLY && r.reply.code != 421;
	tell(&r, relay_all, r.end);
	r.wire.end_ms = deadline_now_ms() + goodbye_ms;
	if (polite)
		(void)ask_host(&r, RELAY_QUIT, "QUIT\r\n");
	if (!r.wire.broken)
		tls_peer_close(&r.wire.tls);
	close(socket);
	TELL(master, END, .end.end = END_QUIT);
}
