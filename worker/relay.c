/*
 * The dialogue.  The host may be hostile, broken or slow: whatever it does,
 * each recipient gets one outcome, no wait is without end, and a message is
 * delivered only by a reply to the final dot that no earlier octet can be.
 */
#include "worker/relay.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "worker/relay_reply.h"
#include "worker/relay_wire.h"

/* RFC 5321 4.5.3.2; all are cut to the patience of CLIENT. */
enum {
	command_ms = 300000,	/* and the greeting */
	data_ms = 120000,
	block_ms = 180000,
	dot_ms = 600000,
	handshake_ms = 60000,
	letter_ms = 2000,	/* a host is kept idle for no longer */
	goodbye_ms = 1000,
	window_bytes = 4096,	/* of commands without a reply (RFC 2920 3.1:
				   it may be the least window of TCP) */
	line_bytes = 4096,
	block_bytes = 16 * 1024	/* at most twice as much is sent */
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
	bool			 had[relay_rcpts_max];	/* an outcome */
	size_t			 left;		/* have none */
	size_t			 tried[relay_rcpts_max], tried_n;
	size_t			 accepted;
	bool			 refused;	/* MAIL was */
	bool			 go_ahead;	/* 354 */
	uint64_t		 sent, lines;	/* of the text */
	bool			 line_start;
};

/* ---- outcomes ----------------------------------------------------------- */

/* Recipient index, or relay_all, has this outcome at r->stage. */
static void
tell(struct relay *r, size_t index, enum relay_end end)
{
	struct ipc_record record = { .type = IPC_OUTCOME };
	struct ipc_outcome *o = &record.u.outcome;
	const struct relay_reply *reply = &r->reply;
	struct buf text = buf_over(o->text, sizeof(o->text));

	o->index = (uint16_t)index;
	o->stage = (uint8_t)r->stage;
	o->end = (uint8_t)end;
	if (end == RELAY_END_REPLY) {
		o->code = reply->code;
		memcpy(o->enhanced, reply->enhanced, sizeof(o->enhanced));
	} else if (end == RELAY_END_SYNTAX && reply->code != 0)
		buf_print(&text, "%u ", reply->code);
	if (end == RELAY_END_REPLY || end == RELAY_END_SYNTAX)
		buf_add(&text, span_from(reply->text, reply->n <
		    text.max - text.n ? reply->n : text.max - text.n));
	else if (r->why != NULL)
		buf_add_str(&text, r->why);
	o->n = (uint16_t)text.n;
	if (index == relay_all) {
		r->left = 0;
		memset(r->had, true, sizeof(r->had));
	} else {
		r->left--;
		r->had[index] = true;
	}
	tell_record(r->master, &record);
}

