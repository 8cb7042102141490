/*
 * Judges the form of replies as strictly as RFC 5321 4.2 and 4.5.3.1.5, and
 * RFC 1939 3 and RFC 5034 4, write them, and compares replies of SMTP with the
 * table of shared/smtp_reply.h, as text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "t/dialog/play_reply.h"

/* The host name of every configuration in play_daemon.c. */
static const char hostname[] = "mx.example.org";

static const char *const names[REPLY_COUNT] = {
#define NAME(name, note, end, text) [REPLY_##name] = #name,
	SMTP_REPLIES(NAME)
#undef NAME
};

/* The row as it is sent, LF for CRLF; without the id of a message. */
static void
write_row(enum smtp_reply reply, char out[smtp_reply_max_bytes])
{
	uint8_t storage[smtp_reply_max_bytes];
	struct buf text;

	text = buf_over(storage, sizeof(storage));
	(reply >= REPLY_POP_GREETING ? smtp_reply_write_pop :
	    smtp_reply_write)(reply, span_of(hostname), span_of(""), &text);
	memcpy(out, storage, text.n);
	out[text.n - 2] = '\n';
	out[text.n - 1] = '\0';
}

static bool
is_row(enum smtp_reply reply, const char *text)
{
	char want[smtp_reply_max_bytes];

	/* The only one of several lines, and written by itself. */
	if (reply == REPLY_EHLO)
		return strncmp(text, "250-", 4) == 0;
	write_row(reply, want);
	if (reply == REPLY_STORED)
		return strncmp(text, want, strlen(want) - 1) == 0;
	return strcmp(text, want) == 0;
}

static int fail(char *, size_t, const char *, ...)
    __attribute__((__format__(printf, 3, 4)));

static int
fail(char *why, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, size, format, ap);
	va_end(ap);
	return -1;
}

/* Reply-line of RFC 5321 4.2, of which this server always sends the text. */
static int
check_smtp(const char *reply, const char *line, size_t len, char *why,
    size_t size)
{
	size_t i;

	if (len > reply_line_max_bytes)
		return fail(why, size, "expected a reply line of at most %d "
		    "octets, got %zu", reply_line_max_bytes, len);
	if (len < 6 || line[len - 2] != '\r')
		return fail(why, size, "expected CRLF, got \"%.*s\"", (int)len,
		    line);
	for (i = 0; i < len - 2; i++)
		if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~')
			return fail(why, size, "expected printable ASCII, got "
			    "\"%.*s\"", (int)len, line);
	if (strspn(line, "0123456789") != 3 || line[0] < '2' ||
	    line[0] > '5' || line[1] > '5' ||
	    (line[3] != ' ' && line[3] != '-'))
		return fail(why, size, "expected a reply line, got \"%.*s\"",
		    (int)len, line);
	if (*reply != '\0' && strncmp(line, reply, 3) != 0)
		return fail(why, size, "expected one code on all lines, got "
		    "\"%.*s\"", (int)len, line);
	return 0;
}

/* Length of an enhanced code (RFC 2034 4) at p, or 0. */
static size_t
enhanced_len(const char *p)
{
	size_t len, part;
	int i;

	len = 0;
	for (i = 0; i < 3; i++) {
		part = strspn(p + len, "0123456789");
		if (part < 1 || part > (i == 0 ? 1 : 3))
			return 0;
		len += part;
		if (p[len] != (i < 2 ? '.' : ' '))
			return 0;
		len++;
	}
	return len - 1;
}

static bool
enhanced_matches(const char *p, const char *want)
{
	size_t len;

	if (*want == '\0')
		return true;
	if ((len = enhanced_len(p)) == 0)
		return strcmp(want, "-") == 0;
	for (; *want != '\0'; want++) {
		if (*want == '*') {
			while (len > 0 && *p != '.') {
				p++;
				len--;
			}
		} else if (len > 0 && *p == *want) {
			p++;
			len--;
		} else
			return false;
	}
	return len == 0;
}

static bool
code_matches(const char *line, const char *want)
{
	int i;

	for (i = 0; i < 3; i++)
		if (want[i] != '*' && want[i] != line[i])
			return false;
	return true;
}

