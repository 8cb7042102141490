/*
 * Records about a PROXY header: the client's address, or why it could not be
 * read, and the master's answer.  Rows of the table in shared/ipc_msg.h.
 */
#ifndef SHARED_IPC_PROXY_H
#define SHARED_IPC_PROXY_H

#include <stdint.h>

/* Why a header was refused; one table, one sentence each. */
#define IPC_PROXY_FAILS(X)						\
	X(NONE, "it begins with no PROXY header")			\
	X(CLOSED, "the connection ended before its header did")		\
	X(TIMEOUT, "the header did not come within 5 seconds")		\
	X(GONE, "the server stopped meanwhile")				\
	X(LOST, "the connection was lost")				\
	X(LONG, "a line of more than 107 octets")			\
	X(LINE_END, "a line that does not end with CRLF")		\
	X(SYNTAX, "a line that has not the form of a header")		\
	X(ADDRESS, "an address that is not one of its family")		\
	X(PORT, "a port that is not a number up to 65535")		\
	X(VERSION, "a version that is not known")			\
	X(COMMAND, "a command that is neither LOCAL nor PROXY")		\
	X(FAMILY, "an address that is not one of TCP")			\
	X(SHORT, "too few octets for its addresses")			\
	X(LARGE, "a header of more than 528 octets")

#define IPC_PROXY_FAIL_NAME(name, text) PROXY_FAIL_##name,
enum proxy_fail { IPC_PROXY_FAILS(IPC_PROXY_FAIL_NAME) PROXY_FAIL_COUNT };
#undef IPC_PROXY_FAIL_NAME

/* The address family of the client. */
enum ipc_proxy_family {
	IPC_PROXY_OWN,		/* no client given: LOCAL, UNKNOWN */
	IPC_PROXY_IPV4,
	IPC_PROXY_IPV6,
	IPC_PROXY_FAMILY_COUNT
};

/* IPv4 fills four octets of ip, and is never mapped; unused octets are 0. */
struct ipc_proxy {
	uint8_t		family;		/* enum ipc_proxy_family */
	uint8_t		zero;
	uint16_t	port;
	uint8_t		ip[16];
};

struct ipc_proxy_fail {
	uint32_t	why;
};

/* The master's answer: whether the client is admitted. */
enum proxy_answer {
	PROXY_WELCOME,
	PROXY_REFUSED,		/* blocked for a while */
	PROXY_HOST_FULL,
	PROXY_NETWORK_FULL,
	PROXY_NO_MEMORY,
	PROXY_ANSWER_COUNT
};

struct ipc_welcome {
	uint32_t	answer;		/* enum proxy_answer */
};

#define IPC_PROXY_PAYLOADS(X)						\
	X(proxy)							\
	X(proxy_fail)							\
	X(welcome)

#define IPC_PROXY_RECORDS(X)						\
	X(PROXY, IPC_FROM_WORKER, proxy, 0, IPC_AT_PROXY, proxy)	\
	X(PROXY_FAIL, IPC_FROM_WORKER, proxy_fail, 0,			\
	    IPC_AT_PROXY, proxy_fail)					\
	X(WELCOME, IPC_TO_WORKER, welcome, 0, IPC_AT_PROXY, welcome)

#endif
