/*
 * A checkpoint: which line was the last of the message log at some time.
 * Kept elsewhere, or signed by a key that is, it tells later whether lines
 * up to there were changed or cut off.
 */
#ifndef SERVER_LOG_CHECKPOINT_H
#define SERVER_LOG_CHECKPOINT_H

#include <sodium.h>

#include "server/log/log_record.h"

enum {
	log_checkpoint_line_bytes = 512,
	log_key_line_bytes = 128
};

struct log_checkpoint {
	char		time[24];
	uint64_t	n;
	uint8_t		hash[log_hash_bytes];
	bool		is_signed;
	uint8_t		key[crypto_sign_PUBLICKEYBYTES];
	uint8_t		signature[crypto_sign_BYTES];
};

/* Adds the line with its LF. */
void	log_checkpoint_write(const struct log_checkpoint *c, struct buf *out);
/* Reads a line without its LF; false when it is not exactly one of ours. */
bool	log_checkpoint_read(struct span line, struct log_checkpoint *out);
/* Signs c with an Ed25519 seed of 32 octets. */
void	log_checkpoint_sign(struct log_checkpoint *c,
	    const uint8_t seed[crypto_sign_SEEDBYTES]);
/* Was c signed by the owner of key? */
bool	log_checkpoint_check(const struct log_checkpoint *c,
	    const uint8_t key[crypto_sign_PUBLICKEYBYTES]);

/* Makes a pair of keys, each as a line with its LF. */
void	log_key_make(char secret[log_key_line_bytes],
	    char public[log_key_line_bytes]);
/* Reads a line of log_key_make; false: it is not one. */
bool	log_key_read_secret(struct span line,
	    uint8_t seed[crypto_sign_SEEDBYTES]);
bool	log_key_read_public(struct span line,
	    uint8_t key[crypto_sign_PUBLICKEYBYTES]);

#endif
