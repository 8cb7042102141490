/*
 * The daemon under test: its configurations, its start and its end.
 */
#ifndef T_DIALOG_PLAY_DAEMON_H
#define T_DIALOG_PLAY_DAEMON_H

#include <sys/types.h>

#include <limits.h>
#include <stddef.h>

struct daemon_run {
	pid_t pid;		/* 0: none runs */
	int port;
	int patience_s;		/* for its start and its end */
	char dir[PATH_MAX / 4];	/* smtpd.conf, tables, keys, log, root/ */
	char root[PATH_MAX / 2];
	char certificate[PATH_MAX / 2];	/* there if it speaks TLS */
	char key[PATH_MAX / 2];
};

/*
 * A copy of the worker in dir, in static storage: its user has to execute it,
 * and the build directory may be private. One that cannot be read is left,
 * for smtpd to miss.
 */
const char *daemon_copy_worker(const char *worker, const char *dir);

/*
 * Makes dir, writes the configuration named conf there with its tables, and
 * starts smtpd with it; waits until it serves, as long as run->patience_s
 * says. Returns 0, or -1 with the
 * reason in why, and then nothing runs.
 */
int daemon_start(struct daemon_run *run, const char *smtpd,
    const char *worker, const char *conf, const char *dir, char *why,
    size_t size);

/*
 * Ends the daemon with SIGTERM. Returns 0 if it then exited 0 and its log is
 * in order: each line an event, no control characters, no crashed worker.
 * Otherwise -1, with the reason in why. Nothing runs afterwards.
 */
int daemon_stop(struct daemon_run *run, char *why, size_t size);

/* SIGKILL, if it has not got it yet; nothing is expected of its log. */
void daemon_kill(struct daemon_run *run);

#endif
