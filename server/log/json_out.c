/* JSON as RFC 8259 has it, in UTF-8, an object to a line. */
#include "server/log/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static void
put_shown(FILE *f, struct span s, const char *special)
{
	while (s.n > 0) {
		uint8_t text[12];
		struct buf b = buf_over(text, sizeof(text));
		size_t n = utf8_first(s);

		n = n == 0 ? 1 : n;
		json_add_escaped(&b, span_from(s.p, n), special, true);
		fwrite(b.p, 1, b.n, f);
		s = span_skip(s, n);
	}
}

static void
put_octets(FILE *f, struct span s)
{
	putc('"', f);
	put_shown(f, s, "\"\\");
	putc('"', f);
}

/* Puts what precedes a value: a comma and the key.  False: to nowhere. */
static bool
begin(struct json_out *j, const char *key)
{
	if (j->f == NULL)
		return false;
	if (j->depth > 0 && j->filled)
		putc(',', j->f);
	j->filled = true;
	if (key != NULL) {
		put_octets(j->f, span_of(key));
		putc(':', j->f);
	}
	return true;
}

static void put(struct json_out *, const char *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static void
put(struct json_out *j, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (begin(j, key))
		vfprintf(j->f, format, ap);
	va_end(ap);
}

static void
open_with(struct json_out *j, const char *key, const char brackets[2])
{
	put(j, key, "%c", brackets[0]);
	if (j->depth == json_out_depth_max)
		return;		/* no caller nests so deep */
	j->filled = false;
	j->closing[j->depth++] = brackets[1];
}

void
json_out_object(struct json_out *j, const char *key)
{
	open_with(j, key, "{}");
}

void
json_out_array(struct json_out *j, const char *key)
{
	open_with(j, key, "[]");
}

void
json_out_end(struct json_out *j)
{
	j->depth--;
	j->filled = true;
	if (j->f != NULL)
		fprintf(j->f, "%c%s", j->closing[j->depth],
		    j->depth == 0 ? "\n" : "");
}

void
json_out_span(struct json_out *j, const char *key, struct span value)
{
	if (begin(j, key))
		put_octets(j->f, value);
}

void
json_out_raw(struct json_out *j, const char *key, struct span value)
{
	if (begin(j, key))
		put_shown(j->f, value, "");
}

void
json_out_string(struct json_out *j, const char *key, const char *value)
{
	json_out_span(j, key, span_of(value));
}

void
json_out_u64(struct json_out *j, const char *key, uint64_t value)
{
	put(j, key, "%llu", (unsigned long long)value);
}

void
json_out_i64(struct json_out *j, const char *key, int64_t value)
{
	put(j, key, "%lld", (long long)value);
}

void
json_out_parts(struct json_out *j, const char *key, uint64_t value,
    uint64_t scale)
{
	put(j, key, "%.15g", (double)value / (double)scale);
}

void
json_out_bool(struct json_out *j, const char *key, bool value)
{
	put(j, key, "%s", value ? "true" : "false");
}

void
json_out_null(struct json_out *j, const char *key)
{
	put(j, key, "null");
}
