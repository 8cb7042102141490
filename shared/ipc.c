/* Records over SOCK_SEQPACKET: one record a packet, at most one descriptor. */
#include "shared/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/os/os.h"

/* Space for one descriptor more than allowed, so that excess is noticed. */
union control {
	struct cmsghdr	align;
	uint8_t		room[CMSG_SPACE(2 * sizeof(int))];
};

int
ipc_pair(int out[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out);
}

ssize_t
ipc_send_part(int channel, struct ipc_record *r, size_t from, int pass,
    bool wait)
{
	struct iovec iov = { (uint8_t *)r + from,
	    ipc_size((enum ipc_type)r->type) - from };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	r->zero = 0;
	if (pass != -1) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	do
		n = sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_EOR |
		    (wait ? 0 : MSG_DONTWAIT));
	while (n == -1 && errno == EINTR);
	return n;
}

int
ipc_send(int channel, struct ipc_record *r, int pass, bool wait)
{
	const size_t size = ipc_size((enum ipc_type)r->type);
	ssize_t n;

	for (size_t sent = 0; sent < size; sent += (size_t)n) {
		n = ipc_send_part(channel, r, sent, sent == 0 ? pass : -1,
		    wait || sent > 0);
		if (n == -1)
			return -1;
	}
	return 0;
}

static size_t
take_fds(struct msghdr *msg, int *first)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	    c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <=
		    c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(int));
			if (count++ == 0)
				*first = fd;
			else
				close(fd);
		}
	}
	return count;
}

enum ipc_got
ipc_recv(int channel, enum ipc_way way, enum ipc_when when, bool wait,
    struct ipc_record *r, int *passed, const char **why)
{
	struct iovec iov = { r, sizeof(*r) };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	int resets = 0, lost = 0;	/* a descriptor */
	size_t fds;
	bool cut;
	ssize_t n;

	*passed = -1;
	r->type = IPC_TYPE_COUNT;
	/*
	 * A reset is told once, before records that are there still; and so,
	 * by FreeBSD, is the loss of the next one's descriptor.
	 */
	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC |
		    (wait ? MSG_WAITALL : MSG_DONTWAIT));
	while (n == -1 && (errno == EINTR ||
	    (errno == ECONNRESET && resets++ == 0) ||
	    (errno == EMFILE && lost++ == 0)));
	if (n == -1 && (lost > 0 || errno == EMSGSIZE))
		return IPC_GOT_NO_ROOM;
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return IPC_GOT_NOTHING;
	if (n == -1)
		return errno == ECONNRESET ? IPC_GOT_END : IPC_GOT_ERROR;
	fds = take_fds(&msg, passed);
	lost += (msg.msg_flags & MSG_CTRUNC) != 0;
	cut = (msg.msg_flags & MSG_TRUNC) != 0 ||
	    (msg.msg_flags & os_record_end) != os_record_end;
	if (fds == 0 && lost > 0 && !cut &&
	    ipc_check(r, (size_t)n, true, way, when) == NULL)
		return IPC_GOT_NO_ROOM;
	if (n == 0 && fds == 0)
		return IPC_GOT_END;
	if (fds > 1 || cut || lost > 0)
		*why = "record too long or cut, or too many descriptors";
	else
		*why = ipc_check(r, (size_t)n, fds == 1, way, when);
	if (*why == NULL)
		return IPC_GOT_RECORD;
	if (*passed != -1)
		close(*passed);
	*passed = -1;
	return IPC_GOT_BAD;
}
