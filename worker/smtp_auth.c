/*
 * The exchange of AUTH.  A handler returns 334 and names the next one in
 * s->challenged; the loop in smtp_session.c passes that one the next line.  The
 * client's answers are decoded here, sent to the master, and wiped.
 */
#include "worker/smtp_auth.h"

#include <sodium.h>
#include <string.h>

#include "worker/ask.h"
#include "worker/transcript.h"

/* Decoded responses; larger than any line. */
static uint8_t decoded[sasl_line_max_bytes];

bool
smtp_auth_is_offered(const struct smtp_session *s)
{
	return !s->logged_in && s->auth != IPC_AUTH_NOT &&
	    (s->lacks & IPC_LACKS_AUTH) == 0 && (!s->submission || s->tls);
}

const char *
smtp_auth_offer(const struct smtp_session *s)
{
	if (!smtp_auth_is_offered(s))
		return NULL;
	return smtp_is_catcher(s) ? "PLAIN LOGIN CRAM-MD5" : "PLAIN LOGIN";
}

static struct outcome
end_exchange(struct smtp_session *s, enum smtp_reply reply)
{
	s->challenged = NULL;
	explicit_bzero(&s->login, sizeof(s->login));
	explicit_bzero(decoded, sizeof(decoded));
	return smtp_go_on(reply);
}

static struct outcome
fault(struct smtp_session *s, enum note note, enum smtp_reply reply)
{
	tell_note(s->master, note);
	return end_exchange(s, reply);
}

/* A client that guesses must reconnect after a few tries, and is counted. */
static struct outcome
failed(struct smtp_session *s, enum smtp_reply reply)
{
	end_exchange(s, reply);
	if (++s->login_failures >= smtp_auth_failures_max)
		return smtp_end(s, END_ERRORS, REPLY_ERRORS);
	return smtp_go_on(reply);
}

static void
set(uint8_t *len, char *to, struct span from)
{
	*len = (uint8_t)from.n;
	memcpy(to, from.p, from.n);
}

static struct outcome
ask(struct smtp_session *s, enum sasl_mechanism mechanism)
{
	s->login.mechanism = (uint8_t)mechanism;
	switch (ask_login(s->master, &s->login)) {
	case LOGIN_OK:
		s->logged_in = true;
		return end_exchange(s, REPLY_AUTH_OK);
	case LOGIN_LATER:
		return failed(s, REPLY_AUTH_LATER);
	case LOGIN_OTHER:
		return failed(s, REPLY_AUTH_OTHER);
	case LOGIN_TROUBLE:
		return failed(s, REPLY_AUTH_TROUBLE);
	case LOGIN_WRONG:
	case LOGIN_COUNT:
		break;
	}
	return failed(s, REPLY_AUTH_WRONG);
}

/*
 * Strict: no blanks, all of the padding, no bits that mean nothing (RFC 4648
 * 3.5).  A lax decoder lets one credential be spelled in many ways, of which
 * a log watcher knows one.
 */
