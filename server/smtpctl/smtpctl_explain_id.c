/* smtpctl explain ID: what the message log and the kept sessions have of it. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/log/log_message.h"

struct explain {
	struct story	 story;
	char		 log[PATH_MAX];	/* directory of the message log */
	char		 id[ipc_id_bytes + 1];
	unsigned long	 found;		/* messages */
	struct story_line *lines;
	size_t		 count;
};

/* ---- recipients --------------------------------------------------------- */

static void
put_step(const struct log_step *logged, const struct story *story)
{
	const struct span path = story_text(logged->path);

	story_step(story, &(struct decision_step){
	    .kind = story_kind(logged->kind), .line = (unsigned)logged->line,
	    .path = path.n > 0 ? (const char *)path.p : NULL,
	    .local = story_text(logged->name) });
}

/* The reply of the verdict that word names; or word, if it names none. */
static void
put_reply(struct span word, const struct story *story)
{
	for (uint32_t v = 0; v < VERDICT_COUNT; v++)
		if (span_equal(word, span_of(smtp_reply_verdict(v)))) {
			story_end_reply(story, "", smtp_reply_of(v,
			    REPLY_RCPT_OK));
			return;
		}
	story_end(story, false, (const char *)story_text(word).p);
}

/* As text, for JSON has them in the logged line; time is when they were. */
static void
put_rcpts(struct span list, struct span time, const struct explain *e)
{
	struct json_out nowhere = { .f = NULL };
	struct story text = e->story, *story = &text;
	struct log_rcpt rcpt;
	struct log_step step;

	text.json = &nowhere;
	text.recorded = time;
	while (json_next(&list, log_record_rcpt, &rcpt)) {
		story_begin(story, "rcpt", "RCPT TO:<%s>",
		    (const char *)story_text(rcpt.to).p);
		if (span_equal(rcpt.verdict, span_of("relaying denied")))
			story_step(story, &(struct decision_step){
			    .kind = STEP_FOREIGN });
		while (json_next(&rcpt.steps, log_record_step, &step))
			put_step(&step, story);
		if (rcpt.more > 0)
			fprintf(story->f, "        and %llu steps more\n",
			    (unsigned long long)rcpt.more);
		put_reply(rcpt.verdict, story);
	}
}

/* ---- a message ---------------------------------------------------------- */

static void
tell_message(struct explain *e, const struct story_line *line)
{
	const struct log_record r = story_record(line);
	struct json_out *j = e->story.json;
	FILE *f = e->story.f;

	json_out_object(j, NULL);
	json_out_raw(j, "log", span_from(line->text, line->n));
	json_out_string(j, "path", line->path);
	json_out_u64(j, "line", line->number);
	fprintf(f, "%smessage %s\n\n  %s     ", e->found > 1 ? "\n" : "",
	    story_raw(r.id), r.event == LOG_EVENT_QUEUE ? "queued" : "stored");
	life_put_time(r.time, f);
	fprintf(f, " UTC, %s%s\n", r.client.n > 0 ? "received by " :
	    "written by smtpd", r.client.n > 0 ? story_raw(r.protocol) : "");
	/* A report has no client. */
	if (r.client.n > 0)
		fprintf(f, "  client     %s port %llu, HELO %s\n"
		    "  session    %s\n", story_raw(r.client),
		    (unsigned long long)r.port, story_raw(r.helo),
		    story_raw(r.session));
	if (r.user.n > 0)
		fprintf(f, "  user       %s, authenticated\n",
		    story_raw(r.user));
	fprintf(f, "  from       <%s>%s\n  size       %llu octets\n\n",
	    story_raw(r.from), r.from.n == 0 ? ", the sender of bounces" :
	    "", (unsigned long long)r.size);
	put_rcpts(r.rcpt, r.time, e);
	life_tell_places(&r, &e->story);
	story_apart(&e->story);
	fprintf(f, "  in the log %s:%llu\n", story_shown(span_of(line->path)),
	    (unsigned long long)line->number);
	/* Of those of a session each has a story of its own. */
	if (span_equal(r.id, span_of(e->id)))
		life_tell(e->lines, e->count, r.id, &r, &e->story);
	json_out_end(j);
}

