/* The helpers that only pass octets or descriptors on: disk, logger, dial. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/ip.h"
#include "shared/ipc.h"
#include "worker/helper.h"

/* ---- disk --------------------------------------------------------------- */

/*
 * These processes wait for the disk, so that a sync can begin while another is
 * under way.  Their sandbox does not even let them read or write the file.
 */
static void
take_sync(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_SYNCED };
	int result = r->u.sync.data ? fdatasync(passed) : fsync(passed);

	answer.u.synced.ticket = r->u.sync.ticket;
	answer.u.synced.error = result == -1 ? errno : 0;
	close(passed);
	helper_answer(channel, &answer, -1);
}

void
disk_run(int channel)
{
	helper_serve(channel, SANDBOX_DISK, IPC_TO_DISK, disk_processes,
	    take_sync);
}

/* ---- logger ------------------------------------------------------------- */

static int log_file = -1;
static bool failed;

/*
 * Writes the log file.  After an error it writes nothing until the master sends
 * the failed lines again: no line is lost.
 */
static void
take_lines(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_LOG_WRITTEN };
	struct ipc_written *w = &answer.u.written;
	const struct ipc_lines *l = &r->u.lines;

	if (r->type != IPC_LOG_LINES) {
		if (log_file != -1)
			close(log_file);
		log_file = passed;
		return;
	}
	errno = ECANCELED;
	failed = failed && !l->again;
	if (!failed)
		w->n = (uint32_t)file_write(log_file,
		    span_from(l->octets, l->n));
	failed = failed || w->n < l->n;
	w->error = failed ? errno : 0;
	/* A killed master leaves lines in the channel: on to its end. */
	(void)ipc_send(channel, &answer, -1, true);
}

void
logger_run(int channel)
{
	helper_serve(channel, SANDBOX_LOGGER, IPC_TO_LOGGER, 1, take_lines);
}

/* ---- dial --------------------------------------------------------------- */

enum { smtp_port = 25 };	/* of all hosts that MX records name */

/* A connection that was asked for, and that has no answer yet. */
struct call {
	uint64_t	ticket;
	int64_t		until_ms;
	int		fd;
};

static struct call calls[dial_calls_max];	/* answered in any order */
static size_t call_count;

static char *const *words;	/* where it may connect to as well */

