/*
 * The log from start to end: its target, when it is written, and SIGUSR1.
 */
#ifndef SERVER_LOG_SETUP_H
#define SERVER_LOG_SETUP_H

#include "server/conf/privdrop.h"
#include "server/master.h"

/* The log's target until log_setup_open; verbose: always standard error. */
void	log_setup_target(struct conf *conf, bool foreground, bool verbose);
/*
 * Opens the file of "log to FILE", if the log goes to one, while we may still
 * be root; owner as for log_file_open.  A failure is fatal.
 */
void	log_setup_open(const struct conf *conf,
	    const struct identity *owner);
/*
 * Proves, as the user that we are from now on, that the log file can be opened
 * again, so that the first rotation does not fail; fatal if not.
 */
void	log_setup_prove(const struct conf *conf);
/*
 * From now on lines gather for a turn of the loop, the message log is made
 * durable every second, and SIGUSR1 reopens the log and rotates the message
 * log.  0, or -1: no memory.
 */
int	log_setup_events(struct master *m);
/* At the end: makes the message log durable, and writes the gathered lines. */
void	log_setup_end(struct master *m);

#endif
