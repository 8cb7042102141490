/* Loads the configuration: its lines and blocks, then the file as a whole. */
#include "server/conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"
#include "server/conf/conf_parse.h"

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
};

/* If the refused line opens a block, skips the lines of that block. */
static void
skip_block_of(struct loader *l)
{
	struct span line = conf_trim_line(l->report.place.line);

	if (line.n == 0 || line.p[line.n - 1] != '{')
		return;
	if (l->skip++ == 0)
		l->skip_opened = l->report.place.number;
}

/* Reports a word that is no keyword here; returns the one it may mean. */
static const struct conf_keyword *
refuse_keyword(struct loader *l)
{
	static const char *const places[] = {
		[CONF_TOP] = "belongs outside of any block",
		[CONF_DOMAIN] = "belongs in a domain block",
		[CONF_LIMITS] = "belongs in the limits block",
		[CONF_RELAY] = "belongs in the relay block"
	};
	const struct conf_word *word = &l->cut.words[0];
	const struct conf_keyword *near, *other;
	const char *shown = conf_shown(word->text);

	near = conf_keyword_near(l->block, word->text);
	other = conf_keyword_find(l->block, false, word->text);
	if (conf_word_is_brace(word, '{'))
		conf_report_at(&l->report, word->at,
		    "\"{\" stands at the end of the line it belongs to");
	else if (other != NULL)
		conf_report_at(&l->report, word->at, "\"%s\" %s%s", shown,
		    places[other->block],
		    other->block == CONF_TOP && near == NULL ?
		    ": is a \"}\" missing above?" : "");
	else
		conf_report_at(&l->report, word->at,
		    "unknown keyword \"%s\"", shown);
	if (near != NULL && (other == NULL || l->block != CONF_TOP))
		conf_report_hint(&l->report, near->name);
	return near;
}

static const struct conf_keyword *
find_keyword(struct loader *l)
{
	struct span name = l->cut.words[0].text;
	const struct conf_keyword *k = conf_keyword_find(l->block, true, name);
	const struct conf_keyword *outer = conf_keyword_find(CONF_TOP, true,
	    name);

	if (k != NULL)
		return k;
	/* The "}" was most likely forgotten: the block ends here. */
	if (outer != NULL && (l->assumed ||
	    conf_keyword_near(l->block, name) == NULL)) {
		if (!l->assumed)
			refuse_keyword(l);
		l->block = CONF_TOP;
		return outer;
	}
	k = refuse_keyword(l);
	/* The lines of a mistyped block are checked all the same. */
	if (k != NULL && k->type->opens != CONF_TOP)
		return k;
	/* What is mistyped is not reported as missing, too. */
	if (k != NULL && k->type->many)
		(void)conf_keyword_note(k->block == CONF_RELAY ?
		    &l->conf->relay_sets : &l->conf->sets, k, name,
		    l->report.place.number);
	skip_block_of(l);
	return NULL;
}

