/*
 * Stands in for smtpd-worker, nursery and workers in one process that no
 * sandbox holds, and lies to the master.  Its clients tell it what to do, one
 * line each, and hear what came of it:
 *
 *	HONEST OCTETS		stores a message: "stored ID"
 *	LIE SEED STATE		one lie of lies.c: "dropped WHAT" or "kept WHAT"
 *	HOLD			as HONEST; says "ready", commits after a line
 *	DIED PID		tells twice that PID ended by a signal: "done"
 *	what is in tricks[]	"dropped", "kept", or "done"
 *
 * What follows the last "-" of the name it is started by tells how it starts:
 * "random", "silent", "unsafe", "exit"; all else is in order.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/ipc.h"
#include "t/system/lies.h"

enum {
	up = 3,			/* the channel to the master */
	workers_max = 400,
	patience_ms = 30000,
	pids = 100000		/* numbers of workers, which are no processes */
};

struct pretender {
	int	channel;	/* -1: free */
	int32_t	pid;
};

static struct pretender workers[workers_max];
static int32_t next_pid;
static char *program;
static unsigned readies;

static void
send_up(struct ipc_record *r, int fd)
{
	if (ipc_send(up, r, fd, true) == -1)
		exit(0);
}

static void
send_ready(void)
{
	struct ipc_record r = { .type = IPC_READY };

	memcpy(r.u.text.text, "nothing at all", 15);
	readies++;
	send_up(&r, -1);
}

/* As a real one, it tries nothing before it has settings. */
static void
send_tried(void)
{
	struct ipc_record r = { .type = IPC_TRIED };

	if (readies > 0)
		send_up(&r, -1);
}

static void
spawn_one(void)
{
	struct ipc_record r = { .type = IPC_NEWBORN };
	int ends[2], i;

	for (i = 0; i < workers_max && workers[i].channel != -1; i++)
		continue;
	if (i == workers_max || ipc_pair(ends) == -1)
		exit(2);
	workers[i].channel = ends[0];
	workers[i].pid = r.u.pid.pid = next_pid++;
	send_up(&r, ends[1]);
	close(ends[1]);
}

static void
breed(void)
{
	struct ipc_record r = { .type = IPC_SIBLING, .u.number.n = 'r' };
	int ends[2];

	if (ipc_pair(ends) == -1)
		exit(2);
	if (fork() == 0) {
		dup2(ends[1], up);
		closefrom(up + 1);
		execl(program, program, (char *)NULL);
		_exit(1);
	}
	send_up(&r, ends[0]);
	close(ends[0]);
	close(ends[1]);
}

/* -1, or the process that the master wants killed. */
static int32_t
take_order(bool wait)
{
	struct ipc_record r;
	const char *why;
	int fd;

	switch (ipc_recv(up, IPC_TO_NURSERY, IPC_AT_ANY, wait, &r, &fd,
	    &why)) {
	case IPC_GOT_RECORD:
		break;
	case IPC_GOT_NOTHING:
		return -1;
	case IPC_GOT_END:
	case IPC_GOT_NO_ROOM:
	case IPC_GOT_BAD:
	case IPC_GOT_ERROR:
		exit(0);
	}
	if (r.type == IPC_SETTINGS)
		send_ready();
	else if (r.type == IPC_TRY)
		send_tried();
	else if (r.type == IPC_SPAWN)
		for (uint32_t i = 0; i < r.u.number.n; i++)
			spawn_one();
	else if (r.type == IPC_BREED)
		breed();
	return r.type == IPC_KILL ? r.u.pid.pid : -1;
}

/* The end of whoever that is, with a status of waitpid(2). */
static void
tell_end(int32_t pid, int status)
{
	struct ipc_record r = { .type = IPC_DIED, .u.died.pid = pid,
	    .u.died.status = status };

	send_up(&r, -1);
}

/* Its process, if it had one, has ended in order. */
static void
let_go(struct pretender *w)
{
	struct ipc_record r = { .type = IPC_DIED, .u.died.pid = w->pid };

	send_up(&r, -1);
	close(w->channel);
	w->channel = -1;
}

