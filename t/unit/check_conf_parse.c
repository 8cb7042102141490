/*
 * conf_parse: lines, words, numbers, names, near words, and text made fit to
 * be shown.
 */
#include "server/conf/conf_parse.h"
#include "t/unit/unit.h"

static bool
is(struct span got, const char *want)
{
	return span_equal(got, span_of(want));
}

/* NULL for NULL, or the first words. */
static bool
begins(const char *got, const char *want)
{
	return want == NULL ? got == NULL : got != NULL &&
	    strncmp(got, want, strlen(want)) == 0;
}

TEST(line_checks)
{
	static const struct {
		struct span		 line;
		const char		*want;
		size_t			 at;
	} t[] = {
		{ OCTETS(""), NULL, 0 },
		{ OCTETS("a\tb \xc3\xa4"), NULL, 6 },
		{ OCTETS("a\0b"), "a NUL", 1 },
		{ OCTETS("ab\r"), "a carriage", 2 },
		{ OCTETS("a\rb"), "a control", 1 },
		{ OCTETS("a\nb"), "a control", 1 },
		{ OCTETS("\x1f"), "a control", 0 },
		{ OCTETS("\x7f"), "a control", 0 },
		{ OCTETS("\xc2\x80"), "a control", 0 },
		{ OCTETS("\xc2\x9f"), "a control", 0 },
		{ OCTETS("\xc2\xa0"), NULL, 2 },
		{ OCTETS("\x80"), "not UTF-8", 0 },
		{ OCTETS("\xc0\x80"), "not UTF-8", 0 },
		{ OCTETS("\xe0\x80\x80"), "not UTF-8", 0 },
		{ OCTETS("\xed\xa0\x80"), "not UTF-8", 0 },
		{ OCTETS("\xf4\x90\x80\x80"), "not UTF-8", 0 },
		{ OCTETS("a\xc3"), "not UTF-8", 1 },
	};
	static uint8_t line[conf_line_max_bytes + 1];
	size_t at;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(begins(conf_check_line(t[i].line, &at),
		    t[i].want) && at == t[i].at, "row %zu", i);
	}
	memset(line, 'x', sizeof(line));
	ck_assert_ptr_null(conf_check_line(span_from(line, sizeof(line) - 1),
	    &at));
	ck_assert_str_eq(conf_check_line(span_from(line, sizeof(line)), &at),
	    "a line of more than 4096 octets");
	ck_assert_uint_eq(at, conf_line_max_bytes);
}

TEST(words)
{
	static const struct {
		const char	*line;
		size_t		 count;
		const char	*words[4];
		size_t		 at[4];
		size_t		 end;
	} t[] = {
		{ "", 0, { NULL }, { 0 }, 0 },
		{ " \t ", 0, { NULL }, { 0 }, 0 },
		{ "# a", 0, { NULL }, { 0 }, 0 },
		{ "a", 1, { "a" }, { 0 }, 1 },
		{ " a\tb ", 2, { "a", "b" }, { 1, 3 }, 4 },
		{ "a #b", 1, { "a" }, { 0 }, 1 },
		{ "a#b", 1, { "a#b" }, { 0 }, 3 },
		{ "a \"b c\" d", 3, { "a", "b c", "d" }, { 0, 2, 8 }, 9 },
		{ "\"#\" \"{\"", 2, { "#", "{" }, { 0, 4 }, 7 },
		{ "\"\"", 1, { "" }, { 0 }, 2 },
		{ "a{", 2, { "a", "{" }, { 0, 1 }, 2 },
		{ "a {b}", 4, { "a", "{", "b", "}" }, { 0, 2, 3, 4 }, 5 },
		{ "\"a\"{", 2, { "a", "{" }, { 0, 3 }, 4 },
		{ "{#", 1, { "{" }, { 0 }, 1 },
	};
	struct conf_cut cut;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_ptr_null(conf_cut_line(span_of(t[i].line), &cut));
		ck_assert_msg(cut.count == t[i].count, "row %zu", i);
		ck_assert_msg(cut.end == t[i].end, "row %zu", i);
		for (size_t j = 0; j < cut.count; j++)
			ck_assert_msg(is(cut.words[j].text, t[i].words[j]) &&
			    cut.words[j].at == t[i].at[j],
			    "row %zu word %zu", i, j);
	}
}

