/* Waiting on the client's socket. */
#include "worker/lineio.h"

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
 * would never time out.
 */
static int
wait_for(const struct peer *p, int fd, short events, int64_t deadline_ms)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events |
		    (p->sends_text ? POLLIN : 0) },
		{ .fd = p->master->channel, .events = POLLIN }
	};
	int64_t begun_ms = deadline_now_ms(), most_ms;
	int left_ms, n;
	bool heard;

	while ((left_ms = deadline_left_ms(deadline_ms)) > 0) {
		n = poll(fds, 2, left_ms);
		if (n == -1 && errno != EINTR)
			return -1;
		heard = p->host && (fds[0].revents & POLLIN) != 0;
		if (n > 0 && fds[1].revents != 0 && !heard) {
			if (!ask_is_stressed(p->master)) {
				errno = ECANCELED;
				return -1;
			}
			most_ms = begun_ms + (!p->host ? p->master->idle_ms :
			    p->sends_text ? peer_stopping_ms : 0);
			if (deadline_ms > most_ms)
				deadline_ms = most_ms;
			continue;
		}
		if (n > 0 && p->sends_text && heard && events == POLLOUT) {
			errno = EBUSY;
			return -1;
		}
		if (n > 0)
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static bool
is_transient(void)
{
	return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
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
	} while (got == -1 && is_transient());
	return got;
}

/*
 * Replies nearly always fit into a socket, so they are tried first.  To a pipe
 * or a terminal PIPE_BUF octets do not block once it is ready.
 */
static ssize_t
peer_write(void *arg, const void *p, size_t n, int64_t deadline_ms)
{
	const struct peer *peer = arg;
	bool apart = peer->output != -1;
	int fd = apart ? peer->output : peer->socket;
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT |
	    (peer->last ? os_send_last : 0);

	if (apart && n > PIPE_BUF)
		n = PIPE_BUF;
	for (bool wait = apart;; wait = true) {
		ssize_t done;

		if (wait && wait_for(peer, fd, POLLOUT, deadline_ms) == -1)
			return -1;
		done = apart ? write(fd, p, n) : send(fd, p, n, flags);
		if (done != -1 || !is_transient())
			return done;
	}
}

const struct lineio_ops peer_ops = { peer_read, peer_write };

bool
peer_has_input(const struct peer *p)
{
	struct pollfd fd = { .fd = p->socket, .events = POLLIN };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0;
}

void
peer_linger(struct peer *p)
{
	/* With STRESS_EVICT another client waits for the slot. */
	int64_t until = deadline_now_ms() + (p->master->stress == STRESS_EVICT ?
	    short_linger_ms : linger_ms);
	uint8_t sink[4096];

	if (shutdown(p->socket, SHUT_WR) == -1)
		return;
	while (peer_read(p, sink, sizeof(sink), until) > 0)
		continue;
}
