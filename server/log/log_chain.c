/*
 * The chain of the message log.
 */
#include "server/log/log_chain.h"

#include <sodium.h>
#include <string.h>

static bool
follows(const struct log_record *r, const uint8_t before[log_hash_bytes])
{
	char hash[2 * log_hash_bytes + 1];

	sodium_bin2hex(hash, sizeof(hash), before, log_hash_bytes);
	return span_equal(r->previous, span_of(hash));
}

/* Is this line 1 of the log, or the first one of a later file? */
static enum log_chain_fault
judge_first(struct log_chain *c, const struct log_record *r)
{
	static const uint8_t zeros[log_hash_bytes];
	bool first = follows(r, zeros);

	c->from_start = first && r->n == 1;
	c->first = r->n;
	if (first != (r->n == 1))
		return LOG_CHAIN_NUMBER;
	/* A strange line before it was reported already. */
	return first || r->event == LOG_EVENT_OPEN || c->strange > 0 ?
	    LOG_CHAIN_OK : LOG_CHAIN_HEADLESS;
}

static enum log_chain_fault
judge(struct log_chain *c, const struct log_record *r)
{
	uint64_t want = c->last + 1 + c->strange;

	if (follows(r, c->hash))
		return r->n == want || c->strange > 0 ? LOG_CHAIN_OK :
		    LOG_CHAIN_NUMBER;
	if (c->aside != 0 && r->n == c->aside + 1 &&
	    follows(r, c->aside_hash))
		return LOG_CHAIN_OK;
	if (r->n <= c->last)
		return LOG_CHAIN_MOVED;
	if (r->n > want) {
		c->missing = r->n - want;
		return LOG_CHAIN_MISSING;
	}
	/* The change of the strange line was reported already. */
	return c->strange > 0 ? LOG_CHAIN_OK : LOG_CHAIN_CHANGED;
}

static void
copy_time(char to[24], struct span time)
{
	size_t n = time.n < 23 ? time.n : 23;

	memcpy(to, time.p, n);
	to[n] = '\0';
}

static void
hash_line(struct span line, uint8_t out[log_hash_bytes])
{
	crypto_generichash(out, log_hash_bytes, line.p, line.n, NULL, 0);
}

/* The next line has to follow this one. */
static void
go_on_from(struct log_chain *c, const struct log_record *r)
{
	if (!c->begun)
		copy_time(c->began, r->time);
	copy_time(c->ended, r->time);
	c->begun = true;
	c->last = r->n;
	c->strange = 0;
	c->aside = 0;
}

enum log_chain_fault
log_chain_feed(struct log_chain *c, struct span line, struct log_record *out)
{
	enum log_chain_fault fault;

	c->lines++;
	c->missing = 0;
	if (!log_record_read(line, out)) {
		c->strange++;
		hash_line(line, c->hash);
		return LOG_CHAIN_STRANGE;
	}
	fault = c->begun ? judge(c, out) : judge_first(c, out);
	if (fault == LOG_CHAIN_MOVED) {
		c->aside = out->n;
		hash_line(line, c->aside_hash);
		return fault;
	}
	go_on_from(c, out);
	hash_line(line, c->hash);
	return fault;
}

static void
form_checkpoint(struct json *j, struct span *time, uint64_t *n,
    struct span *hash)
{
	json_text(j, "{\"time\":", time);
	json_number(j, ",\"event\":\"checkpoint\",\"n\":", n);
	json_text(j, ",\"hash\":", hash);
	json_literal(j, "}");
}

void
log_chain_write_checkpoint(const struct log_checkpoint *c, struct buf *out)
{
	char hex[2 * log_hash_bytes + 1];
	struct span time = span_of(c->time), hash;
	struct json j = { .out = out };
	uint64_t n = c->n;

	sodium_bin2hex(hex, sizeof(hex), c->hash, log_hash_bytes);
	hash = span_of(hex);
	form_checkpoint(&j, &time, &n, &hash);
	json_literal(&j, "\n");
}

bool
log_chain_read_checkpoint(struct span line, struct log_checkpoint *out)
{
	struct json j = { .rest = line };
	struct span time, hash;

	memset(out, 0, sizeof(*out));
	form_checkpoint(&j, &time, &out->n, &hash);
	if (j.bad || j.rest.n > 0 || out->n == 0 ||
	    !log_record_is_time(time) || !log_record_is_hash(hash))
		return false;
	copy_time(out->time, time);
	return sodium_hex2bin(out->hash, log_hash_bytes, (const char *)hash.p,
	    hash.n, NULL, NULL, NULL) == 0;
}
