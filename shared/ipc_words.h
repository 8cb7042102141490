/*
 * What records name by number and people by word: each a table, expanded for
 * the enum here and for the words where they are needed.
 */
#ifndef SHARED_IPC_WORDS_H
#define SHARED_IPC_WORDS_H

/* Something a person wants to read in the log; one table, one word each. */
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

/* How a session ended; one table, one word each. */
#define IPC_ENDS(X)							\
	X(QUIT, "quit")							\
	X(EOF, "closed by client")					\
	X(TIMEOUT, "idle for too long")					\
	X(TOO_LONG, "session too long")					\
	X(ERRORS, "too many errors")					\
	X(REFUSED, "refused for its line ends")				\
	X(FAILED, "connection failed")					\
	X(TROUBLE, "local trouble")					\
	X(STOPPED, "server stopping")					\
	X(ROOM, "its place was needed")					\
	X(TLS, "no TLS came about")					\
	X(PROXY, "no PROXY header")					\
	X(AWAY, "turned away")

#define IPC_END_NAME(name, text) END_##name,
enum session_end { IPC_ENDS(IPC_END_NAME) END_COUNT };
#undef IPC_END_NAME

/* Why a client may be silent for less long than before, or for longer. */
enum hurry {
	HURRY_NOT,		/* no more than usual */
	HURRY_FULL,		/* the pool fills */
	HURRY_ROOM,		/* somebody else needs the place */
	HURRY_STOP,		/* the server stops: this is the last */
	HURRY_COUNT
};

#endif
