/*
 * The helper processes, what is secret, and in whose memory it is.
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
 * Of NAME.key: d, and p and q of RSA, any of which is all of the key; and the
 * base64 of the file itself: its third line.
 */
void	secrets_read(struct secrets *s, const char *name);
void	secrets_read_text(struct secrets *s, const char *name);
void	secrets_add(struct secrets *s, const char *text);
/* How many of them lie in the memory of pid, which is more than 100 kB. */
size_t	secrets_search(pid_t pid, const struct secrets *s);
/*
 * The test fails unless of all processes of d holder alone has some of them;
 * 0: none has.
 */
void	secrets_expect_at(const struct daemon *d, pid_t holder,
	    const struct secrets *s);
/*
 * The helper process that was started with option ("-s", "-a", "-k"); the
 * test fails if there is none.
 */
pid_t	secrets_helper(const struct daemon *d, const char *option);
/* It has four descriptors, the master's user, no capability, and a filter. */
void	secrets_expect_held(const struct daemon *d, pid_t helper);

#endif
