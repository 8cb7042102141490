/*
 * Every reply of the server (RFC 5321 4.2, RFC 2034, 3463).  None has an octet
 * of the client's, or a line of more than 512 (4.5.3.1.5).
 */
#ifndef SHARED_SMTP_REPLY_H
#define SHARED_SMTP_REPLY_H

#include "shared/buf.h"
#include "shared/ipc_words.h"

/*
 * name, note, end, text: a note for the log (ipc_words.h) or NONE; how it ends
 * the session or NONE; code, enhanced code where RFC 2034 wants one, words.  %h
 * is our host name, %i the id of a message.
 */
#define SMTP_REPLIES(X)							\
	X(GREETING, NONE, NONE, "220 %h ESMTP smtpd")			\
	X(HELO, NONE, NONE, "250 %h")					\
	X(EHLO, NONE, NONE, "250 %h") /* smtp_reply_write_ehlo */	\
	X(OK, NONE, NONE, "250 2.0.0 ok")				\
	X(HELP, NONE, NONE, "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP" \
	    " QUIT VRFY HELP: see RFC 5321")				\
	X(START_TLS, NONE, NONE, "220 2.0.0 begin TLS now")		\
	X(BYE, NONE, QUIT, "221 2.0.0 %h closing connection")		\
	X(SENDER_OK, NONE, NONE, "250 2.1.0 sender ok")			\
	X(RCPT_OK, NONE, NONE, "250 2.1.5 recipient ok")		\
	X(AUTH_OK, NONE, NONE, "235 2.7.0 logged in")			\
	X(STORED, NONE, NONE, "250 2.0.0 stored as %i")			\
	X(VRFY, NONE, NONE, "252 2.1.5 cannot verify; send mail and see") \
	X(AUTH_PLAIN, NONE, NONE, "334 ")				\
	X(AUTH_NAME, NONE, NONE, "334 VXNlcm5hbWU6") /* "Username:" */	\
	X(AUTH_PASSWORD, NONE, NONE, "334 UGFzc3dvcmQ6") /* "Password:" */ \
	X(AUTH_CRAM, NONE, NONE, "334 PGNhdGNoZXJAc210cGQ+") /* sasl.h */ \
	X(DATA, NONE, NONE, "354 end data with <CRLF>.<CRLF>")		\
	X(IDLE, NONE, TIMEOUT, "421 4.4.2 %h idle for too long, closing") \
	X(SESSION_LONG, NONE, TOO_LONG, "421 4.4.2 %h session too long," \
	    " closing")							\
	X(ERRORS, NONE, ERRORS, "421 4.7.0 %h too many errors, closing") \
	X(UNKNOWN_MANY, NONE, ERRORS, "421 4.7.0 %h too many unknown"	\
	    " recipients, closing")					\
	X(A_WHILE, NONE, AWAY, "421 4.7.0 %h refused for a while")	\
	X(HOST_FULL, NONE, AWAY, "421 4.7.0 %h too many sessions from you") \
	X(NETWORK_FULL, NONE, AWAY, "421 4.7.0 %h too many sessions from" \
	    " your network")						\
	X(NO_MEMORY, NONE, AWAY, "421 4.7.0 %h no memory, try later")	\
	X(ROOM, NONE, ROOM, "421 4.3.2 %h too busy, try later")		\
	X(STOPPING, NONE, STOPPED, "421 4.3.2 %h shutting down, try again" \
	    " soon")							\
	X(TROUBLE_CLOSE, NONE, TROUBLE, "421 4.3.0 %h local trouble, try" \
	    " later")							\
	X(MAILS_HOUR, NONE, NONE, "450 4.7.1 too much mail from you in an" \
	    " hour, try later")						\
	X(RCPTS_DAY, NONE, NONE, "450 4.7.1 too many recipients from you in" \
	    " a day, try later")					\
	X(TROUBLE, NONE, NONE, "451 4.3.0 local trouble, try later")	\
	X(DISK_FULL, NONE, NONE, "452 4.3.1 not enough disk space, try later") \
	X(TOO_MANY_RCPTS, NONE, NONE, "452 4.5.3 too many recipients")	\
	X(TLS_TROUBLE, NONE, NONE, "454 4.7.0 TLS is not available now, try" \
	    " later")							\
	X(AUTH_LATER, NONE, NONE, "454 4.7.0 too many failed logins, try" \
	    " later")							\
	X(AUTH_TROUBLE, NONE, NONE, "454 4.7.0 passwords cannot be checked" \
	    " now, try later")						\
	X(UNKNOWN, UNKNOWN_COMMAND, NONE, "500 5.5.1 unknown command")	\
	X(LINE_LONG, LINE_TOO_LONG, NONE, "500 5.5.2 line too long")	\
	X(LINE_NUL, NUL, NONE, "500 5.5.2 NUL in a command line")	\
	X(LINE_BARE, BARE_COMMAND, REFUSED, "500 5.5.2 bare CR or LF; a" \
	    " line ends with CRLF")					\
	X(AUTH_LONG, LINE_TOO_LONG, NONE, "500 5.5.6 line too long")	\
	X(ARGUMENT, SYNTAX, NONE, "501 5.5.4 syntax error in the argument") \
	X(NO_ARGUMENT, SYNTAX, NONE, "501 5.5.4 no argument allowed")	\
	X(HTTP, HTTP, ERRORS, "500 5.5.1 HTTP or a header field, not SMTP;" \
	    " closing")							\
	X(NO_BRACKETS, SYNTAX, NONE, "501 5.5.4 the address must be in < >") \
	X(ADDRESS_LONG, SYNTAX, NONE, "501 5.5.4 more than 255 octets"	\
	    " before or after the @")					\
	X(BAD_SENDER, SYNTAX, NONE, "501 5.1.7 sender address not"	\
	    " well-formed")						\
	X(BAD_RCPT, SYNTAX, NONE, "501 5.1.3 recipient address not"	\
	    " well-formed")						\
	X(DOUBLED, SYNTAX, NONE, "501 5.5.4 parameter given twice")	\
	X(BAD_PARAM, SYNTAX, NONE, "501 5.5.4 syntax error in a parameter") \
	X(AUTH_CANCELLED, NONE, NONE, "501 5.7.0 cancelled")		\
	X(AUTH_BAD, SYNTAX, NONE, "501 5.5.2 not base64, or not a message" \
	    " of the mechanism")					\
	X(EXPN, NONE, NONE, "502 5.5.1 EXPN is not offered")		\
	X(NO_TLS, NONE, NONE, "502 5.5.1 STARTTLS is not offered")	\
	X(HELO_FIRST, SEQUENCE, NONE, "503 5.5.1 HELO or EHLO first")	\
	X(EHLO_FIRST, SEQUENCE, NONE, "503 5.5.1 EHLO first")		\
	X(AUTH_AGAIN, SEQUENCE, NONE, "503 5.5.1 logged in already")	\
	X(MAIL_FIRST, SEQUENCE, NONE, "503 5.5.1 MAIL first")		\
	X(RCPT_FIRST, SEQUENCE, NONE, "503 5.5.1 RCPT first: no valid"	\
	    " recipient")						\
	X(MAIL_AGAIN, SEQUENCE, NONE, "503 5.5.1 a sender was given already") \
	X(TLS_ALREADY, NONE, NONE, "503 5.5.1 TLS is on already")	\
	X(INJECTED, NONE, TLS, "503 5.5.1 data after STARTTLS, closing") \
	X(AUTH_MECHANISM, SYNTAX, NONE, "504 5.5.4 unknown mechanism")	\
	X(TLS_FIRST, PLAIN_TEXT, NONE, "530 5.7.0 STARTTLS first")	\
	X(AUTH_FIRST, NO_LOGIN, NONE, "530 5.7.0 log in first")		\
	X(AUTH_OTHER, NONE, NONE, "535 5.7.8 may not act as another user") \
	X(AUTH_WRONG, NONE, NONE, "535 5.7.8 wrong name or password")	\
	X(AUTH_PLAIN_TEXT, PLAIN_TEXT, NONE, "538 5.7.11 STARTTLS first:" \
	    " passwords are taken under TLS only")			\
	X(UNKNOWN_RCPT, NONE, NONE, "550 5.1.1 no such recipient here")	\
	X(FOREIGN_RCPT, NONE, NONE, "550 5.7.1 relaying denied")	\
	X(TOO_BIG, TOO_BIG, NONE, "552 5.3.4 message over the size limit") \
	X(NEEDS_UTF8, NO_UTF8, NONE, "553 5.6.7 a non-ASCII address needs" \
	    " SMTPUTF8")						\
	X(NOT_YOURS, NONE, NONE, "553 5.7.1 that sender address is not yours") \
	X(AUTHOR_NOT_YOURS, NONE, NONE, "553 5.7.1 From or Sender has an" \
	    " address that is not yours")				\
	X(NO_FROM, NO_FROM, NONE, "550 5.6.0 a From field is missing")	\
	X(TWO_FROM, TWO_FROM, NONE, "550 5.6.0 more than one From or Sender" \
	    " field")							\
	X(BAD_FROM, BAD_FROM, NONE, "550 5.6.0 From or Sender is not a list" \
	    " of addresses, or is ambiguous")				\
	X(CONTROL_FROM, CONTROL_FROM, NONE, "550 5.6.0 a control character" \
	    " or a blank line in From or Sender")			\
	X(LONG_FROM, LONG_FROM, NONE, "550 5.6.0 From and Sender are too" \
	    " long, or have too many addresses")			\
	X(BAD_HEADER, BAD_HEADER, NONE, "550 5.6.0 a header line is not a" \
	    " field")							\
	X(EARLY, NONE, AWAY, "554 5.5.1 %h you spoke before the greeting") \
	X(LOOP, LOOP, NONE, "554 5.4.6 too many Received fields: a mail loop") \
	X(BARE, BARE_MESSAGE, REFUSED, "554 5.6.0 bare CR or LF in the"	\
	    " message, closing")					\
	X(NUL, NUL_MESSAGE, NONE, "554 5.6.0 NUL in the message")	\
	X(PARAM, SYNTAX, NONE, "555 5.5.4 unknown parameter")

#define SMTP_REPLY_NAME(name, note, end, text) REPLY_##name,
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
 * The reply to EHLO (RFC 5321 4.1.1.1).  starttls: RFC 3207 is offered now;
 * auth: the mechanisms, or NULL; dsn: RFC 3461 is offered.
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
