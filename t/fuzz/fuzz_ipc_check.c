/*
 * ipc_check: the first octets are the way, the state and whether there is a
 * descriptor; the rest is a packet.  What is taken must be what everybody
 * behind the check relies on.
 */
#include "t/fuzz/fuzz.h"

#include "shared/ipc_check.h"

/* Of record types, those that bring a descriptor. */
static bool
brings_fd(uint32_t type)
{
	return type == IPC_NEWBORN || type == IPC_SIBLING ||
	    type == IPC_SESSION || type == IPC_FILE;
}

static void
must_be_text(const char *p, size_t n)
{
	const char *nul = memchr(p, '\0', n);

	MUST(nul != NULL);
	for (; p < nul; p++)
		MUST(*p >= 0x20 && *p <= 0x7e);
}

#define MUST_BE_TEXT(field) must_be_text((field), sizeof(field))

static void
must_be_path(const struct mailbox *m)
{
	char path[smtp_mailbox_text_max_bytes + 2] = "<";
	struct mailbox again;
	struct span rest;
	size_t n = smtp_mailbox_text(m, path + 1);

	MUST(n < smtp_mailbox_text_max_bytes);
	path[n + 1] = '>';
	/* Too long with its quotes: it may be written, not read. */
	if (n - m->domain_len > smtp_local_max_bytes + 1)
		return;
	MUST(smtp_parse_path(span_from(path, n + 2), true, true, &again,
	    &rest) == SYNTAX_OK);
	MUST(memcmp(m, &again, sizeof(again)) == 0);
}

static void
must_hold_dryrun(const struct ipc_record *r)
{
	struct ipc_record as_worker;

	memset(&as_worker, 0, sizeof(as_worker));
	if (r->type == IPC_ASK_MAIL) {
		MUST(r->u.ask_mail.has_client <= 1);
		MUST(r->u.ask_mail.ipv6 <= 1);
		as_worker.type = IPC_MAIL;
		as_worker.u.mail = r->u.ask_mail.mail;
		MUST(ipc_check(&as_worker, ipc_size(IPC_MAIL), false,
		    IPC_FROM_WORKER, IPC_AT_SESSION) == NULL);
	} else if (r->type == IPC_ASK_RCPT) {
		as_worker.type = IPC_RCPT;
		as_worker.u.rcpt.to = r->u.ask_rcpt.to;
		MUST(ipc_check(&as_worker, ipc_size(IPC_RCPT), false,
		    IPC_FROM_WORKER, IPC_AT_MAIL) == NULL);
	} else if (r->type == IPC_TELL_STEP) {
		MUST(r->u.tell_step.step < STEP_COUNT);
		MUST(r->u.tell_step.place < PLACE_COUNT);
		must_be_path(&r->u.tell_step.who);
	} else if (r->type == IPC_TELL_REPLY) {
		MUST_BE_TEXT(r->u.tell_reply.text);
	}
}

/* What smtpctl relies on; the master relies on the question alone. */
static void
must_hold_control(const struct ipc_record *r)
{
	if (r->type == IPC_ASK_STATUS) {
		MUST(r->u.ask_status.sessions_max <= ipc_sessions_max);
		MUST(r->u.ask_status.addresses_max <= ipc_addresses_max);
	} else if (r->type == IPC_TELL_REFUSED) {
		MUST(r->u.tell_refused.why < REFUSAL_COUNT);
	} else if (r->type == IPC_TELL_ABOUT) {
		MUST_BE_TEXT(r->u.tell_about.version);
		MUST_BE_TEXT(r->u.tell_about.hostname);
	} else if (r->type == IPC_TELL_PATH) {
		MUST(r->u.tell_path.of < PATH_OF_COUNT);
		MUST(strnlen(r->u.tell_path.path, ipc_path_bytes) <
		    ipc_path_bytes);
	} else if (r->type == IPC_TELL_CERTIFICATE) {
		MUST_BE_TEXT(r->u.tell_certificate.name);
		MUST(memchr(r->u.tell_certificate.file, '\0',
		    sizeof(r->u.tell_certificate.file)) != NULL);
	} else if (r->type == IPC_TELL_LISTEN) {
		MUST_BE_TEXT(r->u.tell_listen.address);
	} else if (r->type == IPC_TELL_PROCESS) {
		MUST(r->u.tell_process.role < ROLE_COUNT);
		MUST(r->u.tell_process.state < STATE_COUNT);
		MUST_BE_TEXT(r->u.tell_process.held);
	} else if (r->type == IPC_TELL_SESSION) {
		MUST(r->u.tell_session.state < state_session_count);
		MUST_BE_TEXT(r->u.tell_session.id);
		MUST_BE_TEXT(r->u.tell_session.client);
	} else if (r->type == IPC_TELL_ADDRESS) {
		MUST_BE_TEXT(r->u.tell_address.address);
	} else {
		must_hold_dryrun(r);
	}
}