/* Waits for the other end to close; what comes before is thrown away. */
static bool
is_dropped(int channel)
{
	struct pollfd p = { .fd = channel, .events = POLLIN };
	struct ipc_record r;
	const char *why;
	int fd;

	while (poll(&p, 1, patience_ms) == 1) {
		enum ipc_got got = ipc_recv(channel, IPC_TO_WORKER,
		    IPC_AT_ANY, false, &r, &fd, &why);

		if (got == IPC_GOT_END || got == IPC_GOT_ERROR)
			return true;
		if (got == IPC_GOT_RECORD && fd != -1)
			close(fd);
	}
	return false;
}

/* The next process that the master wants killed; -1: none. */
static int32_t
next_killed(void)
{
	struct pollfd p = { .fd = up, .events = POLLIN };

	while (poll(&p, 1, patience_ms) == 1) {
		int32_t killed = take_order(false);

		if (killed != -1)
			return killed;
	}
	return -1;
}

/* ---- what an honest worker does ---- */

static uint32_t
ask(int channel, struct ipc_record *r, int *fd)
{
	const char *why;
	int ignored;

	if (ipc_send(channel, r, -1, true) == -1 || ipc_recv(channel,
	    IPC_TO_WORKER, IPC_AT_ANY, true, r, fd == NULL ? &ignored : fd,
	    &why) != IPC_GOT_RECORD)
		return IPC_TYPE_COUNT;
	return r->type;
}

/* Goes on from a new session to state; the spool file, or -1. */
static int
go_to(int channel, enum lie_state state)
{
	struct ipc_record r;
	int fd = -1;

	if (state >= LIE_AT_MAIL) {
		lie_honest_mail(&r);
		ask(channel, &r, NULL);
	}
	if (state >= LIE_AT_RCPT) {
		lie_honest_rcpt(&r, "alice");
		ask(channel, &r, NULL);
	}
	if (state >= LIE_AT_DATA) {
		memset(&r, 0, sizeof(r));
		r.type = IPC_BEGIN;
		ask(channel, &r, &fd);
	}
	return fd;
}

static uint64_t
write_text(int fd, uint64_t octets)
{
	char text[1000];
	uint64_t left = octets;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	while (left > 0) {
		ssize_t n = write(fd, text, left < sizeof(text) ?
		    (size_t)left : sizeof(text));

		if (n <= 0)
			break;
		left -= (uint64_t)n;
	}
	return octets - left;
}

/* Up to an LF, which is left out; "" at the end. */
static void
read_line(int fd, char *out, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, out + n, 1) == 1 && out[n] != '\n')
		n++;
	out[n] = '\0';
}

static void
tell_commit(int channel, uint64_t size, int client)
{
	struct ipc_record r = { .type = IPC_COMMIT, .u.number.n = size };
	uint32_t got = ask(channel, &r, NULL);

	if (got == IPC_STORED)
		dprintf(client, "stored %.16s\n", r.u.stored.id);
	else
		dprintf(client, got == IPC_VERDICT ? "unstored\n" :
		    "dropped\n");
}

static void
be_honest(struct pretender *w, int client, uint64_t octets, bool hold)
{
	struct ipc_record end = { .type = IPC_END };
	int fd = go_to(w->channel, LIE_AT_DATA);
	char line[64];

	write_text(fd, octets);
	if (hold) {
		dprintf(client, "ready\n");
		read_line(client, line, sizeof(line));
	}
	tell_commit(w->channel, octets, client);
	close(fd);
	(void)ipc_send(w->channel, &end, -1, false);
}

/* ---- lies ---- */

static void
send_lie(int channel, const struct lie *l)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr	align;
		uint8_t		room[CMSG_SPACE(lie_max_fds * sizeof(int))];
	} control;
	static uint8_t octets[lie_max_octets];
	struct cmsghdr *c;

	memcpy(octets, l->octets, l->n);
	iov.iov_base = octets;
	iov.iov_len = l->n;
	if (l->fds > 0) {
		size_t n = (size_t)l->fds * sizeof(int);
		const int null[lie_max_fds] = { 0, 1, 2, 0 };

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n);
		memcpy(CMSG_DATA(c), null, n);
	}
	(void)sendmsg(channel, &msg, MSG_NOSIGNAL);
}

