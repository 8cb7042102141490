/* The chain of the message log. */
#include "server/log/log_message.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/log.h"

enum { hex_bytes = 2 * log_hash_bytes + 1 };

static void
set_time(struct log_point *p, struct span time)
{
	memset(p->time, 0, sizeof(p->time));
	memcpy(p->time, time.p, time.n < sizeof(p->time) ? time.n : 0);
}

static struct span
hex_of(const struct log_point *p, char out[hex_bytes])
{
	sodium_bin2hex(out, hex_bytes, p->hash, sizeof(p->hash));
	return span_of(out);
}

void
log_chain_add(struct log_point *last, struct span time, struct span body,
    struct buf *out)
{
	char hex[hex_bytes];
	struct log_record r = { .time = time, .n = last->n + 1,
	    .previous = hex_of(last, hex) };
	size_t at = out->n;

	log_record_write(&r, body, out);
	if (out->cut)
		bug("a line of the message log is longer than its bounds");
	last->n = r.n;
	set_time(last, time);
	crypto_generichash(last->hash, sizeof(last->hash), out->p + at,
	    out->n - at - 1, NULL, 0);
}

void
log_chain_point(struct span line, struct log_record *r, struct log_point *out)
{
	memset(out, 0, sizeof(*out));
	crypto_generichash(out->hash, sizeof(out->hash), line.p, line.n, NULL,
	    0);
	if (!log_record_read(line, r))
		return;
	out->n = r->n;
	set_time(out, r->time);
}

static bool
follows(const struct log_record *r, const struct log_point *p)
{
	char hex[hex_bytes];

	return span_equal(r->previous, hex_of(p, hex));
}

static bool __attribute__((format(printf, 2, 3)))
fault(char why[log_chain_why_bytes], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, log_chain_why_bytes, fmt, ap);
	va_end(ap);
	return false;
}

/* Is this line 1 of the log, or the first one of a later file? */
static bool
judge_first(struct log_chain *c, const struct log_record *r,
    char why[log_chain_why_bytes])
{
	bool first = follows(r, &(struct log_point){ .n = 0 });

	c->from_start = first && r->n == 1;
	if (first != (r->n == 1))
		return fault(why, "its number %" PRIu64 " is forged, for its "
		    "hash is %sthat of a first line", r->n, first ? "" :
		    "not ");
	/* A strange line before it was reported already. */
	return first || r->event == LOG_EVENT_OPEN || c->strange > 0 ||
	    fault(why, "this is number %" PRIu64 ", which begins no file: the "
	    "lines before it were cut off", r->n);
}

static bool
judge(struct log_chain *c, const struct log_record *r, const char *before,
    char why[log_chain_why_bytes])
{
	uint64_t want = c->last.n + 1 + c->strange;

	if (follows(r, &c->last))
		return r->n == want || c->strange > 0 || fault(why, "its "
		    "number %" PRIu64 " is forged, for its hash follows "
		    "number %" PRIu64, r->n, c->last.n);
	if (c->aside.n != 0 && r->n == c->aside.n + 1 && follows(r, &c->aside))
		return true;
	if (r->n <= c->last.n) {
		c->taken = false;
		return fault(why, "out of order: number %" PRIu64 " stands "
		    "behind number %" PRIu64, r->n, c->last.n);
	}
	if (r->n > want)
		return fault(why, "%" PRIu64 " %s missing before it: this is "
		    "number %" PRIu64 ", and %s is number %" PRIu64,
		    r->n - want, r->n - want == 1 ? "line is" : "lines are",
		    r->n, before, c->last.n);
	/* The change of the strange line was reported already. */
	return c->strange > 0 || fault(why, "does not follow the previous "
	    "line: %s was changed, or this one was inserted", before);
}

bool
log_chain_feed(struct log_chain *c, struct span line, const char *before,
    char why[log_chain_why_bytes])
{
	struct log_record r;
	struct log_point p;
	bool fine;

	log_chain_point(line, &r, &p);
	c->taken = p.n != 0;
	if (!c->taken) {
		c->strange++;
		memcpy(c->last.hash, p.hash, sizeof(p.hash));
		return fault(why, "not a line that smtpd writes");
	}
	fine = c->begun ? judge(c, &r, before, why) : judge_first(c, &r, why);
	if (!c->taken) {
		c->aside = p;
		return fine;
	}
	if (!c->begun)
		c->first = p;
	c->begun = true;
	c->last = p;
	c->strange = 0;
	c->aside.n = 0;
	return fine;
}

struct checkpoint {
	struct span	time;
	uint64_t	n;
	struct span	hash;		/* in hex */
};

static const struct json_field form[] = {
	{ JSON_TEXT, "{\"time\":", offsetof(struct checkpoint, time), NULL },
	{ JSON_NUMBER, ",\"event\":\"checkpoint\",\"n\":",
	    offsetof(struct checkpoint, n), NULL },
	{ JSON_TEXT, ",\"hash\":", offsetof(struct checkpoint, hash), NULL },
	{ JSON_END, "}", 0, NULL }
};

void
log_chain_write_checkpoint(const struct log_point *p, struct buf *out)
{
	char hex[hex_bytes];

	json_write(form, &(struct checkpoint){ .time = span_of(p->time),
	    .n = p->n, .hash = hex_of(p, hex) }, out);
	buf_add_str(out, "\n");
}

bool
log_chain_read_checkpoint(struct span line, struct log_point *out)
{
	struct checkpoint c;

	memset(out, 0, sizeof(*out));
	if (!json_read(line, form, &c) || c.n == 0 ||
	    !log_record_is_time(c.time) || !log_record_is_hash(c.hash))
		return false;
	out->n = c.n;
	set_time(out, c.time);
	return sodium_hex2bin(out->hash, sizeof(out->hash),
	    (const char *)c.hash.p, c.hash.n, NULL, NULL, NULL) == 0;
}
