/*
 * A worker that does nothing any more is ended by its nursery, which is not
 * disturbed, executes itself, and ends one of its earlier image, too.
 *
 *	stuck WORKER
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/ipc.h"

enum { nobody = 65534 };

static int channel;

static void
expect(bool so, const char *what)
{
	if (so)
		return;
	printf("FAILED: %s\n0 passed, 1 failed\n", what);
	exit(1);
}

static void
tell(enum ipc_type type, struct ipc_record *r)
{
	r->type = type;
	expect(ipc_send(channel, r, -1, true) == 0, "a record is not taken");
}

/* The next record of the nursery, within a minute. */
static void
hear(enum ipc_type type, struct ipc_record *r)
{
	const char *why = "it has ended";
	int passed = -1;

	alarm(60);
	if (ipc_recv(channel, IPC_FROM_NURSERY, IPC_AT_ANY, true, r, &passed,
	    &why) != IPC_GOT_RECORD)
		expect(false, why);
	if (r->type != type)
		printf("type %d, not %d: %s\n", (int)r->type, (int)type,
		    r->type == IPC_UNSAFE ? r->u.text.text : "");
	expect(r->type == type, "another record than expected");
	/* The worker's end goes with it: this end is held open. */
}

static void
settle(void)
{
	struct ipc_record r = { .u.settings = { .worker_sessions = 1,
	    .message_size_bytes = 1000, .recipients = 1, .received = 1,
	    .errors = 1, .session_time_s = 60, .hostname = "mx.example.org" } };

	tell(IPC_SETTINGS, &r);
	hear(IPC_READY, &r);
}

static pid_t
spawn(void)
{
	struct ipc_record r = { .u.number.n = 1 };

	tell(IPC_SPAWN, &r);
	hear(IPC_NEWBORN, &r);
	expect(kill(r.u.child.pid, SIGSTOP) == 0, "no such worker");
	return r.u.child.pid;
}

static void
end(pid_t worker)
{
	struct ipc_record r = { .u.child.pid = worker };

	tell(IPC_KILL, &r);
	hear(IPC_DIED, &r);
	expect(r.u.child.pid == worker && WIFSIGNALED(r.u.child.status) &&
	    WTERMSIG(r.u.child.status) == SIGKILL, "another end");
}

int
main(int argc, char *argv[])
{
	struct ipc_record r = { 0 };
	int ends[2], program;
	pid_t worker;

	expect(argc == 2 && argv[1][0] == '/', "usage: stuck WORKER");
	program = open(argv[1], O_PATH | O_CLOEXEC);
	expect(program != -1 && ipc_pair(ends) == 0, strerror(errno));
	if (fork() == 0) {
		program = fcntl(program, F_DUPFD_CLOEXEC, 10);
		dup2(ends[1], 3);
		dup2(program, 4);
		closefrom(5);
		/* A limit of processes does not hold root. */
		if (geteuid() == 0 && (setgid(nobody) == -1 ||
		    setuid(nobody) == -1))
			_exit(1);
		fexecve(4, (char *[]){ argv[1], NULL },
		    (char *[]){ NULL });
		_exit(1);
	}
	close(ends[1]);
	channel = ends[0];
	settle();
	end(spawn());
	/* A process that is no child of it, and one that has ended. */
	r.u.child.pid = getpid();
	tell(IPC_KILL, &r);
	worker = spawn();
	tell(IPC_RENEW, &r);
	settle();
	end(worker);
	end(spawn());
	puts("1 passed, 0 failed");
	return 0;
}
