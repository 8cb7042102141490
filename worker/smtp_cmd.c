/* RFC 5321 4.1.1: a verb is a row of a table, so no handler checks states. */
#include "worker/smtp.h"

#include <sodium.h>
#include <string.h>

enum {
	line_max_bytes = 512,	/* RFC 5321 4.5.3.1.4, CRLF included */
	failures_max = 3	/* of AUTH, in one session */
};

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
	enum wants	 wants;
	size_t		 max_bytes;	/* CRLF included */
	enum smtp_reply	 (*run)(struct smtp_session *s, struct span arg);
	enum smtp_reply	 reply;		/* without run */
};

static enum smtp_reply
cmd_rset(struct smtp_session *s, struct span arg)
{
	if (s->state & (SMTP_MAIL | SMTP_RCPT)) {
		if (!s->mail_due)
			TELL(s->master, RESET, .number.n = 0);
		s->state = SMTP_READY;
	}
	return REPLY_OK;
}

static enum smtp_reply
cmd_helo(struct smtp_session *s, struct span arg)
{
	if (!smtp_helo_valid(arg))
		return REPLY_ARGUMENT;
	cmd_rset(s, arg);
	s->hello = (struct ipc_mail){ .esmtp = 0 };
	span_copy(arg, s->hello.helo);
	s->state = SMTP_READY;
	return REPLY_HELO;
}

static enum smtp_reply
cmd_ehlo(struct smtp_session *s, struct span arg)
{
	enum smtp_reply reply = cmd_helo(s, arg);

	s->hello.esmtp |= reply == REPLY_HELO;
	return reply == REPLY_HELO ? REPLY_EHLO : reply;
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
	if (span_take(&in, '<'))
		end = memrchr(in.p, '>', in.n);
	else
		end = is_sender && in.n > 0 ? memchr(in.p, ' ', in.n) : NULL;
	text = span_from(in.p, end == NULL ? in.n : (size_t)(end - in.p));
	*rest = span_skip(in, text.n + (end != NULL && *end == '>'));
	text = without_blanks(text);
	return smtp_mailbox_from_text(text, out) ||
	    smtp_mailbox_from_any(text, out);
}

/* The parameters of extensions that EHLO offered; after HELO there are none. */
static unsigned
params_offered(const struct smtp_session *s, bool is_sender)
{
	unsigned bits = is_sender ? SMTP_PARAM_SIZE | SMTP_PARAM_BODY |
	    SMTP_PARAM_SMTPUTF8 : 0;

	if (is_sender && s->start.auth != IPC_AUTH_NOT)
		bits |= SMTP_PARAM_AUTH;
	if (s->start.dsn)
		bits |= is_sender ? SMTP_PARAM_RET | SMTP_PARAM_ENVID :
		    SMTP_PARAM_NOTIFY | SMTP_PARAM_ORCPT;
	return s->hello.esmtp ? bits : 0;
}

/*
 * "FROM:" or "TO:", a path, and its parameters; after HELO none is known (RFC
 * 5321 4.1.1.11).  REPLY_OK; or why they are refused.
 */
static enum smtp_reply
parse(struct smtp_session *s, struct span arg, bool is_sender,
    struct mailbox *out, struct mail_params *params)
{
	static const enum smtp_reply replies[] = {
		[SYNTAX_BAD] = REPLY_BAD_PARAM,
		[SYNTAX_UNKNOWN] = REPLY_PARAM,
		[SYNTAX_DOUBLED] = REPLY_DOUBLED,
		[SYNTAX_BARE] = REPLY_NO_BRACKETS,
		[SYNTAX_TOO_LONG] = REPLY_ADDRESS_LONG
	};
	const char *front = is_sender ? "FROM:" : "TO:";
	struct span path = span_skip(arg, strlen(front)), rest;
	enum syntax syntax;

	if (!span_begins_fold(arg, span_of(front)))
		return REPLY_ARGUMENT;
	syntax = smtp_parse_path(path, is_sender, !is_sender, out, &rest);
	if (syntax != SYNTAX_OK && s->catcher &&
	    take_any(path, is_sender, out, &rest)) {
		transcript_remark(IPC_TRACE_LIVE, "most servers refuse this "
		    "address: it is not well-formed");
		syntax = SYNTAX_OK;
	}
	if (syntax != SYNTAX_OK)
		return syntax != SYNTAX_BAD ? replies[syntax] : is_sender ?
		    REPLY_BAD_SENDER : REPLY_BAD_RCPT;
	syntax = smtp_parse_params(rest, params_offered(s, is_sender), params);
	if (syntax != SYNTAX_OK)
		return replies[syntax];
	/* SMTPUTF8 is of the whole transaction (RFC 6531 3.2). */
	if (!smtp_mailbox_is_utf8(out) || (is_sender ?
	    (params->given & SMTP_PARAM_SMTPUTF8) != 0 : s->smtputf8))
		return REPLY_OK;
	if (!s->catcher)
		return REPLY_NEEDS_UTF8;
	transcript_remark(IPC_TRACE_LIVE, "most servers refuse this address: "
	    "it is not ASCII, and MAIL did not say SMTPUTF8");
	return REPLY_OK;
}

