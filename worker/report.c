/*
 * A delivery status notification: text for a person, fields for a program (RFC
 * 3464), and the original message or its header (RFC 3462).
 *
 * Replies of other hosts and the original are strangers' octets.  Of a reply
 * only printable ASCII is written, and never at the beginning of a line, so it
 * can neither begin a field nor end a part.  The original comes last, up to a
 * boundary that was drawn after its octets were fixed.
 */
#include "worker/helper.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/trace_field.h"

enum {
	random_bytes = 16,		/* of our Message-ID, and as many */
	print_bytes = 2048,		/* of a piece of our own text */
	fold_column = 64,		/* a word behind it begins a line */
	break_column = 200,		/* the longest word is broken here */
	line_max_bytes = 998
};

struct report {
	struct ask		*master;
	struct ipc_report	 of;
	const struct ipc_settings *settings;
	struct ipc_rcpt		 rcpt;		/* this recipient, and */
	struct ipc_fact		 fact;		/* what became of it */
	char			 address[smtp_mailbox_text_max_bytes];
	int			 original;
	struct span		 header, id;	/* of the original */
	bool			 full;		/* its body is returned, too */
	bool			 original_8bit;
	char			 id_digits[4 * random_bytes + 1];
	const char		*boundary;	/* the second half */
	int			 fds[2];	/* what is written: one file */
	int			 error;		/* of it */
	size_t			 column;
	bool			 in_body;
	struct ipc_commit	 file;
	struct buf		 out;
};

/* So much of a header is copied; and what is read or written at a time. */
static uint8_t header_storage[64 * 1024], piece[16 * 1024],
    written[16 * 1024];

static const char *const encodings[] = { "",
    "Content-Transfer-Encoding: 8bit\n" };
static const char *const stages[] = { RELAY_STAGES(IPC_WORD, RELAY_) };
static const char *const ends[] = { RELAY_ENDS(IPC_WORD, RELAY_END_) };

static void
flush(struct report *r)
{
	if (r->error == 0 &&
	    file_write(r->fds[0], buf_span(&r->out)) < r->out.n)
		r->error = errno;
	r->out.n = 0;
}

static void
put(struct report *r, struct span s)
{
	r->file.size += s.n;
	for (size_t i = 0; i < s.n; i++) {
		if (r->out.n == r->out.max)
			flush(r);
		r->out.p[r->out.n++] = s.p[i];
		r->column++;
		if (s.p[i] == '\n') {
			r->file.lines++;
			r->column = 0;
		} else if (s.p[i] > 0x7f)
			r->file.flags |= r->in_body ? CONTENT_8BIT :
			    CONTENT_UTF8;
		if (r->column > line_max_bytes)
			r->file.flags |= CONTENT_LONG;
	}
}

/* What this file prints fits: names and addresses have their limits. */
static void __attribute__((format(printf, 2, 3)))
print(struct report *r, const char *format, ...)
{
	char text[print_bytes];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(text))
		put(r, span_from(text, (size_t)n));
}

/*
 * Writes a stranger's text as words and ends the line; further lines begin with
 * indent.  A run of octets that are not printable ASCII becomes one "?".
 */
static void
put_words(struct report *r, struct span text, const char *indent)
{
	char gap = '\0';	/* before the next word: blank or new line */
	bool begun = false, dirty = false;

	for (size_t i = 0; i < text.n; i++) {
		const uint8_t *c = &text.p[i];

		if (*c == ' ' || *c == '\t' || *c == '\r' || *c == '\n') {
			gap = *c == '\n' || gap == '\n' ? '\n' : ' ';
			dirty = false;
			continue;
		}
		if (begun && (gap == '\n' || r->column >= break_column ||
		    (gap == ' ' && r->column > fold_column)))
			print(r, "\n%s", indent);
		else if (begun && gap == ' ')
			print(r, " ");
		gap = '\0';
		begun = true;
		if (*c > ' ' && *c <= '~')
			put(r, span_from(c, 1));
		else if (!dirty)
			print(r, "?");
		dirty = *c <= ' ' || *c > '~';
	}
	print(r, "\n");
}

static void
print_date(struct report *r, const char *before, int64_t s)
{
	char storage[64];
	struct buf text = buf_over(storage, sizeof(storage));

	trace_field_date(s, &text);
	print(r, "%s%s\n", before, buf_str(&text));
}

