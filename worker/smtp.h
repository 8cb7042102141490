/*
 * The SMTP dialogue (RFC 5321): the state of a session, and what the files
 * smtp_*.c and transcript.c share.  A command returns its reply and never
 * writes; the loop in smtp_session.c writes the reply and does what follows.
 */
#ifndef WORKER_SMTP_H
#define WORKER_SMTP_H

#include "worker/tls_context.h"

/* Of a command with its parameters, CRLF included; only AUTH's is longer. */
enum { smtp_line_max_bytes = 2048 };

/* Bits, so that a command can name every state it is legal in. */
enum smtp_state {
	SMTP_START = 1 << 0,	/* greeted; no HELO yet */
	SMTP_READY = 1 << 1,	/* HELO or EHLO taken, no transaction */
	SMTP_MAIL = 1 << 2,	/* sender taken */
	SMTP_RCPT = 1 << 3,	/* at least one recipient taken */
	SMTP_ANY = (1 << 4) - 1
};

struct smtp_session {
	struct ask			*master;
	const struct ipc_settings	*settings;
	struct lineio			*io;
	struct peer			*peer;
	struct ipc_session		 start;
	bool				 tls;		/* is on */
	struct tls_peer			 under_tls;
	int64_t				 start_ms;
	uint64_t			 message_octets; /* of all messages */
	enum smtp_state			 state;
	/* Accepts whatever it can store, and remarks on what others refuse. */
	bool				 catcher;
	bool				 submission;	/* of our own users */
	bool				 logged_in;
	unsigned			 login_failures;
	unsigned			 unknown;	/* recipients */
	bool				 challenged;	/* 334 was sent */
	struct ipc_login		 login;	/* of AUTH, so far */
	struct ipc_mail			 hello;	/* esmtp and helo alone */
	/* Of this transaction: */
	bool				 smtputf8;
	struct ipc_record		 mail;
	bool				 mail_due;	/* with RCPT */
	uint64_t			 recipients;
	char				 stored[ipc_id_bytes + 1];
	bool				 may_be_secret;	/* current line */
	bool				 refused;	/* something was */
	struct ipc_end			 end;		/* counts so far */
};

/*
 * The job of IPC_SESSION, which is in *r, with its client's socket (output:
 * written to in its place; or -1); closes them.
 */
void	smtp_session_run(struct ask *master,
	    const struct ipc_settings *settings, const struct ipc_record *r,
	    int socket, int output);

/*
 * Sets the time limits again: a session may last longer the more octets of
 * messages have come; commands, and octets over the size limit, do not count.
 */
void	smtp_extend(struct smtp_session *s);
/* Adds reply to the output. */
enum line_result smtp_write(struct smtp_session *s, enum smtp_reply reply);
/* The reply when reading or writing failed; REPLY_NONE: end.end is set. */
enum smtp_reply	smtp_read_failed(struct smtp_session *s, enum line_result r);

/* Runs one command line, without its CRLF. */
enum smtp_reply	smtp_cmd_run(struct smtp_session *s, struct span line);

/* Does EHLO name AUTH now (RFC 4954)? */
bool	smtp_auth_is_offered(const struct smtp_session *s);
/* Takes the line that answers AUTH's challenge, or the failure to read it. */
enum smtp_reply	smtp_auth_respond(struct smtp_session *s, enum line_result r,
		    struct span line);

/* Runs DATA: reads a message to its end, stores it, and tells the master. */
enum smtp_reply	smtp_data_receive(struct smtp_session *s, struct span arg);

/*
 * ---- transcript.c: the dialogue, without message and passwords ----------
 *
 * Kept until the end of the session: sent to the master if something was
 * refused, else dropped.  Or shown by a catcher, line by line.
 */

/* Drops the previous session's; mode: enum ipc_trace_mode. */
void	transcript_begin(struct ask *master, uint8_t mode);
/* A client's line, without its end; known: it begins with a verb. */
void	transcript_command(struct span line, bool known);
/* A reply of ours, of one line or more. */
void	transcript_reply(struct span octets);

/*
 * A remark in our words, for transcripts of this mode: KEEP, what happened;
 * LIVE, a hint for a developer; ANY, what stands in place of a secret line.
 */
void	transcript_remark(enum ipc_trace_mode mode, const char *text);
/* Sends what was kept to the master, if something was refused. */
void	transcript_end(bool refused);

#endif