TEST(words_refused)
{
	static const struct {
		const char		*line;
		const char		*want;
		size_t			 bad_at;
	} t[] = {
		{ "\"", "a quote that", 0 },
		{ "a \"b", "a quote that", 2 },
		{ "a \"b #\\", "a quote that", 2 },
		{ "a\"b\"", "a quote inside", 1 },
		{ "\"a\"b", "a quote inside", 2 },
		{ "\"a\"\"b\"", "a quote inside", 2 },
		{ "\"a\"#", "a quote inside", 2 },
	};
	struct conf_cut cut;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(begins(conf_cut_line(span_of(t[i].line), &cut),
		    t[i].want), "row %zu", i);
		ck_assert_msg(cut.bad_at == t[i].bad_at, "row %zu", i);
	}
	ck_assert_ptr_null(conf_cut_line(span_of("1 2 3 4 5 6 7 8 9 \""),
	    &cut));
	ck_assert_uint_eq(cut.count, conf_words_max);
	ck_assert(is(cut.words[conf_words_max - 1].text, "8"));
}

TEST(braces)
{
	struct conf_cut cut;

	conf_cut_line(span_of("{ } \"{\" x"), &cut);
	ck_assert(conf_word_is_brace(&cut.words[0], '{'));
	ck_assert(!conf_word_is_brace(&cut.words[0], '}'));
	ck_assert(conf_word_is_brace(&cut.words[1], '}'));
	ck_assert(!conf_word_is_brace(&cut.words[2], '{'));
	ck_assert(!conf_word_is_brace(&cut.words[3], '{'));
}

enum { BAD, OK };

TEST(numbers)
{
	static const struct {
		const char	*in;
		bool		 number, size, time;
		uint64_t	 value, octets, seconds;
	} t[] = {
		{ "", BAD, BAD, BAD, 0, 0, 0 },
		{ "0", OK, OK, OK, 0, 0, 0 },
		{ "4096", OK, OK, OK, 4096, 4096, 4096 },
		{ "007", OK, OK, OK, 7, 7, 7 },
		{ "35M", BAD, OK, BAD, 0, 36700160, 0 },
		{ "64K", BAD, OK, BAD, 0, 65536, 0 },
		{ "2G", BAD, OK, BAD, 0, 2147483648, 0 },
		{ "2g", BAD, BAD, BAD, 0, 0, 0 },
		{ "300s", BAD, BAD, OK, 0, 0, 300 },
		{ "20m", BAD, BAD, OK, 0, 0, 1200 },
		{ "2h", BAD, BAD, OK, 0, 0, 7200 },
		{ "5d", BAD, BAD, OK, 0, 0, 432000 },
		{ "M", BAD, BAD, BAD, 0, 0, 0 },
		{ "1MK", BAD, BAD, BAD, 0, 0, 0 },
		{ "-1", BAD, BAD, BAD, 0, 0, 0 },
		{ "+1", BAD, BAD, BAD, 0, 0, 0 },
		{ "1 ", BAD, BAD, BAD, 0, 0, 0 },
		{ "0x1", BAD, BAD, BAD, 0, 0, 0 },
		{ "18446744073709551615", OK, OK, OK, UINT64_MAX, UINT64_MAX,
		    UINT64_MAX },
		{ "18446744073709551616", OK, OK, OK, UINT64_MAX, UINT64_MAX,
		    UINT64_MAX },
		{ "18446744073709551617", OK, OK, OK, UINT64_MAX, UINT64_MAX,
		    UINT64_MAX },
		{ "99999999999999999999999", OK, OK, OK, UINT64_MAX, UINT64_MAX,
		    UINT64_MAX },
		{ "99999999999999999999x", BAD, BAD, BAD, 0, 0, 0 },
		{ "17179869183G", BAD, OK, BAD, 0, 18446744072635809792U, 0 },
		{ "17179869184G", BAD, OK, BAD, 0, UINT64_MAX, 0 },
		{ "213503982334601d", BAD, BAD, OK, 0, 0,
		    18446744073709526400U },
		{ "213503982334602d", BAD, BAD, OK, 0, 0, UINT64_MAX },
	};
	uint64_t out;

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span in = span_of(t[i].in);

		ck_assert_int_eq(conf_parse_number(in,
		    conf_units_number, &out), t[i].number);
		if (t[i].number == OK)
			ck_assert_uint_eq(out, t[i].value);
		ck_assert_int_eq(conf_parse_number(in,
		    conf_units_size, &out), t[i].size);
		if (t[i].size == OK)
			ck_assert_uint_eq(out, t[i].octets);
		ck_assert_int_eq(conf_parse_number(in,
		    conf_units_time, &out), t[i].time);
		if (t[i].time == OK)
			ck_assert_uint_eq(out, t[i].seconds);
	}
	ck_assert(!conf_parse_number((struct span)OCTETS("1\0"),
	    conf_units_size, &out));
}