/* A lie of one that has no session, told in the name of another worker. */
static struct pretender *
another(const struct pretender *w)
{
	for (int i = 0; i < workers_max; i++)
		if (&workers[i] != w && workers[i].channel != -1)
			return &workers[i];
	return NULL;
}

static void
tell_lie(struct pretender *w, int client, uint64_t chance,
    enum lie_state state)
{
	struct ipc_record commit = { .type = IPC_COMMIT };
	static struct lie l;
	uint64_t size = 0;
	int fd;

	if (state == LIE_AT_IDLE && (w = another(w)) == NULL) {
		dprintf(client, "kept: nobody is idle\n");
		return;
	}
	fd = go_to(w->channel, state);
	if (fd != -1)
		size = write_text(fd, lie_chance(&chance) % 3000);
	lie_make(&l, &chance, state, size);
	commit.u.number.n = size;
	if (state == LIE_AT_COMMIT)
		(void)ipc_send(w->channel, &commit, -1, true);
	send_lie(w->channel, &l);
	if (fd != -1)
		close(fd);
	if (!is_dropped(w->channel))
		dprintf(client, "kept %s\n", l.what);
	else if (next_killed() != w->pid)
		dprintf(client, "not killed %s\n", l.what);
	else
		dprintf(client, "dropped %s\n", l.what);
	if (state == LIE_AT_IDLE)
		let_go(w);
}

static void
report(const struct pretender *w, int client)
{
	dprintf(client, is_dropped(w->channel) ? "dropped\n" : "kept\n");
}

static void
flood_notes(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_NOTE };

	for (int i = 0; i < 3000; i++)
		if (ipc_send(w->channel, &r, -1, true) == -1)
			break;
	report(w, client);
}

static void
flood_traces(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_TRACE };

	r.u.trace.n = ipc_trace_bytes;
	memset(r.u.trace.octets, 0x1b, ipc_trace_bytes);
	for (int i = 0; i < 3000; i++)
		if (ipc_send(w->channel, &r, -1, true) == -1)
			break;
	report(w, client);
}

static void
flood_rcpts(struct pretender *w, int client)
{
	struct ipc_record r;

	go_to(w->channel, LIE_AT_MAIL);
	for (int i = 0; i < 3000; i++) {
		char user[16];

		snprintf(user, sizeof(user), "u%d", i % 900);
		lie_honest_rcpt(&r, user);
		if (ask(w->channel, &r, NULL) != IPC_VERDICT)
			break;
	}
	report(w, client);
}

static void
flood_unknown_rcpts(struct pretender *w, int client)
{
	struct ipc_record r;

	go_to(w->channel, LIE_AT_MAIL);
	for (int i = 0; i < 3000; i++) {
		lie_honest_rcpt(&r, "nobody");
		if (ask(w->channel, &r, NULL) != IPC_VERDICT)
			break;
	}
	report(w, client);
}

/* In order, and without end: others must be served meanwhile. */
static void
flood_resets(struct pretender *w, int client)
{
	struct ipc_record reset = { .type = IPC_RESET }, mail;

	if (fork() != 0)
		return;
	dprintf(client, "begun\n");
	for (;;) {
		lie_honest_mail(&mail);
		if (ask(w->channel, &mail, NULL) != IPC_VERDICT ||
		    ipc_send(w->channel, &reset, -1, true) == -1)
			_exit(0);
	}
}

/* Asks and asks, and never reads an answer. */
static void
deaf(struct pretender *w, int client)
{
	struct ipc_record r;

	go_to(w->channel, LIE_AT_MAIL);
	for (int i = 0; i < 900; i++) {
		lie_honest_rcpt(&r, "alice");
		if (ipc_send(w->channel, &r, -1, true) == -1)
			break;
	}
	report(w, client);
}

static void
end_twice(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_END };

	(void)ipc_send(w->channel, &r, -1, true);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* One signature is a session's right; there is none beside it. */