/* RFC 3463; 5001010 is 5.1.10. */
static unsigned
status_of(enum report_kind kind, const struct ipc_outcome *o)
{
	static const unsigned no_reply[RELAY_END_COUNT] = {
		[RELAY_END_REFUSED] = 4004001, [RELAY_END_TIMEOUT] = 4004002,
		[RELAY_END_LOST] = 4004002, [RELAY_END_SYNTAX] = 4005000,
		[RELAY_END_TLS] = 4007005, [RELAY_END_NO_8BIT] = 5006003,
		[RELAY_END_NO_UTF8] = 5006007, [RELAY_END_TOO_BIG] = 5003004,
		[RELAY_END_LOCAL] = 4003000, [RELAY_END_STOPPED] = 4003002,
		[RELAY_END_DAMAGED] = 5003000,
		[RELAY_END_NO_DOMAIN] = 5001002, [RELAY_END_NO_MAIL] = 5001010,
		[RELAY_END_NO_HOST] = 5004004, [RELAY_END_OURSELVES] = 5004006,
		[RELAY_END_NO_DNS] = 4004003, [RELAY_END_TOO_OLD] = 4004007
	};
	/* Where the code of a reply says more than its class. */
	static const unsigned replies[][2] = { { 421, 3002 }, { 452, 3001 },
	    { 521, 3002 }, { 530, 7000 }, { 535, 7008 }, { 552, 3004 },
	    { 553, 1003 }, { 556, 1010 } };
	unsigned class = o->code / 100, detail = 0;

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (replies[i][0] == o->code)
			detail = replies[i][1];
	/* Of one recipient, it is the mailbox that is full. */
	if (o->stage == RELAY_RCPT && (o->code == 452 || o->code == 552))
		detail = 2002;
	if (o->enhanced[0] != 0)
		detail = o->enhanced[1] * 1000u + o->enhanced[2];
	if (o->end != RELAY_END_REPLY) {
		class = no_reply[o->end] / 1000000;
		detail = no_reply[o->end] % 1000000;
	}
	if (o->end == RELAY_END_TIMEOUT && o->stage <= RELAY_GREETING)
		detail = 4001;
	/* The class has to be that of what became of it (RFC 3464 2.3.4). */
	if (kind == REPORT_RELAYED || kind == REPORT_DELIVERED)
		return class == 2 ? 2000000 + detail : 2000000;
	return (kind == REPORT_DELAYED || class == 4 ? 4000000 : 5000000) +
	    detail;
}

/* What a person can do about a failure: the first row that it lies in. */
static const struct {
	unsigned	 from, to;
	const char	*words;
} advice[] = {
	{ 1007, 1008, "ask your postmaster: your own address is refused." },
	{ 1000, 1999, "look for a mistake in the address." },
	{ 2002, 2002, "wait: the mailbox is full." },
	{ 3000, 3000, "send it again." },
	{ 2003, 3004, "send a shorter message, or send it later." },
	{ 4000, 4999, "send it again later, if the address is right." },
	{ 6000, 6999, "send plain text in ASCII, the rest as a file." },
	{ 7000, 7999, "ask your postmaster: a rule there refuses it." },
	{ 0, 999999, "show this report to your postmaster." }
};

/* The master sends each recipient once more for each part. */
static void
next_recipient(struct report *r)
{
	struct ipc_record in;

	ask_answer(r->master, &in, IPC_RCPT_TO);
	r->rcpt = in.u.rcpt;
	ask_answer(r->master, &in, IPC_FACT);
	r->fact = in.u.fact;
	smtp_mailbox_text(&r->rcpt.to, r->address);
}

/* The name was read from the DNS. */
static void
put_host(struct report *r, const char *before)
{
	if (r->fact.host[0] == '\0')
		return;
	print(r, "%s", before);
	put_words(r, span_of(r->fact.host), " ");
}

static void
put_story(struct report *r)
{
	const struct ipc_outcome *o = &r->fact.outcome;
	const enum report_kind kind = r->of.kind;
	const unsigned detail = status_of(kind, o) % 1000000;
	const bool uncertain = o->stage == RELAY_DOT &&
	    o->end != RELAY_END_REPLY;
	size_t i = 0;

	print(r, "\n<%s>\n", r->address);
	put_host(r, "    Server: ");
	if (kind != REPORT_FAILED && kind != REPORT_DELAYED)
		return;
	if (o->end == RELAY_END_REPLY)
		print(r, "    It said (%s):\n        %u ", stages[o->stage],
		    o->code);
	else
		print(r, "    Why: %s (%s)%s", ends[o->end], stages[o->stage],
		    o->n > 0 ? ":\n        " : "");
	put_words(r, span_from(o->text, o->n), "        ");
	if (uncertain)
		print(r, "    The connection was lost when the whole message "
		    "had been sent:\n    it may %s.\n", kind == REPORT_FAILED ?
		    "have arrived all the same" : "arrive twice");
	if (kind != REPORT_FAILED)
		return;
	while (detail < advice[i].from || detail > advice[i].to)
		i++;
	print(r, "    What to do: %s\n", uncertain ?
	    "ask the recipient whether it came." : advice[i].words);
}