static void
tell_tried(struct relay *r, enum relay_end end)
{
	for (size_t i = 0; i < r->tried_n; i++)
		if (!r->had[r->tried[i]])
			tell(r, r->tried[i], end);
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

/*
 * Reads a whole reply, which must come in time however it trickles.  False: the
 * connection is over, by r->end; a REPLY is 421.
 */
static bool
get_reply(struct relay *r, int64_t ms, struct relay_offers *offers)
{
	struct relay_wire *w = &r->wire;
	int64_t until_ms = deadline_now_ms() + (ms < r->client.patience_ms ?
	    ms : r->client.patience_ms);
	enum relay_read read;

	memset(&r->reply, 0, sizeof(r->reply));
	for (;;) {
		struct span in = span_from(w->in, w->in_n);

		read = relay_reply_take(&r->reply, &in, offers);
		relay_wire_used(w, w->in_n - in.n);
		if (read != RELAY_READ_MORE)
			break;
		r->end = relay_wire_turn(w, until_ms);
		if (r->end != RELAY_END_REPLY)
			return is_over(r, r->end, NULL);
	}
	r->end = read == RELAY_READ_WHOLE ? RELAY_END_REPLY : RELAY_END_SYNTAX;
	return read == RELAY_READ_WHOLE && r->reply.code != 421;
}

/*
 * No command is without its reply.  What has come all the same is 421; or the
 * host has sent one reply too many, and no later one can be told from that.
 */
static bool
is_in_step(struct relay *r)
{
	if (r->wire.in_n == 0)
		return true;
	return get_reply(r, letter_ms, NULL) ?
	    is_over(r, RELAY_END_SYNTAX, NULL) : false;
}

/* A reply of class, or one of 4 or 5; what else it is ends the connection. */
static bool
is_class(struct relay *r, unsigned class)
{
	unsigned is = r->reply.code / 100;

	return is == class || is > 3 || is_over(r, RELAY_END_SYNTAX, NULL);
}

static bool
ask_host(struct relay *r, enum relay_stage stage, const char *line, int64_t ms,
    struct relay_offers *offers)
{
	r->stage = stage;
	if (!is_in_step(r))
		return false;
	relay_wire_put(&r->wire, span_of(line));
	return get_reply(r, ms, offers);
}

/* ---- the greeting ------------------------------------------------------- */

/* EHLO; or HELO where that is refused for good, unless nothing is taken. */
static bool
say_hello(struct relay *r)
{
	char line[smtp_domain_max_bytes + 8];
	const char *verb = "EHLO";

	for (;; verb = "HELO") {
		snprintf(line, sizeof(line), "%s %.*s\r\n", verb,
		    r->client.helo_len, r->client.helo);
		memset(&r->offers, 0, sizeof(r->offers));
		if (!ask_host(r, RELAY_EHLO, line, command_ms, verb[0] == 'E' ?
		    &r->offers : NULL) || !is_class(r, 2))
			return false;
		if (r->reply.code < 300)
			return true;
		if (verb[0] == 'H' || r->reply.code < 500 ||
		    r->reply.code == 521)
			return false;
	}
}

/* STARTTLS, and EHLO again: what was offered before may be forged. */
static bool
secure(struct relay *r, struct ipc_greeted *g)
{
	char host[smtp_domain_max_bytes + 1];
	const char *why = NULL;
	struct ipc_tls tls;

	if (r->client.tls == RELAY_TLS_NONE ||
	    (r->offers.bits & RELAY_OFFERS_TLS) == 0) {
		r->stage = RELAY_STARTTLS;
		return r->client.tls != RELAY_TLS_MUST ||
		    is_over(r, RELAY_END_TLS, "STARTTLS is not offered");
	}
	if (!ask_host(r, RELAY_STARTTLS, "STARTTLS\r\n", command_ms, NULL) ||
	    !is_class(r, 2) || r->reply.code >= 300)
		return false;
	snprintf(host, sizeof(host), "%.*s", r->client.host_len,
	    r->client.host);
	r->end = relay_wire_secure(&r->wire, host, deadline_now_ms() +
	    (handshake_ms < r->client.patience_ms ? handshake_ms :
	    r->client.patience_ms), &tls, &why);
	if (r->end != RELAY_END_REPLY)
		return is_over(r, r->end, why);
	g->has_tls = 1;
	g->version = (uint8_t)tls.version;
	g->suite = (uint8_t)tls.suite;
	return say_hello(r);
}

static bool
greet(struct relay *r)
{
	struct ipc_greeted g = { 0 };

	r->wire.end_ms = deadline_now_ms() + relay_greeting_max_ms;
	r->stage = RELAY_GREETING;
	if (!get_reply(r, command_ms, NULL) || !is_class(r, 2) ||
	    r->reply.code >= 300 || !say_hello(r) || !secure(r, &g))
		return false;
	g.offers = r->offers.bits;
	g.rcpt_max = r->offers.rcpt_max;
	g.mail_max = r->offers.mail_max;
	TELL(r->master, GREETED, .greeted = g);
	return true;
}

/* ---- the envelope ------------------------------------------------------- */

static bool
offers(const struct relay *r, enum relay_offer what)
{
	return (r->offers.bits & (uint32_t)what) != 0;
}

static bool
is_8bit(const struct relay *r)
{
	return (r->letter.flags & (CONTENT_8BIT | CONTENT_UTF8)) != 0;
}

/* Not for recipients: by sender, or by a header as RFC 6532 has it. */
static bool
is_utf8(const struct relay *r)
{
	return smtp_mailbox_is_utf8(&r->letter.from) ||
	    (r->letter.smtputf8 && (r->letter.flags & CONTENT_UTF8) != 0);
}

static uint64_t
crlf_size(const struct relay *r)
{
	return r->letter.size + r->letter.lines;
}

static void
write_mail(const struct relay *r, struct buf *line)
{
	static const char *const rets[DSN_RET_COUNT] = { "", " RET=FULL",
	    " RET=HDRS" };
	char text[smtp_mailbox_text_max_bytes];
	const struct ipc_letter *l = &r->letter;
	bool utf8 = is_utf8(r);

	for (size_t i = 0; i < r->tried_n; i++)
		utf8 |= smtp_mailbox_is_utf8(&r->to[r->tried[i]].to);
	smtp_mailbox_text(&l->from, text);
	buf_print(line, "MAIL FROM:<%s>", text);
	if (offers(r, RELAY_OFFERS_SIZE))
		buf_print(line, " SIZE=%llu", (unsigned long long)crlf_size(r));
	buf_add_str(line, is_8bit(r) ? " BODY=8BITMIME" : "");
	buf_add_str(line, utf8 ? " SMTPUTF8" : "");
	if (offers(r, RELAY_OFFERS_DSN)) {
		buf_add_str(line, rets[l->ret]);
		buf_add_str(line, l->envid_len > 0 ? " ENVID=" : "");
		envelope_add_xtext(line, span_from(l->envid, l->envid_len));
	}
}

static void
write_rcpt(const struct relay *r, const struct ipc_rcpt *to, struct buf *line)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
	    "DELAY" };
	struct span orcpt = span_from(to->orcpt, to->orcpt_len);
	char text[smtp_mailbox_text_max_bytes];
	const char *before = " NOTIFY=";

	smtp_mailbox_text(&to->to, text);
	buf_print(line, "RCPT TO:<%s>", text);
	if (!offers(r, RELAY_OFFERS_DSN))
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (to->notify & 1 << i) {
			buf_print(line, "%s%s", before, words[i]);
			before = ",";
		}
	if (orcpt.n > 0) {
		buf_add_str(line, " ORCPT=");
		buf_add(line, span_cut(&orcpt, ';'));
		buf_add_str(line, ";");
		envelope_add_xtext(line, orcpt);
	}
}

