/*
 * relay: what the owner is told, and what a worker may not claim.  dial, the
 * nursery and the workers are this test.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/mail/relay.h"
#include "server/process/dial.h"
#include "server/process/pool_worker.h"
#include "server/process/tls_files.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

enum { first_pid = 700 };

static struct master m;
static struct helper helpers[HELPER_ALL];
static int nursery, workers[64];
static pid_t born;
static struct dial_job *dialing;
static unsigned forgotten;

/* What the owner was told. */
static struct {
	unsigned	greeted, sent, gone, outcomes[relay_rcpts_max];
	struct ipc_outcome last[relay_rcpts_max], why;
	bool		reusable, crashed;
} told;
static struct relay *relay;

void
sign_drop(struct master *master, struct tls_files *files)
{
	files->users--;
}

void
dial_connect(struct master *master, struct dial_job *job)
{
	dialing = job;
}

void
dial_forget(struct dial_job *job)
{
	ck_assert_ptr_eq(job, dialing);
	dialing = NULL;
	forgotten++;
}

const struct helper_role sign_role, auth_role, disk_role, logger_role,
    dial_role;

/* ---- the owner -------------------------------------------------------- */

static void
on_greeted(void *arg, const struct ipc_greeted *g)
{
	told.greeted++;
}

static void
on_outcome(void *arg, size_t index, const struct ipc_outcome *o)
{
	ck_assert_uint_eq(o->index, index);
	told.outcomes[index]++;
	told.last[index] = *o;
}

static void
on_sent(void *arg, bool reusable)
{
	told.sent++;
	told.reusable = reusable;
}

static void
on_gone(void *arg, const struct ipc_outcome *why, bool crashed)
{
	ck_assert_ptr_eq(arg, &told);
	told.gone++;
	told.why = *why;
	told.crashed = crashed;
	relay = NULL;
}

static const struct relay_owner owner = { on_greeted, on_outcome, on_sent,
    on_gone };

/* ---- the nursery, its children, and dial ------------------------------ */

