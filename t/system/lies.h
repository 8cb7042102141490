/*
 * Records that a worker must not send, made by a random generator with a fixed
 * seed.  What is legal is written here a second time, by hand, so that the
 * table under test is not used.
 */
#ifndef T_SYSTEM_LIES_H
#define T_SYSTEM_LIES_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ipc.h"

enum { lie_max_octets = 70000, lie_max_fds = 4 };

struct lie {
	char	what[80];
	size_t	n;
	int	fds;			/* descriptors to send with it */
	uint8_t	octets[lie_max_octets];
};

/* The state of the session when the record is sent. */
enum lie_state {
	LIE_AT_IDLE, LIE_AT_SESSION, LIE_AT_MAIL, LIE_AT_RCPT, LIE_AT_DATA,
	LIE_AT_COMMIT, LIE_STATE_COUNT
};

/* splitmix64: the next random number. */
uint64_t lie_chance(uint64_t *state);
/* size: octets written to the spool file so far. */
void	lie_make(struct lie *out, uint64_t *chance, enum lie_state state,
	    uint64_t size);
/* A sender, a recipient and a HELO name, as an honest worker sends them. */
void	lie_honest_mail(struct ipc_record *r);
void	lie_honest_rcpt(struct ipc_record *r, const char *user);
/* Octets of a record of that type, from its payload. */
size_t	lie_size_of(uint32_t type);

#endif
