/* The life of a message in the queue.  The log may be forged: it is escaped. */
#include "server/smtpctl/story.h"

#include <string.h>

#include "server/log/figure.h"

enum { what_columns = 25 };	/* "  2026-11-30 14:00:01  " and two */

void
life_put_time(struct span time, FILE *f)
{
	if (log_record_is_time(time))
		fprintf(f, "%.10s %.8s", (const char *)time.p,
		    (const char *)time.p + 11);
	else
		fputs("an unknown time", f);
}

/* Starts a further line below what was done. */
static void
put_below(FILE *f)
{
	fprintf(f, "\n%*s", what_columns, "");
}

static bool
begins(struct span s, struct span with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

/* The other side's words, or why there are none. */
static void
put_words(const struct log_record *r, FILE *f)
{
	static uint8_t plain[log_line_bytes];
	struct buf b = buf_over(plain, sizeof(plain));
	struct span rest;
	char code[24];

	json_add_decoded(&b, r->text);
	rest = buf_span(&b);
	snprintf(code, sizeof(code), "%llu", (unsigned long long)r->code);
	put_below(f);
	fprintf(f, "%s:", story_raw(r->stage));
	if (r->code == 0)
		fprintf(f, " %s%s", story_raw(r->end), rest.n > 0 ? ":" : "");
	else if (!begins(rest, span_of(code))) {
		fprintf(f, " %s", code);
		if (r->status.n > 0 && !begins(rest, r->status))
			fprintf(f, " %s", story_raw(r->status));
	}
	for (bool first = true; rest.n > 0; first = false) {
		if (!first)
			put_below(f);
		fprintf(f, "%s%s", first ? " " : "",
		    story_shown(span_cut(&rest, '\n')));
	}
}

static void
put_recipients(const struct log_record *r, FILE *f)
{
	struct span rest = r->to, to;
	uint64_t n = 0;

	for (; json_next(&rest, log_record_to, &to); n++) {
		if (n > 0)
			put_below(f);
		fprintf(f, "<%s>", story_raw(to));
	}
	if (r->count > n)
		fprintf(f, " and %llu more",
		    (unsigned long long)(r->count - n));
}

static void
put_outcome(const struct log_record *r, FILE *f)
{
	char after[figure_bytes];

	put_recipients(r, f);
	if (r->host.n + r->ip.n > 0) {
		put_below(f);
		fprintf(f, "%s%s", r->event == LOG_EVENT_DONE ? "to " : "by ",
		    story_raw(r->host));
	}
	if (r->ip.n > 0)
		fprintf(f, " [%s]:%llu, %s", story_raw(r->ip),
		    (unsigned long long)r->tcp_port, r->tls.n == 0 ?
		    "no TLS" : story_raw(r->tls));
	put_words(r, f);
	if (r->event != LOG_EVENT_TRY) {
		figure_duration(r->delay_s * 1000, after);
		put_below(f);
		fprintf(f, "%s after it was queued", after);
	} else if (r->next.n > 0) {
		put_below(f);
		fputs("due again ", f);
		life_put_time(r->next, f);
	}
}

static void
put_line(const struct log_record *r, struct span id, FILE *f)
{
	static const char *const what[LOG_EVENT_COUNT] = {
		[LOG_EVENT_TRY] = "tried", [LOG_EVENT_DONE] = "delivered",
		[LOG_EVENT_FAILED] = "failed", [LOG_EVENT_NOTICE] = "report",
		[LOG_EVENT_HELD] = "held", [LOG_EVENT_RELEASED] = "released",
		[LOG_EVENT_REMOVED] = "removed"
	};

	fputs("  ", f);
	life_put_time(r->time, f);
	fprintf(f, "  %-9s ", r->next.n > 0 ? "deferred" : what[r->event]);
	if (r->by.n > 0)
		fprintf(f, "by %s%s%s", story_raw(r->by), r->why.n > 0 ?
		    ": " : "", story_raw(r->why));
	else if (r->event != LOG_EVENT_NOTICE)
		put_outcome(r, f);
	else if (span_equal(r->report, id))
		fprintf(f, "this is the report \"%s\" about message %s",
		    story_raw(r->kind), story_raw(r->id));
	else
		fprintf(f, "\"%s\" to the sender: %s", story_raw(r->kind),
		    story_raw(r->report));
	fputc('\n', f);
}

void
life_tell(const struct story_line *lines, size_t count, struct span id,
    const struct log_record *r, const struct story *s)
{
	struct span next = span_from("", 0);
	uint64_t settled = 0;
	bool removed = false, told = false;

	json_out_array(s->json, "life");
	for (size_t i = 0; i < count; i++) {
		const struct log_record one = story_record(&lines[i]);

		if (one.event == LOG_EVENT_STORE ||
		    one.event == LOG_EVENT_QUEUE)
			continue;
		if (!told)
			fputs("\n  what became of it, in UTC\n", s->f);
		told = true;
		json_out_raw(s->json, NULL, span_from(lines[i].text,
		    lines[i].n));
		put_line(&one, id, s->f);
		if (one.event == LOG_EVENT_DONE ||
		    one.event == LOG_EVENT_FAILED)
			settled += one.count;
		removed = removed || one.event == LOG_EVENT_REMOVED;
		if (one.event == LOG_EVENT_TRY && one.next.n > 0)
			next = one.next;
	}
	json_out_end(s->json);
	if (r == NULL || r->event != LOG_EVENT_QUEUE)
		return;
	fprintf(s->f, removed ? "\n  now        it was removed from the queue" :
	    settled >= r->remote ? "\n  now        nothing is left to do" :
	    "\n  now        %llu of %llu recipients wait",
	    (unsigned long long)(r->remote - settled),
	    (unsigned long long)r->remote);
	if (!removed && settled < r->remote && next.n > 0) {
		fputs(", due ", s->f);
		life_put_time(next, s->f);
	}
	fputc('\n', s->f);
}
