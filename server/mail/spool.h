/*
 * The spool: files that are being received, and the free space.  A message is a
 * file in spool/incoming until maildir.c has put it into its Maildirs.
 */
#ifndef SERVER_SPOOL_H
#define SERVER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conf/conf_warn.h"

struct spool {
	int	mail;		/* directory of DOMAIN/USER, or of USER */
	int	incoming;
	int	bad;
	int	queue;
	int	log;
};

/*
 * Opens the directories below root, makes missing ones, syncs these, and the
 * others unless synced (since the machine was booted); removes what dead
 * sessions left in incoming, but not what another master receives, for which it
 * may wait a moment.  A catcher has its mailboxes in root itself, and all else
 * below ".smtpd".  How many were removed; or -1, errno, and *what: the path.
 */
int	spool_open(struct spool *s, int root, bool catcher, bool synced,
	    const char **what);
/*
 * Creates incoming/id with head in it; the caller closes *out, open for
 * appending.  0; or -1 and errno, and *out is -1; the caller discards the file.
 */
int	spool_begin(const struct spool *s, const char *id, struct span head,
	    int *out);
/*
 * Is incoming/id a regular file of ours, of size octets, with one link?  0; or
 * -1 and errno; EPROTO: no honest worker leaves such a file.
 */
int	spool_check(const struct spool *s, const char *id, uint64_t size);
/* Removes incoming/id, unless it was moved. */
void	spool_discard(const struct spool *s, const char *id);
/* False and errno when the disk cannot be asked. */
bool	spool_room(const struct spool *s, struct conf_room *out);
/* For size octets and a file; false when the disk cannot be asked. */
bool	spool_has_room(const struct spool *s, const struct conf_limits *l,
	    uint64_t size);

#endif
