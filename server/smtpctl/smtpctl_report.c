/*
 * Gathering and showing a dry run.
 */
#include "server/smtpctl/smtpctl_report.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "server/log/figure.h"
#include "server/log/json_out.h"
#include "server/smtpctl/smtpctl_await.h"
#include "server/smtpctl/smtpctl_step.h"
#include "shared/utf8.h"

enum {
	text_columns_min = 40,
	text_columns_max = 72,
	path_max_bytes = 1024,
	place_max_bytes = 4 * path_max_bytes + 24
};

static void *
grown(void *array, size_t count, size_t size)
{
	void *more = reallocarray(array, count, size);

	if (more == NULL)
		err(smtpctl_exit_error, NULL);
	return more;
}

void
smtpctl_report_begin(struct smtpctl_report *r, enum smtpctl_section kind,
    struct span title)
{
	struct smtpctl_report_section *s;

	r->sections = grown(r->sections, r->count + 1, sizeof(*r->sections));
	s = &r->sections[r->count++];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	conf_show(title, s->title, sizeof(s->title));
}

/* A copy that lives as long as the report; the last one is asked for most. */
static const char *
keep_path(struct smtpctl_report *r, const char *path)
{
	char *copy;

	for (size_t i = r->path_count; i > 0; i--)
		if (strcmp(r->paths[i - 1], path) == 0)
			return r->paths[i - 1];
	copy = strdup(path);
	if (copy == NULL)
		err(smtpctl_exit_error, NULL);
	r->paths = grown(r->paths, r->path_count + 1, sizeof(*r->paths));
	r->paths[r->path_count++] = copy;
	return copy;
}

void
smtpctl_report_add(struct smtpctl_report *r,
    const struct decision_step *step, const char *path)
{
	struct smtpctl_report_section *s;

	if (r->count == 0)
		return;
	s = &r->sections[r->count - 1];
	if (s->count == s->room) {
		s->room = s->room == 0 ? 8 : s->room * 2;
		s->steps = grown(s->steps, s->room, sizeof(*s->steps));
	}
	s->steps[s->count].step = *step;
	s->steps[s->count++].path = path == NULL ? NULL : keep_path(r, path);
}

void
smtpctl_report_reply(struct smtpctl_report *r,
    const struct dryrun_reply *reply)
{
	struct smtpctl_report_section *s;

	if (r->count == 0)
		return;
	s = &r->sections[r->count - 1];
	s->reply = *reply;
	s->answered = true;
}

static bool
accepts(const struct smtpctl_report_section *s)
{
	return s->answered && s->reply.accepted;
}

bool
smtpctl_report_delivers(const struct smtpctl_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!accepts(&r->sections[i]))
			return false;
	return r->count > 0;
}

/* "/etc/smtpd/aliases:3", "default", or "". */
static void
place_text(const struct smtpctl_report_step *s, char out[place_max_bytes])
{
	char shown[4 * path_max_bytes] = "";

	if (s->path != NULL)
		conf_show(span_of(s->path), shown, sizeof(shown));
	out[0] = '\0';
	if (s->step.place == PLACE_LINE)
		snprintf(out, place_max_bytes, "%s:%u", shown, s->step.line);
	else if (s->step.place == PLACE_FILE)
		snprintf(out, place_max_bytes, "%s", shown);
	else if (s->step.place == PLACE_DEFAULT)
		snprintf(out, place_max_bytes, "the default");
}

/* Characters, of which each takes one column. */
static size_t
columns(const char *text)
{
	struct span s = span_of(text);
	size_t n = 0, taken;

	for (; s.n > 0; n++) {
		taken = utf8_first(s);
		s = span_skip(s, taken == 0 ? 1 : taken);
	}
	return n;
}

static size_t
step_columns(const struct smtpctl_report *r,
    const struct smtpctl_report_step *s)
{
	char text[smtpctl_step_bytes];

	smtpctl_step_text(&s->step, r->root, r->client, text);
	return columns(text) + 2 * s->step.depth;
}

/* So wide that places stand below each other, as far as it makes sense. */
static size_t
text_columns(const struct smtpctl_report *r)
{
	size_t widest = text_columns_min, n;

	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->sections[i].count; k++) {
			const struct smtpctl_report_step *s =
			    &r->sections[i].steps[k];

			if (s->step.place == PLACE_NONE)
				continue;
			n = step_columns(r, s);
			if (n > widest && n <= text_columns_max)
				widest = n;
		}
	return widest;
}

static void
print_step(const struct smtpctl_report *r,
    const struct smtpctl_report_step *s, size_t width)
{
	char text[smtpctl_step_bytes], place[place_max_bytes];
	size_t n = step_columns(r, s);

	smtpctl_step_text(&s->step, r->root, r->client, text);
	place_text(s, place);
	printf("    %s  %*s%s", smtpctl_step_refuses(
	    s->step.kind) ? "NO" : "  ",
	    (int)(2 * s->step.depth), "", text);
	if (place[0] != '\0')
		printf("%*s  %s", n < width ? (int)(width - n) : 0, "",
		    place);
	printf("\n");
}

static void
print_section(const struct smtpctl_report *r,
    const struct smtpctl_report_section *s, size_t width)
{
	printf("%s\n", s->title);
	for (size_t i = 0; i < s->count; i++)
		print_step(r, &s->steps[i], width);
	if (s->answered)
		printf("    ->  %s\n\n", s->reply.text);
}

