/*
 * punycode: the input as a domain.  What is written is ASCII, small, within
 * its limits, the same again when it is written once more, and is read back by
 * RFC 3492 6.2 as the same characters: no two domains have one spelling.
 */
#include "t/fuzz/fuzz.h"

#include "server/conf/conf_parse.h"

enum { characters_max = 64 };

static uint32_t
digit_of(char c)
{
	return c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a') :
	    c >= '0' && c <= '9' ? (uint32_t)(c - '0' + 26) : 99;
}

static uint32_t
adapt(uint32_t delta, uint32_t n, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	for (delta += delta / n; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

/* RFC 3492 6.2, of what stands behind "xn--". */
static size_t
read_label(const char *p, size_t n, uint32_t out[characters_max])
{
	uint32_t c = 128, i = 0, bias = 72;
	size_t count = 0, at = n;

	while (at > 0 && p[at - 1] != '-')
		at--;
	for (size_t k = 0; at > 0 && k < at - 1; k++)
		out[count++] = (uint32_t)p[k];
	while (at < n) {
		uint32_t old = i, w = 1;

		for (uint32_t k = 36;; k += 36) {
			uint32_t digit, t = k <= bias ? 1 :
			    k >= bias + 26 ? 26 : k - bias;

			MUST(at < n);
			digit = digit_of(p[at++]);
			MUST(digit < 36);
			i += digit * w;
			if (digit < t)
				break;
			w *= 36 - t;
		}
		count++;
		MUST(count < characters_max);
		bias = adapt(i - old, (uint32_t)count, old == 0);
		c += i / (uint32_t)count;
		i %= (uint32_t)count;
		memmove(out + i + 1, out + i, (count - 1 - i) * sizeof(*out));
		out[i++] = c;
	}
	return count;
}

/* The next label of in, of which form is the other spelling. */
static void
must_read_back(struct span *in, const char *form, size_t n)
{
	uint32_t back[characters_max], c;
	bool beyond = false;
	size_t count = 0;
	struct span s = *in;

	for (size_t i = 0; i < s.n && s.p[i] != '.'; i++)
		beyond = beyond || s.p[i] > 0x7f;
	if (beyond) {
		MUST(n > 4 && memcmp(form, "xn--", 4) == 0);
		count = read_label(form + 4, n - 4, back);
	} else
		for (; count < n; count++)
			back[count] = (uint32_t)form[count];
	for (size_t i = 0; i < count; i++) {
		size_t octets = utf8_next(s, &c);

		MUST(octets > 0 && back[i] == (c < 128 ?
		    ascii_lower((uint8_t)c) : c));
		s = span_skip(s, octets);
	}
	MUST(s.n == 0 || s.p[0] == '.');
	*in = span_skip(s, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[punycode_domain_bytes], again[punycode_domain_bytes];
	struct span in = span_from(data, size);

	if (!punycode_domain(in, out))
		return 0;
	MUST(strlen(out) > 0 && strlen(out) <= smtp_domain_max_bytes);
	MUST(punycode_domain(span_of(out), again) && strcmp(out, again) == 0);
	for (const char *p = out; *p != '\0'; p++)
		MUST((*p & 0x80) == 0 && (*p < 'A' || *p > 'Z'));
	for (const char *p = out; *p != '\0';) {
		size_t n = strcspn(p, ".");

		MUST(n > 0 && n <= 63);
		must_read_back(&in, p, n);
		p += n + (p[n] == '.');
	}
	return 0;
}
