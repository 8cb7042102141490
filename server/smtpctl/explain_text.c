/*
 * Explanations for people.
 */
#include "server/smtpctl/explain.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_warn.h"
#include "server/log/lines.h"
#include "server/log/refused_record.h"
#include "server/smtpctl/smtpctl_conf.h"

enum {
	text_bytes = 4096,
	place_width = 25,	/* of "/etc/smtpd/aliases:3" */
	shown_line_bytes = 160	/* of a line of the configuration */
};

static void
put_plain(struct span s, FILE *f)
{
	char storage[512];

	while (s.n > 0) {
		struct buf b = buf_over(storage, sizeof(storage));
		size_t n = s.n < 100 ? s.n : 100;

		/* Never through the middle of a character. */
		while (n < s.n && n > 1 && (s.p[n] & 0xc0) == 0x80)
			n--;
		buf_add_escaped(&b, span_from(s.p, n), "");
		fwrite(b.p, 1, b.n, f);
		s = span_skip(s, n);
	}
}

/* A backslash stays one: it harms nobody, and addresses have them. */
void
explain_put(struct span s, FILE *f)
{
	while (s.n > 0) {
		const uint8_t *slash = memchr(s.p, '\\', s.n);
		size_t n = slash == NULL ? s.n : (size_t)(slash - s.p);

		put_plain(span_from(s.p, n), f);
		if (slash != NULL)
			fputc('\\', f);
		s = span_skip(s, n + 1);
	}
}

void
explain_put_raw(struct span raw, FILE *f)
{
	static uint8_t storage[lines_buffer_bytes];
	struct buf b = buf_over(storage, sizeof(storage));

	json_add_decoded(&b, raw);
	explain_put(buf_span(&b), f);
}

/* "2026-11-24T00:16:26Z" as "2026-11-24 00:16:26 UTC". */
static void
put_time(struct span time, FILE *f)
{
	fprintf(f, "%.10s %.8s UTC", (const char *)time.p,
	    (const char *)time.p + 11);
}

struct step_words {
	const char	*kind;
	const char	*before;	/* the name */
	const char	*behind;
	bool		 show_line;
};

static const struct step_words step_words[] = {
	{ "domain", "mail for ", " is ours", false },
	{ "subaddress", "what follows the mark does not count: ", "", true },
	{ "alias", "", " is an alias", true },
	{ "again", "", " is an alias that was followed above already", true },
	{ "catch-all", "nobody by that name in ", ", so the catch-all",
	    true },
	{ "user", "Maildir of ", "", false },
	{ "postmaster", "Maildir of ", ", whom every domain has", false }
};

static const struct step_words *
words_of(struct span kind)
{
	for (size_t i = 0; i < sizeof(step_words) / sizeof(step_words[0]);
	    i++)
		if (span_equal(kind, span_of(step_words[i].kind)))
			return &step_words[i];
	return NULL;
}

