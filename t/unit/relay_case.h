/*
 * A relay worker between a master, which the test plays, and a host, a process
 * that answers as it is told and fails at the octet that it is told.
 */
#ifndef T_UNIT_RELAY_CASE_H
#define T_UNIT_RELAY_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/deadline.h"
#include "shared/ipc.h"
#include "t/dialog/play_tls.h"
#include "worker/helper.h"
#include "worker/tls_context.h"

enum { host_text_max = 256 * 1024, host_lines_max = 64 * 1024 };

enum host_fault { HOST_GOES_ON, HOST_CLOSES, HOST_STALLS, HOST_421,
    HOST_FLOODS_LINES, HOST_FLOODS_LINE, HOST_GARBAGE, HOST_RESETS };

struct host {
	const char	*greeting, *ehlo, *helo, *starttls, *rset, *mail, *data,
			*dot, *quit;
	const char	*rcpt[8];	/* in turn, from the first again */
	size_t		 rcpts;
	enum host_fault	 fault;
	size_t		 at;		/* after so many octets were written */
	bool		 deaf;		/* reads nothing behind DATA */
	unsigned	 dot_ms;	/* thinks before it answers the dot */
	const char	*early;		/* said while the text comes */
	const char	*idle;		/* said behind the reply to the dot */
	bool		 by_one;	/* writes and reads octet by octet */
	const char	*tls_ehlo;	/* the reply under TLS */
	bool		 no_tls;	/* says so where a handshake is due */
	uint16_t	 tls_max;	/* the latest version; 0: any */
};

static const struct host polite = {
	.greeting = "220 mx.example.org\r\n",
	.ehlo = "250-mx.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n250-DSN\r\n250 SIZE 1000000\r\n",
	.helo = "250 mx.example.org\r\n", .starttls = "220 go\r\n",
	.rset = "250 reset\r\n", .mail = "250 2.1.0 ok\r\n",
	.rcpt = { "250 2.1.5 ok\r\n" }, .rcpts = 1, .data = "354 go\r\n",
	.dot = "250 2.0.0 stored\r\n", .quit = "221 bye\r\n"
};

/* What the host saw; shared with its process. */
struct seen {
	size_t		lines_n, text_n, messages, written;
	size_t		most_unanswered; /* octets of commands */
	bool		all_said;	/* a whole reply to the dot was sent */
	char		lines[host_lines_max];	/* commands, with LF */
	uint8_t		text[host_text_max];	/* of the last message */
};
static struct seen *seen;

/* ---- the host --------------------------------------------------------- */

/* Of the host; made once, by the test. */
static SSL_CTX *host_tls;

static void
case_use_tls(void)
{
	EVP_PKEY *key = tls_make_ec_key();
	X509 *cert = X509_new();

	ck_assert_ptr_null(tls_context_make(0, true));
	ck_assert_ptr_nonnull(tls_context_client());
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	ck_assert_int_ne(X509_sign(cert, key, EVP_sha256()), 0);
	host_tls = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(host_tls, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(host_tls, key), 1);
	SSL_CTX_set_security_level(host_tls, 0);
}

struct host_line {
	int		 fd;
	SSL		*tls;
	const struct host *host;
	size_t		 rcpt;
	uint8_t		 in[64 * 1024];
	size_t		 in_n;
};

static ssize_t
host_put(struct host_line *l, const void *p, size_t n)
{
	return l->tls != NULL ? SSL_write(l->tls, p, (int)n) :
	    send(l->fd, p, n, MSG_NOSIGNAL);
}

static _Noreturn void
host_fail(struct host_line *l)
{
	static const char *const texts[] = {
		[HOST_421] = "\r\n421 4.3.2 bye\r\n",
		[HOST_FLOODS_LINES] = "250-more\r\n",
		[HOST_FLOODS_LINE] = "2222222222",
		[HOST_GARBAGE] = "\r\nHTTP/1.1 200 OK\r\n\r\n",
		[HOST_RESETS] = NULL
	};
	const char *text = texts[l->host->fault];
	struct linger now = { 1, 0 };
	size_t n = text == NULL ? 0 : strlen(text);

	if (l->host->fault == HOST_RESETS)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	if (l->host->fault == HOST_STALLS)
		for (;;)
			pause();
	do {
		if (text != NULL && host_put(l, text, n) <= 0)
			break;
	} while (l->host->fault == HOST_FLOODS_LINES ||
	    l->host->fault == HOST_FLOODS_LINE);
	if (text != NULL) {
		(void)shutdown(l->fd, SHUT_WR);
		while (read(l->fd, l->in, sizeof(l->in)) > 0)
			continue;
	}
	_exit(0);
}

