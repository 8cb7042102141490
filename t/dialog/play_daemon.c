/*
 * Starts and ends the real daemon for the dialogues. The configurations that
 * @conf names stand here; nothing else about SMTP does.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/dialog/play_daemon.h"
#include "t/dialog/play_tls.h"

enum { turn_ms = 10 };

/*
 * Limits by name of configuration, and what is put, as a file, in the way of
 * a directory below ROOT when it serves; all else is the same for all.
 */
static const struct conf {
	const char *name;
	const char *limits;
	const char *obstacle;
	const char *login;	/* smtpd -C; "": of anybody, else -a */
	const char *listen;	/* words behind the port; NULL: no TLS */
	const char *relay;	/* in its block; NULL: no mail leaves */
} confs[] = {
	{ "main", "", NULL, NULL, NULL, NULL },
	{ "small", "\tmessage-size 4K\n\trecipients 3\n\terrors 4\n"
	    "\treceived 5\n", NULL, NULL, NULL, NULL },
	{ "idle", "\tidle-timeout 3s\n", NULL, NULL, NULL, NULL },
	{ "brief", "\tsession-time 4s\n", NULL, NULL, NULL, NULL },
	{ "full", "\tdisk-reserve 1000000G\n", NULL, NULL, NULL, NULL },
	{ "many", "\tworker-sessions 100\n", NULL, NULL, NULL, NULL },
	{ "trouble", "", "mail/example.org", NULL, NULL, NULL },
	{ "catcher", "", NULL, "", NULL, NULL },
	{ "strict", "", NULL, "alice:pa:ss", NULL, NULL },
	{ "tls", "", NULL, NULL, "", NULL },
	{ "submission", "", NULL, NULL, " submission", NULL },
	{ "submission-first", "", NULL, NULL,
	    " submission implicit-tls", NULL },
	{ "submission-hidden", "", NULL, NULL,
	    " submission hide-client", NULL },
	{ "submission-many", "\tworker-sessions 100\n", NULL, NULL,
	    " submission", NULL },
	{ "submission-guess", "\tlogin-failures 1\n", NULL, NULL,
	    " submission", NULL },
	{ "relay", "", NULL, NULL, NULL, "from 127.0.0.1" },
	{ "relay-others", "", NULL, NULL, NULL, "from 192.0.2.0/24" },
	{ "submission-relay", "", NULL, NULL, " submission",
	    "from authenticated" },
	{ "submission-rates", "\tmails-per-hour 2\n"
	    "\trecipients-per-day 3\n", NULL, NULL,
	    " submission implicit-tls", "from authenticated" },
};

static const char users_org[] = "alice\nbob\ncarol\ndave.x\nj\xc3\xbcrgen\n";
/* "secret" and "bobs-secret", as cheap to check as they may be. */
#define ARGON2ID "{ARGON2ID}$argon2id$v=19$m=7168,t=1,p=1$jGlJ/G+Fk8EXPjhUS" \
	"G0QVw$GfJSjQEJJ9d/7gaGjQhiGx7U86Xti4GZVGEiB8RI5eE"
#define SHA512 "{SHA512-CRYPT}$6$zQ8vKq1dN0s7LwYx$8T50JdDgzLAEWTl2iQulpgZ44" \
	"15UF01SxKnanDAkg2mZN1UGsYFHANK0bOG3W0l57jYK9A3t7cVn0s5O6lQ3B0"
static const char locked_org[] = "alice:" ARGON2ID "\nbob:" SHA512 "\n"
    "carol:!" ARGON2ID "\ndave.x\nj\xc3\xbcrgen:" ARGON2ID "\n";
static const char locked_net[] = "carol\nerin:" ARGON2ID "\n";
static const char users_net[] = "carol\nerin\n";
static const char users_utf8[] = "alice\n";
static const char aliases_org[] = "sales: alice, bob\nall: sales, carol\n"
    "alice2: alice\nabuse: postmaster\n";

static int
write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((file = fopen(path, "we")) == NULL)
		return -1;
	rc = fputs(text, file) == EOF ? -1 : 0;
	return fclose(file) == EOF ? -1 : rc;
}

