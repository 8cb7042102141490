/*
 * The nursery process.  It has the settings and no part of any message; it
 * speaks with the master only, and never with a client.
 */
#include "worker/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/os/os.h"
#include "shared/trace_field.h"
#include "worker/smtp.h"
#include "worker/tls_context.h"

struct nursery {
	char			**argv;		/* of this process: the path
						   of its program is first */
	enum sandbox_role	 role;
	bool			 held;
	const char		*sandbox;	/* NULL: no settings yet */
	bool			 shook_hands;
	struct ipc_settings	 settings;
};

/* Returns only when execution fails: the file has been replaced, say. */
static void
execute_self(const struct nursery *n, char option)
{
	char how[] = { '-', option, '\0' };
	char *few[3] = { NULL, how, NULL };
	char **argv = n->role == SANDBOX_KEEPER ? n->argv : few;

	argv[0] = n->argv[0];
	argv[1] = how;
	/* Descriptor 3 is the channel: it must stay open. */
	if (fcntl(nursery_channel, F_SETFD, 0) != -1 && (option == 'r' ||
	    fcntl(nursery_program, F_SETFD, FD_CLOEXEC) != -1))
		os_execute(argv[0], nursery_program, argv);
}

/* What a worker does, by the record that begins it. */
static const struct job {
	enum ipc_type	  type;
	void		(*run)(struct ask *master,
			    const struct ipc_settings *settings,
			    const struct ipc_record *r, int passed,
			    int output);
} jobs[] = {
	{ IPC_SESSION, smtp_session_run }, { IPC_LOOKUP, resolve_run },
	{ IPC_REPORT, report_run }, { IPC_CLIENT, relay_run }
};

/* A worker, in a fresh child of the nursery, which has prepared the sandbox. */
static _Noreturn void
serve(const struct ipc_settings *settings, struct ipc_record *r)
{
	struct ask master = { .channel = nursery_channel };
	const char *what;
	int passed, output;

	if ((sandbox_limit_file(settings->message_size_bytes +
	    trace_field_max_bytes + envelope_max_bytes) == -1 ||
	    sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1) &&
	    !settings->sandbox_optional)
		_exit(nursery_exit_unsafe);
	for (uint64_t n = 0; n < settings->worker_sessions; n++) {
		passed = ask_job(&master, r, &output);
		for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
			if (r->type == jobs[i].type)
				jobs[i].run(&master, settings, r, passed,
				    output);
	}
	_exit(0);
}

/*
 * Forks a child with a channel, which is the child's descriptor 3, where this
 * process's was: a worker (option 0); or a nursery or helper, which executes
 * this program afresh.  SIGCHLD stays as it is, for a child has no children.
 */
static void
breed(const struct nursery *n, char option)
{
	struct ipc_record r = { .type = IPC_STILLBORN };
	int ends[2] = { -1, -1 };
	pid_t pid = ipc_pair(ends) == -1 ? -1 : os_fork();

	if (pid == 0) {
		close(ends[0]);
		if (dup2(ends[1], nursery_channel) == -1)
			_exit(nursery_exit_unsafe);
		close(ends[1]);
		os_forget_siblings(nursery_program + 1);
		if (option != '\0') {
			execute_self(n, option);
			_exit(0);	/* the channel's end tells the master */
		}
		close(nursery_program);
		serve(&n->settings, &r);
	}
	if (pid != -1 && option == '\0') {
		r.type = IPC_NEWBORN;
		r.u.child.pid = pid;
	} else if (pid != -1) {
		r.type = IPC_SIBLING;
		r.u.number.n = (uint8_t)option;
	}
	if (pid != -1 || option == '\0')
		helper_answer(nursery_channel, &r, pid == -1 ? -1 : ends[0]);
	if (ends[0] != -1) {
		close(ends[0]);
		close(ends[1]);
	}
}

/* Reports every child that ended: only this process gets to know. */
static void
reap(void)
{
	struct ipc_record r = { .type = IPC_DIED };
	int status;
	pid_t pid;

	while ((pid = os_reap(&status)) > 0) {
		r.u.child.pid = pid;
		r.u.child.status = status;
		helper_answer(nursery_channel, &r, -1);
	}
}

/*
 * A throw-away worker begins a handshake in its sandbox: a library that crashes
 * there is found before any client comes.  NULL, or how it ended.
 */
static const char *
shake_hands(struct nursery *n)
{
	static char text[ipc_text_bytes];
	const char *what;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1 &&
		    !n->settings.sandbox_optional)
			_exit(nursery_exit_unsafe);
		_exit(tls_context_shake_hands() ? 0 : 1);
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	n->shook_hands = pid != -1 && status == 0;
	snprintf(text, sizeof(text), "a TLS handshake on trial %s %d",
	    WIFSIGNALED(status) ? "died by signal" : "failed:",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return n->shook_hands ? NULL : text;
}

