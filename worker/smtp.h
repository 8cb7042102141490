/*
 * What all handlers of commands share (RFC 5321): the state of the dialogue,
 * and the outcomes of a command.
 */
#ifndef WORKER_SMTP_H
#define WORKER_SMTP_H

#include "shared/ipc_msg.h"
#include "worker/lineio.h"
#include "shared/smtp_reply.h"
#include "worker/ask.h"
#include "worker/tls_peer.h"

/* Bits, so that a command can name every state it is legal in. */
enum smtp_state {
	SMTP_START = 1 << 0,	/* greeted; no HELO yet */
	SMTP_READY = 1 << 1,	/* HELO or EHLO taken, no transaction */
	SMTP_MAIL = 1 << 2,	/* sender taken */
	SMTP_RCPT = 1 << 3,	/* at least one recipient taken */
	SMTP_ANY = (1 << 4) - 1
};

/* What to do after the reply. */
enum smtp_next {
	SMTP_GO_ON,
	SMTP_HANDSHAKE,	/* write the reply, then go on under TLS */
	SMTP_CLOSE,	/* write the reply, then close */
	SMTP_CLOSE_NOW	/* close without a reply */
};

/* A handler's answer; handlers never write. */
struct outcome {
	enum smtp_reply	reply;
	enum smtp_next	next;
};

struct smtp_session {
	struct ask			*master;
	const struct ipc_settings	*settings;
	struct lineio			*io;
	struct peer			*peer;
	bool				 tls_first;	/* RFC 8314 */
	bool				 proxied;	/* PROXY header due */
	bool				 tls;		/* is on */
	struct tls_peer			 under_tls;
	int64_t				 start_ms;
	uint64_t			 message_octets; /* of all messages */
	enum smtp_state			 state;
	bool				 esmtp;
	enum ipc_auth			 auth;	/* of the listener */
	uint32_t			 lacks;	/* of enum ipc_lack */
	bool				 submission;	/* of our own users */
	bool				 logged_in;
	unsigned			 login_failures;
	unsigned			 unknown;	/* recipients */
	/* Handles the next line, which answers a 334; or NULL. */
	struct outcome			 (*challenged)(struct smtp_session *s,
					    struct span line);
	struct ipc_login		 login;	/* LOGIN: the name so far */
	/* Of this transaction: */
	bool				 smtputf8;
	uint64_t			 recipients;
	uint8_t				 helo_len;
	char				 helo[smtp_domain_max_bytes];
	struct ipc_stored		 stored;	/* for REPLY_STORED */
	int64_t				 room_until_ms;	/* 0: not known */
	bool				 may_be_secret;	/* current line */
	struct ipc_end			 end;		/* counts so far */
};

/* The outcome when reading failed; also sets how the session ended. */
struct outcome smtp_read_failed(struct smtp_session *s,
	    enum line_result r);
/* Ends the session after reply. */
struct outcome smtp_end(struct smtp_session *s, enum session_end end,
	    enum smtp_reply reply);
/*
 * Is this a catcher's session?  A catcher accepts whatever it can store, and
 * remarks on what other servers would refuse.
 */
bool	smtp_is_catcher(const struct smtp_session *s);
/* Reply, and go on. */
struct outcome smtp_go_on(enum smtp_reply reply);
/* Notes whether the master said that the disk has space. */
void	smtp_note_room(struct smtp_session *s, bool room);
/*
 * Sets the time limits again: a session may last longer the more octets of
 * messages have come; commands, and octets over the size limit, do not count.
 */
void	smtp_extend(struct smtp_session *s);

#endif
