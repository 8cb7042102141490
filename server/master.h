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
#include "server/mail/recipient.h"
#include "server/mail/recipient_log.h"
#include "server/mail/spool.h"
#include "server/process/feed.h"
#include "server/process/helper.h"
#include "server/process/tls_files.h"
#include "server/session/address.h"
#include "shared/ipc_msg.h"

enum {
	message_name_bytes = 256,
	/* "alice@example.org", or what the catcher was told; with its NUL */
	login_name_max_bytes = smtp_local_max_bytes + 1 +
	    smtp_domain_max_bytes + 1
};

/* One message between MAIL and its answer. */
struct transaction {
	char			 id[ipc_id_bytes + 1];
	struct ipc_mail		 mail;
	bool			 no_room;	/* told at RCPT */
	struct mailbox		 first_rcpt;
	uint64_t		 rcpt_count;
	struct recipient_set	 boxes;
	struct recipient_log	 rcpts;		/* as the client named them */
	const char		*protocol;	/* RFC 3848 */
	uint64_t		 head_bytes;	/* of our trace fields */
	uint64_t		 size;		/* of the committed file */
	char			 name[message_name_bytes]; /* in its Maildirs */
	unsigned		 authors;	/* From and Sender: asked for */
	bool			 forged;	/* one of them is another's */
};

/* One client, from accept(2) to its end. */
struct session {
	TAILQ_ENTRY(session)	 entry;		/* while it waits */
	int			 socket;	/* -1: a worker has it */
	int			 output;	/* where it is another; -1 */
	char			 id[ipc_id_bytes + 1];
	struct master		*master;
	struct address		 client;
	bool			 header_due;	/* a PROXY header */
	bool			 of_proxy;	/* client is a proxy's own */
	struct address_host	*host;		/* in the address book */
	struct conf_epoch	*epoch;		/* NULL: no worker yet */
	struct event		 early;		/* while it is held back */
	bool			 greeting;	/* held back */
	bool			 dismissed;	/* its last line was sent */
	bool			 served;	/* a worker has it, or had */
	int64_t			 start_ms;
	int64_t			 disk_ms;	/* of its age: for our disk */
	unsigned		 notes;
	enum ipc_auth		 auth;		/* offered, of its listener */
	char			 user[login_name_max_bytes]; /* logged in;
						   empty: nobody */
	bool			 submission;	/* of its listener */
	bool			 hide_client;
	bool			 tls_first;	/* RFC 8314 */
	bool			 has_signed;	/* the one time it may */
	bool			 tls_on;
	bool			 tls_failed;
	struct ipc_tls		 tls;		/* what was agreed on */
	uint64_t		 stored;	/* messages */
	uint64_t		 stored_bytes;
	struct recipient_log	 refusals;	/* for keep-refused */
	struct refused_text	*refused;	/* NULL: nothing said yet */
	struct transaction	 tx;
};
TAILQ_HEAD(session_list, session);

/*
 * One worker process, from its birth until its nursery says that it has
 * ended: what became of its channel proves nothing.
 */
struct worker {
	TAILQ_ENTRY(worker)	 entry;
	TAILQ_ENTRY(worker)	 signing;	/* waits for a signature, */
	struct ipc_digest	 digest;	/* of this; ticket 0: not */
	bool			 digest_sent;
	struct login		*login;		/* not answered yet; or NULL */
	struct delivery		*delivery;	/* it waits for; or NULL */
	struct master		*master;
	struct nursery		*nursery;	/* its parent */
	struct event		 readable;
	struct event		 paused;	/* until its host has paid */
	int			 channel;
	pid_t			 pid;
	uint64_t		 served;	/* sessions */
	unsigned		 generation;	/* of the nursery image */
	struct tls_files	*tls;		/* it serves by; NULL: let go */
	enum ipc_when		 when;
	struct session		*session;	/* NULL: none now */
	int64_t			 evicted_ms;	/* for its place; 0: not */
	unsigned		 hurries;	/* said since it last spoke */
	bool			 exited;	/* told, or cannot be */
	int64_t			 left_ms;	/* when it was let go */
	const char		*killed;	/* why; "": no blame of it */
	/* the last one it served, if any */
	char			 last_session[ipc_id_bytes + 1];
	struct address		 last_client;
	bool			 last_of_proxy;
};
TAILQ_HEAD(worker_list, worker);

