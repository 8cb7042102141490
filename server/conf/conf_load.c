/*
 * Loads the configuration: walks its lines and blocks, then checks the file
 * as a whole.  Declared in conf.h.  The keywords are in conf_keyword, the
 * tables in conf_table.  Run by the master at start-up and upon SIGHUP, and by
 * smtpctl.
 */
#include "server/conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"
#include "server/conf/conf_table.h"
#include "server/conf/conf_text.h"
#include "server/conf/punycode.h"
#include "shared/array.h"

struct loader {
	struct conf		*conf;
	struct conf_report	 report;
	struct conf_text	 text;
	struct conf_cut		 cut;		/* the current line */
	enum conf_block		 block;
	unsigned		 opened;	/* line of the block */
	bool			 assumed;	/* its "{" is missing */
	unsigned		 skip;		/* depth of refused blocks */
	unsigned		 skip_opened;	/* line of outermost one */
	bool			 skips_relay;	/* that one is "relay" */
	struct conf_domain	*domain;	/* of the block */
	struct conf_domain	 spare;		/* for a refused domain */
	unsigned		 given[conf_lines_max]; /* its line, or 0 */
	int			 error;		/* errno of a lack of memory */
};

/*
 * Checks "from ADDRESS/BITS" of a relay block, though this version relays
 * nothing: a line prepared for a later version must not open a relay to the
 * world.
 */
static void
judge_relay(struct loader *l)
{
	const struct conf_word *words = l->cut.words;
	const char *why;
	struct conf_range r;

	if (l->cut.count < 2 || !span_equal(words[0].text, span_of("from")) ||
	    span_equal(words[1].text, span_of("authenticated")))
		return;
	why = conf_range_parse(words[1].text, &r);
	if (why == NULL && conf_range_is_world(&r))
		why = "it takes in half the world, which would send its spam "
		    "through here";
	if (why != NULL)
		conf_report_bad(&l->report, &words[1], "range", why);
}

/* Steps over a line of a block that was refused. */
static void
skip_line(struct loader *l)
{
	const struct conf_word *last = &l->cut.words[l->cut.count - 1];

	if (l->skips_relay)
		judge_relay(l);
	if (conf_word_is_brace(&l->cut.words[0], '}'))
		l->skip--;
	else if (conf_word_is_brace(last, '{'))
		l->skip++;
}

/* If the refused line opens a block, skips the lines of that block. */
static void
skip_block_of(struct loader *l)
{
	struct span line = conf_trim_line(l->report.place.line);

	if (line.n == 0 || line.p[line.n - 1] != '{')
		return;
	if (l->skip++ == 0) {
		l->skip_opened = l->report.place.number;
		l->skips_relay = l->cut.count > 0 && span_equal(
		    l->cut.words[0].text, span_of("relay"));
	}
}

static void
close_block(struct loader *l)
{
	if (l->block == CONF_TOP)
		conf_report_at(&l->report, l->cut.words[0].at,
		    "\"}\" closes nothing");
	else if (l->cut.count > 1)
		conf_report_at(&l->report, l->cut.words[1].at,
		    "\"}\" stands alone on its line");
	l->block = CONF_TOP;
	l->domain = NULL;
}

/* Reports a word that is no keyword here; returns the one it may mean. */
static const struct conf_keyword *
refuse_keyword(struct loader *l)
{
	const struct conf_word *word = &l->cut.words[0];
	const struct conf_keyword *near, *other;
	const char *hint;
	char shown[conf_shown_max_bytes];

	conf_show(word->text, shown, sizeof(shown));
	near = conf_keyword_near(l->block, word->text);
	other = conf_keyword_elsewhere(l->block, word->text);
	hint = near == NULL || (other != NULL && l->block == CONF_TOP) ? NULL :
	    near->name;
	if (conf_word_is_brace(word, '{')) {
		conf_report_at(&l->report, word->at,
		    "\"{\" stands at the end of the line it belongs to");
	} else if (conf_keyword_is_later(word->text)) {
		conf_report_at(&l->report, word->at,
		    "\"%s\" is not in this version yet", shown);
		hint = NULL;
	} else if (other != NULL) {
		conf_report_at(&l->report, word->at, "\"%s\" %s%s", shown,
		    conf_block_place(other->block),
		    other->block == CONF_TOP && near == NULL ?
		    ": is a \"}\" missing above?" : "");
	} else {
		conf_report_at(&l->report, word->at,
		    "unknown keyword \"%s\"", shown);
	}
	if (hint != NULL)
		conf_report_hint(&l->report, hint);
	/* A mistyped "domain" is not reported as missing, too. */
	if (near != NULL && near->type->many)
		l->given[near - conf_keywords] = l->report.place.number;
	return near;
}

