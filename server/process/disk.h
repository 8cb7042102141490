/*
 * The master's end of the disk process, which waits for the disk so that the
 * master does not: it is sent descriptors and says when what they name is
 * durable.  Where there is none, or it was lost, this process makes the syncs
 * itself, until there is one again.
 */
#ifndef SERVER_DISK_H
#define SERVER_DISK_H

#include <sys/queue.h>

#include "server/process/helper.h"

/* Descriptors to be synced, in this order; the caller's, as they are. */
struct disk_job {
	TAILQ_ENTRY(disk_job)	 entry;
	const int		*fds;		/* open until done */
	size_t			 count;
	bool			 data;		/* fdatasync(2) is enough */
	/*
	 * All were tried.  0; or errno of the first that failed, which is
	 * number failed.
	 */
	void			(*done)(void *arg, int error, size_t failed);
	void			*arg;
	size_t			 sent, answered;
	int			 error;
	size_t			 failed;
};

/* Begins it, behind those before; done() may be called before this returns. */
void	disk_sync(struct master *m, struct disk_job *job);
/*
 * The end: what is not done yet is synced and done() called before this
 * returns, and so is what comes later.
 */
void	disk_finish(void);

#endif
