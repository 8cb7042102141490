/*
 * The header of the PROXY protocol, versions 1 and 2, with which a proxy says
 * who its client is (HAProxy: doc/proxy-protocol.txt).  Pure.
 */
#ifndef WORKER_PROXY_HEADER_H
#define WORKER_PROXY_HEADER_H

#include "shared/ipc_proxy.h"
#include "shared/span.h"

enum {
	proxy_line_max_bytes = 107,	/* version 1 (2.1) */
	proxy_header_max_bytes = 16 + 512	/* version 2; ours */
};

enum proxy_verdict {
	PROXY_OK,
	PROXY_MORE,	/* all of it is of a header, but not a whole one */
	PROXY_BAD
};

/*
 * Looks at what a connection begins with, in.  OK: *out is what it says, and
 * *n its octets, behind which the client's own begin.  BAD: *why.
 *
 * TLVs are stepped over, a checksum (PP2_TYPE_CRC32C) too: who says more than
 * addresses says it to somebody else, and TCP has its own sum.
 */
enum proxy_verdict proxy_header_parse(struct span in, struct ipc_proxy *out,
	    size_t *n, enum proxy_fail *why);

#endif