TEST(users)
{
	static const struct {
		const char	*line, *name, *hash, *rest;
	} t[] = {
		{ "", "", NULL, "" },
		{ "bob", "bob", NULL, "" },
		{ "bob:", "bob", "", "" },
		{ "bob:$a$b:c", "bob", "$a$b", "" },
		{ "bob:x:1:2:Bob B.:/home/bob::k=v w", "bob", "x", "" },
		{ "bob::c", "bob", "", "" },
		{ ":x", "", "x", "" },
		{ "bob x: y", "bob", NULL, "x: y" },
		{ "bob:x y", "bob", "x", "y" },
	};
	struct conf_user_line u;

	for (size_t i = 0; i < COUNT(t); i++) {
		conf_parse_user(span_of(t[i].line), &u);
		ck_assert_msg(is(u.name, t[i].name), "row %zu", i);
		ck_assert_msg((u.hash.p == NULL) == (t[i].hash == NULL),
		    "row %zu", i);
		if (t[i].hash != NULL)
			ck_assert_msg(is(u.hash, t[i].hash), "row %zu", i);
		ck_assert_msg(is(u.rest, t[i].rest), "row %zu", i);
	}
}

TEST(parts)
{
	static const struct {
		const char	*line, *parts[4];
	} t[] = {
		{ "a", { "a" } },
		{ "", { "" } },
		{ " b , c@d,e", { "b", "c@d", "e" } },
		{ " b,", { "b", "" } },
		{ ",b", { "", "b" } },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span rest = span_of(t[i].line), part;

		for (size_t j = 0; t[i].parts[j] != NULL; j++) {
			ck_assert_msg(conf_take_part(&rest, ',', &part) ==
			    (t[i].parts[j + 1] != NULL), "row %zu", i);
			ck_assert_msg(is(part, t[i].parts[j]),
			    "row %zu part %zu", i, j);
		}
		ck_assert_uint_eq(rest.n, 0);
	}
}

TEST(trimmed)
{
	ck_assert(is(conf_trim_line(span_of(" a b\t")), "a b"));
	ck_assert(is(conf_trim_line(span_of("# a")), ""));
	ck_assert(is(conf_trim_line(span_of("a # b # c")), "a"));
	ck_assert(is(conf_trim_line(span_of("a#b")), "a#b"));
	ck_assert(is(conf_trim_line(span_of("")), ""));
}