static bool
decode(struct span line, struct span *out)
{
	size_t n;

	if (sodium_base642bin(decoded, sizeof(decoded), (const char *)line.p,
	    line.n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == -1)
		return false;
	*out = span_from(decoded, n);
	return true;
}

/* "*" ends any exchange (RFC 4954 4). */
static bool
is_cancelled(struct span line)
{
	return line.n == 1 && line.p[0] == '*';
}

static struct outcome
take_plain(struct smtp_session *s, struct span line)
{
	struct sasl_login login;
	struct span message;

	if (!decode(line, &message) ||
	    sasl_parse_plain(message, &login) != SASL_OK)
		return fault(s, NOTE_SYNTAX, REPLY_AUTH_BAD);
	set(&s->login.name_len, s->login.name, login.name);
	set(&s->login.as_len, s->login.as, login.as);
	set(&s->login.password_len, s->login.password, login.password);
	return ask(s, SASL_PLAIN);
}

static struct outcome
on_plain(struct smtp_session *s, struct span line)
{
	return is_cancelled(line) ? end_exchange(s, REPLY_AUTH_CANCELLED) :
	    take_plain(s, line);
}

static struct outcome
on_password(struct smtp_session *s, struct span line)
{
	struct span password;

	if (is_cancelled(line))
		return end_exchange(s, REPLY_AUTH_CANCELLED);
	if (!decode(line, &password) || sasl_parse_login(password,
	    sasl_password_max_bytes) != SASL_OK)
		return fault(s, NOTE_SYNTAX, REPLY_AUTH_BAD);
	set(&s->login.password_len, s->login.password, password);
	return ask(s, SASL_LOGIN);
}

static struct outcome
on_name(struct smtp_session *s, struct span line)
{
	struct span name;

	if (is_cancelled(line))
		return end_exchange(s, REPLY_AUTH_CANCELLED);
	if (!decode(line, &name) || sasl_parse_login(name,
	    sasl_name_max_bytes) != SASL_OK)
		return fault(s, NOTE_SYNTAX, REPLY_AUTH_BAD);
	set(&s->login.name_len, s->login.name, name);
	s->challenged = on_password;
	return smtp_go_on(REPLY_AUTH_PASSWORD);
}

static struct outcome
on_cram(struct smtp_session *s, struct span line)
{
	struct sasl_login login;
	struct span message;

	if (is_cancelled(line))
		return end_exchange(s, REPLY_AUTH_CANCELLED);
	if (!decode(line, &message) || sasl_parse_cram(message, &login) !=
	    SASL_OK)
		return fault(s, NOTE_SYNTAX, REPLY_AUTH_BAD);
	set(&s->login.name_len, s->login.name, login.name);
	set(&s->login.password_len, s->login.password, login.password);
	return ask(s, SASL_CRAM_MD5);
}

struct outcome
smtp_auth_read_failed(struct smtp_session *s, enum line_result r)
{
	if (r == LINE_TOO_LONG)
		return fault(s, NOTE_LINE_TOO_LONG, REPLY_AUTH_LONG);
	end_exchange(s, REPLY_AUTH_BAD);
	return smtp_read_failed(s, r);
}

/* May an exchange begin now?  If not, *out says what to reply. */
static bool
may_begin(struct smtp_session *s, struct outcome *out)
{
	if (!s->esmtp && !smtp_is_catcher(s))
		*out = fault(s, NOTE_SEQUENCE, REPLY_EHLO_FIRST);
	else if (s->submission && !s->tls)
		*out = fault(s, NOTE_PLAIN_TEXT, REPLY_AUTH_PLAIN_TEXT);
	else if (s->logged_in)
		*out = fault(s, NOTE_SEQUENCE, REPLY_AUTH_AGAIN);
	else
		return true;
	return false;
}

/*
 * "AUTH" SP sasl-mech [SP initial-response], which is base64 (RFC 4954 4); "=",
 * an empty response, is refused, for no mechanism here has one.
 */
struct outcome
smtp_auth_begin(struct smtp_session *s, struct span arg)
{
	const uint8_t *blank = memchr(arg.p, ' ', arg.n);
	struct span name = span_from(arg.p, blank == NULL ? arg.n :
	    (size_t)(blank - arg.p));
	struct outcome o;

	if (!may_begin(s, &o))
		return o;
	switch (sasl_find(name)) {
	case SASL_PLAIN:
		if (blank != NULL)
			return take_plain(s, span_skip(arg, name.n + 1));
		s->challenged = on_plain;
		return smtp_go_on(REPLY_AUTH_PLAIN);
	case SASL_LOGIN:
		if (blank != NULL)
			return on_name(s, span_skip(arg, name.n + 1));
		s->challenged = on_name;
		return smtp_go_on(REPLY_AUTH_NAME);
	case SASL_CRAM_MD5:
		if (!smtp_is_catcher(s))
			break;
		if (blank != NULL)	/* the server speaks first */
			return fault(s, NOTE_SYNTAX, REPLY_AUTH_BAD);
		s->challenged = on_cram;
		return smtp_go_on(REPLY_AUTH_CRAM);
	case SASL_MECHANISM_COUNT:
		break;
	}
	transcript_hint("the program logs in by a mechanism that is not "
	    "offered, such as XOAUTH2: set it to a name and a password, by "
	    "PLAIN or LOGIN");
	return fault(s, NOTE_SYNTAX, REPLY_AUTH_MECHANISM);
}