/* Listening on any free port, which the log then tells. */
static char *
conf_text(const struct daemon_run *run, const struct conf *conf)
{
	const char *dir, *words;
	char *text, pair[PATH_MAX + 64] = "", relay[128] = "";

	dir = run->dir;
	words = conf->listen == NULL ? "" : conf->listen;
	if (conf->listen != NULL)
		snprintf(pair, sizeof(pair), "tls certificate %s key %s\n",
		    run->certificate, run->key);
	/* Nothing is sent: there is no name server. */
	if (conf->relay != NULL)
		snprintf(relay, sizeof(relay), "relay {\n\t%s\n}\n"
		    "resolver 127.0.0.1 port 1\n", conf->relay);
	if (asprintf(&text, "hostname mx.example.org\n"
	    "root %s\n"
	    "user nobody\n"
	    "worker-user daemon\n"
	    "listen 127.0.0.1 port 0%s\n"
	    "%s"
	    "domain example.org {\n"
	    "\tusers %s/users.org\n"
	    "\taliases %s/aliases.org\n"
	    "\tsubaddress +\n"
	    "}\n"
	    "domain example.net {\n"
	    "\tusers %s/users.net\n"
	    "\tcatch-all carol\n"
	    "}\n"
	    "domain m\xc3\xbcnchen.example {\n"
	    "\tusers %s/users.utf8\n"
	    "}\n"
	    "domain xn--bcher_1-n2a.example {\n"
	    "\tusers %s/users.utf8\n"
	    "}\n"
	    "limits {\n"
	    "\tper-address 50\n"
	    "%s"
	    "}\n"
	    "%s", run->root, words, pair, dir, dir, dir, dir, dir,
	    conf->limits, relay) == -1)
		return NULL;
	return text;
}

/* 0755 and 0644: the daemon's users have to come through. */
static int
write_conf(const struct daemon_run *run, const struct conf *conf)
{
	bool tls;
	char *text;
	int rc;

	tls = conf->listen != NULL;
	if (mkdir(run->dir, 0755) == -1 || mkdir(run->root, 0755) == -1 ||
	    (text = conf_text(run, conf)) == NULL)
		return -1;
	rc = write_file(run->dir, "smtpd.conf", text) |
	    write_file(run->dir, "users.org", tls ? locked_org :
	    users_org) |
	    write_file(run->dir, "users.net", tls ? locked_net :
	    users_net) |
	    write_file(run->dir, "users.utf8", users_utf8) |
	    write_file(run->dir, "aliases.org", aliases_org);
	free(text);
	if (tls && rc == 0)
		rc = tls_make_pair(run->certificate, run->key,
		    "mx.example.org");
	return rc;
}

static void
exec_daemon(const struct daemon_run *run, const char *smtpd,
    const char *worker, const char *login)
{
	char conf[PATH_MAX], log[PATH_MAX];
	int in, out;

	snprintf(conf, sizeof(conf), "%s/smtpd.conf", run->dir);
	snprintf(log, sizeof(log), "%s/log", run->dir);
	in = open("/dev/null", O_RDWR);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	/* What a catcher shows is not its log. */
	if (in == -1 || out == -1 || dup2(in, 0) == -1 ||
	    dup2(login != NULL ? in : out, 1) == -1 || dup2(out, 2) == -1)
		_exit(127);
	close(in);
	close(out);
	if (login != NULL && login[0] == '\0')
		execl(smtpd, smtpd, "-C", "-v", "-l", "127.0.0.1:0", "-w",
		    worker, run->root, (char *)NULL);
	else if (login != NULL)
		execl(smtpd, smtpd, "-C", "-v", "-l", "127.0.0.1:0", "-w",
		    worker, "--auth", login, run->root, (char *)NULL);
	else
		execl(smtpd, smtpd, "-d", "-f", conf, "-w", worker,
		    (char *)NULL);
	fprintf(stderr, "%s: %s\n", smtpd, strerror(errno));
	_exit(127);
}

/* Calls look for each line of the log until it returns other than 0. */
static int
scan_log(const char *dir, int (*look)(const char *, size_t, void *),
    void *state)
{
	char path[PATH_MAX], *line;
	FILE *file;
	size_t room;
	ssize_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/log", dir);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	line = NULL;
	room = 0;
	rc = 0;
	while (rc == 0 && (len = getline(&line, &room, file)) != -1)
		rc = look(line, (size_t)len, state);
	free(line);
	fclose(file);
	return rc;
}

/*
 * Only what stands right behind the time is the event: a client may have
 * sent the same words, and they may stand, escaped, further on.
 */
static bool
is_event(const char *line, const char *name)
{
	const char *blank;
	size_t len;

	len = strlen(name);
	blank = strchr(line, ' ');
	return blank != NULL && strncmp(blank + 1, "event=", 6) == 0 &&
	    strncmp(blank + 7, name, len) == 0 &&
	    strchr(" \n", blank[7 + len]) != NULL;
}

static int
look_start(const char *line, size_t len, void *state)
{
	const char *port;
	int *out = state;

	if (line[len - 1] != '\n')
		return 0;
	if (is_event(line, "listen") &&
	    (port = strstr(line, " port=")) != NULL)
		*out = atoi(port + 6);
	return is_event(line, "start") && *out > 0;
}

static int
look_last(const char *line, size_t len, void *state)
{
	snprintf(state, 200, "%.*s", (int)strcspn(line, "\n"), line);
	return len == 0;
}

/*
 * Octets that begin one character a log may hold: ASCII that prints, or UTF-8
 * of a checked address (RFC 3629 4) but for the C1 controls, which terminals
 * obey. 0 if there is none.
 */
