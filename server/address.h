/*
 * Where a client comes from, and what is remembered of that: how many
 * sessions it has, and whether it is refused for a while.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { address_text_bytes = 46 };	/* INET6_ADDRSTRLEN */

struct address {
	bool		ipv6;
	uint16_t	port;
	uint8_t		ip[16];		/* IPv4 in the first four */
	char		text[address_text_bytes];
};

/* An IPv4 address that is mapped into IPv6 is IPv4. False: neither. */
bool	address_of(const struct sockaddr_storage *ss, struct address *out);

struct address_book;

/* NULL and errno when there is no memory. */
struct address_book *address_book_new(void);
/*
 * Counts one session more of a's host (IPv6: its /64, for that is what one
 * customer gets).  False, and not counted: it has max already, or there is
 * no memory.
 */
bool	address_enter(struct address_book *b, const struct address *a,
	    uint64_t max);
void	address_leave(struct address_book *b, const struct address *a);
/* Refuses a's host until then; the book holds at most 4,096 such. */
void	address_refuse(struct address_book *b, const struct address *a,
	    int64_t until_ms);
bool	address_is_refused(struct address_book *b, const struct address *a,
	    int64_t now_ms);

#endif
