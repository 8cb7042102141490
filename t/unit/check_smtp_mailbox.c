/*
 * smtp_syntax: a struct mailbox as text, from a table, and in a record.
 */
#include "t/unit/unit.h"

#include "shared/smtp_syntax.h"

/* A mailbox as only a lying worker would make it: nothing is judged here. */
static struct mailbox
raw(const char *local, const char *domain)
{
	struct mailbox m;

	memset(&m, 0, sizeof(m));
	m.local_len = (uint8_t)strlen(local);
	memcpy(m.local, local, m.local_len);
	m.domain_len = (uint8_t)strlen(domain);
	memcpy(m.domain, domain, m.domain_len);
	return m;
}

/* Text and back; want is how it stands in an address. */
static void
expect_text(const struct mailbox *m, const char *want)
{
	char text[smtp_mailbox_text_max_bytes + 1];
	char path[sizeof(text) + 2];
	struct mailbox again;
	struct span rest;
	size_t n;

	memset(text, 0x5a, sizeof(text));
	n = smtp_mailbox_text(m, text);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_int_eq(text[smtp_mailbox_text_max_bytes], 0x5a);
	snprintf(path, sizeof(path), "<%s>", text);
	ck_assert_int_eq(smtp_parse_path(span_of(path), true, true, &again,
	    &rest), SYNTAX_OK);
	ck_assert_int_eq(memcmp(&again, m, sizeof(again)), 0);
}

TEST(as_text)
{
	static const struct {
		const char	*local, *domain, *want;
	} t[] = {
		{ "", "", "" },
		{ "", "b", "\"\"@b" },
		{ "", "[192.0.2.1]", "\"\"@[192.0.2.1]" },
		{ "postmaster", "", "postmaster" },
		{ "a", "b", "a@b" },
		{ "A.b", "c.d", "A.b@c.d" },
		{ "a", "[192.0.2.1]", "a@[192.0.2.1]" },
		{ "a b", "c", "\"a b\"@c" },
		{ "a@b", "c", "\"a@b\"@c" },
		{ "a\"b\\c", "d", "\"a\\\"b\\\\c\"@d" },
		{ ".a", "b", "\".a\"@b" },
		{ "a.", "b", "\"a.\"@b" },
		{ "a..b", "c", "\"a..b\"@c" },
		{ ".", "b", "\".\"@b" },
		{ " ", "b", "\" \"@b" },
		{ "a,b", "c", "\"a,b\"@c" },
		{ "a>", "c", "\"a>\"@c" },
		{ "\xc3\xb6", "b\xc3\xbc", "\xc3\xb6@b\xc3\xbc" },
		{ "\xc3\xb6 x", "b", "\"\xc3\xb6 x\"@b" },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct mailbox m = raw(t[i].local, t[i].domain);

		expect_text(&m, t[i].want);
	}
}

/* The longest text there can be: exactly what the buffer holds. */
TEST(longest_text)
{
	char local[256], domain[256], text[smtp_mailbox_text_max_bytes + 1];
	struct mailbox m;

	memset(local, '"', 255);
	local[255] = '\0';
	for (size_t i = 0; i < 255; i++)
		domain[i] = i % 64 == 63 ? '.' : 'd';
	domain[255] = '\0';
	m = raw(local, domain);
	ck_assert(smtp_mailbox_valid(&m));
	text[smtp_mailbox_text_max_bytes] = 0x5a;
	ck_assert_uint_eq(smtp_mailbox_text(&m, text),
	    smtp_mailbox_text_max_bytes - 1);
	ck_assert_int_eq(text[smtp_mailbox_text_max_bytes - 1], '\0');
	ck_assert_int_eq(text[smtp_mailbox_text_max_bytes], 0x5a);
}

/* Every octet a local part may hold survives being written and read. */
TEST(every_octet)
{
	for (unsigned c = 0x20; c < 0x7f; c++) {
		char local[4] = { 'a', (char)c, 'b', '\0' };
		char path[smtp_mailbox_text_max_bytes + 2] = "<";
		struct mailbox m = raw(local, "d"), again;
		struct span rest;
		size_t n = smtp_mailbox_text(&m, path + 1);

		ck_assert(smtp_mailbox_valid(&m));
		path[n + 1] = '>';
		ck_assert_msg(smtp_parse_path(span_from(path, n + 2), false,
		    false, &again, &rest) == SYNTAX_OK, "%02x", c);
		ck_assert_msg(memcmp(&m, &again, sizeof(m)) == 0, "%02x", c);
	}
}

