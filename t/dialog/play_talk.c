/*
 * Plays a transcript against a daemon: sends, reads replies as strictly as
 * RFC 5321 4.2 and 4.5.3.1.5 write them, and compares. The connection is in
 * play_wire.c; the daemon's directories are looked at in play_box.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/dialog/play_box.h"
#include "t/dialog/play_daemon.h"
#include "t/dialog/play_talk.h"
#include "t/dialog/play_wire.h"

enum {
	reply_line_max_bytes = 512,	/* RFC 5321 4.5.3.1.5, with CRLF */
	batch_bytes = 64 * 1024
};

/* Put among what the client sends; no reply may ever hold it, in any case. */
static const char marker[] = "zqu";

struct talk {
	const struct place *place;
	struct wire wire;
	size_t have;			/* octets in in[] */
	char in[4096];
	size_t reply_len;
	char reply[16 * 1024];		/* last reply, lines end in LF */
	char *why;
	size_t why_size;
};

static int fail(struct talk *, const char *, ...)
    __attribute__((__format__(printf, 2, 3)));

static int
fail(struct talk *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(t->why, t->why_size, format, ap);
	va_end(ap);
	return -1;
}

static void
pause_ms(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static int
connect_new(struct talk *t)
{
	t->have = t->reply_len = 0;
	t->reply[0] = '\0';
	if (wire_connect(&t->wire, t->place->port, t->place->patience_s) == -1)
		return fail(t, "expected a connection, got %s",
		    strerror(errno));
	return 0;
}

/* Reads once, if in[] has room, waiting at most ms. */
static enum wire_got
fill(struct talk *t, long long ms)
{
	enum wire_got got;
	size_t n = 0;

	if (t->have == sizeof(t->in))
		return WIRE_SOME;
	got = wire_read(&t->wire, t->in + t->have, sizeof(t->in) - t->have,
	    ms, &n);
	t->have += n;
	return got;
}

static void
drop(struct talk *t, size_t len)
{
	t->have -= len;
	memmove(t->in, t->in + len, t->have);
}

/*
 * The length of the reply line at the front of in[], LF included, once it is
 * all there.
 */
static int
await_line(struct talk *t, const struct step *step, size_t *out)
{
	long long end;
	const char *lf;
	enum wire_got got;

	end = wire_now_ms() + t->place->patience_s * 1000;
	while ((lf = memchr(t->in, '\n', t->have)) == NULL) {
		if (t->have > reply_line_max_bytes)
			return fail(t, "expected a reply line of at most %d "
			    "octets, got more", reply_line_max_bytes);
		got = fill(t, end - wire_now_ms());
		if (got != WIRE_SOME)
			return fail(t, "expected %s %s, got %s after \"%.*s\"",
			    step->code, step->enhanced, wire_got_text(got),
			    (int)t->have, t->in);
	}
	*out = (size_t)(lf - t->in) + 1;
	return 0;
}

/* Reply-line of RFC 5321 4.2, of which this server always sends the text. */
static int
check_shape(struct talk *t, const char *line, size_t len)
{
	size_t i;

	if (len > reply_line_max_bytes)
		return fail(t, "expected a reply line of at most %d octets, "
		    "got %zu", reply_line_max_bytes, len);
	if (len < 6 || line[len - 2] != '\r')
		return fail(t, "expected CRLF, got \"%.*s\"", (int)len, line);
	for (i = 0; i < len - 2; i++)
		if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~')
			return fail(t, "expected printable ASCII, got "
			    "\"%.*s\"", (int)len, line);
	if (strspn(line, "0123456789") != 3 || line[0] < '2' ||
	    line[0] > '5' || line[1] > '5' ||
	    (line[3] != ' ' && line[3] != '-'))
		return fail(t, "expected a reply line, got \"%.*s\"", (int)len,
		    line);
	if (t->reply_len > 0 && strncmp(line, t->reply, 3) != 0)
		return fail(t, "expected one code on all lines, got "
		    "\"%.*s\"", (int)len, line);
	return 0;
}

/* Length of an enhanced code (RFC 2034 4) at p, or 0. */
static size_t
enhanced_len(const char *p)
{
	size_t len, part;
	int i;

	len = 0;
	for (i = 0; i < 3; i++) {
		part = strspn(p + len, "0123456789");
		if (part < 1 || part > (i == 0 ? 1 : 3))
			return 0;
		len += part;
		if (p[len] != (i < 2 ? '.' : ' '))
			return 0;
		len++;
	}
	return len - 1;
}

static bool
enhanced_matches(const char *p, const char *want)
{
	size_t len;

	if (*want == '\0')
		return true;
	if ((len = enhanced_len(p)) == 0)
		return strcmp(want, "-") == 0;
	for (; *want != '\0'; want++) {
		if (*want == '*') {
			while (len > 0 && *p != '.') {
				p++;
				len--;
			}
		} else if (len > 0 && *p == *want) {
			p++;
			len--;
		} else
			return false;
	}
	return len == 0;
}

static bool
code_matches(const char *line, const char *want)
{
	int i;

	for (i = 0; i < 3; i++)
		if (want[i] != '*' && want[i] != line[i])
			return false;
	return true;
}

/* Appends the line to the reply, with LF for CRLF. */
static int
keep_line(struct talk *t, const char *line, size_t len)
{
	if (t->reply_len + len >= sizeof(t->reply))
		return fail(t, "expected an end of the reply, got still more");
	memcpy(t->reply + t->reply_len, line, len);
	t->reply_len += len;
	t->reply[t->reply_len - 2] = '\n';
	t->reply[--t->reply_len] = '\0';
	return 0;
}

/*
 * A whole reply. Its shape is judged before its code, and its code before
 * the next line is waited for, so that the message names the first thing
 * that is wrong.
 */
static int
step_reply(struct talk *t, const struct step *step)
{
	size_t len = 0;
	char more;

	t->reply_len = 0;
	do {
		if (await_line(t, step, &len) == -1 ||
		    check_shape(t, t->in, len) == -1)
			return -1;
		if (!code_matches(t->in, step->code) ||
		    !enhanced_matches(t->in + 4, step->enhanced))
			return fail(t, "expected %s %s, got \"%.*s\"",
			    step->code, step->enhanced, (int)len, t->in);
		more = t->in[3];
		if (keep_line(t, t->in, len) == -1)
			return -1;
		drop(t, len);
	} while (more == '-');
	replies_note(t->place->replies, t->reply);
	if (strcasestr(t->reply, marker) != NULL)
		return fail(t, "expected no octets of the client, got \"%s\"",
		    t->reply);
	return 0;
}

static int
step_has(struct talk *t, const struct step *step)
{
	bool there;

	there = strstr(t->reply, step->text) != NULL;
	if (there == (step->kind == STEP_HAS))
		return 0;
	return fail(t, "expected %s\"%s\" in the reply, got \"%s\"",
	    there ? "no " : "", step->text, t->reply);
}

/* Nothing may be left that no step has asked for. */
static int
check_unread(struct talk *t)
{
	(void)fill(t, 0);
	if (t->have > 0)
		return fail(t, "expected no more replies, got \"%.*s\"",
		    (int)t->have, t->in);
	return 0;
}

static int
step_closed(struct talk *t)
{
	enum wire_got got;

	got = t->have > 0 ? WIRE_SOME :
	    fill(t, t->place->patience_s * 1000);
	if (got == WIRE_CLOSED)
		return 0;
	return fail(t, "expected a close, got %s \"%.*s\"",
	    wire_got_text(got), (int)t->have, t->in);
}

static int
step_nothing(struct talk *t, const struct step *step)
{
	enum wire_got got;

	got = t->have > 0 ? WIRE_SOME : fill(t, step->number);
	if (got == WIRE_NOTHING)
		return 0;
	return fail(t, "expected nothing, got %s \"%.*s\"",
	    wire_got_text(got), (int)t->have, t->in);
}

static int
step_new(struct talk *t)
{
	if (check_unread(t) == -1)
		return -1;
	wire_close(&t->wire);
	return connect_new(t);
}

/* What came in plain text must not be taken for what comes under TLS. */
static int
step_tls(struct talk *t, const struct step *step)
{
	enum wire_got got;
	char why[200];
	int rc;

	if (t->wire.ssl != NULL)
		return fail(t, "expected plain text before TLS, got TLS");
	if (check_unread(t) == -1)
		return -1;
	rc = wire_begin_tls(&t->wire, t->place->trusted, why, sizeof(why));
	if (step->kind == STEP_TLS)
		return rc == 0 ? 0 : fail(t, "expected TLS, got %s", why);
	if (rc != 1)
		return fail(t, "expected no TLS, got %s",
		    rc == 0 ? "it" : why);
	if ((got = wire_drain(&t->wire)) == WIRE_CLOSED)
		return 0;
	return fail(t, "expected a close behind no TLS, got %s",
	    wire_got_text(got));
}

static int
send_all(struct talk *t, const char *data, size_t len)
{
	char why[200];

	if (wire_write(&t->wire, data, len, why, sizeof(why)) == 0)
		return 0;
	return fail(t, "expected the server to read, got %s", why);
}

static int
send_times(struct talk *t, const struct step *step)
{
	size_t batch, left, n, i;
	char *data;
	int rc;

	left = (size_t)step->number;
	batch = step->len < batch_bytes ? batch_bytes / step->len : 1;
	batch = batch < left ? batch : left;
	if ((data = malloc(batch * step->len + 1)) == NULL)
		return fail(t, "expected memory, got none");
	for (i = 0; i < batch; i++)
		memcpy(data + i * step->len, step->text, step->len);
	rc = 0;
	for (; left > 0 && rc == 0; left -= n) {
		n = batch < left ? batch : left;
		rc = send_all(t, data, n * step->len);
	}
	free(data);
	return rc;
}

static int
send_split(struct talk *t, const struct step *step, size_t at)
{
	if (send_all(t, step->text, at) == -1)
		return -1;
	pause_ms(2);
	return send_all(t, step->text + at, step->len - at);
}

static int
do_step(struct talk *t, const struct step *step, size_t split)
{
	switch (step->kind) {
	case STEP_SEND:
		return split > 0 ? send_split(t, step, split) :
		    send_times(t, step);
	case STEP_PAUSE:
		pause_ms(step->number);
		return 0;
	case STEP_REPLY:
		return step_reply(t, step);
	case STEP_HAS:
	case STEP_HAS_NOT:
		return step_has(t, step);
	case STEP_CLOSED:
		return step_closed(t);
	case STEP_NOTHING:
		return step_nothing(t, step);
	case STEP_NEW:
		return step_new(t);
	case STEP_TLS:
	case STEP_TLS_NOT:
		return step_tls(t, step);
	case STEP_END_ALL:
		kill(t->place->pid, SIGTERM);
		return 0;
	case STEP_KILL:
		kill(t->place->pid, SIGKILL);
		return 0;
	case STEP_COUNT:
	case STEP_BODY:
	case STEP_BODY_NOT:
	case STEP_END:
	case STEP_LONGEST:
	case STEP_HEAD:
	case STEP_INCOMING:
		return box_step(t->place->root, step, t->place->patience_s,
		    t->why, t->why_size);
	}
	return fail(t, "unknown step");
}

/* What one play plays. */
struct part {
	size_t first;		/* its first step */
	size_t end;		/* the step behind its last */
	size_t cut;		/* the step that is sent in two */
	size_t at;		/* the octets that are sent first; 0: all */
};

static int
play_part(const struct script *script, const struct place *place,
    const struct part *part, char *why, size_t size)
{
	struct talk t;
	char what[1024];
	size_t i;
	int rc;

	memset(&t, 0, sizeof(t));
	t.place = place;
	t.why = what;
	t.why_size = sizeof(what);
	box_clear(place->root, script);
	i = part->first;
	if ((rc = connect_new(&t)) == 0) {
		for (; i < part->end && rc == 0; i++)
			rc = do_step(&t, &script->step[i],
			    i == part->cut ? part->at : 0);
		if (rc == 0)
			rc = check_unread(&t);
		i--;
	}
	wire_close(&t.wire);
	if (rc == 0)
		return 0;
	if (part->at > 0)
		snprintf(why, size, "%d: line %d cut at %zu: %s",
		    script->step[i].line, script->step[part->cut].line,
		    part->at, what);
	else
		snprintf(why, size, "%d: %s", script->step[i].line, what);
	return -1;
}

int
talk_play(const struct script *script, const struct place *place, char *why,
    size_t size)
{
	struct part part = { 0, script->count, script->count, 0 };
	const struct step *step;

	if (play_part(script, place, &part, why, size) == -1)
		return -1;
	step = script->step;
	for (part.cut = 0; script->splits && part.cut < script->count;
	    part.cut++) {
		if (step[part.cut].kind == STEP_NEW)
			part.first = part.cut + 1;
		if (!step[part.cut].split)
			continue;
		for (part.end = part.cut; part.end < script->count &&
		    step[part.end].kind != STEP_NEW; part.end++)
			;
		for (part.at = 1; part.at < step[part.cut].len; part.at++)
			if (play_part(script, place, &part, why, size) == -1)
				return -1;
	}
	return 0;
}
