/*
 * queue_file: names, blocks and records of the queue, each octet of them
 * changed, and each length that a crash can leave.
 */
#include "shared/queue_file.h"

#include <sodium.h>

#include "t/unit/unit.h"

static const uint8_t key[queue_key_bytes] = "a key for tests, of 32 octets..";
static const uint8_t other_key[queue_key_bytes] = "another key, of 32";

TEST(names)
{
	static const char *const good[] = { "0123456789abcdef.0.0",
	    "0123456789abcdef.4294967295.7", "0123456789abcdef.12.4" };
	static const char *const bad[] = { "", "key", "journal", ".", "..",
	    "0123456789abcdef", "0123456789abcdef.", "0123456789abcdef.1",
	    "0123456789abcdef.1.", "0123456789abcdef.1.8",
	    "0123456789abcdef.4294967296.1", "0123456789abcdef.01.1",
	    "0123456789abcdef.1.00", "0123456789abcdef.1.1.",
	    "0123456789abcdef.1.1.c", "0123456789abcdef.1.1.1",
	    "0123456789abcdef.-1.1", "0123456789abcde.1.1",
	    "0123456789abcdeff.1.1", "0123456789ABCDEF.1.1",
	    "0123456789abcde/.1.1", "0123456789abcdef.1.1 " };
	char again[queue_name_bytes];
	struct queue_name n;

	for (size_t i = 0; i < COUNT(good); i++) {
		ck_assert_msg(queue_name_read(good[i], &n), "%s", good[i]);
		queue_name_write(&n, again);
		ck_assert_str_eq(again, good[i]);
	}
	ck_assert(n.flags == CONTENT_LONG && n.lines == 12);
	ck_assert_str_eq(n.id, "0123456789abcdef");
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!queue_name_read(bad[i], &n), "%s", bad[i]);
}

/* Opens a copy of n octets of block. */
static bool
opens(const uint8_t *block, size_t n, const uint8_t *with)
{
	static uint8_t copy[envelope_max_bytes];
	struct span envelope;

	memcpy(copy, block, n);
	return queue_block_open(copy, n, with, &envelope);
}

TEST(block)
{
	static uint8_t block[2048];
	struct span envelope, text = span_of("not read here");
	const size_t n = queue_block_bytes(text.n);

	ck_assert_uint_eq(n, 512);
	queue_block_seal(text, key, block);
	ck_assert_uint_eq(queue_block_length(block), n);
	ck_assert(memmem(block, n, text.p, text.n) == NULL);
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			block[i] ^= (uint8_t)(1 << bit);
			ck_assert_msg(!opens(block, n, key), "octet %zu", i);
			block[i] ^= (uint8_t)(1 << bit);
		}
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(!opens(block, i, key), "length %zu", i);
	ck_assert(!opens(block, n + 512, key));
	ck_assert(!opens(block, n, other_key));
	ck_assert(opens(block, n, key));
	ck_assert(queue_block_open(block, n, key, &envelope));
	ck_assert(span_equal(envelope, text));
}

/* Every length fits its block, up to the largest. */
TEST(block_sizes)
{
	static uint8_t text[envelope_max_bytes], block[envelope_max_bytes];
	static const size_t sizes[] = { 0, 1, 459, 460, 461, 971, 972, 973,
	    envelope_max_bytes - 53, envelope_max_bytes - 52 };
	struct span envelope;

	randombytes_buf(text, sizeof(text));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const size_t n = queue_block_bytes(sizes[i]);

		ck_assert_uint_eq(n % 512, 0);
		ck_assert_uint_le(n, sizeof(block));
		ck_assert_uint_lt(n - sizes[i], 52 + 512);
		queue_block_seal(span_from(text, sizes[i]), key, block);
		ck_assert(queue_block_open(block, n, key, &envelope));
		ck_assert(span_equal(envelope, span_from(text, sizes[i])));
	}
	ck_assert_uint_eq(queue_block_bytes(envelope_max_bytes - 51), 0);
	ck_assert_uint_eq(queue_block_bytes(SIZE_MAX), 0);
}