/* What two processes with secrets are told, and what they say. */
static void
must_hold_auth(const struct ipc_record *r)
{
	if (r->type == IPC_LOGIN) {
		MUST(r->u.login.name_len > 0 && memchr(r->u.login.name, '\0',
		    r->u.login.name_len) == NULL);
		MUST(r->u.login.password_len > 0 && memchr(
		    r->u.login.password, '\0', r->u.login.password_len) ==
		    NULL);
		MUST(r->u.login.mechanism < SASL_MECHANISM_COUNT);
	} else if (r->type == IPC_ADMIT) {
		MUST(r->u.admit.answer < LOGIN_COUNT);
	} else if (r->type == IPC_ACCOUNT) {
		must_be_path(&r->u.account.who);
		MUST(r->u.account.stored_len <= sizeof(r->u.account.stored));
	} else if (r->type == IPC_PASSWORD) {
		must_be_path(&r->u.password.who);
		MUST(r->u.password.password_len <=
		    sizeof(r->u.password.password));
	} else if (r->type == IPC_CHECKED) {
		MUST(r->u.checked.answer < LOGIN_COUNT &&
		    r->u.checked.answer != LOGIN_LATER);
	} else {
		must_be_text(r->u.text.text, sizeof(r->u.text.text));
	}
}

/* What is an index, or the length of an array. */
static void
must_hold_tls(const struct ipc_record *r)
{
	bool to_sign = r->type == IPC_KEY || r->type == IPC_KEY_CERTIFICATE ||
	    r->type == IPC_DIGEST;
	uint16_t pairs = to_sign ? ipc_sign_slots_max : ipc_tls_pairs_max;

	if (r->type == IPC_CERTIFICATE || r->type == IPC_KEY ||
	    r->type == IPC_KEY_CERTIFICATE) {
		MUST(r->u.pem.pair < pairs);
		MUST(r->u.pem.n <= sizeof(r->u.pem.octets));
	} else if (r->type == IPC_TRY) {
		MUST(r->u.spawn.count <= ipc_tls_pairs_max);
	} else if (r->type == IPC_KEY_FORGET) {
		MUST(r->u.slot.slot < ipc_sign_slots_max);
	} else if (r->type == IPC_JUDGED) {
		MUST(r->u.judged.slot < ipc_sign_slots_max);
		MUST(r->u.judged.fault < TLS_FAULT_COUNT);
		MUST_BE_TEXT(r->u.judged.serial);
		MUST_BE_TEXT(r->u.judged.name);
	} else if (r->type == IPC_SIGN || r->type == IPC_DIGEST) {
		MUST(r->u.digest.pair < pairs);
		MUST(r->u.digest.n <= sizeof(r->u.digest.octets));
		MUST(r->u.digest.scheme < SIGN_SCHEME_COUNT);
	} else if (r->type == IPC_SIGNATURE || r->type == IPC_SIGNED) {
		MUST(r->u.signature.n <= sizeof(r->u.signature.octets));
	} else if (r->type == IPC_TLS) {
		MUST(r->u.tls.version < TLS_VERSION_COUNT);
		MUST(r->u.tls.suite < TLS_SUITE_COUNT);
	} else if (r->type == IPC_TLS_FAIL) {
		MUST(r->u.tls_fail.why < TLS_FAIL_COUNT);
	} else {
		must_be_text(r->u.text.text, sizeof(r->u.text.text));
	}
}

