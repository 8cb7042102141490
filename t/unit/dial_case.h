/*
 * The process dial in its sandbox, and what a master asks it.
 */
#ifndef T_UNIT_DIAL_CASE_H
#define T_UNIT_DIAL_CASE_H

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/ip.h"
#include "shared/ipc.h"
#include "t/unit/unit.h"
#include "worker/helper.h"

/* "ADDRESS", port, as a question. */
static struct ipc_dial
question(const char *address, unsigned port, bool udp)
{
	struct ipc_dial d = { .port = (uint16_t)port, .udp = udp };

	ck_assert_msg(ip_parse(span_of(address), &d.to), "%s", address);
	return d;
}

#define WORDS(...)	((char *[]){ __VA_ARGS__ NULL })
#define W(text)		(char[]){ text },

/* ---- the process -------------------------------------------------------- */

static int channel = -1;	/* this end */
static pid_t pid;

/* Starts dial in its sandbox. */
static void
start(char *const *words)
{
	const char *why = "";
	struct ipc_record r;
	int ends[2], passed;

	ck_assert_int_eq(ipc_pair(ends), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		if (!dial_take_words(words))
			_exit(1);
		dial_run(ends[1]);
	}
	ck_assert_int_gt(pid, 0);
	close(ends[1]);
	channel = ends[0];
	ck_assert_msg(ipc_recv(channel, IPC_FROM_DIAL, IPC_AT_ANY, true, &r,
	    &passed, &why) == IPC_GOT_RECORD, "%s", why);
	ck_assert_msg(r.type == IPC_READY, "unsafe: %s", r.u.text.text);
}

static void
end(void)
{
	int status;

	close(channel);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %#x", (unsigned)status);
}

static void
ask(struct ipc_dial d)
{
	struct ipc_record r = { .type = IPC_DIAL, .u.dial = d };

	ck_assert_int_eq(ipc_send(channel, &r, -1, true), 0);
}

/* The errno of the next answer; or 0, and the socket. */
static int
answer(int *fd)
{
	struct pollfd p = { .fd = channel, .events = POLLIN };
	const char *why = "";
	struct ipc_record r;

	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert_msg(ipc_recv(channel, IPC_FROM_DIAL, IPC_AT_ANY, true, &r,
	    fd, &why) == IPC_GOT_RECORD, "%s", why);
	ck_assert((r.type == IPC_DIALED) == (*fd != -1));
	return (int)r.u.number.n;
}

/* As the master does it: 0 and a connected socket, or an errno. */
static int
connected(struct ipc_dial d, int *fd)
{
	struct pollfd p = { .events = POLLOUT };
	socklen_t n = sizeof(int);
	int error;

	ask(d);
	error = answer(fd);
	if (*fd == -1)
		return error;
	p.fd = *fd;
	if (poll(&p, 1, 2000) == 0)
		error = ETIMEDOUT;
	else
		ck_assert_int_eq(getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error,
		    &n), 0);
	if (error != 0)
		close(*fd);
	return error;
}

static int
refused(const char *address, unsigned port, bool udp)
{
	int fd, error = connected(question(address, port, udp), &fd);

	ck_assert_int_ne(error, 0);
	return error;
}

#endif
