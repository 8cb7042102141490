/*
 * FreeBSD: in capability mode (capsicum(4)) files can only be opened relative
 * to a directory's descriptor, so directories are kept open.  Written after
 * the manual pages, compiled against stub headers only; it has not run.
 */
#include "shared/os/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct directory {
	char	*path;
	int	 fd;
};

static struct directory *kept;
static size_t kept_count;

static int
find(const char *dir, size_t n)
{
	for (size_t i = 0; i < kept_count; i++)
		if (strncmp(kept[i].path, dir, n) == 0 &&
		    kept[i].path[n] == '\0')
			return kept[i].fd;
	return -1;
}

int
os_keep_directory(const char *dir)
{
	struct directory *more, d;

	if (find(dir, strlen(dir)) != -1)
		return 0;
	more = reallocarray(kept, kept_count + 1, sizeof(*kept));
	if (more == NULL)
		return -1;
	kept = more;
	d.path = strdup(dir);
	d.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.path == NULL || d.fd == -1) {
		free(d.path);
		if (d.fd != -1)
			close(d.fd);
		return -1;
	}
	kept[kept_count++] = d;
	return 0;
}

int
os_open_file(const char *path, int flags)
{
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? find(".", 1) :
	    find(path, slash == path ? 1 : (size_t)(slash - path));

	if (dir == -1)
		return open(path, flags);
	return openat(dir, slash == NULL ? path : slash + 1, flags);
}
