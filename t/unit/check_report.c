/*
 * report: what a report worker writes, against files kept in t/unit/report/;
 * the clock stands still, and no digit is random.  With REPORT_KEEP in the
 * environment what is written becomes what is kept.
 */
#include "t/unit/ipc_name.h"
#include "t/unit/unit.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "worker/helper.h"

enum { file_max_bytes = 512 * 1024, now_s = 1796040000 };

/* For the worker, which is linked with these in place of those of libc. */
time_t
time(time_t *out)
{
	if (out != NULL)
		*out = now_s;
	return now_s;
}

int
getentropy(void *p, size_t n)
{
	memset(p, 0xa1, n);
	memset((uint8_t *)p + n / 2, 0xa0, n - n / 2);
	return 0;
}

struct rcpt {
	const char		*path;
	const char		*orcpt;
	const char		*host;
	enum relay_stage	 stage;
	enum relay_end		 end;
	uint16_t		 code;
	uint16_t		 enhanced[3];
	struct span		 text;
};

struct letter {
	const char		*name;
	enum report_kind	 kind;
	enum dsn_ret		 ret;
	const char		*envid;
	const char		*from;
	struct span		 original;
	uint8_t			 flags;
	bool			 short_one;
	const struct rcpt	*rcpts;
	size_t			 count;
};

static struct mailbox
address(const char *path)
{
	struct mailbox m;
	struct span rest;

	if (smtp_parse_path(span_of(path), true, true, &m, &rest) !=
	    SYNTAX_OK)
		ck_abort_msg("%s", path);
	return m;
}

static int
file_with(struct span s)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(s.p, 1, s.n, f), s.n);
	ck_assert_int_eq(fflush(f), 0);
	return fileno(f);
}

static void
send_all(int channel, const struct letter *l)
{
	for (size_t i = 0; i < 2 * l->count; i++) {
		const struct rcpt *of = &l->rcpts[i % l->count];
		struct ipc_record r = { .type = IPC_RCPT_TO };
		struct ipc_outcome *o;

		r.u.rcpt.to = address(of->path);
		strcpy(r.u.rcpt.orcpt, of->orcpt);
		ck_assert_int_eq(ipc_send(channel, &r, -1, true), 0);
		r = (struct ipc_record){ .type = IPC_FACT };
		o = &r.u.fact.outcome;
		o->index = relay_all;
		o->stage = (uint8_t)of->stage;
		o->end = (uint8_t)of->end;
		o->code = of->code;
		memcpy(o->enhanced, of->enhanced, sizeof(o->enhanced));
		o->n = (uint16_t)of->text.n;
		memcpy(o->text, of->text.p, o->n);
		r.u.fact.tried_s = now_s - 60;
		strcpy(r.u.fact.host, of->host);
		ck_assert_int_eq(ipc_send(channel, &r, -1, true), 0);
	}
}

static struct ipc_record
expect_record(int channel, enum ipc_type type, enum ipc_when when)
{
	struct ipc_record r;
	const char *why = "";
	int passed;

	if (ipc_recv(channel, IPC_FROM_WORKER, when, true, &r, &passed,
	    &why) != IPC_GOT_RECORD)
		ck_abort_msg("%s: %s", ipc_name(type), why);
	ck_assert_str_eq(ipc_name(r.type), ipc_name(type));
	return r;
}

