/*
 * report: the master's side.  Who gets a report and about whom, what a worker
 * may do, and what comes of one that crashes or cannot store it.  The queue,
 * the pool and the message under way are this test.
 */
#include "t/unit/ipc_name.h"
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/mail/message.h"
#include "server/mail/queue_log.h"
#include "server/mail/attempt.h"
#include "server/process/feed.h"
#include "shared/ipc.h"
#include "shared/log.h"

enum { many = 300 };

static struct master m;
static struct conf_epoch epoch;
static struct queued q = { .id = "0123456789abcdef" };
static uint8_t rcpts_room[64 * 1024];
static uint32_t offsets[many];
static struct envelope envelope;
static unsigned lines, judged;
static int open_errno, opened, starts, drops, notices;
static enum verdict add_verdict, begin_verdict, end_verdict;
static struct mailbox added;
static unsigned relay_line;
static message_done *stored;
static struct message *under_way;
static void *stored_arg;
static bool is_broken;
static char worker_room[8];
static struct worker *const worker = (void *)worker_room;
static bool is_idle;
static void *owner;
static enum ipc_when when;
static int ends[2], last_fd_ok;
static unsigned lent, released, lost, dones, committed;
static struct ipc_record last;
static struct feed feed;

/* ---- what report.c calls ---------------------------------------------- */

int
queue_open(struct master *master, struct queued *of, struct queue_open *out)
{
	ck_assert_ptr_eq(of, &q);
	if (open_errno != 0) {
		errno = open_errno;
		return -1;
	}
	opened++;
	*out = (struct queue_open){ .at = 77, .size = 1000, .lines = lines,
	    .envelope = envelope };
	return 0;
}

void
queue_close(struct queue_open *o)
{
	opened--;
}

void
queue_log_notice(struct master *master, const struct queued *of,
    enum report_kind kind, const char *report)
{
	ck_assert_str_eq(report, "fedcba9876543210");
	notices++;
}

enum verdict
message_start(const struct message_client *from, const struct ipc_mail *mail,
    struct message **out)
{
	*out = calloc(1, sizeof(**out));
	ck_assert(smtp_mailbox_is_null(&mail->from));
	ck_assert(smtp_mailbox_valid(&mail->from));
	(*out)->client = *from;
	relay_line = from->relay_line;
	starts++;
	return VERDICT_OK;
}

enum verdict
message_add(struct message *t, const struct ipc_rcpt *rcpt,
    struct recipient_reason *reason, size_t *named)
{
	memset(reason, 0, sizeof(*reason));
	added = rcpt->to;
	*named = 1;
	return add_verdict;
}

enum verdict
message_begin(struct message *t, int fds[2])
{
	if (begin_verdict != VERDICT_OK)
		return begin_verdict;
	fds[0] = open("/dev/null", O_WRONLY);
	return VERDICT_OK;
}

enum verdict
message_end(struct message *t, const struct ipc_commit *c,
    message_done *on_stored, void *arg)
{
	if (is_broken)
		return VERDICT_BROKEN;
	if (end_verdict != VERDICT_OK)
		return end_verdict;
	t->done = stored = on_stored;
	under_way = t;
	stored_arg = arg;
	return VERDICT_OK;
}

void
message_drop(struct message **at, int error)
{
	drops += error != 0;
	if (*at != NULL)
		recipient_log_clear(&(*at)->rcpts);
	free(*at);
	*at = NULL;
}

static bool
next_record(void *of, struct ipc_record *out)
{
	return report_use.feed(of, out, NULL);
}

void
pool_want(struct master *master, const struct worker_use *use,
    struct pool_wait *wait, void *of)
{
	int at;

	ck_assert_ptr_eq(use, &report_use);
	if (!is_idle || (at = use->begin(of, worker)) <= 0)
		return;
	owner = of;
	when = (enum ipc_when)at;
	is_idle = false;
	lent++;
	feed_init(&feed, master->base, ends[0], next_record, NULL, of);
	feed_start(&feed);
}

void
pool_forgo(struct pool_wait *wait)
{
	ck_assert_ptr_null(wait->line);
}

void
pool_feed(struct worker *w)
{
	feed_start(&feed);
}

void
pool_release(struct worker *w)
{
	is_idle = true;
	released++;
	feed_stop(&feed);
}