/* "MAIL FROM:" Reverse-path [SP Mail-parameters] */
static enum smtp_reply
cmd_mail(struct smtp_session *s, struct span arg)
{
	struct ipc_record r = { .type = IPC_MAIL, .u.mail = s->hello };
	struct ipc_mail *mail = &r.u.mail;
	struct buf envid = buf_over(mail->envid, dsn_envid_max_bytes);
	struct mail_params params = { 0 };
	enum smtp_reply reply = parse(s, arg, true, &mail->from, &params);
	const bool utf8 = (params.given & SMTP_PARAM_SMTPUTF8) != 0;

	if (reply != REPLY_OK)
		return reply;
	/* RFC 3461 4.3, 4.4 */
	if (((params.given & SMTP_PARAM_RET) &&
	    !envelope_read_ret(params.ret, &mail->ret)) ||
	    !envelope_read_xtext(params.envid, &envid))
		return REPLY_BAD_PARAM;
	if (params.size > s->settings->message_size_bytes)
		return REPLY_TOO_BIG;
	mail->size = params.size;
	mail->body_8bit = params.body_8bit;
	mail->smtputf8 = utf8;
	s->mail = r;
	s->mail_due = !s->submission;
	reply = s->submission ? ask_reply(s->master, &r) : REPLY_SENDER_OK;
	if (reply == REPLY_SENDER_OK) {
		s->state = SMTP_MAIL;
		s->smtputf8 = utf8;
		s->recipients = 0;
	}
	return reply;
}

/* "RCPT TO:" Forward-path [SP Rcpt-parameters] */
static enum smtp_reply
cmd_rcpt(struct smtp_session *s, struct span arg)
{
	struct ipc_record r = { .type = IPC_RCPT };
	struct ipc_rcpt *rcpt = &r.u.rcpt;
	struct buf orcpt = buf_over(rcpt->orcpt, dsn_orcpt_max_bytes);
	struct mail_params params = { 0 };
	enum smtp_reply reply = parse(s, arg, false, &rcpt->to, &params);

	if (reply != REPLY_OK)
		return reply;
	/* RFC 3461 4.1, 4.2 */
	if (((params.given & SMTP_PARAM_NOTIFY) &&
	    !envelope_read_notify(params.notify, &rcpt->notify)) ||
	    ((params.given & SMTP_PARAM_ORCPT) &&
	    !envelope_read_orcpt(params.orcpt, &orcpt)))
		return REPLY_BAD_PARAM;
	if (s->recipients >= s->settings->recipients)
		return REPLY_TOO_MANY_RCPTS;
	if (s->mail_due)
		tell_record(s->master, &s->mail);
	s->mail_due = false;
	reply = ask_reply(s->master, &r);
	if (reply == REPLY_RCPT_OK) {
		s->state = SMTP_RCPT;
		s->recipients++;
	}
	return reply;
}

static enum smtp_reply
cmd_starttls(struct smtp_session *s, struct span arg)
{
	if (s->tls)
		return REPLY_TLS_ALREADY;
	if (s->start.no_tls)
		return REPLY_TLS_TROUBLE;
	if (tls_context() == NULL) {
		transcript_remark(IPC_TRACE_LIVE, "the program wants "
		    "STARTTLS: set it to no encryption, or start the catcher "
		    "with --starttls");
		return REPLY_NO_TLS;
	}
	/* The login would have to be forgotten, but the master keeps it. */
	if (s->logged_in)
		return REPLY_AUTH_AGAIN;
	/*
	 * Octets behind the command would be read as if they had come under
	 * TLS: a man in the middle can inject them (CVE-2011-0411).
	 */
	if (lineio_buffered(s->io) > 0 || peer_has_input(s->peer)) {
		TELL(s->master, TLS_FAIL, .number.n = TLS_FAIL_INJECTED);
		return REPLY_INJECTED;
	}
	return REPLY_START_TLS;
}

