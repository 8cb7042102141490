/*
 * ipc_check: the first octets are the way, the state and whether there is a
 * descriptor; then the name of a record and LF, and the rest is its payload.
 * Nothing is read beyond it, and what is taken one way is taken no other.
 */
#include "t/fuzz/fuzz.h"
#include "t/unit/ipc_name.h"

#include "shared/ipc.h"

static void
must_be_path(const struct mailbox *m)
{
	char path[smtp_mailbox_text_max_bytes + 2] = "<";
	struct mailbox again;
	struct span rest;
	size_t n = smtp_mailbox_text(m, path + 1);

	MUST(n < smtp_mailbox_text_max_bytes);
	/* Without a domain no grammar is its own. */
	if (m->domain_len == 0 && !smtp_mailbox_is_null(m)) {
		MUST(smtp_mailbox_valid(m));
		return;
	}
	path[n + 1] = '>';
	/* Too long with its quotes: it may be written, not read. */
	if (n - m->domain_len > smtp_local_max_bytes + 1)
		return;
	MUST(smtp_parse_path(span_from(path, n + 2), true, true, &again,
	    &rest) == SYNTAX_OK);
	MUST(memcmp(m, &again, sizeof(again)) == 0);
}

/* What everybody behind the check takes for an address is one. */
static void
must_hold(const struct ipc_record *r)
{
	if (r->type == IPC_MAIL)
		must_be_path(&r->u.mail.from);
	else if (r->type == IPC_RCPT || r->type == IPC_ORIGINATOR)
		must_be_path(&r->u.rcpt.to);
	else if (r->type == IPC_ACCOUNT)
		must_be_path(&r->u.account.who);
	else if (r->type == IPC_PASSWORD)
		must_be_path(&r->u.password.who);
}

enum { ways = IPC_WAY_COUNT };

/* A record that is right one way is wrong in all others. */
static void
must_be_only_way(const struct ipc_record *r, size_t n, bool fd,
    enum ipc_way way, enum ipc_when when)
{
	bool started = r->type == IPC_READY || r->type == IPC_UNSAFE;

	for (unsigned other = 1; other < 1u << ways; other <<= 1)
		MUST((other & (started ? IPC_FROM_STARTED : (unsigned)way)) !=
		    0 || ipc_check(r, n, fd, (enum ipc_way)other, when) !=
		    NULL);
	MUST(ipc_check(r, n, !fd, way, when) != NULL);
	MUST(ipc_check(r, n - 1, fd, way, when) != NULL);
	MUST(way != IPC_FROM_WORKER ||
	    ipc_check(r, n, fd, way, IPC_AT_IDLE) != NULL);
	MUST(way != IPC_FROM_WORKER ||
	    ipc_check(r, n, fd, way, IPC_AT_COMMIT) != NULL);
}

static uint32_t
type_of(struct span name)
{
	for (uint32_t i = 0; i < IPC_TYPE_COUNT; i++)
		if (span_equal(name, span_of(ipc_name(i))))
			return i;
	return UINT32_MAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { head = offsetof(struct ipc_record, u) };
	const uint8_t *lf = size < 3 ? NULL : memchr(data + 3, '\n', size - 3);
	struct ipc_record whole;
	enum ipc_when when;
	enum ipc_way way;
	uint32_t type;
	uint8_t *packet;
	bool fd;
	size_t n;

	if (lf == NULL || size > sizeof(whole) + 64)
		return 0;
	way = (enum ipc_way)(1u << data[0] % ways);
	when = (enum ipc_when)(1u << data[1] % 9);
	fd = data[2] % 2 == 1;
	type = type_of(span_from(data + 3, (size_t)(lf - data) - 3));
	n = size - (size_t)(lf + 1 - data) + head;
	/* Memory of exactly its size: nothing further may be read. */
	packet = calloc(1, n);
	if (packet == NULL)
		return 0;
	memcpy(packet, &type, sizeof(type));
	memcpy(packet + head, lf + 1, n - head);
	if (ipc_check((void *)packet, n, fd, way, when) == NULL) {
		MUST(n == ipc_size((enum ipc_type)type));
		memcpy(&whole, packet, n);
		must_hold(&whole);
		must_be_only_way((void *)packet, n, fd, way, when);
	}
	free(packet);
	return 0;
}
