/*
 * The address book: counting, refusing for a while, and the notes of it that
 * are shown.
 */
#include "t/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "server/session/address.h"

static struct address
address(const char *text)
{
	struct sockaddr_storage ss;
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct address a;

	memset(&ss, 0, sizeof(ss));
	if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
		memcpy(&ss, &in4, sizeof(in4));
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(&ss, &in6, sizeof(in6));
	ck_assert_msg(address_of(&ss, &a), "%s", text);
	return a;
}

static void
enter(struct address_book *b, const char *text, unsigned times)
{
	struct address a = address(text);
	struct address_host *host;

	while (times-- > 0)
		ck_assert_int_eq(address_enter(b, &a, NULL, 0, &host),
		    REFUSAL_NONE);
}

static void
refuse(struct address_book *b, const char *text, int64_t until_ms)
{
	struct address a = address(text);

	address_refuse(b, &a, until_ms - address_refusal_ms);
}

/* The same, however it has come. */
TEST(of_ip)
{
	struct ip ip;
	struct address a, want = address("192.0.2.1");

	want.port = 1025;
	ck_assert(ip_parse(span_of("192.0.2.1"), &ip));
	address_of_ip(&ip, 1025, &a);
	ck_assert_mem_eq(&a, &want, sizeof(a));
	want = address("2001:db8::1");
	ck_assert(ip_parse(span_of("2001:db8::1"), &ip));
	address_of_ip(&ip, 0, &a);
	ck_assert_mem_eq(&a, &want, sizeof(a));
	ck_assert_str_eq(a.text, "2001:db8::1");
}

TEST(look)
{
	struct address_book *b = address_book_new();
	struct address a = address("2001:db8:1:2:3::4");
	const struct address_host *h;
	char text[address_host_bytes];

	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(address_look(b, &a, false, 0));
	ck_assert_ptr_null(address_look(b, &a, true, 0));
	enter(b, "2001:db8:1:2::9", 2);
	enter(b, "2001:db8:1:3::9", 1);
	refuse(b, "2001:db8:1:2:ffff::", 5000);
	h = address_look(b, &a, false, 2000);
	ck_assert_ptr_nonnull(h);
	address_host_text(h, text);
	ck_assert_str_eq(text, "2001:db8:1:2::/64");
	ck_assert_uint_eq(h->sessions, 2);
	ck_assert_int_eq(h->refused_until_ms, 5000);
	ck_assert_uint_eq(address_look(b, &a, true, 0)->sessions, 3);
	h = address_look(b, &a, false, 5000);
	ck_assert_int_eq(h->refused_until_ms, 0);
	enter(b, "::ffff:192.0.2.1", 1);
	a = address("192.0.2.1");
	address_host_text(address_look(b, &a, false, 0), text);
	ck_assert_str_eq(text, "192.0.2.1");
}

TEST(limits)
{
	struct address_book *b = address_book_new();
	struct address a = address("192.0.2.1"), c = address("192.0.2.9");
	const struct conf_limits l = { .per_address = 2, .per_network = 3 };
	struct address_host *first, *second;

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(address_enter(b, &a, &l, 0, &first), REFUSAL_NONE);
	ck_assert_int_eq(address_enter(b, &a, &l, 0, &second), REFUSAL_NONE);
	ck_assert_ptr_eq(first, second);
	ck_assert_int_eq(address_enter(b, &a, &l, 0, &second),
	    REFUSAL_SESSIONS);
	ck_assert_int_eq(address_enter(b, &c, &l, 0, &second), REFUSAL_NONE);
	ck_assert_int_eq(address_enter(b, &c, &l, 0, &second),
	    REFUSAL_NETWORK);
	address_leave(b, first);
	ck_assert_int_eq(address_enter(b, &a, &l, 0, &second), REFUSAL_NONE);
	ck_assert_uint_eq(second->sessions, 2);
}

TEST(top)
{
	struct address_book *b = address_book_new();
	const struct address_host *top[300];
	char text[32];

	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(address_top(b, 0, false, top, 10), 0);
	for (unsigned i = 1; i <= 250; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", i);
		enter(b, text, (i * 7) % 251);
	}
	for (size_t max = 0; max < 300; max++) {
		size_t n = address_top(b, 0, false, top, max);

		ck_assert_uint_eq(n, max < 250 ? max : 250);
		for (size_t i = 0; i < n; i++)
			ck_assert_uint_eq(top[i]->sessions, 250 - i);
	}
	ck_assert_uint_eq(address_top(b, 0, true, top, 10), 0);
}

TEST(refused)
{
	struct address_book *b = address_book_new();
	const struct address_host *top[4];
	char text[address_host_bytes];

	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(address_refused_count(b, 0), 0);
	refuse(b, "192.0.2.2", 500);
	refuse(b, "192.0.2.1", 1000);
	refuse(b, "192.0.2.3", 2000);
	refuse(b, "192.0.2.2", 3000);
	enter(b, "192.0.2.2", 1);
	ck_assert_uint_eq(address_top(b, 0, true, top, 4), 3);
	address_host_text(top[0], text);
	ck_assert_str_eq(text, "192.0.2.2");
	ck_assert_int_eq(top[0]->refused_until_ms, 3000);
	ck_assert_uint_eq(top[0]->sessions, 1);
	address_host_text(top[1], text);
	ck_assert_str_eq(text, "192.0.2.3");
	address_host_text(top[2], text);
	ck_assert_str_eq(text, "192.0.2.1");
	ck_assert_uint_eq(address_refused_count(b, 999), 3);
	ck_assert_uint_eq(address_refused_count(b, 1000), 2);
	ck_assert_uint_eq(address_top(b, 1500, true, top, 4), 2);
	ck_assert_uint_eq(address_refused_count(b, 5000), 0);
	/* The one with a session is still counted. */
	ck_assert_uint_eq(address_top(b, 5000, false, top, 4), 1);
}

/* One more than there is room for: the one that would end next goes. */
TEST(refused_full)
{
	struct address_book *b = address_book_new();
	const struct conf_limits l = { .per_address = 1, .per_network = 1 };
	struct address_host *host;
	struct address a;
	char text[32];

	for (unsigned i = 0; i <= 4096; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		refuse(b, text, 10000 + (int)i);
	}
	ck_assert_uint_eq(address_refused_count(b, 0), 4096);
	for (unsigned i = 0; i <= 4096; i++) {
		struct ip ip = { .ip = { 10, 0, (uint8_t)(i / 256),
		    (uint8_t)(i % 256) } };

		address_of_ip(&ip, 0, &a);
		ck_assert_int_eq(address_enter(b, &a, &l, 0, &host),
		    i != 0 ? REFUSAL_A_WHILE : REFUSAL_NONE);
	}
	/* One that is refused already takes no other's place. */
	refuse(b, "10.0.0.1", 20000);
	ck_assert_uint_eq(address_refused_count(b, 0), 4096);
}
