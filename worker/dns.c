/*
 * Questions to name servers, and their answers.  Pure: see dns.h.
 *
 * Names are read as text in small letters.  An octet that no host name has may
 * stand in a label, even a dot: it becomes one that no dot and no letter is.
 */
#include "worker/dns.h"

#include <string.h>

enum {
	header_bytes = 12,
	name_max_bytes = 253,	/* as text; on the wire 255 (2.3.4) */
	no_octet = 1,		/* of a host name */
	/* Bits of the third and fourth octet (4.1.1; RFC 4035 3). */
	bit_response = 0x80, bits_opcode = 0x78, bit_authority = 0x04,
	bit_truncated = 0x02, bit_recursion = 0x01,
	bit_available = 0x80, bit_authentic = 0x20, bits_rcode = 0x0f
};

enum rcode { NOERROR, FORMERR, NXDOMAIN = 3 };

struct name {
	size_t	n;		/* 0: the root */
	char	p[smtp_domain_max_bytes];
};

/* A resource record: where its data is in the message. */
struct record {
	struct name	owner;
	uint16_t	type, class, n;
	uint32_t	ttl;
	size_t		at;
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

size_t
dns_query(uint16_t id, struct span name, enum dns_type type, uint32_t mix,
    bool edns, uint8_t out[dns_query_max_bytes])
{
	/* AD: "tell me" (RFC 6840 5.7). */
	const uint8_t head[header_bytes] = { (uint8_t)(id >> 8), (uint8_t)id,
	    bit_recursion, bit_authentic, 0, 1, 0, 0, 0, 0, 0, edns };
	/* IN; OPT (RFC 6891 6.1.2): root, type 41, size, no flags, no data. */
	const uint8_t tail[] = { 0, 0, (uint8_t)type, 0, 1, 0, 0, 41,
	    dns_udp_max_bytes >> 8, dns_udp_max_bytes & 0xff, 0, 0, 0, 0, 0,
	    0 };
	const size_t n = edns ? sizeof(tail) : 5;
	uint8_t *p = out + header_bytes, c;
	struct span label;

	if (name.n > name_max_bytes || !smtp_domain_valid(name))
		return 0;
	memcpy(out, head, sizeof(head));
	while (name.n > 0) {
		label = span_cut(&name, '.');
		*p++ = (uint8_t)label.n;
		for (; label.n > 0; label = span_skip(label, 1)) {
			c = ascii_lower(label.p[0]);
			if (c > 0x7f)
				return 0;
			*p++ = c >= 'a' && (mix & 1) != 0 && c <= 'z' ?
			    (uint8_t)(c - 'a' + 'A') : c;
			mix = mix >> 1 | mix << 31;
		}
	}
	memcpy(p, tail, n);
	return (size_t)(p - out) + n;
}

/*
 * Reads the name at *at, which then is behind it.  A pointer (4.1.4) must lead
 * to before the labels it ends, so that the way is finite.
 */
static bool
read_name(struct span m, size_t *at, struct name *out)
{
	size_t from = *at, low = from;
	bool jumped = false;

	for (out->n = 0;;) {
		uint8_t len = from < m.n ? m.p[from] : 0x40;

		if (!jumped)
			*at = from + (len >= 0xc0 ? 2U : len + 1U);
		if (len >= 0xc0 && from + 1 < m.n) {
			jumped = true;
			from = get16(m.p + from) & 0x3fff;
			if (from >= low)
				return false;
			low = from;
			continue;
		}
		if (len == 0)
			return true;
		if (len >= 0x40 || len >= m.n - from ||
		    out->n + 1 + len > name_max_bytes + (out->n == 0))
			return false;
		if (out->n > 0)
			out->p[out->n++] = '.';
		for (size_t i = 1; i <= len; i++) {
			uint8_t c = ascii_lower(m.p[from + i]);

			out->p[out->n++] = c == '.' || c > 0x7f ? no_octet :
			    (char)c;
		}
		from += len + 1U;
	}
}

static bool
read_record(struct span m, size_t *at, struct record *out)
{
	const uint8_t *p;

	if (!read_name(m, at, &out->owner) || m.n - *at < 10)
		return false;
	p = m.p + *at;
	out->type = get16(p);
	out->class = get16(p + 2);
	out->ttl = (uint32_t)get16(p + 4) << 16 | get16(p + 6);
	if (out->ttl > INT32_MAX)
		out->ttl = 0;	/* RFC 2181 8 */
	out->n = get16(p + 8);
	out->at = *at + 10;
	*at = out->at + out->n;
	return *at <= m.n;
}

/* The name that the data of r ends with, behind skip octets. */
static bool
read_target(struct span m, const struct record *r, size_t skip,
    struct name *out)
{
	size_t at = r->at + skip;