/* The master's side; out gets what was written. */
static size_t
make(const struct letter *l, char out[file_max_bytes])
{
	struct ipc_settings settings = { .message_size_bytes = 1 << 20,
	    .hostname = "mx.example.org" };
	struct ipc_record r = { .type = IPC_REPORT };
	int ends[2], file = file_with(span_of("")), status;
	int original = file_with(l->original);
	size_t lines = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(ipc_pair(ends), 0);
	r.u.report.kind = (uint8_t)l->kind;
	r.u.report.ret = (uint8_t)l->ret;
	strcpy(r.u.report.envid, l->envid);
	r.u.report.to = address(l->from);
	r.u.report.arrived_s = now_s - 14400;
	r.u.report.until_s = l->kind == REPORT_DELAYED ? now_s + 86400 : 0;
	r.u.report.at = l->short_one ? 0 : 5;	/* behind "skip\n" */
	r.u.report.size = l->short_one ? 0 : l->original.n - 5;
	r.u.report.count = (uint32_t)l->count;
	r.u.report.flags = l->flags;
	for (size_t i = 0; i < l->count; i++) {
		struct mailbox m = address(l->rcpts[i].path);

		r.u.report.utf8 |= smtp_mailbox_is_utf8(&m);
	}
	pid = fork();
	if (pid == 0) {
		struct ask master = { .channel = ends[1] };

		report_run(&master, &settings, &r, original, -1);
		_exit(0);
	}
	close(ends[1]);
	expect_record(ends[0], IPC_BEGIN, IPC_AT_RCPT);
	r = (struct ipc_record){ .type = IPC_FILE };
	ck_assert_int_eq(ipc_send(ends[0], &r, file, true), 0);
	send_all(ends[0], l);
	r = expect_record(ends[0], IPC_COMMIT, IPC_AT_DATA);
	n = pread(file, out, file_max_bytes, 0);
	ck_assert_int_eq(n, (ssize_t)r.u.commit.size);
	for (ssize_t i = 0; i < n; i++)
		lines += out[i] == '\n';
	ck_assert_uint_eq(lines, r.u.commit.lines);
	if (l->name != NULL)
		ck_assert_uint_eq(r.u.commit.flags, l->flags);
	r = (struct ipc_record){ .type = IPC_VERDICT };
	memcpy(r.u.verdict.id, "fedcba9876543210", 16);
	ck_assert_int_eq(ipc_send(ends[0], &r, -1, true), 0);
	expect_record(ends[0], IPC_END, IPC_AT_SESSION);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(ends[0]);
	return (size_t)n;
}

/* Of lines, a header field or a boundary that is not ours would be at fault. */
static void
expect(const struct letter *l)
{
	static char got[file_max_bytes], kept[file_max_bytes];
	size_t n = make(l, got), kept_n;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "t/unit/report/%s.eml", l->name);
	if (getenv("REPORT_KEEP") != NULL) {
		f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		ck_assert_uint_eq(fwrite(got, 1, n, f), n);
		ck_assert_int_eq(fclose(f), 0);
	}
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	kept_n = fread(kept, 1, sizeof(kept), f);
	fclose(f);
	for (size_t i = 0; i < n || i < kept_n; i++)
		if (i == n || i == kept_n || got[i] != kept[i])
			ck_abort_msg("%s: octet %zu differs, behind \"%.*s\"",
			    path, i, i < 60 ? (int)i : 60,
			    i < 60 ? got : got + i - 60);
}

#define ORIGINAL "skip\nReceived: from client.example\n\tby mx.example.org\n" \
	"From: Alice <alice@example.org>\nTo: bob@example.com\n" \
	"Message-ID: <m1@example.org>\nSubject: hello\n\nLine one\n.\n" \
	"From here on\n"

TEST(failed)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "rfc822;Bob+x@example.com",
		    "mx.example.com", RELAY_RCPT, RELAY_END_REPLY, 550,
		    { 5, 1, 1 }, OCTETS("5.1.1 <bob@example.com>: no such "
		    "user\n5.1.1 see https://example.com/help") },
	};

	expect(&(struct letter){ "failed", REPORT_FAILED, DSN_RET_FULL,
	    "QQ 314159", "<alice@example.org>", OCTETS(ORIGINAL), 0, false,
	    rcpts, COUNT(rcpts) });
}

/* Without RET: the header alone; every kind of failure. */
TEST(failed_many)
{
	static const struct rcpt rcpts[] = {
		{ "<a@nowhere.example>", "", "", RELAY_DNS,
		    RELAY_END_NO_DOMAIN, 0, { 0 }, OCTETS("") },
		{ "<b@null.example>", "", "", RELAY_DNS, RELAY_END_NO_MAIL, 0,
		    { 0 }, OCTETS("") },
		{ "<c@example.com>", "", "mx.example.com", RELAY_RCPT,
		    RELAY_END_REPLY, 552, { 0 }, OCTETS("mailbox full") },
		{ "<d@example.com>", "", "mx.example.com", RELAY_DOT,
		    RELAY_END_REPLY, 554, { 5, 7, 1 },
		    OCTETS("5.7.1 looks like spam") },
		{ "<e@example.net>", "", "mx.example.net", RELAY_CONNECT,
		    RELAY_END_REFUSED, 0, { 0 }, OCTETS("Connection refused") },
		{ "<f@example.net>", "", "mx.example.net", RELAY_DOT,
		    RELAY_END_LOST, 0, { 0 }, OCTETS("") },
		{ "<g@example.net>", "", "mx.example.net", RELAY_MAIL,
		    RELAY_END_REPLY, 451, { 4, 7, 1 }, OCTETS("4.7.1 grey") },
		{ "<h@example.net>", "", "mx.example.net", RELAY_GREETING,
		    RELAY_END_TIMEOUT, 0, { 0 }, OCTETS("") },
	};

	expect(&(struct letter){ "failed-many", REPORT_FAILED, DSN_RET_NONE,
	    "", "<\"al ice\"@example.org>", OCTETS(ORIGINAL), 0, false, rcpts,
	    COUNT(rcpts) });
}