TEST(valid)
{
	static const struct {
		const char	*local, *domain;
		bool		 valid;
	} t[] = {
		{ "", "", true }, { "a", "b", true }, { "a b", "c.d", true },
		{ "postmaster", "", true }, { "PostMaster", "", true },
		{ "\"", "b", true }, { "\\", "b", true },
		{ "a", "[192.0.2.1]", true }, { "a", "[ipv6:::1]", true },
		{ "\xc3\xb6", "\xc3\xb6", true },
		{ "", "b", true }, { "a", "", true },
		{ "a b@c", "", true }, { "a\n", "", false },
		{ "a\n", "b", false }, { "a\x7f", "b", false },
		{ "a\x1f", "b", false }, { "\xc3", "b", false },
		{ "\xc2\x85", "b", false }, { "\xff", "b", false },
		{ "a", "B", false }, { "a", "[IPv6:::1]", false },
		{ "a", "[ipv6:::G]", false }, { "a", "[192.0.2.256]", false },
		{ "a", "b.", false }, { "a", ".b", false },
		{ "a", "-b", false }, { "a", "b-", false },
		{ "a", "b..c", false }, { "a", "b c", false },
		{ "a", "b/c", false }, { "a", "../c", false },
		{ "a", "b\n", false }, { "a", "b>", false },
		{ "a", "[192.0.2.1]b", false }, { "a", "\xc3", false },
		{ "a", "\xc2\x80", false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct mailbox m = raw(t[i].local, t[i].domain);

		ck_assert_msg(smtp_mailbox_valid(&m) == t[i].valid,
		    "row %zu: \"%s\" at \"%s\"", i, t[i].local, t[i].domain);
	}
}

/* What no grammar knows is taken whole, and can stand in a record. */
TEST(from_any)
{
	static const char *const fine[] = { "a", "a b", "a@b..c", "<>", "\"",
	    "a@b:25", "\xc3\xb6" };
	static const char *const wrong[] = { "", "a\tb", "a\nb", "\x7f",
	    "\xc2\x85", "\xff" };
	char longest[256];
	struct mailbox m;

	for (size_t i = 0; i < COUNT(fine); i++) {
		ck_assert(smtp_mailbox_from_any(span_of(fine[i]), &m));
		ck_assert(smtp_mailbox_valid(&m) && m.domain_len == 0);
		ck_assert(span_equal(span_from(m.local, m.local_len),
		    span_of(fine[i])));
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		ck_assert(!smtp_mailbox_from_any(span_of(wrong[i]), &m));
	memset(longest, 'a', sizeof(longest));
	ck_assert(smtp_mailbox_from_any(span_from(longest, 255), &m));
	ck_assert(smtp_mailbox_valid(&m));
	ck_assert(!smtp_mailbox_from_any(span_from(longest, 256), &m));
}

TEST(valid_lengths)
{
	struct mailbox m = raw("a", "b");

	m.local_len = 2;	/* a NUL in it */
	ck_assert(!smtp_mailbox_valid(&m));
	memset(m.local, 'a', sizeof(m.local));
	ck_assert(!smtp_mailbox_valid(&m));
	m.local_len = 255;
	ck_assert(smtp_mailbox_valid(&m));
	m.domain_len = 2;	/* a NUL in it */
	ck_assert(!smtp_mailbox_valid(&m));
	memset(m.domain, 'b', sizeof(m.domain));
	m.domain_len = 255;	/* one label of 255 */
	ck_assert(!smtp_mailbox_valid(&m));
}

/* Each unused octet must be zero: two equal addresses are equal octets. */
TEST(valid_unused)
{
	static const char *const locals[] = { "", "a", "postmaster" };

	for (size_t k = 0; k < COUNT(locals); k++) {
		struct mailbox m = raw(locals[k], k == 1 ? "b" : "");

		ck_assert(smtp_mailbox_valid(&m));
		for (size_t i = m.local_len; i < sizeof(m.local); i++) {
			m.local[i] = 'x';
			ck_assert(!smtp_mailbox_valid(&m));
			m.local[i] = '\0';
		}
		for (size_t i = m.domain_len; i < sizeof(m.domain); i++) {
			m.domain[i] = 'x';
			ck_assert(!smtp_mailbox_valid(&m));
			m.domain[i] = '\0';
		}
		ck_assert(smtp_mailbox_valid(&m));
	}
}

/* A NUL in the local part ends nothing. */
TEST(valid_nul)
{
	struct mailbox m = raw("abc", "d");

	m.local[1] = '\0';
	ck_assert(!smtp_mailbox_valid(&m));
}

TEST(kinds)
{
	static const struct {
		const char	*local, *domain;
		bool		 utf8, null;
	} t[] = {
		{ "", "", false, true },
		{ "a", "b", false, false },
		{ "postmaster", "", false, false },
		{ "\xc3\xb6", "b", true, false },
		{ "a\x7e", "b", false, false },
		{ "a", "b\xc3\xb6", true, false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct mailbox m = raw(t[i].local, t[i].domain);

		ck_assert_int_eq(smtp_mailbox_is_utf8(&m), t[i].utf8);
		ck_assert_int_eq(smtp_mailbox_is_null(&m), t[i].null);
	}
}

TEST(from_text)
{
	static const struct {
		struct span	 in;
		const char	*local, *domain;	/* NULL: refused */
	} t[] = {
		{ OCTETS("a@b"), "a", "b" },
		{ OCTETS("Alice.B@Example.Org"), "Alice.B", "example.org" },
		{ OCTETS("alice"), "alice", "" },
		{ OCTETS("alice+news"), "alice+news", "" },
		{ OCTETS("postmaster"), "postmaster", "" },
		{ OCTETS("\xc3\xb6@b\xc3\xbc"), "\xc3\xb6", "b\xc3\xbc" },
		{ OCTETS(""), NULL, NULL }, { OCTETS("@"), NULL, NULL },
		{ OCTETS("a@"), NULL, NULL }, { OCTETS("@b"), NULL, NULL },
		{ OCTETS("a@b "), NULL, NULL }, { OCTETS(" a@b"), NULL, NULL },
		{ OCTETS("a@b@c"), NULL, NULL }, { OCTETS("a b"), NULL, NULL },
		{ OCTETS("<a@b>"), NULL, NULL }, { OCTETS("a@b>"), NULL, NULL },
		{ OCTETS("\"a\"@b"), NULL, NULL }, { OCTETS("a."), NULL, NULL },
		{ OCTETS(".a"), NULL, NULL }, { OCTETS("a..b"), NULL, NULL },
		{ OCTETS("a@b."), NULL, NULL }, { OCTETS("a@-b"), NULL, NULL },
		{ OCTETS("a\0"), NULL, NULL }, { OCTETS("a@b\0"), NULL, NULL },
		{ OCTETS("a\n"), NULL, NULL }, { OCTETS("a@b,c"), NULL, NULL },
		{ OCTETS("\xc2\x80@b"), NULL, NULL },
	};
	struct mailbox m;

	for (size_t i = 0; i < COUNT(t); i++) {
		bool want = t[i].local != NULL;

		memset(&m, 0xa5, sizeof(m));
		ck_assert_msg(smtp_mailbox_from_text(t[i].in, &m) == want,
		    "row %zu", i);
		if (want) {
			struct mailbox same = raw(t[i].local, t[i].domain);

			ck_assert_msg(memcmp(&m, &same, sizeof(m)) == 0,
			    "row %zu", i);
			ck_assert(m.domain_len == 0 || smtp_mailbox_valid(&m));
		}
	}
}

TEST(from_text_limits)
{
	char text[1024];
	struct mailbox m;

	for (size_t local = 253; local <= 257; local++)
		for (size_t domain = 253; domain <= 257; domain++) {
			size_t n = local + 1 + domain;

			memset(text, 'x', n);
			text[local] = '@';
			for (size_t i = local + 50; i < n - 1; i += 50)
				text[i] = '.';
			ck_assert_msg(smtp_mailbox_from_text(span_from(text,
			    n), &m) == (local <= 255 && domain <= 255),
			    "%zu, %zu", local, domain);
			ck_assert_msg(smtp_mailbox_from_text(span_from(text,
			    local), &m) == (local <= 255), "%zu", local);
		}
}
