/*
 * AUTH (RFC 4954), up to a name and a password, which the master checks.  The
 * client's answers are decoded here, sent to the master, and wiped.
 */
#include "worker/smtp.h"

#include <sodium.h>
#include <string.h>

enum { failures_max = 3 };	/* of one session */

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
enum smtp_reply
smtp_auth_begin(struct smtp_session *s, struct span arg)
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
