/* What became of a message.  The log may be forged: it is escaped. */
#include "server/smtpctl/smtpctl.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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

static void
put_below(FILE *f)
{
	fprintf(f, "\n%*s", what_columns, "");
}

/* The other side's words, or why there are none. */
static void
put_words(const struct log_record *r, FILE *f)
{
	struct span rest = story_text(r->text);
	char code[24];

	snprintf(code, sizeof(code), "%llu", (unsigned long long)r->code);
	put_below(f);
	fprintf(f, "%s:", story_raw(r->stage));
	if (r->code == 0)
		fprintf(f, " %s%s", story_raw(r->end), rest.n > 0 ? ":" : "");
	else if (!span_begins_fold(rest, span_of(code))) {
		fprintf(f, " %s", code);
		if (r->status.n > 0 && !span_begins_fold(rest, r->status))
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
		put_below(f);
		fprintf(f, "%s after it was queued",
		    figure_duration(r->delay_s * 1000));
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

/* ---- where it is -------------------------------------------------------- */

enum state { STATE_NEW, STATE_CUR, STATE_FOLDER, STATE_GONE, STATE_UNKNOWN };

static const struct {
	const char	*word;
	const char	*text;
} states[] = {
	[STATE_NEW] = { "new",
	    "as it was delivered: no mail program has taken it up" },
	[STATE_CUR] = { "cur", "moved to cur by a mail program: " },
	[STATE_FOLDER] = { "folder", "moved to the folder " },
	[STATE_GONE] = { "gone", "no longer there: deleted, or moved elsewhere "
	    "by a mail program" },
	[STATE_UNKNOWN] = { "unknown", "cannot be looked for: " }
};

struct place {
	enum state	state;
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

/* Is path, below a Maildir of maildir_n octets, file with any flags? */
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

/* Looks for file in the Maildir of mailbox.  0, or an error. */
static int
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
	if (out->state == STATE_GONE && error != 0)
		out->state = STATE_UNKNOWN;
	return error;
}

/* The meanings of Maildir flags, which are letters. */
static void
put_flags(const char *flags, FILE *f)
{
	static const char *const words[] = { "Ddraft", "Fflagged",
	    "Ppassed on", "Ranswered", "Sseen", "Tmarked as deleted" };
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strchr(flags, words[i][0]) != NULL) {
			fprintf(f, "%s%s", any ? ", " : "", words[i] + 1);
			any = true;
		}
	fputs(any ? "" : "not seen", f);
	if (flags[0] != '\0')
		fprintf(f, " (flags %s)", story_shown(span_of(flags)));
}

static void
tell(const struct story *s, const struct place *p, const char *why)
{
	bool moved = p->state == STATE_CUR || p->state == STATE_FOLDER;

	json_out_string(s->json, "state", states[p->state].word);
	json_out_string(s->json, p->state == STATE_GONE ||
	    p->state == STATE_UNKNOWN ? "maildir" : "path", p->path);
	fprintf(s->f, "%s\n               %s",
	    story_shown(span_of(p->path)), states[p->state].text);
	if (moved)
		json_out_string(s->json, "flags", p->flags);
	if (p->state == STATE_FOLDER) {
		json_out_string(s->json, "folder", p->folder);
		fprintf(s->f, "%s: ", story_shown(span_of(p->folder)));
	}
	if (moved)
		put_flags(p->flags, s->f);
	if (p->state == STATE_UNKNOWN) {
		json_out_string(s->json, "why", why);
		fputs(why, s->f);
	}
	fputc('\n', s->f);
}

void
life_tell_places(const struct log_record *r, const struct story *s)
{
	char file[NAME_MAX + 1];
	struct span rest = r->to, to;
	struct place place;
	uint64_t told = 0;
	int error;

	snprintf(file, sizeof(file), "%s", story_text(r->file).p);
	json_out_array(s->json, "where");
	for (; json_next(&rest, log_record_to, &to); told++) {
		const struct span mailbox = story_text(to);

		error = find(s->root, mailbox, file, &place);
		fputs(told == 0 ? "  file       " : "             ", s->f);
		json_out_object(s->json, NULL);
		json_out_span(s->json, "mailbox", mailbox);
		tell(s, &place, strerror(error));
		json_out_end(s->json);
	}
	json_out_end(s->json);
	if (told < r->mailboxes)
		fprintf(s->f, "             and in %llu mailboxes more\n",
		    (unsigned long long)(r->mailboxes - told));
}
