/*
 * Folders of the queue, spool/queue/SEG, and their journals, for files of the
 * queue alone.  Several masters may share a root: each writes to folders of its
 * own, whose journals it has locked; the one with the lock of spool/queue/owner
 * delivers, and adopts folders that nobody has locked.
 */
#ifndef SERVER_QUEUE_FOLDER_H
#define SERVER_QUEUE_FOLDER_H

#include "server/mail/queue.h"
#include "server/process/helper.h"
#include "shared/queue_file.h"

enum {
	queue_path_bytes = ipc_id_bytes + 1 + queue_name_bytes,
	queue_away_max_s = 24 * 60 * 60, /* counted, between two masters */
	queue_again_ms = 60 * 1000	/* a folder with more is read again */
};

struct queue_folder {
	TAILQ_ENTRY(queue_folder) entry;
	char			 name[ipc_id_bytes + 1];
	bool			 has_key;
	uint8_t			 key[queue_key_bytes];
	bool			 unread;	/* adopted */
	int			 error;		/* it cannot be read */
	int64_t			 again_ms;	/* forgotten: not before that */
	bool			 durable;	/* with its key */
	bool			 forgotten;	/* others have to be read */
	int			 journal;	/* -1: closed */
	uint64_t		 offset;	/* its size, once it is open */
	bool			 unjournaled;	/* that was logged */
	bool			 unsynced;	/* records were written */
	bool			 syncing;
	struct disk_job		 sync;
	int64_t			 made_ms;
	uint32_t		 entered;	/* messages, in all */
	uint32_t		 pinned;	/* drafts that go here */
	uint32_t		 count;		/* messages in memory */
};

TAILQ_HEAD(queue_folders, queue_folder);

struct queue {
	struct queue_folders	 folders;
	struct queue_folder	*current;	/* for new messages; or NULL */
	int			 dir;		/* spool/queue */
	int			 owner;		/* its file */
	bool			 delivers;	/* has the lock of owner */
	void			(*known)(struct master *m, struct queued *q);
	int64_t			 start_s;	/* queue_now_s() then, */
	int64_t			 start_ms;	/* by the monotonic clock */
	struct queued		**slabs;	/* of queue_message.c */
	size_t			 slab_count;
	struct queued		*unused;
	struct queue_count	 now;
};

/* "SEG/NAME" for openat() in the queue. */
void	queue_folder_path(const struct queue_folder *f, const char *name,
	    char out[queue_path_bytes]);
/* Adds a folder to the list, or finds one that cannot be read; else NULL. */
struct queue_folder *queue_folder_add(struct queue *q, const char *name);
/* Takes it off the list, and leaves its files alone. */
void	queue_folder_drop(struct queue *q, struct queue_folder *f);
/* The folder for a draft, which decrements pinned.  NULL and errno: logged. */
struct queue_folder *queue_folder_pin(struct queue *q);
/* Adds r to the journal; if that fails, tries are repeated after a restart. */
void	queue_folder_note(struct master *m, struct queue_folder *f,
	    const struct queue_record *r);
/* Moves SEG/name to spool/bad/SEG.name, and logs why. */
void	queue_folder_put_aside(struct master *m, struct queue_folder *f,
	    const char *name, const char *why);
/* Once a second: syncs journals, closes full folders, removes empty ones. */
void	queue_folder_tick(struct master *m);

/* Of queue_message.c: a new message in f; NULL and errno without memory. */
struct queued *queue_new(struct master *m, struct queue_folder *f,
	    const char *id);
/* Index is done, as queue_note_done() has it, but in memory alone. */
void	queue_set_done(struct queued *q, uint32_t index);
/* Its file: "SEG/ID.LINES.FLAGS". */
void	queue_path(const struct queued *q, char out[queue_path_bytes]);
/* Counts q, which is complete, and has it scheduled. */
void	queue_count_in(struct master *m, struct queued *q);

#endif