static bool
has_word(const char *word)
{
	size_t i = 0;

	while (words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	return words[i] != NULL;
}

bool
dial_take_words(char *const *all)
{
	uint16_t *ports;
	size_t n = 0, count = 1;

	words = all;
	while (words[n] != NULL)
		n++;
	ports = calloc(n + 1, sizeof(*ports));
	if (ports == NULL)
		return false;
	ports[0] = smtp_port;
	for (size_t i = 0; i < n; i++)
		if (strstr(words[i], "/tcp") != NULL)
			ports[count++] = (uint16_t)strtoul(words[i], NULL, 10);
	sandbox_let_connect(ports, count);
	return true;
}

enum dial_permit
dial_permits(const struct ipc_dial *d)
{
	const enum ip_reach reach = ip_reach(d->to.ipv6, d->to.ip);
	char port[16], address[INET6_ADDRSTRLEN] = "", one[80];

	snprintf(port, sizeof(port), "%u/%s", d->port, d->udp ? "udp" : "tcp");
	inet_ntop(d->to.ipv6 ? AF_INET6 : AF_INET, d->to.ip, address,
	    sizeof(address));
	snprintf(one, sizeof(one), "%s@%s", port, address);
	if (has_word(one))
		return DIAL_YES;
	return (reach == IP_PUBLIC ||
	    (reach == IP_PRIVATE && has_word("private"))) &&
	    ((!d->udp && d->port == smtp_port) || has_word(port)) ?
	    DIAL_UNLESS_OWN : DIAL_NO;
}

static int
new_socket(bool ipv6, bool udp)
{
	return socket(ipv6 ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool
is_bindable(const struct ipc_ip *ip)
{
	struct sockaddr_storage ss;
	socklen_t n = ip_sockaddr(ip->ipv6, ip->ip, 0, &ss);
	int fd = new_socket(ip->ipv6, true);
	bool bound = fd != -1 && bind(fd, (struct sockaddr *)&ss, n) == 0;

	if (fd != -1)
		close(fd);
	return bound;
}

/*
 * Only an address of this host, as they are now, can be bound to.  Where the
 * system lets any be bound (ip_nonlocal_bind of Linux), that tells nothing.
 */
static bool
is_own(const struct ipc_dial *d)
{
	static const struct ipc_ip nobodys[2] = {
		{ false, { 240, 0, 0, 1 } },
		{ true, { 0x01, 0x00, [15] = 1 } }	/* RFC 6666 */
	};

	return is_bindable(&d->to) && !is_bindable(&nobodys[d->to.ipv6]);
}

/* The socket, in *fd, and 0, EINPROGRESS or an errno. */
static int
dial(const struct ipc_dial *d, int *fd)
{
	const enum dial_permit permit = dial_permits(d);
	struct sockaddr_storage to, from;
	socklen_t n = ip_sockaddr(d->to.ipv6, d->to.ip, d->port, &to);

	*fd = -1;
	if (permit == DIAL_NO)
		return EACCES;
	if (permit == DIAL_UNLESS_OWN && is_own(d))
		return ELOOP;
	*fd = new_socket(d->to.ipv6, d->udp);
	if (*fd == -1)
		return errno;
	if (d->has_source && bind(*fd, (struct sockaddr *)&from, ip_sockaddr(
	    d->source.ipv6, d->source.ip, 0, &from)) == -1)
		return errno;
	return connect(*fd, (struct sockaddr *)&to, n) == 0 ? 0 : errno;
}

/*
 * Waits until poll(2) says that the channel has room: that is before it is
 * full, and bounds the descriptors in flight.
 */
static void
answer(int channel, uint64_t ticket, int fd, int error)
{
	struct ipc_record r = { .type = error == 0 ? IPC_DIALED :
	    IPC_UNDIALED, .u.synced = { .ticket = ticket, .error = error } };
	struct pollfd room = { channel, POLLOUT, 0 };

	(void)poll(&room, 1, -1);
	helper_answer(channel, &r, error == 0 ? fd : -1);
	if (fd != -1)
		close(fd);
}

/* Waits for the channel or a call; returns what the channel is ready for. */
static short
wait_for_any(int channel)
{
	struct pollfd fds[1 + dial_calls_max] = { { channel,
	    call_count < dial_calls_max ? POLLIN : 0, 0 } };
	int64_t until = INT64_MAX;
	int error;

	for (size_t i = 0; i < call_count; i++) {
		fds[1 + i] = (struct pollfd){ calls[i].fd, POLLOUT, 0 };
		if (calls[i].until_ms < until)
			until = calls[i].until_ms;
	}
	if (poll(fds, 1 + call_count, until == INT64_MAX ? -1 :
	    deadline_left_ms(until)) == -1)
		return 0;
	/* From the last on: what ends leaves its place to the last. */
	for (size_t i = call_count; i-- > 0;) {
		struct call *c = &calls[i];
		socklen_t n = sizeof(error);

		error = ETIMEDOUT;
		if (fds[1 + i].revents == 0 &&
		    deadline_now_ms() < c->until_ms)
			continue;
		if (fds[1 + i].revents != 0 && getsockopt(c->fd, SOL_SOCKET,
		    SO_ERROR, &error, &n) == -1)
			error = errno;
		answer(channel, c->ticket, c->fd, error);
		*c = calls[--call_count];
	}
	return fds[0].revents;
}

/* Goes only where the rules of its start permit, whatever the master asks. */
void
dial_run(int channel)
{
	enum ipc_got got = IPC_GOT_NOTHING;
	struct ipc_record r;
	const char *why;
	int passed, fd, error;

	channel = helper_enter(channel, SANDBOX_DIAL, 1);
	while (got == IPC_GOT_RECORD || got == IPC_GOT_NOTHING) {
		if (wait_for_any(channel) == 0)
			continue;
		got = ipc_recv(channel, IPC_TO_DIAL, IPC_AT_ANY, false, &r,
		    &passed, &why);
		if (got != IPC_GOT_RECORD)
			continue;
		fd = -1;
		error = call_count == dial_calls_max ? EAGAIN :
		    dial(&r.u.dial, &fd);
		if (error == EINPROGRESS)
			calls[call_count++] = (struct call){ r.u.dial.ticket,
			    deadline_now_ms() + r.u.dial.patience_ms, fd };
		else
			answer(channel, r.u.dial.ticket, fd, error);
	}
	_exit(0);
}