void
pool_lost(struct worker *w, const char *how)
{
	void *of = owner;

	owner = NULL;
	feed_stop(&feed);
	lost++;
	is_idle = true;
	if (of != NULL)
		report_use.on_lost(of, how);
}

int
pool_send(struct worker *w, struct ipc_record *r, int fd)
{
	last = *r;
	last_fd_ok = fd;
	return 0;
}

void
pool_permit(struct worker *w, enum ipc_when at)
{
	when = at;
}

/* ---- the case ----------------------------------------------------------- */

static struct mailbox
address(const char *path)
{
	struct mailbox b;
	struct span rest;

	if (smtp_parse_path(span_of(path), true, true, &b, &rest) !=
	    SYNTAX_OK)
		ck_abort_msg("%s", path);
	return b;
}

static struct attempt attempt;
static struct attempt_rcpt rows[many];
static enum report_kind due;

bool
attempt_is_due(const struct attempt *a, enum report_kind kind)
{
	ck_assert_ptr_eq(a, &attempt);
	return kind == due;
}

bool
attempt_is_reported(const struct attempt_rcpt *r, enum report_kind kind)
{
	ck_assert_int_eq(kind, due);
	return true;
}

int64_t
queue_now_s(const struct master *master)
{
	return 1;
}

const struct queue_fact *
attempt_keep(struct attempt *a, const struct queue_fact *f)
{
	ck_assert_int_eq(f->fact.outcome.end, RELAY_END_DAMAGED);
	return NULL;
}

void
attempt_judge(struct attempt *a, struct attempt_rcpt *r,
    enum reply_rcpts what, const struct queue_fact *f)
{
	ck_assert_uint_eq(r->state, ATTEMPT_WAITS);
	ck_assert_uint_eq(what, REPLY_FAILED);
	judged++;
}

void
attempt_reported(struct attempt *a, enum report_kind kind, bool is_committed)
{
	ck_assert_int_eq(kind, due);
	dones++;
	committed += is_committed;
	if (judged > 0)
		due = REPORT_FAILED;
}

static void
on_all(struct attempt *a)
{
	ck_assert_uint_eq(dones, 1);
}

static void
turn(void)
{
	for (int i = 0; i < 400; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

/* Until a try that waits has begun. */
static void
wait_again(void)
{
	unsigned before = lent + dones;

	for (int i = 0; i < 300 && lent + dones == before; i++) {
		usleep(10000);
		turn();
	}
	ck_assert_uint_gt(lent + dones, before);
}

static void
begin(const char *from, const uint8_t *notify, uint32_t count)
{
	struct buf rcpts = buf_over(rcpts_room, sizeof(rcpts_room));
	static char name[] = "mx.example.org";
	char path[64];

	log_open(LOG_TO_NOBODY);
	m.base = event_base_new();
	ck_assert_int_eq(conf_init(&epoch.conf), 0);
	epoch.conf.hostname = name;
	epoch.conf.relay.line = 7;
	epoch.users = 1;
	m.epoch = &epoch;
	ck_assert_int_eq(ipc_pair(ends), 0);
	is_idle = true;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "<r%u@example.com>", i);
		offsets[i] = (uint32_t)rcpts.n;
		envelope_add(&rcpts, &(struct ipc_rcpt){
		    .to = address(path), .notify = notify == NULL ? 0 :
		    notify[i] });
	}
	envelope = (struct envelope){ .from = address(from), .count = count,
	    .rcpts = buf_span(&rcpts), .ret = DSN_RET_FULL,
	    .envid = span_of("e1"), .queued_s = 1000 };
}

static void
make(enum report_kind kind, const uint32_t *indexes, size_t count)
{
	static struct queue_fact fact;

	fact.fact.outcome.code = 550;
	fact.fact.outcome.n = 4;
	memcpy(fact.fact.outcome.text, "text", 4);
	fact.fact.host[0] = 'h';
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct attempt_rcpt){ .fact = &fact,
		    .offset = offsets[indexes == NULL ? i : indexes[i]] };
	m.conf.relay.give_up_after_s = 99;
	attempt = (struct attempt){ .master = &m, .q = &q, .rcpts = rows,
	    .count = count };
	due = kind;
	report_all(&attempt, on_all);
	ck_assert_uint_eq(dones, 0);
	turn();
}

static bool
say(enum ipc_type type)
{
	struct ipc_record r = { .type = type };

	return report_use.on_record(owner, &r);
}

