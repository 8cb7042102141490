/*
 * The spool: files that are being received, and the room that is left.
 * Which states a file may be in is defined by the directories of DESIGN's
 * "On disk"; this file and maildir.c walk straight through them.
 */
#ifndef SERVER_SPOOL_H
#define SERVER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conf/conf.h"
#include "shared/span.h"

struct spool {
	int	mail;		/* directory of DOMAIN/USER, or of USER */
	int	incoming;
	int	bad;
	int	log;
};

/*
 * Makes the directories below root that are missing, removes what a session
 * left in incoming when the machine or the master died, and keeps directory
 * descriptors.  Files that another living master receives stay; it may wait
 * for a moment while that one removes what was left.  What is made is synced,
 * and what was there too, unless synced says that this was done since the
 * machine was booted.  In the catcher mailboxes lie in root itself, and all
 * else below ".smtpd".  Returns how many files were removed; or -1, errno, and
 * *what naming the path.
 */
int	spool_open(struct spool *s, int root, bool catcher, bool synced,
	    const char **what);
/*
 * Creates incoming/id with head as its first octets; *out is open for
 * appending and nothing else, the caller's to close.  0, or -1 and errno,
 * and then no file is left.
 */
int	spool_begin(const struct spool *s, const char *id, struct span head,
	    int *out);
/*
 * Is incoming/id what it must be before it becomes a message: a regular file
 * of ours, of size octets, with one link?  Its worker can make it no other,
 * and has nothing to do with a disk that does not say: errno then.
 */
enum spool_state { SPOOL_GOOD, SPOOL_BAD, SPOOL_UNKNOWN };
enum spool_state spool_check(const struct spool *s, const char *id,
	    uint64_t size);
/* Removes incoming/id, which a session has given up. */
void	spool_discard(const struct spool *s, const char *id);
/* What is left on its disk, for who is not root. */
struct spool_room {
	uint64_t	total_bytes;
	uint64_t	free_bytes;
	uint64_t	total_inodes;	/* 0: there is no table of them */
	uint64_t	free_inodes;
};

/* False and errno when it cannot be asked. */
bool	spool_room(const struct spool *s, struct spool_room *out);
/* Enough free for a message of size octets above the reserves of l? */
bool	spool_has_room(const struct spool *s, const struct conf_limits *l,
	    uint64_t size);

#endif
