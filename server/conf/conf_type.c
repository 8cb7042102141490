/*
 * The types of values: what each may be, how it is read into the configuration,
 * and how it is printed so that it can be read again.  conf_load.c checks what
 * depends on the whole file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"

/* Where the keyword keeps its value. */
static void *
slot(const struct conf_setting *s)
{
	char *base = s->k->block == CONF_DOMAIN ? (char *)s->domain :
	    (char *)s->conf;

	return base + s->k->offset;
}

/* The same, read-only. */
static const void *
value(const struct conf_line *l)
{
	const char *base = l->k->block == CONF_DOMAIN ?
	    (const char *)l->domain : (const char *)l->conf;

	return base + l->k->offset;
}

void
conf_word_text(const char *word, char out[conf_word_max_bytes])
{
	bool quote = word[0] == '#' || word[strcspn(word, " \t{}")] != '\0';

	snprintf(out, conf_word_max_bytes, quote ? "\"%s\"" : "%s", word);
}

/* ---- words -------------------------------------------------------------- */

/* Replaces the keyword's string; copy NULL: reported already. */
static bool
set_string(const struct conf_setting *s, char *copy)
{
	char **string = slot(s);

	if (copy == NULL)
		return false;
	free(*string);
	*string = copy;
	return true;
}

static bool
set_word(const struct conf_setting *s)
{
	struct span word = s->cut->words[1].text;
	char *copy = strndup((const char *)word.p, word.n);

	return copy == NULL ? conf_report_at(s->report, 0, "out of memory") :
	    set_string(s, copy);
}

static bool
write_word(struct conf_line *l)
{
	const char *word = *(const char *const *)value(l);

	if (l->i > 0 || word == NULL)
		return false;
	conf_word_text(word, l->value);
	return true;
}

static bool
read_host(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	if (!conf_domain_valid(word->text, false))
		return conf_report_bad(s->report, word, "host name",
		    "labels of letters, digits, \"_\" and inner "
		    "hyphens, parted by dots");
	return set_word(s);
}

char *
conf_path_copy(const struct conf_word *word, uint64_t max,
    struct conf_report *report)
{
	const char *why = NULL;
	char *copy;

	/* smtpd leaves the directory it was started in. */
	if (word->text.n == 0 || word->text.p[0] != '/')
		why = "it has to begin with \"/\"";
	else if (word->text.n > conf_path_max_bytes)
		why = "longer than 1023 octets";
	else if (max != 0 && word->text.n > max)
		why = "longer than 103 octets, which is all the name of a "
		    "socket can have";
	if (why != NULL) {
		conf_report_bad(report, word, "path", why);
		return NULL;
	}
	copy = strndup((const char *)word->text.p, word->text.n);
	if (copy == NULL)
		conf_report_at(report, 0, "out of memory");
	return copy;
}

static bool
read_path(const struct conf_setting *s)
{
	return set_string(s, conf_path_copy(&s->cut->words[1], s->k->max,
	    s->report));
}

/* Writes a table's path, and in meaning its number of entries. */
static bool
write_table(struct conf_line *l)
{
	snprintf(l->meaning, sizeof(l->meaning), "%s: %zu", l->k->meaning,
	    l->k->offset == offsetof(struct conf_domain, users_path) ?
	    l->domain->user_count : l->domain->alias_count);
	return write_word(l);
}

static bool
read_account(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	if (!conf_account_valid(word->text))
		return conf_report_bad(s->report, word, "user",
		    "at most 32 letters, digits, \"-\", \"_\" and \".\"");
	if (span_equal(word->text, span_of("root")))
		return conf_report_bad(s->report, word, "user",
		    "nothing here runs as root");
	return set_word(s);
}

static bool
read_sandbox(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];
	bool optional = span_equal(word->text, span_of("optional"));

	if (!optional && !span_equal(word->text, span_of("required")))
		return conf_report_bad(s->report, word, "value",
		    "it is required or optional");
	*(bool *)slot(s) = optional;
	return true;
}

static bool
write_sandbox(struct conf_line *l)
{
	snprintf(l->value, sizeof(l->value), "%s",
	    *(const bool *)value(l) ? "optional" : "required");
	return l->i == 0;
}

static bool
read_separator(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	if (word->text.n != 1 || memchr("+-=_~", word->text.p[0], 5) == NULL)
		return conf_report_bad(s->report, word, "separator",
		    "it is one of + - = _ ~");
	*(char *)slot(s) = (char)word->text.p[0];
	return true;
}

static bool
write_separator(struct conf_line *l)
{
	l->value[0] = *(const char *)value(l);
	l->value[1] = '\0';
	return l->i == 0 && l->value[0] != '\0';
}

static bool
read_mailbox(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];
	struct mailbox m;

	if (!smtp_mailbox_from_text(word->text, &m))
		return conf_report_bad(s->report, word, "name",
		    "a user, an alias or an address");
	*(struct mailbox *)slot(s) = m;
	s->domain->has_catch_all = true;
	return true;
}

static bool
write_mailbox(struct conf_line *l)
{
	const struct mailbox *m = value(l);
	char text[sizeof(m->local) + sizeof(m->domain) + 2];

	if (l->i > 0 || !l->domain->has_catch_all)
		return false;
	snprintf(text, sizeof(text), "%.*s%s%.*s", (int)m->local_len,
	    m->local, m->domain_len > 0 ? "@" : "", (int)m->domain_len,
	    m->domain);
	conf_word_text(text, l->value);
	return true;
}

