/*
 * How many descriptors the master needs: for workers, and for clients that
 * wait for one.
 */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conf/conf.h"

/* How many clients may wait without a worker; each costs a descriptor. */
uint64_t descriptors_to_wait(const struct conf *conf);
uint64_t descriptors_needed(const struct conf *conf);
/* Raises RLIMIT_NOFILE to what conf needs; fatal when that is impossible. */
void	descriptors_raise(const struct conf *conf);
/* May this process have as many descriptors as conf needs? */
bool	descriptors_suffice(const struct conf *conf);

#endif
