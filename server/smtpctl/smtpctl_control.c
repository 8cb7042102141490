/* smtpd.conf, the control socket, and what the server says of its status. */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "server/conf/privdrop.h"
#include "server/log/ident.h"

enum {
	patience_usual_s = 5,	/* timeout of one send or receive */
	attempts_max = 8,	/* when other clients displace ours */
	records_max = 20000,	/* more than any answer has */
	interval_usual_ms = 1000,
	count_max = 1000000000
};

/* ---- the configuration --------------------------------------------------- */

const struct conf *
smtpctl_conf(const char *path, const char *unknown, const char *instead)
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
	/* The keyword has a default: NULL means that nothing was read. */
	if (conf.control == NULL && unknown != NULL)
		errx(smtpctl_exit_error, "cannot tell where %s: %s: name the "
		    "configuration with -f, or the %s", unknown, said,
		    instead);
	return conf.control == NULL ? NULL : &conf;
}

const char *
smtpctl_conf_root(const char *dir, const char *path)
{
	return dir != NULL ? dir : smtpctl_conf(path,
	    "smtpd keeps its mail and log", "directory with -d")->root;
}

bool
smtpctl_conf_names(const char *path, const char *file)
{
	const struct conf *conf = smtpctl_conf(path, NULL, NULL);
	char real[PATH_MAX];

	/* smtpd's log has the real path. */
	if (conf == NULL || realpath(conf->path, real) == NULL)
		return false;
	for (size_t i = 0; i < conf->domain_count; i++)
		if (conf->domains[i].aliases.path != NULL &&
		    strcmp(conf->domains[i].aliases.path, file) == 0)
			return true;
	return strcmp(real, file) == 0;
}

/* ---- the control socket -------------------------------------------------- */

static void
warn_connect(const char *path, int error)
{
	struct identity me;

	privdrop_own(&me);
	if (error == ENOENT || error == ENOTDIR)
		warnx("no smtpd answers: there is no socket %s; start smtpd, "
		    "or name its configuration with -f or its socket with -s",
		    path);
	else if (error == ECONNREFUSED)
		warnx("no smtpd answers: nobody listens at %s, so smtpd has "
		    "ended; its log says why, and to start it again removes "
		    "the socket", path);
	else if (error == EACCES || error == EPERM)
		warnx("not permitted: %s is for root and the user smtpd runs "
		    "as, and you are %s", path, me.name);
	else if (error == EAGAIN || error == EWOULDBLOCK ||
	    error == EINPROGRESS)
		warnx("smtpd does not answer at %s: too many ask at once, or "
		    "it hangs; look at its log", path);
	else if (error == EPROTOTYPE || error == ENOTSOCK)
		warnx("%s is no control socket of smtpd", path);
	else
		warnx("%s: %s", path, strerror(error));
}

/* Finds the socket; changes to its directory where the path is too long. */
static bool
find(struct smtpctl_control *c, struct sockaddr_un *out)
{
	char *slash;

	if (c->path[0] == '\0')
		snprintf(c->path, sizeof(c->path), "%s", c->socket != NULL ?
		    c->socket : smtpctl_conf(c->conf,
		    "smtpd's control socket is", "socket with -s")->control);
	slash = strrchr(c->path, '/');
	if (strlen(c->path) >= sizeof(out->sun_path) && slash != NULL) {
		*slash = '\0';
		if (chdir(c->path) == -1) {
			warn_connect(c->path, errno);
			return false;
		}
		memmove(c->path, slash + 1, strlen(slash + 1) + 1);
	}
	if (strlcpy(out->sun_path, c->path, sizeof(out->sun_path)) <
	    sizeof(out->sun_path))
		return true;
	warnx("%s: longer than the name of a socket can be", c->path);
	return false;
}

/* A connected socket; or -1 after a warning. */
static int
connect_to(struct smtpctl_control *c)
{
	const struct timeval patience = { c->patience_s == 0 ?
	    patience_usual_s : c->patience_s, 0 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (!find(c, &to))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd != -1 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience)) == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO,
	    &patience, sizeof(patience)) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	c->down = errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED;
	if (!c->down || !c->quiet)
		warn_connect(c->path, errno);
	if (fd != -1)
		close(fd);
	return -1;
}

/* Receives up to the last record.  False after a warning; or *lost. */
static bool
receive(struct smtpctl_control *c, int fd, FILE *f, bool *lost)
{
	const char *path = c->path, *why = "";
	int left = records_max, passed;
	struct ipc_record r;
	enum ipc_got got;
	struct span text;

	while ((got = ipc_recv(fd, IPC_TO_CONTROL, IPC_AT_ASK, true, &r,
	    &passed, &why)) == IPC_GOT_RECORD && r.type != IPC_TELL_END &&
	    (c->print || left-- > 0)) {
		text = span_from(r.u.tell_text.text, r.u.tell_text.n);
		if (c->print)
			smtpctl_print(text);
		else
			fwrite(text.p, 1, text.n, f);
	}
	if (got == IPC_GOT_RECORD && r.type == IPC_TELL_END) {
		c->status = (int)r.u.number.n;
		return true;
	}
	if (got == IPC_GOT_RECORD)
		warnx("the answer at %s has no end", path);
	else if (got == IPC_GOT_NOTHING)
		warnx("smtpd takes the question at %s and says nothing for "
		    "%d s; look at its log", path, c->patience_s == 0 ?
		    patience_usual_s : c->patience_s);
	else if (got == IPC_GOT_BAD)
		warnx("smtpd and smtpctl do not understand each other (%s): "
		    "they are of two versions; restart smtpd, or use the "
		    "smtpctl that came with it", why);
	else
		*lost = true;
	return false;
}

