/*
 * queue_block: octets as a block, and as an envelope in one that is whole.  An
 * envelope that is read can be written again.
 */
#include "t/fuzz/fuzz.h"

#include "shared/queue_file.h"

static const uint8_t key[queue_key_bytes] = "a key for tests, of 32 octets..";

static void
judge(struct span in)
{
	static uint8_t raw[envelope_max_bytes], all[envelope_max_bytes];
	struct buf again = buf_over(raw, sizeof(raw)),
	    rcpts = buf_over(all, sizeof(all));
	struct ipc_rcpt r;
	struct envelope e;
	struct span left;
	uint32_t count = 0;

	if (!envelope_read(in, &e))
		return;
	for (left = e.rcpts; envelope_next(&left, &r); count++)
		envelope_add(&rcpts, &r);
	MUST(left.n == 0 && count == e.count && count > 0);
	e.rcpts = buf_span(&rcpts);
	envelope_write(&e, &again);
	MUST(span_equal(buf_span(&again), in));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t block[envelope_max_bytes];
	struct span envelope;
	size_t n;

	if (size > sizeof(block))
		return 0;
	memcpy(block, data, size);
	MUST(!queue_block_open(block, size, key, &envelope));
	judge(span_from(data, size));
	n = queue_block_bytes(size);
	if (n == 0)
		return 0;
	queue_block_seal(span_from(data, size), key, block);
	MUST(queue_block_open(block, n, key, &envelope));
	MUST(span_equal(envelope, span_from(data, size)));
	return 0;
}
