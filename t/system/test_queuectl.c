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
#include "t/system/client.h"
#include "t/system/events.h"
#include "t/system/sink.h"
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
	    .queued_s = time(NULL) - ago_s, .count = to_2 == NULL ? 1 : 2,
	    .envid = span_of("") };

	envelope_add(&rcpts, &(struct ipc_rcpt){ .to = mailbox(to) });
	if (to_2 != NULL)
		envelope_add(&rcpts, &(struct ipc_rcpt){
		    .to = mailbox(to_2) });
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
	uint8_t journal[2 * queue_record_bytes];
	struct queue_record r = { .queued_s = time(NULL) - 7000,
	    .next_s = time(NULL) + 3000, .size_kib = 9, .rcpts = 2,
	    .tries = 4 };

	memcpy(r.id, id, sizeof(r.id));
	queue_record_write(&r, 0, key, journal);
	r.done = 1;
	queue_record_write(&r, queue_record_bytes, key,
	    journal + queue_record_bytes);
	write_in(dir, "journal", journal, sizeof(journal));
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
	CTL_EXPECT(0, "\n    to <x@there.example>, done\n"
	    "    to <bob@there.example>\n", "queue show -d %s "
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

/* ---- the running server -------------------------------------------------- */

/* Its relay goes to a port of this host where nobody listens. */
static void
start_relay(struct daemon *d)
{
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "relay {\n\tfrom 127.0.0.0/8\n"
	    "\tvia 127.0.0.1 port 1\n}\n");
	daemon_start(d);
}

/* A message to one recipient elsewhere, or more. */
static void
send_out(const struct daemon *d, const char *from, const char *to,
    unsigned count)
{
	struct client c;
	char line[300];

	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.net");
	snprintf(line, sizeof(line), "MAIL FROM:<%s>", from);
	client_expect(&c, 250, line);
	for (unsigned i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<%.*s%s>", count > 1,
		    &"0123456789"[i], to);
		client_expect(&c, 250, line);
	}
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nx\r\n.");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
}

/* The id of the n-th line with words below the head of a list. */
static void
id_with(const char *words, char out[ipc_id_bytes + 1])
{
	const char *at = strstr(ctl_text, words);

	EXPECT(at != NULL, "no \"%s\" in: %s", words, ctl_text);
	while (at > ctl_text && at[-1] != '\n')
		at--;
	snprintf(out, ipc_id_bytes + 1, "%.*s", (int)ipc_id_bytes, at);
}

static size_t
lines_said(void)
{
	size_t n = 0;

	for (const char *p = ctl_text; *p != '\0'; p++)
		n += *p == '\n';
	return n;
}