/*
 * For a top-level keyword inside a block: the "}" was most likely forgotten.
 * The block ends here, or every line that follows would be refused as well.
 */
static const struct conf_keyword *
leave_block(struct loader *l)
{
	struct span name = l->cut.words[0].text;
	const struct conf_keyword *k = conf_keyword_find(CONF_TOP, name);

	if (l->block == CONF_TOP || k == NULL)
		return NULL;
	if (!l->assumed) {
		if (conf_keyword_near(l->block, name) != NULL)
			return NULL;
		refuse_keyword(l);
	}
	l->block = CONF_TOP;
	l->domain = NULL;
	return k;
}

static const struct conf_keyword *
find_keyword(struct loader *l)
{
	const struct conf_keyword *k;

	k = conf_keyword_find(l->block, l->cut.words[0].text);
	if (k == NULL)
		k = leave_block(l);
	if (k != NULL)
		return k;
	k = refuse_keyword(l);
	/* The lines of a mistyped block are checked all the same. */
	if (k != NULL && k->type->opens != CONF_TOP)
		return k;
	skip_block_of(l);
	return NULL;
}

/* Adds the domain of a block; returns the spare domain without memory. */
static struct conf_domain *
add_domain(struct loader *l, struct span name, const char *ascii)
{
	struct conf *conf = l->conf;
	struct conf_domain d = { .line = l->report.place.number }, *grown;

	d.name = strndup((const char *)name.p, name.n);
	d.ascii = strdup(ascii);
	grown = array_grow(conf->domains, conf->domain_count, sizeof(*grown));
	if (grown != NULL)
		conf->domains = grown;
	if (grown == NULL || d.name == NULL || d.ascii == NULL) {
		l->error = errno;
		conf_domain_free(&d);
		return &l->spare;
	}
	for (char *p = d.name; *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	grown += conf->domain_count++;
	*grown = d;
	return grown;
}

/* The domain of a block; the spare domain when its name is refused. */
static struct conf_domain *
open_domain(struct loader *l, const struct conf_word *word)
{
	char shown[conf_shown_max_bytes], ascii[punycode_domain_bytes];
	const struct conf_domain *twin;
	const char *why = NULL;

	if (!conf_domain_valid(word->text, true))
		why = "labels of letters, digits, \"_\" and inner hyphens, "
		    "parted by dots";
	else if (!punycode_domain(word->text, ascii))
		why = "a label of more than 63 octets in its form xn--";
	if (why != NULL) {
		conf_report_bad(&l->report, word, "domain", why);
		return &l->spare;
	}
	twin = conf_find_domain(l->conf, word->text);
	if (twin == NULL)
		return add_domain(l, word->text, ascii);
	conf_show(word->text, shown, sizeof(shown));
	conf_report_at(&l->report, word->at,
	    "domain \"%s\" was given in line %u already", shown, twin->line);
	return &l->spare;
}

static void
open_block(struct loader *l, const struct conf_keyword *k)
{
	const struct conf_word *last = &l->cut.words[l->cut.count - 1];
	bool formed = conf_keyword_check_form(k, &l->cut, &l->report);

	if (conf_word_is_brace(last, '}'))
		last--;
	l->assumed = !conf_word_is_brace(last, '{');
	conf_domain_free(&l->spare);
	if (k->type->opens == CONF_DOMAIN) {
		l->domain = &l->spare;
		if (formed || (l->assumed && l->cut.count == 2))
			l->domain = open_domain(l, &l->cut.words[1]);
		for (size_t i = 0; i < conf_keyword_count; i++)
			if (conf_keywords[i].block == CONF_DOMAIN)
				l->given[i] = 0;
	}
	if (last + 1 < l->cut.words + l->cut.count)
		return;		/* "{ }": nothing in it */
	l->block = k->type->opens;
	l->opened = l->report.place.number;
}

/* True when k was given before and may not be again. */
static bool
given_before(struct loader *l, const struct conf_keyword *k)
{
	unsigned *given = &l->given[k - conf_keywords];

	if (*given != 0 && !k->type->many) {
		conf_report_at(&l->report, l->cut.words[0].at,
		    "\"%s\" was given in line %u already", k->name, *given);
		return true;
	}
	*given = l->report.place.number;
	return false;
}

static void
read_keyword(struct loader *l)
{
	const struct conf_keyword *k = find_keyword(l);

	if (k == NULL)
		return;
	if (k->type->opens != CONF_TOP) {
		given_before(l, k);
		open_block(l, k);
		return;
	}
	if (given_before(l, k) ||
	    !conf_keyword_set(&(struct conf_setting){ k, &l->cut,
	    l->report.place.number, l->conf, l->domain, &l->report }))
		skip_block_of(l);
}

/* Cuts the line into words; false: a mistake was reported. */
static bool
cut_line(struct loader *l)
{
	const char *why;

	if (!conf_text_check(&l->report))
		return false;
	why = conf_cut_line(l->report.place.line, &l->cut);
	return why == NULL ||
	    conf_report_at(&l->report, l->cut.bad_at, "%s", why);
}

static void
read_line(struct loader *l)
{
	if (!cut_line(l)) {
		skip_block_of(l);
		return;
	}
	if (l->cut.count == 0)
		return;
	if (l->skip > 0)
		skip_line(l);
	else if (conf_word_is_brace(&l->cut.words[0], '}'))
		close_block(l);
	else if (l->assumed && conf_word_is_brace(&l->cut.words[0], '{') &&
	    l->cut.count == 1 && l->block != CONF_TOP)
		l->assumed = false;
	else
		read_keyword(l);
}

/* Reports a block that is open at the end of the file, where it begins. */
static void
check_closed(struct loader *l)
{
	unsigned opened = 0;

	if (l->skip > 0)
		opened = l->skip_opened;
	else if (l->block != CONF_TOP && !l->assumed)
		opened = l->opened;
	if (opened == 0)
		return;
	conf_report_word(&l->report, &l->text, opened, 0,
	    "this block is never closed: a \"}\" is missing");
}

/* With one user the workers, which talk to strangers, could reach mail. */
static void
check_accounts(struct loader *l)
{
	unsigned user = conf_line_of(l->conf, "user");
	unsigned worker = conf_line_of(l->conf, "worker-user");

	if (strcmp(l->conf->user, l->conf->worker_user) == 0)
		conf_report_word(&l->report, &l->text, user > worker ? user :
		    worker, 1,
		    "\"user\" and \"worker-user\" have to be two users");
}

/* The default of control is below root. */
static void
settle_control(struct loader *l)
{
	char *path;

	if (l->conf->control != NULL)
		return;
	if (asprintf(&path, "%s/control", l->conf->root) == -1)
		l->error = ENOMEM;
	else
		l->conf->control = path;
}

/* Was a top-level keyword given, even with a mistake? */
static bool
is_given(const struct loader *l, const char *name)
{
	const struct conf_keyword *k = conf_keyword_find(CONF_TOP,
	    span_of(name));

	return k != NULL && l->given[k - conf_keywords] != 0;
}

/* Users log in under TLS only. */
static void
check_submission(struct loader *l)
{
	for (size_t i = 0; i < l->conf->listen_count; i++)
		if (l->conf->listens[i].submission && !is_given(l, "tls"))
			conf_report_word(&l->report, &l->text,
			    l->conf->listens[i].line, 4,
			    "\"submission\" is under TLS only: a line \"tls "
			    "certificate FILE key FILE\" is missing");
}

static void
check_whole(struct loader *l)
{
	check_closed(l);
	check_accounts(l);
	check_submission(l);
	settle_control(l);
	conf_settle_limits(l->conf);
	if (!is_given(l, "domain"))
		conf_report_file(&l->report, l->text.path, "no \"domain\": add "
		    "a block that begins with \"domain NAME {\"");
}

static void
load_text(struct loader *l)
{
	struct span rest = span_from(l->text.bytes, l->text.n);

	while (l->error == 0 && conf_text_next(&l->text, &rest,
	    &l->report.place))
		read_line(l);
	if (l->error != 0)
		return;
	check_whole(l);
	if (conf_table_load(l->conf, &l->text, &l->report) == -1)
		l->error = errno;
}

int
conf_load(const char *path, struct conf *out, FILE *err)
{
	struct loader l = { .conf = out, .report = { .err = err } };
	const char *why;

	if (conf_init(out) == -1 || (out->path = strdup(path)) == NULL) {
		l.error = errno;
	} else {
		why = conf_text_read(path, &l.text);
		if (why != NULL)
			conf_report_file(&l.report, path,
			    "cannot be read: %s", why);
		else
			load_text(&l);
	}
	if (l.error != 0)
		conf_report_file(&l.report, path, "%s", strerror(l.error));
	conf_text_free(&l.text);
	conf_domain_free(&l.spare);
	return l.report.count == 0 ? 0 : -1;
}
