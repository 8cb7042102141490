/*
 * dns: queries, and answers of servers that are honest, broken or hostile.
 */
#include "t/unit/unit.h"

#include "t/unit/dns_case.h"

static uint8_t query[dns_query_max_bytes];
static size_t query_n;
static struct dns_answer a;

/* The query, and the beginning of an answer with that flags and rcode. */
static void
begin(const char *name, enum dns_type type, unsigned flags)
{
	query_n = dns_query(0x1234, span_of(name), type, 0xa5a5a5a5, true,
	    query);
	ck_assert_uint_gt(query_n, 0);
	n = 0;
	add(query, query_n - 11);
	m[2] = (uint8_t)(flags >> 8);
	m[3] = (uint8_t)flags;
	m[11] = 0;
}

enum { plain = 0x8180, authentic = 0x0020 };

/* Memory of exactly its size: nothing further is read. */
static enum dns_read
answer(void)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	enum dns_read result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, m, n);
	memset(&a, 0xee, sizeof(a));
	result = dns_read(span_from(query, query_n), span_from(copy, n), &a);
	free(copy);
	return result;
}

static const char *
host(size_t i)
{
	ck_assert_uint_lt(i, a.hosts);
	return a.host[i].name;
}

/* ---- queries ------------------------------------------------------------- */

TEST(query_is_as_rfc_1035_has_it)
{
	static const uint8_t expected[] = { 0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0,
	    0, 0, 0, 1, 1, 'f', 3, 'i', 's', 'i', 4, 'a', 'r', 'p', 'a', 0, 0,
	    15, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };

	query_n = dns_query(0x1234, span_of("F.ISI.ARPA"), DNS_MX, 0, true,
	    query);
	ck_assert_uint_eq(query_n, sizeof(expected));
	ck_assert_mem_eq(query, expected, query_n);
	query_n = dns_query(0x1234, span_of("f.isi.arpa"), DNS_MX, 0, false,
	    query);
	ck_assert_uint_eq(query_n, sizeof(expected) - 11);
	ck_assert_uint_eq(query[11], 0);
}

TEST(query_mixes_the_case)
{
	(void)dns_query(1, span_of("abc-1.de"), DNS_A, 0x5, true, query);
	ck_assert_mem_eq(query + 12, "\5AbC-1\2de", 10);
	(void)dns_query(1, span_of("abc-1.de"), DNS_A, UINT32_MAX, true,
	    query);
	ck_assert_mem_eq(query + 12, "\5ABC-1\2DE", 10);
}

TEST(query_for_no_name)
{
	static const char *const bad[] = { "", ".", "a..b", "a.", ".a", "-a.b",
	    "a b", "\xc3\xa4.example", "[192.0.2.1]",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    };
	char longest[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_uint_eq(dns_query(1, span_of(bad[i]), DNS_MX, 0,
		    true, query), 0);
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 63; i < sizeof(longest); i += 64)
		longest[i] = '.';
	ck_assert_uint_eq(dns_query(1, span_from(longest, 253), DNS_MX, 0,
	    true, query), dns_query_max_bytes);
	ck_assert_uint_eq(dns_query(1, span_from(longest, 254), DNS_MX, 0,
	    true, query), 0);
}

/* ---- answers that are good ---------------------------------------------- */

TEST(hosts_in_order)
{
	begin("example.org", DNS_MX, plain | authentic);
	add_mx("@", 300, 20, "b.example.org");
	add_mx("EXAMPLE.org", 100, 10, "A.Example.ORG");
	add_mx("@", 200, 20, "c.example.org");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_OK);
	ck_assert(a.secure);
	ck_assert_uint_eq(a.ttl_s, 100);
	ck_assert_uint_eq(a.hosts, 3);
	ck_assert_str_eq(host(0), "a.example.org");
	ck_assert_str_eq(host(1), "b.example.org");
	ck_assert_str_eq(host(2), "c.example.org");
	ck_assert_uint_eq(a.host[2].preference, 20);
}

