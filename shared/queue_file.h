/*
 * The files of the queue, as the master writes and smtpctl reads them.  In a
 * folder: "key", 32 random octets; "journal", records; and for each message a
 * file ID.LINES.FLAGS, a block with its sealed envelope and then its content;
 * or, where FLAGS has QUEUE_APART, the content is in ID.LINES.FLAGS.c.
 *
 * A block is "SMQ1", its length in 4 octets (a multiple of 512), a nonce of 24,
 * and crypto_secretbox() of the length of the envelope, its octets and zeros.
 * A record is its length in 4 octets, type, version, two zero octets, a keyed
 * BLAKE2b hash of 16 octets over its offset and all of it but the hash, and the
 * body.  Numbers have the least significant octet first.
 */
#ifndef SHARED_QUEUE_FILE_H
#define SHARED_QUEUE_FILE_H

#include "shared/ipc_relay.h"

enum {
	queue_key_bytes = 32,
	queue_block_begin_bytes = 8,	/* tell how long it is */
	queue_name_bytes = ipc_id_bytes + 1 + 10 + 1 + 2 + 2 + 1,
	queue_text_max_bytes = 256,	/* of a reply, in a record */
	queue_record_max_bytes = 128 + queue_text_max_bytes
};

/* In FLAGS, beside the bits of enum content_flag. */
enum { QUEUE_APART = 1 << 3, QUEUE_FLAGS = CONTENT_FLAGS | QUEUE_APART };

/* What a file name tells. */
struct queue_name {
	char		id[ipc_id_bytes + 1];
	uint32_t	lines;		/* LF to be sent */
	uint8_t		flags;		/* bits of QUEUE_FLAGS */
	bool		content;	/* it ends with ".c" */
};

void	queue_name_write(const struct queue_name *n,
	    char out[queue_name_bytes]);
/* False: not such a name. */
bool	queue_name_read(const char *name, struct queue_name *out);

/* The length of the block for an envelope of n octets; 0: it is too long. */
size_t	queue_block_bytes(size_t n);
/* Seals envelope into out, which has queue_block_bytes(envelope.n) octets. */
void	queue_block_seal(struct span envelope,
	    const uint8_t key[queue_key_bytes], uint8_t *out);
/* The length of a block with these 8 octets in front; 0: it is none. */
size_t	queue_block_length(const uint8_t begin[queue_block_begin_bytes]);
/*
 * Opens the n octets of a block in place; *envelope is in it.  False: an octet
 * was changed, or the key is another.
 */
bool	queue_block_open(uint8_t *block, size_t n,
	    const uint8_t key[queue_key_bytes], struct span *envelope);

/* Each record has what is known of the message, and why it was written. */
enum queue_record_type {
	QUEUE_INDEX = 1,	/* it was committed */
	QUEUE_TRY,		/* stage, end, code, text: what came of it */
	QUEUE_DONE,		/* recipient index: how */
	QUEUE_STATE,		/* state */
	QUEUE_RECORD_TYPE_END
};

/* Times are those of queue_now_s() in server/mail/queue.h. */
struct queue_record {
	enum queue_record_type type;
	char		id[ipc_id_bytes];	/* without a NUL */
	int64_t		queued_s;
	int64_t		next_s;
	uint32_t	lines;
	uint32_t	size_kib;
	uint32_t	rcpts;
	uint32_t	index;		/* less than rcpts */
	uint16_t	tries;
	uint8_t		flags;		/* bits of QUEUE_FLAGS */
	uint8_t		state;
	uint8_t		how;		/* enum report_kind */
	uint8_t		stage;		/* enum relay_stage */
	uint8_t		end;		/* enum relay_end */
	uint16_t	code;		/* 0: no reply */
	struct span	text;		/* at most queue_text_max_bytes */
};

/* Writes r, which begins at that offset of the journal. */
void	queue_record_write(const struct queue_record *r, uint64_t offset,
	    const uint8_t key[queue_key_bytes], struct buf *out);
/*
 * Finds the first whole record in the octets in, which begin at that offset.
 * True: *used octets end with it, of which *damaged in front of it are none.
 * False: none is whole; the next one begins behind *used octets, or is in
 * octets that follow.  at_end: none do, so that all of in is used.
 */
bool	queue_record_read(struct span in, bool at_end, uint64_t offset,
	    const uint8_t key[queue_key_bytes], struct queue_record *out,
	    size_t *used, size_t *damaged);

#endif
