/*
 * Records about logins: names and passwords on their way to the auth process,
 * its answers, and the table of passwords, which only that process keeps.
 * Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_AUTH_H
#define SHARED_IPC_AUTH_H

#include <stdint.h>

#include "shared/password_form.h"
#include "shared/sasl.h"
#include "shared/smtp_syntax.h"

enum {
	/* "alice@example.org", or any name in the catcher; NUL included */
	login_name_max_bytes = smtp_local_max_bytes + 1 +
	    smtp_domain_max_bytes + 1
};

/* The client's AUTH.  Each process wipes its copy after use. */
struct ipc_login {
	uint8_t		name_len;	/* at least 1, as password_len */
	uint8_t		password_len;
	uint8_t		as_len;		/* of the authzid; 0: none */
	uint8_t		mechanism;	/* enum sasl_mechanism */
	char		name[sasl_name_max_bytes];
	char		as[sasl_name_max_bytes];
	char		password[sasl_password_max_bytes];
};

enum login_answer {
	LOGIN_OK,
	LOGIN_WRONG,		/* unknown name, or wrong password */
	LOGIN_LATER,		/* too many failures; not checked */
	LOGIN_OTHER,		/* authzid of another; not checked */
	LOGIN_TROUBLE,		/* local trouble; not checked */
	LOGIN_COUNT
};

struct ipc_admit {
	uint32_t	answer;		/* enum login_answer */
};

/* A row of the next table of passwords, which IPC_TABLE ends. */
struct ipc_account {
	struct mailbox	who;
	uint8_t		stored_len;
	char		stored[password_hash_max_bytes];
};

/* The rows that came since the previous IPC_TABLE replace the table. */
struct ipc_table {
	uint64_t	rows;
};

/*
 * Is this the password of who?  For an unknown user it is checked against a
 * row chosen by decoy, so that the answer takes as long.
 */
struct ipc_password {
	uint64_t	ticket;
	uint64_t	decoy;		/* the same each time for a name */
	struct mailbox	who;
	uint8_t		password_len;
	char		password[sasl_password_max_bytes];
};

struct ipc_checked {
	uint64_t	ticket;
	uint32_t	answer;		/* LOGIN_OK, _WRONG or _TROUBLE */
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
