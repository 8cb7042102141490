/*
 * server/process/sign.c: signatures and keys on the way to the sign process,
 * which is this test, as are helper.c and tls_files.c.
 */
#include "t/unit/unit.h"

#include <event2/event.h>

#include "server/process/helper.h"
#include "server/master.h"
#include "server/process/tls_files.h"
#include "shared/ipc.h"

enum { askers = 1000 };		/* more than a channel takes */

static struct master m;
static struct helper helpers[HELPER_COUNT];
static struct helper *const h = &helpers[HELPER_SIGN];
static int other = -1;			/* the process's end */
static struct signing asker[askers];
static unsigned pieces;			/* of keys, still to be sent */

void
helper_tell(struct master *master, enum helper_kind kind)
{
	feed_start(&h->feed);
}

bool
helper_is_lacking(const struct master *master, enum helper_kind kind)
{
	return false;
}

bool
helper_is_coming(const struct master *master, enum helper_kind kind)
{
	return true;
}

bool
tls_files_next(struct tls_cursor *c, bool keys, struct ipc_record *out)
{
	if (pieces == 0)
		return false;
	pieces--;
	out->type = IPC_KEY_CERTIFICATE;
	return true;
}

void
tls_files_clear(struct tls_files *f)
{
}

static void
ask(void *arg, const struct ipc_signature *signature)
{
	static const struct ipc_digest digest = { .n = 32 };

	sign_ask(&m, arg, &digest);
}

/* Each asks again once it was answered: there is always more to sign. */
TEST(keys_come_through)
{
	struct ipc_record r;
	const char *why = "nothing came";
	unsigned digests = 0, keys = 0;
	int ends[2], passed;

	m.base = event_base_new();
	m.helpers = helpers;
	ck_assert_int_eq(ipc_pair(ends), 0);
	h->master = &m;
	other = ends[1];
	feed_init(&h->feed, m.base, ends[0], sign_role.next, NULL, h);
	for (size_t i = 0; i < askers; i++) {
		asker[i].done = ask;
		asker[i].arg = &asker[i];
		ask(&asker[i], NULL);
	}
	pieces = 20;
	sign_give(&m, NULL);
	while (digests < 10 * askers && keys < 20) {
		event_base_loop(m.base, EVLOOP_NONBLOCK);
		ck_assert_msg(ipc_recv(other, IPC_TO_SIGN, IPC_AT_ANY, false,
		    &r, &passed, &why) == IPC_GOT_RECORD, "%s", why);
		if (r.type == IPC_KEY_CERTIFICATE) {
			keys++;
			continue;
		}
		digests++;
		ck_assert_int_eq(r.type, IPC_DIGEST);
		r.u.signature = (struct ipc_signature){
		    .ticket = r.u.digest.ticket };
		r.type = IPC_SIGNED;
		ck_assert(sign_role.take(&m, &r));
	}
	ck_assert_uint_eq(keys, 20);
	/* And all are answered, in turn. */
	ck_assert_uint_ge(digests, 20);
}