/* What the feed sends; facts and recipients in turn, and all twice. */
static void
hear(const uint32_t *want, size_t count, bool short_one)
{
	struct ipc_record r;
	const char *why = "nothing came";
	char path[64];
	int passed;

	for (size_t i = 0; i < 2 * count; i++) {
		struct mailbox to;

		turn();
		ck_assert_msg(ipc_recv(ends[1], IPC_TO_WORKER, IPC_AT_ANY,
		    false, &r, &passed, &why) == IPC_GOT_RECORD, "%s", why);
		ck_assert_int_eq(r.type, IPC_RCPT_TO);
		snprintf(path, sizeof(path), "<r%u@example.com>",
		    want == NULL ? (unsigned)(i % count) : want[i % count]);
		to = address(path);
		ck_assert_int_eq(memcmp(&to, &r.u.rcpt.to, sizeof(to)), 0);
		turn();
		ck_assert_msg(ipc_recv(ends[1], IPC_TO_WORKER, IPC_AT_ANY,
		    false, &r, &passed, &why) == IPC_GOT_RECORD, "%s", why);
		ck_assert_int_eq(r.type, IPC_FACT);
		ck_assert_uint_eq(strlen(r.u.fact.host), short_one ? 0 : 1);
		ck_assert_uint_eq(r.u.fact.outcome.n, short_one ? 0 : 4);
	}
	turn();
	ck_assert_int_eq(ipc_recv(ends[1], IPC_TO_WORKER, IPC_AT_ANY, false,
	    &r, &passed, &why), IPC_GOT_NOTHING);
}

static void
settle(enum verdict verdict)
{
	memcpy(under_way->id, "fedcba9876543210", ipc_id_bytes);
	stored(stored_arg, verdict, under_way, 1);
	message_drop(&under_way, 0);
}

static void
finish_well(void)
{
	ck_assert(say(IPC_COMMIT));
	ck_assert_int_eq(when, IPC_AT_COMMIT);
	settle(VERDICT_OK);
	ck_assert_int_eq(last.type, IPC_VERDICT);
	ck_assert_int_eq(when, IPC_AT_SESSION);
	ck_assert(say(IPC_END));
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, 1);
	ck_assert_int_eq(opened, 0);
	ck_assert_int_eq(notices, 1);
	ck_assert_uint_eq(released, 1);
	ck_assert_uint_eq(epoch.users, 1);
}

TEST(whole_way)
{
	begin("<alice@example.org>", NULL, 3);
	make(REPORT_FAILED, NULL, 3);
	ck_assert_uint_eq(report_use.most, 4);
	ck_assert_uint_eq(lent, 1);
	ck_assert_int_eq(when, IPC_AT_RCPT);
	ck_assert_int_eq(last.type, IPC_REPORT);
	ck_assert_uint_eq(last.u.report.count, 3);
	ck_assert_uint_eq(last.u.report.size, 1000);
	ck_assert_uint_eq(last.u.report.at, 77);
	ck_assert_uint_eq(last.u.report.ret, DSN_RET_FULL);
	ck_assert_uint_eq(strlen(last.u.report.envid), 2);
	ck_assert_int_eq(last.u.report.arrived_s, 1000);
	ck_assert_int_eq(last.u.report.until_s, 99);
	ck_assert_uint_eq(last.u.report.utf8, 0);
	ck_assert_int_eq(last_fd_ok, 0);
	ck_assert_uint_eq(relay_line, 7);
	ck_assert_int_eq(memcmp(&added, &envelope.from, sizeof(added)), 0);
	ck_assert(say(IPC_BEGIN));
	ck_assert_int_eq(last.type, IPC_FILE);
	ck_assert_int_eq(when, IPC_AT_DATA);
	hear(NULL, 3, false);
	finish_well();
}

/* More than the channel takes at a time. */
TEST(many_recipients)
{
	begin("<alice@example.org>", NULL, many);
	make(REPORT_FAILED, NULL, many);
	ck_assert(say(IPC_BEGIN));
	hear(NULL, many, false);
	finish_well();
}

