/*
 * The life of a helper: it enters its sandbox before it has any secret, and
 * then answers the master's questions one by one.
 */
#include "worker/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/ipc.h"

void
helper_answer(int channel, struct ipc_record *r, int pass)
{
	while (ipc_send(channel, r, pass, true) == -1) {
		if (errno != ETOOMANYREFS && errno != ENOBUFS &&
		    errno != ENOMEM)
			_exit(0);
		/* The master is about to receive what is in flight. */
		poll(NULL, 0, 1);
	}
}

void
helper_ready(int channel, const char *parts, const char *lacks)
{
	struct ipc_record r = { .type = lacks == NULL ? IPC_READY :
	    IPC_UNSAFE, .u.text.pid = getpid() };

	snprintf(r.u.text.text, sizeof(r.u.text.text), "%s",
	    lacks == NULL ? parts : lacks);
	helper_answer(channel, &r, -1);
}

void
helper_take_piece(struct helper_file *f, const struct ipc_pem *piece)
{
	memcpy(f->octets + piece->at, piece->octets, piece->n);
	f->n = (size_t)piece->at + piece->n;
}

static int shared = -1;		/* by the processes of one helper */
static pid_t first;		/* of them, which only waits */

/* Only the end of the channel tells the others, and the master. */
static void
on_end_of_one(int sig)
{
	shutdown(shared, SHUT_RDWR);
	_exit(0);
}

/*
 * Makes processes that serve on channel, which they return.  This one ends all
 * when one ends, and returns a channel without records.
 */
static int
split(int channel, unsigned processes)
{
	struct sigaction sa = { .sa_handler = on_end_of_one,
	    .sa_flags = SA_NOCLDSTOP };
	pid_t pid = 1;
	sigset_t child;
	int idle[2];

	shared = channel;
	first = getpid();
	/* The keeper blocks it; those of the self-test are dropped. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	if (sigaction(SIGCHLD, &sa, NULL) == -1 || ipc_pair(idle) == -1)
		_exit(0);
	while (processes-- > 0 && pid > 0)
		pid = fork();
	if (pid == -1)
		_exit(0);
	return pid == 0 ? channel : idle[0];
}

/* Returns the channel to serve on. */
static int
enter(int channel, enum sandbox_role role, unsigned processes)
{
	/* Asked now: inside the sandbox it could not ask. */
	const char *facts = sandbox_facts()->parts;
	const char *what = sandbox_try(role, false);
	char parts[ipc_text_bytes];
	bool locked = false;
	int serve = channel;

	if (what == NULL) {
		if (processes > 1)
			serve = split(channel, processes);
		locked = sandbox_lock(role);
		if (sandbox_enter(role, NULL, 0, &what) == 0)
			what = NULL;
	}
	snprintf(parts, sizeof(parts), "%s%s", facts, locked ? ", locked" : "");
	if (serve != shared)
		helper_ready(channel, parts, what);
	else if (what != NULL)
		_exit(0);
	return serve;
}

void
helper_serve(int channel, enum sandbox_role role, enum ipc_way way,
    unsigned processes, void (*take)(int channel,
    const struct ipc_record *r, int passed))
{
	struct ipc_record r;
	const char *why;
	int passed;

	channel = enter(channel, role, processes);
	while (ipc_recv(channel, way, IPC_AT_ANY, true, &r, &passed, &why) ==
	    IPC_GOT_RECORD) {
		/* Nobody would tell of the next one that ends. */
		if (shared != -1 && getppid() != first)
			on_end_of_one(0);
		take(channel, &r, passed);
		explicit_bzero(&r, sizeof(r));
	}
	_exit(0);
}