/* Has the file changed since that time, so that its lines are others? */
static bool
is_newer(int fd, struct span time)
{
	char text[32];
	struct stat st;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	snprintf(text, sizeof(text), "%.*s", (int)time.n, time.p);
	if (fstat(fd, &st) == -1 ||
	    strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return true;
	return st.st_mtime > timegm(&tm);
}

/*
 * The line that decided, as it stands in the file; nothing where nobody may
 * read it.  Never of a table of users, which holds hashes of passwords.
 */
static void
put_line(const char *path, uint64_t number, struct span time,
    const char *conf, FILE *f)
{
	static struct lines lines;
	struct span line;

	if (!smtpctl_conf_names(conf, path) || lines_open(&lines, path) == -1)
		return;
	while (lines_next(&lines, &line) == 1 && lines.number < number)
		continue;
	if (lines.number == number) {
		while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
			line = span_skip(line, 1);
		if (line.n > shown_line_bytes)
			line.n = shown_line_bytes;
		fprintf(f, "%*s", 16 + place_width, "");
		explain_put(line, f);
		fputs(is_newer(lines.fd, time) ?
		    "   (the file was changed since)\n" : "\n", f);
	}
	close(lines.fd);
}

static void
put_step(const struct log_step *step, struct span time, const char *conf,
    FILE *f)
{
	const struct step_words *w = words_of(step->kind);
	char path[text_bytes], place[text_bytes];
	struct buf b = buf_over(path, sizeof(path) - 1);

	json_add_decoded(&b, step->path);
	snprintf(place, sizeof(place), "%.1100s:%llu", buf_str(&b),
	    (unsigned long long)step->line);
	fputs("               ", f);
	explain_put(span_of(step->path.n == 0 ? "built in" : place), f);
	for (size_t n = step->path.n == 0 ? 8 : strlen(place);
	    n < place_width - 1; n++)
		fputc(' ', f);
	fputs("  ", f);
	fputs(w == NULL ? "" : w->before, f);
	explain_put_raw(step->name, f);
	fputs(w == NULL ? "" : w->behind, f);
	fputc('\n', f);
	if (w != NULL && w->show_line && step->path.n > 0)
		put_line(path, step->line, time, conf, f);
}

static const char *
enhanced_words(struct span verdict)
{
	return span_equal(verdict, span_of("no such recipient")) ?
	    " (550 5.1.1)" : span_equal(verdict, span_of("relaying denied")) ?
	    " (550 5.7.1)" : "";
}

void
explain_rcpts_text(struct span list, struct span time, const char *conf,
    FILE *f)
{
	struct log_rcpt rcpt;
	struct log_step step;

	while (log_record_next_rcpt(&list, &rcpt)) {
		fputs("  to         <", f);
		explain_put_raw(rcpt.to, f);
		fputs(">: ", f);
		if (span_equal(rcpt.verdict, span_of("ok")))
			fputs("taken", f);
		else {
			fputs("refused: ", f);
			explain_put_raw(rcpt.verdict, f);
			fputs(enhanced_words(rcpt.verdict), f);
		}
		fputc('\n', f);
		if (span_equal(rcpt.verdict, span_of("relaying denied")))
			fputs("               its domain is not in the "
			    "configuration\n", f);
		while (log_record_next_step(&rcpt.steps, &step))
			put_step(&step, time, conf, f);
		if (rcpt.more > 0)
			fprintf(f, "               and %llu steps more\n",
			    (unsigned long long)rcpt.more);
	}
}

/* What a flag of a Maildir means (letters are all it may be). */
static void
put_flags(const char *flags, FILE *f)
{
	static const struct {
		char		 letter;
		const char	*word;
	} words[] = { { 'D', "draft" }, { 'F', "flagged" },
	    { 'P', "passed on" }, { 'R', "answered" }, { 'S', "seen" },
	    { 'T', "marked as deleted" } };
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strchr(flags, words[i].letter) != NULL) {
			fprintf(f, "%s%s", any ? ", " : "", words[i].word);
			any = true;
		}
	fputs(any ? "" : "not seen", f);
	if (flags[0] != '\0') {
		fputs(" (flags ", f);
		explain_put(span_of(flags), f);
		fputs(")", f);
	}
}

static void
put_place(const struct explain_place *p, FILE *f)
{
	explain_put(span_of(p->path), f);
	fputs("\n               ", f);
	switch (p->state) {
	case EXPLAIN_NEW:
		fputs("as it was delivered: no mail program has taken it up",
		    f);
		break;
	case EXPLAIN_CUR:
		fputs("moved to cur by a mail program: ", f);
		put_flags(p->flags, f);
		break;
	case EXPLAIN_FOLDER:
		fputs("moved to the folder ", f);
		explain_put(span_of(p->folder + 1), f);
		fputs(": ", f);
		put_flags(p->flags, f);
		break;
	case EXPLAIN_GONE:
		fputs("no longer there: deleted, or moved elsewhere by a "
		    "mail program", f);
		break;
	case EXPLAIN_UNKNOWN:
		fprintf(f, "cannot be looked for: %s", strerror(p->error));
		break;
	}
	fputc('\n', f);
}

static void
put_places(const struct explain_message *m, FILE *f)
{
	char file[text_bytes], mailbox[text_bytes];
	struct buf name = buf_over(file, sizeof(file));
	struct span rest = m->record.to, to;
	struct explain_place place;
	uint64_t told = 0;

	json_add_decoded(&name, m->record.file);
	while (log_record_next_to(&rest, &to)) {
		struct buf b = buf_over(mailbox, sizeof(mailbox));

		json_add_decoded(&b, to);
		explain_find(m->root, buf_span(&b), buf_span(&name), &place);
		fputs(told++ == 0 ? "  lies in    " : "             ", f);
		put_place(&place, f);
	}
	if (told < m->record.mailboxes)
		fprintf(f, "             and in %llu mailboxes more\n",
		    (unsigned long long)(m->record.mailboxes - told));
}

