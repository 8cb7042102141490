/*
 * Figures for people, at every border; and JSON as a reader takes it.
 */
#include "t/unit/unit.h"

#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/log/json.h"

TEST(text_sizes)
{
	static const struct {
		uint64_t	 octets;
		const char	*text;
	} t[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" },
		{ 1535, "1.4 KiB" }, { 1536, "1.5 KiB" },
		{ 1024 * 1024 - 1, "1023.9 KiB" },
		{ 1024 * 1024, "1.0 MiB" },
		{ 13314398618, "12.3 GiB" },
		{ UINT64_MAX, "15.9 EiB" }
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_str_eq(figure_size(t[i].octets), t[i].text);
}

TEST(durations)
{
	static const struct {
		uint64_t	 ms;
		const char	*text;
	} t[] = {
		{ 0, "0 s" }, { 999, "0 s" }, { 59999, "59 s" },
		{ 60000, "1 min 0 s" }, { 3599999, "59 min 59 s" },
		{ 3600000, "1 h 0 min" }, { 86399999, "23 h 59 min" },
		{ 86400000, "1 d 0 h" }, { UINT64_MAX, "213503982334 d 14 h" }
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_str_eq(figure_duration(t[i].ms), t[i].text);
}

TEST(times)
{
	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_str_eq(figure_time(1795466700), "2026-11-23 20:45:00");
	ck_assert_str_eq(figure_time(INT64_MAX), "9223372036854775807");
	ck_assert_str_eq(figure_plural(1), "");
	ck_assert_str_eq(figure_plural(0), "s");
}

/* What write puts on standard output. */
static const char *
written(void (*write_json)(void))
{
	static char text[2000];
	FILE *f = tmpfile();
	int out = dup(1);
	ssize_t n;

	ck_assert(f != NULL && out != -1);
	fflush(stdout);
	dup2(fileno(f), 1);
	write_json();
	fflush(stdout);
	dup2(out, 1);
	close(out);
	n = pread(fileno(f), text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void
nested(void)
{
	struct json_out out = { .f = stdout }, *j = &out;

	json_out_object(j, NULL);
	json_out_array(j, "empty");
	json_out_end(j);
	json_out_array(j, "a");
	json_out_u64(j, NULL, UINT64_MAX);
	json_out_i64(j, NULL, -1);
	json_out_object(j, NULL);
	json_out_end(j);
	json_out_end(j);
	json_out_bool(j, "yes", true);
	json_out_bool(j, "no", false);
	json_out_null(j, "nothing");
	json_out_parts(j, "part", 250, 1000000);
	json_out_end(j);
}

static void
strings(void)
{
	struct json_out out = { .f = stdout }, *j = &out;

	json_out_object(j, NULL);
	json_out_string(j, "a\"b", "\\ \" \n \x1b[2J \x7f");
	json_out_string(j, "c", "\xc3\xa4 \xc2\x85 \xff\xc3");
	json_out_span(j, "d", span_from("a\0b", 3));
	json_out_end(j);
}

TEST(json)
{
	ck_assert_str_eq(written(nested),
	    "{\"empty\":[],\"a\":[18446744073709551615,-1,{}],\"yes\":true,"
	    "\"no\":false,\"nothing\":null,\"part\":0.00025}\n");
	ck_assert_str_eq(written(strings),
	    "{\"a\\\"b\":\"\\\\ \\\" \\u000a \\u001b[2J \\u007f\","
	    "\"c\":\"\xc3\xa4 \\u0085 \xef\xbf\xbd\xef\xbf\xbd\","
	    "\"d\":\"a\\u0000b\"}\n");
}
