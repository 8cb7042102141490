/*
 * The client of the control socket.  What it is told is checked like every
 * record; nothing it does can make it wait for ever.
 */
#include "server/smtpctl/smtpctl_control.h"

#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "server/smtpctl/smtpctl_await.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "shared/ipc.h"

enum {
	patience_usual_s = 5,
	attempts_max = 8,	/* when others are in the way */
	records_max = 20000	/* more than any answer has */
};

enum outcome { GOT_ALL, LOST, FAILED };

static bool	problem(struct smtpctl_control *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

/* Always false, so that a step that failed ends with it. */
static bool
problem(struct smtpctl_control *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->problem, sizeof(c->problem), format, ap);
	va_end(ap);
	return false;
}

bool
smtpctl_control_find(struct smtpctl_control *c)
{
	struct smtpctl_conf conf;
	const char *why;

	if (c->path[0] != '\0')
		return true;
	if (c->place.socket != NULL) {
		snprintf(c->path, sizeof(c->path), "%s", c->place.socket);
		return true;
	}
	why = smtpctl_conf_read(c->place.conf, &conf);
	if (why != NULL)
		return problem(c, "cannot tell where smtpd's control socket "
		    "is: %s: %s: name the configuration with -f, or the "
		    "socket with -s", conf.path, why);
	snprintf(c->path, sizeof(c->path), "%s", conf.control);
	return true;
}

static const char *
own_name(void)
{
	const struct passwd *pw = getpwuid(geteuid());

	return pw == NULL ? "nobody it knows" : pw->pw_name;
}

/* Why there is no connection, and what to do. */
static bool
explain_connect(struct smtpctl_control *c, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return problem(c, "no smtpd answers: there is no socket %s; "
		    "start smtpd, or name its configuration with -f or its "
		    "socket with -s", c->path);
	if (error == ECONNREFUSED)
		return problem(c, "no smtpd answers: nobody listens at %s, so "
		    "smtpd has ended; its log says why, and to start it again "
		    "removes the socket", c->path);
	if (error == EACCES || error == EPERM)
		return problem(c, "not permitted: %s is for root and the user "
		    "smtpd runs as, and you are %s", c->path, own_name());
	if (error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS)
		return problem(c, "smtpd does not answer at %s: too many ask "
		    "at once, or it hangs; look at its log", c->path);
	if (error == EPROTOTYPE || error == ENOTSOCK)
		return problem(c, "%s is no control socket of smtpd", c->path);
	return problem(c, "%s: %s", c->path, strerror(error));
}

/* The name of a socket is short: where it is not, from its directory. */
static bool
shorten(struct smtpctl_control *c, size_t room)
{
	char *slash = strrchr(c->path, '/');

	if (strlen(c->path) < room)
		return true;
	if (slash == NULL || strlen(slash) > room)
		return problem(c, "%s: longer than the name of a socket can "
		    "be", c->path);
	*slash = '\0';
	if (chdir(c->path) == -1) {
		*slash = '/';
		return explain_connect(c, errno);
	}
	memmove(c->path, slash + 1, strlen(slash + 1) + 1);
	return true;
}

static bool
connect_to(struct smtpctl_control *c)
{
	struct timeval patience = { 0 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int error;

	if (c->patience_s == 0)
		c->patience_s = patience_usual_s;
	patience.tv_sec = c->patience_s;
	if (!smtpctl_control_find(c))
		return false;
	if (!shorten(c, sizeof(to.sun_path)))
		return false;
	memcpy(to.sun_path, c->path, strlen(c->path) + 1);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return problem(c, "socket: %s", strerror(errno));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		error = errno;
		close(c->fd);
		return explain_connect(c, error);
	}
	c->open = true;
	return true;
}

static enum outcome
take_refusal(struct smtpctl_control *c, const struct ipc_record *r)
{
	if (r->u.tell_refused.why == REFUSAL_BUSY) {
		problem(c, "smtpd answers too many others now; try again");
		return LOST;
	}
	problem(c, "not permitted: smtpd answers root and its own user, and "
	    "you are %s", own_name());
	return FAILED;
}

/* One record; GOT_ALL is END. */
static enum outcome
receive(struct smtpctl_control *c, struct ipc_record *r, bool *more)
{
	const char *why = "";
	int passed;

	*more = false;
	switch (ipc_recv(c->fd, IPC_TO_CONTROL, IPC_AT_ASK, true, r, &passed,
	    &why)) {
	case IPC_GOT_RECORD:
		if (r->type == IPC_TELL_REFUSED)
			return take_refusal(c, r);
		*more = r->type != IPC_TELL_END;
		if (!*more)
			c->status = r->u.tell_end.status;
		return GOT_ALL;
	case IPC_GOT_NOTHING:
		problem(c, "smtpd takes the question at %s and says nothing "
		    "for %d s; look at its log", c->path, c->patience_s);
		return FAILED;
	case IPC_GOT_BAD:
		problem(c, "smtpd and smtpctl do not understand each other "
		    "(%s): they are of two versions; restart smtpd, or use "
		    "the smtpctl that came with it", why);
		return FAILED;
	case IPC_GOT_NO_ROOM:
	case IPC_GOT_END:
	case IPC_GOT_ERROR:
		break;
	}
	problem(c, "smtpd closed the connection at %s in the middle of its "
	    "answer; look at its log", c->path);
	return LOST;
}

static enum outcome
ask_once(struct smtpctl_control *c, const struct ipc_ask *question, FILE *f)
{
	struct ipc_record r = { .type = IPC_ASK, .u.ask = *question };
	enum outcome outcome;
	bool more = true;

	if (!connect_to(c))
		return FAILED;
	if (ipc_send(c->fd, &r, -1, true) == -1 && errno != EPIPE) {
		problem(c, "%s: %s", c->path, strerror(errno));
		return LOST;
	}
	for (int i = 0; i < records_max; i++) {
		outcome = receive(c, &r, &more);
		if (outcome != GOT_ALL || !more)
			return outcome;
		fwrite(r.u.tell_text.text, 1, r.u.tell_text.n, f);
	}
	problem(c, "the answer at %s has no end", c->path);
	return FAILED;
}

char *
smtpctl_control_ask(struct smtpctl_control *c, const struct ipc_ask *question)
{
	struct timespec pause = { 0, 0 };
	enum outcome outcome;
	char *text = NULL;
	size_t n;
	FILE *f;

	for (int i = 0; i < attempts_max; i++) {
		f = open_memstream(&text, &n);
		if (f == NULL)
			err(smtpctl_exit_error, NULL);
		outcome = ask_once(c, question, f);
		if (fclose(f) == EOF)
			err(smtpctl_exit_error, NULL);
		if (c->open)
			close(c->fd);
		c->open = false;
		if (outcome == GOT_ALL)
			return text;
		free(text);
		if (outcome == FAILED)
			return NULL;
		/* Others were in the way: soon, later, and later still. */
		pause.tv_nsec = (1L << i) * 4000000;
		nanosleep(&pause, NULL);
	}
	return NULL;
}
