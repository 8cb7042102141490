/*
 * The master's end of dial, the helper that connects, and refuses what it was
 * not told of at start, whatever the master asks for.
 */
#ifndef SERVER_DIAL_H
#define SERVER_DIAL_H

#include <sys/queue.h>

#include "server/conf/conf_keyword.h"
#include "server/conf/conf_relay.h"
#include "server/process/helper.h"

enum {
	dial_word_bytes = 64,
	dial_words_max = 2 + 2 * resolve_servers_max + conf_routes_max
};

/* A connection that is wanted; the caller's, until done() or dial_forget(). */
struct dial_job {
	TAILQ_ENTRY(dial_job)	 entry;
	struct ip		 to;
	uint16_t		 port;
	bool			 udp;
	bool			 has_source;
	struct ip		 source;	/* bound to, port 0 */
	uint32_t		 patience_ms;	/* once dial has a socket */
	/*
	 * fd is connected, non-blocking and close-on-exec, and the callee's;
	 * or -1 and errno (EACCES: dial may not go there; ELOOP: it is
	 * this host; ETIMEDOUT).
	 */
	void			(*done)(void *arg, int fd, int error);
	void			*arg;
	/* For dial.c: */
	struct master		*master;
	uint64_t		 number;	/* 0: not asked for yet */
	int			 fd;		/* being connected; or -1 */
	struct event		 connected;
};

/* Asks dial; done() is called after this returns. */
void	dial_connect(struct master *m, struct dial_job *job);
/* done() of job is not called any more. */
void	dial_forget(struct dial_job *job);
/*
 * At start: where dial may connect to, as the words that it and the keeper are
 * started with (worker/helper.h); none without a relay block.  NULL ends them.
 */
char *const *dial_words(const struct conf_relay *relay);
/* Was dial started with the words of relay?  False: *lacks is the first. */
bool	dial_may(const struct conf_relay *relay, const char **lacks);

#endif
