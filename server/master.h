/*
 * The state of the master: one struct, made at start-up, passed to every
 * module that needs a part of it.  The folder of a part alone knows its type.
 */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "server/conf/conf.h"
#include "server/conf/privdrop.h"
#include "server/log/counters.h"
#include "shared/ipc.h"

struct master {
	struct conf		 conf;		/* the same as in epoch */
	struct conf_epoch	*epoch;		/* the current one */
	struct counters		 counters;
	struct users		 users;		/* the processes run as these */
	struct event_base	*base;

	struct log_message	*log;		/* log/message */
	struct spool		*spool;
	struct commit		*commit;	/* messages being stored */
	struct queue		*queue;		/* NULL: a catcher has none */

	struct helper		*helpers;	/* HELPER_ALL of them */
	struct pool		*pool;		/* workers, nurseries */
	struct tls_files	*tls;		/* certificates; no keys */
	const struct auth_owner	*auth_owner;	/* called by auth.c */
	const struct sign_owner	*sign_owner;	/* called by sign.c */

	struct address_book	*book;		/* hosts of clients */
	struct guesses		*guesses;	/* at passwords and users */
	struct guesses		*rates;		/* of what leaves */
	struct listeners	*listeners;
	struct sessions		*sessions;

	void			(*shut_down)(struct master *m);

	int64_t			 start_ms;
	char			 sandbox[ipc_held_bytes]; /* of this process */
	bool			 one_session;	/* smtpd -i: ends after it */
	bool			 ends_idle;	/* inetd's socket */
	bool			 wants_logins;	/* a listener requires them */
	bool			 proved;	/* log/sandbox: no self-test */
	bool			 unsandboxed;	/* this system has none */
	bool			 stopping;
	int			 exit_status;
};

#endif
