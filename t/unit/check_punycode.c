/*
 * punycode: domains as RFC 3492 7.1 and other programs spell them, and limits.
 */
#include "t/unit/unit.h"

#include "server/conf/conf_parse.h"

TEST(spelled)
{
	static const struct {
		const char	*in, *want;	/* NULL: none */
	} t[] = {
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
		{ "M\xc3\xbcnchen.Example", "xn--mnchen-3ya.example" },
		/* As it stands: another domain than the first. */
		{ "b\xc3\x9c" "cher.example", "xn--bcher-2pa.example" },
		{ "bu\xcc\x88" "cher.example", "xn--bucher-xyd.example" },
		{ "stra\xc3\x9f" "e.de", "xn--strae-oqa.de" },
		{ "\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83"
		    "\x88", "xn--r8jz45g.xn--zckzah" },
		{ "\xd9\x84\xd9\x8a\xd9\x87\xd9\x85\xd8\xa7\xd8\xa8\xd8\xaa"
		    "\xd9\x83\xd9\x84\xd9\x85\xd9\x88\xd8\xb4\xd8\xb9\xd8\xb1"
		    "\xd8\xa8\xd9\x8a\xd8\x9f.x",
		    "xn--egbpdaj6bu4bxfgehfvwxn.x" },
		{ "\xd0\xbf\xd0\xbe\xd1\x87\xd0\xb5\xd0\xbc\xd1\x83\xd0\xb6"
		    "\xd0\xb5\xd0\xbe\xd0\xbd\xd0\xb8\xd0\xbd\xd0\xb5\xd0\xb3"
		    "\xd0\xbe\xd0\xb2\xd0\xbe\xd1\x80\xd1\x8f\xd1\x82\xd0\xbf"
		    "\xd0\xbe\xd1\x80\xd1\x83\xd1\x81\xd1\x81\xd0\xba\xd0\xb8",
		    "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l" },
		{ "3\xe5\xb9\xb4" "B\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5"
		    "\x85\x88\xe7\x94\x9f", "xn--3b-ww4c5e180e575a65lsy2b" },
		{ "\xf0\x9f\x93\xa7.x", "xn--du8h.x" },
		{ "a.b-\xc3\xbc.c", "a.xn--b--yka.c" },
		{ "\xc3\xbc", "xn--tda" },
		/* ASCII alone; a form that is there already. */
		{ "XN--bcher-KVA.example", "xn--bcher-kva.example" },
		{ "PLAIN.Example_x.org", "plain.example_x.org" },
		{ "[192.0.2.1]", "[192.0.2.1]" },
		{ "a", "a" },
		{ "", NULL }, { ".", NULL }, { "a.", NULL }, { ".a", NULL },
		{ "a..b", NULL }, { "\xc3.x", NULL }, { "a\xff", NULL },
	};
	char out[punycode_domain_bytes];

	for (size_t i = 0; i < COUNT(t); i++) {
		bool right = punycode_domain(span_of(t[i].in), out);

		ck_assert_msg(right == (t[i].want != NULL), "%s", t[i].in);
		if (right)
			ck_assert_str_eq(out, t[i].want);
	}
}

TEST(limits)
{
	char in[512], out[punycode_domain_bytes];

	/* "xn--", 55 letters, "-", and three digits: 63. */
	memset(in, 'a', sizeof(in));
	memcpy(in + 55, "\xc3\xbc", 2);
	ck_assert(punycode_domain(span_from(in, 57), out));
	ck_assert_uint_eq(strlen(out), 63);
	memset(in, 'a', 56);
	memcpy(in + 56, "\xc3\xbc", 2);
	ck_assert(!punycode_domain(span_from(in, 58), out));
	memset(in, 'a', sizeof(in));
	ck_assert(punycode_domain(span_from(in, 63), out));
	ck_assert(!punycode_domain(span_from(in, 64), out));
	for (size_t i = 50; i < sizeof(in); i += 51)
		in[i] = '.';
	ck_assert(punycode_domain(span_from(in, 254), out));
	ck_assert_uint_eq(strlen(out), 254);
	ck_assert(!punycode_domain(span_from(in, 257), out));
	/* Many characters of four octets, far from each other. */
	for (size_t i = 0; i + 4 <= sizeof(in); i += 4)
		memcpy(in + i, i % 8 == 0 ? "\xf4\x8f\xbf\xbf" :
		    "\xf0\x90\x80\x80", 4);
	ck_assert(punycode_domain(span_from(in, 4), out));
	ck_assert(!punycode_domain(span_from(in, 4 * 63), out));
	ck_assert(!punycode_domain(span_from(in, sizeof(in)), out));
	ck_assert(!punycode_domain(span_from("a\0b", 3), out));
}