static void
host_say(struct host_line *l, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);
	const struct host *h = l->host;

	while (n > 0) {
		size_t part = h->by_one ? 1 : n;

		if (h->fault != HOST_GOES_ON && part > h->at - seen->written)
			part = h->at - seen->written;
		if (part > 0 && host_put(l, text, part) <= 0)
			_exit(0);
		seen->written += part;
		text += part;
		n -= part;
		if (h->fault != HOST_GOES_ON && seen->written >= h->at)
			host_fail(l);
	}
}

static void
host_read(struct host_line *l)
{
	size_t room = sizeof(l->in) - l->in_n;
	ssize_t n;

	if (room == 0)
		_exit(0);
	n = l->tls != NULL ?
	    SSL_read(l->tls, l->in + l->in_n, (int)room) :
	    read(l->fd, l->in + l->in_n, l->host->by_one ? 1 : room);
	if (n <= 0)
		_exit(0);
	l->in_n += (size_t)n;
	if (l->in_n > seen->most_unanswered)
		seen->most_unanswered = l->in_n;
}

/* Takes n octets. */
static void
host_used(struct host_line *l, size_t n)
{
	l->in_n -= n;
	memmove(l->in, l->in + n, l->in_n);
}

/* Reads up to the final dot, and keeps the text as it stood on the wire. */
static void
host_take_text(struct host_line *l)
{
	static const char end[] = "\r\n.\r\n";
	uint8_t *p;

	seen->text_n = 2;
	memcpy(seen->text, "\r\n", 2);
	if (l->host->deaf)
		for (;;)
			pause();
	if (l->host->early != NULL) {
		while (l->in_n == 0)
			host_read(l);
		host_say(l, l->host->early);
	}
	for (;;) {
		size_t before = seen->text_n, take = l->in_n;

		if (seen->text_n + take > sizeof(seen->text))
			_exit(0);
		memcpy(seen->text + before, l->in, take);
		seen->text_n += take;
		p = memmem(seen->text, seen->text_n, end, 5);
		if (p != NULL) {
			size_t n = (size_t)(p - seen->text) + 5;

			host_used(l, n - before);
			seen->text_n = n;
			seen->messages++;
			return;
		}
		host_used(l, take);
		host_read(l);
	}
}

static void
host_shake_hands(struct host_line *l)
{
	SSL *tls = SSL_new(host_tls);
	const char *name;

	if (l->host->no_tls) {
		host_say(l, "454 I cannot\r\n");
		_exit(0);
	}
	if (l->host->tls_max != 0) {
		SSL_set_min_proto_version(tls, 0);
		SSL_set_max_proto_version(tls, l->host->tls_max);
	}
	SSL_set_fd(tls, l->fd);
	if (SSL_accept(tls) != 1)
		_exit(0);
	name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	seen->lines_n += (size_t)sprintf(seen->lines + seen->lines_n,
	    "(%s)\n", name);
	l->tls = tls;
}

static const char *
host_answer(struct host_line *l, const char *line)
{
	const struct host *h = l->host;

	if (strncmp(line, "EHLO ", 5) == 0)
		return l->tls != NULL ? h->tls_ehlo : h->ehlo;
	if (strncmp(line, "HELO ", 5) == 0)
		return h->helo;
	if (strcmp(line, "STARTTLS") == 0)
		return h->starttls;
	if (strcmp(line, "RSET") == 0)
		return h->rset;
	if (strncmp(line, "MAIL FROM:<", 11) == 0)
		return h->mail;
	if (strncmp(line, "RCPT TO:<", 9) == 0)
		return h->rcpt[l->rcpt++ % h->rcpts];
	if (strcmp(line, "DATA") == 0)
		return h->data;
	return strcmp(line, "QUIT") == 0 ? h->quit : "500 what?\r\n";
}

