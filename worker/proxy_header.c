/* The header of a trusted proxy has to be exact: nothing is guessed. */
#include "worker/header.h"

#include <string.h>

enum {
	fixed_bytes = 16,	/* of version 2, before the addresses */
	tcp4_bytes = 12,
	tcp6_bytes = 36
};

/* Version 2, section 2.2; no line of text begins so. */
static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r',
    '\n', 'Q', 'U', 'I', 'T', '\n' };
static const uint8_t line_front[6] = { 'P', 'R', 'O', 'X', 'Y', ' ' };

/* Is in, as far as it goes, the start of front? */
static bool
may_be(struct span in, const uint8_t *front, size_t n)
{
	return memcmp(in.p, front, in.n < n ? in.n : n) == 0;
}

/* ---- version 1 -------------------------------------------------------- */

/* Digits up to 65535, without a zero in front. */
static bool
parse_port(struct span in, uint16_t *out)
{
	uint64_t value;

	if ((in.n > 1 && in.p[0] == '0') || !span_number(in, &value))
		return false;
	*out = (uint16_t)value;
	return value <= UINT16_MAX;
}

/*
 * "PROXY" SP ("TCP4" / "TCP6") SP address SP address SP port SP port, or
 * "PROXY" SP "UNKNOWN" and anything (2.1).
 */
static enum proxy_fail
parse_line(struct span line, struct ipc_proxy *out)
{
	struct span rest = span_skip(line, sizeof(line_front));
	struct span protocol = span_cut(&rest, ' '), from, to, port;
	bool ipv6 = span_equal(protocol, span_of("TCP6"));
	bool (*parse)(struct span, uint8_t *) = ipv6 ? ip_parse_v6 :
	    ip_parse_v4;
	uint8_t ip[16], unused_ip[16];
	uint16_t unused;

	if (span_equal(protocol, span_of("UNKNOWN")))
		return PROXY_OK;
	if (!ipv6 && !span_equal(protocol, span_of("TCP4")))
		return PROXY_FAIL_SYNTAX;
	from = span_cut(&rest, ' ');
	to = span_cut(&rest, ' ');
	port = span_cut(&rest, ' ');
	if (!parse(from, ip) || !parse(to, unused_ip))
		return PROXY_FAIL_ADDRESS;
	if (!parse_port(port, &out->port) || !parse_port(rest, &unused))
		return PROXY_FAIL_PORT;
	out->given = 1;
	out->ip = ip_from(ipv6, ip);
	return PROXY_OK;
}

/* Finds the CR of the line's CRLF; else returns the verdict on the line. */
static enum proxy_fail
find_end(struct span in, size_t *out)
{
	for (size_t i = 1; i < in.n && i < proxy_line_max_bytes; i++) {
		bool after_cr = in.p[i - 1] == '\r';

		*out = i - 1;
		if (after_cr || in.p[i] == '\n')
			return after_cr && in.p[i] == '\n' ? PROXY_OK :
			    PROXY_FAIL_LINE_END;
		if ((in.p[i] < ' ' || in.p[i] > '~') && in.p[i] != '\r')
			return PROXY_FAIL_SYNTAX;
	}
	return in.n < proxy_line_max_bytes ? PROXY_MORE : PROXY_FAIL_LONG;
}

/* ---- version 2 -------------------------------------------------------- */

static uint16_t
big_endian(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The fixed part is judged before any address has come. */
static enum proxy_fail
parse_v2(struct span in, struct ipc_proxy *out)
{
	bool own, ipv6;
	size_t length;

	if (in.n < fixed_bytes)
		return PROXY_MORE;
	/* LOCAL, or AF_UNSPEC: the rest is skipped. */
	own = (in.p[12] & 15) == 0 || in.p[13] == 0x00;
	ipv6 = in.p[13] == 0x21;
	length = big_endian(in.p + 14);
	if (in.p[12] >> 4 != 2)
		return PROXY_FAIL_VERSION;
	if ((in.p[12] & 15) > 1)
		return PROXY_FAIL_COMMAND;
	if (length > proxy_header_max_bytes - fixed_bytes)
		return PROXY_FAIL_LARGE;
	/* AF_INET and AF_INET6 over SOCK_STREAM; SMTP has no others. */
	if (!own && in.p[13] != 0x11 && !ipv6)
		return PROXY_FAIL_FAMILY;
	if (!own && length < (ipv6 ? tcp6_bytes : tcp4_bytes))
		return PROXY_FAIL_SHORT;
	if (in.n < fixed_bytes + length)
		return PROXY_MORE;
	if (!own) {
		out->given = 1;
		out->ip = ip_from(ipv6, in.p + fixed_bytes);
		out->port = big_endian(in.p + fixed_bytes + (ipv6 ? 32 : 8));
	}
	return PROXY_OK;
}

enum proxy_fail
proxy_header_parse(struct span in, struct ipc_proxy *out)
{
	enum proxy_fail verdict;
	size_t end;

	memset(out, 0, sizeof(*out));
	if (in.n == 0)
		return PROXY_MORE;
	if (may_be(in, signature, sizeof(signature)))
		return parse_v2(in, out);
	if (!may_be(in, line_front, sizeof(line_front)))
		return PROXY_FAIL_NONE;
	verdict = find_end(in, &end);
	return verdict != PROXY_OK ? verdict :
	    parse_line(span_from(in.p, end), out);
}
