/*
 * Jobs of the disk process, whose answers come in any order.  It gets
 * descriptors, and answers when their files are durable.
 */
#include "server/process/helper.h"

#include <errno.h>
#include <unistd.h>

#include "server/master.h"
#include "shared/deadline.h"
#include "shared/os/os.h"

static struct {
	TAILQ_HEAD(disk_jobs, disk_job) jobs;
	uint64_t		 tickets;	/* given out */
	size_t			 due;		/* answers */
	bool			 ended;		/* syncs are made here now */
} disk = { .jobs = TAILQ_HEAD_INITIALIZER(disk.jobs) };

static void
note_answer(struct disk_job *job, size_t i, int error)
{
	if (error != 0 && job->error == 0) {
		job->error = error;
		job->failed = i;
	}
	job->answered++;
}

static void
sync_here(struct disk_job *job, size_t i)
{
	int result = job->data ? fdatasync(job->fds[i]) : fsync(job->fds[i]);

	note_answer(job, i, result == -1 ? errno : 0);
}

/*
 * Sends what the channel takes; each answer makes room for more.  If sending
 * fails while no answer is due, descriptors are short: this process syncs.
 */
static void
send_all(struct helper *h)
{
	struct ipc_record r = { .type = IPC_SYNC };
	struct disk_job *job;

	TAILQ_FOREACH(job, &disk.jobs, entry)
		for (; job->sent < job->count; job->sent++) {
			if (!job->data && !os_sends_directories) {
				sync_here(job, job->sent);
				continue;
			}
			r.u.sync.ticket = job->ticket + job->sent;
			r.u.sync.data = job->data;
			if (feed_send(&h->feed, &r, job->fds[job->sent]) ==
			    0) {
				if (disk.due++ == 0)
					h->due_ms = deadline_now_ms();
			} else if (disk.due > 0)
				return;
			else
				sync_here(job, job->sent);
		}
}

static void
end_complete(void)
{
	struct disk_job *job = TAILQ_FIRST(&disk.jobs);

	while (job != NULL)
		if (job->answered == job->count) {
			TAILQ_REMOVE(&disk.jobs, job, entry);
			job->done(job->arg, job->error, job->failed);
			job = TAILQ_FIRST(&disk.jobs);
		} else
			job = TAILQ_NEXT(job, entry);
}

/* Makes all syncs again, of each job that lacks one. */
static void
finish_here(void)
{
	struct disk_job *job;

	TAILQ_FOREACH(job, &disk.jobs, entry) {
		if (job->answered == job->count)
			continue;
		job->answered = 0;
		for (size_t i = 0; i < job->count; i++)
			sync_here(job, i);
	}
	end_complete();
}

void
disk_sync(struct master *m, struct disk_job *job)
{
	struct helper *h = &m->helpers[HELPER_DISK];

	job->ticket = disk.tickets;
	disk.tickets += job->count;
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

/* An answer to a later job does not excuse that the first has none. */
static bool
take(struct master *m, const struct ipc_record *r)
{
	struct helper *h = &m->helpers[HELPER_DISK];
	struct disk_job *job = TAILQ_FIRST(&disk.jobs);

	while (job != NULL && r->type == IPC_SYNCED &&
	    r->u.done.n - job->ticket >= job->sent)
		job = TAILQ_NEXT(job, entry);
	if (job == NULL || r->type != IPC_SYNCED ||
	    job->answered == job->sent)
		return false;
	note_answer(job, r->u.done.n - job->ticket, r->u.done.error);
	if (job == TAILQ_FIRST(&disk.jobs))
		h->due_ms = deadline_now_ms();
	if (--disk.due == 0)
		h->due_ms = 0;
	send_all(h);
	end_complete();
	return true;
}

/* A sync that was not answered proves nothing: this process makes it again. */
static void
lost(struct master *m, bool again)
{
	disk.due = 0;
	finish_here();
}

const struct helper_role disk_role = {
	.then = "the server waits for the disk itself",
	.spare = true,
	.take = take,
	.lost = lost
};