static const char *
enter(const struct nursery *n)
{
	static const struct sandbox_path libraries[] = {
#ifdef WORKER_DYNAMIC
		{ "/lib", -1, false, true }, { "/lib64", -1, false, true },
		{ "/usr/lib", -1, false, true },
		{ "/etc/ld.so.cache", -1, false, false },
#endif
		{ NULL, -1, false, false }
	};
	struct sandbox_path paths[8] = {
		{ n->argv[0], nursery_program, false, true } };
	const char *what = NULL;
	size_t count = 1;

	for (const struct sandbox_path *p = libraries; p->path != NULL; p++)
		if (access(p->path, F_OK) == 0)
			paths[count++] = *p;
	/* An image that a nursery executed has to prove that it is in it. */
	if (!n->held || !sandbox_facts()->exists)
		what = sandbox_try(n->role, n->settings.proved);
	return what == NULL && (n->held ? sandbox_resume : sandbox_enter)
	    (n->role, paths, count, &what) == 0 ? NULL : what;
}

/* With the first settings it enters its sandbox, and tests the workers'. */
static void
take_settings(struct nursery *n, const struct ipc_settings *settings)
{
	const char *what = NULL;

	n->settings = *settings;
	if (n->sandbox == NULL) {
		what = enter(n);
		if (what == NULL)
			what = sandbox_try(SANDBOX_SMTP, settings->proved);
		n->sandbox = what == NULL ? sandbox_facts()->parts : "none";
	}
	if (what == NULL || settings->sandbox_optional)
		what = tls_context_make(settings->tls_pairs,
		    settings->relays);
	if (what == NULL && settings->tls_pairs > 0 && !settings->proved &&
	    !n->shook_hands)
		what = shake_hands(n);
	helper_ready(nursery_channel, n->sandbox, what);
}

static void
on_record(struct nursery *n, const struct ipc_record *r)
{
	if (r->type == IPC_SETTINGS) {
		take_settings(n, &r->u.settings);
	} else if (r->type == IPC_CERTIFICATE) {
		tls_context_take(&r->u.pem);
	/* Before the first settings this process is in no sandbox. */
	} else if (r->type == IPC_SPAWN && n->sandbox != NULL) {
		for (uint32_t i = 0; i < r->u.number.n; i++)
			breed(n, '\0');
	/* A nursery starts another, and the keeper starts helpers. */
	} else if (r->type == IPC_BREED && (r->u.number.n == 'r') ==
	    (n->role == SANDBOX_NURSERY)) {
		breed(n, (char)r->u.number.n);
	} else if (r->type == IPC_KILL) {
		os_kill_child(r->u.child.pid);
	} else if (r->type == IPC_RENEW) {
		execute_self(n, 'r');
		helper_answer(nursery_channel, &(struct ipc_record){
		    .type = IPC_STALE }, -1);
	}
}

/* Only ends ppoll(2). */
static void
on_sigchld(int sig)
{
}

void
nursery_run(char *argv[], enum sandbox_role role, bool held)
{
	static struct nursery n;
	struct sigaction sa = { .sa_handler = on_sigchld };
	struct pollfd fds[] = { { nursery_channel, POLLIN, 0 },
	    { os_watch_children(), POLLIN, 0 } };
	enum ipc_got got = IPC_GOT_NOTHING;
	struct ipc_record r;
	const char *what;
	sigset_t block, wait_mask;
	int passed;

	n.argv = argv;
	n.role = role;
	n.held = held;
	/* SIGCHLD is let in by ppoll(2) only, so that none is missed. */
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &wait_mask);
	sigdelset(&wait_mask, SIGCHLD);
	sigaction(SIGCHLD, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* The keeper gets no settings, and is ready at once. */
	if (role == SANDBOX_KEEPER) {
		what = enter(&n);
		helper_ready(nursery_channel, sandbox_facts()->parts, what);
	}
	while (got == IPC_GOT_RECORD || got == IPC_GOT_NOTHING) {
		reap();
		if (ppoll(fds, 2, NULL, &wait_mask) == -1 ||
		    fds[0].revents == 0)
			continue;
		got = ipc_recv(nursery_channel, IPC_TO_NURSERY, IPC_AT_ANY,
		    true, &r, &passed, &what);
		if (got == IPC_GOT_RECORD)
			on_record(&n, &r);
	}
	exit(0);
}
