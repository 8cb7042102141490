/*
 * Values that are numbers in records and words for people: tables, expanded to
 * an enum here and to words where they are needed.
 */
#ifndef SHARED_IPC_WORDS_H
#define SHARED_IPC_WORDS_H

/* Notes of a worker for the log; one table, one text each. */
#define IPC_NOTES(X)							\
	X(SYNTAX, "syntax error")					\
	X(SEQUENCE, "command out of sequence")				\
	X(UNKNOWN_COMMAND, "unknown command")				\
	X(LINE_TOO_LONG, "command line too long")			\
	X(HTTP, "HTTP or a field of a header, not SMTP")		\
	X(NUL, "NUL in a command line")					\
	X(BARE_COMMAND, "bare CR or LF in a command line")		\
	X(BARE_MESSAGE, "bare CR or LF in the message")			\
	X(NUL_MESSAGE, "NUL in the message")				\
	X(TOO_BIG, "message over the size limit")			\
	X(LOOP, "too many Received fields: a mail loop")		\
	X(NO_UTF8, "non-ASCII address without SMTPUTF8")		\
	X(PLAIN_TEXT, "password or mail without TLS")			\
	X(NO_LOGIN, "mail without a login")				\
	X(NO_FROM, "no From field")					\
	X(TWO_FROM, "two From or Sender fields")			\
	X(BAD_FROM, "From or Sender cannot be read")			\
	X(CONTROL_FROM, "control character in From or Sender")		\
	X(LONG_FROM, "From or Sender too long")				\
	X(BAD_HEADER, "a header line is no field")			\
	X(WRITE_FAILED, "the spool file could not be written")

#define IPC_NOTE_NAME(name, text) NOTE_##name,
enum note { IPC_NOTES(IPC_NOTE_NAME) NOTE_COUNT };
#undef IPC_NOTE_NAME

/* How a session ended; one table, one text each for log and counters. */
#define IPC_ENDS(X, Y)							\
	X(Y, QUIT, "quit")						\
	X(Y, EOF, "closed by client")					\
	X(Y, TIMEOUT, "idle for too long")				\
	X(Y, TOO_LONG, "session too long")				\
	X(Y, ERRORS, "too many errors")					\
	X(Y, REFUSED, "refused for its line ends")			\
	X(Y, FAILED, "connection failed")				\
	X(Y, TROUBLE, "local trouble")					\
	X(Y, STOPPED, "server stopping")				\
	X(Y, ROOM, "its slot was needed")				\
	X(Y, TLS, "no TLS came about")					\
	X(Y, PROXY, "no PROXY header")					\
	X(Y, AWAY, "turned away")

#define IPC_END_NAME(Y, name, text) END_##name,
enum session_end { IPC_ENDS(IPC_END_NAME, ) END_COUNT };
#undef IPC_END_NAME

/* Why the time that a client may be silent has changed. */
enum stress {
	STRESS_NONE,		/* the usual timeout */
	STRESS_FULL,		/* the pool fills */
	STRESS_EVICT,		/* another client needs the slot */
	STRESS_END,		/* the server shuts down */
	STRESS_COUNT
};

#endif
