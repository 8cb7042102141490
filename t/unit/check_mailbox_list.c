/*
 * mailbox_list: what is an address of a From field, and what is none for
 * being no grammar or for being readable in two ways.
 */
#include "t/unit/unit.h"

#include "worker/header.h"

enum { text_max_bytes = 20000 };

/*
 * All of the list as text, "a@b c@d", into out; false when it is BAD.  What
 * is refused must not be touched.
 */
static bool
read_all(struct span in, char *out)
{
	enum mailbox_list result;
	struct mailbox m, before;
	struct span rest = in;
	size_t n = 0;

	for (;;) {
		struct span was = rest;

		memset(&m, 0xa5, sizeof(m));
		before = m;
		result = mailbox_list_next(&rest, &m);
		if (result != MAILBOX_LIST_NEXT)
			break;
		ck_assert(smtp_mailbox_valid(&m) && m.domain_len > 0);
		ck_assert(rest.n < was.n);
		if (n > 0)
			out[n++] = ' ';
		n += smtp_mailbox_text(&m, out + n);
		was = rest;
	}
	out[n] = '\0';
	ck_assert_mem_eq(&m, &before, sizeof(m));
	return result == MAILBOX_LIST_END;
}

static void
expect(struct span in, const char *want)
{
	static char got[text_max_bytes];
	bool right = read_all(in, got);

	ck_assert_msg(right == (want != NULL), "%.*s: %s", (int)in.n,
	    (const char *)in.p, right ? got : "BAD");
	if (right)
		ck_assert_msg(strcmp(got, want) == 0, "%.*s: %s", (int)in.n,
		    (const char *)in.p, got);
}

struct row {
	const char	*in, *want;
};

static void
every_row(const struct row *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect(span_of(t[i].in), t[i].want);
}

