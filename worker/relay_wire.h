/* The connection to a host, with the deadlines of a client of SMTP. */
#ifndef WORKER_RELAY_WIRE_H
#define WORKER_RELAY_WIRE_H

#include "worker/relay_reply.h"
#include "worker/tls_context.h"

/* Zero, and then relay_wire_open(). */
struct relay_wire {
	struct peer	 peer;
	struct tls_peer	 tls;
	struct lineio	 io;
	int64_t		 end_ms;	/* nothing waits for longer */
	bool		 broken;	/* for writing */
};

void	relay_wire_open(struct relay_wire *w, struct ask *master, int socket);
/*
 * Sends what is to be sent, and reads a whole reply, in ms however it trickles:
 * RELAY_END_REPLY; SYNTAX: it is none; TIMEOUT; LOST; or STOPPED: smtpd stops,
 * or the master said something.  When writing fails, what the host said before
 * is still read.
 */
enum relay_end relay_wire_reply(struct relay_wire *w, struct relay_reply *out,
	    struct relay_offers *offers, int64_t ms);
/*
 * Sends the text of l, and the final dot: only if the file is what l says, and
 * has no CR, which a reader could take for the end of a line.  RELAY_END_REPLY:
 * all is the kernel's.  LOCAL, and *why; or as above, and LOST also if the host
 * has spoken, which can be read.
 */
enum relay_end relay_wire_text(struct relay_wire *w,
	    const struct ipc_letter *l, int file, int64_t ms, const char **why);
/*
 * A handshake with host ("": an address), whose certificate is not checked.
 * RELAY_END_REPLY: *out says what was agreed on.  RELAY_END_TLS: *why, also for
 * input before the handshake, injected to be read as if it had come under TLS.
 */
enum relay_end relay_wire_secure(struct relay_wire *w, const char *host,
	    int64_t ms, struct ipc_tls *out, const char **why);

#endif
