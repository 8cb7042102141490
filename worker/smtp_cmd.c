/*
 * The commands of RFC 5321 section 4.1.1.  Each verb is a row of a table, with
 * the states in which it is legal, so no handler checks the state.
 */
#include "worker/smtp_cmd.h"

#include <string.h>

#include "shared/deadline.h"
#include "shared/verdict.h"
#include "worker/ask.h"
#include "worker/smtp_auth.h"
#include "worker/smtp_data.h"
#include "worker/smtp_tls.h"
#include "worker/transcript.h"

enum { small_bytes = 1024 * 1024 };

enum argument { ARG_NONE, ARG_NEEDED, ARG_ANY };

/* What a submission listener (RFC 6409) requires first. */
enum wants {
	WANTS_TLS,		/* RFC 3207 4: all but a few */
	WANTS_NOTHING,
	WANTS_LOGIN
};

struct command {
	const char	*verb;
	unsigned	 states;	/* of enum smtp_state */
	enum argument	 argument;
	size_t		 max_bytes;	/* CRLF included */
	enum wants	 wants;
	struct outcome	 (*run)(struct smtp_session *s, struct span arg);
};

/* Ends a transaction, here and in the master. */
static void
reset(struct smtp_session *s)
{
	if (s->state & (SMTP_MAIL | SMTP_RCPT)) {
		tell_reset(s->master);
		s->state = SMTP_READY;
	}
}

static struct outcome
fault(struct smtp_session *s, enum note note, enum smtp_reply reply)
{
	tell_note(s->master, note);
	return smtp_go_on(reply);
}

static struct outcome
hello(struct smtp_session *s, struct span arg, bool esmtp)
{
	if (!smtp_helo_valid(arg))
		return fault(s, NOTE_SYNTAX, REPLY_ARGUMENT);
	reset(s);
	memcpy(s->helo, arg.p, arg.n);
	s->helo_len = (uint8_t)arg.n;
	s->esmtp = esmtp;
	s->state = SMTP_READY;
	return smtp_go_on(esmtp ? REPLY_EHLO : REPLY_HELO);
}

static struct outcome
cmd_helo(struct smtp_session *s, struct span arg)
{
	return hello(s, arg, false);
}

static struct outcome
cmd_ehlo(struct smtp_session *s, struct span arg)
{
	return hello(s, arg, true);
}

/* The reply to a wrong path or parameter; bad: the reply to SYNTAX_BAD. */
static enum smtp_reply
reply_of_syntax(enum syntax syntax, enum smtp_reply bad)
{
	switch (syntax) {
	case SYNTAX_UNKNOWN:
		return REPLY_PARAM;
	case SYNTAX_DOUBLED:
		return REPLY_DOUBLED;
	case SYNTAX_BARE:
		return REPLY_NO_BRACKETS;
	case SYNTAX_TOO_LONG:
		return REPLY_ADDRESS_LONG;
	case SYNTAX_OK:
	case SYNTAX_BAD:
		break;
	}
	return bad;
}

