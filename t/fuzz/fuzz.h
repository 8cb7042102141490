/*
 * What the fuzz targets share: a promise that aborts when it is broken, and
 * the choice of pieces by an octet of the input.
 */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/span.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(holds) fuzz_must(holds, #holds, __FILE__, __LINE__)

static inline void
fuzz_must(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

/*
 * The size of the next piece of what is left (more than 0): small ones by
 * the seed, which moves on; all of it when the seed began as zero.
 */
static inline size_t
fuzz_piece(uint32_t *seed, size_t left)
{
	size_t n;

	if (*seed == 0)
		return left;
	*seed = *seed * 1664525 + 1013904223;
	n = (*seed >> 24) % 8 == 0 ? 1 + (*seed >> 16) % 97 :
	    1 + (*seed >> 16) % 5;
	return n < left ? n : left;
}

/* A seed from an octet: "0" and NUL mean one piece. */
static inline uint32_t
fuzz_seed(uint8_t octet)
{
	return octet == '0' ? 0 : octet * 2654435761u;
}

#endif
