/*
 * smtp_syntax: paths (RFC 5321 4.1.2), their limits, and mailboxes as text
 * and as records.
 */
#include "t/unit/unit.h"

#include "shared/smtp_syntax.h"

enum { NULL_OK = 1, POSTMASTER_OK = 2 };

static enum syntax
parse(struct span in, unsigned may, struct mailbox *out, struct span *rest)
{
	memset(out, 0xa5, sizeof(*out));
	return smtp_parse_path(in, (may & NULL_OK) != 0,
	    (may & POSTMASTER_OK) != 0, out, rest);
}

static bool
unused_are_zero(const struct mailbox *m)
{
	for (size_t i = m->local_len; i < sizeof(m->local); i++)
		if (m->local[i] != '\0')
			return false;
	for (size_t i = m->domain_len; i < sizeof(m->domain); i++)
		if (m->domain[i] != '\0')
			return false;
	return true;
}

static void
expect_mailbox(const char *in, const struct mailbox *m, struct span local,
    struct span domain)
{
	ck_assert_msg(span_equal(span_from(m->local, m->local_len), local),
	    "%s: local \"%.*s\"", in, m->local_len, m->local);
	ck_assert_msg(span_equal(span_from(m->domain, m->domain_len), domain),
	    "%s: domain \"%.*s\"", in, m->domain_len, m->domain);
	ck_assert_msg(unused_are_zero(m), "%s: unused octets", in);
	ck_assert_msg(smtp_mailbox_valid(m), "%s: not valid", in);
}

TEST(right)
{
	static const struct {
		const char	*in, *local, *domain, *rest;
	} t[] = {
		{ "<a@b>", "a", "b", "" },
		{ "<Alice.B@Example.ORG>", "Alice.B", "example.org", "" },
		{ "<a@b> SIZE=1", "a", "b", " SIZE=1" },
		{ "<a@b>>", "a", "b", ">" },
		{ "<a@b>x", "a", "b", "x" },
		{ "<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~", "b", "" },
		{ "<a@1.2.3.4>", "a", "1.2.3.4", "" },
		{ "<a@a-b--c.d1>", "a", "a-b--c.d1", "" },
		{ "<a@_b.c_d>", "a", "_b.c_d", "" },
		{ " <a@b>", "a", "b", "" },
		{ "   <a@b> SIZE=1", "a", "b", " SIZE=1" },
		{ "<a@[192.0.2.255]>", "a", "[192.0.2.255]", "" },
		{ "<a@[IPv6:2001:DB8::1]>", "a", "[ipv6:2001:db8::1]", "" },
		{ "<a@[ipV6:::]>x", "a", "[ipv6:::]", "x" },
		{ "<\"a\"@b>", "a", "b", "" },
		{ "<\"\"@b>", "", "b", "" },
		{ "<@x:\"\"@b> X", "", "b", " X" },
		{ "<\"a b\"@b>", "a b", "b", "" },
		{ "<\" \"@b>", " ", "b", "" },
		{ "<\"a@b>\"@c>", "a@b>", "c", "" },
		{ "<\"a\\\"\\\\\\a\\ \"@b>", "a\"\\a ", "b", "" },
		{ "<\"..\"@b>", "..", "b", "" },
		{ "<\"<a@b>\"@c> X", "<a@b>", "c", " X" },
		{ "<j\xc3\xb6rg@b\xc3\xbc" "cher.example>", "j\xc3\xb6rg",
		    "b\xc3\xbc" "cher.example", "" },
		{ "<\"\xc3\xb6 \"@b>", "\xc3\xb6 ", "b", "" },
		{ "<\xf0\x9f\x93\xa7@\xe4\xbe\x8b.JP>", "\xf0\x9f\x93\xa7",
		    "\xe4\xbe\x8b.jp", "" },
		{ "<@x:a@b>", "a", "b", "" },
		{ "<@x.y,@z,@\xc3\xa4:a@b> X", "a", "b", " X" },
		{ "<@x:\"a\"@[192.0.2.1]>", "a", "[192.0.2.1]", "" },
		{ "<a%b@c>", "a%b", "c", "" },
		{ "<a!b@c>", "a!b", "c", "" },
		{ "<postmaster@b>", "postmaster", "b", "" },
	};
	struct mailbox m;
	struct span rest;

	for (size_t i = 0; i < COUNT(t); i++)
		for (unsigned may = 0; may < 4; may++) {
			ck_assert_msg(parse(span_of(t[i].in), may, &m, &rest)
			    == SYNTAX_OK, "%s", t[i].in);
			expect_mailbox(t[i].in, &m, span_of(t[i].local),
			    span_of(t[i].domain));
			ck_assert_msg(span_equal(rest, span_of(t[i].rest)),
			    "%s: rest \"%.*s\"", t[i].in, (int)rest.n,
			    (const char *)rest.p);
		}
}

