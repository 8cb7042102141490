/*
 * OpenBSD and FreeBSD; os.h has what is not there at all.
 */
#include "shared/os/os.h"

#include <sys/types.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <stdio.h>

const int os_send_last = 0;

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
