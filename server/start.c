/*
 * Start-up, in order: descriptors, users, root directory, listeners, nurseries,
 * helpers, privileges, spool, sandbox, and only then the first client.
 */
#include "server/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_warn.h"
#include "server/control/control.h"
#include "server/control/control_bind.h"
#include "server/daemon/background.h"
#include "server/daemon/check.h"
#include "server/daemon/hold.h"
#include "server/daemon/log_setup.h"
#include "server/daemon/notify.h"
#include "server/daemon/reload.h"
#include "server/daemon/signals.h"
#include "server/log/catcher.h"
#include "server/log/log_file.h"
#include "server/log/log_message.h"
#include "server/log/refused.h"
#include "server/mail/commit.h"
#include "server/mail/spool.h"
#include "server/process/helper.h"
#include "server/process/pool.h"
#include "server/process/tls_files.h"
#include "server/process/tls_log.h"
#include "server/session/admit.h"
#include "server/session/listen.h"
#include "server/session/login.h"
#include "server/session/serve.h"
#include "shared/deadline.h"
#include "shared/ipc.h"
#include "shared/log.h"
#include "shared/os/os.h"

enum { worker_channel = 3, worker_program = 4 };

/* What workers are lent for. */
static const struct worker_use *const uses[] = { &serve_use, NULL };

/*
 * A signal to all processes, from a terminal, pkill(1) or a service manager, is
 * for the master: its children, and theirs, end when their channels close.
 */
static void
ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1,
	    SIGUSR2 };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

