/*
 * What passes between our processes when somebody logs in: names and
 * passwords on their way to the auth process, its answers, and the table of
 * passwords that only it has.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_AUTH_H
#define SHARED_IPC_AUTH_H

#include <stdint.h>

#include "shared/password_form.h"
#include "shared/sasl.h"
#include "shared/smtp_syntax.h"

enum {
	/* "alice@example.org", or what the catcher was told; with its NUL */
	login_name_max_bytes = smtp_local_max_bytes + 1 +
	    smtp_domain_max_bytes + 1
};

/* AUTH: who the client says it is.  Whoever has held one wipes it. */
struct ipc_login {
	uint8_t		name_len;	/* 1 at least, like the next */
	uint8_t		password_len;
	uint8_t		as_len;		/* who to be; 0: the same */
	uint8_t		mechanism;	/* enum sasl_mechanism */
	char		name[sasl_name_max_bytes];
	char		as[sasl_name_max_bytes];
	char		password[sasl_password_max_bytes];
};

enum login_answer {
	LOGIN_OK,
	LOGIN_WRONG,		/* no such name, or not its password */
	LOGIN_LATER,		/* too many were wrong; it was not looked at */
	LOGIN_OTHER,		/* wants to be another; it was not looked at */
	LOGIN_TROUBLE,		/* ours: it could not be looked at */
	LOGIN_COUNT
};

struct ipc_admit {
	uint32_t	answer;		/* enum login_answer */
};

/* A row of the next table of passwords. */
struct ipc_account {
	struct mailbox	who;
	uint8_t		stored_len;
	char		stored[password_hash_max_bytes];
};

/* The rows that came since the last one of these are the table now. */
struct ipc_table {
	uint64_t	rows;
};

/*
 * Is it the password of who?  When there is nobody by that name it is tried
 * against another row, the one that decoy chooses, so that it takes as long.
 */
struct ipc_password {
	uint64_t	ticket;
	uint64_t	decoy;		/* the same for a name each time */
	struct mailbox	who;
	uint8_t		password_len;
	char		password[sasl_password_max_bytes];
};

struct ipc_checked {
	uint64_t	ticket;
	uint32_t	answer;		/* OK, WRONG or TROUBLE */
};

#define IPC_AUTH_PAYLOADS(X)						\
	X(login)							\
	X(admit)							\
	X(account)							\
	X(table)							\
	X(password)							\
	X(checked)

#define IPC_AUTH_RECORDS(X)						\
	X(LOGIN, IPC_FROM_WORKER, login, 0, IPC_AT_SESSION, login)	\
	X(ADMIT, IPC_TO_WORKER, admit, 0, IPC_AT_LOGIN, admit)		\
	X(ACCOUNT, IPC_TO_AUTH, account, 0, IPC_AT_ANY, account)	\
	X(TABLE, IPC_TO_AUTH, table, 0, IPC_AT_ANY, any)		\
	X(PASSWORD, IPC_TO_AUTH, password, 0, IPC_AT_ANY, password)	\
	X(CHECKED, IPC_FROM_AUTH, checked, 0, IPC_AT_ANY, checked)

#endif
