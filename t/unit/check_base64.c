/*
 * Strict base64: the vectors of RFC 4648, every octet there and back, and
 * what lax decoders take.
 */
#include "shared/base64.h"

#include <sodium.h>

#include "t/unit/unit.h"

START_TEST(vectors)
{
	static const struct {
		const char	*text, *want;
	} t[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" },
		{ "Zm9v", "foo" }, { "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" }
	};
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < COUNT(t); i++) {
		ck_assert_msg(base64_decode(span_of(t[i].text), out,
		    sizeof(out), &n), "row %zu", i);
		ck_assert_msg(span_equal(span_from(out, n),
		    span_of(t[i].want)), "row %zu", i);
	}
}
END_TEST

START_TEST(refused)
{
	static const char *const t[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "==", "===", "====", "Z===",
		"Zm9", "Zm8", "Zh==", "Zm9=", "Zm9vZ===", "Zg==Zg==", "Z=g=",
		"Zm=v", "Zm9v\n", "Zm9vYg==\n", " Zm9v", "Zm 9v", "Zm-v",
		"Zm_v", "Zm9*", "Zg==Zm9v", "=Zm9", "Zm9vYg==    "
	};
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(!base64_decode(span_of(t[i]), out, sizeof(out),
		    &n), "\"%s\"", t[i]);
	ck_assert(!base64_decode(span_from("Zg\0=", 4), out, sizeof(out),
	    &n));
}
END_TEST

START_TEST(room)
{
	uint8_t out[6] = { 9, 9, 9, 9, 9, 9 };
	size_t n;

	ck_assert(!base64_decode(span_of("Zm9vYmE="), out, 4, &n));
	ck_assert_uint_eq(out[4], 9);
	ck_assert(base64_decode(span_of("Zm9vYmE="), out, 5, &n));
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(out[5], 9);
	ck_assert(base64_decode(span_of(""), out, 0, &n));
	ck_assert(!base64_decode(span_of("Zg=="), out, 0, &n));
}
END_TEST

START_TEST(there_and_back)
{
	uint8_t in[256], out[256];
	char text[sizeof(in) * 2];
	size_t n;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t i = 0; i <= sizeof(in); i++) {
		sodium_bin2base64(text, sizeof(text), in, i,
		    sodium_base64_VARIANT_ORIGINAL);
		ck_assert(base64_decode(span_of(text), out, sizeof(out), &n));
		ck_assert_uint_eq(n, i);
		ck_assert_mem_eq(in, out, n);
	}
}
END_TEST

/* Every text of four octets of this alphabet, as libsodium judges it. */
START_TEST(as_libsodium)
{
	static const char digits[] = "AQgwZz9/+=-_ \n";
	const size_t k = sizeof(digits) - 1;
	uint8_t ours[4], theirs[4];
	size_t n, m;
	char t[5] = "";

	for (size_t i = 0; i < k * k * k * k; i++) {
		t[0] = digits[i % k];
		t[1] = digits[i / k % k];
		t[2] = digits[i / k / k % k];
		t[3] = digits[i / k / k / k];
		bool a = base64_decode(span_of(t), ours, sizeof(ours), &n);
		bool b = sodium_base642bin(theirs, sizeof(theirs), t, 4, NULL,
		    &m, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
		ck_assert_msg(a == b, "\"%s\"", t);
		ck_assert(!a || (n == m && memcmp(ours, theirs, n) == 0));
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { vectors, refused, room, there_and_back,
	    as_libsodium };

	return UNIT_RUN("base64", tests);
}
