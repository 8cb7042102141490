/*
 * What the master holds: one struct, made at start-up, handed to every
 * module that needs a part of it.
 */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "server/conf/conf.h"
#include "server/conf/privdrop.h"
#include "server/log/counters.h"
#include "server/log/log_message.h"
#include "server/mail/spool.h"
#include "server/process/feed.h"
#include "server/process/helper.h"
#include "server/process/tls_files.h"
#include "shared/ipc_msg.h"

enum {
	/* "alice@example.org", or what the catcher was told; with its NUL */
	login_name_max_bytes = smtp_local_max_bytes + 1 +
	    smtp_domain_max_bytes + 1
};

struct address_book;
struct commit;
struct control;
struct conf_epoch;
struct pool;
struct renewal;
struct sessions;

/* One signature, asked for by whoever has this; zero: nothing is asked. */
struct signing {
	TAILQ_ENTRY(signing)	 entry;
	struct ipc_digest	 digest;	/* ticket 0: nothing is due */
	bool			 sent;		/* the process has it */
	/* NULL: there is none.  arg may be freed in it, and this with it. */
	void			(*done)(void *arg,
				    const struct ipc_signature *signature);
	void			*arg;
};

/* What is asked of the sign process. */
struct sign {
	const struct sign_owner	*owner;
	struct feed		 feed;		/* what it is told */
	uint64_t		 tickets;	/* given out */
	unsigned		 under_way;	/* digests it has */
	TAILQ_HEAD(signing_list, signing) waiting; /* in order */
	struct sign_slot	 slots[ipc_sign_slots_max];
	struct tls_files	*giving;	/* from that pair, and */
	size_t			 pair, done;	/* that octet of it on */
};

struct listener {
	struct event		*acceptable;
	int			 fd;
	struct conf_listen	 line;		/* adopted: its words only */
};

struct master {
	struct conf		 conf;		/* of the epoch */
	struct conf_epoch	*epoch;		/* today's */
	struct event_base	*base;
	struct spool		 spool;
	struct log_message	 log;
	struct address_book	*book;
	struct pool		*pool;
	struct tls_files	*tls;		/* certificates; no keys */
	struct helper		 helpers[HELPER_COUNT];
	struct sign		 sign;
	const struct auth_owner	*auth_owner;	/* who asks */
	struct logins		*logins;	/* and for whom */
	struct guesses		*guesses;
	struct renewal		*renewal;	/* under way; NULL: none */
	struct listener		*listeners;
	size_t			 listener_count;
	bool			 listen_adopted; /* not by listen lines */
	struct sessions		*sessions;
	bool			 one_session;	/* smtpd -i: then it ends */
	bool			 wants_logins;	/* on some listener */
	bool			 proved;	/* log/sandbox: no self-test */
	struct control		*control;	/* NULL: none */
	struct counters		 counters;
	int64_t			 start_ms;
	struct users		 users;		/* who the processes are */
	char			 sandbox[ipc_held_bytes]; /* of this process */
	bool			 accepting;
	bool			 unsandboxed;	/* no process has one */
	bool			 stopping;
	void			(*shut_down)(struct master *m); /* SIGTERM's */
	int			 exit_status;
	struct commit		*commit;
};

#endif
