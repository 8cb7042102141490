/*
 * The life of a helper: it enters its sandbox before it has any secret, and
 * then answers the master's questions one by one.  And the helpers that only
 * pass octets or descriptors on: disk, logger, dial.
 */
#include "worker/helper.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/file.h"

void
helper_answer(int channel, struct ipc_record *r, int pass)
{
	while (ipc_send(channel, r, pass, true) == -1) {
		if (errno != ETOOMANYREFS && errno != EMFILE &&
		    errno != ENOBUFS && errno != ENOMEM)
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

	answer.u.done.n = r->u.sync.ticket;
	answer.u.done.error = result == -1 ? errno : 0;
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
	struct ipc_done *w = &answer.u.done;
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
		w->n = file_write(log_file, span_from(l->octets, l->n));
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
	const enum ip_reach reach = ip_reach(&d->to);
	char port[16], address[ip_text_max_bytes + 1], one[80];

	snprintf(port, sizeof(port), "%u/%s", d->port, d->udp ? "udp" : "tcp");
	snprintf(one, sizeof(one), "%s@%s", port,
	    ip_text(&d->to, address));
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
is_bindable(const struct ip *ip)
{
	struct sockaddr_storage ss;
	socklen_t n = ip_sockaddr(ip, 0, &ss);
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
	static const struct ip nobodys[2] = {
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
	socklen_t n = ip_sockaddr(&d->to, d->port, &to);

	*fd = -1;
	if (permit == DIAL_NO)
		return EACCES;
	if (permit == DIAL_UNLESS_OWN && is_own(d))
		return ELOOP;
	*fd = new_socket(d->to.ipv6, d->udp);
	if (*fd == -1)
		return errno;
	if (d->has_source && bind(*fd, (struct sockaddr *)&from,
	    ip_sockaddr(&d->source, 0, &from)) == -1)
		return errno;
	return connect(*fd, (struct sockaddr *)&to, n) == 0 ? 0 : errno;
}

/*
 * Goes only where the rules of its start permit, whatever the master asks; the
 * master waits until what was begun is connected.  An answer waits until
 * poll(2) says that the channel has room: that is before it is full, and bounds
 * the descriptors in flight.
 */
static void
take_dial(int channel, const struct ipc_record *r, int passed)
{
	struct ipc_record answer = { .type = IPC_DIALED };
	struct pollfd room = { channel, POLLOUT, 0 };
	int fd, error = dial(&r->u.dial, &fd);

	if (error != 0 && error != EINPROGRESS) {
		answer.type = IPC_UNDIALED;
		answer.u.number.n = (uint64_t)error;
	}
	(void)poll(&room, 1, -1);
	helper_answer(channel, &answer, answer.type == IPC_DIALED ? fd : -1);
	if (fd != -1)
		close(fd);
}

void
dial_run(int channel)
{
	helper_serve(channel, SANDBOX_DIAL, IPC_TO_DIAL, 1, take_dial);
}