static void
sign_twice(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest.n = 32,
	    .u.digest.scheme = SIGN_RSA_PSS }, again = r;
	const char *why;
	int passed;

	(void)ipc_send(w->channel, &r, -1, true);
	if (ipc_recv(w->channel, IPC_TO_WORKER, IPC_AT_SESSION, true, &r,
	    &passed, &why) != IPC_GOT_RECORD || r.type != IPC_SIGNATURE ||
	    r.u.signature.n != 256) {
		dprintf(client, "unsigned\n");
		return;
	}
	(void)ipc_send(w->channel, &again, -1, true);
	report(w, client);
}

/* Says that it is under TLS, and never had a signature. */
static void
claim_tls(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_TLS };

	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* Of a client behind a proxy: 198.51.100.LAST. */
static uint32_t
ask_proxy(int channel, uint8_t last)
{
	struct ipc_record r = { .type = IPC_PROXY, .u.proxy = {
	    .family = IPC_PROXY_IPV4, .port = 1025,
	    .ip = { 198, 51, 100, last } } };

	return ask(channel, &r, NULL) == IPC_WELCOME ? (uint32_t)r.u.number.n :
	    REPLY_COUNT;
}

/* In order, and then all that an honest worker does. */
static void
proxy_honest(struct pretender *w, int client)
{
	uint32_t answer = ask_proxy(w->channel, 1);

	if (answer == REPLY_GREETING)
		be_honest(w, client, 3000, false);
	else
		dprintf(client, "answer %u\n", (unsigned)answer);
}

/* Tells of a client that there is none; where a header is due it is time. */
static void
proxy_once(struct pretender *w, int client)
{
	(void)ask_proxy(w->channel, 2);
	report(w, client);
}

static void
proxy_twice(struct pretender *w, int client)
{
	(void)ask_proxy(w->channel, 3);
	(void)ask_proxy(w->channel, 4);
	report(w, client);
}

/* Begins without the header that is due. */
static void
proxy_without(struct pretender *w, int client)
{
	struct ipc_record r;

	lie_honest_mail(&r);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* First a message, and then who the client is. */
static void
proxy_late(struct pretender *w, int client)
{
	if (ask_proxy(w->channel, 5) == REPLY_GREETING)
		go_to(w->channel, LIE_AT_RCPT);
	(void)ask_proxy(w->channel, 6);
	report(w, client);
}

/* The header has failed, and comes all the same. */
static void
proxy_after_fail(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_PROXY_FAIL };

	(void)ipc_send(w->channel, &r, -1, true);
	(void)ask_proxy(w->channel, 7);
	report(w, client);
}

