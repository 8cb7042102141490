/*
 * Where a client comes from, and what is remembered of that: how many
 * sessions it has, and whether it is refused for a while.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/log/refusal.h"

enum {
	address_text_bytes = 46,	/* INET6_ADDRSTRLEN */
	address_note_bytes = 52
};

struct address {
	bool		ipv6;
	uint16_t	port;
	uint8_t		ip[16];		/* IPv4 in the first four */
	char		text[address_text_bytes];
};

/* An IPv4 address that is mapped into IPv6 is IPv4. False: neither. */
bool	address_of(const struct sockaddr_storage *ss, struct address *out);

/* Four octets, or 16 with ipv6, and the same holds of them. */
bool	address_of_ip(bool ipv6, const uint8_t *ip, uint16_t port,
	    struct address *out);

struct address_book;

/* NULL and errno when there is no memory. */
struct address_book *address_book_new(void);
/*
 * What the book knows of one host, which is an IPv4 address or an IPv6 /64,
 * for that is what one customer gets.
 */
struct address_host;

/*
 * Counts one session more of a's host, and of its network: an IPv4 /24, an
 * IPv6 /48.  ADDRESS_IN, and *out is the host, which stays in the book until
 * address_leave; else nothing is counted.
 */
enum refusal address_enter(struct address_book *b,
	    const struct address *a, uint64_t host_max, uint64_t network_max,
	    struct address_host **out);
/* One session less; h is not to be used any more. */
void	address_leave(struct address_book *b, struct address_host *h);
/* Its sessions, and how many of them a worker serves. */
uint64_t address_sessions(const struct address_host *h);
uint64_t address_served(const struct address_host *h);
/* A worker has begun with one, or ended. */
void	address_serve(struct address_host *h, bool begins);
/*
 * Counts us of time against h: who has us do more than others waits for it,
 * in all its sessions together.  Owed now, in microseconds.
 */
int64_t	address_charge(struct address_host *h, int64_t us, int64_t now_us);
/*
 * Refuses a's host until then.  The book holds at most 4,096 such: the one
 * that would end next is forgotten for another.
 */
void	address_refuse(struct address_book *b, const struct address *a,
	    int64_t until_ms);
/* What the book says of one host. */
struct address_note {
	char		text[address_note_bytes]; /* "192.0.2.1",
					     "2001:db8:0:1::/64" */
	uint64_t	sessions;
	uint64_t	refused_ms;	/* still; 0: it is not refused */
};

/* Of a's host, and the sessions of its network; of most nothing is known. */
void	address_look(struct address_book *b, const struct address *a,
	    int64_t now_ms, struct address_note *out,
	    uint64_t *network_sessions);
/*
 * Notes at most max hosts: those with most sessions, or those refused
 * longest; how many.
 */
size_t	address_top(struct address_book *b, int64_t now_ms, bool refused,
	    struct address_note *out, size_t max);
/* How many hosts are refused now. */
size_t	address_refused_count(struct address_book *b, int64_t now_ms);
bool	address_is_refused(struct address_book *b, const struct address *a,
	    int64_t now_ms);

#endif