TEST(delayed)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "", "mx.example.com", RELAY_CONNECT,
		    RELAY_END_TIMEOUT, 0, { 0 }, OCTETS("Connection timed "
		    "out") },
		{ "<carol@example.com>", "", "mx.example.com", RELAY_GREETING,
		    RELAY_END_REPLY, 554, { 5, 7, 1 },
		    OCTETS("5.7.1 go away") },
		{ "<dave@example.com>", "", "mx.example.com", RELAY_DOT,
		    RELAY_END_LOST, 0, { 0 }, OCTETS("") },
	};

	expect(&(struct letter){ "delayed", REPORT_DELAYED, DSN_RET_FULL, "",
	    "<alice@example.org>", OCTETS(ORIGINAL), 0, false, rcpts,
	    COUNT(rcpts) });
}

TEST(relayed)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "rfc822;bob@old.example",
		    "mx.example.com", RELAY_DOT, RELAY_END_REPLY, 250,
		    { 2, 0, 0 }, OCTETS("2.0.0 ok, queued") },
	};

	expect(&(struct letter){ "relayed", REPORT_RELAYED, DSN_RET_FULL,
	    "x", "<alice@example.org>", OCTETS(ORIGINAL), 0, false, rcpts,
	    COUNT(rcpts) });
}

TEST(delivered)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.org>", "", "", RELAY_DNS, RELAY_END_LOCAL, 0,
		    { 0 }, OCTETS("") },
		{ "<carol@example.org>", "", "", RELAY_DNS, RELAY_END_LOCAL,
		    0, { 0 }, OCTETS("") },
	};

	expect(&(struct letter){ "delivered", REPORT_DELIVERED, DSN_RET_NONE,
	    "", "<alice@example.org>", OCTETS(ORIGINAL), 0, false, rcpts,
	    COUNT(rcpts) });
}

/* RFC 6533, and 8-bit content. */
TEST(utf8)
{
	static const struct rcpt rcpts[] = {
		{ "<b\xc3\xb6" "b@\xc3\xb6.example>",
		    "utf-8;b\\x{F6}b@\\x{F6}.example", "mx.example.com",
		    RELAY_MAIL, RELAY_END_NO_UTF8, 0, { 0 }, OCTETS("") },
	};

	expect(&(struct letter){ "utf8", REPORT_FAILED, DSN_RET_FULL, "",
	    "<\xc3\xa4lice@example.org>", OCTETS("skip\nSubject: "
	    "\xc3\xb6\xc3\xa4\n\nb\xc3\xb6\n"), CONTENT_8BIT | CONTENT_UTF8,
	    false, rcpts, COUNT(rcpts) });
}

TEST(eight_bit)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "", "mx.example.com", RELAY_MAIL,
		    RELAY_END_NO_8BIT, 0, { 0 }, OCTETS("") },
	};

	expect(&(struct letter){ "8bit", REPORT_FAILED, DSN_RET_FULL, "",
	    "<alice@example.org>", OCTETS("skip\nSubject: x\n\nb\xc3\xb6\n"),
	    CONTENT_8BIT, false, rcpts, COUNT(rcpts) });
}

