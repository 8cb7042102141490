/*
 * Names, blocks and records of the queue.  A reader takes exactly what a writer
 * with the same key makes, and whatever else stands there harms nobody: who can
 * change a file of the queue cannot make one that is read as another.
 */
#include "shared/queue_file.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
	step_bytes = 512,		/* blocks are padded to that */
	nonce_at = queue_block_begin_bytes,
	mac_at = nonce_at + crypto_secretbox_NONCEBYTES,
	plain_at = mac_at + crypto_secretbox_MACBYTES,
	length_bytes = 4,		/* of the envelope */
	hash_bytes = 16,
	hash_at = 8,
	body_at = hash_at + hash_bytes,
	version = 1
};

static const char magic[] = "SMQ1";

_Static_assert(queue_key_bytes == crypto_secretbox_KEYBYTES,
    "a key of the queue seals blocks");

/* ---- names -------------------------------------------------------------- */

void
queue_name_write(const struct queue_name *n, char out[queue_name_bytes])
{
	snprintf(out, queue_name_bytes, "%.*s.%u.%u%s", (int)ipc_id_bytes,
	    n->id, (unsigned)n->lines, (unsigned)n->flags,
	    n->content ? ".c" : "");
}

static bool
is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) &&
		    (s.p[i] < 'a' || s.p[i] > 'z'))
			return false;
	return s.n == ipc_id_bytes;
}

/* What is not written like that again is no name. */
bool
queue_name_read(const char *name, struct queue_name *out)
{
	struct span in = span_of(name), id = span_cut(&in, '.'),
	    lines = span_cut(&in, '.'), flags = span_cut(&in, '.');
	char again[queue_name_bytes];
	uint64_t n, bits;

	if (!is_id(id) || !span_number(lines, &n) ||
	    !span_number(flags, &bits) || bits > QUEUE_FLAGS)
		return false;
	*out = (struct queue_name){ .lines = (uint32_t)n,
	    .flags = (uint8_t)bits, .content = in.n > 0 };
	memcpy(out->id, id.p, id.n);
	queue_name_write(out, again);
	return strcmp(again, name) == 0;
}

/* ---- blocks ------------------------------------------------------------- */

size_t
queue_block_bytes(size_t n)
{
	const size_t least = plain_at + length_bytes;

	return n > envelope_max_bytes - least ? 0 :
	    (least + n + step_bytes - 1) / step_bytes * step_bytes;
}