/* By time, which has one length, and then by number. */
static int
compare(const void *a, const void *b)
{
	const struct log_record x = story_record(a), y = story_record(b);
	int order = memcmp(x.time.p, y.time.p, x.time.n);

	return order != 0 ? order : x.n < y.n ? -1 : x.n > y.n;
}

/* Keeps all lines about id; true: the first one of that message is there. */
static bool
look_in_file(struct explain *e, const char *path)
{
	static struct log_lines lines;
	struct span line, id = span_of(e->id);
	struct log_record r;
	bool first = false;
	int got;

	if (log_lines_open(&lines, AT_FDCWD, path) == -1)
		err(smtpctl_exit_error, "%s", path);
	while ((got = log_lines_next(&lines, &line)) == 1) {
		struct story_line kept = { .n = line.n, .path = path,
		    .number = lines.number };

		if (memmem(line.p, line.n, id.p, id.n) == NULL ||
		    !log_record_read(line, &r) || (!span_equal(r.id, id) &&
		    !span_equal(r.session, id) && !span_equal(r.report, id)))
			continue;
		first = first || (span_equal(r.id, id) &&
		    (r.event == LOG_EVENT_STORE || r.event == LOG_EVENT_QUEUE));
		kept.text = strndup((const char *)line.p, line.n);
		if (kept.text == NULL || array_add(&e->lines, &e->count, &kept,
		    sizeof(kept)) == NULL)
			err(smtpctl_exit_error, NULL);
	}
	if (got == -1)
		err(smtpctl_exit_error, "%s", path);
	fclose(lines.f);
	return first;
}

/* The newest file first: most questions are about recent messages. */
static void
look_in_log(struct explain *e)
{
	struct log_files f;
	bool first = false;

	if (log_files_find(AT_FDCWD, e->log, &f) == -1)
		err(smtpctl_exit_error, "%s", e->log);
	for (size_t i = f.count; i > 0 && !first; i--)
		if (!f.files[i - 1].strange)
			first = look_in_file(e, f.files[i - 1].path);
	if (e->count > 0)
		qsort(e->lines, e->count, sizeof(e->lines[0]), compare);
	for (size_t i = 0; i < e->count; i++) {
		const enum log_event event = story_record(&e->lines[i]).event;

		if (event != LOG_EVENT_STORE && event != LOG_EVENT_QUEUE)
			continue;
		e->found++;
		tell_message(e, &e->lines[i]);
	}
	if (e->found == 0 && e->count > 0) {
		e->found++;
		json_out_object(e->story.json, NULL);
		fprintf(e->story.f, "message %s, whose first line the log has "
		    "no more\n", e->id);
		life_tell(e->lines, e->count, span_of(e->id), NULL, &e->story);
		json_out_end(e->story.json);
	}
	if (e->found == 0 && f.compressed > 0)
		warnx("%s: %zu compressed files were not looked at", e->log,
		    f.compressed);
	for (size_t i = 0; i < e->count; i++)
		free(e->lines[i].text);
	free(e->lines);
	free(f.files);
}

/* ---- a session ---------------------------------------------------------- */

static void
tell_head(const struct log_refused *h, const char *path, FILE *f)
{
	unsigned long long ms = h->ms;

	fprintf(f, "session %s, in which something was refused\n\n"
	    "  began      ", story_raw(h->session));
	life_put_time(h->began, f);
	fprintf(f, " UTC\n  client     %s port %llu\n"
	    "  ended      after %llu.%03llu s: %s\n", story_raw(h->client),
	    (unsigned long long)h->port, ms / 1000,
	    ms % 1000, story_raw(h->why));
	fprintf(f, "  commands   %llu, of which %llu were refused; %llu "
	    "messages stored\n  kept in    %s\n\n",
	    (unsigned long long)h->commands, (unsigned long long)h->errors,
	    (unsigned long long)h->stored, story_shown(span_of(path)));
}