/* Adds a domain; if its name is refused, without it, to read its block. */
static bool
open_domain(struct loader *l)
{
	const struct conf_word *word = &l->cut.words[1];
	const bool named = l->cut.count > 1 && !conf_word_is_brace(word, '{');
	struct span name = named ? word->text : span_of("");
	char ascii[punycode_domain_bytes] = "";
	const struct conf_domain *twin = NULL;
	struct conf_domain d = { .line = l->report.place.number };
	const char *why = NULL;

	if (!conf_domain_valid(name, true))
		why = "labels of letters, digits, \"_\" and inner hyphens, "
		    "separated by dots";
	else if (!punycode_domain(name, ascii))
		why = "a label of more than 63 octets in its form xn--";
	else
		twin = conf_find_domain(l->conf, name);
	if (why != NULL && named)
		conf_report_bad(&l->report, word, "domain", why);
	if (twin != NULL)
		conf_report_at(&l->report, word->at, "domain \"%s\" was given "
		    "in line %u already", conf_shown(name), twin->line);
	d.name = strndup((const char *)name.p, name.n);
	d.ascii = strdup(why != NULL || twin != NULL ? "" : ascii);
	for (char *p = d.name; p != NULL && *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	if (d.name != NULL && d.ascii != NULL && array_add(&l->conf->domains,
	    &l->conf->domain_count, &d, sizeof(d)) != NULL)
		return true;
	free(d.name);
	free(d.ascii);
	return conf_report_at(&l->report, 0, "out of memory");
}

static void
read_keyword(struct loader *l)
{
	const struct conf_keyword *k = find_keyword(l);
	const struct conf_word *last = &l->cut.words[l->cut.count - 1];
	const bool whole = conf_word_is_brace(last, '}');	/* "{ }" */
	struct conf *conf = l->conf;
	bool fine;

	if (k == NULL)
		return;
	fine = conf_keyword_set(&(struct conf_setting){ .k = k, .conf = conf,
	    .domain = k->block != CONF_DOMAIN ? NULL :
	    &conf->domains[conf->domain_count - 1], .report = &l->report,
	    .cut = &l->cut });
	if (k->type->opens == CONF_TOP) {
		if (!fine)
			skip_block_of(l);
		return;
	}
	l->assumed = !conf_word_is_brace(last - whole, '{');
	if ((k->type->opens == CONF_DOMAIN && !open_domain(l)) || whole)
		return;
	l->block = k->type->opens;
	l->opened = l->report.place.number;
}

static void
read_line(struct loader *l)
{
	const struct conf_word *words = l->cut.words;
	const char *why = conf_cut_line(l->report.place.line, &l->cut);
	bool closes;

	if (why != NULL) {
		conf_report_at(&l->report, l->cut.bad_at, "%s", why);
		skip_block_of(l);
		return;
	}
	if (l->cut.count == 0)
		return;
	closes = conf_word_is_brace(&words[0], '}');
	if (l->skip > 0) {
		if (closes)
			l->skip--;
		else if (conf_word_is_brace(&words[l->cut.count - 1], '{'))
			l->skip++;
	} else if (closes) {
		if (l->block == CONF_TOP)
			conf_report_at(&l->report, words[0].at,
			    "\"}\" closes nothing");
		else if (l->cut.count > 1)
			conf_report_at(&l->report, words[1].at,
			    "\"}\" stands alone on its line");
		l->block = CONF_TOP;
	} else if (l->assumed && conf_word_is_brace(&words[0], '{') &&
	    l->cut.count == 1 && l->block != CONF_TOP) {
		l->assumed = false;
	} else {
		read_keyword(l);
	}
}

/* Reports a mistake at word number word, from 0, of a line; 0: of the file. */
static void
complain(struct loader *l, unsigned line, size_t word, const char *what)
{
	conf_report_at(&l->report, conf_text_seek(&l->text, &l->report, line,
	    word), "%s", what);
}

static void
check_whole(struct loader *l)
{
	const struct conf *conf = l->conf;
	const struct conf_sets *sets = &conf->sets;
	unsigned user = conf_line_of(sets, "user");
	unsigned worker = conf_line_of(sets, "worker-user");
	unsigned hostname = conf_line_of(sets, "hostname");
	unsigned relay = conf_line_of(sets, "relay");
	unsigned opened = l->skip > 0 ? l->skip_opened :
	    l->block != CONF_TOP && !l->assumed ? l->opened : 0;

	if (opened != 0)
		complain(l, opened, 0,
		    "this block is never closed: a \"}\" is missing");
	/* With one user the workers, who meet strangers, could reach mail. */
	if (strcmp(conf->user, conf->worker_user) == 0)
		complain(l, user > worker ? user : worker, 1,
		    "\"user\" and \"worker-user\" have to be two users");
	/* Users log in under TLS only. */
	for (size_t i = 0; i < conf->listen_count; i++)
		if ((conf->listens[i].words & LISTEN_SUBMISSION) &&
		    conf_line_of(sets, "tls") == 0)
			complain(l, conf->listens[i].line, 4,
			    "\"submission\" is under TLS only: a line \"tls "
			    "certificate FILE key FILE\" is missing");
	if (relay != 0 && strchr(conf->hostname, '.') == NULL)
		conf_report_at(&l->report, conf_text_seek(&l->text, &l->report,
		    hostname != 0 ? hostname : relay, hostname != 0),
		    "hostname \"%s\" has no dot: for \"relay\" this server "
		    "needs a name that other hosts can look up",
		    conf->hostname);
	if (relay != 0 && conf_line_of(&conf->relay_sets, "from") == 0)
		complain(l, relay, 0, "nobody may send mail out: a line "
		    "\"from authenticated\" or \"from ADDRESS\" is missing");
	if (relay == 0 && conf_line_of(sets, "domain") == 0)
		complain(l, 0, 0, "no \"domain\": add a block that begins "
		    "with \"domain NAME {\", or, to send mail out only, a "
		    "block \"relay {\"");
}

int
conf_load(const char *path, struct conf *out, FILE *err)
{
	struct loader l = { .conf = out,
	    .report = { .err = err, .place.path = path } };
	const char *why;
	struct span rest;

	if (conf_init(out) == -1 || (out->path = strdup(path)) == NULL)
		goto no_memory;
	why = conf_text_read(path, &l.text);
	if (why != NULL) {
		conf_report_at(&l.report, 0, "cannot be read: %s", why);
		return -1;
	}
	rest = span_from(l.text.bytes, l.text.n);
	while (conf_text_next(&l.text, &rest, &l.report.place))
		read_line(&l);
	check_whole(&l);
	if (conf_keyword_settle(out) &&
	    conf_table_load(out, &l.text, &l.report) == 0) {
		conf_text_free(&l.text);
		return l.report.count == 0 ? 0 : -1;
	}
no_memory:
	l.report.place = (struct conf_place){ .path = path };
	conf_report_at(&l.report, 0, "%s", strerror(errno));
	conf_text_free(&l.text);
	return -1;
}