TEST(block_lengths)
{
	static const char *const bad[] = { "SMQ1\0\0\0\0", "SMQ1\1\2\0\0",
	    "SMQ1\0\2\20\0", "SMQ1\0\0\0\2", "SMQ2\0\2\0\0",
	    "\0\0\0\0\0\2\0\0" };

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_uint_eq(queue_block_length(
		    (const uint8_t *)bad[i]), 0);
	ck_assert_uint_eq(queue_block_length((const uint8_t *)
	    "SMQ1\0\0\20\0"), envelope_max_bytes);
}

/* ---- journal ------------------------------------------------------------ */

enum { records = 6, length = queue_record_bytes, all = records * length };

static uint8_t journal[all + length];
static struct queue_record wrote[records];

static void
write_journal(void)
{
	for (size_t i = 0; i < records; i++) {
		wrote[i] = (struct queue_record){
			.queued_s = 1796000000 + (int64_t)i,
			.next_s = INT64_MAX, .size_kib = UINT32_MAX,
			.rcpts = 1000, .done = i % 2 == 0 ? 0 :
			    1000 - (uint32_t)i, .tries = 65535, .state = 255
		};
		memcpy(wrote[i].id, "0123456789abcdef", ipc_id_bytes);
		wrote[i].id[3] = (char)('a' + i);
		queue_record_write(&wrote[i], i * length, key,
		    journal + i * length);
	}
}

static void
is_record(const struct queue_record *r, size_t i)
{
	const struct queue_record *w = &wrote[i];

	ck_assert_mem_eq(r->id, w->id, ipc_id_bytes);
	ck_assert_int_eq(r->queued_s, w->queued_s);
	ck_assert_int_eq(r->next_s, w->next_s);
	ck_assert_uint_eq(r->size_kib, w->size_kib);
	ck_assert_uint_eq(r->rcpts, w->rcpts);
	ck_assert_uint_eq(r->done, w->done);
	ck_assert_uint_eq(r->tries, w->tries);
	ck_assert_uint_eq(r->state, w->state);
}

/* The bits of the records that are found, each as it was written. */
static unsigned
read_journal(const uint8_t *octets, const uint8_t *with)
{
	struct queue_record r;
	unsigned found = 0;

	for (size_t at = 0; at < all; at += length)
		if (queue_record_read(octets + at, at, with, &r)) {
			size_t i = (size_t)(r.id[3] - 'a');

			is_record(&r, i);
			ck_assert_uint_eq(i, at / length);
			found |= 1u << i;
		}
	return found;
}

/* One octet changed costs the record that it is in, and no other. */
TEST(journal_flips)
{
	write_journal();
	ck_assert_uint_eq(read_journal(journal, key), (1u << records) - 1);
	ck_assert_uint_eq(read_journal(journal, other_key), 0);
	for (size_t at = 0; at < all; at++)
		for (size_t i = 0; i < 8; i++) {
			journal[at] ^= (uint8_t)(1 << i);
			ck_assert_uint_eq(read_journal(journal, key),
			    ((1u << records) - 1) & ~(1u << at / length));
			journal[at] ^= (uint8_t)(1 << i);
		}
}

/* A record counts at its own offset only. */
TEST(journal_moved)
{
	write_journal();
	memcpy(journal, journal + length, length);
	ck_assert_uint_eq(read_journal(journal, key), (1u << records) - 2);
	write_journal();
	for (size_t by = 1; by < length; by++)
		ck_assert_uint_eq(read_journal(journal + by, key), 0);
}

/* What cannot be is not read. */
TEST(journal_limits)
{
	struct queue_record r;

#define REFUSES(change) do {						\
	write_journal();						\
	wrote[0].change;						\
	queue_record_write(&wrote[0], 0, key, journal);			\
	ck_assert_msg(!queue_record_read(journal, 0, key, &r), #change);\
} while (0)
	REFUSES(done = 1001);
	REFUSES(rcpts = 0);
	REFUSES(rcpts = envelope_max_bytes + 1);
	REFUSES(queued_s = -1);
	REFUSES(next_s = -1);
	REFUSES(id[2] = '/');
}
