/* Identifiers: 45 bits of milliseconds, then 35 random bits. */
#include "server/log/ident.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ms_digits = 9 };

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
ident_make(char out[ipc_id_bytes + 1])
{
	uint64_t chance, ms;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	arc4random_buf(&chance, sizeof(chance));
	for (int i = ms_digits - 1; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	for (int i = ms_digits; i < ipc_id_bytes; i++, chance >>= 5)
		out[i] = digits[chance & 31];
	out[ipc_id_bytes] = '\0';
}

bool
ident_is(const char *text)
{
	return strlen(text) == ipc_id_bytes &&
	    strspn(text, digits) == ipc_id_bytes;
}

int64_t
ident_ms(const char *id)
{
	int64_t ms = 0;

	for (size_t i = 0; i < ms_digits; i++)
		ms = ms * 32 + (strchr(digits, id[i]) - digits);
	return ms;
}
