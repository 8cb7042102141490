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
 * "random", "silent", "slow", "unsafe", "exit"; all else is in order.
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
	workers[i].pid = r.u.child.pid = next_pid++;
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
	else if (r.type == IPC_SPAWN)
		for (uint32_t i = 0; i < r.u.number.n; i++)
			spawn_one();
	else if (r.type == IPC_BREED)
		breed();
	return r.type == IPC_KILL ? r.u.child.pid : -1;
}

/* The end of whoever that is, with a status of waitpid(2). */
static void
tell_end(int32_t pid, int status)
{
	struct ipc_record r = { .type = IPC_DIED, .u.child.pid = pid,
	    .u.child.status = status };

	send_up(&r, -1);
}

/* Its process, if it had one, has ended in order. */
static void
let_go(struct pretender *w)
{
	struct ipc_record r = { .type = IPC_DIED, .u.child.pid = w->pid };

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

	/* A stranger's MAIL has its answer with the first RCPT. */
	if (state >= LIE_AT_MAIL) {
		lie_honest_mail(&r);
		(void)ipc_send(channel, &r, -1, true);
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

	if (got == IPC_VERDICT && r.u.verdict.reply == REPLY_STORED)
		dprintf(client, "stored %.16s\n", r.u.verdict.id);
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
report(struct pretender *w, int client)
{
	dprintf(client, is_dropped(w->channel) ? "dropped\n" : "kept\n");
}

/* ---- what a record of a trick says ---- */

static int spool = -1;		/* that came as an answer */

static void
put_empty(struct ipc_record *r, int type)
{
	r->type = (uint32_t)type;
}

static void
put_tls(struct ipc_record *r, int unused)
{
	r->type = IPC_TLS;
	memcpy(r->u.tls.version, "TLSv1.3", 8);
	memcpy(r->u.tls.suite, "TLS_AES_128_GCM_SHA256", 23);
}

static void
put_trace(struct ipc_record *r, int octet)
{
	r->type = IPC_TRACE;
	r->u.trace.n = ipc_trace_bytes;
	memset(r->u.trace.octets, octet, ipc_trace_bytes);
}

static void
put_mail(struct ipc_record *r, int unused)
{
	lie_honest_mail(r);
}

static void
put_bounce(struct ipc_record *r, int unused)
{
	put_mail(r, unused);
	memset(&r->u.mail.from, 0, sizeof(r->u.mail.from));
}

/* Below 1000 one of many users. */
enum { ALICE = 1000, BOB, NOBODY };

static void
put_rcpt(struct ipc_record *r, int who)
{
	char user[16];

	snprintf(user, sizeof(user), "u%d", who % 900);
	lie_honest_rcpt(r, who == ALICE ? "alice" : who == BOB ? "bob" :
	    who == NOBODY ? "nobody" : user);
}

/* Parameters that its client was not offered (RFC 3461). */
static void
put_mail_dsn(struct ipc_record *r, int envid)
{
	put_mail(r, 1);
	if (!envid)
		r->u.mail.ret = DSN_RET_FULL;
	else
		r->u.mail.envid[0] = 'x';
}

static void
put_rcpt_dsn(struct ipc_record *r, int orcpt)
{
	put_rcpt(r, ALICE);
	if (!orcpt)
		r->u.rcpt.notify = DSN_SUCCESS;
	else
		memcpy(r->u.rcpt.orcpt, "x;y", 4);
}

static void
put_originator(struct ipc_record *r, int who)
{
	put_rcpt(r, who);
	r->type = IPC_ORIGINATOR;
}

static void
put_sign(struct ipc_record *r, int scheme)
{
	r->type = IPC_SIGN;
	r->u.digest.n = scheme == SIGN_RSA_PSS_BLOCK ? 256 : 32;
	r->u.digest.scheme = (uint8_t)scheme;
}

/* A pair that is none of those this worker knows. */
static void
put_beyond(struct ipc_record *r, int pair)
{
	put_sign(r, 0);
	r->u.digest.pair = (uint16_t)pair;
}

static void
put_login(struct ipc_record *r, int unused)
{
	(void)unused;
	r->type = IPC_LOGIN;
	memcpy(r->u.login.name, "dave", 4);
	memcpy(r->u.login.password, "dave's", 6);
}

/* A client behind a proxy: 198.51.100.LAST. */
static void
put_proxy(struct ipc_record *r, int last)
{
	r->type = IPC_PROXY;
	r->u.proxy = (struct ipc_proxy){ .given = 1, .port = 1025,
	    .ip.ip = { 198, 51, 100, (uint8_t)last } };
}

/* An address in a form that would be another client. */
static void
put_proxy_form(struct ipc_record *r, int last)
{
	r->type = IPC_PROXY;
	r->u.proxy = (struct ipc_proxy){ .given = 1, .ip.ipv6 = 1,
	    .ip.ip = { [10] = 0xff, 0xff, 127, 0, 0, (uint8_t)last } };
}

static void
put_commit(struct ipc_record *r, int octets)
{
	r->type = IPC_COMMIT;
	r->u.number.n = write_text(spool, (uint64_t)octets);
}

static void
put_truncated(struct ipc_record *r, int octets)
{
	put_commit(r, octets);
	/* The kernel's filter holds the real worker from this. */
	if (ftruncate(spool, 100) == -1)
		exit(2);
}

/* ---- tricks ---- */

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

/* The pair is one of those that came after this worker was born. */
static void
sign_newer(struct pretender *w, int client)
{
	struct ipc_record r = { .zero = 0 };
	unsigned before = readies;

	dprintf(client, "220 renew\n");
	while (readies == before)
		(void)take_order(true);
	put_beyond(&r, 1);
	(void)ipc_send(w->channel, &r, -1, true);
	report(w, client);
}

static void
store_one(struct pretender *w, int client)
{
	be_honest(w, client, 3000, false);
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

static void
vanish_in_data(struct pretender *w, int client)
{
	int fd = go_to(w->channel, LIE_AT_DATA);

	write_text(fd, 5000);
	close(fd);
	let_go(w);
	dprintf(client, "done\n");
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
	memcpy(r.u.text.text, "open", 5);
	send_up(&r, -1);
}

static void
nursery_control(struct pretender *w, int client)
{
	struct ipc_record r = { .type = IPC_READY };

	(void)w;
	memcpy(r.u.text.text, "a\nb\033[2J", 8);
	send_up(&r, -1);
}

static void
nursery_died(struct pretender *w, int client)
{
	(void)w;
	for (int i = 0; i < 50; i++)
		tell_end(2 + i * 77, SIGSEGV);
}

/* Its worker ends in order, and then once more by a signal. */
static void
nursery_died_twice(struct pretender *w, int client)
{
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
	if (ipc_pair(ends) == -1)
		exit(2);
	for (int i = 0; i < 5000; i++) {
		r.u.child.pid = 500000 + i;
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
	fds[0] = 0;
	fds[1] = client;
	fds[2] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[3] = open(program, O_RDONLY);
	for (int i = 0; i < 4; i++) {
		r.u.child.pid = 500000 + i;
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
}

/* Sends one record times times; asks: and awaits an answer. */
struct step {
	unsigned	 times;
	void		 (*put)(struct ipc_record *r, int arg);
	int		 arg;
	bool		 asks;
	uint32_t	 answer;	/* type; IPC_TYPE_COUNT: any */
	uint64_t	 value;		/* of the answer; ANY */
};

#define ANY UINT64_MAX
#define SAY(put, arg) { 1, put, arg, false, 0, 0 }
#define REPEAT(times, put, arg) { times, put, arg, false, 0, 0 }
#define ASK(put, arg) { 1, put, arg, true, IPC_TYPE_COUNT, ANY }
#define ASK_MANY(times, put, arg) { times, put, arg, true, IPC_TYPE_COUNT, ANY }
#define ASK_FOR(put, arg, answer, value) { 1, put, arg, true, answer, value }

/* Up to the spool file of a message of dave's. */
#define SUBMIT								\
	ASK_FOR(put_sign, SIGN_ECDSA, IPC_SIGNATURE, ANY),		\
	SAY(put_tls, 0),						\
	ASK_FOR(put_login, 0, IPC_VERDICT, REPLY_AUTH_OK),		\
	ASK_FOR(put_bounce, 1, IPC_VERDICT, REPLY_SENDER_OK),		\
	ASK(put_rcpt, BOB), ASK(put_empty, IPC_BEGIN)

#define TRICK(name, times, ...) { name, report, times, { __VA_ARGS__ } }
#define RUN(name, run) { name, run, 0, { SAY(NULL, 0) } }

enum { steps_max = 9 };

static const struct trick {
	const char	*name;
	void		 (*then)(struct pretender *w, int client);
	unsigned	 times;		/* all steps */
	struct step	 steps[steps_max];
} tricks[] = {
	TRICK("NOTES", 3000, SAY(put_empty, IPC_NOTE)),
	TRICK("TRACES", 3000, SAY(put_trace, 0x1b)),
	TRICK("RCPTS", 1, SAY(put_mail, 1), ASK_MANY(3000, put_rcpt, 0)),
	TRICK("UNKNOWN", 1, SAY(put_mail, 1),
	    ASK_MANY(3000, put_rcpt, NOBODY)),
	RUN("RESETS", flood_resets),
	/* Asks and asks, and never reads an answer. */
	TRICK("DEAF", 1, SAY(put_mail, 1), REPEAT(900, put_rcpt, ALICE)),
	TRICK("ENDS", 2, SAY(put_empty, IPC_END)),
	RUN("STAY", stay),
	/* One signature is a session's right; there is none beside it. */
	TRICK("SIGN", 1, ASK_FOR(put_sign, SIGN_RSA_PSS, IPC_SIGNATURE, 256),
	    SAY(put_sign, SIGN_RSA_PSS)),
	/* What only LibreSSL asks for, and what is no block of it. */
	TRICK("BLOCK", 1, ASK_FOR(put_sign, SIGN_RSA_PSS_BLOCK, IPC_SIGNATURE,
	    0), SAY(put_sign, SIGN_RSA_PSS)),
	TRICK("BEYOND", 1, SAY(put_beyond, 1)),
	RUN("NEWER", sign_newer),
	/* Says that it is under TLS, and never had a signature. */
	TRICK("TLS", 1, SAY(put_tls, 0)),
	TRICK("D-RET", 1, SAY(put_mail_dsn, 0)),
	TRICK("D-ENVID", 1, SAY(put_mail_dsn, 1)),
	TRICK("D-NOTIFY", 1, SAY(put_mail, 1), SAY(put_rcpt_dsn, 0)),
	TRICK("D-ORCPT", 1, SAY(put_mail, 1), SAY(put_rcpt_dsn, 1)),
	TRICK("S-MAIL", 1, SAY(put_mail, 1)),
	TRICK("S-LOGIN", 1, SAY(put_login, 0)),
	/* Nobody was asked whose it is; or it was said to be another's. */
	TRICK("S-COMMIT", 1, SUBMIT, SAY(put_commit, 1000)),
	TRICK("S-FORGE", 1, SUBMIT, ASK_FOR(put_originator, BOB, IPC_VERDICT,
	    REPLY_AUTHOR_NOT_YOURS), SAY(put_commit, 1000)),
	{ "P-HONEST", store_one, 1, { ASK_FOR(put_proxy, 1, IPC_VERDICT,
	    REPLY_GREETING) } },
	/* Of a client where none is due; where a header is due it is time. */
	TRICK("P-ONCE", 1, ASK(put_proxy, 2)),
	TRICK("P-TWICE", 1, ASK(put_proxy, 3), ASK(put_proxy, 4)),
	/* Begins without the header that is due. */
	TRICK("P-WITHOUT", 1, SAY(put_mail, 1)),
	/* First a message, and then who the client is. */
	TRICK("P-LATE", 1, ASK_FOR(put_proxy, 5, IPC_VERDICT, REPLY_GREETING),
	    SAY(put_mail, 1), ASK(put_rcpt, ALICE), ASK(put_proxy, 6)),
	/* The header has failed, and comes all the same. */
	TRICK("P-AFTER", 1, SAY(put_empty, IPC_PROXY_FAIL), ASK(put_proxy, 7)),
	/* Its client was refused, and it goes on with it. */
	TRICK("P-REFUSED", 1, ASK_FOR(put_proxy, 3, IPC_VERDICT, REPLY_A_WHILE),
	    SAY(put_mail, 1)),
	TRICK("P-FORM", 1, SAY(put_proxy_form, 1)),
	/* Files pile up in its channel, which the master has to answer for. */
	TRICK("HOARD", 1000, SAY(put_mail, 0), SAY(put_rcpt, ALICE),
	    SAY(put_empty, IPC_BEGIN), SAY(put_empty, IPC_RESET)),
	RUN("VANISH", vanish_in_data),
	TRICK("TRUNCATE", 1, SAY(put_mail, 1), ASK(put_rcpt, ALICE),
	    ASK(put_empty, IPC_BEGIN), SAY(put_truncated, 5000)),
	RUN("SILENCE", silence),
	RUN("N-RANDOM", nursery_random),
	RUN("N-UNSAFE", nursery_unsafe),
	RUN("N-CONTROL", nursery_control),
	RUN("N-DIED", nursery_died),
	RUN("N-TWICE", nursery_died_twice),
	RUN("N-NEWBORNS", nursery_newborns),
	RUN("N-ODD", nursery_odd_newborns),
	RUN("N-SIBLINGS", nursery_siblings),
	RUN("N-STILLBORN", nursery_stillborn),
};

static uint64_t
value_of(const struct ipc_record *r)
{
	return r->type == IPC_VERDICT ? r->u.verdict.reply :
	    r->type == IPC_SIGNATURE ? r->u.signature.n : r->u.number.n;
}

/* False, after saying so, when an answer is another than the one awaited. */
static bool
take_step(struct pretender *w, int client, const struct step *s, bool *lost)
{
	struct ipc_record r;
	int fd = -1;

	for (unsigned i = 0; i < s->times && !*lost; i++) {
		memset(&r, 0, sizeof(r));
		s->put(&r, s->times > 1 && s->arg == 0 ? (int)i : s->arg);
		if (!s->asks) {
			*lost = ipc_send(w->channel, &r, -1, true) == -1;
			continue;
		}
		*lost = ask(w->channel, &r, &fd) == IPC_TYPE_COUNT;
		if (fd != -1)
			spool = fd;
		if ((s->answer != IPC_TYPE_COUNT && r.type != s->answer) ||
		    (s->value != ANY && value_of(&r) != s->value)) {
			dprintf(client, "answer %u of %llu\n",
			    (unsigned)r.type,
			    (unsigned long long)value_of(&r));
			return false;
		}
	}
	return true;
}

static void
play(const struct trick *t, struct pretender *w, int client)
{
	bool lost = false;

	if (strncmp(t->name, "N-", 2) == 0)
		dprintf(client, "done\n");
	for (unsigned i = 0; i < t->times && !lost; i++)
		for (size_t k = 0; k < steps_max && t->steps[k].put != NULL;
		    k++)
			if (!take_step(w, client, &t->steps[k], &lost))
				return;
	t->then(w, client);
	if (spool != -1)
		close(spool);
	spool = -1;
}

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
			play(&tricks[i], w, client);
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

/* A dial that hands over a socket nobody asked for; the next one is honest. */
static _Noreturn void
dial_unasked(void)
{
	struct ipc_record r = { .type = IPC_READY, .u.text = { getpid(),
	    "a lie" } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)ipc_send(up, &r, -1, true);
	/* Once it serves. */
	poll(NULL, 0, 1000);
	r = (struct ipc_record){ .type = IPC_DIALED };
	(void)ipc_send(up, &r, fd, true);
	be_silent(up);
}

int
main(int argc, char *argv[])
{
	const char *how;

	if (argc < 1)
		return 1;
	program = argv[0];
	how = strrchr(program, '-');
	how = how == NULL ? "" : how + 1;
	if (strcmp(how, "dial") == 0 && argc >= 2 &&
	    strcmp(argv[1], "-c") == 0)
		dial_unasked();
	/* The other helpers are honest. */
	if (argc >= 2 && strlen(argv[1]) == 2 &&
	    strchr("sadlkc", argv[1][1]) != NULL)
		execute_honest(argv);
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
	if (strcmp(how, "slow") == 0)
		poll(NULL, 0, 4000);
	loop();
}
