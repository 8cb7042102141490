/*
 * Checks the hash chain of log/message with code of its own.
 */
#ifndef T_SYSTEM_CHAIN_H
#define T_SYSTEM_CHAIN_H

#include "t/system/daemon.h"

/*
 * Fails the test unless log/message is whole lines, at least one, each with
 * the hash of the previous one.  lines: the number expected, 0 for any.
 */
void	chain_check(const struct daemon *d, size_t lines);

#endif