/* Processes with keys or passwords lock their memory, as far as they may. */
static void
let_lock_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 ||
	    getrlimit(RLIMIT_MEMLOCK, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

/*
 * The child changes its user before it executes the program: to the worker's;
 * or, with option (a helper), to the master's, for no process that talks to
 * strangers may share the user of one that holds keys or passwords.
 * The program is opened before that, for that user may be unable to reach it;
 * the nursery and the keeper keep it open, to execute it again.
 */
static _Noreturn void
execute_worker(const char *worker, char option, int channel,
    const struct users *u)
{
	char word[] = { '-', option, '\0' };
	char *argv[3] = { NULL, option == '\0' ? NULL : word, NULL };
	char *envp[1] = { NULL };
	const struct identity *who = option != '\0' ? &u->master : &u->worker;
	int null = open("/dev/null", O_RDWR);

	ignore_signals();
	if (option != '\0')
		let_lock_memory();
	argv[0] = strdup(worker);
	if (null == -1 || argv[0] == NULL || dup2(null, 0) == -1 ||
	    dup2(null, 1) == -1 || dup2(null, 2) == -1)
		_exit(1);
	if (channel != worker_channel) {
		if (dup2(channel, worker_channel) == -1)
			_exit(1);
	} else if (fcntl(channel, F_SETFD, 0) == -1)
		_exit(1);
	closefrom(worker_channel + 1);
	if (os_keep_program(worker, worker_program) == -1 ||
	    (option != '\0' && option != helper_keeper_option &&
	    fcntl(worker_program, F_SETFD, FD_CLOEXEC) == -1) ||
	    chdir("/") == -1 || privdrop_become(u, who) == -1)
		_exit(1);
	os_execute(worker, worker_program, argv, envp);
	_exit(1);
}

/* A program built under umask 077, say, is not executable for that user. */
static void
expect_executable(const char *worker, const struct identity *who)
{
	mode_t x = S_IXOTH;
	struct stat st;

	if (stat(worker, &st) == -1)
		return;
	if (st.st_uid == who->uid)
		x = S_IXUSR;
	else if (st.st_gid == who->gid)
		x = S_IXGRP;
	if (!(st.st_mode & x))
		fatal("%s: uid %u, which is to run it, may not execute it: "
		    "chmod a+x %s", worker, (unsigned)who->uid, worker);
}

static int
start_worker(const char *worker, char option, const struct users *u)
{
	int ends[2];
	pid_t pid;

	if (ipc_pair(ends) == -1)
		fatal("socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0)
		execute_worker(worker, option, ends[1], u);
	close(ends[1]);
	return ends[0];
}

static void
bind_all(struct master *m)
{
	const struct conf_listen *which;
	struct address a;

	if (m->conf.listen_count == 0)
		fatal("%s: nothing to listen on: add a line such as \"listen "
		    "0.0.0.0 port 25\", or let inetd or a systemd socket "
		    "start smtpd", m->conf.path);
	if (listen_bind(m, &which) == 0)
		return;
	if (which == NULL || !address_of(&which->addr, &a))
		fatal("listen: %s", strerror(errno));
	fatal("listen %s port %u: %s%s", a.text, a.port, strerror(errno),
	    errno == EADDRINUSE ? " (another mail server is running there?)" :
	    errno == EACCES ? " (a port below 1024 needs root)" : "");
}

/*
 * The control socket: one below the directory root is made by its owner, once
 * privileges are dropped; any other one before that, by the user that starts
 * smtpd.  With sockets of a service manager an old and a new master run side
 * by side, and the new one answers.  -1: not made now, or not at all.
 */
static int
open_control(const struct master *m, int root, const struct users *u,
    bool take_over, bool dropped)
{
	const struct conf *conf = &m->conf;
	const char *why, *name;
	int fd;

	if (conf->catcher || m->one_session)
		return -1;
	name = control_name_inside(conf);
	if ((name != NULL) != dropped)
		return -1;
	if (name != NULL && fchdir(root) == -1)
		fatal("root %s: %s", conf->root, strerror(errno));
	fd = control_bind(name != NULL ? name : conf->control,
	    u->drop && !dropped ? &u->master : NULL, take_over, &why);
	if (fd == -1)
		fatal("control %s: %s", conf->control, why);
	return fd;
}

static void
adopt_all(struct master *m, const struct inherit_sockets *sockets)
{
	struct log_line l;

	if (listen_adopt(m, sockets->fds, sockets->words,
	    (size_t)sockets->count) == -1)
		fatal("no memory to start with");
	for (size_t i = 0; i < m->listeners->count; i++)
		if (m->tls->count == 0 && m->listeners->one[i].line.submission)
			fatal("LISTEN_FDNAMES: a socket for submission, which "
			    "is under TLS only: %s needs a line \"tls "
			    "certificate FILE key FILE\"", m->conf.path);
	if (m->conf.listen_count == 0)
		return;
	log_begin(&l, LOG_LEVEL_INFO, "listen-ignored");
	log_u64(&l, "lines", m->conf.listen_count);
	log_u64(&l, "sockets", (uint64_t)sockets->count);
	log_end(&l);
}

static void
open_spool(struct master *m, int root, bool synced)
{
	struct log_line l;
	const char *what;
	bool torn;
	int removed;

	removed = spool_open(m->spool, root, m->conf.catcher, synced, &what);
	if (removed == -1)
		fatal("%s/%s: %s", m->conf.root, what, strerror(errno));
	if (log_message_open(m->log, m->spool->log, m->spool->bad, &torn) == -1)
		fatal("%s/log/message: %s", m->conf.root, strerror(errno));
	if (m->conf.catcher && catcher_start(m->base, m->spool->mail,
	    m->spool->incoming) == -1)
		fatal("%s: %s", m->conf.root, strerror(errno));
	if (removed == 0 && !torn)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "recover");
	log_u64(&l, "unfinished_removed", (uint64_t)removed);
	if (torn)
		log_str(&l, "torn", "the last line of log/message was put "
		    "aside in spool/bad");
	log_end(&l);
}

/* Signals come last: their handlers stop what has to exist by then. */
static void
start_events(struct master *m)
{
	m->book = address_book_new();
	if (m->book == NULL || commit_init(m) == -1 || serve_start(m) == -1 ||
	    log_setup_events(m) == -1 || signals_init(m) == -1)
		fatal("no memory to start with");
}

static void
announce(struct master *m)
{
	struct log_line l;
	struct address a;

	for (size_t i = 0; i < m->listeners->count; i++) {
		if (!listen_address(m->listeners->one[i].fd, &a))
			continue;
		log_begin(&l, LOG_LEVEL_INFO, "listen");
		log_str(&l, "address", a.text);
		log_u64(&l, "port", a.port);
		if (m->listeners->one[i].line.tls_first)
			log_str(&l, "tls", "implicit");
		if (m->listeners->one[i].line.submission)
			log_str(&l, "for", "submission");
		log_end(&l);
		if (m->conf.catcher)
			catcher_welcome(&m->conf, a.text, a.port,
			    m->unsandboxed);
	}
	log_begin(&l, LOG_LEVEL_INFO, "start");
	log_str(&l, "version", SMTPD_VERSION);
	log_str(&l, "hostname", m->conf.hostname);
	log_u64(&l, "uid", geteuid());
	log_u64(&l, "pid", (uint64_t)getpid());
	log_str(&l, "sandbox", m->sandbox);
	log_end(&l);
	tls_log_certificates(m, true);
}

/* Serves until the one session ends, or a signal comes. */
static void
serve(struct master *m, const struct inherit_client *i)
{
	struct log_line l;

	if (i != NULL) {
		if (admit_one(m, i->input, i->output, &i->client) == -1)
			fatal("no memory to start with");
		inherit_given();
	} else if (listen_start(m, admit_accept) == -1)
		fatal("no memory to start with");
	else
		commit_make_ahead(m);
	event_base_dispatch(m->base);
	notify_stopping();
	m->stopping = true;
	listen_stop(m);
	admit_stop(m);
	commit_finish(m);
	pool_stop(m);
	helper_stop(m);
	control_stop(m);
	background_pid_clear();
	if (m->conf.catcher)
		catcher_end();
	if (i == NULL || m->exit_status != 0) {
		log_begin(&l, LOG_LEVEL_INFO, "stop");
		log_u64(&l, "status", (uint64_t)m->exit_status);
		log_end(&l);
	}
	log_setup_end(m);
}

/* One session has one worker, and needs no nursery that stands by. */
static void
start_nurseries(const struct start_options *o, const struct users *u,
    int channels[nursery_count])
{
	for (size_t i = 0; i < nursery_count; i++)
		channels[i] = o->inetd != NULL && i > 0 ? -1 :
		    start_worker(o->worker, '\0', u);
}

static void
fork_helpers(const struct master *m, const char *worker,
    int channels[HELPER_COUNT])
{
	for (size_t i = 0; i < HELPER_COUNT; i++)
		channels[i] = helper_is_wanted(m, (enum helper_kind)i) ?
		    start_worker(worker, helper_option((enum helper_kind)i),
		    &m->users) : -1;
}

static void
start_helpers(struct master *m, const char *worker,
    const int channels[HELPER_COUNT])
{
	enum helper_kind kind;
	const char *why;

	m->base = event_base_new();
	if (m->base == NULL || reload_init(m) == -1 || login_start(m) == -1)
		fatal("no memory to start with");
	if (helper_start(m, channels, &kind, &why) == -1)
		fatal("%s: %s process: %s", worker, helper_name(kind), why);
	conf_forget_passwords(&m->conf);
}

/* Does a listener, or that of the one session, require a login? */
static bool
wants_auth(const struct master *m, const struct start_options *o)
{
	struct conf_listen line = { .submission = false };

	if (o->inetd != NULL)
		listen_words(&m->conf, o->inetd->input, &line);
	for (size_t i = 0; i < m->listeners->count; i++)
		line.submission |= m->listeners->one[i].line.submission;
	return line.submission;
}

int
start_and_run(struct master *m, const struct start_options *o)
{
	static struct spool spool;
	static struct log_message log;
	static struct helper parts[HELPER_COUNT];
	static struct listeners listeners;
	struct background background = { -1, -1 };
	int channels[nursery_count], helpers[HELPER_COUNT], root, control;
	struct hold_proof proof;
	const char *why;
	struct users *users = &m->users;

	umask(077);
	tzset();
	m->spool = &spool;
	m->log = &log;
	m->helpers = parts;
	m->listeners = &listeners;
	m->one_session = o->inetd != NULL;
	m->shut_down = signals_stop;
	if (!m->one_session)
		listen_raise_descriptors(&m->conf);
	privdrop_find_users(&m->conf, users);
	if (users->drop) {
		expect_executable(o->worker, &users->worker);
		expect_executable(o->worker, &users->master);
	}
	m->start_ms = deadline_now_ms();
	root = hold_open_root(m->conf.root, users);
	log_setup_open(&m->conf, users->drop ? &users->master : NULL);
	if (!m->conf.catcher && !m->one_session)
		conf_warn(&m->conf, check_log_warning);
	if (o->pid_file != NULL)
		background_pid_open(o->pid_file);
	if (o->sockets != NULL)
		adopt_all(m, o->sockets);
	else if (!m->one_session)
		bind_all(m);
	control = open_control(m, root, users, o->sockets != NULL, false);
	if (!m->one_session)
		notify_open();
	if (!o->foreground)
		background = background_go();
	background_pid_write();
	hold_prepare(m);
	start_nurseries(o, users, channels);
	m->wants_logins = wants_auth(m, o);
	fork_helpers(m, o->worker, helpers);
	if (privdrop_become(users, &users->master) == -1)
		fatal("cannot become user %s: %s (in a container it takes "
		    "CAP_SETUID and CAP_SETGID; or start smtpd as that user)",
		    users->master.name, strerror(errno));
	log_setup_prove(&m->conf);
	hold_proof_read(&proof, root, o->worker);
	m->proved = m->one_session && proof.held;
	if (control == -1)
		control = open_control(m, root, users, o->sockets != NULL,
		    true);
	start_helpers(m, o->worker, helpers);
	start_events(m);
	if (pool_start(m, channels, uses) == -1)
		fatal("no memory to start with");
	open_spool(m, root, m->proved);
	if (refused_init(m->base, &m->conf, m->spool->log,
	    m->one_session) == -1)
		fatal("%s/log/refused: %s", m->conf.root, strerror(errno));
	hold_warn_of_root(m->conf.root, root);
	hold_master(m, root);
	if (pool_wait(m, &why) == -1)
		fatal("%s: %s", o->worker, why);
	if (control != -1 && control_start(m, control) == -1)
		fatal("no memory to start with");
	if (!m->proved && !m->conf.catcher &&
	    strcmp(pool_sandbox(m), "none") != 0)
		hold_proof_write(&proof, m->spool->log);
	if (!m->one_session)
		announce(m);
	if (o->sockets != NULL && o->sockets->wait &&
	    inherit_watch_idle(m) == -1)
		fatal("no memory to start with");
	if (notify_ready(m) == -1)
		fatal("no memory to start with");
	if (!o->foreground)
		background_tell_ready(&background);
	serve(m, o->inetd);
	return m->exit_status;
}
