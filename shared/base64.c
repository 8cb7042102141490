/*
 * Strict base64.  Pure.
 *
 * A lax decoder lets one credential be spelled in many ways, of which a log
 * watcher knows one.
 */
#include "shared/base64.h"

enum { not_a_digit = 64 };

/*
 * Without a table: which memory is touched does not depend on the octet, for
 * it is one of a password.
 */
static uint32_t
digit(uint8_t c)
{
	uint32_t value = not_a_digit;

	value = c >= 'A' && c <= 'Z' ? (uint32_t)(c - 'A') : value;
	value = c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a' + 26) : value;
	value = c >= '0' && c <= '9' ? (uint32_t)(c - '0' + 52) : value;
	value = c == '+' ? 62 : value;
	return c == '/' ? 63 : value;
}

/* Four digits, of which the last padding ones are "="; 3 - padding octets. */
static bool
decode_four(const uint8_t *p, size_t padding, uint8_t out[3])
{
	uint32_t bits = 0, bad = 0;

	for (size_t i = 0; i < 4; i++) {
		uint32_t value = i < 4 - padding ? digit(p[i]) :
		    p[i] == '=' ? 0 : not_a_digit;

		bad |= value & not_a_digit;
		bits = bits << 6 | (value & 63);
	}
	/* RFC 4648 3.5: bits that are not used have to be zero. */
	if (bad != 0 || (padding > 0 && (bits & (padding == 1 ? 0xff :
	    0xffff)) != 0))
		return false;
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return true;
}

bool
base64_decode(struct span in, uint8_t *out, size_t room, size_t *n)
{
	uint8_t three[3];
	size_t padding, take;

	*n = 0;
	if (in.n % 4 != 0)
		return false;
	while (in.n > 0) {
		padding = 0;
		while (in.n == 4 && padding < 2 &&
		    in.p[3 - padding] == '=')
			padding++;
		take = 3 - padding;
		if (take > room - *n || !decode_four(in.p, padding, three))
			return false;
		for (size_t i = 0; i < take; i++)
			out[(*n)++] = three[i];
		in = span_skip(in, 4);
	}
	return true;
}