void
queue_block_seal(struct span envelope, const uint8_t key[queue_key_bytes],
    uint8_t *out)
{
	const size_t n = queue_block_bytes(envelope.n);
	struct buf b = buf_over(out, n);

	memset(out, 0, n);
	buf_add(&b, span_from(magic, 4));
	buf_add_number(&b, n, 4);
	b.n = plain_at;
	buf_add_number(&b, envelope.n, length_bytes);
	buf_add(&b, envelope);
	randombytes_buf(out + nonce_at, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_detached(out + plain_at, out + mac_at, out + plain_at,
	    n - plain_at, out + nonce_at, key);
}

size_t
queue_block_length(const uint8_t begin[queue_block_begin_bytes])
{
	struct span in = span_from(begin, queue_block_begin_bytes);
	uint64_t n;

	if (memcmp(in.p, magic, 4) != 0)
		return 0;
	in = span_skip(in, 4);
	return span_take_number(&in, 4, &n) && n > 0 &&
	    n % step_bytes == 0 && n <= envelope_max_bytes ? (size_t)n : 0;
}

bool
queue_block_open(uint8_t *block, size_t n, const uint8_t key[queue_key_bytes],
    struct span *envelope)
{
	struct span in;
	uint64_t length;

	if (n < step_bytes || queue_block_length(block) != n ||
	    crypto_secretbox_open_detached(block + plain_at, block + plain_at,
	    block + mac_at, n - plain_at, block + nonce_at, key) == -1)
		return false;
	in = span_from(block + plain_at, n - plain_at);
	if (!span_take_number(&in, length_bytes, &length) || length > in.n)
		return false;
	*envelope = span_from(in.p, (size_t)length);
	return true;
}

/* ---- records ------------------------------------------------------------ */

/* Keyed, so that nobody's text in the journal can pass for a record. */
static void
hash(struct span record, uint64_t offset, const uint8_t key[queue_key_bytes],
    uint8_t out[hash_bytes])
{
	crypto_generichash_state state;
	uint8_t raw[sizeof(offset)];
	struct buf number = buf_over(raw, sizeof(raw));

	buf_add_number(&number, offset, sizeof(raw));
	crypto_generichash_init(&state, key, queue_key_bytes, hash_bytes);
	crypto_generichash_update(&state, raw, sizeof(raw));
	crypto_generichash_update(&state, record.p, hash_at);
	crypto_generichash_update(&state, record.p + body_at,
	    record.n - body_at);
	crypto_generichash_final(&state, out, hash_bytes);
}

/* The fields, each with its octets, in their order. */
#define NUMBERS(X)							\
	X(queued_s, int64_t, 8) X(next_s, int64_t, 8)			\
	X(lines, uint32_t, 4) X(size_kib, uint32_t, 4)			\
	X(rcpts, uint32_t, 4) X(index, uint32_t, 4)			\
	X(tries, uint16_t, 2) X(code, uint16_t, 2)			\
	X(flags, uint8_t, 1) X(state, uint8_t, 1) X(how, uint8_t, 1)	\
	X(stage, uint8_t, 1) X(end, uint8_t, 1)

#define ADD_OCTETS(name, type, octets) + (octets)
enum { record_least_bytes = body_at + ipc_id_bytes NUMBERS(ADD_OCTETS) };
#undef ADD_OCTETS
_Static_assert(record_least_bytes + queue_text_max_bytes <=
    queue_record_max_bytes, "a record fits");

void
queue_record_write(const struct queue_record *r, uint64_t offset,
    const uint8_t key[queue_key_bytes], struct buf *out)
{
	uint8_t raw[queue_record_max_bytes];
	struct buf b = buf_over(raw, sizeof(raw));
	struct span text = r->text;

	if (text.n > queue_text_max_bytes)
		text.n = queue_text_max_bytes;
	buf_add_number(&b, record_least_bytes + text.n, 4);
	buf_add_number(&b, r->type, 1);
	buf_add_number(&b, version, 3);
	b.n = body_at;
	buf_add(&b, span_from(r->id, ipc_id_bytes));
#define ADD(name, type, octets) buf_add_number(&b, (uint64_t)r->name, octets);
	NUMBERS(ADD)
#undef ADD
	buf_add(&b, text);
	hash(buf_span(&b), offset, key, raw + hash_at);
	buf_add(out, buf_span(&b));
}

static bool
take_body(struct span in, struct queue_record *out)
{
	uint64_t n = 0;

	memcpy(out->id, in.p, ipc_id_bytes);
	in = span_skip(in, ipc_id_bytes);
#define TAKE(name, type, octets)					\
	(void)span_take_number(&in, octets, &n);			\
	out->name = (type)n;
	NUMBERS(TAKE)
#undef TAKE
	out->text = in;
	return is_id(span_from(out->id, ipc_id_bytes)) && out->queued_s >= 0 &&
	    out->next_s >= 0 && out->flags <= QUEUE_FLAGS &&
	    out->index < out->rcpts && out->rcpts <= envelope_max_bytes &&
	    out->how < REPORT_KIND_COUNT && out->stage < RELAY_STAGE_COUNT &&
	    out->end < RELAY_END_COUNT && out->code < 600;
}

/* The length of a record that may begin here; 0: none does. */
static size_t
length_of(struct span in)
{
	uint64_t n, type, rest;

	return span_take_number(&in, 4, &n) &&
	    span_take_number(&in, 1, &type) &&
	    span_take_number(&in, 3, &rest) && n >= record_least_bytes &&
	    n <= record_least_bytes + queue_text_max_bytes && type > 0 &&
	    type < QUEUE_RECORD_TYPE_END && rest == version ? (size_t)n : 0;
}

bool
queue_record_read(struct span in, bool at_end, uint64_t offset,
    const uint8_t key[queue_key_bytes], struct queue_record *out,
    size_t *used, size_t *damaged)
{
	uint8_t expected[hash_bytes];
	size_t at, n;

	for (at = 0; at < in.n; at++) {
		struct span left = span_skip(in, at);

		n = left.n < hash_at ? hash_at : length_of(left);
		if (n > left.n && !at_end)
			break;
		if (n == 0 || n > left.n)
			continue;
		left.n = n;
		hash(left, offset + at, key, expected);
		if (memcmp(expected, left.p + hash_at, hash_bytes) != 0)
			continue;
		memset(out, 0, sizeof(*out));
		out->type = (enum queue_record_type)left.p[4];
		if (!take_body(span_skip(left, body_at), out))
			continue;
		*used = at + n;
		*damaged = at;
		return true;
	}
	*used = *damaged = at;
	return false;
}
