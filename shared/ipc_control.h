/*
 * Payloads of the records between smtpctl and the master.  Rows of the table in
 * shared/ipc_table.h.
 */
#ifndef SHARED_IPC_CONTROL_H
#define SHARED_IPC_CONTROL_H

#include "shared/ipc_session.h"

/*
 * CLIENT: what the server knows about one client's address.  ROUTE: which way
 * mail for a domain would take.  QUEUE: messages of the queue that match.
 */
enum ipc_question { QUESTION_STATUS, QUESTION_STATS, QUESTION_CLIENT,
    QUESTION_ROUTE, QUESTION_QUEUE, QUESTION_COUNT };
enum ipc_queue_act { QUEUE_LIST, QUEUE_SHOW, QUEUE_RETRY, QUEUE_REMOVE,
    QUEUE_ACT_COUNT };
enum { ipc_match_bytes = smtp_domain_max_bytes + 1 };
enum ipc_form { FORM_TEXT, FORM_JSON, FORM_OPENMETRICS, FORM_COUNT };

/*
 * A question.  Its answer is any number of TELL_TEXT, and TELL_END; for a user
 * who may not ask, the master closes the connection.
 */
struct ipc_ask {
	uint8_t		what;		/* enum ipc_question */
	uint8_t		form;		/* enum ipc_form */
	uint8_t		all;		/* STATUS: list sessions and workers */
	uint8_t		ipv6;		/* CLIENT: the address */
	uint8_t		ip[16];		/* IPv4: the first four octets */
	/* QUEUE: what to do with which messages; "" and 0 match all. */
	uint8_t		act;		/* enum ipc_queue_act */
	uint64_t	age_s;		/* queued at least so long ago */
	char		id[ipc_id_bytes + 1];
	/* Addresses, or "@example.org"; "<>" is the null sender. */
	char		from[ipc_match_bytes];
	char		to[ipc_match_bytes];
	char		site[ipc_match_bytes];	/* ROUTE: the domain */
};

/* A piece of the answer.  smtpctl does not trust the octets it shows. */
struct ipc_tell_text {
	uint16_t	n;
	char		text[1000];
};

#endif
