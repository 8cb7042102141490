/*
 * pool: workers are lent to a use that is no session.  Nothing of the session
 * or mail room is linked here; the other side of the nursery's channel and of
 * each worker's is this test.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/process/helper.h"
#include "server/process/pool_worker.h"
#include "server/process/pool.h"
#include "server/process/tls_files.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

enum { jobs_max = 4, first_pid = 700 };

/* An owner: what it waits for, and what has become of it. */
struct job {
	struct pool_wait wait;
	struct worker	*worker;
	unsigned	 heard;
	bool		 needs_none;
	bool		 refuses, overdue;
	const char	*lost;
};

static struct master m;
static struct helper helpers[HELPER_ALL];
static struct conf conf;
static struct job jobs[jobs_max];
static int nursery;		/* our end of its channel */
static int workers[64];		/* and of those of its children */
static pid_t born;
static unsigned blamed;
static char blame_of;

/*
 * In place of libc's: OpenBSD's, when the reader may open no more.  It drops
 * the record, and says EMSGSIZE.
 */
static unsigned to_drop;

ssize_t	__real_recvmsg(int fd, struct msghdr *to, int flags);
ssize_t	__wrap_recvmsg(int fd, struct msghdr *to, int flags);

ssize_t
__wrap_recvmsg(int fd, struct msghdr *to, int flags)
{
	ssize_t n = __real_recvmsg(fd, to, flags);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(to) : NULL;
	int passed;

	if (c == NULL || to_drop == 0)
		return n;
	to_drop--;
	memcpy(&passed, CMSG_DATA(c), sizeof(passed));
	close(passed);
	errno = EMSGSIZE;
	return -1;
}

/* ---- neighbours of the pool that have no part in this -------------------- */

void
sign_drop(struct master *master, struct tls_files *files)
{
	(void)master;
	files->users--;
}

const struct helper_role sign_role, auth_role, disk_role, logger_role,
    dial_role;

/* ---- the use ------------------------------------------------------------- */

/* The last in the list comes first. */
static struct pool_wait *
next(const struct master *master)
{
	size_t i = jobs_max - 1;

	ck_assert_ptr_eq(master, &m);
	while (jobs[i].wait.line == NULL)
		i--;
	return &jobs[i].wait;
}

/* A job is begun with a descriptor. */
static int
begin_job(void *owner, struct worker *w)
{
	struct ipc_record r = { .type = IPC_SESSION };
	struct job *job = owner;
	int fd;

	if (job->needs_none) {
		pool_forgo(&job->wait);
		return 0;
	}
	fd = open("/dev/null", O_RDWR);
	if (pool_send(w, &r, fd) == -1) {
		close(fd);
		return -1;
	}
	close(fd);
	job->worker = w;
	return IPC_AT_SESSION;
}

static void
on_tick(struct master *master)
{
	(void)master;
}

static bool
on_record(void *owner, const struct ipc_record *r)
{
	struct ipc_record answer = { .type = IPC_VERDICT };
	struct job *job = owner;

	job->heard++;
	if (job->refuses)
		return false;
	if (r->type == IPC_END) {
		struct worker *w = job->worker;

		job->worker = NULL;
		pool_release(w);
		return true;
	}
	pool_permit(job->worker, IPC_AT_MAIL);
	ck_assert_int_eq(pool_send(job->worker, &answer, -1), 0);
	return true;
}

static void
on_lost(void *owner, const char *how)
{
	struct job *job = owner;

	job->worker = NULL;
	job->lost = how;
}

static void
see(const void *owner, struct pool_sight *out)
{
	const struct job *job = owner;

	out->state = "digging";
	out->due_ms = job->overdue ? 0 : INT64_MAX;
	out->blame[0] = (char)('a' + (job - jobs));
}

static void
accuse(struct master *master, const void *blame, struct log_line *l)
{
	blamed++;
	blame_of = *(const char *)blame;
}

static const struct worker_use use = {
	.next = next, .begin = begin_job, .on_tick = on_tick,
	.on_record = on_record, .on_lost = on_lost,
	.see = see, .accuse = accuse
};