/* No "<" in front; more without a ">" is tried in cut_short. */
static bool
is_bare(struct span in)
{
	while (in.n > 0 && in.p[0] == ' ')
		in = span_skip(in, 1);
	return in.n > 0 && in.p[0] != '<';
}

TEST(wrong)
{
	static const struct span t[] = {
		OCTETS(""), OCTETS("  "), OCTETS("<"), OCTETS(">"), OCTETS("a@b"),
		OCTETS("< a@b>"), OCTETS("<a@b >"),
		OCTETS("\t<a@b>"), OCTETS("<a>"), OCTETS("<a@>"),
		OCTETS("<@b>"), OCTETS("<a@@b>"), OCTETS("<a@b@c>"),
		OCTETS("<.a@b>"), OCTETS("<a.@b>"), OCTETS("<a..b@c>"),
		OCTETS("<.@b>"), OCTETS("<a b@c>"), OCTETS("<a@b c>"),
		OCTETS("<a@.b>"), OCTETS("<a@b.>"), OCTETS("<a@b..c>"),
		OCTETS("<a@-b>"), OCTETS("<a@b->"), OCTETS("<a@b-.c>"),
		OCTETS("<a@b.-c>"), OCTETS("<a@b/c>"),
		OCTETS("<a(x)@b>"), OCTETS("<a@b(x)>"), OCTETS("<a\0@b>"),
		OCTETS("<a@b\0>"), OCTETS("<a@b\0.c>"), OCTETS("<<a@b>>"),
		OCTETS("<a\r@b>"), OCTETS("<a@b\n>"), OCTETS("<a\t@b>"),
		OCTETS("<a:b@c>"), OCTETS("<a;b@c>"), OCTETS("<a,b@c>"),
		OCTETS("<a\\b@c>"), OCTETS("<a\"b@c>"), OCTETS("<a[b@c>"),
		OCTETS("<\"a@b>"), OCTETS("<\"a\"b@c>"), OCTETS("<a\"b\"@c>"),
		OCTETS("<\"a\".b@c>"), OCTETS("<a.\"b\"@c>"),
		OCTETS("<\"a\\\"@b>"), OCTETS("<\"a\\"),
		OCTETS("<\"a\n\"@b>"), OCTETS("<\"a\\\n\"@b>"),
		OCTETS("<\"a\t\"@b>"), OCTETS("<\"\0\"@b>"),
		OCTETS("<\"\\\0\"@b>"), OCTETS("<\"\x7f\"@b>"),
		OCTETS("<\"\\\x7f\"@b>"), OCTETS("<\"\\\xc3\xb6\"@b>"),
		OCTETS("<\xc3@b>"), OCTETS("<\xb6@b>"), OCTETS("<\xff@b>"),
		OCTETS("<\xc0\x80@b>"), OCTETS("<\xed\xa0\x80@b>"),
		OCTETS("<\xc2\x85@b>"), OCTETS("<\"\xc2\x9b\"@b>"),
		OCTETS("<a@\xc2\x80>"), OCTETS("<a@\xc3>"),
		OCTETS("<a@[]>"), OCTETS("<a@[192.0.2.1>"),
		OCTETS("<a@192.0.2.1]>"), OCTETS("<a@[192.0.2.1]b>"),
		OCTETS("<a@[192.0.2.1].b>"), OCTETS("<a@b.[192.0.2.1]>"),
		OCTETS("<a@[192.0.2.256]>"), OCTETS("<a@[192.0.2]>"),
		OCTETS("<a@[2001:db8::1]>"), OCTETS("<a@[IPv6:1::2::3]>"),
		OCTETS("<a@[IPv4:192.0.2.1]>"), OCTETS("<a@[x-tag:text]>"),
		OCTETS("<@x>"), OCTETS("<@x:>"), OCTETS("<@:a@b>"),
		OCTETS("<:a@b>"), OCTETS("<@x,a@b>"), OCTETS("<@x,:a@b>"),
		OCTETS("<@x@y:a@b>"), OCTETS("<x:a@b>"), OCTETS("<@x:@y:a@b>"),
		OCTETS("<@x, @y:a@b>"), OCTETS("<,@x:a@b>"),
		OCTETS("<@[192.0.2.1]:a@b>"), OCTETS("<@-x:a@b>"),
		OCTETS("<postmaster@>"), OCTETS("<postmaste>"),
		OCTETS("<postmasters>"), OCTETS("<postmaster"),
		OCTETS("<@x:postmaster>"), OCTETS("< >"),
		OCTETS("<\"\">"), OCTETS("<\"\"@>"), OCTETS("\"\"@b"),
		OCTETS("<\"\"\"\"@b>"),
		OCTETS("postmaster"),
	};
	struct mailbox m;
	struct span rest;

	for (size_t i = 0; i < COUNT(t); i++)
		for (unsigned may = 0; may < 4; may++)
			ck_assert_msg(parse(t[i], may, &m, &rest) ==
			    (is_bare(t[i]) ? SYNTAX_BARE : SYNTAX_BAD),
			    "%.*s with %u", (int)t[i].n,
			    (const char *)t[i].p, may);
}

