/*
 * Start-up, in order: descriptors, users, root directory, listeners, nurseries,
 * helpers, privileges, spool, sandbox, and only then the first client.
 */
#include "server/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/conf_keyword.h"
#include "server/conf/conf_warn.h"
#include "server/control/control.h"
#include "server/log/catcher.h"
#include "server/log/log_file.h"
#include "server/log/log_message.h"
#include "server/log/refused.h"
#include "server/mail/attempt.h"
#include "server/mail/message.h"
#include "server/mail/relay.h"
#include "server/mail/spool.h"
#include "server/process/dial.h"
#include "server/process/helper.h"
#include "server/process/pool.h"
#include "server/process/resolver.h"
#include "server/session/listen.h"
#include "server/session/session.h"
#include "shared/deadline.h"
#include "shared/log.h"
#include "shared/os/os.h"

enum { worker_channel = 3, worker_program = 4 };

/* What workers are lent for. */
static const struct worker_use *const uses[] = { &session_use, &resolver_use,
    &relay_use, &report_use, NULL };

/*
 * A signal to all processes, from a terminal, pkill(1) or a service manager, is
 * for the master: its children, and theirs, end when their channels close.
 * Helpers, which have keys or passwords, lock their memory, as far as they may.
 */
static void
set_up_child(bool is_helper)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1,
	    SIGUSR2 };
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	if (!is_helper || setrlimit(RLIMIT_MEMLOCK, &limit) == 0 ||
	    getrlimit(RLIMIT_MEMLOCK, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

/*
 * The child's user is the worker's; or, with option (a helper), the master's,
 * for no process that talks to strangers may share the user of one that holds
 * keys or passwords.  The program is opened before, for that user may be unable
 * to reach it; nursery and keeper keep it open, to execute it again.
 */
static _Noreturn void
execute_worker(const char *worker, char option, char *const *words,
    int channel, const struct users *u)
{
	char option_word[] = { '-', option, '\0' };
	char *argv[3 + dial_words_max] = { strdup(worker),
	    option != '\0' ? option_word : NULL };
	const struct identity *who = option != '\0' ? &u->master : &u->worker;
	int null = open("/dev/null", O_RDWR);

	for (size_t i = 0; option != '\0' && words[i] != NULL; i++)
		argv[2 + i] = words[i];
	set_up_child(option != '\0');
	if (null == -1 || argv[0] == NULL ||
	    dup2(null, 0) == -1 || dup2(null, 1) == -1 || dup2(null, 2) == -1 ||
	    (channel != worker_channel ? dup2(channel, worker_channel) :
	    fcntl(channel, F_SETFD, 0)) == -1)
		_exit(1);
	closefrom(worker_channel + 1);
	if (os_keep_program(worker, worker_program) == -1 ||
	    (u->drop && option == helper_option(HELPER_DIAL) &&
	    os_hide_files() == -1) ||
	    (option != '\0' && option != helper_keeper_option &&
	    fcntl(worker_program, F_SETFD, FD_CLOEXEC) == -1) ||
	    chdir("/") == -1 || privdrop_become(u, who) == -1)
		_exit(1);
	os_execute(worker, worker_program, argv);
	_exit(1);
}

/* A program built under umask 077, say, is not executable for its users. */
static void
expect_executable(const char *worker, const struct users *u)
{
	const struct identity *who[] = { &u->worker, &u->master };
	struct stat st;

	for (size_t i = 0; u->drop && i < 2 && stat(worker, &st) == 0; i++)
		if (!(st.st_mode & (st.st_uid == who[i]->uid ? S_IXUSR :
		    st.st_gid == who[i]->gid ? S_IXGRP : S_IXOTH)))
			fatal("%s: uid %u, which is to run it, may not "
			    "execute it: chmod a+x %s", worker,
			    (unsigned)who[i]->uid, worker);
}

static int
start_worker(const char *worker, char option, char *const *words,
    const struct users *u)
{
	int ends[2];
	pid_t pid;

	if (ipc_pair(ends) == -1)
		fatal("socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0)
		execute_worker(worker, option, words, ends[1], u);
	close(ends[1]);
	return ends[0];
}

/*
 * The control socket: below the directory root it is made by its owner, once
 * privileges are dropped; elsewhere before that.  With sockets of a service
 * manager an old and a new master run side by side, and the new one answers.
 * -1: not made now, or not at all.
 */
static int
open_control(const struct master *m, int root, bool take_over, bool dropped)
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
	    m->users.drop && !dropped ? &m->users.master : NULL, take_over,
	    &why);
	if (fd == -1)
		fatal("control %s: %s", conf->control, why);
	return fd;
}

static void
adopt_all(struct master *m, const struct inherit_sockets *sockets)
{
	listen_adopt(m, sockets->fds, sockets->words, (size_t)sockets->count);
	if (m->tls->count == 0 && (m->listeners->words & LISTEN_SUBMISSION))
		fatal("LISTEN_FDNAMES: a socket for submission, which is "
		    "under TLS only: %s needs a line \"tls certificate FILE "
		    "key FILE\"", m->conf.path);
	if (m->conf.listen_count == 0)
		return;
	log_put(LOG_LEVEL_INFO, "listen-ignored", "lines=%zu sockets=%zu",
	    m->conf.listen_count, (size_t)sockets->count);
}

static void
open_spool(struct master *m, int root)
{
	const char *what;
	bool torn;
	int removed;

	removed = spool_open(m->spool, root, m->conf.catcher, m->proved, &what);
	if (removed == -1)
		fatal("%s/%s: %s", m->conf.root, what, strerror(errno));
	if (log_message_open(m->log, m->spool->log, m->spool->bad, &torn) == -1)
		fatal("%s/log/message: %s", m->conf.root, strerror(errno));
	if (m->conf.catcher && catcher_start(m->base, m->spool->mail,
	    m->spool->incoming) == -1)
		fatal("%s: %s", m->conf.root, strerror(errno));
	if (queue_start(m, schedule_add, &what) == -1)
		fatal("%s/%s: %s", m->conf.root, what, strerror(errno));
	if (removed > 0 || torn)
		log_put(LOG_LEVEL_WARNING, "recover", "unfinished_removed=%zu "
		    "torn=%s", (size_t)removed, torn ? "the last line of "
		    "log/message was put aside in spool/bad" : "");
}

static void
announce(struct master *m)
{
	const struct listener *l;
	struct address a;

	for (size_t i = 0; i < m->listeners->count; i++) {
		l = &m->listeners->one[i];
		if (!listen_address(l->fd, &a))
			continue;
		log_put(LOG_LEVEL_INFO, "listen", "address=%s port=%zu tls=%s "
		    "for=%s", a.text, (size_t)a.port,
		    l->line.words & LISTEN_TLS_FIRST ? "implicit" : "",
		    l->line.words & LISTEN_SUBMISSION ? "submission" : "");
		if (m->conf.catcher)
			catcher_welcome(&m->conf, a.text, a.port,
			    m->unsandboxed);
	}
	log_put(LOG_LEVEL_INFO, "start", "version=%s hostname=%s uid=%zu "
	    "pid=%zu sandbox=%s", SMTPD_VERSION, m->conf.hostname,
	    (size_t)geteuid(), (size_t)getpid(), m->sandbox);
	tls_files_log(m, true);
	/* The log is to be complete before a manager or a shell is told. */
	(void)log_flush();
}

/* Serves until the one session ends, or a signal comes. */
static void
serve(struct master *m, const struct inherit_client *i)
{
	if (i != NULL) {
		fatal_unless_memory(admit_one(m, i->input, i->output,
		    &i->client) == 0);
		inherit_given();
	} else {
		listen_start(m, admit_accept);
	}
	event_base_dispatch(m->base);
	m->stopping = true;
	listen_stop(m);
	admit_stop(m);
	commit_finish(m);
	queue_stop(m);
	pool_stop(m);
	helper_stop(m);
	control_stop();
	background_pid_clear();
	if (m->conf.catcher)
		catcher_end();
	if (i == NULL || m->exit_status != 0)
		log_put(LOG_LEVEL_INFO, "stop", "status=%zu",
		    (size_t)m->exit_status);
	loop_end(m);
}

/* The nurseries, and the helpers that configuration and listeners call for. */
static void
fork_all(struct master *m, const struct start_options *o)
{
	unsigned words = o->inetd == NULL ? m->listeners->words :
	    listen_words(&m->conf, o->inetd->input);
	char *const *to_dial = dial_words(&m->conf.relay);
	enum helper_kind kind;

	m->wants_logins = (words & LISTEN_SUBMISSION) != 0;
	for (kind = 0; kind < HELPER_ALL; kind++)
		m->helpers[kind].channel = !helper_is_wanted(m, kind) ? -1 :
		    start_worker(o->worker, kind >= HELPER_NURSERY ? '\0' :
		    helper_option(kind), to_dial, &m->users);
}

/* What needs root: the files and sockets that the configuration names. */
static void
open_as_root(struct master *m, const struct start_options *o, int *root,
    int *control)
{
	const struct identity *owner;
	const char *why;

	if (!m->one_session)
		listen_raise_descriptors(&m->conf);
	privdrop_find_users(&m->conf, &m->users);
	owner = m->users.drop ? &m->users.master : NULL;
	expect_executable(o->worker, &m->users);
	*root = hold_open_root(m->conf.root, &m->users);
	if (m->conf.log == CONF_LOG_FILE &&
	    log_file_open(m->conf.log_path, owner, &why) == -1)
		fatal("log to %s: %s", m->conf.log_path, why);
	if (!m->conf.catcher && !m->one_session)
		conf_warn(&m->conf, check_log_warning);
	if (o->pid_file != NULL)
		background_pid_open(o->pid_file);
	if (o->sockets != NULL)
		adopt_all(m, o->sockets);
	else if (!m->one_session)
		listen_bind(m);
	*control = open_control(m, *root, o->sockets != NULL, false);
	if (!m->one_session)
		loop_notify_open();
}

/* Feeds the helpers and opens the spool, as the user that owns the mail. */
static void
begin_work(struct master *m, const struct start_options *o, int root)
{
	m->base = event_base_new();
	fatal_unless_memory(m->base != NULL && reload_init(m) == 0 &&
	    session_start(m) == 0 && pool_start(m, uses) == 0 &&
	    helper_start(m, o->worker) == 0);
	conf_forget_passwords(&m->conf);
	/* Signals come last: their handlers stop what has to exist by then. */
	resolver_start(m);
	fatal_unless_memory(commit_init(m) == 0 && schedule_start(m) == 0 &&
	    loop_start(m) == 0);
	open_spool(m, root);
	if (refused_init(m->base, &m->conf, m->spool->log,
	    m->one_session) == -1)
		fatal("%s/log/refused: %s", m->conf.root, strerror(errno));
	hold_master(m, root);
	pool_open(m);
}

int
start_and_run(struct master *m, const struct start_options *o)
{
	static struct spool spool;
	static struct log_message log;
	static struct helper parts[HELPER_ALL];
	static struct listeners listeners;
	int root, control;

	umask(077);
	tzset();
	m->spool = &spool;
	m->log = &log;
	m->helpers = parts;
	m->listeners = &listeners;
	m->one_session = o->inetd != NULL;
	m->shut_down = loop_stop;
	m->start_ms = deadline_now_ms();
	open_as_root(m, o, &root, &control);
	background_begin(o->foreground);
	hold_prepare(m);
	fork_all(m, o);
	if (privdrop_become(&m->users, &m->users.master) == -1)
		fatal("cannot become user %s: %s (in a container it takes "
		    "CAP_SETUID and CAP_SETGID; or start smtpd as that user)",
		    m->users.master.name, strerror(errno));
	/* Proved now, so that the first rotation does not fail. */
	if (log_file_reopen() == -1)
		fatal("log to %s: it could not be opened again after a "
		    "rotation: %s: give the file, or a directory of its own, "
		    "to the user that owns the mail", m->conf.log_path,
		    strerror(errno));
	m->proved = m->one_session && hold_is_proved(root, o->worker);
	if (control == -1)
		control = open_control(m, root, o->sockets != NULL, true);
	begin_work(m, o, root);
	fatal_unless_memory(control == -1 || control_start(m, control) == 0);
	if (!m->proved && !m->conf.catcher &&
	    strcmp(pool_nursery(m)->sandbox, "none") != 0)
		hold_prove(m->spool->log);
	if (!m->one_session)
		announce(m);
	fatal_unless_memory(loop_notify_ready(m) == 0);
	background_tell_ready();
	/* Only now: no client could come while it started. */
	m->ends_idle = o->sockets != NULL && o->sockets->wait;
	serve(m, o->inetd);
	return m->exit_status;
}
