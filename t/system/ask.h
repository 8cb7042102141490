/*
 * Runs smtpctl beside the daemon under test.
 */
#ifndef T_SYSTEM_ASK_H
#define T_SYSTEM_ASK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

struct ctl {
	int	status;		/* exit status; -1: ended by a signal */
	char	out[1024 * 1024];	/* standard output, ended by a NUL */
	char	err[4096];	/* standard error */
};

/*
 * Runs smtpctl with these arguments (NULL ends) to its end, as user uid when
 * this process is root; as this user when uid is 0.
 */
void	ctl_run(struct ctl *c, uid_t uid, const char *const args[]);
/* The same with "-f CONF" after the first argument; expects exit status 0. */
void	ctl_ask(struct ctl *c, const char *conf, const char *const args[]);
/* The number after "key": in JSON of one line; the test fails without. */
long long ctl_json(const struct ctl *c, const char *key);
/* Is the text in standard output? */
bool	ctl_says(const struct ctl *c, const char *text);

#endif
