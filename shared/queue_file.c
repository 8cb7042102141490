/*
 * A reader takes exactly what a writer with the same key makes: who can change
 * a file of the queue cannot make one that is read as another.
 */
#include "shared/queue_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/file.h"

enum {
	step_bytes = 512,		/* blocks are padded to that */
	nonce_at = queue_block_begin_bytes,
	mac_at = nonce_at + crypto_secretbox_NONCEBYTES,
	plain_at = mac_at + crypto_secretbox_MACBYTES,
	length_bytes = 4,		/* of the envelope */
	hash_bytes = 16,		/* of a record */
	version = 2
};

static const char magic[] = "SMQ1";

_Static_assert(queue_key_bytes == crypto_secretbox_KEYBYTES,
    "a key of the queue seals blocks");

bool
queue_key_read(int dir, const char *path, uint8_t key[queue_key_bytes])
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool found = fd != -1 &&
	    file_read(fd, key, queue_key_bytes) == queue_key_bytes;

	file_close(fd);
	return found;
}

/* ---- names -------------------------------------------------------------- */

void
queue_name_write(const struct queue_name *n, char out[queue_name_bytes])
{
	snprintf(out, queue_name_bytes, "%.*s.%u.%u", (int)ipc_id_bytes,
	    n->id, (unsigned)n->lines, (unsigned)n->flags);
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
	    lines = span_cut(&in, '.');
	char again[queue_name_bytes];
	uint64_t n, bits;

	if (!is_id(id) || !span_number(lines, &n) ||
	    !span_number(in, &bits) || bits > CONTENT_FLAGS)
		return false;
	*out = (struct queue_name){ .lines = (uint32_t)n,
	    .flags = (uint8_t)bits };
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
	arc4random_buf(out + nonce_at, crypto_secretbox_NONCEBYTES);
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

uint8_t *
queue_block_read(int fd, const uint8_t key[queue_key_bytes],
    const char id[ipc_id_bytes], size_t *n, struct envelope *out)
{
	uint8_t *block = NULL;
	struct span text;
	ssize_t got = 0;

	/* Most are as short as a block can be. */
	*n = 0;
	for (size_t m = step_bytes; m > *n; m = queue_block_length(block)) {
		*n = m;
		free(block);
		block = calloc(1, m);
		if (block == NULL)
			return NULL;
		got = pread(fd, block, m, 0);
	}
	if (got != -1 && queue_block_open(block, *n, key, &text) &&
	    envelope_read(text, out) &&
	    span_equal(out->id, span_from(id, ipc_id_bytes)))
		return block;
	free(block);
	if (got != -1)
		errno = EBADMSG;
	return NULL;
}

/* ---- records ------------------------------------------------------------ */

/* The fields behind the id, each with its octets, in their order. */
#define NUMBERS(X)							\
	X(queued_s, int64_t, 8) X(next_s, int64_t, 8)			\
	X(size_kib, uint32_t, 4) X(rcpts, uint32_t, 4)			\
	X(done, uint32_t, 4) X(tries, uint16_t, 2) X(state, uint8_t, 1)

/* Keyed, so that nobody else can write one. */
static void
hash(const uint8_t record[queue_record_bytes],
    const uint8_t key[queue_key_bytes], uint8_t out[hash_bytes])
{
	crypto_generichash(out, hash_bytes, record + hash_bytes,
	    queue_record_bytes - hash_bytes, key, queue_key_bytes);
}

void
queue_record_write(const struct queue_record *r, uint64_t offset,
    const uint8_t key[queue_key_bytes], uint8_t out[queue_record_bytes])
{
	struct buf b = buf_over(out + hash_bytes, queue_record_bytes -
	    hash_bytes);

	buf_add_number(&b, offset, 8);
	buf_add(&b, span_from(r->id, ipc_id_bytes));
#define ADD(name, type, octets) buf_add_number(&b, (uint64_t)r->name, octets);
	NUMBERS(ADD)
#undef ADD
	buf_add_number(&b, version, 1);
	hash(out, key, out);
}

bool
queue_record_read(const uint8_t in[queue_record_bytes], uint64_t offset,
    const uint8_t key[queue_key_bytes], struct queue_record *out)
{
	struct span rest = span_from(in, queue_record_bytes);
	uint8_t expected[hash_bytes];
	uint64_t n = 0;

	hash(in, key, expected);
	if (memcmp(expected, in, hash_bytes) != 0)
		return false;
	rest = span_skip(rest, hash_bytes);
	if (!span_take_number(&rest, 8, &n) || n != offset)
		return false;
	memcpy(out->id, rest.p, ipc_id_bytes);
	rest = span_skip(rest, ipc_id_bytes);
#define TAKE(name, type, octets)					\
	(void)span_take_number(&rest, octets, &n);			\
	out->name = (type)n;
	NUMBERS(TAKE)
#undef TAKE
	return span_take_number(&rest, 1, &n) && n == version &&
	    is_id(span_from(out->id, ipc_id_bytes)) && out->queued_s >= 0 &&
	    out->next_s >= 0 && out->rcpts > 0 &&
	    out->rcpts <= envelope_max_bytes && out->done <= out->rcpts;
}
