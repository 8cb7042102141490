/*
 * Explanations for programs: the lines as they are in our files, and what
 * was found out besides.
 */
#include "server/smtpctl/explain.h"

#include <string.h>

#include "server/log/lines.h"
#include "server/log/refused_record.h"

enum { text_bytes = 4096 };

/* JSON of a file, between two texts. */
static void
put_raw(const char *before, struct span raw, const char *behind, FILE *f)
{
	static uint8_t storage[6 * lines_buffer_bytes];
	struct buf b = buf_over(storage, sizeof(storage));

	json_add_shown(&b, raw);
	fputs(before, f);
	fwrite(b.p, 1, b.n, f);
	fputs(behind, f);
}

static void
put_text(const char *key, const char *text, FILE *f)
{
	char storage[6 * PATH_MAX];
	struct buf b = buf_over(storage, sizeof(storage));

	json_add_text(&b, span_of(text));
	fprintf(f, ",\"%s\"", key);
	put_raw(":\"", buf_span(&b), "\"", f);
}

static void
put_place(const struct explain_place *p, struct span to, FILE *f)
{
	static const char *const states[] = { [EXPLAIN_NEW] = "new",
	    [EXPLAIN_CUR] = "cur", [EXPLAIN_FOLDER] = "folder",
	    [EXPLAIN_GONE] = "gone", [EXPLAIN_UNKNOWN] = "unknown" };

	put_raw("{\"mailbox\":\"", to, "\"", f);
	fprintf(f, ",\"state\":\"%s\"", states[p->state]);
	put_text(p->state == EXPLAIN_GONE || p->state == EXPLAIN_UNKNOWN ?
	    "maildir" : "path", p->path, f);
	if (p->state == EXPLAIN_CUR || p->state == EXPLAIN_FOLDER)
		put_text("flags", p->flags, f);
	if (p->state == EXPLAIN_FOLDER)
		put_text("folder", p->folder + 1, f);
	if (p->state == EXPLAIN_UNKNOWN)
		put_text("why", strerror(p->error), f);
	fputc('}', f);
}

void
explain_message_json(const struct explain_message *m, FILE *f)
{
	char file[text_bytes], mailbox[text_bytes];
	struct buf name = buf_over(file, sizeof(file));
	struct span rest = m->record.to, to;
	struct explain_place place;
	bool first = true;

	json_add_decoded(&name, m->record.file);
	put_raw("{\"log\":", m->line, "", f);
	put_text("path", m->path, f);
	fprintf(f, ",\"line\":%llu,\"where\":[",
	    (unsigned long long)m->number);
	for (; log_record_next_to(&rest, &to); first = false) {
		struct buf b = buf_over(mailbox, sizeof(mailbox));

		json_add_decoded(&b, to);
		explain_find(m->root, buf_span(&b), buf_span(&name), &place);
		if (!first)
			fputc(',', f);
		put_place(&place, to, f);
	}
	fputs("]}", f);
}

bool
explain_refused_json(int fd, FILE *f)
{
	static struct lines lines;
	struct refused_head head;
	struct refused_said said;
	struct span line, list;
	bool first = true;
	uint64_t count;

	lines_begin(&lines, fd);
	if (lines_next(&lines, &line) != 1 || !refused_head_read(line, &head))
		return false;
	put_raw("{\"session\":", line, "", f);
	if (lines_next(&lines, &line) == 1 &&
	    refused_rcpts_read(line, &list, &count))
		put_raw(",\"rcpt\":[", list, "]", f);
	fputs(",\"said\":[", f);
	for (; lines_next(&lines, &line) == 1; first = false) {
		if (!refused_said_read(line, &said))
			break;
		put_raw(first ? "" : ",", line, "", f);
	}
	fputs("]}", f);
	return true;
}
