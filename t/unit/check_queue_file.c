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
	    "0123456789abcdef.4294967295.15", "0123456789abcdef.12.8.c" };
	static const char *const bad[] = { "", "key", "journal", ".", "..",
	    "0123456789abcdef", "0123456789abcdef.", "0123456789abcdef.1",
	    "0123456789abcdef.1.", "0123456789abcdef.1.16",
	    "0123456789abcdef.4294967296.1", "0123456789abcdef.01.1",
	    "0123456789abcdef.1.00", "0123456789abcdef.1.1.",
	    "0123456789abcdef.1.1.d", "0123456789abcdef.1.1.c.c",
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
	ck_assert(n.content && n.flags == QUEUE_APART && n.lines == 12);
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

enum { records = 6, text_max = 8 * 1024 };

static uint8_t journal[text_max];
static struct queue_record wrote[records];
static size_t ends[records + 1];	/* [i]: where record i begins */

static void
write_journal(void)
{
	struct buf out = buf_over(journal, sizeof(journal));

	for (size_t i = 0; i < records; i++) {
		wrote[i] = (struct queue_record){
			.type = (enum queue_record_type)(1 + i % 4),
			.queued_s = 1796000000 + (int64_t)i,
			.next_s = INT64_MAX,
			.lines = UINT32_MAX, .size_kib = 17, .rcpts = 1000,
			.index = 999 - (uint32_t)i, .tries = 65535,
			.flags = QUEUE_FLAGS, .state = 255,
			.how = REPORT_KIND_COUNT - 1,
			.stage = RELAY_STAGE_COUNT - 1,
			.end = RELAY_END_COUNT - 1, .code = 599,
			.text = span_from("450 come back later",
			    i % 4 == 1 ? 19 : 0)
		};
		memcpy(wrote[i].id, "0123456789abcdef", ipc_id_bytes);
		wrote[i].id[3] = (char)('a' + i);
		ends[i] = out.n;
		queue_record_write(&wrote[i], out.n, key, &out);
	}
	ends[records] = out.n;
	ck_assert(!out.cut);
}

static void
is_record(const struct queue_record *r, size_t i)
{
	const struct queue_record *w = &wrote[i];

	ck_assert_uint_eq(r->type, w->type);
	ck_assert_mem_eq(r->id, w->id, ipc_id_bytes);
	ck_assert_int_eq(r->queued_s, w->queued_s);
	ck_assert_int_eq(r->next_s, w->next_s);
	ck_assert_uint_eq(r->lines, w->lines);
	ck_assert_uint_eq(r->size_kib, w->size_kib);
	ck_assert_uint_eq(r->rcpts, w->rcpts);
	ck_assert_uint_eq(r->index, w->index);
	ck_assert_uint_eq(r->tries, w->tries);
	ck_assert_uint_eq(r->flags, w->flags);
	ck_assert_uint_eq(r->state, w->state);
	ck_assert_uint_eq(r->how, w->how);
	ck_assert_uint_eq(r->stage, w->stage);
	ck_assert_uint_eq(r->end, w->end);
	ck_assert_uint_eq(r->code, w->code);
	ck_assert(span_equal(r->text, w->text));
}

/*
 * Reads n octets of the journal, in pieces of piece octets; the bits of the
 * records that were found, each as it was written.  *damaged: of them.
 */
static unsigned
read_journal(size_t n, size_t piece, const uint8_t *with, size_t *damaged)
{
	size_t at = 0, end = 0, used, bad;
	struct queue_record r;
	unsigned found = 0;

	*damaged = 0;
	do {
		end = end + piece < n ? end + piece : n;
		while (queue_record_read(span_from(journal + at, end - at),
		    end == n, at, with, &r, &used, &bad)) {
			size_t i = (size_t)(r.id[3] - 'a');

			is_record(&r, i);
			ck_assert((found & 1u << i) == 0);
			found |= 1u << i;
			at += used;
			*damaged += bad;
		}
		at += used;
		*damaged += bad;
	} while (end < n);
	ck_assert_uint_eq(at, n);
	return found;
}

TEST(journal_pieces)
{
	size_t damaged;

	write_journal();
	for (size_t piece = 1; piece <= ends[records]; piece++) {
		ck_assert_uint_eq(read_journal(ends[records], piece, key,
		    &damaged), (1u << records) - 1);
		ck_assert_uint_eq(damaged, 0);
	}
	ck_assert_uint_eq(read_journal(ends[records], 100, other_key,
	    &damaged), 0);
	ck_assert_uint_eq(damaged, ends[records]);
}

/* One octet changed costs the record that it is in, and no other. */
TEST(journal_flips)
{
	size_t damaged, i;

	write_journal();
	for (size_t at = 0, in = 0; at < ends[records]; at++) {
		in += at == ends[in + 1];
		for (i = 0; i < 8; i++) {
			journal[at] ^= (uint8_t)(1 << i);
			ck_assert_uint_eq(read_journal(ends[records], 200,
			    key, &damaged),
			    ((1u << records) - 1) & ~(1u << in));
			ck_assert_uint_eq(damaged, ends[in + 1] - ends[in]);
			journal[at] ^= (uint8_t)(1 << i);
		}
	}
}

TEST(journal_truncations)
{
	size_t damaged;

	write_journal();
	for (size_t n = 0, whole = 0; n <= ends[records]; n++) {
		whole += n == ends[whole + 1];
		ck_assert_uint_eq(read_journal(n, 150, key, &damaged),
		    (1u << whole) - 1);
		ck_assert_uint_eq(damaged, n - ends[whole]);
	}
}

/* A record counts at its own offset only, and not twice. */
TEST(journal_moved)
{
	size_t damaged, n;

	write_journal();
	n = ends[records] + ends[1];
	memcpy(journal + ends[records], journal, ends[1]);
	ck_assert_uint_eq(read_journal(n, n, key, &damaged),
	    (1u << records) - 1);
	ck_assert_uint_eq(damaged, ends[1]);
	memmove(journal + 1, journal, ends[records]);
	ck_assert_uint_eq(read_journal(ends[records] + 1, n, key, &damaged), 0);
}

/* A reply that has a whole record in it is a text, also behind damage. */
TEST(journal_in_text)
{
	uint8_t inner[queue_record_max_bytes];
	struct buf in = buf_over(inner, sizeof(inner)),
	    out = buf_over(journal, sizeof(journal));
	size_t damaged;

	write_journal();
	queue_record_write(&wrote[0], 87, other_key, &in);
	wrote[1].text = buf_span(&in);
	queue_record_write(&wrote[1], 0, key, &out);
	ck_assert_uint_eq(read_journal(out.n, out.n, key, &damaged), 2);
	journal[out.n - 1] ^= 1;
	ck_assert_uint_eq(read_journal(out.n, out.n, key, &damaged), 0);
	ck_assert_uint_eq(damaged, out.n);
}

/* A text that is too long is cut, and what cannot be is not read. */
TEST(journal_limits)
{
	static uint8_t text[queue_text_max_bytes + 1] = "x";
	struct buf out = buf_over(journal, sizeof(journal));
	struct queue_record r;
	size_t used, damaged;

	write_journal();
	wrote[0].text = span_from(text, sizeof(text));
	queue_record_write(&wrote[0], 0, key, &out);
	ck_assert(queue_record_read(buf_span(&out), true, 0, key, &r, &used,
	    &damaged));
	ck_assert_uint_eq(r.text.n, queue_text_max_bytes);
	ck_assert_uint_eq(used, out.n);
#define REFUSES(change) do {						\
	write_journal();						\
	out.n = 0;							\
	wrote[0].change;						\
	queue_record_write(&wrote[0], 0, key, &out);			\
	ck_assert_msg(!queue_record_read(buf_span(&out), true, 0, key,	\
	    &r, &used, &damaged), #change);				\
} while (0)
	REFUSES(index = 1000);
	REFUSES(rcpts = 0);
	REFUSES(rcpts = envelope_max_bytes + 1);
	REFUSES(flags = QUEUE_FLAGS + 1);
	REFUSES(how = REPORT_KIND_COUNT);
	REFUSES(stage = RELAY_STAGE_COUNT);
	REFUSES(end = RELAY_END_COUNT);
	REFUSES(code = 600);
	REFUSES(queued_s = -1);
	REFUSES(next_s = -1);
	REFUSES(id[2] = '/');
	REFUSES(type = QUEUE_RECORD_TYPE_END);
	REFUSES(type = 0);
}
