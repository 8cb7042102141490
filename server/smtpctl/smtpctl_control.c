/*
 * smtpd.conf, as far as smtpctl needs it, and the client of the control socket.
 * Every record that is received is checked, and every wait has a limit.
 */
#include "server/smtpctl/smtpctl.h"

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

#include "shared/ipc.h"

enum {
	patience_usual_s = 5,	/* timeout of one send or receive */
	attempts_max = 8,	/* when other clients displace ours */
	records_max = 20000	/* more than any answer has */
};

enum outcome { GOT_ALL, LOST, FAILED };

/* ---- the configuration --------------------------------------------------- */

const struct conf *
smtpctl_conf(const char *path, const char **why)
{
	static struct conf conf;
	static char *said;
	size_t n;
	FILE *f;

	if (said == NULL) {
		f = open_memstream(&said, &n);
		if (f == NULL)
			err(smtpctl_exit_error, NULL);
		(void)conf_load(path == NULL ? SMTPD_CONF : path, &conf, f);
		if (fclose(f) == EOF)
			err(smtpctl_exit_error, NULL);
		said[strcspn(said, "\n")] = '\0';
	}
	*why = said;
	/* The keyword has a default: NULL means that nothing was read. */
	return conf.control == NULL ? NULL : &conf;
}

const char *
smtpctl_conf_root(const char *dir, const char *path)
{
	const struct conf *conf;
	const char *why;

	if (dir != NULL)
		return dir;
	conf = smtpctl_conf(path, &why);
	if (conf == NULL)
		errx(smtpctl_exit_error, "cannot tell where smtpd keeps its "
		    "mail and log: %s: name the configuration with -f, or the "
		    "directory with -d", why);
	return conf->root;
}

bool
smtpctl_conf_names(const char *path, const char *file)
{
	const struct conf *conf;
	char real[PATH_MAX];
	const char *why;

	conf = smtpctl_conf(path, &why);
	/* smtpd's log has the real path. */
	if (conf == NULL || realpath(conf->path, real) == NULL)
		return false;
	for (size_t i = 0; i < conf->domain_count; i++)
		if (conf->domains[i].aliases_path != NULL &&
		    strcmp(conf->domains[i].aliases_path, file) == 0)
			return true;
	return strcmp(real, file) == 0;
}

/* ---- the control socket -------------------------------------------------- */

static enum outcome fail(struct smtpctl_control *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

/* Always returns FAILED, so that a step that failed can return it. */
static enum outcome
fail(struct smtpctl_control *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->problem, sizeof(c->problem), format, ap);
	va_end(ap);
	return FAILED;
}

/* Finds the socket by the options, or by "control" of the configuration. */
static enum outcome
find(struct smtpctl_control *c)
{
	const struct conf *conf;
	const char *why;

	if (c->path[0] != '\0')
		return GOT_ALL;
	if (c->socket == NULL) {
		conf = smtpctl_conf(c->conf, &why);
		if (conf == NULL)
			return fail(c, "cannot tell where smtpd's control "
			    "socket is: %s: name the configuration with -f, "
			    "or the socket with -s", why);
		c->socket = conf->control;
	}
	snprintf(c->path, sizeof(c->path), "%s", c->socket);
	return GOT_ALL;
}

static const char *
own_name(void)
{
	const struct passwd *pw = getpwuid(geteuid());

	return pw == NULL ? "nobody it knows" : pw->pw_name;
}

/* Says why there is no connection, and what to do. */
static enum outcome
fail_connect(struct smtpctl_control *c, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return fail(c, "no smtpd answers: there is no socket %s; "
		    "start smtpd, or name its configuration with -f or its "
		    "socket with -s", c->path);
	if (error == ECONNREFUSED)
		return fail(c, "no smtpd answers: nobody listens at %s, so "
		    "smtpd has ended; its log says why, and to start it again "
		    "removes the socket", c->path);
	if (error == EACCES || error == EPERM)
		return fail(c, "not permitted: %s is for root and the user "
		    "smtpd runs as, and you are %s", c->path, own_name());
	if (error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS)
		return fail(c, "smtpd does not answer at %s: too many ask "
		    "at once, or it hangs; look at its log", c->path);
	if (error == EPROTOTYPE || error == ENOTSOCK)
		return fail(c, "%s is no control socket of smtpd", c->path);
	return fail(c, "%s: %s", c->path, strerror(error));
}