static bool
is_pop3(const struct step *step)
{
	return step->code[0] == '+' || step->code[0] == '-';
}

/* The first line of RFC 1939 3, or the "+" of RFC 5034 4. */
static int
check_status(const struct step *step, const char *line, size_t len, char *why,
    size_t size)
{
	size_t i, n;

	if (len > reply_line_max_bytes || len < 3 || line[len - 2] != '\r')
		return fail(why, size, "expected CRLF within %d octets, got "
		    "\"%.*s\"", reply_line_max_bytes, (int)len, line);
	for (i = 0; i < len - 2; i++)
		if (line[i] < ' ' || line[i] > '~')
			return fail(why, size, "expected printable ASCII, got "
			    "\"%.*s\"", (int)len, line);
	n = strcspn(step->code, ".");
	if (strncmp(line, step->code, n) == 0 &&
	    (line[n] == ' ' || (line[n] == '\r' && n > 1)))
		return 0;
	return fail(why, size, "expected %s, got \"%.*s\"", step->code,
	    (int)len, line);
}

/* A line behind the first: RFC 1939 3. */
static int
check_body(const char *line, size_t len, char *why, size_t size)
{
	if (len < 2 || line[len - 2] != '\r')
		return fail(why, size, "expected CRLF, got \"%.*s\"", (int)len,
		    line);
	if (line[0] == '.' && len > 3 && line[1] != '.')
		return fail(why, size, "expected a stuffed dot, got \"%.*s\"",
		    (int)len, line);
	return 0;
}

int
reply_check(const struct step *step, const char *reply, const char *line,
    size_t len, char *why, size_t size)
{
	if (is_pop3(step))
		return *reply == '\0' ?
		    check_status(step, line, len, why, size) :
		    check_body(line, len, why, size);
	if (check_smtp(reply, line, len, why, size) == -1)
		return -1;
	if (!code_matches(line, step->code) ||
	    !enhanced_matches(line + 4, step->enhanced))
		return fail(why, size, "expected %s %s, got \"%.*s\"",
		    step->code, step->enhanced, (int)len, line);
	return 0;
}

bool
reply_goes_on(const struct step *step, const char *line, size_t len)
{
	if (is_pop3(step))
		return step->code[3] == '.' &&
		    !(len == 3 && line[0] == '.');
	return line[3] == '-';
}

void
replies_note(struct replies *replies, const char *text)
{
	int i;

	for (i = 0; i < REPLY_COUNT; i++)
		if (is_row((enum smtp_reply)i, text))
			replies->seen[i] = true;
}

void
replies_add(struct replies *to, const struct replies *from)
{
	int i;

	for (i = 0; i < REPLY_COUNT; i++)
		to->seen[i] |= from->seen[i];
}

size_t
replies_missing(const struct replies *replies)
{
	char text[smtp_reply_max_bytes];
	size_t missing;
	int i;

	missing = 0;
	for (i = 0; i < REPLY_COUNT; i++) {
		/* Two clients, or a greeting-wait: t/system/test_clients.c. */
		if (replies->seen[i] || i == REPLY_ROOM || i == REPLY_EARLY)
			continue;
		/* A process has to be lost: test_submission.c, test_sign.c. */
		if (i == REPLY_AUTH_TROUBLE || i == REPLY_TLS_TROUBLE)
			continue;
		/* They take a proxy: t/system/test_proxy.c. */
		if (i == REPLY_A_WHILE || i == REPLY_HOST_FULL ||
		    i == REPLY_NETWORK_FULL || i == REPLY_NO_MEMORY)
			continue;
		/* Two sessions, or other readers: t/system/test_pop3.c. */
		if (i == REPLY_POP_IN_USE || i == REPLY_POP_GONE ||
		    i == REPLY_POP_LEFT)
			continue;
		/* Their text is the answer. */
		if (i == REPLY_POP_TEXT || i == REPLY_POP_END)
			continue;
		write_row((enum smtp_reply)i, text);
		printf("FAIL replies: no transcript has REPLY_%s: %s",
		    names[i], text);
		missing++;
	}
	return missing;
}