TEST(a_thousand_hosts)
{
	char name[32];

	begin("example.org", DNS_MX, plain);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "mx%u.example.org", i);
		add_mx("@", 300, 1000 - i, name);
	}
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert(!a.secure);
	ck_assert_uint_eq(a.hosts, resolve_hosts_max);
	ck_assert_str_eq(host(0), "mx999.example.org");
	ck_assert_str_eq(host(15), "mx984.example.org");
	for (unsigned i = 1000; i <= dns_records_max; i++)
		add_mx("@", 300, 1, "x.example.org");
	ck_assert_int_eq(answer(), DNS_FAILED);
}

TEST(addresses)
{
	size_t begun;

	begin("mx.example.org", DNS_A, plain);
	for (uint8_t i = 0; i < 12; i++)
		add_a("@", 60, i);
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.addresses.count, resolve_addresses_max);
	ck_assert_uint_eq(a.addresses.ip[7].ip[3], 7);
	ck_assert(!a.addresses.ip[7].ipv6);

	begin("mx.example.org", DNS_AAAA, plain);
	begun = begin_record("@", DNS_AAAA, 5);
	add("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	end_record(begun);
	/* IPv4 in another form, by which a check of IPv4 could be passed. */
	begun = begin_record("@", DNS_AAAA, 5);
	add("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	end_record(begun);
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.addresses.count, 1);
	ck_assert(a.addresses.ip[0].ipv6);
	ck_assert_uint_eq(a.addresses.ip[0].ip[15], 1);
}

TEST(null_mx)
{
	begin("example.org", DNS_MX, plain);
	add_mx("@", 300, 0, "");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_NULL_MX);
	ck_assert_uint_eq(a.hosts, 0);
	/* Beside a host it is a mistake, and the host is meant. */
	for (int first = 0; first <= 1; first++) {
		begin("example.org", DNS_MX, plain);
		if (first)
			add_mx("@", 300, 0, "");
		add_mx("@", 300, 10, "mx.example.org");
		if (!first)
			add_mx("@", 300, 0, "");
		ck_assert_int_eq(answer(), DNS_ANSWERED);
		ck_assert_int_eq(a.status, RESOLVE_OK);
		ck_assert_uint_eq(a.hosts, 1);
	}
}

/* There are MX, so the name itself is no host. */
TEST(names_that_are_no_hosts)
{
	static const char *const bad[] = { "-a.example", "a b.example",
	    "\xc3\xa4.example", "a\nb.example", "[192.0.2.1]", "*.example" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin("example.org", DNS_MX, plain);
		add_mx("@", 300, 10, bad[i]);
		ck_assert_int_eq(answer(), DNS_ANSWERED);
		ck_assert_int_eq(a.status, RESOLVE_OK);
		ck_assert_uint_eq(a.hosts, 0);
	}
	/* A dot within a label. */
	begin("example.org", DNS_MX, plain);
	{
		size_t begun = begin_record("@", DNS_MX, 300);

		add("\0\1\3a.b\3com", 11);
		end_record(begun);
	}
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.hosts, 0);
}

TEST(aliases)
{
	begin("example.org", DNS_MX, plain);
	/* In any order. */
	add_mx("c.example", 300, 10, "mx.example");
	add_cname("b.example", 50, "c.example");
	add_cname("@", 400, "B.example");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_OK);
	ck_assert_uint_eq(a.ttl_s, 50);
	ck_assert_str_eq(host(0), "mx.example");
	/* Whose target has nothing. */
	begin("example.org", DNS_MX, plain);
	add_cname("@", 400, "b.example");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_NO_DATA);
	/* Or does not exist: rcode is of the last name (RFC 6604). */
	begin("example.org", DNS_MX, plain | 3);
	add_cname("@", 400, "b.example");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_NO_DOMAIN);
}

TEST(nothing)
{
	for (unsigned rcode = 0; rcode <= 3; rcode += 3) {
		begin("example.org", DNS_MX, plain | rcode);
		ck_assert_int_eq(answer(), DNS_ANSWERED);
		ck_assert_int_eq(a.status, rcode == 0 ? RESOLVE_NO_DATA :
		    RESOLVE_NO_DOMAIN);
		ck_assert_uint_eq(a.ttl_s, UINT32_MAX);
	}
	/* Whoever says both has said that there is none. */
	begin("mx.example.org", DNS_A, plain | 3);
	add_a("@", 60, 1);
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.addresses.status, RESOLVE_NO_DOMAIN);
	ck_assert_uint_eq(a.addresses.count, 0);
}

