/*
 * dot: the first octet chooses the pieces, the rest is what a client sends
 * after 354.  However it comes, it must mean what a simple reading of the
 * whole text says: cut at each CRLF, the first line "." ends it.
 */
#include "t/fuzz/fuzz.h"

#include "worker/header.h"

enum { text_max_bytes = 1 << 16 };

struct meaning {
	struct dot	dot;
	size_t		taken;
	size_t		n;
	uint8_t		text[text_max_bytes];
};

static void
feed(struct span in, uint32_t seed, bool in_place, struct meaning *m)
{
	static uint8_t copy[text_max_bytes], out[text_max_bytes];

	memset(&m->dot, 0, sizeof(m->dot));
	m->n = m->taken = 0;
	memcpy(copy, in.p, in.n);
	while (m->taken < in.n && m->dot.state != DOT_END) {
		size_t n = fuzz_piece(&seed, in.n - m->taken), out_n, taken;
		uint8_t *piece = copy + m->taken;
		uint8_t *to = in_place ? piece : out;

		taken = dot_feed(&m->dot, span_from(piece, n), to, &out_n);
		MUST(taken <= n && out_n <= taken);
		MUST(taken == n || m->dot.state == DOT_END);
		MUST(memchr(to, '\r', out_n) == NULL);
		memcpy(m->text + m->n, to, out_n);
		m->n += out_n;
		m->taken += taken;
	}
	MUST(memcmp(copy + m->taken, in.p + m->taken, in.n - m->taken) == 0);
}

/* One line of n octets, whole: its CRLF was there. */
static void
read_line(const uint8_t *line, size_t n, bool whole, struct meaning *m)
{
	for (size_t i = 0; i < n; i++) {
		if (line[i] == '\n' ||
		    (line[i] == '\r' && (whole || i + 1 < n)))
			m->dot.bare = true;
		if (line[i] == '\0')
			m->dot.nul = true;
		if (line[i] != '\r' && (i > 0 || line[i] != '.'))
			m->text[m->n++] = line[i];
	}
	if (whole)
		m->text[m->n++] = '\n';
}

static void
read_whole(struct span in, struct meaning *m)
{
	memset(&m->dot, 0, sizeof(m->dot));
	m->n = m->taken = 0;
	while (m->taken < in.n) {
		const uint8_t *line = in.p + m->taken;
		size_t left = in.n - m->taken, n = 0;

		while (n < left && !(left - n >= 2 && line[n] == '\r' &&
		    line[n + 1] == '\n'))
			n++;
		m->taken += n < left ? n + 2 : n;
		if (n < left && n == 1 && line[0] == '.') {
			m->dot.state = DOT_END;
			return;
		}
		read_line(line, n, n < left, m);
	}
}

static void
must_be_same(const struct meaning *a, const struct meaning *b)
{
	MUST((a->dot.state == DOT_END) == (b->dot.state == DOT_END));
	MUST(a->taken == b->taken);
	MUST(a->dot.bare == b->dot.bare);
	MUST(a->dot.nul == b->dot.nul);
	if (a->dot.bare || a->dot.nul)
		return;
	MUST(a->n == b->n && memcmp(a->text, b->text, a->n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct meaning want, got;
	struct span in;

	if (size < 1 || size > text_max_bytes)
		return 0;
	in = span_from(data + 1, size - 1);
	read_whole(in, &want);
	feed(in, 0, false, &got);
	must_be_same(&got, &want);
	feed(in, fuzz_seed(data[0]), true, &got);
	must_be_same(&got, &want);
	return 0;
}
