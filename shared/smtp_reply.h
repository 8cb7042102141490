/*
 * Every reply the server can give, as one table (RFC 5321 4.2, RFC 2034, RFC
 * 3463).  A reply never holds an octet of the client's, and no reply line is
 * longer than 512 octets (RFC 5321 4.5.3.1.5).
 */
#ifndef SHARED_SMTP_REPLY_H
#define SHARED_SMTP_REPLY_H

#include "shared/buf.h"
#include "shared/ipc_words.h"

/*
 * name, effect, text: code, enhanced code where RFC 2034 wants one, words.  %h
 * is our host name, %i the id of a message.  The effect is what else follows: a
 * note for the log (ipc_words.h), or the end of the session.
 */
#define SMTP_REPLIES(X)							\
	X(GREETING, NONE, "220 %h ESMTP smtpd")				\
	X(HELO, NONE, "250 %h")						\
	X(EHLO, NONE, "250 %h") /* smtp_reply_write_ehlo */		\
	X(OK, NONE, "250 2.0.0 ok")					\
	X(HELP, NONE, "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY" \
	    " HELP: see RFC 5321")					\
	X(START_TLS, NONE, "220 2.0.0 begin TLS now")			\
	X(BYE, END(QUIT), "221 2.0.0 %h closing connection")		\
	X(SENDER_OK, NONE, "250 2.1.0 sender ok")			\
	X(RCPT_OK, NONE, "250 2.1.5 recipient ok")			\
	X(AUTH_OK, NONE, "235 2.7.0 logged in")				\
	X(STORED, NONE, "250 2.0.0 stored as %i")			\
	X(VRFY, NONE, "252 2.1.5 cannot verify; send mail and see")	\
	X(AUTH_PLAIN, NONE, "334 ")					\
	X(AUTH_NAME, NONE, "334 VXNlcm5hbWU6") /* "Username:" */	\
	X(AUTH_PASSWORD, NONE, "334 UGFzc3dvcmQ6") /* "Password:" */	\
	X(AUTH_CRAM, NONE, "334 PGNhdGNoZXJAc210cGQ+") /* SASL_CHALLENGE */ \
	X(DATA, NONE, "354 end data with <CRLF>.<CRLF>")		\
	X(IDLE, END(TIMEOUT), "421 4.4.2 %h idle for too long, closing") \
	X(SESSION_LONG, END(TOO_LONG), "421 4.4.2 %h session too long,"	\
	    " closing")							\
	X(ERRORS, END(ERRORS), "421 4.7.0 %h too many errors, closing")	\
	X(UNKNOWN_MANY, END(ERRORS), "421 4.7.0 %h too many unknown"	\
	    " recipients, closing")					\
	X(A_WHILE, END(AWAY), "421 4.7.0 %h refused for a while")	\
	X(HOST_FULL, END(AWAY), "421 4.7.0 %h too many sessions from you") \
	X(NETWORK_FULL, END(AWAY), "421 4.7.0 %h too many sessions from your" \
	    " network")							\
	X(NO_MEMORY, END(AWAY), "421 4.7.0 %h no memory, try later")	\
	X(ROOM, END(ROOM), "421 4.3.2 %h too busy, try later")		\
	X(STOPPING, END(STOPPED), "421 4.3.2 %h shutting down, try again" \
	    " soon")							\
	X(TROUBLE_CLOSE, END(TROUBLE), "421 4.3.0 %h local trouble, try" \
	    " later")							\
	X(MAILS_HOUR, NONE, "450 4.7.1 too much mail from you in an hour," \
	    " try later")						\
	X(RCPTS_DAY, NONE, "450 4.7.1 too many recipients from you in a day," \
	    " try later")						\
	X(TROUBLE, NONE, "451 4.3.0 local trouble, try later")		\
	X(DISK_FULL, NONE, "452 4.3.1 not enough disk space, try later") \
	X(TOO_MANY_RCPTS, NONE, "452 4.5.3 too many recipients")	\
	X(TLS_TROUBLE, NONE, "454 4.7.0 TLS is not available now, try later") \
	X(AUTH_LATER, NONE, "454 4.7.0 too many failed logins, try later") \
	X(AUTH_TROUBLE, NONE, "454 4.7.0 passwords cannot be checked now, try" \
	    " later")							\
	X(UNKNOWN, NOTE(UNKNOWN_COMMAND), "500 5.5.1 unknown command")	\
	X(LINE_LONG, NOTE(LINE_TOO_LONG), "500 5.5.2 line too long")	\
	X(LINE_NUL, NOTE(NUL), "500 5.5.2 NUL in a command line")	\
	X(LINE_BARE, BOTH(BARE_COMMAND, REFUSED), "500 5.5.2 bare CR or LF; a" \
	    " line ends with CRLF")					\
	X(AUTH_LONG, NOTE(LINE_TOO_LONG), "500 5.5.6 line too long")	\
	X(ARGUMENT, NOTE(SYNTAX), "501 5.5.4 syntax error in the argument") \
	X(NO_ARGUMENT, NOTE(SYNTAX), "501 5.5.4 no argument allowed")	\
	X(HTTP, BOTH(HTTP, ERRORS), "500 5.5.1 HTTP or a header field, not" \
	    " SMTP; closing")						\
	X(NO_BRACKETS, NOTE(SYNTAX), "501 5.5.4 the address must be in < >") \
	X(ADDRESS_LONG, NOTE(SYNTAX), "501 5.5.4 more than 255 octets before" \
	    " or after the @")						\
	X(BAD_SENDER, NOTE(SYNTAX), "501 5.1.7 sender address not"	\
	    " well-formed")						\
	X(BAD_RCPT, NOTE(SYNTAX), "501 5.1.3 recipient address not"	\
	    " well-formed")						\
	X(DOUBLED, NOTE(SYNTAX), "501 5.5.4 parameter given twice")	\
	X(BAD_PARAM, NOTE(SYNTAX), "501 5.5.4 syntax error in a parameter") \
	X(AUTH_CANCELLED, NONE, "501 5.7.0 cancelled")			\
	X(AUTH_BAD, NOTE(SYNTAX), "501 5.5.2 not base64, or not a message of" \
	    " the mechanism")						\
	X(EXPN, NONE, "502 5.5.1 EXPN is not offered")			\
	X(NO_TLS, NONE, "502 5.5.1 STARTTLS is not offered")		\
	X(HELO_FIRST, NOTE(SEQUENCE), "503 5.5.1 HELO or EHLO first")	\
	X(EHLO_FIRST, NOTE(SEQUENCE), "503 5.5.1 EHLO first")		\
	X(AUTH_AGAIN, NOTE(SEQUENCE), "503 5.5.1 logged in already")	\
	X(MAIL_FIRST, NOTE(SEQUENCE), "503 5.5.1 MAIL first")		\
	X(RCPT_FIRST, NOTE(SEQUENCE), "503 5.5.1 RCPT first: no valid"	\
	    " recipient")						\
	X(MAIL_AGAIN, NOTE(SEQUENCE), "503 5.5.1 a sender was given already") \
	X(TLS_ALREADY, NONE, "503 5.5.1 TLS is on already")		\
	X(INJECTED, END(TLS), "503 5.5.1 data after STARTTLS, closing")	\
	X(AUTH_MECHANISM, NOTE(SYNTAX), "504 5.5.4 unknown mechanism")	\
	X(TLS_FIRST, NOTE(PLAIN_TEXT), "530 5.7.0 STARTTLS first")	\
	X(AUTH_FIRST, NOTE(NO_LOGIN), "530 5.7.0 log in first")		\
	X(AUTH_OTHER, NONE, "535 5.7.8 may not act as another user")	\
	X(AUTH_WRONG, NONE, "535 5.7.8 wrong name or password")		\
	X(AUTH_PLAIN_TEXT, NOTE(PLAIN_TEXT), "538 5.7.11 STARTTLS first:" \
	    " passwords are taken under TLS only")			\
	X(UNKNOWN_RCPT, NONE, "550 5.1.1 no such recipient here")	\
	X(FOREIGN_RCPT, NONE, "550 5.7.1 relaying denied")		\
	X(TOO_BIG, NOTE(TOO_BIG), "552 5.3.4 message over the size limit") \
	X(NEEDS_UTF8, NOTE(NO_UTF8), "553 5.6.7 a non-ASCII address needs" \
	    " SMTPUTF8")						\
	X(NOT_YOURS, NONE, "553 5.7.1 that sender address is not yours") \
	X(AUTHOR_NOT_YOURS, NONE, "553 5.7.1 From or Sender has an address" \
	    " that is not yours")					\
	X(NO_FROM, NOTE(NO_FROM), "550 5.6.0 a From field is missing")	\
	X(TWO_FROM, NOTE(TWO_FROM), "550 5.6.0 more than one From or Sender" \
	    " field")							\
	X(BAD_FROM, NOTE(BAD_FROM), "550 5.6.0 From or Sender is not a list" \
	    " of addresses, or is ambiguous")				\
	X(CONTROL_FROM, NOTE(CONTROL_FROM), "550 5.6.0 a control character or" \
	    " a blank line in From or Sender")				\
	X(LONG_FROM, NOTE(LONG_FROM), "550 5.6.0 From and Sender are too" \
	    " long, or have too many addresses")			\
	X(BAD_HEADER, NOTE(BAD_HEADER), "550 5.6.0 a header line is not a" \
	    " field")							\
	X(EARLY, END(AWAY), "554 5.5.1 %h you spoke before the greeting") \
	X(LOOP, NOTE(LOOP), "554 5.4.6 too many Received fields: a mail loop") \
	X(BARE, BOTH(BARE_MESSAGE, REFUSED), "554 5.6.0 bare CR or LF in the" \
	    " message, closing")					\
	X(NUL, NOTE(NUL_MESSAGE), "554 5.6.0 NUL in the message")	\
	X(PARAM, NOTE(SYNTAX), "555 5.5.4 unknown parameter")

