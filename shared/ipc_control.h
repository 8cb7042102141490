/*
 * Payloads of the records on the control socket: questions of smtpctl and
 * answers of the master.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_CONTROL_H
#define SHARED_IPC_CONTROL_H

#include <stdint.h>

enum {
	ipc_held_bytes = 128,
	ipc_sessions_max = 1000,	/* listed in one answer */
	ipc_addresses_max = 100
};

/* QUESTION_CLIENT: what the server knows about one client's address. */
enum ipc_question { QUESTION_STATUS, QUESTION_STATS, QUESTION_CLIENT,
    QUESTION_COUNT };

enum ipc_form { FORM_TEXT, FORM_JSON, FORM_OPENMETRICS, FORM_COUNT };

struct ipc_ask {
	uint8_t		what;		/* enum ipc_question */
	uint8_t		form;		/* enum ipc_form */
	uint8_t		all;		/* STATUS: list sessions and workers */
	uint8_t		ipv6;		/* CLIENT: the address */
	uint8_t		ip[16];		/* IPv4: the first four octets */
};

/* A piece of the answer.  smtpctl does not trust the octets it shows. */
struct ipc_tell_text {
	uint16_t	n;
	char		text[1000];
};

/* The last record of every answer. */
struct ipc_tell_end {
	uint8_t		status;		/* exit status: 0, or 1 on failure */
};

/*
 * Rows of IPC_RECORDS.  An answer is any number of TELL_TEXT, and TELL_END;
 * for a user who may not ask, the master closes the connection.
 */
#define IPC_CONTROL_RECORDS(X)						\
	X(ASK, IPC_FROM_CONTROL, ask, 0, IPC_AT_ASK, ask)		\
	X(TELL_TEXT, IPC_TO_CONTROL, tell_text, 0,			\
	    IPC_AT_ASK, tell_text)					\
	X(TELL_END, IPC_TO_CONTROL, tell_end, 0, IPC_AT_ASK, tell_end)

/* The payloads, as members of struct ipc_record. */
#define IPC_CONTROL_PAYLOADS(X)						\
	X(ask) X(tell_text) X(tell_end)

#endif