static void
turn(void)
{
	for (int i = 0; i < 40; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

static struct ipc_record
hear_nursery(void)
{
	struct ipc_record r;
	const char *why = "nothing came";
	int passed;

	ck_assert_msg(ipc_recv(nursery, IPC_TO_NURSERY, IPC_AT_ANY, false, &r,
	    &passed, &why) == IPC_GOT_RECORD, "%s", why);
	return r;
}

static void
bear(uint32_t count)
{
	struct ipc_record r = hear_nursery();

	ck_assert_int_eq(r.type, IPC_SPAWN);
	ck_assert_uint_eq(r.u.number.n, count);
	while (count-- > 0) {
		int ends[2];
		struct ipc_record child = { .type = IPC_NEWBORN,
		    .u.child.pid = first_pid + born };

		ck_assert_int_eq(ipc_pair(ends), 0);
		workers[born++] = ends[1];
		ck_assert_int_eq(ipc_send(nursery, &child, ends[0], true), 0);
		close(ends[0]);
	}
	turn();
}

static void
say(struct ipc_record r)
{
	ck_assert_int_eq(ipc_send(workers[0], &r, -1, true), 0);
	turn();
}

static struct ipc_record
listen_to(enum ipc_type type, int *fd)
{
	struct ipc_record r;
	const char *why = "nothing came";
	int passed;

	ck_assert_msg(ipc_recv(workers[0], IPC_TO_WORKER, IPC_AT_ANY, false,
	    &r, &passed, &why) == IPC_GOT_RECORD, "%s", why);
	ck_assert_int_eq(r.type, type);
	if (fd != NULL)
		*fd = passed;
	else if (passed != -1)
		close(passed);
	turn();
	return r;
}

static void
begin(void)
{
	static const struct worker_use *const uses[] = { &relay_use, NULL };
	static struct conf conf;
	static const struct relay_host host = { .name = "mx.example.org",
	    .tls = RELAY_TLS_MAY, .helo = "mail.example.net",
	    .dial = { .port = 25, .patience_ms = 1234 } };
	struct ipc_record ready = { .type = IPC_READY, .u.text = { 600, "x" } };
	int ends[2];

	log_open(LOG_TO_NOBODY);
	ck_assert_int_eq(conf_init(&conf), 0);
	m.conf = conf;
	m.conf.limits.workers = 6;
	m.conf.limits.worker_sessions = 2;
	m.base = event_base_new();
	m.tls = tls_files_new();
	ck_assert_int_eq(ipc_pair(ends), 0);
	nursery = ends[1];
	for (size_t i = 0; i < HELPER_ALL; i++)
		helpers[i].channel = -1;
	helpers[HELPER_NURSERY].channel = ends[0];
	m.helpers = helpers;
	ck_assert_int_eq(pool_start(&m, uses), 0);
	ck_assert_int_eq(ipc_send(nursery, &ready, -1, true), 0);
	ck_assert_int_eq(helper_start(&m, "worker"), 0);
	pool_open(&m);
	ck_assert_int_eq(hear_nursery().type, IPC_SETTINGS);
	bear(4);
	relay = relay_connect(&m, &host, &owner, &told);
	ck_assert_ptr_nonnull(relay);
	ck_assert_ptr_nonnull(dialing);
	ck_assert_uint_eq(dialing->port, 25);
	ck_assert_uint_eq(dialing->patience_ms, 1234);
}

static void
dial(int error)
{
	struct dial_job *job = dialing;

	dialing = NULL;
	job->done(job->arg, error != 0 ? -1 : open("/dev/null", O_RDWR),
	    error);
	turn();
}

static void
greet(void)
{
	struct ipc_record r;

	begin();
	dial(0);
	r = listen_to(IPC_CLIENT, NULL);
	ck_assert_str_eq(r.u.client.host, "mx.example.org");
	ck_assert_str_eq(r.u.client.helo, "mail.example.net");
	say((struct ipc_record){ .type = IPC_GREETED });
	ck_assert_uint_eq(told.greeted, 1);
}

static void
end(void)
{
	m.stopping = true;
	(void)relay_drain(&m);
	pool_stop(&m);
	helper_stop(&m);
	ck_assert(relay_drain(&m));
}

/* ---- a message -------------------------------------------------------- */

static struct ipc_rcpt to[relay_rcpts_max];
static struct queue_open open_file;

/* The first has a U-label, the second one a local part that needs UTF-8. */
static void
write_message(void)
{
	static const char *const names[] = { "a@b\xc3\xbc" "cher.example",
	    "\xc3\xa4@b\xc3\xbc" "cher.example", "c@example.org" };

	for (size_t i = 0; i < relay_rcpts_max; i++)
		ck_assert(smtp_mailbox_from_text(span_of(names[i % 3]),
		    &to[i].to));
	to[2].notify = DSN_SUCCESS | DSN_DELIVERED;
	strcpy(to[2].orcpt, "rfc822;c@example.com");
	open_file.fd = open("/dev/null", O_RDONLY);
	open_file.at = 17;
	open_file.size = 1000;
	open_file.lines = 20;
	open_file.flags = CONTENT_8BIT;
	open_file.envelope = (struct envelope){ .id = span_of(
	    "0123456789abcdef"), .envid = span_of("QQ1"),
	    .ret = DSN_RET_HDRS, .smtputf8 = true };
}

static void
give_letter(size_t count)
{
	struct ipc_record r;
	int fd;

	write_message();
	relay_send(relay, &open_file, to, count);
	r = listen_to(IPC_LETTER, &fd);
	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_uint_eq(r.u.letter.at, 17);
	ck_assert_uint_eq(r.u.letter.size, 1000);
	ck_assert_uint_eq(r.u.letter.lines, 20);
	ck_assert_uint_eq(r.u.letter.flags, CONTENT_8BIT);
	ck_assert_uint_eq(r.u.letter.count, count);
	ck_assert_uint_eq(strlen(r.u.letter.envid), 3);
	for (size_t i = 0; i < count; i++) {
		r = listen_to(IPC_RCPT_TO, NULL);
		if (i == 0)
			ck_assert(span_equal(span_from(r.u.rcpt.to.domain,
			    r.u.rcpt.to.domain_len),
			    span_of("xn--bcher-kva.example")));
		else if (i == 1)
			ck_assert(smtp_mailbox_is_utf8(&r.u.rcpt.to));
		else if (i == 2) {
			ck_assert_uint_eq(r.u.rcpt.notify, DSN_SUCCESS);
			ck_assert_uint_eq(strlen(r.u.rcpt.orcpt), 20);
		}
	}
	turn();
}

static struct ipc_record
outcome(uint16_t index, enum relay_stage stage, uint16_t code)
{
	return (struct ipc_record){ .type = IPC_OUTCOME, .u.outcome = {
	    .index = index, .stage = (uint8_t)stage, .code = code,
	    .end = code != 0 ? RELAY_END_REPLY : RELAY_END_LOST } };
}

static struct ipc_record
done(uint64_t how)
{
	return (struct ipc_record){ .type = IPC_LETTER_DONE,
	    .u.number.n = how };
}

/* It broke its contract: killed, all have an outcome, the owner knows. */
static void
is_killed(size_t count)
{
	ck_assert_int_eq(hear_nursery().type, IPC_KILL);
	ck_assert_uint_eq(told.gone, 1);
	ck_assert(told.crashed);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(told.outcomes[i], 1);
	end();
}

/* ---- tests ------------------------------------------------------------ */

TEST(sends)
{
	greet();
	give_letter(100);
	for (uint16_t i = 0; i < 99; i++)
		say(outcome(i, RELAY_DOT, i == 7 ? 550 : 250));
	ck_assert_uint_eq(told.last[7].code, 550);
	say(outcome(relay_all, RELAY_RCPT, 0));
	ck_assert_uint_eq(told.last[99].end, RELAY_END_LOST);
	say(done(1));
	ck_assert_uint_eq(told.sent, 1);
	ck_assert(told.reusable);
	memset(&told, 0, sizeof(told));
	give_letter(1);
	say(outcome(0, RELAY_DOT, 0));
	say(done(0));
	ck_assert(!told.reusable);
	say(outcome(relay_all, RELAY_DOT, 0));
	say((struct ipc_record){ .type = IPC_END });
	ck_assert_uint_eq(told.gone, 1);
	ck_assert(!told.crashed);
	ck_assert_uint_eq(told.why.stage, RELAY_DOT);
	ck_assert_uint_eq(told.outcomes[0], 1);
	/* It spoke with a stranger: nobody else gets it. */
	ck_assert_uint_eq(pool_count(&m)[POOL_LEAVING], 1);
	end();
}

TEST(is_not_connected)
{
	begin();
	dial(ECONNREFUSED);
	ck_assert_uint_eq(told.gone, 1);
	ck_assert_uint_eq(told.why.stage, RELAY_CONNECT);
	ck_assert_uint_eq(told.why.end, RELAY_END_REFUSED);
	ck_assert(span_equal(span_from(told.why.text, told.why.n),
	    span_of("Connection refused")));
	end();
}

TEST(is_not_connected_in_time)
{
	begin();
	dial(ETIMEDOUT);
	ck_assert_uint_eq(told.why.end, RELAY_END_TIMEOUT);
	end();
}

TEST(is_dismissed_while_it_dials)
{
	begin();
	relay_dismiss(relay);
	ck_assert_uint_eq(forgotten, 1);
	ck_assert(relay_drain(&m));
	ck_assert_uint_eq(told.gone, 0);
	end();
}

/* Its worker may greet, or have reasons, all the same. */
TEST(is_dismissed_while_it_greets)
{
	begin();
	dial(0);
	(void)listen_to(IPC_CLIENT, NULL);
	relay_dismiss(relay);
	(void)listen_to(IPC_DISMISS, NULL);
	ck_assert(relay_drain(&m));
	say((struct ipc_record){ .type = IPC_GREETED });
	say(outcome(relay_all, RELAY_QUIT, 0));
	say((struct ipc_record){ .type = IPC_END });
	ck_assert_uint_eq(told.gone + told.greeted, 0);
	ck_assert_uint_eq(pool_count(&m)[POOL_BUSY], 0);
	end();
}

/* The host closed the connection just before the message came. */
TEST(ends_before_the_letter)
{
	greet();
	give_letter(2);
	say(outcome(relay_all, RELAY_MAIL, 421));
	ck_assert_uint_eq(told.last[1].code, 421);
	say((struct ipc_record){ .type = IPC_END });
	ck_assert_uint_eq(told.gone, 1);
	ck_assert_uint_eq(told.sent, 0);
	ck_assert(!told.crashed);
	end();
}

TEST(crashes)
{
	greet();
	give_letter(2);
	say(outcome(0, RELAY_RCPT, 550));
	close(workers[0]);
	turn();
	ck_assert_uint_eq(told.gone, 1);
	ck_assert(told.crashed);
	ck_assert_uint_eq(told.last[0].code, 550);
	ck_assert_uint_eq(told.last[1].end, RELAY_END_LOCAL);
	end();
}

TEST(stops)
{
	struct ipc_record r;

	greet();
	give_letter(1);
	m.stopping = true;
	pool_drain(&m);
	r = listen_to(IPC_STRESS, NULL);
	ck_assert_uint_eq(r.u.stress.why, STRESS_END);
	say(outcome(0, RELAY_DOT, 250));
	say(done(0));
	say((struct ipc_record){ .type = IPC_END });
	ck_assert_uint_eq(told.why.end, RELAY_END_STOPPED);
	end();
}

#define LIE(name, count, ...)						\
	TEST(name)							\
	{								\
		const struct ipc_record lies[] = { __VA_ARGS__ };	\
									\
		greet();						\
		if ((count) > 0)					\
			give_letter(count);				\
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]);	\
		    i++)						\
			say(lies[i]);					\
		is_killed(count);					\
	}
