/*
 * lineio, as a worker uses it: lines, and behind a line "DATA" octets to the
 * dot, through dot and header in place.  The first octet chooses the pieces,
 * the second the limit of a line; what is read must not depend on the first,
 * and lines must be those that a simple reading of the whole input finds.
 */
#include "t/fuzz/fuzz.h"

#include "worker/lineio.h"

enum { input_max_bytes = 1 << 16, kept_max_bytes = 4 * input_max_bytes };

/* The client: its octets, and how they are cut. */
struct client {
	struct span	left;
	uint32_t	seed;
	size_t		put;		/* octets of replies it has read */
};

static ssize_t
client_read(void *arg, void *p, size_t n, int64_t deadline_ms)
{
	struct client *c = arg;
	size_t piece;

	(void)deadline_ms;
	if (c->left.n == 0)
		return 0;
	piece = fuzz_piece(&c->seed, c->left.n);
	if (n > piece)
		n = piece;
	memcpy(p, c->left.p, n);
	c->left = span_skip(c->left, n);
	return (ssize_t)n;
}

static ssize_t
client_write(void *arg, const void *p, size_t n, int64_t deadline_ms)
{
	struct client *c = arg;

	(void)p;
	(void)deadline_ms;
	c->put += n;
	return (ssize_t)n;
}

static const struct lineio_ops ops = { client_read, client_write };

/* What was read, written down octet by octet. */
struct record {
	size_t	n;
	uint8_t	p[kept_max_bytes];
};

static void
note(struct record *r, uint8_t what, struct span s)
{
	MUST(r->n + 2 + s.n <= sizeof(r->p));
	r->p[r->n++] = what;
	if (s.n > 0)
		memcpy(r->p + r->n, s.p, s.n);
	r->n += s.n;
	r->p[r->n++] = 0;
}

/* Takes a message; LINE_OK at its end. */
static enum line_result
take_message(struct lineio *io, struct record *r)
{
	static uint8_t text[input_max_bytes + 1];
	struct dot dot = { 0 };
	struct header header = { 0 };
	struct span s;
	size_t kept = 0;

	while (dot.state != DOT_END) {
		size_t n, taken, out_n;
		uint8_t *p;
		enum line_result result = lineio_read_some(io, &p, &n);

		if (result != LINE_OK)
			return result;
		MUST(n > 0);
		taken = dot_feed(&dot, span_from(p, n), p, &out_n);
		lineio_unread(io, n - taken);
		MUST(lineio_buffered(io) == n - taken);
		s = header_feed(&header, p, out_n);
		MUST(kept + s.n <= sizeof(text));
		memcpy(text + kept, s.p, s.n);
		kept += s.n;
	}
	s = header_finish(&header);
	memcpy(text + kept, s.p, s.n);
	kept += s.n;
	note(r, 'f', span_from(&dot.bare, 1));
	note(r, 'f', span_from(&dot.nul, 1));
	if (dot.bare)
		return LINE_BARE_LF;
	if (!dot.nul)
		note(r, 'm', span_from(text, kept));
	return LINE_OK;
}

static bool
goes_on(enum line_result result)
{
	return result == LINE_OK || result == LINE_TOO_LONG ||
	    result == LINE_NUL;
}

static void
session(struct span in, uint32_t seed, size_t max, bool data,
    struct record *r)
{
	static struct lineio io;
	struct client client = { in, seed, 0 };
	enum line_result result = LINE_OK;
	size_t put = 0;

	r->n = 0;
	lineio_init(&io, &ops, &client);
	io.octets_in = io.octets_out = 0;
	io.idle_ms = 1000;
	io.deadline_ms = INT64_MAX;
	while (goes_on(result)) {
		struct span line = { NULL, 0 };

		result = lineio_read_line(&io, max, &line);
		MUST(result != LINE_TIMEOUT && result != LINE_GONE &&
		    result != LINE_ERROR);
		if (result != LINE_OK) {
			note(r, (uint8_t)('0' + result), span_of(""));
			continue;
		}
		MUST(line.n + 2 <= max);
		note(r, '0', line);
		MUST(lineio_put(&io, line) == LINE_OK);
		put += line.n;
		if (data && span_equal_fold(line, span_of("DATA")))
			result = take_message(&io, r);
	}
	MUST(lineio_flush(&io) == LINE_OK);
	MUST(client.put == put && io.octets_out == put);
	MUST(io.octets_in == in.n - client.left.n);
}

/* Lines alone, with the whole input there. */
static void
read_whole(struct span in, size_t max, struct record *r)
{
	r->n = 0;
	for (size_t start = 0, i = 0; i < in.n; i++) {
		struct span line = span_from(in.p + start, i - start);

		if (in.p[i] == '\n') {
			note(r, '0' + LINE_BARE_LF, span_of(""));
			return;
		}
		if (in.p[i] != '\r' || i + 1 == in.n)
			continue;
		if (in.p[i + 1] != '\n') {
			note(r, '0' + LINE_BARE_CR, span_of(""));
			return;
		}
		if (line.n + 2 > max)
			note(r, '0' + LINE_TOO_LONG, span_of(""));
		else if (line.n > 0 && memchr(line.p, 0, line.n) != NULL)
			note(r, '0' + LINE_NUL, span_of(""));
		else
			note(r, '0', line);
		start = i + 2;
		i++;
	}
	note(r, '0' + LINE_EOF, span_of(""));
}

static void
must_be_same(const struct record *a, const struct record *b)
{
	MUST(a->n == b->n && memcmp(a->p, b->p, a->n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = { 2, 3, 10, 16, 64, 512, 2048, 12288 };
	static struct record want, got;
	uint32_t seed;
	struct span in;
	size_t max;

	if (size < 2 || size > input_max_bytes)
		return 0;
	seed = fuzz_seed(data[0]);
	max = limits[data[1] % 8];
	in = span_from(data + 2, size - 2);
	read_whole(in, max, &want);
	session(in, 0, max, false, &got);
	must_be_same(&got, &want);
	session(in, seed, max, false, &got);
	must_be_same(&got, &want);
	session(in, 0, max, true, &want);
	session(in, seed, max, true, &got);
	must_be_same(&got, &want);
	return 0;
}
