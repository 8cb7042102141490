/* Makes the control socket, where nobody else can change a name meanwhile. */
#include "server/control/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/os/os.h"

enum { backlog = 128 };

const char *
control_name_inside(const struct conf *conf)
{
	size_t n = strlen(conf->root);

	while (n > 0 && conf->root[n - 1] == '/')
		n--;
	if (strncmp(conf->control, conf->root, n) != 0 ||
	    conf->control[n] != '/')
		return NULL;
	return conf->control + n + strspn(conf->control + n, "/");
}

/* NULL; or why others could put a socket in place of ours. */
static const char *
check_directory(const char *path)
{
	char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", path);
	if (stat(dirname(copy), &st) == -1)
		return errno == ENOENT ? "its directory does not exist: "
		    "create it" : strerror(errno);
	return (st.st_mode & 0022) == 0 && (st.st_uid == 0 ||
	    st.st_uid == geteuid()) ? NULL : "its directory can be written by "
	    "others: name one that only root, or the user smtpd is started "
	    "by, can write";
}

/* Does a process listen at to?  A full queue means yes, too. */
static bool
is_alive(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	bool refused = fd != -1 && connect(fd, (const struct sockaddr *)to,
	    sizeof(*to)) == -1 && (errno == ECONNREFUSED || errno == ENOENT);

	if (fd != -1)
		close(fd);
	return !refused;
}

/* Removes what a dead master left; NULL, or why not. */
static const char *
make_way(const struct sockaddr_un *at, bool take_over)
{
	struct stat st;

	if (lstat(at->sun_path, &st) == -1)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is not a socket exists there: remove it, "
		    "or name another path";
	if (!take_over && is_alive(at))
		return "another smtpd listens there: end it first, or give "
		    "this one a root and a control socket of its own";
	return unlink(at->sun_path) == -1 ? strerror(errno) : NULL;
}

int
control_bind(const char *path, const struct identity *owner,
    bool take_over, const char **why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, result;
	mode_t mask;

	*why = strlen(path) < sizeof(at.sun_path) ? check_directory(path) :
	    "longer than the name of a socket can be: name a shorter one with "
	    "\"control\"";
	if (*why != NULL)
		return -1;
	memcpy(at.sun_path, path, strlen(path) + 1);
	*why = make_way(&at, take_over);
	if (*why != NULL)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1) {
		*why = strerror(errno);
		return -1;
	}
	os_refuse_descriptors(fd);
	mask = umask(0177);
	result = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	umask(mask);
	if (result == 0 && owner != NULL)
		result = lchown(path, owner->uid, owner->gid);
	if (result == 0 && listen(fd, backlog) == 0)
		return fd;
	*why = strerror(errno);
	close(fd);
	return -1;
}
