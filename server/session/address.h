/*
 * The address of a client, and the book of all hosts that clients come from:
 * how many sessions a host has, and whether it is refused for a while.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "server/conf/conf.h"
#include "server/log/counters.h"

enum {
	address_text_bytes = 46,	/* INET6_ADDRSTRLEN */
	address_host_bytes = 52,
	address_key_bytes = 9,
	address_refusal_ms = 10 * 60 * 1000
};

struct address {
	bool		ipv6;
	uint16_t	port;
	uint8_t		ip[16];		/* IPv4 in the first four octets */
	char		text[address_text_bytes];
};

/* An IPv4-mapped IPv6 address becomes IPv4.  False: neither family. */
bool	address_of(const struct sockaddr_storage *ss, struct address *out);
/* The same; ip: four octets, or 16 with ipv6. */
bool	address_of_ip(bool ipv6, const uint8_t *ip, uint16_t port,
	    struct address *out);
/* The host of a (IPv4 address or IPv6 /64), or its network (/24, /48). */
void	address_key(const struct address *a, bool network,
	    uint8_t out[address_key_bytes]);

/* What the book knows of one host, or of a network. */
struct address_host {
	RB_ENTRY(address_host)	 entry;
	TAILQ_ENTRY(address_host) refusal;
	uint8_t			 key[address_key_bytes];
	struct address_host	*network;	/* while it has sessions */
	uint64_t		 sessions;
	uint64_t		 served;	/* of them, by workers */
	int64_t			 paid_until_us;		/* for its work */
	int64_t			 refused_until_ms;	/* 0: it is not */
};

struct address_book;

/* NULL and errno when there is no memory. */
struct address_book *address_book_new(void);
/*
 * Counts one more session of a's host and network.  REFUSAL_NONE: *out is the
 * host, in the book until address_leave; else nothing is counted.  limits NULL:
 * neither these nor a refusal apply.
 */
enum refusal address_enter(struct address_book *b,
	    const struct address *a, const struct conf_limits *limits,
	    int64_t now_ms, struct address_host **out);
/* Counts one session less; h may be gone. */
void	address_leave(struct address_book *b, struct address_host *h);
/*
 * Refuses a's host for address_refusal_ms.  Of more than 4,096 refusals the one
 * that would end first goes.
 */
void	address_refuse(struct address_book *b, const struct address *a,
	    int64_t now_ms);
/* Writes "192.0.2.1" or "2001:db8:0:1::/64". */
void	address_host_text(const struct address_host *h,
	    char out[address_host_bytes]);
/* a's host or network; NULL: the book has none. */
const struct address_host *address_look(struct address_book *b,
	    const struct address *a, bool network, int64_t now_ms);
/* At most max hosts: most sessions, or refused longest; returns how many. */
size_t	address_top(struct address_book *b, int64_t now_ms, bool refused,
	    const struct address_host **out, size_t max);
/* How many hosts are refused now. */
size_t	address_refused_count(struct address_book *b, int64_t now_ms);

#endif