static void
write_command(const struct relay *r, size_t step, struct buf *line)
{
	if (step == STEP_RSET)
		buf_add_str(line, "RSET");
	else if (step == STEP_MAIL)
		write_mail(r, line);
	else if (step < STEP_RCPT + r->tried_n)
		write_rcpt(r, &r->to[r->tried[step - STEP_RCPT]], line);
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
	if (step == STEP_MAIL) {
		r->open = yes;
		r->refused = !yes;
	}
	if (last)
		r->go_ahead = yes;
	else if (step != STEP_MAIL && !r->refused) {
		r->accepted += yes;
		if (!yes)
			tell(r, r->tried[step - STEP_RCPT], RELAY_END_REPLY);
	}
	if ((last || step == STEP_MAIL) && !yes)
		tell_tried(r, RELAY_END_REPLY);
	/* Without a sender there is no message, not even an empty one. */
	return !(last && yes && r->refused) ||
	    is_over(r, RELAY_END_SYNTAX, NULL);
}

/*
 * All commands up to DATA: with PIPELINING as many at a time as the window
 * holds, else one by one.
 */
static bool
send_envelope(struct relay *r)
{
	const size_t end = STEP_RCPT + r->tried_n;
	const size_t window = offers(r, RELAY_OFFERS_PIPELINING) ?
	    window_bytes : 0;
	size_t sizes[STEP_RCPT + relay_rcpts_max + 1], octets = 0;
	size_t sent = r->open ? STEP_RSET : STEP_MAIL, got = sent;

	r->stage = RELAY_MAIL;
	if (!is_in_step(r))
		return false;
	while (got <= end) {
		while (sent <= end && !r->refused &&
		    (got < end || r->accepted > 0)) {
			char storage[line_bytes];
			struct buf line = buf_over(storage, sizeof(storage));

			write_command(r, sent, &line);
			if (sent > got && octets + line.n > window)
				break;
			relay_wire_put(&r->wire, buf_span(&line));
			octets += sizes[sent++] = line.n;
		}
		if (got == sent)
			return true;
		r->stage = got < STEP_RCPT ? RELAY_MAIL : got < end ?
		    RELAY_RCPT : RELAY_DATA;
		if (!get_reply(r, got < end ? command_ms : data_ms, NULL))
			return false;
		octets -= sizes[got];
		if (!take_reply(r, got++))
			return false;
	}
	return true;
}

