/*
 * Running smtpctl, which lies beside smtpd.
 */
#ifndef T_SYSTEM_CTL_H
#define T_SYSTEM_CTL_H

#include <stddef.h>

enum { ctl_text_bytes = 256 * 1024 };

/* The last output of smtpctl, of both descriptors. */
extern char ctl_text[ctl_text_bytes];

/* Runs smtpctl with words separated by blanks; returns its exit status. */
int	ctl(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same; the test fails on another status, or if the text lacks has. */
#define CTL_EXPECT(status, has, ...) do {				\
	int got_ = ctl(__VA_ARGS__);					\
	EXPECT(got_ == (status), "exit %d, not %d: %s", got_, (status),	\
	    ctl_text);							\
	EXPECT(strstr(ctl_text, (has)) != NULL, "no \"%s\" in: %s",	\
	    (has), ctl_text);						\
} while (0)

#endif
