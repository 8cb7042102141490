/* Makes the control socket, where nobody else can change a name meanwhile. */
#include "server/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/file.h"
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

/*
 * Locks path, by a file beside it, until this process ends: NULL, or why not.
 * connect(2) would not tell: the BSDs refuse where the queue is full, too.
 * take_over: the other one keeps the lock of a file that has no name any more.
 */
static const char *
lock(const char *path, bool take_over)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	if (take_over && unlink(name) == -1 && errno != ENOENT)
		return strerror(errno);
	fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return NULL;
	file_close(fd);
	return errno == EWOULDBLOCK ? "another smtpd listens there: end it "
	    "first, or give this one a root and a control socket of its own" :
	    strerror(errno);
}

/* Removes what a dead master left; NULL, or why not. */
static const char *
make_way(const struct sockaddr_un *at)
{
	struct stat st;

	if (lstat(at->sun_path, &st) == -1)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is not a socket exists there: remove it, "
		    "or name another path";
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
	*why = lock(path, take_over);
	if (*why == NULL)
		*why = make_way(&at);
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
