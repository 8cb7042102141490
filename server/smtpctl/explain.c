/*
 * Explanations of logged messages and sessions: as text for people; for
 * programs as JSON, with the logged lines unchanged.
 */
#include "server/smtpctl/explain.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "server/smtpctl/smtpctl.h"
#include "shared/verdict.h"

enum { text_bytes = 4096, shown_bytes = 4 * log_line_bytes, shown_max = 4 };

/* text, safe for a terminal; the last shown_max results stay valid. */
static const char *
shown(struct span text)
{
	static char texts[shown_max][shown_bytes];
	static unsigned next;
	struct buf b = buf_over(texts[next++ % shown_max], shown_bytes - 1);

	story_show(text, &b);
	return buf_str(&b);
}

/* The same for a text with JSON's escapes. */
static const char *
shown_raw(struct span raw)
{
	static uint8_t storage[log_line_bytes];
	struct buf b = buf_over(storage, sizeof(storage));

	json_add_decoded(&b, raw);
	return shown(buf_span(&b));
}

/* "2026-11-24T00:16:26Z" as "2026-11-24 00:16:26 UTC". */
static void
put_time(const char *label, struct span time, FILE *f)
{
	fprintf(f, "%s%.10s %.8s UTC", label, (const char *)time.p,
	    (const char *)time.p + 11);
}

/* ---- recipients --------------------------------------------------------- */

static void
put_step(const struct log_step *logged, const struct story *story)
{
	char path[text_bytes], name[text_bytes];
	struct buf p = buf_over(path, sizeof(path) - 1);
	struct buf n = buf_over(name, sizeof(name));
	struct decision_step step = { .kind = story_kind(logged->kind),
	    .line = (unsigned)logged->line };

	json_add_decoded(&p, logged->path);
	json_add_decoded(&n, logged->name);
	if (p.n > 0)
		step.path = buf_str(&p);
	step.local = buf_span(&n);
	story_step(story, &step);
}

/* The reply of the verdict that word names; or word, if it names none. */
static void
put_reply(struct span word, const struct story *story)
{
	char text[text_bytes];
	struct buf b = buf_over(text, sizeof(text) - 1);

	for (uint32_t v = 0; v < VERDICT_COUNT; v++)
		if (span_equal(word, span_of(verdict_word(v)))) {
			story_end_reply(story, "", verdict_reply(v,
			    REPLY_RCPT_OK));
			return;
		}
	json_add_decoded(&b, word);
	story_end(story, false, buf_str(&b));
}

