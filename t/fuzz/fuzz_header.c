/*
 * header: the first octet chooses the pieces, the rest is a message with LF
 * line ends.  What comes out is what came in, without its Return-Path fields,
 * by whatever pieces it came; at most an empty line is set before it.
 */
#include "t/fuzz/fuzz.h"

#include "shared/header.h"

enum { text_max_bytes = 1 << 16 };

struct result {
	uint32_t	received;
	size_t		n;
	uint8_t		text[text_max_bytes + 1];
};

static void
put(struct result *r, struct span s)
{
	MUST(r->n + s.n <= sizeof(r->text));
	memcpy(r->text + r->n, s.p, s.n);
	r->n += s.n;
}

static void
feed(struct span in, uint32_t seed, struct result *r)
{
	static uint8_t room[header_carry_max_bytes + text_max_bytes];
	uint8_t *p = room + header_carry_max_bytes;
	struct header h = { 0 };

	r->n = 0;
	for (size_t at = 0; at < in.n; ) {
		size_t n = fuzz_piece(&seed, in.n - at);
		struct span s;

		memset(room, 0xee, header_carry_max_bytes);
		memcpy(p, in.p + at, n);
		s = header_feed(&h, p, n);
		MUST(s.p >= room && s.p + s.n <= p + n);
		put(r, s);
		at += n;
		MUST(r->n <= at + 1);
		MUST(h.carry_n < header_carry_max_bytes);
	}
	put(r, header_finish(&h));
	r->received = h.received;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The name, a few blanks, a colon: fewer than the carry holds in all. */
static bool
is_field(struct span line, const char *name)
{
	size_t n = strlen(name);

	if (!span_begins_fold(line, span_of(name)))
		return false;
	while (n < line.n && is_blank(line.p[n]))
		n++;
	return n < header_carry_max_bytes && n < line.n && line.p[n] == ':';
}

static struct span
first_line(struct span in)
{
	const uint8_t *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n);

	return span_from(in.p, lf == NULL ? in.n : (size_t)(lf - in.p) + 1);
}

/* The same by lines, with the whole of the message there. */
static void
read_whole(struct span in, struct result *r)
{
	bool dropping = false;

	r->n = r->received = 0;
	if (in.n > 0 && is_blank(in.p[0])) {
		put(r, span_of("\n"));
		put(r, in);
		return;
	}
	while (in.n > 0) {
		struct span line = first_line(in);
		bool fold = is_blank(line.p[0]);

		if (line.p[0] == '\n')
			break;
		if (!fold) {
			dropping = is_field(line, "Return-Path");
			r->received += is_field(line, "Received");
		}
		if (!dropping)
			put(r, line);
		in = span_skip(in, line.n);
		/* A line that is no field ends the header. */
		if (!fold && memchr(line.p, ':', line.n) == NULL)
			break;
	}
	put(r, in);
}

static void
must_be_same(const struct result *a, const struct result *b)
{
	MUST(a->received == b->received);
	MUST(a->n == b->n && memcmp(a->text, b->text, a->n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result want, got;
	struct span in;

	if (size < 1 || size > text_max_bytes)
		return 0;
	in = span_from(data + 1, size - 1);
	read_whole(in, &want);
	feed(in, 0, &got);
	must_be_same(&got, &want);
	feed(in, fuzz_seed(data[0]), &got);
	must_be_same(&got, &want);
	return 0;
}