/* ---- numbers ------------------------------------------------------------ */

/* Writes number in the largest unit that divides it; "0" has no unit. */
static void
number_text(const struct conf_unit *unit, uint64_t number, char *out, size_t n)
{
	while (unit->worth > 1 && (number == 0 || number % unit->worth != 0))
		unit++;
	snprintf(out, n, "%llu%.*s", (unsigned long long)(number /
	    unit->worth), number != 0 && unit->letter != '\0', &unit->letter);
}

static bool
read_number(const struct conf_setting *s)
{
	const struct conf_type *type = s->k->type;
	const struct conf_word *word = &s->cut->words[1];
	enum conf_value verdict;
	char least[32], most[32];
	uint64_t number;

	verdict = conf_parse_number(word->text, type->units, &number);
	if (verdict == CONF_VALUE_BAD)
		return conf_report_bad(s->report, word,
		    type->units == conf_units_size ? "size" :
		    type->units == conf_units_time ? "time" : "number",
		    type->want);
	if (verdict == CONF_VALUE_LARGE || number < s->k->min ||
	    number > s->k->max) {
		number_text(type->units, s->k->min, least, sizeof(least));
		number_text(type->units, s->k->max, most, sizeof(most));
		return conf_report_at(s->report, word->at,
		    "out of range: %s is %s to %s", s->k->name, least, most);
	}
	*(uint64_t *)slot(s) = number;
	return true;
}

static bool
write_number(struct conf_line *l)
{
	number_text(l->k->type->units, *(const uint64_t *)value(l),
	    l->value, sizeof(l->value));
	return l->i == 0;
}

/* ---- log ---------------------------------------------------------------- */

static bool
read_log_to(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[2];
	struct conf *conf = s->conf;

	if (conf->log_to_line != 0)
		return conf_report_at(s->report, s->cut->words[0].at,
		    "\"log to\" was given in line %u already",
		    conf->log_to_line);
	conf->log_to_line = s->line;
	if (span_equal(word->text, span_of("syslog"))) {
		conf->log = CONF_LOG_SYSLOG;
		return true;
	}
	if (span_equal(word->text, span_of("stderr"))) {
		conf->log = CONF_LOG_STDERR;
		return true;
	}
	if (word->text.n < 2 || word->text.p[0] != '/' ||
	    word->text.p[word->text.n - 1] == '/')
		return conf_report_bad(s->report, word, "value",
		    "it is syslog, stderr, or a file whose path begins with "
		    "\"/\"");
	conf->log = CONF_LOG_FILE;
	conf->log_path = conf_path_copy(word, 0, s->report);
	return conf->log_path != NULL;
}

static bool
read_log(const struct conf_setting *s)
{
	const struct conf_word *words = s->cut->words;

	if (span_equal(words[1].text, span_of("to")))
		return read_log_to(s);
	if (!span_equal(words[1].text, span_of("format")))
		return conf_report_bad(s->report, &words[1], "word",
		    "the form is \"log to TARGET\"");
	/* Earlier versions had two formats. */
	if (span_equal(words[2].text, span_of("events")))
		return true;
	return conf_report_bad(s->report, &words[2], "value", "the log has one "
	    "form, events; postfix.awk in share/examples/smtpd gives them "
	    "Postfix's words, see smtpd(8)");
}

static bool
write_log(struct conf_line *l)
{
	char path[conf_word_max_bytes] = "";

	if (l->conf->log == CONF_LOG_FILE)
		conf_word_text(l->conf->log_path, path);
	snprintf(l->value, sizeof(l->value), "to %s", path[0] != '\0' ?
	    path : l->conf->log == CONF_LOG_STDERR ? "stderr" : "syslog");
	/* -d decides, which is not part of the configuration. */
	l->off = l->conf->log == CONF_LOG_DEFAULT;
	if (l->off)
		snprintf(l->meaning, sizeof(l->meaning), "%s",
		    "and with -d to stderr");
	return l->i == 0;
}

const struct conf_type
    conf_type_host = { .read = read_host, .write = write_word },
    conf_type_path = { .read = read_path, .write = write_word },
    conf_type_table = { .read = read_path, .write = write_table },
    conf_type_account = { .read = read_account, .write = write_word },
    conf_type_sandbox = { .read = read_sandbox, .write = write_sandbox },
    conf_type_log = { .read = read_log, .write = write_log, .many = true },
    conf_type_separator = { .read = read_separator,
	.write = write_separator },
    conf_type_mailbox = { .read = read_mailbox, .write = write_mailbox },
    conf_type_number = { .read = read_number, .write = write_number,
	.units = conf_units_none, .want = "digits alone" },
    conf_type_size = { .read = read_number, .write = write_number,
	.units = conf_units_size,
	.want = "digits and K, M or G, such as 35M" },
    conf_type_time = { .read = read_number, .write = write_number,
	.units = conf_units_time,
	.want = "digits and s, m, h or d, such as 20m" },
    conf_type_domain = { .opens = CONF_DOMAIN, .many = true },
    conf_type_limits = { .opens = CONF_LIMITS };