static void
put_rcpts(struct span list, const struct story *story)
{
	char title[text_bytes];
	struct log_rcpt rcpt;
	struct log_step step;

	while (json_next(&list, log_record_rcpt, &rcpt)) {
		struct buf b = buf_over(title, sizeof(title));

		buf_add_str(&b, "RCPT TO:<");
		json_add_decoded(&b, rcpt.to);
		buf_add_str(&b, ">");
		story_begin(story, "rcpt", buf_span(&b));
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

/* ---- where it is now ---------------------------------------------------- */

/* Where a delivered file is now. */
enum state {
	STATE_NEW,		/* as it was delivered */
	STATE_CUR,		/* moved to cur by a mail program */
	STATE_FOLDER,		/* in another folder of the same Maildir */
	STATE_GONE,
	STATE_UNKNOWN		/* could not be looked for; see error */
};

struct place {
	enum state	state;
	int		error;
	char		path[PATH_MAX];	/* of the file, else of the Maildir */
	char		folder[256];	/* "Junk"; "" */
	char		flags[32];	/* "RS"; "" */
};

/* Is s a safe directory name?  A forged log must not lead elsewhere. */
static bool
is_name(struct span s)
{
	return s.n > 0 && s.p[0] != '.' && memchr(s.p, '/', s.n) == NULL;
}

/* "alice@example.org": mail/example.org/alice; no "@": a catcher's Maildir. */
static bool
maildir_of(const char *root, struct span mailbox, char out[PATH_MAX])
{
	const uint8_t *at = memrchr(mailbox.p, '@', mailbox.n);
	struct span user = mailbox, domain = span_of("-");
	char catcher[PATH_MAX];
	struct stat st;

	snprintf(catcher, sizeof(catcher), "%s/.smtpd", root);
	if (at == NULL || stat(catcher, &st) == 0)
		snprintf(out, PATH_MAX, "%.3000s/%.*s", root, (int)mailbox.n,
		    mailbox.p);
	else {
		user.n = (size_t)(at - mailbox.p);
		domain = span_skip(mailbox, user.n + 1);
		snprintf(out, PATH_MAX, "%.3000s/mail/%.*s/%.*s", root,
		    (int)domain.n, domain.p, (int)user.n, user.p);
	}
	return is_name(user) && is_name(domain);
}

/*
 * Is path, below a Maildir of maildir_n octets, this file?  Its name stays the
 * same but for the flags that mail programs append.
 */
static void
take_found(const char *path, size_t maildir_n, const char *file,
    struct place *out)
{
	size_t n = strlen(file);
	const char *folder = path + maildir_n + 1;
	const char *name = strrchr(path, '/') + 1;
	const char *flags = strstr(name, ":2,");

	if (strncmp(name, file, n) != 0 || memchr(":,", name[n], 3) == NULL)
		return;
	out->state = folder[0] == '.' ? STATE_FOLDER :
	    folder[0] == 'n' ? STATE_NEW : STATE_CUR;
	snprintf(out->path, sizeof(out->path), "%s", path);
	if (out->state == STATE_FOLDER)
		snprintf(out->folder, sizeof(out->folder), "%.*s",
		    (int)strcspn(folder, "/") - 1, folder + 1);
	snprintf(out->flags, sizeof(out->flags), "%.31s",
	    flags == NULL ? "" : flags + 3);
}

/* Looks for file, which was delivered into the Maildir of mailbox. */
static void
find(const char *root, struct span mailbox, const char *file,
    struct place *out)
{
	/* Maildir++: other folders are directories ".NAME" in the Maildir. */
	static const char *const parts[] = { "new/*", "cur/*", ".[!.]*/new/*",
	    ".[!.]*/cur/*" };
	char maildir[PATH_MAX];
	glob_t found;
	int error = 0;

	memset(out, 0, sizeof(*out));
	out->state = STATE_GONE;
	if (!maildir_of(root, mailbox, out->path))
		error = EINVAL;
	memcpy(maildir, out->path, sizeof(maildir));
	for (size_t i = 0; error == 0 && out->state == STATE_GONE && i < 4;
	    i++) {
		error = smtpctl_glob(maildir, parts[i], &found);
		for (size_t k = 0; k < found.gl_pathc; k++)
			take_found(found.gl_pathv[k], strlen(maildir), file,
			    out);
		globfree(&found);
	}
	out->error = error;
	if (out->state == STATE_GONE && error != 0)
		out->state = STATE_UNKNOWN;
}

/* The meanings of Maildir flags, which are letters. */
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
	if (flags[0] != '\0')
		fprintf(f, " (flags %s)", shown(span_of(flags)));
}

static void
print_place(const struct place *p, bool first, FILE *f)
{
	fprintf(f, "%s%s\n               ", first ? "  lies in    " :
	    "             ", shown(span_of(p->path)));
	switch (p->state) {
	case STATE_NEW:
		fputs("as it was delivered: no mail program has taken it up",
		    f);
		break;
	case STATE_CUR:
		fputs("moved to cur by a mail program: ", f);
		put_flags(p->flags, f);
		break;
	case STATE_FOLDER:
		fprintf(f, "moved to the folder %s: ",
		    shown(span_of(p->folder)));
		put_flags(p->flags, f);
		break;
	case STATE_GONE:
		fputs("no longer there: deleted, or moved elsewhere by a "
		    "mail program", f);
		break;
	case STATE_UNKNOWN:
		fprintf(f, "cannot be looked for: %s", strerror(p->error));
		break;
	}
	fputc('\n', f);
}

static void
json_place(const struct place *p, struct span mailbox,
    struct json_out *j)
{
	static const char *const states[] = { [STATE_NEW] = "new",
	    [STATE_CUR] = "cur", [STATE_FOLDER] = "folder",
	    [STATE_GONE] = "gone", [STATE_UNKNOWN] = "unknown" };

	json_out_object(j, NULL);
	json_out_span(j, "mailbox", mailbox);
	json_out_string(j, "state", states[p->state]);
	json_out_string(j, p->state == STATE_GONE ||
	    p->state == STATE_UNKNOWN ? "maildir" : "path", p->path);
	if (p->state == STATE_CUR || p->state == STATE_FOLDER)
		json_out_string(j, "flags", p->flags);
	if (p->state == STATE_FOLDER)
		json_out_string(j, "folder", p->folder);
	if (p->state == STATE_UNKNOWN)
		json_out_string(j, "why", strerror(p->error));
	json_out_end(j);
}

/* Returns how many Maildirs were looked at. */
static uint64_t
tell_places(const struct log_record *r, const struct story *story)
{
	char file[text_bytes], mailbox[text_bytes];
	struct buf name = buf_over(file, sizeof(file) - 1);
	struct span rest = r->to, to;
	struct place place;
	uint64_t told = 0;

	json_add_decoded(&name, r->file);
	for (; json_next(&rest, log_record_to, &to); told++) {
		struct buf b = buf_over(mailbox, sizeof(mailbox));

		json_add_decoded(&b, to);
		find(story->root, buf_span(&b), buf_str(&name), &place);
		if (story->json == NULL)
			print_place(&place, told == 0, story->f);
		else
			json_place(&place, buf_span(&b), story->json);
	}
	return told;
}

/* ---- a message ---------------------------------------------------------- */

static void
print_message(const struct explain_message *m, const struct story *story)
{
	const struct log_record *r = &m->record;
	FILE *f = story->f;
	uint64_t told;

	fprintf(f, "message %s\n\n", shown_raw(r->id));
	put_time("  stored     ", r->time, f);
	fprintf(f, ", received by %s\n", shown_raw(r->protocol));
	fprintf(f, "  client     %s port %llu, who said it was %s\n",
	    shown_raw(r->client), (unsigned long long)r->port,
	    shown_raw(r->helo));
	fprintf(f, "  session    %s\n", shown_raw(r->session));
	if (r->user.n > 0)
		fprintf(f, "  user       %s, who had logged in\n",
		    shown_raw(r->user));
	fprintf(f, "  from       <%s>%s\n", shown_raw(r->from),
	    r->from.n == 0 ? ", the sender of bounces" : "");
	fprintf(f, "  size       %llu octets\n\n",
	    (unsigned long long)r->size);
	put_rcpts(r->rcpt, story);
	told = tell_places(r, story);
	if (told < r->mailboxes)
		fprintf(f, "             and in %llu mailboxes more\n",
		    (unsigned long long)(r->mailboxes - told));
	story_apart(story);
	fprintf(f, "  in the log %s:%llu\n", shown(span_of(m->path)),
	    (unsigned long long)m->number);
}

void
explain_message(const struct explain_message *m, const struct story *story)
{
	struct json_out *j = story->json;

	if (j == NULL) {
		print_message(m, story);
		return;
	}
	json_out_object(j, NULL);
	json_out_raw(j, "log", m->line);
	json_out_string(j, "path", m->path);
	json_out_u64(j, "line", m->number);
	json_out_array(j, "where");
	(void)tell_places(&m->record, story);
	json_out_end(j);
	json_out_end(j);
}

/* ---- a session ---------------------------------------------------------- */

static void
print_head(const struct log_refused *h, const char *path, FILE *f)
{
	unsigned long long ms = h->ms;

	fprintf(f, "session %s, in which something was refused\n\n",
	    shown_raw(h->session));
	put_time("  began      ", h->began, f);
	fprintf(f, "\n  client     %s port %llu\n", shown_raw(h->client),
	    (unsigned long long)h->port);
	fprintf(f, "  ended      after %llu.%03llu s: %s\n", ms / 1000,
	    ms % 1000, shown_raw(h->why));
	fprintf(f, "  commands   %llu, of which %llu were refused; %llu "
	    "messages stored\n", (unsigned long long)h->commands,
	    (unsigned long long)h->errors, (unsigned long long)h->stored);
	fprintf(f, "  kept in    %s\n\n", shown(span_of(path)));
}

/* The dialogue, which the file has after the recipients. */
static void
tell_said(struct lines *lines, const struct story *story)
{
	struct log_said said;
	struct span line;

	if (story->json != NULL)
		json_out_array(story->json, "said");
	else
		fputs("  what was said: > by the client, < by us, * what "
		    "happened; seconds since it came\n", story->f);
	while (lines_next(lines, &line) == 1) {
		unsigned long long ms;
		char mark;

		if (!json_read(line, log_refused_said, &said))
			continue;
		if (story->json != NULL) {
			json_out_raw(story->json, NULL, line);
			continue;
		}
		ms = said.ms;
		mark = span_equal(said.who, span_of("client")) ? '>' :
		    span_equal(said.who, span_of("server")) ? '<' : '*';
		/* Escaped when written, but the file is not trusted. */
		fprintf(story->f, "  %6llu.%03llu  %c %s\n", ms / 1000,
		    ms % 1000, mark, shown_raw(said.text));
	}
	if (story->json != NULL)
		json_out_end(story->json);
}

bool
explain_refused(struct lines *lines, const char *path,
    const struct story *story)
{
	struct story recorded = *story;
	struct log_refused_rcpts rcpts;
	struct log_refused head;
	struct span line;
	char began[32];

	if (lines_next(lines, &line) != 1 ||
	    !json_read(line, log_refused_head, &head) ||
	    !log_record_is_time(head.began))
		return false;
	memcpy(began, head.began.p, head.began.n);
	recorded.recorded = span_from(began, head.began.n);
	if (story->json != NULL) {
		json_out_object(story->json, "refused");
		json_out_raw(story->json, "session", line);
	} else
		print_head(&head, path, story->f);
	if (lines_next(lines, &line) != 1 ||
	    !json_read(line, log_refused_rcpts, &rcpts))
		return false;
	if (story->json != NULL) {
		json_out_array(story->json, "rcpt");
		if (rcpts.list.n > 0)
			json_out_raw(story->json, NULL, rcpts.list);
		json_out_end(story->json);
	} else
		put_rcpts(rcpts.list, &recorded);
	tell_said(lines, story);
	if (story->json != NULL)
		json_out_end(story->json);
	return true;
}
