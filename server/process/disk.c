/*
 * The master's end of the disk process.  A descriptor goes with each record,
 * so that process opens nothing and keeps nothing; answers come in the order
 * of the questions.
 */
#include "server/process/disk.h"

#include <errno.h>
#include <unistd.h>

#include "server/master.h"
#include "shared/deadline.h"
#include "shared/ipc.h"

static struct {
	TAILQ_HEAD(disk_jobs, disk_job) jobs;
	uint64_t		 sent;		/* records, in all */
	uint64_t		 answered;
	bool			 ended;		/* syncs are made here now */
} disk = { .jobs = TAILQ_HEAD_INITIALIZER(disk.jobs) };

static void
note_answer(struct disk_job *job, int error)
{
	if (error != 0 && job->error == 0) {
		job->error = error;
		job->failed = job->answered;
	}
	job->answered++;
}

/* Makes the next sync in this process, which waits for it. */
static void
sync_here(struct disk_job *job)
{
	int fd = job->fds[job->answered];
	int result = job->data ? fdatasync(fd) : fsync(fd);

	note_answer(job, result == -1 ? errno : 0);
}

static int
send_next(struct helper *h, struct disk_job *job)
{
	struct ipc_record r = { .type = IPC_SYNC };

	r.u.sync.ticket = disk.sent + 1;
	r.u.sync.data = job->data;
	if (ipc_send(h->channel, &r, job->fds[job->sent], false) == -1)
		return -1;
	disk.sent++;
	job->sent++;
	if (h->due_ms == 0)
		h->due_ms = deadline_now_ms();
	return 0;
}

/*
 * Sends what the channel takes; each answer makes room for more.  If sending
 * fails while no answer is due, descriptors are short: this process syncs.
 */
static void
send_all(struct helper *h)
{
	struct disk_job *job;

	TAILQ_FOREACH(job, &disk.jobs, entry)
		while (job->sent < job->count) {
			if (send_next(h, job) == 0)
				continue;
			if (disk.sent != disk.answered)
				return;
			job->sent++;
			sync_here(job);
		}
}

/* Ends the jobs that are complete, from the front of the queue. */
static void
end_complete(void)
{
	struct disk_job *job;

	while ((job = TAILQ_FIRST(&disk.jobs)) != NULL &&
	    job->answered == job->count) {
		TAILQ_REMOVE(&disk.jobs, job, entry);
		job->done(job->arg, job->error, job->failed);
	}
}

static void
finish_here(void)
{
	struct disk_job *job;

	TAILQ_FOREACH(job, &disk.jobs, entry)
		while (job->answered < job->count)
			sync_here(job);
	end_complete();
}

void
disk_sync(struct master *m, struct disk_job *job)
{
	struct helper *h = &m->helpers[HELPER_DISK];

	job->sent = job->answered = job->failed = 0;
	job->error = 0;
	TAILQ_INSERT_TAIL(&disk.jobs, job, entry);
	if (h->state == HELPER_SERVING && !disk.ended) {
		send_all(h);
		end_complete();
	} else
		finish_here();
}

void
disk_finish(void)
{
	disk.ended = true;
	finish_here();
}

static void
take(struct master *m, const struct ipc_record *r)
{
	struct helper *h = &m->helpers[HELPER_DISK];
	struct disk_job *job = TAILQ_FIRST(&disk.jobs);

	if (r->type != IPC_SYNCED || disk.answered == disk.sent ||
	    r->u.synced.ticket != disk.answered + 1) {
		helper_lose(m, HELPER_DISK, "it says what was not asked");
		return;
	}
	disk.answered++;
	h->due_ms = disk.answered == disk.sent ? 0 : deadline_now_ms();
	while (job->answered == job->sent)
		job = TAILQ_NEXT(job, entry);
	note_answer(job, r->u.synced.error);
	send_all(h);
	end_complete();
}

static bool
wanted(const struct master *m)
{
	return !m->one_session && !m->conf.catcher;
}

static void
feed(struct master *m, bool first)
{
	(void)first;
	helper_fed(m, HELPER_DISK);
}

/* A sync that was not answered proves nothing: this process makes it again. */
static void
lost(struct master *m, bool again)
{
	(void)m;
	(void)again;
	disk.sent = disk.answered = 0;
	finish_here();
}

const struct helper_role disk_role = {
	.then = "the server waits for the disk itself",
	.spare = true,
	.way = IPC_FROM_DISK,
	.wanted = wanted,
	.feed = feed,
	.take = take,
	.lost = lost
};