/*
 * ---- AUTH (RFC 4954), up to a name and a password -------------------------
 *
 * The client's answers are decoded here, sent to the master, and wiped.
 */

bool
smtp_auth_is_offered(const struct smtp_session *s)
{
	return !s->logged_in && s->start.auth != IPC_AUTH_NOT &&
	    !s->start.no_auth && (!s->submission || s->tls);
}

/* A client that guesses must reconnect after a few tries, and is counted. */
static enum smtp_reply
ask(struct smtp_session *s)
{
	struct ipc_record r = { .type = IPC_LOGIN, .u.login = s->login };
	enum smtp_reply reply;

	/* The answer may take seconds. */
	explicit_bzero(&s->login, sizeof(s->login));
	reply = ask_reply(s->master, &r);
	s->logged_in = reply == REPLY_AUTH_OK;
	if (!s->logged_in && ++s->login_failures >= failures_max)
		return REPLY_ERRORS;
	return reply;
}

/* All of the login: PLAIN and CRAM-MD5; or, of LOGIN, name or password. */
static enum smtp_reply
on_message(struct smtp_session *s, struct span message)
{
	struct ipc_login *l = &s->login;
	struct sasl_login parts = { .name = span_of(l->name),
	    .as = span_of(""), .password = message };

	if (l->mechanism == SASL_LOGIN && l->name[0] == '\0') {
		if (!sasl_is_safe(message, sasl_name_max_bytes))
			return REPLY_AUTH_BAD;
		span_copy(message, l->name);
		return REPLY_AUTH_PASSWORD;
	}
	if (l->mechanism == SASL_LOGIN ? !sasl_is_valid(&parts) :
	    !sasl_parse(l->mechanism, message, &parts))
		return REPLY_AUTH_BAD;
	span_copy(parts.name, l->name);
	span_copy(parts.as, l->as);
	span_copy(parts.password, l->password);
	return ask(s);
}

/*
 * Base64 is read strictly: no blanks, all of the padding, no bits that mean
 * nothing (RFC 4648 3.5).  A lax decoder lets one credential be spelled in many
 * ways, of which a log watcher knows one.  "*" cancels (RFC 4954 4).
 */
enum smtp_reply
smtp_auth_respond(struct smtp_session *s, enum line_result r, struct span line)
{
	static uint8_t decoded[sasl_line_max_bytes];	/* as long as a line */
	enum smtp_reply reply = REPLY_AUTH_BAD;
	size_t n;

	if (r != LINE_OK)
		reply = r == LINE_TOO_LONG ? REPLY_AUTH_LONG :
		    smtp_read_failed(s, r);
	else if (span_equal(line, span_of("*")))
		reply = REPLY_AUTH_CANCELLED;
	else if (sodium_base642bin(decoded, sizeof(decoded),
	    (const char *)line.p, line.n, NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL) == 0)
		reply = on_message(s, span_from(decoded, n));
	explicit_bzero(decoded, sizeof(decoded));
	if (reply != REPLY_AUTH_PASSWORD) {
		s->challenged = false;
		explicit_bzero(&s->login, sizeof(s->login));
	}
	return reply;
}

/*
 * "AUTH" SP sasl-mech [SP initial-response], which is base64 (RFC 4954 4); "=",
 * an empty response, is refused, for no mechanism here has one.
 */
static enum smtp_reply
cmd_auth(struct smtp_session *s, struct span arg)
{
	static const enum smtp_reply prompts[SASL_MECHANISM_COUNT] = {
		[SASL_PLAIN] = REPLY_AUTH_PLAIN, [SASL_LOGIN] = REPLY_AUTH_NAME,
		[SASL_CRAM_MD5] = REPLY_AUTH_CRAM
	};
	size_t whole = arg.n;
	struct span name = span_cut(&arg, ' ');
	enum sasl_mechanism m = sasl_find(name);

	if (!s->hello.esmtp && !s->catcher)
		return REPLY_EHLO_FIRST;
	if (s->submission && !s->tls)
		return REPLY_AUTH_PLAIN_TEXT;
	if (s->logged_in)
		return REPLY_AUTH_AGAIN;
	if (m == SASL_MECHANISM_COUNT ||
	    (m == SASL_CRAM_MD5 && !s->catcher)) {
		transcript_remark(IPC_TRACE_LIVE, "the program logs in by a "
		    "mechanism that is not offered, such as XOAUTH2: set it "
		    "to a name and a password, by PLAIN or LOGIN");
		return REPLY_AUTH_MECHANISM;
	}
	/* In CRAM-MD5 the server speaks first. */
	if (m == SASL_CRAM_MD5 && name.n < whole)
		return REPLY_AUTH_BAD;
	s->login.mechanism = (uint8_t)m;
	s->challenged = true;
	return name.n == whole ? prompts[m] :
	    smtp_auth_respond(s, LINE_OK, arg);
}

