/*
 * queue_journal: octets as a journal; first as they are, then as the records of
 * one, with their hashes and offsets made right.  What is read is what the same
 * record is when it is written.
 */
#include "t/fuzz/fuzz.h"

#include <sodium.h>
#include <string.h>

#include "shared/queue_file.h"

enum { hash_bytes = 16 };

static const uint8_t key[queue_key_bytes] = "a key for tests, of 32 octets..";

static void
read_record(const uint8_t in[queue_record_bytes], uint64_t at)
{
	uint8_t again[queue_record_bytes];
	struct queue_record r;

	if (!queue_record_read(in, at, key, &r))
		return;
	MUST(r.rcpts > 0 && r.done <= r.rcpts);
	queue_record_write(&r, at, key, again);
	MUST(memcmp(in, again, sizeof(again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t raw[queue_record_bytes];
	struct buf offset = buf_over(raw + hash_bytes, 8);

	for (size_t at = 0; at + sizeof(raw) <= size; at += sizeof(raw)) {
		read_record(data + at, at);
		memcpy(raw, data + at, sizeof(raw));
		offset.n = 0;
		buf_add_number(&offset, at, 8);
		crypto_generichash(raw, hash_bytes, raw + hash_bytes,
		    sizeof(raw) - hash_bytes, key, sizeof(key));
		read_record(raw, at);
	}
	return 0;
}
