/*
 * envelope: what is read as an envelope is valid in every part, and is written
 * again octet for octet.
 */
#include "t/fuzz/fuzz.h"

#include "shared/envelope.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[envelope_max_bytes];
	struct span in = span_from(data, size), left;
	struct buf out = buf_over(room, sizeof(room));
	struct ipc_rcpt r;
	struct envelope e;
	uint32_t count = 0;

	if (!envelope_read(in, &e))
		return 0;
	MUST(e.queued_s >= 0 && e.ret < DSN_RET_COUNT && e.count > 0);
	MUST(smtp_mailbox_valid(&e.from) && envelope_envid_valid(e.envid));
	for (left = e.rcpts; envelope_next(&left, &r); count++) {
		MUST(smtp_mailbox_valid(&r.to));
		MUST(!smtp_mailbox_is_null(&r.to));
		MUST(envelope_orcpt_valid(span_of(r.orcpt)));
	}
	MUST(count == e.count && left.n == 0);
	envelope_write(&e, &out);
	MUST(size > sizeof(room) || span_equal(buf_span(&out), in));
	return 0;
}