TEST(addr_spec)
{
	static const struct row t[] = {
		{ "a@b", "a@b" },
		{ " Alice.B@Example.ORG ", "Alice.B@example.org" },
		{ "\ta@b\t", "a@b" },
		{ "!#$%&'*+-/?=^_`{|}~@b", "!#$%&'*+-/?=^_`{|}~@b" },
		{ "\"a\"@b", "a@b" },
		{ "\"a b\"@c", "\"a b\"@c" },
		{ "\"a@b\"@c", "\"a@b\"@c" },
		{ "\"a\\\"b\\\\\"@c", "\"a\\\"b\\\\\"@c" },
		{ "\"\"@b", "\"\"@b" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
		{ "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]" },
		{ "j\xc3\xb6rg@b\xc3\xbc" "cher.example",
		    "j\xc3\xb6rg@b\xc3\xbc" "cher.example" },
		{ "a @ b", "a@b" },
		{ "(x)a(x)@(x)b(x)", "a@b" },
		{ "(x) \"a\" (x) @ (x) [192.0.2.1] (x)", "a@[192.0.2.1]" },
		{ "a@b (Alice (of \\) \\( 'c') \xc3\xb6\t)", "a@b" },
		{ "a@b (=?utf-8?q?J=C3=B6rg?=)", "a@b" },
	};

	every_row(t, COUNT(t));
}

TEST(name_addr)
{
	static const struct row t[] = {
		{ "<a@b>", "a@b" },
		{ " < a @ b > ", "a@b" },
		{ "(x)<(x)a(x)@(x)b(x)>(x)", "a@b" },
		{ "Alice <a@b>", "a@b" },
		{ "Alice<a@b>", "a@b" },
		{ "Alice B. C.D .. E <a@b>", "a@b" },
		{ "\"B., Alice\" <a@b>", "a@b" },
		{ "\"\" <a@b>", "a@b" },
		{ "Alice \"B\" (x) C\"D\"\"E\" <a@b>", "a@b" },
		{ "\"Alice\t\\\"B\\\" \\\\\" <a@b>", "a@b" },
		{ "=?utf-8?Q?J=C3=B6rg?= =?UTF-8*de?B?YQ==?= <a@b>", "a@b" },
		{ "\"=?utf-8?Q?a?=\" <a@b>", "a@b" },
		/* In whatever charset. */
		{ "M\xfcller <a@b>", "a@b" },
		{ "\"M\xfcller, K.\" <a@b>", "a@b" },
		{ "\xc8\xe2\xe0\xed\x80\x9f <a@b>", "a@b" },
		{ "\xd5\xc5\xc8\xfd (\xc2\x85\xff) <a@b>", "a@b" },
		/* The address as its own name. */
		{ "a@b <a@b>", "a@b" },
		{ "A.B@Example.org (x)<A.B@example.org> (y)",
		    "A.B@example.org" },
		{ "J\xc3\xb6rg \"\xc3\x84 \xf0\x9f\x93\xa7\" <j\xc3\xb6@b>",
		    "j\xc3\xb6@b" },
		/* Whatever it says, it is not the address. */
		{ "\"ceo@bank\" <me@x>", "me@x" },
		{ "\"ceo@bank, a\" <me@x>", "me@x" },
		{ "\"(ceo@bank)\" <me@x>", "me@x" },
		{ "\"a; b: c [d] e\" <me@x>", "me@x" },
		{ "\"a (b\" <me@x>", "me@x" },
		{ "Alice (,;:[]' ) <a@b>", "a@b" },
		{ "Alice <\"a b\"@[192.0.2.1]>", "\"a b\"@[192.0.2.1]" },
	};

	every_row(t, COUNT(t));
}

TEST(lists)
{
	static const struct row t[] = {
		{ "me@x, ceo@bank", "me@x ceo@bank" },
		{ "me@x,ceo@bank", "me@x ceo@bank" },
		{ "A <a@b>,\t\"C, D\" <c@d> (x) , (y) e@f", "a@b c@d e@f" },
		{ "\"a\"@b,<c@d>,e@[192.0.2.1]", "a@b c@d e@[192.0.2.1]" },
		{ "a@b (c, d), e@f", "a@b e@f" },
		/* Every element must be one. */
		{ "", NULL }, { " ", NULL }, { "(x)", NULL }, { ",", NULL },
		{ "a@b,", NULL }, { "a@b, ", NULL }, { "a@b,(x)", NULL },
		{ ",a@b", NULL }, { "a@b,,c@d", NULL },
		{ "a@b, ,c@d", NULL }, { "a@b,(x),c@d", NULL },
		{ "a@b c@d", NULL }, { "a@b; c@d", NULL },
		{ "a@b, c", NULL }, { "c, a@b", NULL },
		{ "<a@b><c@d>", NULL }, { "<me@x> <ceo@bank>", NULL },
		{ "A <a@b> B, <c@d>", NULL },
		/* Groups. */
		{ "A: a@b;", NULL }, { "A:;", NULL }, { "A: a@b, c@d;", NULL },
		{ "a@b, A: c@d;", NULL }, { "undisclosed-recipients:;", NULL },
	};

	every_row(t, COUNT(t));
}

TEST(wrong)
{
	static const char *const t[] = {
		"a", "a@", "@b", "@", "a@b@c", "a@@b", "<>", "<a>", "<a@>",
		"<@b>", "<a@b", "a@b>", "<a@b>>", "<<a@b>>", ">a@b", "A",
		"A <>", "A <a>", "A <a@b", "A a@b>", "A <a@b> c", "A a@b",
		"a@b A", "a@b <a@b> <a@b>", "a@b <A@b>", "a@b \"A\"", "postmaster",
		"<postmaster>", "MAILER-DAEMON",
		/* Dots. */
		".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c",
		". A <a@b>", ".<a@b>", "<a.@b>",
		/* Obsolete: routes, and what stands about dots. */
		"<@x:a@b>", "<@x,@y:a@b>", "A <@x:a@b>", "@x:a@b",
		"a . b@c", "a.(x)b@c", "a(x).b@c", "a b@c", "a@b . c",
		"a@b.(x)c", "a@b(x).c", "a@b c", "\"a\".b@c", "a.\"b\"@c",
		"\"a\"b@c", "\"a\"\"b\"@c",
		/* Special characters. */
		"A, B <a@b>", "A; B <a@b>", "A: B <a@b>", "[A] B <a@b>",
		"A\\B <a@b>", "A) <a@b>", "A] <a@b>", "a\\@b@c", "a,b@c",
		/* Not closed, or closed twice. */
		"\"A <a@b>", "A\" <a@b>", "\"A\\\" <a@b>", "\"A", "\"",
		"\"\\", "(A <a@b>", "A) a@b", "(A)) a@b", "((A) a@b", "(",
		"(\\", "(\\)", "a@b (", "a@b (x", "a@b x)", "<a@b (x>",
		"<a@b> (", "<a@b (x)", "a@[", "a@[192.0.2.1", "a@192.0.2.1]",
		"a@[192.0.2.1]b", "a@[ 192.0.2.1]", "a@[192.0.2.999]",
		"a@[x]", "a@[]", "a@[b@c]",
		/* No host is named so. */
		"a@-b", "a@b-", "a@b/c", "a@b=c", "a@\"b\"",
		"a@=?utf-8?q?b?=",
		/* Octets. */
		"\xff@b", "a@\xc3", "<a\xb6@b>", "\xc0\x80@b",
		"A\r <a@b>", "A\n <a@b>", "\"A\n\" <a@b>", "a@b (\n)",
		"a@b\n", "\x1b <a@b>", "\"\x7f\" <a@b>", "A\x7f <a@b>",
		"a\x7f@b", "\"\\\xc3\xb6\" <a@b>", "a@b (\\\xc3\xb6)",
		"\"\\\n\" <a@b>", "\"a\tb\"@c", "\"a\\\tb\"@c",
		"\xc2\xa0\xc2@b", "\"\xd5\xc5\\\xc8\" <a@b>",
	};

	for (size_t i = 0; i < COUNT(t); i++)
		expect(span_of(t[i]), NULL);
}

TEST(nul)
{
	static const struct span t[] = {
		OCTETS("\0a@b"), OCTETS("a\0@b"), OCTETS("a@\0b"),
		OCTETS("a@b\0"), OCTETS("a@b\0,c@d"), OCTETS("A\0 <a@b>"),
		OCTETS("\"A\0\" <a@b>"), OCTETS("\"\\\0\" <a@b>"),
		OCTETS("a@b (\0)"), OCTETS("a@b (\\\0)"), OCTETS("<a@b\0>"),
		OCTETS("<a@b>\0"), OCTETS("\0"),
	};

	for (size_t i = 0; i < COUNT(t); i++)
		expect(t[i], NULL);
}

/* Right, or nearly so, and another address to some reader. */
TEST(two_readings)
{
	static const char *const t[] = {
		"me@x <ceo@bank>", "ceo@bank <me@x>", "ceo@bank me@x",
		"me@x, <ceo@bank> <me@x>", "<me@x> ceo@bank",
		"me@x (<ceo@bank>)", "me@x (ceo@bank)", "(ceo@bank) me@x",
		"<me@x> (a <ceo@bank> b)", "me@x (a, ceo@bank)",
		"me@(ceo@bank)x", "ceo(@bank) @x", "me@x (\\@)",
		"me@x (\\<)", "me@x (a > b)", "me@x (\")", "me@x (\\\")",
		"me@x (\"), \"ceo@bank (\" <me@x>",
		"\"<ceo@bank>\" <me@x>", "\"a < b\" <me@x>",
		"\"a > b\" <me@x>", "\"\\<\" <me@x>", "\"<ceo\"@bank",
		"\"\\\", ceo@bank, \\\"\" <me@x>", "\"ceo@bank\\\\\" <me@x>",
		"\"ceo\\@bank\" <me@x>",
		"=?utf-8?Q?ceo@bank?= <me@x>",
		"=?utf-8?Q?ceo,_me?= <me@x>",
		"=?utf-8?b?Y2VvQGJhbmsK?=@x", "<=?utf-8?b?Y2VvQGJhbmsK?=@x>",
		"\"=?utf-8?b?Y2VvQGJhbmsK?=\"@x", "me+=?x@x",
		"\"=\\?utf-8?b?Y2VvQGJhbmsK?=\"@x",
		"ceo@bank:me@x", "ceo@bank!me@x", "ceo@bank;me@x",
		"ceo@bank,me", "ceo@bank\xe3\x80\x80<me@x>",
	};

	for (size_t i = 0; i < COUNT(t); i++)
		expect(span_of(t[i]), NULL);
}

/* Behind the n octets of s, count times c; then the rest. */
static struct span
repeated(const char *front, char c, size_t count, const char *back)
{
	static char text[text_max_bytes];
	size_t n = strlen(front), more = strlen(back);

	ck_assert(n + count + more <= sizeof(text));
	memcpy(text, front, n);
	memset(text + n, c, count);
	memcpy(text + n + count, back, more);
	return span_from(text, n + count + more);
}

TEST(limits)
{
	static char want[text_max_bytes];
	struct span s;

	s = repeated("", 'x', 255, "@b");
	snprintf(want, sizeof(want), "%.255s@b", (const char *)s.p);
	expect(s, want);
	expect(repeated("", 'x', 256, "@b"), NULL);
	expect(repeated("", 'x', 10000, "@b"), NULL);
	s = repeated("a@", 'x', 63, "");
	snprintf(want, sizeof(want), "a@%.63s", (const char *)s.p + 2);
	expect(s, want);
	expect(repeated("a@", 'x', 64, ""), NULL);
	expect(repeated("a@", 'x', 10000, ""), NULL);
	/* What is not the address may be as long as a field. */
	expect(repeated("A", 'x', 8000, " <a@b>"), "a@b");
	expect(repeated("\"", 'x', 8000, "\" <a@b>"), "a@b");
	expect(repeated("a@b (", 'x', 8000, ")"), "a@b");
	expect(repeated("a@b", ' ', 8000, ""), "a@b");
	expect(repeated("a@b (", '(', 8000, ""), NULL);
	expect(repeated("a@b,", ',', 8000, ""), NULL);
}

TEST(nested)
{
	for (size_t depth = 1; depth < 20; depth++) {
		char text[64];
		size_t n = 0;

		memset(text, '(', depth);
		n += depth;
		text[n++] = 'x';
		memset(text + n, ')', depth);
		n += depth;
		memcpy(text + n, "a@b", 3);
		expect(span_from(text, n + 3),
		    depth <= 1 + mailbox_list_nested_max ? "a@b" : NULL);
		/* As many as one likes, one behind another. */
		expect(span_of("a@b ()()()()()()()()()()()()(()())"), "a@b");
	}
}

/* Cut off anywhere it is another list or none, and nothing is read behind. */
TEST(cut_short)
{
	static const char whole[] =
	    "\"A\\\"\" (b (c)) D.E <a.b@c.d>, \"f g\"@[192.0.2.1]";
	char got[600];

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *exact = malloc(n > 0 ? n : 1);
		bool ok;

		ck_assert(exact != NULL);
		memcpy(exact, whole, n);
		ok = read_all(span_from(exact, n), got);
		free(exact);
		ck_assert_msg(ok == (n == strlen("\"A\\\"\" (b (c)) D.E "
		    "<a.b@c.d>")), "%zu: %s", n, got);
	}
	expect(span_of(whole), "a.b@c.d \"f g\"@[192.0.2.1]");
}

/* A list of thousands, in the time of one look at each octet. */
TEST(many)
{
	static char text[text_max_bytes];
	struct span rest;
	struct mailbox m;
	size_t n = 0, count = 0;

	while (n + 4 <= sizeof(text)) {
		memcpy(text + n, "a@b,", 4);
		n += 4;
		count++;
	}
	rest = span_from(text, n - 1);
	for (size_t i = 0; i < count; i++)
		ck_assert(mailbox_list_next(&rest, &m) == MAILBOX_LIST_NEXT);
	ck_assert(mailbox_list_next(&rest, &m) == MAILBOX_LIST_END);
	ck_assert(mailbox_list_next(&rest, &m) == MAILBOX_LIST_END);
}
