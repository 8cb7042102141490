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
	struct ip	ip;
	uint16_t	port;
	char		text[address_text_bytes];
};

/* An IPv4-mapped IPv6 address becomes IPv4.  False: neither family. */
bool	address_of(const struct sockaddr_storage *ss, struct address *out);
void	address_of_ip(const struct ip *ip, uint16_t port, struct address *out);
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

/*
 * ---- guesses.c: failed logins and unknown recipients ---------------------
 *
 * Remembered for a while, in a memory of fixed size.  While too many failures
 * are remembered the next password is not even checked.  From an address that
 * has logged in to an account before, only the failures of this pair count:
 * nobody can lock an owner out from elsewhere.
 */

struct guesses;

/* What a failed login is counted by. */
enum guess_count {
	GUESS_HOST,		/* IPv4 address or IPv6 /64 */
	GUESS_NETWORK,		/* IPv4 /24 or IPv6 /48 */
	GUESS_ACCOUNT,		/* whether it exists or not */
	GUESS_PAIR,		/* account and host, where it has logged in */
	GUESS_FREE		/* guesses_judge: no count is too high */
};

/* The keys that one attempt is counted under. */
struct guess {
	uint64_t	key[GUESS_FREE];
};

/* NULL and errno when there is no memory; to be freed by free(3). */
struct guesses *guesses_new(void);
/* account has to be in the one spelling of that account. */
void	guesses_key(struct guesses *g, const struct address *client,
	    struct span account, struct guess *out);
/*
 * The count that forbids to check the password, or GUESS_FREE.  max: failures
 * of a host or a pair; of a network four times, of an account three times as
 * many.  now_ms: of a monotonic clock.
 */
enum guess_count guesses_judge(struct guesses *g,
	    const struct guess *guess, uint64_t max, int64_t now_ms);
/* Counts a failure, before the check: many at once are no way around it. */
void	guesses_charge(struct guesses *g, const struct guess *guess,
	    int64_t now_ms);
/* Takes a failure back; right: the pair is known from now on. */
void	guesses_refund(struct guesses *g, const struct guess *guess,
	    bool right, int64_t now_ms);
/* Has the host logged in to the account before? */
bool	guesses_is_known(struct guesses *g, const struct guess *guess);
/*
 * Counts an unknown recipient of client; returns for how long (ms) its answer
 * is held back.  The first few cost nothing; then each takes longer, up to two
 * answers a second of a host, in all its sessions.
 */
uint32_t guesses_unknown(struct guesses *g, const struct address *client,
	    int64_t now_ms);
/*
 * Is one left of most (0: no limit) in period_ms, of a kind behind GUESS_FREE,
 * of client (or NULL) and name?  Then takes it.  They come back evenly.
 */
bool	guesses_spend(struct guesses *g, int kind,
	    const struct address *client, struct span name, int64_t period_ms,
	    uint64_t most, int64_t now_ms);
/* How many failures are remembered. */
uint64_t guesses_level(struct guesses *g, const struct guess *guess,
	    enum guess_count kind, int64_t now_ms);

#endif