TEST(domains)
{
	static const struct {
		const char	*name;
		bool		 ascii, utf8;
	} t[] = {
		{ "example.org", true, true },
		{ "localhost", true, true },
		{ "1.2", true, true },
		{ "a-b.C", true, true },
		{ "b\xc3\xbc" "cher.example", false, true },
		{ "", false, false },
		{ ".", false, false },
		{ "a.", false, false },
		{ ".a", false, false },
		{ "a..b", false, false },
		{ "-a", false, false },
		{ "a-", false, false },
		{ "a_b", true, true },
		{ "a/b", false, false },
		{ "[::1]", false, false },
		{ "a b", false, false },
		{ "a\xc2\x85", false, false },
		{ "a\xe2\x80\xae", false, false },
		{ "a\xc3", false, false },
	};
	char name[300];

	for (size_t i = 0; i < COUNT(t); i++) {
		struct span in = span_of(t[i].name);

		ck_assert_msg(conf_domain_valid(in, false) == t[i].ascii,
		    "row %zu", i);
		ck_assert_msg(conf_domain_valid(in, true) == t[i].utf8,
		    "row %zu", i);
	}
	memset(name, 'a', sizeof(name));
	ck_assert(conf_domain_valid(span_from(name, 63), false));
	ck_assert(!conf_domain_valid(span_from(name, 64), false));
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	ck_assert(conf_domain_valid(span_from(name, 253), false));
	ck_assert(!conf_domain_valid(span_from(name, 254), false));
}

TEST(names)
{
	ck_assert(conf_account_valid(span_of("_smtpd")));
	ck_assert(conf_account_valid(span_of("a.b-9")));
	ck_assert(!conf_account_valid(span_of("")));
	ck_assert(!conf_account_valid(span_of("-a")));
	ck_assert(!conf_account_valid(span_of("a:b")));
	ck_assert(conf_account_valid(span_of(
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
	ck_assert(!conf_account_valid(span_of(
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
	ck_assert(conf_name_is_file(span_of("a.b")));
	ck_assert(conf_name_is_file(span_of("\xc3\xa4")));
	ck_assert(!conf_name_is_file(span_of("")));
	ck_assert(!conf_name_is_file(span_of(".")));
	ck_assert(!conf_name_is_file(span_of(".a")));
	ck_assert(!conf_name_is_file(span_of("a/b")));
	ck_assert(!conf_name_is_file(span_of("a\nb")));
	ck_assert(!conf_name_is_file(span_of("a\xff")));
	ck_assert(!conf_name_is_file((struct span)OCTETS("a\0")));
}

TEST(near_words)
{
	static const char list[] = "listen tls [--starttls file] errors";
	static const struct {
		const char	*word, *want;
	} t[] = {
		{ "listen", "listen" }, { "lisen", "listen" },
		{ "listten", "listen" }, { "lasten", "listen" },
		{ "lisetn", "listen" }, { "LISTEN", "listen" },
		{ "eror", "" }, { "erorrs", "errors" }, { "error", "errors" },
		{ "err", "errors" }, { "lost", "" }, { "", "" },
		{ "starttls", "" }, { "--startls", "--starttls" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "" },
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(is(wrong_word_near(list, span_of(t[i].word)),
		    t[i].want), "%s", t[i].word);
}

TEST(shown)
{
	static const struct {
		const char	*in, *out;
		size_t		 room;
	} t[] = {
		{ "", "", 8 },
		{ "1234567", "1234567", 8 },
		{ "12345678", "1234...", 8 },
		{ "\x1b[31m", "\\x1b[31m", 16 },
		{ "\x1b[31m", "\\x1b...", 8 },
		{ "\xe2\x80\xae", "\\xe2...", 8 },
		{ "a\\b", "a\\\\b", 8 },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae", 13 },
		{ "\xff\xc3\xa4", "\\xff\xc3\xa4", 8 },
		{ "abcde\xc3\xa4", "abcde\xc3\xa4", 8 },
		{ "abcdef\xc3\xa4", "abcd...", 8 },
	};
	char out[64];

	for (size_t i = 0; i < COUNT(t); i++) {
		memset(out, '?', sizeof(out));
		conf_show(span_of(t[i].in), out, t[i].room);
		ck_assert_msg(strcmp(out, t[i].out) == 0, "row %zu: %s", i,
		    out);
		ck_assert_int_eq(out[t[i].room], '?');
	}
	conf_show((struct span)OCTETS("a\0b"), out, sizeof(out));
	ck_assert_str_eq(out, "a\\x00b");
}
