/*
 * Checks of records, from the one table in ipc_msg.h.  Pure.
 *
 * The process at the other end of a channel may have been taken over by an
 * attacker.  So a record's size, sender and moment, and every value with a
 * range, are checked before any part of the record is used.
 */
#include "shared/ipc_check.h"

#include <string.h>

#include "shared/ip.h"

/* Each check returns NULL, or says what is wrong with the record. */

static const char *
check_any(const struct ipc_record *r)
{
	(void)r;
	return NULL;
}

static const char *
check_mail(const struct ipc_record *r)
{
	const struct ipc_mail *m = &r->u.mail;

	if (!smtp_mailbox_valid(&m->from))
		return "sender is not an address";
	if (!smtp_helo_valid(span_from(m->helo, m->helo_len)))
		return "HELO name is not one";
	if (m->wait > 1 || m->esmtp > 1 || m->smtputf8 > 1 || m->body_8bit > 1)
		return "flag out of range";
	return NULL;
}

static const char *
check_rcpt(const struct ipc_record *r)
{
	const struct mailbox *to = &r->u.rcpt.to;

	return smtp_mailbox_valid(to) && !smtp_mailbox_is_null(to) ? NULL :
	    "recipient is not an address";
}

static const char *
check_login(const struct ipc_record *r)
{
	const struct ipc_login *l = &r->u.login;

	return sasl_parse_login(span_from(l->name, l->name_len),
	    sasl_name_max_bytes) == SASL_OK &&
	    sasl_parse_login(span_from(l->password, l->password_len),
	    sasl_password_max_bytes) == SASL_OK && (l->as_len == 0 ||
	    sasl_parse_login(span_from(l->as, l->as_len),
	    sasl_name_max_bytes) == SASL_OK) &&
	    l->mechanism < SASL_MECHANISM_COUNT ? NULL :
	    "name or password is not one";
}

/* Printable ASCII with a NUL within n octets. */
static bool
is_text(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\0')
			return true;
		if (p[i] < 0x20 || p[i] > 0x7e)
			break;
	}
	return false;
}

#define IS_TEXT(field) is_text((field), sizeof(field))

/* A digest of SHA-256, SHA-384 or SHA-512, for a known scheme. */
static bool
is_digest(const struct ipc_digest *d, uint16_t pairs)
{
	return d->pair < pairs && d->scheme < SIGN_SCHEME_COUNT &&
	    (d->n == 32 || d->n == 48 || d->n == 64);
}

