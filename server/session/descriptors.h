/*
 * How many descriptors the master needs: for workers, and for those that wait
 * for one.
 */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/conf/conf.h"

/* How many clients may wait without a worker; each costs one. */
uint64_t descriptors_to_wait(const struct conf *conf);
uint64_t descriptors_needed(const struct conf *conf);
/* Raises the limit to what conf needs; fatal when it cannot be. */
void	descriptors_raise(const struct conf *conf);
/* Is what this process may have enough for conf? */
bool	descriptors_suffice(const struct conf *conf);

#endif
