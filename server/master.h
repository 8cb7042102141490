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

enum session_list_kind {
	SESSIONS_NONE,
	SESSIONS_GREETING,	/* held back */
	SESSIONS_PENDING,	/* no worker yet */
	SESSIONS_SERVED,
	SESSIONS_KINDS
};

/* One client, from accept(2) to its end. */
struct session {
	TAILQ_ENTRY(session)	 entry;
	enum session_list_kind	 list;		/* it is in that one */
	struct worker		*worker;	/* NULL: it waits for one */
	bool			 evicted;	/* somebody needs its slot */
	struct login		*login;		/* not answered yet; or NULL */
	struct signing		 signing;	/* waits for a signature */
	struct delivery		*delivery;	/* it waits for; or NULL */
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

struct sessions {
	struct session_list	 list[SESSIONS_KINDS];
	uint64_t		 count[SESSIONS_KINDS];
	struct event		 room;	/* to be made for who waits */
	bool			 hurried;	/* workers were told so */
};

/* What is asked of the sign process. */
struct signer {
	struct feed		 feed;		/* what it is told */
	uint64_t		 tickets;	/* given out */
	unsigned		 under_way;	/* digests it has */
	TAILQ_HEAD(, signing)	 waiting;	/* in order */
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
	struct pool		*pool;
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
