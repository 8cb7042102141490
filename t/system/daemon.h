/*
 * The daemon under test: its configuration, its start, its log, its end.
 */
#ifndef T_SYSTEM_DAEMON_H
#define T_SYSTEM_DAEMON_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

struct daemon {
	pid_t	pid;		/* 0: not running */
	int	port;
	char	root[96];
	char	conf[96];
	char	log[96];	/* of "log to", or standard error */
	char	err[96];	/* "": standard error is the log */
	char	worker[96];	/* copy that the worker's user can execute */
	const int *missing;	/* see harness_take_away */
	size_t	log_from;	/* where the log of this start begins */
};

enum { daemon_users_max = 1000 };

/*
 * Writes the configuration and its tables, and starts nothing: one domain,
 * example.org, with alice, bob and u0, u1, ... below daemon_users_max.
 * limits: lines for that block, or "".  The root is DIR/root if root is NULL.
 */
void	daemon_init(struct daemon *d, const char *limits, const char *root);
/* Adds lines to the configuration, outside of any block. */
void	daemon_add_conf(const struct daemon *d, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Uses a copy of program that the worker's user can execute. */
void	daemon_use_worker(struct daemon *d, const char *program,
	    const char *name);
/* A worker of the tests' own: "lying_worker", built beside the test. */
void	daemon_use_other(struct daemon *d, const char *program,
	    const char *name);
/* Starts the daemon in the foreground and waits until it serves. */
void	daemon_start(struct daemon *d);
/* daemon_init with the root DIR/root, and daemon_start. */
void	daemon_serve(struct daemon *d, const char *limits);
/* Starts the daemon and returns at once. */
void	daemon_launch(struct daemon *d);
/* Waits until the daemon serves, as daemon_start does. */
void	daemon_wait_start(struct daemon *d);
/* Waits for the daemon's end, which is due; status of waitpid(2). */
int	daemon_wait_end(struct daemon *d);
/* After SIGTERM: expects exit status 0, and no process left. */
void	daemon_expect_end(struct daemon *d);
/*
 * Sends SIGTERM, hangs up what clients of this test are still open, and expects
 * that end.
 */
void	daemon_stop(struct daemon *d);
/* Sends SIGKILL; waits until all of its processes are gone. */
void	daemon_kill(struct daemon *d);
/* Runs smtpd to its end, with arguments (NULL ends); returns its status. */
int	daemon_run(const struct daemon *d, char *const args[], char *out,
	    size_t size);

/* Lines in the log of this start that contain each of the words (NULL ends). */
size_t	daemon_logged(const struct daemon *d, ...);
/* The text after " key=" in the first line with event, or "". */
void	daemon_log_value(const struct daemon *d, const char *event,
	    const char *key, char *out, size_t size);
/* The same daemon, with the port of the n-th listener that it logged. */
struct daemon daemon_at_listener(const struct daemon *d, int n);
/* The last line of the log. */
const char *daemon_last_words(const struct daemon *d);

/* The nurseries, the one with workers first. */
size_t	daemon_nurseries(const struct daemon *d, pid_t out[2]);
/* The workers of all nurseries, oldest first. */
size_t	daemon_workers(const struct daemon *d, pid_t *out, size_t max);
/* Waits until nothing is under way. */
void	daemon_rest(const struct daemon *d);
/* The same, and until there are spare workers. */
void	daemon_settle(const struct daemon *d);
/*
 * Waits until there are n nurseries, one of them started by another, and
 * nothing is under way: each has proved its sandbox.  False if not in time.
 */
bool	daemon_awaits_nurseries(const struct daemon *d, size_t n);

#endif