TEST(ttl_with_its_highest_bit)
{
	begin("mx.example.org", DNS_A, plain);
	add_a("@", 0x80000000, 1);
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.ttl_s, 0);
}

/* ---- answers that are none ----------------------------------------------- */

TEST(not_to_this_question)
{
	begin("example.org", DNS_MX, plain);
	m[1] ^= 1;	/* another id */
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	begin("example.org", DNS_MX, plain);
	m[13] ^= 0x20;	/* the same name, by who did not see the question */
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	begin("example.org", DNS_MX, plain);
	m[n - 3] = DNS_A;
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	begin("example.org", DNS_MX, plain);
	m[5] = 0;	/* no question */
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	begin("example.org", DNS_MX, plain & ~0x8000U);	/* a query */
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	begin("example.org", DNS_MX, plain | 0x2800);	/* UPDATE */
	ck_assert_int_eq(answer(), DNS_FOREIGN);
	for (begin("example.org", DNS_MX, plain); n > 0;) {
		n--;
		ck_assert_int_eq(answer(), DNS_FOREIGN);
	}
}

TEST(servers_that_cannot)
{
	begin("example.org", DNS_MX, plain | 2);
	ck_assert_int_eq(answer(), DNS_FAILED);
	begin("example.org", DNS_MX, plain | 5);
	ck_assert_int_eq(answer(), DNS_FAILED);
	begin("example.org", DNS_MX, plain | 1);
	ck_assert_int_eq(answer(), DNS_FAILED);
	n = 12;		/* FORMERR without the question */
	m[5] = 0;
	ck_assert_int_eq(answer(), DNS_FAILED);
	begin("example.org", DNS_MX, plain | 4);
	ck_assert_int_eq(answer(), DNS_FAILED);
	begin("example.org", DNS_MX, plain | 0x0200);
	ck_assert_int_eq(answer(), DNS_FAILED);
	/* A referral of a server that does not look further. */
	begin("example.org", DNS_MX, 0x8100);
	ck_assert_int_eq(answer(), DNS_FAILED);
	/* Its own zone it knows. */
	begin("example.org", DNS_MX, 0x8500);
	ck_assert_int_eq(answer(), DNS_ANSWERED);
}

/* Other names alone are no "no such record", after which mail is bounced. */
TEST(answers_for_other_names)
{
	begin("example.org", DNS_MX, plain);
	add_mx("example.com", 300, 10, "mx.example.com");
	ck_assert_int_eq(answer(), DNS_FAILED);
	add_mx("@", 300, 10, "mx.example.org");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.hosts, 1);
	ck_assert_str_eq(host(0), "mx.example.org");
}

TEST(aliases_without_end)
{
	char from[32] = "@", to[32];

	begin("example.org", DNS_MX, plain);
	add_cname("@", 300, "b.example");
	add_cname("b.example", 300, "example.org");
	ck_assert_int_eq(answer(), DNS_FAILED);
	begin("example.org", DNS_MX, plain);
	add_cname("@", 300, "@");
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_int_eq(a.status, RESOLVE_NO_DATA);
	for (int longest = 8; longest <= 9; longest++) {
		begin("example.org", DNS_MX, plain);
		strcpy(from, "@");
		for (int i = 0; i < longest; i++) {
			snprintf(to, sizeof(to), "c%d.example", i);
			add_cname(from, 300, to);
			strcpy(from, to);
		}
		add_mx(from, 300, 1, "mx.example");
		ck_assert_int_eq(answer(), longest == 8 ? DNS_ANSWERED :
		    DNS_FAILED);
	}
}

