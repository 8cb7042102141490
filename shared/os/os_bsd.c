/*
 * OpenBSD and FreeBSD.
 */
#include "shared/os/os.h"

#include <sys/types.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <stdio.h>
#include <unistd.h>

const int os_send_last = 0;

void
os_drop_capabilities(void)
{
}

bool
os_may_change_user(void)
{
	return geteuid() == 0;
}

int
os_forget_capabilities(void)
{
	return 0;
}

bool
os_boot_id(char out[os_boot_id_bytes])
{
	int mib[2] = { CTL_KERN, KERN_BOOTTIME };
	struct timeval boot;
	size_t n = sizeof(boot);

	if (sysctl(mib, 2, &boot, &n, NULL, 0) == -1)
		return false;
	snprintf(out, os_boot_id_bytes, "%lld.%06ld", (long long)boot.tv_sec,
	    (long)boot.tv_usec);
	return true;
}

int
os_peer_uid(int fd, uid_t *out)
{
	gid_t gid;

	return getpeereid(fd, out, &gid);
}

void
os_name_process(const char *name)
{
	(void)name;
}

pid_t
os_fork(void)
{
	return fork();
}

void
os_refuse_descriptors(int fd)
{
	(void)fd;
}

int
os_name_directory(const char *dir)
{
	(void)dir;
	return -1;
}
