/*
 * Values that are numbers in records and words for people: tables, expanded to
 * an enum here, and by IPC_WORD to words where those are needed.
 */
#ifndef SHARED_IPC_WORDS_H
#define SHARED_IPC_WORDS_H

/* For rows that begin with (prefix of the constants, name, ...). */
#define IPC_ENUM(P, name, ...)	P##name,
#define IPC_WORD(P, name, word)	[P##name] = word,

/* Notes of a worker for the log. */
#define IPC_NOTES(X, P)							\
	X(P, SYNTAX, "syntax error")					\
	X(P, SEQUENCE, "command out of sequence")			\
	X(P, UNKNOWN_COMMAND, "unknown command")			\
	X(P, LINE_TOO_LONG, "command line too long")			\
	X(P, HTTP, "HTTP or a header field, not SMTP")			\
	X(P, NUL, "NUL in a command line")				\
	X(P, BARE_COMMAND, "bare CR or LF in a command line")		\
	X(P, BARE_MESSAGE, "bare CR or LF in the message")		\
	X(P, NUL_MESSAGE, "NUL in the message")				\
	X(P, TOO_BIG, "message over the size limit")			\
	X(P, LOOP, "too many Received fields: a mail loop")		\
	X(P, NO_UTF8, "non-ASCII address without SMTPUTF8")		\
	X(P, PLAIN_TEXT, "password or mail without TLS")		\
	X(P, NO_LOGIN, "mail without a login")				\
	X(P, NO_FROM, "no From field")					\
	X(P, TWO_FROM, "two From or Sender fields")			\
	X(P, BAD_FROM, "From or Sender cannot be read")			\
	X(P, CONTROL_FROM, "control character in From or Sender")	\
	X(P, LONG_FROM, "From or Sender too long")			\
	X(P, BAD_HEADER, "a header line is not a field")		\
	X(P, WRITE_FAILED, "the spool file could not be written")
enum note { IPC_NOTES(IPC_ENUM, NOTE_) NOTE_COUNT };

/* How a session ended, for log and counters. */
#define IPC_ENDS(X, P)							\
	X(P, QUIT, "quit")						\
	X(P, EOF, "closed by client")					\
	X(P, TIMEOUT, "idle for too long")				\
	X(P, TOO_LONG, "session too long")				\
	X(P, ERRORS, "too many errors")					\
	X(P, REFUSED, "refused for its line ends")			\
	X(P, FAILED, "connection failed")				\
	X(P, TROUBLE, "local trouble")					\
	X(P, STOPPED, "server stopping")				\
	X(P, ROOM, "its slot was needed")				\
	X(P, TLS, "TLS handshake failed")				\
	X(P, PROXY, "no PROXY header")					\
	X(P, AWAY, "turned away")
enum session_end { IPC_ENDS(IPC_ENUM, END_) END_COUNT };

/*
 * Decisions of the master: constant, reply to the client (for OK that of its
 * command), counter for RCPT, word in the log.
 */
#define VERDICTS(X, P)							\
	X(P, OK, TROUBLE, RCPT_OK, "ok")				\
	X(P, UNKNOWN, UNKNOWN_RCPT, RCPT_UNKNOWN, "no such recipient")	\
	X(P, FOREIGN, FOREIGN_RCPT, RCPT_FOREIGN, "relaying denied")	\
	X(P, TOO_MANY, TOO_MANY_RCPTS, RCPT_TOO_MANY,			\
	    "too many recipients")					\
	X(P, MAILS_HOUR, MAILS_HOUR, RCPT_RATE,				\
	    "too much mail of this user in an hour")			\
	X(P, RCPTS_DAY, RCPTS_DAY, RCPT_RATE,				\
	    "too many recipients of this user in a day")		\
	X(P, DISK_FULL, DISK_FULL, RCPT_DISK, "disk nearly full")	\
	/* The recipient's entry or Maildir is faulty: temporary. */	\
	X(P, BROKEN, TROUBLE, RCPT_TROUBLE, "the recipient is broken here") \
	/* A local error, which the master has logged. */		\
	X(P, TROUBLE, TROUBLE, RCPT_TROUBLE, "local trouble")