static void
put_text(struct report *r)
{
	static const char *const words[REPORT_KIND_COUNT] = {
		"could not be delivered to:", "has not been delivered yet to:",
		"was passed on, to a server that sends no report, for:",
		"", "was delivered to:"
	};

	print(r, "--%s\nContent-Type: text/plain; charset=%s\n%s\n"
	    "This is the mail system at %s.\n\n", r->boundary, r->of.utf8 ?
	    "utf-8" : "us-ascii", encodings[r->of.utf8],
	    r->settings->hostname);
	print_date(r, "Your message of ", r->of.arrived_s);
	print(r, "%s\n", words[r->of.kind]);
	for (uint32_t i = 0; i < r->of.count; i++) {
		if (i > 0)	/* the header needed the first */
			next_recipient(r);
		put_story(r);
	}
	if (r->of.kind == REPORT_FAILED)
		print(r, "\nIt is not tried again.\n");
	else if (r->of.kind == REPORT_DELAYED)
		print_date(r, "\nYou need not send it again, for it is still "
		    "tried.  Tries end on\n", r->of.until_s);
	print(r, "\n");
}

/* The fields about one recipient (RFC 3464 2.3). */
static void
put_recipient(struct report *r)
{
	static const char *const actions[] = {
	    REPORT_KINDS(IPC_WORD, REPORT_) };
	const struct ipc_outcome *o = &r->fact.outcome;
	const unsigned status = status_of(r->of.kind, o);

	print(r, "\n");
	if (r->rcpt.orcpt[0] != '\0')
		print(r, "Original-Recipient: %s\n", r->rcpt.orcpt);
	print(r, "Final-Recipient: %s; %s\nAction: %s\nStatus: %u.%u.%u\n",
	    smtp_mailbox_is_utf8(&r->rcpt.to) ? "utf-8" : "rfc822", r->address,
	    actions[r->of.kind], status / 1000000, status / 1000 % 1000,
	    status % 1000);
	put_host(r, "Remote-MTA: dns; ");
	if (o->end == RELAY_END_REPLY) {
		print(r, "Diagnostic-Code: smtp; %u ", o->code);
		put_words(r, span_from(o->text, o->n), " ");
	}
	if (r->fact.tried_s > 0)
		print_date(r, "Last-Attempt-Date: ", r->fact.tried_s);
	if (r->of.kind == REPORT_DELAYED)
		print_date(r, "Will-Retry-Until: ", r->of.until_s);
}

/* RFC 3464 2.2; RFC 6533 has the type for addresses in UTF-8. */
static void
put_status(struct report *r)
{
	print(r, "--%s\nContent-Type: message/%sdelivery-status\n%s\n",
	    r->boundary, r->of.utf8 ? "global-" : "", encodings[r->of.utf8]);
	if (r->of.envid[0] != '\0')
		print(r, "Original-Envelope-Id: %s\n", r->of.envid);
	print(r, "Reporting-MTA: dns; %s\n", r->settings->hostname);
	print_date(r, "Arrival-Date: ", r->of.arrived_s);
	for (uint32_t i = 0; i < r->of.count; i++) {
		next_recipient(r);
		put_recipient(r);
	}
	print(r, "\n");
}

/* Reads at most max octets of the original, from there: all that are left. */
static struct span
read_original(struct report *r, uint64_t from, uint8_t *to, size_t max)
{
	uint64_t left = r->of.size - from;
	size_t n = left < max ? (size_t)left : max;

	errno = EIO;	/* for a file that is shorter than it was */
	if (pread(r->original, to, n, (off_t)(r->of.at + from)) != (ssize_t)n)
		r->error = errno;
	return span_from(to, r->error == 0 ? n : 0);
}

/*
 * Finds the lines up to the empty one, as far as they fit; and the Message-ID,
 * if there is one, on one line, and that is like an address.
 */
