/*
 * Checks of records: no process uses the payload of a record that fails.
 * Pure.
 */
#ifndef SHARED_IPC_CHECK_H
#define SHARED_IPC_CHECK_H

#include "shared/ipc_msg.h"

/*
 * Checks a packet of n octets in *r that came by way, with or without a
 * descriptor, while the receiver's state was when.  NULL if it is as the table
 * says, else what is wrong, in words for the log.
 */
const char	*ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
		    enum ipc_way way, enum ipc_when when);
/* The size of a packet of this type, in octets. */
size_t		 ipc_size(enum ipc_type type);
/* The type's name, as "MAIL"; "?" for an unknown type. */
const char	*ipc_name(uint32_t type);

#endif