TEST(null_and_postmaster)
{
	static const char *const names[] = { "postmaster", "Postmaster",
	    "POSTMASTER", "pOSTMASTEr" };
	struct mailbox m;
	struct span rest;
	char text[32];

	for (unsigned may = 0; may < 4; may++) {
		enum syntax want = may & NULL_OK ? SYNTAX_OK : SYNTAX_BAD;

		ck_assert_int_eq(parse(span_of("<> X"), may, &m, &rest), want);
		if (want == SYNTAX_OK) {
			expect_mailbox("<>", &m, span_of(""), span_of(""));
			ck_assert(smtp_mailbox_is_null(&m));
			ck_assert(span_equal(rest, span_of(" X")));
		}
	}
	for (size_t i = 0; i < COUNT(names) * 4; i++) {
		const char *name = names[i / 4];
		enum syntax want = i & POSTMASTER_OK ? SYNTAX_OK : SYNTAX_BAD;

		snprintf(text, sizeof(text), "<%s>x", name);
		ck_assert_int_eq(parse(span_of(text), i % 4, &m, &rest), want);
		if (want == SYNTAX_OK) {
			expect_mailbox(text, &m, span_of(name), span_of(""));
			ck_assert(!smtp_mailbox_is_null(&m));
			ck_assert(span_equal(rest, span_of("x")));
		}
	}
}

static bool
in_set(unsigned c, const char *set)
{
	return c != 0 && c < 0x80 && strchr(set, (int)c) != NULL;
}

/* Each octet in each place of a path, against sets written out by hand. */
TEST(every_octet)
{
	static const char let_dig[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char signs[] = "!#$%&'*+-/=?^_`{|}~";
	struct mailbox m;
	struct span rest;

	for (unsigned c = 0; c < 256; c++) {
		char atom[] = { '<', 'a', (char)c, 'b', '@', 'd', '>' };
		char plain[] = { '<', '"', 'a', (char)c, '"', '@', 'd', '>' };
		char pair[] = { '<', '"', '\\', (char)c, '"', '@', 'd', '>' };
		char name[] = { '<', 'a', '@', 'd', (char)c, 'e', '>' };
		bool printable = c >= 0x20 && c <= 0x7e;
		bool label = in_set(c, let_dig);

		/* A dot makes two atoms, an @ ends the local part: a@b@d. */
		ck_assert_msg((parse(span_from(atom, sizeof(atom)), 0, &m,
		    &rest) == SYNTAX_OK) == (label || in_set(c, signs) ||
		    c == '.'), "atom with %02x", c);
		ck_assert_msg((parse(span_from(plain, sizeof(plain)), 0, &m,
		    &rest) == SYNTAX_OK) == (printable && c != '"' &&
		    c != '\\'), "quoted %02x", c);
		ck_assert_msg((parse(span_from(pair, sizeof(pair)), 0, &m,
		    &rest) == SYNTAX_OK) == printable, "pair of %02x", c);
		/* > ends the path; what follows it is the rest. */
		ck_assert_msg((parse(span_from(name, sizeof(name)), 0, &m,
		    &rest) == SYNTAX_OK) == (label || in_set(c, "-_.>")),
		    "domain with %02x", c);
	}
}

/* n octets of a name of labels of at most label octets, joined by dots. */
static char *
name_of(char *p, size_t n, size_t label)
{
	for (size_t i = 0; i < n; i++)
		p[i] = i % (label + 1) == label ? '.' : 'x';
	if (n > 0)
		p[n - 1] = 'x';
	p[n] = '\0';
	return p;
}

TEST(local_limit)
{
	static const struct {
		const char	*unit;	/* of the local part, repeated */
		size_t		 octets;
		bool		 quoted;
	} t[] = { { "x", 1, false }, { "x", 1, true }, { "\\\"", 1, true },
	    { "\xc3\xb6", 2, false }, { "\xe4\xbe\x8b", 3, true } };
	struct mailbox m;
	struct span rest;
	char text[1024];

	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t n = 1; n <= 260; n++) {
			size_t len;

			strcpy(text, t[i].quoted ? "<\"" : "<");
			for (size_t k = 0; k < n; k++)
				strcat(text, t[i].unit);
			strcat(text, t[i].quoted ? "\"@d>" : "@d>");
			/* As it stands on the wire, without <, @d and >. */
			len = strlen(text) - 4;
			ck_assert_msg(parse(span_of(text), 0, &m, &rest) ==
			    (len <= 255 ? SYNTAX_OK : SYNTAX_TOO_LONG),
			    "%s", text);
			if (len <= 255)
				ck_assert_uint_eq(m.local_len,
				    n * t[i].octets);
		}
}

