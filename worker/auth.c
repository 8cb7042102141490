/*
 * The process that owns the passwords.  The master sends it the table, and
 * asks one question at a time; so hashing never takes more memory than one
 * hash needs, and it runs at a lower priority than the other processes.
 */
#include "worker/helper.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/password_check.h"

enum { niceness = 10 };

struct table {
	struct ipc_account	*rows;
	size_t			 n;
	size_t			 room;
};

static struct table table, coming;

/* Every octet of a struct mailbox is defined, so memcmp(3) compares two. */
static int
by_name(const void *a, const void *b)
{
	const struct ipc_account *x = a, *y = b;

	return memcmp(&x->who, &y->who, sizeof(x->who));
}

static void
forget(struct table *t)
{
	if (t->rows != NULL)
		sodium_memzero(t->rows, t->room * sizeof(*t->rows));
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

/* Not by realloc(3), which does not wipe the memory it moves from. */
static void
grow(struct table *t)
{
	struct table larger = { .n = t->n,
	    .room = t->room == 0 ? 64 : 2 * t->room };

	larger.rows = calloc(larger.room, sizeof(*larger.rows));
	if (larger.rows == NULL)
		_exit(1);	/* the master notices */
	if (t->n > 0)
		memcpy(larger.rows, t->rows, t->n * sizeof(*t->rows));
	forget(t);
	*t = larger;
}

/* An incomplete table would lack passwords: the process ends instead. */
static void
take_table(uint64_t rows)
{
	if (rows != coming.n)
		_exit(1);
	if (coming.n > 0)
		qsort(coming.rows, coming.n, sizeof(*coming.rows), by_name);
	forget(&table);
	table = coming;
	memset(&coming, 0, sizeof(coming));
}

/* The check of an unknown name takes as long as that of a known one. */
static enum smtp_reply
check(const struct ipc_password *question)
{
	struct ipc_account key = { .who = question->who };
	const struct ipc_account *row, *tried;
	enum password_match match = PASSWORD_UNCHECKED;
	struct password_form form;

	if (table.n == 0)
		return REPLY_AUTH_WRONG;
	row = bsearch(&key, table.rows, table.n, sizeof(key), by_name);
	tried = row != NULL ? row : &table.rows[question->decoy % table.n];
	if (password_form_parse(span_from(tried->stored, tried->stored_len),
	    &form) == NULL)
		match = password_check(&form, span_from(question->password,
		    question->password_len));
	if (match == PASSWORD_UNCHECKED)
		return REPLY_AUTH_TROUBLE;
	return match == PASSWORD_RIGHT && row != NULL ?
	    REPLY_AUTH_OK : REPLY_AUTH_WRONG;
}

static void
take(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_CHECKED };

	if (r->type == IPC_ACCOUNT) {
		if (coming.n == coming.room)
			grow(&coming);
		coming.rows[coming.n++] = r->u.account;
	} else if (r->type == IPC_TABLE) {
		take_table(r->u.number.n);
	} else {
		answer.u.checked.ticket = r->u.password.ticket;
		answer.u.checked.answer = check(&r->u.password);
		helper_answer(channel, &answer);
	}
}

void
auth_run(int channel)
{
	if (sodium_init() == -1)
		_exit(1);
	(void)setpriority(PRIO_PROCESS, 0, niceness);
	helper_serve(channel, SANDBOX_AUTH, IPC_TO_AUTH, 1, take);
}
