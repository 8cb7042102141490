/*
 * The log from start to end: where to, when it is written, what SIGUSR1
 * does.
 */
#ifndef SERVER_LOG_SETUP_H
#define SERVER_LOG_SETUP_H

#include "server/conf/privdrop.h"
#include "server/master.h"

/* Where the log goes until log_setup_open; verbose: standard error anyhow. */
void	log_setup_target(struct conf *conf, bool foreground, bool verbose);
/*
 * Opens the file of "log to FILE", if it is that, while we may still be
 * root; owner as for log_file_open.  What is wrong is fatal.
 */
void	log_setup_open(const struct conf *conf,
	    const struct identity *owner);
/*
 * Proves, as who we are from now on, that the file can be opened again: what
 * fails at start does not fail at the first rotation.
 */
void	log_setup_prove(const struct conf *conf);
/*
 * From now on lines gather for a turn of the loop, the message log is made
 * durable every second, and SIGUSR1 has both opened again.  0, or -1: no
 * memory.
 */
int	log_setup_events(struct master *m);
/* The end: what waits is written, and the message log made durable. */
void	log_setup_end(struct master *m);

#endif
