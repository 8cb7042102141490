/*
 * Entering a sandbox, and telling the master.
 */
#include "worker/held.h"

#include <stdio.h>
#include <unistd.h>

#include "shared/ipc.h"

void
held_begin(int channel, enum sandbox_role role, enum ipc_type ready,
    enum ipc_type unsafe)
{
	struct ipc_record r = { .type = ready };
	/* Held, it could not ask any more. */
	const char *what = NULL, *text = sandbox_describe();
	bool locked = false;

	if (!sandbox_exists())
		what = text;
	else if (sandbox_prepare(role, &what) == 0 &&
	    sandbox_self_test(role, &what) == 0) {
		locked = sandbox_lock(role);
		if (sandbox_enter(role, NULL, 0, &what) == 0)
			what = NULL;
	}
	if (what != NULL) {
		r.type = unsafe;
		text = what;
	}
	r.u.text.pid = getpid();
	snprintf(r.u.text.text, sizeof(r.u.text.text), "%s%s", text,
	    locked && what == NULL ? ", locked" : "");
	if (ipc_send(channel, &r, -1, true) == -1)
		_exit(0);
}
