/* Our own JSON: escapes are \" and \\ and, for controls, \u00XX.  Pure. */
#include "server/log/json.h"

#include <inttypes.h>
#include <string.h>

static const char hex[] = "0123456789abcdef";

/* ---- reading ----------------------------------------------------------- */

static bool
took(struct span *rest, const char *text)
{
	size_t n = strlen(text);

	if (rest->n < n || memcmp(rest->p, text, n) != 0)
		return false;
	*rest = span_skip(*rest, n);
	return true;
}

static bool
take_number(struct span *rest, uint64_t *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9'; n++) {
		unsigned digit = rest->p[n] - '0';

		if (*out > (UINT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	if (n == 0 || (n > 1 && rest->p[0] == '0'))
		return false;
	*rest = span_skip(*rest, n);
	return true;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* The control that s begins with as "\u00XX"; -1 for anything else. */
static int
control_of(struct span s)
{
	int value = 0;

	if (s.n < 6 || memcmp(s.p, "\\u00", 4) != 0)
		return -1;
	for (size_t i = 4; i < 6; i++) {
		const char *digit = memchr(hex, s.p[i], 16);

		if (digit == NULL)
			return -1;
		value = value * 16 + (int)(digit - hex);
	}
	return is_control((uint32_t)value) ? value : -1;
}

/* Octets, escapes included, of the character s begins with; 0: none. */
static size_t
character(struct span s)
{
	if (s.p[0] == '\\') {
		if (s.n >= 2 && (s.p[1] == '"' || s.p[1] == '\\'))
			return 2;
		return control_of(s) >= 0 ? 6 : 0;
	}
	return is_control(s.p[0]) ? 0 : utf8_first(s);
}

static bool
take_text(struct span *rest, struct span *out)
{
	const uint8_t *start;
	size_t n;

	if (!took(rest, "\""))
		return false;
	for (start = rest->p; rest->n > 0 && rest->p[0] != '"';
	    *rest = span_skip(*rest, n))
		if ((n = character(*rest)) == 0)
			return false;
	*out = span_from(start, (size_t)(rest->p - start));
	return took(rest, "\"");
}

static bool
take_list(struct span *rest, const struct json_field *element,
    struct span *out)
{
	const uint8_t *start = rest->p;

	if (rest->n > 0 && rest->p[0] != ']')
		do
			if (!json_take(rest, element, NULL))
				return false;
		while (took(rest, ","));
	*out = span_from(start, (size_t)(rest->p - start));
	return true;
}

/* out NULL: only whether it has the form. */
bool
json_take(struct span *rest, const struct json_field *form, void *out)
{
	for (const struct json_field *f = form;; f++) {
		bool there = took(rest, f->before);
		struct span text = span_from("", 0);
		const void *value = &text;
		size_t n = sizeof(text);
		uint64_t number;

		if (f->kind == JSON_END ||
		    (!there && f->kind != JSON_TEXT_OR_NONE))
			return there;
		if (f->kind == JSON_NUMBER) {
			value = &number;
			n = sizeof(number);
		}
		if (f->kind == JSON_NUMBER ? !take_number(rest, &number) :
		    f->kind == JSON_LIST ? !take_list(rest, f->element, &text) :
		    there && !take_text(rest, &text))
			return false;
		if (there && f->kind == JSON_TEXT_OR_NONE && text.n == 0)
			return false;
		if (out != NULL)
			memcpy((char *)out + f->at, value, n);
	}
}

bool
json_read(struct span text, const struct json_field *form, void *out)
{
	return json_take(&text, form, out) && text.n == 0;
}

bool
json_next(struct span *rest, const struct json_field *form, void *out)
{
	if (rest->n == 0 || !json_take(rest, form, out))
		return false;
	/* A trailing comma is an error. */
	return rest->n == 0 || (took(rest, ",") && rest->n > 0);
}

/* ---- writing ----------------------------------------------------------- */

void
json_write(const struct json_field *form, const void *in, struct buf *out)
{
	for (const struct json_field *f = form;; f++) {
		struct span text = span_from("", 0);
		uint64_t number;

		if (f->kind != JSON_END && f->kind != JSON_NUMBER)
			memcpy(&text, (const char *)in + f->at, sizeof(text));
		if (f->kind == JSON_TEXT_OR_NONE && text.n == 0)
			continue;
		buf_add_str(out, f->before);
		if (f->kind == JSON_END)
			return;
		if (f->kind == JSON_NUMBER) {
			memcpy(&number, (const char *)in + f->at,
			    sizeof(number));
			buf_print(out, "%" PRIu64, number);
			continue;
		}
		if (f->kind == JSON_LIST) {
			buf_add(out, text);
			continue;
		}
		buf_add_str(out, "\"");
		json_add_escaped(out, text, "\"\\", false);
		buf_add_str(out, "\"");
	}
}

bool
json_add(const struct json_field *form, const void *in, struct buf *list)
{
	const struct buf before = *list;

	if (list->n > 0)
		buf_add_str(list, ",");
	json_write(form, in, list);
	if (!list->cut)
		return true;
	*list = before;
	return false;
}

/* Adds c, a character or one of a surrogate pair, as \uXXXX. */
static void
add_point(struct buf *b, uint32_t c)
{
	const char text[] = { '\\', 'u', hex[c >> 12], hex[c >> 8 & 15],
	    hex[c >> 4 & 15], hex[c & 15] };

	buf_add(b, span_from(text, sizeof(text)));
}

void
json_add_escaped(struct buf *b, struct span s, const char *special, bool shown)
{
	while (s.n > 0) {
		uint32_t c = 0;
		size_t n = utf8_next(s, &c);

		if (n == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (c != 0 && c < 0x80 && strchr(special, (int)c) != NULL)
			buf_add(b, span_from((const uint8_t[]){ '\\',
			    s.p[0] }, 2));
		else if (shown ? utf8_is_plain(c) : !is_control(c))
			buf_add(b, span_from(s.p, n));
		else if (c < 0x10000)
			add_point(b, c);
		else {
			add_point(b, 0xd7c0 + (c >> 10));
			add_point(b, 0xdc00 + (c & 0x3ff));
		}
		s = span_skip(s, n == 0 ? 1 : n);
	}
}

void
json_add_decoded(struct buf *b, struct span raw)
{
	while (raw.n > 0) {
		size_t n = character(raw);

		if (n == 0)
			return;
		if (raw.p[0] != '\\')
			buf_add(b, span_from(raw.p, n));
		else
			buf_add_number(b, n == 2 ? raw.p[1] :
			    (uint8_t)control_of(raw), 1);
		raw = span_skip(raw, n);
	}
}