TEST(served)
{
	char x[ipc_id_bytes + 1], y[ipc_id_bytes + 1], text[200];
	struct daemon d;

	start_relay(&d);
	CTL_EXPECT(0, "no message in the queue\n", "queue list -f %s",
	    d.conf);
	CTL_EXPECT(1, "no message in the queue that matches\n",
	    "queue remove -f %s all", d.conf);
	send_out(&d, "alice@example.org", "x@a.example", 1);
	send_out(&d, "bob@example.org", "y@b.example", 3);
	send_out(&d, "", "z@a.example", 1);
	CTL_EXPECT(0, "<alice@example.org> to <x@a.example>\n",
	    "queue list -f %s", d.conf);
	id_with("to <x@a.example>", x);
	id_with("<bob@example.org> to <0y@b.example> and 2 more\n", y);
	said("<> to <z@a.example>\n");
	EXPECT(lines_said() == 4, "%s", ctl_text);
	CTL_EXPECT(0, x, "queue list -f %s domain=A.example", d.conf);
	EXPECT(lines_said() == 3, "%s", ctl_text);
	CTL_EXPECT(0, x, "queue list -f %s domain=a.example "
	    "from=@example.org", d.conf);
	EXPECT(lines_said() == 2, "%s", ctl_text);
	CTL_EXPECT(0, "no message in the queue that matches", "queue list "
	    "-f %s age=1h", d.conf);
	CTL_EXPECT(0, "\"from\":\"bob@example.org\",\"to\":"
	    "[{\"address\":\"0y@b.example\",\"done\":false}]}", "queue list "
	    "-j -f %s id=%s", d.conf, y);
	said("],\"count\":1,\"reading\":false}\n");
	CTL_EXPECT(0, "    to <1y@b.example>\n", "queue show -f %s %s",
	    d.conf, y);
	/* Two ids; one is not there. */
	snprintf(text, sizeof(text), "%s due now\n", x);
	CTL_EXPECT(1, text, "queue retry -f %s %s 1m857pqg38m02n9x", d.conf,
	    x);
	said("no message in the queue that matches\n");
	/* Of a message with recipients of many domains all are given up. */
	snprintf(text, sizeof(text), "%s removed\n", y);
	CTL_EXPECT(0, text, "queue remove -f %s to=2y@b.example", d.conf);
	CTL_EXPECT(0, "removed\n", "queue remove -f %s from=", d.conf);
	CTL_EXPECT(0, x, "queue list -f %s", d.conf);
	EXPECT(lines_said() == 2, "%s", ctl_text);
	EXPECT(daemon_logged(&d, "event=removed ", y, " by=root", NULL) == 1 &&
	    daemon_logged(&d, "event=removed ", NULL) == 2, "the log");
	CTL_EXPECT(0, "removed   by root: smtpctl\n", "explain -f %s %s",
	    d.conf, y);
	said("  now        it was removed from the queue\n");
	CTL_EXPECT(0, "queue          1 message, ", "status -f %s", d.conf);
	CTL_EXPECT(0, "\"removed\":4", "stats -j -f %s", d.conf);
	daemon_stop(&d);
	/* What it left is there for who reads the disk. */
	CTL_EXPECT(0, "<alice@example.org> to <x@a.example>\n",
	    "queue list -f %s", d.conf);
	said("no smtpd answers: this is what its files have\n");
	not_said(y);
	CTL_EXPECT(2, "queue retry is done by the server alone",
	    "queue retry -f %s %s", d.conf, x);
	daemon_start(&d);
	EXPECT(WAIT_FOR(5000, (ctl("queue list -f %s", d.conf),
	    strstr(ctl_text, x) != NULL)), "%s", ctl_text);
	daemon_stop(&d);
}

/* Where mail would go, and what is known of the hosts; also as JSON. */
TEST(route)
{
	static const char ask[] = "--from alice@example.org --to x@a.example "
	    "--client 127.0.0.1";
	struct daemon d;

	start_relay(&d);
	CTL_EXPECT(0, "\nThe way to a.example now:\n"
	    "      0 127.0.0.1: 127.0.0.1\n  by IPv4 from any address of this "
	    "host, as mx.example.org, with TLS ",
	    "explain -f %s %s", d.conf, ask);
	said("  nothing is known of these hosts: no mail was sent there ");
	send_out(&d, "alice@example.org", "x@a.example", 1);
	EXPECT(WAIT_FOR(5000, (ctl("explain -f %s %s", d.conf, ask),
	    strstr(ctl_text, "IT FAILS") != NULL)), "%s", ctl_text);
	said("site           127.0.0.1: ");
	said(" wait, 0 of 1 connections\n");
	said("                 IT FAILS: it is tried again in ");
	said("                 connect: no connection");
	CTL_EXPECT(0, "\"routes\":[{\"domain\":\"a.example\",\"text\":"
	    "\"      0 127.0.0.1: 127.0.0.1\\u000a", "explain -j -f %s %s",
	    d.conf, ask);
	CTL_EXPECT(0, "site           127.0.0.1: ", "status -f %s", d.conf);
	daemon_stop(&d);
	CTL_EXPECT(0, "The way to a.example now:\nonly a running smtpd knows "
	    "it\n", "explain -f %s --from alice@example.org --to x@a.example "
	    "--client 127.0.0.1", d.conf);
}