	return r->n > skip && read_name(m, &at, out) && at == r->at + r->n;
}

static bool
same_name(const struct name *a, const struct name *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* Adds a host before those that are worse; the worst may go. */
static void
add_host(struct dns_answer *a, const struct ipc_host *h)
{
	size_t i = a->hosts;

	while (i > 0 && a->host[i - 1].preference > h->preference)
		i--;
	if (i == resolve_hosts_max)
		return;
	if (a->hosts < resolve_hosts_max)
		a->hosts++;
	memmove(&a->host[i + 1], &a->host[i],
	    (a->hosts - 1 - i) * sizeof(a->host[0]));
	a->host[i] = *h;
}

static bool
take_data(struct span m, const struct record *r, struct dns_answer *a)
{
	struct ip ip = { .ipv6 = r->type == DNS_AAAA };
	struct ipc_host h = { 0 };
	struct name name;

	if (r->type == DNS_MX) {
		if (!read_target(m, r, 2, &name))
			return false;
		h.preference = get16(m.p + r->at);
		/* "." alone: no mail at all (RFC 7505). */
		if (name.n == 0 && a->status == RESOLVE_NO_DATA)
			a->status = RESOLVE_NULL_MX;
		else if (name.n > 0)
			a->status = RESOLVE_OK;
		if (smtp_domain_valid(span_from(name.p, name.n))) {
			span_copy(span_from(name.p, name.n), h.name);
			add_host(a, &h);
		}
		return true;
	}
	if (r->n != (ip.ipv6 ? 16 : 4))
		return false;
	memcpy(ip.ip, m.p + r->at, r->n);
	if ((ip.ipv6 && ip_is_mapped(ip.ip)) ||
	    a->addresses.count == resolve_addresses_max)
		return true;
	a->addresses.ip[a->addresses.count++] = ip;
	a->status = RESOLVE_OK;
	return true;
}

/*
 * Takes the records of owner from the count at at, or follows its CNAME: *owner
 * is another name then.  Returns how many were used; -1: they are broken.
 */
static int
take_records(struct span m, size_t at, size_t count, uint16_t type,
    struct name *owner, struct dns_answer *a)
{
	struct name target = { 0 };
	struct record r;
	int used = 0;

	while (count-- > 0) {
		if (!read_record(m, &at, &r))
			return -1;
		if (r.class != 1 || !same_name(&r.owner, owner) ||
		    (r.type != type && r.type != DNS_CNAME))
			continue;
		if (r.type == type ? !take_data(m, &r, a) :
		    !read_target(m, &r, 0, &target))
			return -1;
		if (r.ttl < a->ttl_s)
			a->ttl_s = r.ttl;
		used++;
	}
	if (target.n > 0 && a->status == RESOLVE_NO_DATA)
		*owner = target;
	return used;
}

/* The answer section: the records of owner, or of what its CNAMEs lead to. */
static bool
read_answer(struct span m, size_t first, uint16_t type, struct name *owner,
    struct dns_answer *a)
{
	const size_t count = get16(m.p + 6);
	int used, in_all = 0;
	struct name last;

	for (int i = 0; count <= dns_records_max && i <= dns_cnames_max; i++) {
		last = *owner;
		used = take_records(m, first, count, type, owner, a);
		if (used == -1)
			return false;
		in_all += used;
		/* Records of other names alone are no answer. */
		if (same_name(owner, &last))
			return count == 0 || in_all > 0;
	}
	return false;
}

enum dns_read
dns_read(struct span query, struct span m, struct dns_answer *out)
{
	const size_t n = query.n - header_bytes -
	    (get16(query.p + 10) == 0 ? 0 : 11);
	const uint16_t type = get16(query.p + header_bytes + n - 4);
	size_t at = header_bytes;
	uint8_t rcode;
	struct name owner;

	if (m.n < header_bytes || memcmp(m.p, query.p, 2) != 0 ||
	    (m.p[2] & (bit_response | bits_opcode)) != bit_response)
		return DNS_FOREIGN;
	rcode = m.p[3] & bits_rcode;
	/* Who does not understand the question may leave it out. */
	if (rcode == FORMERR && m.n == header_bytes)
		return DNS_FAILED;
	/* Octet by octet, for whoever guesses an id has to guess the case. */
	if (get16(m.p + 4) != 1 || m.n - header_bytes < n ||
	    memcmp(m.p + header_bytes, query.p + header_bytes, n) != 0)
		return DNS_FOREIGN;
	memset(out, 0, sizeof(*out));
	out->status = RESOLVE_NO_DATA;
	out->secure = (m.p[3] & bit_authentic) != 0;
	out->ttl_s = UINT32_MAX;
	/* A referral says nothing: that server does not look further. */
	if ((m.p[2] & bit_truncated) ||
	    (rcode != NOERROR && rcode != NXDOMAIN) ||
	    ((m.p[2] & bit_authority) == 0 && (m.p[3] & bit_available) == 0) ||
	    !read_name(m, &at, &owner) ||
	    !read_answer(m, header_bytes + n, type, &owner, out))
		return DNS_FAILED;
	if (rcode == NXDOMAIN) {
		out->status = RESOLVE_NO_DOMAIN;
		out->hosts = out->addresses.count = 0;
	}
	out->addresses.status = out->status;
	return DNS_ANSWERED;
}

void
dns_join(const struct dns_addresses *v4, const struct dns_addresses *v6,
    struct ipc_host *host)
{
	const struct dns_addresses *const both[] = { v6, v4 };
	const enum resolve_status a = v4->status, b = v6->status;

	/* In turn, so that neither family takes all places. */
	for (size_t i = 0; i < resolve_addresses_max; i++)
		for (size_t f = v4 == v6; f < 2; f++)
			if (i < both[f]->count &&
			    host->count < resolve_addresses_max)
				host->addresses[host->count++] =
				    both[f]->ip[i];
	/* What one family lacks says nothing of the other. */
	host->status = (uint8_t)(host->count > 0 ? RESOLVE_OK :
	    a == RESOLVE_TROUBLE || b == RESOLVE_TROUBLE ? RESOLVE_TROUBLE :
	    a == RESOLVE_NO_DOMAIN ? a : b);
}
