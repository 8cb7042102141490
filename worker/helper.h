/*
 * The helpers, as programs: what each row of shared/helpers.h runs, and what
 * all of them share.
 */
#ifndef WORKER_HELPER_H
#define WORKER_HELPER_H

#include "shared/ipc_msg.h"
#include "shared/os/sandbox_table.h"

/* NAME_run: on channel until the master is gone. */
#define HELPER_RUN(X, NAME, name, option, Name)				\
	_Noreturn void name##_run(int channel);
HELPERS(HELPER_RUN, )
#undef HELPER_RUN

/*
 * Tries that role holds, enters it, and says so on channel by READY; or by
 * UNSAFE, what is missing.  Then hands each record that comes by way to take,
 * with its descriptor (-1: none; to be closed), and wipes it after that.  Ends
 * the process when nobody is at the other end.
 */
_Noreturn void	helper_serve(int channel, enum sandbox_role role,
		    enum ipc_way way, void (*take)(int channel,
		    const struct ipc_record *r, int passed));
/* Sends an answer.  Ends the process when nobody hears it. */
void		helper_answer(int channel, struct ipc_record *r);

#endif
