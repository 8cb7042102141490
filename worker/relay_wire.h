/*
 * The connection to a host, in plain text or under TLS: octets go both ways at
 * once, so that neither side waits for ever until the other one reads.
 */
#ifndef WORKER_RELAY_WIRE_H
#define WORKER_RELAY_WIRE_H

#include "shared/ipc_msg.h"
#include "shared/span.h"
#include "worker/ask.h"
#include "worker/relay_reply.h"

struct ssl_st;

enum {
	relay_in_bytes = 4096,
	relay_out_bytes = 40 * 1024
};

/* Zero, but for socket and master, is the start. */
struct relay_wire {
	struct ask	*master;
	int		 socket;	/* non-blocking */
	struct ssl_st	*tls;		/* NULL: in plain text */
	int64_t		 end_ms;	/* nothing waits for longer */
	bool		 sends_text;	/* a shutdown waits for the dot */
	bool		 closed;	/* for reading */
	bool		 broken;	/* for writing */
	short		 events;	/* that TLS waits for */
	bool		 has_record;	/* the master said more than STRESS: */
	struct ipc_record record;
	int		 passed;	/* its descriptor; or -1 */
	size_t		 in_n;		/* read, and not used yet */
	size_t		 out_n;		/* to be written */
	uint8_t		 in[relay_in_bytes];
	uint8_t		 out[relay_out_bytes];
};

/* Adds s to what is to be written; the caller knows that there is space. */
void	relay_wire_put(struct relay_wire *w, struct span s);
/* Adds text that ends lines with LF, in what SMTP has for DATA. */
struct relay_text {
	bool		 in_line;	/* its last line has not ended */
	uint64_t	 octets, lines;	/* so far, with LF */
};
void	relay_wire_put_text(struct relay_wire *w, struct relay_text *t,
	    struct span s);
/*
 * Waits until something was written or read: RELAY_END_REPLY; else TIMEOUT,
 * LOST or STOPPED: smtpd stops, or the master said something (has_record).
 * When writing fails, what the host said before is still read.
 */
enum relay_end relay_wire_turn(struct relay_wire *w, int64_t deadline_ms);
/*
 * Reads a whole reply, which has to come by deadline_ms however it trickles:
 * RELAY_END_REPLY; SYNTAX: it is none; or as relay_wire_turn().
 */
enum relay_end relay_wire_reply(struct relay_wire *w, struct relay_reply *out,
	    struct relay_offers *offers, int64_t deadline_ms);
/*
 * The client's side of a handshake with host ("": an address), whose
 * certificate is not checked.  RELAY_END_REPLY: *out says what was agreed on.
 * RELAY_END_TLS: *why, also if there was input before the handshake: whoever
 * injected that wants it to be read as if it had come under TLS.
 */
enum relay_end relay_wire_secure(struct relay_wire *w, struct span host,
	    int64_t deadline_ms, struct ipc_tls *out, const char **why);
void	relay_wire_close(struct relay_wire *w);

#endif