static bool
is_piece(const struct ipc_pem *p, uint16_t pairs)
{
	return p->pair < pairs && p->n <= ipc_pem_piece_bytes && p->last <= 1;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Each address has one form, or one client would count as several. */
static const char *
check_proxy(const struct ipc_record *r)
{
	static const size_t used[IPC_PROXY_FAMILY_COUNT] = {
		[IPC_PROXY_OWN] = 0,
		[IPC_PROXY_IPV4] = 4,
		[IPC_PROXY_IPV6] = 16
	};
	const struct ipc_proxy *p = &r->u.proxy;

	if (p->family >= IPC_PROXY_FAMILY_COUNT || p->zero != 0 ||
	    (p->family == IPC_PROXY_OWN && p->port != 0))
		return "value out of range";
	if (!is_zero(p->ip + used[p->family], 16 - used[p->family]) ||
	    (p->family == IPC_PROXY_IPV6 && ip_is_mapped(p->ip)))
		return "address is not one of its family";
	return NULL;
}

#define CHECK(name, condition, text)					\
static const char *							\
check_##name(const struct ipc_record *r)				\
{									\
	return (condition) ? NULL : (text);				\
}

CHECK(text, IS_TEXT(r->u.text.text) && r->u.text.pid >= 0,
    "text is not one")
CHECK(pid, r->u.pid.pid > 1, "process id out of range")
CHECK(died, r->u.died.pid > 1, "process id out of range")
CHECK(verdict, r->u.verdict.verdict < VERDICT_COUNT, "verdict out of range")
CHECK(stress, r->u.stress.why < STRESS_COUNT, "stress out of range")
CHECK(abort, r->u.abort.error < 4096, "errno out of range")
CHECK(sync, r->u.sync.data <= 1, "flag out of range")
CHECK(synced, r->u.synced.error >= 0 && r->u.synced.error < 4096,
    "errno out of range")
CHECK(lines, r->u.lines.n <= ipc_lines_bytes && r->u.lines.again <= 1,
    "octets or flag out of range")
CHECK(written, r->u.written.n <= ipc_lines_bytes &&
    r->u.written.error >= 0 && r->u.written.error < 4096,
    "octets or errno out of range")
CHECK(note, r->u.note.note < NOTE_COUNT, "note out of range")
CHECK(end, r->u.end.end < END_COUNT, "end out of range")
CHECK(trace, r->u.trace.n <= ipc_trace_bytes &&
    r->u.trace.kind < IPC_TRACE_KIND_COUNT, "trace out of range")
CHECK(session, r->u.session.auth < IPC_AUTH_COUNT &&
    r->u.session.lacks <= IPC_LACKS_ALL, "auth out of range")
#define IS_OPTION(X, NAME, name, letter, Name)				\
	|| r->u.breed.option == (letter)
CHECK(breed, r->u.breed.option == 'r' HELPERS(IS_OPTION, ),
    "no such option")
#undef IS_OPTION
CHECK(stored, memchr(r->u.stored.id, '\0', sizeof(r->u.stored.id)) != NULL,
    "id without end")
CHECK(admit, r->u.admit.answer < LOGIN_COUNT, "answer out of range")
CHECK(account, smtp_mailbox_valid(&r->u.account.who), "account is not one")
CHECK(password, smtp_mailbox_valid(&r->u.password.who), "account is not one")
CHECK(checked, r->u.checked.answer < LOGIN_COUNT &&
    r->u.checked.answer != LOGIN_LATER &&
    r->u.checked.answer != LOGIN_OTHER, "answer out of range")
CHECK(proxy_fail, r->u.proxy_fail.why < PROXY_FAIL_COUNT,
    "reason out of range")
CHECK(welcome, r->u.welcome.answer < PROXY_ANSWER_COUNT,
    "answer out of range")
CHECK(certificate, is_piece(&r->u.pem, ipc_tls_pairs_max),
    "piece out of range")
CHECK(key, is_piece(&r->u.pem, ipc_sign_slots_max), "piece out of range")
CHECK(pairs, r->u.spawn.count <= ipc_tls_pairs_max, "pairs out of range")
CHECK(slot, r->u.slot.slot < ipc_sign_slots_max, "slot out of range")
CHECK(judged, r->u.judged.slot < ipc_sign_slots_max &&
    r->u.judged.fault < TLS_FAULT_COUNT && IS_TEXT(r->u.judged.serial) &&
    IS_TEXT(r->u.judged.name), "judgement out of range")
CHECK(sign, is_digest(&r->u.digest, ipc_tls_pairs_max), "digest is not one")
CHECK(digest, is_digest(&r->u.digest, ipc_sign_slots_max),
    "digest is not one")
CHECK(signature, r->u.signature.n <= ipc_signature_max_bytes,
    "signature too long")
CHECK(tls, r->u.tls.version < TLS_VERSION_COUNT &&
    r->u.tls.suite < TLS_SUITE_COUNT, "TLS out of range")
CHECK(tls_fail, r->u.tls_fail.why < TLS_FAIL_COUNT, "reason out of range")
CHECK(ask, r->u.ask.what < QUESTION_COUNT && r->u.ask.form < FORM_COUNT &&
    r->u.ask.all <= 1 && r->u.ask.ipv6 <= 1, "question out of range")
CHECK(tell_text, r->u.tell_text.n <= sizeof(r->u.tell_text.text),
    "text too long")
CHECK(tell_end, r->u.tell_end.status <= 1, "status out of range")

struct rule {
	const char	*name;
	size_t		 size;
	enum ipc_way	 way;
	bool		 fd;
	unsigned	 when;
	const char	*(*check)(const struct ipc_record *);
};

#define RULE(name, way, payload, fd, when, check)			\
	[IPC_##name] = { #name,						\
	    offsetof(struct ipc_record, u) + sizeof(struct ipc_##payload), \
	    way, fd, when, check_##check },
static const struct rule rules[IPC_TYPE_COUNT] = { IPC_RECORDS(RULE) };
#undef RULE

const char *
ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
    enum ipc_way way, enum ipc_when when)
{
	const struct rule *rule;

	if (n < offsetof(struct ipc_record, u))
		return "shorter than a record";
	if (r->type >= IPC_TYPE_COUNT || r->zero != 0)
		return "no such record";
	rule = &rules[r->type];
	if ((rule->way & way) == 0)
		return "not for this sender";
	if (n != rule->size)
		return "wrong size";
	if (has_fd != rule->fd)
		return has_fd ? "unwanted descriptor" : "descriptor missing";
	if ((rule->when & (unsigned)when) == 0)
		return "not permitted now";
	return rule->check(r);
}

size_t
ipc_size(enum ipc_type type)
{
	return rules[type].size;
}

const char *
ipc_name(uint32_t type)
{
	return type < IPC_TYPE_COUNT ? rules[type].name : "?";
}