/* One that comes after, in order, with two workers at most. */
static const struct worker_use few = {
	.most = 2, .begin = begin_job,
	.on_record = on_record, .on_lost = on_lost,
	.see = see, .accuse = accuse
};

/* ---- the nursery and its children ---------------------------------------- */

static void
turn(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(m.base, EVLOOP_NONBLOCK);
}

/* The next record to the nursery. */
static struct ipc_record
hear(void)
{
	struct ipc_record r;
	const char *why = "nothing came";
	int passed;

	ck_assert_msg(ipc_recv(nursery, IPC_TO_NURSERY, IPC_AT_ANY, false, &r,
	    &passed, &why) == IPC_GOT_RECORD, "%s", why);
	return r;
}

/* And that is all. */
static void
hear_nothing(void)
{
	struct ipc_record r;
	const char *why;
	int passed;

	ck_assert_int_eq(ipc_recv(nursery, IPC_TO_NURSERY, IPC_AT_ANY, false,
	    &r, &passed, &why), IPC_GOT_NOTHING);
}

/* Bears as many as were asked for. */
static void
bear(uint32_t count)
{
	struct ipc_record r = hear();

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
die(pid_t pid, int status)
{
	struct ipc_record r = { .type = IPC_DIED, .u.child = { pid, status } };

	ck_assert_int_eq(ipc_send(nursery, &r, -1, true), 0);
}

/* What a worker says. */
static void
say(pid_t i, enum ipc_type type)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = type;
	ck_assert_int_eq(ipc_send(workers[i], &r, -1, true), 0);
	turn();
}

/* And what it hears, which is of that type. */
static struct ipc_record
listen_to(pid_t i, enum ipc_type type)
{
	struct ipc_record r;
	const char *why = "nothing came";
	int passed;

	ck_assert_msg(ipc_recv(workers[i], IPC_TO_WORKER, IPC_AT_ANY |
	    IPC_AT_WORK, false, &r, &passed, &why) == IPC_GOT_RECORD, "%s",
	    why);
	ck_assert_int_eq(r.type, type);
	if (passed != -1)
		close(passed);
	return r;
}

static const uint64_t *
count(void)
{
	return pool_count(&m);
}

/* Which worker has job now: the one whose end we hold. */
static pid_t
of(const struct job *job)
{
	return pool_pid(job->worker) - first_pid;
}

static void
want(struct job *job)
{
	pool_want(&m, &use, &job->wait, job);
	turn();
}

/* A pool of four idle workers, each for two jobs. */
static void
begin(void)
{
	static const struct worker_use *const uses[] = { &use, &few, NULL };
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
	ck_assert_int_eq(hear().type, IPC_SETTINGS);
	bear(4);
	ck_assert_uint_eq(count()[POOL_IDLE], 4);
}

static void
end(void)
{
	for (size_t i = 0; i < jobs_max; i++)
		pool_forgo(&jobs[i].wait);
	pool_stop(&m);
	helper_stop(&m);
	for (size_t i = 0; i < POOL_LISTS; i++)
		ck_assert_uint_eq(count()[i], 0);
}

/* ---- tests --------------------------------------------------------------- */

TEST(is_fed_and_asked)
{
	pid_t w;

	begin();
	want(&jobs[0]);
	ck_assert_uint_eq(count()[POOL_BUSY], 1);
	w = of(&jobs[0]);
	(void)listen_to(w, IPC_SESSION);
	say(w, IPC_NOTE);
	ck_assert_uint_eq(jobs[0].heard, 1);
	(void)listen_to(w, IPC_VERDICT);
	say(w, IPC_END);
	ck_assert_uint_eq(count()[POOL_BUSY], 0);
	/* It has one more job in it, and is the next to be lent. */
	want(&jobs[1]);
	ck_assert_int_eq(of(&jobs[1]), w);
	say(w, IPC_END);
	ck_assert_uint_eq(count()[POOL_LEAVING], 1);
	die(first_pid + w, 0);
	turn();
	ck_assert_uint_eq(count()[POOL_LEAVING], 0);
	ck_assert_uint_eq(blamed, 0);
	end();
}