enum nursery_state {
	NURSERY_NONE,		/* no process */
	NURSERY_STARTING,	/* waiting for READY */
	NURSERY_READY
};

/* One nursery works, the second stands by to take its place. */
struct nursery {
	struct master		*master;
	struct event		 readable;
	int			 channel;
	enum nursery_state	 state;
	unsigned		 settings_due, tries_due, siblings_due;
	unsigned		 strangers;	/* children without a worker */
	int64_t			 asked_ms;	/* no word since; 0: none due */
	struct feed		 feed;		/* what it is told of TLS */
	unsigned		 due;		/* of enum tell */
	const struct tls_files	*telling;	/* from that pair, and */
	size_t			 pair, done;	/* that octet of it on */
	pid_t			 pid;		/* as it says; 0: not yet */
	char			 sandbox[ipc_text_bytes];
};

enum { nursery_count = 2 };

struct pool {
	struct nursery		 nurseries[nursery_count];
	struct nursery		*active;
	unsigned		 generation;
	struct worker_list	 idle;
	struct worker_list	 busy;
	struct worker_list	 leaving;	/* let go, not yet ended */
	struct session_list	 pending;	/* accepted, no worker yet */
	uint64_t		 idle_count;
	uint64_t		 busy_count;
	uint64_t		 leaving_count;
	uint64_t		 pending_count;
	uint64_t		 heard;		/* records of workers */
	uint64_t		 coming;	/* asked for, not yet born */
	uint64_t		 spare;		/* wanted beyond the load */
	bool			 starved;	/* since the last tick */
	bool			 hurried;	/* workers were told so */
	unsigned		 unused_losses;	/* idle workers, in a row */
	int64_t			 no_spawn_until_ms;
	int64_t			 next_breed_ms;
	struct event		 tick;
	struct event		 room;		/* to be made for who waits */
};

/* What is asked of the sign process. */
struct signer {
	struct feed		 feed;		/* what it is told */
	uint64_t		 tickets;	/* given out */
	unsigned		 under_way;	/* digests it has */
	struct worker_list	 waiting;	/* by signing, in order */
	struct sign_slot	 slots[ipc_sign_slots_max];
	struct tls_files	*giving;	/* from that pair, and */
	size_t			 pair, done;	/* that octet of it on */
};

TAILQ_HEAD(login_list, login);

/* What is asked of the auth process. */
struct auth {
	struct guesses		*guesses;
	struct login_list	 waiting;
	struct login		*asked;		/* of it; NULL: forgotten */
	uint64_t		 turn;		/* each network once in one */
	bool			 busy;
	uint64_t		 tickets;	/* given out */
	struct event		 room;		/* for a question, now */
	struct feed		 feed;
	struct auth_rows	*rows;		/* being fed; NULL: none */
	struct auth_rows	*next_rows;	/* newer ones */
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
	struct pool		 pool;
	struct tls_files	*tls;		/* certificates; no keys */
	struct helper		 helpers[HELPER_COUNT];
	struct signer		 signer;
	struct auth		 auth;
	struct renewal		*renewal;	/* under way; NULL: none */
	struct conf_epoch	*next_epoch;	/* waits for the renewal */
	bool			 reload_again;	/* SIGHUP came meanwhile */
	struct listener		*listeners;
	size_t			 listener_count;
	bool			 listen_adopted; /* not by listen lines */
	struct session_list	 greeting;	/* held back */
	uint64_t		 greeting_count;
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
