/*
 * What is secret of a key, and in whose memory it is.
 */
#ifndef T_SYSTEM_SECRETS_H
#define T_SYSTEM_SECRETS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "t/system/daemon.h"

/* Numbers that are the key, each as it may stand in memory. */
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
/* How many of them lie in the memory of pid; *searched: octets of it. */
size_t	secrets_search(pid_t pid, const struct secrets *s, size_t *searched);
/* The sign process; the test fails if there is none. */
pid_t	secrets_sign_process(const struct daemon *d);

#endif