/* RFC 3461 4.1, for each kind: whom it is about. */
TEST(notify)
{
	static const uint8_t bits[] = { 0, DSN_NEVER, DSN_SUCCESS, DSN_FAILURE,
	    DSN_DELAY, DSN_FAILURE | DSN_DELAY,
	    DSN_SUCCESS | DSN_FAILURE | DSN_DELAY,
	    DSN_DELIVERED | DSN_SUCCESS, DSN_DELIVERED };
	static const struct {
		enum report_kind kind;
		uint32_t	 want[8], count;
	} t[] = {
		{ REPORT_FAILED, { 0, 3, 5, 6, 8 }, 5 },
		{ REPORT_DELAYED, { 0, 4, 5, 6, 8 }, 5 },
		{ REPORT_RELAYED, { 2, 6, 7 }, 3 },
		{ REPORT_DELIVERED, { 2, 6, 7 }, 3 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		dones = committed = released = 0;
		notices = 0;
		begin("<alice@example.org>", bits, COUNT(bits));
		make(t[i].kind, NULL, COUNT(bits));
		ck_assert_uint_eq(last.u.report.count, t[i].count);
		ck_assert(say(IPC_BEGIN));
		hear(t[i].want, t[i].count, false);
		finish_well();
	}
}

/* Some of the recipients, in any order. */
TEST(some)
{
	static const uint32_t indexes[] = { 7, 2, 4 };

	begin("<alice@example.org>", NULL, 9);
	make(REPORT_FAILED, indexes, COUNT(indexes));
	ck_assert(say(IPC_BEGIN));
	hear(indexes, COUNT(indexes), false);
	finish_well();
}

static void
nothing_made(unsigned is_committed)
{
	ck_assert_uint_eq(lent, 0);
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, is_committed);
	ck_assert_int_eq(opened, 0);
	ck_assert_uint_eq(epoch.users, 1);
}

TEST(null_sender)
{
	begin("<>", NULL, 1);
	make(REPORT_FAILED, NULL, 1);
	nothing_made(1);
	ck_assert_int_eq(starts, 0);
}

TEST(never)
{
	static const uint8_t bits[] = { DSN_NEVER, DSN_NEVER };

	begin("<alice@example.org>", bits, 2);
	make(REPORT_FAILED, NULL, 2);
	nothing_made(1);
}

TEST(message_gone)
{
	static const int errors[] = { ENOENT, EBADMSG, EIO, EMFILE };

	for (size_t i = 0; i < COUNT(errors); i++) {
		dones = committed = 0;
		open_errno = errors[i];
		begin("<alice@example.org>", NULL, 1);
		make(REPORT_FAILED, NULL, 1);
		nothing_made(i < 2);
	}
}

/* A sender that is unknown by now has no report; other trouble passes. */
TEST(sender_refused)
{
	static const struct {
		enum verdict	verdict;
		unsigned	committed;
	} t[] = { { VERDICT_UNKNOWN, 1 }, { VERDICT_BROKEN, 0 },
	    { VERDICT_TROUBLE, 0 }, { VERDICT_FOREIGN, 0 },
	    { VERDICT_TOO_MANY, 0 }, { VERDICT_DISK_FULL, 0 } };

	for (size_t i = 0; i < COUNT(t); i++) {
		dones = committed = 0;
		add_verdict = t[i].verdict;
		begin("<alice@example.org>", NULL, 1);
		make(REPORT_FAILED, NULL, 1);
		nothing_made(t[i].committed);
	}
}

/*
 * A message whose recipients became ours has been delivered only if it is in
 * their Maildirs: not where one is unknown by now, or its file cannot be read.
 */
TEST(local_refused)
{
	add_verdict = VERDICT_UNKNOWN;
	begin("<>", NULL, 2);
	make(REPORT_LOCAL, NULL, 2);
	nothing_made(0);
	dones = 0;
	open_errno = EBADMSG;
	begin("<>", NULL, 2);
	make(REPORT_LOCAL, NULL, 2);
	nothing_made(0);
}

/* What was copied is not what was queued: it is dropped, its sender told. */
TEST(local_damaged)
{
	lines = 7;
	begin("<>", NULL, 3);
	make(REPORT_LOCAL, NULL, 3);
	rows[0].state = rows[2].state = ATTEMPT_OURS;
	ck_assert(say(IPC_BEGIN));
	ck_assert(say(IPC_COMMIT));
	ck_assert_ptr_null(under_way);
	envelope.from = address("<alice@example.org>");
	ck_assert_int_eq(last.type, IPC_VERDICT);
	ck_assert_int_eq(when, IPC_AT_SESSION);
	ck_assert(say(IPC_END));
	ck_assert_uint_eq(judged, 2);
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, 0);
	turn();
	ck_assert_int_eq(last.type, IPC_REPORT);
	ck_assert_uint_eq(last.u.report.kind, REPORT_FAILED);
	ck_assert_uint_eq(lent, 2);
}

