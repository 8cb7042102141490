/*
 * proxy_header: what a connection begins with.  However it is cut, it is the
 * same header, or none; nothing behind one changes what it says.
 */
#include "t/fuzz/fuzz.h"

#include "shared/ip.h"
#include "worker/header.h"

static void
must_be_sound(const struct ipc_proxy *p)
{
	static const uint8_t zero[16];

	MUST(p->given <= 1 && p->ip.ipv6 <= p->given);
	if (!p->given)
		MUST(p->port == 0 && memcmp(p->ip.ip, zero, 16) == 0);
	if (!p->ip.ipv6)
		MUST(memcmp(p->ip.ip + 4, zero, 12) == 0);
	else
		MUST(!ip_is_mapped(p->ip.ip));
}

static void
must_be_whole(struct span in)
{
	MUST(in.n >= 15 && in.n <= proxy_header_max_bytes);
	if (in.p[0] == 'P')
		MUST(in.n <= proxy_line_max_bytes &&
		    memchr(in.p, '\n', in.n) == in.p + in.n - 1 &&
		    memchr(in.p, '\r', in.n) == in.p + in.n - 2);
	else
		MUST(in.n == 16U + ((size_t)in.p[14] << 8 | in.p[15]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum proxy_fail last = PROXY_MORE, now;
	struct ipc_proxy p, said;

	if (size > 1024)
		return 0;
	for (size_t i = 0; i <= size; i++) {
		/* Memory of exactly its size: nothing further is read. */
		uint8_t *copy = malloc(i > 0 ? i : 1);

		if (copy == NULL)
			return 0;
		memcpy(copy, data, i);
		now = proxy_header_parse(span_from(copy, i), &p);
		free(copy);
		if (last == PROXY_MORE && now == PROXY_OK) {
			must_be_sound(&p);
			must_be_whole(span_from(data, i));
			said = p;
		} else if (now == PROXY_OK) {
			MUST(last == PROXY_OK &&
			    memcmp(&p, &said, sizeof(p)) == 0);
		} else {
			MUST(now == last || (last == PROXY_MORE &&
			    now < PROXY_FAIL_COUNT));
		}
		MUST(now != PROXY_MORE || i < proxy_header_max_bytes);
		last = now;
	}
	return 0;
}
