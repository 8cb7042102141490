/*
 * JSON as RFC 8259 has it, in UTF-8, an object to a line.
 */
#include "server/smtpctl_json.h"

#include <stdio.h>

#include "server/json.h"
#include "shared/utf8.h"

enum { depth_max = 16 };

static struct {
	unsigned	depth;
	bool		filled[depth_max];	/* has a member already */
	char		closing[depth_max];
} state;

static void
put_octets(struct span s)
{
	putchar('"');
	while (s.n > 0) {
		size_t n = utf8_first(s);
		uint8_t text[12];
		struct buf b = buf_over(text, sizeof(text));

		if (s.p[0] == '"' || s.p[0] == '\\')
			putchar('\\');
		json_add_shown(&b, span_from(s.p, n == 0 ? 1 : n));
		fwrite(b.p, 1, b.n, stdout);
		s = span_skip(s, n == 0 ? 1 : n);
	}
	putchar('"');
}

/* What stands before a value. */
static void
begin(const char *key)
{
	if (state.depth > 0 && state.filled[state.depth - 1])
		putchar(',');
	if (state.depth > 0)
		state.filled[state.depth - 1] = true;
	if (key != NULL) {
		put_octets(span_of(key));
		putchar(':');
	}
}

static void
open_with(const char *key, char opening, char closing)
{
	begin(key);
	putchar(opening);
	if (state.depth == depth_max)
		return;		/* no caller nests so deep */
	state.filled[state.depth] = false;
	state.closing[state.depth++] = closing;
}

void
smtpctl_json_object(const char *key)
{
	open_with(key, '{', '}');
}

void
smtpctl_json_array(const char *key)
{
	open_with(key, '[', ']');
}

void
smtpctl_json_end(void)
{
	putchar(state.closing[--state.depth]);
	if (state.depth == 0)
		putchar('\n');
}

void
smtpctl_json_span(const char *key, struct span value)
{
	begin(key);
	put_octets(value);
}

void
smtpctl_json_string(const char *key, const char *value)
{
	smtpctl_json_span(key, span_of(value));
}

void
smtpctl_json_u64(const char *key, uint64_t value)
{
	begin(key);
	printf("%llu", (unsigned long long)value);
}

void
smtpctl_json_i64(const char *key, int64_t value)
{
	begin(key);
	printf("%lld", (long long)value);
}

void
smtpctl_json_parts(const char *key, uint64_t value, uint64_t scale)
{
	begin(key);
	printf("%.15g", (double)value / (double)scale);
}

void
smtpctl_json_bool(const char *key, bool value)
{
	begin(key);
	fputs(value ? "true" : "false", stdout);
}

void
smtpctl_json_null(const char *key)
{
	begin(key);
	fputs("null", stdout);
}
