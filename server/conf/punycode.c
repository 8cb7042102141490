/* Encodes Punycode, never decodes it: domains are compared in ASCII.  Pure. */
#include "server/conf/conf_parse.h"

#include "shared/buf.h"

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
	uint32_t t, digit;

	for (uint32_t k = base;; k += base) {
		t = k <= bias + t_min ? t_min :
		    k >= bias + t_max ? t_max : k - bias;
		digit = q < t ? q : t + (q - t) % (base - t);
		buf_add_number(out, digit < 26 ? 'a' + digit :
		    '0' + digit - 26, 1);
		if (q < t)
			return;
		q = (q - t) / (base - t);
	}
}

/*
 * RFC 3492 6.3.  Nothing overflows: a label has at most 63 characters, so all
 * steps together add at most 63 times U+10FFFF to delta.
 */
static void
encode(const uint32_t *c, uint32_t count, struct buf *out)
{
	uint32_t delta = 0, bias = initial_bias, basic, done = 0;

	for (uint32_t i = 0; i < count; i++)
		if (c[i] < initial_n) {
			buf_add_number(out, ascii_lower((uint8_t)c[i]), 1);
			done++;
		}
	basic = done;
	if (basic > 0 && basic < count)
		buf_add_str(out, "-");
	for (uint32_t n = initial_n; done < count; delta++, n++) {
		uint32_t next = UINT32_MAX;

		for (uint32_t i = 0; i < count; i++)
			if (c[i] >= n && c[i] < next)
				next = c[i];
		delta += (next - n) * (done + 1);
		n = next;
		for (uint32_t i = 0; i < count; i++) {
			delta += c[i] < n;
			if (c[i] != n)
				continue;
			add_delta(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

bool
punycode_domain(struct span domain, char out[punycode_domain_bytes])
{
	struct buf text = buf_over(out, punycode_domain_bytes - 1);
	uint32_t label[label_max_bytes], count = 0;
	size_t start = 0, n;
	bool beyond = false;	/* the label is not all ASCII */

	for (;; domain = span_skip(domain, n)) {
		n = 1;
		if (domain.n > 0 && domain.p[0] != '.') {
			if (count == label_max_bytes ||
			    (n = utf8_next(domain, &label[count])) == 0 ||
			    label[count++] == 0)
				return false;
			beyond |= n > 1;
			continue;
		}
		if (count == 0)
			return false;
		if (beyond)
			buf_add_str(&text, "xn--");
		encode(label, count, &text);
		if (text.cut || text.n - start > label_max_bytes)
			return false;
		if (domain.n == 0)
			break;
		buf_add_str(&text, ".");
		start = text.n;
		count = 0;
		beyond = false;
	}
	out[text.n] = '\0';
	return true;
}