static size_t
print_len(const unsigned char *p)
{
	size_t len, i;

	if (*p < 0x80)
		return *p >= ' ' && *p <= '~';
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	len = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static int
look_wrong(const char *line, size_t len, void *state)
{
	size_t i, n;
	bool good;

	good = len > 25 && line[24] == ' ' && line[10] == 'T' &&
	    line[23] == 'Z' && strncmp(line + 25, "event=", 6) == 0 &&
	    !is_event(line, "worker-crash") && line[len - 1] == '\n';
	for (i = 0; good && i < len - 1; i += n) {
		n = print_len((const unsigned char *)line + i);
		good = n > 0;
	}
	if (good)
		return 0;
	return look_last(line, len, state) + 1;
}

static void
wait_turn(void)
{
	const struct timespec ts = { 0, turn_ms * 1000000L };

	nanosleep(&ts, NULL);
}

static int
put_obstacle(struct daemon_run *run, const struct conf *conf, char *why,
    size_t size)
{
	char ignored[200];

	if (conf->obstacle == NULL ||
	    write_file(run->root, conf->obstacle, "not a directory\n") == 0)
		return 0;
	snprintf(why, size, " %s: %s", conf->obstacle, strerror(errno));
	daemon_stop(run, ignored, sizeof(ignored));
	return -1;
}

int
daemon_start(struct daemon_run *run, const char *smtpd, const char *worker,
    const char *conf, const char *dir, char *why, size_t size)
{
	char last[200] = "nothing";
	size_t i;
	int ms;

	run->pid = 0;
	run->port = 0;
	for (i = 0; i < sizeof(confs) / sizeof(confs[0]); i++)
		if (strcmp(confs[i].name, conf) == 0)
			break;
	if (i == sizeof(confs) / sizeof(confs[0])) {
		snprintf(why, size, " no configuration is named %s", conf);
		return -1;
	}
	snprintf(run->dir, sizeof(run->dir), "%s", dir);
	snprintf(run->root, sizeof(run->root), "%s/root", run->dir);
	snprintf(run->certificate, sizeof(run->certificate), "%s/tls.pem",
	    run->dir);
	snprintf(run->key, sizeof(run->key), "%s/tls.key", run->dir);
	if (write_conf(run, &confs[i]) != 0 || (run->pid = fork()) == -1) {
		snprintf(why, size, " %s: %s", dir, strerror(errno));
		run->pid = 0;
		return -1;
	}
	if (run->pid == 0)
		exec_daemon(run, smtpd, worker, confs[i].login);
	for (ms = 0; ms < run->patience_s * 1000; ms += turn_ms) {
		if (scan_log(run->dir, look_start, &run->port) != 0)
			return put_obstacle(run, &confs[i], why, size);
		if (waitpid(run->pid, NULL, WNOHANG) != 0)
			break;
		wait_turn();
	}
	scan_log(run->dir, look_last, last);
	snprintf(why, size, " the daemon does not serve; its last words: %s",
	    last);
	if (ms >= run->patience_s * 1000) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	run->pid = 0;
	return -1;
}

int
daemon_stop(struct daemon_run *run, char *why, size_t size)
{
	char line[200];
	int ms, status;
	pid_t done;

	if (run->pid == 0)
		return 0;
	kill(run->pid, SIGTERM);
	done = 0;
	for (ms = 0; ms < run->patience_s * 1000 && done == 0;
	    ms += turn_ms) {
		if ((done = waitpid(run->pid, &status, WNOHANG)) == 0)
			wait_turn();
	}
	if (done == 0) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, &status, 0);
	}
	run->pid = 0;
	if (done <= 0)
		snprintf(why, size, " expected an end upon SIGTERM, got none");
	else if (WIFSIGNALED(status))
		snprintf(why, size, " expected exit 0, got signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(why, size, " expected exit 0, got %d",
		    WEXITSTATUS(status));
	else if (scan_log(run->dir, look_wrong, line) != 0)
		snprintf(why, size, " expected a log of good events, got "
		    "\"%s\"", line);
	else
		return 0;
	return -1;
}

void
daemon_kill(struct daemon_run *run)
{
	kill(run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	run->pid = 0;
}

const char *
daemon_copy_worker(const char *worker, const char *dir)
{
	static char path[PATH_MAX / 4];
	char chunk[16 * 1024];
	FILE *in, *out;
	size_t n;

	snprintf(path, sizeof(path), "%s/smtpd-worker", dir);
	if ((in = fopen(worker, "re")) == NULL)
		return worker;
	if ((out = fopen(path, "we")) == NULL) {
		fclose(in);
		return worker;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		fwrite(chunk, 1, n, out);
	fclose(in);
	if (fclose(out) == EOF || chmod(path, 0755) == -1)
		return worker;
	return path;
}