/* Who waits while none is idle is asked for, and served when it is born. */
TEST(is_born_for_who_waits)
{
	begin();
	for (size_t i = 0; i < jobs_max; i++)
		want(&jobs[i]);
	ck_assert_uint_eq(count()[POOL_BUSY], 4);
	bear(2);
	ck_assert_uint_eq(count()[POOL_IDLE], 2);
	hear_nothing();		/* workers 6 */
	end();
	for (size_t i = 0; i < jobs_max; i++)
		ck_assert_str_eq(jobs[i].lost, "server stopped");
}

TEST(is_lost)
{
	begin();
	want(&jobs[2]);
	close(workers[of(&jobs[2])]);
	turn();
	ck_assert_str_eq(jobs[2].lost, "worker gone");
	ck_assert_ptr_null(jobs[2].worker);
	ck_assert_uint_eq(count()[POOL_LEAVING], 1);
	ck_assert_uint_eq(blamed, 0);
	end();
}

/* It ends its job in order, but reads nothing: others get the next ones. */
TEST(reads_nothing)
{
	struct ipc_record r = { .type = IPC_VERDICT };
	pid_t w;

	begin();
	want(&jobs[0]);
	w = of(&jobs[0]);
	while (pool_send(jobs[0].worker, &r, -1) == 0)
		continue;
	ck_assert_int_eq(errno, EAGAIN);
	say(w, IPC_END);
	ck_assert_uint_eq(count()[POOL_IDLE], 4);
	want(&jobs[1]);
	ck_assert_ptr_nonnull(jobs[1].worker);
	ck_assert_int_ne(of(&jobs[1]), w);
	ck_assert_uint_eq(count()[POOL_LEAVING], 1);
	end();
}

TEST(is_evicted)
{
	struct ipc_record r;
	pid_t w;

	begin();
	want(&jobs[0]);
	w = of(&jobs[0]);
	(void)listen_to(w, IPC_SESSION);
	/* Of an idle session, too, that was told of the load before. */
	for (size_t i = 0; i < 3; i++)
		pool_stress(jobs[0].worker, STRESS_FULL, 1);
	pool_evict(jobs[0].worker);
	for (size_t i = 0; i < 2; i++) {
		r = listen_to(w, IPC_STRESS);
		ck_assert_uint_eq(r.u.stress.why, STRESS_FULL);
	}
	r = listen_to(w, IPC_STRESS);
	ck_assert_uint_eq(r.u.stress.why, STRESS_EVICT);
	say(w, IPC_END);
	ck_assert_ptr_null(jobs[0].lost);
	ck_assert_uint_eq(count()[POOL_IDLE], 4);
	end();
}

/* Its use refuses what it says, or the table does. */
TEST(is_to_blame)
{
	pid_t w;

	begin();
	want(&jobs[1]);
	w = of(&jobs[1]);
	jobs[1].refuses = true;
	say(w, IPC_NOTE);
	ck_assert_str_eq(jobs[1].lost, "worker killed");
	ck_assert_int_eq(hear().type, IPC_KILL);
	ck_assert_uint_eq(blamed, 1);
	ck_assert_int_eq(blame_of, 'b');
	want(&jobs[2]);
	w = of(&jobs[2]);
	say(w, IPC_COMMIT);
	ck_assert_uint_eq(jobs[2].heard, 0);
	ck_assert_uint_eq(blamed, 2);
	ck_assert_int_eq(blame_of, 'c');
	/* After its job, too: who had it last is remembered. */
	want(&jobs[3]);
	w = of(&jobs[3]);
	say(w, IPC_END);
	say(w, IPC_NOTE);
	ck_assert_ptr_null(jobs[3].lost);
	ck_assert_uint_eq(blamed, 3);
	ck_assert_int_eq(blame_of, 'd');
	end();
}

TEST(is_overdue_at_last)
{
	int64_t until = deadline_now_ms() + 5000;

	begin();
	want(&jobs[0]);
	jobs[0].overdue = true;
	while (jobs[0].lost == NULL && deadline_now_ms() < until)
		event_base_loop(m.base, EVLOOP_ONCE);
	ck_assert_str_eq(jobs[0].lost, "worker killed");
	ck_assert_uint_eq(blamed, 1);
	end();
}