static _Noreturn void
host_run(const struct host *h, int fd)
{
	static struct host_line l;
	uint8_t *lf;

	l.fd = fd;
	l.host = h;
	host_say(&l, h->greeting);
	for (;;) {
		while ((lf = memchr(l.in, '\n', l.in_n)) == NULL)
			host_read(&l);
		size_t n = (size_t)(lf - l.in) + 1;
		char line[8192];

		if (n < 2 || lf[-1] != '\r' || n > sizeof(line))
			_exit(0);
		memcpy(line, l.in, n);
		line[n - 2] = '\0';
		if (seen->lines_n + n < sizeof(seen->lines))
			seen->lines_n += (size_t)sprintf(seen->lines +
			    seen->lines_n, "%s\n", line);
		host_used(&l, n);
		host_say(&l, host_answer(&l, line));
		if (strcmp(line, "QUIT") == 0)
			_exit(0);
		if (strcmp(line, "STARTTLS") == 0 && h->starttls[0] == '2')
			host_shake_hands(&l);
		if (strcmp(line, "DATA") != 0 || h->data[0] != '3')
			continue;
		host_take_text(&l);
		l.rcpt = 0;
		usleep(h->dot_ms * 1000);
		host_say(&l, h->dot);
		seen->all_said = true;
		host_say(&l, h->idle);
	}
}

/* ---- the master ------------------------------------------------------- */

struct letter {
	const char	*from, *to[relay_rcpts_max], *text;
	size_t		 count, text_n, size_more, lines_more;
	uint8_t		 flags, smtputf8, notify, ret;
	const char	*orcpt, *envid;
};

struct told {
	bool		 greeted, ended, has_why, stopped;
	struct ipc_greeted g;
	struct ipc_outcome why, outcomes[relay_rcpts_max];
	unsigned	 had[relay_rcpts_max], done;
	uint64_t	 how;
	int64_t		 ms;
};
static struct told told;
static int to_worker = -1;
static pid_t worker_pid, host_pid;
static useconds_t host_grace_us;	/* to read what was sent */
static struct ipc_client client = { .tls = RELAY_TLS_MAY,
    .patience_ms = 3000 };

static void
case_send(struct ipc_record r, int fd)
{
	(void)ipc_send(to_worker, &r, fd, true);
}

