/*
 * queue_journal: the first half of the octets is a journal as it is; the second
 * is the bodies of records, whose hashes are made right.  What is read can be
 * written again, and no octet is skipped unseen.
 */
#include "t/fuzz/fuzz.h"

#include <sodium.h>

#include "shared/queue_file.h"

enum { body_at = 24, piece_bytes = 100 };

static const uint8_t key[queue_key_bytes] = "a key for tests, of 32 octets..";

static void
read_all(struct span in)
{
	uint8_t raw[queue_record_max_bytes];
	struct queue_record r;
	size_t at = 0, used, damaged;

	while (queue_record_read(span_skip(in, at), true, at, key, &r, &used,
	    &damaged)) {
		struct buf again = buf_over(raw, sizeof(raw));

		MUST(used <= in.n - at && damaged < used);
		queue_record_write(&r, at + damaged, key, &again);
		MUST(span_equal(buf_span(&again), span_from(in.p + at +
		    damaged, used - damaged)));
		at += used;
	}
	MUST(used == in.n - at && damaged == used);
}

/* As queue_file.c makes it: offset, what is in front of the hash, the body. */
static void
add_record(struct span body, uint8_t type, struct buf *out)
{
	uint8_t offset[8], hash[16], raw[8];
	struct buf number = buf_over(offset, 8), head = buf_over(raw, 8);
	crypto_generichash_state state;

	buf_add_number(&number, out->n, 8);
	buf_add_number(&head, body_at + body.n, 4);
	buf_add_number(&head, type % QUEUE_RECORD_TYPE_END, 1);
	buf_add_number(&head, 1, 3);
	crypto_generichash_init(&state, key, sizeof(key), sizeof(hash));
	crypto_generichash_update(&state, offset, sizeof(offset));
	crypto_generichash_update(&state, raw, sizeof(raw));
	crypto_generichash_update(&state, body.p, body.n);
	crypto_generichash_final(&state, hash, sizeof(hash));
	buf_add(out, buf_span(&head));
	buf_add(out, span_from(hash, sizeof(hash)));
	buf_add(out, body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t text[64 * 1024];
	struct buf journal = buf_over(text, sizeof(text));
	struct span in = span_from(data, size);

	if (size > sizeof(text) / 4)
		return 0;
	read_all(span_from(data, size / 2));
	in = span_skip(in, size / 2);
	while (in.n > 0) {
		uint8_t type = in.p[0];
		size_t n = in.n > piece_bytes ? piece_bytes : in.n;

		add_record(span_from(in.p, n), type, &journal);
		in = span_skip(in, n);
	}
	read_all(buf_span(&journal));
	return 0;
}
