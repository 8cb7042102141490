/*
 * "smtpctl queue": from the files, where no smtpd runs; by the server, where
 * one does.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/queue_file.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"

static const char folder[] = "1m857pqg38m00000";
static uint8_t key[queue_key_bytes] = { [31] = 7 };

static void
said(const char *text)
{
	EXPECT(strstr(ctl_text, text) != NULL, "no \"%s\" in: %s", text,
	    ctl_text);
}

static void
not_said(const char *text)
{
	EXPECT(strstr(ctl_text, text) == NULL, "\"%s\" in: %s", text,
	    ctl_text);
}

static struct mailbox
mailbox(const char *text)
{
	struct mailbox m = { .local_len = 0 };

	EXPECT(text[0] == '\0' || smtp_mailbox_from_text(span_of(text), &m),
	    "%s", text);
	return m;
}

static void
write_in(const char *dir, const char *name, const void *p, size_t n)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/spool/queue/%s/%s", dir, folder,
	    name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	EXPECT(fd != -1 && write(fd, p, n) == (ssize_t)n && close(fd) == 0,
	    "%s: %s", path, strerror(errno));
}

/* A root with one folder of the queue. */
static void
make_root(char dir[512])
{
	static const char *const parts[] = { "", "/spool", "/spool/queue" };
	char path[600];

	snprintf(dir, 512, "%s", harness_path("queued"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, parts[i]);
		EXPECT(mkdir(path, 0700) == 0, "%s: %s", path,
		    strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/spool/queue/%s", dir, folder);
	EXPECT(mkdir(path, 0700) == 0, "%s", strerror(errno));
	write_in(dir, "key", key, sizeof(key));
}

/* A message, queued so many seconds ago, to two recipients or one. */
static void
put_message(const char *dir, const char *id, int64_t ago_s, const char *from,
    const char *to, const char *to_2)
{
	static uint8_t block[4096], text[2048], rcpts_text[1024];
	struct buf b = buf_over(text, sizeof(text));
	struct buf rcpts = buf_over(rcpts_text, sizeof(rcpts_text));
	struct queue_name name = { .lines = 3 };
	char file[queue_name_bytes];
	struct envelope e = { .id = span_of(id), .from = mailbox(from),
	    .queued_s = time(NULL) - ago_s, .session =
	    span_of("1m857pqg38m02n9s"), .count = to_2 == NULL ? 1 : 2,
	    .envid = span_of(""), .user = span_of("") };

	envelope_add(&rcpts, &(struct envelope_rcpt){ .to = mailbox(to),
	    .orcpt = span_of("") });
	if (to_2 != NULL)
		envelope_add(&rcpts, &(struct envelope_rcpt){
		    .to = mailbox(to_2), .orcpt = span_of("") });
	e.rcpts = buf_span(&rcpts);
	envelope_write(&e, &b);
	queue_block_seal(buf_span(&b), key, block);
	snprintf(name.id, sizeof(name.id), "%s", id);
	queue_name_write(&name, file);
	write_in(dir, file, block, queue_block_bytes(b.n));
}

/* What the journal has of the first message: a try, and a recipient done. */
static void
put_journal(const char *dir, const char *id)
{
	static uint8_t text[2048];
	struct buf b = buf_over(text, sizeof(text));
	struct queue_record r = { .type = QUEUE_TRY,
	    .queued_s = time(NULL) - 7000, .next_s = time(NULL) + 3000,
	    .lines = 3, .size_kib = 9, .rcpts = 2, .tries = 4,
	    .stage = RELAY_RCPT, .end = RELAY_END_REPLY, .code = 451,
	    .text = span_of("come\x1b[2J later") };

	memcpy(r.id, id, sizeof(r.id));
	queue_record_write(&r, 0, key, &b);
	r.type = QUEUE_DONE;
	r.index = 0;
	queue_record_write(&r, b.n, key, &b);
	EXPECT(!b.cut, "the journal");
	write_in(dir, "journal", b.p, b.n);
}

TEST(disk)
{
	static const char one[] = "1m857pqg38m02n9a", two[] =
	    "1m857pqg38m02n9b";
	char dir[512], path[700];

	make_root(dir);
	CTL_EXPECT(0, "no message in the queue\n", "queue list -d %s", dir);
	CTL_EXPECT(0, "{\"queue\":[],\"count\":0}", "queue list -j -d %s",
	    dir);
	put_message(dir, one, 7265, "alice@example.org", "x@there.example",
	    "bob@There.example");
	put_message(dir, two, 60, "", "carol@else.example", NULL);
	put_journal(dir, one);
	CTL_EXPECT(0, "ID                     SIZE        AGE TRIES NEXT",
	    "queue list -d %s", dir);
	said("1m857pqg38m02n9a    9.0 KiB  2 h 1 min     4 in ");
	said(" <alice@example.org> to <bob@there.example>\n");
	said(" <> to <carol@else.example>\n");
	CTL_EXPECT(0, "\"id\":\"1m857pqg38m02n9a\",\"state\":\"waiting\",",
	    "queue list -j -d %s", dir);
	said("],\"count\":2}\n");
	/* A recipient that is done is no criterion any more. */
	CTL_EXPECT(0, "no message", "queue list -d %s to=x@there.example",
	    dir);
	CTL_EXPECT(0, one, "queue list -d %s domain=THERE.example", dir);
	not_said(two);
	CTL_EXPECT(0, two, "queue list -d %s from=", dir);
	not_said(one);
	CTL_EXPECT(0, one, "queue list -d %s age=2h from=alice@example.org",
	    dir);
	not_said(two);
	CTL_EXPECT(0, "no message", "queue list -d %s age=1d", dir);
	CTL_EXPECT(0, "  to         <x@there.example>, done\n"
	    "  to         <bob@there.example>\n"
	    "  last try   RCPT: 451 come\\x1b[2J later\n", "queue show -d %s "
	    "1M857PQG38M02N9A", dir);
	CTL_EXPECT(1, "no message", "queue show -d %s 1m857pqg38m02n9c", dir);
	/* Without its key, and with another one's, the file is named. */
	snprintf(path, sizeof(path), "%s/spool/queue/%s/key", dir, folder);
	EXPECT(truncate(path, 31) == 0, "%s", strerror(errno));
	CTL_EXPECT(0, "its file cannot be read", "queue list -d %s", dir);
	said("without its key");
	CTL_EXPECT(2, "no smtpd runs: queue remove is done by the server alone",
	    "queue remove -d %s %s", dir, one);
}

TEST(words)
{
	static const char *const t[][2] = {
		{ "queue", ": queue: an argument is missing\n" },
		{ "queue lits", "lits: unexpected word; did you mean list?" },
		{ "queue list fro=x", "fro=x: no criterion" },
		{ "queue list age=2w", "age=2w: no time such as 90s" },
		{ "queue list age=", "age=: no time such as 90s" },
		{ "queue remove", "queue remove: which messages?" },
		{ "queue retry 1m857pqg38m02n9a from=x", "exclude each other" },
		{ "queue retry all from=x", "exclude each other" },
		{ "queue show ../../etc/passwd0", "neither an id nor a" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CTL_EXPECT(2, t[i][1], "%s", t[i][0]);
}
