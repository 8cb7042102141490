/*
 * relay_reply: replies one after another.  However they are cut, they are the
 * same, and within bounds.
 */
#include "t/fuzz/fuzz.h"

#include "worker/relay_reply.h"

static void
must_be_sound(const struct relay_reply *r, enum relay_read read)
{
	MUST(r->n <= relay_text_bytes && r->octets <= relay_reply_max_bytes);
	MUST(r->lines <= relay_reply_max_lines + 1);
	MUST(r->line_n <= relay_reply_line_bytes);
	MUST(r->code == 0 || (r->code >= 200 && r->code <= 599));
	MUST(r->enhanced[0] == 0 ? r->enhanced[1] + r->enhanced[2] == 0 :
	    r->enhanced[0] == r->code / 100 && r->enhanced[1] < 1000 &&
	    r->enhanced[2] < 1000);
	MUST(memchr(r->text, '\0', r->n) == NULL);
	MUST(memchr(r->text, '\r', r->n) == NULL);
	if (read == RELAY_READ_WHOLE)
		MUST(r->code != 0 && r->lines > 0 && r->line_n == 0);
}

/* Reads all replies, n octets at a time. */
static size_t
read_all(struct span in, size_t n, struct relay_reply *last,
    struct relay_offers *offers)
{
	enum relay_read read = RELAY_READ_MORE;
	struct relay_reply r = { 0 };
	size_t replies = 0;

	while (in.n > 0 && read != RELAY_READ_BROKEN) {
		size_t take = n < in.n ? n : in.n;
		/* Memory of exactly its size: nothing further is read. */
		uint8_t *copy = malloc(take);
		struct span piece = span_from(copy, take);

		if (copy == NULL)
			return 0;
		memcpy(copy, in.p, take);
		if (read == RELAY_READ_WHOLE)
			memset(&r, 0, sizeof(r));
		read = relay_reply_take(&r, &piece, offers);
		must_be_sound(&r, read);
		MUST(read != RELAY_READ_MORE || piece.n == 0);
		in = span_skip(in, take - piece.n);
		replies += read == RELAY_READ_WHOLE;
		free(copy);
	}
	*last = r;
	return replies;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_from(data, size);
	struct relay_offers a = { 0 }, b = { 0 };
	struct relay_reply x, y;

	if (size == 0 || size > 2 * relay_reply_max_bytes)
		return 0;
	MUST(read_all(in, size, &x, &a) == read_all(in, 1 + data[0] % 7, &y,
	    &b));
	MUST(memcmp(&x, &y, sizeof(x)) == 0);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	MUST(a.g.offers <= RELAY_OFFERS_ALL);
	return 0;
}
