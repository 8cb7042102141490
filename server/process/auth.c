/* Sends tables of passwords, and one question at a time. */
#include "server/process/helper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/master.h"

/* Rows on their way, of an epoch that is left when they have been sent. */
struct table {
	struct conf_epoch	*epoch;		/* NULL: nothing is sent */
	size_t			 domain, user;	/* next to be sent */
	bool			 begun;		/* TABLE was sent */
};

static struct {
	bool			 busy;		/* has a question */
	uint64_t		 ticket;	/* of the last question */
	struct table		 table;
} auth;

static bool
make_row(const struct conf_domain *d, const struct conf_entry *u,
    struct ipc_account *out)
{
	char text[login_name_max_bytes];

	snprintf(text, sizeof(text), "%s@%s", u->name, d->name);
	if (u->stored == NULL || strlcpy(out->stored, u->stored,
	    sizeof(out->stored)) >= sizeof(out->stored) ||
	    !smtp_mailbox_from_text(span_of(text), &out->who))
		return false;
	return true;
}

static bool
next_account(struct table *t, struct ipc_account *out)
{
	const struct conf *conf = &t->epoch->conf;

	for (; t->domain < conf->domain_count; t->domain++, t->user = 0) {
		const struct conf_domain *d = &conf->domains[t->domain];

		while (t->user < d->users.count)
			if (make_row(d, &d->users.one[t->user++], out))
				return true;
	}
	return false;
}

static bool
next_row(struct table *t, struct ipc_record *out)
{
	struct table ahead = *t;
	uint64_t rows = 0;

	if (t->begun) {
		out->type = IPC_ACCOUNT;
		return next_account(t, &out->u.account);
	}
	while (next_account(&ahead, &out->u.account))
		rows++;
	out->type = IPC_TABLE;
	out->u.number.n = rows;
	t->begun = true;
	return true;
}

/* Leaves an epoch and wipes its passwords: no other process needs them. */
static void
drop_table(void)
{
	if (auth.table.epoch == NULL)
		return;
	conf_forget_passwords(&auth.table.epoch->conf);
	conf_epoch_leave(auth.table.epoch);
	auth.table.epoch = NULL;
}

static void
lost(struct master *m, bool again)
{
	drop_table();
	auth.busy = false;
	m->auth_owner->on_lost(m, again);
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	if (r->type != IPC_CHECKED || !auth.busy ||
	    r->u.checked.ticket != auth.ticket)
		return true;
	auth.busy = false;
	m->auth_owner->on_answer(m, (enum smtp_reply)r->u.checked.answer);
	helper_tell(m, HELPER_AUTH);
	return true;
}

/* A question does not wait for the rows of a table. */
static bool
next(void *helper, struct ipc_record *out)
{
	const struct helper *h = helper;
	struct master *m = h->master;

	for (;;) {
		memset(out, 0, sizeof(*out));
		if (h->state == HELPER_SERVING && !auth.busy &&
		    m->auth_owner->next(m, &out->u.password)) {
			auth.busy = true;
			out->type = IPC_PASSWORD;
			out->u.password.ticket = ++auth.ticket;
			return true;
		}
		if (auth.table.epoch == NULL)
			return false;
		if (next_row(&auth.table, out))
			return true;
		drop_table();
		helper_fed(m, HELPER_AUTH);
	}
}

void
auth_renew(struct master *m)
{
	if (m->helpers[HELPER_AUTH].state < HELPER_UNFED) {
		conf_forget_passwords(&m->conf);
		return;
	}
	drop_table();
	auth.table = (struct table){ .epoch = conf_epoch_enter(m->epoch) };
	helper_tell(m, HELPER_AUTH);
}

/* Sends the current table; at start the master still has it in memory. */
static void
feed(struct master *m, bool first)
{
	const char *path;
	char why[PATH_MAX + 64];
	int error;

	if (first || conf_passwords_load(&m->conf, &path) == 0) {
		auth_renew(m);
		return;
	}
	error = errno;
	snprintf(why, sizeof(why), "%s: %s", path, error == EACCES ?
	    privdrop_denial(path) : strerror(error));
	conf_forget_passwords(&m->conf);
	helper_lose(m, HELPER_AUTH, why, error == EACCES);
}

const struct helper_role auth_role = {
	.then = "nobody can log in",
	.next = next,
	.feed = feed,
	.take = take,
	.lost = lost
};
