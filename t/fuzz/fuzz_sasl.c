/*
 * base64 and sasl: what a client sends behind AUTH.  What base64 takes, it
 * takes in this one spelling; what PLAIN takes can be put together again.
 */
#include "t/fuzz/fuzz.h"

#include "shared/base64.h"
#include "shared/sasl.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
    "uvwxyz0123456789+/";

/* The spelling that RFC 4648 4 gives three or fewer octets. */
static void
must_spell(struct span text, const uint8_t *p, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 3; i++)
		bits = bits << 8 | (i < n ? p[i] : 0);
	for (size_t i = 0; i < 4; i++)
		MUST(text.p[i] == (i <= n ?
		    (uint8_t)digits[bits >> (18 - 6 * i) & 63] : '='));
}

static void
judge(struct span message)
{
	struct sasl_login login;
	size_t front;

	if (sasl_parse_plain(message, &login) == SASL_BAD)
		return;
	MUST(login.name.n > 0 && login.name.n <= sasl_name_max_bytes);
	MUST(login.password.n > 0 &&
	    login.password.n <= sasl_password_max_bytes);
	MUST(sasl_parse_login(login.name, sasl_name_max_bytes) == SASL_OK);
	MUST(login.password.p + login.password.n == message.p + message.n);
	MUST(login.name.p + login.name.n + 1 == login.password.p);
	front = (size_t)(login.name.p - message.p);
	MUST(front > 0 && message.p[front - 1] == '\0');
	MUST(login.as.n == front - 1 && login.as.n <= sasl_name_max_bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[sasl_line_max_bytes];
	struct span text = span_from(data, size);
	size_t n;

	if (!base64_decode(text, out, sizeof(out), &n))
		return 0;
	MUST(size % 4 == 0 && n <= size / 4 * 3 && n + 2 >= size / 4 * 3);
	for (size_t i = 0; i < size / 4; i++)
		must_spell(span_from(data + 4 * i, 4), out + 3 * i,
		    n - 3 * i < 3 ? n - 3 * i : 3);
	judge(span_from(out, n));
	return 0;
}
