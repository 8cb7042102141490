/*
 * The master's end of the logger process, which writes "log to FILE": a disk
 * that hangs stops no mail, and what is not written by then is counted as
 * lost.  Where there is no such process the master writes itself.
 */
#ifndef SERVER_LOGGER_H
#define SERVER_LOGGER_H

#include "server/process/helper.h"

/* The log goes to another file from now on (shared/log.h). */
void	logger_reopen(struct master *m);

#endif
