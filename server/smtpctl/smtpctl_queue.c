/* smtpctl queue: the server does it; without one, files are listed, shown. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"

static const char *const acts[QUEUE_ACT_COUNT] = {
	[QUEUE_LIST] = "list", [QUEUE_SHOW] = "show",
	[QUEUE_RETRY] = "retry", [QUEUE_REMOVE] = "remove"
};

/* Copies value, in what may be brackets, with mark in front. */
static void
put(char out[ipc_match_bytes], const char *mark, const char *word,
    const char *value)
{
	size_t n = strlen(value);
	bool bare = n > 2 && value[0] == '<' && value[n - 1] == '>';

	/* "<>" and nothing are the null sender. */
	if (n == 0)
		value = "<>";
	if (snprintf(out, ipc_match_bytes, "%s%.*s", mark, (int)(bare ? n - 2 :
	    strlen(value)), value + bare) >= ipc_match_bytes)
		errx(smtpctl_exit_error, "%s: too long", word);
}

/* "key=value"; false: an id. */
static bool
read_criterion(const char *word, struct ipc_ask *ask)
{
	const char *value = strchr(word, '=');

	if (value == NULL)
		return false;
	value++;
	if (strncmp(word, "from=", 5) == 0)
		put(ask->from, "", word, value);
	else if (strncmp(word, "to=", 3) == 0)
		put(ask->to, "", word, value);
	else if (strncmp(word, "domain=", 7) == 0)
		put(ask->to, "@", word, value);
	else if (strncmp(word, "age=", 4) == 0) {
		if (!conf_parse_number(span_of(value), conf_units_time,
		    &ask->age_s))
			errx(smtpctl_exit_error, "%s: no time such as 90s, 5m, "
			    "2h, 3d", word);
	} else if (strncmp(word, "id=", 3) == 0)
		smtpctl_id(value, ask->id);
	else
		errx(smtpctl_exit_error, "%s: no criterion: those are from=, "
		    "to=, domain=, age= and id=", word);
	return true;
}

/* Asks the server; or, where none runs, the disk. */
static int
ask(const struct smtpctl_line *l, struct smtpctl_control *c,
    const struct ipc_ask *question)
{
	char *text = NULL;

	if (l->set['d'] == NULL)
		text = smtpctl_control_ask(c, question);
	free(text);
	if (text != NULL)
		return c->status;
	if (l->set['d'] == NULL && !c->down)
		return smtpctl_exit_error;
	if (question->act != QUEUE_LIST && question->act != QUEUE_SHOW)
		errx(smtpctl_exit_error, "no smtpd runs: queue %s is done by "
		    "the server alone; start it first", acts[question->act]);
	if (c->down)
		warnx("no smtpd answers: this is what its files have");
	return smtpctl_disk_queue(smtpctl_conf_root(l->set['d'], l->set['f']),
	    question) == 0 && question->act == QUEUE_SHOW ? 1 : 0;
}

int
smtpctl_queue(const struct smtpctl_line *l)
{
	struct smtpctl_control c = { .conf = l->set['f'],
	    .socket = l->set['s'], .show = smtpctl_print, .quiet = true };
	struct ipc_ask question = { .what = QUESTION_QUEUE };
	size_t ids = 0, i;
	int status = 0;
	bool all = false;

	while (question.act < QUEUE_ACT_COUNT &&
	    strcmp(l->words[0], acts[question.act]) != 0)
		question.act++;
	if (question.act == QUEUE_ACT_COUNT)
		return -1;
	question.form = l->set['j'] != NULL ? FORM_JSON : FORM_TEXT;
	for (i = 1; i < l->count; i++) {
		all = all || strcmp(l->words[i], "all") == 0;
		if (strcmp(l->words[i], "all") != 0)
			ids += !read_criterion(l->words[i], &question);
	}
	if (question.act != QUEUE_LIST && l->count == 1)
		errx(smtpctl_exit_error, "queue %s: which messages?  Name "
		    "ids or criteria, or \"all\"", acts[question.act]);
	if ((all || ids > 0) && l->count - 1 != (all ? 1 : ids))
		errx(smtpctl_exit_error, "queue %s: ids, criteria and \"all\" "
		    "exclude each other", acts[question.act]);
	if (ids == 0)
		return ask(l, &c, &question);
	for (i = 1; i < l->count; i++) {
		int got;

		smtpctl_id(l->words[i], question.id);
		got = ask(l, &c, &question);
		status = got > status ? got : status;
	}
	return status;
}
