/* Printing decisions, with the lines of the configuration that made them. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/conf/conf_warn.h"
#include "server/log/figure.h"
#include "server/log/log_message.h"

enum {
	text_bytes = 8 * 1024,	/* a step */
	text_columns = 42,	/* a step, left of its file and line */
	shown_line_bytes = 160,	/* a line of the configuration */
	shown_bytes = 128 * 1024 /* any text of a log's line, escaped */
};

static const struct {
	const char	*word;
	bool		 refuses;
	const char	*text;
} steps[STEP_COUNT + 1] = {
#define STEP_ROW(name, word, refuses, text)				\
	[STEP_##name] = { word, refuses, text },
	STEPS(STEP_ROW)
#undef STEP_ROW
	[STEP_COUNT] = { "", false, "%n" }
};

enum decision_kind
story_kind(struct span word)
{
	for (size_t i = 0; i < STEP_COUNT; i++)
		if (span_equal(word, span_of(steps[i].word)))
			return (enum decision_kind)i;
	return STEP_COUNT;
}

const char *
story_shown(struct span s)
{
	static char texts[4][shown_bytes];
	static unsigned next;
	struct buf b = buf_over(texts[next++ % 4], shown_bytes - 1);

	while (s.n > 0) {
		struct span piece = span_cut(&s, '\\');

		buf_add_escaped(&b, piece, "");
		/* A backslash is harmless, and addresses contain it. */
		if (s.p > piece.p + piece.n)
			buf_add_str(&b, "\\");
	}
	return buf_str(&b);
}

struct span
story_text(struct span raw)
{
	static uint8_t texts[4][log_line_bytes];
	static unsigned next;
	struct buf b = buf_over(texts[next++ % 4], log_line_bytes);

	json_add_decoded(&b, raw);
	(void)buf_str(&b);
	return buf_span(&b);
}

const char *
story_raw(struct span raw)
{
	return story_shown(story_text(raw));
}

/* Prints s; returns its columns, one for each character. */
static size_t
put(struct span s, FILE *f)
{
	const char *text = story_shown(s);
	size_t columns = 0;

	fputs(text, f);
	for (; *text != '\0'; text++)
		columns += (*text & 0xc0) != 0x80;
	return columns;
}

static void
add_name(const struct decision_step *step, struct buf *out)
{
	buf_add(out, step->local);
	if (step->domain != NULL && step->local.n > 0)
		buf_add_str(out, "@");
	buf_add_str(out, step->domain == NULL ? "" : step->domain->name);
}

static void
add_value(const struct story *s, const struct decision_step *step, char what,
    struct buf *out)
{
	/* A forged log may have any step without a domain. */
	const char *domain = step->domain == NULL ? "" : step->domain->name;
	uint64_t value = what == 'b' || what == 'B' ? step->b : step->a;
	char text[3 * PATH_MAX];

	if (what == 'n') {
		add_name(step, out);
		return;
	}
	if (what == 'm')
		snprintf(text, sizeof(text), "%s/mail/%s/%.*s", s->root, domain,
		    (int)step->local.n, (const char *)step->local.p);
	else if (what == 'c')
		snprintf(text, sizeof(text), "%s", s->client == NULL ?
		    "the client" : s->client);
	else if (what == 'T')
		strlcpy(text, figure_duration(value), sizeof(text));
	else if (what == 'A' || what == 'B')
		strlcpy(text, figure_size(value), sizeof(text));
	else
		snprintf(text, sizeof(text), "%" PRIu64, value);
	buf_add_str(out, text);
}

/* Prints the line that decided; never one of a users file, with its hash. */
static void
put_line(const struct story *s, const struct decision_step *step)
{
	static struct log_lines lines;
	struct tm tm = { .tm_isdst = 0 };
	struct span line;
	struct stat st;

	if ((step->kind != STEP_SUBADDRESS && step->kind != STEP_ALIAS &&
	    step->kind != STEP_AGAIN && step->kind != STEP_CATCH_ALL &&
	    step->kind != STEP_MAY_SEND && step->kind != STEP_BY_VIA) ||
	    !smtpctl_conf_names(s->conf, step->path) ||
	    log_lines_open(&lines, AT_FDCWD, step->path) == -1)
		return;
	while (log_lines_next(&lines, &line) == 1 && lines.number < step->line)
		continue;
	if (lines.number == step->line) {
		while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
			line = span_skip(line, 1);
		if (line.n > shown_line_bytes)
			line.n = shown_line_bytes;
		fputs("          ", s->f);
		put(line, s->f);
		/* The time has its form, which ends strptime's reading. */
		fputs(fstat(fileno(lines.f), &st) == -1 ||
		    strptime((const char *)s->recorded.p,
		    "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL ||
		    st.st_mtime > timegm(&tm) ?
		    "   (the file was changed since)\n" : "\n", s->f);
	}
	fclose(lines.f);
}

/* "    NO  text                  /etc/smtpd/aliases:3" */
void
story_step(const struct story *s, const struct decision_step *step)
{
	char storage[text_bytes], name[text_bytes];
	struct buf text = buf_over(storage, sizeof(storage));
	struct buf who = buf_over(name, sizeof(name));
	const char *at = steps[step->kind].text, *mark;
	size_t width = 2 * step->depth;
	const bool refuses = steps[step->kind].refuses || step->refuses;

	for (; (mark = strchr(at, '%')) != NULL; at = mark + 2) {
		buf_add(&text, span_from(at, (size_t)(mark - at)));
		add_value(s, step, mark[1], &text);
	}
	buf_add_str(&text, at);
	add_name(step, &who);
	fprintf(s->f, "    %s  %*s", refuses ? "NO" : "  ", (int)width, "");
	json_out_object(s->json, NULL);
	json_out_string(s->json, "step", steps[step->kind].word);
	json_out_bool(s->json, "refuses", refuses);
	json_out_u64(s->json, "depth", step->depth);
	json_out_span(s->json, "text", buf_span(&text));
	if (who.n > 0)
		json_out_span(s->json, "who", buf_span(&who));
	width += put(buf_span(&text), s->f);
	if (step->path != NULL || step->is_default)
		fprintf(s->f, "%*s%s", width < text_columns - 2 ?
		    (int)(text_columns - width) : 2, "", step->is_default ?
		    "the default" : story_shown(span_of(step->path)));
	if (step->path != NULL)
		json_out_string(s->json, "file", step->path);
	if (step->line > 0) {
		fprintf(s->f, ":%u", step->line);
		json_out_u64(s->json, "line", step->line);
	}
	fputc('\n', s->f);
	json_out_end(s->json);
	if (s->recorded.n > 0 && step->path != NULL && step->line > 0)
		put_line(s, step);
}

struct log_record
story_record(const struct story_line *line)
{
	struct log_record r;

	(void)log_record_read(span_from(line->text, line->n), &r);
	return r;
}

void
story_start(struct story *s, bool json)
{
	static struct json_out out;

	out.f = json ? stdout : NULL;
	s->json = &out;
	s->f = json ? fopen("/dev/null", "we") : stdout;
	if (s->f == NULL)
		err(smtpctl_exit_error, "/dev/null");
}

void
story_begin(const struct story *s, const char *what, const char *format, ...)
{
	char title[text_bytes];
	va_list ap;

	va_start(ap, format);
	vsnprintf(title, sizeof(title), format, ap);
	va_end(ap);
	fprintf(s->f, "%s\n", story_shown(span_of(title)));
	json_out_object(s->json, NULL);
	json_out_string(s->json, "what", what);
	json_out_string(s->json, "command", title);
	json_out_array(s->json, "steps");
}

void
story_end(const struct story *s, bool accepted, const char *reply)
{
	fprintf(s->f, "    ->  %s\n\n", story_shown(span_of(reply)));
	json_out_end(s->json);
	json_out_bool(s->json, "accepted", accepted);
	json_out_string(s->json, "reply", reply);
	json_out_end(s->json);
}

bool
story_end_reply(const struct story *s, const char *hostname,
    enum smtp_reply reply)
{
	char text[smtp_reply_max_bytes];
	struct buf b = buf_over(text, sizeof(text));
	bool accepted = !smtp_reply_is_error(reply);

	/* The CRLF fits too, and is cut off. */
	smtp_reply_write(reply, span_of(hostname), span_of("ID"), &b);
	text[b.n < 2 ? 0 : b.n - 2] = '\0';
	story_end(s, accepted, text);
	return accepted;
}

void
story_apart(const struct story *s)
{
	const char *apart = conf_warn_apart(s->root);

	if (apart != NULL)
		fprintf(s->f, "  warning    %s: %s\n",
		    story_shown(span_of(s->root)), apart);
}
