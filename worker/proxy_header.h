/* PROXY protocol, versions 1 and 2 (HAProxy: doc/proxy-protocol.txt).  Pure. */
#ifndef WORKER_PROXY_HEADER_H
#define WORKER_PROXY_HEADER_H

#include "shared/ipc_session.h"
#include "shared/span.h"

enum {
	proxy_line_max_bytes = 107,	/* version 1 (2.1) */
	proxy_header_max_bytes = 16 + 512	/* version 2; our limit */
};

/*
 * Parses in, the first octets of a connection.  PROXY_OK: *out has the client.
 * PROXY_MORE: the start of a header, shorter than proxy_header_max_bytes, read
 * on.  Else why it is refused.
 *
 * TLVs are skipped, also a checksum (PP2_TYPE_CRC32C): nothing in them is
 * needed here, and TCP has its own checksum.
 */
enum proxy_fail	proxy_header_parse(struct span in, struct ipc_proxy *out);

#endif