/* Starts both processes; the worker has its CLIENT. */
static void
case_begin(const struct host *h)
{
	int ends[2], wire[2], few = 4608;
	struct ipc_record r = { .type = IPC_CLIENT };

	if (seen == NULL)
		seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(seen, MAP_FAILED);
	seen->lines_n = seen->text_n = seen->messages = 0;
	seen->written = seen->most_unanswered = 0;
	seen->all_said = false;
	seen->lines[0] = '\0';
	memset(&told, 0, sizeof(told));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    wire), 0);
	/* Small, so that who does not read makes the other one wait. */
	(void)setsockopt(wire[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	(void)setsockopt(wire[1], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	ck_assert_int_eq(ipc_pair(ends), 0);
	host_pid = fork();
	if (host_pid == 0) {
		close(wire[0]);
		close(ends[0]);
		close(ends[1]);
		host_run(h, wire[1]);
	}
	close(wire[1]);
	worker_pid = fork();
	if (worker_pid == 0) {
		static struct ipc_settings settings;
		struct ask ask = { .channel = ends[1] };
		int output, socket;

		close(wire[0]);
		close(ends[0]);
		signal(SIGPIPE, SIG_IGN);
		socket = ask_job(&ask, &r, &output);
		relay_run(&ask, &settings, &r, socket, output);
		_exit(0);
	}
	close(ends[1]);
	to_worker = ends[0];
	(void)fcntl(wire[0], F_SETFL, O_NONBLOCK);
	r.u.client = client;
	memcpy(r.u.client.helo, "mail.example.net", 16);
	memcpy(r.u.client.host, "mx.example.org", 14);
	case_send(r, wire[0]);
	close(wire[0]);
}

/* The next record of the worker; false: it has ended. */
static bool
case_hear(enum ipc_when when)
{
	struct ipc_record r;
	const char *why = "it crashed";
	int fd;

	switch (ipc_recv(to_worker, IPC_FROM_WORKER, when, true, &r, &fd,
	    &why)) {
	case IPC_GOT_RECORD:
		break;
	case IPC_GOT_END:
		return false;
	case IPC_GOT_NOTHING:
	case IPC_GOT_BAD:
	case IPC_GOT_NO_ROOM:
	case IPC_GOT_ERROR:
		ck_abort_msg("%s", why);
	}
	ck_assert(!told.ended);
	if (r.type == IPC_GREETED) {
		ck_assert(!told.greeted);
		told.greeted = true;
		told.g = r.u.greeted;
	} else if (r.type == IPC_LETTER_DONE) {
		told.done++;
		told.how = r.u.number.n;
	} else if (r.type == IPC_END) {
		told.ended = true;
	} else {
		const struct ipc_outcome *o = &r.u.outcome;

		ck_assert_int_eq(r.type, IPC_OUTCOME);
		if (o->index == relay_all)
			told.why = *o;
		if (o->index == relay_all && when == IPC_AT_RELAY)
			told.has_why = true;
		for (size_t i = 0; i < relay_rcpts_max; i++)
			if (when == IPC_AT_LETTER && (o->index == i ||
			    (o->index == relay_all && told.had[i] == 0))) {
				told.had[i]++;
				told.outcomes[i] = *o;
			}
	}
	return true;
}

/* Up to GREETED, or the end. */
static bool
case_greet(void)
{
	while (!told.greeted && !told.ended && case_hear(IPC_AT_RELAY))
		continue;
	return told.greeted;
}

static void
case_letter(const struct letter *l)
{
	struct ipc_record r = { .type = IPC_LETTER };
	FILE *file = tmpfile();
	struct ipc_letter *out = &r.u.letter;
	struct span from = span_of(l->from);

	ck_assert_ptr_nonnull(file);
	memset(told.had, 0, sizeof(told.had));
	fwrite("Return-Path: <x>\n", 1, 17, file);
	fwrite(l->text, 1, l->text_n, file);
	fflush(file);
	if (from.n > 0)
		ck_assert(smtp_mailbox_from_text(from, &out->from));
	out->at = 17;
	out->size = l->text_n + l->size_more;
	out->lines = l->lines_more;
	for (size_t i = 0; i < l->text_n; i++)
		out->lines += l->text[i] == '\n';
	out->flags = l->flags;
	out->smtputf8 = l->smtputf8;
	out->ret = l->ret;
	out->count = (uint16_t)l->count;
	if (l->envid != NULL)
		strcpy(out->envid, l->envid);
	case_send(r, fileno(file));
	fclose(file);
	for (size_t i = 0; i < l->count; i++) {
		struct ipc_rcpt *to = &r.u.rcpt;

		memset(&r, 0, sizeof(r));
		r.type = IPC_RCPT_TO;
		ck_assert(smtp_mailbox_from_text(span_of(l->to[i]), &to->to));
		to->notify = l->notify;
		if (l->orcpt != NULL)
			strcpy(to->orcpt, l->orcpt);
		case_send(r, -1);
	}
}

/*
 * Up to LETTER_DONE: one outcome for each recipient, no more, no less.  If the
 * connection had ended just before LETTER came, there is END in its place.
 */
static void
case_sent(const struct letter *l)
{
	unsigned before = told.done;

	while (told.done == before && !told.ended && case_hear(IPC_AT_LETTER))
		continue;
	ck_assert_uint_eq(told.done, before + !told.ended);
	for (size_t i = 0; i < l->count; i++)
		ck_assert_uint_eq(told.had[i], 1);
}

/* DISMISS, or what else it ends by; both processes end. */
static void
case_end(void)
{
	int status = 0;

	case_send((struct ipc_record){ .type = IPC_DISMISS }, -1);
	while (!told.ended && case_hear(IPC_AT_RELAY))
		continue;
	ck_assert_msg(told.ended, "no END");
	ck_assert_int_eq(waitpid(worker_pid, &status, 0), worker_pid);
	ck_assert_int_eq(status, 0);
	close(to_worker);
	usleep((useconds_t)host_grace_us);
	kill(host_pid, SIGKILL);
	ck_assert_int_eq(waitpid(host_pid, &status, 0), host_pid);
}

/* A whole run with one message. */
static void
case_run(const struct host *h, const struct letter *l)
{
	int64_t begun_ms = deadline_now_ms();

	case_begin(h);
	if (case_greet()) {
		case_letter(l);
		case_sent(l);
	}
	case_end();
	told.ms = deadline_now_ms() - begun_ms;
}

#endif
