/*
 * The life of an smtp worker, from its fork to its exit: one or more sessions,
 * each run by one loop that reads commands and writes replies.
 */
#ifndef WORKER_SMTP_SESSION_H
#define WORKER_SMTP_SESSION_H

#include "worker/smtp.h"

enum { smtp_session_exit_unsafe = 70 };	/* the sandbox was not entered */

/*
 * Runs in a fresh child of the nursery, which has prepared the sandbox:
 * enters it, serves as many sessions as the settings say, exits.
 */
_Noreturn void	smtp_session_serve(int channel,
	    const struct ipc_settings *settings);

#endif