/* 254 octets and a character of two: nothing shorter slips in behind it. */
TEST(local_limit_within_a_character)
{
	struct mailbox m;
	struct span rest;
	char local[256], text[512];

	snprintf(text, sizeof(text), "<%s\xc3\xb6@d>",
	    name_of(local, 254, 999));
	ck_assert_int_eq(parse(span_of(text), 0, &m, &rest), SYNTAX_TOO_LONG);
	snprintf(text, sizeof(text), "<%s\xc3\xb6x@d>", local);
	ck_assert_int_eq(parse(span_of(text), 0, &m, &rest), SYNTAX_TOO_LONG);
	snprintf(text, sizeof(text), "<%s@d>", local);
	ck_assert_int_eq(parse(span_of(text), 0, &m, &rest), SYNTAX_OK);
	/* What is both wrong and too long is wrong. */
	snprintf(text, sizeof(text), "<%sxx@-d>", local);
	ck_assert_int_eq(parse(span_of(text), 0, &m, &rest), SYNTAX_BAD);
}

TEST(label_limit)
{
	struct mailbox m;
	struct span rest;
	char name[128], text[256];

	for (size_t n = 1; n <= 70; n++) {
		static const char *const forms[] = { "<a@%s>", "<a@b.%s>",
		    "<a@%s.b>", "<@%s:a@b>" };

		for (size_t i = 0; i < COUNT(forms); i++) {
			size_t at = strcspn(forms[i], "%");

			snprintf(text, sizeof(text), "%.*s%s%s", (int)at,
			    forms[i], name_of(name, n, 99), forms[i] + at + 2);
			ck_assert_msg((parse(span_of(text), 0, &m, &rest) ==
			    SYNTAX_OK) == (n <= 63), "%s", text);
		}
	}
	/* 63 octets, of which the last two are one character. */
	snprintf(text, sizeof(text), "<a@%s\xc3\xb6>", name_of(name, 61, 99));
	ck_assert_int_eq(parse(span_of(text), 0, &m, &rest), SYNTAX_OK);
	snprintf(text, sizeof(text), "<a@%s\xc3\xb6>", name_of(name, 62, 99));
	ck_assert_int_ne(parse(span_of(text), 0, &m, &rest), SYNTAX_OK);
}

TEST(path_limit)
{
	struct mailbox m;
	struct span rest;
	char local[300], domain[512], text[1024];

	for (size_t local_n = 1; local_n <= 257; local_n += 32)
		for (size_t n = 180; n <= 300; n++) {
			snprintf(text, sizeof(text), "<%s@%s> SIZE=1",
			    name_of(local, local_n, 999),
			    name_of(domain, n, 49));
			ck_assert_msg(parse(span_of(text), 0, &m, &rest) ==
			    (local_n <= 255 && n <= 255 ? SYNTAX_OK :
			    SYNTAX_TOO_LONG), "%zu at %zu", local_n, n);
		}
}

TEST(long_input)
{
	static char text[8192];
	struct mailbox m;
	struct span rest;

	for (size_t at = 0; at < 4; at++) {
		static const char *const begin[] = { "<", "<\"", "<a@", "<@" };

		memset(text, 'x', sizeof(text));
		memcpy(text, begin[at], strlen(begin[at]));
		ck_assert_int_eq(parse(span_from(text, sizeof(text)), 3, &m,
		    &rest), SYNTAX_BAD);
	}
	memcpy(text + sizeof(text) - 3, "@d>", 3);
	text[0] = '<';
	text[1] = 'x';
	ck_assert_int_eq(parse(span_from(text, sizeof(text)), 3, &m, &rest),
	    SYNTAX_TOO_LONG);
}

/* Every path cut short is wrong, and nothing behind its end is read. */
TEST(cut_short)
{
	static const char text[] = "<@x,@y:\"a\\ b\"@[IPv6:1::192.0.2.1]>";
	struct mailbox m;
	struct span rest;
	size_t n = sizeof(text) - 1;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(parse(span_from(text, i), 3, &m, &rest),
		    i == n - 1 ? SYNTAX_BARE : SYNTAX_BAD);
	ck_assert_int_eq(parse(span_from(text, n), 3, &m, &rest), SYNTAX_OK);
	ck_assert_uint_eq(rest.n, 0);
}
