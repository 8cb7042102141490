/*
 * Reading the value of each kind of keyword, checked, into the configuration.
 * Declared in conf_keyword.h.  What only the whole file can tell is judged in
 * conf_load.c.
 */
#include "server/conf/conf_keyword.h"

#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_listen.h"
#include "server/conf/conf_pair.h"
#include "server/conf/conf_proxy.h"
#include "server/conf/conf_text.h"

/* What a setter needs to know. */
struct setting {
	const struct conf_keyword	*k;
	const struct conf_cut		*cut;
	unsigned			 line;
	struct conf			*conf;
	struct conf_domain		*domain;
	struct conf_fault		*fault;
};

static size_t
form_words(const struct conf_keyword *k)
{
	size_t count = 1;

	for (const char *p = k->form; *p != '\0'; p++)
		count += *p == ' ';
	return count;
}

/* A word behind all that k takes; only "{ }" may be one. */
static bool
check_extra(const struct conf_keyword *k, const struct conf_cut *cut,
    struct conf_fault *fault)
{
	const struct conf_word *word = &cut->words[form_words(k)];
	char shown[conf_shown_max_bytes];

	if (conf_word_is_brace(word - 1, '{')) {
		if (!conf_word_is_brace(word, '}'))
			return conf_fault_at(fault, word->at,
			    "each line of a block stands on its own");
		if (cut->count == form_words(k) + 1)
			return true;
		word++;
	}
	conf_show(word->text, shown, sizeof(shown));
	if (!word->quoted && conf_keyword_is_later(word->text))
		return conf_fault_at(fault, word->at,
		    "\"%s\" is not in this version yet", shown);
	return conf_fault_at(fault, word->at,
	    "unexpected \"%s\": the form is \"%s\"", shown, k->form);
}

/* Word number i, one that k's form has: a brace where the form has one? */
static bool
check_word(const struct conf_keyword *k, const struct conf_cut *cut, size_t i,
    struct conf_fault *fault)
{
	const struct conf_word *word = &cut->words[i];
	bool block = k->form[strlen(k->form) - 1] == '{';
	bool open = conf_word_is_brace(word, '{');
	bool wanted = block && i == form_words(k) - 1;
	char shown[conf_shown_max_bytes];

	if (open == wanted && !conf_word_is_brace(word, '}'))
		return true;
	if (open && block)
		return conf_fault_at(fault, word->at,
		    "missing value: the form is \"%s\"", k->form);
	conf_show(word->text, shown, sizeof(shown));
	return conf_fault_at(fault, word->at,
	    "unexpected \"%s\": the form is \"%s\"", shown, k->form);
}

bool
conf_keyword_check_form(const struct conf_keyword *k,
    const struct conf_cut *cut, struct conf_fault *fault)
{
	size_t want = form_words(k);
	bool block = k->form[strlen(k->form) - 1] == '{';

	for (size_t i = 1; i < cut->count && i < want; i++)
		if (!check_word(k, cut, i, fault))
			return false;
	if (cut->count < want)
		return conf_fault_at(fault, cut->end,
		    "missing %s: the form is \"%s\"",
		    block && cut->count == want - 1 ? "\"{\"" : "value",
		    k->form);
	/* What may follow a listen line is looked at with its value. */
	return cut->count == want || k->kind == CONF_KIND_LISTEN ||
	    check_extra(k, cut, fault);
}

/* Replaces the string k keeps. */
static bool
set_string(const struct setting *s, struct span value)
{
	char **slot = conf_keyword_slot(s->k, s->conf, s->domain);
	char *copy;

	copy = strndup((const char *)value.p, value.n);
	if (copy == NULL)
		return conf_fault_memory(s->fault);
	free(*slot);
	*slot = copy;
	return true;
}

static bool
set_host(const struct setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	if (!conf_domain_valid(word->text, false))
		return conf_fault_bad(s->fault, word, "host name",
		    "labels of letters, digits, \"_\" and inner "
		    "hyphens, parted by dots");
	return set_string(s, word->text);
}

static bool
set_path(const struct setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	/* Relative to what?  smtpd leaves the directory it was started in. */
	if (word->text.n == 0 || word->text.p[0] != '/')
		return conf_fault_bad(s->fault, word, "path",
		    "it has to begin with \"/\"");
	if (word->text.n > conf_path_max_bytes)
		return conf_fault_bad(s->fault, word, "path",
		    "longer than 1023 octets");
	if (s->k->max != 0 && word->text.n > s->k->max)
		return conf_fault_bad(s->fault, word, "path",
		    "longer than 103 octets, which is all the name of a "
		    "socket can have");
	return set_string(s, word->text);
}

static bool
set_account(const struct setting *s)
{
	const struct conf_word *word = &s->cut->words[1];

	if (!conf_account_valid(word->text))
		return conf_fault_bad(s->fault, word, "user",
		    "at most 32 letters, digits, \"-\", \"_\" and \".\"");
	if (span_equal(word->text, span_of("root")))
		return conf_fault_bad(s->fault, word, "user",
		    "nothing here runs as root");
	return set_string(s, word->text);
}

static bool
set_sandbox(const struct setting *s)
{
	bool *slot = conf_keyword_slot(s->k, s->conf, s->domain);
	const struct conf_word *word = &s->cut->words[1];
	bool optional = span_equal(word->text, span_of("optional"));

	if (!optional && !span_equal(word->text, span_of("required")))
		return conf_fault_bad(s->fault, word, "value",
		    "it is required or optional");
	*slot = optional;
	return true;
}

