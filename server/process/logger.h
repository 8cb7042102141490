/*
 * The master's end of the logger process, which writes "log to FILE": a disk
 * that hangs stops no mail; lines that find no room meanwhile are counted as
 * lost.  Without that process the master writes the file itself.
 */
#ifndef SERVER_LOGGER_H
#define SERVER_LOGGER_H

#include "server/process/helper.h"

/* Opens the log file again (log_file.h), for the logger, too. */
void	logger_reopen(struct master *m);

#endif
