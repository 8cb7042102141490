/*
 * Running smtpctl, which lies beside smtpd.
 */
#ifndef T_SYSTEM_CTL_H
#define T_SYSTEM_CTL_H

#include <stddef.h>

enum { ctl_text_bytes = 256 * 1024 };

/* What it said last, on both outputs. */
extern char ctl_text[ctl_text_bytes];

/* Runs it with words parted by blanks; its exit status. */
int	ctl(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same; the test fails if status or the text is not so. */
#define CTL_EXPECT(status, has, ...) do {				\
	int got_ = ctl(__VA_ARGS__);					\
	EXPECT(got_ == (status), "exit %d, not %d: %s", got_, (status),	\
	    ctl_text);							\
	EXPECT(strstr(ctl_text, (has)) != NULL, "no \"%s\" in: %s",	\
	    (has), ctl_text);						\
} while (0)

#endif
