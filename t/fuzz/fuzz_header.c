/*
 * header: the first octet chooses the pieces, the rest is a message with LF
 * line ends.  What comes out is what came in, without its Return-Path fields,
 * by whatever pieces it came; at most an empty line is set before it.  Whose
 * it says it is, is gathered by the same measure, and changes nothing.
 */
#include "t/fuzz/fuzz.h"

#include "worker/header.h"

enum { text_max_bytes = 1 << 16 };

struct result {
	struct originators o;
	size_t		body_at;	/* SIZE_MAX: nowhere */
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
feed(struct span in, uint32_t seed, bool wanted, struct result *r)
{
	static uint8_t room[header_carry_max_bytes + text_max_bytes];
	uint8_t *p = room + header_carry_max_bytes;
	struct header h = { .submitted = wanted };

	r->n = 0;
	r->body_at = SIZE_MAX;
	memset(&r->o, 0, sizeof(r->o));
	for (size_t at = 0; at < in.n; ) {
		size_t n = fuzz_piece(&seed, in.n - at);
		struct span s;

		memset(room, 0xee, header_carry_max_bytes);
		memcpy(p, in.p + at, n);
		s = header_feed(&h, p, n);
		MUST(s.p >= room && s.p + s.n <= p + n);
		if (h.body_at != SIZE_MAX) {
			MUST(r->body_at == SIZE_MAX && h.body_at < s.n);
			r->body_at = r->n + h.body_at;
		}
		put(r, s);
		at += n;
		MUST(r->n <= at + 1);
		MUST(h.carry_n < header_carry_max_bytes);
	}
	put(r, header_finish(&h));
	if (wanted)
		r->o = h.originators;
	r->received = h.received;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The octets of the name and the blanks behind it; 0: another name. */
static size_t
name_length(struct span line, const char *name)
{
	size_t n = strlen(name);

	if (!span_begins_fold(line, span_of(name)))
		return 0;
	while (n < line.n && is_blank(line.p[n]))
		n++;
	return n;
}

/* The name, a few blanks, a colon: fewer than the carry holds in all. */
static bool
is_field(struct span line, const char *name)
{
	size_t n = name_length(line, name);

	return n > 0 && n < header_carry_max_bytes && n < line.n &&
	    line.p[n] == ':';
}

static bool
is_wide(struct span line, const char *name)
{
	return name_length(line, name) >= header_carry_max_bytes;
}

/* ftext, blanks, a colon. */
static bool
is_any_field(struct span line)
{
	size_t n = 0, name;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f &&
	    line.p[n] != ':')
		n++;
	name = n;
	while (n < line.n && is_blank(line.p[n]))
		n++;
	return name > 0 && n < line.n && line.p[n] == ':';
}

static void
gather(struct result *r, struct span s)
{
	if (r->o.too_long || s.n > originators_max_bytes - r->o.n) {
		r->o.too_long = true;
		r->o.n = 0;
		return;
	}
	memcpy(r->o.text + r->o.n, s.p, s.n);
	r->o.n += s.n;
}

/* What other readers could see in a line of From or Sender. */
static bool
is_odd(struct span line, bool fold)
{
	bool blank = true;

	for (size_t i = 0; i < line.n && line.p[i] != '\n'; i++) {
		if (line.p[i] < ' ' && line.p[i] != '\t')
			return true;
		blank = blank && is_blank(line.p[i]);
	}
	return line.p[line.n - 1] == '\n' && fold && blank;
}

/* A line of the header, with all of it there; true when it is gathered. */
static bool
read_line(struct result *r, struct span line, bool gathering)
{
	static const char *const names[] = { "Return-Path", "Received",
	    "From", "Sender", "Date", "Message-ID" };
	bool fold = is_blank(line.p[0]);
	struct span body = line;

	if (!fold) {
		if (gathering)
			gather(r, span_of("\n"));
		r->o.from += is_field(line, "From");
		r->o.sender += is_field(line, "Sender");
		r->o.date += is_field(line, "Date");
		r->o.message_id += is_field(line, "Message-ID");
		gathering = is_field(line, "From") || is_field(line, "Sender");
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			r->o.broken |= is_wide(line, names[i]);
		r->o.broken |= !is_any_field(line);
	}
	r->o.broken |= line.p[line.n - 1] != '\n';
	if (!gathering)
		return false;
	r->o.control |= is_odd(line, fold);
	if (!fold)
		while (body.p == line.p || body.p[-1] != ':')
			body = span_skip(body, 1);
	gather(r, span_from(body.p, body.n - (body.n > 0 &&
	    body.p[body.n - 1] == '\n')));
	return true;
}

static struct span
first_line(struct span in)
{
	const uint8_t *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n);

