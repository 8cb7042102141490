/*
 * The language of smtpd.conf and of its tables, fed any octets as if they
 * were each of the three files.  What must hold of every answer is checked
 * here; a broken promise aborts.
 */
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* The part lies in the whole. */
static void
must_lie_in(struct span part, struct span whole)
{
	must(part.n <= whole.n && part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n);
}

static void
try_values(struct span word)
{
	static const struct conf_unit *const units[] = { conf_units_number,
	    conf_units_size, conf_units_time };
	uint64_t number, value;
	bool good = conf_parse_number(word, conf_units_number, &number);

	/* Digits alone mean the same in all kinds. */
	for (size_t i = 0; good && i < 3; i++) {
		must(conf_parse_number(word, units[i], &value));
		must(value == number);
	}
	if (!good && conf_parse_number(word, conf_units_size, &value))
		must(value % 1024 == 0 || value == UINT64_MAX);
}

static void
try_shown(struct span word)
{
	char out[40];
	struct span shown;
	uint32_t c;

	memset(out, 0x5a, sizeof(out));
	conf_show(word, out, 16);
	must(memchr(out, '\0', 16) != NULL && out[16] == 0x5a);
	for (shown = span_of(out); shown.n > 0;) {
		size_t taken = utf8_next(shown, &c);

		must(taken > 0 && utf8_is_plain(c));
		shown = span_skip(shown, taken);
	}
}

static void
try_names(struct span word)
{
	struct span near = wrong_word_near("workers worker-sessions", word);

	if (span_equal_fold(word, span_of("worker-sessions")))
		must(span_equal(near, span_of("worker-sessions")));
	/* Names of directories: what they must never be. */
	if (conf_domain_valid(word, true) || conf_name_is_file(word))
		must(word.n > 0 && word.p[0] != '.' &&
		    memchr(word.p, '/', word.n) == NULL &&
		    memchr(word.p, '\0', word.n) == NULL);
	if (conf_domain_valid(word, false))
		must(conf_domain_valid(word, true));
	if (conf_account_valid(word))
		must(conf_name_is_file(word));
}

static void
try_words(struct span line)
{
	struct conf_cut cut;
	size_t before = 0;

	if (conf_cut_line(line, &cut) != NULL) {
		must(cut.bad_at < line.n && (line.p[cut.bad_at] == '"' ||
		    conf_check_line(line, &before) != NULL));
		return;
	}
	must(cut.count <= conf_words_max && cut.end <= line.n);
	for (size_t i = 0; i < cut.count; i++) {
		const struct conf_word *w = &cut.words[i];

		must_lie_in(w->text, line);
		must(w->at >= before && w->at + w->text.n <= cut.end);
		must(w->quoted || (w->text.n > 0 &&
		    memchr(w->text.p, ' ', w->text.n) == NULL &&
		    w->text.p == line.p + w->at));
		before = w->at + w->text.n;
		try_values(w->text);
		try_names(w->text);
		try_shown(w->text);
	}
}

static void
try_tables(struct span line)
{
	struct span entry = conf_trim_line(line), target;
	struct conf_user_line user;
	bool more;

	must_lie_in(entry, line);
	conf_parse_user(entry, &user);
	must_lie_in(user.name, entry);
	must_lie_in(user.rest, entry);
	if (user.hash.p != NULL)
		must_lie_in(user.hash, entry);
	more = conf_take_part(&entry, ':', &target);
	must_lie_in(target, line);
	while (more) {
		more = conf_take_part(&entry, ',', &target);
		must_lie_in(target, line);
		must(memchr(target.p, ',', target.n) == NULL);
	}
	must(entry.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size), line;
	size_t at, left = size;

	while (rest.n > 0) {
		line = span_cut(&rest, '\n');
		must(memchr(line.p, '\n', line.n) == NULL);
		must(rest.n < left);
		left = rest.n;
		if (conf_check_line(line, &at) == NULL) {
			must(line.n <= conf_line_max_bytes);
			must(memchr(line.p, '\0', line.n) == NULL);
		} else {
			must(at < line.n);
		}
		try_words(line);
		try_tables(line);
	}
	return 0;
}