LIE(greets_twice, 0, { .type = IPC_GREETED })
LIE(has_an_outcome_without_a_letter, 0, outcome(0, RELAY_DOT, 250))
LIE(is_done_without_a_letter, 0, done(0))
LIE(has_a_reason_twice, 0, outcome(relay_all, RELAY_QUIT, 0),
    outcome(relay_all, RELAY_QUIT, 0))
LIE(claims_an_index_not_given, 2, outcome(2, RELAY_DOT, 250))
LIE(claims_one_twice, 2, outcome(1, RELAY_DOT, 250),
    outcome(1, RELAY_DOT, 550))
LIE(claims_one_twice_by_all, 2, outcome(relay_all, RELAY_DOT, 0),
    outcome(1, RELAY_DOT, 250))
LIE(claims_all_twice, 2, outcome(relay_all, RELAY_DOT, 0),
    outcome(relay_all, RELAY_DOT, 0))
LIE(delivers_to_all_at_once, 2, outcome(relay_all, RELAY_DOT, 250))
LIE(delivers_by_rcpt, 2, outcome(0, RELAY_RCPT, 250))
LIE(delivers_by_354, 2, outcome(0, RELAY_DOT, 354))
LIE(is_done_too_soon, 2, outcome(0, RELAY_DOT, 250), done(0))
LIE(ends_too_soon, 2, outcome(0, RELAY_DOT, 250), { .type = IPC_END })
LIE(notes_as_a_session, 0, { .type = IPC_NOTE })

/* It says that it has sent what it cannot have read yet. */
TEST(is_done_before_it_read_its_recipients)
{
	greet();
	write_message();
	relay_send(relay, &open_file, to, 100);
	turn();
	for (uint16_t i = 0; i < 100 && told.gone == 0; i++)
		say(outcome(i, RELAY_DOT, 250));
	is_killed(100);
}
