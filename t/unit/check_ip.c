/*
 * ip: addresses as text, in the spellings that are taken and those that are
 * not.
 */
#include "shared/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

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
	char text[ip_text_max_bytes + 1];
	struct ip ip;

	ck_assert(ip_parse(span_of("192.0.2.1"), &ip) && !ip.ipv6);
	ck_assert(ip.ip[3] == 1 && ip.ip[4] == 0 && ip.ip[15] == 0);
	ck_assert_uint_eq(ip_sockaddr(&ip, 25, &ss),
	    sizeof(struct sockaddr_in));
	ck_assert_uint_eq(((struct sockaddr_in *)(void *)&ss)->sin_port,
	    htons(25));
	ck_assert(ip_parse(span_of("2001:db8::1"), &ip) && ip.ipv6);
	ck_assert_uint_eq(ip_sockaddr(&ip, 25, &ss),
	    sizeof(struct sockaddr_in6));
	ck_assert_str_eq(inet_ntop(AF_INET6, &((struct sockaddr_in6 *)
	    (void *)&ss)->sin6_addr, text, sizeof(text)), "2001:db8::1");
	ck_assert(!ip_parse(span_of(""), &ip));
	ck_assert(!ip_parse(span_of("192.0.2"), &ip));
	ck_assert(!ip_parse(span_of("localhost"), &ip));
}

TEST(from_octets)
{
	static const uint8_t octets[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	char text[ip_text_max_bytes + 1];
	struct ip four = ip_from(false, octets + 12);
	struct ip mapped = ip_from(true, octets), other = ip_from(true,
	    (const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = 1 });

	ck_assert_str_eq(ip_text(&four, text), "192.0.2.1");
	ck_assert_mem_eq(&four, &mapped, sizeof(four));
	ck_assert_str_eq(ip_text(&other, text), "2001:db8::1");
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

static enum ip_reach
reach(const char *text)
{
	struct ip ip;

	ck_assert_msg(ip_parse(span_of(text), &ip), "%s", text);
	return ip_reach(&ip);
}

static void
expect_reach(enum ip_reach want, const char *const *texts)
{
	for (; *texts != NULL; texts++)
		ck_assert_msg(reach(*texts) == want, "%s: %d", *texts,
		    (int)reach(*texts));
}

/* The first and the last of each net, and their neighbours outside. */
TEST(who_is_reached)
{
	expect_reach(IP_PUBLIC, (const char *const[]){ "1.0.0.0",
	    "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
	    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	    "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
	    "192.0.2.1", "192.167.255.255", "192.169.0.0", "198.17.255.255",
	    "198.20.0.0", "223.255.255.255", "8.8.8.8", "2000::",
	    "2001:1::", "2001:db8::1", "2606:4700::1111", "3fff:ffff::",
	    "2002:808:808::1", "64:ff9b::8.8.8.8", NULL });
	expect_reach(IP_PRIVATE, (const char *const[]){ "10.0.0.0",
	    "10.255.255.255", "100.64.0.0", "100.127.255.255", "172.16.0.0",
	    "172.31.255.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
	    "198.19.255.255", "fc00::", "fdff:ffff::1", "fec0::1", "feff::1",
	    "2002:a00:1::1", "2002:c0a8:1::1", "64:ff9b::10.0.0.1",
	    "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::", NULL });
	expect_reach(IP_SPECIAL, (const char *const[]){ "0.0.0.0",
	    "0.255.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255",
	    "169.254.0.0", "169.254.169.254", "169.254.255.255",
	    "192.0.0.0", "192.0.0.255", "224.0.0.0", "239.255.255.255",
	    "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
	    "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
	    "::ffff:0:8.8.8.8", "fe80::1", "febf:ffff::1", "ff02::1",
	    "ff0e::1", "ffff::", "2001::1", "2001:0:ffff::",
	    "2002:7f00:1::1", "2002:a9fe:1::1", "2002:e000:1::1", "2002::",
	    "64:ff9b::127.0.0.1", "64:ff9b::0.0.0.0",
	    "64:ff9b::169.254.169.254", "64:ff9b::1:8.8.8.8",
	    "64:ff9a::8.8.8.8", "64:ff9b:2::8.8.8.8", "100::1", "1fff::",
	    "4000::", "5f00::1", "fbff::1", "fe00::1", NULL });
}