/*
 * An idle worker is killed by a signal (the kernel is out of memory), and its
 * nursery says so before its channel ends.
 */
TEST(dies_while_idle)
{
	begin();
	die(first_pid, SIGKILL);
	turn();
	ck_assert_int_eq(hear().type, IPC_RENEW);
	ck_assert_uint_eq(count()[POOL_IDLE], 0);
	ck_assert_uint_eq(count()[POOL_LEAVING], 3);
	ck_assert_uint_eq(m.counters.value[COUNTER_CRASHES], 1);
	ck_assert_uint_eq(blamed, 0);
	/* Its death is told once. */
	die(first_pid, SIGKILL);
	turn();
	ck_assert_uint_eq(m.counters.value[COUNTER_NURSERIES_LOST], 1);
	end();
}

static void
note(void *arg, const struct pool_process *p)
{
	unsigned *seen = arg;

	seen[0] += strcmp(p->state, "digging") == 0;
	seen[1] += strcmp(p->state, "spare") == 0;
	ck_assert_str_eq(p->sandbox, "x");
}

TEST(has_a_word_for_status)
{
	unsigned seen[2] = { 0, 0 };

	begin();
	want(&jobs[0]);
	pool_workers(&m, 100, note, seen);
	ck_assert_uint_eq(seen[0], 1);
	ck_assert_uint_eq(seen[1], 3);
	pool_workers(&m, 2, note, seen);
	ck_assert_uint_eq(seen[0] + seen[1], 6);
	end();
}

/* Its owners wait in order, behind those of the first, for at most two. */
TEST(has_few)
{
	begin();
	m.conf.limits.workers = 60;
	for (size_t i = 0; i < 3; i++)
		pool_want(&m, &few, &jobs[i].wait, &jobs[i]);
	ck_assert_ptr_nonnull(jobs[0].worker);
	ck_assert_ptr_nonnull(jobs[1].worker);
	ck_assert_ptr_null(jobs[2].worker);
	/* Nor is one asked for that it may not have: two are spare. */
	ck_assert_uint_eq(hear().u.number.n, 2);
	pool_want(&m, &few, &jobs[2].wait, &jobs[2]);
	want(&jobs[3]);
	ck_assert_uint_eq(count()[POOL_BUSY], 3);
	say(of(&jobs[0]), IPC_END);
	ck_assert_ptr_nonnull(jobs[2].worker);
	ck_assert_ptr_null(jobs[2].wait.line);
	end();
}

/* It is lent neither to who needs none any more, nor when it has ended. */
TEST(is_not_taken)
{
	begin();
	jobs[0].needs_none = true;
	want(&jobs[0]);
	ck_assert_uint_eq(count()[POOL_IDLE], 4);
	close(workers[0]);
	pool_want(&m, &use, &jobs[1].wait, &jobs[1]);
	ck_assert_int_eq(of(&jobs[1]), 1);
	ck_assert_ptr_null(jobs[1].lost);
	ck_assert_uint_eq(count()[POOL_LEAVING], 1);
	end();
}

/*
 * No descriptor is left for the channels of two: these workers are missed, and
 * the nursery is not lost, also when one of the records was another's.
 */
TEST(is_dropped_unseen)
{
	begin();
	for (size_t i = 0; i < 4; i++)
		want(&jobs[i]);
	to_drop = 2;
	bear(2);
	ck_assert_uint_eq(to_drop, 0);
	ck_assert_uint_eq(count()[POOL_COMING], 0);
	ck_assert_uint_eq(m.counters.value[COUNTER_UNBORN], 2);
	ck_assert_uint_eq(count()[POOL_IDLE], 0);
	die(first_pid + 4, 0);
	die(first_pid + 5, 0);
	turn();
	ck_assert_int_eq(helpers[HELPER_NURSERY].state, HELPER_SERVING);
	ck_assert_ptr_eq(pool_nursery(&m), &helpers[HELPER_NURSERY]);
	end();
}