/* A reply that would be a field, a part or a sequence for a terminal. */
TEST(hostile)
{
	static uint8_t escapes[relay_text_bytes], word[relay_text_bytes];
	struct rcpt rcpts[] = {
		{ "<a@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, OCTETS("no\r\nBcc: x@y\r\n\r\n"
		    "--a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\r\n\n\n--\nFinal-"
		    "Recipient: rfc822; z@z\n\n\nAction: delivered\r\n") },
		{ "<b@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, { escapes, sizeof(escapes) } },
		{ "<c@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, { word, sizeof(word) } },
		{ "<d@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, OCTETS("\0\0NUL\0 b\xff\xfe"
		    " \xc3\xb6\x7f\x1b[31m \t\v\f \x85") },
		{ "<e@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, OCTETS("") },
		{ "<f@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 5, 999, 999 }, OCTETS(" \r\n \n") },
	};

	memset(escapes, 0x1b, sizeof(escapes));
	memset(word, 'w', sizeof(word));
	expect(&(struct letter){ "hostile", REPORT_FAILED, DSN_RET_HDRS,
	    "\"; x", "<alice@example.org>", OCTETS("skip\nMessage-ID: <a@b>"
	    "\n Bcc: x@y\nSubject: x\n--a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0--\n"
	    "not a field\n\nbody\n"), 0, false, rcpts, COUNT(rcpts) });
}

/* After crashes: nothing that a stranger wrote. */
TEST(shortened)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "", "", RELAY_RCPT, RELAY_END_REPLY,
		    550, { 5, 1, 1 }, OCTETS("") },
	};

	expect(&(struct letter){ "short", REPORT_FAILED, DSN_RET_FULL, "",
	    "<alice@example.org>", OCTETS(ORIGINAL), 0, true, rcpts,
	    COUNT(rcpts) });
}

/* ---- whatever strangers write ----------------------------------------- */

static uint64_t state = 20261130;

static size_t
below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(state >> 33) % n;
}

/* Texts that would mean something where they must not; octets of any kind. */
static struct span
any_text(uint8_t *room, size_t max, bool boundary)
{
	static const char *const words[] = { "\n", "\r\n", "\n\n", "\r", " ",
	    "\t", "Bcc: x@y\n", "Message-ID: <a@b>\n", "message-id: <c@d>\n",
	    "Action: delivered\n", "Final-Recipient: rfc822; z@z\n",
	    "Content-Type: text/html\n", "\x1b[31m", "\xc3\xb6", "\xff", "--",
	    "<", ">", "\"", ":", "a", "550 5.1.1 ",
	    "--a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\n",
	    "\n--a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0--\n" };
	struct buf b = buf_over(room, max);

	for (size_t i = below(60); i > 0; i--) {
		uint8_t octet = (uint8_t)(1 + below(255));

		if (below(8) == 0)
			buf_add(&b, span_from(&octet, 1));
		else
			buf_add_str(&b, words[below(COUNT(words) -
			    (boundary ? 0 : 2))]);
	}
	return buf_span(&b);
}

/* Is the line a field that this part may have, or the rest of one? */
static bool
is_field(const char *line, const char *const names[])
{
	for (; *names != NULL; names++)
		if (strncmp(line, *names, strlen(*names)) == 0)
			return true;
	return line[0] == ' ' || line[0] == '\t' || line[0] == '\n';
}

static const char *
check_lines(const char *at, const char *end, const char *const names[])
{
	for (; at < end; at = strchr(at, '\n') + 1) {
		if (!is_field(at, names))
			ck_abort_msg("a line: %.80s", at);
		for (const char *c = at; *c != '\n'; c++)
			if ((*c < ' ' && *c != '\t') || *c > '~')
				ck_abort_msg("an octet: %.80s", at);
	}
	return at;
}