/* ---- the text ----------------------------------------------------------- */

/*
 * Adds the next block of the file, LF as CRLF and dots doubled, and behind the
 * last one the final dot: only if the file is what LETTER said, and has no CR,
 * which a reader could take for the end of a line.
 */
static bool
add_block(struct relay *r, bool *more)
{
	static uint8_t block[block_bytes];
	const uint64_t left = r->letter.size - r->sent;
	size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);
	struct span in = span_from(block, n);

	if (pread(r->file, block, n, (off_t)(r->letter.at + r->sent)) !=
	    (ssize_t)n)
		return is_over(r, RELAY_END_LOCAL, "the message's file cannot "
		    "be read, or is too short");
	if (n > 0 && memchr(block, '\r', n) != NULL)
		return is_over(r, RELAY_END_LOCAL, "the message's file has a "
		    "CR in it");
	r->sent += n;
	while (in.n > 0) {
		const uint8_t *lf = memchr(in.p, '\n', in.n);
		size_t line = lf == NULL ? in.n : (size_t)(lf - in.p);

		if (r->line_start && in.p[0] == '.')
			relay_wire_put(&r->wire, span_of("."));
		relay_wire_put(&r->wire, span_from(in.p, line));
		r->line_start = lf != NULL;
		if (lf != NULL) {
			relay_wire_put(&r->wire, span_of("\r\n"));
			r->lines++;
		}
		in = span_skip(in, line + r->line_start);
	}
	*more = r->sent < r->letter.size;
	if (*more)
		return true;
	if (r->lines != r->letter.lines)
		return is_over(r, RELAY_END_LOCAL, "the message's file has "
		    "changed");
	relay_wire_put(&r->wire, span_of(r->line_start ? ".\r\n" :
	    "\r\n.\r\n"));
	return true;
}

/* Until the last octet of the final dot is the kernel's, nothing is sent. */
static bool
send_text(struct relay *r)
{
	struct relay_wire *w = &r->wire;
	bool more = true;

	r->sent = r->lines = 0;
	r->line_start = true;
	if (!is_in_step(r))
		return false;
	w->sends_text = true;
	while (more || w->out_n > 0) {
		if (more && w->out_n < line_bytes && !add_block(r, &more))
			return false;
		r->end = relay_wire_turn(w, deadline_now_ms() +
		    (block_ms < r->client.patience_ms ? block_ms :
		    r->client.patience_ms));
		if (r->end != RELAY_END_REPLY)
			return is_over(r, r->end, NULL);
		if (w->in_n == 0 || (!more && w->out_n == 0))
			continue;
		/* It refuses before it has all of it; the rest is not sent. */
		w->out_n = 0;
		return get_reply(r, command_ms, NULL) && is_class(r, 4) ?
		    is_over(r, RELAY_END_REPLY, NULL) : false;
	}
	r->stage = RELAY_DOT;
	if (!get_reply(r, dot_ms, NULL) || !is_class(r, 2))
		return false;
	tell_tried(r, RELAY_END_REPLY);
	r->open = false;
	return true;
}

/* ---- a message ---------------------------------------------------------- */

/* Whom can this host have the message for, as far as its offers tell? */
static void
choose(struct relay *r)
{
	const bool no_utf8 = !offers(r, RELAY_OFFERS_SMTPUTF8);

	r->stage = RELAY_MAIL;
	if (is_8bit(r) && !offers(r, RELAY_OFFERS_8BITMIME))
		tell(r, relay_all, RELAY_END_NO_8BIT);
	else if (r->offers.size > 0 && crlf_size(r) > r->offers.size)
		tell(r, relay_all, RELAY_END_TOO_BIG);
	else if (is_utf8(r) && no_utf8)
		tell(r, relay_all, RELAY_END_NO_UTF8);
	r->tried_n = 0;
	for (size_t i = 0; i < r->letter.count && r->left > 0; i++)
		if (no_utf8 && smtp_mailbox_is_utf8(&r->to[i].to))
			tell(r, i, RELAY_END_NO_UTF8);
		else
			r->tried[r->tried_n++] = i;
}