/* A path too long for sun_path: changes to the directory of the socket. */
static enum outcome
shorten(struct smtpctl_control *c, size_t room)
{
	char *slash = strrchr(c->path, '/');

	if (strlen(c->path) < room)
		return GOT_ALL;
	if (slash == NULL || strlen(slash) > room)
		return fail(c, "%s: longer than the name of a socket can be",
		    c->path);
	*slash = '\0';
	if (chdir(c->path) == -1) {
		*slash = '/';
		return fail_connect(c, errno);
	}
	memmove(c->path, slash + 1, strlen(slash + 1) + 1);
	return GOT_ALL;
}

/* On GOT_ALL, c->fd is connected. */
static enum outcome
connect_to(struct smtpctl_control *c)
{
	const struct timeval patience = { patience_usual_s, 0 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int error;

	if (find(c) != GOT_ALL || shorten(c, sizeof(to.sun_path)) != GOT_ALL)
		return FAILED;
	memcpy(to.sun_path, c->path, strlen(c->path) + 1);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return fail(c, "socket: %s", strerror(errno));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return GOT_ALL;
	error = errno;
	close(c->fd);
	return fail_connect(c, error);
}

/* Receives records until the last; adds their texts to f. */
static enum outcome
receive(struct smtpctl_control *c, FILE *f)
{
	struct ipc_record r;
	const char *why = "";
	enum ipc_got got;
	int passed;

	for (int i = 0; i < records_max; i++) {
		got = ipc_recv(c->fd, IPC_TO_CONTROL, IPC_AT_ASK, true, &r,
		    &passed, &why);
		if (got == IPC_GOT_NOTHING)
			return fail(c, "smtpd takes the question at %s and "
			    "says nothing for %d s; look at its log", c->path,
			    patience_usual_s);
		if (got == IPC_GOT_BAD)
			return fail(c, "smtpd and smtpctl do not understand "
			    "each other (%s): they are of two versions; "
			    "restart smtpd, or use the smtpctl that came with "
			    "it", why);
		if (got != IPC_GOT_RECORD) {
			fail(c, "smtpd closed the connection at %s before its "
			    "answer was whole%s%s; look at its log", c->path,
			    geteuid() == 0 ? "" : ": it answers root and its "
			    "own user, and you are ",
			    geteuid() == 0 ? "" : own_name());
			return LOST;
		}
		if (r.type == IPC_TELL_END) {
			c->status = (int)r.u.number.n;
			return GOT_ALL;
		}
		fwrite(r.u.tell_text.text, 1, r.u.tell_text.n, f);
	}
	return fail(c, "the answer at %s has no end", c->path);
}

static enum outcome
ask_once(struct smtpctl_control *c, const struct ipc_ask *question, FILE *f)
{
	struct ipc_record r = { .type = IPC_ASK, .u.ask = *question };
	enum outcome outcome = connect_to(c);

	if (outcome != GOT_ALL)
		return outcome;
	if (ipc_send(c->fd, &r, -1, true) == -1 && errno != EPIPE) {
		fail(c, "%s: %s", c->path, strerror(errno));
		outcome = LOST;
	} else
		outcome = receive(c, f);
	close(c->fd);
	return outcome;
}

char *
smtpctl_control_ask(struct smtpctl_control *c, const struct ipc_ask *question)
{
	struct timespec pause = { 0, 0 };
	enum outcome outcome = LOST;
	char *text = NULL;
	size_t n;
	FILE *f;

	for (int i = 0; i < attempts_max && outcome == LOST; i++) {
		/* Displaced by other clients: waits longer each time. */
		if (i > 0)
			nanosleep(&pause, NULL);
		pause.tv_nsec = (1L << i) * 4000000;
		free(text);
		f = open_memstream(&text, &n);
		if (f == NULL)
			err(smtpctl_exit_error, NULL);
		outcome = ask_once(c, question, f);
		if (fclose(f) == EOF)
			err(smtpctl_exit_error, NULL);
	}
	if (outcome == GOT_ALL)
		return text;
	free(text);
	return NULL;
}