#define SMTP_REPLY_NAME(name, effect, text) REPLY_##name,
enum smtp_reply {
	SMTP_REPLIES(SMTP_REPLY_NAME)
	REPLY_COUNT,
	REPLY_NONE = REPLY_COUNT	/* close without a reply */
};
#undef SMTP_REPLY_NAME

enum { smtp_reply_max_bytes = 512 };

/* Writes a whole reply, CRLF included.  id is read for replies with %i only. */
void	smtp_reply_write(enum smtp_reply reply, struct span hostname,
	    struct span id, struct buf *out);
/*
 * The reply to EHLO: host name and extensions (RFC 5321 4.1.1.1).  starttls:
 * STARTTLS is offered now (RFC 3207); auth: the mechanisms, NULL: none; dsn:
 * delivery status notifications are (RFC 3461).
 */
void	smtp_reply_write_ehlo(struct span hostname, uint64_t size_max,
	    uint64_t rcpt_max, bool starttls, const char *auth, bool dsn,
	    struct buf *out);
/* True for 4yz and 5yz. */
bool	smtp_reply_is_error(enum smtp_reply reply);
/* The reply to a verdict of the master; ok is that to VERDICT_OK. */
enum smtp_reply	smtp_reply_of(enum verdict v, enum smtp_reply ok);
/* Its word in the log, as "no such recipient"; "ok" for VERDICT_OK. */
const char	*smtp_reply_verdict(enum verdict v);

#endif
