/*
 * The master's end of the logger process, which writes "log to FILE", so that a
 * disk that hangs stops no mail.  Without it the master writes the file itself.
 */
#ifndef SERVER_LOGGER_H
#define SERVER_LOGGER_H

#include "server/process/helper.h"

/* Opens the log file again (log_file.h), for the logger, too. */
void	logger_reopen(struct master *m);

#endif
