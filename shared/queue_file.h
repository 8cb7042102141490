/*
 * The files of the queue, as the master writes and smtpctl reads them.  In a
 * folder: "key", 32 random octets; "journal", records; and for each message a
 * file ID.LINES.FLAGS, a block with its sealed envelope and then its content.
 *
 * A block is "SMQ1", its length in 4 octets (a multiple of 512), a nonce of 24,
 * and crypto_secretbox() of the length of the envelope, its octets and zeros.
 * A record is a keyed BLAKE2b hash of 16 octets over the rest of it; its offset
 * in the journal, id, and numbers.  The least significant octet is first.
 */
#ifndef SHARED_QUEUE_FILE_H
#define SHARED_QUEUE_FILE_H

#include "shared/ipc_relay.h"

enum {
	queue_key_bytes = 32,
	queue_block_begin_bytes = 8,	/* tell how long it is */
	queue_record_bytes = 72,
	queue_name_bytes = ipc_id_bytes + 1 + 10 + 1 + 1 + 1
};

/* Reads the key of a folder; false: there is none, or it is cut. */
bool	queue_key_read(int dir, const char *path,
	    uint8_t key[queue_key_bytes]);

/* What a file name tells. */
struct queue_name {
	char		id[ipc_id_bytes + 1];
	uint32_t	lines;		/* LF to be sent */
	uint8_t		flags;		/* of enum content_flag */
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
/* Opens a block of n octets in place.  False: changed, or of another key. */
bool	queue_block_open(uint8_t *block, size_t n,
	    const uint8_t key[queue_key_bytes], struct span *envelope);
/*
 * Opens the block of message id in front of file fd: *n octets, to be freed,
 * with *out in them.  NULL and errno; EBADMSG: there is no such block.
 */
uint8_t	*queue_block_read(int fd, const uint8_t key[queue_key_bytes],
	    const char id[ipc_id_bytes], size_t *n, struct envelope *out);

/*
 * What is known of a message, and perhaps a recipient that needs nothing more.
 * Times are those of queue_now_s() in server/mail/queue.h.
 */
struct queue_record {
	char		id[ipc_id_bytes];	/* without a NUL */
	int64_t		queued_s;
	int64_t		next_s;
	uint32_t	size_kib;
	uint32_t	rcpts;
	uint32_t	done;		/* index of that recipient + 1; or 0 */
	uint16_t	tries;
	uint8_t		state;		/* enum queued_state */
};

/* Writes r for that offset of the journal, a multiple of its length. */
void	queue_record_write(const struct queue_record *r, uint64_t offset,
	    const uint8_t key[queue_key_bytes],
	    uint8_t out[queue_record_bytes]);
/* False: these octets are no record that was written for that offset. */
bool	queue_record_read(const uint8_t in[queue_record_bytes],
	    uint64_t offset, const uint8_t key[queue_key_bytes],
	    struct queue_record *out);

#endif