/* Three parts, and nothing in the fields but what is ours. */
TEST(any)
{
	static const char *const of_header[] = { "From: ", "To: ", "Subject: ",
	    "Date: ", "Message-ID: ", "In-Reply-To: <", "References: <",
	    "Auto-Submitted: auto-replied\n", "MIME-Version: 1.0\n",
	    "Content-Type: multipart/report; ",
	    "Content-Transfer-Encoding: 8bit\n", NULL };
	static const char *const of_status[] = { "--a0", "Content-Type: "
	    "message/delivery-status\n", "Reporting-MTA: ", "Arrival-Date: ",
	    "Final-Recipient: rfc822; bob@example.com\n", "Action: failed\n",
	    "Status: 5.0.0\n", "Remote-MTA: dns; ", "Diagnostic-Code: smtp; "
	    "550", "Last-Attempt-Date: ", NULL };
	static const char line[] = "\n--a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0";
	static char got[file_max_bytes];
	uint8_t text[relay_text_bytes], original[4096] = "skip\n", host[60];

	for (unsigned round = 0; round < 400; round++) {
		struct rcpt rcpt = { "<bob@example.com>", "", "h", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, any_text(text,
		    sizeof(text), true) };
		struct span body = any_text(original + 5,
		    sizeof(original) - 5, false);
		struct letter l = { NULL, REPORT_FAILED, round % 3, "",
		    "<alice@example.org>", span_from(original, body.n + 5), 0,
		    round % 5 == 4 || body.n == 0, &rcpt, 1 };
		char name[sizeof(host) + 1] = "h";
		const char *part[5];
		size_t n;

		snprintf(name, sizeof(name), "%.*s", (int)any_text(host,
		    sizeof(host), true).n, (char *)host);
		rcpt.host = name;
		n = make(&l, got);
		got[n] = '\0';
		part[0] = strstr(got, line);
		for (size_t i = 1; i < 5; i++)
			part[i] = part[i - 1] == NULL ? NULL :
			    strstr(part[i - 1] + 1, line);
		if (l.short_one)
			part[3] = part[2];
		ck_assert_msg(part[3] != NULL && (l.short_one ||
		    part[4] == NULL), "parts of %s", got);
		ck_assert_str_eq(part[3] + strlen(line), "--\n");
		check_lines(got, part[0] + 1, of_header);
		check_lines(part[1] + 1, part[2] + 1, of_status);
	}
}

/* Only what can be nothing else is repeated in the header of the report. */
TEST(message_ids)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "", "h", RELAY_RCPT, RELAY_END_REPLY,
		    550, { 0 }, OCTETS("no") },
	};
	static const struct {
		struct span	 original;
		const char	*id;		/* NULL: none */
	} t[] = {
		{ OCTETS("skip\nMessage-ID: <a@b>\n\n"), "<a@b>" },
		{ OCTETS("skip\nmessage-id: <A.b=c@[192.0.2.1]>\n\n"),
		    "<A.b=c@[192.0.2.1]>" },
		{ OCTETS("skip\nX: y\nMessage-ID: <a@b>\n"), "<a@b>" },
		{ OCTETS("skip\n\nMessage-ID: <a@b>\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b>\nMessage-ID: <a@b>\n\n"),
		    NULL },
		{ OCTETS("skip\nMessage-ID: <a@b>\n x\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b>\n\tx\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b> x\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <@x:a@b>\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <\"a\"@b>\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <\xc3\xb6@b>\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <>\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: \n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b>\r\n\n"), NULL },
		{ OCTETS("skip\nMessage-ID: <a@b>"), NULL },
	};
	static char got[file_max_bytes];
	char want[80];

	for (size_t i = 0; i < COUNT(t); i++) {
		got[make(&(struct letter){ NULL, REPORT_FAILED, DSN_RET_NONE,
		    "", "<alice@example.org>", t[i].original, 0, false, rcpts,
		    1 }, got)] = '\0';
		snprintf(want, sizeof(want), "\nIn-Reply-To: %s\nReferences: "
		    "%s\n", t[i].id, t[i].id);
		ck_assert_msg(strstr(got, t[i].id != NULL ? want :
		    "In-Reply-To") != NULL ? t[i].id != NULL :
		    t[i].id == NULL, "row %zu: %s", i, got);
	}
}

/* A header in UTF-8 alone, with and without the body. */
TEST(utf8_header)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.com>", "", "h", RELAY_RCPT, RELAY_END_REPLY,
		    550, { 0 }, OCTETS("no") },
	};
	static char got[file_max_bytes];

	for (int full = 0; full < 2; full++) {
		got[make(&(struct letter){ "", REPORT_FAILED, full ?
		    DSN_RET_FULL : DSN_RET_HDRS, "", "<alice@example.org>",
		    OCTETS("skip\nSubject: \xc3\xb6\n\nx\n"), CONTENT_8BIT,
		    false, rcpts, 1 }, got)] = '\0';
		ck_assert_ptr_nonnull(strstr(got, full ? "\nContent-Type: "
		    "message/global\nContent-Transfer-Encoding: 8bit\n" :
		    "\nContent-Type: message/global-headers\n"
		    "Content-Transfer-Encoding: 8bit\n"));
		ck_assert_ptr_nonnull(strstr(got, "\"\n"
		    "Content-Transfer-Encoding: 8bit\n\n--"));
	}
}
