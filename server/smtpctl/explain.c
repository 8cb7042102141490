/*
 * Explanations of logged messages and sessions: as text for people; for
 * programs as JSON, with the logged lines unchanged.
 */
#include "server/smtpctl/explain.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "server/log/lines.h"
#include "server/log/refused_record.h"
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

	while (log_record_next_rcpt(&list, &rcpt)) {
		struct buf b = buf_over(title, sizeof(title));

		buf_add_str(&b, "RCPT TO:<");
		json_add_decoded(&b, rcpt.to);
		buf_add_str(&b, ">");
		story_begin(story, "rcpt", buf_span(&b));
		if (span_equal(rcpt.verdict, span_of("relaying denied")))
			story_step(story, &(struct decision_step){
			    .kind = STEP_FOREIGN });
		while (log_record_next_step(&rcpt.steps, &step))
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
	char		folder[256];	/* ".Junk"; "" */
	char		flags[32];	/* "RS"; "" */
};

/*
 * Looks for file in new or cur of a folder of a Maildir.  Its name stays the
 * same but for the flags that mail programs append.
 */
static bool
look_in(const char *maildir, const char *folder, const char *part,
    const char *file, struct place *out)
{
	size_t n = strlen(file);
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%.3000s/%.255s/%s", maildir, folder,
	    part);
	d = opendir(path);
	if (d == NULL && errno != ENOENT && errno != ENOTDIR)
		out->error = errno;
	while (!found && d != NULL && (e = readdir(d)) != NULL) {
		const char *flags = strstr(e->d_name, ":2,");

		if (strncmp(e->d_name, file, n) != 0 ||
		    memchr(":,", e->d_name[n], 3) == NULL)
			continue;
		snprintf(out->path, sizeof(out->path), "%.3000s%s%.255s/%s/%s",
		    maildir, folder[0] == '\0' ? "" : "/", folder, part,
		    e->d_name);
		snprintf(out->folder, sizeof(out->folder), "%s", folder);
		snprintf(out->flags, sizeof(out->flags), "%.31s",
		    flags == NULL ? "" : flags + 3);
		out->state = folder[0] != '\0' ? STATE_FOLDER :
		    part[0] == 'n' ? STATE_NEW : STATE_CUR;
		found = true;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

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

/* Looks for file, which was delivered into the Maildir of mailbox. */
static void
find(const char *root, struct span mailbox, const char *file,
    struct place *out)
{
	char maildir[PATH_MAX];
	struct dirent *e;
	bool found;
	DIR *d;

	memset(out, 0, sizeof(*out));
	if (!maildir_of(root, mailbox, maildir)) {
		out->state = STATE_UNKNOWN;
		out->error = EINVAL;
		snprintf(out->path, sizeof(out->path), "%s", maildir);
		return;
	}
	found = look_in(maildir, "", "new", file, out) ||
	    look_in(maildir, "", "cur", file, out);
	d = opendir(maildir);
	if (d == NULL && errno != ENOENT)
		out->error = errno;
	/* Maildir++: other folders are directories ".NAME" in the Maildir. */
	while (!found && d != NULL && (e = readdir(d)) != NULL)
		found = e->d_name[0] == '.' && e->d_name[1] != '.' &&
		    e->d_name[1] != '\0' &&
		    (look_in(maildir, e->d_name, "new", file, out) ||
		    look_in(maildir, e->d_name, "cur", file, out));
	if (d != NULL)
		closedir(d);
	if (found)
		return;
	out->state = out->error != 0 ? STATE_UNKNOWN : STATE_GONE;
	snprintf(out->path, sizeof(out->path), "%s", maildir);
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
		    shown(span_of(p->folder + 1)));
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
		json_out_string(j, "folder", p->folder + 1);
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
	for (; log_record_next_to(&rest, &to); told++) {
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
print_head(const struct refused_head *h, const char *path, FILE *f)
{
	fprintf(f, "session %s, in which something was refused\n\n",
	    shown_raw(h->session));
	put_time("  began      ", h->began, f);
	fprintf(f, "\n  client     %s port %llu\n", shown_raw(h->client),
	    (unsigned long long)h->port);
	fprintf(f, "  ended      after %llu.%03llu s: %s\n",
	    (unsigned long long)h->ms / 1000,
	    (unsigned long long)h->ms % 1000, shown_raw(h->why));
	fprintf(f, "  commands   %llu, of which %llu were refused; %llu "
	    "messages stored\n", (unsigned long long)h->commands,
	    (unsigned long long)h->errors, (unsigned long long)h->stored);
	fprintf(f, "  kept in    %s\n\n", shown(span_of(path)));
}

static void
print_said(const struct refused_said *s, FILE *f)
{
	const char *mark = span_equal(s->who, span_of("client")) ? ">" :
	    span_equal(s->who, span_of("server")) ? "<" : "*";

	/* The text was escaped when written, but the file is not trusted. */
	fprintf(f, "  %6llu.%03llu  %s %s\n",
	    (unsigned long long)s->ms / 1000,
	    (unsigned long long)s->ms % 1000, mark, shown_raw(s->text));
}

/* The dialogue, which the file has after the recipients. */
static void
tell_said(struct lines *lines, const struct story *story)
{
	struct refused_said said;
	struct span line;

	if (story->json != NULL)
		json_out_array(story->json, "said");
	else
		fputs("  what was said: > by the client, < by us, * what "
		    "happened; seconds since it came\n", story->f);
	while (lines_next(lines, &line) == 1)
		if (!refused_said_read(line, &said))
			continue;
		else if (story->json != NULL)
			json_out_raw(story->json, NULL, line);
		else
			print_said(&said, story->f);
	if (story->json != NULL)
		json_out_end(story->json);
}

bool
explain_refused(int fd, const char *path, const struct story *story)
{
	static struct lines lines;
	struct story recorded = *story;
	struct refused_head head;
	struct span line, list;
	uint64_t count;
	char began[32];

	lines_begin(&lines, fd);
	if (lines_next(&lines, &line) != 1 ||
	    !refused_head_read(line, &head) || head.began.n != 20)
		return false;
	memcpy(began, head.began.p, head.began.n);
	recorded.recorded = span_from(began, head.began.n);
	if (story->json != NULL) {
		json_out_object(story->json, "refused");
		json_out_raw(story->json, "session", line);
	} else
		print_head(&head, path, story->f);
	if (lines_next(&lines, &line) != 1 ||
	    !refused_rcpts_read(line, &list, &count))
		return false;
	if (story->json != NULL) {
		json_out_array(story->json, "rcpt");
		if (list.n > 0)
			json_out_raw(story->json, NULL, list);
		json_out_end(story->json);
	} else
		put_rcpts(list, &recorded);
	tell_said(&lines, story);
	if (story->json != NULL)
		json_out_end(story->json);
	return true;
}