/* Its client was refused, and it goes on with it. */
static void
proxy_refused(struct pretender *w, int client)
{
	struct ipc_record r;

	if (ask_proxy(w->channel, 3) != REPLY_A_WHILE) {
		dprintf(client, "not refused\n");
		return;
	}
	lie_honest_mail(&r);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* An address in a form that would be another client. */
static void
proxy_form(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_PROXY, .u.proxy = {
	    .family = IPC_PROXY_IPV6, .ip = { [10] = 0xff, 0xff, 127, 0, 0,
	    1 } } };

	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* The pair is none of those that are configured. */
static void
sign_beyond(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest.n = 32,
	    .u.digest.pair = 1 };

	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* The pair is one of those that came after this worker was born. */
static void
sign_newer(struct pretender *w, int client)
{
	unsigned before = readies;

	dprintf(client, "220 renew\n");
	while (readies == before)
		(void)take_order(true);
	sign_beyond(w, client);
}

/* ---- of a listener for submission ---- */

static void
mail_without_login(struct pretender *w, int client)
{
	struct ipc_record r;

	lie_honest_mail(&r);
	r.u.mail.wait = 1;
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

static void
honest_login(struct ipc_record *r)
{
	memset(r, 0, sizeof(*r));
	r->type = IPC_LOGIN;
	r->u.login.name_len = 4;
	memcpy(r->u.login.name, "dave", 4);
	r->u.login.password_len = 6;
	memcpy(r->u.login.password, "dave's", 6);
}

static void
login_without_tls(struct pretender *w, int client)
{
	struct ipc_record r;

	honest_login(&r);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

/* Up to the spool file of a message of dave's; -1. */
static int
submit(struct pretender *w)
{
	struct ipc_record r = { .type = IPC_SIGN, .u.digest.n = 32,
	    .u.digest.scheme = SIGN_ECDSA }, tls = { .type = IPC_TLS };
	int fd = -1;

	if (ask(w->channel, &r, NULL) != IPC_SIGNATURE)
		return -1;
	(void)ipc_send(w->channel, &tls, -1, true);
	honest_login(&r);
	if (ask(w->channel, &r, NULL) != IPC_ADMIT ||
	    r.u.number.n != LOGIN_OK)
		return -1;
	lie_honest_mail(&r);
	memset(&r.u.mail.from, 0, sizeof(r.u.mail.from));
	r.u.mail.wait = 1;
	if (ask(w->channel, &r, NULL) != IPC_VERDICT ||
	    r.u.verdict.verdict != VERDICT_OK)
		return -1;
	lie_honest_rcpt(&r, "bob");
	ask(w->channel, &r, NULL);
	memset(&r, 0, sizeof(r));
	r.type = IPC_BEGIN;
	ask(w->channel, &r, &fd);
	return fd;
}

/* Nobody was asked whose it is. */
static void
commit_unasked(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_COMMIT };
	int fd = submit(w);

	if (fd == -1) {
		dprintf(client, "unsubmitted\n");
		return;
	}
	r.u.number.n = write_text(fd, 1000);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
	close(fd);
}

/* It is somebody else's, and that was said. */
static void
commit_forged(struct pretender *w, int client)
{
	struct ipc_record r;
	int fd = submit(w);

	lie_honest_rcpt(&r, "bob");
	r.type = IPC_ORIGINATOR;
	if (fd == -1 || ask(w->channel, &r, NULL) != IPC_VERDICT ||
	    r.u.verdict.verdict != VERDICT_NOT_YOURS) {
		dprintf(client, "unsubmitted\n");
		return;
	}
	memset(&r, 0, sizeof(r));
	r.type = IPC_COMMIT;
	r.u.number.n = write_text(fd, 1000);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
	close(fd);
}

/* Its session is over, its process is not. */
static void
stay(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_END };
	int32_t killed = -1;

	(void)ipc_send(w->channel, &r, -1, true);
	/* So may others be that could not be told of meanwhile. */
	if (is_dropped(w->channel))
		do
			killed = next_killed();
		while (killed != -1 && killed != w->pid);
	dprintf(client, killed == w->pid ? "killed\n" : "kept\n");
	if (killed == w->pid) {
		tell_end(w->pid, SIGKILL);
		close(w->channel);
		w->channel = -1;
	}
}

/* Lets files pile up in its channel, which are the master's to answer for. */
static void
hoard(struct pretender *w, int client)
{
	struct ipc_record mail, rcpt, begin = { .type = IPC_BEGIN };
	struct ipc_record stop = { .type = IPC_ABORT };

	for (int i = 0; i < 1000; i++) {
		lie_honest_mail(&mail);
		lie_honest_rcpt(&rcpt, "alice");
		mail.u.mail.wait = 0;
		if (ipc_send(w->channel, &mail, -1, true) == -1 ||
		    ipc_send(w->channel, &rcpt, -1, true) == -1 ||
		    ipc_send(w->channel, &begin, -1, true) == -1 ||
		    ipc_send(w->channel, &stop, -1, true) == -1)
			break;
	}
	report(w, client);
}

static void
vanish_in_data(struct pretender *w, int client)
{
	int fd = go_to(w->channel, LIE_AT_DATA);

	write_text(fd, 5000);
	close(fd);
	let_go(w);
	dprintf(client, "done\n");
}

static void
truncated(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_COMMIT };
	int fd = go_to(w->channel, LIE_AT_DATA);

	r.u.number.n = write_text(fd, 5000);
	/* The kernel's filter holds the real worker from this. */
	if (ftruncate(fd, 100) == -1)
		exit(2);
	(void)ipc_send(w->channel, &r, -1, true);
	close(fd);
	report(w, client);
}

/* Until it is hung up. */
static _Noreturn void
be_silent(int channel)
{
	struct pollfd p = { .fd = channel };

	while (poll(&p, 1, -1) != 1)
		continue;
	_exit(0);
}