void
explain_apart(const char *root, FILE *f)
{
	const char *apart = conf_warn_apart(root);

	if (apart == NULL)
		return;
	fputs("  warning    ", f);
	explain_put(span_of(root), f);
	fprintf(f, ": %s\n", apart);
}

void
explain_message_text(const struct explain_message *m, const char *conf,
    FILE *f)
{
	const struct log_record *r = &m->record;

	fputs("message ", f);
	explain_put_raw(r->id, f);
	fputs("\n\n  stored     ", f);
	put_time(r->time, f);
	fputs(", received by ", f);
	explain_put_raw(r->protocol, f);
	fputs("\n  client     ", f);
	explain_put_raw(r->client, f);
	fprintf(f, " port %llu, who said it was ",
	    (unsigned long long)r->port);
	explain_put_raw(r->helo, f);
	fputs("\n  session    ", f);
	explain_put_raw(r->session, f);
	if (r->user.n > 0) {
		fputs("\n  user       ", f);
		explain_put_raw(r->user, f);
		fputs(", who had logged in", f);
	}
	fputs("\n  from       <", f);
	explain_put_raw(r->from, f);
	fprintf(f, ">%s\n  size       %llu octets\n",
	    r->from.n == 0 ? ", the sender of bounces" : "",
	    (unsigned long long)r->size);
	explain_rcpts_text(r->rcpt, r->time, conf, f);
	put_places(m, f);
	explain_apart(m->root, f);
	fputs("  in the log ", f);
	explain_put(span_of(m->path), f);
	fprintf(f, ":%llu\n", (unsigned long long)m->number);
}

static void
put_head(const struct refused_head *h, const char *path, FILE *f)
{
	fputs("session ", f);
	explain_put_raw(h->session, f);
	fputs(", in which something was refused\n\n  began      ", f);
	put_time(h->began, f);
	fputs("\n  client     ", f);
	explain_put_raw(h->client, f);
	fprintf(f, " port %llu\n  ended      after %llu.%03llu s: ",
	    (unsigned long long)h->port, (unsigned long long)h->ms / 1000,
	    (unsigned long long)h->ms % 1000);
	explain_put_raw(h->why, f);
	fprintf(f, "\n  commands   %llu, of which %llu were refused; %llu "
	    "messages stored\n  kept in    ", (unsigned long long)h->commands,
	    (unsigned long long)h->errors, (unsigned long long)h->stored);
	explain_put(span_of(path), f);
	fputc('\n', f);
}

static void
put_said(const struct refused_said *s, FILE *f)
{
	const char *mark = span_equal(s->who, span_of("client")) ? ">" :
	    span_equal(s->who, span_of("server")) ? "<" : "*";

	/* It was made visible when it was written; nobody trusts a file. */
	fprintf(f, "  %6llu.%03llu  %s ", (unsigned long long)s->ms / 1000,
	    (unsigned long long)s->ms % 1000, mark);
	explain_put_raw(s->text, f);
	fputc('\n', f);
}

bool
explain_refused_text(int fd, const char *path, const char *conf, FILE *f)
{
	static struct lines lines;
	struct refused_head head;
	struct refused_said said;
	struct span line, list;
	uint64_t count;
	char began[32];

	lines_begin(&lines, fd);
	if (lines_next(&lines, &line) != 1 ||
	    !refused_head_read(line, &head) || head.began.n != 20)
		return false;
	memcpy(began, head.began.p, head.began.n);
	put_head(&head, path, f);
	if (lines_next(&lines, &line) != 1 ||
	    !refused_rcpts_read(line, &list, &count))
		return false;
	explain_rcpts_text(list, span_from(began, 20), conf, f);
	fputs("\n  what was said: > by the client, < by us, * what happened; "
	    "seconds since it came\n", f);
	while (lines_next(&lines, &line) == 1)
		if (refused_said_read(line, &said))
			put_said(&said, f);
	return true;
}