static bool
set_log_to(const struct setting *s)
{
	const struct conf_word *word = &s->cut->words[2];
	struct conf *conf = s->conf;

	if (conf->log_to_line != 0)
		return conf_fault_at(s->fault, s->cut->words[0].at,
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
		return conf_fault_bad(s->fault, word, "value", "it is syslog, "
		    "stderr, or a file whose path begins with \"/\"");
	if (word->text.n > conf_path_max_bytes)
		return conf_fault_bad(s->fault, word, "path",
		    "longer than 1023 octets");
	conf->log = CONF_LOG_FILE;
	conf->log_path = strndup((const char *)word->text.p, word->text.n);
	return conf->log_path == NULL ? conf_fault_memory(s->fault) : true;
}

static bool
set_log(const struct setting *s)
{
	const struct conf_word *words = s->cut->words;

	if (span_equal(words[1].text, span_of("to")))
		return set_log_to(s);
	if (!span_equal(words[1].text, span_of("format")))
		return conf_fault_bad(s->fault, &words[1], "word",
		    "the form is \"log to TARGET\"");
	/* There were two forms once. */
	if (span_equal(words[2].text, span_of("events")))
		return true;
	return conf_fault_bad(s->fault, &words[2], "value", "the log has one "
	    "form, events; postfix.awk in share/examples/smtpd gives them "
	    "Postfix's words, see smtpd(8)");
}

static bool
set_listen(const struct setting *s)
{
	return conf_listen_set(s->cut, s->line, s->conf, s->fault);
}

static bool
set_pair(const struct setting *s)
{
	return conf_pair_set(s->cut, s->line, s->conf, s->fault);
}

static bool
set_proxy(const struct setting *s)
{
	return conf_proxy_set(&s->cut->words[1], s->line, s->conf, s->fault);
}

static bool
set_separator(const struct setting *s)
{
	char *slot = conf_keyword_slot(s->k, s->conf, s->domain);
	const struct conf_word *word = &s->cut->words[1];

	if (word->text.n != 1 || memchr("+-=_~", word->text.p[0], 5) == NULL)
		return conf_fault_bad(s->fault, word, "separator",
		    "it is one of + - = _ ~");
	*slot = (char)word->text.p[0];
	return true;
}

static bool
set_mailbox(const struct setting *s)
{
	struct mailbox *slot = conf_keyword_slot(s->k, s->conf, s->domain);
	const struct conf_word *word = &s->cut->words[1];
	struct mailbox m;

	if (!smtp_mailbox_from_text(word->text, &m))
		return conf_fault_bad(s->fault, word, "name",
		    "a user, an alias or an address");
	*slot = m;
	s->domain->has_catch_all = true;
	return true;
}

static bool
set_number(const struct setting *s)
{
	uint64_t *slot = conf_keyword_slot(s->k, s->conf, s->domain);
	const struct conf_word *word = &s->cut->words[1];
	enum conf_value verdict = CONF_VALUE_OK;
	uint64_t value = 0;
	char least[32], most[32];

	if (s->k->kind == CONF_KIND_SIZE)
		verdict = conf_parse_size(word->text, &value);
	else if (s->k->kind == CONF_KIND_TIME)
		verdict = conf_parse_time(word->text, &value);
	else
		verdict = conf_parse_number(word->text, &value);
	if (verdict == CONF_VALUE_BAD && s->k->kind == CONF_KIND_SIZE)
		return conf_fault_bad(s->fault, word, "size",
		    "digits and K, M or G, such as 35M");
	if (verdict == CONF_VALUE_BAD && s->k->kind == CONF_KIND_TIME)
		return conf_fault_bad(s->fault, word, "time",
		    "digits and s, m, h or d, such as 20m");
	if (verdict == CONF_VALUE_BAD)
		return conf_fault_bad(s->fault, word, "number", "digits alone");
	if (verdict == CONF_VALUE_LARGE || value < s->k->min ||
	    value > s->k->max) {
		conf_number_text(s->k->kind, s->k->min, least);
		conf_number_text(s->k->kind, s->k->max, most);
		return conf_fault_at(s->fault, word->at,
		    "out of range: %s is %s to %s", s->k->name, least, most);
	}
	*slot = value;
	return true;
}

bool
conf_keyword_set(const struct conf_keyword *k, const struct conf_cut *cut,
    unsigned line, struct conf *conf, struct conf_domain *domain,
    struct conf_fault *fault)
{
	static bool (*const setters[])(const struct setting *) = {
		[CONF_KIND_HOST] = set_host,
		[CONF_KIND_PATH] = set_path,
		[CONF_KIND_ACCOUNT] = set_account,
		[CONF_KIND_SANDBOX] = set_sandbox,
		[CONF_KIND_LOG] = set_log,
		[CONF_KIND_LISTEN] = set_listen,
		[CONF_KIND_PAIR] = set_pair,
		[CONF_KIND_PROXY] = set_proxy,
		[CONF_KIND_SEPARATOR] = set_separator,
		[CONF_KIND_MAILBOX] = set_mailbox,
		[CONF_KIND_NUMBER] = set_number,
		[CONF_KIND_SIZE] = set_number,
		[CONF_KIND_TIME] = set_number
	};
	struct setting s = { k, cut, line, conf, domain, fault };

	if (!conf_keyword_check_form(k, cut, fault) || !setters[k->kind](&s))
		return false;
	if (k->block != CONF_DOMAIN)
		conf->lines[k - conf_keywords] = line;
	if (k->line_offset != 0)
		*(unsigned *)(void *)((char *)domain + k->line_offset) = line;
	return true;
}