/* Pointers to themselves, forward, in a circle, and far too long names. */
TEST(compression)
{
	static const struct {
		const char	*owner;
		size_t		 n;
	} bad[] = { { "\xc0\x1d", 2 }, { "\xc0\xff", 2 }, { "\xff\xff", 2 },
	    { "\1a\xc0\x1d", 4 }, { "\xc0", 1 }, { "\x40", 1 },
	    { "\x80\1", 2 }, { "\x3f" "a", 2 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin("example.org", DNS_MX, plain);
		ck_assert_uint_eq(n, 0x1d);
		add(bad[i].owner, bad[i].n);
		add("\0\x0f\0\1\0\0\0\1\0\0", 10);
		m[7] = 1;
		ck_assert_int_eq(answer(), DNS_FAILED);
	}
	/* Each name is one label and a pointer to the name before it. */
	begin("example.org", DNS_MX, plain);
	for (unsigned i = 0, before = 12; i < 200; i++) {
		unsigned here = (unsigned)n;

		add("\1a", 2);
		add16(0xc000 | before);
		add("\0\x05\0\1\0\0\0\1\0\0", 10);
		m[7]++;
		before = here;
	}
	ck_assert_int_eq(answer(), DNS_FAILED);
}

/* However it is cut, it is not read further, and never half an answer. */
TEST(cut_anywhere)
{
	size_t whole;

	begin("example.org", DNS_MX, plain);
	add_cname("@", 300, "b.example");
	add_mx("b.example", 300, 10, "a.example");
	add_mx("b.example", 300, 20, "@");
	whole = n;
	ck_assert_int_eq(answer(), DNS_ANSWERED);
	ck_assert_uint_eq(a.hosts, 2);
	for (n = 0; n < whole; n++)
		ck_assert_int_eq(answer(), n < 0x1d ? DNS_FOREIGN :
		    DNS_FAILED);
}

/* Data that is longer or shorter than its type has it. */
TEST(lengths)
{
	for (unsigned type = 0; type < 3; type++)
		for (int delta = -1; delta <= 1; delta += 2) {
			static const unsigned types[] = { DNS_MX, DNS_CNAME,
			    DNS_A };

			begin("example.org", types[type] == DNS_A ? DNS_A :
			    DNS_MX, plain);
			if (types[type] == DNS_MX)
				add_mx("@", 300, 10, "a.example");
			else if (types[type] == DNS_CNAME)
				add_cname("@", 300, "a.example");
			else
				add_a("@", 300, 1);
			add("\0\0", 2);
			m[0x1d + 11] = (uint8_t)(m[0x1d + 11] + delta);
			ck_assert_int_eq(answer(), DNS_FAILED);
		}
}

/* ---- families ------------------------------------------------------------ */

static const struct ip four = { 0, { 192, 0, 2, 1 } }, six = { 1, { 32 } };

static struct dns_addresses
family(enum resolve_status status, size_t count, const struct ip *ip)
{
	struct dns_addresses f = { .status = status, .count = count };

	for (size_t i = 0; i < count; i++)
		f.ip[i] = *ip;
	return f;
}

TEST(families)
{
	static const enum resolve_status one[] = { RESOLVE_NO_DOMAIN,
	    RESOLVE_NO_DATA, RESOLVE_TROUBLE };
	struct dns_addresses v4, v6;
	struct ipc_host h = { 0 };

	v4 = family(RESOLVE_OK, 8, &four);
	v6 = family(RESOLVE_OK, 3, &six);
	dns_join(&v4, &v6, &h);
	ck_assert_uint_eq(h.count, 8);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(h.addresses[i].ipv6, i < 6 && i % 2 == 0);
	/* No family spoils the other. */
	for (size_t i = 0; i < 3; i++) {
		h = (struct ipc_host){ 0 };
		v6 = family(one[i], 0, NULL);
		dns_join(&v4, &v6, &h);
		ck_assert_int_eq(h.status, RESOLVE_OK);
		ck_assert_uint_eq(h.count, 8);
		h = (struct ipc_host){ 0 };
		v6 = family(RESOLVE_OK, 1, &six);
		v4 = family(one[i], 0, NULL);
		dns_join(&v4, &v6, &h);
		ck_assert_int_eq(h.status, RESOLVE_OK);
		v6 = family(RESOLVE_TROUBLE, 0, NULL);
		h = (struct ipc_host){ 0 };
		dns_join(&v4, &v6, &h);
		ck_assert_int_eq(h.status, RESOLVE_TROUBLE);
		h = (struct ipc_host){ 0 };
		dns_join(&v4, &v4, &h);
		ck_assert_int_eq(h.status, one[i]);
		v4 = family(RESOLVE_OK, 8, &four);
	}
	dns_join(&v4, &v4, &h);
	ck_assert_uint_eq(h.count, 8);
}