static void
read_header(struct report *r)
{
	struct span all = read_original(r, 0, header_storage,
	    sizeof(header_storage)), rest = all, line, end;
	struct span name = span_of("Message-ID: "), id = { NULL, 0 };
	struct mailbox unused;
	bool usable = true;

	while (!span_next_is(rest, '\n') && rest.n > 0 &&
	    memchr(rest.p, '\n', rest.n) != NULL) {
		line = span_cut(&rest, '\n');
		if (!span_begins_fold(line, name))
			continue;
		usable = id.n == 0 && !span_next_is(rest, ' ') &&
		    !span_next_is(rest, '\t');
		id = span_skip(line, name.n);
	}
	if (usable && id.n > 0 && span_is_ascii(id) &&
	    memchr(id.p, '"', id.n) == NULL &&
	    memchr(id.p, ':', id.n) == NULL && smtp_parse_path(id, false,
	    false, &unused, &end) == SYNTAX_OK && end.n == 0)
		r->id = id;
	r->header = span_from(all.p, all.n - rest.n);
	r->original_8bit = !span_is_ascii(r->header) ||
	    (r->full && (r->of.flags & CONTENT_8BIT) != 0);
}

static void
put_whole(struct report *r)
{
	for (uint64_t at = 0; at < r->of.size && r->error == 0;
	    at += sizeof(piece))
		put(r, read_original(r, at, piece, sizeof(piece)));
}

/* RFC 3462; RFC 6533 for headers in UTF-8. */
static void
put_original(struct report *r)
{
	bool global = !span_is_ascii(r->header);

	print(r, "--%s\nContent-Type: %s%s\n%s\n", r->boundary, global ?
	    "message/global" : r->full ? "message/rfc822" :
	    "text/rfc822-headers", global && !r->full ? "-headers" : "",
	    encodings[r->original_8bit]);
	if (!r->full)
		put(r, r->header);
	else
		put_whole(r);
	print(r, r->column > 0 ? "\n\n" : "\n");
}

/* Auto-Submitted: nothing must answer it (RFC 3834 5). */
static void
put_header(struct report *r)
{
	static const char *const words[REPORT_KIND_COUNT] = {
		"Not delivered", "Delayed", "Passed on", "", "Delivered" };
	char to[smtp_mailbox_text_max_bytes];

	smtp_mailbox_text(&r->of.to, to);
	print(r, "From: Mail Delivery System <MAILER-DAEMON@%s>\nTo: <%s>\n"
	    "Subject: %s: your message to ", r->settings->hostname, to,
	    words[r->of.kind]);
	if (r->of.count == 1)
		print(r, "%s\n", r->of.utf8 ? "a recipient" : r->address);
	else
		print(r, "%u recipients\n", r->of.count);
	print_date(r, "Date: ", time(NULL));
	print(r, "Message-ID: <%.*s@%s>\n", 2 * random_bytes, r->id_digits,
	    r->settings->hostname);
	if (r->id.n > 0)
		print(r, "In-Reply-To: %.*s\nReferences: %.*s\n", (int)r->id.n,
		    (const char *)r->id.p, (int)r->id.n,
		    (const char *)r->id.p);
	print(r, "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "\tboundary=\"%s\"\n%s\n", r->boundary,
	    encodings[r->of.utf8 || r->original_8bit]);
	r->in_body = true;
}

static void
write_report(struct report *r)
{
	uint8_t random[2 * random_bytes];

	if (getentropy(random, sizeof(random)) == -1)
		r->error = errno;
	sodium_bin2hex(r->id_digits, sizeof(r->id_digits), random,
	    sizeof(random));
	r->boundary = r->id_digits + 2 * random_bytes;
	next_recipient(r);
	r->full = r->of.ret == DSN_RET_FULL && r->of.kind == REPORT_FAILED &&
	    r->of.size <= r->settings->message_size_bytes;
	read_header(r);
	put_header(r);
	put_text(r);
	put_status(r);
	if (r->of.size > 0)
		put_original(r);
	print(r, "--%s--\n", r->boundary);
}

static void
write_all(struct report *r)
{
	if (r->of.kind == REPORT_LOCAL)
		put_whole(r);
	else
		write_report(r);
	flush(r);
	if (r->error == 0 && fdatasync(r->fds[0]) == -1)
		r->error = errno;
}

void
report_run(struct ask *master, const struct ipc_settings *settings,
    const struct ipc_record *first, int original, int output)
{
	struct report r = { .master = master, .of = first->u.report,
	    .settings = settings, .original = original, .fds = { -1, -1 },
	    .out = buf_over(written, sizeof(written)) };
	struct ipc_record commit = { .type = IPC_COMMIT };

	if (ask_files(master, r.fds) == REPLY_STORED) {
		write_all(&r);
		commit.u.commit = r.file;
		if (r.error == 0)
			(void)ask_reply(master, &commit);
		else
			TELL(master, RESET, .number.n = (uint32_t)r.error);
		close(r.fds[0]);
	}
	close(original);
	TELL(master, END, .end.end = END_QUIT);
}