/* ---- the table of commands ---------------------------------------------- */

/* max_bytes 0: line_max_bytes */
static const struct command commands[] = {
	{ "HELO", SMTP_ANY, ARG_NEEDED, WANTS_TLS, 0, cmd_helo, 0 },
	{ "EHLO", SMTP_ANY, ARG_NEEDED, WANTS_NOTHING, 0, cmd_ehlo, 0 },
	{ "MAIL", SMTP_READY, ARG_NEEDED, WANTS_LOGIN, smtp_line_max_bytes,
	    cmd_mail, 0 },
	{ "RCPT", SMTP_MAIL | SMTP_RCPT, ARG_NEEDED, WANTS_TLS,
	    smtp_line_max_bytes, cmd_rcpt, 0 },
	{ "DATA", SMTP_RCPT, ARG_NONE, WANTS_TLS, 0, smtp_data_receive, 0 },
	{ "RSET", SMTP_ANY, ARG_NONE, WANTS_TLS, 0, cmd_rset, 0 },
	{ "NOOP", SMTP_ANY, ARG_ANY, WANTS_NOTHING, 0, NULL, REPLY_OK },
	{ "QUIT", SMTP_ANY, ARG_NONE, WANTS_NOTHING, 0, NULL, REPLY_BYE },
	{ "VRFY", SMTP_ANY, ARG_NEEDED, WANTS_TLS, 0, NULL, REPLY_VRFY },
	{ "EXPN", SMTP_ANY, ARG_ANY, WANTS_TLS, 0, NULL, REPLY_EXPN },
	/* It has its own reply without TLS. */
	{ "AUTH", SMTP_READY, ARG_NEEDED, WANTS_NOTHING,
	    sasl_line_max_bytes, cmd_auth, 0 },
	{ "HELP", SMTP_ANY, ARG_ANY, WANTS_TLS, 0, NULL, REPLY_HELP },
	{ "STARTTLS", SMTP_READY, ARG_NONE, WANTS_NOTHING, 0, cmd_starttls, 0 },
};

/* May c be run now?  REPLY_OK; or why not. */
static enum smtp_reply
check(const struct smtp_session *s, const struct command *c, size_t line_n,
    struct span arg)
{
	bool guarded = s->submission && c->wants != WANTS_NOTHING;

	if (line_n + 2 > (c->max_bytes == 0 ? line_max_bytes : c->max_bytes))
		return REPLY_LINE_LONG;
	if (guarded && !s->tls)
		return REPLY_TLS_FIRST;
	if (guarded && c->wants == WANTS_LOGIN && !s->logged_in)
		return REPLY_AUTH_FIRST;
	if ((c->states & (unsigned)s->state) == 0)
		return s->state == SMTP_START ? REPLY_HELO_FIRST :
		    c->states == SMTP_READY ? REPLY_MAIL_AGAIN :
		    s->state == SMTP_READY ? REPLY_MAIL_FIRST :
		    REPLY_RCPT_FIRST;
	if (c->argument == ARG_NONE && arg.n > 0)
		return REPLY_NO_ARGUMENT;
	return c->argument == ARG_NEEDED && arg.n == 0 ? REPLY_ARGUMENT :
	    REPLY_OK;
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

enum smtp_reply
smtp_cmd_run(struct smtp_session *s, struct span line)
{
	const struct command *c = NULL;
	enum smtp_reply reply;
	struct span arg = line, verb;

	while (arg.n > 0 && arg.p[arg.n - 1] == ' ')
		arg.n--;
	verb = span_cut(&arg, ' ');
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_equal_fold(verb, span_of(commands[i].verb)))
			c = &commands[i];
	transcript_command(line, c != NULL);
	/* On a listener without AUTH the verb is unknown. */
	if (c != NULL && c->run == cmd_auth &&
	    s->start.auth == IPC_AUTH_NOT)
		c = NULL;
	s->may_be_secret = c == NULL || c->run == cmd_auth;
	if (is_http(verb, arg))
		return REPLY_HTTP;
	if (c == NULL)
		return line.n + 2 > smtp_line_max_bytes ? REPLY_LINE_LONG :
		    REPLY_UNKNOWN;
	reply = check(s, c, line.n, arg);
	if (reply != REPLY_OK)
		return reply;
	return c->run == NULL ? c->reply : c->run(s, arg);
}