/*
 * One recipient is delivered, one refused, one deferred: explain tells each
 * with the host's words, stats counts it, and Postfix's words have it.
 */
TEST(outcomes)
{
	static const char *const rcpts[] = { "x@a.example", "550no@a.example",
	    "450later@a.example" };
	char id[ipc_id_bytes + 1], report[ipc_id_bytes + 1], line[100];
	struct client c;
	struct daemon d;
	struct sink s;
	char *postfix;

	sink_start(&s, "sink", "take", 0);
	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "relay {\n\tfrom 127.0.0.0/8\n\ttls never\n"
	    "\tvia 127.0.0.1 port %d\n}\n", s.port);
	daemon_start(&d);
	client_open(&c, &d, NULL);
	client_expect(&c, 250, "EHLO client.example.net");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<%s>", rcpts[i]);
		client_expect(&c, 250, line);
	}
	client_expect(&c, 354, "DATA");
	client_expect(&c, 250, "Subject: x\r\n\r\nx\r\n.");
	client_close(&c);
	EXPECT(WAIT_FOR(10000, daemon_logged(&d, "event=try ", NULL) == 1 &&
	    daemon_logged(&d, "event=failed ", NULL) == 1),
	    "%s", daemon_last_words(&d));
	daemon_log_value(&d, "queue", "id", id, sizeof(id));
	daemon_log_value(&d, "notice", "report", report, sizeof(report));
	EXPECT(WAIT_FOR(5000, (ctl("explain -f %s %s", d.conf, id),
	    strstr(ctl_text, "1 of 3 recipients wait, due ") != NULL)),
	    "%s", ctl_text);
	said("  delivered <x@a.example>\n");
	said("  failed    <550no@a.example>\n");
	said("  deferred  <450later@a.example>\n");
	said("                         RCPT: 550 ");
	said(report);
	CTL_EXPECT(0, "written by smtpd\n", "explain -f %s %s", d.conf,
	    report);
	said(id);
	CTL_EXPECT(0, "\"delivered\":1,\"deferred\":1,\"failed\":1,",
	    "stats -j -f %s", d.conf);
	said("\"outgoing_connections\":1,");
	CTL_EXPECT(0, " to <450later@a.example>\n", "queue list -f %s",
	    d.conf);
	postfix = events_as_postfix(&d);
	EXPECT(strstr(postfix, "to=<x@a.example>, relay=127.0.0.1[127.0.0.1]")
	    != NULL && strstr(postfix, " status=sent (") != NULL &&
	    strstr(postfix, " status=bounced (host 127.0.0.1") != NULL &&
	    strstr(postfix, " status=deferred (host 127.0.0.1") != NULL,
	    "%s", postfix);
	free(postfix);
	events_check(d.log);
	daemon_stop(&d);
	sink_stop(&s);
}

/* More than one piece, and each message once; mail is served between. */
TEST(pieces)
{
	enum { count = 100 };
	struct daemon d;

	start_relay(&d);
	for (unsigned i = 0; i < count; i++)
		send_out(&d, "alice@example.org", "x@a.example", 1);
	CTL_EXPECT(0, "to <x@a.example>", "queue list -f %s", d.conf);
	EXPECT(lines_said() == count + 1, "%zu lines", lines_said());
	CTL_EXPECT(0, "\"count\":100,", "queue list -j -f %s", d.conf);
	CTL_EXPECT(0, " removed\n", "queue remove -f %s all", d.conf);
	EXPECT(lines_said() == count, "%zu lines", lines_said());
	CTL_EXPECT(0, "no message in the queue\n", "queue list -f %s",
	    d.conf);
	daemon_stop(&d);
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
		{ "queue show ../../etc/passwd0", "not an id" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CTL_EXPECT(2, t[i][1], "%s", t[i][0]);
}
