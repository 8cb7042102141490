/*
 * The master's end of relay workers: each has one connection to one host, and
 * delivers messages there, one after another.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "server/mail/queue.h"
#include "server/process/dial.h"
#include "server/process/pool.h"

struct relay;			/* one connection */

struct relay_host {
	const char	*name;		/* of the host, for TLS and the log */
	enum relay_tls	 tls;
	const char	*helo;
	struct dial_job	 dial;		/* without done */
};

/* What the owner is told; arg is its own. */
struct relay_owner {
	/* The host greeted: the first message may be sent. */
	void	(*greeted)(void *arg, const struct ipc_greeted *g);
	/* The outcome of recipient index of relay_send(), each once. */
	void	(*outcome)(void *arg, size_t index,
		    const struct ipc_outcome *o);
	/*
	 * Every recipient had its outcome.  reusable: relay_send() may be
	 * called for another message.
	 */
	void	(*sent)(void *arg, bool reusable);
	/*
	 * The connection is over, or was never made, and the relay is freed;
	 * recipients without an outcome had one from why before this, instead
	 * of sent().  why: CONNECT: no connection; GREETING to STARTTLS: not
	 * greeted(); QUIT: no message was under way.  crashed: the worker ended
	 * by a signal or broke its contract.
	 */
	void	(*gone)(void *arg, const struct ipc_outcome *why,
		    bool crashed);
};

/* Connects.  owner is called after this returns.  NULL without memory. */
struct relay *relay_connect(struct master *m, const struct relay_host *to,
	    const struct relay_owner *owner, void *arg);
/*
 * Sends o to count recipients, at most relay_rcpts_max; o stays open, and to as
 * it is, until sent() or gone().  Only after greeted() or sent(), or in them.
 */
void	relay_send(struct relay *r, const struct queue_open *o,
	    const struct ipc_rcpt *to, size_t count);
/* QUIT, and no more calls; r is freed.  Not while a message is under way. */
void	relay_dismiss(struct relay *r);
/*
 * smtpd stops: those that send go on until their final dot is answered.  True:
 * there is none.
 */
bool	relay_drain(struct master *m);

extern const struct worker_use relay_use;

#endif
