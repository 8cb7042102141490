/*
 * Checks of records, from the one table in ipc_msg.h.  Pure.
 *
 * The other end of a channel may be in the hands of whoever broke into it.
 * What it says is a claim: the size, the sender, the moment and every value
 * with a range are checked before any of it is used.
 */
#include "shared/ipc_check.h"

#include <string.h>

#include "shared/ip.h"

struct rule {
	const char	*name;
	size_t		 size;
	enum ipc_way	 way;
	bool		 fd;
	unsigned	 when;
};

#define RULE(name, way, payload, fd, when)				\
	[IPC_##name] = { #name,						\
	    offsetof(struct ipc_record, u) + sizeof(struct ipc_##payload), \
	    way, fd, when },
static const struct rule rules[IPC_TYPE_COUNT] = { IPC_RECORDS(RULE) };
#undef RULE

static const char *
check_mail(const struct ipc_mail *m)
{
	if (!smtp_mailbox_valid(&m->from) ||
	    (m->from.domain_len == 0 && !smtp_mailbox_is_null(&m->from)))
		return "sender is not an address";
	if (!smtp_helo_valid(span_from(m->helo, m->helo_len)))
		return "HELO name is not one";
	if (m->wait > 1 || m->esmtp > 1 || m->smtputf8 > 1 || m->body_8bit > 1)
		return "flag out of range";
	return NULL;
}

static const char *
check_rcpt(const struct mailbox *to)
{
	return smtp_mailbox_valid(to) && !smtp_mailbox_is_null(to) ? NULL :
	    "recipient is not an address";
}

static const char *
check_login(const struct ipc_login *l)
{
	return sasl_parse_login(span_from(l->name, l->name_len),
	    sasl_name_max_bytes) == SASL_OK &&
	    sasl_parse_login(span_from(l->password, l->password_len),
	    sasl_password_max_bytes) == SASL_OK &&
	    l->mechanism < SASL_MECHANISM_COUNT ? NULL :
	    "name or password is not one";
}

static const char *
check_auth(const struct ipc_record *r)
{
	bool fine = true;

	if (r->type == IPC_LOGIN)
		return check_login(&r->u.login);
	if (r->type == IPC_ADMIT)
		fine = r->u.admit.answer < LOGIN_COUNT;
	else if (r->type == IPC_ACCOUNT)
		fine = smtp_mailbox_valid(&r->u.account.who);
	else if (r->type == IPC_PASSWORD)
		fine = smtp_mailbox_valid(&r->u.password.who);
	else if (r->type == IPC_CHECKED)
		fine = r->u.checked.answer < LOGIN_COUNT &&
		    r->u.checked.answer != LOGIN_LATER;
	return fine ? NULL : "value out of range";
}

/* Printable ASCII that ends within n octets. */
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

/* A dry run asks nothing that a worker could not. */
static const char *
check_ask_mail(const struct ipc_ask_mail *m)
{
	if (m->has_client > 1 || m->ipv6 > 1)
		return "flag out of range";
	return check_mail(&m->mail);
}

static bool
is_step(const struct ipc_tell_step *s)
{
	return s->step < STEP_COUNT && s->place < PLACE_COUNT &&
	    s->depth <= ipc_step_depth_max && smtp_mailbox_valid(&s->who);
}

/* Who holds an ear to the control socket gets what this lets through. */
static const char *
check_control(const struct ipc_record *r)
{
	bool fine = true;

	if (r->type == IPC_ASK_STATUS)
		fine = r->u.ask_status.sessions_max <= ipc_sessions_max &&
		    r->u.ask_status.addresses_max <= ipc_addresses_max;
	else if (r->type == IPC_TELL_REFUSED)
		fine = r->u.tell_refused.why < REFUSAL_COUNT;
	else if (r->type == IPC_TELL_END)
		fine = r->u.tell_end.cut <= 1;
	else if (r->type == IPC_TELL_ABOUT)
		fine = IS_TEXT(r->u.tell_about.version) &&
		    IS_TEXT(r->u.tell_about.hostname);
	else if (r->type == IPC_TELL_PATH)
		/* A path may hold anything: who shows it escapes it. */
		fine = r->u.tell_path.of < PATH_OF_COUNT &&
		    memchr(r->u.tell_path.path, '\0', ipc_path_bytes) != NULL;
	else if (r->type == IPC_TELL_LISTEN)
		fine = IS_TEXT(r->u.tell_listen.address);
	else if (r->type == IPC_TELL_CERTIFICATE)
		fine = IS_TEXT(r->u.tell_certificate.name) && memchr(
		    r->u.tell_certificate.file, '\0', ipc_path_bytes) != NULL;
	else if (r->type == IPC_TELL_PROCESS)
		fine = r->u.tell_process.role < ROLE_COUNT &&
		    r->u.tell_process.state < STATE_COUNT &&
		    r->u.tell_process.pid >= 0 &&
		    IS_TEXT(r->u.tell_process.held);
	else if (r->type == IPC_TELL_DISK)
		fine = r->u.tell_disk.known <= 1;
	else if (r->type == IPC_TELL_SESSION)
		fine = r->u.tell_session.state < state_session_count &&
		    r->u.tell_session.pid >= 0 &&
		    IS_TEXT(r->u.tell_session.id) &&
		    IS_TEXT(r->u.tell_session.client);
	else if (r->type == IPC_TELL_ADDRESS)
		fine = IS_TEXT(r->u.tell_address.address);
	else if (r->type == IPC_TELL_STEP)
		fine = is_step(&r->u.tell_step);
	else if (r->type == IPC_TELL_REPLY)
		fine = r->u.tell_reply.accepted <= 1 &&
		    IS_TEXT(r->u.tell_reply.text);
	return fine ? NULL : "value out of range";
}

/* One of SHA-256, SHA-384, SHA-512, in a scheme we know. */
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
is_judged(const struct ipc_judged *j)
{
	return j->slot < ipc_sign_slots_max && j->fault < TLS_FAULT_COUNT &&
	    IS_TEXT(j->serial) && IS_TEXT(j->name);
}

static const char *
check_tls(const struct ipc_record *r)
{
	bool fine = true;

	if (r->type == IPC_CERTIFICATE)
		fine = is_piece(&r->u.pem, ipc_tls_pairs_max);
	else if (r->type == IPC_KEY || r->type == IPC_KEY_CERTIFICATE)
		fine = is_piece(&r->u.pem, ipc_sign_slots_max);
	else if (r->type == IPC_TRY)
		fine = r->u.spawn.count <= ipc_tls_pairs_max;
	else if (r->type == IPC_KEY_FORGET)
		fine = r->u.slot.slot < ipc_sign_slots_max;
	else if (r->type == IPC_JUDGED)
		fine = is_judged(&r->u.judged);
	else if (r->type == IPC_SIGN)
		fine = is_digest(&r->u.digest, ipc_tls_pairs_max);
	else if (r->type == IPC_DIGEST)
		fine = is_digest(&r->u.digest, ipc_sign_slots_max);
	else if (r->type == IPC_SIGNATURE || r->type == IPC_SIGNED)
		fine = r->u.signature.n <= ipc_signature_max_bytes;
	else if (r->type == IPC_TLS)
		fine = r->u.tls.version < TLS_VERSION_COUNT &&
		    r->u.tls.suite < TLS_SUITE_COUNT;
	else if (r->type == IPC_TLS_FAIL)
		fine = r->u.tls_fail.why < TLS_FAIL_COUNT;
	return fine ? NULL : "value out of range";
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* One spelling for each address, or one client would be many. */
static const char *
check_proxy(const struct ipc_proxy *p)
{
	static const size_t used[IPC_PROXY_FAMILY_COUNT] = {
		[IPC_PROXY_OWN] = 0,
		[IPC_PROXY_IPV4] = 4,
		[IPC_PROXY_IPV6] = 16
	};

	if (p->family >= IPC_PROXY_FAMILY_COUNT || p->zero != 0 ||
	    (p->family == IPC_PROXY_OWN && p->port != 0))
		return "value out of range";
	if (!is_zero(p->ip + used[p->family], 16 - used[p->family]) ||
	    (p->family == IPC_PROXY_IPV6 && ip_is_mapped(p->ip)))
		return "address is not one of its family";
	return NULL;
}

static const char *
check_value(const struct ipc_record *r)
{
	switch ((enum ipc_type)r->type) {
	case IPC_MAIL:
		return check_mail(&r->u.mail);
	case IPC_RCPT:
	case IPC_ORIGINATOR:
		return check_rcpt(&r->u.rcpt.to);
	case IPC_ASK_MAIL:
		return check_ask_mail(&r->u.ask_mail);
	case IPC_ASK_RCPT:
		return check_rcpt(&r->u.ask_rcpt.to);
	case IPC_READY:
	case IPC_UNSAFE:
	case IPC_SIGNER_READY:
	case IPC_SIGNER_UNSAFE:
	case IPC_AUTH_READY:
	case IPC_AUTH_UNSAFE:
	case IPC_TRIED:
		return IS_TEXT(r->u.text.text) && r->u.text.pid >= 0 ? NULL :
		    "text is not one";
	case IPC_NEWBORN:
	case IPC_KILL:
		return r->u.pid.pid > 1 ? NULL : "process id out of range";
	case IPC_DIED:
		return r->u.died.pid > 1 ? NULL : "process id out of range";
	case IPC_VERDICT:
	case IPC_UNSTORED:
		return r->u.verdict.verdict < VERDICT_COUNT ? NULL :
		    "verdict out of range";
	case IPC_HURRY:
		return r->u.hurry.why < HURRY_COUNT ? NULL :
		    "hurry out of range";
	case IPC_NOTE:
		return r->u.note.note < NOTE_COUNT ? NULL :
		    "note out of range";
	case IPC_END:
		return r->u.end.end < END_COUNT &&
		    r->u.end.last <= IPC_VERB_COUNT ? NULL :
		    "end out of range";
	case IPC_TRACE:
		return r->u.trace.n <= ipc_trace_bytes &&
		    r->u.trace.kind < IPC_TRACE_KIND_COUNT ? NULL :
		    "trace out of range";
	case IPC_LOGIN:
	case IPC_ADMIT:
	case IPC_ACCOUNT:
	case IPC_PASSWORD:
	case IPC_CHECKED:
		return check_auth(r);
	case IPC_PROXY:
		return check_proxy(&r->u.proxy);
	case IPC_PROXY_FAIL:
		return r->u.proxy_fail.why < PROXY_FAIL_COUNT ? NULL :
		    "reason out of range";
	case IPC_WELCOME:
		return r->u.welcome.answer < PROXY_ANSWER_COUNT ? NULL :
		    "answer out of range";
	case IPC_SESSION:
		return r->u.session.auth < IPC_AUTH_COUNT ? NULL :
		    "auth out of range";
	case IPC_STORED:
		return memchr(r->u.stored.id, '\0', sizeof(r->u.stored.id)) ?
		    NULL : "id without end";
	case IPC_SETTINGS:
	case IPC_STALE:
	case IPC_SPAWN:
	case IPC_STILLBORN:
	case IPC_RENEW:
	case IPC_BREED:
	case IPC_SIBLING:
	case IPC_OUTPUT:
	case IPC_FILE:
	case IPC_RESET:
	case IPC_BEGIN:
	case IPC_COMMIT:
	case IPC_ABORT:
	case IPC_TABLE:
	case IPC_FORGET:
	case IPC_TYPE_COUNT:
		break;
	case IPC_CERTIFICATE:
	case IPC_SIGN:
	case IPC_SIGNATURE:
	case IPC_TLS:
	case IPC_TLS_FAIL:
	case IPC_KEY:
	case IPC_DIGEST:
	case IPC_SIGNED:
	case IPC_TRY:
	case IPC_KEY_CERTIFICATE:
	case IPC_KEY_FORGET:
	case IPC_JUDGED:
		return check_tls(r);
	case IPC_ASK_STATUS:
	case IPC_ASK_STATS:
	case IPC_TELL_REFUSED:
	case IPC_TELL_END:
	case IPC_TELL_ABOUT:
	case IPC_TELL_PATH:
	case IPC_TELL_LISTEN:
	case IPC_TELL_PROCESS:
	case IPC_TELL_POOL:
	case IPC_TELL_DISK:
	case IPC_TELL_SESSION:
	case IPC_TELL_ADDRESS:
	case IPC_TELL_COUNT:
	case IPC_TELL_BUCKET:
	case IPC_TELL_STEP:
	case IPC_TELL_REPLY:
	case IPC_TELL_CERTIFICATE:
		return check_control(r);
	}
	return NULL;
}

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
	if (rule->way != way)
		return "not for this sender";
	if (n != rule->size)
		return "wrong size";
	if (has_fd != rule->fd)
		return has_fd ? "unwanted descriptor" : "descriptor missing";
	if ((rule->when & (unsigned)when) == 0)
		return "not permitted now";
	return check_value(r);
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
