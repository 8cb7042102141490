/*
 * The master's end of the disk process, which gets descriptors and answers when
 * their files are durable.  Without it the master makes the syncs itself.
 */
#ifndef SERVER_DISK_H
#define SERVER_DISK_H

#include <sys/queue.h>

#include "server/process/helper.h"

/* Descriptors to be synced, in any order, beside those of other jobs. */
struct disk_job {
	TAILQ_ENTRY(disk_job)	 entry;
	const int		*fds;		/* open until done */
	size_t			 count;
	bool			 data;		/* files, for which
						   fdatasync(2) is enough */
	/* All were tried.  error: 0, or errno of the first that failed. */
	void			(*done)(void *arg, int error, size_t failed);
	void			*arg;
	uint64_t		 ticket;	/* of fds[0] */
	size_t			 sent, answered;
	int			 error;
	size_t			 failed;
};

/* Queues job; done() may be called before this returns. */
void	disk_sync(struct master *m, struct disk_job *job);
/* At shutdown: finishes all jobs; later ones before disk_sync() returns. */
void	disk_finish(void);

#endif