/* Three whole tries, then short ones, then no more. */
TEST(crashes)
{
	begin("<alice@example.org>", NULL, 2);
	make(REPORT_FAILED, NULL, 2);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_uint_eq(lent, i + 1);
		ck_assert_uint_eq(last.u.report.size, i < 3 ? 1000 : 0);
		ck_assert(say(IPC_BEGIN));
		hear(NULL, 2, i >= 3);
		pool_lost(worker, "worker died");
		ck_assert_int_eq(opened, 0);
		if (i < 5) {
			ck_assert_uint_eq(dones, 0);
			wait_again();
		}
	}
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, 0);
	ck_assert_int_eq(notices, 0);
}

TEST(crash_and_well)
{
	begin("<alice@example.org>", NULL, 1);
	make(REPORT_DELAYED, NULL, 1);
	pool_lost(worker, "worker died");
	wait_again();
	ck_assert(say(IPC_BEGIN));
	hear(NULL, 1, false);
	finish_well();
}

/* It is lost while the disk works: what was stored is not written again. */
TEST(lost_in_commit)
{
	begin("<alice@example.org>", NULL, 1);
	make(REPORT_FAILED, NULL, 1);
	ck_assert(say(IPC_BEGIN));
	ck_assert(say(IPC_COMMIT));
	pool_lost(worker, "worker died");
	ck_assert_uint_eq(dones, 0);
	settle(VERDICT_OK);
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, 1);
	ck_assert_int_eq(opened, 0);
}

TEST(lost_behind_commit)
{
	begin("<alice@example.org>", NULL, 1);
	make(REPORT_FAILED, NULL, 1);
	ck_assert(say(IPC_BEGIN));
	ck_assert(say(IPC_COMMIT));
	settle(VERDICT_OK);
	pool_lost(worker, "worker died");
	ck_assert_uint_eq(dones, 1);
	ck_assert_uint_eq(committed, 1);
}

/* A full disk: no more tries now, whoever notices it. */
TEST(disk_full)
{
	for (int who = 0; who < 4; who++) {
		dones = committed = 0;
		begin("<alice@example.org>", NULL, 1);
		make(REPORT_FAILED, NULL, 1);
		begin_verdict = who == 0 ? VERDICT_DISK_FULL : VERDICT_OK;
		end_verdict = who == 1 ? VERDICT_DISK_FULL : VERDICT_OK;
		ck_assert(say(IPC_BEGIN));
		if (who == 1 || who == 2)
			ck_assert(say(IPC_COMMIT));
		if (who == 2)
			settle(VERDICT_DISK_FULL);
		if (who == 3)
			ck_assert(report_use.on_record(owner,
			    &(struct ipc_record){ .type = IPC_RESET,
			    .u.number.n = ENOSPC }));
		ck_assert_int_eq(when, IPC_AT_SESSION);
		ck_assert(say(IPC_END));
		ck_assert_uint_eq(dones, 1);
		ck_assert_uint_eq(committed, 0);
		ck_assert_int_eq(opened, 0);
	}
}

/* A file that is too large, say, or an original that cannot be read. */
TEST(aborts)
{
	begin("<alice@example.org>", NULL, 1);
	make(REPORT_FAILED, NULL, 1);
	ck_assert(say(IPC_BEGIN));
	ck_assert(report_use.on_record(owner, &(struct ipc_record){
	    .type = IPC_RESET, .u.number.n = EIO }));
	ck_assert_int_eq(drops, 1);
	ck_assert(say(IPC_END));
	ck_assert_uint_eq(dones, 0);
	wait_again();
	ck_assert_uint_eq(lent, 2);
}

/* Everything that a report's worker may not say. */
TEST(attacks)
{
	begin("<alice@example.org>", NULL, 1);
	make(REPORT_FAILED, NULL, 1);
	for (enum ipc_type type = 0; type < IPC_TYPE_COUNT; type++)
		if (type != IPC_BEGIN && type != IPC_COMMIT &&
		    type != IPC_RESET && type != IPC_END)
			ck_assert_msg(!say(type), "%s", ipc_name(type));
	ck_assert(say(IPC_BEGIN));
	is_broken = true;
	ck_assert(!say(IPC_COMMIT));
}
