/*
 * ip: addresses as text, in the spellings that are taken and those that are
 * not.
 */
#include "shared/ip.h"

#include <arpa/inet.h>

#include "t/unit/unit.h"

TEST(v4)
{
	static const char *const good[] = { "0.0.0.0", "192.0.2.1",
	    "255.255.255.255", "1.20.100.0" };
	static const char *const bad[] = { "", ".", "1", "1.2.3", "1.2.3.",
	    ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1.2.3.256", "1.2.3.1000",
	    "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "1.2..4",
	    "1.2.3.-4", "1.2.3.+4", "0x1.2.3.4", "1.2.3.4/8", "a.b.c.d",
	    "1,2,3,4", "::1", "1.2.3.4\n" };
	uint8_t got[4];

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(ip_parse_v4(span_of(good[i]), got), "%s",
		    good[i]);
	ck_assert_mem_eq(got, "\1\24\144\0", 4);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!ip_parse_v4(span_of(bad[i]), got), "%s",
		    bad[i]);
	ck_assert(!ip_parse_v4(span_from("1.2.3.4", 8), got));
}

TEST(v6)
{
	static const char *const good[] = { "::", "::1", "1::", "2001:db8::",
	    "2001:DB8:0:0:1:2:3:4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
	    "::2:3:4:5:6:7:8", "1::8", "1:2::7:8", "::ffff:192.0.2.1",
	    "1:2:3:4:5:6:192.0.2.1", "::192.0.2.1", "1::192.0.2.1",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	    "0001:0002:0003:0004:0005:0006:0007:0008", "fe80::1" };
	static const char *const bad[] = { "", ":", ":1", "1:", "1", ":::",
	    "1:::2", "1::2::3", "::1::", "1:2:3:4:5:6:7", "12345::",
	    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
	    "1:2:3:4::5:6:7:8", "g::1", "::1%lo", "::1/64", "[::1]", "::1 ",
	    " ::1", "192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1", "::1.2.3",
	    "::01.2.3.4", "::1.2.3.4:5", "::1.2.3.4:", "1:2:3:4:5:192.0.2.1",
	    "::a.2.3.4", "1: :2", ":1::2", "1::2:", "::256.1.1.1" };
	uint8_t got[16];

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(ip_parse_v6(span_of(good[i]), got), "%s",
		    good[i]);
	ck_assert_mem_eq(got, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!ip_parse_v6(span_of(bad[i]), got), "%s",
		    bad[i]);
	ck_assert(!ip_parse_v6(span_from("::1", 4), got));
}

TEST(either)
{
	struct sockaddr_storage ss;
	uint8_t ip[16];
	char text[INET6_ADDRSTRLEN];
	bool ipv6;

	ck_assert(ip_parse(span_of("192.0.2.1"), &ipv6, ip) && !ipv6);
	ck_assert(ip[3] == 1 && ip[4] == 0 && ip[15] == 0);
	ck_assert_uint_eq(ip_sockaddr(ipv6, ip, 25, &ss),
	    sizeof(struct sockaddr_in));
	ck_assert_uint_eq(((struct sockaddr_in *)(void *)&ss)->sin_port,
	    htons(25));
	ck_assert(ip_parse(span_of("2001:db8::1"), &ipv6, ip) && ipv6);
	ck_assert_uint_eq(ip_sockaddr(ipv6, ip, 25, &ss),
	    sizeof(struct sockaddr_in6));
	ck_assert_str_eq(inet_ntop(AF_INET6, &((struct sockaddr_in6 *)
	    (void *)&ss)->sin6_addr, text, sizeof(text)), "2001:db8::1");
	ck_assert(!ip_parse(span_of(""), &ipv6, ip));
	ck_assert(!ip_parse(span_of("192.0.2"), &ipv6, ip));
	ck_assert(!ip_parse(span_of("localhost"), &ipv6, ip));
}

TEST(mapped)
{
	uint8_t ip[16];

	ck_assert(ip_parse_v6(span_of("::ffff:192.0.2.1"), ip));
	ck_assert(ip_is_mapped(ip));
	ck_assert(ip_parse_v6(span_of("::fffe:192.0.2.1"), ip));
	ck_assert(!ip_is_mapped(ip));
	ck_assert(ip_parse_v6(span_of("::192.0.2.1"), ip));
	ck_assert(!ip_is_mapped(ip));
}