/* Holds its client, and says nothing ever but the number of its worker. */
static void
silence(struct pretender *w, int client)
{
	if (fork() != 0)
		return;
	for (int i = 0; i < workers_max; i++)
		if (&workers[i] != w && workers[i].channel != -1)
			close(workers[i].channel);
	dprintf(client, "begun %d\n", (int)w->pid);
	be_silent(w->channel);
}

/* ---- lies of a nursery ---- */

static void
nursery_random(struct pretender *w, int client)
{
	uint64_t chance = 7;
	static struct lie l;

	(void)w;
	dprintf(client, "done\n");
	lie_make(&l, &chance, LIE_AT_IDLE, 0);
	/* No chance that a nursery might say it. */
	memset(l.octets, 0xff, sizeof(uint32_t));
	send_lie(up, &l);
}

static void
nursery_unsafe(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_UNSAFE };

	(void)w;
	dprintf(client, "done\n");
	memcpy(r.u.text.text, "open", 5);
	send_up(&r, -1);
}

static void
nursery_control(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_READY };

	(void)w;
	dprintf(client, "done\n");
	memcpy(r.u.text.text, "a\nb\033[2J", 8);
	send_up(&r, -1);
}

static void
nursery_died(struct pretender *w, int client)
{
	(void)w;
	dprintf(client, "done\n");
	for (int i = 0; i < 50; i++)
		tell_end(2 + i * 77, SIGSEGV);
}

/* Its worker ends in order, and then once more by a signal. */
static void
nursery_died_twice(struct pretender *w, int client)
{
	dprintf(client, "done\n");
	tell_end(w->pid, 0);
	tell_end(w->pid, SIGSEGV);
	tell_end(w->pid, SIGSEGV);
}

/* One end, passed again and again: each costs the master a descriptor. */
static void
nursery_newborns(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_NEWBORN };
	int ends[2];

	(void)w;
	dprintf(client, "done\n");
	if (ipc_pair(ends) == -1)
		exit(2);
	for (int i = 0; i < 5000; i++) {
		r.u.pid.pid = 500000 + i;
		send_up(&r, ends[1]);
	}
}

/* Workers that are files, or this client's own connection. */
static void
nursery_odd_newborns(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_NEWBORN };
	int fds[4];

	(void)w;
	dprintf(client, "done\n");
	fds[0] = 0;
	fds[1] = client;
	fds[2] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[3] = open(program, O_RDONLY);
	for (int i = 0; i < 4; i++) {
		r.u.pid.pid = 500000 + i;
		send_up(&r, fds[i]);
	}
}

static void
nursery_siblings(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_SIBLING, .u.number.n = 'r' };
	int ends[2];

	(void)w;
	if (ipc_pair(ends) == -1)
		exit(2);
	/* The first of them may be the last that can be sent. */
	dprintf(client, "done\n");
	for (int i = 0; i < 50; i++)
		send_up(&r, ends[1]);
	close(ends[0]);
	close(ends[1]);
}

static void
nursery_stillborn(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_STILLBORN };

	(void)w;
	r.u.number.n = UINT32_MAX;
	for (int i = 0; i < 50; i++)
		send_up(&r, -1);
	dprintf(client, "done\n");
}

static const struct {
	const char	*name;
	void		(*run)(struct pretender *w, int client);
} tricks[] = {
	{ "NOTES", flood_notes },
	{ "TRACES", flood_traces },
	{ "RCPTS", flood_rcpts },
	{ "UNKNOWN", flood_unknown_rcpts },
	{ "RESETS", flood_resets },
	{ "DEAF", deaf },
	{ "ENDS", end_twice },
	{ "STAY", stay },
	{ "SIGN", sign_twice },
	{ "BEYOND", sign_beyond },
	{ "NEWER", sign_newer },
	{ "TLS", claim_tls },
	{ "S-MAIL", mail_without_login },
	{ "S-LOGIN", login_without_tls },
	{ "S-COMMIT", commit_unasked },
	{ "S-FORGE", commit_forged },
	{ "P-HONEST", proxy_honest },
	{ "P-ONCE", proxy_once },
	{ "P-TWICE", proxy_twice },
	{ "P-WITHOUT", proxy_without },
	{ "P-LATE", proxy_late },
	{ "P-AFTER", proxy_after_fail },
	{ "P-REFUSED", proxy_refused },
	{ "P-FORM", proxy_form },
	{ "HOARD", hoard },
	{ "VANISH", vanish_in_data },
	{ "TRUNCATE", truncated },
	{ "SILENCE", silence },
	{ "N-RANDOM", nursery_random },
	{ "N-UNSAFE", nursery_unsafe },
	{ "N-CONTROL", nursery_control },
	{ "N-DIED", nursery_died },
	{ "N-TWICE", nursery_died_twice },
	{ "N-NEWBORNS", nursery_newborns },
	{ "N-ODD", nursery_odd_newborns },
	{ "N-SIBLINGS", nursery_siblings },
	{ "N-STILLBORN", nursery_stillborn },
};

