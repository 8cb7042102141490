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

/* Is this the first line of all, or of a file whose past is not here? */
static enum log_chain_fault
judge_first(struct log_chain *c, const struct log_record *r)
{
	static const uint8_t zeros[log_hash_bytes];
	bool first = follows(r, zeros);

	c->from_start = first && r->n == 1;
	c->first = r->n;
	if (first != (r->n == 1))
		return LOG_CHAIN_NUMBER;
	/* Of a strange line before it, enough has been said. */
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
	/* That the strange line was changed has been said. */
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

/* The line becomes what the next one has to follow. */
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

void
log_chain_write_checkpoint(const struct log_checkpoint *c, struct buf *out)
{
	char hash[2 * log_hash_bytes + 1];

	sodium_bin2hex(hash, sizeof(hash), c->hash, log_hash_bytes);
	json_add_member(out, "{\"time\":", span_of(c->time));
	json_add_number(out, ",\"event\":\"checkpoint\",\"n\":", c->n);
	json_add_member(out, ",\"hash\":", span_of(hash));
	buf_add_str(out, "}\n");
}

bool
log_chain_read_checkpoint(struct span line, struct log_checkpoint *out)
{
	struct json j = { line, false };
	struct span time, hash;

	memset(out, 0, sizeof(*out));
	time = json_take_member(&j, "{\"time\":");
	out->n = json_take_number(&j, ",\"event\":\"checkpoint\",\"n\":");
	hash = json_take_member(&j, ",\"hash\":");
	if (!json_took_end(&j) || out->n == 0 || !log_record_is_time(time) ||
	    !log_record_is_hash(hash))
		return false;
	copy_time(out->time, time);
	return sodium_hex2bin(out->hash, log_hash_bytes, (const char *)hash.p,
	    hash.n, NULL, NULL, NULL) == 0;
}
