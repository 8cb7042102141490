/*
 * The spool: files that are being received, and the free space.  A message is a
 * file in spool/incoming until maildir.c has put it into its Maildirs.
 */
#ifndef SERVER_SPOOL_H
#define SERVER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conf/conf_warn.h"
#include "shared/span.h"

struct spool {
	int	mail;		/* directory of DOMAIN/USER, or of USER */
	int	incoming;
	int	bad;
	int	queue;
	int	log;
};

/*
 * Makes missing directories below root, removes what sessions left in incoming
 * when the machine or the master died, and keeps directory descriptors.  Files
 * that another living master receives stay; the call may wait for a moment
 * while that master removes such files.  New directories are synced, and the
 * others, unless synced says that they were since the machine was booted.  A
 * catcher has its mailboxes in root itself, and all else below ".smtpd".
 * Returns the number of files removed; or -1, errno, and *what naming the path.
 */
int	spool_open(struct spool *s, int root, bool catcher, bool synced,
	    const char **what);
/*
 * Creates incoming/id with head as its first octets; *out is open for appending
 * only, and the caller closes it.  0; or -1 and errno, and no file is left.
 */
int	spool_begin(const struct spool *s, const char *id, struct span head,
	    int *out);
/*
 * Is incoming/id, before it becomes a message, a regular file of ours, of size
 * octets, with one link?  SPOOL_BAD: no honest worker leaves such a file.
 * SPOOL_UNKNOWN: the disk did not say, with errno.
 */
enum spool_state { SPOOL_GOOD, SPOOL_BAD, SPOOL_UNKNOWN };
enum spool_state spool_check(const struct spool *s, const char *id,
	    uint64_t size);
/* Removes incoming/id, unless it was moved. */
void	spool_discard(const struct spool *s, const char *id);
/* False and errno when the disk cannot be asked. */
bool	spool_room(const struct spool *s, struct conf_room *out);
/* For size octets and a file; false when the disk cannot be asked. */
bool	spool_has_room(const struct spool *s, const struct conf_limits *l,
	    uint64_t size);

#endif