/* ---- sessions ---- */

static void
obey(struct pretender *w, int client, const char *line)
{
	unsigned long long seed;
	unsigned state;

	if (sscanf(line, "LIE %llu %u", &seed, &state) == 2)
		tell_lie(w, client, seed, (enum lie_state)state);
	else if (sscanf(line, "HONEST %llu", &seed) == 1)
		be_honest(w, client, seed, false);
	else if (strcmp(line, "HOLD") == 0)
		be_honest(w, client, 2000, true);
	else if (sscanf(line, "DIED %u", &state) == 1) {
		dprintf(client, "done\n");
		/* Once it may be a sibling of this one. */
		tell_end((int32_t)state, SIGSEGV);
		tell_end((int32_t)state, SIGSEGV);
	}
	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++)
		if (strcmp(line, tricks[i].name) == 0)
			tricks[i].run(w, client);
}

static void
serve(struct pretender *w)
{
	struct ipc_record r;
	const char *why;
	char line[128];
	int fd;

	if (ipc_recv(w->channel, IPC_TO_WORKER, IPC_AT_IDLE, false, &r, &fd,
	    &why) != IPC_GOT_RECORD) {
		let_go(w);
		return;
	}
	fcntl(fd, F_SETFL, 0);
	read_line(fd, line, sizeof(line));
	obey(w, fd, line);
	close(fd);
	/* Who was honest may be given another session. */
	if (w->channel != -1 && strncmp(line, "HONEST", 6) != 0)
		let_go(w);
}

static void
loop(void)
{
	static struct pollfd fds[workers_max + 1];

	for (;;) {
		fds[0] = (struct pollfd){ .fd = up, .events = POLLIN };
		for (int i = 0; i < workers_max; i++)
			fds[i + 1] = (struct pollfd){
			    .fd = workers[i].channel, .events = POLLIN };
		if (poll(fds, workers_max + 1, -1) == -1 && errno != EINTR)
			exit(2);
		/* A worker born now may have the number of one that ended. */
		if (fds[0].revents != 0) {
			take_order(false);
			continue;
		}
		for (int i = 0; i < workers_max; i++)
			if (fds[i + 1].revents != 0 &&
			    fds[i + 1].fd == workers[i].channel)
				serve(&workers[i]);
	}
}

/* Executes the real program, which is beside this one. */
static _Noreturn void
execute_honest(char *argv[])
{
	char path[256];
	int n = (int)(strrchr(argv[0], '/') - argv[0]);

	snprintf(path, sizeof(path), "%.*s/smtpd-worker", n, argv[0]);
	argv[0] = path;
	execv(path, argv);
	_exit(1);
}

int
main(int argc, char *argv[])
{
	const char *how;

	if (argc < 1)
		return 1;
	program = argv[0];
	/* The helpers are honest. */
	if (argc == 2 && strlen(argv[1]) == 2 &&
	    strchr("sadlk", argv[1][1]) != NULL)
		execute_honest(argv);
	how = strrchr(program, '-');
	how = how == NULL ? "" : how + 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < workers_max; i++)
		workers[i].channel = -1;
	next_pid = pids * (1 + getpid() % 10000);
	if (strcmp(how, "exit") == 0)
		return 0;
	if (strcmp(how, "random") == 0)
		(void)!write(up, "What is this?", 13);
	if (strcmp(how, "unsafe") == 0)
		nursery_unsafe(NULL, STDOUT_FILENO);
	if (strcmp(how, "silent") == 0)
		be_silent(up);
	loop();
}