char *
smtpctl_control_ask(struct smtpctl_control *c, const struct ipc_ask *question)
{
	struct ipc_record r = { .type = IPC_ASK, .u.ask = *question };
	bool lost = true, answered = false;
	char *text = NULL;
	size_t n;
	FILE *f;

	for (int i = 0; i < attempts_max && lost; i++) {
		int fd = connect_to(c);

		lost = false;
		if (fd == -1)
			break;
		free(text);
		f = open_memstream(&text, &n);
		if (f == NULL)
			err(smtpctl_exit_error, NULL);
		if (ipc_send(fd, &r, -1, true) == -1 && errno != EPIPE)
			lost = true;
		else
			answered = receive(c, fd, f, &lost);
		close(fd);
		if (fclose(f) == EOF)
			err(smtpctl_exit_error, NULL);
		/* Displaced by other clients: waits longer each time. */
		if (lost)
			nanosleep(&(struct timespec){ 0, (1L << i) * 4000000 },
			    NULL);
	}
	if (answered)
		return text;
	if (lost)
		warnx("smtpd closed the connection at %s before its answer was "
		    "whole%s; look at its log", c->path, geteuid() == 0 ?
		    "" : ": it answers root and its own user alone");
	free(text);
	return NULL;
}

/* ---- status, stats, top ------------------------------------------------- */

long long
smtpctl_number(const char *option, const char *text, long long least,
    long long most)
{
	const char *why;
	long long n = strtonum(text, least, most, &why);

	if (why != NULL)
		errx(smtpctl_exit_error, "%s %s: not a number from %lld to "
		    "%lld", option, text, least, most);
	return n;
}

void
smtpctl_id(const char *text, char out[ipc_id_bytes + 1])
{
	snprintf(out, ipc_id_bytes + 1, "%s", text);
	/* postfix.awk writes ids in capitals. */
	for (char *p = out; *p != '\0'; p++)
		*p = (char)ascii_lower((uint8_t)*p);
	if (strlen(text) != ipc_id_bytes || !ident_is(out))
		errx(smtpctl_exit_error, "%s: not an id: those of messages "
		    "and sessions are 16 letters and digits, such as "
		    "1m857pqg38m02n9r", text);
}

int64_t
smtpctl_ms(const char *option, const char *text, double least, double most)
{
	char *end;
	double s = strtod(text, &end);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' ||
	    text[strspn(text, "0123456789.")] != '\0' || end[-1] == '.' ||
	    !(s >= least && s <= most))
		errx(smtpctl_exit_error, "%s %s: not a number of seconds from "
		    "%.15g to %.15g", option, text, least, most);
	return (int64_t)(s * 1000);
}

void
smtpctl_print(struct span s)
{
	uint32_t c;

	while (s.n > 0) {
		size_t n = utf8_next(s, &c);

		if (n > 0 && (c == '\n' || utf8_is_plain(c)))
			fwrite(s.p, 1, n, stdout);
		else
			putchar('?');
		s = span_skip(s, n == 0 ? 1 : n);
	}
}

static int
ask(struct smtpctl_control *c, const struct ipc_ask *question, bool clear)
{
	char *text = smtpctl_control_ask(c, question);

	if (text == NULL)
		return 1;
	if (clear)
		fputs("\033[H\033[J", stdout);
	smtpctl_print(span_of(text));
	free(text);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return c->status;
}

/* On a terminal each answer of top overwrites the previous one. */
int
smtpctl_status(const struct smtpctl_line *l)
{
	static struct smtpctl_control c;
	const bool top = strcmp(l->name, "top") == 0,
	    terminal = isatty(STDOUT_FILENO);
	struct ipc_ask question = { .what = strcmp(l->name, "stats") == 0 ?
	    QUESTION_STATS : QUESTION_STATUS, .all = l->set['v'] != NULL,
	    .form = l->set['j'] != NULL ? FORM_JSON : l->set['o'] != NULL ?
	    FORM_OPENMETRICS : FORM_TEXT };
	const char *term = getenv("TERM");
	long long count = 0;
	int64_t ms = interval_usual_ms;
	bool clear;

	if (l->set['j'] != NULL && l->set['o'] != NULL)
		errx(smtpctl_exit_error, "-j and -o exclude each other");
	c.conf = l->set['f'];
	c.socket = l->set['s'];
	if (l->set['n'] != NULL)
		count = smtpctl_number("-n", l->set['n'], 1, count_max);
	if (l->set['i'] != NULL)
		ms = smtpctl_ms("-i", l->set['i'], 0.1, 3600);
	if (top && count == 0 && !terminal)
		errx(smtpctl_exit_error, "standard output is no terminal: use "
		    "smtpctl status, or -n count");
	clear = top && count == 0 && term != NULL && strcmp(term, "dumb") != 0;
	for (long long i = 1;; i++) {
		int status = ask(&c, &question, clear);

		if (!top || i == count || (status != 0 && i == 1))
			return status;
		if (!clear)
			printf("\n");
		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 },
		    NULL);
	}
}