static void
tell_said(struct log_lines *lines, const struct story *story)
{
	struct log_said said;
	struct span line;

	json_out_array(story->json, "said");
	fputs("  dialogue: > client, < smtpd, * event; seconds since the "
	    "connection\n", story->f);
	while (log_lines_next(lines, &line) == 1) {
		if (!json_read(line, log_refused_said, &said))
			continue;
		json_out_raw(story->json, NULL, line);
		/* Escaped when written, but the file is not trusted. */
		fprintf(story->f, "  %6llu.%03llu  %c %s\n",
		    (unsigned long long)said.ms / 1000,
		    (unsigned long long)said.ms % 1000,
		    span_equal(said.who, span_of("client")) ? '>' :
		    span_equal(said.who, span_of("server")) ? '<' : '*',
		    story_raw(said.text));
	}
	json_out_end(story->json);
}

/* Explains the kept session of this id; false: there is none. */
static bool
tell_session(const struct explain *e)
{
	static struct log_lines lines;
	struct json_out *j = e->story.json;
	struct log_refused_rcpts rcpts;
	struct log_refused head;
	struct span line;
	char path[PATH_MAX], began[32];

	snprintf(path, sizeof(path), "%.3500s/refused/%s", e->log, e->id);
	if (log_lines_open(&lines, AT_FDCWD, path) == -1) {
		if (errno != ENOENT && errno != ENOTDIR)
			err(smtpctl_exit_error, "%s", path);
		return false;
	}
	if (e->found > 0)
		fputc('\n', e->story.f);
	if (log_lines_next(&lines, &line) != 1 ||
	    !json_read(line, log_refused_head, &head) ||
	    !log_record_is_time(head.began))
		errx(smtpctl_exit_error, "%s: not a session that smtpd kept",
		    path);
	memcpy(began, head.began.p, head.began.n);
	json_out_object(j, "refused");
	json_out_raw(j, "session", line);
	tell_head(&head, path, e->story.f);
	if (log_lines_next(&lines, &line) != 1 ||
	    !json_read(line, log_refused_rcpts, &rcpts))
		errx(smtpctl_exit_error, "%s: the refused recipients are "
		    "missing", path);
	json_out_array(j, "rcpt");
	if (rcpts.list.n > 0)
		json_out_raw(j, NULL, rcpts.list);
	json_out_end(j);
	put_rcpts(rcpts.list, span_from(began, head.began.n), e);
	tell_said(&lines, &e->story);
	json_out_end(j);
	fclose(lines.f);
	return true;
}

int
smtpctl_explain_id(const struct smtpctl_line *l)
{
	struct explain e = { .story = { .root = l->set['d'],
	    .conf = l->set['f'] } };
	struct json_out *j;
	struct stat st;
	bool refused;

	if (l->count == 0)
		return -1;
	smtpctl_id(l->words[0], e.id);
	story_start(&e.story, l->set['j'] != NULL);
	j = e.story.json;
	e.story.root = smtpctl_conf_root(e.story.root, e.story.conf);
	/* In a catcher's directory everything but mail is below ".smtpd". */
	snprintf(e.log, sizeof(e.log), "%.4000s/.smtpd/log", e.story.root);
	if (stat(e.log, &st) == -1)
		snprintf(e.log, sizeof(e.log), "%.4000s/log", e.story.root);
	json_out_object(j, NULL);
	json_out_string(j, "id", e.id);
	json_out_array(j, "messages");
	look_in_log(&e);
	json_out_end(j);
	refused = tell_session(&e);
	if (!refused)
		json_out_null(j, "refused");
	json_out_end(j);
	if (e.found > 0 || refused)
		return 0;
	fprintf(stderr, "smtpctl: %s: no message and no kept session of this "
	    "id below %s.\nA session in which nothing was stored and nothing "
	    "refused, or that is older than\nkeep-refused, is in the event "
	    "log only: look there for session=%s\n", e.id, e.log, e.id);
	return 1;
}