static void
must_hold(const struct ipc_record *r)
{
	switch ((enum ipc_type)r->type) {
	case IPC_MAIL:
		must_be_path(&r->u.mail.from);
		MUST(smtp_mailbox_is_null(&r->u.mail.from) ||
		    r->u.mail.from.domain_len > 0);
		MUST(smtp_helo_valid(span_from(r->u.mail.helo,
		    r->u.mail.helo_len)));
		MUST(r->u.mail.esmtp <= 1 && r->u.mail.smtputf8 <= 1 &&
		    r->u.mail.body_8bit <= 1);
		break;
	case IPC_RCPT:
	case IPC_ORIGINATOR:
		must_be_path(&r->u.rcpt.to);
		MUST(!smtp_mailbox_is_null(&r->u.rcpt.to));
		break;
	case IPC_READY:
	case IPC_UNSAFE:
		must_be_text(r->u.text.text, sizeof(r->u.text.text));
		break;
	case IPC_NEWBORN:
	case IPC_KILL:
		MUST(r->u.pid.pid > 1);
		break;
	case IPC_DIED:
		MUST(r->u.died.pid > 1);
		break;
	case IPC_VERDICT:
	case IPC_UNSTORED:
		MUST(r->u.verdict.verdict < VERDICT_COUNT);
		break;
	case IPC_HURRY:
		MUST(r->u.hurry.why < HURRY_COUNT);
		break;
	case IPC_NOTE:
		MUST(r->u.note.note < NOTE_COUNT);
		break;
	case IPC_END:
		MUST(r->u.end.end < END_COUNT);
		break;
	case IPC_TRACE:
		MUST(r->u.trace.n <= sizeof(r->u.trace.octets));
		MUST(r->u.trace.kind < IPC_TRACE_KIND_COUNT);
		break;
	case IPC_LOGIN:
	case IPC_ADMIT:
	case IPC_ACCOUNT:
	case IPC_PASSWORD:
	case IPC_AUTH_READY:
	case IPC_AUTH_UNSAFE:
	case IPC_CHECKED:
		must_hold_auth(r);
		break;
	case IPC_PROXY:
		MUST(r->u.proxy.family < IPC_PROXY_FAMILY_COUNT);
		MUST(r->u.proxy.family != IPC_PROXY_OWN ||
		    r->u.proxy.port == 0);
		break;
	case IPC_PROXY_FAIL:
		MUST(r->u.proxy_fail.why < PROXY_FAIL_COUNT);
		break;
	case IPC_WELCOME:
		MUST(r->u.welcome.answer < PROXY_ANSWER_COUNT);
		break;
	case IPC_SESSION:
		MUST(r->u.session.auth < IPC_AUTH_COUNT);
		break;
	case IPC_STORED:
		MUST(memchr(r->u.stored.id, '\0', sizeof(r->u.stored.id)) != NULL);
		break;
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
	case IPC_SIGNER_READY:
	case IPC_SIGNER_UNSAFE:
	case IPC_SIGNED:
	case IPC_TRY:
	case IPC_TRIED:
	case IPC_KEY_CERTIFICATE:
	case IPC_KEY_FORGET:
	case IPC_JUDGED:
		must_hold_tls(r);
		break;
	case IPC_ASK_STATUS:
	case IPC_ASK_STATS:
	case IPC_TELL_REFUSED:
	case IPC_TELL_END:
	case IPC_TELL_ABOUT:
	case IPC_TELL_PATH:
	case IPC_TELL_LISTEN:
	case IPC_TELL_CERTIFICATE:
	case IPC_TELL_PROCESS:
	case IPC_TELL_POOL:
	case IPC_TELL_DISK:
	case IPC_TELL_SESSION:
	case IPC_TELL_ADDRESS:
	case IPC_TELL_COUNT:
	case IPC_TELL_BUCKET:
	case IPC_ASK_MAIL:
	case IPC_ASK_RCPT:
	case IPC_TELL_STEP:
	case IPC_TELL_REPLY:
		must_hold_control(r);
		break;
	}
}

enum { ways = IPC_FROM_AUTH + 1 };

/* A record that is right one way is wrong in all others. */
static void
must_be_only_way(const struct ipc_record *r, size_t n, bool fd,
    enum ipc_way way, enum ipc_when when)
{
	for (unsigned other = 0; other < ways; other++)
		MUST(other == (unsigned)way || ipc_check(r, n, fd,
		    (enum ipc_way)other, when) != NULL);
	MUST(ipc_check(r, n, !fd, way, when) != NULL);
	MUST(ipc_check(r, n - 1, fd, way, when) != NULL);
	MUST(way != IPC_FROM_WORKER ||
	    ipc_check(r, n, fd, way, IPC_AT_IDLE) != NULL);
	MUST(way != IPC_FROM_WORKER ||
	    ipc_check(r, n, fd, way, IPC_AT_COMMIT) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ipc_record whole;
	enum ipc_way way;
	enum ipc_when when;
	const char *why;
	void *packet;
	bool fd;
	size_t n;

	if (size < 3 || size > 3 + sizeof(struct ipc_record) + 8)
		return 0;
	way = (enum ipc_way)(data[0] % ways);
	when = (enum ipc_when)(1u << data[1] % 9);
	fd = data[2] % 2 == 1;
	n = size - 3;
	/* Memory of exactly its size: nothing further may be read. */
	packet = malloc(n > 0 ? n : 1);
	if (packet == NULL)
		return 0;
	memcpy(packet, data + 3, n);
	why = ipc_check(packet, n, fd, way, when);
	if (why != NULL) {
		MUST(why[0] != '\0');
	} else {
		MUST(n <= sizeof(whole));
		memcpy(&whole, packet, n);
		MUST(whole.type < IPC_TYPE_COUNT && whole.zero == 0);
		MUST(n == ipc_size((enum ipc_type)whole.type));
		MUST(ipc_name(whole.type)[0] != '?');
		MUST(fd == brings_fd(whole.type));
		must_hold(&whole);
		must_be_only_way(packet, n, fd, way, when);
	}
	free(packet);
	return 0;
}
