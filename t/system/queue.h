/*
 * The queue on disk, read with its keys; and mail for it.
 */
#ifndef T_SYSTEM_QUEUE_H
#define T_SYSTEM_QUEUE_H

#include "shared/queue_file.h"
#include "t/system/client.h"

/*
 * Lines for daemon_add_conf: 127.0.0.0/8 may send out, and all of it goes to a
 * port where nobody listens, so that it stays.
 */
extern const char queue_relay[];

/* As client_mail, with whole addresses. */
int	queue_mail(struct client *c, unsigned number, size_t size,
	    const char *const rcpts[]);
/* Connects, sends one message to one address, quits; returns the code. */
int	queue_deliver(const struct daemon *d, unsigned number, size_t size,
	    const char *rcpt);

/* A file of the queue. */
struct queue_file {
	char			 path[512];
	struct queue_name	 name;
	struct envelope		 envelope;	/* in block */
	uint8_t			*block;
	size_t			 block_bytes;	/* the content is behind */
	unsigned		 number;	/* of the message */
};

/*
 * Calls see for each message in the queue of d, read with its key; the test
 * fails unless each is whole and of mail_text(), and there is no other file.
 * How many there are.
 */
size_t	queue_read_all(const struct daemon *d,
	    void (*see)(void *arg, const struct queue_file *f), void *arg);
/* Of message number; rcpts: of its envelope; each time the same. */
size_t	queue_copies(const struct daemon *d, unsigned number, unsigned *rcpts);
/* Files of messages, also while they come and go. */
size_t	queue_files(const struct daemon *d);
/* Files in spool/bad. */
size_t	queue_bad(const struct daemon *d);
/* Folders of the queue. */
size_t	queue_folders(const struct daemon *d);

#endif
