/*
 * smtpd.conf, as far as smtpctl needs it.
 */
#include "server/smtpctl/smtpctl_conf.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"
#include "server/conf/conf_text.h"
#include "server/smtpctl/smtpctl_await.h"

struct look {
	struct smtpctl_conf	*out;	/* NULL: only wanted is looked for */
	const char		*wanted;
	bool			 found;
};

/* Takes "root DIRECTORY", "control PATH", and in a block "aliases FILE". */
static void
take_line(struct look *l, const struct conf_cut *cut, unsigned depth)
{
	struct span word = cut->words[0].text, value = cut->words[1].text;
	char *to = NULL;

	if (cut->count != 2)
		return;
	if (depth > 0)
		l->found |= span_equal(word, span_of("aliases")) &&
		    span_equal(value, span_of(l->wanted));
	else if (l->out != NULL && span_equal(word, span_of("root")))
		to = l->out->root;
	else if (l->out != NULL && span_equal(word, span_of("control")))
		to = l->out->control;
	if (to != NULL)
		snprintf(to, PATH_MAX, "%.*s", (int)value.n,
		    (const char *)value.p);
}

static const char *
look_through(struct look *l, const char *path)
{
	struct conf_text text = { 0 };
	struct conf_place place = { 0 };
	const char *why = conf_text_read(path, &text);
	struct conf_cut cut;
	unsigned depth = 0;
	struct span rest;

	if (why != NULL)
		return why;
	rest = span_from(text.bytes, text.n);
	while (conf_text_next(&text, &rest, &place)) {
		if (conf_cut_line(place.line, &cut) != CONF_CUT_OK ||
		    cut.count == 0)
			continue;
		take_line(l, &cut, depth);
		for (size_t i = 0; i < cut.count; i++)
			if (conf_word_is_brace(&cut.words[i], '{'))
				depth++;
			else if (conf_word_is_brace(&cut.words[i], '}') &&
			    depth > 0)
				depth--;
	}
	conf_text_free(&text);
	return NULL;
}

const char *
smtpctl_conf_read(const char *path, struct smtpctl_conf *out)
{
	struct look l = { .out = out, .wanted = "" };
	const char *why;

	out->path = path == NULL ? SMTPD_CONF : path;
	out->control[0] = '\0';
	snprintf(out->root, sizeof(out->root), "%s",
	    conf_keyword_find(CONF_TOP, span_of("root"))->fallback);
	why = look_through(&l, out->path);
	if (why == NULL && out->control[0] == '\0' &&
	    snprintf(out->control, sizeof(out->control), "%s/control",
	    out->root) >= (int)sizeof(out->control))
		return "root is too long";
	return why;
}

const char *
smtpctl_conf_root(const char *dir, const char *path)
{
	static struct smtpctl_conf conf;
	const char *why;

	if (dir != NULL)
		return dir;
	why = smtpctl_conf_read(path, &conf);
	if (why != NULL)
		errx(smtpctl_exit_error, "cannot tell where smtpd keeps its "
		    "mail and log: %s: %s: name the configuration with -f, or "
		    "the directory with -d", conf.path, why);
	return conf.root;
}

bool
smtpctl_conf_names(const char *path, const char *file)
{
	struct look l = { .wanted = file };
	char real[PATH_MAX];

	if (path == NULL)
		path = SMTPD_CONF;
	/* So smtpd names it in its log. */
	if (realpath(path, real) == NULL)
		return false;
	return strcmp(real, file) == 0 ||
	    (look_through(&l, path) == NULL && l.found);
}
