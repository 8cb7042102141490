/*
 * Waiting on the client's socket.
 */
#include "worker/peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/os/os.h"

enum { linger_ms = 2000, short_linger_ms = 200 };

/*
 * Waits until fd is ready; 0, or -1 with ETIMEDOUT or ECANCELED.  After the
 * deadline it fails even if fd is ready: else a client that keeps sending
 * would never time out.  While a file is due, only the end of the channel is
 * noticed, for the next record is ask_file's.
 */
static int
wait_for(const struct peer *p, int fd, short events, int64_t deadline_ms)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = p->master->channel,
		    .events = p->master->file_due ? 0 : POLLIN }
	};
	int64_t begun_ms = deadline_now_ms();
	int left_ms, n;

	while ((left_ms = deadline_left_ms(deadline_ms)) > 0) {
		n = poll(fds, 2, left_ms);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0 && fds[1].revents != 0) {
			if (p->master->file_due ||
			    !ask_is_stressed(p->master)) {
				errno = ECANCELED;
				return -1;
			}
			if (deadline_ms > begun_ms + p->master->idle_ms)
				deadline_ms = begun_ms + p->master->idle_ms;
			continue;
		}
		if (n > 0)
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static ssize_t
peer_read(void *arg, void *p, size_t n, int64_t deadline_ms)
{
	const struct peer *peer = arg;
	ssize_t got;

	do {
		if (wait_for(peer, peer->socket, POLLIN, deadline_ms) == -1)
			return -1;
		got = read(peer->socket, p, n);
	} while (got == -1 && (errno == EINTR || errno == EAGAIN ||
	    errno == EWOULDBLOCK));
	return got;
}

/* Writes to a pipe or a terminal: PIPE_BUF octets do not block. */
static ssize_t
write_output(const struct peer *peer, const void *p, size_t n,
    int64_t deadline_ms)
{
	ssize_t done;

	do {
		if (wait_for(peer, peer->output, POLLOUT, deadline_ms) == -1)
			return -1;
		done = write(peer->output, p, n < PIPE_BUF ? n : PIPE_BUF);
	} while (done == -1 && (errno == EINTR || errno == EAGAIN ||
	    errno == EWOULDBLOCK));
	return done;
}

static ssize_t
peer_write(void *arg, const void *p, size_t n, int64_t deadline_ms)
{
	const struct peer *peer = arg;
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t done;

	if (peer->last)
		flags |= os_send_last;
	if (peer->output != -1)
		return write_output(peer, p, n, deadline_ms);
	/* Replies are short and nearly always fit, so try first. */
	for (;;) {
		done = send(peer->socket, p, n, flags);
		if (done != -1)
			return done;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(peer, peer->socket, POLLOUT,
			    deadline_ms) == -1)
				return -1;
		} else if (errno != EINTR)
			return -1;
	}
}

const struct lineio_ops peer_ops = { peer_read, peer_write };

ssize_t
peer_peek(const struct peer *p, void *to, size_t n, int64_t deadline_ms)
{
	ssize_t got;

	do {
		if (wait_for(p, p->socket, POLLIN, deadline_ms) == -1)
			return -1;
		got = recv(p->socket, to, n, MSG_PEEK | MSG_DONTWAIT);
	} while (got == -1 && (errno == EINTR || errno == EAGAIN ||
	    errno == EWOULDBLOCK));
	return got;
}

bool
peer_has_input(const struct peer *p)
{
	struct pollfd fd = { .fd = p->socket, .events = POLLIN };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0;
}

void
peer_linger(const struct peer *p)
{
	/* With STRESS_EVICT another client waits for the slot. */
	int64_t until = deadline_now_ms() + (p->master->stress == STRESS_EVICT ?
	    short_linger_ms : linger_ms);
	struct peer peer = *p;
	uint8_t sink[4096];

	if (shutdown(p->socket, SHUT_WR) == -1)
		return;
	while (peer_read(&peer, sink, sizeof(sink), until) > 0)
		continue;
}