enum verdict { VERDICTS(IPC_ENUM, VERDICT_) VERDICT_COUNT };

/* Why a PROXY header was refused. */
#define IPC_PROXY_FAILS(X, P)						\
	X(P, NONE, "it does not begin with a PROXY header")		\
	X(P, CLOSED, "the connection ended before its header did")	\
	X(P, TIMEOUT, "the header did not come within 5 seconds")	\
	X(P, GONE, "the server stopped meanwhile")			\
	X(P, LOST, "the connection was lost")				\
	X(P, LONG, "a line of more than 107 octets")			\
	X(P, LINE_END, "a line that does not end with CRLF")		\
	X(P, SYNTAX, "a line that is not a valid header")		\
	X(P, ADDRESS, "an address that is not of its family")		\
	X(P, PORT, "a port that is not a number up to 65535")		\
	X(P, VERSION, "a version that is not known")			\
	X(P, COMMAND, "a command that is neither LOCAL nor PROXY")	\
	X(P, FAMILY, "a family that is not TCP over IPv4 or IPv6")	\
	X(P, SHORT, "too few octets for its addresses")			\
	X(P, LARGE, "a header of more than 528 octets")
enum proxy_fail { IPC_PROXY_FAILS(IPC_ENUM, PROXY_FAIL_) PROXY_FAIL_COUNT,
    PROXY_OK = PROXY_FAIL_COUNT, PROXY_MORE };	/* no failure, in the worker */

/* Why a handshake failed. */
#define IPC_TLS_FAILS(X, P)						\
	X(P, INJECTED, "data after STARTTLS, before the handshake")	\
	X(P, CLOSED, "the client closed the connection")		\
	X(P, TIMEOUT, "the client was silent for too long")		\
	X(P, GONE, "the server stopped meanwhile")			\
	X(P, LOST, "the connection was lost")				\
	X(P, NOT_TLS, "what the client sent is not TLS")		\
	X(P, VERSION, "the client supports neither TLS 1.2 nor TLS 1.3") \
	X(P, SUITE, "no cipher suite or group in common")		\
	X(P, UNTRUSTED, "the client does not trust our certificate")	\
	X(P, ALERT, "the client refused with an alert")			\
	X(P, NO_SIGNATURE, "the sign process gave no signature")	\
	X(P, NO_CONTEXT, "no memory for a TLS session")			\
	X(P, PROTOCOL, "the client violated the TLS protocol")
enum tls_fail { IPC_TLS_FAILS(IPC_ENUM, TLS_FAIL_) TLS_FAIL_COUNT };

/*
 * What is wrong with a certificate and its key (NONE: with a pair that comes
 * by a renewal): whether the fault is in the key's file, and the error.
 */
#define IPC_TLS_FAULTS(X, P)						\
	X(P, NONE, false, "the first \"tls\" takes a restart: no "	\
	    "process runs that could hold its key")			\
	X(P, CERTIFICATE, false, "holds no certificate in PEM")		\
	X(P, CHAIN, false, "a certificate after the first is malformed") \
	X(P, HASH, false, "a certificate in it is signed with a hash as " \
	    "weak as SHA-1, which clients refuse")			\
	X(P, KEY, true, "holds no private key in PEM")			\
	X(P, PASSWORD, true, "its key is locked by a passphrase, and "	\
	    "nobody is there to type it")				\
	X(P, KIND, true, "neither an RSA nor an EC key")		\
	X(P, BITS, true, "an RSA key must have 2048 to 4096 bits")	\
	X(P, CURVE, true, "an EC key must have at least 224 bits")	\
	X(P, MATCH, true, "not the key of this certificate")
enum tls_fault { IPC_TLS_FAULTS(IPC_ENUM, TLS_FAULT_) TLS_FAULT_COUNT };

#endif
