/*
 * xtext: the input as the value of each parameter of RFC 3461.  What is taken
 * is printable ASCII within its limit, may stand in a record, and comes back
 * from its code.
 */
#include "t/fuzz/fuzz.h"

#include "shared/envelope.h"

static void
try_xtext(struct span in)
{
	uint8_t room[dsn_envid_max_bytes], code[3 * dsn_envid_max_bytes];
	uint8_t twice[dsn_envid_max_bytes];
	struct buf out = buf_over(room, sizeof(room));
	struct buf xtext = buf_over(code, sizeof(code));
	struct buf again = buf_over(twice, sizeof(twice));

	if (!envelope_read_xtext(in, &out))
		return;
	MUST(!out.cut && out.n <= in.n);
	MUST(envelope_envid_valid(buf_span(&out)));
	envelope_add_xtext(&xtext, buf_span(&out));
	MUST(!xtext.cut);
	MUST(envelope_read_xtext(buf_span(&xtext), &again));
	MUST(span_equal(buf_span(&out), buf_span(&again)));
}

static void
try_orcpt(struct span in)
{
	uint8_t room[dsn_orcpt_max_bytes];
	struct buf out = buf_over(room, sizeof(room));

	if (!envelope_read_orcpt(in, &out))
		return;
	MUST(out.n > 2 && !out.cut);
	MUST(envelope_orcpt_valid(buf_span(&out)));
	MUST(span_is_ascii(buf_span(&out)));
	MUST(memchr(out.p, '\n', out.n) == NULL);
	MUST(memchr(out.p, '\r', out.n) == NULL);
}

static void
try_words(struct span in)
{
	uint8_t bits = 0, ret = 0;

	if (envelope_read_notify(in, &bits)) {
		MUST(bits != 0 && bits <= DSN_NOTIFY_ALL);
		MUST((bits & DSN_NEVER) == 0 || bits == DSN_NEVER);
	}
	if (envelope_read_ret(in, &ret))
		MUST(in.n == 4 && ret != DSN_RET_NONE && ret < DSN_RET_COUNT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_from(data, size);

	try_xtext(in);
	try_orcpt(in);
	try_words(in);
	if (envelope_envid_valid(in))
		MUST(size <= dsn_envid_max_bytes);
	return 0;
}
