/* Messages for wrong command lines. */
#include "server/conf/conf_parse.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/buf.h"

enum { near_max = 2 };

/* The next word of a usage text: of letters, digits and "-". */
static bool
next_word(const char **at, struct span *out)
{
	static const char parts[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	*at += strcspn(*at, parts);
	*out = span_from(*at, strspn(*at, parts));
	*at += out->n;
	return out->n > 0;
}

/* Edits, a transposition is one, from a to b; any larger number above most. */
static size_t
edits(struct span a, struct span b, size_t most)
{
	static const uint8_t steps[][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 },
	    { 2, 2 } };
	size_t least = SIZE_MAX - 1, n;

	while (a.n > 0 && b.n > 0 &&
	    ascii_lower(a.p[0]) == ascii_lower(b.p[0])) {
		a = span_skip(a, 1);
		b = span_skip(b, 1);
	}
	if (most == 0 || a.n == 0 || b.n == 0)
		return a.n > b.n ? a.n : b.n;
	for (size_t i = 0; i < 4; i++) {
		if (i == 3 && (a.n == 1 || b.n == 1 ||
		    ascii_lower(a.p[0]) != ascii_lower(b.p[1]) ||
		    ascii_lower(a.p[1]) != ascii_lower(b.p[0])))
			break;
		n = edits(span_skip(a, steps[i][0]),
		    span_skip(b, steps[i][1]), most - 1);
		least = n < least ? n : least;
	}
	return least + 1;
}

struct span
wrong_word_near(const char *list, struct span word)
{
	struct span one, best = span_from("", 0);
	size_t least = near_max + 1, distance;

	while (word.n > near_max && next_word(&list, &one)) {
		distance = edits(one, word, near_max);
		if (one.n > word.n && memcmp(one.p, word.p, word.n) == 0)
			distance = near_max;
		else if (3 * distance > word.n)
			continue;
		if (distance < least &&
		    (one.p[0] == '-') == (word.p[0] == '-')) {
			least = distance;
			best = one;
		}
	}
	return best;
}

void
wrong_word_of(const char *list, const char *word, const char *what,
    char out[wrong_word_bytes])
{
	struct span name = span_from(word, strcspn(word, "="));
	struct buf b = buf_over(out, wrong_word_bytes);
	struct span near = wrong_word_near(list, name);
	size_t n = strnlen(word, 60);

	buf_add_escaped(&b, span_from(word, n), "");
	buf_add_str(&b, word[n] == '\0' ? ": " : "...: ");
	buf_add_str(&b, what);
	if (near.n > 0) {
		buf_add_str(&b, "; did you mean ");
		buf_add(&b, near);
		buf_add_str(&b, "?");
	}
	(void)buf_str(&b);
}

void
wrong_word(const char *usage, int argc, char *argv[],
    char out[wrong_word_bytes])
{
	static const char unknown[] = "unknown option",
	    lacking[] = "the value is missing";
	const char *last = optind > 0 && optind <= argc ? argv[optind - 1] :
	    "", *list = usage;
	struct span name = span_from(last, strcspn(last, "=")), one;
	bool is_long = strncmp(last, "--", 2) == 0 && last[2] != '\0';
	bool known = false;
	/* A short option, which getopt(3) leaves in optopt; with a value. */
	char word[] = { '-', (char)optopt, '\0' }, valued[] = { '-',
	    (char)optopt, ' ', '\0' };

	while (!known && next_word(&list, &one))
		known = span_equal(one, name);
	/* optopt stays 0 without an error, and for an unknown long option. */
	if (is_long && !known)
		wrong_word_of(usage, last, unknown, out);
	else if (optopt == 0 && optind < argc)
		wrong_word_of(usage, argv[optind], "unexpected word",
		    out);
	else if (optopt == 0)
		snprintf(out, wrong_word_bytes, "an argument is missing");
	else if (is_long && last[name.n] == '=')
		wrong_word_of("", last, "the option takes no value", out);
	else if (is_long && optind == argc)
		wrong_word_of("", last, lacking, out);
	else
		wrong_word_of("", word, strstr(usage, valued) != NULL ?
		    lacking : unknown, out);
}
