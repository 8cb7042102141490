/* What main and start call; a section for each file. */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include <sys/stat.h>

#include "server/master.h"
#include "server/process/tls_files.h"
#include "server/session/address.h"

/* ---- check.c: reading a configuration, and trying what it names ---------- */

/* Reads it and its certificates; quiet: mistakes are logged.  0, or -1. */
int	check_load(const char *path, struct conf *out, struct tls_files *tls,
	    bool quiet);
/* The next mistake of a loader in *text, which becomes the rest; or NULL. */
char	*check_next_mistake(char **text);
/* Logs a warning of conf_warn. */
void	check_log_warning(const char *path, unsigned line, const char *text);
/*
 * smtpd -n: reads them and tries, as far as it may, what they name as the user
 * of the configuration.  Failures and warnings go to standard error, else the
 * configuration to standard output.  0, or 1: smtpd would not start here.
 */
int	check_conf(const char *path, struct conf *conf, struct tls_files *tls);

/* ---- inherit.c: descriptors of the process that started us --------------- */

enum { inherit_sockets_max = 64 };

/* Listening sockets of systemd, or of an inetd that waits. */
struct inherit_sockets {
	int	count;		/* 0: "listen" lines are bound */
	int	fds[inherit_sockets_max];
	/* Options by the names in LISTEN_FDNAMES. */
	unsigned words[inherit_sockets_max];
	bool	wait;		/* inetd's: end when idle */
};

/* The client of smtpd -i. */
struct inherit_client {
	int		input;
	int		output;		/* -1: input is a socket, for both */
	struct address	client;
};

/*
 * First of all: opens those of descriptors 0 to 2 that are closed, and makes 2
 * /dev/null if it is the socket that 0 is.  True: 2 may be written to.
 */
bool	inherit_guard(void);
/* How many descriptors from 3 on LISTEN_FDS promises to this process. */
int	inherit_promised(void);
/* The whole decimal number in the environment variable name; else 0. */
unsigned long inherit_number(const char *name);
/* True when descriptor 0 is a listening socket. */
bool	inherit_stdin_listens(void);
/* Takes descriptor 0, if it listens, or those of LISTEN_FDS; or is fatal. */
void	inherit_take_sockets(struct inherit_sockets *out);
/*
 * Puts /dev/null in place of the client on descriptors 0 and 1, and on 2 unless
 * *keep_stderr is set and 2 is not the client (or it becomes false).  Until
 * inherit_given, an exit sends the client 421 in the name of conf->hostname
 * (NULL: localhost).  Fatal when 0 cannot be a client; exit(0) when the client
 * has gone.  Without TCP its address is that of the environment, or 0.0.0.0.
 */
void	inherit_take_client(struct inherit_client *out,
	    const struct conf *conf, bool *keep_stderr);
/* A session has the client now. */
void	inherit_given(void);

/* ---- background.c: going there, and the pid file (smtpd -p) -------------- */

/* Opens and locks the pid file.  Fatal where it is locked, or no plain file. */
void	background_pid_open(const char *path);
/* Unless foreground: the parent waits for background_tell_ready, or exits 1. */
void	background_begin(bool foreground);
/* Descriptors 0 to 2 are /dev/null from here on. */
void	background_tell_ready(void);
/* Empties the pid file, whose directory may be root's. */
void	background_pid_clear(void);

/* ---- hold.c: what the master may reach ----------------------------------- */

/* Opens the root, made or given to the master if need be; or is fatal. */
int	hold_open_root(const char *path, const struct users *u);
/*
 * May root give away the open directory dir?  Only when it is empty and root's:
 * a third user could go on changing the directory and the path to it.
 */
bool	hold_may_give(int dir, const struct stat *st);
/* Opens the directories of m->conf's files, as root; sets m->unsandboxed. */
void	hold_prepare(struct master *m);
/* Enters the master's sandbox, or is fatal; fills m->sandbox; logs warnings. */
void	hold_master(struct master *m, int root);
/* Was the sandbox tried with this worker since the boot?  For smtpd -i. */
bool	hold_is_proved(int root, const char *worker);
/* It was: remembers that by "sandbox" in the directory log. */
void	hold_prove(int log);

/* ---- reload.c: SIGHUP, and the keys of a new sign process ---------------- */

/* Makes m->conf the first epoch, and feeds the sign process.  0 or -1. */
int	reload_init(struct master *m);
/* Reads it all again, for new sessions; what has a mistake changes nothing. */
void	reload(struct master *m);

/* ---- loop.c: what the loop does beside its sessions ---------------------- */

/*
 * Comes after all that a signal stops.  Gathers log lines, syncs the message
 * log every second, and ends an idle m->ends_idle.  0, or -1 without memory.
 */
int	loop_start(struct master *m);
/* Connects to NOTIFY_SOCKET (sd_notify(3)), if any, before the sandbox. */
void	loop_notify_open(void);
/* READY=1; from now on the watchdog is fed.  0, or -1 without memory. */
int	loop_notify_ready(struct master *m);
/* RELOADING=1, which loop_notify_ready ends. */
void	loop_notify_reloading(void);
/* Shuts down, as SIGTERM does. */
void	loop_stop(struct master *m);
/* Makes the message log durable, and writes the gathered lines. */
void	loop_end(struct master *m);

#endif
