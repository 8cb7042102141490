/*
 * Encodes Punycode, and never decodes it: domains are compared in ASCII.  Pure.
 */
#include "server/conf/punycode.h"

#include "shared/buf.h"
#include "shared/utf8.h"

/* RFC 3492 section 5. */
enum {
	base = 36,
	t_min = 1,
	t_max = 26,
	skew = 38,
	damp = 700,
	initial_bias = 72,
	initial_n = 0x80,
	label_max_bytes = 63
};

struct label {
	uint32_t	c[label_max_bytes];
	size_t		n;
};

static void
add_digit(struct buf *out, uint32_t digit)
{
	uint8_t c = (uint8_t)(digit < 26 ? 'a' + digit : '0' + digit - 26);

	buf_add(out, span_from(&c, 1));
}

/* RFC 3492 6.1. */
static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / damp : delta / 2;
	delta += delta / points;
	for (; delta > ((base - t_min) * t_max) / 2; k += base)
		delta /= base - t_min;
	return k + (base - t_min + 1) * delta / (delta + skew);
}

/* A variable-length integer (3.3). */
static void
add_delta(struct buf *out, uint32_t q, uint32_t bias)
{
	for (uint32_t k = base;; k += base) {
		uint32_t t = k <= bias + t_min ? t_min :
		    k >= bias + t_max ? t_max : k - bias;

		if (q < t)
			break;
		add_digit(out, t + (q - t) % (base - t));
		q = (q - t) / (base - t);
	}
	add_digit(out, q);
}

static uint32_t
least_from(const struct label *l, uint32_t n)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < l->n; i++)
		if (l->c[i] >= n && l->c[i] < least)
			least = l->c[i];
	return least;
}

/*
 * RFC 3492 6.3.  Nothing overflows: a label has at most 63 characters, so all
 * steps together add at most 63 times U+10FFFF to delta.
 */
static void
encode(const struct label *l, struct buf *out)
{
	uint32_t n = initial_n, delta = 0, bias = initial_bias, basic, done = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->c[i] < initial_n) {
			uint8_t c = ascii_lower((uint8_t)l->c[i]);

			buf_add(out, span_from(&c, 1));
			done++;
		}
	basic = done;
	if (basic > 0 && basic < l->n)
		buf_add_str(out, "-");
	for (; done < l->n; delta++, n++) {
		uint32_t next = least_from(l, n);

		delta += (next - n) * (done + 1);
		n = next;
		for (size_t i = 0; i < l->n; i++) {
			delta += l->c[i] < n;
			if (l->c[i] != n)
				continue;
			add_delta(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

/* Takes a label off *in; false: it is bad.  *beyond: it is not all ASCII. */
static bool
take_label(struct span *in, struct label *out, bool *beyond)
{
	out->n = 0;
	*beyond = false;
	while (in->n > 0 && in->p[0] != '.') {
		size_t n = out->n == label_max_bytes ? 0 :
		    utf8_next(*in, &out->c[out->n]);

		if (n == 0 || out->c[out->n] == 0)
			return false;
		*beyond = *beyond || n > 1;
		out->n++;
		*in = span_skip(*in, n);
	}
	return out->n > 0;
}

bool
punycode_domain(struct span domain, char out[punycode_domain_bytes])
{
	struct buf text = buf_over(out, punycode_domain_bytes - 1);
	struct label label;
	bool beyond;
	size_t start;

	for (;;) {
		if (!take_label(&domain, &label, &beyond))
			return false;
		start = text.n;
		if (beyond)
			buf_add_str(&text, "xn--");
		encode(&label, &text);
		if (text.cut || text.n - start > label_max_bytes)
			return false;
		if (domain.n == 0)
			break;
		buf_add_str(&text, ".");
		domain = span_skip(domain, 1);
	}
	out[text.n] = '\0';
	return true;
}
