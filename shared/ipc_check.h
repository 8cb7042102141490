/*
 * The judge of records: nobody sees the payload of one that fails here.
 * Pure.
 */
#ifndef SHARED_IPC_CHECK_H
#define SHARED_IPC_CHECK_H

#include "shared/ipc_msg.h"

/*
 * Looks at a packet of n octets in *r that came by way, with or without a
 * descriptor, when the receiver's books stood at when.  NULL when all is as
 * the table says, else what is wrong, in words for the log.
 */
const char	*ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
		    enum ipc_way way, enum ipc_when when);
/* The octets of a packet of this type. */
size_t		 ipc_size(enum ipc_type type);
/* "MAIL"; "?" for what is no type. */
const char	*ipc_name(uint32_t type);

#endif
