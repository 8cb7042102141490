/*
 * The helper processes, and which process has which secrets in its memory.
 */
#ifndef T_SYSTEM_SECRETS_H
#define T_SYSTEM_SECRETS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "t/system/daemon.h"

/* A key's numbers, each as it may stand in memory, or any other octets. */
enum { secrets_max = 16, secret_bytes_max = 512 };

struct secret {
	size_t	n;
	uint8_t	octets[secret_bytes_max];
};

struct secrets {
	size_t		count;
	struct secret	list[secrets_max];
};

/*
 * Of NAME.key: d, and p and q of RSA, each of which reveals the whole key; and
 * (text) the third line of the file, which is base64.
 */
void	secrets_read(struct secrets *s, const char *name);
void	secrets_read_text(struct secrets *s, const char *name);
void	secrets_add(struct secrets *s, const char *text);
/* How many of s are in the memory of pid; fails if it has below 100 kB. */
size_t	secrets_search(pid_t pid, const struct secrets *s);
/*
 * The test fails unless holder is the only process of d that has some of s;
 * holder 0: none has.
 */
void	secrets_expect_at(const struct daemon *d, pid_t holder,
	    const struct secrets *s);
/*
 * The helper process that was started with option ("-s", "-a", "-k"); the
 * test fails if there is none.
 */
pid_t	secrets_helper(const struct daemon *d, const char *option);
/* helper has four descriptors, the master's user, no capability, a filter. */
void	secrets_expect_held(const struct daemon *d, pid_t helper);

#endif
