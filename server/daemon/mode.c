/*
 * Before anything else is known: descriptors that are not what they seem.
 */
#include "server/daemon/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/conf/conf_warn.h"
#include "server/mail/recipient_load.h"
#include "shared/log.h"

/*
 * A socket, and the same one as descriptor 0.  That of systemd's journal may
 * be descriptors 1 and 2 alike.
 */
static bool
is_connection(int fd)
{
	struct stat st, input;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    fstat(STDIN_FILENO, &input) == 0 && st.st_dev == input.st_dev &&
	    st.st_ino == input.st_ino;
}

bool
mode_guard_descriptors(void)
{
	int null;

	do
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (null != -1 && null <= STDERR_FILENO);
	if (!is_connection(STDERR_FILENO)) {
		close(null);
		return true;
	}
	if (null == -1 || dup2(null, STDERR_FILENO) == -1)
		_exit(1);
	close(null);
	return false;
}

/* What a loader needs; how it reports is the same for each. */
struct load {
	const char		*path;
	struct conf		*conf;
	struct tls_files	*tls;	/* NULL: the configuration is meant */
};

static int
load(const struct load *l, FILE *err)
{
	return l->tls != NULL ? tls_files_load(l->conf, l->tls, err) :
	    recipient_load(l->path, l->conf, err);
}

static int
load_and_report(const struct load *l, bool quiet)
{
	char *text = NULL, *line, *rest;
	size_t n;
	FILE *f;
	int result;

	if (!quiet)
		return load(l, stderr);
	f = open_memstream(&text, &n);
	if (f == NULL) {
		fatal("no memory to start with");
		return -1;
	}
	result = load(l, f);
	fclose(f);
	/* Without the lines that show the place: nobody sees columns here. */
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;)
		if (result == -1 && *line != '\0' && *line != ' ')
			log_error(line, NULL, 0);
	free(text);
	return result;
}

void
mode_log_warning(const char *path, unsigned line, const char *text)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "warning");
	log_str(&l, "file", path);
	if (line > 0)
		log_u64(&l, "line", line);
	log_str(&l, "what", text);
	log_end(&l);
}

static void
show_warning(const char *path, unsigned line, const char *text)
{
	if (line > 0)
		fprintf(stderr, "%s:%u: warning: %s\n", path, line, text);
	else
		fprintf(stderr, "%s: warning: %s\n", path, text);
}

void
mode_warn(const struct conf *conf, bool logged)
{
	void (*tell)(const char *, unsigned, const char *) = logged ?
	    mode_log_warning : show_warning;

	conf_warn_hostname(conf, tell);
	conf_warn_logins(conf, tell);
	conf_warn_broken(conf, tell);
	conf_warn_disks(conf, tell);
}

int
mode_load_conf(const char *path, struct conf *out, bool quiet)
{
	struct load l = { path, out, NULL };

	return load_and_report(&l, quiet);
}

int
mode_load_tls(struct conf *conf, struct tls_files *out, bool quiet)
{
	struct load l = { conf->path, conf, out };

	return load_and_report(&l, quiet);
}
