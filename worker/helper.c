/*
 * The life of a helper: it enters its sandbox before it has any secret, and
 * then answers the master's questions one by one.
 */
#include "worker/helper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/ipc.h"

void
helper_answer(int channel, struct ipc_record *r)
{
	if (ipc_send(channel, r, -1, true) == -1)
		_exit(0);
}

void
helper_take_piece(struct helper_file *f, const struct ipc_pem *piece)
{
	if (piece->n > sizeof(f->octets) - f->n)
		return;
	memcpy(f->octets + f->n, piece->octets, piece->n);
	f->n += piece->n;
}

static void
enter(int channel, enum sandbox_role role)
{
	struct ipc_record r = { .type = IPC_READY };
	/* Asked now: inside the sandbox it could not ask. */
	const char *what = NULL, *text = sandbox_facts()->parts;
	bool locked = false;

	if (!sandbox_facts()->exists)
		what = text;
	else if (sandbox_prepare(role, &what) == 0 &&
	    sandbox_self_test(role, &what) == 0) {
		locked = sandbox_lock(role);
		if (sandbox_enter(role, NULL, 0, &what) == 0)
			what = NULL;
	}
	if (what != NULL) {
		r.type = IPC_UNSAFE;
		text = what;
	}
	r.u.text.pid = getpid();
	snprintf(r.u.text.text, sizeof(r.u.text.text), "%s%s", text,
	    locked && what == NULL ? ", locked" : "");
	helper_answer(channel, &r);
}

void
helper_serve(int channel, enum sandbox_role role, enum ipc_way way,
    void (*take)(int channel, const struct ipc_record *r, int passed))
{
	struct ipc_record r;
	const char *why;
	int passed;

	enter(channel, role);
	while (ipc_recv(channel, way, IPC_AT_ANY, true, &r, &passed, &why) ==
	    IPC_GOT_RECORD) {
		take(channel, &r, passed);
		explicit_bzero(&r, sizeof(r));
	}
	_exit(0);
}