static struct span
without_blanks(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/*
 * Takes whatever a program under test wrote as an address.  Without brackets,
 * text behind a blank is parameters of MAIL; RCPT has none here.
 */
static bool
take_any(struct span in, bool is_sender, struct mailbox *out,
    struct span *rest)
{
	const uint8_t *end;
	struct span text;

	in = without_blanks(in);
	if (in.n > 0 && in.p[0] == '<') {
		in = span_skip(in, 1);
		end = memrchr(in.p, '>', in.n);
	} else
		end = is_sender && in.n > 0 ? memchr(in.p, ' ', in.n) : NULL;
	text = span_from(in.p, end == NULL ? in.n : (size_t)(end - in.p));
	*rest = span_skip(in, text.n + (end != NULL && *end == '>'));
	text = without_blanks(text);
	return smtp_mailbox_from_text(text, out) ||
	    smtp_mailbox_from_any(text, out);
}

static enum syntax
parse_path(const struct smtp_session *s, struct span in, bool is_sender,
    struct mailbox *out, struct span *rest)
{
	enum syntax syntax = smtp_parse_path(in, is_sender, !is_sender, out,
	    rest);

	if (syntax == SYNTAX_OK || !smtp_is_catcher(s) ||
	    !take_any(in, is_sender, out, rest))
		return syntax;
	transcript_hint("most servers refuse this address: it is not "
	    "well-formed");
	return SYNTAX_OK;
}

/* Does m need SMTPUTF8, which MAIL did not say (RFC 6531 3.2)? */
static bool
lacks_utf8(const struct smtp_session *s, const struct mailbox *m, bool said)
{
	if (said || !smtp_mailbox_is_utf8(m))
		return false;
	if (smtp_is_catcher(s))
		transcript_hint("most servers refuse this address: it is not "
		    "ASCII, and MAIL did not say SMTPUTF8");
	return !smtp_is_catcher(s);
}

/*
 * Saves a question: if the master said recently that the disk has space, and
 * the message is not declared large, no verdict on MAIL is waited for.
 */
static enum verdict
begin_transaction(struct smtp_session *s, const struct mailbox *from,
    const struct mail_params *params)
{
	struct ipc_mail mail = { .from = *from, .size = params->size,
	    .esmtp = s->esmtp,
	    .smtputf8 = (params->given & SMTP_PARAM_SMTPUTF8) != 0,
	    .body_8bit = params->body_8bit, .helo_len = s->helo_len };

	memcpy(mail.helo, s->helo, s->helo_len);
	mail.wait = s->submission || params->size > small_bytes ||
	    deadline_now_ms() >= s->room_until_ms;
	return ask_mail(s->master, &mail);
}

/* "MAIL FROM:" Reverse-path [SP Mail-parameters] */
static struct outcome
cmd_mail(struct smtp_session *s, struct span arg)
{
	struct mailbox from;
	struct mail_params params;
	struct span rest;
	enum syntax syntax;
	enum verdict verdict;
	bool utf8;

	if (!span_begins_fold(arg, span_of("FROM:")))
		return fault(s, NOTE_SYNTAX, REPLY_ARGUMENT);
	syntax = parse_path(s, span_skip(arg, 5), true, &from, &rest);
	if (syntax != SYNTAX_OK)
		return fault(s, NOTE_SYNTAX, reply_of_syntax(syntax,
		    REPLY_BAD_SENDER));
	/* After HELO no parameter is known (RFC 5321 4.1.1.11). */
	syntax = smtp_parse_params(rest, !s->esmtp ? 0 : SMTP_PARAM_SIZE |
	    SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8 |
	    (s->auth == IPC_AUTH_NOT ? 0 : SMTP_PARAM_AUTH), &params);
	if (syntax != SYNTAX_OK)
		return fault(s, NOTE_SYNTAX, reply_of_syntax(syntax,
		    REPLY_BAD_PARAM));
	utf8 = (params.given & SMTP_PARAM_SMTPUTF8) != 0;
	if (lacks_utf8(s, &from, utf8))
		return fault(s, NOTE_NO_UTF8, REPLY_NEEDS_UTF8);
	if (params.size > s->settings->message_size_bytes)
		return fault(s, NOTE_TOO_BIG, REPLY_TOO_BIG);
	verdict = begin_transaction(s, &from, &params);
	if (verdict == VERDICT_OK) {
		s->state = SMTP_MAIL;
		s->smtputf8 = utf8;
		s->recipients = 0;
	}
	return smtp_go_on(verdict_reply(verdict, REPLY_SENDER_OK));
}

/* "RCPT TO:" ( "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] */
static struct outcome
cmd_rcpt(struct smtp_session *s, struct span arg)
{
	struct mail_params none;
	struct mailbox to;
	struct span rest;
	enum syntax syntax;
	enum verdict verdict;

	if (!span_begins_fold(arg, span_of("TO:")))
		return fault(s, NOTE_SYNTAX, REPLY_ARGUMENT);
	syntax = parse_path(s, span_skip(arg, 3), false, &to, &rest);
	if (syntax != SYNTAX_OK)
		return fault(s, NOTE_SYNTAX, reply_of_syntax(syntax,
		    REPLY_BAD_RCPT));
	syntax = smtp_parse_params(rest, 0, &none);
	if (syntax != SYNTAX_OK)
		return fault(s, NOTE_SYNTAX, reply_of_syntax(syntax,
		    REPLY_BAD_PARAM));
	if (lacks_utf8(s, &to, s->smtputf8))
		return fault(s, NOTE_NO_UTF8, REPLY_NEEDS_UTF8);
	if (s->recipients >= s->settings->recipients)
		return smtp_go_on(REPLY_TOO_MANY_RCPTS);
	verdict = ask_rcpt(s->master, &to);
	if (verdict == VERDICT_OK) {
		s->state = SMTP_RCPT;
		s->recipients++;
	}
	return smtp_go_on(verdict_reply(verdict, REPLY_RCPT_OK));
}

static struct outcome
cmd_data(struct smtp_session *s, struct span arg)
{
	(void)arg;
	s->state = SMTP_READY;
	return smtp_data_receive(s);
}

static struct outcome
cmd_rset(struct smtp_session *s, struct span arg)
{
	(void)arg;
	reset(s);
	return smtp_go_on(REPLY_OK);
}

static struct outcome
cmd_noop(struct smtp_session *s, struct span arg)
{
	(void)s;
	(void)arg;
	return smtp_go_on(REPLY_OK);
}

static struct outcome
cmd_vrfy(struct smtp_session *s, struct span arg)
{
	(void)s;
	(void)arg;
	return smtp_go_on(REPLY_VRFY);
}

static struct outcome
cmd_expn(struct smtp_session *s, struct span arg)
{
	(void)s;
	(void)arg;
	return smtp_go_on(REPLY_EXPN);
}

static struct outcome
cmd_help(struct smtp_session *s, struct span arg)
{
	(void)s;
	(void)arg;
	return smtp_go_on(REPLY_HELP);
}

static struct outcome
cmd_starttls(struct smtp_session *s, struct span arg)
{
	(void)arg;
	return smtp_tls_command(s);
}

static struct outcome
cmd_quit(struct smtp_session *s, struct span arg)
{
	(void)arg;
	s->end.end = END_QUIT;
	return (struct outcome){ REPLY_BYE, SMTP_CLOSE };
}

#define ROW(verb, states, argument, max_bytes, wants, run) \
	{ #verb, (states), argument, max_bytes, wants, run }
static const struct command commands[] = {
	ROW(HELO, SMTP_ANY, ARG_NEEDED, smtp_line_max_bytes, WANTS_TLS,
	    cmd_helo),
	ROW(EHLO, SMTP_ANY, ARG_NEEDED, smtp_line_max_bytes, WANTS_NOTHING,
	    cmd_ehlo),
	ROW(MAIL, SMTP_READY, ARG_NEEDED, smtp_line_read_bytes, WANTS_LOGIN,
	    cmd_mail),
	ROW(RCPT, SMTP_MAIL | SMTP_RCPT, ARG_NEEDED, smtp_line_read_bytes,
	    WANTS_TLS, cmd_rcpt),
	ROW(DATA, SMTP_RCPT, ARG_NONE, smtp_line_max_bytes, WANTS_TLS,
	    cmd_data),
	ROW(RSET, SMTP_ANY, ARG_NONE, smtp_line_max_bytes, WANTS_TLS,
	    cmd_rset),
	ROW(NOOP, SMTP_ANY, ARG_ANY, smtp_line_max_bytes, WANTS_NOTHING,
	    cmd_noop),
	ROW(QUIT, SMTP_ANY, ARG_NONE, smtp_line_max_bytes, WANTS_NOTHING,
	    cmd_quit),
	ROW(VRFY, SMTP_ANY, ARG_NEEDED, smtp_line_max_bytes, WANTS_TLS,
	    cmd_vrfy),
	ROW(EXPN, SMTP_ANY, ARG_ANY, smtp_line_max_bytes, WANTS_TLS,
	    cmd_expn),
	/* It has its own reply without TLS. */
	ROW(AUTH, SMTP_READY, ARG_NEEDED, sasl_line_max_bytes, WANTS_NOTHING,
	    smtp_auth_begin),
	ROW(HELP, SMTP_ANY, ARG_ANY, smtp_line_max_bytes, WANTS_TLS,
	    cmd_help),
	ROW(STARTTLS, SMTP_READY, ARG_NONE, smtp_line_max_bytes,
	    WANTS_NOTHING, cmd_starttls),
};
#undef ROW

/* On a listener without AUTH the verb is unknown. */
static const struct command *
find_command(const struct smtp_session *s, struct span verb)
{
	if (s->auth == IPC_AUTH_NOT && span_equal_fold(verb, span_of("AUTH")))
		return NULL;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_equal_fold(verb, span_of(commands[i].verb)))
			return &commands[i];
	return NULL;
}

/* What has to come before c is legal. */
static enum smtp_reply
sequence_reply(const struct smtp_session *s, const struct command *c)
{
	if (s->state == SMTP_START)
		return REPLY_HELO_FIRST;
	if (c->states == SMTP_READY)
		return REPLY_MAIL_AGAIN;
	return s->state == SMTP_READY ? REPLY_MAIL_FIRST : REPLY_RCPT_FIRST;
}

/* May c be run on this listener?  If not, *out says what to reply. */
static bool
is_trusted(struct smtp_session *s, const struct command *c,
    struct outcome *out)
{
	if (!s->submission || c->wants == WANTS_NOTHING)
		return true;
	if (!s->tls)
		*out = fault(s, NOTE_PLAIN_TEXT, REPLY_TLS_FIRST);
	else if (c->wants == WANTS_LOGIN && !s->logged_in)
		*out = fault(s, NOTE_NO_LOGIN, REPLY_AUTH_FIRST);
	else
		return true;
	return false;
}

/* Cuts line at its first blank; blanks at its end are dropped. */
static void
cut(struct span line, struct span *verb, struct span *arg)
{
	const uint8_t *blank;
	size_t n;

	while (line.n > 0 && line.p[line.n - 1] == ' ')
		line.n--;
	blank = line.n == 0 ? NULL : memchr(line.p, ' ', line.n);
	n = blank == NULL ? line.n : (size_t)(blank - line.p);
	*verb = span_from(line.p, n);
	*arg = span_skip(line, n + 1);
}

/*
 * A web page can make a browser send a form with SMTP commands in it to any
 * port (cross-protocol attacks): no command behind a line of HTTP is run.  Such
 * a line is a header field, or a request by its method or last word.
 */
static bool
is_http(struct span verb, struct span arg)
{
	static const char *const methods[] = { "CONNECT", "DELETE", "GET",
	    "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE" };

	if (verb.n > 1 && verb.p[verb.n - 1] == ':')
		return true;
	if (arg.n > 8 && span_begins_fold(span_skip(arg, arg.n - 9),
	    span_of(" HTTP/")))
		return true;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (span_equal_fold(verb, span_of(methods[i])))
			return true;
	return false;
}

size_t
smtp_cmd_line_max(const struct smtp_session *s)
{
	return smtp_auth_is_offered(s) ? sasl_line_max_bytes :
	    smtp_line_read_bytes;
}

struct outcome
smtp_cmd_run(struct smtp_session *s, struct span line)
{
	const struct command *c;
	struct span verb, arg;
	struct outcome o;

	cut(line, &verb, &arg);
	c = find_command(s, verb);
	s->may_be_secret = c == NULL || c->run == smtp_auth_begin;
	if (is_http(verb, arg)) {
		tell_note(s->master, NOTE_HTTP);
		return smtp_end(s, END_ERRORS, REPLY_HTTP);
	}
	if (c == NULL && line.n + 2 > smtp_line_read_bytes)
		return fault(s, NOTE_LINE_TOO_LONG, REPLY_LINE_LONG);
	if (c == NULL)
		return fault(s, NOTE_UNKNOWN_COMMAND, REPLY_UNKNOWN);
	if (line.n + 2 > c->max_bytes)
		return fault(s, NOTE_LINE_TOO_LONG, REPLY_LINE_LONG);
	if (!is_trusted(s, c, &o))
		return o;
	if ((c->states & (unsigned)s->state) == 0)
		return fault(s, NOTE_SEQUENCE, sequence_reply(s, c));
	if (c->argument == ARG_NONE && arg.n > 0)
		return fault(s, NOTE_SYNTAX, REPLY_NO_ARGUMENT);
	if (c->argument == ARG_NEEDED && arg.n == 0)
		return fault(s, NOTE_SYNTAX, REPLY_ARGUMENT);
	return c->run(s, arg);
}