/* False: the connection is over. */
static bool
deliver(struct relay *r)
{
	choose(r);
	if (r->tried_n == 0)
		return true;
	if (r->master->stress == STRESS_END)
		return is_over(r, RELAY_END_STOPPED, NULL);
	if (!send_envelope(r))
		return false;
	if (!r->go_ahead)
		return true;
	if (r->accepted > 0)
		return send_text(r);
	/* 354, but no recipient: the dot alone (RFC 2920 3.1). */
	r->open = false;
	return ask_host(r, RELAY_DOT, ".\r\n", dot_ms, NULL) && is_class(r, 2);
}

/* False: the connection is over. */
static bool
send_letter(struct relay *r)
{
	bool alive, uncertain;

	r->wire.end_ms = deadline_now_ms() +
	    relay_letter_max_ms(r->letter.size);
	r->why = NULL;
	r->accepted = 0;
	r->refused = r->go_ahead = false;
	alive = deliver(r);
	r->wire.sends_text = false;
	uncertain = !alive && r->stage == RELAY_DOT && r->accepted > 0 &&
	    r->end != RELAY_END_REPLY;
	if (r->left > 0)
		tell(r, relay_all, r->end);
	close(r->file);
	TELL(r->master, LETTER_DONE, .number.n =
	    (uncertain ? RELAY_DONE_UNCERTAIN : 0U) |
	    (alive ? RELAY_DONE_REUSABLE : 0U));
	return alive;
}

/* LETTER has come: its recipients follow at once. */
static void
take_letter(struct relay *r)
{
	struct ipc_record record;

	r->letter = r->wire.record.u.letter;
	r->file = r->wire.passed;
	r->left = r->letter.count;
	memset(r->had, 0, sizeof(r->had));
	for (size_t i = 0; i < r->letter.count;) {
		(void)ask_record(r->master, &record);
		if (record.type == IPC_RCPT_TO)
			r->to[i++] = record.u.rcpt;
		else if (record.type != IPC_STRESS)
			_exit(0);
	}
}

/* Waits for a message, not for long.  False: the connection is over. */
static bool
next_letter(struct relay *r)
{
	int64_t until_ms = deadline_now_ms() + letter_ms;
	struct relay_wire *w = &r->wire;

	r->stage = RELAY_QUIT;
	w->end_ms = until_ms;
	w->has_record = false;
	if (r->master->stress == STRESS_END)
		return is_over(r, RELAY_END_STOPPED, NULL);
	while (is_in_step(r)) {
		r->end = relay_wire_turn(w, until_ms);
		if (w->has_record && w->record.type == IPC_LETTER) {
			take_letter(r);
			return true;
		}
		if (r->end != RELAY_END_REPLY)
			return is_over(r, r->end, NULL);
	}
	return false;
}

void
relay_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *record, int socket, int output)
{
	/* Zero: a worker is no relay again. */
	static struct relay r;
	bool polite;

	r.master = r.wire.master = master;
	r.wire.socket = socket;
	r.client = record->u.client;
	if (greet(&r)) {
		while (next_letter(&r) && send_letter(&r))
			continue;
		polite = r.end == RELAY_END_TIMEOUT ||
		    r.end == RELAY_END_STOPPED;
		polite &= r.stage == RELAY_QUIT;
	} else
		polite = r.end == RELAY_END_REPLY && r.reply.code != 421;
	if (!r.wire.has_record || r.wire.record.type != IPC_DISMISS)
		tell(&r, relay_all, r.end);
	r.wire.end_ms = deadline_now_ms() + goodbye_ms;
	if (polite)
		(void)ask_host(&r, RELAY_QUIT, "QUIT\r\n", goodbye_ms, NULL);
	relay_wire_close(&r.wire);
	TELL(master, END, .end = { .end = END_QUIT });
}
