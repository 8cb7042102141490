/*
 * report: what a report worker writes, against files kept in t/unit/report/;
 * the clock stands still, and no digit is random.  With REPORT_KEEP in the
 * environment what is written becomes what is kept.
 */
#include "t/unit/unit.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "worker/report.h"

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
	bool			 uncertain;
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
		r.u.rcpt.orcpt_len = (uint16_t)strlen(of->orcpt);
		memcpy(r.u.rcpt.orcpt, of->orcpt, r.u.rcpt.orcpt_len);
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
		r.u.fact.uncertain = of->uncertain;
		r.u.fact.host_len = (uint8_t)strlen(of->host);
		memcpy(r.u.fact.host, of->host, r.u.fact.host_len);
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
	    .hostname_len = 14, .hostname = "mx.example.org" };
	struct ipc_record r = { .type = IPC_REPORT };
	int ends[2], file = file_with(span_of("")), status;
	int original = file_with(l->original);
	size_t lines = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(ipc_pair(ends), 0);
	memcpy(r.u.report.id, "0123456789abcdef", 16);
	r.u.report.kind = (uint8_t)l->kind;
	r.u.report.ret = (uint8_t)l->ret;
	r.u.report.envid_len = (uint8_t)strlen(l->envid);
	memcpy(r.u.report.envid, l->envid, r.u.report.envid_len);
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
	ck_assert_uint_eq(r.u.commit.flags, l->flags);
	r = (struct ipc_record){ .type = IPC_STORED };
	memcpy(r.u.stored.id, "fedcba9876543210", 16);
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
		    "user\n5.1.1 see https://example.com/help"), false },
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
		    RELAY_END_NO_DOMAIN, 0, { 0 }, OCTETS(""), false },
		{ "<b@null.example>", "", "", RELAY_DNS, RELAY_END_NO_MAIL, 0,
		    { 0 }, OCTETS(""), false },
		{ "<c@example.com>", "", "mx.example.com", RELAY_RCPT,
		    RELAY_END_REPLY, 552, { 0 }, OCTETS("mailbox full"),
		    false },
		{ "<d@example.com>", "", "mx.example.com", RELAY_DOT,
		    RELAY_END_REPLY, 554, { 5, 7, 1 },
		    OCTETS("5.7.1 looks like spam"), false },
		{ "<e@example.net>", "", "mx.example.net", RELAY_CONNECT,
		    RELAY_END_REFUSED, 0, { 0 }, OCTETS("Connection refused"),
		    false },
		{ "<f@example.net>", "", "mx.example.net", RELAY_DOT,
		    RELAY_END_LOST, 0, { 0 }, OCTETS(""), true },
		{ "<g@example.net>", "", "mx.example.net", RELAY_MAIL,
		    RELAY_END_REPLY, 451, { 4, 7, 1 }, OCTETS("4.7.1 grey"),
		    false },
		{ "<h@example.net>", "", "mx.example.net", RELAY_GREETING,
		    RELAY_END_TIMEOUT, 0, { 0 }, OCTETS(""), false },
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
		    "out"), false },
		{ "<carol@example.com>", "", "mx.example.com", RELAY_GREETING,
		    RELAY_END_REPLY, 554, { 5, 7, 1 }, OCTETS("5.7.1 go away"),
		    true },
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
		    { 2, 0, 0 }, OCTETS("2.0.0 ok, queued"), false },
	};

	expect(&(struct letter){ "relayed", REPORT_RELAYED, DSN_RET_FULL,
	    "x", "<alice@example.org>", OCTETS(ORIGINAL), 0, false, rcpts,
	    COUNT(rcpts) });
}

TEST(delivered)
{
	static const struct rcpt rcpts[] = {
		{ "<bob@example.org>", "", "", RELAY_DNS, RELAY_END_LOCAL, 0,
		    { 0 }, OCTETS(""), false },
		{ "<carol@example.org>", "", "", RELAY_DNS, RELAY_END_LOCAL,
		    0, { 0 }, OCTETS(""), false },
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
		    RELAY_MAIL, RELAY_END_NO_UTF8, 0, { 0 }, OCTETS(""),
		    false },
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
		    RELAY_END_NO_8BIT, 0, { 0 }, OCTETS(""), false },
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
		    "Recipient: rfc822; z@z\n\n\nAction: delivered\r\n"),
		    false },
		{ "<b@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, { escapes, sizeof(escapes) },
		    false },
		{ "<c@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, { word, sizeof(word) },
		    false },
		{ "<d@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, OCTETS("\0\0NUL\0 b\xff\xfe"
		    " \xc3\xb6\x7f\x1b[31m \t\v\f \x85"), false },
		{ "<e@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 0 }, OCTETS(""), false },
		{ "<f@evil.example>", "", "mx.evil.example", RELAY_RCPT,
		    RELAY_END_REPLY, 550, { 5, 999, 999 }, OCTETS(" \r\n \n"),
		    false },
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
		    550, { 5, 1, 1 }, OCTETS(""), false },
	};

	expect(&(struct letter){ "short", REPORT_FAILED, DSN_RET_FULL, "",
	    "<alice@example.org>", OCTETS(ORIGINAL), 0, true, rcpts,
	    COUNT(rcpts) });
}