/* Is the Maildir of who among the first count steps of s, and used? */
static bool
reaches(const struct smtpctl_report_section *s, size_t count,
    const struct mailbox *who)
{
	for (size_t i = 0; accepts(s) && i < count; i++)
		if (s->steps[i].step.kind == STEP_MAILBOX &&
		    memcmp(&s->steps[i].step.who, who, sizeof(*who)) == 0)
			return true;
	return false;
}

/* The Maildirs of s that none of the sections before it reaches. */
static size_t
count_new(const struct smtpctl_report *r, size_t section)
{
	const struct smtpctl_report_section *s = &r->sections[section];
	size_t n = 0;

	for (size_t k = 0; accepts(s) && k < s->count; k++) {
		bool known = s->steps[k].step.kind != STEP_MAILBOX ||
		    reaches(s, k, &s->steps[k].step.who);

		for (size_t i = 0; i < section && !known; i++)
			known = reaches(&r->sections[i],
			    r->sections[i].count, &s->steps[k].step.who);
		n += !known;
	}
	return n;
}

static size_t
count_mailboxes(const struct smtpctl_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += count_new(r, i);
	return n;
}

static void
count_recipients(const struct smtpctl_report *r, size_t *all, size_t *taken)
{
	*all = *taken = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (r->sections[i].kind != SECTION_RCPT)
			continue;
		(*all)++;
		*taken += accepts(&r->sections[i]);
	}
}

static void
print_verdict(const struct smtpctl_report *r)
{
	size_t all, taken, mailboxes = count_mailboxes(r);
	bool session = true;

	count_recipients(r, &all, &taken);
	for (size_t i = 0; i < r->count; i++)
		if (r->sections[i].kind != SECTION_RCPT &&
		    !accepts(&r->sections[i]))
			session = false;
	if (!session)
		printf("Not delivered: the client does not get as far as its "
		    "recipients.\n");
	else if (taken == 0)
		printf("Not delivered: no recipient is taken.\n");
	else if (taken < all)
		printf("Delivered in part: %zu of %zu recipients, %zu "
		    "mailbox%s.\n", taken, all, mailboxes,
		    mailboxes == 1 ? "" : "es");
	else
		printf("Delivered: %zu recipient%s, %zu mailbox%s.\n", all,
		    figure_plural(all), mailboxes,
		    mailboxes == 1 ? "" : "es");
}

void
smtpctl_report_print(const struct smtpctl_report *r)
{
	size_t width = text_columns(r);

	printf(r->live ? "What smtpd would do with it now, by %s:\n\n" :
	    "What smtpd would do with it, by %s alone:\n\n", r->conf);
	for (size_t i = 0; i < r->count; i++)
		print_section(r, &r->sections[i], width);
	print_verdict(r);
}

static void
json_step(struct json_out *j, const struct smtpctl_report *r,
    const struct smtpctl_report_step *s)
{
	char text[smtpctl_step_bytes], who[4 * smtp_mailbox_text_max_bytes];

	smtpctl_step_text(&s->step, r->root, r->client, text);
	json_out_object(j, NULL);
	json_out_string(j, "step", smtpctl_step_words[s->step.kind]);
	json_out_bool(j, "refuses", smtpctl_step_refuses(
	    s->step.kind));
	json_out_u64(j, "depth", s->step.depth);
	json_out_string(j, "text", text);
	if (!smtp_mailbox_is_null(&s->step.who)) {
		smtpctl_step_address(&s->step.who, who, sizeof(who));
		json_out_string(j, "who", who);
	}
	if (s->path != NULL)
		json_out_string(j, "file", s->path);
	if (s->step.place == PLACE_LINE)
		json_out_u64(j, "line", s->step.line);
	json_out_end(j);
}

static void
json_section(struct json_out *j, const struct smtpctl_report *r,
    const struct smtpctl_report_section *s)
{
	static const char *const kinds[] = { "client", "mail", "rcpt" };

	json_out_object(j, NULL);
	json_out_string(j, "what", kinds[s->kind]);
	json_out_string(j, "command", s->title);
	json_out_bool(j, "accepted", accepts(s));
	json_out_string(j, "reply", s->reply.text);
	json_out_array(j, "steps");
	for (size_t i = 0; i < s->count; i++)
		json_step(j, r, &s->steps[i]);
	json_out_end(j);
	json_out_end(j);
}

void
smtpctl_report_json(const struct smtpctl_report *r)
{
	struct json_out out = { .f = stdout }, *j = &out;
	size_t all, taken;

	count_recipients(r, &all, &taken);
	json_out_object(j, NULL);
	json_out_string(j, "asked", r->live ? "smtpd" : "configuration");
	json_out_string(j, "configuration", r->conf);
	json_out_bool(j, "delivered", smtpctl_report_delivers(r));
	json_out_u64(j, "recipients", all);
	json_out_u64(j, "recipients_accepted", taken);
	json_out_u64(j, "mailboxes", count_mailboxes(r));
	json_out_array(j, "dialogue");
	for (size_t i = 0; i < r->count; i++)
		json_section(j, r, &r->sections[i]);
	json_out_end(j);
	json_out_end(j);
}

void
smtpctl_report_clear(struct smtpctl_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->sections[i].steps);
	for (size_t i = 0; i < r->path_count; i++)
		free(r->paths[i]);
	free(r->sections);
	free(r->paths);
	memset(r, 0, sizeof(*r));
}
