/*
 * sasl: what a client sends behind AUTH, in base64.  What PLAIN takes can be
 * put together again.
 */
#include "t/fuzz/fuzz.h"

#include <sodium.h>

#include "shared/sasl.h"

static void
judge(struct span message)
{
	struct sasl_login login;
	size_t front;

	if (sasl_parse(SASL_PLAIN, message, &login) == false)
		return;
	MUST(login.name.n > 0 && login.name.n <= sasl_name_max_bytes);
	MUST(login.password.n > 0 &&
	    login.password.n <= sasl_password_max_bytes);
	MUST(sasl_is_safe(login.name, sasl_name_max_bytes) == true);
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
	size_t n;

	if (sodium_base642bin(out, sizeof(out), (const char *)data, size,
	    NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == -1)
		return 0;
	judge(span_from(out, n));
	return 0;
}