	return span_from(in.p, lf == NULL ? in.n : (size_t)(lf - in.p) + 1);
}

/* The same by lines, with the whole of the message there. */
static void
read_whole(struct span in, bool wanted, struct result *r)
{
	bool dropping = false, gathering = false;

	memset(&r->o, 0, sizeof(r->o));
	r->n = r->received = 0;
	r->body_at = SIZE_MAX;
	/* "From " that no colon makes a field of: of mbox. */
	while (wanted && in.n >= 5 && memcmp(in.p, "From ", 5) == 0 &&
	    !is_field(first_line(in), "From") &&
	    !is_wide(first_line(in), "From") &&
	    name_length(first_line(in), "From") < first_line(in).n) {
		struct span line = first_line(in);

		r->o.broken |= line.p[line.n - 1] != '\n';
		in = span_skip(in, line.n);
	}
	if (in.n > 0 && is_blank(in.p[0])) {
		put(r, span_of("\n"));
		put(r, in);
		r->body_at = 0;
		r->o.broken = true;
		return;
	}
	while (in.n > 0) {
		struct span line = first_line(in);
		bool fold = is_blank(line.p[0]);

		if (line.p[0] == '\n') {
			r->body_at = r->n;
			break;
		}
		if (!fold) {
			dropping = is_field(line, "Return-Path");
			r->received += is_field(line, "Received");
		}
		gathering = read_line(r, line, gathering);
		if (!dropping)
			put(r, line);
		in = span_skip(in, line.n);
		/* A line that is no field ends the header. */
		if (!fold && memchr(line.p, ':', line.n) == NULL)
			break;
	}
	if (gathering)
		gather(r, span_of("\n"));
	put(r, in);
}

static void
must_be_same(const struct result *a, const struct result *b)
{
	MUST(a->received == b->received && a->body_at == b->body_at);
	MUST(a->n == b->n && memcmp(a->text, b->text, a->n) == 0);
}

static void
must_gather_same(const struct result *a, const struct result *b)
{
	must_be_same(a, b);
	MUST(a->o.from == b->o.from && a->o.sender == b->o.sender);
	MUST(a->o.date == b->o.date && a->o.message_id == b->o.message_id);
	MUST(a->o.broken == b->o.broken && a->o.too_long == b->o.too_long);
	MUST(a->o.control == b->o.control);
	MUST(a->o.n == b->o.n && memcmp(a->o.text, b->o.text, a->o.n) == 0);
}

/* As many values as fields, each without a line end within. */
static void
must_be_values(const struct originators *o)
{
	size_t values = 0;

	MUST(o->n <= originators_max_bytes && (!o->too_long || o->n == 0));
	for (size_t i = 0; i < o->n; i++)
		values += o->text[i] == '\n';
	MUST(o->too_long || values == (size_t)o->from + o->sender);
	MUST(o->n == 0 || o->text[o->n - 1] == '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result want, got;
	uint32_t seed;
	struct span in;

	if (size < 1 || size > text_max_bytes)
		return 0;
	in = span_from(data + 1, size - 1);
	seed = fuzz_seed(data[0]);
	read_whole(in, false, &want);
	feed(in, 0, false, &got);
	must_be_same(&got, &want);
	feed(in, seed, false, &got);
	must_be_same(&got, &want);
	read_whole(in, true, &want);
	must_be_values(&want.o);
	feed(in, 0, true, &got);
	must_gather_same(&got, &want);
	feed(in, seed, true, &got);
	must_gather_same(&got, &want);
	must_be_values(&got.o);
	return 0;
}
